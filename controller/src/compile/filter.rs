//! The filter in front of a cuckoo table (see `sensor_common::layout::addresses`).

use sensor_common::layout::addresses::KeyHash;

/// The most bits per key: fewer than one in a hundred other keys then pass.
const MOST_BITS: usize = 16;
/// The fewest bits per key: about one in forty other keys then passes, and each costs two cache lines.
const FEWEST_BITS: usize = 10;
/// Between the two, a filter grows up to this size, which stays in the nearer caches of today's servers.
const CACHED_BITS: usize = 8 * (2 << 20);

/// The words of a filter over these keys: at least one.
pub(super) fn build(keys: impl ExactSizeIterator<Item = u64>) -> Vec<u64> {
    let count = keys.len();
    let bits = CACHED_BITS.clamp(count * FEWEST_BITS, count * MOST_BITS);
    let mut words = vec![0; bits.div_ceil(64).max(1)];
    let length = u32::try_from(words.len()).expect("fewer words than keys, fewer than 2^32");
    for key in keys {
        let hash = KeyHash::of(key);
        words[hash.word(length) as usize] |= hash.mask();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &[u64], key: u64) -> bool {
        let hash = KeyHash::of(key);
        let word = filter[hash.word(u32::try_from(filter.len()).unwrap()) as usize];
        word & hash.mask() == hash.mask()
    }

    #[test]
    fn every_key_passes_and_few_others() {
        for (count, most_percent) in
            [(0_u64, 0.0), (1, 1.0), (1_000, 2.0), (1_000_000, 1.5), (3_000_000, 4.0)]
        {
            let keys: Vec<u64> = (0..count).map(|n| n * 4_099).collect();
            let filter = build(keys.iter().copied());
            assert!(keys.iter().all(|key| passes(&filter, *key)));
            let others = (0..100_000).filter(|n| passes(&filter, n * 4_099 + 1)).count();
            let percent = f64::from(u32::try_from(others).unwrap()) / 1_000.0;
            assert!(percent <= most_percent, "{percent} of a hundred pass among {count}");
        }
    }
}
