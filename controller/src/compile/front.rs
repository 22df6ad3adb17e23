//! The IPv4 front: what most addresses need no look-up in the address table for (see
//! `sensor_common::layout`).

use sensor_common::layout::{AddressValue, FRONT_SHIFT, FilterBits, LOOK_FURTHER};

use super::ranges::Start;

/// The codes of all /24s, and the filter over the single addresses that are in a set.
pub(super) struct Front {
    /// 32 codes of two bits to a word.
    pub(super) codes: Vec<u64>,
    /// One word, or any power of two.
    pub(super) filter: Vec<u64>,
    /// How far a hash is shifted to give a word's number.
    pub(super) shift: u32,
}

/// Addresses in a /24.
const BLOCK: u64 = 256;
/// /24s in the address space.
const BLOCKS: u64 = 1 << 24;
/// Addresses behind the last.
const END: u64 = 1 << 32;
/// Filter bits for each address, at least: about one in a hundred others then passes.
const BITS_PER_ADDRESS: usize = 16;

/// Makes the front of the ranges of the IPv4 address table, which start at 0.
pub(super) fn compile(ranges: &[Start<AddressValue>]) -> Front {
    let mut front = Front { codes: vec![0; 1 << (32 - FRONT_SHIFT)], filter: Vec::new(), shift: 0 };
    let mut single = Vec::new();
    let first = |number: usize| ranges.get(number).map_or(END, |range| narrow(range.0));
    let (mut block, mut number) = (0, 0);
    while block < BLOCKS {
        while first(number + 1) <= block * BLOCK {
            number += 1;
        }
        let (value, behind) = (ranges[number].1, first(number + 1));
        // As many blocks as lie in this one range; none, if it ends in the first of them.
        let whole = behind / BLOCK - block;
        if whole > 0 {
            let code = if value.row() == 0 { value.class() as u32 } else { LOOK_FURTHER };
            front.fill(block, block + whole, code);
            block += whole;
        } else {
            let code = mixed(ranges, number, (block + 1) * BLOCK, &mut single);
            front.fill(block, block + 1, code);
            block += 1;
        }
    }
    front.filter(&single);
    front
}

/// The code of a block with several ranges, `number` the first of them: their class, if it is one
/// and only single addresses are in sets. Those are added to `single`.
fn mixed(ranges: &[Start<AddressValue>], number: usize, behind: u64, single: &mut Vec<u32>) -> u32 {
    let class = ranges[number].1.class();
    let known = single.len();
    let inside = (number..ranges.len()).take_while(|number| narrow(ranges[*number].0) < behind);
    for number in inside {
        let (first, value) = ranges[number];
        let first = narrow(first).max(behind - BLOCK);
        let end = ranges.get(number + 1).map_or(END, |next| narrow(next.0)).min(behind);
        if value.class() != class || value.row() != 0 && end - first != 1 {
            single.truncate(known);
            return LOOK_FURTHER;
        }
        if value.row() != 0 {
            single.push(u32::try_from(first).expect("an IPv4 address"));
        }
    }
    class as u32
}

impl Front {
    /// Gives blocks a code, whole words at a time.
    fn fill(&mut self, from: u64, to: u64, code: u32) {
        const CODES: u64 = 32;
        let all = (0..CODES).fold(0, |word, at| word | u64::from(code) << (at * 2));
        let mut block = from;
        while block < to {
            let (word, at) = (usize::try_from(block / CODES).expect("2^19 words"), block % CODES);
            let count = (CODES - at).min(to - block);
            let mask = if count == CODES { u64::MAX } else { ((1 << (count * 2)) - 1) << (at * 2) };
            self.codes[word] = self.codes[word] & !mask | all & mask;
            block += count;
        }
    }

    fn filter(&mut self, addresses: &[u32]) {
        // A shift by all 64 bits would be none, so there are two words at least.
        let words = (addresses.len() * BITS_PER_ADDRESS / 64).next_power_of_two().max(2);
        self.shift = 64 - words.trailing_zeros();
        self.filter = vec![0; words];
        for address in addresses {
            let bits = FilterBits::of(*address);
            self.filter[bits.word(self.shift) as usize] |= bits.mask();
        }
    }
}

fn narrow(address: u128) -> u64 {
    u64::try_from(address).unwrap_or(END).min(END)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sensor_common::direction::AddressClass;
    use sensor_common::layout::front_code;

    use super::*;

    /// What the front says of an address: its class, or nothing.
    fn asked(front: &Front, address: u32) -> Option<AddressClass> {
        let code = front_code(front.codes[(address >> FRONT_SHIFT) as usize], address);
        let bits = FilterBits::of(address);
        let word = front.filter[bits.word(front.shift) as usize];
        let ends = code != LOOK_FURTHER && word & bits.mask() != bits.mask();
        ends.then(|| AddressClass::from_bits(code))
    }

    fn value(class: AddressClass, row: u32) -> AddressValue {
        AddressValue::new(class, row)
    }

    #[test]
    fn a_block_of_one_class_with_single_addresses_needs_no_table() {
        let (foreign, domestic) = (AddressClass::Foreign, AddressClass::Domestic);
        let ranges = [
            (0, value(foreign, 0)),
            (0x0a00_0005, value(foreign, 1)),
            (0x0a00_0006, value(foreign, 0)),
            (0x0a00_0100, value(foreign, 2)),
            (0x0a00_0102, value(foreign, 0)),
            (0x0a00_0280, value(domestic, 0)),
        ];
        let front = compile(&ranges);
        let code = |address| front_code(front.codes[(address >> FRONT_SHIFT) as usize], address);
        assert_eq!(code(0x0a00_0000), foreign as u32, "a single address");
        assert_eq!(code(0x0a00_0100), LOOK_FURTHER, "two addresses in a row");
        assert_eq!(code(0x0a00_0200), LOOK_FURTHER, "two classes");
        assert_eq!(code(0x0a00_0300), domestic as u32);
        assert_eq!(code(0xffff_ff00), domestic as u32);
        assert_eq!(code(0), foreign as u32);
        assert_eq!(asked(&front, 0x0a00_0005), None, "the address itself must be looked up");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_the_front_says_is_what_the_table_says(
            starts in proptest::collection::btree_map(0_u32..4_000, (0_u32..3, 0_u32..3), 0..200),
            far in any::<bool>(),
        ) {
            // Few addresses, so that they meet; at the end of the address space too.
            let offset = if far { u32::MAX - 3_999 } else { 0 };
            let mut ranges = vec![(0, value(AddressClass::Unclassified, 0))];
            for (start, (class, row)) in &starts {
                let first = u128::from(start + offset);
                if ranges.last().is_some_and(|last| last.0 == first) {
                    ranges.pop();
                }
                // Single addresses are what the filter is for.
                let row = if starts.contains_key(&(start + 1)) { *row } else { 0 };
                ranges.push((first, value(AddressClass::from_bits(*class), row)));
            }
            let front = compile(&ranges);
            for address in (0..4_000).map(|at| at + offset) {
                let range = ranges.partition_point(|range| range.0 <= u128::from(address)) - 1;
                let expected = ranges[range].1;
                if let Some(class) = asked(&front, address) {
                    prop_assert_eq!(class, expected.class(), "{:#x}", address);
                    prop_assert_eq!(expected.row(), 0, "{:#x} is in a set", address);
                }
            }
        }
    }
}
