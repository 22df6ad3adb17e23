//! The IPv4 front: which addresses need no look-up among the ranges (see
//! `sensor_common::layout::addresses`).

use sensor_common::layout::addresses::{
    AddressValue, LOOK_FURTHER, V4_COARSE_SHIFT, V4_FINE_SHIFT,
};

use super::ranges::Start;

/// The codes, and the single addresses, which have a filter and a table of their own.
pub(super) struct Front {
    /// The codes of all /16s.
    pub(super) coarse: Vec<u64>,
    /// The codes of all /24s.
    pub(super) fine: Vec<u64>,
    /// Single addresses in a set, ascending, in blocks whose code is not [`LOOK_FURTHER`].
    pub(super) singles: Vec<(u32, AddressValue)>,
    /// The ranges without those single addresses, for the table of ranges.
    pub(super) ranges: Vec<Start<AddressValue>>,
}

/// Addresses in a /24.
const BLOCK: u64 = 256;
/// /24s in the address space.
const BLOCKS: u64 = 1 << 24;
/// The number of addresses.
const END: u64 = 1 << 32;
/// Codes in a word.
const CODES: u64 = 32;

/// Makes the front from the ranges of the IPv4 addresses, which start at 0.
pub(super) fn compile(ranges: Vec<Start<AddressValue>>) -> Front {
    let (mut fine, mut singles) = (vec![0; 1 << (32 - V4_FINE_SHIFT)], Vec::new());
    let first = |number: usize| ranges.get(number).map_or(END, |range| narrow(range.0));
    let (mut block, mut number) = (0, 0);
    while block < BLOCKS {
        while first(number + 1) <= block * BLOCK {
            number += 1;
        }
        let (value, behind) = (ranges[number].1, first(number + 1));
        // The blocks that lie wholly in this range; none if it ends in the first of them.
        let whole = behind / BLOCK - block;
        if whole > 0 {
            let code = if value.row() == 0 { value.class() as u32 } else { LOOK_FURTHER };
            fill(&mut fine, block, block + whole, code);
            block += whole;
        } else {
            let code = mixed(&ranges, number, (block + 1) * BLOCK, &mut singles);
            fill(&mut fine, block, block + 1, code);
            block += 1;
        }
    }
    let ranges = without(ranges, &singles);
    Front { coarse: coarse(&fine), fine, singles, ranges }
}

/// The code of a block with several ranges, of which `number` is the first. It is their class if they have
/// the same one and only single addresses are in sets; those are added to `singles`.
fn mixed(
    ranges: &[Start<AddressValue>],
    number: usize,
    behind: u64,
    singles: &mut Vec<(u32, AddressValue)>,
) -> u32 {
    let class = ranges[number].1.class();
    let known = singles.len();
    let inside = (number..ranges.len()).take_while(|number| narrow(ranges[*number].0) < behind);
    for number in inside {
        let (first, value) = (narrow(ranges[number].0), ranges[number].1);
        let end = ranges.get(number + 1).map_or(END, |next| narrow(next.0));
        // A range that reaches into other blocks is not split.
        let single = end <= behind && first >= behind - BLOCK && end - first <= MOST_NEIGHBOURS;
        if value.class() != class || value.row() != 0 && !single {
            singles.truncate(known);
            return LOOK_FURTHER;
        }
        if value.row() != 0 {
            singles.extend((first..end).filter_map(|one| Some((u32::try_from(one).ok()?, value))));
        }
    }
    class as u32
}

/// The most addresses in a row with the same value that still count as single ones (/31s, neighbours): an
/// entry for each takes no more memory than a range.
const MOST_NEIGHBOURS: u64 = 2;

/// Gives blocks a code, whole words at a time.
fn fill(codes: &mut [u64], from: u64, to: u64, code: u32) {
    let all = (0..CODES).fold(0, |word, at| word | u64::from(code) << (at * 2));
    let mut block = from;
    while block < to {
        let (word, at) = (usize::try_from(block / CODES).expect("2^19 words"), block % CODES);
        let count = (CODES - at).min(to - block);
        let mask = if count == CODES { u64::MAX } else { ((1 << (count * 2)) - 1) << (at * 2) };
        codes[word] = codes[word] & !mask | all & mask;
        block += count;
    }
}

/// The code of each /16: that of all its /24s, or [`LOOK_FURTHER`].
fn coarse(fine: &[u64]) -> Vec<u64> {
    /// For each class, a word in which all codes are that class.
    const UNIFORM: [(u32, u64); 3] =
        [(0, 0), (1, 0x5555_5555_5555_5555), (2, 0xaaaa_aaaa_aaaa_aaaa)];
    let mut coarse = vec![0; 1 << (32 - V4_COARSE_SHIFT)];
    for (block, words) in (0..).zip(fine.chunks(8)) {
        let uniform = UNIFORM.iter().find(|(_, uniform)| words.iter().all(|word| word == uniform));
        let code = uniform.map_or(LOOK_FURTHER, |(code, _)| *code);
        fill(&mut coarse, block, block + 1, code);
    }
    coarse
}

/// The ranges without single addresses, which get the class around them.
fn without(
    mut ranges: Vec<Start<AddressValue>>,
    singles: &[(u32, AddressValue)],
) -> Vec<Start<AddressValue>> {
    let mut singles = singles.iter().map(|(address, _)| u128::from(*address)).peekable();
    let mut last = None;
    ranges.retain_mut(|(first, value)| {
        while singles.next_if(|address| address < first).is_some() {}
        if singles.peek() == Some(first) {
            *value = AddressValue::new(value.class(), 0);
        }
        let new = last != Some(*value);
        last = Some(*value);
        new
    });
    ranges.shrink_to_fit();
    ranges
}

fn narrow(address: u128) -> u64 {
    u64::try_from(address).unwrap_or(END).min(END)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::direction::AddressClass;
    use sensor_common::layout::addresses::code;

    use super::*;

    fn fine(front: &Front, address: u32) -> u32 {
        code(front.fine[(address >> V4_FINE_SHIFT) as usize], address >> 8)
    }

    /// What the tables say of an address, each part as the look-up uses it.
    fn asked(front: &Front, address: u32) -> AddressValue {
        let coarse = code(front.coarse[(address >> V4_COARSE_SHIFT) as usize], address >> 16);
        let code = if coarse == LOOK_FURTHER { fine(front, address) } else { coarse };
        if code == LOOK_FURTHER {
            let behind = front.ranges.partition_point(|range| range.0 <= u128::from(address));
            return front.ranges[behind - 1].1;
        }
        match front.singles.binary_search_by_key(&address, |single| single.0) {
            Ok(number) => front.singles[number].1,
            Err(_) => AddressValue::of_code(code),
        }
    }

    fn value(class: AddressClass, row: u32) -> AddressValue {
        AddressValue::new(class, row)
    }

    #[test]
    fn a_block_of_one_class_with_single_addresses_needs_no_ranges() {
        let (foreign, domestic) = (AddressClass::Foreign, AddressClass::Domestic);
        let ranges = vec![
            (0, value(foreign, 0)),
            (0x0a00_0005, value(foreign, 1)),
            (0x0a00_0006, value(foreign, 0)),
            (0x0a00_0100, value(foreign, 2)),
            (0x0a00_0103, value(foreign, 0)),
            (0x0a00_0280, value(domestic, 0)),
            (0x0a01_ff00, value(domestic, 1)),
            (0x0a01_ff02, value(domestic, 0)),
        ];
        let front = compile(ranges);
        assert_eq!(fine(&front, 0x0a00_0000), foreign as u32, "a single address");
        assert_eq!(fine(&front, 0x0a00_0100), LOOK_FURTHER, "three addresses in a row");
        assert_eq!(fine(&front, 0x0a00_0200), LOOK_FURTHER, "two classes");
        assert_eq!(fine(&front, 0x0a00_0300), domestic as u32);
        assert_eq!(fine(&front, 0xffff_ff00), domestic as u32);
        assert_eq!(fine(&front, 0), foreign as u32);
        let coarse = |block: u32| code(front.coarse[(block >> 5) as usize], block);
        let expected = [foreign as u32, LOOK_FURTHER, domestic as u32, domestic as u32];
        assert_eq!([0x09ff, 0x0a00, 0x0a01, 0xffff].map(coarse), expected);
        let singles = [
            (0x0a00_0005, value(foreign, 1)),
            (0x0a01_ff00, value(domestic, 1)),
            (0x0a01_ff01, value(domestic, 1)),
        ];
        assert_eq!(front.singles, singles);
        assert_eq!(
            front.ranges.iter().map(|range| range.0).collect::<Vec<_>>(),
            [0, 0x0a00_0100, 0x0a00_0103, 0x0a00_0280]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_the_tables_say_is_what_the_ranges_said(
            starts in proptest::collection::btree_map(0_u32..4_000, (0_u32..3, 0_u32..3), 0..200),
            far in any::<bool>(),
            one_class in any::<bool>(),
        ) {
            // Few addresses, so that they meet; at the end of the address space too.
            let offset = if far { u32::MAX - 3_999 } else { 0 };
            let mut ranges = vec![(0, value(AddressClass::Unclassified, 0))];
            for (start, (class, row)) in &starts {
                let first = u128::from(start + offset);
                let class = if one_class { 0 } else { *class };
                let value = value(AddressClass::from_bits(class), *row);
                if ranges.last().is_some_and(|last| last.0 == first) {
                    ranges.pop();
                }
                if ranges.last().is_none_or(|last| last.1 != value) {
                    ranges.push((first, value));
                }
                // Single addresses are what the front is for.
                if row % 2 == 1 && !starts.contains_key(&(start + 1)) && first < u128::from(u32::MAX) {
                    let class = AddressClass::from_bits(class);
                    ranges.push((first + 1, AddressValue::new(class, 0)));
                }
            }
            let front = compile(ranges.clone());
            for address in (0..4_000).map(|at| at + offset) {
                let range = ranges.partition_point(|range| range.0 <= u128::from(address)) - 1;
                prop_assert_eq!(asked(&front, address), ranges[range].1, "{:#x}", address);
            }
            prop_assert!(front.ranges.windows(2).all(|pair| pair[0].1 != pair[1].1));
            prop_assert!(front.ranges.len() <= ranges.len());
        }
    }
}
