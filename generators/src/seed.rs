//! The seed of a run, and everything that is derived from it.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The one number from which traffic, ids and schedules follow. Printed with every result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// 32 bytes that depend on the seed and on what they are for.
    pub fn bytes(self, purpose: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"spanproof/1\0");
        digest.update(self.0.to_le_bytes());
        digest.update(purpose.as_bytes());
        digest.finalize().into()
    }

    /// A word that depends on the seed and on what it is for.
    pub fn word(self, purpose: &str) -> u64 {
        let bytes = self.bytes(purpose);
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[..8]);
        u64::from_le_bytes(word)
    }

    /// A random number generator of its own for `purpose` and `index`.
    pub fn rng(self, purpose: &str, index: u64) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(crate::mix::scramble(self.word(purpose) ^ crate::mix::scramble(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn generators_differ_by_seed_purpose_and_index() {
        let first = |seed: u64, purpose, index| Seed(seed).rng(purpose, index).next_u64();
        let base = first(7, "chunk", 0);
        assert_eq!(base, first(7, "chunk", 0));
        assert_ne!(base, first(8, "chunk", 0));
        assert_ne!(base, first(7, "pool", 0));
        assert_ne!(base, first(7, "chunk", 1));
    }
}
