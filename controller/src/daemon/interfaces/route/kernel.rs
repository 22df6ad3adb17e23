//! The routes of the kernel, as rtnetlink gives them: of all tables, both IP versions, with the
//! interfaces that they lead through.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use netlink_packet_core::{NetlinkSerializable, NlasIterator, parse_ip, parse_u32};
use netlink_packet_route::route::{RouteFlags, RouteHeader, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::daemon::interfaces::netlink::{self, ListEntry, malformed};

// linux/rtnetlink.h.
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_GETNEXTHOP: u16 = 106;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_NH_ID: u16 = 30;

// linux/nexthop.h.
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;

/// Lengths in bytes: of struct rtmsg, struct nhmsg, struct rtnexthop and struct `nexthop_grp`.
const ROUTE_HEADER: usize = 12;
const NEXT_HOP_HEADER: usize = 8;
const HOP: usize = 8;
const MEMBER: usize = 8;

/// How often routes are read if a next hop was removed or added in between.
const TRIES: u32 = 3;

/// A route that sends packets somewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Route {
    /// Where to.
    pub(super) network: IpNetwork,
    /// The table that it is in.
    pub(super) table: u32,
}

/// Routes by where they lead. A route with several ways is listed several times.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Routes {
    /// By the index of the interface.
    pub(super) by_interface: BTreeMap<u32, Vec<Route>>,
    /// Routes whose way is unknown. In doubt they lead through every interface.
    pub(super) doubtful: Vec<Route>,
    /// By the id of the next hop, if the kernel tells no more.
    by_next_hop: BTreeMap<u32, Vec<Route>>,
}

/// Next hops by id.
type NextHops = BTreeMap<u32, NextHop>;

/// An object that routes name instead of saying where they lead (`ip nexthop`).
#[derive(Clone, Debug, Eq, PartialEq)]
enum NextHop {
    /// Through the interface of this index.
    Interface(u32),
    /// Through any of these.
    Group(Vec<u32>),
    /// Nowhere.
    Blackhole,
}

impl Routes {
    /// All of this network namespace.
    ///
    /// # Errors
    /// The system's error, or an answer that makes no sense.
    pub(super) fn read() -> io::Result<Self> {
        let mut routes = Self::default();
        for _ in 0..TRIES {
            routes = Self::read_both()?;
            if !routes.by_next_hop.is_empty() {
                // Kernels without next hops do not know this request.
                routes.resolve(&netlink::dump(GetNextHop, next_hop)?);
            }
            if routes.doubtful.is_empty() {
                break;
            }
        }
        Ok(routes)
    }

    fn read_both() -> io::Result<Self> {
        let mut both = Self::default();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            let request = RouteNetlinkMessage::GetRoute(request);
            let one = netlink::dump(request, |routes: &mut Self, entry| routes.add(family, entry))?;
            for (index, routes) in one.by_interface {
                both.by_interface.entry(index).or_default().extend(routes);
            }
            for (id, routes) in one.by_next_hop {
                both.by_next_hop.entry(id).or_default().extend(routes);
            }
            both.doubtful.extend(one.doubtful);
        }
        Ok(both)
    }

    /// Adds an entry of the list. Only the attributes that matter here are read, so that a route with an
    /// unknown attribute is not overlooked.
    fn add(&mut self, family: AddressFamily, entry: &ListEntry<'_>) -> io::Result<()> {
        if entry.kind != RTM_NEWROUTE {
            return Ok(());
        }
        let header = RouteHeader::parse(entry.body).map_err(malformed)?;
        // If IPv6 is off, the kernel lists the other families instead. A cloned route is a copy for one
        // destination.
        let counts = header.address_family == family
            && header.kind == RouteType::Unicast
            && !header.flags.contains(RouteFlags::Cloned);
        if !counts {
            return Ok(());
        }
        let mut destination = match family {
            AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        let v6 = family == AddressFamily::Inet6;
        let (mut table, mut interfaces, mut next_hop) = (header.table.into(), Vec::new(), None);
        for attribute in NlasIterator::new(&entry.body[ROUTE_HEADER..]) {
            let attribute = attribute.map_err(malformed)?;
            let value = attribute.value();
            match attribute.kind() {
                RTA_DST => destination = parse_ip(value).map_err(malformed)?,
                RTA_TABLE => table = parse_u32(value).map_err(malformed)?,
                RTA_OIF => interfaces.push(parse_u32(value).map_err(malformed)?),
                RTA_MULTIPATH => interfaces.extend(hops(value)?),
                RTA_NH_ID => next_hop = Some(parse_u32(value).map_err(malformed)?),
                _ => {}
            }
        }
        if destination.is_ipv6() != v6 {
            return Err(malformed("a route to an address of the other IP version"));
        }
        let length = header.destination_prefix_length;
        let network = IpNetwork::new(destination, length).map_err(malformed)?;
        let route = Route { network, table };
        match next_hop {
            _ if !interfaces.is_empty() => {
                // Several next hops may share an interface.
                interfaces.sort_unstable();
                interfaces.dedup();
                self.lead(&interfaces, &[route]);
            }
            Some(id) => self.by_next_hop.entry(id).or_default().push(route),
            None => self.doubtful.push(route),
        }
        Ok(())
    }

    fn lead(&mut self, interfaces: &[u32], routes: &[Route]) {
        for index in interfaces {
            self.by_interface.entry(*index).or_default().extend(routes);
        }
    }

    /// Finds out where routes lead that only name a next hop.
    fn resolve(&mut self, next_hops: &NextHops) {
        for (id, routes) in std::mem::take(&mut self.by_next_hop) {
            match interfaces(id, next_hops) {
                Some(interfaces) => self.lead(&interfaces, &routes),
                None => self.doubtful.extend(routes),
            }
        }
    }
}

/// The interfaces behind a next hop; `None` if not all of them are known.
fn interfaces(id: u32, next_hops: &NextHops) -> Option<Vec<u32>> {
    let one = |id: &u32| match next_hops.get(id)? {
        NextHop::Interface(index) => Some(vec![*index]),
        NextHop::Blackhole => Some(Vec::new()),
        // The kernel lets no group be a member of another.
        NextHop::Group(_) => None,
    };
    let NextHop::Group(members) = next_hops.get(&id)? else { return one(&id) };
    let mut interfaces = members.iter().map(one).collect::<Option<Vec<_>>>()?.concat();
    interfaces.sort_unstable();
    interfaces.dedup();
    Some(interfaces)
}

/// The interfaces of a route with several ways (struct rtnexthop).
fn hops(mut bytes: &[u8]) -> io::Result<Vec<u32>> {
    let mut interfaces = Vec::new();
    while !bytes.is_empty() {
        let cut = || malformed("a next hop is cut short");
        let [l0, l1, _, _, index @ ..] = *bytes.first_chunk::<HOP>().ok_or_else(cut)?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        if length < HOP || length > bytes.len() {
            return Err(cut());
        }
        interfaces.push(u32::from_ne_bytes(index));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(interfaces)
}

/// Adds an entry of the list of next hops.
fn next_hop(next_hops: &mut NextHops, entry: &ListEntry<'_>) -> io::Result<()> {
    if entry.kind != RTM_NEWNEXTHOP {
        return Ok(());
    }
    let attributes = entry.body.get(NEXT_HOP_HEADER..).unwrap_or_default();
    let (mut id, mut found) = (None, None);
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.value();
        match attribute.kind() {
            NHA_ID => id = Some(parse_u32(value).map_err(malformed)?),
            NHA_OIF => found = Some(NextHop::Interface(parse_u32(value).map_err(malformed)?)),
            NHA_BLACKHOLE => found = Some(NextHop::Blackhole),
            NHA_GROUP => {
                let (members, rest) = value.as_chunks::<MEMBER>();
                if !rest.is_empty() {
                    return Err(malformed("a member of a group is cut short"));
                }
                let ids =
                    members.iter().map(|[a, b, c, d, ..]| u32::from_ne_bytes([*a, *b, *c, *d]));
                found = Some(NextHop::Group(ids.collect()));
            }
            _ => {}
        }
    }
    // A next hop that is not fully understood is left out, so that its routes are in doubt.
    if let (Some(id), Some(found)) = (id, found) {
        next_hops.insert(id, found);
    }
    Ok(())
}

/// Asks for all next hops (struct nhmsg, all of it zero).
struct GetNextHop;

impl NetlinkSerializable for GetNextHop {
    fn message_type(&self) -> u16 {
        RTM_GETNEXTHOP
    }

    fn buffer_len(&self) -> usize {
        NEXT_HOP_HEADER
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
