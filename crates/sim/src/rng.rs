//! Seeded randomness that never changes its values: integer arithmetic only, so no platform's floating point shows.

/// A splitmix64 generator.
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of one named stream of `seed`; streams do not influence each other.
    pub(crate) fn new(seed: u64, stream: &str) -> Self {
        Self(stream.bytes().fold(scramble(seed), |state, byte| scramble(state ^ u64::from(byte))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        finish(self.0)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.saturating_sub(low).max(0) as u64) as i64
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// True in `per_mille` of 1000 cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// A positive weight whose logarithm is roughly normal: a few large values, many small ones.
    pub(crate) fn skewed_weight(&mut self) -> u64 {
        let doublings = (0..5).map(|_| self.below(3)).sum::<u64>();
        (16 + self.below(16)) << doublings
    }

    /// An index drawn with the given relative weights.
    pub(crate) fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        weights
            .iter()
            .position(|&weight| {
                let hit = left < weight;
                left = left.saturating_sub(weight);
                hit
            })
            .unwrap_or(0)
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn finish(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A well-mixed function of one number.
pub(crate) fn scramble(value: u64) -> u64 {
    finish(value.wrapping_add(GOLDEN))
}

/// A well-mixed function of a text.
pub(crate) fn scramble_text(text: &str) -> u64 {
    text.bytes().fold(0x5EED, |state, byte| scramble(state ^ u64::from(byte)))
}

/// Splits `total` by `weights`, never giving more than `caps[i]` to `i`: exact unless the caps sum to less.
pub(crate) fn apportion(total: u64, weights: &[u64], caps: &[u64]) -> Vec<u64> {
    let mut shares = vec![0; weights.len()];
    let mut open: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0 && caps[i] > 0).collect();
    let mut left = total;
    while !open.is_empty() {
        let sum: u128 = open.iter().map(|&i| u128::from(weights[i])).sum();
        let fair = |i: usize| (u128::from(left) * u128::from(weights[i]) / sum) as u64;
        let (full, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|&&i| fair(i) >= caps[i]);
        if full.is_empty() {
            let given: Vec<u64> = rest.iter().map(|&i| fair(i)).collect();
            let mut remainder = left - given.iter().sum::<u64>();
            for (&i, share) in rest.iter().zip(given) {
                let extra = u64::from(remainder > 0);
                shares[i] = share + extra;
                remainder -= extra;
            }
            break;
        }
        for i in full {
            shares[i] = caps[i];
            left -= caps[i];
        }
        open = rest;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_change() {
        // The reference sequence of splitmix64 for state 0.
        let mut rng = Rng(0);
        assert_eq!(rng.next(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(rng.next(), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(rng.next(), 0x06C4_5D18_8009_454F);
    }

    #[test]
    fn apportion_is_exact_and_respects_caps() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed, "apportion");
            let count = 1 + rng.index(12);
            let weights: Vec<u64> = (0..count).map(|_| rng.below(50)).collect();
            let caps: Vec<u64> = (0..count).map(|_| rng.below(40)).collect();
            let total = rng.below(300);
            let room: u64 = weights.iter().zip(&caps).filter(|(w, _)| **w > 0).map(|(_, c)| c).sum();
            let shares = apportion(total, &weights, &caps);
            assert_eq!(shares.iter().sum::<u64>(), total.min(room), "seed {seed}");
            assert!(shares.iter().zip(&caps).all(|(share, cap)| share <= cap), "seed {seed}");
        }
    }
}
