//! The registry while a sensor runs: its one owner, who carries out what is asked, writes it down and
//! steers the keeper. What takes time is done aside, on copies; its result counts only if nothing
//! happened meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::config::Config;
use super::gate::Gate;
use super::inherit::Inherited;
use super::keeper::{Compiled, Job, Keeper, KeeperError};
use super::names::NameBook;
use super::prepare::{Held, Inputs, PrepareError, Prepared, lawful_here};
use super::reload;
use super::request::{Act, Ask, Document, Outcome, Said};
use super::sensor::Enforce;
use super::tally::Tally;
use super::words;
use crate::compile::Layer;
use crate::preview::ClassRanges;
use crate::registry::install::Installed;
use crate::registry::{Change, Reading, Register, Registry, StoreError};
use crate::rejection::Rejection;

/// How long the clock and the counts may go unwritten, boot-clock nanoseconds.
const SAVE: u64 = 60_000_000_000;

/// Why the registry cannot go on: the daemon ends.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    /// The kernel side failed.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// A change could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something done aside fell over.
    #[error("{0}")]
    Aside(String),
}

/// What a tick came to.
#[derive(Debug, Default)]
pub struct Ticked {
    /// The next moment at which something begins or ends: boot-clock nanoseconds.
    pub next: Option<u64>,
    /// A generation was published; no packet is judged by an earlier one any more.
    pub published: Option<u32>,
    /// What happened, in words.
    pub said: Vec<String>,
    /// The configuration was read again, and applied or refused.
    pub reloaded: bool,
}

type Reply = oneshot::Sender<Outcome>;
type Tables<E> = Result<(Compiled, <E as Enforce>::Tables), KeeperError>;

/// The result of something that was done aside.
#[derive(Debug)]
enum Aside {
    Install { name: String, result: Result<Installed, Rejection>, reply: Reply },
    Reload { result: Result<Box<(Inputs, Change)>, PrepareError>, reply: Option<Reply> },
}

/// What the registrar was waiting for.
#[derive(Debug)]
pub struct Woken<T>(Wake<T>);

#[derive(Debug)]
enum Wake<T> {
    Compiled(Result<(Compiled, T), KeeperError>),
    Aside(Aside),
    Fallen(String),
}

/// The registry's one owner.
pub struct Registrar<E: Enforce> {
    file: PathBuf,
    config: Config,
    registry: Registry,
    held: Held,
    classes: Arc<ClassRanges>,
    keeper: Keeper,
    gate: Arc<Gate<E>>,
    tally: Arc<Tally>,
    /// When the state was last written, boot-clock nanoseconds.
    saved: u64,
    compiling: Option<JoinHandle<Tables<E>>>,
    /// A generation that the keeper wants and that nobody compiles yet.
    wanted: Option<Job>,
    aside: JoinSet<Aside>,
    /// Who waits for an order to come into force.
    waiting: Vec<(usize, Reply)>,
    ticked: Ticked,
}

impl<E> Registrar<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// A registrar of a kernel in which nothing is yet.
    pub fn new(
        prepared: Prepared,
        gate: Arc<Gate<E>>,
        names: Arc<NameBook>,
        tally: Arc<Tally>,
    ) -> Self {
        let Prepared { config, file, registry, held, layers, classes } = prepared;
        Self {
            keeper: Keeper::new(layers, config.lease, names),
            file,
            config,
            registry,
            held,
            classes,
            gate,
            tally,
            saved: 0,
            compiling: None,
            wanted: None,
            aside: JoinSet::new(),
            waiting: Vec::new(),
            ticked: Ticked::default(),
        }
    }

    /// Goes on from the generations that another daemon left in the kernel; see [`Keeper::inherit`].
    pub fn inherit(&mut self, inherited: &Inherited, reading: Reading) {
        self.keeper.inherit(inherited, &self.registry, reading);
    }

    /// The first generation, published before anything is attached.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn begin(&mut self, reading: Reading) -> Result<Ticked, RegistrarError> {
        self.settle(reading)?;
        self.steer(reading)?;
        // Here and now: without tables every packet would be one of no known direction.
        if let Some(job) = self.wanted.take() {
            let (compiled, tables) = carry_out::<E>(&job)?;
            self.publish(&compiled, tables)?;
        }
        self.tick(reading)
    }

    /// Brings registry and kernel to where they should be at a reading.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn tick(&mut self, reading: Reading) -> Result<Ticked, RegistrarError> {
        self.settle(reading)?;
        self.steer(reading)?;
        if let Some(job) = self.wanted.take() {
            self.compiling = Some(tokio::task::spawn_blocking(move || carry_out::<E>(&job)));
        }
        if reading.boot.saturating_sub(self.saved) >= SAVE {
            self.held.store.touch(&self.registry)?;
            self.saved = reading.boot;
        }
        self.answer_waiting(reading.wall);
        Ok(std::mem::take(&mut self.ticked))
    }

    /// Until when the lease runs, see [`Keeper::lease`].
    pub fn lease(&self, reading: Reading) -> u64 {
        self.keeper.lease(reading)
    }

    /// See [`Keeper::share`].
    pub const fn share(&self) -> Option<u64> {
        self.keeper.share()
    }

    /// Where every order stands.
    pub fn register(&self, now: Timestamp) -> Register {
        self.registry.register(now, |position| self.keeper.is_live(position))
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether all selection is halted.
    pub const fn is_halted(&self) -> bool {
        self.registry.halted().is_some()
    }

    /// Waits for something that is done aside; for ever, if nothing is. May be given up at any time.
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

    /// Takes up what was done aside. A tick has to follow.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn take_up(
        &mut self,
        woken: Woken<E::Tables>,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        self.registry.observe(reading);
        match woken.0 {
            Wake::Fallen(reason) => Err(RegistrarError::Aside(reason)),
            Wake::Compiled(done) => {
                let (compiled, tables) = done?;
                self.publish(&compiled, tables)
            }
            Wake::Aside(Aside::Install { name, result, reply }) => {
                self.install(name, result, reply, reading)
            }
            Wake::Aside(Aside::Reload { result, reply }) => self.reloaded(result, reply, reading),
        }
    }

    /// Does what was asked, or begins it. A tick has to follow.
    ///
    /// # Errors
    /// [`RegistrarError`].
    pub fn ask(&mut self, ask: Ask, reading: Reading) -> Result<(), RegistrarError> {
        // What is written has seen what the person saw who asked.
        self.registry.observe(reading);
        let (act, reply) = match ask {
            Ask::List(reply) => {
                self.count();
                // Whoever asked may have gone.
                let _ = reply.send(self.register(reading.wall));
                return Ok(());
            }
            Ask::Act(act, reply) => (act, reply),
        };
        match act {
            Act::Install(document) => {
                self.examine(document, reply, reading);
                Ok(())
            }
            Act::Reload => {
                self.reload(Some(reply), reading);
                Ok(())
            }
            Act::Revoke(Document { name, bytes }) => {
                let known = "this revocation was accepted before";
                let change = self.registry.revoke(&name, bytes, reading);
                self.decide(change, known, reply, reading)
            }
            Act::Rotate(Document { name, bytes }) => {
                let change = self.registry.rotate(&name, bytes, reading).map(Some);
                self.decide(change, "", reply, reading)
            }
            Act::Halt(Said { by, why }) => {
                let change = self.registry.halt(&by, &why, reading);
                self.decide(Ok(change), "selection was halted before", reply, reading)
            }
            Act::Resume(Said { by, why }) => {
                let change = self.registry.resume(&by, &why, reading);
                let result = self.decide(Ok(change), "selection was not halted", reply, reading);
                if result.is_ok() {
                    self.gate.release();
                }
                result
            }
        }
    }

    /// Reads the configuration again, aside.
    pub fn reload(&mut self, reply: Option<Reply>, reading: Reading) {
        let (file, config, registry) =
            (self.file.clone(), self.config.clone(), self.registry.clone());
        self.aside.spawn_blocking(move || {
            let result = reload::prepare(&file, &config, &registry, reading).map(Box::new);
            Aside::Reload { result, reply }
        });
    }

    fn examine(&mut self, document: Document, reply: Reply, reading: Reading) {
        let (registry, layers) = (self.registry.clone(), Arc::clone(self.keeper.layers()));
        let classes = Arc::clone(&self.classes);
        let Document { name, bytes } = document;
        self.aside.spawn_blocking(move || {
            let layers: Vec<Layer<'_>> = layers.iter().map(Vec::as_slice).collect();
            let installed = registry.install(&name, bytes, reading);
            let lawful = installed.and_then(|installed| lawful_here(&name, installed, &classes));
            let result = lawful.and_then(|installed| {
                if let Installed::New(change, position) = &installed {
                    change.registry.fits(&name, Some(*position), &layers)?;
                }
                Ok(installed)
            });
            Aside::Install { name, result, reply }
        });
    }

    fn install(
        &mut self,
        name: String,
        result: Result<Installed, Rejection>,
        reply: Reply,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        match result {
            Err(rejection) => {
                let _ = reply.send(rejection.into());
                Ok(())
            }
            Ok(Installed::Known(position)) => {
                let live = self.keeper.is_live(position);
                let words = words::installed(&self.registry, position, reading.wall, live);
                let text = format!("{words}; it was installed before, and nothing has changed");
                let _ = reply.send(Outcome::Done(vec![text]));
                Ok(())
            }
            Ok(Installed::New(change, position)) => {
                match self.registry.take_up(change) {
                    Ok(change) => {
                        self.apply(change, reading)?;
                        self.waiting.push((position, reply));
                    }
                    Err(mut change) => {
                        let bytes = change.files.pop().map(|(_, bytes)| bytes).unwrap_or_default();
                        self.examine(Document { name, bytes }, reply, reading);
                    }
                }
                Ok(())
            }
        }
    }

    fn reloaded(
        &mut self,
        result: Result<Box<(Inputs, Change)>, PrepareError>,
        reply: Option<Reply>,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        let outcome = match result {
            Ok(prepared) => {
                let (inputs, change) = *prepared;
                let Ok(change) = self.registry.take_up(Box::new(change)) else {
                    self.reload(reply, reading);
                    return Ok(());
                };
                let Inputs { config, layers, classes, .. } = inputs;
                self.classes = classes;
                self.keeper.reconfigure(layers, config.lease);
                self.config = config;
                self.ticked.said.push("the configuration was read again".to_owned());
                let mut lines = vec!["the configuration was read again".to_owned()];
                lines.extend(
                    change.events.iter().map(|event| words::event(event, &change.registry)),
                );
                if !change.is_empty() {
                    self.apply(change, reading)?;
                }
                Outcome::Done(lines)
            }
            Err(PrepareError::Rejected(rejections)) => Outcome::from(rejections.as_slice()),
            Err(PrepareError::Failed(reason)) => Outcome::Error(reason),
        };
        self.ticked.reloaded = true;
        if let Outcome::Refused(lines) = &outcome {
            let lines = lines.iter().map(|line| format!("not reloaded: {line}"));
            self.ticked.said.extend(lines);
        }
        if let Some(reply) = reply {
            let _ = reply.send(outcome);
        }
        Ok(())
    }

    /// Carries out a change and says so.
    fn decide(
        &mut self,
        change: Result<Option<Change>, Rejection>,
        nothing: &str,
        reply: Reply,
        reading: Reading,
    ) -> Result<(), RegistrarError> {
        let outcome = match change {
            Err(rejection) => rejection.into(),
            Ok(None) => Outcome::Done(vec![nothing.to_owned()]),
            Ok(Some(change)) => {
                let events = change.events.iter();
                let lines = events.map(|event| words::event(event, &change.registry)).collect();
                self.apply(change, reading)?;
                Outcome::Done(lines)
            }
        };
        // Whoever asked may have gone.
        let _ = reply.send(outcome);
        Ok(())
    }

    /// Begins and ends what is due.
    fn settle(&mut self, reading: Reading) -> Result<(), RegistrarError> {
        self.registry.observe(reading);
        self.count();
        match self.registry.settle(reading) {
            Some(change) => self.apply(change, reading),
            None => Ok(()),
        }
    }

    /// What closes is closed before anything is written; what opens waits for its tables, and so
    /// until after.
    fn apply(&mut self, change: Change, reading: Reading) -> Result<(), RegistrarError> {
        let ticked = self.keeper.tick(&mut &*self.gate, &change.registry, reading)?;
        self.wanted = self.wanted.take().or(ticked.job);
        let lines = change.events.iter().map(|event| words::event(event, &change.registry));
        self.ticked.said.extend(lines);
        self.registry = self.held.store.commit(change)?;
        self.saved = reading.boot;
        Ok(())
    }

    /// Brings the kernel to where the registry says, as far as its tables allow.
    fn steer(&mut self, reading: Reading) -> Result<(), RegistrarError> {
        let ticked = self.keeper.tick(&mut &*self.gate, &self.registry, reading)?;
        self.ticked.next = ticked.next;
        self.wanted = self.wanted.take().or(ticked.job);
        Ok(())
    }

    fn publish(&mut self, compiled: &Compiled, tables: E::Tables) -> Result<(), RegistrarError> {
        let published = self.keeper.publish(&mut &*self.gate, compiled, tables)?;
        self.ticked.published = Some(published);
        Ok(())
    }

    fn count(&mut self) {
        for ((order_id, serial), records) in self.tally.take() {
            self.registry.count(&order_id, serial, records);
        }
    }

    /// Those who installed an order are told once it is where it should be.
    fn answer_waiting(&mut self, now: Timestamp) {
        for (position, reply) in std::mem::take(&mut self.waiting) {
            let live = self.keeper.is_live(position);
            let entry = self.registry.entries().get(position);
            let due = entry
                .is_some_and(|entry| entry.ended().is_none() && entry.head().not_before <= now);
            if due && !live {
                self.waiting.push((position, reply));
                continue;
            }
            let text = words::installed(&self.registry, position, now, live);
            let _ = reply.send(Outcome::Done(vec![text]));
        }
    }

    /// The last words of the registry: clock and counts are written once more.
    ///
    /// # Errors
    /// [`RegistrarError::Store`].
    pub fn end(&mut self, reading: Reading) -> Result<(), RegistrarError> {
        self.registry.observe(reading);
        self.count();
        Ok(self.held.store.touch(&self.registry)?)
    }
}

fn carry_out<E: Enforce>(job: &Job) -> Tables<E> {
    let compiled = job.run().map_err(KeeperError::Compile)?;
    let tables = E::tables(&compiled.lines)?;
    Ok((compiled, tables))
}
