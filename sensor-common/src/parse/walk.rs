//! The walk through what a plain packet does not have: tunnels and extension headers.
//!
//! It is a long loop ([`crate::repeat`]) of steps. Each passes an IP header, an encapsulation in it and an Ethernet
//! header inside of that one, so that eight encapsulations take nine steps. What the walk knows lies in memory that
//! the verifier does not follow: each step is one to it, wherever it comes from, and so is each of these three parts.

use super::allowance::Allowance;
use super::flow::{Flow, Unparsed};
use super::fragment::Part;
use super::layer::{Carried, Kind, Layer};
use super::stop::Stop;
use super::tunnel::{Encapsulation, Entered, MOST_TUNNELS};
use super::{
    erspan, etherip, ethernet, extension, geneve, gre, gtp, ipv4, ipv6, mpls, pppoe, teredo,
    transport, udp, vxlan,
};
use crate::packet::Packet;
use crate::repeat::{Repeat, Step};

/// Where a walk has come to.
pub struct Walk {
    layer: Layer,
    /// The innermost IP packet so far, if there is one.
    flow: Flow,
    /// What there is of what it carries.
    part: Part,
    allowance: Allowance,
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

/// Most steps: each but the last passes an encapsulation.
const MOST_STEPS: u32 = MOST_TUNNELS.wrapping_add(1);

/// Steps at once, as a call takes half as long as a step where processors guard returns. The verifier walks
/// through each of them.
const AT_ONCE: u32 = 5;

/// The steps of one call.
struct Steps<'a, P> {
    walk: &'a mut Walk,
    packet: P,
    entered: Entered,
}

impl<P: Packet> Step for Steps<'_, P> {
    #[inline(always)]
    fn step(&mut self) -> bool {
        // A copy of each call's own is found sooner than one behind pointers.
        let (packet, entered) = (self.packet, self.entered);
        for _ in 0..AT_ONCE {
            if !self.walk.step(&packet, entered) {
                return false;
            }
        }
        true
    }
}

impl Walk {
    /// At a layer, inside of this IP packet; a blank one if there is none.
    #[inline(always)]
    pub(super) const fn new(layer: Layer, flow: Flow) -> Self {
        let (part, allowance) = (Part::First, Allowance::ALL);
        Self { layer, flow, part, allowance, is_in_ip: flow.end != 0, end: End::Malformed }
    }

    /// Walks to the innermost IP packet.
    #[inline(always)]
    pub(super) fn run<P: Packet, R: Repeat>(&mut self, packet: &P, repeat: &R, entered: Entered) {
        packet.hide_in_place(self);
        let mut steps = Steps { walk: self, packet: *packet, entered };
        repeat.repeat(MOST_STEPS.div_ceil(AT_ONCE), &mut steps);
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
        let layer = Layer { kind: Kind::ETHERNET, cut: false, start, end, around };
        *self = Self::new(layer, Flow::blank());
    }

    /// Passes the next layers. `false`: the walk has ended.
    #[inline(always)]
    fn step<P: Packet>(&mut self, packet: &P, entered: Entered) -> bool {
        match self.pass(packet, entered) {
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

    /// Passes an IP header, an encapsulation in it, and an Ethernet header inside of that one: of these, what
    /// comes.
    #[inline(always)]
    fn pass<P: Packet>(&mut self, packet: &P, entered: Entered) -> Carried {
        let mut layer = self.layer;
        if layer.kind.is_ip() {
            let Some(carried) = self.open_packet(packet, layer, entered)? else { return Ok(None) };
            layer = self.come_to(packet, carried);
        }
        let inner = self.open_tunnel(packet, layer, entered)?;
        layer = self.come_to(packet, inner);
        if layer.kind == Kind::ETHERNET {
            layer = ethernet::open_inner(packet, layer, entered)?;
        }
        Ok(Some(layer))
    }

    /// Goes on at a layer. All the ways to it are one to the verifier.
    #[inline(always)]
    fn come_to<P: Packet>(&mut self, packet: &P, layer: Layer) -> Layer {
        self.layer = layer;
        packet.hide_in_place(&mut self.layer);
        self.layer
    }

    /// Opens an IP header and the extension headers behind it.
    #[inline(always)]
    fn open_packet<P: Packet>(&mut self, packet: &P, layer: Layer, entered: Entered) -> Carried {
        self.is_in_ip = true;
        self.part = if layer.kind == Kind::IPV4 {
            ipv4::open(packet, layer, &mut self.flow)?
        } else {
            ipv6::open(packet, layer, &mut self.flow)?
        };
        packet.hide_in_place(self);
        let part = extension::step_over(packet, &mut self.flow, self.part, &mut self.allowance)?;
        transport::open(packet, &mut self.flow, part, entered)
    }

    /// Opens an encapsulation.
    #[inline(always)]
    fn open_tunnel<P: Packet>(
        &mut self,
        packet: &P,
        layer: Layer,
        entered: Entered,
    ) -> Result<Layer, Stop> {
        let inner = match layer.kind {
            Kind::IPV4_IN_IP => layer.behind(0, Kind::IPV4),
            Kind::IPV6_IN_IP => layer.behind(0, Kind::IPV6),
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
                    Kind::GTP => gtp::open(packet, datagram, &mut self.allowance),
                    _ => teredo::open(packet, datagram),
                }
            }
            // There is no other kind.
            _ => Err(Stop::Malformed),
        }?;
        // Asked last: what is not the encapsulation that its place announced may be as deep as it is.
        if layer.around.is_full() {
            return Err(Stop::Malformed);
        }
        Ok(Layer { around: layer.around.with_number(layer.kind.tunnel()), ..inner })
    }

    #[inline(always)]
    const fn stop(&mut self, end: End) -> bool {
        self.end = end;
        false
    }
}
