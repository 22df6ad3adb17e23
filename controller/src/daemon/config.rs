//! The daemon's configuration file: TOML, read strictly. What it refers to (orders, trust,
//! direction) is read in `prepare`.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use sensor_common::parse::tunnel::Entered;
use serde::Deserialize;

use crate::control::DEFAULT_SOCKET;
use crate::daemon::control_group::ControlGroup;
use crate::direction::{Country, DirectionInputs, Family, Unnamed};
use crate::gates::MOST_INTERFACES;
use crate::kernel::{LifeLog, Mode, XdpAttach};
use crate::registry::{IDLE_DAYS, IDLE_RANGE, StatePaths, idle_after};
use crate::rejection::{Rejection, Requirement};
use crate::shown::shown;
use crate::tunnels::{named, names};

/// Largest ring buffer: the kernel takes no larger one.
const LARGEST_RING: u32 = 1 << 30;
/// The page size of every platform that is supported.
const PAGE: u32 = 4096;

/// A valid configuration. Paths are as the daemon opens them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// The sensor's name, in every record.
    pub sensor: String,
    /// The facility that it stands in; orders for another one are refused (L-APPROVE).
    pub facility: String,
    /// What happens to frames after inspection.
    pub mode: Mode,
    /// The encapsulations that are entered.
    pub entered: Entered,
    /// Where packets are inspected; never empty.
    pub interfaces: Vec<String>,
    /// How the program is attached.
    pub xdp: XdpAttach,
    /// The first trust file; a later one comes into force by a rotation.
    pub trust: PathBuf,
    /// The state directory and its anchor.
    pub state: StatePaths,
    /// Envelopes with orders that are installed at the start.
    pub orders: Vec<PathBuf>,
    /// Where records go.
    pub output: Output,
    /// How long the kernel goes on selecting after the last sign of life (L-TERM).
    pub lease: Duration,
    /// After how long without a record a rule is reported (L-MIN).
    pub idle_after: SignedDuration,
    /// Where metrics and health are served, if anywhere.
    pub http: Option<SocketAddr>,
    /// The socket that `sekisho status` asks.
    pub control_socket: PathBuf,
    /// The group whose members may ask; without one, the daemon's own group.
    pub control_group: Option<ControlGroup>,
    /// A folder on a BPF file system, for this sensor alone, where it stays while no daemon runs.
    pub pin: Option<PathBuf>,
    /// Size of each ring buffer in bytes; every interface has one for each CPU that is online.
    pub ring_bytes: u32,
    /// Whether the kernel program logs its own life (never a packet).
    pub life_log: LifeLog,
    /// What is domestic and what is foreign (L-DIR).
    pub direction: DirectionInputs,
}

/// Where records go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Standard output, written `-`.
    Stdout,
    /// A file, to whose end records are added.
    File(PathBuf),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    sensor: String,
    facility: String,
    mode: Mode,
    interfaces: Vec<String>,
    decapsulate: Option<Vec<String>>,
    #[serde(default)]
    xdp: XdpAttach,
    trust: PathBuf,
    state: PathBuf,
    anchor: Option<PathBuf>,
    #[serde(default)]
    orders: Vec<PathBuf>,
    output: PathBuf,
    #[serde(default = "default_lease")]
    lease_seconds: u64,
    #[serde(default = "default_idle")]
    idle_days: u16,
    http: Option<SocketAddr>,
    #[serde(default = "default_socket")]
    control_socket: PathBuf,
    control_group: Option<ControlGroup>,
    pin: Option<PathBuf>,
    #[serde(default = "default_ring")]
    ring_bytes: u32,
    #[serde(default)]
    life_log: bool,
    direction: WrittenDirection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDirection {
    #[serde(default)]
    domestic: Vec<PathBuf>,
    #[serde(default)]
    foreign: Vec<PathBuf>,
    country: Option<String>,
    #[serde(default)]
    default: WrittenUnnamed,
    #[serde(default)]
    without_domestic: Vec<Family>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenUnnamed {
    #[default]
    Unclassified,
    Foreign,
}

const fn default_lease() -> u64 {
    10
}

const fn default_idle() -> u16 {
    IDLE_DAYS
}

fn default_socket() -> PathBuf {
    DEFAULT_SOCKET.into()
}

const fn default_ring() -> u32 {
    8 << 20
}

/// How long a lease may be, in seconds.
pub const LEASES: RangeInclusive<u64> = 2..=60;

impl Config {
    /// Reads a configuration. Relative paths in it are relative to the folder of `path`.
    ///
    /// # Errors
    /// A [`Rejection`] that names the key.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Rejection> {
        let file = shown(path);
        let written = read(&file, bytes)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let config = written.resolve(folder).map_err(|(key, reason, requirement)| {
            let rejection = Rejection::new(&file, reason).at(key);
            match requirement {
                Some(requirement) => rejection.under(requirement),
                None => rejection,
            }
        })?;
        Ok(config)
    }

    /// The keys that only a restart can change, each with its value. All others take effect when the
    /// configuration is read again.
    pub fn fixed(&self) -> Vec<(&'static str, String)> {
        // Every key is listed, so that none is forgotten.
        let Self {
            sensor,
            facility,
            mode,
            entered,
            interfaces,
            xdp,
            trust: _,
            state,
            orders: _,
            output,
            lease: _,
            idle_after: _,
            http,
            control_socket,
            control_group,
            pin,
            ring_bytes,
            life_log,
            direction: _,
        } = self;
        vec![
            ("sensor", sensor.clone()),
            ("facility", facility.clone()),
            ("mode", format!("{mode:?}")),
            ("decapsulate", names(*entered).join(", ")),
            ("interfaces", format!("{interfaces:?}")),
            ("xdp", format!("{xdp:?}")),
            ("state", state.directory.display().to_string()),
            ("anchor", state.anchor.display().to_string()),
            ("pin", format!("{pin:?}")),
            ("output", format!("{output:?}")),
            ("http", format!("{http:?}")),
            ("control_socket", control_socket.display().to_string()),
            ("control_group", format!("{control_group:?}")),
            ("ring_bytes", ring_bytes.to_string()),
            ("life_log", format!("{life_log:?}")),
        ]
    }
}

fn read(file: &str, bytes: &[u8]) -> Result<Written, Rejection> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Rejection::new(file, format!("is not UTF-8: {error}")))?;
    let refuse = |error: &toml::de::Error, key: Option<String>| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            format!("line {}", before.matches('\n').count() + 1)
        });
        let place = key.into_iter().chain(line).collect::<Vec<_>>().join(", ");
        let rejection = Rejection::new(file, error.message().replace('\n', "; "));
        if place.is_empty() { rejection } else { rejection.at(place) }
    };
    let reader = toml::Deserializer::parse(text).map_err(|error| refuse(&error, None))?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let key = error.path().to_string();
        refuse(error.inner(), (key != ".").then_some(key))
    })
}

type Refusal = (String, String, Option<Requirement>);

fn refuse<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, Refusal> {
    Err((key.into(), reason.into(), None))
}

fn outside<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("is not between {} and {}", range.start(), range.end())
}

impl Written {
    fn resolve(self, folder: &Path) -> Result<Config, Refusal> {
        name("sensor", &self.sensor)?;
        if self.facility.is_empty() {
            return refuse("facility", "is empty");
        }
        interfaces(&self.interfaces)?;
        if !LEASES.contains(&self.lease_seconds) {
            return refuse("lease_seconds", outside(&LEASES));
        }
        if !IDLE_RANGE.contains(&i64::from(self.idle_days)) {
            return refuse("idle_days", outside(&IDLE_RANGE));
        }
        if !self.ring_bytes.is_power_of_two() || !(PAGE..=LARGEST_RING).contains(&self.ring_bytes) {
            let reason = format!("is not a power of two between {PAGE} and {LARGEST_RING}");
            return refuse("ring_bytes", reason);
        }
        let output = if self.output.as_os_str() == "-" {
            Output::Stdout
        } else {
            Output::File(file("output", folder, &self.output)?)
        };
        Ok(Config {
            sensor: self.sensor,
            facility: self.facility,
            mode: self.mode,
            entered: entered(self.decapsulate.as_deref())?,
            interfaces: self.interfaces,
            xdp: self.xdp,
            trust: file("trust", folder, &self.trust)?,
            state: place(folder, &self.state, self.anchor.as_deref())?,
            orders: files("orders", folder, &self.orders)?,
            output,
            lease: Duration::from_secs(self.lease_seconds),
            idle_after: idle_after(self.idle_days),
            http: self.http,
            control_socket: file("control_socket", folder, &self.control_socket)?,
            control_group: self.control_group,
            pin: self.pin.as_deref().map(|pin| file("pin", folder, pin)).transpose()?,
            ring_bytes: self.ring_bytes,
            life_log: if self.life_log { LifeLog::On } else { LifeLog::Off },
            direction: self.direction.resolve(folder)?,
        })
    }
}

impl WrittenDirection {
    fn resolve(self, folder: &Path) -> Result<DirectionInputs, Refusal> {
        if self.domestic.is_empty() && self.foreign.is_empty() {
            let reason = "name at least one file under domestic or foreign";
            return Err(("direction".into(), reason.into(), Some(Requirement::Dir)));
        }
        let country = match self.country {
            None => None,
            Some(text) => match text.parse::<Country>() {
                Ok(country) => Some(country),
                Err(fault) => return refuse("direction.country", fault.to_string()),
            },
        };
        Ok(DirectionInputs {
            domestic: files("direction.domestic", folder, &self.domestic)?,
            foreign: files("direction.foreign", folder, &self.foreign)?,
            country,
            default: match self.default {
                WrittenUnnamed::Foreign => Unnamed::Foreign,
                WrittenUnnamed::Unclassified => Unnamed::Unclassified,
            },
            without_domestic: self.without_domestic,
        })
    }
}

fn file(key: &str, folder: &Path, path: &Path) -> Result<PathBuf, Refusal> {
    if path.as_os_str().is_empty() {
        return refuse(key, "is empty");
    }
    Ok(folder.join(path))
}

fn place(folder: &Path, state: &Path, anchor: Option<&Path>) -> Result<StatePaths, Refusal> {
    let directory = file("state", folder, state)?;
    let anchor = anchor.map(|anchor| file("anchor", folder, anchor)).transpose()?;
    // A copy of the directory must not bring its own anchor along.
    if anchor.as_ref().is_some_and(|anchor| anchor.starts_with(&directory)) {
        return refuse("anchor", "is inside of the state directory that it is to guard");
    }
    Ok(StatePaths::new(&directory, anchor.as_deref()))
}

fn files(key: &str, folder: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Refusal> {
    let numbered = paths.iter().enumerate();
    numbered.map(|(index, path)| file(&format!("{key}[{index}]"), folder, path)).collect()
}

/// The encapsulations with these names; all of them if nothing is said.
fn entered(names: Option<&[String]>) -> Result<Entered, Refusal> {
    let Some(names) = names else { return Ok(Entered::ALL) };
    let numbered = names.iter().enumerate();
    numbered
        .map(|(index, name)| {
            named(name).or_else(|fault| refuse(format!("decapsulate[{index}]"), fault.to_string()))
        })
        .collect()
}

/// A name that can stand in every record and as a metric's label.
fn name(key: &str, text: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    refuse(key, "is not a name of 1 to 64 characters of A-Z a-z 0-9 . _ -")
}

fn interfaces(names: &[String]) -> Result<(), Refusal> {
    if names.is_empty() {
        return refuse("interfaces", "names no interface");
    }
    if names.len() > MOST_INTERFACES {
        return refuse("interfaces", format!("names more than {MOST_INTERFACES} interfaces"));
    }
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let key = format!("interfaces[{index}]");
        // What the kernel takes for a name (dev_valid_name), without what no one can type.
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"/:".contains(&byte);
        let fits = (1..16).contains(&name.len()) && name != "." && name != "..";
        if !fits || !name.bytes().all(allowed) {
            return refuse(key, "is not the name of a network interface");
        }
        if !seen.insert(name) {
            return refuse(key, "is named twice");
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
