//! The loop, from one tick to the next, until the end. Everything that a daemon opens is opened in `start`
//! and closed in one place, `ending`.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sensor_common::boot_time::BootTime;
use tokio::signal::unix::Signal;
use tokio::task::JoinHandle;

use crate::daemon::api::monitor::Monitor;
use crate::daemon::api::servers::{Servers, SocketError};
use crate::daemon::descriptors::DescriptorError;
use crate::daemon::interfaces::links::LinkWatch;
use crate::daemon::interfaces::route::watch::RouteWatch;
use crate::daemon::lock::lock;
use crate::daemon::orders::ask::Ask;
use crate::daemon::orders::order_service::{OrderService, OrderServiceError, Ticked, Woken};
use crate::daemon::orders::shared_sensor::SharedSensor;
use crate::daemon::records::keeping::{Keeping, KeepingError};
use crate::daemon::sensor::{Sensor, SensorError};
use crate::daemon::service_manager::ServiceManager;
use crate::daemon::takeover::predecessor::TakeoverError;
use crate::gates::{AnnouncementError, StateLink};
use crate::kernel::KernelTables;
use crate::kernel::clock::boot_time;
use crate::kernel::steps::ClockSteps;
use crate::registry::Reading;

mod ending;
mod interfaces;
mod start;
mod takeover;
mod upkeep;

pub use ending::RunSummary;
use upkeep::Upkeep;

/// The longest time between two ticks.
const TICK: Duration = Duration::from_secs(1);

/// Why the daemon did not start, or ended because something failed: exit status 1.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The machine would cut itself off, in mode `tap`.
    #[error(
        "{interface} carries a default route ({routes}), and in mode tap every frame that it \
         receives is dropped; if that is meant, say --yes-drop-all"
    )]
    DropAll {
        /// Its name in the configuration.
        interface: String,
        /// The routes that lead everywhere.
        routes: String,
    },
    /// Something that the loop waits for or reads could not be opened, or failed.
    #[error("{what}: {source}")]
    Io {
        /// What.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// There may be too few descriptors.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// A socket could not be taken.
    #[error(transparent)]
    Sockets(#[from] SocketError),
    /// The way to the kernel without this daemon could not be announced.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// What the daemon before left cannot be gone on from.
    #[error(transparent)]
    Takeover(#[from] TakeoverError),
    /// The output could not be opened. The error names it.
    #[error(transparent)]
    Output(io::Error),
    /// Records could not be kept while the sensor ran, for the reason that [`Health`] was told.
    ///
    /// [`Health`]: crate::daemon::records::health::Health
    #[error("{0}")]
    NotKept(String),
    /// The last records could not be kept.
    #[error(transparent)]
    Records(#[from] KeepingError),
    /// The kernel side failed.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// A tick failed, or its result could not be written.
    #[error(transparent)]
    OrderService(#[from] OrderServiceError),
}

/// Tells things to the person who started the daemon.
pub trait Tell {
    /// Tells one line.
    fn tell(&self, line: &str);

    /// Tells several lines.
    fn tell_all(&self, lines: &[String]) {
        for line in lines {
            self.tell(line);
        }
    }
}

/// A started daemon. Nothing is selected before [`Self::run`].
pub struct Daemon {
    orders: OrderService<Sensor>,
    records: Keeping,
    servers: Servers,
    gate: Arc<SharedSensor<Sensor>>,
    sensor: Arc<Mutex<Sensor>>,
    monitor: Arc<Monitor>,
    upkeep: Upkeep,
    signals: [Signal; 4],
    steps: ClockSteps,
    links: LinkWatch,
    /// Present if a default route would cut the machine off.
    routes: Option<RouteWatch>,
    /// The task that reads the routes for it.
    reader: Option<JoinHandle<()>>,
    service: ServiceManager,
    _link: StateLink,
}

/// How a daemon ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Selection ends with it.
    Stop,
    /// The next daemon continues where this one ends.
    HandOver,
}

/// Why the loop goes on, or ends.
enum LoopWake {
    Tick,
    Reload,
    Asked(Ask),
    Done(Box<Woken<KernelTables>>),
    HandOver,
    Stop,
}

impl Daemon {
    /// Runs the sensor until it is told to stop (SIGINT, SIGTERM).
    ///
    /// # Errors
    /// [`RunError`]; whatever was attached is detached.
    pub async fn run(mut self, voice: &impl Tell) -> Result<(), RunError> {
        let result = self.watch(voice).await;
        self.service.stopping();
        let end = *result.as_ref().unwrap_or(&End::Stop);
        let news = Arc::clone(self.records.news());
        let failure = result.as_ref().err().map(ToString::to_string);
        let (summary, stopped) = self.stop(end, failure).await;
        voice.tell_all(&news.take());
        voice.tell(&summary.to_string());
        if end == End::HandOver && stopped.is_ok() {
            voice.tell("left to the next daemon: selection goes on as long as the lease holds");
        }
        result.and(stopped)
    }

    /// Ticks until a signal comes or something fails.
    async fn watch(&mut self, voice: &impl Tell) -> Result<End, RunError> {
        let mut ready = false;
        loop {
            let next = self.tick(voice)?;
            let withheld = self.records.health().withheld();
            if !ready && withheld.is_none() {
                voice.tell("ready");
                self.service.ready();
                ready = true;
            }
            self.service.status(&self.status_line(withheld));
            // Only now, when all of the above is done: a daemon that hangs in it gives no sign of life.
            self.service.alive();
            let pause = self.service.longest_pause().map_or(TICK, |longest| longest.min(TICK));
            let [interrupt, terminate, hang_up, hand_over] = &mut self.signals;
            let wake = tokio::select! {
                () = tokio::time::sleep(until(next).min(pause)) => LoopWake::Tick,
                // Orders that end or begin by the new reading do not wait for the next tick.
                step = self.steps.stepped() => {
                    step.map_err(failed("the wall clock"))?;
                    LoopWake::Tick
                }
                // A program that was detached is attached again at once.
                news = self.links.changed() => {
                    news.map_err(failed("rtnetlink"))?;
                    LoopWake::Tick
                }
                () = RouteWatch::changed(self.routes.as_mut()) => LoopWake::Tick,
                () = self.records.news().some() => LoopWake::Tick,
                reason = self.records.health().failed() => return Err(RunError::NotKept(reason.to_owned())),
                _ = interrupt.recv() => LoopWake::Stop,
                _ = terminate.recv() => LoopWake::Stop,
                _ = hand_over.recv() => LoopWake::HandOver,
                _ = hang_up.recv() => LoopWake::Reload,
                Some(ask) = self.servers.asked() => LoopWake::Asked(ask),
                woken = self.orders.wait() => LoopWake::Done(Box::new(woken)),
            };
            match (&wake, &self.orders.config().pin) {
                (LoopWake::Stop, _) => return Ok(End::Stop),
                (LoopWake::HandOver, Some(_)) => {
                    // The next daemon has the whole lease to start in.
                    self.tick(voice)?;
                    return Ok(End::HandOver);
                }
                (LoopWake::HandOver, None) => {
                    voice.tell("nothing can be left to another daemon without `pin`");
                }
                _ => {}
            }
            // Writing to the disk takes time, and the other tasks continue.
            tokio::task::block_in_place(|| self.act(wake))?;
        }
    }

    /// Does what the loop was woken for, unless it ends.
    fn act(&mut self, wake: LoopWake) -> Result<(), RunError> {
        match wake {
            LoopWake::Tick | LoopWake::Stop | LoopWake::HandOver => {}
            LoopWake::Reload => {
                self.service.reloading();
                // This signal also means that the output was rotated.
                self.records.reopen();
                self.orders.reload(None, false, Reading::now());
            }
            LoopWake::Asked(ask) => {
                if matches!(ask, Ask::Reload { .. }) {
                    self.records.reopen();
                }
                self.orders.ask(ask, Reading::now())?;
            }
            LoopWake::Done(woken) => self.orders.take_up(*woken, Reading::now())?,
        }
        Ok(())
    }

    /// One tick. At its very end it renews the lease, if nothing objects.
    fn tick(&mut self, voice: &impl Tell) -> Result<Option<BootTime>, RunError> {
        let reading = Reading::now();
        self.look(voice);
        self.put_right(voice)?;
        let orders = &mut self.orders;
        let ticked = tokio::task::block_in_place(|| orders.tick(reading))?;
        self.report(&ticked, voice);
        if ticked.reloaded {
            self.service.ready();
        }
        voice.tell_all(&lock(&self.sensor).life());
        self.keep_up(reading.boot, voice)?;
        voice.tell_all(&self.records.news().take());
        let objection = self.records.health().objection(boot_time());
        if objection.is_none() {
            let until = self.orders.lease(reading);
            self.records.books().lease(until);
            let renewed = self.gate.renew(until)?;
            self.monitor.note_lease(if renewed { until } else { BootTime::ZERO });
        }
        self.records.health().note(objection);
        Ok(ticked.next)
    }

    /// What the sensor does, in one line for the service manager.
    fn status_line(&self, withheld: Option<String>) -> String {
        if let Some(reason) = withheld {
            return format!("selects nothing: {reason}");
        }
        if let Some(reason) = self.monitor.trouble() {
            return reason;
        }
        let states = self.monitor.order_states();
        let words = states.iter().map(|(state, count)| format!("{count} {}", state.name()));
        format!("orders: {}", words.collect::<Vec<_>>().join(", "))
    }

    fn report(&self, ticked: &Ticked, voice: &impl Tell) {
        let register = self.orders.register(Reading::now().wall);
        self.monitor.note_register(register, self.orders.share());
        self.monitor.note_basis(self.orders.basis());
        self.monitor.note_unwritten(self.orders.unwritten());
        voice.tell_all(&ticked.said);
        if let Some(generation) = ticked.published {
            self.records.forget_before(generation);
        }
    }
}

/// How long to sleep: until the next boundary, but never longer than a tick.
fn until(next: Option<BootTime>) -> Duration {
    let boundary = next.map(|at| Duration::from_nanos(at.since(boot_time())));
    boundary.map_or(TICK, |left| left.min(TICK))
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::Io { what, source }
}
