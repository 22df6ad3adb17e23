//! The life of orders against a model that knows nothing of registry, store, terms or keeper: whatever
//! happens in whatever order, the kernel never holds an order, deadline and lease still to come, that
//! is not in force by the model (L-APPROVE, L-TERM, L-EXTEND).

use std::path::Path;

use proptest::prelude::*;

use super::super::sensor::SensorError;
use super::*;
use crate::order::samples::signed;
use crate::registry::disk::Disk as _;
use crate::registry::loading::Contents;
use crate::registry::simulated::SimulatedDisk;
use crate::registry::tests::{at, begun, extending, install, payload, revocation, rotation, wall};
use crate::registry::{Change, Place, Reading, Store};

/// Seconds that a lease lasts.
const LEASE: u64 = 10;

#[derive(Clone, Copy, Debug)]
enum Step {
    Install {
        id: usize,
        serial: u64,
        from: i64,
        length: i64,
        extends: Option<(usize, u64)>,
        signers: usize,
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
    Restart,
    /// The wall clock is set, by so many seconds.
    Set(i64),
    /// So many seconds pass, with a tick at their end.
    Pass(u64),
    /// The same while the daemon hangs.
    Hang(u64),
    /// The compilation under way is done.
    Compiled,
}

const IDS: [&str; 4] = ["a", "b", "c", "d"];
const SIGNERS: [&[u8]; 4] = [&[1, 2, 3], &[1, 2, 4], &[1, 2, 3, 4], &[1, 2, 5]];

fn step() -> impl Strategy<Value = Step> {
    let extends = prop::option::of((0..IDS.len(), 1u64..3));
    prop_oneof![
        6 => (0..IDS.len(), 1u64..4, -20i64..30, 1i64..80, extends, 0..SIGNERS.len()).prop_map(
            |(id, serial, from, length, extends, signers)| {
                Step::Install { id, serial, from, length, extends, signers }
            }
        ),
        2 => (0..IDS.len(), 1u64..3, -20i64..30)
            .prop_map(|(id, serial, effective)| Step::Revoke { id, serial, effective }),
        1 => Just(Step::Rotate),
        1 => Just(Step::Halt),
        2 => Just(Step::Resume),
        2 => (0usize..30, 0u64..40).prop_map(|(steps, luck)| Step::Cut { steps, luck }),
        1 => Just(Step::Restart),
        1 => (-40i64..40).prop_map(Step::Set),
        6 => (0u64..15).prop_map(Step::Pass),
        1 => (0u64..25).prop_map(Step::Hang),
        6 => Just(Step::Compiled),
    ]
}

// ---- The model -------------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq)]
struct Approval {
    id: usize,
    serial: u64,
    from: i64,
    until: i64,
    extends: Option<(usize, u64)>,
    signers: &'static [u8],
    /// It was over once, and so for ever.
    over: bool,
    /// Its successor was in force once.
    followed: bool,
}

/// What the law says, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    approvals: Vec<Approval>,
    revoked: Vec<(usize, u64, i64)>,
    keys: Vec<u8>,
    halted: bool,
    wall: i64,
    latest: i64,
}

impl Model {
    fn now(&mut self, passed: i64, wall: i64) {
        self.wall = wall;
        self.latest = (self.latest + passed).max(wall);
        let revoked = |one: &Approval| {
            self.revoked.iter().any(|(id, serial, effective)| {
                *id == one.id && *serial >= one.serial && *effective <= self.latest
            })
        };
        let narrowed = |one: &Approval| {
            self.approvals.iter().any(|other| {
                let amends = other.id == one.id
                    && other.serial > one.serial
                    && other.extends != Some((one.id, one.serial));
                amends && other.from <= self.latest
            })
        };
        let carried =
            |one: &Approval| one.signers.iter().filter(|key| !self.keys.contains(key)).count() >= 3;
        let over: Vec<bool> = (self.approvals.iter())
            .map(|one| one.until <= self.latest || revoked(one) || narrowed(one) || !carried(one))
            .collect();
        for (one, over) in self.approvals.iter_mut().zip(over) {
            one.over |= over;
        }
        let followed: Vec<bool> = (self.approvals.iter())
            .map(|one| {
                self.approvals.iter().any(|other| {
                    let follows = other.extends == Some((one.id, one.serial));
                    follows && !other.over && other.from <= self.wall
                })
            })
            .collect();
        for (one, followed) in self.approvals.iter_mut().zip(followed) {
            one.followed |= followed;
        }
    }

    /// Whether an approval stands, leaving aside that another has taken its place.
    fn stands(&self, position: usize) -> bool {
        let one = &self.approvals[position];
        !self.halted && !one.over && one.from <= self.wall
    }
}

// ---- What is tested --------------------------------------------------------------------------

/// What the kernel enforces.
#[derive(Debug)]
struct Kernel {
    held: Vec<(usize, u32)>,
    terms: [Term; 64],
    lease: u64,
}

impl Default for Kernel {
    fn default() -> Self {
        Self { held: Vec::new(), terms: [Term::NEVER; 64], lease: 0 }
    }
}

impl Enforce for Kernel {
    type Tables = Vec<(usize, u32)>;

    fn tables(_: &[Line]) -> Result<Self::Tables, SensorError> {
        Ok(Vec::new())
    }

    fn publish(&mut self, tables: Self::Tables) -> Result<(), SensorError> {
        self.held = tables;
        Ok(())
    }

    fn set_term(&mut self, slot: u32, term: Term) -> Result<(), SensorError> {
        self.terms[slot as usize] = term;
        Ok(())
    }

    fn narrow_term(&mut self, slot: u32, limit: Term) -> Result<(), SensorError> {
        let term = &mut self.terms[slot as usize];
        *term = term.and(limit);
        Ok(())
    }

    fn set_lease(&mut self, until: u64) -> Result<(), SensorError> {
        self.lease = until;
        Ok(())
    }
}

impl Kernel {
    /// Positions of the orders that would select a packet now.
    fn live(&self, boot: u64) -> Vec<usize> {
        let held = self.held.iter().filter(|(_, slot)| self.terms[*slot as usize].holds(boot));
        let live = held.map(|(position, _)| *position);
        if self.lease > boot { live.collect() } else { Vec::new() }
    }
}

/// A daemon, its disk and its kernel, with the model beside it.
struct World {
    store: Store<SimulatedDisk>,
    registry: Registry,
    keeper: Keeper,
    kernel: Kernel,
    job: Option<Compiled>,
    model: Model,
    /// The model as of the last change that is on the disk for certain.
    durable: Model,
    seconds: i64,
    /// What the wall clock is off by.
    off: i64,
    cut: Option<(usize, u64)>,
    version: u64,
    lives: usize,
}

fn place() -> Place {
    Place::new(Path::new("/state"), None)
}

fn keeper() -> Keeper {
    Keeper::new(Arc::default(), Duration::from_secs(LEASE), Arc::default())
}

impl World {
    fn new() -> Self {
        let mut disk = SimulatedDisk::default();
        disk.create_directory(Path::new("/")).unwrap();
        let (store, registry) = Store::create(disk, place(), begun()).unwrap();
        let mut world = Self {
            store,
            registry,
            keeper: keeper(),
            kernel: Kernel::default(),
            job: None,
            model: Model::default(),
            durable: Model::default(),
            seconds: 0,
            off: 0,
            cut: None,
            version: 1,
            lives: 0,
        };
        world.tick();
        world
    }

    fn reading(&self) -> Reading {
        let Reading { boot, .. } = at(self.seconds);
        Reading { boot, wall: wall(self.seconds + self.off) }
    }

    fn pass(&mut self, seconds: u64) {
        let seconds = i64::try_from(seconds).unwrap();
        self.seconds += seconds;
        self.model.now(seconds, self.seconds + self.off);
    }

    /// A tick as the registrar does it.
    fn tick(&mut self) {
        let now = self.reading();
        self.model.now(0, self.seconds + self.off);
        self.registry.observe(now);
        if let Some(change) = self.registry.settle(now)
            && !self.apply(change)
        {
            return;
        }
        let ticked = self.keeper.tick(&mut self.kernel, &self.registry, now).unwrap();
        self.take_job(ticked);
        if self.registry.halted().is_none() {
            let until = self.keeper.lease(now);
            self.kernel.set_lease(until).unwrap();
        }
    }

    fn take_job(&mut self, ticked: Ticked) {
        if let Some(job) = ticked.job {
            assert!(self.job.is_none(), "one at a time");
            self.job = Some(job.run().unwrap());
        }
    }

    fn compiled(&mut self) {
        if let Some(compiled) = self.job.take() {
            let held = compiled.selected.clone();
            self.keeper.publish(&mut self.kernel, &compiled, held).unwrap();
            self.tick();
        }
    }

    /// Closes, writes, and takes the new state over; `false` if the power went.
    fn apply(&mut self, change: Change) -> bool {
        let now = self.reading();
        let ticked = self.keeper.tick(&mut self.kernel, &change.registry, now).unwrap();
        self.take_job(ticked);
        if let Some((steps, _)) = self.cut {
            self.store.disk_mut().fail_after(steps);
        }
        let Ok(registry) = self.store.commit(change) else {
            let (_, luck) = self.cut.take().expect("only a cut fails");
            self.die(luck);
            return false;
        };
        self.store.disk_mut().recover();
        self.registry = registry;
        self.durable = self.model.clone();
        true
    }

    /// The machine starts anew: nothing is left but what is on the disk.
    fn die(&mut self, luck: u64) {
        self.lives += 1;
        let disk = std::mem::take(self.store.disk_mut()).after_power_cut(luck);
        let opened = Store::open(disk, place(), Contents::Read).unwrap();
        (self.store, self.registry) = opened.expect("it was there");
        (self.keeper, self.kernel, self.job) = (keeper(), Kernel::default(), None);
        // Boot time counts from zero on a machine; that it goes on here changes nothing.
        let counts = |model: &Model| {
            (model.approvals.len(), model.revoked.len(), model.keys.len(), model.halted)
        };
        let found = (
            self.registry.entries().len(),
            self.registry.revocation_count(),
            usize::try_from(self.registry.trust().version()).unwrap() - 1,
            self.registry.halted().is_some(),
        );
        if found != counts(&self.model) {
            assert_eq!(found, counts(&self.durable), "neither the old state nor the new one");
            self.model = self.durable.clone();
        } else if found != counts(&self.durable) {
            // It was written before the power went, with the clock as it was.
            self.durable = self.model.clone();
        }
        self.version = self.registry.trust().version();
        let remembered = self.registry.clock().highest();
        assert!(remembered >= wall(self.durable.latest), "the clock was set back");
        // What had not been written yet, nobody can know any more.
        for (one, known) in self.model.approvals.iter_mut().zip(&self.durable.approvals) {
            (one.over, one.followed) = (known.over, known.followed);
        }
        self.model.latest = self.durable.latest;
        // The new state may be on the disk although its commit failed.
        self.durable = self.model.clone();
        self.tick();
    }

    fn change(&mut self, change: Change, model: Model) {
        self.model = model;
        self.model.now(0, self.seconds + self.off);
        self.apply(change);
    }

    fn install(&mut self, one: Approval) {
        let id = IDS[one.id];
        let mut order = payload(id, one.serial, one.from, one.until);
        if let Some((id, serial)) = one.extends {
            order = extending(&order, IDS[id], serial);
        }
        let now = self.reading();
        let result = install(&self.registry, &signed(&order, one.signers), now);
        let Ok(change) = result else { return };
        let seen = |other: &Approval| other.id == one.id && other.serial >= one.serial;
        assert!(!self.model.approvals.iter().any(seen), "an old serial was accepted");
        let revoked = |(id, serial): (usize, u64)| {
            self.model.revoked.iter().any(|(other, up_to, _)| *other == id && *up_to >= serial)
        };
        assert!(!revoked((one.id, one.serial)), "a revoked serial was accepted");
        assert!(!one.signers.iter().any(|key| self.model.keys.contains(key)), "a revoked key");
        if let Some(earlier) = one.extends {
            assert!(!revoked(earlier), "what is revoked was extended");
            let known = |other: &&Approval| (other.id, other.serial) == earlier;
            let known = self.model.approvals.iter().find(known).expect("what is not known");
            assert!(one.from <= known.until, "a gap in what is approved");
        }
        let mut model = self.model.clone();
        model.approvals.push(one);
        self.change(change, model);
    }

    fn carry_out(&mut self, step: Step) {
        let now = self.reading();
        self.registry.observe(now);
        let mut model = self.model.clone();
        let known = self.seconds + self.off;
        match step {
            Step::Install { id, serial, from, length, extends, signers } => {
                self.install(Approval {
                    id,
                    serial,
                    from: known + from,
                    until: known + from + length,
                    extends,
                    signers: SIGNERS[signers],
                    over: false,
                    followed: false,
                });
            }
            Step::Revoke { id, serial, effective } => {
                let document = revocation(IDS[id], serial, known + effective);
                if self.version > 1 {
                    // The sample is signed by keys that are revoked by now.
                    return;
                }
                let change = self.registry.revoke("r", document.into_bytes(), now).unwrap();
                model.revoked.push((id, serial, known + effective));
                if let Some(change) = change {
                    self.change(change, model);
                }
            }
            Step::Rotate if self.version == 1 => {
                let document = rotation(2, &[3], &[1, 2, 4]).into_bytes();
                let change = self.registry.rotate("t", document, now).unwrap();
                model.keys.push(3);
                self.version = 2;
                self.change(change, model);
            }
            Step::Halt => {
                // As the gate does: the kernel first.
                self.kernel.set_lease(0).unwrap();
                if let Some(change) = self.registry.halt("op", "", now) {
                    model.halted = true;
                    self.change(change, model);
                }
            }
            Step::Resume => {
                if let Some(change) = self.registry.resume("op", "", now) {
                    model.halted = false;
                    self.change(change, model);
                }
            }
            Step::Cut { steps, luck } => self.cut = Some((steps, luck)),
            Step::Restart => {
                self.registry.observe(now);
                self.store.touch(&self.registry).unwrap();
                self.durable = self.model.clone();
                self.die(0);
            }
            Step::Set(seconds) => {
                self.off += seconds;
                self.pass(0);
                self.tick();
            }
            Step::Pass(seconds) => {
                self.pass(seconds);
                self.tick();
            }
            Step::Hang(seconds) => self.pass(seconds),
            Step::Rotate => {}
            Step::Compiled => self.compiled(),
        }
    }

    fn check(&self, step: &Step) {
        let live = self.kernel.live(at(self.seconds).boot);
        for position in &live {
            assert!(
                self.model.stands(*position),
                "{step:?}: {:?}",
                self.model.approvals[*position]
            );
            // One that was followed may go on until the tables of what follows are there.
            let followed = |other: &usize| {
                let (one, other) =
                    (&self.model.approvals[*position], &self.model.approvals[*other]);
                other.extends == Some((one.id, one.serial))
            };
            assert!(!live.iter().any(followed), "{step:?}: two in one place");
            if self.model.approvals[*position].followed {
                assert!(self.job.is_some(), "{step:?}: nothing is under way that would end it");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_kernel_holds_nothing_that_is_not_in_force(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in steps {
            world.carry_out(step);
            world.check(&step);
        }
    }
}

#[test]
fn the_model_sees_orders_in_force() {
    // A model under which nothing was ever in force would prove nothing.
    let mut world = World::new();
    let install = |id, serial, from, length, extends| Step::Install {
        id,
        serial,
        from,
        length,
        extends,
        signers: 2,
    };
    for (step, live) in [
        (install(0, 1, -1, 50, None), vec![]),
        (Step::Compiled, vec![]),
        (Step::Compiled, vec![0]),
        (install(1, 1, 10, 60, Some((0, 1))), vec![0]),
        (Step::Pass(10), vec![0]),
        (Step::Compiled, vec![1]),
        (Step::Rotate, vec![1]),
        (Step::Halt, vec![]),
        (Step::Pass(1), vec![]),
        (Step::Restart, vec![]),
        (Step::Compiled, vec![]),
        (Step::Resume, vec![]),
        (Step::Pass(1), vec![1]),
        (Step::Hang(9), vec![1]),
        (Step::Hang(1), vec![]),
        (Step::Pass(0), vec![1]),
        (Step::Set(-40), vec![]),
        (Step::Set(40), vec![1]),
        (Step::Set(60), vec![]),
        (Step::Set(-60), vec![]),
    ] {
        world.carry_out(step);
        world.check(&step);
        assert_eq!(world.kernel.live(at(world.seconds).boot), live, "{step:?}");
    }
}
