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
//! | `ethernet`, `vlan` | Ethernet II, and tags; `ether_type` names what follows |
//! | `ipv4` | IPv4 and its options |
//! | `ipv6`, `extension` | IPv6, and extension headers |
//! | `transport`, `tcp`, `udp` | ports, and what ports and protocols announce |
//! | `mpls`, `pppoe` | between Ethernet and IP |
//! | `gre`, `erspan`, `etherip` | in IP |
//! | `vxlan`, `geneve`, `gtp`, `teredo` | in UDP |
//! | [`payload`] | what TCP and UDP carry, found only where it is asked for |
//! | [`tunnel`] | the names of what is entered, and the code in a record |
//! | `flow`, [`ports`], `fragment` | what a frame comes to: the metadata of an IP packet |
//! | `layer`, `header`, `stop` | layers, headers as bytes, and why a layer is the last |
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
mod ether_type;
mod etherip;
mod ethernet;
mod extension;
mod flow;
mod fragment;
mod geneve;
mod gre;
mod gtp;
mod header;
mod ipv4;
mod ipv6;
mod layer;
mod mpls;
pub mod payload;
pub mod ports;
mod pppoe;
#[cfg(test)]
mod samples;
mod stop;
mod tcp;
mod teredo;
mod transport;
pub mod tunnel;
mod udp;
mod vlan;
mod vxlan;
pub mod walk;

pub use allowance::MOST_EXTENSIONS;
pub use flow::{Address, Flow, Unparsed, Version, flag};
pub use mpls::MOST_LABELS;
pub use vlan::MOST_TAGS;

use crate::packet::Packet;
use crate::repeat::Repeat;
use layer::{Carried, Kind, Layer};
use stop::Stop;
use tunnel::Entered;
use walk::{Room, Walk};

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
    let Some(layer) = plain(packet, layer, &mut flow, entered)? else {
        flow.hide(packet);
        return Ok(flow);
    };
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
