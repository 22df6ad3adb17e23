//! The state of a running sensor that status and metrics are read from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sensor_common::boot_time::BootTime;
use sensor_common::counters::{self, Counters};
use sensor_common::outcome::Outcome;

use crate::control::status::{
    InterfaceStatus, LeaseStatus, OrderStatus, RecordsStatus, ShareStatus, Status,
};
use crate::daemon::config::Config;
use crate::daemon::interfaces::links::View;
use crate::daemon::interfaces::route::watch::Carried;
use crate::daemon::lock::lock;
use crate::daemon::privilege;
use crate::daemon::records::books::{Account, Books};
use crate::daemon::records::health::Health;
use crate::daemon::sensor::{Sensor, SensorError};
use crate::kernel::clock::boot_time;
use crate::registry::inputs::DaemonInputs;
use crate::registry::{OrderList, OrderState};

/// Written by the loop, and read by requests.
pub struct Monitor {
    config: Config,
    sensor: Arc<Mutex<Sensor>>,
    health: Arc<Health>,
    register: Mutex<Option<OrderList>>,
    share: Mutex<Option<u64>>,
    views: Mutex<Vec<View>>,
    routes: Mutex<Option<Carried>>,
    unwritten: Mutex<Option<String>>,
    basis: Mutex<Option<DaemonInputs>>,
    /// Boot-time nanoseconds.
    lease_until: AtomicU64,
    books: Arc<Books>,
    verified_instructions: Option<u32>,
}

impl Monitor {
    /// A monitor of a sensor without lease.
    pub fn new(
        config: Config,
        sensor: Arc<Mutex<Sensor>>,
        health: Arc<Health>,
        books: Arc<Books>,
    ) -> Self {
        let verified_instructions = lock(&sensor).verified_instructions();
        Self {
            config,
            sensor,
            health,
            register: Mutex::default(),
            share: Mutex::default(),
            views: Mutex::default(),
            routes: Mutex::default(),
            unwritten: Mutex::default(),
            basis: Mutex::default(),
            lease_until: AtomicU64::new(0),
            books,
            verified_instructions,
        }
    }

    /// Notes the state of the orders, and the capacity share that follows from them.
    pub fn note_register(&self, register: OrderList, share: Option<u64>) {
        *lock(&self.register) = Some(register);
        *lock(&self.share) = share;
    }

    /// Notes what the daemon works by.
    pub fn note_basis(&self, basis: DaemonInputs) {
        *lock(&self.basis) = Some(basis);
    }

    /// What the daemon works by.
    pub fn basis(&self) -> Option<DaemonInputs> {
        lock(&self.basis).clone()
    }

    /// Notes the state of the interfaces.
    pub fn note_views(&self, views: &[View]) {
        *lock(&self.views) = views.to_vec();
    }

    /// The interfaces as of the last look.
    pub fn views(&self) -> Vec<View> {
        lock(&self.views).clone()
    }

    /// Notes which interfaces carry a default route.
    pub fn note_routes(&self, carried: &Carried) {
        *lock(&self.routes) = Some(carried.clone());
    }

    /// The interfaces that carry a default route; `None` if that is not watched.
    pub fn routes(&self) -> Option<Carried> {
        lock(&self.routes).clone()
    }

    /// Notes why something that is in force is not on the disk, if so.
    pub fn note_unwritten(&self, reason: Option<&str>) {
        *lock(&self.unwritten) = reason.map(str::to_owned);
    }

    /// Why something that is in force is not on the disk, if so.
    pub fn unwritten(&self) -> Option<String> {
        lock(&self.unwritten).clone()
    }

    /// Notes until when the lease runs.
    pub fn note_lease(&self, until: BootTime) {
        self.lease_until.store(until.as_nanos(), Ordering::Relaxed);
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// How many instructions the verifier walked through, if the kernel tells.
    pub const fn verified_instructions(&self) -> Option<u32> {
        self.verified_instructions
    }

    /// What became of every record.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn account(&self) -> Result<Account, SensorError> {
        let submitted = lock(&self.sensor).submitted()?;
        Ok(self.books.account(submitted))
    }

    /// The output's trouble, if it has any.
    pub fn output_trouble(&self) -> Option<String> {
        self.health.output_trouble()
    }

    /// Nanoseconds for which the kernel goes on selecting without a sign of life.
    pub fn lease_remaining(&self) -> u64 {
        BootTime::from_nanos(self.lease_until.load(Ordering::Relaxed)).since(boot_time())
    }

    /// Bytes per second of 外外 traffic that may be inspected, while an Art. 17 order is in force.
    pub fn share(&self) -> Option<u64> {
        *lock(&self.share)
    }

    /// How many orders are in each state.
    pub fn order_states(&self) -> Vec<(OrderState, u64)> {
        let register = lock(&self.register);
        let orders = || register.iter().flat_map(|register| &register.orders);
        let count =
            |state: OrderState| orders().filter(|order| order.state == state.name()).count();
        OrderState::ALL.into_iter().map(|state| (state, count(state) as u64)).collect()
    }

    /// How many rules in force have selected nothing for long (L-MIN).
    pub fn idle_rules(&self) -> u64 {
        let register = lock(&self.register);
        let orders = register.iter().flat_map(|register| &register.orders);
        orders.map(|order| order.idle_rules.len() as u64).sum()
    }

    /// Whether all selection is halted.
    pub fn is_halted(&self) -> bool {
        lock(&self.register).as_ref().is_some_and(|register| register.halted.is_some())
    }

    /// The counters of every interface, one entry per possible CPU.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn counters(&self) -> Result<Vec<(String, Vec<Counters>)>, SensorError> {
        let sensor = lock(&self.sensor);
        let counters = sensor.counters()?;
        Ok(counters.into_iter().map(|(name, cpus)| (name.to_owned(), cpus)).collect())
    }

    /// Why the sensor does not select, does not see what it should, or accepts nothing new. Reasons that lie
    /// with the orders do not count.
    pub fn trouble(&self) -> Option<String> {
        if let Some(reason) = self.health.withheld() {
            return Some(reason);
        }
        if self.is_halted() {
            return Some("all selection is halted".to_owned());
        }
        if self.lease_remaining() == 0 {
            return Some("the lease is not being renewed".to_owned());
        }
        if let Some(reason) = self.unwritten() {
            return Some(format!("the state cannot be written: {reason}"));
        }
        let views = lock(&self.views);
        let blind = views.iter().filter(|view| view.state.is_blind());
        let words = blind.map(|view| format!("{}: {}", view.interface, view.state.words()));
        let words = words.chain(lock(&self.routes).as_ref().and_then(Carried::trouble));
        Some(words.collect::<Vec<_>>().join("; ")).filter(|words| !words.is_empty())
    }

    /// Everything at once.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn status(&self) -> Result<Status, SensorError> {
        let rings = lock(&self.sensor).rings();
        let (views, routes) = (self.views(), self.routes().unwrap_or_default());
        let state = |name: &str| {
            let view = views.iter().find(|view| view.interface == name);
            view.map_or_else(String::new, |view| view.state.words())
        };
        let interfaces = self
            .counters()?
            .into_iter()
            .zip(rings)
            .map(|((name, cpus), rings)| {
                let mut sum = Counters::default();
                for cpu in &cpus {
                    sum.merge(cpu);
                }
                InterfaceStatus {
                    state: state(&name),
                    default_route: routes.interfaces.get(&name).cloned(),
                    name,
                    xdp: self.config.xdp.name().to_owned(),
                    outcomes: outcomes(&sum),
                    records: sum.records(),
                    lost: sum.lost(),
                    rings,
                }
            })
            .collect();
        let records = records(&self.account()?, self.output_trouble());
        let register = lock(&self.register);
        let orders = register.iter().flat_map(|register| &register.orders);
        Ok(Status {
            records,
            sensor: self.config.sensor.clone(),
            mode: self.config.mode.name().to_owned(),
            interfaces,
            orders: orders.map(OrderStatus::from).collect(),
            halted: register.as_ref().and_then(|register| register.halted.clone()),
            unwritten: self.unwritten(),
            share: self.share().map(|bytes_per_second| ShareStatus { bytes_per_second }),
            lease: LeaseStatus { remaining_ms: self.lease_remaining() / 1_000_000 },
            basis: self.basis(),
            // Read in one of the runtime's threads, which all have the same.
            privileges: privilege::current().unwrap_or_default(),
        })
    }
}

/// What became of every record.
fn records(account: &Account, trouble: Option<String>) -> RecordsStatus {
    let Account { totals, waiting, tampered, .. } = account;
    let missing = totals.missing.iter();
    let set_aside = totals.set_aside.iter();
    RecordsStatus {
        submitted: totals.submitted(),
        written: totals.written,
        waiting: *waiting,
        set_aside: set_aside.map(|(reason, n)| (reason.name().to_owned(), *n)).collect(),
        missing: missing.map(|(reason, n)| (reason.name().to_owned(), *n)).collect(),
        trouble,
        tampered: *tampered,
    }
}

fn outcomes(counters: &Counters) -> BTreeMap<String, BTreeMap<String, u64>> {
    counters::columns()
        .map(|direction| {
            let row = Outcome::ALL
                .iter()
                .map(|outcome| (outcome.name().to_owned(), counters.packets(*outcome, direction)))
                .collect();
            (counters::column_name(direction).to_owned(), row)
        })
        .collect()
}
