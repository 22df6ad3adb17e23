//! From a frame to the metadata that selection works on: [`Flow`].
//!
//! A frame is a stack of layers, and [`parse`] walks through them from the outside in. A `Layer` knows its
//! kind, where it starts, and where what carries it ends; `open` gives the `Next` one, or the flow.
//!
//! One file per protocol, always in this order: positions of the fields, what reads and checks the
//! header, getters, what opens the layer, tests.
//!
//! | file | opens or steps over |
//! |---|---|
//! | `ethernet`, `vlan` | Ethernet II, and tags |
//! | `ipv4` | IPv4 and its options |
//! | `ipv6`, `extension` | IPv6, and extension headers |
//! | [`transport`], `tcp`, `udp` | ports |
//! | [`payload`] | what TCP and UDP carry, found only where it is asked for |
//! | `header` | headers as bytes |
//!
//! Where a header is cut short or contradicts itself, or a layer does not end before what carries it,
//! the packet is malformed: when in doubt, the sensor selects less.
//!
//! Not supported yet, hence judged by the outer IP header or counted `non-ip`: MPLS, `PPPoE`,
//! GRE, IP-in-IP, VXLAN, Geneve, GTP-U. A further protocol is a file, a `Kind` and an arm of `open`.

mod ethernet;
mod extension;
mod header;
mod ipv4;
mod ipv6;
pub mod payload;
#[cfg(test)]
mod samples;
mod tcp;
pub mod transport;
mod udp;
mod vlan;

pub use extension::MOST_EXTENSIONS;
pub use vlan::MOST_TAGS;

use crate::packet::Packet;
use transport::Ports;

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
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Flow {
    /// IPv4 or IPv6.
    pub version: Version,
    /// Where the packet comes from.
    pub source: Address,
    /// Where it goes.
    pub destination: Address,
    /// The upper-layer protocol (IANA protocol number), behind any IPv6 extension headers.
    pub protocol: u8,
    /// TCP or UDP ports; none for other protocols, for non-first fragments, and where a capture does
    /// not hold them.
    pub ports: Option<Ports>,
    /// The packet is one fragment of a larger one.
    pub fragment: bool,
    /// Offset of the upper-layer header in the frame.
    pub upper: u32,
    /// Offset of the first byte behind the IP packet, never behind the frame's last.
    pub end: u32,
}

/// Why a frame has no [`Flow`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unparsed {
    /// No IPv4 or IPv6 packet that the parser reaches.
    NonIp,
    /// Headers cut short or contradicting themselves.
    Malformed,
}

/// Most layers of a frame: Ethernet, and what it carries.
const MOST_LAYERS: u32 = 2;

/// The kinds of layers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// See `ethernet`.
    Ethernet,
    /// See `ipv4`.
    Ipv4,
    /// See `ipv6`.
    Ipv6,
}

/// A part of a frame that begins with a header of some kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Layer {
    kind: Kind,
    /// Offset of its header in the frame.
    start: u32,
    /// Offset of the first byte behind what carries it, never behind the frame's last.
    end: u32,
}

impl Layer {
    /// The whole frame.
    #[inline(always)]
    fn outermost<P: Packet>(packet: &P) -> Self {
        Self { kind: Kind::Ethernet, start: 0, end: packet.length() }
    }

    /// A layer inside another one: all the ways to it are one to the verifier.
    #[inline(always)]
    fn new<P: Packet>(packet: &P, kind: Kind, start: u32, end: u32) -> Self {
        Self { kind, start: packet.hide_half(start), end }
    }
}

/// What a layer carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// Another layer.
    Layer(Layer),
    /// What selection works on.
    Flow(Flow),
}

/// An IP header, and where the upper-layer protocol starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    version: Version,
    source: Address,
    destination: Address,
    /// The upper-layer protocol (IANA protocol number).
    protocol: u8,
    /// Offset of the upper-layer header in the frame.
    upper: u32,
    /// Offset of the first byte behind the IP packet.
    end: u32,
    /// Part of a larger packet.
    fragment: bool,
    /// Not its first part, so without an upper-layer header.
    later_fragment: bool,
}

/// Parses a frame.
///
/// # Errors
/// [`Unparsed`] says which of the two outcomes the frame has instead.
#[inline(always)]
pub fn parse<P: Packet>(packet: &P) -> Result<Flow, Unparsed> {
    let mut layer = Layer::outermost(packet);
    for _ in 0..MOST_LAYERS {
        match open(packet, layer)? {
            Next::Layer(inner) => layer = inner,
            Next::Flow(flow) => return Ok(flow),
        }
    }
    Err(Unparsed::NonIp)
}

/// Opens a layer.
#[inline(always)]
fn open<P: Packet>(packet: &P, layer: Layer) -> Result<Next, Unparsed> {
    match layer.kind {
        Kind::Ethernet => ethernet::open(packet, layer),
        Kind::Ipv4 => ipv4::open(packet, layer),
        Kind::Ipv6 => ipv6::open(packet, layer),
    }
}

#[cfg(test)]
mod tests;
