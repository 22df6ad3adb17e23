//! Payload prefixes for the tests of the compiler: sets and payloads that often match, and the plain meaning
//! of a set.

use proptest::prelude::*;
use sensor_common::siphash;
use serde_json::{Value, json};

use crate::order::payload::PayloadPrefixes;

/// Whether a payload begins with one of the prefixes.
pub(super) fn begins(prefixes: &PayloadPrefixes, payload: &[u8]) -> bool {
    match prefixes {
        PayloadPrefixes::Raw(list) => list.iter().any(|prefix| payload.starts_with(prefix)),
        PayloadPrefixes::Hashed { length, key, hashes } => payload
            .get(..usize::from(*length))
            .is_some_and(|first| hashes.contains(&siphash::hash(siphash::key(*key), first))),
    }
}

/// Bytes that are nearly all the same, so that prefixes and payloads often match.
fn bytes(length: impl Strategy<Value = usize>) -> impl Strategy<Value = Vec<u8>> {
    (length, 0..3_u8, prop_oneof![3 => Just(None), 1 => (0..16_usize).prop_map(Some)]).prop_map(
        |(length, value, other)| {
            let mut bytes = vec![value; length];
            if let Some(byte) = other.and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1;
            }
            bytes
        },
    )
}

/// What a packet carries.
pub(super) fn payload() -> impl Strategy<Value = Vec<u8>> {
    bytes(prop_oneof![1 => Just(0), 3 => 1..20_usize, 1 => 60..80_usize])
}

/// A set as an order writes it, with one of two keys and few lengths, so that all orders together do not
/// exceed the limit of groups.
pub(super) fn set() -> impl Strategy<Value = Value> {
    let raw = prop_oneof![Just(1_usize), Just(3), Just(17)];
    let raw = proptest::collection::vec(bytes(raw), 1..5).prop_map(|list| {
        let list: Vec<String> = list.iter().map(hex::encode).collect();
        json!({"hex": list})
    });
    let hashed = (0..2_u8, prop_oneof![Just(8_usize), Just(9)]).prop_flat_map(|(key, length)| {
        proptest::collection::vec(bytes(Just(length)), 1..5).prop_map(move |list| {
            let key = [key; 16];
            let hash =
                |bytes: &Vec<u8>| format!("{:016x}", siphash::hash(siphash::key(key), bytes));
            let list: Vec<String> = list.iter().map(hash).collect();
            json!({"length": length, "key": hex::encode(key), "siphash24": list})
        })
    });
    prop_oneof![raw, hashed]
}
