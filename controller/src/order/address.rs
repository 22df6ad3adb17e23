//! Addresses and prefixes as orders write them, read into [`IpNetwork`] in one pass. The direction table
//! knows special ranges; this file does not.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;

use ipnetwork::IpNetwork;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::json::{self, Faults, Fields, quote};
use crate::rejection::FormFault;

/// Why a text is no address and no prefix. Each quotes the text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressFault {
    /// It has a zone id (RFC 4007).
    #[error("{0} has a zone id, which means nothing off its host")]
    Zone(String),
    /// It is not written as an address or a prefix.
    #[error("{0} is neither an IPv4 nor an IPv6 address or prefix")]
    Neither(String),
    /// The prefix length is missing, out of range or written with a sign or a leading zero.
    #[error("{text} needs a prefix length from 0 to {longest}")]
    Length {
        /// The text, quoted.
        text: String,
        /// The longest prefix of its IP version, in bits.
        longest: u8,
    },
    /// It is an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2).
    #[error("{0} is an IPv4-mapped IPv6 address; write the IPv4 address itself")]
    Mapped(String),
    /// Bits below the prefix are set.
    #[error("{text} has host bits set; its network is {network}")]
    HostBits {
        /// The text, quoted.
        text: String,
        /// The network that it lies in.
        network: IpNetwork,
    },
}

/// Reads `198.51.100.7`, `203.0.113.0/24`, `2001:db8::1` or `2001:db8:5::/48`; a bare address is
/// a prefix of full length.
///
/// A form that two readers could take for different addresses is refused: host bits below the
/// prefix, IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2), zone ids (RFC 4007), leading zeros.
///
/// # Errors
///
/// [`AddressFault`].
pub fn parse_network(text: &str) -> Result<IpNetwork, AddressFault> {
    if text.contains('%') {
        return Err(AddressFault::Zone(quote(text)));
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let neither = || AddressFault::Neither(quote(text));
    let address: IpAddr = address.parse().map_err(|_| neither())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => longest,
        Some(length) => prefix_length(length)
            .filter(|length| *length <= longest)
            .ok_or_else(|| AddressFault::Length { text: quote(text), longest })?,
    };
    if let IpAddr::V6(v6) = address
        && v6.to_ipv4_mapped().is_some()
        && length >= 96
    {
        return Err(AddressFault::Mapped(quote(text)));
    }
    let network = IpNetwork::new(address, length).map_err(|_| neither())?;
    if network.network() != address {
        let network = IpNetwork::new(network.network(), length).map_err(|_| neither())?;
        return Err(AddressFault::HostBits { text: quote(text), network });
    }
    Ok(network)
}

/// Reads digits only: no sign, no leading zero.
fn prefix_length(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// A list as it is read: the addresses and prefixes, and the index of each wrong member with its fault.
struct Networks {
    read: Vec<IpNetwork>,
    wrong: Vec<(usize, AddressFault)>,
}

/// The most wrong members of one list that are reported.
const MOST_WRONG: usize = 20;

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadNetwork(Result<IpNetwork, AddressFault>);

        impl<'de> Deserialize<'de> for ReadNetwork {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                json::text(deserializer, "an address or a prefix", |text| {
                    Ok::<_, Infallible>(Self(parse_network(text)))
                })
            }
        }

        struct NetworksVisitor;

        impl<'de> Visitor<'de> for NetworksVisitor {
            type Value = Networks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of addresses and prefixes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                // A set may hold millions of members: none is kept as text.
                let mut networks = Networks { read: Vec::new(), wrong: Vec::new() };
                let mut index = 0;
                while let Some(ReadNetwork(network)) = list.next_element()? {
                    match network {
                        Ok(network) => networks.read.push(network),
                        Err(fault) if networks.wrong.len() < MOST_WRONG => {
                            networks.wrong.push((index, fault));
                        }
                        Err(_) => {}
                    }
                    index += 1;
                }
                Ok(networks)
            }
        }

        deserializer.deserialize_seq(NetworksVisitor)
    }
}

/// Takes a list of addresses and prefixes from a required field. `None`: the field or a member is wrong.
pub(super) fn take(
    fields: &mut Fields<'_>,
    field: &'static str,
    faults: &mut Faults,
) -> Option<Vec<IpNetwork>> {
    let Networks { read, wrong } = fields.take(field, faults)?;
    let here = fields.at(field);
    let is_right = wrong.is_empty();
    for (index, fault) in wrong {
        faults.add(&here.member(index), FormFault::Address(fault));
    }
    is_right.then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_prefixes() {
        for (text, same) in [
            ("198.51.100.7", "198.51.100.7/32"),
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:DB8:5::/48", "2001:db8:5::/48"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(parse_network(text).unwrap().to_string(), same);
        }
    }

    #[test]
    fn refusals() {
        for (text, why) in [
            ("", "`` is neither an IPv4 nor an IPv6 address or prefix"),
            ("203.0.113.1/24", "`203.0.113.1/24` has host bits set; its network is 203.0.113.0/24"),
            ("2001:db8::1/64", "`2001:db8::1/64` has host bits set; its network is 2001:db8::/64"),
            (
                "::ffff:192.0.2.1",
                "`::ffff:192.0.2.1` is an IPv4-mapped IPv6 address; write the IPv4 address itself",
            ),
            (
                "::ffff:0:0/96",
                "`::ffff:0:0/96` is an IPv4-mapped IPv6 address; write the IPv4 address itself",
            ),
            ("fe80::1%eth0", "`fe80::1%eth0` has a zone id, which means nothing off its host"),
            ("192.0.2.01", "`192.0.2.01` is neither an IPv4 nor an IPv6 address or prefix"),
            ("192.0.2", "`192.0.2` is neither an IPv4 nor an IPv6 address or prefix"),
            ("192.0.2.1 ", "`192.0.2.1 ` is neither an IPv4 nor an IPv6 address or prefix"),
            ("[2001:db8::1]", "`[2001:db8::1]` is neither an IPv4 nor an IPv6 address or prefix"),
            ("192.0.2.0/33", "`192.0.2.0/33` needs a prefix length from 0 to 32"),
            ("192.0.2.0/", "`192.0.2.0/` needs a prefix length from 0 to 32"),
            ("192.0.2.0/+24", "`192.0.2.0/+24` needs a prefix length from 0 to 32"),
            ("192.0.2.0/024", "`192.0.2.0/024` needs a prefix length from 0 to 32"),
            ("192.0.2.0/24/24", "`192.0.2.0/24/24` needs a prefix length from 0 to 32"),
            ("2001:db8::/129", "`2001:db8::/129` needs a prefix length from 0 to 128"),
        ] {
            assert_eq!(parse_network(text).expect_err(text).to_string(), why);
        }
    }
}
