//! Moments of the boot-time clock, by which deadlines are compared and records dated.

/// A moment of `CLOCK_BOOTTIME`: the clock that goes on during suspend and never steps, and that the kernel
/// program reads with `bpf_ktime_get_boot_ns`. Nanoseconds, which 64 bits hold for 584 years.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(transparent))]
pub struct BootTime(u64);

impl BootTime {
    /// The start of the machine. It is also what zeroed memory reads as, and so no moment at which anything
    /// may be selected.
    pub const ZERO: Self = Self(0);

    /// The first moment at which anything may be selected.
    pub const FIRST: Self = Self(1);

    /// Later than any clock will show.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment this many nanoseconds after the start of the machine.
    #[inline(always)]
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the start of the machine.
    #[inline(always)]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment this many nanoseconds later, or [`Self::MAX`].
    #[must_use]
    pub const fn plus(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// The moment this many nanoseconds earlier, or [`Self::ZERO`].
    #[must_use]
    pub const fn minus(self, nanoseconds: u64) -> Self {
        Self(self.0.saturating_sub(nanoseconds))
    }

    /// Nanoseconds from `earlier` until here; 0 if that is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whether this moment comes before `other`: `<` for functions that are `const`.
    #[inline(always)]
    pub const fn is_before(self, other: Self) -> bool {
        self.0 < other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_stay_within_the_clock() {
        let moment = BootTime::from_nanos(10);
        assert_eq!(moment.plus(5).since(moment), 5);
        assert_eq!(moment.since(moment.plus(5)), 0);
        assert_eq!(moment.minus(11), BootTime::ZERO);
        assert_eq!(BootTime::MAX.plus(1), BootTime::MAX);
        assert!(moment.is_before(moment.plus(1)) && !moment.is_before(moment));
    }
}
