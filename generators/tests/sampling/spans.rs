//! Spans and traces to ask rules about.

use spanproof_generators::model::{Attribute, Value};
use spanproof_generators::sampling::config::{Mode, Policy, ProbabilisticSampler, Rule, TailSampling};
use spanproof_generators::sampling::tail::{Decision, Outcome, TailSampler, Vote};
use spanproof_generators::sampling::trace::{Span, Trace};
use spanproof_generators::sampling::version::{Model, Version};
use std::borrow::Cow;

/// When traces begin.
pub const START: u64 = 1_700_000_000_000_000_000;

/// A span without anything but times.
pub fn span() -> Span<'static> {
    Span { start_unix_ns: START, end_unix_ns: START, ..Span::empty() }
}

/// A span that begins and ends at these milliseconds.
pub fn span_at(from_ms: u64, to_ms: u64) -> Span<'static> {
    Span { start_unix_ns: START + from_ms * 1_000_000, end_unix_ns: START + to_ms * 1_000_000, ..span() }
}

/// A span with an attribute.
pub fn span_with(key: &str, value: impl Into<Value>) -> Span<'static> {
    Span { attributes: Cow::Owned(vec![Attribute::new(key, value)]), ..span() }
}

/// A span whose resource has an attribute.
pub fn span_of_resource(key: &str, value: impl Into<Value>) -> Span<'static> {
    Span { resource: Box::leak(Box::new([Attribute::new(key, value)])), ..span() }
}

/// A trace of these spans.
pub fn trace_of(id: [u8; 16], spans: Vec<Span<'static>>) -> Trace<'static> {
    Trace { id, spans, bytes: None }
}

/// A trace of these spans under some id.
pub fn trace(spans: Vec<Span<'static>>) -> Trace<'static> {
    trace_of([7; 16], spans)
}

/// The collector that everything was measured on.
pub fn measured() -> Model {
    Model::actual(Version::MEASURED)
}

/// The decision of these policies, named by their places.
pub fn decide(rules: Vec<Rule>, model: Model, trace: &Trace<'_>) -> Decision {
    let policies = rules.into_iter().enumerate().map(|(at, rule)| Policy::new(at.to_string(), rule));
    TailSampler::new(&TailSampling::of(policies), model).unwrap().decide(trace)
}

/// The outcome of these policies.
pub fn outcome(rules: Vec<Rule>, trace: &Trace<'_>) -> Outcome {
    decide(rules, measured(), trace).outcome
}

/// The vote of one policy.
pub fn vote_of(rule: Rule, model: Model, trace: &Trace<'_>) -> Vote {
    decide(vec![rule], model, trace).ballots.remove(0).vote
}

/// Whether a policy wants a trace of these spans.
pub fn wants(rule: &Rule, spans: Vec<Span<'static>>) -> bool {
    match vote_of(rule.clone(), measured(), &trace(spans)) {
        Vote::Sampled => true,
        Vote::NotSampled => false,
        other => panic!("{rule:?}: {other:?}"),
    }
}

/// `probabilistic_sampler` in this mode.
pub fn sampler_config(mode: Mode, percentage: f32) -> ProbabilisticSampler {
    ProbabilisticSampler { percentage, mode, ..ProbabilisticSampler::default() }
}
