//! The arithmetic under identities and hashes: 64-bit mixing that is the same on every machine.

/// Folds the 128-bit product of two words into one. Every input bit reaches every output bit.
#[inline(always)]
pub fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

const SCRAMBLE_A: u64 = 0x9fb2_1c65_1e98_df25;
const SCRAMBLE_B: u64 = 0xa24b_aed4_963e_e407;
const UNSCRAMBLE_A: u64 = inverse(SCRAMBLE_A);
const UNSCRAMBLE_B: u64 = inverse(SCRAMBLE_B);

/// A bijection of 64-bit words without visible structure; [`unscramble`] is its inverse.
#[inline(always)]
pub fn scramble(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(SCRAMBLE_A);
    let word = (word ^ (word >> 33)).wrapping_mul(SCRAMBLE_B);
    word ^ (word >> 34)
}

/// Undoes [`scramble`]. A shift by half the width or more is its own inverse, so each step is undone by its twin.
#[inline(always)]
pub fn unscramble(word: u64) -> u64 {
    let word = (word ^ (word >> 34)).wrapping_mul(UNSCRAMBLE_B);
    let word = (word ^ (word >> 33)).wrapping_mul(UNSCRAMBLE_A);
    word ^ (word >> 32)
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration, which doubles the correct bits each time.
const fn inverse(odd: u64) -> u64 {
    let mut guess = odd;
    let mut round = 0;
    while round < 6 {
        guess = guess.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(guess)));
        round += 1;
    }
    guess
}

/// Hash of a byte string under `salt`: two words at a time through [`fold`].
///
/// Not cryptographic: it is there to notice what pipelines do to data, not to resist someone who knows it.
#[inline]
pub fn hash_bytes(salt: u64, bytes: &[u8]) -> u64 {
    const A: u64 = 0x8bb8_4b93_962e_acc9;
    const B: u64 = 0x4b33_a62e_d433_d4a3;
    let length = bytes.len();
    let mut state = salt ^ A;
    let (low, high) = if length <= 16 {
        short(bytes)
    } else {
        let mut at = 0;
        while at + 16 < length {
            state = fold(word(bytes, at) ^ B, word(bytes, at + 8) ^ state);
            at += 16;
        }
        (word(bytes, length - 16), word(bytes, length - 8))
    };
    fold(fold(low ^ B, high ^ state) ^ A, (length as u64) ^ B ^ salt)
}

/// Up to 16 bytes as two words that together hold every byte; lengths are told apart by the caller.
#[inline(always)]
fn short(bytes: &[u8]) -> (u64, u64) {
    let length = bytes.len();
    if length >= 8 {
        (word(bytes, 0), word(bytes, length - 8))
    } else if length >= 4 {
        (u64::from(half(bytes, 0)), u64::from(half(bytes, length - 4)))
    } else if length > 0 {
        let ends = (u64::from(bytes[0]) << 16) | (u64::from(bytes[length / 2]) << 8) | u64::from(bytes[length - 1]);
        (ends, 0)
    } else {
        (0, 0)
    }
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline(always)]
fn half(bytes: &[u8], at: usize) -> u32 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scramble_is_undone_by_unscramble(word: u64) {
            prop_assert_eq!(unscramble(scramble(word)), word);
            prop_assert_eq!(scramble(unscramble(word)), word);
        }

        #[test]
        fn one_changed_byte_changes_the_hash(mut bytes in proptest::collection::vec(any::<u8>(), 1..200), at: prop::sample::Index, flip in 1u8..) {
            let before = hash_bytes(7, &bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_ne!(before, hash_bytes(7, &bytes));
        }

        #[test]
        fn a_longer_string_of_the_same_start_hashes_differently(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut longer = bytes.clone();
            longer.push(0);
            prop_assert_ne!(hash_bytes(7, &bytes), hash_bytes(7, &longer));
        }
    }

    #[test]
    fn all_short_strings_of_two_symbols_hash_apart() {
        let mut seen = std::collections::BTreeSet::new();
        let mut count = 0;
        for length in 0..=12u32 {
            for bits in 0..1u32 << length {
                let bytes: Vec<u8> = (0..length).map(|at| if bits >> at & 1 == 1 { b'a' } else { b'b' }).collect();
                seen.insert(hash_bytes(1, &bytes));
                count += 1;
            }
        }
        assert_eq!(seen.len(), count);
    }
}
