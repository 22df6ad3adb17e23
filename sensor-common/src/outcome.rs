//! The outcomes: every packet that the program sees ends in exactly one of them.
//!
//! This table is the only place that names them. The kernel counts by number, the controller
//! prints by name, the documentation quotes the meanings.

macro_rules! outcomes {
    ($($variant:ident = $number:literal, $name:literal, $meaning:literal;)*) => {
        /// What became of a packet. The numbers index [`crate::counters::Counters`].
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum Outcome {
            $(#[doc = $meaning] $variant = $number,)*
        }

        impl Outcome {
            /// Every outcome, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name used in metrics and summaries.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence on what it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

outcomes! {
    Recorded = 0, "recorded", "At least one record was submitted.";
    Unmatched = 1, "unmatched", "The packet crosses the border, but no rule holds.";
    Domestic = 2, "domestic", "Both ends are domestic (内内): never selected.";
    Unclassified = 3, "unclassified", "An address cannot be judged: never selected.";
    NonIp = 4, "non-ip", "The frame carries no IPv4 or IPv6 packet that the parser reaches.";
    Malformed = 5, "malformed", "Headers are cut short or contradict themselves, or the inside of a tunnel cannot be judged.";
    OverCapacity = 6, "over-capacity", "Not inspected: the approved capacity share was used up.";
    Lapsed = 7, "lapsed", "A rule held, but the order's term had not begun or had ended, or the controller's lease had passed.";
    RingFull = 8, "ring-full", "A rule held, but the ring buffer had no room: the record was lost.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_positions() {
        for (position, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, position);
        }
    }
}
