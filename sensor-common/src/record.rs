//! The record: all that leaves the kernel about a selected packet (L-MECH). It has no field that could
//! carry payload.

use crate::boot_time::BootTime;
use crate::direction::Direction;
use crate::parse::ports::Ports;
use crate::parse::tunnel::Encapsulation;
use crate::parse::{Address, Flow};

/// Length of a record in bytes.
pub const LENGTH: usize = 64;

/// One selected packet, as it is in the ring buffer. Integers are in host byte order. Addresses are
/// sixteen bytes in network byte order (IPv4 as IPv4-mapped IPv6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Record {
    /// When the packet was judged.
    pub time: BootTime,
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// Length of the frame in bytes, from the Ethernet header on.
    pub length: u32,
    /// The generation of tables that judged the packet.
    pub generation: u32,
    /// The rule's number in that generation.
    pub rule: u32,
    /// Source port; 0 unless [`PORTS`](crate::parse::flag::PORTS).
    pub source_port: u16,
    /// Destination port; 0 unless [`PORTS`](crate::parse::flag::PORTS).
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// The packet's [`Direction`].
    pub direction: u8,
    /// See [`flag`](crate::parse::flag).
    pub flags: u8,
    /// Always zero.
    pub reserved: u8,
    /// What the packet is inside of: see [`Encapsulation`].
    pub encapsulation: u32,
}

const _: () = assert!(size_of::<Record>() == LENGTH);
const _: () = assert!(align_of::<Record>() == 8);
const _: () = assert!(core::mem::offset_of!(Record, length) == 40);
const _: () = assert!(core::mem::offset_of!(Record, protocol) == 56);
const _: () = assert!(core::mem::offset_of!(Record, encapsulation) == 60);

impl Record {
    /// The record of a packet that `rule` of `generation` selected at `time`.
    #[inline(always)]
    pub fn new(
        flow: &Flow,
        direction: Direction,
        length: u32,
        time: BootTime,
        generation: u32,
        rule: u32,
    ) -> Self {
        let Ports { source: source_port, destination: destination_port } =
            flow.ports().unwrap_or_default();
        Self {
            time,
            source: bytes(flow.source),
            destination: bytes(flow.destination),
            length,
            generation,
            rule,
            source_port,
            destination_port,
            protocol: flow.protocol,
            direction: direction as u8,
            flags: flow.flags,
            reserved: 0,
            encapsulation: flow.encapsulation.0,
        }
    }

    /// The record's memory in words. The program writes these; addresses would be written byte by byte, as
    /// the compiler does not know how the ring buffer is aligned.
    #[inline(always)]
    pub fn words(&self) -> [u64; LENGTH / 8] {
        let [source_high, source_low] = address_words(self.source);
        let [destination_high, destination_low] = address_words(self.destination);
        let ports = pair(self.source_port.into(), self.destination_port.into(), 16);
        let rest = u32::from_ne_bytes([self.protocol, self.direction, self.flags, self.reserved]);
        [
            self.time.as_nanos(),
            source_high,
            source_low,
            destination_high,
            destination_low,
            pair(self.length.into(), self.generation.into(), 32),
            pair(self.rule.into(), ports, 32),
            pair(rest.into(), self.encapsulation.into(), 32),
        ]
    }

    /// Reads a record from the bytes that came out of the ring buffer.
    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Self {
        let mut reader = Reader(bytes);
        Self {
            time: BootTime::from_nanos(u64::from_ne_bytes(reader.take())),
            source: reader.take(),
            destination: reader.take(),
            length: u32::from_ne_bytes(reader.take()),
            generation: u32::from_ne_bytes(reader.take()),
            rule: u32::from_ne_bytes(reader.take()),
            source_port: u16::from_ne_bytes(reader.take()),
            destination_port: u16::from_ne_bytes(reader.take()),
            protocol: u8::from_ne_bytes(reader.take()),
            direction: u8::from_ne_bytes(reader.take()),
            flags: u8::from_ne_bytes(reader.take()),
            reserved: u8::from_ne_bytes(reader.take()),
            encapsulation: u32::from_ne_bytes(reader.take()),
        }
    }

    /// What the packet is inside of.
    pub const fn encapsulation(&self) -> Encapsulation {
        Encapsulation(self.encapsulation)
    }

    /// The packet's direction. `None`: the bytes were not written by the program.
    pub fn direction(&self) -> Option<Direction> {
        Direction::ALL.get(usize::from(self.direction)).copied()
    }
}

/// Where records go: the ring buffer in the kernel, a list on the host.
pub trait Sink {
    /// Submits a record. `false`: there is no room for it. `make` is called only if there is.
    fn submit(&mut self, make: impl FnOnce() -> Record) -> bool;
}

#[inline(always)]
fn bytes(address: Address) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = address.high.to_be_bytes();
    let [i, j, k, l, m, n, o, p] = address.low.to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

/// The sixteen bytes of an address as two words of memory.
#[inline(always)]
fn address_words(bytes: [u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    [[a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]].map(u64::from_ne_bytes)
}

/// Two fields of `bits` bits each, adjacent in memory.
#[inline(always)]
const fn pair(first: u64, second: u64, bits: u32) -> u64 {
    let (low, high) =
        if cfg!(target_endian = "little") { (first, second) } else { (second, first) };
    low | high.wrapping_shl(bits)
}

/// Takes fields of fixed size off the front of a record.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        // The fields of `Record` add up to its length, so the default is never used.
        let (field, rest) = self.0.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte its own, so that none can stand in for another.
    #[test]
    fn words_are_the_bytes_that_a_reader_reads() {
        let record = Record {
            time: BootTime::from_nanos(0x0102_0304_0506_0708),
            source: core::array::from_fn(|at| 0x10 + u8::try_from(at).unwrap_or(0)),
            destination: core::array::from_fn(|at| 0x20 + u8::try_from(at).unwrap_or(0)),
            length: 0x3132_3334,
            generation: 0x4142_4344,
            rule: 0x5152_5354,
            source_port: 0x6162,
            destination_port: 0x7172,
            protocol: 0x81,
            direction: 0x82,
            flags: 0x83,
            reserved: 0x84,
            encapsulation: 0x9192_9394,
        };
        let mut bytes = [0; LENGTH];
        for (to, word) in bytes.chunks_exact_mut(8).zip(record.words()) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        assert_eq!(Record::from_bytes(&bytes), record);
    }
}
