//! Numbers, choices and ids that look random and are the same in every run.

/// A number that depends on all of these, and on each in every bit.
pub(super) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x243f_6a88_85a3_08d3, |so_far, part| scramble(so_far ^ part))
}

fn scramble(x: u64) -> u64 {
    let mut x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// One of these; more of the first ones when they are repeated.
pub(super) fn pick<'a>(from: &[&'a str], random: u64) -> &'a str {
    from[(random % from.len() as u64) as usize]
}

/// An id of 20 characters, like the provider's own.
pub(super) fn id(prefix: &str, key: u64, at: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut id = String::with_capacity(20);
    id.push_str(prefix);
    for half in 0..2 {
        let mut random = mix(&[key, u64::from(at), half]);
        for _ in 0..(if half == 0 { 9 } else { 8 }) {
            id.push(char::from(DIGITS[(random % 62) as usize]));
            random /= 62;
        }
    }
    id
}

/// An order of the numbers below a limit, without keeping them.
#[derive(Debug, Clone)]
pub(super) struct Shuffled {
    below: u32,
    mask: u32,
    shift: u32,
    rounds: [(u32, u32); 3],
}

impl Shuffled {
    pub(super) fn new(below: u32, key: u64) -> Self {
        let bits = (u32::BITS - below.saturating_sub(1).leading_zeros()).max(2);
        let round = |n: u64| {
            let random = mix(&[key, n]);
            (random as u32 | 1, (random >> 32) as u32)
        };
        let mask = if bits == u32::BITS { u32::MAX } else { (1 << bits) - 1 };
        Self { below, mask, shift: bits.div_ceil(2), rounds: [round(0), round(1), round(2)] }
    }

    /// The number at a place, which is below the limit too: every place has another.
    pub(super) fn at(&self, place: u32) -> u32 {
        let mut x = place;
        loop {
            // Each line can be undone, so that no two places lead to the same.
            for (factor, addend) in self.rounds {
                x = x.wrapping_mul(factor).wrapping_add(addend) & self.mask;
                x ^= x >> self.shift;
            }
            if x < self.below {
                return x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_has_a_number_of_its_own() {
        for below in [1, 2, 3, 5, 100, 1000, 4096, 4097] {
            for key in 0..5 {
                let shuffled = Shuffled::new(below, key);
                let found: BTreeSet<u32> = (0..below).map(|place| shuffled.at(place)).collect();
                assert_eq!(found, (0..below).collect(), "below {below}, key {key}");
            }
        }
    }

    #[test]
    fn the_first_places_lie_all_over() {
        // A tenth of the places: between one and the next lie many different distances.
        let shuffled = Shuffled::new(100_000, 7);
        let found: BTreeSet<u32> = (0..10_000).map(|place| shuffled.at(place)).collect();
        let found: Vec<u32> = found.into_iter().collect();
        let gaps: BTreeSet<u32> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.len() > 40, "{gaps:?}");
        for tenth in 0..10 {
            let within = found.iter().filter(|number| **number / 10_000 == tenth).count();
            assert!((900..1100).contains(&within), "{within} in tenth {tenth}");
        }
    }

    #[test]
    fn ids_differ_and_look_like_ids() {
        let ids: BTreeSet<String> = (0..10_000).map(|at| id("00u", 1, at)).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert!(!ids.contains(&id("00u", 2, 1)));
    }
}
