//! Turns nested prefixes into disjoint ranges: the one algorithm behind both direction and set membership in
//! an address table.

/// A prefix as a range of addresses, both ends included, with its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<V> {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) value: V,
}

/// Where a range starts, and the value of its addresses; it ends where the next one starts.
pub(crate) type Start<V> = (u128, V);

/// Lays out blocks, any two of which are nested or disjoint, as disjoint ranges from address 0 on. `inside`
/// gives the value of a block inside another one with the value `outer`. Of blocks with the same extent, a
/// later one in `blocks` lies inside an earlier one.
pub(super) fn flatten<V: Copy + PartialEq, B: Copy>(
    mut blocks: Vec<Block<B>>,
    outermost: V,
    mut inside: impl FnMut(V, B) -> V,
) -> Vec<Start<V>> {
    // Outer blocks before inner ones; the sort is stable.
    blocks.sort_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
    let mut starts = Starts(vec![(0, outermost)]);
    // The blocks that the sweep is inside: where each ends, and its value.
    let mut open: Vec<(u128, V)> = Vec::new();
    for block in blocks {
        close(&mut open, &mut starts, outermost, Some(block.first));
        let outer = open.last().map_or(outermost, |(_, value)| *value);
        let value = inside(outer, block.value);
        starts.push(block.first, value);
        open.push((block.last, value));
    }
    close(&mut open, &mut starts, outermost, None);
    starts.0
}

/// Ends the open blocks that end before `until` (all of them, if there is no `until`).
fn close<V: Copy + PartialEq>(
    open: &mut Vec<(u128, V)>,
    starts: &mut Starts<V>,
    outermost: V,
    until: Option<u128>,
) {
    while let Some((last, _)) = open.last().copied() {
        if until.is_some_and(|first| last >= first) {
            break;
        }
        open.pop();
        // Nothing follows a block that ends with the address space.
        if let Some(next) = last.checked_add(1) {
            starts.push(next, open.last().map_or(outermost, |(_, value)| *value));
        }
    }
}

/// Overlays two lists of ranges: at each address, `combine` of the two values.
pub(crate) fn overlay<A: Copy, B: Copy, V: Copy + PartialEq>(
    below: &[Start<A>],
    above: &[Start<B>],
    combine: impl Fn(A, B) -> V,
) -> Vec<Start<V>> {
    let mut result = Starts(Vec::with_capacity(below.len() + above.len()));
    let (mut below, mut above) = (below.iter().peekable(), above.iter().peekable());
    let (mut lower, mut upper) = (None, None);
    while let Some(at) =
        [below.peek().map(|s| s.0), above.peek().map(|s| s.0)].into_iter().flatten().min()
    {
        if let Some((_, value)) = below.next_if(|start| start.0 == at) {
            lower = Some(*value);
        }
        if let Some((_, value)) = above.next_if(|start| start.0 == at) {
            upper = Some(*value);
        }
        // Both lists start at address 0, so there are two values from the first step on.
        if let (Some(lower), Some(upper)) = (lower, upper) {
            result.push(at, combine(lower, upper));
        }
    }
    result.0
}

/// Starts of ranges in ascending order, no two neighbours with the same value.
struct Starts<V>(Vec<Start<V>>);

impl<V: Copy + PartialEq> Starts<V> {
    fn push(&mut self, first: u128, value: V) {
        if self.0.last().is_some_and(|start| start.0 == first) {
            // The range before is empty: what starts at the same address replaces it.
            self.0.pop();
        }
        if self.0.last().is_none_or(|start| start.1 != value) {
            self.0.push((first, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: u128, last: u128, value: char) -> Block<char> {
        Block { first, last, value }
    }

    fn flat(blocks: &[Block<char>]) -> Vec<Start<char>> {
        flatten(blocks.to_vec(), '-', |_, value| value)
    }

    #[test]
    fn inner_blocks_interrupt_outer_ones() {
        let blocks = [block(0, 99, 'a'), block(10, 19, 'b'), block(15, 15, 'c')];
        let expected = [(0, 'a'), (10, 'b'), (15, 'c'), (16, 'b'), (20, 'a'), (100, '-')];
        assert_eq!(flat(&blocks), expected);
    }

    #[test]
    fn blocks_that_end_together() {
        let blocks = [block(8, 15, 'a'), block(12, 15, 'b'), block(15, 15, 'c')];
        assert_eq!(flat(&blocks), [(0, '-'), (8, 'a'), (12, 'b'), (15, 'c'), (16, '-')]);
    }

    #[test]
    fn the_end_of_the_address_space() {
        let blocks = [block(0, u128::MAX, 'a'), block(u128::MAX, u128::MAX, 'b')];
        assert_eq!(flat(&blocks), [(0, 'a'), (u128::MAX, 'b')]);
    }

    #[test]
    fn neighbours_with_the_same_value_are_one_range() {
        assert_eq!(flat(&[block(0, 7, 'a'), block(8, 15, 'a')]), [(0, 'a'), (16, '-')]);
    }

    #[test]
    fn overlaying_meets_at_every_start() {
        let below = [(0, 1), (10, 2)];
        let above = [(0, 10), (5, 20), (10, 30), (12, 30)];
        let sums = overlay(&below, &above, |a, b| a + b);
        assert_eq!(sums, [(0, 11), (5, 21), (10, 32)]);
    }
}
