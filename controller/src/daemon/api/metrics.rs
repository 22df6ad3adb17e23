//! Metrics, read from the kernel on request. `docs/metrics.md` says what each means.
//! No label comes from traffic (L-AUTO): interfaces, CPUs, directions, outcomes and states only.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sensor_common::counters::{self, Counters};
use sensor_common::direction::{AddressClass, Direction};
use sensor_common::outcome::Outcome;

use crate::daemon::api::monitor::Monitor;
use crate::daemon::config::Config;
use crate::daemon::interfaces::links::{InterfaceState, View};
use crate::daemon::interfaces::route::watch::Carried;
use crate::daemon::records::books::{Account, Missing};
use crate::daemon::records::set_aside_reason::SetAsideReason;
use crate::registry::inputs::{Classes, PrefixCounts};

/// A registry that asks the monitor.
pub fn registry(monitor: Arc<Monitor>) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(MonitorCollector(monitor)));
    registry
}

struct MonitorCollector(Arc<Monitor>);

impl fmt::Debug for MonitorCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MonitorCollector")
    }
}

/// The counters of one CPU on one interface.
struct Cpu {
    interface: String,
    number: String,
    counters: Counters,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for MonitorCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let monitor = &self.0;
        let cpus = cpus(monitor.counters().map_err(|_| fmt::Error)?);
        let rows = |value: fn(&Counters, Outcome, Option<Direction>) -> u64| {
            cpus.iter().flat_map(move |cpu| {
                cells(&cpu.counters).map(move |(outcome, direction)| {
                    let mut labels = cpu.labels();
                    labels.push(("direction", counters::column_name(direction)));
                    labels.push(("outcome", outcome.name()));
                    (labels, value(&cpu.counters, outcome, direction))
                })
            })
        };
        let plain = |value: fn(&Counters) -> u64| {
            cpus.iter().map(move |cpu| (cpu.labels(), value(&cpu.counters)))
        };
        let e = &mut encoder;
        counter(e, "packets", "Packets by direction and outcome", rows(Counters::packets))?;
        counter(e, "bytes", "Bytes of these packets' frames", rows(Counters::bytes))?;
        counter(e, "records", "Records submitted by the kernel", plain(Counters::records))?;
        counter(e, "records_lost", "Records that a full ring lost", plain(Counters::lost))?;
        interfaces(e, &monitor.views())?;
        if let Some(carried) = monitor.routes() {
            default_routes(e, monitor.config(), &carried)?;
        }
        records(e, &monitor.account().map_err(|_| fmt::Error)?)?;
        let failing = u64::from(monitor.output_trouble().is_some());
        let help = "1 while the output does not take records, or has lost some";
        gauge(e, "output_failing", help, [(Labels::new(), failing)])?;
        let orders = monitor.order_states();
        let orders = orders.iter().map(|(state, count)| (vec![("state", state.name())], *count));
        gauge(e, "orders", "Orders by state", orders)?;
        let idle = [(Labels::new(), monitor.idle_rules())];
        gauge(e, "rules_idle", "Rules in force that have selected nothing for long", idle)?;
        let unwritten = [(Labels::new(), u64::from(monitor.unwritten().is_some()))];
        gauge(e, "state_unwritten", "1 while the state cannot be written", unwritten)?;
        if let Some(basis) = monitor.basis() {
            direction(e, &basis.classes)?;
        }
        limits(e, monitor)?;
        if let Some(count) = monitor.verified_instructions() {
            let help = "Instructions that the verifier walked through to accept the program";
            gauge(e, "verified_instructions", help, [(Labels::new(), u64::from(count))])?;
        }
        info(e, monitor)
    }
}

/// The result of the direction files.
fn direction(e: &mut DescriptorEncoder<'_>, classes: &Classes) -> fmt::Result {
    let foreign = u64::from(classes.default == AddressClass::Foreign.name());
    let help = "1 while addresses that no direction file names count as foreign";
    gauge(e, "direction_default_foreign", help, [(Labels::new(), foreign)])?;
    let prefixes = classes.prefixes.iter().flat_map(|(family, prefixes)| {
        let PrefixCounts { domestic, foreign, unclassified } = *prefixes;
        [
            (AddressClass::Domestic, domestic),
            (AddressClass::Foreign, foreign),
            (AddressClass::Unclassified, unclassified),
        ]
        .map(|(class, count)| {
            (vec![("class", class.name()), ("family", family.name())], count as u64)
        })
    });
    gauge(e, "direction_prefixes", "Prefixes that direction files name", prefixes)
}

/// How much the kernel may select, and until when.
fn limits(e: &mut DescriptorEncoder<'_>, monitor: &Monitor) -> fmt::Result {
    if let Some(share) = monitor.share() {
        let help = "Bytes per second of foreign-to-foreign traffic that may be inspected";
        gauge(e, "share_bytes_per_second", help, [(Labels::new(), share)])?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a minute at most, to the microsecond")]
    let lease = monitor.lease_remaining() as f64 / 1e9;
    let help = "Seconds for which the kernel goes on selecting without a sign of life";
    let descriptor = ConstGauge::new(lease);
    let encoder = e.encode_descriptor(
        "sekisho_lease_remaining_seconds",
        help,
        None,
        descriptor.metric_type(),
    )?;
    descriptor.encode(encoder)
}

fn interfaces(encoder: &mut DescriptorEncoder<'_>, views: &[View]) -> fmt::Result {
    let states = views.iter().flat_map(|view| {
        InterfaceState::NAMES.into_iter().map(|name| {
            let labels = vec![("interface", view.interface.as_str()), ("state", name)];
            (labels, u64::from(view.state.name() == name))
        })
    });
    gauge(encoder, "interface_state", "1 for the state that an interface is in", states)?;
    let again =
        views.iter().map(|view| (vec![("interface", view.interface.as_str())], view.reattached));
    let help = "Times that a program which had been detached was attached again";
    counter(encoder, "reattachments", help, again)
}

fn default_routes(
    encoder: &mut DescriptorEncoder<'_>,
    config: &Config,
    carried: &Carried,
) -> fmt::Result {
    let interfaces = config.interfaces.iter().map(|name| {
        let one = carried.interfaces.contains_key(name);
        (vec![("interface", name.as_str())], u64::from(one))
    });
    let help = "1 while an interface whose frames are dropped carries a default route";
    gauge(encoder, "interface_default_route", help, interfaces)
}

/// What became of the records that the kernel submitted.
fn records(e: &mut DescriptorEncoder<'_>, account: &Account) -> fmt::Result {
    let Account { totals, waiting, tampered, .. } = account;
    let one = |value| [(Labels::new(), value)];
    counter(e, "records_written", "Records that are in the output", one(totals.written))?;
    gauge(e, "records_waiting", "Records that are on their way to the output", one(*waiting))?;
    let asides = SetAsideReason::ALL.map(|reason| {
        let count = totals.set_aside.get(&reason).copied().unwrap_or_default();
        (vec![("reason", reason.name())], count)
    });
    counter(e, "records_set_aside", "Records that no order is answerable for", asides)?;
    let missing = Missing::ALL.map(|reason| {
        let count = totals.missing.get(&reason).copied().unwrap_or_default();
        (vec![("reason", reason.name())], count)
    });
    counter(e, "records_missing", "Records that were submitted and are nowhere", missing)?;
    let help = "Times that somebody else had written into the kernel's maps or removed a pin";
    counter(e, "kernel_tampered", help, one(*tampered))
}

impl Cpu {
    fn labels(&self) -> Labels<'_> {
        vec![("interface", &self.interface), ("cpu", &self.number)]
    }
}

/// Every CPU that is online or has counted something.
fn cpus(interfaces: Vec<(String, Vec<Counters>)>) -> Vec<Cpu> {
    let online = aya::util::online_cpus().unwrap_or_default();
    let mut cpus = Vec::new();
    for (interface, counters) in interfaces {
        for (cpu, counters) in (0_u32..).zip(counters) {
            if online.contains(&cpu) || counters != Counters::default() {
                cpus.push(Cpu { interface: interface.clone(), number: cpu.to_string(), counters });
            }
        }
    }
    cpus
}

/// The pairs of outcome and direction that can occur, and any other that did occur.
fn cells(counters: &Counters) -> impl Iterator<Item = (Outcome, Option<Direction>)> {
    let pairs = Outcome::ALL.iter().flat_map(|o| counters::columns().map(move |d| (*o, d)));
    pairs.filter(|(outcome, direction)| {
        let expected = match outcome {
            Outcome::Domestic => *direction == Some(Direction::DomesticToDomestic),
            Outcome::Unclassified | Outcome::NonIp | Outcome::Malformed => direction.is_none(),
            _ => direction.is_some_and(|d| d != Direction::DomesticToDomestic),
        };
        expected || counters.packets(*outcome, *direction) > 0
    })
}

fn counter<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> fmt::Result {
    family(encoder, name, help, values, ConstCounter::new)
}

fn gauge<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> fmt::Result {
    let signed = |value| ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    family(encoder, name, help, values, signed)
}

fn family<'a, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
    metric: impl Fn(u64) -> M,
) -> fmt::Result {
    let name = format!("sekisho_{name}");
    let kind = metric(0).metric_type();
    let mut encoder = encoder.encode_descriptor(&name, help, None, kind)?;
    for (labels, value) in values {
        if labels.is_empty() {
            // The one value of a family without labels: encoded as a family it would get braces.
            return metric(value).encode(encoder);
        }
        metric(value).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

fn info(encoder: &mut DescriptorEncoder<'_>, monitor: &Monitor) -> fmt::Result {
    let config = monitor.config();
    let info = Info::new(vec![
        ("sensor", config.sensor.clone()),
        ("mode", config.mode.name().to_owned()),
        ("xdp", config.xdp.name().to_owned()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    let help = "What this sensor is";
    let metric = encoder.encode_descriptor("sekisho", help, None, info.metric_type())?;
    info.encode(metric)
}
