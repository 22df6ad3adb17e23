//! Buckets of the cuckoo tables: all entries of a line at once, without a branch on what is found.

use core::hint::black_box;

use crate::layout::addresses::{AddressValue, V6_BUCKET};
use crate::layout::{IndexWord, high, low};
use crate::tables::Line;

/// The value of an IPv4 address in its bucket; 0 where it is not in there.
#[inline(always)]
pub(super) fn v4(bucket: &Line, address: u32) -> AddressValue {
    let mut found = 0;
    for entry in bucket {
        found |= low(*entry) & low(all_if_equal(u64::from(high(*entry)), u64::from(address)));
    }
    AddressValue(found)
}

/// The index word of an IPv6 chunk in its bucket; 0 where it is not in there.
#[inline(always)]
pub(super) fn v6(bucket: &Line, chunk: u64) -> IndexWord {
    let (chunks, words) = bucket.split_at(V6_BUCKET);
    let mut found = 0;
    for (entry, word) in chunks.iter().zip(words) {
        found |= word & all_if_equal(*entry, chunk);
    }
    IndexWord(found)
}

/// All bits set if `a == b`, otherwise none: the sign of `x | -x` says whether `x` is 0 (Warren,
/// "Hacker's Delight", section 2-12). Were the compiler to see where `-x` or the sign comes from, it
/// would make a branch of it, and the verifier would follow both ways at each of sixteen entries.
#[inline(always)]
fn all_if_equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    let negative = black_box(difference.wrapping_neg());
    black_box((difference | negative) >> 63).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn all_bits_if_equal(a in proptest::num::u64::ANY, bit in 0..64_u32) {
            assert_eq!(all_if_equal(a, a), u64::MAX);
            assert_eq!(all_if_equal(a, a ^ 1 << bit), 0);
        }
    }

    #[test]
    fn an_entry_at_each_place() {
        for at in 0..8_u32 {
            let mut bucket = [0; 8];
            for (number, entry) in (0..).zip(&mut bucket) {
                *entry = (100 + number) << 32 | (number + 1);
            }
            assert_eq!(v4(&bucket, 100 + at), AddressValue(at + 1));
            assert_eq!(v4(&bucket, 99), AddressValue(0));
        }
        let bucket = [10, 11, 0, u64::MAX, 1, 2, 0, 4];
        assert_eq!([10, 11, 0, u64::MAX, 12].map(|chunk| v6(&bucket, chunk).0), [1, 2, 0, 4, 0]);
    }
}
