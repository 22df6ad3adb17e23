//! The sensor: one loaded program per interface, steered together.
//!
//! The order of operations keeps every moment lawful (L-TERM), whatever fails in between:
//!
//! - **Start:** load, publish the first generation, set terms, attach, renew the lease. Until the
//!   last step nothing is selected.
//! - **An order comes into force:** set its term in a slot that no tables lead to, publish the
//!   generation with it, some time ahead. It begins by itself.
//! - **An order takes another's place:** the same, then bring the old one's end forward to the new
//!   one's beginning. If the tables come only after that, they take the one out and the other in, in
//!   one step. At every moment one of the two selects, and never both.
//! - **The same with no slot free:** publish the generation with the new one in the old one's slot,
//!   whose term stands and does not outlast the new one, then set the new term.
//! - **An order ends:** no term, then the generation without it; only then can its slot be used again.
//! - **Stop:** lease 0, wait for running programs, drain, detach; with pins, remove them last, and only
//!   if every record was written.
//! - **Hand over** (with pins): drain, and leave everything as it is. The next daemon publishes its own
//!   generation, then puts its program in the place of the one that is attached.
//!
//! What closes is carried out on every interface even if it fails on one; what opens stops at the
//! first failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor_common::counters::Counters;
use sensor_common::tables::{Line, MOST_ORDERS, Term};
use serde::{Deserialize, Serialize};

use crate::daemon::config::{Config, LEASES};
use crate::daemon::vouched::Vouched;
use crate::kernel::clock::boot_time;
use crate::kernel::{
    KernelError, KernelTables, Left, Mode, PinRoot, Pins, Program, Records, Setup, ShareStore,
    XdpAttach,
};

/// What the kernel side of a sensor can be told.
pub trait Enforce {
    /// A generation, as this kernel takes it.
    type Tables;

    /// Makes a generation ready to be published. It takes time and is done aside.
    ///
    /// # Errors
    /// [`SensorError`].
    fn tables(lines: &[Line]) -> Result<Self::Tables, SensorError>;

    /// Publishes a generation on every interface; afterwards no packet is judged by an earlier one.
    ///
    /// # Errors
    /// [`SensorError`].
    fn publish(&mut self, tables: Self::Tables) -> Result<(), SensorError>;

    /// Sets when the order in `slot` may select; [`Term::NEVER`] ends it at once.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_term(&mut self, slot: u32, term: Term) -> Result<(), SensorError>;

    /// Ends what the order in `slot` may select outside of `limit`.
    ///
    /// # Errors
    /// [`SensorError`].
    fn narrow_term(&mut self, slot: u32, limit: Term) -> Result<(), SensorError>;

    /// Sets until when anything may be selected: boot-clock nanoseconds, exclusive; 0 ends all
    /// selection at once.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_lease(&mut self, until: u64) -> Result<(), SensorError>;

    /// Halts all selection, which no lease ends, or ends the halt.
    ///
    /// # Errors
    /// [`SensorError`].
    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError>;

    /// Whether selection is halted on any interface, whoever did it.
    ///
    /// # Errors
    /// [`SensorError`].
    fn is_halted(&self) -> Result<bool, SensorError>;
}

/// The longest lease that a configuration may ask for, in nanoseconds.
const LONGEST_LEASE: u64 = *LEASES.end() * 1_000_000_000;

/// What failed, and on which interface.
#[derive(Debug, thiserror::Error)]
#[error("{interface}: {}", .error.explain())]
pub struct SensorError {
    /// The interface.
    pub interface: String,
    /// Why.
    #[source]
    pub error: KernelError,
}

/// One interface and its program.
struct Port {
    interface: String,
    program: Program,
    rings: RingSizes,
}

/// The rings of an interface.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RingSizes {
    /// How many: one for each CPU that was online at the start.
    pub count: u64,
    /// The size of each in bytes.
    pub bytes: u64,
}

/// All interfaces of a sensor. Dropping it ends the lease and detaches the programs: selection ends at
/// once, unless it was left to the next daemon.
pub struct Sensor {
    ports: Vec<Port>,
    xdp: XdpAttach,
    /// Where programs, maps and rings outlive this process, if they do.
    root: Option<PinRoot>,
    /// Pins that go when all of their records are written.
    drained: Vec<Pins>,
    /// Pins of another version: interface, and where they are.
    foreign: Vec<(String, Pins)>,
    /// The generation in force, kept so that it can be published once more.
    tables: Option<KernelTables>,
    /// What the maps must say.
    vouched: Arc<Vouched>,
    /// Records that were submitted on interfaces that are not the configuration's any more.
    retired: BTreeMap<String, u64>,
}

impl Sensor {
    /// Loads a program for every interface; nothing is attached yet. The rings come with their
    /// interfaces.
    ///
    /// With pins, what the daemon before left is taken over as it is. Selection ends on interfaces
    /// that have pins but are not the configuration's any more; their rings come too, to be emptied.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn load(
        config: &Config,
        root: Option<PinRoot>,
    ) -> Result<(Self, Vec<(String, Records)>), SensorError> {
        let at = |interface: &str| {
            let interface = interface.to_owned();
            move |error| SensorError { interface, error }
        };
        let (mut ports, mut rings) = (Vec::new(), Vec::new());
        let (mut drained, mut foreign) = (Vec::new(), Vec::new());
        let mut retired = BTreeMap::new();
        let left = root.as_ref().map_or(Ok(Vec::new()), |root| root.left(&config.interfaces));
        for Left { readable, interface, pins } in left.map_err(at("pin"))? {
            if readable {
                let (records, submitted) = Program::retire_pinned(&pins).map_err(at(&interface))?;
                retired.insert(interface.clone(), submitted);
                rings.push((interface, records));
                drained.push(pins);
            } else {
                foreign.push((interface, pins));
            }
        }
        let first = config.interfaces.first().cloned().unwrap_or_default();
        // One share for all: the capacity is the facility's (L-CAP).
        let share = ShareStore::create(config.interfaces.len())
            .map_err(|error| SensorError { interface: first, error })?;
        for interface in &config.interfaces {
            let before = foreign.iter().filter(|(other, _)| other == interface);
            let setup = Setup {
                mode: config.mode,
                ring_bytes: config.ring_bytes,
                life_log: config.life_log,
                pins: root.as_ref().map(|root| root.of(interface)),
                before: before.map(|(_, pins)| pins.clone()).collect(),
            };
            let (mut program, records) = Program::set_up(setup).map_err(at(interface))?;
            program.share(&share).map_err(at(interface))?;
            let (count, bytes) = records.size();
            let rings_of_port = RingSizes { count: count as u64, bytes };
            ports.push(Port { interface: interface.clone(), program, rings: rings_of_port });
            rings.push((interface.clone(), records));
        }
        let (xdp, vouched) = (config.xdp, Arc::default());
        let sensor = Self { ports, xdp, root, drained, foreign, tables: None, vouched, retired };
        Ok((sensor, rings))
    }

    /// Attaches every program to its interface, and removes what another version left. Returns what
    /// there is to say about that.
    ///
    /// # Errors
    /// [`SensorError`]; the caller drops the sensor, which detaches those that were attached.
    pub fn attach(&mut self) -> Result<Vec<String>, SensorError> {
        let xdp = self.xdp;
        self.each(|program, interface| program.attach(interface, xdp))?;
        let mut words = Vec::new();
        for (interface, pins) in self.foreign.drain(..) {
            let count = Records::unread(&pins).and_then(|count| pins.remove().map(|()| count));
            match count {
                Ok(0) => {}
                Ok(count) => words.push(format!(
                    "{interface}: {count} records that a sekisho of another version had not \
                     written are lost"
                )),
                Err(error) => return Err(SensorError { interface, error }),
            }
        }
        Ok(words)
    }

    /// The id of an interface's program.
    pub fn program(&self, interface: &str) -> Option<u32> {
        let port = self.ports.iter().find(|port| port.interface == interface)?;
        Some(port.program.id())
    }

    /// Attaches a program again that is attached no more. Its counters and records go on.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn reattach(&mut self, interface: &str) -> Result<(), SensorError> {
        let xdp = self.xdp;
        match self.ports.iter_mut().find(|port| port.interface == interface) {
            None => Ok(()),
            Some(port) => port
                .program
                .reattach(interface, xdp)
                .map_err(|error| SensorError { interface: interface.to_owned(), error }),
        }
    }

    /// Returns once no program runs that started before the call: after the lease was ended, no
    /// record comes out of a ring any more that is not in it already.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn settle(&mut self) -> Result<(), SensorError> {
        // Replacing a generation waits for running programs, by itself too.
        let Some(tables) = self.tables.take() else { return Ok(()) };
        let settled = self.each(|program, _| program.publish(&tables));
        self.tables = Some(tables);
        settled
    }

    /// Detaches every program. What is asked afterwards finds no interface; pinned rings stay until
    /// [`Self::unpin`].
    ///
    /// # Errors
    /// The first [`SensorError`]; all are detached as far as that works.
    pub fn detach(&mut self) -> Result<(), SensorError> {
        let detached = self.all(Program::detach);
        self.drained.extend(self.ports.drain(..).filter_map(|port| port.program.into_pins()));
        detached
    }

    /// Removes the pins of a sensor that is detached and whose records are all written.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn unpin(&mut self) -> Result<(), SensorError> {
        for pins in self.drained.drain(..) {
            pins.remove().map_err(|error| SensorError { interface: "pin".to_owned(), error })?;
        }
        if let Some(root) = &self.root {
            root.remove_if_empty();
        }
        Ok(())
    }

    /// Whether its rings outlive this process.
    pub const fn is_pinned(&self) -> bool {
        self.root.is_some()
    }

    /// Leaves everything to the next daemon, if there are pins; whether there are.
    pub fn leave(&mut self) -> bool {
        if self.root.is_none() {
            return false;
        }
        self.ports.clear();
        true
    }

    /// What the programs have logged of their own life since the last call, each line with its
    /// interface.
    pub fn life(&mut self) -> Vec<String> {
        let lines = |port: &mut Port| {
            let interface = port.interface.clone();
            port.program.life().into_iter().map(move |line| format!("{interface}: kernel: {line}"))
        };
        self.ports.iter_mut().flat_map(lines).collect()
    }

    /// The counters of every interface, one entry per possible CPU.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn counters(&self) -> Result<Vec<(&str, Vec<Counters>)>, SensorError> {
        let read = |port: &Port| match port.program.counters() {
            Ok(counters) => Ok(counters),
            Err(error) => Err(SensorError { interface: port.interface.clone(), error }),
        };
        self.ports.iter().map(|port| Ok((port.interface.as_str(), read(port)?))).collect()
    }

    /// What the maps must say, now and before.
    pub const fn vouched(&self) -> &Arc<Vouched> {
        &self.vouched
    }

    /// Records submitted by interface, with those of interfaces that were let go.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn submitted(&self) -> Result<BTreeMap<String, u64>, SensorError> {
        let mut submitted = self.retired.clone();
        for (interface, cpus) in self.counters()? {
            submitted.insert(interface.to_owned(), cpus.iter().map(Counters::records).sum());
        }
        Ok(submitted)
    }

    /// Takes over what another daemon left in the maps, at `now` by the boot clock. Of each slot's term
    /// it leaves what is in `known`; a lease longer than any that a daemon gives is ended, and
    /// `leased` is the last one that is known of then. Returns a line for each that was more.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn adopt(
        &mut self,
        known: &BTreeMap<u32, Term>,
        leased: u64,
        now: u64,
    ) -> Result<Vec<String>, SensorError> {
        let mut words = Vec::new();
        let (mut terms, mut lease, mut leased_until) = (BTreeMap::new(), u64::MAX, 0);
        for Port { interface, program, .. } in &mut self.ports {
            let at = |error| SensorError { interface: interface.clone(), error };
            let found = program.lease().map_err(at)?;
            let (left, until) = if found > now.saturating_add(LONGEST_LEASE) {
                program.set_lease(0).map_err(at)?;
                words.push(format!(
                    "{interface}: the lease was longer than any that a daemon gives"
                ));
                (0, leased.min(now))
            } else {
                // One that was ended says nothing of when it ran.
                (found, if found == 0 { now } else { found })
            };
            lease = lease.min(left);
            leased_until = until.max(leased_until);
            for slot in 0..MOST_ORDERS {
                let found = program.term(slot).map_err(at)?;
                let left = known.get(&slot).map_or(Term::NEVER, |known| known.and(found));
                if left != found {
                    program.set_term(slot, left).map_err(at)?;
                    // A slot that no order of ours has is closed without much ado.
                    if known.contains_key(&slot) {
                        let what = "was longer than its order's, and is put right";
                        words.push(format!("{interface}: the term of slot {slot} {what}"));
                    }
                }
                let all: &mut Term = terms.entry(slot).or_insert(left);
                *all = all.and(left);
            }
        }
        let lease = if lease == u64::MAX { 0 } else { lease };
        self.vouched.found(terms, lease, leased_until);
        Ok(words)
    }

    /// Puts right what somebody else has written into the maps: no term may be another than the one
    /// that was set, and no lease longer. (A shorter one may be a halt.) Returns a line for each.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn put_right(&mut self) -> Result<Vec<String>, SensorError> {
        let windows = self.vouched.windows();
        let mut words = Vec::new();
        for Port { interface, program, .. } in &mut self.ports {
            let at = |error| SensorError { interface: interface.clone(), error };
            if program.lease().map_err(at)? > windows.lease() {
                program.set_lease(windows.lease()).map_err(at)?;
                words.push(format!("{interface}: the lease was extended by somebody else"));
            }
            for slot in 0..MOST_ORDERS {
                let term = windows.term(slot);
                if program.term(slot).map_err(at)? != term {
                    program.set_term(slot, term).map_err(at)?;
                    let what = "was changed by somebody else, and is put back";
                    words.push(format!("{interface}: the term of slot {slot} {what}"));
                }
            }
        }
        Ok(words)
    }

    /// Puts back pins that somebody removed. Returns a line for each, and whether all are there.
    pub fn put_back_pins(&mut self) -> (Vec<String>, Option<SensorError>) {
        let (mut words, mut failed) = (Vec::new(), None);
        for Port { interface, program, .. } in &mut self.ports {
            match program.put_back_pins() {
                Ok(paths) => words.extend(paths.iter().map(|path| {
                    format!("{interface}: {} was removed, and is put back", path.display())
                })),
                Err(error) => failed = Some(SensorError { interface: interface.clone(), error }),
            }
        }
        (words, failed)
    }

    /// The kernel's number of each interface's lease.
    pub fn lease_numbers(&self) -> Vec<(String, u32)> {
        let number = |port: &Port| (port.interface.clone(), port.program.lease_number());
        self.ports.iter().map(number).collect()
    }

    /// The rings of every interface.
    pub fn rings(&self) -> Vec<RingSizes> {
        self.ports.iter().map(|port| port.rings).collect()
    }

    /// Instructions that the verifier walked through to accept the program, where the kernel says
    /// so (5.16 and later).
    pub fn verified_instructions(&mut self) -> Option<u32> {
        self.ports.first_mut()?.program.verified_instructions().ok()?
    }

    /// Does something with every program and stops at the first failure.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut Program, &str) -> Result<(), KernelError>,
    ) -> Result<(), SensorError> {
        for Port { interface, program, .. } in &mut self.ports {
            act(program, interface)
                .map_err(|error| SensorError { interface: interface.clone(), error })?;
        }
        Ok(())
    }

    /// Does something with every program, also after a failure, and returns the first one.
    fn all(
        &mut self,
        mut act: impl FnMut(&mut Program) -> Result<(), KernelError>,
    ) -> Result<(), SensorError> {
        let mut result = Ok(());
        for Port { interface, program, .. } in &mut self.ports {
            let done =
                act(program).map_err(|error| SensorError { interface: interface.clone(), error });
            result = result.and(done);
        }
        result
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        // Nobody is left to tell. Whatever fails here, the lease runs out by itself.
        let _ = self.all(|program| program.set_lease(0));
        let _ = self.detach();
    }
}

impl Enforce for Sensor {
    // One copy in memory serves all interfaces.
    type Tables = KernelTables;

    fn tables(lines: &[Line]) -> Result<KernelTables, SensorError> {
        KernelTables::create(lines)
            .map_err(|error| SensorError { interface: "all interfaces".to_owned(), error })
    }

    fn publish(&mut self, tables: KernelTables) -> Result<(), SensorError> {
        self.each(|program, _| program.publish(&tables))?;
        self.tables = Some(tables);
        Ok(())
    }

    fn set_term(&mut self, slot: u32, term: Term) -> Result<(), SensorError> {
        self.vouched.about_to_set(slot, term);
        if term == Term::NEVER {
            self.all(|program| program.set_term(slot, term))?;
        } else {
            self.each(|program, _| program.set_term(slot, term))?;
        }
        self.vouched.set_term(slot, term, boot_time());
        Ok(())
    }

    fn narrow_term(&mut self, slot: u32, limit: Term) -> Result<(), SensorError> {
        self.all(|program| program.narrow_term(slot, limit))?;
        self.vouched.narrow_term(slot, limit, boot_time());
        Ok(())
    }

    fn set_lease(&mut self, until: u64) -> Result<(), SensorError> {
        let longer = until > self.vouched.windows().lease();
        if longer {
            // A record may come out before the write has returned.
            self.vouched.set_lease(until, boot_time());
        }
        if until == 0 {
            self.all(|program| program.set_lease(0))?;
        } else {
            self.each(|program, _| program.set_lease(until))?;
        }
        if !longer {
            self.vouched.set_lease(until, boot_time());
        }
        Ok(())
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        if halted {
            self.all(|program| program.set_halted(true))
        } else {
            self.each(|program, _| program.set_halted(false))
        }
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        let mut halted = false;
        for Port { interface, program, .. } in &self.ports {
            halted |= program
                .is_halted()
                .map_err(|error| SensorError { interface: interface.clone(), error })?;
        }
        Ok(halted)
    }
}

/// The stable name of a mode.
pub const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Tap => "tap",
        Mode::Inline => "inline",
    }
}

/// The stable name of a way to attach.
pub const fn xdp_name(xdp: XdpAttach) -> &'static str {
    match xdp {
        XdpAttach::Native => "native",
        XdpAttach::Generic => "generic",
    }
}
