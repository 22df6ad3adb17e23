//! Builds a bucketed cuckoo hash table: every key ends up in one of its two buckets (see
//! `sensor_common::layout::addresses`).

use sensor_common::layout::addresses::KeyHash;

/// Entries for a hundred slots: the load that two choices and buckets of four or eight reach with
/// ease (Walzer: "Load thresholds for cuckoo hashing with overlapping blocks", ICALP 2018, table 1).
const LOAD_PERCENT: usize = 90;

/// The most moves for one new entry before the table is made larger.
const MOST_MOVES: u32 = 1_000;

/// Which entry is in which slot: `buckets` times `width` slots.
pub(super) struct Cuckoo {
    pub(super) buckets: u32,
    width: usize,
    /// The number of an entry, or [`FREE`].
    slots: Vec<u32>,
}

const FREE: u32 = u32::MAX;

/// A table cannot be built: there are more entries than it can number, or too many of them share both buckets
/// at any size.
#[derive(Debug)]
pub(super) struct NoTable;

impl Cuckoo {
    /// Places `count` entries, fewer than 2³², into buckets of `width`. `key` gives the key of each; all keys
    /// differ. There is always at least one bucket.
    pub(super) fn build(
        count: usize,
        width: usize,
        key: impl Fn(usize) -> u64,
    ) -> Result<Self, NoTable> {
        let wanted = (count * 100).div_ceil(width * LOAD_PERCENT).max(1);
        let mut buckets = wanted;
        // What does not fit may fit at another size; if it does not fit at twice the size, something else is
        // wrong.
        while buckets <= 2 * wanted + 64 {
            if let Some(table) = Self::try_build(buckets, count, width, &key)? {
                return Ok(table);
            }
            buckets += buckets / 16 + 1;
        }
        Err(NoTable)
    }

    fn try_build(
        buckets: usize,
        count: usize,
        width: usize,
        key: impl Fn(usize) -> u64,
    ) -> Result<Option<Self>, NoTable> {
        let buckets = u32::try_from(buckets).map_err(|_| NoTable)?;
        let mut table = Self { buckets, width, slots: vec![FREE; buckets as usize * width] };
        for entry in 0..count {
            let entry = u32::try_from(entry).map_err(|_| NoTable)?;
            if !table.insert(entry, &key) {
                return Ok(None);
            }
        }
        Ok(Some(table))
    }

    /// Puts an entry into one of its buckets. If both are full, other entries move to their other bucket.
    fn insert(&mut self, mut entry: u32, key: impl Fn(usize) -> u64) -> bool {
        let mut from = None;
        for moves in 0..MOST_MOVES {
            let [one, other] = KeyHash::of(key(entry as usize)).buckets(self.buckets);
            if self.put(one, entry) || self.put(other, entry) {
                return true;
            }
            // Not back to the bucket that it was moved out of.
            let bucket = if from == Some(one) { other } else { one };
            // The choice changes from move to move, so that moves do not go in circles.
            let victim = (moves as usize).wrapping_mul(5) % self.width;
            let slot = &mut self.slots[bucket as usize * self.width + victim];
            std::mem::swap(slot, &mut entry);
            from = Some(bucket);
        }
        false
    }

    fn put(&mut self, bucket: u32, entry: u32) -> bool {
        let first = bucket as usize * self.width;
        let slots = &mut self.slots[first..first + self.width];
        let free = slots.iter_mut().find(|slot| **slot == FREE);
        free.map(|slot| *slot = entry).is_some()
    }

    /// The buckets, each with the numbers of the entries in its slots.
    pub(super) fn buckets(&self) -> impl Iterator<Item = impl Iterator<Item = Option<usize>>> {
        self.slots
            .chunks(self.width)
            .map(|bucket| bucket.iter().map(|entry| (*entry != FREE).then_some(*entry as usize)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds_each_once(keys: &[u64], width: usize) {
        let table = Cuckoo::build(keys.len(), width, |entry| keys[entry]).unwrap();
        let mut seen = vec![0; keys.len()];
        for (number, bucket) in (0..).zip(table.buckets()) {
            for entry in bucket.flatten() {
                seen[entry] += 1;
                assert!(KeyHash::of(keys[entry]).buckets(table.buckets).contains(&number));
            }
        }
        assert!(seen.iter().all(|times| *times == 1));
    }

    proptest! {
        #[test]
        fn each_entry_is_in_one_of_its_buckets(
            keys in proptest::collection::hash_set(any::<u64>(), 0..3_000),
            width in prop_oneof![Just(4_usize), Just(8)],
        ) {
            holds_each_once(&keys.into_iter().collect::<Vec<_>>(), width);
        }
    }

    #[test]
    fn neighbours_and_many() {
        holds_each_once(&(0..100_000).collect::<Vec<u64>>(), 8);
        holds_each_once(&(0..100_000).map(|n| n << 16).collect::<Vec<u64>>(), 4);
    }

    #[test]
    fn a_key_that_is_there_too_often_does_not_fit() {
        assert!(Cuckoo::build(8, 4, |_| 7).is_ok(), "both buckets");
        assert!(Cuckoo::build(9, 4, |_| 7).is_err());
    }
}
