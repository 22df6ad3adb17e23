//! A daemon, its disk and its kernel, with the model beside it: what happens to it, and whether all of
//! them agree.

use std::sync::Arc;
use std::time::Duration;

use controller::compile::Names;
use controller::daemon::orders::inherited::Inherited;
use controller::daemon::orders::name_book::NameBook;
use controller::daemon::orders::reconciler::{Compiled, Reconciler, Ticked};
use controller::daemon::prepare::Layers;
use controller::registry::act::{Act, Caller, Said};
use controller::registry::loading::OrderBodies;
use controller::registry::{Change, Reading, Registry, StateStore};
use sensor_common::boot_time::BootTime;

use super::documents::{self, FACILITY, SENSOR, wall};
use super::law::{Approval, MOST_SERIAL, Model, Order, REVOKED, Revoked, SIGNERS, Step};
use super::ports::{Medium, Port};
use super::stories::Told;

/// Seconds that a lease lasts.
const LEASE: u64 = 10;

/// The boot clock at second 0.
const BOOT: i64 = 10_000;

/// A daemon, its disk and its kernel, with the model beside it.
pub struct World<P, M> {
    disk: M,
    store: StateStore<M>,
    registry: Registry,
    reconciler: Reconciler,
    names: Arc<NameBook>,
    layers: Arc<Layers>,
    /// The generation in the kernel.
    published: Option<Arc<Names>>,
    kernel: P,
    job: Option<Compiled>,
    model: Model,
    /// The model as of the last change that is on the disk for certain.
    durable: Model,
    seconds: i64,
    /// The last step ended with a tick.
    ticked: bool,
    /// What the wall clock is off by.
    off: i64,
    cut: Option<(usize, u64)>,
    version: u64,
}

fn reconciler(layers: &Arc<Layers>, names: &Arc<NameBook>) -> Reconciler {
    Reconciler::new(Arc::clone(layers), Duration::from_secs(LEASE), Arc::clone(names), SENSOR)
}

impl<P: Port, M: Medium> World<P, M> {
    /// A sensor without orders.
    pub fn new(kernel: P, mut disk: M, layers: Arc<Layers>) -> Self {
        let place = disk.place();
        disk.create_directory(place.directory.parent().unwrap()).unwrap();
        let trust = documents::trust_file();
        let begun = Registry::begin(FACILITY, "trust.json", trust.as_bytes(), wall(0)).unwrap();
        let (store, registry) = StateStore::create(disk.clone(), place, begun).unwrap();
        let names = Arc::default();
        let mut world = Self {
            disk,
            store,
            registry,
            reconciler: reconciler(&layers, &names),
            names,
            layers,
            published: None,
            kernel,
            job: None,
            model: Model::default(),
            durable: Model::default(),
            seconds: 0,
            ticked: false,
            off: 0,
            cut: None,
            version: 1,
        };
        world.kernel.set_now(world.reading().boot);
        world.tick();
        world
    }

    fn reading(&self) -> Reading {
        let boot = u64::try_from(BOOT + self.seconds).unwrap() * 1_000_000_000;
        Reading { boot: BootTime::from_nanos(boot), wall: wall(self.seconds + self.off) }
    }

    fn pass(&mut self, seconds: u64) {
        let seconds = i64::try_from(seconds).unwrap();
        self.seconds += seconds;
        self.kernel.set_now(self.reading().boot);
        self.model.now(seconds, self.seconds + self.off);
    }

    /// A tick as the order service does it.
    fn tick(&mut self) {
        let now = self.reading();
        self.model.now(0, self.seconds + self.off);
        self.model.seen();
        self.registry.observe(now);
        if let Some(change) = self.registry.settle(now)
            && !self.apply(change)
        {
            return;
        }
        let ticked = self.reconciler.tick(&mut self.kernel, &self.registry, now).unwrap();
        self.take_job(ticked);
        if self.registry.halted().is_none() {
            let until = self.reconciler.lease(now);
            self.kernel.set_lease(until).unwrap();
        }
        self.ticked = true;
    }

    /// Halts the kernel, or ends the halt, as the registry says.
    fn follow_halt(&mut self) {
        let halted = self.registry.halted().is_some();
        self.kernel.set_halted(halted).unwrap();
        if halted {
            self.kernel.set_lease(BootTime::ZERO).unwrap();
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
            let tables = P::tables(&compiled.lines).unwrap();
            let number = self.reconciler.publish(&mut self.kernel, &compiled, tables).unwrap();
            let names = self.names.get(number).expect("added before it was published");
            self.kernel.judges_by(Arc::clone(&names));
            self.published = Some(names);
            self.tick();
        }
    }

    /// Closes, writes, and takes the new state over; `false` if the power went.
    fn apply(&mut self, change: Change) -> bool {
        let now = self.reading();
        let ticked = self.reconciler.tick(&mut self.kernel, &change.registry, now).unwrap();
        self.take_job(ticked);
        self.disk.cut_after(self.cut.map(|(steps, _)| steps));
        let committed = self.store.commit(change).ok();
        let Some(registry) = committed.filter(|_| self.store.lacks().is_none()) else {
            let (_, luck) = self.cut.take().expect("only a cut fails");
            self.die(luck, true);
            return false;
        };
        self.disk.cut_after(None);
        self.registry = registry;
        self.durable = self.model.clone();
        true
    }

    /// The daemon is dead, and the next one starts. Nothing is left but what is on the disk; and, if
    /// not the whole machine starts anew, in the kernel.
    fn die(&mut self, luck: u64, machine: bool) {
        self.disk = self.disk.after_cut(luck);
        let opened =
            StateStore::open(self.disk.clone(), self.disk.place(), OrderBodies::Read).unwrap();
        (self.store, self.registry) = opened.expect("it was there");
        (self.reconciler, self.job) = (reconciler(&self.layers, &self.names), None);
        if machine {
            self.kernel.forget();
            self.published = None;
        }
        // Boot time counts from zero on a machine; that it goes on here changes nothing.
        let counts = |model: &Model| {
            let rotated = usize::from(!model.keys.is_empty());
            let documents = (model.approvals.len(), model.orders.len(), model.revoked.len());
            (documents, rotated, model.halted)
        };
        let found = (
            (
                self.registry.bases().len(),
                self.registry.entries().len(),
                self.registry.revocation_count(),
            ),
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
        assert!(remembered <= wall(self.model.latest), "nobody has ever seen that time");
        // What had not been written yet, nobody can know any more.
        self.model.latest = remembered.as_second() - wall(0).as_second();
        for (one, known) in self.model.approvals.iter_mut().zip(self.registry.bases()) {
            assert!(known.ended().is_none() || one.over, "it ended, and nobody knows why: {one:?}");
            one.over = known.ended().is_some();
        }
        for (one, known) in self.model.orders.iter_mut().zip(self.registry.entries()) {
            if known.ended().is_some() {
                let known = one.over || one.followed || one.passed_over;
                assert!(known, "it ended, and nobody knows why: {one:?}");
            } else {
                (one.over, one.followed) = (false, false);
            }
        }
        // The new state may be on the disk although its commit failed.
        self.durable = self.model.clone();
        self.follow_halt();
        let left: Vec<Arc<Names>> = self.published.iter().cloned().collect();
        let now = self.reading();
        self.registry.observe(now);
        self.reconciler.inherit(&Inherited::new(&left), &self.registry, now);
        self.tick();
    }

    fn change(&mut self, change: Change, model: Model) {
        self.model = model;
        self.model.now(0, self.seconds + self.off);
        self.apply(change);
    }

    /// Installs an order with what it rests on, which may be there.
    fn install(&mut self, one: Order, under: &Approval) {
        let given = documents::envelopes(&one, under);
        let Ok((change, accepted)) = self.registry.accept(&given, None, self.reading()) else {
            return;
        };
        if accepted.first().is_none_or(|order| order.is_known) {
            return;
        }
        change.registry.fits("o", Some(self.registry.entries().len()), &[]).unwrap();
        let mut model = self.model.clone();
        let is_new = model.approval(under.key()).is_none();
        assert_eq!(accepted.last().map(|basis| basis.is_known), Some(!is_new));
        if is_new {
            self.may_approve(under);
            model.approvals.push(under.clone());
        }
        let seen = |other: &Order| other.id == one.id && other.serial >= one.serial;
        assert!(!model.orders.iter().any(seen), "an old serial was accepted");
        let revoked = |what| self.model.revocation(what).is_some();
        assert!(!revoked(Revoked::Order(one.id, one.serial)), "a revoked serial was accepted");
        let keys = one.signers.iter().chain(if is_new { under.signers } else { &[] });
        assert!(!keys.into_iter().any(|key| self.model.keys.contains(key)), "a revoked key");
        assert!(under.from <= one.from && one.until <= under.until, "outside of what was approved");
        let before = model.orders.iter().filter(|other| other.id == one.id);
        if let Some(before) = before.max_by_key(|other| other.serial) {
            assert!(model.goes_on(under, before.under), "under what has nothing to do with it");
        }
        model.orders.push(one);
        self.change(change, model);
    }

    fn may_approve(&self, one: &Approval) {
        let seen = |other: &Approval| other.number == one.number && other.serial >= one.serial;
        assert!(!self.model.approvals.iter().any(seen), "an old serial was accepted");
        let revoked =
            |(number, serial)| self.model.revocation(Revoked::Approval(number, serial)).is_some();
        assert!(!revoked(one.key()), "a revoked approval was accepted");
        if let Some(earlier) = one.extends {
            assert!(!revoked(earlier), "what is revoked was extended");
            let known = self.model.approval(earlier).expect("what is not known was extended");
            assert!(one.from <= known.until, "a gap in what is approved");
        }
    }

    /// One of the last orders, and what it rests on.
    fn last(&self, last: usize) -> Option<(Order, Approval)> {
        let order = self.model.orders.iter().rev().nth(last)?.clone();
        let under = self.model.approval(order.under)?.clone();
        Some((order, under))
    }

    /// The order's next serial with another term, under `under`.
    fn next(&self, order: &Order, under: &Approval, from: i64, until: i64) -> Option<Order> {
        let same = self.model.orders.iter().filter(|other| other.id == order.id);
        let serial = same.map(|other| other.serial).max().unwrap_or(0) + 1;
        (serial <= MOST_SERIAL && from < until).then(|| Order {
            serial,
            from,
            until,
            under: under.key(),
            over: false,
            followed: false,
            passed_over: false,
            ..order.clone()
        })
    }

    /// Has something happen to orders.
    fn order(&mut self, step: Step) {
        let now = self.seconds + self.off;
        let number = self.model.approvals.len();
        match step {
            Step::Install { id, serial, from, length, slack, extends, signers } => {
                let (from, until) = (now + from, now + from + length);
                let same = self.model.orders.iter().filter(|other| other.id == id);
                let extends = same.max_by_key(|other| other.serial).filter(|_| extends);
                let (commission, cabinet) = SIGNERS[signers];
                let under = Approval {
                    number,
                    serial: 1,
                    from: from - slack / 2,
                    until: until + slack,
                    extends: extends.map(|other| other.under),
                    signers: commission,
                    over: false,
                };
                let order = Order {
                    id,
                    serial,
                    from,
                    until,
                    under: under.key(),
                    signers: cabinet,
                    over: false,
                    followed: false,
                    passed_over: false,
                };
                self.install(order, &under);
            }
            Step::Follow { last, from, length } => {
                let Some((order, under)) = self.last(last) else { return };
                let from = (now + from).max(under.from);
                let until = (from + length).min(under.until);
                if let Some(next) = self.next(&order, &under, from, until) {
                    self.install(next, &under);
                }
            }
            Step::Extend { last, before, length } => {
                let Some((order, under)) = self.last(last) else { return };
                let from = order.until - before;
                let longer = Approval {
                    number,
                    serial: 1,
                    from,
                    until: from + length,
                    extends: Some(under.key()),
                    over: false,
                    ..under
                };
                if let Some(next) = self.next(&order, &longer, from, from + length) {
                    self.install(next, &longer);
                }
            }
            Step::Amend { last, from, before } => {
                let Some((order, under)) = self.last(last) else { return };
                let (from, until) = ((now + from).max(under.from), under.until - before);
                let narrower = Approval {
                    serial: under.serial + 1,
                    from,
                    until,
                    extends: None,
                    over: false,
                    ..under
                };
                if let Some(next) = self.next(&order, &narrower, from, until) {
                    self.install(next, &narrower);
                }
            }
            Step::Revoke { id, serial, effective } => {
                self.revoke(Revoked::Order(id, serial), now + effective);
            }
            Step::RevokeApproval { last, effective } => {
                let Some((_, under)) = self.last(last) else { return };
                self.revoke(Revoked::Approval(under.number, under.serial), now + effective);
            }
            _ => {}
        }
    }

    fn revoke(&mut self, what: Revoked, effective: i64) {
        if self.version > 1 {
            // The samples are signed by keys that are revoked by now.
            return;
        }
        let document = documents::revocation(what, effective);
        let change = self.registry.revoke("r", document, self.reading()).unwrap();
        let mut model = self.model.clone();
        model.revoked.push((what, effective));
        if let Some(change) = change {
            self.change(change, model);
        }
    }

    /// Has something happen.
    pub fn carry_out(&mut self, step: Step) {
        self.ticked = false;
        let now = self.reading();
        self.registry.observe(now);
        let mut model = self.model.clone();
        match step {
            Step::Install { .. }
            | Step::Follow { .. }
            | Step::Extend { .. }
            | Step::Amend { .. }
            | Step::Revoke { .. }
            | Step::RevokeApproval { .. } => self.order(step),
            Step::Rotate if self.version == 1 => {
                let change = self.registry.rotate("t", documents::rotation(), now).unwrap();
                model.keys.extend(REVOKED);
                self.version = 2;
                self.change(change, model);
            }
            Step::Halt => {
                // As the gate does: the kernel first.
                self.kernel.set_halted(true).unwrap();
                self.kernel.set_lease(BootTime::ZERO).unwrap();
                if let Some(change) =
                    self.registry.halt(Act::new(Said::default(), Caller::default(), now.wall), now)
                {
                    model.halted = true;
                    self.change(change, model);
                }
            }
            Step::Resume => {
                if let Some(change) = self
                    .registry
                    .resume(Act::new(Said::default(), Caller::default(), now.wall), now)
                {
                    model.halted = false;
                    self.change(change, model);
                    self.follow_halt();
                }
            }
            Step::Cut { steps, luck } => self.cut = Some((steps, luck)),
            Step::Restart => {
                self.registry.observe(now);
                self.store.touch(&self.registry).unwrap();
                self.durable = self.model.clone();
                self.die(0, true);
            }
            Step::Crash => self.die(1, false),
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

    /// Has a story happen.
    pub fn tell(&mut self, story: Vec<Told>) {
        for (number, (step, live)) in (1..).zip(story) {
            self.carry_out(step);
            assert_eq!(self.check(&step), live, "step {number}: {step:?}");
        }
    }

    /// Whether kernel and model agree. Returns what the kernel selects for.
    pub fn check(&mut self, step: &Step) -> Vec<(usize, u64)> {
        // Neither clock has moved.
        self.kernel.set_now(self.reading().boot);
        let mut live = self.kernel.live();
        let named = |(id, serial): &(usize, u64)| {
            let is = |one: &&Order| (one.id, one.serial) == (*id, *serial);
            self.model.orders.iter().find(is).expect("an order that was accepted")
        };
        for one in live.iter().map(named) {
            assert!(self.model.stands(one), "{step:?}: selects for {one:?}");
            // One that was followed may go on until the tables of what follows are there.
            let followed = live.iter().map(named).any(|other| other.follows(one));
            assert!(!followed, "{step:?}: two in one place: {one:?}");
            if one.followed {
                assert!(self.job.is_some(), "{step:?}: nothing is under way that would end it");
            }
        }
        // Where nothing is under way, all that is in force is there.
        if self.job.is_none() && self.ticked {
            let known = |one: &(usize, u64)| !named(one).passed_over;
            let mut expected = self.model.in_force();
            expected.retain(known);
            expected.sort_unstable();
            live.sort_unstable();
            let certain: Vec<(usize, u64)> = live.iter().copied().filter(known).collect();
            assert_eq!(certain, expected, "{step:?}: {:?}", self.model);
        }
        live
    }
}
