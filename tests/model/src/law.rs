//! What can happen to a sensor, and what the law says about its orders. In seconds.

use proptest::prelude::*;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An order is installed.
    Install {
        /// Its name, an index into [`IDS`].
        id: usize,
        /// Its serial.
        serial: u64,
        /// When its term begins, from now.
        from: i64,
        /// How long it is.
        length: i64,
        /// The order that it extends, by name and serial.
        extends: Option<(usize, u64)>,
        /// Who signed it, an index into [`SIGNERS`].
        signers: usize,
    },
    /// One of the last orders is extended by one that begins when it ends, or so many seconds before.
    Extend {
        /// Which one, counted from the last.
        last: usize,
        /// The name of the extension.
        by: usize,
        /// How long before its end.
        before: i64,
        /// How long the extension's term is.
        length: i64,
    },
    /// An order is revoked up to a serial.
    Revoke {
        /// Its name.
        id: usize,
        /// The serial.
        serial: u64,
        /// As of when, from now.
        effective: i64,
    },
    /// The second trust file takes the first one's place.
    Rotate,
    /// All selection is halted.
    Halt,
    /// And goes on.
    Resume,
    /// The next change meets a power cut after so many steps on the disk.
    Cut {
        /// So many.
        steps: usize,
        /// What happens to be on the disk then: see [`Medium::after_cut`](crate::ports::Medium::after_cut).
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
pub const IDS: [&str; 4] = ["a", "b", "c", "d"];

/// The highest serial.
pub const MOST_SERIAL: u64 = 12;

/// Who may sign an order.
pub const SIGNERS: [&[u8]; 4] = [&[1, 2, 3], &[1, 2, 4], &[1, 2, 3, 4], &[1, 2, 5]];

/// One step.
pub fn step() -> impl Strategy<Value = Step> {
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
pub struct Approval {
    /// Its name, an index into [`IDS`].
    pub id: usize,
    /// Its serial.
    pub serial: u64,
    /// The first second of its term.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
    /// The order that it extends, by name and serial.
    pub extends: Option<(usize, u64)>,
    /// The keys that signed it.
    pub signers: &'static [u8],
    /// It was over once, and so for ever.
    pub over: bool,
    /// Its successor was in force once, and somebody looked.
    pub followed: bool,
    /// Its successor has begun by the latest reading of the clock, whether somebody looked or not. If
    /// nobody did, the kernel may have gone over by itself, or the successor's tables may not have been
    /// there; and by the next look the successor's term may be over, or the clock set back before it.
    pub passed_over: bool,
}

impl Approval {
    /// Whether it extends another one.
    pub fn follows(&self, other: &Self) -> bool {
        self.extends == Some((other.id, other.serial))
    }
}

/// What the law says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The orders that were accepted.
    pub approvals: Vec<Approval>,
    /// Revocations: of which name, up to which serial, as of when.
    pub revoked: Vec<(usize, u64, i64)>,
    /// The keys that are revoked.
    pub keys: Vec<u8>,
    /// Whether all selection is halted.
    pub halted: bool,
    /// What the wall clock shows.
    pub wall: i64,
    /// The latest time that there was evidence for.
    pub latest: i64,
}

impl Model {
    /// Some time has passed, and the wall clock shows `wall`.
    pub fn now(&mut self, passed: i64, wall: i64) {
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
    pub fn seen(&mut self) {
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
    pub fn is_revoked(&self, (id, serial): (usize, u64)) -> bool {
        self.revoked.iter().any(|(other, up_to, _)| *other == id && *up_to >= serial)
    }

    /// Whether an approval stands, leaving aside that another has taken its place.
    pub fn stands(&self, one: &Approval) -> bool {
        !self.halted && !one.over && one.from <= self.wall
    }

    /// The orders for which packets must be selected where nothing stands in the way.
    pub fn in_force(&self) -> Vec<(usize, u64)> {
        let in_force = |one: &&Approval| self.stands(one) && !one.followed;
        self.approvals.iter().filter(in_force).map(|one| (one.id, one.serial)).collect()
    }
}
