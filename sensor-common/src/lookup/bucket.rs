//! Buckets of the cuckoo tables, searched entry by entry. A match returns at once: if matches were gathered
//! instead, the verifier would follow every combination of entries that may match.

use crate::layout::addresses::{AddressValue, V6_BUCKET};
use crate::layout::{IndexWord, high, low};
use crate::tables::Line;

/// The value of an IPv4 address in its bucket. An unused entry gives 0 for the address 0.0.0.0.
#[inline(always)]
pub(super) fn v4(bucket: &Line, address: u32) -> Option<AddressValue> {
    for entry in bucket {
        if high(*entry) == address {
            return Some(AddressValue(low(*entry)));
        }
    }
    None
}

/// The index word of an IPv6 chunk in its bucket. An unused entry gives 0 for the chunk 0.
#[inline(always)]
pub(super) fn v6(bucket: &Line, chunk: u64) -> Option<IndexWord> {
    let (chunks, words) = bucket.split_at(V6_BUCKET);
    for (entry, word) in chunks.iter().zip(words) {
        if *entry == chunk {
            return Some(IndexWord(*word));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_at_each_place() {
        for at in 0..8_u32 {
            let mut bucket = [0; 8];
            for (number, entry) in (0..).zip(&mut bucket) {
                *entry = (100 + number) << 32 | (number + 1);
            }
            assert_eq!(v4(&bucket, 100 + at), Some(AddressValue(at + 1)));
            assert_eq!(v4(&bucket, 99), None);
        }
        let bucket = [10, 11, 0, u64::MAX, 1, 2, 0, 4];
        let words = [10, 11, 0, u64::MAX, 12].map(|chunk| v6(&bucket, chunk).map(|word| word.0));
        assert_eq!(words, [Some(1), Some(2), Some(0), Some(4), None]);
    }
}
