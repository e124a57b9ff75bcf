//! Traps in a configuration that a collector takes without a word. Each has a stable id and a section in `docs/explain.md`.
//!
//! A check is a function from the subject to what it found; its id is added in `CHECKS`. Start there.

mod composite;
mod deployment;
mod filters;
mod memory;
mod pipeline;
mod placed;
mod rules;
mod unused;
mod variables;
mod waiting;

use super::Subject;
use super::problem::field;
use crate::collector_config::Place;
use serde::Serialize;

/// A trap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Its stable name.
    pub id: &'static str,
    /// Where.
    pub place: Place,
    /// The setting.
    pub field: String,
    /// What is the matter.
    pub message: String,
    /// Why that is so, or what comes of it.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// The issue that it is known by, if there is one.
    pub issue: Option<&'static str>,
}

/// What a check has found.
struct Found {
    keys: Vec<String>,
    message: String,
    why: String,
    remedy: String,
    issue: Option<&'static str>,
}

impl Found {
    fn new(keys: Vec<String>, message: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { keys, message: message.into(), why: why.into(), remedy: remedy.into(), issue: None }
    }

    fn issue(self, issue: &'static str) -> Self {
        Self { issue: Some(issue), ..self }
    }
}

type Check = fn(&Subject) -> Vec<Found>;

/// Every check, under the id of what it warns of.
const CHECKS: [(&str, Check); 31] = [
    ("batch-before-queue", pipeline::batch_before_queue),
    ("batch-before-sampling", pipeline::batch_before_sampling),
    ("bound-of-zero", rules::bound_of_zero),
    ("component-unused", unused::component_unused),
    ("composite-order", composite::order),
    ("composite-overallocated", composite::overallocated),
    ("composite-unallocated", composite::unallocated),
    ("drops-everything", rules::drops_everything),
    ("filter-broad", filters::broad),
    ("invert-no-veto", rules::invert_no_veto),
    ("latency-beyond-wait", rules::latency_beyond_wait),
    ("latency-upper-bound", rules::latency_upper_bound),
    ("limit-before-rules", rules::limit_before_rules),
    ("limiter-late", pipeline::limiter_late),
    ("limiter-missing", pipeline::limiter_missing),
    ("overflow-evicts", waiting::overflow_evicts),
    ("overflow-stalls", waiting::overflow_stalls),
    ("policies-missing", rules::policies_missing),
    ("queue-beyond-memory", memory::queue_beyond_memory),
    ("receiver-on-localhost", deployment::receiver_on_localhost),
    ("reference-open", variables::reference_open),
    ("regex-unread", rules::regex_unread),
    ("replicas-split", deployment::replicas_split),
    ("rule-never", rules::never),
    ("rule-panics", rules::panics),
    ("rule-shadowed", rules::shadowed),
    ("sampled-before-tail", pipeline::sampled_before_tail),
    ("sampler-keeps-nothing", filters::sampler_keeps_nothing),
    ("setting-ignored", rules::setting_ignored),
    ("variable-missing", variables::variable_missing),
    ("wait-not-whole", waiting::wait_not_whole),
];

/// The ids of all warnings there are.
pub fn ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(id, _)| *id)
}

/// Every warning, in the order of their places.
pub(super) fn all(subject: &Subject) -> Vec<Warning> {
    let found = CHECKS.iter().flat_map(|(id, check)| check(subject).into_iter().map(move |found| (*id, found)));
    let mut warnings: Vec<Warning> = Vec::new();
    for (id, found) in found {
        let warning = Warning {
            id,
            place: subject.places.of(&found.keys),
            field: field(&found.keys),
            message: found.message,
            why: found.why,
            remedy: found.remedy,
            issue: found.issue,
        };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    let order = |warning: &Warning| (warning.place.file.clone(), warning.place.line, warning.id);
    warnings.sort_by_key(order);
    warnings
}

/// Keys below a component's, or below others.
fn below(keys: &[String], more: &[&str]) -> Vec<String> {
    keys.iter().cloned().chain(more.iter().map(|key| (*key).to_owned())).collect()
}
