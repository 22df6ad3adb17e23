//! Default routes. In mode `tap` every frame is dropped, so an interface that carries a default route was
//! probably named by mistake, and the machine would be cut off.
//!
//! A default route is one route, or several together, that lead everywhere: `0.0.0.0/0`, `0.0.0.0/1` with
//! `128.0.0.0/1`, `2000::/3`. Routes count in every table, and in several tables together, because rules
//! that may change decide which table a packet is routed by. They count for the interface that they lead
//! through, and for the interfaces below it: a bond's ports, the interface under a VLAN.
//!
//! | file | job |
//! |---|---|
//! | `cover` | whether networks together lead everywhere: pure |
//! | `kernel` | the routes of the kernel |
//! | [`watch`] | routes that appear while the sensor runs |

use std::collections::BTreeMap;
use std::io;

use ipnetwork::IpNetwork;

use crate::daemon::interfaces::link::{self, Link};

mod cover;
mod kernel;
pub mod watch;

use kernel::Routes;

/// The groups whose news may change whether an interface carries a default route (linux/rtnetlink.h):
/// links, IPv4 routes, IPv6 routes, next hops.
pub const GROUPS: [u32; 4] = [1, 7, 11, 32];

/// How many routes are named; more would make the line too long to read.
const NAMED: usize = 4;

/// The default routes of this network namespace, in words, by the index of the interface.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DefaultRoutes(BTreeMap<u32, String>);

impl DefaultRoutes {
    /// Reads all routes of all tables.
    ///
    /// # Errors
    /// The system's error, or an answer that makes no sense: what cannot be read could be a default route.
    pub fn read() -> io::Result<Self> {
        let routes = Routes::read()?;
        Ok(Self::among(&routes, &link::all()?))
    }

    /// The default routes of the interface with this index: `0.0.0.0/0 in table main`.
    pub fn of(&self, index: u32) -> Option<&str> {
        self.0.get(&index).map(String::as_str)
    }

    fn among(routes: &Routes, links: &[Link]) -> Self {
        let found =
            links.iter().filter_map(|link| Some((link.index, carried(link, routes, links)?)));
        Self(found.collect())
    }
}

/// Where a route leads, as seen from an interface.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    /// Through the interface itself.
    Own,
    /// Through an interface above it, whose frames come through it.
    Above(&'a Link),
    /// Unknown.
    Unknown,
}

/// The default routes of both IP versions that an interface carries, in words.
fn carried(link: &Link, routes: &Routes, links: &[Link]) -> Option<String> {
    let above = link::above(links, link.index);
    let above = links.iter().filter(|other| above.contains(&other.index) && *other != link);
    let ways = std::iter::once((link, Way::Own)).chain(above.map(|link| (link, Way::Above(link))));
    let through = ways.flat_map(|(link, way)| {
        let routes = routes.by_interface.get(&link.index).into_iter().flatten();
        routes.map(move |route| (route, way))
    });
    let doubtful = routes.doubtful.iter().map(|route| (route, Way::Unknown));
    let all = through.chain(doubtful).map(|(route, way)| (route.network, (route.table, way)));
    let all: Vec<_> = all.collect();
    let found = [false, true].into_iter().filter_map(|v6| cover::cover(v6, &all));
    let words: Vec<String> = found.map(|cover| words(&cover)).collect();
    Some(words.join("; ")).filter(|words| !words.is_empty())
}

fn words(cover: &[(IpNetwork, (u32, Way<'_>))]) -> String {
    let one = |(network, (table, way)): &(IpNetwork, (u32, Way<'_>))| {
        let words = format!("{network} in table {}", table_name(*table));
        match way {
            Way::Own => words,
            Way::Above(link) => format!("{words} through {}", link.name),
            Way::Unknown => format!("{words}, whose next hop is not known"),
        }
    };
    let words = cover.iter().take(NAMED).map(one).collect::<Vec<_>>().join(", ");
    match cover.len().saturating_sub(NAMED) {
        0 => words,
        more => format!("{words} and {more} more"),
    }
}

/// As `ip route` names it (linux/rtnetlink.h).
fn table_name(table: u32) -> String {
    match table {
        253 => "default".to_owned(),
        254 => "main".to_owned(),
        255 => "local".to_owned(),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::kernel::Route;
    use super::*;

    fn route(network: &str, table: u32) -> Route {
        Route { network: network.parse().unwrap(), table }
    }

    fn found(through: &[(u32, &str, u32)], doubtful: &[(&str, u32)]) -> DefaultRoutes {
        let mut routes = Routes::default();
        for (index, network, table) in through {
            routes.by_interface.entry(*index).or_default().push(route(network, *table));
        }
        routes.doubtful = doubtful.iter().map(|(network, table)| route(network, *table)).collect();
        let link =
            |index, name: &str, lower| Link { index, name: name.into(), lower, ..Link::default() };
        let links = [link(2, "eth0", None), link(3, "eth0.5", Some(2)), link(4, "eth1", None)];
        DefaultRoutes::among(&routes, &links)
    }

    #[test]
    fn routes_count_in_every_table_and_together() {
        let halves = [(2, "0.0.0.0/1", 254), (2, "128.0.0.0/1", 100), (4, "128.0.0.0/1", 254)];
        let routes = found(&halves, &[]);
        assert_eq!(routes.of(2), Some("0.0.0.0/1 in table main, 128.0.0.0/1 in table 100"));
        assert_eq!((routes.of(3), routes.of(4), routes.of(9)), (None, None, None));
        let both = found(&[(4, "0.0.0.0/0", 253), (4, "::/0", 255)], &[]);
        assert_eq!(both.of(4), Some("0.0.0.0/0 in table default; ::/0 in table local"));
    }

    #[test]
    fn routes_count_for_what_is_below() {
        let routes = found(&[(3, "0.0.0.0/1", 254), (2, "128.0.0.0/1", 254)], &[]);
        assert_eq!(
            routes.of(2),
            Some("0.0.0.0/1 in table main through eth0.5, 128.0.0.0/1 in table main")
        );
        assert_eq!(routes.of(3), None, "what goes through the lower one need not go through it");
    }

    #[test]
    fn a_route_in_doubt_leads_through_every_interface() {
        let routes = found(&[(4, "::/1", 254)], &[("8000::/2", 7), ("2000::/3", 7)]);
        let doubt = "2000::/3 in table 7, whose next hop is not known";
        assert_eq!([2, 3].map(|index| routes.of(index)), [Some(doubt); 2]);
        assert_eq!(routes.of(4), Some("::/1 in table main"));
    }

    #[test]
    fn many_routes_are_not_all_named() {
        let eighths: Vec<String> = (0..8).map(|n| format!("{}.0.0.0/3", n * 32)).collect();
        let eighths: Vec<_> = eighths.iter().map(|text| (2, text.as_str(), 254)).collect();
        let said = found(&eighths, &[]).of(2).unwrap().to_owned();
        // The last eighth, multicast and reserved space, is not needed.
        assert!(said.starts_with("0.0.0.0/3 in table main, 32.0.0.0/3 in table main, "), "{said}");
        assert!(said.ends_with(", 96.0.0.0/3 in table main and 3 more"), "{said}");
    }
}
