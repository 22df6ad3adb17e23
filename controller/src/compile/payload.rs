//! The payload tables: prefixes sorted into groups, each with its filter and its hashes (see
//! `sensor_common::payload`). `rows` says which rules name which prefixes.

use std::collections::{BTreeMap, HashMap};

use sensor_common::layout::IndexWord;
use sensor_common::payload::{Group, MOST_GROUPS, MOST_PREFIXES};
use sensor_common::siphash;
use sha2::{Digest as _, Sha256};

use super::CompileError;
use super::membership::{Memberships, Set};
use crate::order::payload::PayloadPrefixes;

/// Filter bits per prefix: of payloads without any of the prefixes, one in two thousand then passes.
const BITS_PER_PREFIX: usize = 32;

/// Hashes in a bucket of the index, on average.
const BUCKET: usize = 4;

/// What the key of prefixes that orders spell out is derived from, besides the prefixes.
const DOMAIN: &[u8] = b"sekisho.payload/v1";

/// Prefixes of one length that are hashed under one key.
#[derive(Debug)]
pub(super) struct GroupTable {
    pub(super) key: [u64; 2],
    pub(super) length: u32,
    /// The hashes in ascending order, each with the number of its row.
    pub(super) entries: Vec<(u64, u32)>,
    /// The prefixes in the same order, [`blocks`] words each; empty where only hashes are known.
    pub(super) prefixes: Vec<u64>,
}

/// All groups: those under one key are next to each other, the shorter ones first.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) tables: Vec<GroupTable>,
    /// For each set, the groups that hold its prefixes, one bit each.
    pub(super) of_set: HashMap<Set, u32>,
}

/// A key and a length. The key of prefixes that are spelled out is chosen later.
type Shape = (Option<[u8; 16]>, u32);

/// A prefix as the order gives it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Prefix<'a> {
    Hash(u64),
    Bytes(&'a [u8]),
}

/// Sorts the prefixes of the sets that rules name into groups. `memberships` numbers the combinations of sets
/// that hold a prefix; the number is that of the row.
///
/// # Errors
/// [`CompileError`] if there are too many groups or prefixes.
pub(super) fn compile(
    sets: &[(Set, &PayloadPrefixes)],
    memberships: &mut Memberships,
) -> Result<Groups, CompileError> {
    let mut shapes: BTreeMap<Shape, Vec<(Prefix<'_>, Set)>> = BTreeMap::new();
    for (set, prefixes) in sets {
        match prefixes {
            PayloadPrefixes::Hashed { length, key, hashes } => {
                let named = hashes.iter().map(|hash| (Prefix::Hash(*hash), *set));
                shapes.entry((Some(*key), u32::from(*length))).or_default().extend(named);
            }
            PayloadPrefixes::Raw(list) => {
                for bytes in list {
                    // Orders have prefixes of at most 64 bytes.
                    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    let named = (Prefix::Bytes(bytes), *set);
                    shapes.entry((None, length)).or_default().push(named);
                }
            }
        }
    }
    if shapes.len() > MOST_GROUPS as usize {
        return Err(CompileError::PayloadGroups(shapes.len()));
    }
    let mut count = 0;
    let mut of_set = HashMap::new();
    let mut members = Vec::new();
    for (group, (shape, mut named)) in shapes.into_iter().enumerate() {
        for (_, set) in &named {
            *of_set.entry(*set).or_insert(0) |= 1 << group;
        }
        named.sort_unstable();
        named.dedup();
        let rows: Vec<(Prefix<'_>, u32)> = named
            .chunk_by(|one, other| one.0 == other.0)
            .map(|same| {
                (same[0].0, same.iter().fold(0, |row, (_, set)| memberships.with(row, *set)))
            })
            .collect();
        count += rows.len();
        members.push((shape, rows));
    }
    if count > MOST_PREFIXES as usize {
        return Err(CompileError::PayloadPrefixes(count));
    }
    let own = own_key(&members);
    let tables = members.iter().map(|(shape, rows)| table(*shape, rows, own)).collect();
    Ok(Groups { tables, of_set })
}

/// The groups with their prefixes and rows.
type Members<'a> = [(Shape, Vec<(Prefix<'a>, u32)>)];

/// The key of the prefixes that orders spell out, under which all of their hashes differ. It is derived from
/// the prefixes, so that the same orders give the same tables.
fn own_key(members: &Members<'_>) -> [u8; 16] {
    let spelled = || {
        let named = members.iter().flat_map(|(_, rows)| rows);
        named.filter_map(|(prefix, _)| match prefix {
            Prefix::Bytes(bytes) => Some(*bytes),
            Prefix::Hash(_) => None,
        })
    };
    let mut contents = Sha256::new();
    contents.update(DOMAIN);
    for bytes in spelled() {
        contents.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        contents.update(bytes);
    }
    let mut seed = contents.finalize();
    loop {
        let (bytes, _) = seed.split_first_chunk::<16>().expect("32 bytes");
        let key = siphash::key(*bytes);
        let mut hashes: Vec<(usize, u64)> =
            spelled().map(|bytes| (bytes.len(), siphash::hash(key, bytes))).collect();
        hashes.sort_unstable();
        if hashes.windows(2).all(|two| two[0] != two[1]) {
            return *bytes;
        }
        seed = Sha256::digest(seed);
    }
}

fn table(shape: Shape, rows: &[(Prefix<'_>, u32)], own: [u8; 16]) -> GroupTable {
    let (key, length) = shape;
    let key = siphash::key(key.unwrap_or(own));
    let mut entries: Vec<(u64, u32, &[u8])> = rows
        .iter()
        .map(|(prefix, row)| match prefix {
            Prefix::Hash(hash) => (*hash, *row, [].as_slice()),
            Prefix::Bytes(bytes) => (siphash::hash(key, bytes), *row, *bytes),
        })
        .collect();
    entries.sort_unstable();
    let words = |bytes: &[u8]| -> Vec<u64> {
        bytes
            .chunks(8)
            .map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
            .collect()
    };
    GroupTable {
        key,
        length,
        prefixes: entries.iter().flat_map(|(_, _, bytes)| words(bytes)).collect(),
        entries: entries.into_iter().map(|(hash, row, _)| (hash, row)).collect(),
    }
}

impl GroupTable {
    /// The filter over the group's hashes.
    pub(super) fn filter(&self) -> Vec<u64> {
        let words = (self.entries.len() * BITS_PER_PREFIX).div_ceil(64).max(1);
        let mut filter = vec![0; words];
        let words = u32::try_from(words).expect("a million prefixes at most");
        for (hash, _) in &self.entries {
            for bit in Group::filter_bits(*hash) {
                filter[Group::filter_word(words, *hash) as usize] |= 1 << bit;
            }
        }
        filter
    }

    /// The index over the hashes, and how far a hash is shifted to give its bucket.
    pub(super) fn index(&self) -> (Vec<IndexWord>, u32) {
        // A shift by all 64 bits is not possible, so there are at least two buckets.
        let buckets = (self.entries.len() / BUCKET).next_power_of_two().max(2);
        let shift = 64 - buckets.trailing_zeros();
        let narrow = |number: usize| u32::try_from(number).expect("a million prefixes at most");
        let start = |bucket: usize| {
            self.entries.partition_point(|(hash, _)| (hash >> shift) < bucket as u64)
        };
        let words = (0..buckets).map(|bucket| {
            let first = start(bucket);
            IndexWord::ranges(narrow(first), narrow(start(bucket + 1) - first))
        });
        (words.collect(), shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(list: &[&[u8]]) -> PayloadPrefixes {
        PayloadPrefixes::Raw(list.iter().map(|bytes| bytes.to_vec()).collect())
    }

    fn hashed(key: u8, length: u8, hashes: &[u64]) -> PayloadPrefixes {
        PayloadPrefixes::Hashed { length, key: [key; 16], hashes: hashes.to_vec() }
    }

    fn groups(sets: &[PayloadPrefixes]) -> Result<Groups, CompileError> {
        let sets: Vec<(Set, &PayloadPrefixes)> = (0..).zip(sets).collect();
        compile(&sets, &mut Memberships::new())
    }

    #[test]
    fn a_group_is_a_key_and_a_length() {
        let sets = [
            hashed(2, 16, &[5, 1, 5]),
            raw(&[b"GET /", b"POST ", b"PUT "]),
            hashed(2, 8, &[1]),
            hashed(1, 16, &[1]),
            hashed(2, 16, &[1, 9]),
        ];
        let groups = groups(&sets).unwrap();
        let shapes: Vec<(u32, usize)> =
            groups.tables.iter().map(|group| (group.length, group.entries.len())).collect();
        assert_eq!(shapes, [(4, 1), (5, 2), (16, 1), (8, 1), (16, 3)]);
        assert_eq!(groups.tables[0].key, groups.tables[1].key);
        assert_eq!(groups.tables[3].key, groups.tables[4].key);
        assert_ne!(groups.tables[0].key, groups.tables[3].key);
        let of_set: Vec<u32> = (0..5).map(|set| groups.of_set[&set]).collect();
        assert_eq!(of_set, [0b1_0000, 0b11, 0b1000, 0b100, 0b1_0000]);
        // Hash 1 is in sets 0 and 4, hash 5 in set 0 only, hash 9 in set 4 only.
        let rows: Vec<u32> = groups.tables[4].entries.iter().map(|(_, row)| *row).collect();
        assert!(rows[0] != rows[1] && rows[1] != rows[2] && rows[0] != rows[2], "{rows:?}");
    }

    #[test]
    fn the_own_key_depends_on_the_contents_only() {
        let key = |list: &[&[u8]]| groups(&[raw(list)]).unwrap().tables[0].key;
        assert_eq!(key(&[b"ab", b"cd"]), key(&[b"cd", b"ab", b"ab"]));
        assert_ne!(key(&[b"ab", b"cd"]), key(&[b"ab", b"ce"]));
        assert_ne!(key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
    }

    #[test]
    fn every_hash_is_in_its_bucket_and_in_the_filter() {
        let spread = (0..1_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let dense = 0..1_000_u64;
        for hashes in [spread.collect::<Vec<_>>(), dense.collect(), vec![0, u64::MAX], vec![7]] {
            let groups = groups(&[hashed(1, 8, &hashes)]).unwrap();
            let [group] = groups.tables.as_slice() else { panic!("one group") };
            let (index, shift) = group.index();
            let filter = group.filter();
            let words = u32::try_from(filter.len()).unwrap();
            let counts: u32 = index.iter().map(|word| word.count()).sum();
            assert_eq!(counts as usize, hashes.len());
            for (number, (hash, _)) in (0..).zip(&group.entries) {
                let bucket = index[usize::try_from(hash >> shift).unwrap()];
                assert!((bucket.first()..bucket.first() + bucket.count()).contains(&number));
                let word = filter[Group::filter_word(words, *hash) as usize];
                assert!(Group::filter_bits(*hash).iter().all(|bit| word >> bit & 1 == 1));
            }
        }
    }

    #[test]
    fn few_others_pass_the_filter() {
        let hashed_under = |key: u64, n: u64| siphash::hash([key, key], &n.to_le_bytes());
        let hashes: Vec<u64> = (0..50_000).map(|n| hashed_under(1, n)).collect();
        let groups = groups(&[hashed(1, 8, &hashes)]).unwrap();
        let filter = groups.tables[0].filter();
        assert_eq!(filter.len(), 25_000);
        let words = u32::try_from(filter.len()).unwrap();
        let passes = |hash: u64| {
            let word = filter[Group::filter_word(words, hash) as usize];
            Group::filter_bits(hash).iter().all(|bit| word >> bit & 1 == 1)
        };
        assert!(hashes.iter().all(|hash| passes(*hash)));
        let others = (0..200_000).map(|n| hashed_under(7, n));
        let passing = others.filter(|hash| passes(*hash)).count();
        // One in two thousand is what docs/tables.md says.
        assert!(passing < 200, "{passing} of 200,000");
    }

    #[test]
    fn as_many_as_there_can_be() {
        let per_group = u64::from(MOST_PREFIXES / MOST_GROUPS);
        let sets: Vec<PayloadPrefixes> = (1..=8_u8)
            .map(|length| {
                let key = siphash::key([9; 16]);
                let hash = |n: u64| siphash::hash(key, &[n.to_le_bytes(), [length; 8]].concat());
                hashed(length, length, &(0..per_group).map(hash).collect::<Vec<_>>())
            })
            .collect();
        let groups = groups(&sets).unwrap();
        assert_eq!(groups.tables.len(), MOST_GROUPS as usize);
        for group in &groups.tables {
            assert_eq!(group.entries.len() as u64, per_group);
            let (index, _) = group.index();
            let fullest = index.iter().map(|word| word.count()).max().unwrap();
            assert!(fullest < 32, "random hashes spread over the buckets: {fullest}");
        }
    }

    #[test]
    fn limits_are_named() {
        let sets: Vec<PayloadPrefixes> = (1..=9).map(|length| hashed(1, length, &[1])).collect();
        assert!(groups(&sets[..8]).is_ok());
        assert_eq!(
            groups(&sets).unwrap_err().to_string(),
            "the rules of all orders compare payloads by 9 different pairs of key and length; the \
             limit is 8"
        );
        let many: Vec<u64> = (0..=u64::from(MOST_PREFIXES)).collect();
        // The same prefix twice is one prefix.
        let two = [hashed(1, 8, &many[1..]), hashed(1, 8, &many[1..])];
        assert!(groups(&two).is_ok());
        assert_eq!(
            groups(&[hashed(1, 8, &many)]).unwrap_err().to_string(),
            "the rules of all orders name 1000001 payload prefixes; the limit is 1000000"
        );
    }
}
