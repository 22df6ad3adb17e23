//! CIDR lists: one prefix or bare address per line, `#` comments, also after a prefix (RFC 4632 and RFC 4291
//! notation). A list that names nothing is refused: its contents were probably lost on the way.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use sensor_common::direction::AddressClass;

use crate::direction::source::Source;
use crate::direction::table::Named;
use crate::rejection::Rejection;

/// Reads a list whose prefixes all have one class.
pub(super) fn read(source: &Source, class: AddressClass) -> Result<Vec<Named>, Rejection> {
    let mut named = Vec::new();
    for line in source.lines() {
        let (number, line) = line?;
        let text = line.split_once('#').map_or(line, |(before, _)| before).trim_end();
        if text.is_empty() {
            continue;
        }
        let network =
            prefix(text).map_err(|fault| source.refused_at(number, format!("`{text}` {fault}")))?;
        named.push(Named { network, class, line: number });
    }
    if named.is_empty() {
        return Err(source.refused("names no prefix"));
    }
    Ok(named)
}

/// What is wrong with a line of a list.
#[derive(Debug, thiserror::Error)]
enum PrefixFault {
    #[error("is neither a prefix nor an address in CIDR notation")]
    Notation,
    #[error("has no prefix length from 0 to {longest}")]
    Length { longest: u8 },
    #[error("has host bits set; the prefix is {first}/{length}")]
    HostBits { first: IpAddr, length: u8 },
    /// No packet carries such an address: the line would silently do nothing.
    #[error("is IPv4-mapped; write it as an IPv4 prefix")]
    Mapped,
}

/// Reads `192.0.2.0/24`, `2001:db8::/32` or a bare address.
fn prefix(text: &str) -> Result<IpNetwork, PrefixFault> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| PrefixFault::Notation)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => prefix_length(length, longest),
        None => Some(longest),
    };
    let network = length
        .and_then(|length| IpNetwork::new(address, length).ok())
        .ok_or(PrefixFault::Length { longest })?;
    let (first, length) = (network.network(), network.prefix());
    if first != address {
        return Err(PrefixFault::HostBits { first, length });
    }
    if let IpAddr::V6(v6) = address
        && length >= 96
        && v6.to_ipv4_mapped().is_some()
    {
        return Err(PrefixFault::Mapped);
    }
    Ok(network)
}

/// Reads a prefix length: decimal digits only, no sign, no leading zero.
pub(super) fn prefix_length(text: &str, longest: u8) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    let length = text.parse().ok()?;
    (plain && !padded && length <= longest).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: impl Into<Vec<u8>>) -> Result<Vec<(String, u32)>, String> {
        read(&Source::new("jp.txt", text.into()), AddressClass::Domestic)
            .map(|named| named.iter().map(|n| (n.network.to_string(), n.line)).collect())
            .map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn reads_prefixes_addresses_and_comments() {
        let text = "\u{feff}# Japan\r\n\r\n1.0.16.0/20 # Tokyo\r\n  192.0.2.7\r\n2001:200::/23#v6\r\n\
                    2001:db8::1\r\n0.0.0.0/0\r\n";
        let expected = [
            ("1.0.16.0/20", 3),
            ("192.0.2.7/32", 4),
            ("2001:200::/23", 5),
            ("2001:db8::1/128", 6),
            ("0.0.0.0/0", 7),
        ];
        assert_eq!(list(text), Ok(expected.map(|(text, line)| (text.into(), line)).to_vec()));
    }

    #[test]
    fn names_line_and_reason_of_what_it_refuses() {
        for (line, reason) in [
            ("192.0.2.1/24", "has host bits set; the prefix is 192.0.2.0/24"),
            ("2001:db8::1/64", "has host bits set; the prefix is 2001:db8::/64"),
            ("192.0.2.0/33", "has no prefix length from 0 to 32"),
            ("192.0.2.0/", "has no prefix length from 0 to 32"),
            ("192.0.2.0/+8", "has no prefix length from 0 to 32"),
            ("192.0.2.0/024", "has no prefix length from 0 to 32"),
            ("192.0.2.0/24/24", "has no prefix length from 0 to 32"),
            ("192.0.2.0/255.255.255.0", "has no prefix length from 0 to 32"),
            ("2001:db8::/129", "has no prefix length from 0 to 128"),
            ("192.0.2/24", "is neither a prefix nor an address in CIDR notation"),
            ("192.0.02.0/24", "is neither a prefix nor an address in CIDR notation"),
            ("192.0.2.0/24, 10.0.0.0/8", "has no prefix length from 0 to 32"),
            ("192.0.2.0-192.0.2.255", "is neither a prefix nor an address in CIDR notation"),
            ("fe80::1%eth0", "is neither a prefix nor an address in CIDR notation"),
            ("example.jp", "is neither a prefix nor an address in CIDR notation"),
            ("::ffff:192.0.2.0/120", "is IPv4-mapped; write it as an IPv4 prefix"),
        ] {
            let expected = format!("jp.txt: line 2: `{line}` {reason} [L-DIR]");
            assert_eq!(list(format!("192.0.2.0/24\n{line}\n")), Err(expected));
        }
    }

    #[test]
    fn an_empty_list_is_refused() {
        for text in ["", "\n\n", "# nothing\n", "\u{feff}"] {
            assert_eq!(list(text), Err("jp.txt: names no prefix [L-DIR]".into()));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = list(bytes);
        }

        #[test]
        fn no_line_makes_it_panic(text in "[0-9a-f:./#| \n-]{0,60}") {
            let _ = list(text);
        }
    }
}
