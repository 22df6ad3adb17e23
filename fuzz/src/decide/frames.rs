//! Frames as an input spells them: their bytes, or how they are put together.

use std::net::IpAddr;

use arbitrary::{Result, Unstructured};
use sekisho_stack::{Piece, wrapped};

use super::spec::{Spec, address};

/// What frames are made of, so that they meet what orders and directions name.
#[derive(Debug)]
pub(super) struct Pool {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
    payloads: Vec<Vec<u8>>,
}

impl Pool {
    pub(super) fn of(spec: &Spec) -> Self {
        let mut pool = Self { v4: Vec::new(), v6: Vec::new(), payloads: vec![Vec::new()] };
        let layers = spec.layers.iter().flatten().map(|(network, _)| network);
        let sets = spec.orders.iter().flat_map(|order| order.sets.iter().flatten());
        let parties = spec.orders.iter().flat_map(|order| &order.party);
        for network in layers.chain(sets).chain(parties) {
            let list = if network.is_ipv4() { &mut pool.v4 } else { &mut pool.v6 };
            list.extend([network.network(), network.broadcast()]);
            list.extend(beside(network.network(), network.broadcast()));
        }
        for order in &spec.orders {
            for set in &order.prefixes {
                pool.payloads.extend_from_slice(set.samples());
            }
        }
        pool
    }

    fn address(&self, u: &mut Unstructured<'_>, v6: bool) -> Result<IpAddr> {
        let list = if v6 { &self.v6 } else { &self.v4 };
        if list.is_empty() || u.ratio(1, 8)? { address(u, v6) } else { Ok(*u.choose(list)?) }
    }
}

/// The addresses before the first and behind the last.
fn beside(first: IpAddr, last: IpAddr) -> [IpAddr; 2] {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => [
            IpAddr::V4(first.to_bits().wrapping_sub(1).into()),
            IpAddr::V4(last.to_bits().wrapping_add(1).into()),
        ],
        (IpAddr::V6(first), IpAddr::V6(last)) => [
            IpAddr::V6(first.to_bits().wrapping_sub(1).into()),
            IpAddr::V6(last.to_bits().wrapping_add(1).into()),
        ],
        mixed => [mixed.0, mixed.1],
    }
}

/// The next frame.
pub(super) fn frame(u: &mut Unstructured<'_>, pool: &Pool) -> Result<Vec<u8>> {
    if u.ratio(1, 4)? {
        let length = u.int_in_range(0..=160)?.min(u.len());
        return Ok(u.bytes(length)?.to_vec());
    }
    let packet = packet(u, pool)?;
    let mut frame = vec![2; 12];
    for _ in 0..*u.choose(&[0_u8, 0, 0, 0, 1, 2, 3])? {
        frame.extend(u.choose(&[[0x81, 0], [0x88, 0xa8], [0x91, 0]])?);
        frame.extend([0, 7]);
    }
    let ether_type = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
    frame.extend(ether_type);
    frame.extend(packet);
    mutate(u, &mut frame)?;
    Ok(frame)
}

/// The next frame, with a packet inside of as many layers as the input asks for; now and then more than are
/// gone through.
pub(super) fn stack(u: &mut Unstructured<'_>, pool: &Pool) -> Result<Vec<u8>> {
    let mut piece = Piece::packet(packet(u, pool)?);
    for _ in 0..*u.choose(&[1_u8, 1, 1, 2, 2, 3, 4, 6, 8, 10])? {
        // Where the input ends, the first of all choices.
        let mut choose = |below: u32| u.int_in_range(0..=below - 1).unwrap_or(0);
        piece = wrapped(piece, &mut choose);
        // Now and then more extension headers than are stepped over.
        if u.ratio(1, 16)? {
            piece.extensions = 0;
        }
    }
    let mut frame = piece.on_the_wire().bytes;
    for _ in 0..*u.choose(&[0_u8, 0, 1, 1, 2, 3])? {
        if frame.is_empty() {
            break;
        }
        damage(u, &mut frame)?;
    }
    Ok(frame)
}

/// So far headers reach in most stacks.
const HEADERS: usize = 200;

/// What a hostile or broken sender may do to a legal stack. Nearly always to its headers: there it matters.
fn damage(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    let reach = frame.len().min(HEADERS);
    let at = u.choose_index(reach)?;
    let length = u.int_in_range(1..=(reach - at).min(40))?;
    match u.int_in_range(0..=7_u8)? {
        0 => mutate(u, frame)?,
        1 | 2 => frame[at] ^= 1 << u.int_in_range(0..=7_u8)?,
        // A length that is nearly right, or a fragment's offset.
        3 => {
            if let Some(field) = frame.get_mut(at..at + 2) {
                let off = *u.choose(&[1_i16, -1, 8, -8, 20, -20, 0x2000, 0x1fff])?;
                let value = u16::from_be_bytes([field[0], field[1]]);
                field.copy_from_slice(&value.wrapping_add_signed(off).to_be_bytes());
            }
        }
        // A type or a port of another layer.
        4 => {
            let types = [
                0x0800_u16, 0x86dd, 0x8100, 0x88a8, 0x8847, 0x8864, 0x6558, 0x88be, 0x22eb, 0x0021,
                0x0057, 4_789, 6_081, 2_152, 3_544, 0x4011, 0x402f, 0x4004, 0x4029, 0x4061, 0x4033,
            ];
            if let Some(field) = frame.get_mut(at..at + 2) {
                field.copy_from_slice(&u.choose(&types)?.to_be_bytes());
            }
        }
        // Headers that are left out.
        5 => drop(frame.drain(at..at + length)),
        // Headers that stand twice.
        6 => {
            let again = frame[at..at + length].to_vec();
            frame.splice(at..at, again);
        }
        // Headers where others were.
        _ => {
            let to = u.choose_index(reach)?;
            let length = length.min(frame.len() - to);
            frame.copy_within(at..at + length, to);
        }
    }
    Ok(())
}

/// An IP packet that nothing is wrong with but what the input spells.
fn packet(u: &mut Unstructured<'_>, pool: &Pool) -> Result<Vec<u8>> {
    let v6 = u.arbitrary()?;
    let protocol = match u.int_in_range(0..=7_u8)? {
        0..=2 => 6,
        3..=5 => 17,
        6 => *u.choose(&[1, 58, 47, 132, 4, 41])?,
        _ => u.arbitrary()?,
    };
    let upper = upper(u, pool, protocol)?;
    if v6 { ipv6(u, pool, protocol, &upper) } else { ipv4(u, pool, protocol, &upper) }
}

/// Padding, cuts and other bytes.
fn mutate(u: &mut Unstructured<'_>, frame: &mut Vec<u8>) -> Result<()> {
    match u.int_in_range(0..=11_u8)? {
        0 => frame.resize(frame.len() + u.int_in_range(0..=64)?, 0),
        1 => frame.truncate(u.int_in_range(0..=frame.len())?),
        2 => {
            for _ in 0..u.int_in_range(1..=3)? {
                let at = u.choose_index(frame.len())?;
                frame[at] = u.arbitrary()?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn upper(u: &mut Unstructured<'_>, pool: &Pool, protocol: u8) -> Result<Vec<u8>> {
    let mut payload = u.choose(&pool.payloads)?.clone();
    let more = *u.choose(&[0_usize, 0, 1, 7, 40])?;
    payload.resize(payload.len() + more, 1);
    if u.ratio(1, 8)? {
        let kept = u.int_in_range(0..=payload.len())?;
        payload.truncate(kept);
    }
    let port = |u: &mut Unstructured<'_>| {
        if u.ratio(1, 4)? {
            return u.arbitrary::<u16>();
        }
        Ok(*u.choose(&[6_u16, 7, 8, 10, 53, 54, 443, 448, 1_023, 1_064, 64_999, 65_535])?)
    };
    let ports = [port(u)?.to_be_bytes(), port(u)?.to_be_bytes()].concat();
    Ok(match protocol {
        6 => {
            let words = if u.ratio(1, 6)? { u.int_in_range(0..=15)? } else { 5_u8 };
            let options = vec![1; usize::from(words.saturating_sub(5)) * 4];
            let fixed = [0, 0, 0, 1, 0, 0, 0, 1, words << 4, 2, 4, 0, 0, 0, 0, 0];
            [ports, fixed.to_vec(), options, payload].concat()
        }
        17 => {
            let true_length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
            let length = if u.ratio(1, 6)? { u.arbitrary()? } else { true_length };
            [ports, length.to_be_bytes().to_vec(), vec![0; 2], payload].concat()
        }
        _ => payload,
    })
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// A length that is nearly always right.
fn length(u: &mut Unstructured<'_>, right: usize) -> Result<[u8; 2]> {
    let right = u16::try_from(right).unwrap_or(u16::MAX);
    let off = *u.choose(&[0_i16, 0, 0, 0, 0, 0, 0, 0, -1, 1, -8, 100])?;
    Ok(right.saturating_add_signed(off).to_be_bytes())
}

fn ipv4(u: &mut Unstructured<'_>, pool: &Pool, protocol: u8, upper: &[u8]) -> Result<Vec<u8>> {
    let options = *u.choose(&[0_u8, 0, 0, 0, 1, 10])?;
    let total = length(u, 20 + usize::from(options) * 4 + upper.len())?;
    let fragment = *u.choose(&[0_u16, 0, 0, 0x4000, 0x2000, 1, 0x2001, 0x1fff, 0x8000])?;
    let [f1, f2] = fragment.to_be_bytes();
    let mut packet = vec![0x45 + options, 0, total[0], total[1], 0, 0, f1, f2, 64, protocol, 0, 0];
    packet.extend(octets(pool.address(u, false)?));
    packet.extend(octets(pool.address(u, false)?));
    packet.extend(vec![1; usize::from(options) * 4]);
    packet.extend(upper);
    Ok(packet)
}

fn ipv6(u: &mut Unstructured<'_>, pool: &Pool, protocol: u8, upper: &[u8]) -> Result<Vec<u8>> {
    let mut chain = Vec::new();
    for _ in 0..*u.choose(&[0_u8, 0, 0, 1, 2, 7, 8, 9])? {
        chain.push(*u.choose(&[0_u8, 43, 44, 51, 60])?);
    }
    let mut headers = Vec::new();
    for (at, kind) in chain.iter().enumerate() {
        let next = chain.get(at + 1).copied().unwrap_or(protocol);
        let units = *u.choose(&[0_u8, 0, 0, 0, 1, 2, 255])?;
        match kind {
            44 => {
                let offset = *u.choose(&[0_u16, 0, 1, 6, 8, 9, 0xfff8])?;
                let [high, low] = offset.to_be_bytes();
                headers.extend([next, units, high, low, 0, 0, 0, 1]);
            }
            51 => {
                headers.extend([next, units]);
                headers.extend(vec![0; (usize::from(units) + 2) * 4 - 2]);
            }
            _ => {
                headers.extend([next, units]);
                headers.extend(vec![0; (usize::from(units) + 1) * 8 - 2]);
            }
        }
    }
    let payload = length(u, headers.len() + upper.len())?;
    let first = chain.first().copied().unwrap_or(protocol);
    let mut packet = vec![0x60, 0, 0, 0, payload[0], payload[1], first, 64];
    packet.extend(octets(pool.address(u, true)?));
    packet.extend(octets(pool.address(u, true)?));
    packet.extend(headers);
    packet.extend(upper);
    Ok(packet)
}
