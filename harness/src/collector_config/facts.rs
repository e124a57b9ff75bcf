//! What the components of a configuration do to traces: hold them back, leave some out, change them.

use super::duration::duration;
use super::pipelines::{Path, Pipelines, Protocol, Stage};
use super::{ComponentId, Keys, changes, guarantee};
use humantime::format_duration;
use serde_json::Value;
use std::time::Duration;

/// For how long a component may hold a span back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// At most this long.
    For(Duration),
    /// As long as it takes.
    ForEver,
    /// The configuration does not say, or the component is not one that we know.
    Unknown,
}

/// When a component holds spans back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldWhen {
    /// In a healthy run too.
    Always,
    /// Only while the backend fails.
    BackendFails,
}

/// One component that may hold spans back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldTerm {
    /// The component.
    pub component: ComponentId,
    /// For how long.
    pub hold: Hold,
    /// When.
    pub when: HoldWhen,
    /// The setting behind it, e.g. `timeout, 200ms by default`.
    pub why: String,
}

/// Why a component is named as a possible explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspectWhy {
    /// It keeps some traces and leaves out others.
    Samples,
    /// It leaves out what its conditions name.
    Filters,
    /// It sends each trace to some of its pipelines.
    Routes,
    /// It writes, removes or renames attributes or fields.
    Changes,
    /// It writes or removes these attributes of spans, and nothing else of theirs.
    ChangesAttributes(Keys),
    /// It writes or removes these attributes of resources; where they are not known, perhaps their schema URL too.
    ChangesResource(Keys),
    /// It renames spans.
    Renames,
    /// It sets the status of spans.
    SetsStatus,
    /// It writes the sampling decision into `trace_state`.
    WritesTraceState,
    /// It drops the schema URLs (measured in 0.155).
    ErasesSchemaUrl,
    /// We do not know what it does.
    Unknown,
}

/// A component that may explain a difference between what was sent and what arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The component.
    pub component: ComponentId,
    /// What it does.
    pub why: SuspectWhy,
}

/// What a kind of stage is known to do to traces.
pub(super) enum Known {
    /// Neither leaves out nor changes anything.
    Transparent,
    LeavesOut(SuspectWhy),
    Changes(Vec<SuspectWhy>),
    Both(SuspectWhy, SuspectWhy),
    Unknown,
}

pub(super) fn known(stage: &Stage) -> Known {
    use SuspectWhy::{
        Changes, ChangesAttributes, ChangesResource, ErasesSchemaUrl, Filters, Routes, Samples, WritesTraceState,
    };
    if stage.is_connector {
        return match stage.component.plain_kind().as_str() {
            "forward" | "failover" => Known::Transparent,
            "routing" | "roundrobin" => Known::LeavesOut(Routes),
            _ => Known::Unknown,
        };
    }
    match stage.component.plain_kind().as_str() {
        "batch" | "memorylimiter" | "groupbytrace" => Known::Transparent,
        // Regroups spans under other resources: association is content.
        "groupbyattrs" => Known::Changes(vec![Changes]),
        "attributes" => Known::Changes(vec![ChangesAttributes(changes::of_attributes(stage))]),
        "resource" => Known::Changes(vec![ChangesResource(changes::of_resource(stage))]),
        "resourcedetection" | "k8sattributes" => Known::Changes(vec![ChangesResource(Keys::Any)]),
        "span" => Known::Changes(changes::of_span(stage)),
        "transform" | "redaction" | "schema" | "geoip" => Known::Changes(vec![Changes]),
        "filter" => Known::LeavesOut(Filters),
        "tailsampling" => Known::Both(Samples, ErasesSchemaUrl),
        "probabilisticsampler" => Known::Both(Samples, WritesTraceState),
        _ => Known::Unknown,
    }
}

/// Whether we do not know what a stage does.
pub(super) fn is_unknown(stage: &Stage) -> bool {
    matches!(known(stage), Known::Unknown)
}

impl Pipelines {
    /// Every component that may hold spans back, once each, in the order in which spans pass them.
    pub fn holds_back(&self) -> Vec<HoldTerm> {
        let mut terms = Vec::new();
        for term in self.paths().iter().flat_map(path_holds) {
            if !terms.contains(&term) {
                terms.push(term);
            }
        }
        terms
    }

    /// How long the slowest way may take in a healthy run; [`Hold::Unknown`] when one cannot be told.
    pub fn longest_hold(&self) -> Hold {
        let mut longest = Duration::ZERO;
        for path in self.paths() {
            let mut sum = Duration::ZERO;
            for term in path_holds(path).iter().filter(|term| term.when == HoldWhen::Always) {
                match term.hold {
                    Hold::For(time) => sum = sum.saturating_add(time),
                    other => return other,
                }
            }
            longest = longest.max(sum);
        }
        Hold::For(longest)
    }

    /// The components that hold spans back in a healthy run on the slowest way, each with how long; `unknown` stands for what
    /// the configuration does not say. A span takes one way, so ways beside each other do not add up.
    pub fn slowest_way(&self, unknown: Duration) -> Vec<(HoldTerm, Duration)> {
        let timed = |term: HoldTerm| match term.hold {
            Hold::For(time) => (term, time),
            Hold::ForEver | Hold::Unknown => (term, unknown),
        };
        let healthy = |path| path_holds(path).into_iter().filter(|term| term.when == HoldWhen::Always).map(timed);
        let ways = self.paths().iter().map(|path| healthy(path).collect::<Vec<_>>());
        let sum = |way: &Vec<(HoldTerm, Duration)>| {
            way.iter().fold(Duration::ZERO, |sum, (_, time)| sum.saturating_add(*time))
        };
        ways.max_by_key(sum).unwrap_or_default()
    }

    /// The longest that an exporter waits before it sends again what could not be delivered, its randomness and the wait for an answer
    /// included; `None` where that cannot be read.
    pub fn longest_pause(&self) -> Option<Duration> {
        self.paths().iter().map(exporter_pause).try_fold(Duration::ZERO, |longest, pause| Some(longest.max(pause?)))
    }

    /// Components that may explain why a span never arrives although nothing was lost. Empty: absence is loss.
    pub fn absence_is_explained_by(&self) -> Vec<Suspect> {
        self.suspects(|stage| match known(stage) {
            Known::LeavesOut(why) | Known::Both(why, _) if !keeps_all(stage) => vec![why],
            Known::Unknown => vec![SuspectWhy::Unknown],
            _ => Vec::new(),
        })
    }

    /// Components that may explain why a span arrives changed. Empty: any change is corruption.
    pub fn changes_content_by(&self) -> Vec<Suspect> {
        self.suspects(|stage| match known(stage) {
            Known::Changes(why) => why,
            Known::Both(_, why) => vec![why],
            Known::Unknown => vec![SuspectWhy::Unknown],
            Known::Transparent | Known::LeavesOut(_) => Vec::new(),
        })
    }

    fn suspects(&self, judge: impl Fn(&Stage) -> Vec<SuspectWhy>) -> Vec<Suspect> {
        let mut suspects = Vec::new();
        for stage in self.paths().iter().flat_map(|path| &path.stages) {
            for why in judge(stage) {
                let suspect = Suspect { component: stage.component.clone(), why };
                if !suspects.contains(&suspect) {
                    suspects.push(suspect);
                }
            }
        }
        suspects
    }
}

/// A probability of 100 % leaves nothing out.
fn keeps_all(stage: &Stage) -> bool {
    stage.component.plain_kind() == "probabilisticsampler"
        && stage.settings.get("sampling_percentage").and_then(Value::as_f64).is_some_and(|percent| percent >= 100.0)
}

impl Path {
    /// For how long what stands before a component may hold spans back in a healthy collector, at most; `None` where that is not known.
    pub(super) fn held_before(&self, component: &ComponentId) -> Option<Duration> {
        held_by(self.stages.iter().take_while(|stage| stage.component != *component))
    }

    /// The same of all that stands on the path but its exporter.
    pub(super) fn held_at_all(&self) -> Option<Duration> {
        held_by(self.stages.iter())
    }
}

fn held_by<'a>(stages: impl Iterator<Item = &'a Stage>) -> Option<Duration> {
    stages.filter_map(stage_hold).try_fold(Duration::ZERO, |sum, term| match term.hold {
        Hold::For(time) => Some(sum.saturating_add(time)),
        Hold::ForEver | Hold::Unknown => None,
    })
}

fn path_holds(path: &Path) -> Vec<HoldTerm> {
    let stages = path.stages.iter().filter_map(stage_hold);
    stages.chain(exporter_holds(path)).filter(|term| term.hold != Hold::For(Duration::ZERO)).collect()
}

fn stage_hold(stage: &Stage) -> Option<HoldTerm> {
    let always = |(hold, why)| HoldTerm { component: stage.component.clone(), hold, when: HoldWhen::Always, why };
    let kind = stage.component.plain_kind();
    match kind.as_str() {
        "batch" => Some(always(setting(&stage.settings, "timeout", Duration::from_millis(200)))),
        "groupbytrace" => Some(always(setting(&stage.settings, "wait_duration", Duration::from_secs(1)))),
        "tailsampling" => Some(always(decision_wait(&stage.settings))),
        _ if is_unknown(stage) => {
            Some(always((Hold::Unknown, format!("`{}` is not a component that we know", stage.component))))
        }
        _ => None,
    }
}

/// Decisions are made at ticks of a second, after whole seconds of waiting (at least one).
fn decision_wait(settings: &Value) -> (Hold, String) {
    match setting(settings, "decision_wait", Duration::from_secs(30)) {
        (Hold::For(wait), why) => {
            (Hold::For(Duration::from_secs(wait.as_secs().max(1) + 1)), format!("{why}, decided at ticks of 1 s"))
        }
        unknown => unknown,
    }
}

fn exporter_holds(path: &Path) -> Vec<HoldTerm> {
    let term = |when, (hold, why)| HoldTerm { component: path.exporter.clone(), hold, when, why };
    if path.protocol().is_none() {
        let why = format!("`{}` is not an OTLP exporter", path.exporter);
        return vec![term(HoldWhen::Always, (Hold::Unknown, why))];
    }
    let mut terms = Vec::new();
    let queue = path.exporter_settings.get("sending_queue").unwrap_or(&Value::Null);
    if guarantee::is_enabled(queue)
        && let Some(batch) = queue.get("batch").filter(|batch| !batch.is_null())
    {
        let (hold, why) = setting(batch, "flush_timeout", Duration::from_millis(200));
        terms.push(term(HoldWhen::Always, (hold, format!("sending_queue.batch.{why}"))));
    }
    let retry = path.exporter_settings.get("retry_on_failure").unwrap_or(&Value::Null);
    if guarantee::is_enabled(retry) {
        let (hold, why) = match setting(retry, "max_elapsed_time", Duration::from_mins(5)) {
            (Hold::For(Duration::ZERO), why) => (Hold::ForEver, why),
            other => other,
        };
        terms.push(term(HoldWhen::BackendFails, (hold, format!("retry_on_failure.{why}"))));
    }
    terms
}

/// `max_interval`, the largest share that `randomization_factor` adds, and the `timeout` of an attempt; zero where nothing is sent
/// again.
fn exporter_pause(path: &Path) -> Option<Duration> {
    const FACTOR: f64 = 0.5;
    let retry = path.exporter_settings.get("retry_on_failure").unwrap_or(&Value::Null);
    if !guarantee::is_enabled(retry) {
        return Some(Duration::ZERO);
    }
    let (Hold::For(longest), _) = setting(retry, "max_interval", Duration::from_secs(30)) else { return None };
    let factor = match retry.get("randomization_factor") {
        None | Some(Value::Null) => FACTOR,
        Some(factor) => factor.as_f64().filter(|factor| (0.0..=1.0).contains(factor))?,
    };
    let default = if path.protocol() == Some(Protocol::Http) { 30 } else { 5 };
    let (Hold::For(timeout), _) = setting(&path.exporter_settings, "timeout", Duration::from_secs(default)) else {
        return None;
    };
    Some(longest.mul_f64(1.0 + factor).saturating_add(timeout))
}

/// A duration of a component's settings, and the words for it.
fn setting(settings: &Value, name: &str, default: Duration) -> (Hold, String) {
    match settings.get(name) {
        None | Some(Value::Null) => (Hold::For(default), format!("{name}, {} by default", format_duration(default))),
        Some(value) => match duration(value) {
            Some(time) => (Hold::For(time), format!("{name} {}", format_duration(time))),
            None => (Hold::Unknown, format!("{name} is not a duration that we can read")),
        },
    }
}
