//! The start: opens everything that a daemon needs, in an order in which nothing is selected before all of
//! it works.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::takeover::{self, TakenOver};
use super::upkeep::Upkeep;
use super::{Daemon, RunError, Tell, failed, interfaces};
use crate::daemon::api::monitor::Monitor;
use crate::daemon::api::servers::Sockets;
use crate::daemon::config::Config;
use crate::daemon::descriptors;
use crate::daemon::interfaces::links::LinkWatch;
use crate::daemon::lock::lock;
use crate::daemon::orders::inherited::Inherited;
use crate::daemon::orders::order_service::{OrderService, Ticked};
use crate::daemon::orders::record_counts::RecordCounts;
use crate::daemon::orders::shared_sensor::SharedSensor;
use crate::daemon::prepare::Prepared;
use crate::daemon::records::keeping::{KeepingInputs, UnstartedKeeping};
use crate::daemon::sensor::{Enforce as _, Sensor};
use crate::daemon::service_manager::ServiceManager;
use crate::gates::{Gates, StateLink};
use crate::kernel::steps::ClockSteps;
use crate::registry::Reading;
use crate::registry::memory::Remembered;

impl Daemon {
    /// Opens everything: files and sockets, then the program. To be called inside a tokio runtime. The
    /// privileges that it needs are listed in [`privilege`](crate::daemon::privilege).
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
        descriptors::raise()?;
        let opened = takeover::open(&config, &prepared.registry)?;
        let sockets = Sockets::take(&config).await?;
        let Waits { signals, steps, links } = Waits::open(&config)?;

        let left = takeover::take_over(&config, opened)?;
        let TakenOver { sensor, rings, names, inherited, places, books, sequence, goes_on, said } =
            left;
        voice.tell_all(&said);
        descriptors::suffice(sockets.has_http())?;
        let Reachable { sensor, gate, link } = Reachable::make(&prepared, sensor)?;
        let counts = Arc::new(RecordCounts::default());
        let mut orders =
            OrderService::new(prepared, Arc::clone(&gate), Arc::clone(&names), Arc::clone(&counts));
        let ticked = publish(&mut orders, &inherited)?;
        if goes_on {
            voice.tell_all(&takeover::audit(&mut lock(&sensor), &books)?);
        }
        voice.tell_all(&lock(&sensor).attach()?);

        let vouched = Arc::clone(lock(&sensor).vouched());
        let inputs = KeepingInputs { names, vouched, counts, books, places, sequence };
        let records = UnstartedKeeping::new(&config, rings, inputs).map_err(failed("rings"))?;
        // The audit file says that this daemon runs before it selects anything. From here on nothing can fail, so
        // the daemon ends in one place.
        orders.started(inherited.generation > 0, Reading::now());
        let records = records.start();
        let (health, books) = (Arc::clone(records.health()), Arc::clone(records.books()));
        let monitor = Arc::new(Monitor::new(config, Arc::clone(&sensor), health, books));
        let daemon = Self {
            servers: sockets.serve(&monitor, Arc::clone(&gate)),
            reader: reader.map(tokio::spawn),
            orders,
            records,
            gate,
            sensor,
            monitor,
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
}

/// What the loop waits for, besides the daemon's own tasks.
struct Waits {
    signals: [Signal; 4],
    steps: ClockSteps,
    links: LinkWatch,
}

impl Waits {
    /// To be called before anything is attached: a signal that comes early must not end the process at
    /// once.
    fn open(config: &Config) -> Result<Self, RunError> {
        Ok(Self {
            signals: signals().map_err(failed("signals"))?,
            steps: ClockSteps::watch().map_err(failed("the wall clock"))?,
            links: LinkWatch::open(&config.interfaces).map_err(failed("rtnetlink"))?,
        })
    }
}

/// A sensor that can be halted: by this daemon, and without it.
struct Reachable {
    sensor: Arc<Mutex<Sensor>>,
    gate: Arc<SharedSensor<Sensor>>,
    link: StateLink,
}

impl Reachable {
    /// To be called before anything is attached: from then on a halt works without an answer from this daemon.
    fn make(prepared: &Prepared, mut sensor: Sensor) -> Result<Self, RunError> {
        let (directory, socket) =
            (&prepared.config.state.directory, &prepared.config.control_socket);
        Gates::announce(directory, socket, sensor.lease_numbers())?;
        let link = StateLink::make(socket, directory)?;
        let halted = halt_again(prepared, &mut sensor)?;
        let sensor = Arc::new(Mutex::new(sensor));
        let gate = Arc::new(SharedSensor::new(Arc::clone(&sensor), halted));
        Ok(Self { sensor, gate, link })
    }
}

/// Publishes the first tables. They come before the attachment: no packet is to be judged without tables.
fn publish(orders: &mut OrderService<Sensor>, inherited: &Inherited) -> Result<Ticked, RunError> {
    orders.inherit(inherited, Reading::now());
    Ok(orders.begin(Reading::now())?)
}

/// Whether all selection is halted, according to anything that remembers it. If so, halts the kernel too: what
/// another daemon left may be selecting at this moment.
fn halt_again(prepared: &Prepared, sensor: &mut Sensor) -> Result<bool, RunError> {
    let halted = prepared.registry.halted().is_some()
        || prepared.held.memory.read() != Remembered::Nothing
        || sensor.is_halted()?;
    if halted {
        sensor.set_halted(true)?;
    }
    Ok(halted)
}

fn signals() -> io::Result<[Signal; 4]> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::user_defined2(),
    ];
    let [interrupt, terminate, hang_up, hand_over] = kinds.map(signal);
    Ok([interrupt?, terminate?, hang_up?, hand_over?])
}
