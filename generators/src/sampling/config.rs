//! The configuration of whatever samples or filters, as plain data.
//!
//! It says what is written, with the components' defaults filled in, and nothing of what it means: values that a component
//! reads in a surprising way (a bound of 0, an empty list) stand here as they were written.

mod filter;
mod head;
mod policy;
mod problem;
mod tail;

pub use filter::{AttributeMatch, Filter, Library, MatchProperties, MatchType, SpanConditions, SpanMatch};
pub use head::{HeadSampler, Mode, ParentBased, ProbabilisticSampler, RatioAlgorithm};
pub use policy::{Allocation, Composite, Limit, OttlCondition, Policy, Rule, StatusCode, StringAttribute};
pub use problem::{Problem, ProblemKind};
pub use tail::{Strategy, TailSampling};

/// One thing that may drop spans, in the order in which spans pass through.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is a handful of them")]
pub enum Stage {
    /// A sampler in the SDK, which decides when a trace begins.
    Head(HeadSampler),
    /// The processor `probabilistic_sampler`.
    ProbabilisticSampler(ProbabilisticSampler),
    /// The processor `filter`.
    Filter(Filter),
    /// The processor `tail_sampling`.
    TailSampling(TailSampling),
}

/// What a component does with a condition that cannot be evaluated for a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorMode {
    /// The condition is passed over, with a line in the collector's log. The default of the processor `filter`.
    #[default]
    Ignore,
    /// The condition is passed over. What the policy `ottl_condition` does when nothing is said.
    Silent,
    /// The error goes up: the policy fails for the trace, or the filter refuses the whole request.
    Propagate,
}
