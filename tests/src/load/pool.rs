//! Frames that somebody sends who means no good, made from a seed, each with what must become of it: the host
//! engine says.

use controller::engine::{Engine as _, HostEngine};
use proptest::prelude::Rng as _;
use proptest::test_runner::TestRng;
use sekisho_stack::{Nature, Outer, Piece, wrapped};
use sensor_common::counters::{Counters, columns};
use sensor_common::direction::Direction;
use sensor_common::outcome::Outcome;

use crate::frames::build::{
    ABROAD, C2, C2_NET, HOME, HOME_2, PRIVATE, ip4, ip6, patched, raw, tagged, tcp, udp,
};
use crate::frames::fixtures;
use crate::seed::below;

/// The largest frame of a wire without tags: Ethernet header and MTU.
pub(super) const LONGEST: usize = 14 + super::MTU as usize;

/// What no interface delivers less of: an Ethernet header.
const SHORTEST: usize = 14;

/// Different frames of each kind.
const EACH: usize = 500;

/// A kind of frames.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Named frames, cut, or with bits and bytes changed.
    Damaged,
    /// First fragments of a few bytes, later ones, and such that overlap, of IPv4 and IPv6.
    Fragment,
    /// Legal stacks of encapsulations, up to the most that are entered, and beyond.
    Stack,
    /// Stacks that are damaged.
    DamagedStack,
    /// What no rule selects, between all kinds of addresses.
    Plain,
    /// What one or two orders select.
    Selected,
    /// Frames over several buffers.
    Jumbo,
    /// Anything but IP.
    NonIp,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 8] = [
        Self::Damaged,
        Self::Fragment,
        Self::Stack,
        Self::DamagedStack,
        Self::Plain,
        Self::Selected,
        Self::Jumbo,
        Self::NonIp,
    ];
}

/// A frame and what must become of it.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its bytes, from the Ethernet header on.
    pub(super) bytes: Vec<u8>,
    /// Its one outcome, if its records find room.
    pub(super) outcome: Outcome,
    /// Its direction, if it has one.
    pub(super) direction: Option<Direction>,
    /// Its records.
    pub(super) records: u64,
}

/// Some thousand different frames, judged by an engine.
pub(super) fn pool(random: &mut TestRng, engine: &mut HostEngine) -> Vec<Frame> {
    let named: Vec<Vec<u8>> = fixtures().into_iter().map(|fixture| fixture.frame).collect();
    let mut frames = Vec::new();
    for kind in Kind::ALL {
        let before = frames.len();
        while frames.len() < before + EACH {
            let bytes = make(kind, random, &named);
            if (SHORTEST..=LONGEST).contains(&bytes.len()) {
                frames.push(judged(kind, bytes, engine));
            }
        }
    }
    frames
}

fn judged(kind: Kind, bytes: Vec<u8>, engine: &mut HostEngine) -> Frame {
    let before = engine.counters().expect("the host engine counts");
    let records = engine.judge(&bytes).expect("the host engine judges everything").len() as u64;
    let after = engine.counters().expect("the host engine counts");
    let (outcome, direction) = added(&before, &after);
    Frame { kind, bytes, outcome, direction, records }
}

/// The one place where a frame was counted.
fn added(before: &Counters, after: &Counters) -> (Outcome, Option<Direction>) {
    let places =
        Outcome::ALL.iter().flat_map(|outcome| columns().map(move |column| (*outcome, column)));
    let mut changed = places.filter(|(outcome, column)| {
        after.packets(*outcome, *column) != before.packets(*outcome, *column)
    });
    changed.next().expect("every frame has an outcome")
}

fn make(kind: Kind, random: &mut TestRng, named: &[Vec<u8>]) -> Vec<u8> {
    match kind {
        Kind::Damaged => {
            let mut frame = named[below(random, named.len())].clone();
            for _ in 0..=below(random, 3) {
                damage(random, &mut frame, 80);
            }
            frame
        }
        Kind::Fragment => fragment(random),
        Kind::Stack => {
            let layers = below(random, 10);
            stack(random, layers)
        }
        Kind::DamagedStack => {
            let layers = 1 + below(random, 9);
            let mut frame = stack(random, layers);
            let length = frame.len();
            damage(random, &mut frame, length);
            frame
        }
        Kind::Plain => plain(random),
        Kind::Selected => selected(random),
        Kind::Jumbo => jumbo(random),
        Kind::NonIp => non_ip(random),
    }
}

fn port(random: &mut TestRng) -> u16 {
    let [low, high, ..] = random.next_u32().to_le_bytes();
    u16::from_le_bytes([low, high])
}

fn byte(random: &mut TestRng) -> u8 {
    random.next_u32().to_le_bytes()[0]
}

/// Cuts a frame, or changes one byte among its first ones.
fn damage(random: &mut TestRng, frame: &mut Vec<u8>, first: usize) {
    if frame.is_empty() {
        return;
    }
    let at = below(random, frame.len().min(first));
    match below(random, 4) {
        0 => frame.truncate(at.max(SHORTEST)),
        1 => frame[at] ^= 1 << below(random, 8),
        _ => frame[at] = byte(random),
    }
}

/// A fragment of any offset, of a packet that would be selected if it were whole.
fn fragment(random: &mut TestRng) -> Vec<u8> {
    let offset = [0, 0, 1, 2, 185, 8_189][below(random, 6)];
    let more = u16::from(below(random, 2) == 0);
    let rest = [8, 16, 64, 1_400][below(random, 4)];
    let payload: Vec<u8> = (0..rest).map(|_| byte(random)).collect();
    if below(random, 2) == 0 {
        let protocol = [1, 6, 17, 47, 50][below(random, 5)];
        let field = (more << 13 | offset).to_be_bytes();
        patched(raw(ip4(C2, ABROAD), protocol, &payload), 20, &field)
    } else {
        let field = (offset << 3 | more).to_be_bytes();
        let next = [6, 17, 44, 58, 60][below(random, 5)];
        let header = [next, 0, field[0], field[1], 0, 0, 0, byte(random)];
        raw(
            ip6("2001:db8:5::1", "2001:db8:81::9"),
            44,
            &[header.as_slice(), payload.as_slice()].concat(),
        )
    }
}

/// So many layers around a packet.
fn stack(random: &mut TestRng, layers: usize) -> Vec<u8> {
    let inner = match below(random, 3) {
        0 => tcp(ip4(C2, HOME), port(random), 443),
        1 => udp(ip6("2001:db8:5::1", "2001:db8:81::9"), port(random), 2),
        _ => tcp(ip4(HOME, HOME_2), port(random), 443),
    };
    let mut piece = Piece::packet(inner[14..].to_vec());
    // Half of them are the deepest of one kind: as deep as is entered, or a layer deeper.
    let deep = below(random, 4);
    for _ in 0..layers {
        piece = match (deep, piece.nature) {
            (0, Nature::Ipv4 | Nature::Ipv6) => piece.ip_in_ip(Outer::V4),
            (1, _) => piece.gre(Outer::V6, 0),
            _ => wrapped(piece, &mut |limit| {
                u32::try_from(below(random, limit as usize)).expect("below a u32")
            }),
        };
    }
    piece.on_the_wire().bytes
}

/// Between two addresses of which no order names one where it matters.
fn plain(random: &mut TestRng) -> Vec<u8> {
    let hosts: [[u8; 4]; 6] = [
        [198, 51, 100, 130 + byte(random) % 100],
        [192, 0, 2, byte(random) % 128],
        [192, 0, 2, 128 + byte(random) % 128],
        [203, 0, 113, byte(random)],
        PRIVATE,
        [8, 8, byte(random), byte(random)],
    ];
    let ends = (hosts[below(random, 6)], hosts[below(random, 6)]);
    let (from, to) = (port(random), port(random));
    let frame = match below(random, 5) {
        0 => udp(ip4(ends.0, ends.1), from, to),
        1 => raw(ip4(ends.0, ends.1), byte(random), &[0; 32]),
        2 => tcp(ip6("2001:db8:9::1", "2001:db8:a::2"), from, to),
        3 => udp(ip6("2001:db8:81::1", "fe80::2"), from, to),
        _ => tcp(ip4(ends.0, ends.1), from, to),
    };
    let tags = [0x88a8, 0x9100, 0x8100];
    tagged(frame, &tags[3 - below(random, 4)..])
}

fn selected(random: &mut TestRng) -> Vec<u8> {
    let from = port(random);
    match below(random, 6) {
        0 => tcp(ip4(C2, ABROAD), from, 443),
        1 => tcp(ip4(C2, C2_NET), from, 443),
        2 => tcp(ip4(C2, HOME), from, port(random)),
        3 => udp(ip4(HOME, C2), from, port(random)),
        4 => raw(ip4(C2, HOME), 1, &[8, 0, 0, 0, 0, 0, 0, byte(random)]),
        _ => tcp(ip6("2001:db8:5::1", "2001:db8:7::1"), from, 8_000 + from % 100),
    }
}

/// Longer than a page, selected or not.
fn jumbo(random: &mut TestRng) -> Vec<u8> {
    let most = LONGEST - 14 - 40 - 8;
    let payload = vec![byte(random); most - below(random, 5_000)];
    match below(random, 4) {
        0 => raw(ip4(C2, ABROAD), 50, &payload),
        1 => raw(ip4(ABROAD, C2_NET), 50, &payload),
        2 => raw(ip6("2001:db8:5::1", "2001:db8:81::9"), 17, &payload),
        // TCP behind more options than are stepped over at once.
        _ => raw(
            ip6("2001:db8:5::1", "2001:db8:81::9"),
            60,
            &[[6, 255].as_slice(), &payload].concat(),
        ),
    }
}

fn non_ip(random: &mut TestRng) -> Vec<u8> {
    // ARP, PPPoE discovery, LLDP, MACsec, a length instead of a type, or anything.
    let types = [0x0806, 0x8863, 0x88cc, 0x88e5, 46, port(random)];
    let ether_type: u16 = types[below(random, types.len())];
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1];
    frame.extend(ether_type.to_be_bytes());
    frame.extend((0..below(random, 100)).map(|_| byte(random)));
    frame
}
