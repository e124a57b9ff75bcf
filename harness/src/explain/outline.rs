//! The ways of traces, each stage with what it does in words.

use super::Subject;
use super::quantity::{bytes, count, time};
use super::{Traffic, sentence};
use crate::collector_config::{Does, Keys, Limiter, Place, Step, SuspectWhy};
use serde::Serialize;
use spanproof_generators::sampling::config::{Policy, Strategy, TailSampling};

/// One way of traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownWay {
    /// The pipeline that it ends in.
    pub pipeline: String,
    /// Where traces come in.
    pub receivers: Vec<String>,
    /// What they pass, in order.
    pub steps: Vec<ShownStep>,
    /// Where they leave.
    pub exporters: Vec<String>,
}

/// A stage in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownStep {
    /// The component, e.g. `filter/health`.
    pub component: String,
    /// The pipeline that it stands in.
    pub pipeline: String,
    /// Where it is configured.
    pub place: Place,
    /// `samples`, `filters`, `limits`, `changes`, `neutral` or `unknown`.
    pub does: &'static str,
    /// The same in words, a line each.
    pub text: Vec<String>,
    /// Its policies, of a tail sampler, as they are written.
    pub policies: Vec<ShownPolicy>,
}

/// A policy in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownPolicy {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it stands.
    pub place: Place,
    /// What it does, as a sentence without its subject.
    pub text: String,
}

pub(super) fn ways(subject: &Subject) -> Vec<ShownWay> {
    let shown = |way: &crate::collector_config::Way| ShownWay {
        pipeline: way.pipeline.clone(),
        receivers: way.receivers.iter().map(ToString::to_string).collect(),
        steps: way.steps.iter().map(|one| step(subject, one)).collect(),
        exporters: way.exporters.iter().map(ToString::to_string).collect(),
    };
    subject.stages.ways.iter().map(shown).collect()
}

fn step(subject: &Subject, step: &Step) -> ShownStep {
    let (does, text) = match &step.does {
        Does::SamplesTraces(config) => ("samples", tail(config, subject.traffic.as_ref())),
        Does::SamplesSpans(sampler) => ("samples", vec![sentence::probabilistic(sampler)]),
        Does::Filters(filter) => ("filters", sentence::filter(filter)),
        Does::Limits(limiter) => ("limits", vec![limits(limiter)]),
        Does::Changes(why) => ("changes", why.iter().map(change).collect()),
        Does::Neutral => ("neutral", vec!["leaves nothing out and changes nothing".to_owned()]),
        Does::Unknown(why) => ("unknown", vec![why.clone()]),
    };
    let policies = match &step.does {
        Does::SamplesTraces(config) => policies(subject, step, &config.policies),
        _ => Vec::new(),
    };
    let place = subject.places.of(&step.keys());
    ShownStep { component: step.component.to_string(), pipeline: step.pipeline.clone(), place, does, text, policies }
}

fn policies(subject: &Subject, step: &Step, policies: &[Policy]) -> Vec<ShownPolicy> {
    let shown = |(index, policy): (usize, &Policy)| {
        let keys = [step.keys(), vec!["policies".to_owned(), index.to_string()]].concat();
        ShownPolicy {
            name: policy.name.clone(),
            kind: policy.rule.kind().to_owned(),
            place: subject.places.of(&keys),
            text: sentence::policy(policy, subject.version),
        }
    };
    policies.iter().enumerate().map(shown).collect()
}

fn tail(config: &TailSampling, traffic: Option<&Traffic>) -> Vec<String> {
    let ticks = config.ticks();
    let vote =
        if config.sample_on_first_match { "asks its policies until one wants it" } else { "asks all its policies" };
    let mut lines = vec![match config.strategy {
        Strategy::TraceComplete => format!(
            "collects the spans of a trace and {vote}, {ticks} to {} s after the first came; one that wants it is enough",
            ticks + 1
        ),
        Strategy::SpanIngest => format!(
            "{vote} about each piece of a trace as it comes; what none wants within {ticks} to {} s is dropped",
            ticks + 1
        ),
    }];
    let after_root = config.decision_wait_after_root_received;
    if after_root.as_secs() > 0 {
        lines.push(format!("sooner where the root span has come: {} after it", time(after_root)));
    }
    let full = if config.block_on_overflow { "new ones wait" } else { "the oldest goes, decided or not" };
    lines.push(format!("remembers {} traces; when there are more, {full}", count(config.num_traces)));
    if config.maximum_trace_size_bytes > 0 {
        lines.push(format!("drops a trace of more than {}", bytes(config.maximum_trace_size_bytes as f64)));
    }
    lines.extend(traffic.and_then(|traffic| room(config, traffic)));
    lines
}

/// How many traces wait at once, and what they and a full memory take, at the rate that was given.
fn room(config: &TailSampling, traffic: &Traffic) -> Option<String> {
    let waiting = traffic.traces_per_second()? * (config.ticks() + 1) as f64;
    let trace_bytes = traffic.spans_mean * traffic.span_bytes_mean;
    let full = config.num_traces as f64 * trace_bytes;
    Some(format!(
        "{} traces wait at once, {} as they were sent; all that it may remember is {}, and several times as much in memory",
        count(waiting.ceil() as u64),
        bytes(waiting * trace_bytes),
        bytes(full)
    ))
}

fn limits(limiter: &Limiter) -> String {
    let every = time(limiter.check_interval);
    match (limiter.soft_bytes, limiter.limit_percentage) {
        (Some(soft), _) => {
            format!("refuses all that comes while the heap is above {}, looked at every {every}", bytes(soft))
        }
        (None, Some(share)) => {
            format!(
                "refuses all that comes while the heap nears {share} % of the memory there is, looked at every {every}"
            )
        }
        (None, None) => "refuses all that comes while memory is short".to_owned(),
    }
}

fn change(why: &SuspectWhy) -> String {
    let named = |keys: &Keys, of: &str| match keys {
        Keys::Any => format!("sets or removes attributes of {of}"),
        Keys::Only(keys) if keys.is_empty() => "changes nothing: it has no action".to_owned(),
        Keys::Only(keys) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{}`", key.escape_debug())).collect();
            format!("sets or removes {} of {of}", keys.join(", "))
        }
    };
    match why {
        SuspectWhy::ChangesAttributes(keys) => named(keys, "spans"),
        SuspectWhy::ChangesResource(keys) => named(keys, "resources"),
        SuspectWhy::Renames => "renames spans".to_owned(),
        SuspectWhy::SetsStatus => "sets the status of spans".to_owned(),
        _ => "changes spans or resources; how is not modelled".to_owned(),
    }
}
