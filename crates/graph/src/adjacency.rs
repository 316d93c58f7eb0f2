//! Compressed sparse rows, and sets as bits.

use std::ops::Range;

/// For each row the place of its entries in columns kept beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    offsets: Vec<u32>,
}

impl Rows {
    /// Rows over entries that are sorted by row.
    pub(crate) fn over(count: usize, sorted: impl Iterator<Item = u32>) -> Self {
        let mut offsets = vec![0; count + 1];
        for row in sorted {
            offsets[row as usize + 1] += 1;
        }
        for at in 1..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        Self { offsets }
    }

    /// Where the entries of a row are.
    pub(crate) fn range(&self, row: u32) -> Range<usize> {
        self.offsets[row as usize] as usize..self.offsets[row as usize + 1] as usize
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }
}

/// The reverse of some rows: for each column value the entries that hold it, and their rows, in ascending order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reverse {
    rows: Rows,
    /// The row that each entry came from.
    sources: Vec<u32>,
    /// The position of each entry in the forward columns; empty where nobody needs it.
    positions: Vec<u32>,
}

impl Reverse {
    /// Turns rows around by counting, without a sort.
    pub(crate) fn of(forward: &Rows, targets: &[u32], target_count: usize, with_positions: bool) -> Self {
        let mut counts = vec![0_u32; target_count + 1];
        for &target in targets {
            counts[target as usize + 1] += 1;
        }
        for at in 1..counts.len() {
            counts[at] += counts[at - 1];
        }
        let mut next = counts.clone();
        let mut sources = vec![0; targets.len()];
        let mut positions = if with_positions { vec![0; targets.len()] } else { Vec::new() };
        for row in 0..forward.count() as u32 {
            for position in forward.range(row) {
                let slot = &mut next[targets[position] as usize];
                sources[*slot as usize] = row;
                if with_positions {
                    positions[*slot as usize] = position as u32;
                }
                *slot += 1;
            }
        }
        Self { rows: Rows { offsets: counts }, sources, positions }
    }

    /// The rows that hold this value.
    pub(crate) fn sources(&self, target: u32) -> &[u32] {
        &self.sources[self.rows.range(target)]
    }

    /// The entries that hold this value.
    pub(crate) fn positions(&self, target: u32) -> &[u32] {
        &self.positions[self.rows.range(target)]
    }
}

/// A dense set of small numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// The empty set of numbers below `size`.
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    /// All numbers below `size`.
    pub(crate) fn full(size: usize) -> Self {
        let mut words = vec![u64::MAX; size.div_ceil(64)];
        if let (Some(last), used @ 1..) = (words.last_mut(), size % 64) {
            *last = (1 << used) - 1;
        }
        Self(words)
    }

    pub(crate) fn insert(&mut self, number: u32) {
        self.0[number as usize / 64] |= 1 << (number % 64);
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0[number as usize / 64] >> (number % 64) & 1 == 1
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(crate) fn union_with(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(crate) fn intersect_with(&mut self, other: &Self) {
        for (word, kept) in self.0.iter_mut().zip(&other.0) {
            *word &= kept;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Takes out what is in the other.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, gone) in self.0.iter_mut().zip(&other.0) {
            *word &= !gone;
        }
    }

    /// The numbers in it, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    at as u32 * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reverse_holds_every_entry_under_its_value() {
        let forward = Rows::over(4, [0, 0, 2, 3, 3, 3].into_iter());
        let targets = [1, 4, 1, 0, 1, 4];
        let reverse = Reverse::of(&forward, &targets, 5, true);
        assert_eq!(forward.range(1), 2..2);
        assert_eq!(reverse.sources(1), [0, 2, 3]);
        assert_eq!(reverse.positions(1), [0, 2, 4]);
        assert_eq!(reverse.sources(4), [0, 3]);
        assert_eq!(reverse.sources(2), [] as [u32; 0]);
    }

    #[test]
    fn bits_are_a_set() {
        let mut set = Bits::new(130);
        for number in [0, 63, 64, 129, 64] {
            set.insert(number);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert_eq!(set.count(), 4);
        assert!(set.contains(129) && !set.contains(128));
        let mut other = Bits::new(130);
        other.insert(64);
        other.insert(65);
        set.intersect_with(&other);
        assert_eq!(set.iter().collect::<Vec<_>>(), [64]);
        set.union_with(&other);
        assert_eq!(set.iter().collect::<Vec<_>>(), [64, 65]);
        set.subtract(&other);
        assert_eq!(set.count(), 0);
        set.insert(129);
        set.clear();
        assert_eq!(set.count(), 0);
        for size in [0, 1, 63, 64, 65, 130] {
            assert_eq!(Bits::full(size).iter().collect::<Vec<_>>(), (0..size as u32).collect::<Vec<_>>());
        }
    }
}
