//! The hashes by which the collector's samplers decide, and their thresholds, exact to the bit.

use super::threshold::{Randomness, Threshold};

const FNV64_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV64_PRIME: u64 = 0x0000_0100_0000_01b3;
const FNV32_OFFSET: u32 = 0x811c_9dc5;
const FNV32_PRIME: u32 = 0x0100_0193;

/// FNV-1a 64 over the bytes of a salt: hashing goes on from there for each id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salted(u64);

impl Salted {
    /// The hash of a salt alone.
    pub fn new(salt: &str) -> Self {
        Self(fnv64(FNV64_OFFSET, salt.as_bytes()))
    }

    /// The hash of the salt and an id.
    #[inline]
    pub fn hash(self, id: &[u8; 16]) -> u64 {
        fnv64(self.0, id)
    }
}

#[inline]
fn fnv64(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV64_PRIME))
}

#[inline]
fn fnv32(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(FNV32_PRIME))
}

/// The policy `probabilistic` of `tail_sampling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailHash {
    salted: Salted,
    threshold: u64,
}

impl TailHash {
    /// The policy with this percentage and salt, an empty one meaning the default.
    pub fn new(percentage: f64, salt: &str) -> Self {
        let salt = if salt.is_empty() { super::config::Rule::DEFAULT_SALT } else { salt };
        Self { salted: Salted::new(salt), threshold: tail_threshold(percentage) }
    }

    /// Whether it wants a trace.
    #[inline]
    pub fn keeps(&self, id: &[u8; 16]) -> bool {
        self.salted.hash(id) <= self.threshold
    }

    /// The hash of a trace id.
    #[inline]
    pub fn hash(&self, id: &[u8; 16]) -> u64 {
        self.salted.hash(id)
    }

    /// The highest hash that is kept.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The part of all hashes that it wants.
    pub fn probability(&self) -> f64 {
        if self.threshold == 0 { 0.0 } else { self.threshold as f64 / u64::MAX as f64 }
    }
}

/// The highest hash that `percentage` keeps: (2^64 - 1) x (percentage / 100), the quotient as a double and the product as Go's
/// `big.Float` forms it, rounded to 64 bits of mantissa, half to even, and then cut.
pub fn tail_threshold(percentage: f64) -> u64 {
    let ratio = percentage / 100.0;
    if ratio.is_nan() || ratio <= 0.0 {
        return 0;
    }
    if ratio >= 1.0 {
        // At 1 the product is 2^64 - 1 itself; above, Go cuts it to that.
        return u64::MAX;
    }
    let (mantissa, exponent) = mantissa_and_exponent(ratio);
    let product = u128::from(u64::MAX) * u128::from(mantissa);
    let dropped = (128 - product.leading_zeros()).saturating_sub(64);
    let (rounded, exponent) = (half_even(product, dropped), exponent + dropped as i32);
    // The ratio is below 1, so there is always a fraction to cut.
    u64::try_from(rounded.checked_shr(exponent.unsigned_abs()).unwrap_or(0)).unwrap_or(u64::MAX)
}

/// A positive double as an integer below 2^53 times a power of two.
fn mantissa_and_exponent(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32 & 0x7ff, bits & ((1 << 52) - 1));
    if exponent == 0 { (fraction, -1_074) } else { (fraction | 1 << 52, exponent - 1_075) }
}

/// `word` without its lowest `bits` bits, rounded to nearest, half to even.
fn half_even(word: u128, bits: u32) -> u128 {
    if bits == 0 {
        return word;
    }
    let (kept, rest, half) = (word >> bits, word & ((1 << bits) - 1), 1 << (bits - 1));
    let up = rest > half || (rest == half && kept & 1 == 1);
    kept + u128::from(up)
}

/// How many values the hash of `probabilistic_sampler` has: it looks at 14 bits.
pub const BUCKETS: u32 = 1 << 14;

/// The processor `probabilistic_sampler` in mode `hash_seed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeededHash {
    seeded: u32,
}

impl SeededHash {
    /// The hash of this seed.
    pub fn new(seed: u32) -> Self {
        Self { seeded: fnv32(FNV32_OFFSET, &seed.to_le_bytes()) }
    }

    /// FNV-1a 32 of the seed and an id.
    #[inline]
    pub fn hash(self, id: &[u8; 16]) -> u32 {
        fnv32(self.seeded, id)
    }

    /// The bucket of an id, below [`BUCKETS`]. Low buckets are kept.
    #[inline]
    pub fn bucket(self, id: &[u8; 16]) -> u32 {
        self.hash(id) % BUCKETS
    }

    /// The hash as randomness: it decides as the bucket does, so its 14 highest bits are the bucket from the other end; the
    /// rest of the hash stands below.
    #[inline]
    pub fn randomness(self, id: &[u8; 16]) -> Randomness {
        let hash = u64::from(self.hash(id));
        let (bucket, unused) = (hash % u64::from(BUCKETS), hash >> 18);
        let mixed = unused ^ (unused << 10);
        Randomness::new((u64::from(BUCKETS) - 1 - bucket) << 42 | mixed << 14 | bucket)
    }
}

/// How many of [`BUCKETS`] are kept at `percentage`: a product of 32-bit floats, cut.
pub fn buckets_kept(percentage: f32) -> u32 {
    (percentage.min(100.0) * (BUCKETS as f32 / 100.0)) as u32
}

/// The same as a threshold; [`Threshold::NEVER`] where no bucket is kept.
pub fn buckets_threshold(percentage: f32) -> Threshold {
    let rejected = u64::from(BUCKETS - buckets_kept(percentage).min(BUCKETS)) << 42;
    Threshold::rejecting(rejected).unwrap_or(Threshold::NEVER)
}
