//! What can happen to a sensor, and what the law says about its orders. In seconds.

use proptest::prelude::*;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Install {
        id: usize,
        serial: u64,
        from: i64,
        length: i64,
        extends: Option<(usize, u64)>,
        signers: usize,
    },
    /// One of the last orders is extended by one that begins when it ends, or so many seconds before.
    Extend {
        last: usize,
        by: usize,
        before: i64,
        length: i64,
    },
    Revoke {
        id: usize,
        serial: u64,
        effective: i64,
    },
    Rotate,
    Halt,
    Resume,
    /// The next change meets a power cut after so many steps on the disk.
    Cut {
        steps: usize,
        luck: u64,
    },
    /// The machine starts anew.
    Restart,
    /// The daemon is killed, and the next one finds the kernel as it was.
    Crash,
    /// The wall clock is set, by so many seconds.
    Set(i64),
    /// So many seconds pass, with a tick at their end.
    Pass(u64),
    /// The same while the daemon hangs.
    Hang(u64),
    /// The compilation under way is done.
    Compiled,
}

/// The names of orders.
pub(crate) const IDS: [&str; 4] = ["a", "b", "c", "d"];

/// The highest serial.
pub(crate) const MOST_SERIAL: u64 = 12;

/// Who may sign an order.
pub(crate) const SIGNERS: [&[u8]; 4] = [&[1, 2, 3], &[1, 2, 4], &[1, 2, 3, 4], &[1, 2, 5]];

/// One step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let extends = prop::option::of((0..IDS.len(), 1u64..3));
    let before = prop_oneof![Just(0i64), 0i64..40];
    prop_oneof![
        6 => (0..IDS.len(), 1u64..4, -20i64..30, 1i64..80, extends, 0..SIGNERS.len()).prop_map(
            |(id, serial, from, length, extends, signers)| {
                Step::Install { id, serial, from, length, extends, signers }
            }
        ),
        4 => (0usize..3, 0..IDS.len(), before, 1i64..80)
            .prop_map(|(last, by, before, length)| Step::Extend { last, by, before, length }),
        2 => (0..IDS.len(), 1u64..3, -20i64..30)
            .prop_map(|(id, serial, effective)| Step::Revoke { id, serial, effective }),
        1 => Just(Step::Rotate),
        1 => Just(Step::Halt),
        2 => Just(Step::Resume),
        2 => (0usize..30, 0u64..40).prop_map(|(steps, luck)| Step::Cut { steps, luck }),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => (-40i64..40).prop_map(Step::Set),
        6 => (0u64..15).prop_map(Step::Pass),
        3 => (0u64..25).prop_map(Step::Hang),
        6 => Just(Step::Compiled),
    ]
}

/// An order that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Approval {
    pub(crate) id: usize,
    pub(crate) serial: u64,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) extends: Option<(usize, u64)>,
    pub(crate) signers: &'static [u8],
    /// It was over once, and so for ever.
    pub(crate) over: bool,
    /// Its successor was in force once, and somebody looked.
    pub(crate) followed: bool,
    /// Its successor has begun by the latest reading of the clock, whether somebody looked or not. If
    /// nobody did, the kernel may have gone over by itself, or the successor's tables may not have been
    /// there; and by the next look the successor's term may be over, or the clock set back before it.
    pub(crate) passed_over: bool,
}

impl Approval {
    /// Whether it extends another one.
    pub(crate) fn follows(&self, other: &Self) -> bool {
        self.extends == Some((other.id, other.serial))
    }
}

/// What the law says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) approvals: Vec<Approval>,
    pub(crate) revoked: Vec<(usize, u64, i64)>,
    pub(crate) keys: Vec<u8>,
    pub(crate) halted: bool,
    pub(crate) wall: i64,
    pub(crate) latest: i64,
}

impl Model {
    /// Some time has passed, and the wall clock shows `wall`.
    pub(crate) fn now(&mut self, passed: i64, wall: i64) {
        self.wall = wall;
        self.latest = (self.latest + passed).max(wall);
        let revoked = |one: &Approval| {
            self.revoked.iter().any(|(id, serial, effective)| {
                *id == one.id && *serial >= one.serial && *effective <= self.latest
            })
        };
        let narrowed = |one: &Approval| {
            self.approvals.iter().any(|other| {
                let amends = other.id == one.id && other.serial > one.serial && !other.follows(one);
                amends && other.from <= self.latest
            })
        };
        let carried =
            |one: &Approval| one.signers.iter().filter(|key| !self.keys.contains(key)).count() >= 3;
        let over: Vec<bool> = (self.approvals.iter())
            .map(|one| one.until <= self.latest || revoked(one) || narrowed(one) || !carried(one))
            .collect();
        let passed_over: Vec<bool> = (self.approvals.iter())
            .map(|one| {
                let begun = |other: &Approval| other.follows(one) && other.from <= self.latest;
                self.approvals.iter().any(begun)
            })
            .collect();
        for (one, (over, passed_over)) in
            self.approvals.iter_mut().zip(over.into_iter().zip(passed_over))
        {
            one.over |= over;
            one.passed_over |= passed_over;
        }
    }

    /// Somebody has looked at what [`Self::now`] says.
    pub(crate) fn seen(&mut self) {
        let followed: Vec<bool> = (self.approvals.iter())
            .map(|one| {
                let follows = |other: &Approval| other.follows(one) && !other.over;
                self.approvals.iter().any(|other| follows(other) && other.from <= self.wall)
            })
            .collect();
        for (one, followed) in self.approvals.iter_mut().zip(followed) {
            one.followed |= followed;
        }
    }

    /// Whether a revocation of this order was accepted, whenever it takes effect.
    pub(crate) fn is_revoked(&self, (id, serial): (usize, u64)) -> bool {
        self.revoked.iter().any(|(other, up_to, _)| *other == id && *up_to >= serial)
    }

    /// Whether an approval stands, leaving aside that another has taken its place.
    pub(crate) fn stands(&self, one: &Approval) -> bool {
        !self.halted && !one.over && one.from <= self.wall
    }

    /// The orders for which packets must be selected where nothing stands in the way.
    pub(crate) fn in_force(&self) -> Vec<(usize, u64)> {
        let in_force = |one: &&Approval| self.stands(one) && !one.followed;
        self.approvals.iter().filter(in_force).map(|one| (one.id, one.serial)).collect()
    }
}
