//! Orders as an authority would send them: signed envelopes, each with up to a million selectors.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use sekisho_tests::authority::{Signed, papers, payload, signed};
use serde_json::json;

use crate::internet::{Internet, Kind};
use crate::numbers::Random;

/// Key and length of each group of payload prefixes: lengths that hold the start of a protocol's
/// header, and two keys, as two authorities would have.
const PAYLOAD_GROUPS: [(u8, usize); 4] = [(1, 8), (1, 16), (2, 16), (1, 32)];

/// A facility so large that its share is never used up: what is measured is inspected.
const CAPACITY_BPS: u64 = 4_000_000_000_000;

/// Most selectors of one order: ten orders of a million, rather than one of ten.
const SELECTORS_OF_AN_ORDER: usize = 1_000_000;

/// Which addresses the orders name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Selectors {
    /// Random IPv4 addresses.
    V4(usize),
    /// Every second address of a few IPv4 blocks, as many blocks as it takes, and a /30 in each /24
    /// of them, so that they stand among the ranges.
    V4Dense(usize),
    /// IPv4 addresses, IPv4 prefixes, IPv6 addresses and IPv6 prefixes, a quarter of each.
    Mixed(usize),
    /// IPv6: half addresses, half /64 and, inside the registry rows of providers, /56.
    V6(usize),
}

/// The addresses of dense blocks that are selectors are odd, those that are not are even.
pub(crate) const SELECTORS_OF_A_BLOCK: usize = 1_024;

impl Selectors {
    /// The selectors as an order writes them, each between quotation marks and with a comma behind.
    fn texts(self, internet: &Internet) -> Box<dyn Iterator<Item = String> + '_> {
        let v4 = |address: u32| format!("\"{}\",", Ipv4Addr::from(address));
        match self {
            Self::V4(count) => Box::new(internet.v4(Kind::Selector).take(count).map(v4)),
            Self::V4Dense(count) => {
                let odd = |first| (0..2_048_u32).skip(1).step_by(2).map(move |low| first | low);
                let text = move |address: u32| match address & 0xff {
                    1 => format!("\"{}/30\",", Ipv4Addr::from(address & !1)),
                    _ => v4(address),
                };
                Box::new(internet.v4_blocks().flat_map(odd).take(count).map(text))
            }
            Self::Mixed(count) => {
                let v4_count = count.div_ceil(2);
                let prefix = move |(number, address): (usize, u32)| {
                    if number % 2 == 0 {
                        return v4(address);
                    }
                    // From /30 to /32: a set covers no more than a thousandth of the address space.
                    let length = 30 + address % 3;
                    let first = Ipv4Addr::from(address & u32::MAX << (32 - length));
                    format!("\"{first}/{length}\",")
                };
                let v4 = internet.v4(Kind::Selector).take(v4_count).enumerate().map(prefix);
                Box::new(v4.chain(Self::V6(count / 2).texts(internet)))
            }
            Self::V6(count) => {
                let mut random = Random::new(6);
                Box::new((0..count).map(move |number| {
                    let (address, row) = internet.v6(&mut random);
                    let length = match (number % 4, row) {
                        (0 | 2, _) => 128,
                        (1, 32) => 56,
                        _ => 64,
                    };
                    let network = Ipv6Addr::from_bits(address & (u128::MAX << (128 - length)));
                    if length == 128 {
                        format!("\"{network}\",")
                    } else {
                        format!("\"{network}/{length}\",")
                    }
                }))
            }
        }
    }

    /// The signed envelopes.
    pub(crate) fn envelopes(self, internet: &Internet) -> Vec<Signed> {
        let mut texts = self.texts(internet);
        let mut envelopes = Vec::new();
        loop {
            let mut list = String::new();
            for text in texts.by_ref().take(SELECTORS_OF_AN_ORDER) {
                list.push_str(&text);
            }
            if list.pop().is_none() {
                return envelopes;
            }
            envelopes.push(envelope(envelopes.len(), &list));
        }
    }
}

/// Signed envelopes of orders that go by the payload alone, one for each direction, all with the same
/// `count` random hashed prefixes.
pub(crate) fn payload_only(count: usize) -> Vec<Signed> {
    let mut random = Random::new(7);
    let mut sets = json!({});
    for (number, (key, length)) in PAYLOAD_GROUPS.into_iter().enumerate() {
        let hashes: Vec<String> =
            (0..count / PAYLOAD_GROUPS.len()).map(|_| format!("{:016x}", random.next())).collect();
        let key = format!("{key:02x}").repeat(16);
        sets[format!("p{number}")] = json!({"length": length, "key": key, "siphash24": hashes});
    }
    // UDP is the second condition that Art. 17 asks for.
    let rules: Vec<_> = (0..PAYLOAD_GROUPS.len())
        .map(|n| json!({"id": format!("r{n}"), "payload": format!("p{n}"), "protocol": "udp"}))
        .collect();
    ["foreign-to-foreign", "foreign-to-domestic", "domestic-to-foreign"]
        .map(|measure| {
            let id = format!("bench-payload-{measure}");
            let mut order = payload(&id, measure, &json!({}), &json!(rules));
            order["payload_prefixes"] = sets.clone();
            order["facility"]["capacity_bps"] = json!(CAPACITY_BPS);
            signed(&order)
        })
        .into()
}

fn envelope(number: usize, list: &str) -> Signed {
    // The law asks for two conditions; the frames of the benchmarks are UDP.
    let rules = json!([{"id": "r1", "either": "selectors", "protocol": "udp"}]);
    let mut id = String::from("bench-");
    let _ = write!(id, "{number}");
    let mut order = payload(&id, "foreign-to-foreign", &json!({"selectors": []}), &rules);
    order["facility"]["capacity_bps"] = json!(CAPACITY_BPS);
    papers(&order).sign_with("\"addresses\":[]", &format!("\"addresses\":[{list}]"))
}
