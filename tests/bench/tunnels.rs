//! Tunnels: what each encapsulation costs beside a plain packet, and the dearest stack of them.

use std::cmp::Reverse;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sekisho_stack::{Mirror, Outer, Piece, TEREDO_INDICATIONS, gre, wrapped_by};
use sensor_common::outcome::Outcome;

use crate::cases::{Bench, M};
use crate::internet::Internet;
use crate::numbers::Random;
use crate::orders::Selectors;
use crate::progress;
use crate::report::{Figure, Goal, median};
use crate::rig::{RUNS, Subject, rounds};
use crate::sensor::Sensor;
use crate::trace::Trace;

/// The stack that costs the most.
pub(crate) const DEAREST: &str = "tunnel-dearest";

/// As many encapsulations as are entered.
const MOST: usize = 8;

/// What a plain packet is put into.
type Wrap = fn(Piece) -> Piece;

/// The packet that is put into tunnels, always from the same source to the same destination.
#[derive(Clone, Copy)]
enum Inner {
    V4,
    V6,
    /// With as many extension headers as are stepped over.
    V6Extended,
}

impl Inner {
    fn trace(self, internet: &Internet) -> Trace {
        match self {
            Self::V4 => Trace::hot(internet),
            Self::V6 => Trace::v6(internet, 1),
            Self::V6Extended => Trace::v6(internet, 1).with_extension_headers(),
        }
    }
}

/// A case.
#[derive(Clone, Copy)]
pub(crate) struct Tunnel {
    case: &'static str,
    inner: Inner,
    wrap: Wrap,
}

impl Tunnel {
    /// The packet in what it is put into.
    pub(crate) fn trace(self, internet: &Internet) -> Trace {
        self.inner.trace(internet).inside(self.wrap)
    }
}

const fn tunnel(case: &'static str, inner: Inner, wrap: Wrap) -> Tunnel {
    Tunnel { case, inner, wrap }
}

/// All flags of GRE.
const ALL_FLAGS: u16 = gre::CHECKSUM | gre::KEY | gre::SEQUENCE;

/// All cases but [`DEAREST`].
const TUNNELS: &[Tunnel] = &[
    tunnel("tunnel-vlan", Inner::V4, |packet| packet.frame(&[0x8100])),
    tunnel("tunnel-vlan-3", Inner::V4, |packet| packet.frame(&[0x88a8, 0x8100, 0x8100])),
    tunnel("tunnel-mpls", Inner::V4, |packet| packet.labels(1, false)),
    tunnel("tunnel-mpls-6", Inner::V4, |packet| packet.labels(6, false)),
    tunnel("tunnel-mpls-ethernet", Inner::V4, |packet| packet.frame(&[]).labels(1, true)),
    tunnel("tunnel-pppoe", Inner::V4, Piece::session),
    tunnel("tunnel-gre", Inner::V4, |packet| packet.gre(Outer::V4, 0)),
    tunnel("tunnel-erspan", Inner::V4, |packet| packet.frame(&[]).mirrored(Outer::V4, Mirror::II)),
    tunnel("tunnel-ip-in-ip", Inner::V4, |packet| packet.ip_in_ip(Outer::V4)),
    tunnel("tunnel-ip-in-ip-v6", Inner::V4, |packet| packet.ip_in_ip(Outer::V6)),
    tunnel("tunnel-etherip", Inner::V4, |packet| packet.frame(&[]).etherip(Outer::V4)),
    tunnel("tunnel-vxlan", Inner::V4, |packet| packet.frame(&[]).vxlan(Outer::V4, 4_789)),
    tunnel("tunnel-geneve", Inner::V4, |packet| packet.frame(&[]).geneve(Outer::V4, 2)),
    tunnel("tunnel-gtp-u", Inner::V4, |packet| packet.gtp(Outer::V4, &[])),
    tunnel("tunnel-gtp-u-4", Inner::V4, |packet| packet.gtp(Outer::V4, &[1, 1, 1, 1])),
    tunnel("tunnel-teredo", Inner::V6, |packet| {
        packet.teredo(Outer::V4, false, &TEREDO_INDICATIONS)
    }),
    tunnel("tunnel-ip-in-ip-8", Inner::V4, |packet| {
        eight(packet, |piece| piece.ip_in_ip(Outer::V4))
    }),
    tunnel("tunnel-gtp-u-8", Inner::V4, |packet| eight(packet, |piece| piece.gtp(Outer::V4, &[1]))),
    tunnel("tunnel-gtp-u-8-v6", Inner::V6, |packet| {
        eight(packet, |piece| piece.gtp(Outer::V6, &[1]))
    }),
    tunnel("tunnel-geneve-8-v6", Inner::V6, |packet| {
        eight(packet, |piece| piece.frame(&[]).geneve(Outer::V6Extended(1), 7))
    }),
    tunnel("tunnel-vxlan-8", Inner::V4, |packet| {
        eight(packet, |piece| piece.frame(&[]).vxlan(Outer::V4, 4_789))
    }),
    tunnel("tunnel-mpls-ethernet-8", Inner::V4, |packet| {
        eight(packet, |piece| piece.frame(&[]).labels(6, true))
    }),
    tunnel("extension-headers-8", Inner::V6Extended, |packet| packet),
];

/// Stacks that look dear. What is tried beside them is random.
const STACKS: &[(&str, Wrap)] = &[
    ("8 × IPv4 in IPv4", |packet| eight(packet, |piece| piece.ip_in_ip(Outer::V4))),
    ("8 × IP in IPv6", |packet| eight(packet, |piece| piece.ip_in_ip(Outer::V6))),
    ("8 × IP in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.ip_in_ip(Outer::V6Extended(1)))
    }),
    ("8 × GRE with all fields in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.gre(Outer::V6Extended(1), ALL_FLAGS))
    }),
    ("8 × Ethernet in GRE with all fields in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.frame(&[]).gre(Outer::V6Extended(1), ALL_FLAGS))
    }),
    ("8 × Ethernet in VXLAN in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.frame(&[]).vxlan(Outer::V6Extended(1), 4_789))
    }),
    ("8 × Ethernet in Geneve in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.frame(&[]).geneve(Outer::V6Extended(1), 7))
    }),
    ("8 × GTP-U in IPv6 with an extension header", |packet| {
        eight(packet, |piece| piece.gtp(Outer::V6Extended(1), &[]))
    }),
    ("8 × GTP-U with an extension header in IPv6", |packet| {
        eight(packet, |piece| piece.gtp(Outer::V6, &[1]))
    }),
    (
        "3 tags, then Ethernet with a control word behind 6 labels, then 4 × the same in GRE",
        |packet| {
            let pseudowire = packet.frame(&[0x88a8, 0x8100, 0x8100]).labels(6, true);
            let once = pseudowire.gre(Outer::V6, ALL_FLAGS).frame(&[]).labels(6, true);
            once.gre(Outer::V6, ALL_FLAGS)
        },
    ),
    ("8 × Ethernet with a control word behind 6 labels", |packet| {
        eight(packet, |piece| piece.frame(&[]).labels(6, true))
    }),
];

fn eight(packet: Piece, wrap: Wrap) -> Piece {
    (0..MOST).fold(packet, |piece, _| wrap(piece))
}

/// Names and goals.
pub(crate) fn cases() -> impl Iterator<Item = (&'static str, Goal)> {
    let each = TUNNELS.iter().map(|tunnel| (tunnel.case, Goal::None));
    each.chain([(DEAREST, Goal::TimesPlain(10.0))])
}

/// The case of this name, if it is one of these and no search.
pub(crate) fn named(case: &str) -> Option<Tunnel> {
    TUNNELS.iter().find(|tunnel| tunnel.case == case).copied()
}

/// Nanoseconds per packet of a trace, and of a plain packet in turns with it.
pub(crate) fn beside_plain(bench: &mut Bench, case: &'static str, trace: &Trace) -> Result<Figure> {
    let mut plain = bench.rig(&Trace::hot(&bench.internet))?;
    let mut rig = bench.rig(trace)?;
    let sensor = bench.sensor(SELECTORS)?;
    let before = sensor.seen(Outcome::Unmatched)?;
    let subject = Subject::Other(sensor.program.descriptor()?);
    let runs = rounds(RUNS, |_| Ok((plain.above_empty(&subject)?, rig.above_empty(&subject)?)))?;
    sensor.expect(Outcome::Unmatched, before)?;
    let (plain, runs): (Vec<f64>, Vec<f64>) = runs.into_iter().unzip();
    Ok(Figure { plain: Some(median(&plain)), ..Figure::new(case, "ns", runs) })
}

/// The same orders as for the plain packets of `v4-unmatched-1m-hot`.
pub(crate) const SELECTORS: Selectors = Selectors::V4(M);

/// Random stacks that are tried.
const TRIES: usize = 100;
/// Changes of the dearest random stack that are tried, each with one of its choices another one.
const CHANGES: usize = 200;
/// The numbers by which a random stack is chosen.
const CHOICES: usize = 128;
/// Packets by which a stack is judged briefly.
const BRIEFLY: u32 = 1_000;
/// How often; the quickest counts, as what else the machine does only ever adds.
const BRIEF_RUNS: usize = 2;
/// Stacks that are measured properly.
const FINALISTS: usize = 3;

/// A stack, and what it seems to cost.
struct Candidate {
    name: String,
    trace: Trace,
    /// What a packet takes, briefly measured and with all that is around it.
    brief: Duration,
}

/// The dearest of some stacks that look dear, and of random ones.
pub(crate) fn dearest(bench: &mut Bench) -> Result<Figure> {
    let mut candidates = Vec::new();
    for inner in [Inner::V4, Inner::V6, Inner::V6Extended] {
        for (name, wrap) in STACKS {
            let trace = inner.trace(&bench.internet).inside(wrap);
            let name = match inner {
                Inner::V4 => (*name).to_owned(),
                Inner::V6 => format!("{name}, around IPv6"),
                Inner::V6Extended => format!("{name}, around IPv6 with 8 extension headers"),
            };
            let sensor = bench.sensor(SELECTORS)?;
            candidates.extend(tried(sensor, name, trace)?);
        }
        if !matches!(inner, Inner::V6Extended) {
            candidates.extend(searched(bench, inner)?);
        }
    }
    candidates.sort_unstable_by_key(|candidate| Reverse(candidate.brief));
    let mut dearest: Option<(Figure, Candidate)> = None;
    for candidate in candidates.into_iter().take(FINALISTS) {
        let figure = beside_plain(bench, DEAREST, &candidate.trace)?;
        progress(&format!("{:.0} ns: {}", figure.value, candidate.name));
        if dearest.as_ref().is_none_or(|(dearest, _)| figure.value > dearest.value) {
            dearest = Some((figure, candidate));
        }
    }
    let (figure, Candidate { name, trace, .. }) = dearest.context("no stack was judged")?;
    Ok(figure.note(format!("{name}; a frame of {} bytes", trace.frame().len())))
}

/// The dearest of [`TRIES`] random stacks, after [`CHANGES`].
fn searched(bench: &mut Bench, inner: Inner) -> Result<Option<Candidate>> {
    let mut random = Random::new(8);
    let mut best: Option<(Vec<u64>, Candidate)> = None;
    for number in 0..TRIES + CHANGES {
        let choices = match &best {
            Some((choices, _)) if number >= TRIES => {
                let mut choices = choices.clone();
                let at = random.below(CHOICES);
                choices[at] = random.next();
                choices
            }
            _ => (0..CHOICES).map(|_| random.next()).collect(),
        };
        let (name, trace) = chosen(inner.trace(&bench.internet), &choices);
        if let Some(candidate) = tried(bench.sensor(SELECTORS)?, name, trace)?
            && best.as_ref().is_none_or(|(_, best)| candidate.brief > best.brief)
        {
            best = Some((choices, candidate));
        }
    }
    Ok(best.map(|(_, candidate)| candidate))
}

/// The stack of as many encapsulations as are entered that these numbers choose, and its name.
fn chosen(trace: Trace, choices: &[u64]) -> (String, Trace) {
    let mut numbers = choices.iter().copied().cycle();
    let mut choose = |below: u32| {
        let number = numbers.next().unwrap_or(0) % u64::from(below);
        u32::try_from(number).unwrap_or(0)
    };
    let mut names: Vec<String> = Vec::new();
    let trace = trace.inside(|mut piece| {
        loop {
            let outer = Outer::ALL.get(choose(5) as usize).copied().unwrap_or(Outer::V4);
            let wrapped = wrapped_by(piece.clone(), outer, &mut choose);
            // A frame that carries less than it could is kept only where nothing fits any more.
            if wrapped.tunnels.len() > MOST || names.len() > 3 * MOST {
                return piece;
            }
            let added = wrapped.tunnels.len() - piece.tunnels.len();
            let layers = wrapped.tunnels.get(..added).unwrap_or_default().join(" ");
            names.insert(
                0,
                if added == 0 { "ethernet".into() } else { format!("{layers} ({outer:?})") },
            );
            piece = wrapped;
        }
    });
    (names.join(", "), trace)
}

/// What a stack costs, if the sensor judges it: measured briefly, without the wrapper.
fn tried(sensor: &Sensor, name: String, trace: Trace) -> Result<Option<Candidate>> {
    let before = sensor.seen(Outcome::Unmatched)?;
    sensor.program.test_run(trace.frame(), 1)?;
    if sensor.seen(Outcome::Unmatched)?.1 == before.1 {
        return Ok(None);
    }
    let mut brief = Duration::MAX;
    for _ in 0..BRIEF_RUNS {
        brief = brief.min(sensor.program.test_run(trace.frame(), BRIEFLY)?.1);
    }
    Ok(Some(Candidate { name, trace, brief }))
}
