//! From a frame to the metadata that selection works on: [`Flow`].
//!
//! A frame is a stack of layers, and [`parse`] goes through them from the outside in, to the innermost IP
//! header. A `Layer` knows its kind, where it starts, and where what carries it ends; opening it gives the
//! `Next` one, or the flow.
//!
//! One file per protocol, always in this order: positions of the fields, what reads and checks the
//! header, getters, what opens the layer, tests.
//!
//! | file | opens or steps over |
//! |---|---|
//! | `ethernet`, `vlan` | Ethernet II, and tags |
//! | `ipv4` | IPv4 and its options |
//! | `ipv6`, `extension` | IPv6, and extension headers |
//! | [`transport`], `tcp`, `udp` | ports, and what ports and protocols announce |
//! | `mpls`, `pppoe` | between Ethernet and IP |
//! | `gre`, `erspan`, `etherip` | in IP |
//! | `vxlan`, `geneve`, `gtp`, `teredo` | in UDP |
//! | [`payload`] | what TCP and UDP carry, found only where it is asked for |
//! | [`tunnel`] | the names of what is entered, and the code in a record |
//! | `layer`, `header` | layers, and headers as bytes |
//! | `allowance` | how many extension headers a frame may have |
//! | [`walk`] | the loop over layers |
//!
//! Most packets are Ethernet, perhaps tags, IP, and TCP or UDP. These are opened at once and never see the
//! loop; all others go on in it.
//!
//! Where a header is cut short or contradicts itself, or a layer does not end before what carries it,
//! the packet is malformed: when in doubt, the sensor selects less. `docs/packets.md` says how each oddity
//! ends, and why. A further protocol is a file, a `Kind` and an arm in the walk.

mod allowance;
mod erspan;
mod etherip;
mod ethernet;
mod extension;
mod geneve;
mod gre;
mod gtp;
mod header;
mod ipv4;
mod ipv6;
mod layer;
mod mpls;
pub mod payload;
mod pppoe;
#[cfg(test)]
mod samples;
mod tcp;
mod teredo;
pub mod transport;
pub mod tunnel;
mod udp;
mod vlan;
mod vxlan;
pub mod walk;

pub use allowance::MOST_EXTENSIONS;
pub use mpls::MOST_LABELS;
pub use vlan::MOST_TAGS;

use crate::packet::Packet;
use crate::record::flag;
use crate::repeat::Repeat;
use layer::{Carried, Kind, Layer, Stop};
use transport::Ports;
use tunnel::{Encapsulation, Entered};
use walk::{Room, Walk};

/// An IP address as 128 bits in host byte order. IPv4 addresses are IPv4-mapped, `::ffff:a.b.c.d`
/// (RFC 4291 section 2.5.5.2), so that one type serves both versions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Address {
    /// The first 64 bits.
    pub high: u64,
    /// The last 64 bits.
    pub low: u64,
}

impl Address {
    const MAPPED: u64 = 0xffff_0000_0000;

    /// From the four bytes of an IPv4 address, in network byte order.
    pub const fn from_v4(bytes: [u8; 4]) -> Self {
        Self { high: 0, low: Self::MAPPED | u32::from_be_bytes(bytes) as u64 }
    }

    /// From the sixteen bytes of an IPv6 address, in network byte order.
    pub const fn from_v6(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self {
            high: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            low: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
        }
    }

    /// The IPv4 address in its last 32 bits; meaningful only in an IPv4 packet.
    #[expect(clippy::cast_possible_truncation, reason = "the last 32 bits are meant")]
    pub const fn v4(self) -> u32 {
        self.low as u32
    }
}

/// The version of the IP header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// The metadata of one IP packet: all that selection may look at (L-MECH).
///
/// It stands on the kernel's small stack, so it is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// Where the packet comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The upper-layer protocol (IANA protocol number), behind any IPv6 extension headers.
    pub protocol: u8,
    /// As in a record: see [`flag`].
    pub flags: u8,
    /// Both ports as they begin the upper-layer header; 0 where there are none.
    ports: u32,
    /// Offset of the upper-layer header in the frame.
    pub upper: u32,
    /// Offset of the first byte behind the IP packet, never behind the frame's last.
    pub end: u32,
    /// What the packet is inside of.
    pub encapsulation: Encapsulation,
}

impl Flow {
    /// IPv4 or IPv6.
    #[inline(always)]
    pub const fn version(&self) -> Version {
        if self.flags & flag::V6 == 0 { Version::V4 } else { Version::V6 }
    }

    /// TCP or UDP ports; none for other protocols, for non-first fragments, and behind extension headers that
    /// are too long to step over.
    #[inline(always)]
    pub const fn ports(&self) -> Option<Ports> {
        if self.flags & flag::PORTS == 0 { None } else { Some(Ports::of(self.ports)) }
    }

    /// Whether the packet is one fragment of a larger one, or the part of one that the first fragment of what
    /// carries it has.
    #[inline(always)]
    pub const fn is_fragment(&self) -> bool {
        self.flags & flag::FRAGMENT != 0
    }
}

/// Why a frame has no [`Flow`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unparsed {
    /// No IPv4 or IPv6 packet that the parser reaches.
    NonIp,
    /// Headers cut short or contradicting themselves.
    Malformed,
}

/// Of a frame that is in no IP packet yet.
impl From<Stop> for Unparsed {
    #[inline(always)]
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Malformed => Self::Malformed,
            Stop::NonIp | Stop::Unopened => Self::NonIp,
        }
    }
}

/// Parses a frame, through those encapsulations that are to be entered.
///
/// # Errors
/// [`Unparsed`] says which of the two outcomes the frame has instead.
#[inline(always)]
pub fn parse<P: Packet, R: Repeat, W: Room>(
    packet: &P,
    entered: Entered,
    repeat: &R,
    room: &mut W,
) -> Result<Flow, Unparsed> {
    let layer = ethernet::open(packet, Layer::outermost(packet), entered)?;
    let mut flow = Flow::blank();
    let Some(layer) = plain(packet, layer, &mut flow, entered)? else { return Ok(flow) };
    let walk = room.begin(Walk::new(layer, flow)).ok_or(Unparsed::Malformed)?;
    walk.run(packet, repeat, entered);
    let found = walk.found();
    walk.erase();
    found
}

/// Opens what nearly every Ethernet frame carries. `None`: there is no more to it. Otherwise the layer to go on at:
/// an encapsulation, or once more the IP packet, if extension headers come.
#[inline(always)]
fn plain<P: Packet>(packet: &P, layer: Layer, flow: &mut Flow, entered: Entered) -> Carried {
    // Apart, so that each of them is compiled for its version.
    match layer.kind {
        Kind::IPV4 => {
            let part = ipv4::open(packet, layer, flow)?;
            if extension::follows(flow, part) {
                return Ok(Some(layer));
            }
            transport::open(packet, flow, part, entered)
        }
        Kind::IPV6 => {
            let part = ipv6::open(packet, layer, flow)?;
            if extension::follows(flow, part) {
                return Ok(Some(layer));
            }
            transport::open(packet, flow, part, entered)
        }
        _ => Ok(Some(layer)),
    }
}

#[cfg(test)]
mod tests;
