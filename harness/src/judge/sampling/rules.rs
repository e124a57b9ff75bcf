//! The target's configuration as evidence carries it: the one way to the sink, and whose model to ask.

use crate::collector_config::{ComponentId, Does, Pipelines};
use crate::explain::subject::Asked;
use crate::explain::{ReadyWay, Subject};
use serde_json::Value;
use spanproof_generators::sampling::config::TailSampling;
use spanproof_generators::sampling::version::Version;
use std::collections::BTreeMap;
use std::time::Duration;

/// What messages call the configuration.
const NAME: &str = "the target's configuration";

/// The rules by which the target keeps traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The collector's version.
    pub version: Version,
    /// Whether it said so itself. If not, it is taken for the one that all was measured against.
    pub version_is_known: bool,
    /// The one way to the sink, as a configuration of its own.
    pub config: Value,
}

/// What a `tail_sampling` processor needs to be known of time and room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// What stands before it may hold spans back for so long.
    pub(super) held_before: Duration,
    /// What stands behind it may hold a trace back for so long once it is decided.
    pub(super) held_behind: Duration,
    /// A trace is decided no earlier than this after its first span.
    pub(super) wait_min: Duration,
    /// And no later than this.
    pub(super) wait_max: Duration,
    /// So many further traces may come before a trace is decided, without it being forgotten.
    pub(super) traces_max: u64,
    /// So many may come after a trace without its decision being forgotten; 0 where that is not sure for every decision.
    pub(super) remembered: u64,
}

impl Rules {
    /// The rules of these ways to the sink; `None` where none leaves anything out, and where there are several ways that differ.
    pub fn of(ours: &Pipelines, version: Option<Version>) -> Option<Self> {
        if ours.absence_is_explained_by().is_empty() {
            return None;
        }
        let rules = Self {
            version: version.unwrap_or(Version::MEASURED),
            version_is_known: version.is_some(),
            config: ours.alone()?,
        };
        rules.subject().ok().map(|_| rules)
    }

    /// Reads them.
    ///
    /// # Errors
    /// They are no rules that this build can read; why, in words.
    pub fn subject(&self) -> Result<Subject, String> {
        let asked = Asked {
            files: vec![(NAME.to_owned(), self.config.to_string())],
            pick: None,
            version: Some(self.version),
            variables: BTreeMap::new(),
            traffic: None,
        };
        let in_words = |problems: Vec<crate::explain::Problem>| {
            problems.first().map_or_else(|| "no reason given".to_owned(), |problem| problem.message.clone())
        };
        let subject = Subject::read(&asked).map_err(in_words)?;
        match subject.stages.ways.as_slice() {
            [way] if ReadyWay::new(&subject, way).is_some() => Ok(subject),
            [_] => Err("a component refuses its settings".to_owned()),
            ways => Err(format!("it has {} ways", ways.len())),
        }
    }
}

/// The `tail_sampling` processors of a subject's only way, in order.
pub(super) fn tails(subject: &Subject) -> Vec<Tail> {
    let pipelines = subject.config.pipelines().unwrap_or_default();
    let steps = subject.stages.ways.iter().flat_map(|way| &way.steps);
    let tails = steps.filter_map(|step| match &step.does {
        Does::SamplesTraces(tail) => Some(tail_of(&pipelines, &step.component, tail)),
        _ => None,
    });
    tails.collect()
}

fn tail_of(pipelines: &Pipelines, component: &ComponentId, tail: &TailSampling) -> Tail {
    let ticks = Duration::from_secs(tail.ticks());
    let after_root = Duration::from_secs(tail.decision_wait_after_root_received.as_secs());
    // A trace is decided when its time is up, or so many ticks after a root, which may be the very first span.
    let wait_min = if after_root.is_zero() { ticks } else { ticks.min(after_root) };
    let shards = u64::from(tail.num_shards.max(1));
    // With decision caches a trace leaves the map when it is decided, and the cache of its decision must hold it.
    let remembered = match (tail.sampled_cache_size, tail.non_sampled_cache_size) {
        (0, 0) => tail.num_traces,
        (sampled, not_sampled) => sampled.min(not_sampled),
    };
    let wait_max = ticks + Duration::from_secs(1);
    let held_before = pipelines.held_before(component).unwrap_or(Duration::MAX);
    Tail {
        held_before,
        held_behind: pipelines
            .held_at_all()
            .unwrap_or(Duration::MAX)
            .saturating_sub(held_before.saturating_add(wait_max)),
        wait_min,
        wait_max,
        traces_max: (tail.num_traces / shards).saturating_sub(1),
        remembered: (remembered / shards).saturating_sub(1),
    }
}
