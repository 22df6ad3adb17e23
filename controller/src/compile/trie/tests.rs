//! The trie against the ranges that it was made of.

use proptest::prelude::*;
use sensor_common::direction::AddressClass;
use sensor_common::layout::addresses::V6_NODE_WORDS;

use super::*;

/// What the parts say of an address, each as the look-up uses it.
fn asked(trie: &Trie, ranges: &[Start<AddressValue>], address: u128) -> AddressValue {
    let prefix = u64::try_from(address >> 64).unwrap();
    let block = usize::try_from(prefix >> 48).unwrap();
    let TopEntry(entry) = TopEntry::of(trie.top[block / 4], u32::try_from(block).unwrap());
    let code = if entry < TopEntry::CODES {
        u32::from(entry)
    } else {
        let part = u32::try_from(prefix >> 32 & 0xffff).unwrap();
        let node = usize::from(entry - TopEntry::CODES) * V6_NODE_WORDS as usize;
        let at = node + part as usize / PARTS * 2;
        let first = u32::try_from(trie.nodes[at + 1]).unwrap();
        let leaf = NodeBlock { codes: trie.nodes[at], first }.leaf(part);
        let rest = u32::try_from(prefix & 0xffff_ffff).unwrap();
        let leaf = trie.leaves[leaf as usize];
        let leaf = leaf.leaves().map_or(leaf, |leaves| trie.leaves[leaves.leaf(rest) as usize]);
        leaf.code(rest)
    };
    let searched = |(first, count): (usize, usize)| {
        let behind = ranges[first..first + count].partition_point(|range| range.0 <= address);
        ranges[first + behind - 1].1
    };
    if code == LOOK_FURTHER {
        return searched((0, ranges.len()));
    }
    match trie.chunks.binary_search_by_key(&(prefix >> trie.chunk_shift), |chunk| chunk.0) {
        Ok(number) => {
            let word = trie.chunks[number].1;
            let places = || (word.first() as usize, word.count() as usize);
            word.value().unwrap_or_else(|| searched(places()))
        }
        Err(_) => AddressValue::of_code(code),
    }
}

fn value(class: u32, row: u32) -> AddressValue {
    AddressValue::new(AddressClass::from_bits(class), row)
}

/// Ranges from what lies at which start.
fn ranges_of(starts: impl IntoIterator<Item = (u128, AddressValue)>) -> Vec<Start<AddressValue>> {
    let mut ranges = vec![(0, value(0, 0))];
    for (start, value) in starts {
        ranges.pop_if(|last: &mut Start<AddressValue>| last.0 == start);
        if ranges.last().is_none_or(|last| last.1 != value) {
            ranges.push((start, value));
        }
    }
    ranges
}

/// Addresses at which the answer may change, and their neighbours.
fn holds(ranges: &[Start<AddressValue>], more: &[u128]) -> Trie {
    let trie = compile(ranges).unwrap();
    let edges = ranges.iter().flat_map(|(first, _)| {
        [*first, first.wrapping_sub(1), first + 1, first | u128::from(u64::MAX), first ^ 1 << 64]
    });
    for address in edges.chain(more.iter().copied()).chain([0, u128::MAX]) {
        let expected = ranges[ranges.partition_point(|range| range.0 <= address) - 1].1;
        assert_eq!(asked(&trie, ranges, address), expected, "{address:#034x}");
    }
    trie
}

/// Addresses that share first bits with others, and end in bits that other prefixes have.
fn start() -> impl Strategy<Value = u128> {
    (0..3_u128, 0..6_u128, 0..6_u128, 0..6_u128, 0..4_u32).prop_map(|(a, b, c, d, length)| {
        let address = 0x2001_0db8 << 96 | a << 96 | b << 80 | c << 66 | d;
        address & u128::MAX << [0, 64, 72, 80][length as usize]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_the_tables_say_is_what_the_ranges_said(
        starts in proptest::collection::btree_map(start(), (0..3_u32, 0..3_u32), 0..120),
        more in proptest::collection::vec(start(), 40),
        one_class in any::<bool>(),
    ) {
        let mut list: std::collections::BTreeMap<u128, AddressValue> = std::collections::BTreeMap::new();
        for (start, (class, row)) in starts {
            let class = if one_class { 2 } else { class };
            list.insert(start, value(class, row));
            // Every third is a single address.
            if row == 1 {
                list.entry(start + 1).or_insert(value(class, 0));
            }
        }
        holds(&ranges_of(list), &more);
    }
}

#[test]
fn a_part_with_many_codes_has_several_leaves() {
    // Seventy /48s, of two classes in turn.
    let base = 0x2400_0001_u128 << 96;
    let starts = (0..70_u32).map(|n| (base + (u128::from(n) << 80), value(n % 2 + 1, 0)));
    let trie = holds(&ranges_of(starts.chain([(base + (70 << 80), value(0, 0))])), &[]);
    assert!(trie.leaves.len() > 4, "{}", trie.leaves.len());
}

#[test]
fn single_addresses_and_64s_stand_in_the_table() {
    let net = 0x2400_0001_u128 << 96;
    let starts = [
        (net, value(2, 0)),
        (net + 5, value(2, 1)),
        (net + 6, value(2, 0)),
        (net + (1 << 64), value(2, 2)),
        (net + (2 << 64), value(2, 0)),
        // A /56: more than four /64s.
        (net + (256 << 64), value(2, 3)),
        (net + (512 << 64), value(2, 0)),
    ];
    let ranges = ranges_of(starts);
    let trie = holds(&ranges, &[]);
    assert_eq!(trie.chunk_shift, 0);
    let prefix = 0x2400_0001_u64 << 32;
    assert_eq!(trie.chunks.iter().map(|chunk| chunk.0).collect::<Vec<_>>(), [prefix, prefix + 1]);
    assert_eq!(trie.chunks[1].1, IndexWord::leaf(value(2, 2)));
}

#[test]
fn more_blocks_than_nodes() {
    let blocks = u128::from(TopEntry::MOST_NODES) + 10;
    let starts = (0..blocks).flat_map(|block| {
        let first = (0x2000 + block) << 112;
        [(first, value(1, 0)), (first + (1 << 100), value(2, 0))]
    });
    holds(&ranges_of(starts), &[]);
}

#[test]
fn the_length_of_a_chunk_follows_the_sets() {
    // More /56s than may have a code of their own.
    let count = u128::try_from(MOST_WIDE).unwrap() + 1;
    let starts = (0..count).flat_map(|n| {
        let first = (0x2400_u128 << 112) + (n << 74);
        [(first, value(2, 1)), (first + (1 << 72), value(2, 0))]
    });
    let trie = compile(&ranges_of(starts)).unwrap();
    assert_eq!(trie.chunk_shift, 8);
    assert_eq!(trie.chunks.len(), MOST_WIDE + 1);
}
