//! Words that are packed and read back, and hashes that fall into their ranges.

use std::vec::Vec;

use super::*;
use crate::direction::AddressClass;

#[test]
fn packed_words_give_back_what_went_in() {
    let value = AddressValue::new(AddressClass::Foreign, 12_345);
    assert_eq!((value.class(), value.row()), (AddressClass::Foreign, 12_345));
    assert_eq!(AddressValue::of_code(1), AddressValue::new(AddressClass::Domestic, 0));
    assert_eq!(IndexWord::leaf(value).value(), Some(value));
    for value in [None, Some(value)] {
        assert_eq!(AddressValue::unpack(AddressValue::pack(value)), value);
    }
    let ranges = IndexWord::ranges(u32::MAX, 77);
    assert_eq!((ranges.value(), ranges.first(), ranges.count()), (None, u32::MAX, 77));
    assert_eq!(Leaves::new(77, 0).leaf(u32::MAX), 77);
    assert_eq!(Leaves::new(77, 8).leaf(0xfe00_0000), 77 + 0xfe);
    let leaves = Leaves::new(77, 8);
    assert_eq!(Leaf::several(leaves).leaves(), Some(leaves));
    assert_eq!(Leaf::uniform(LOOK_FURTHER).leaves(), None);
    assert_eq!(TopEntry::of(0x0004_0003_0002_0001, 0xff02), TopEntry(3));
}

#[test]
fn leaves_are_found_by_their_rank() {
    let codes = |code: &dyn Fn(u32) -> u32| {
        (0..32).fold(0, |word, part| word | u64::from(code(part)) << (part * 2))
    };
    for kind in 0..4 {
        let block = NodeBlock { codes: codes(&|part| (part + kind) & 3), first: 1_000 };
        let mut next = 1_000;
        for part in 0..32 {
            let expected = match (part + kind) & 3 {
                LOOK_FURTHER => next,
                code => code,
            };
            next += u32::from(expected == next);
            assert_eq!(block.leaf(0xab_cde0 | part), expected, "{part}");
        }
    }
    let all = NodeBlock { codes: u64::MAX, first: 7 };
    assert_eq!((0..32).map(|part| all.leaf(part)).collect::<Vec<_>>(), (7..39).collect::<Vec<_>>());
}

#[test]
fn a_leaf_knows_its_ranges() {
    let ranges: [(u32, u32); 4] = [(0, 2), (1, 0), (5, 1), (u32::MAX, 2)];
    for used in 1..=ranges.len() {
        let (ranges, _) = ranges.split_at(used);
        let leaf = Leaf::new(ranges);
        for rest in [0, 1, 2, 4, 5, 6, u32::MAX - 1, u32::MAX] {
            let expected = ranges.iter().rev().find(|range| range.0 <= rest).unwrap().1;
            assert_eq!(leaf.code(rest), expected, "{rest} among {used}");
        }
    }
    for code in 0..4 {
        assert_eq!(Leaf::uniform(code), Leaf::new(&[(0, code)]));
        assert_eq!(Leaf::uniform(code).code(u32::MAX), code);
    }
}

proptest::proptest! {
    #[test]
    fn numbers_stay_below_their_count(key in proptest::num::u64::ANY, count in 1..u32::MAX) {
        let hash = KeyHash::of(key);
        assert!(hash.word(count) < count);
        assert!(hash.buckets(count).into_iter().all(|bucket| bucket < count));
    }
}
