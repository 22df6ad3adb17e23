//! The walk through what a plain packet does not have: tunnels and extension headers.
//!
//! It is a long loop ([`crate::repeat`]) with one layer a step. What it knows lies in memory that the
//! verifier does not follow, so that each step is one to it, wherever it comes from.

use super::layer::{Carried, Kind, Layer, Stop};
use super::transport::Part;
use super::tunnel::{Encapsulation, Entered, MOST_TUNNELS};
use super::{
    Address, Flow, Unparsed, erspan, etherip, ethernet, extension, geneve, gre, gtp, ipv4, ipv6,
    mpls, pppoe, teredo, transport, udp, vxlan,
};
use crate::packet::Packet;
use crate::repeat::Repeat;

/// Where a walk has come to.
pub struct Walk {
    layer: Layer,
    /// The innermost IP packet so far, if there is one.
    flow: Flow,
    is_in_ip: bool,
    end: End,
}

/// How a walk ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum End {
    Malformed,
    NonIp,
    Flow,
}

/// Where a walk is kept while it lasts. One place is enough, as packets are parsed one at a time. The kernel's
/// implementation is memory of the CPU; the host's is a local variable.
pub trait Room {
    /// Replaces the walk before. `None` where there is no place.
    fn begin(&mut self, walk: Walk) -> Option<&mut Walk>;
}

/// The host's implementation of the port.
impl Room for Option<Walk> {
    fn begin(&mut self, walk: Walk) -> Option<&mut Walk> {
        Some(self.insert(walk))
    }
}

/// Most steps: each passes an encapsulation, a frame's header, an IP header or the extension headers behind one.
const MOST_STEPS: u32 = {
    let packets = MOST_TUNNELS.wrapping_add(1);
    MOST_TUNNELS.wrapping_add(packets.wrapping_mul(3))
};

impl Walk {
    /// At a layer. Its kind is hidden: to the verifier there is one way into the walk.
    #[inline(always)]
    pub(super) fn new<P: Packet>(packet: &P, mut layer: Layer) -> Self {
        let [kind, ..] = packet.hide(layer.kind.0.into()).to_le_bytes();
        layer.kind = Kind(kind);
        Self::at(layer)
    }

    #[inline(always)]
    const fn at(layer: Layer) -> Self {
        let flow = Flow::blank();
        Self { layer, flow, is_in_ip: false, end: End::Malformed }
    }

    /// Walks to the innermost IP packet. Out of line.
    #[inline(never)]
    pub(super) fn run<P: Packet, R: Repeat>(&mut self, packet: &P, repeat: &R, entered: Entered) {
        repeat.repeat(MOST_STEPS, &mut || self.step(packet, entered));
    }

    /// What the walk has come to.
    ///
    /// # Errors
    /// [`Unparsed`]: as for the whole frame.
    #[inline(always)]
    pub(super) fn found(&self) -> Result<Flow, Unparsed> {
        match self.end {
            End::Flow => Ok(self.flow),
            End::NonIp => Err(Unparsed::NonIp),
            End::Malformed => Err(Unparsed::Malformed),
        }
    }

    /// Forgets the packet (L-ERASE), which the memory outlives.
    #[inline(always)]
    pub(super) fn erase(&mut self) {
        let (start, end, around) = (0, 0, Encapsulation(0));
        *self = Self::at(Layer { kind: Kind::ETHERNET, cut: false, start, end, around });
    }

    /// Opens the next layer. `false`: the walk has ended.
    #[inline(always)]
    fn step<P: Packet>(&mut self, packet: &P, entered: Entered) -> bool {
        let mut layer = self.layer;
        layer.around = layer.around.with_number(layer.kind.tunnel());
        match self.open(packet, layer, entered) {
            // Whether a layer is what its place announced is asked first.
            Ok(_) if self.is_too_deep() => self.stop(End::Malformed),
            Ok(Some(inner)) => {
                self.layer = inner;
                true
            }
            Ok(None) => self.stop(End::Flow),
            Err(Stop::Unopened) if self.is_in_ip => self.stop(End::Flow),
            // The inside of a tunnel that cannot be judged: the packet is not judged by what carries it.
            Err(Stop::NonIp) if self.is_in_ip => self.stop(End::Malformed),
            Err(Stop::NonIp | Stop::Unopened) => self.stop(End::NonIp),
            Err(Stop::Malformed) => self.stop(End::Malformed),
        }
    }

    /// Whether the layer is one encapsulation too many.
    #[inline(always)]
    const fn is_too_deep(&self) -> bool {
        self.layer.kind.tunnel() != 0 && self.layer.around.is_full()
    }

    /// Opens a layer.
    #[inline(always)]
    fn open<P: Packet>(&mut self, packet: &P, layer: Layer, entered: Entered) -> Carried {
        let inner = match layer.kind {
            Kind::IPV4 | Kind::IPV4_IN_IP | Kind::IPV6 | Kind::IPV6_IN_IP | Kind::EXTENSION => {
                let part = self.open_packet(packet, layer)?;
                return transport::open(packet, &mut self.flow, part, entered);
            }
            Kind::ETHERNET => ethernet::open_inner(packet, layer, entered),
            Kind::MPLS => mpls::open(packet, layer),
            Kind::PPPOE => pppoe::open(packet, layer, entered),
            Kind::GRE => gre::open(packet, layer, entered),
            Kind::ERSPAN_I => erspan::open_i(layer),
            Kind::ERSPAN_II => erspan::open_ii(packet, layer),
            Kind::ERSPAN_III => erspan::open_iii(packet, layer),
            Kind::ETHERIP => etherip::open(packet, layer),
            Kind::VXLAN | Kind::GENEVE | Kind::GTP | Kind::TEREDO => {
                let datagram = udp::open(packet, layer)?;
                match layer.kind {
                    Kind::VXLAN => vxlan::open(packet, datagram),
                    Kind::GENEVE => geneve::open(packet, datagram, entered),
                    Kind::GTP => gtp::open(packet, datagram),
                    _ => teredo::open(packet, datagram),
                }
            }
            // There is no other kind.
            _ => Err(Stop::Malformed),
        };
        inner.map(Some)
    }

    /// Opens an IP header, or all extension headers behind one.
    #[inline(always)]
    fn open_packet<P: Packet>(&mut self, packet: &P, layer: Layer) -> Result<Part, Stop> {
        if layer.kind == Kind::EXTENSION {
            return extension::open(packet, &mut self.flow);
        }
        self.is_in_ip = true;
        if matches!(layer.kind, Kind::IPV4 | Kind::IPV4_IN_IP) {
            ipv4::open(packet, layer, &mut self.flow)
        } else {
            ipv6::open(packet, layer, &mut self.flow)
        }
    }

    #[inline(always)]
    const fn stop(&mut self, end: End) -> bool {
        self.end = end;
        false
    }
}

impl Flow {
    /// No packet: every byte of it is 0. A function, because a constant of zeros would be written by a call of
    /// `memset` ([`crate::opaque`]).
    #[inline(always)]
    pub(crate) const fn blank() -> Self {
        let nowhere = Address { high: 0, low: 0 };
        Self {
            source: nowhere,
            destination: nowhere,
            protocol: 0,
            flags: 0,
            ports: 0,
            upper: 0,
            end: 0,
            encapsulation: Encapsulation(0),
        }
    }
}
