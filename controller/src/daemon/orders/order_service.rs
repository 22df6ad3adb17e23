//! The one owner of the registry while a sensor runs. It carries out requests (`asked`), writes them down and
//! steers the reconciler. Work that takes time is done in the background, on copies, and its result counts
//! only if nothing happened meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use tokio::task::{JoinHandle, JoinSet};

use crate::classes::ClassRanges;
use crate::control::Reply;
use crate::daemon::config::Config;
use crate::daemon::orders::ask::ReplyTo;
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::name_book::NameBook;
use crate::daemon::orders::reconciler::{Compiled, Job, Reconciler, ReconcilerError};
use crate::daemon::orders::record_counts::RecordCounts;
use crate::daemon::orders::shared_sensor::SharedSensor;
use crate::daemon::prepare::{Inputs, Prepared};
use crate::daemon::sensor::Enforce;
use crate::registry::command::{Answer, Command, Decision};
use crate::registry::held::Held;
use crate::registry::inputs::DaemonInputs;
use crate::registry::wording;
use crate::registry::{Change, OrderList, Reading, Registry, StoreError};
use crate::rejection::{Failure, Rejections};

mod asked;
mod halting;
mod noting;
mod writing;

use writing::Unwritten;

/// How long the clock and the counts may stay unwritten, in nanoseconds.
const SAVE: u64 = 60_000_000_000;

/// Why the daemon must end.
#[derive(Debug, thiserror::Error)]
pub enum OrderServiceError {
    /// The kernel side failed.
    #[error(transparent)]
    Reconciler(#[from] ReconcilerError),
    /// The end of the daemon could not be written down.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task in the background panicked.
    #[error("{0}")]
    Aside(String),
}

/// The result of a tick.
#[derive(Debug, Default)]
pub struct Ticked {
    /// The next moment at which something begins or ends.
    pub next: Option<BootTime>,
    /// A generation was published; no packet is judged by an earlier one any more.
    pub published: Option<u32>,
    /// What happened, in words.
    pub said: Vec<String>,
    /// The configuration was read again, and applied or refused.
    pub reloaded: bool,
}

type Tables<E> = Result<(Compiled, <E as Enforce>::Tables), ReconcilerError>;

type Reloaded = Result<Box<(Inputs, Change)>, Failure>;

/// The result of work in the background.
#[derive(Debug)]
enum Aside {
    Install { command: Command, decided: Result<Decision, Rejections>, reply: ReplyTo },
    Reload { result: Reloaded, accept_change: bool, reply: Option<ReplyTo> },
}

/// What the order service was waiting for.
#[derive(Debug)]
pub struct Woken<T>(Wake<T>);

#[derive(Debug)]
enum Wake<T> {
    Compiled(Result<(Compiled, T), ReconcilerError>),
    Aside(Aside),
    Fallen(String),
}

/// The registry's one owner.
pub struct OrderService<E: Enforce> {
    file: PathBuf,
    config: Config,
    registry: Registry,
    held: Held,
    classes: Arc<ClassRanges>,
    basis: DaemonInputs,
    reconciler: Reconciler,
    gate: Arc<SharedSensor<E>>,
    counts: Arc<RecordCounts>,
    /// When the state was last written.
    saved: BootTime,
    unwritten: Unwritten,
    compiling: Option<JoinHandle<Tables<E>>>,
    /// A generation that could not be written down. The one before stays until it can.
    unpublished: Option<(Compiled, E::Tables)>,
    /// A generation that the reconciler wants, and that is not being compiled yet.
    wanted: Option<Job>,
    aside: JoinSet<Aside>,
    /// Who waits for orders to come into force.
    waiting: Vec<(Answer, ReplyTo)>,
    ticked: Ticked,
}

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// An order service for a kernel in which nothing is loaded yet.
    pub fn new(
        prepared: Prepared,
        gate: Arc<SharedSensor<E>>,
        names: Arc<NameBook>,
        counts: Arc<RecordCounts>,
    ) -> Self {
        let Prepared { config, file, registry, held, layers, classes, basis } = prepared;
        Self {
            reconciler: Reconciler::new(layers, config.lease, names, &config.sensor),
            file,
            config,
            registry,
            held,
            classes,
            basis,
            gate,
            counts,
            saved: BootTime::ZERO,
            unwritten: Unwritten::default(),
            compiling: None,
            unpublished: None,
            wanted: None,
            aside: JoinSet::new(),
            waiting: Vec::new(),
            ticked: Ticked::default(),
        }
    }

    /// Continues from the generations that another daemon left in the kernel; see [`Reconciler::inherit`].
    pub fn inherit(&mut self, inherited: &Inherited, reading: Reading) {
        self.reconciler.inherit(inherited, &self.registry, reading);
    }

    /// Publishes the first generation, before anything is attached.
    ///
    /// # Errors
    /// [`OrderServiceError`].
    pub fn begin(&mut self, reading: Reading) -> Result<Ticked, OrderServiceError> {
        self.follow_halt(reading)?;
        self.settle(reading)?;
        self.steer(reading)?;
        // It is not done in the background: without tables, no packet would have a direction.
        if let Some(job) = self.wanted.take() {
            let (compiled, tables) = carry_out::<E>(&job)?;
            self.publish(&compiled, tables)?;
        }
        self.tick(reading)
    }

    /// Brings registry and kernel to where they should be at `reading`.
    ///
    /// # Errors
    /// [`OrderServiceError`].
    pub fn tick(&mut self, reading: Reading) -> Result<Ticked, OrderServiceError> {
        self.follow_halt(reading)?;
        self.settle(reading)?;
        if let Some((compiled, tables)) = self.unpublished.take() {
            self.publish_or_hold(compiled, tables)?;
        }
        self.steer(reading)?;
        if let Some(job) = self.wanted.take() {
            self.compiling = Some(tokio::task::spawn_blocking(move || carry_out::<E>(&job)));
        }
        self.write_rest(reading);
        self.answer_waiting(reading.wall);
        Ok(std::mem::take(&mut self.ticked))
    }

    /// Until when the lease runs, see [`Reconciler::lease`].
    pub fn lease(&self, reading: Reading) -> BootTime {
        self.reconciler.lease(reading)
    }

    /// See [`Reconciler::share`].
    pub const fn share(&self) -> Option<u64> {
        self.reconciler.share()
    }

    /// The state of every order.
    pub fn register(&self, now: Timestamp) -> OrderList {
        let idle_after = self.config.idle_after;
        self.registry.register(now, idle_after, |position| self.reconciler.is_live(position))
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What the daemon works by now.
    pub fn basis(&self) -> DaemonInputs {
        DaemonInputs { trust: self.registry.trust_read(), ..self.basis.clone() }
    }

    /// Whether all selection is halted.
    pub const fn is_halted(&self) -> bool {
        self.registry.halted().is_some()
    }

    /// Waits until some work in the background is done, and forever if there is none. Safe to cancel.
    pub async fn wait(&mut self) -> Woken<E::Tables> {
        let Self { compiling, aside, .. } = self;
        let compiled = async {
            match compiling {
                Some(job) => job.await,
                None => std::future::pending().await,
            }
        };
        let fallen = |error: tokio::task::JoinError| Wake::Fallen(error.to_string());
        let wake = tokio::select! {
            done = compiled => {
                *compiling = None;
                done.map_or_else(fallen, Wake::Compiled)
            }
            Some(done) = aside.join_next() => done.map_or_else(fallen, Wake::Aside),
            else => std::future::pending().await,
        };
        Woken(wake)
    }

    /// Takes up the result of work in the background. A tick must follow.
    ///
    /// # Errors
    /// [`OrderServiceError`].
    pub fn take_up(
        &mut self,
        woken: Woken<E::Tables>,
        reading: Reading,
    ) -> Result<(), OrderServiceError> {
        self.registry.observe(reading);
        match woken.0 {
            Wake::Fallen(reason) => Err(OrderServiceError::Aside(reason)),
            Wake::Compiled(done) => {
                let (compiled, tables) = done?;
                self.publish_or_hold(compiled, tables)
            }
            Wake::Aside(Aside::Install { command, decided, reply }) => {
                self.install(command, decided, reply, reading)
            }
            Wake::Aside(Aside::Reload { result, accept_change, reply }) => {
                self.reloaded(result, accept_change, reply, reading);
                Ok(())
            }
        }
    }

    /// Begins and ends what is due.
    fn settle(&mut self, reading: Reading) -> Result<(), OrderServiceError> {
        self.registry.observe(reading);
        self.count();
        match self.registry.settle(reading) {
            Some(change) => self.close(change, reading).map(drop),
            None => Ok(()),
        }
    }

    /// Brings the kernel to where the registry says, as far as its tables allow.
    fn steer(&mut self, reading: Reading) -> Result<(), OrderServiceError> {
        let ticked = self.reconciler.tick(&mut &*self.gate, &self.registry, reading)?;
        self.ticked.next = ticked.next;
        self.wanted = self.wanted.take().or(ticked.job);
        Ok(())
    }

    fn publish(&mut self, compiled: &Compiled, tables: E::Tables) -> Result<(), OrderServiceError> {
        let published = self.reconciler.publish(&mut &*self.gate, compiled, tables)?;
        self.ticked.published = Some(published);
        Ok(())
    }

    /// Publishes a generation, or holds it until it can be written down, because a full disk must not end a
    /// measure. Orders that the generation leaves out have already ended by their terms.
    fn publish_or_hold(
        &mut self,
        compiled: Compiled,
        tables: E::Tables,
    ) -> Result<(), OrderServiceError> {
        match self.reconciler.write_down(&compiled) {
            Ok(()) => {
                self.not_published(None);
                self.publish(&compiled, tables)
            }
            Err(error) => {
                self.not_published(Some(format!("a generation cannot be written down: {error}")));
                self.unpublished = Some((compiled, tables));
                Ok(())
            }
        }
    }

    fn count(&mut self) {
        for ((order, rule), records) in self.counts.take() {
            self.registry.count(&order, &rule, records);
        }
    }

    /// Answers those who installed orders, once all of these orders are where they should be.
    fn answer_waiting(&mut self, now: Timestamp) {
        for (answer, reply) in std::mem::take(&mut self.waiting) {
            let is_on_its_way = |position: usize| {
                let entry = self.registry.entries().get(position);
                let is_due = entry
                    .is_some_and(|entry| entry.ended().is_none() && entry.head().not_before <= now);
                is_due && !self.reconciler.is_live(position)
            };
            if answer.new_orders().any(is_on_its_way) {
                self.waiting.push((answer, reply));
            } else {
                let _ = reply.send(Reply::Done(self.words(&answer, now)));
            }
        }
    }

    fn words(&self, answer: &Answer, now: Timestamp) -> Vec<String> {
        let mut words =
            answer.words(&self.registry, now, |position| self.reconciler.is_live(position));
        let sensor = &self.config.sensor;
        words.extend(answer.new_orders().filter_map(|position| {
            let entry = self.registry.entries().get(position)?;
            let basis = entry.basis();
            let is_named = basis.facility.share(Some(sensor)).is_some();
            let key = entry.head().key();
            (!is_named).then(|| wording::selects_nothing_at(&key, sensor, &basis.key))
        }));
        words
    }
}

fn carry_out<E: Enforce>(job: &Job) -> Tables<E> {
    let compiled = job.run().map_err(ReconcilerError::Compile)?;
    let tables = E::tables(&compiled.lines)?;
    Ok((compiled, tables))
}

#[cfg(test)]
mod tests;
