//! Address classes and the direction that a pair of them gives a packet (L-DIR).

/// Where an address lies, as far as the direction tables can tell (L-DIR).
///
/// The numbers are part of the table layout: two bits in every address value.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum AddressClass {
    /// In neither table, or in special-purpose space: never selectable.
    #[default]
    Unclassified = 0,
    /// 国内設備: equipment inside Japan.
    Domestic = 1,
    /// 国外設備: equipment outside Japan.
    Foreign = 2,
}

impl AddressClass {
    /// Reads a class from its two bits; the unused fourth value is [`Self::Unclassified`].
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            1 => Self::Domestic,
            2 => Self::Foreign,
            _ => Self::Unclassified,
        }
    }

    /// The stable lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unclassified => "unclassified",
            Self::Domestic => "domestic",
            Self::Foreign => "foreign",
        }
    }
}

/// The direction of a packet across the border (L-DIR).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Direction {
    /// 外外: both ends abroad (Art. 17).
    ForeignToForeign = 0,
    /// 外内: from abroad into Japan (agreements and Art. 32).
    ForeignToDomestic = 1,
    /// 内外: from Japan abroad (Art. 33).
    DomesticToForeign = 2,
    /// 内内: both ends in Japan. Never selected, whatever an order says.
    DomesticToDomestic = 3,
}

impl Direction {
    /// Every direction, in the order of its number.
    pub const ALL: [Self; 4] = [
        Self::ForeignToForeign,
        Self::ForeignToDomestic,
        Self::DomesticToForeign,
        Self::DomesticToDomestic,
    ];

    /// Judges the direction from the classes of source and destination. `None` where either end is
    /// unclassified.
    pub const fn judge(source: AddressClass, destination: AddressClass) -> Option<Self> {
        match (source, destination) {
            (AddressClass::Foreign, AddressClass::Foreign) => Some(Self::ForeignToForeign),
            (AddressClass::Foreign, AddressClass::Domestic) => Some(Self::ForeignToDomestic),
            (AddressClass::Domestic, AddressClass::Foreign) => Some(Self::DomesticToForeign),
            (AddressClass::Domestic, AddressClass::Domestic) => Some(Self::DomesticToDomestic),
            _ => None,
        }
    }

    /// The stable name used in orders, metrics and summaries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForeignToForeign => "foreign-to-foreign",
            Self::ForeignToDomestic => "foreign-to-domestic",
            Self::DomesticToForeign => "domestic-to-foreign",
            Self::DomesticToDomestic => "domestic-to-domestic",
        }
    }

    /// The Elastic Common Schema's `network.direction` as seen from the border; 内内 has none,
    /// because no record of it exists.
    pub const fn ecs(self) -> Option<&'static str> {
        match self {
            Self::ForeignToForeign => Some("external"),
            Self::ForeignToDomestic => Some("inbound"),
            Self::DomesticToForeign => Some("outbound"),
            Self::DomesticToDomestic => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclassified_on_either_end_has_no_direction() {
        for class in [AddressClass::Domestic, AddressClass::Foreign, AddressClass::Unclassified] {
            assert_eq!(Direction::judge(class, AddressClass::Unclassified), None);
            assert_eq!(Direction::judge(AddressClass::Unclassified, class), None);
        }
    }

    #[test]
    fn numbers_are_positions() {
        for (position, direction) in Direction::ALL.into_iter().enumerate() {
            assert_eq!(direction as usize, position);
        }
    }
}
