//! Consistent probability sampling (OTEP 235): rejection thresholds, randomness, and the text of both.
//!
//! Both are numbers of 56 bits. A record is kept when its randomness is at least its threshold, so a threshold says how many
//! of 2^56 random values are rejected. Follows the collector's `pkg/sampling`, rounding included.

use std::fmt;

/// How many random values there are: 2^56.
pub const RANDOMNESS_VALUES: u64 = 1 << 56;

/// The least probability that has a threshold: 2^-56.
pub const PROBABILITY_MIN: f64 = 1.0 / RANDOMNESS_VALUES as f64;

/// Hex digits of a whole threshold or randomness.
pub const DIGITS_MAX: u8 = 14;

/// Bits of a hex digit.
const DIGIT_BITS: u32 = 4;

/// How many of 2^56 random values are rejected, 0 to 2^56. Greater thresholds keep less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(u64);

impl Threshold {
    /// Keeps everything.
    pub const ALWAYS: Self = Self(0);

    /// Keeps nothing. It has no text.
    pub const NEVER: Self = Self(RANDOMNESS_VALUES);

    /// The threshold that rejects so many of 2^56; none above 2^56.
    pub const fn rejecting(values: u64) -> Option<Self> {
        if values <= RANDOMNESS_VALUES { Some(Self(values)) } else { None }
    }

    /// The threshold of a probability, rounded to `precision` hex digits (0 or more than 14 for all 14), and to one more for
    /// each leading `0` or `f`, so that rare and nearly certain sampling keep their relative exactness. None outside
    /// [`PROBABILITY_MIN`]..=1.
    pub fn of_probability(probability: f64, precision: u8) -> Option<Self> {
        if !(PROBABILITY_MIN..=1.0).contains(&probability) {
            return None;
        }
        if probability == 1.0 {
            return Some(Self::ALWAYS);
        }
        let precision = if precision == 0 { DIGITS_MAX } else { precision.min(DIGITS_MAX) };
        let digits = i32::from(precision) + leading_digits(probability).max(leading_digits(1.0 - probability));
        // Exact, since the factor is a power of two; rounded half away from zero, as Go's math.Round does.
        let kept = (probability * RANDOMNESS_VALUES as f64).round() as u64;
        let shift = DIGIT_BITS * u32::from(DIGITS_MAX).saturating_sub(digits.unsigned_abs());
        Some(Self(rounded(RANDOMNESS_VALUES - kept, shift)))
    }

    /// How many of 2^56 random values are rejected.
    pub fn rejected(self) -> u64 {
        self.0
    }

    /// The part that is kept, 0 to 1.
    pub fn probability(self) -> f64 {
        (RANDOMNESS_VALUES - self.0) as f64 / RANDOMNESS_VALUES as f64
    }

    /// How many records each one that was kept stands for; 0 where nothing is kept.
    pub fn adjusted_count(self) -> f64 {
        if self == Self::NEVER { 0.0 } else { 1.0 / self.probability() }
    }

    /// Whether a record of this randomness is kept.
    #[inline]
    pub fn keeps(self, randomness: Randomness) -> bool {
        self.0 <= randomness.0
    }

    /// Reads the value of `th`: 1 to 14 hex digits, those left out at the end being zeros.
    pub fn parse(text: &str) -> Option<Self> {
        let missing = u32::from(DIGITS_MAX).checked_sub(u32::try_from(text.len()).ok()?)?;
        // One digit too few never reaches the shift by 56.
        hex(text).map(|word| Self(word << (DIGIT_BITS * missing)))
    }
}

impl fmt::Display for Threshold {
    /// The value of `th`; nothing for [`Threshold::NEVER`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALWAYS => f.write_str("0"),
            Self::NEVER => Ok(()),
            Self(rejected) => f.write_str(format!("{rejected:014x}").trim_end_matches('0')),
        }
    }
}

/// How many leading hex digits `0` (or, for one minus it, `f`) a fraction below 1 has: digits that say nothing.
fn leading_digits(fraction: f64) -> i32 {
    let (_, exponent) = libm::frexp(fraction);
    exponent / -(DIGIT_BITS as i32)
}

/// Rounds half up at bit `shift`.
fn rounded(word: u64, shift: u32) -> u64 {
    if shift == 0 { word } else { ((word + (1 << (shift - 1))) >> shift) << shift }
}

/// Hex digits of either case, at least one, as Go's `strconv.ParseUint` reads them: no sign.
fn hex(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits)
}

/// 56 random bits that decide for all samplers alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Randomness(u64);

impl Randomness {
    /// Kept by every threshold but [`Threshold::NEVER`].
    pub const HIGHEST: Self = Self(RANDOMNESS_VALUES - 1);

    /// The low 56 bits of `word`.
    #[inline]
    pub const fn new(word: u64) -> Self {
        Self(word & (RANDOMNESS_VALUES - 1))
    }

    /// What a trace id carries, as W3C trace context level 2 has it: its last seven bytes.
    #[inline]
    pub fn of_trace_id(id: &[u8; 16]) -> Self {
        Self::new(u128::from_be_bytes(*id) as u64)
    }

    /// Reads the value of `rv`: exactly 14 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        hex(text).filter(|_| text.len() == usize::from(DIGITS_MAX)).map(Self)
    }

    /// As a number below 2^56.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Randomness {
    /// The value of `rv`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}
