//! The four measures that the Act knows, and what it binds each to (L-MEASURE, L-TERM). The
//! checks that use these facts are in `statute`.

use std::fmt;

use sensor_common::direction::Direction;

/// A measure under which communications may be selected (L-MEASURE).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Measure {
    /// 当事者協定, arts. 11-15: the party itself agreed that packets to it are selected.
    Agreement,
    /// 外外通信目的送信措置, art. 17.
    ForeignToForeign,
    /// 特定外内通信目的送信措置, art. 32.
    ForeignToDomestic,
    /// 特定内外通信目的送信措置, art. 33.
    DomesticToForeign,
}

impl Measure {
    /// Every measure, in the order of the articles.
    pub const ALL: [Self; 4] =
        [Self::Agreement, Self::ForeignToForeign, Self::ForeignToDomestic, Self::DomesticToForeign];

    /// The stable name in orders and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::ForeignToForeign => "foreign-to-foreign",
            Self::ForeignToDomestic => "foreign-to-domestic",
            Self::DomesticToForeign => "domestic-to-foreign",
        }
    }

    /// The measure of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// The only direction in which the measure selects (L-MEASURE; arts. 15, 17, 32, 33).
    pub const fn direction(self) -> Direction {
        match self {
            Self::Agreement | Self::ForeignToDomestic => Direction::ForeignToDomestic,
            Self::ForeignToForeign => Direction::ForeignToForeign,
            Self::DomesticToForeign => Direction::DomesticToForeign,
        }
    }

    /// The article of the Act on which the measure rests.
    pub const fn article(self) -> u8 {
        match self {
            Self::Agreement => 15,
            Self::ForeignToForeign => 17,
            Self::ForeignToDomestic => 32,
            Self::DomesticToForeign => 33,
        }
    }

    /// The article whose second paragraph binds the conditions of selection (L-SELECT): 22(2) or
    /// 35(2).
    pub const fn conditions_article(self) -> u8 {
        match self {
            Self::Agreement | Self::ForeignToForeign => 22,
            Self::ForeignToDomestic | Self::DomesticToForeign => 35,
        }
    }

    /// The longest term in calendar months (L-TERM): six under art. 17(3); three under arts.
    /// 32(2) and 33(2).
    ///
    /// The Act sets no term for agreements. Our reading, which keeps shorter: an agreement binds
    /// no longer than the longest term that the Act knows, six months; the parties renew it by an
    /// agreement that extends it.
    pub const fn longest_term_months(self) -> u8 {
        match self {
            Self::Agreement | Self::ForeignToForeign => 6,
            Self::ForeignToDomestic | Self::DomesticToForeign => 3,
        }
    }

    /// The largest share of the facility's capacity, in percent (L-CAP): art. 17(1) stops at 30,
    /// the other measures have no limit of their own.
    pub const fn largest_share_percent(self) -> u8 {
        match self {
            Self::ForeignToForeign => 30,
            Self::Agreement | Self::ForeignToDomestic | Self::DomesticToForeign => 100,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_is_bound_to_what_its_article_says() {
        let table = [
            (Measure::Agreement, "agreement", Direction::ForeignToDomestic, 15, 6, 100),
            (
                Measure::ForeignToForeign,
                "foreign-to-foreign",
                Direction::ForeignToForeign,
                17,
                6,
                30,
            ),
            (
                Measure::ForeignToDomestic,
                "foreign-to-domestic",
                Direction::ForeignToDomestic,
                32,
                3,
                100,
            ),
            (
                Measure::DomesticToForeign,
                "domestic-to-foreign",
                Direction::DomesticToForeign,
                33,
                3,
                100,
            ),
        ];
        for (measure, name, direction, article, months, share) in table {
            assert_eq!(measure.name(), name);
            assert_eq!(measure.direction(), direction);
            assert_eq!(measure.article(), article);
            assert_eq!(measure.longest_term_months(), months);
            assert_eq!(measure.largest_share_percent(), share);
            assert_eq!(Measure::named(name), Some(measure));
        }
    }

    #[test]
    fn nothing_else_is_a_measure() {
        for name in ["Agreement", "", "domestic-to-domestic"] {
            assert_eq!(Measure::named(name), None, "{name}");
        }
    }
}
