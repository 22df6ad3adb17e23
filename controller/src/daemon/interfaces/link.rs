//! Network interfaces as the kernel shows them, in the daemon's network namespace.

use std::collections::BTreeSet;
use std::io;

use netlink_packet_core::{NetlinkDeserializable as _, NetlinkHeader};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage, LinkXdp};

use crate::daemon::interfaces::netlink::{self, ListEntry};

/// An interface as the kernel shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Link {
    /// Its number, which no other interface of the namespace has while it is there.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether its other end is up too.
    pub carrier: bool,
    /// The ids of the XDP programs attached to it.
    pub programs: Vec<u32>,
    /// The index of the interface that it is a part of: a bridge, a bond.
    pub master: Option<u32>,
    /// The index of the interface below it: the one through which a VLAN sends its frames.
    pub lower: Option<u32>,
}

impl From<&LinkMessage> for Link {
    fn from(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::Running),
            ..Self::default()
        };
        let mut elsewhere = false;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Xdp(xdp) => link.programs.extend(xdp.iter().filter_map(program)),
                LinkAttribute::Controller(index) => link.master = Some(*index),
                LinkAttribute::Link(index) => link.lower = Some(*index),
                LinkAttribute::LinkNetNsId(_) => elsewhere = true,
                _ => {}
            }
        }
        // In another namespace the same number is another interface.
        link.lower = link.lower.filter(|_| !elsewhere);
        link
    }
}

/// If there is more than one program, the kernel shows each by where it runs.
const fn program(xdp: &LinkXdp) -> Option<u32> {
    match xdp {
        LinkXdp::ProgId(id)
        | LinkXdp::DrvProgId(id)
        | LinkXdp::SkbProgId(id)
        | LinkXdp::HwProgId(id) => Some(*id),
        _ => None,
    }
}

/// All interfaces of this network namespace. Those that cannot be read are left out.
///
/// # Errors
/// The system's error.
pub fn all() -> io::Result<Vec<Link>> {
    let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
    netlink::dump(request, |links: &mut Vec<Link>, ListEntry { kind, body }: &ListEntry<'_>| {
        let mut header = NetlinkHeader::default();
        header.message_type = *kind;
        if let Ok(RouteNetlinkMessage::NewLink(message)) =
            RouteNetlinkMessage::deserialize(&header, body)
        {
            links.push(Link::from(&message));
        }
        Ok(())
    })
}

/// The indices of an interface and of all interfaces whose frames come through it: the bridge or bond that
/// it is a part of, VLANs and tunnels on it, the interfaces on those, and so on.
pub fn above(links: &[Link], index: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([index]);
    let mut new = vec![index];
    while let Some(index) = new.pop() {
        let own = links.iter().find(|link| link.index == index);
        let lower = own.and_then(|link| link.lower);
        let master = own.and_then(|link| link.master);
        // The two ends of a veth pair name each other; neither stands on the other.
        let upper = links.iter().filter(|link| link.lower == Some(index));
        let upper = upper.map(|link| link.index).filter(|upper| lower != Some(*upper));
        new.extend(upper.chain(master).filter(|index| found.insert(*index)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_among_all() {
        assert!(all().unwrap().iter().any(|link| link.name == "lo"));
    }

    #[test]
    fn what_stands_on_an_interface() {
        let link = |index, lower, master| Link { index, master, lower, ..Link::default() };
        let links = [
            link(1, None, None),
            // A VLAN on a bond of two, with a tunnel on it that is a bridge's port.
            link(2, None, Some(4)),
            link(3, None, Some(4)),
            link(4, None, None),
            link(5, Some(4), None),
            link(6, Some(5), Some(7)),
            link(7, None, None),
            // A veth pair, one end of which is a port of the same bridge.
            link(8, Some(9), Some(7)),
            link(9, Some(8), None),
        ];
        for (index, expected) in [
            (1, vec![1]),
            (2, vec![2, 4, 5, 6, 7]),
            (4, vec![4, 5, 6, 7]),
            (8, vec![7, 8]),
            (9, vec![9]),
        ] {
            assert_eq!(above(&links, index), expected.into_iter().collect(), "{index}");
        }
        // Messages that contradict each other do not keep it from ending.
        let ring = [link(1, Some(2), Some(1)), link(2, Some(3), None), link(3, Some(1), Some(9))];
        assert_eq!(above(&ring, 1), BTreeSet::from([1, 2, 3, 9]));
    }
}
