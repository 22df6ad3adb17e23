//! The names of IP protocols in `network.transport`: the keywords of IANA's "Assigned Internet Protocol
//! Numbers" registry (RFC 5237) in lower case. They are read from the registry's own list, `protocols.csv`.

use std::borrow::Cow;
use std::sync::LazyLock;

/// The keyword of an IP protocol number in lower case, or the number as text if IANA has assigned none
/// (unassigned, experimental, "any host internal protocol" and the like). Spaces in a keyword are kept.
pub fn transport_name(protocol: u8) -> Cow<'static, str> {
    match KEYWORDS.get(usize::from(protocol)) {
        Some(keyword) if !keyword.is_empty() => Cow::Borrowed(keyword),
        _ => Cow::Owned(protocol.to_string()),
    }
}

const LIST: &str = include_str!("protocols.csv");

/// Keywords by protocol number; empty where the registry has none.
static KEYWORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut keywords = vec![String::new(); 256];
    for (number, keyword) in assigned() {
        if let Some(place) = keywords.get_mut(number) {
            *place = keyword.to_lowercase();
        }
    }
    keywords
});

/// The rows of the list; its comments and its heading have no number.
fn assigned() -> impl Iterator<Item = (usize, &'static str)> {
    LIST.lines().filter_map(|line| {
        let (number, keyword) = line.split_once(',')?;
        Some((number.parse().ok()?, keyword))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// By the documents that asked for the numbers, not by the list.
    #[test]
    fn keywords_stand_at_their_numbers() {
        for (number, name) in [
            (0, "hopopt"),
            (1, "icmp"),
            (6, "tcp"),
            (17, "udp"),
            (33, "dccp"),
            (41, "ipv6"),
            (47, "gre"),
            (50, "esp"),
            (58, "ipv6-icmp"),
            (88, "eigrp"),
            (89, "ospfigp"),
            (103, "pim"),
            (112, "vrrp"),
            (115, "l2tp"),
            (132, "sctp"),
            (135, "mobility header"),
            (136, "udplite"),
            (138, "manet"),
            (139, "hip"),
            (140, "shim6"),
            (143, "ethernet"),
            (144, "aggfrag"),
            (145, "nsh"),
        ] {
            assert_eq!(transport_name(number), name);
        }
    }

    #[test]
    fn a_number_without_keyword_is_itself() {
        for number in [61, 63, 68, 99, 114, 148, 200, 253, 255] {
            assert_eq!(transport_name(number), number.to_string());
        }
    }

    #[test]
    fn every_row_of_the_list_is_read_and_in_order() {
        let rows = LIST.lines().filter(|line| !line.starts_with('#')).count() - 1;
        let numbers: Vec<usize> = assigned().map(|(number, _)| number).collect();
        assert_eq!(numbers.len(), rows);
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.last() < Some(&256));
        let names: Vec<_> = (0..=u8::MAX).map(transport_name).collect();
        for (position, name) in names.iter().enumerate() {
            assert_eq!(name.as_ref(), name.to_lowercase());
            assert!(!names[..position].contains(name), "{name}");
        }
    }

    /// The system's own list, which is kept by others, where there is one. It has names that are older
    /// than the registry's or go against it.
    #[test]
    fn the_systems_list_agrees() {
        let others: BTreeMap<u8, &str> =
            [(73, "rspf"), (89, "ospf"), (124, "isis"), (135, "mobility-header")].into();
        let Ok(list) = std::fs::read_to_string(Path::new("/etc/protocols")) else { return };
        let rows = list.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().filter(|name| !name.starts_with('#'))?;
            Some((words.next()?.parse::<u8>().ok()?, name))
        });
        for (number, name) in rows.filter(|row| others.get(&row.0) != Some(&row.1)) {
            // IPv4 is "ip" there, in the row of number 0, which is a pseudo-number.
            if !(number == 0 && name == "ip" || number == 4 && name == "ipencap") {
                assert_eq!(transport_name(number), name.to_lowercase(), "{number}");
            }
        }
    }
}
