//! One order in the kernel: its phase, and the beginning and end of its term by the boot clock.

use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use sensor_common::tables::Slot;

use crate::registry::clock::Reading;
use crate::registry::standing::{Fate, Standing};

/// Two moments of the boot clock that are at most this many nanoseconds apart may be the same moment.
/// Readings of the two clocks are off by a microsecond or less ([`crate::kernel::clock::boot_and_wall`]), and
/// by more on a slow machine.
const ONE_MOMENT: u64 = 50_000;

/// The phase of an order in the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// In no slot.
    Waiting,
    /// In a slot; its term may begin later. `published`: a generation with it is in the kernel. `inherited`:
    /// until then, the tables in the kernel have another order in this slot.
    Held { slot: Slot, published: bool, inherited: bool },
    /// It yields to a successor, which is in force once its tables are in the kernel. Until then the tables
    /// hold this order, and its term stays.
    Yielding { slot: Slot },
    /// Ended, for good.
    Ended,
}

impl Phase {
    /// The slot that it has.
    pub(super) const fn slot(self) -> Option<Slot> {
        match self {
            Self::Waiting | Self::Ended => None,
            Self::Held { slot, .. } | Self::Yielding { slot } => Some(slot),
        }
    }
}

/// One order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) phase: Phase,
    /// The beginning, by the wall clock as it reads now; never [`BootTime::ZERO`].
    pub(super) begin: BootTime,
    /// Whether it has come.
    pub(super) begun: bool,
    /// The earliest end computed so far. It never moves later.
    pub(super) deadline: BootTime,
    /// When an order that is in the tables already replaces it.
    pub(super) handed_over: BootTime,
    /// The order's own beginning: the latest one computed since the wall clock was last stepped.
    computed: BootTime,
    /// Whether the beginning came with the last reading.
    begins_now: bool,
}

impl Entry {
    /// An order about which nothing is known yet.
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Waiting,
            begin: BootTime::MAX,
            begun: false,
            deadline: BootTime::MAX,
            handed_over: BootTime::MAX,
            computed: BootTime::MAX,
            begins_now: false,
        }
    }

    /// Takes a reading into account: the end never moves later, the beginning moves with the wall
    /// clock.
    pub(super) fn observe(&mut self, reading: Reading, latest: Timestamp, standing: &Standing) {
        if standing.fate == Fate::Going {
            self.deadline = self.deadline.min(boot_time_of(standing.end, reading.boot, latest));
        }
        // The time between the readings of the two clocks makes a moment seem earlier than it is, by a
        // different amount each time. So the latest one counts.
        let begin = boot_time_of(standing.not_before, reading.boot, reading.wall);
        let begin = begin.max(BootTime::FIRST);
        if begin > self.computed || self.computed.since(begin) > ONE_MOMENT {
            self.computed = begin;
        }
    }

    /// Decides when it begins: at the end of the order that it replaces, if that may be the same moment.
    /// Otherwise two readings could leave some microseconds between the two.
    pub(super) fn begin_at(&mut self, reading: Reading, ends: impl Iterator<Item = BootTime>) {
        let same =
            |end: &BootTime| *end <= self.computed && self.computed.since(*end) <= ONE_MOMENT;
        self.begin = ends.filter(same).min().unwrap_or(self.computed);
        let begun = self.begin <= reading.boot;
        self.begins_now = begun && !self.begun;
        self.begun = begun;
    }

    /// Whether its time has come, but not its tables.
    pub(super) const fn is_late(&self) -> bool {
        self.begins_now && matches!(self.phase, Phase::Held { published: false, .. })
    }

    /// Ends it if its time is over. Returns the slot that must be closed.
    pub(super) fn end(&mut self, reading: Reading, fate: Fate) -> Option<Slot> {
        let due = self.deadline <= reading.boot;
        match self.phase {
            Phase::Held { slot, published: true, .. } if fate == Fate::Yielding && !due => {
                self.phase = Phase::Yielding { slot };
                None
            }
            Phase::Held { .. } | Phase::Waiting if fate == Fate::Going && !due => None,
            Phase::Yielding { .. } if fate != Fate::Over => None,
            phase => {
                self.phase = Phase::Ended;
                phase.slot()
            }
        }
    }
}

/// The boot time of a moment, given both clocks.
pub(in crate::daemon) fn boot_time_of(
    moment: Timestamp,
    boot: BootTime,
    wall: Timestamp,
) -> BootTime {
    let left = moment.as_nanosecond().saturating_sub(wall.as_nanosecond());
    let at = i128::from(boot.as_nanos()).saturating_add(left);
    u64::try_from(at.max(0)).map_or(BootTime::MAX, BootTime::from_nanos)
}
