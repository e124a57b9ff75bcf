//! The processor `probabilistic_sampler` for traces: it decides span by span, and writes into `tracestate` what it did.

use super::config::{Mode, ProbabilisticSampler};
use super::hash::{SeededHash, buckets_threshold};
use super::threshold::{PROBABILITY_MIN, Randomness, Threshold};
use super::trace::{Span, get};
use super::tracestate::TraceState;
use crate::model::Value;

/// The attribute of a span that overrides every sampler.
pub const PRIORITY_KEY: &str = "sampling.priority";

/// By what a span was decided; the label `policy` of the processor's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A hash of the trace id.
    TraceIdHash,
    /// The random bits of the trace id.
    TraceIdW3c,
    /// `ot=rv`.
    SamplingRandomness,
    /// The attribute [`PRIORITY_KEY`], or a percentage that keeps nothing.
    SamplingPriority,
    /// Nothing: there is no trace id, or `tracestate` cannot be read.
    MissingRandomness,
}

impl By {
    /// The label's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::TraceIdHash => "trace_id_hash",
            Self::TraceIdW3c => "trace_id_w3c",
            Self::SamplingRandomness => "sampling_randomness",
            Self::SamplingPriority => "sampling_priority",
            Self::MissingRandomness => "missing_randomness",
        }
    }
}

/// What becomes of the `tracestate` of a span that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It stays as it is.
    Unchanged,
    /// It is replaced.
    Replaced(String),
    /// It is replaced by what the collector made of a header that it could not read.
    Unknown,
}

/// What becomes of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanFate {
    /// Whether it is kept.
    pub keep: bool,
    /// By what.
    pub by: By,
    /// The randomness that was compared.
    pub randomness: Randomness,
    /// The threshold that it was compared with.
    pub threshold: Threshold,
    /// Its `tracestate` from now on.
    pub trace_state: Written,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Never,
    Hash { hash: SeededHash, threshold: Threshold },
    Equalizing(Threshold),
    Proportional { ratio: f64, precision: u8 },
}

/// A configuration made ready.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadySampler {
    kind: Kind,
    fail_closed: bool,
}

/// What a span brings along.
struct Incoming<'a> {
    by: By,
    randomness: Randomness,
    /// None where it must be left alone.
    state: Option<TraceState<'a>>,
    /// It broke a rule.
    broken: bool,
}

impl ReadySampler {
    /// Makes a configuration ready.
    pub fn new(config: &ProbabilisticSampler) -> Self {
        let percentage = config.percentage.min(100.0);
        // The quotient is taken of doubles, as the collector takes care to.
        let ratio = (f64::from(percentage) / 100.0).max(PROBABILITY_MIN);
        let kind = match config.mode {
            _ if percentage == 0.0 => Kind::Never,
            Mode::HashSeed => match buckets_threshold(percentage) {
                Threshold::NEVER => Kind::Never,
                threshold => Kind::Hash { hash: SeededHash::new(config.hash_seed), threshold },
            },
            Mode::Equalizing => {
                Kind::Equalizing(Threshold::of_probability(ratio, config.precision).unwrap_or(Threshold::NEVER))
            }
            Mode::Proportional => Kind::Proportional { ratio, precision: config.precision },
        };
        Self { kind, fail_closed: config.fail_closed }
    }

    /// Decides a span of the trace `id`.
    pub fn decide(&self, id: &[u8; 16], span: &Span<'_>) -> SpanFate {
        let mut incoming = self.incoming(id, &span.trace_state);
        if !incoming.broken {
            incoming.check();
        }
        let threshold = match (incoming.broken, self.fail_closed) {
            (true, true) => Threshold::NEVER,
            (true, false) => Threshold::ALWAYS,
            (false, _) => self.threshold(incoming.state.as_ref().and_then(TraceState::threshold)),
        };
        let (threshold, by) = match priority(span) {
            Some(true) => (Threshold::ALWAYS, By::SamplingPriority),
            Some(false) => (Threshold::NEVER, By::SamplingPriority),
            None => (threshold, incoming.by),
        };
        let keep = threshold.keeps(incoming.randomness);
        let trace_state = match incoming.state {
            Some(mut state) if keep => {
                state.raise_threshold(threshold);
                Written::Replaced(state.write())
            }
            None if keep && self.kind == Kind::Never => Written::Unknown,
            _ => Written::Unchanged,
        };
        SpanFate { keep, by, randomness: incoming.randomness, threshold, trace_state }
    }

    fn incoming<'a>(&self, id: &[u8; 16], header: &'a str) -> Incoming<'a> {
        let state = TraceState::parse(header);
        let broken = state.is_err();
        let (mut by, mut randomness) = (By::MissingRandomness, Randomness::HIGHEST);
        let empty = *id == [0; 16];
        match self.kind {
            // Something must be compared, and it does not matter what.
            Kind::Never => (by, randomness) = (By::SamplingPriority, Randomness::HIGHEST),
            Kind::Hash { hash, .. } => {
                if !empty {
                    (by, randomness) = (By::TraceIdHash, hash.randomness(id));
                }
                return hashed(by, randomness, state.ok());
            }
            Kind::Equalizing(_) | Kind::Proportional { .. } => {
                let explicit = state.as_ref().ok().and_then(TraceState::randomness);
                match explicit {
                    Some(explicit) => (by, randomness) = (By::SamplingRandomness, explicit),
                    None if !empty && !broken => {
                        (by, randomness) = (By::TraceIdW3c, Randomness::of_trace_id(id));
                    }
                    None => {}
                }
            }
        }
        Incoming { by, randomness, state: state.ok(), broken }
    }

    fn threshold(&self, incoming: Option<Threshold>) -> Threshold {
        match self.kind {
            Kind::Never => Threshold::NEVER,
            Kind::Hash { threshold, .. } => threshold,
            Kind::Equalizing(threshold) => incoming.map_or(threshold, |incoming| incoming.max(threshold)),
            Kind::Proportional { ratio, precision } => {
                let incoming = incoming.map_or(1.0, Threshold::probability);
                Threshold::of_probability(incoming * ratio, precision).unwrap_or(Threshold::NEVER)
            }
        }
    }
}

/// In mode `hash_seed` a span must bring neither randomness nor threshold; one that does is left as it is.
fn hashed(by: By, randomness: Randomness, state: Option<TraceState<'_>>) -> Incoming<'_> {
    match state {
        Some(mut state) if state.randomness().is_none() && state.threshold().is_none() => {
            state.set_randomness(randomness);
            Incoming { by, randomness, state: Some(state), broken: false }
        }
        _ => Incoming { by, randomness, state: None, broken: true },
    }
}

impl Incoming<'_> {
    /// Without randomness there is nothing to decide by; and a threshold above the randomness contradicts the span's being
    /// here, and is forgotten.
    fn check(&mut self) {
        if self.by == By::MissingRandomness {
            self.broken = true;
            return;
        }
        let Some(state) = &mut self.state else { return };
        if state.threshold().is_some_and(|threshold| !threshold.keeps(self.randomness)) {
            state.clear_threshold();
            self.broken = true;
        }
    }
}

/// What [`PRIORITY_KEY`] demands: nothing below zero or where it is no number.
fn priority(span: &Span<'_>) -> Option<bool> {
    let number = match get(&span.attributes, PRIORITY_KEY)? {
        Value::Int(number) => *number as f64,
        Value::Double(number) => *number,
        Value::Str(text) => text.parse().ok()?,
        _ => return None,
    };
    (number >= 0.0).then_some(number > 0.0)
}

/// What a sampler makes of any trace id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnyId {
    /// The same for each.
    Always(bool),
    /// A hash of it, as randomness, decides.
    Hashed(SeededHash, Threshold),
    /// Its random bits decide.
    Random(Threshold),
}

/// What a sampler does with a span of a trace whose id is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Symbolic {
    pub answer: AnyId,
    /// The `tracestate` of what is kept; none where it depends on the id.
    pub trace_state: Option<String>,
}

impl ReadySampler {
    /// What becomes of spans with this `tracestate` and without priority; none where it takes the id to tell.
    pub(crate) fn symbolic(&self, header: &str) -> Option<Symbolic> {
        let state = TraceState::parse(header).ok();
        let explicit = state.as_ref().and_then(TraceState::randomness);
        let threshold = state.as_ref().and_then(TraceState::threshold);
        let bare = state.is_some() && explicit.is_none() && threshold.is_none();
        match self.kind {
            Kind::Hash { hash, threshold } if bare => {
                Some(Symbolic { answer: AnyId::Hashed(hash, threshold), trace_state: None })
            }
            Kind::Equalizing(_) | Kind::Proportional { .. } if bare => {
                let threshold = self.threshold(None);
                let mut state = state?;
                state.raise_threshold(threshold);
                Some(Symbolic { answer: AnyId::Random(threshold), trace_state: Some(state.write()) })
            }
            Kind::Equalizing(_) | Kind::Proportional { .. } if explicit.is_none() && threshold.is_some() => {
                self.symbolic_after(state?, threshold?)
            }
            _ => self.constant(header),
        }
    }

    /// With a threshold on arrival, ids below it contradict their being here.
    fn symbolic_after(&self, mut state: TraceState<'_>, arriving: Threshold) -> Option<Symbolic> {
        let threshold = self.threshold(Some(arriving));
        if !self.fail_closed {
            return None;
        }
        state.raise_threshold(threshold);
        Some(Symbolic { answer: AnyId::Random(threshold.max(arriving)), trace_state: Some(state.write()) })
    }

    /// The answer where no id has a say: any will do.
    fn constant(&self, header: &str) -> Option<Symbolic> {
        let span = Span { trace_state: header.into(), ..Span::empty() };
        let fate = self.decide(&[1; 16], &span);
        let trace_state = match fate.trace_state {
            Written::Unchanged => header.to_owned(),
            Written::Replaced(text) => text,
            Written::Unknown => return None,
        };
        Some(Symbolic { answer: AnyId::Always(fate.keep), trace_state: Some(trace_state) })
    }
}
