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
pub const fn scramble(word: u64) -> u64 {
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
#[inline(always)]
pub fn hash_bytes(salt: u64, bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    let (state, low, high) = match bytes.last_chunk() {
        Some(last) if length > 16 => {
            let (low, high) = words(last);
            (blocks(salt ^ A, bytes), low, high)
        }
        _ => {
            let (low, high) = short(bytes);
            (salt ^ A, low, high)
        }
    };
    fold(fold(low ^ B, high ^ state) ^ A, length ^ B ^ salt)
}

const A: u64 = 0x8bb8_4b93_962e_acc9;
const B: u64 = 0x4b33_a62e_d433_d4a3;

/// Takes in all blocks of 16 bytes but the last, which may be whole or not.
#[inline(always)]
fn blocks(mut state: u64, mut bytes: &[u8]) -> u64 {
    while let Some((block, rest)) = bytes.split_first_chunk() {
        if rest.is_empty() {
            break;
        }
        let (low, high) = words(block);
        state = fold(low ^ B, high ^ state);
        bytes = rest;
    }
    state
}

#[inline(always)]
fn words(block: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*block);
    (word as u64, (word >> 64) as u64)
}

/// Up to 16 bytes as two words that together hold every byte; lengths are told apart by the caller.
#[inline(always)]
fn short(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        ((u64::from(*first) << 16) | (u64::from(bytes[bytes.len() / 2]) << 8) | u64::from(*last), 0)
    } else {
        (0, 0)
    }
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
