//! Samplers that need a span or its trace id only: those of SDKs, and the processor `probabilistic_sampler`.

/// How the processor `probabilistic_sampler` decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By a hash of the trace id, 14 bits of it. What an empty `mode` means.
    #[default]
    HashSeed,
    /// Multiplies the probability that a span arrives with.
    Proportional,
    /// Lowers the probability that a span arrives with to the one configured.
    Equalizing,
}

/// Configuration of the processor `probabilistic_sampler` for traces, and its defaults. It decides span by span.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbabilisticSampler {
    /// Percent of the spans (`sampling_percentage`), a 32-bit float as the collector has it; above 100 means 100. 0.
    pub percentage: f32,
    /// The seed of the hash, in mode `hash_seed` only. 0.
    pub hash_seed: u32,
    /// How it decides.
    pub mode: Mode,
    /// Hex digits of a threshold (`sampling_precision`), 1 to 14. 4.
    pub precision: u8,
    /// Whether spans whose randomness or threshold is missing, broken or contradictory are dropped. True.
    pub fail_closed: bool,
}

impl Default for ProbabilisticSampler {
    fn default() -> Self {
        Self { percentage: 0.0, hash_seed: 0, mode: Mode::HashSeed, precision: 4, fail_closed: true }
    }
}

/// Whose arithmetic a `TraceIdRatioBased` sampler follows: the specification long left it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatioAlgorithm {
    /// opentelemetry-go.
    Go,
    /// opentelemetry-java.
    Java,
    /// opentelemetry-rust; the same as Go's.
    Rust,
}

/// What a `ParentBased` sampler asks in each case; by default all parents are obeyed.
#[derive(Debug, Clone, PartialEq)]
pub struct ParentBased {
    /// For spans without a parent.
    pub root: HeadSampler,
    /// For spans with a sampled parent in another process.
    pub remote_sampled: HeadSampler,
    /// For spans with a parent in another process that is not sampled.
    pub remote_not_sampled: HeadSampler,
    /// For spans with a sampled parent in the same process.
    pub local_sampled: HeadSampler,
    /// For spans with a parent in the same process that is not sampled.
    pub local_not_sampled: HeadSampler,
}

impl ParentBased {
    /// One that asks `root` where there is no parent and obeys parents otherwise, as all SDKs do by default.
    pub fn of(root: HeadSampler) -> Self {
        Self {
            root,
            remote_sampled: HeadSampler::AlwaysOn,
            remote_not_sampled: HeadSampler::AlwaysOff,
            local_sampled: HeadSampler::AlwaysOn,
            local_not_sampled: HeadSampler::AlwaysOff,
        }
    }
}

/// A sampler of an SDK.
#[derive(Debug, Clone, PartialEq)]
pub enum HeadSampler {
    /// Keeps all.
    AlwaysOn,
    /// Keeps nothing.
    AlwaysOff,
    /// Keeps a part of all traces by their ids.
    TraceIdRatio {
        /// Which part, 0 to 1.
        ratio: f64,
        /// By whose arithmetic.
        algorithm: RatioAlgorithm,
    },
    /// Does as the parent's sampled flag says.
    ParentBased(Box<ParentBased>),
    /// Consistent probability sampling (OTEP 235): randomness at or above a threshold, which it writes to `ot=th`.
    Consistent {
        /// Which part, 0 to 1.
        ratio: f64,
        /// Hex digits of the threshold, 1 to 14.
        precision: u8,
    },
}
