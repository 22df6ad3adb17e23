//! What can happen to a sensor, and what the law says about its approvals and orders. In seconds.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An order is installed with an approval of its own.
    Install {
        /// Its name, an index into [`IDS`].
        id: usize,
        /// Its serial.
        serial: u64,
        /// When its term begins, from now.
        from: i64,
        /// How long it is.
        length: i64,
        /// How much longer the approval's term is.
        slack: i64,
        /// The approval extends that of the latest order of this name.
        extends: bool,
        /// Who signed, an index into [`SIGNERS`].
        signers: usize,
    },
    /// One of the last orders gets a higher serial under the same approval.
    Follow {
        /// Which one, counted from the last.
        last: usize,
        /// When its term begins, from now.
        from: i64,
        /// How long it is.
        length: i64,
    },
    /// One of the last orders gets a higher serial under an approval that extends its own, and that begins when
    /// its term ends, or so many seconds before.
    Extend {
        /// Which one, counted from the last.
        last: usize,
        /// How long before its end.
        before: i64,
        /// How long the extension's term is.
        length: i64,
    },
    /// The approval of one of the last orders is replaced by a narrower serial, with a higher serial of the order.
    Amend {
        /// Which one, counted from the last.
        last: usize,
        /// When its term begins, from now.
        from: i64,
        /// How long before the end of the approval it ends.
        before: i64,
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
    /// The approval of one of the last orders is revoked.
    RevokeApproval {
        /// Which one, counted from the last.
        last: usize,
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

/// Who may sign: the approval, and the order.
pub const SIGNERS: [(&[u8], &[u8]); 4] = [
    (&[1, 2, 3], &[11, 12]),
    (&[1, 2, 4], &[11, 13]),
    (&[1, 2, 3, 4], &[11, 12, 13]),
    (&[1, 2, 5], &[12, 13]),
];

/// The keys that the second trust file revokes.
pub const REVOKED: [u8; 2] = [3, 12];

/// One step.
pub fn step() -> impl Strategy<Value = Step> {
    let before = || prop_oneof![Just(0i64), 0i64..40];
    prop_oneof![
        6 => (0..IDS.len(), 1u64..4, -20i64..30, 1i64..80, 0i64..60, any::<bool>(), 0..SIGNERS.len())
            .prop_map(|(id, serial, from, length, slack, extends, signers)| {
                Step::Install { id, serial, from, length, slack, extends, signers }
            }),
        3 => (0usize..3, -10i64..30, 1i64..80)
            .prop_map(|(last, from, length)| Step::Follow { last, from, length }),
        4 => (0usize..3, before(), 1i64..80)
            .prop_map(|(last, before, length)| Step::Extend { last, before, length }),
        1 => (0usize..3, 0i64..20, 0i64..20)
            .prop_map(|(last, from, before)| Step::Amend { last, from, before }),
        1 => (0..IDS.len(), 1u64..3, -20i64..30)
            .prop_map(|(id, serial, effective)| Step::Revoke { id, serial, effective }),
        1 => (0usize..3, -20i64..30)
            .prop_map(|(last, effective)| Step::RevokeApproval { last, effective }),
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

/// What is revoked: the document of this name, and every lower serial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Revoked {
    /// An order, by its name and serial.
    Order(usize, u64),
    /// An approval, by its number and serial.
    Approval(usize, u64),
}

/// An approval that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Its name.
    pub number: usize,
    /// Its serial.
    pub serial: u64,
    /// The first second of its term.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
    /// The approval that it extends, by number and serial.
    pub extends: Option<(usize, u64)>,
    /// The keys that signed it.
    pub signers: &'static [u8],
    /// It was over once, and so for ever.
    pub over: bool,
}

impl Approval {
    /// Its name and serial.
    pub const fn key(&self) -> (usize, u64) {
        (self.number, self.serial)
    }
}

/// An order that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its name, an index into [`IDS`].
    pub id: usize,
    /// Its serial.
    pub serial: u64,
    /// The first second of its term.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
    /// The approval that it rests on, by number and serial.
    pub under: (usize, u64),
    /// The keys that signed it.
    pub signers: &'static [u8],
    /// It was over once, and so for ever.
    pub over: bool,
    /// A higher serial was in force once, and somebody looked.
    pub followed: bool,
    /// A higher serial has begun by the latest reading of the clock, whether somebody looked or not. If
    /// nobody did, the kernel may have gone over by itself, or the other one's tables may not have been
    /// there; and by the next look the other one's term may be over, or the clock set back before it.
    pub passed_over: bool,
}

impl Order {
    /// Whether it takes the place of another one.
    pub const fn follows(&self, other: &Self) -> bool {
        self.id == other.id && self.serial > other.serial
    }
}

/// What the law says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The approvals that were accepted.
    pub approvals: Vec<Approval>,
    /// The orders that were accepted.
    pub orders: Vec<Order>,
    /// Revocations: of what, as of when.
    pub revoked: Vec<(Revoked, i64)>,
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
        let latest = self.latest;
        let carried = |signers: &[u8], needed: usize| {
            signers.iter().filter(|key| !self.keys.contains(key)).count() >= needed
        };
        let revoked =
            |what: Revoked| self.revocation(what).is_some_and(|effective| effective <= latest);
        let narrowed = |one: &Approval| {
            self.approvals.iter().any(|other| {
                let amends = other.number == one.number && other.serial > one.serial;
                amends && other.extends != Some(one.key()) && other.from <= latest
            })
        };
        // What is over of approvals counts for their orders at once.
        let over: BTreeMap<(usize, u64), bool> = (self.approvals.iter())
            .map(|one| {
                let over = one.over
                    || one.until <= latest
                    || revoked(Revoked::Approval(one.number, one.serial))
                    || narrowed(one)
                    || !carried(one.signers, 3);
                (one.key(), over)
            })
            .collect();
        let orders_over: Vec<bool> = (self.orders.iter())
            .map(|one| {
                one.over
                    || one.until <= latest
                    || revoked(Revoked::Order(one.id, one.serial))
                    || over.get(&one.under).copied().unwrap_or(true)
                    || !carried(one.signers, 2)
            })
            .collect();
        let passed_over: Vec<bool> = (self.orders.iter())
            .map(|one| self.orders.iter().any(|other| other.follows(one) && other.from <= latest))
            .collect();
        for one in &mut self.approvals {
            one.over = over[&one.key()];
        }
        for (one, (over, passed_over)) in
            self.orders.iter_mut().zip(orders_over.into_iter().zip(passed_over))
        {
            one.over = over;
            one.passed_over |= passed_over;
        }
    }

    /// The approval of this name.
    pub fn approval(&self, key: (usize, u64)) -> Option<&Approval> {
        self.approvals.iter().find(|one| one.key() == key)
    }

    /// Somebody has looked at what [`Self::now`] says.
    pub fn seen(&mut self) {
        let followed: Vec<bool> = (self.orders.iter())
            .map(|one| {
                let follows = |other: &Order| other.follows(one) && !other.over;
                self.orders.iter().any(|other| follows(other) && other.from <= self.wall)
            })
            .collect();
        for (one, followed) in self.orders.iter_mut().zip(followed) {
            one.followed |= followed;
        }
    }

    /// As of when a document is revoked, if a revocation of it was accepted.
    pub fn revocation(&self, what: Revoked) -> Option<i64> {
        let covers = |revoked: &Revoked| match (*revoked, what) {
            (Revoked::Order(id, serial), Revoked::Order(other, lower))
            | (Revoked::Approval(id, serial), Revoked::Approval(other, lower)) => {
                id == other && lower <= serial
            }
            _ => false,
        };
        self.revoked.iter().filter(|(revoked, _)| covers(revoked)).map(|(_, at)| *at).min()
    }

    /// Whether an approval goes on with another one, over any number of others.
    pub fn goes_on(&self, one: &Approval, earlier: (usize, u64)) -> bool {
        one.key() == earlier
            || self.approvals.iter().any(|other| {
                let amends = other.number == one.number && other.serial < one.serial;
                (one.extends == Some(other.key()) || amends) && self.goes_on(other, earlier)
            })
    }

    /// Whether an order stands, leaving aside that another has taken its place.
    pub fn stands(&self, one: &Order) -> bool {
        !self.halted && !one.over && one.from <= self.wall
    }

    /// The orders for which packets must be selected where nothing stands in the way.
    pub fn in_force(&self) -> Vec<(usize, u64)> {
        let in_force = |one: &&Order| self.stands(one) && !one.followed;
        self.orders.iter().filter(in_force).map(|one| (one.id, one.serial)).collect()
    }
}
