//! The loop: start, tick. Everything that a daemon opens is opened here, in an order in which nothing is
//! selected before all of it works, and closed in one place, `ending`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::daemon::api::control::{self, Control, Desk};
use crate::daemon::api::http;
use crate::daemon::api::monitor::Monitor;
use crate::daemon::descriptors;
use crate::daemon::interfaces::links::Watch;
use crate::daemon::interfaces::route::watch::Watch as RouteWatch;
use crate::daemon::lock::lock;
use crate::daemon::news::News;
use crate::daemon::orders::ask::{Ask, Command};
use crate::daemon::orders::order_service::{OrderService, OrderServiceError, Ticked, Woken};
use crate::daemon::orders::record_counts::RecordCounts;
use crate::daemon::orders::shared_sensor::SharedSensor;
use crate::daemon::outside::{Gates, StateLink};
use crate::daemon::prepare::Prepared;
use crate::daemon::records::books::Books;
use crate::daemon::records::drain::{self, Drain, Sources};
use crate::daemon::records::health::Health;
use crate::daemon::records::writer::{Shared, Writer};
use crate::daemon::sensor::{Enforce as _, Sensor, SensorError};
use crate::daemon::service_manager::ServiceManager;
use crate::kernel::KernelTables;
use crate::kernel::clock::{boot_and_wall, boot_time};
use crate::kernel::steps::ClockSteps;
use crate::registry::Reading;
use crate::registry::memory::Remembered;

mod ending;
mod interfaces;
mod takeover;
mod upkeep;

pub use ending::Summary;
use takeover::TakenOver;
use upkeep::Upkeep;

/// The longest time between two ticks.
const TICK: Duration = Duration::from_secs(1);

/// Why the daemon did not start, or ended by itself: exit status 1.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// In mode `tap` the machine would cut itself off.
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
    /// Something could not be opened, or failed while the sensor ran.
    #[error("{0}")]
    Failed(String),
    /// The kernel side failed.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// A tick failed, or what it came to could not be written.
    #[error(transparent)]
    OrderService(#[from] OrderServiceError),
}

/// What a daemon tells the person who started it.
pub trait Tell {
    /// One line.
    fn tell(&self, line: &str);
}

/// A started daemon. Nothing is selected before [`Self::run`].
pub struct Daemon {
    orders: OrderService<Sensor>,
    asks: mpsc::UnboundedReceiver<Ask>,
    gate: Arc<SharedSensor<Sensor>>,
    sensor: Arc<Mutex<Sensor>>,
    monitor: Arc<Monitor>,
    health: Arc<Health>,
    commands: mpsc::UnboundedSender<drain::Command>,
    drain: JoinHandle<Result<(), drain::DrainError>>,
    writer: JoinHandle<std::io::Result<()>>,
    servers: Vec<JoinHandle<()>>,
    books: Arc<Books>,
    news: Arc<News>,
    /// Has the writer open the output by its name.
    reopen: Arc<Notify>,
    upkeep: Upkeep,
    signals: [Signal; 4],
    steps: ClockSteps,
    links: Watch,
    /// Where a default route would cut the machine off.
    routes: Option<RouteWatch>,
    service: ServiceManager,
    _link: StateLink,
}

/// How a daemon ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Selection ends with it.
    Stop,
    /// The next daemon goes on where it stands.
    HandOver,
}

/// Why the loop goes on, or ends.
enum Wake {
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
        let news = Arc::clone(&self.news);
        let failure = result.as_ref().err().map(ToString::to_string);
        let (summary, stopped) = self.stop(end, failure).await;
        news.take().iter().for_each(|line| voice.tell(line));
        voice.tell(&summary.to_string());
        if end == End::HandOver && stopped.is_ok() {
            voice.tell("left to the next daemon: selection goes on as long as the lease holds");
        }
        result.and(stopped)
    }

    /// Opens everything, in a runtime: files and sockets, then the program. What it takes of
    /// privileges is in [`privilege`](crate::daemon::privilege).
    ///
    /// # Errors
    /// [`RunError`]; whatever was attached is detached.
    pub async fn start(
        prepared: Prepared,
        yes_drop_all: bool,
        voice: &impl Tell,
    ) -> Result<Self, RunError> {
        let config = prepared.config.clone();
        let (routes, reader) = interfaces::guard(&config, yes_drop_all)?.unzip();
        descriptors::raise().map_err(RunError::Failed)?;
        let opened = takeover::open(&config, &prepared.registry)?;
        let control = control::bind(&config.control_socket, config.control_group.as_ref())
            .map_err(RunError::Failed)?;
        let listener = match config.http {
            Some(address) => Some(http::bind(address).await.map_err(RunError::Failed)?),
            None => None,
        };
        // Before anything is attached: a signal that comes early must not end the process at once.
        let signals = signals().map_err(|error| failed("signals", &error))?;
        let steps = ClockSteps::watch().map_err(|error| failed("the wall clock", &error))?;

        let links = Watch::open(&config.interfaces).map_err(|error| failed("rtnetlink", &error))?;
        let left = takeover::take_over(&config, opened)?;
        let TakenOver { mut sensor, rings, names, inherited, places, books, .. } = left;
        left.said.iter().for_each(|line| voice.tell(line));
        descriptors::suffice(listener.is_some()).map_err(RunError::Failed)?;
        // Before anything is attached: from here on a halt needs nobody's answer.
        let socket = &config.control_socket;
        Gates::announce(&config.state.directory, socket, sensor.lease_numbers())
            .map_err(RunError::Failed)?;
        let link = StateLink::make(socket, &config.state.directory).map_err(RunError::Failed)?;
        let halted = prepared.registry.halted().is_some()
            || prepared.held.memory.read() != Remembered::Nothing
            || sensor.is_halted()?;
        if halted {
            // What another daemon left may be selecting at this moment.
            sensor.set_halted(true)?;
        }
        let counts = Arc::new(RecordCounts::default());
        let sensor = Arc::new(Mutex::new(sensor));
        let gate = Arc::new(SharedSensor::new(Arc::clone(&sensor), halted));
        let mut orders =
            OrderService::new(prepared, Arc::clone(&gate), Arc::clone(&names), Arc::clone(&counts));
        let taken_over = inherited.generation > 0;
        orders.inherit(&inherited, reading());
        // No packet is to be judged without tables, so these come before the attachment.
        let ticked = orders.begin(reading())?;
        if left.goes_on {
            let said = takeover::audit(&mut lock(&sensor), &books)?;
            for line in &said {
                voice.tell(line);
            }
        }
        lock(&sensor).attach()?.iter().for_each(|line| voice.tell(line));

        let (health, news) = (Arc::new(Health::default()), Arc::new(News::default()));
        let (sender, work) = mpsc::channel(drain::BATCHES);
        let (commands, received) = mpsc::unbounded_channel();
        let vouched = Arc::clone(lock(&sensor).vouched());
        let sources =
            Sources { names: Arc::clone(&names), vouched, health: Arc::clone(&health), counts };
        let drain = Drain::new(&config, rings, sources, sender, received)
            .map_err(|error| failed("rings", &error))?
            .behind(left.sequence);
        // Nothing is selected by this daemon before it is written that it is here, and nothing that
        // could keep it from ending in one place comes after.
        orders.started(taken_over, reading())?;
        let reopen = Arc::new(Notify::new());
        let shared = Shared {
            books: Arc::clone(&books),
            health: Arc::clone(&health),
            news: Arc::clone(&news),
            names,
            reopen: Arc::clone(&reopen),
        };
        let writer = Writer::new(work, places, shared);
        let (shared, kept) = (Arc::clone(&sensor), Arc::clone(&health));
        let monitor = Arc::new(Monitor::new(config, shared, kept, Arc::clone(&books)));
        let (sender, asks) = mpsc::unbounded_channel();
        let desk = Desk { monitor: Arc::clone(&monitor), gate: Arc::clone(&gate), asks: sender };
        let servers = serve(control, desk, listener, &monitor).into_iter();
        let daemon = Self {
            servers: servers.chain(reader.map(tokio::spawn)).collect(),
            orders,
            asks,
            gate,
            sensor,
            monitor,
            health,
            commands,
            drain: tokio::spawn(drain.run()),
            writer: tokio::spawn(writer.run()),
            books,
            news,
            reopen,
            upkeep: Upkeep::default(),
            signals,
            steps,
            links,
            routes,
            service: ServiceManager::from_environment(),
            _link: link,
        };
        daemon.report(&ticked, voice);
        Ok(daemon)
    }

    /// Ticks until a signal comes or something fails.
    async fn watch(&mut self, voice: &impl Tell) -> Result<End, RunError> {
        let mut ready = false;
        loop {
            let next = self.tick(voice)?;
            let withheld = self.health.withheld();
            if !ready && withheld.is_none() {
                voice.tell("ready");
                self.service.ready();
                ready = true;
            }
            self.service.status(&self.status_line(withheld));
            // Everything above is done: a daemon that hangs in any of it gives no sign.
            self.service.alive();
            let pause = self.service.longest_pause().map_or(TICK, |longest| longest.min(TICK));
            let [interrupt, terminate, hang_up, hand_over] = &mut self.signals;
            let wake = tokio::select! {
                () = tokio::time::sleep(until(next).min(pause)) => Wake::Tick,
                // What the new reading ends or begins does not wait for the next tick.
                step = self.steps.stepped() => {
                    step.map_err(|error| failed("the wall clock", &error))?;
                    Wake::Tick
                }
                // A program that was detached is attached again at once.
                news = self.links.changed() => {
                    news.map_err(|error| failed("rtnetlink", &error))?;
                    Wake::Tick
                }
                () = RouteWatch::changed(self.routes.as_mut()) => Wake::Tick,
                () = self.news.some() => Wake::Tick,
                reason = self.health.failed() => return Err(RunError::Failed(reason.to_owned())),
                _ = interrupt.recv() => Wake::Stop,
                _ = terminate.recv() => Wake::Stop,
                _ = hand_over.recv() => Wake::HandOver,
                _ = hang_up.recv() => Wake::Reload,
                Some(ask) = self.asks.recv() => Wake::Asked(ask),
                woken = self.orders.wait() => Wake::Done(Box::new(woken)),
            };
            match (&wake, &self.orders.config().pin) {
                (Wake::Stop, _) => return Ok(End::Stop),
                (Wake::HandOver, Some(_)) => {
                    // The next daemon has the whole lease to start in.
                    self.tick(voice)?;
                    return Ok(End::HandOver);
                }
                (Wake::HandOver, None) => {
                    voice.tell("nothing can be left to another daemon without `pin`");
                }
                _ => {}
            }
            // Writing to the disk takes its time; the other tasks go on meanwhile.
            tokio::task::block_in_place(|| match wake {
                Wake::Tick | Wake::Stop | Wake::HandOver => Ok(()),
                Wake::Reload => {
                    self.service.reloading();
                    // Whoever rotates files says so by this signal.
                    self.reopen.notify_one();
                    self.orders.reload(None, reading());
                    Ok(())
                }
                Wake::Asked(ask) => {
                    if matches!(ask, Ask::Command(Command::Reload, _)) {
                        self.reopen.notify_one();
                    }
                    self.orders.ask(ask, reading())
                }
                Wake::Done(woken) => self.orders.take_up(*woken, reading()),
            })?;
        }
    }

    /// One tick, and at its very end, if nothing speaks against it, the lease.
    fn tick(&mut self, voice: &impl Tell) -> Result<Option<u64>, RunError> {
        let reading = reading();
        self.look(voice);
        self.put_right(voice)?;
        let orders = &mut self.orders;
        let ticked = tokio::task::block_in_place(|| orders.tick(reading))?;
        self.report(&ticked, voice);
        if ticked.reloaded {
            self.service.ready();
        }
        lock(&self.sensor).life().iter().for_each(|line| voice.tell(line));
        self.keep_up(reading.boot, voice)?;
        self.news.take().iter().for_each(|line| voice.tell(line));
        let objection = self.health.objection(boot_time());
        if objection.is_none() {
            let until = self.orders.lease(reading);
            self.books.lease(until);
            let renewed = self.gate.renew(until)?;
            self.monitor.note_lease(if renewed { until } else { 0 });
        }
        self.health.note(objection);
        Ok(ticked.next)
    }

    /// What the sensor does, for the service manager.
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
        let register = self.orders.register(reading().wall);
        self.monitor.note_register(register, self.orders.share());
        self.monitor.note_unwritten(self.orders.unwritten());
        ticked.said.iter().for_each(|line| voice.tell(line));
        if let Some(generation) = ticked.published {
            // If the drain is gone, the daemon is about to end.
            let _ = self.commands.send(drain::Command::Forget(generation));
        }
    }
}

fn serve(
    control: Control,
    desk: Desk<Sensor>,
    listener: Option<tokio::net::TcpListener>,
    monitor: &Arc<Monitor>,
) -> Vec<JoinHandle<()>> {
    let mut servers = vec![tokio::spawn(control.serve(desk))];
    if let Some(listener) = listener {
        let monitor = Arc::clone(monitor);
        servers.push(tokio::spawn(http::serve(listener, monitor)));
    }
    servers
}

fn reading() -> Reading {
    let (boot, wall) = boot_and_wall();
    Reading { boot, wall }
}

/// How long to sleep: to the next boundary, but never longer than a tick.
fn until(next: Option<u64>) -> Duration {
    let boundary = next.map(|at| Duration::from_nanos(at.saturating_sub(boot_time())));
    boundary.map_or(TICK, |left| left.min(TICK))
}

fn signals() -> std::io::Result<[Signal; 4]> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::user_defined2(),
    ];
    let [interrupt, terminate, hang_up, hand_over] = kinds.map(signal);
    Ok([interrupt?, terminate?, hang_up?, hand_over?])
}

fn failed(what: &str, error: &std::io::Error) -> RunError {
    RunError::Failed(format!("{what}: {error}"))
}
