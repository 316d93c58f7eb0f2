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
}

/// The same for rows whose entries are in any order of the rows, with unused places between them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Spans {
    /// So many empty rows.
    pub(crate) fn new(count: usize) -> Self {
        Self { starts: vec![0; count], ends: vec![0; count] }
    }

    pub(crate) fn set(&mut self, row: u32, range: Range<usize>) {
        self.starts[row as usize] = range.start as u32;
        self.ends[row as usize] = range.end as u32;
    }

    /// Where the entries of a row are.
    pub(crate) fn range(&self, row: u32) -> Range<usize> {
        self.starts[row as usize] as usize..self.ends[row as usize] as usize
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// How many entries there are.
    pub(crate) fn entries(&self) -> u64 {
        (0..self.count() as u32).map(|row| self.range(row).len() as u64).sum()
    }
}

/// The reverse of some rows: for each column value the rows that hold it, in ascending order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reverse {
    rows: Rows,
    /// The row that each entry came from.
    sources: Vec<u32>,
}

impl Reverse {
    /// Turns rows around by counting, without a sort.
    pub(crate) fn of(forward: &Spans, targets: &[u32], target_count: usize) -> Self {
        let rows = || (0..forward.count() as u32).map(|row| (row, forward.range(row)));
        // Counted one place on, so that what is the next free place of each ends as its first one.
        let mut offsets = vec![0_u32; target_count + 2];
        for (_, range) in rows() {
            for &target in &targets[range] {
                offsets[target as usize + 2] += 1;
            }
        }
        for at in 2..offsets.len() {
            offsets[at] += offsets[at - 1];
        }
        let mut sources = vec![0; offsets.last().copied().unwrap_or(0) as usize];
        for (row, range) in rows() {
            for &target in &targets[range] {
                let slot = &mut offsets[target as usize + 1];
                sources[*slot as usize] = row;
                *slot += 1;
            }
        }
        offsets.pop();
        Self { rows: Rows { offsets }, sources }
    }

    /// Puts the column values of each row in ascending order, where this is the reverse of those rows: by going through the
    /// values, which takes a fraction of the time of a sort of each row.
    pub(crate) fn sort_forward(&self, forward: &Spans, targets: &mut [u32]) {
        let mut places: Vec<u32> = forward.starts.clone();
        for target in 0..self.rows.offsets.len().saturating_sub(1) as u32 {
            for &row in self.sources(target) {
                let place = &mut places[row as usize];
                targets[*place as usize] = target;
                *place += 1;
            }
        }
    }

    /// The rows that hold this value.
    pub(crate) fn sources(&self, target: u32) -> &[u32] {
        &self.sources[self.rows.range(target)]
    }
}

/// A value for each place, where neighbours often have the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    starts: Vec<u32>,
    values: Vec<u32>,
}

impl Runs {
    /// The value from this place on; places ascend.
    pub(crate) fn push(&mut self, place: usize, value: u32) {
        if self.values.last() != Some(&value) {
            self.starts.push(place as u32);
            self.values.push(value);
        }
    }

    pub(crate) fn get(&self, place: usize) -> u32 {
        self.values[self.starts.partition_point(|&start| start as usize <= place) - 1]
    }

    /// Whether the value of a place in the range fits.
    pub(crate) fn any_in(&self, range: Range<usize>, fits: impl Fn(u32) -> bool) -> bool {
        let first = self.starts.partition_point(|&start| start as usize <= range.start).saturating_sub(1);
        let end = self.starts.partition_point(|&start| (start as usize) < range.end);
        !range.is_empty() && self.values[first..end].iter().any(|&value| fits(value))
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.starts.shrink_to_fit();
        self.values.shrink_to_fit();
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
        // Rows 0, 2 and 3, in another order and with a place between them.
        let mut forward = Spans::new(4);
        forward.set(2, 0..1);
        forward.set(0, 2..4);
        forward.set(3, 4..7);
        let targets = [1, 7, 1, 4, 0, 1, 4];
        let reverse = Reverse::of(&forward, &targets, 5);
        assert_eq!(forward.range(1), 0..0);
        assert_eq!(forward.entries(), 6);
        assert_eq!(reverse.sources(1), [0, 2, 3]);
        assert_eq!(reverse.sources(4), [0, 3]);
        assert_eq!(reverse.sources(0), [3]);
        assert_eq!(reverse.sources(2), [] as [u32; 0]);
    }

    #[test]
    fn runs_hold_the_value_of_every_place() {
        let mut runs = Runs::default();
        let values = [5, 5, 6, 6, 6, 5, 7];
        for (place, value) in values.into_iter().enumerate() {
            runs.push(place, value);
        }
        assert_eq!(runs.starts.len(), 4);
        for (place, value) in values.into_iter().enumerate() {
            assert_eq!(runs.get(place), value);
            for end in place..=values.len() {
                let fits = values[place..end].contains(&7);
                assert_eq!(runs.any_in(place..end, |value| value == 7), fits, "{place}..{end}");
            }
        }
    }

    #[test]
    fn rows_are_sorted_through_their_reverse() {
        let mut forward = Spans::new(4);
        let mut targets = vec![5, 1, 3, 9, 9, 0, 5, 2];
        // With places between them that nothing uses, and an empty row.
        forward.set(2, 0..3);
        forward.set(0, 4..4);
        forward.set(3, 5..8);
        Reverse::of(&forward, &targets, 6).sort_forward(&forward, &mut targets);
        assert_eq!(targets, [1, 3, 5, 9, 9, 0, 2, 5]);
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
