//! Which records a defect hits, and the randomness it draws ids from.

use std::num::NonZeroU64;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Makes unrelated seeds for the defects of one target (the finaliser of SplitMix64).
pub fn seed_of(seed: u64, number: u64) -> u64 {
    mix(seed ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A position in `0..of` that all 16 bytes of a trace id and the seed decide.
pub fn place_of(trace_id: &[u8], seed: u64, of: NonZeroU64) -> u64 {
    trace_id.iter().fold(mix(seed), |place, byte| mix(place ^ u64::from(*byte))) % of
}

/// Picks exactly one in every N candidates: the same place in each N, which the seed decides.
#[derive(Debug)]
pub struct Pick {
    every: NonZeroU64,
    place: u64,
    seen: u64,
    rng: Xoshiro256PlusPlus,
}

impl Pick {
    /// Picks one in `every`.
    pub fn new(every: NonZeroU64, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { every, place: rng.random_range(0..every.get()), seen: 0, rng }
    }

    /// Whether the next candidate is picked.
    pub fn next(&mut self) -> bool {
        let picked = self.seen % self.every == self.place;
        self.seen += 1;
        picked
    }

    /// Randomness for what is done to a picked record.
    pub fn rng(&mut self) -> &mut Xoshiro256PlusPlus {
        &mut self.rng
    }

    /// A random id of so many bytes, never all zero.
    pub fn id(&mut self, length: usize) -> Vec<u8> {
        let mut id: Vec<u8> = (0..length).map(|_| self.rng.random()).collect();
        if let Some(first) = id.first_mut() {
            *first |= 1;
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_in_every_n_is_picked() {
        let mut pick = Pick::new(NonZeroU64::new(7).unwrap(), 3);
        let picked: Vec<bool> = (0..70).map(|_| pick.next()).collect();
        assert!(picked.chunks(7).all(|chunk| chunk.iter().filter(|hit| **hit).count() == 1));
    }

    #[test]
    fn every_byte_of_a_trace_id_decides_its_place() {
        let of = NonZeroU64::new(1 << 32).unwrap();
        let id = [9_u8; 16];
        for at in 0..16 {
            let mut other = id;
            other[at] ^= 1;
            assert_ne!(place_of(&id, 1, of), place_of(&other, 1, of));
        }
        assert_ne!(place_of(&id, 1, of), place_of(&id, 2, of));
    }
}
