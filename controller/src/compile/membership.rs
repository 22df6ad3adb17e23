//! Numbers the combinations of sets that hold an address. The number is that of the combination's row.

use std::collections::HashMap;

/// Number of an address set over all orders.
pub(super) type Set = u32;

/// Numbers for combinations of sets. Number 0 is the empty combination.
pub(super) struct Memberships {
    sets: Vec<Vec<Set>>,
    numbers: HashMap<Vec<Set>, u32>,
    /// The number of a combination with one more set, remembered because prefixes repeat the same few steps.
    steps: HashMap<(u32, Set), u32>,
}

impl Memberships {
    pub(super) fn new() -> Self {
        Self {
            sets: vec![Vec::new()],
            numbers: HashMap::from([(Vec::new(), 0)]),
            steps: HashMap::new(),
        }
    }

    /// The number of the combination `outer` together with `set`.
    pub(super) fn with(&mut self, outer: u32, set: Set) -> u32 {
        if let Some(number) = self.steps.get(&(outer, set)) {
            return *number;
        }
        let mut sets = self.sets[outer as usize].clone();
        if let Err(position) = sets.binary_search(&set) {
            sets.insert(position, set);
        }
        let next = u32::try_from(self.sets.len()).expect("fewer combinations than addresses");
        let number = *self.numbers.entry(sets.clone()).or_insert(next);
        if number == next {
            self.sets.push(sets);
        }
        self.steps.insert((outer, set), number);
        number
    }

    /// The combinations in the order of their numbers, each sorted.
    pub(super) fn all(&self) -> &[Vec<Set>] {
        &self.sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_in_which_sets_join_does_not_matter() {
        let mut memberships = Memberships::new();
        let one = memberships.with(0, 1);
        let two = memberships.with(0, 2);
        assert_eq!(memberships.with(one, 2), memberships.with(two, 1));
        assert_eq!(memberships.with(one, 1), one);
        assert_eq!(memberships.all(), [vec![], vec![1], vec![2], vec![1, 2]]);
    }
}
