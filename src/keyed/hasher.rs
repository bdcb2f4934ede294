//! How the table hashes its keys.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes by one multiplication for each eight bytes, under two numbers that are drawn for each table.
///
/// Each request is hashed, and the standard library's hash takes more time than all else of the search. It is made to
/// withstand who wants keys to collide; here they would have to guess the numbers, and could slow a table of no more keys
/// than are kept.
#[derive(Clone, Copy)]
pub(super) struct FoldedState {
    seed: u64,
    factor: u64,
}

impl Default for FoldedState {
    fn default() -> Self {
        let drawn = || RandomState::new().hash_one(0);
        Self {
            seed: drawn(),
            factor: drawn() | 1,
        }
    }
}

impl BuildHasher for FoldedState {
    type Hasher = Folded;

    #[inline]
    fn build_hasher(&self) -> Folded {
        Folded {
            state: self.seed,
            factor: self.factor,
        }
    }
}

pub(super) struct Folded {
    state: u64,
    factor: u64,
}

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.write_u64(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = words.remainder();
        let word = rest
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        // With its length: zeros at the end count.
        self.write_u64(word << 8 | bytes.len() as u64 & 0xff);
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.state ^ number) * u128::from(self.factor);
        self.state = (product as u64) ^ (product >> 64) as u64;
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use super::*;

    /// How many of 128 parts of a table are used, by the lowest and by the highest bits of these hashes.
    fn spread<T: Hash>(keys: impl Iterator<Item = T>) -> [usize; 2] {
        let state = FoldedState::default();
        let hashes: Vec<u64> = keys.map(|key| state.hash_one(key)).collect();
        [0, 57].map(|shift| {
            let parts: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 127).collect();
            parts.len()
        })
    }

    #[test]
    fn keys_that_are_much_alike_are_spread_over_the_table() {
        // Of 1,280 random ones, all 128 parts would be used.
        let all = [
            spread(0..1_280_u64),
            spread((0..1_280_u64).map(|key| key << 32)),
            spread((0..1_280).map(|key| format!("host-{key}.example.com"))),
        ];
        assert!(
            all.as_flattened().iter().all(|parts| *parts > 100),
            "{all:?}"
        );
    }

    #[test]
    fn each_byte_counts_and_so_do_zeros_at_the_end() {
        let state = FoldedState::default();
        let texts = [
            "",
            "\0",
            "\0\0",
            "a",
            "a\0",
            "12345678",
            "12345678\0",
            "12345679",
        ];
        let hashes: HashSet<u64> = texts.iter().map(|text| state.hash_one(text)).collect();
        assert_eq!(hashes.len(), texts.len());
    }
}
