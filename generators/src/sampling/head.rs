//! Samplers of the SDKs: they decide when a trace begins, by its id or its parent's flag.

use super::config::{HeadSampler, RatioAlgorithm};
use super::threshold::{Randomness, Threshold};

/// What a sampler knows of the parent of the span that it is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// There is none, or it is not valid.
    None,
    /// One in another process.
    Remote {
        /// Its sampled flag.
        sampled: bool,
    },
    /// One in the same process.
    Local {
        /// Its sampled flag.
        sampled: bool,
    },
}

/// What a sampler is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The trace id.
    pub id: &'a [u8; 16],
    /// The parent.
    pub parent: Parent,
    /// Randomness from the parent's `ot=rv`, which goes before that of the id.
    pub randomness: Option<Randomness>,
}

impl HeadSampler {
    /// Whether it keeps the span.
    pub fn keeps(&self, question: Question<'_>) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::TraceIdRatio { ratio, algorithm } => algorithm.keeps(*ratio, question.id),
            Self::ParentBased(samplers) => {
                let sampler = match question.parent {
                    Parent::None => &samplers.root,
                    Parent::Remote { sampled: true } => &samplers.remote_sampled,
                    Parent::Remote { sampled: false } => &samplers.remote_not_sampled,
                    Parent::Local { sampled: true } => &samplers.local_sampled,
                    Parent::Local { sampled: false } => &samplers.local_not_sampled,
                };
                sampler.keeps(question)
            }
            Self::Consistent { ratio, precision } => {
                let randomness = question.randomness.unwrap_or_else(|| Randomness::of_trace_id(question.id));
                consistent_threshold(*ratio, *precision).keeps(randomness)
            }
        }
    }
}

/// The threshold of consistent sampling at `ratio`: nothing is kept below 2^-56, everything from 1 on.
pub fn consistent_threshold(ratio: f64, precision: u8) -> Threshold {
    Threshold::of_probability(ratio.min(1.0), precision).unwrap_or(Threshold::NEVER)
}

impl RatioAlgorithm {
    /// Whether a sampler of `ratio` keeps a trace by its id.
    pub fn keeps(self, ratio: f64, id: &[u8; 16]) -> bool {
        let low = u128::from_be_bytes(*id) as u64;
        match self {
            Self::Go | Self::Rust if ratio >= 1.0 => true,
            // A product that a double holds exactly, cut; a ratio of 0 or less rejects all.
            Self::Go | Self::Rust => low >> 1 < (ratio * 9_223_372_036_854_775_808.0) as u64,
            Self::Java => java_keeps(ratio, low as i64),
        }
    }
}

/// Java's comparison is of signed numbers: the one whose absolute value overflows stays negative and is kept, and the
/// greatest is dropped even at a ratio of 1.
fn java_keeps(ratio: f64, low: i64) -> bool {
    let upper_bound = if ratio <= 0.0 {
        i64::MIN
    } else if ratio >= 1.0 {
        i64::MAX
    } else {
        (ratio * i64::MAX as f64) as i64
    };
    low.wrapping_abs() < upper_bound
}
