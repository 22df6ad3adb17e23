//! Direction lists: CIDR lists and RIR statistics, from files as `sekisho` gets them.
//!
//! The first byte says what is given besides; the rest is files, cut at NUL bytes, domestic and foreign
//! ones in turn. The oracle reads the lines in its own words and asks for addresses at and beside the
//! ends of what they name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use controller::direction::special::special;
use controller::direction::{
    DirectionError, DirectionInputs, DirectionTable, Family, Origin, Unnamed,
};
use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;
use tempfile::TempDir;

use crate::words::check_text;

/// What a line names: a run of addresses of one class. First and last as numbers of 128 bits.
#[derive(Debug)]
struct Named {
    v6: bool,
    first: u128,
    last: u128,
    class: AddressClass,
    file: usize,
    line: u32,
}

/// Judges an input.
///
/// # Panics
/// Where something does not hold.
pub fn run(input: &[u8]) {
    let Some((&options, rest)) = input.split_first() else { return };
    thread_local! {
        static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
    }
    let files: Vec<&[u8]> = rest.split(|byte| *byte == 0).take(4).collect();
    FOLDER.with(|folder| {
        let mut inputs = DirectionInputs {
            country: (options & 1 != 0).then(|| "JP".parse().expect("a country")),
            default: if options & 2 != 0 { Unnamed::Unclassified } else { Unnamed::Foreign },
            without_domestic: [(4, Family::Ipv4), (8, Family::Ipv6)]
                .into_iter()
                .filter_map(|(bit, family)| (options & bit != 0).then_some(family))
                .collect(),
            ..DirectionInputs::default()
        };
        // All domestic ones are read before the foreign ones.
        let mut order = Vec::new();
        for foreign in [false, true] {
            for (number, bytes) in files.iter().enumerate() {
                if (number % 2 == 1) == foreign {
                    let path = folder.path().join(format!("{number}.txt"));
                    std::fs::write(&path, bytes).expect("a file");
                    order.push((path.clone(), *bytes, foreign));
                    let list = if foreign { &mut inputs.foreign } else { &mut inputs.domestic };
                    list.push(path);
                }
            }
        }
        judge(&mut inputs, &order);
    });
}

fn judge(inputs: &mut DirectionInputs, files: &[(PathBuf, &[u8], bool)]) {
    // Once as asked, and once for each family of which the opposite has to be said.
    for _ in 0..=Family::ALL.len() {
        let text = match DirectionTable::load(inputs) {
            Ok(table) => return check(&table, files, inputs),
            Err(DirectionError::Rejected(rejection)) => rejection.to_string(),
            Err(error @ DirectionError::Unreadable { .. }) => panic!("{error}"),
        };
        check_text(&text);
        assert!(text.ends_with("[L-DIR]"), "{text}");
        let about = |family: &Family| text.contains(&format!("names a domestic {family} prefix, "));
        let Some(family) = Family::ALL.into_iter().find(about) else { return };
        match inputs.without_domestic.iter().position(|meant| *meant == family) {
            Some(position) => drop(inputs.without_domestic.remove(position)),
            None => inputs.without_domestic.push(family),
        }
    }
    panic!("neither with nor without {:?}", inputs.without_domestic);
}

fn check(table: &DirectionTable, files: &[(PathBuf, &[u8], bool)], inputs: &DirectionInputs) {
    assert_eq!(table.files().count(), files.len());
    let mut named = Vec::new();
    for (file, (_, bytes, foreign)) in files.iter().enumerate() {
        let class = if *foreign { AddressClass::Foreign } else { AddressClass::Domestic };
        read(bytes, class, file, &mut named);
    }
    assert!(table.named_prefixes() > 0 || files.is_empty());
    for (family, v6) in [(Family::Ipv4, false), (Family::Ipv6, true)] {
        let domestic = |one: &Named| one.v6 == v6 && one.class == AddressClass::Domestic;
        assert_ne!(named.iter().any(domestic), inputs.without_domestic.contains(&family));
    }
    let layers = table.layers();
    for one in named.iter().take(24) {
        let top = if one.v6 { u128::MAX } else { u128::from(u32::MAX) };
        let middle = one.first + (one.last - one.first) / 2;
        for address in [
            one.first.wrapping_sub(1) & top,
            one.first,
            middle,
            one.last,
            one.last.wrapping_add(1) & top,
        ] {
            probe(table, &layers, files, &named, inputs, one.v6, address);
        }
    }
}

fn probe(
    table: &DirectionTable,
    layers: &[Vec<(IpNetwork, AddressClass)>; 2],
    files: &[(PathBuf, &[u8], bool)],
    named: &[Named],
    inputs: &DirectionInputs,
    v6: bool,
    number: u128,
) {
    let address: IpAddr = if v6 {
        Ipv6Addr::from_bits(number).into()
    } else {
        Ipv4Addr::from_bits(u32::try_from(number).expect("an IPv4 address")).into()
    };
    let (class, origin) = table.class_of(address);
    assert!(origin.prefix().contains(address), "{address}: {origin:?}");
    // The same by the layers that are compiled: the last one that names it, the longest prefix there.
    let longest = |layer: &Vec<(IpNetwork, AddressClass)>| {
        let naming = layer.iter().filter(|(network, _)| network.contains(address));
        naming.max_by_key(|(network, _)| network.prefix()).map(|(_, class)| *class)
    };
    assert_eq!(layers.iter().rev().find_map(longest), Some(class), "{address}");
    let holding: Vec<&Named> =
        named.iter().filter(|n| n.v6 == v6 && (n.first..=n.last).contains(&number)).collect();
    match origin {
        Origin::Input { file, line, .. } => {
            let file =
                files.iter().position(|(path, ..)| path.as_path() == std::path::Path::new(file));
            let is_it = |one: &&Named| Some(one.file) == file && one.line == line;
            let found = holding.iter().copied().find(is_it);
            let found = found.unwrap_or_else(|| panic!("{address}: {origin:?} of {holding:?}"));
            assert_eq!(found.class, class, "{address}: {origin:?}");
            if let [only] = holding.as_slice() {
                assert_eq!(only.class, class, "{address}");
            }
            // A line that names less of the space around an address than all others is the one.
            let size = |one: &Named| one.last - one.first;
            let is_block = |one: &Named| size(one) & size(one).wrapping_add(1) == 0;
            if holding.iter().all(|one| is_block(one)) {
                let least = holding.iter().copied().map(size).min();
                assert_eq!(Some(size(found)), least, "{address}: {origin:?} of {holding:?}");
            }
        }
        Origin::Special(_) | Origin::Default { .. } => {
            assert!(holding.is_empty(), "{address}: {origin:?} of {holding:?}");
            let is_special = special(address).is_some();
            assert_eq!(is_special, matches!(origin, Origin::Special(_)), "{address}");
            let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
            let foreign = !is_special
                && inputs.default == Unnamed::Foreign
                && !inputs.without_domestic.contains(&family);
            let expected = if foreign { AddressClass::Foreign } else { AddressClass::Unclassified };
            assert_eq!(class, expected, "{address}");
        }
    }
}

/// Reads a list that was accepted.
fn read(bytes: &[u8], class: AddressClass, file: usize, named: &mut Vec<Named>) {
    let text = std::str::from_utf8(bytes).expect("an accepted list is text");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = (1..).zip(text.split('\n').map(str::trim));
    let says: Vec<(u32, &str)> =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let statistics = says
        .first()
        .is_some_and(|(_, line)| line.split('#').next().is_some_and(|l| l.contains('|')));
    // Of statistics the first line is their version, and lines of six fields are summaries.
    for (line, text) in says.into_iter().skip(usize::from(statistics)) {
        let one = if statistics { row(text) } else { prefix(text, class) };
        if let Some((v6, first, last, class)) = one {
            named.push(Named { v6, first, last, class, file, line });
        }
    }
}

type Run = (bool, u128, u128, AddressClass);

fn prefix(line: &str, class: AddressClass) -> Option<Run> {
    let text = line.split('#').next()?.trim();
    if text.is_empty() {
        return None;
    }
    let network: IpNetwork = text.parse().expect("an accepted line is a prefix");
    Some((network.is_ipv6(), bits(network.network()), bits(network.broadcast()), class))
}

fn row(line: &str) -> Option<Run> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [_, country, kind, start, value, _, status, ..] = fields.as_slice() else { return None };
    let nobody = matches!(fields.get(7), Some(&("ietf" | "ianapool")));
    let class = match (status.to_ascii_lowercase().as_str(), *country) {
        _ if nobody => AddressClass::Unclassified,
        ("available" | "reserved" | "ietf" | "ianapool", _) | (_, "" | "ZZ") => {
            AddressClass::Unclassified
        }
        (_, "JP") => AddressClass::Domestic,
        _ => AddressClass::Foreign,
    };
    match *kind {
        "ipv4" => {
            let first = bits(start.parse().expect("an address"));
            let count: u128 = value.parse().expect("a count");
            Some((false, first, first + count - 1, class))
        }
        "ipv6" => {
            let length: u32 = value.parse().expect("a length");
            let first = bits(start.parse().expect("an address"));
            let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
            Some((true, first, first | host_bits, class))
        }
        _ => None,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
