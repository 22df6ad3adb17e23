//! Default routes: in mode `tap` every frame is dropped, so an interface that carries one is most
//! likely named by mistake, and the machine would be cut off.

use std::fs;
use std::io;

/// A route that rejects leads nowhere (`RTF_REJECT`, linux/route.h).
const REJECT: u32 = 0x0200;

/// The interfaces that carry a default route, IPv4 or IPv6, in this network namespace's main table.
///
/// # Errors
/// Whatever the system says; without IPv6 there is no table of it, which is none.
pub fn default_routes() -> io::Result<Vec<String>> {
    let mut interfaces = ipv4(&fs::read_to_string("/proc/self/net/route")?);
    match fs::read_to_string("/proc/self/net/ipv6_route") {
        Ok(table) => interfaces.extend(ipv6(&table)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(interfaces)
}

/// `/proc/net/route`, after a heading: interface, destination, gateway, flags, references, uses,
/// metric, mask, and more.
fn ipv4(table: &str) -> Vec<String> {
    let default = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[interface, "00000000", _, flags, _, _, _, "00000000", ..] = fields.as_slice() else {
            return None;
        };
        leads_somewhere(flags).then(|| interface.to_owned())
    };
    table.lines().skip(1).filter_map(default).collect()
}

/// `/proc/net/ipv6_route`: destination, its length, source, its length, next hop, metric,
/// references, uses, flags, interface.
fn ipv6(table: &str) -> Vec<String> {
    let default = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let &[_, "00", _, _, _, _, _, _, flags, interface] = fields.as_slice() else {
            return None;
        };
        leads_somewhere(flags).then(|| interface.to_owned())
    };
    table.lines().filter_map(default).collect()
}

fn leads_somewhere(flags: &str) -> bool {
    u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & REJECT == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_default_routes() {
        let table = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
eth2\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0
";
        assert_eq!(ipv4(table), ["eth0"]);
        assert_eq!(ipv4(""), [""; 0]);
    }

    #[test]
    fn ipv6_default_routes() {
        let zero = "00000000000000000000000000000000";
        let route = |length: &str, flags: &str, interface: &str| {
            format!(
                "{zero} {length} {zero} 00 {zero} 00000400 00000001 00000000 {flags} {interface}\n"
            )
        };
        let table = route("00", "00000003", "eth0")
            + &route("03", "00000003", "eth1")
            + &route("00", "00200200", "lo")
            + "nonsense\n";
        assert_eq!(ipv6(&table), ["eth0"]);
    }
}
