//! What the configuration does not decide: components that are not modelled, and rules that read what such a one may have changed.

use super::{Subject, quantity};
use crate::collector_config::{Does, Keys, Place, Step, SuspectWhy, Way};
use serde::Serialize;
use serde_json::Value;
use spanproof_generators::sampling::config::{Filter, MatchProperties, OttlCondition, Policy, Rule, TailSampling};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::probabilistic::PRIORITY_KEY;

/// Something that nothing is claimed of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownClaim {
    /// The component that leaves it open.
    pub component: String,
    /// Where that is configured.
    pub place: Place,
    /// What is unknown, and why.
    pub message: String,
}

/// Every component that leaves something open, once.
pub(super) fn claims(subject: &Subject) -> Vec<UnknownClaim> {
    let mut found: Vec<UnknownClaim> = Vec::new();
    for way in &subject.stages.ways {
        for (at, step) in way.steps.iter().enumerate() {
            let behind = &way.steps[at + 1..];
            for message in message(subject, step, behind).into_iter().chain(unread(step)) {
                let place = subject.places.of(&step.keys());
                let claim = UnknownClaim { component: step.component.to_string(), place, message };
                if !found.contains(&claim) {
                    found.push(claim);
                }
            }
        }
    }
    found
}

fn message(subject: &Subject, step: &Step, behind: &[Step]) -> Option<String> {
    match &step.does {
        Does::Unknown(why) => Some(format!("{why}; which traces are kept behind it is unknown")),
        Does::Changes(why) => {
            let changed: Vec<Changed<'_>> = why.iter().filter_map(|why| changed(subject, step, why)).collect();
            let named = |stage: &Step| -> Vec<String> {
                let readers = readers(stage, &changed);
                readers.into_iter().map(|reader| reader.in_words(stage)).collect()
            };
            let readers: Vec<String> = behind.iter().flat_map(named).collect();
            let message =
                || format!("it may change what {} reads; how these decide is unknown", quantity::all(&readers));
            (!readers.is_empty()).then(message)
        }
        _ => None,
    }
}

/// The conditions of a stage that cannot be read.
fn unread(step: &Step) -> Vec<String> {
    let conditions: Vec<&Condition> = match &step.does {
        Does::SamplesTraces(tail) => tail.policies.iter().flat_map(conditions).collect(),
        Does::Filters(filter) => {
            let groups = filter.conditions.iter();
            groups.flat_map(|group| group.resource.iter().chain(&group.span).chain(&group.span_event)).collect()
        }
        _ => Vec::new(),
    };
    let unread = conditions.into_iter().filter_map(|condition| Some((condition.text(), condition.unreadable()?)));
    unread.map(|(text, error)| format!("whether `{text}` holds is unknown: at {error}")).collect()
}

fn conditions(policy: &Policy) -> Vec<&Condition> {
    match &policy.rule {
        Rule::OttlCondition(ottl) => ottl.span.iter().chain(&ottl.span_event).collect(),
        Rule::And(subs) | Rule::Drop(subs) => subs.iter().flat_map(conditions).collect(),
        Rule::Not(sub) => conditions(sub),
        Rule::Composite(composite) => composite.policies.iter().flat_map(conditions).collect(),
        _ => Vec::new(),
    }
}

/// What a component may change.
enum Changed<'a> {
    /// All content that a rule can read, and of the rest what its settings name, which are these.
    Everything(String),
    /// Attributes of these keys.
    Attributes(&'a Keys),
    /// Attributes that begin like one of these, and those named.
    Detected(&'static [&'static str], Vec<String>),
    /// The name of spans.
    Name,
    /// Their status.
    Status,
}

fn changed<'a>(subject: &Subject, step: &Step, why: &'a SuspectWhy) -> Option<Changed<'a>> {
    match why {
        SuspectWhy::ChangesResource(Keys::Any) => Some(match step.component.plain_kind().as_str() {
            "k8sattributes" => {
                Changed::Detected(&["k8s.", "container.", "service."], tag_names(subject, &step.component.to_string()))
            }
            "resourcedetection" => Changed::Detected(&DETECTED, Vec::new()),
            _ => Changed::Attributes(&Keys::Any),
        }),
        SuspectWhy::ChangesResource(keys) | SuspectWhy::ChangesAttributes(keys) => Some(Changed::Attributes(keys)),
        SuspectWhy::Renames => Some(Changed::Name),
        SuspectWhy::SetsStatus => Some(Changed::Status),
        SuspectWhy::Changes => {
            let settings = subject.settings("processors", &step.component.to_string());
            // The name of the list says nothing of what its statements do.
            Some(Changed::Everything(settings.to_string().replace("trace_statements", "")))
        }
        _ => None,
    }
}

/// What the detectors of `resourcedetection` name their attributes by.
const DETECTED: [&str; 15] = [
    "aws.",
    "azure.",
    "cloud.",
    "container.",
    "deployment.",
    "ec2.",
    "faas.",
    "gcp.",
    "heroku.",
    "host.",
    "k8s.",
    "os.",
    "openshift.",
    "process.",
    "service.",
];

/// Names that labels and annotations of pods are given.
fn tag_names(subject: &Subject, id: &str) -> Vec<String> {
    let extract = subject.settings("processors", id).get("extract").unwrap_or(&Value::Null);
    let rules = ["labels", "annotations"].into_iter().filter_map(|kind| extract.get(kind)?.as_array()).flatten();
    rules.filter_map(|rule| Some(rule.get("tag_name")?.as_str()?.to_owned())).collect()
}

impl Changed<'_> {
    fn is_read_as(&self, read: &Read<'_>) -> bool {
        match (self, read) {
            (Self::Everything(settings), Read::Place(place)) => settings.contains(place),
            (Self::Attributes(keys), Read::Place(place)) => *place == PRIORITY_KEY && keys.contain(place),
            (Self::Everything(_), _) | (Self::Name, Read::Name) | (Self::Status, Read::Status) => true,
            (_, Read::Text(text)) => self.is_in(text),
            (Self::Attributes(keys), Read::Attribute(key)) => keys.contain(key),
            (Self::Detected(begins, named), Read::Attribute(key)) => {
                begins.iter().any(|begin| key.starts_with(begin)) || named.iter().any(|name| name == key)
            }
            _ => false,
        }
    }

    /// Whether a condition's text has what may be changed. Rather one too many: what is unknown is said, and never guessed.
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Everything(_) => true,
            Self::Name => text.contains("name"),
            Self::Status => text.contains("status"),
            Self::Attributes(Keys::Any) => text.contains("attributes"),
            Self::Attributes(Keys::Only(keys)) => keys.iter().any(|key| text.contains(key.as_str())),
            Self::Detected(begins, named) => {
                begins.iter().any(|begin| text.contains(begin)) || named.iter().any(|name| text.contains(name.as_str()))
            }
        }
    }
}

/// What a rule reads of a trace.
enum Read<'a> {
    Attribute(&'a str),
    Name,
    Status,
    /// What is hardly ever changed, by the word that stands for it in statements that do.
    Place(&'static str),
    Text(&'a str),
}

/// What a sampler of spans reads: their priority overrules it, and the rest is where its randomness comes from.
const OF_SAMPLER: [Read<'static>; 3] = [Read::Place(PRIORITY_KEY), Read::Place("trace_state"), Read::Place("trace_id")];

/// A rule that reads what may have been changed.
enum Reader {
    /// A policy of this name.
    Policy(String),
    /// The stage as a whole.
    Stage,
}

impl Reader {
    fn in_words(&self, stage: &Step) -> String {
        match self {
            Self::Policy(name) => format!("policy `{}` of `{}`", name.escape_debug(), stage.component),
            Self::Stage => format!("`{}`", stage.component),
        }
    }
}

/// The rules of a stage that read what may have been changed.
fn readers(step: &Step, changed: &[Changed<'_>]) -> Vec<Reader> {
    let is_touched = |reads: &[Read<'_>]| reads.iter().any(|read| changed.iter().any(|it| it.is_read_as(read)));
    match &step.does {
        Does::SamplesTraces(tail) => {
            let touched = tail.policies.iter().filter(|policy| {
                let mut reads = Vec::new();
                of_policy(policy, &mut reads);
                is_touched(&reads)
            });
            touched.map(|policy| Reader::Policy(policy.name.clone())).collect()
        }
        Does::Filters(filter) if is_touched(&of_filter(filter)) => vec![Reader::Stage],
        Does::SamplesSpans(_) if is_touched(&OF_SAMPLER) => vec![Reader::Stage],
        _ => Vec::new(),
    }
}

/// What stands in for a rule of which nothing is known: a condition that nobody can read.
const VEIL: &str = "?";

/// A reason in words, without what stands in for a rule.
pub(super) fn unveiled(reason: &str) -> String {
    reason.replace(&format!("`{VEIL}`"), "it reads what may have been changed")
}

/// A tail sampler whose rules are veiled where they read what a component before it may have changed, and the policies in which any is,
/// each with that component's name.
pub(super) fn veiled(
    subject: &Subject,
    way: &Way,
    at: usize,
    tail: &TailSampling,
) -> (TailSampling, Vec<(String, String)>) {
    let (mut veiled, mut open) = (tail.clone(), Vec::new());
    for (before, changed) in changes_before(subject, way, at) {
        for policy in &mut veiled.policies {
            if veil(policy, &changed) && !open.iter().any(|(name, _)| *name == policy.name) {
                open.push((policy.name.clone(), before.component.to_string()));
            }
        }
    }
    (veiled, open)
}

/// The component before a filter or a sampler of spans that may have changed what it reads. Of a tail sampler, see [`veiled`].
pub(super) fn blinds(subject: &Subject, way: &Way, at: usize) -> Option<String> {
    let mut before = changes_before(subject, way, at);
    let reads_as_a_whole = |changed: &[Changed<'_>]| matches!(readers(&way.steps[at], changed)[..], [Reader::Stage]);
    let blinding = before.find(|(_, changed)| reads_as_a_whole(changed));
    blinding.map(|(step, _)| step.component.to_string())
}

fn changes_before<'a>(
    subject: &'a Subject,
    way: &'a Way,
    at: usize,
) -> impl Iterator<Item = (&'a Step, Vec<Changed<'a>>)> {
    way.steps[..at].iter().filter_map(move |before| match &before.does {
        Does::Changes(why) => Some((before, why.iter().filter_map(|why| changed(subject, before, why)).collect())),
        _ => None,
    })
}

/// Veils what a policy reads of what was changed, those inside of it likewise; whether there was any.
fn veil(policy: &mut Policy, changed: &[Changed<'_>]) -> bool {
    match &mut policy.rule {
        Rule::And(subs) | Rule::Drop(subs) => veil_all(subs, changed),
        Rule::Composite(composite) => veil_all(&mut composite.policies, changed),
        Rule::Not(sub) => veil(sub, changed),
        _ => {
            let mut reads = Vec::new();
            of_policy(policy, &mut reads);
            let is_touched = reads.iter().any(|read| changed.iter().any(|it| it.is_read_as(read)));
            if is_touched {
                let span = vec![Condition::parse(VEIL, Context::Span)];
                policy.rule = Rule::OttlCondition(OttlCondition { span, ..OttlCondition::default() });
            }
            is_touched
        }
    }
}

fn veil_all(policies: &mut [Policy], changed: &[Changed<'_>]) -> bool {
    // Each is looked at, not only up to the first.
    let veiled: Vec<bool> = policies.iter_mut().map(|policy| veil(policy, changed)).collect();
    veiled.contains(&true)
}

fn of_policy<'a>(policy: &'a Policy, reads: &mut Vec<Read<'a>>) {
    match &policy.rule {
        Rule::NumericAttribute { key, .. } | Rule::BooleanAttribute { key, .. } => reads.push(Read::Attribute(key)),
        Rule::StringAttribute(string) => reads.push(Read::Attribute(&string.key)),
        Rule::StatusCode(_) => reads.push(Read::Status),
        Rule::Latency { .. } => reads.push(Read::Place("time")),
        Rule::Probabilistic { .. } => reads.push(Read::Place("trace_id")),
        Rule::TraceState { .. } => reads.push(Read::Place("trace_state")),
        Rule::TraceFlags => reads.push(Read::Place("flags")),
        Rule::OttlCondition(ottl) => {
            reads.extend(ottl.span.iter().chain(&ottl.span_event).map(|condition| Read::Text(condition.text())));
        }
        Rule::And(subs) | Rule::Drop(subs) => subs.iter().for_each(|sub| of_policy(sub, reads)),
        Rule::Not(sub) => of_policy(sub, reads),
        Rule::Composite(composite) => composite.policies.iter().for_each(|sub| of_policy(sub, reads)),
        _ => {}
    }
}

fn of_filter(filter: &Filter) -> Vec<Read<'_>> {
    let conditions = filter.conditions.iter().flat_map(|it| it.resource.iter().chain(&it.span));
    let mut reads: Vec<Read<'_>> = conditions.map(|condition| Read::Text(condition.text())).collect();
    for properties in filter.spans.include.iter().chain(&filter.spans.exclude) {
        of_properties(properties, &mut reads);
    }
    reads
}

fn of_properties<'a>(properties: &'a MatchProperties, reads: &mut Vec<Read<'a>>) {
    let named = properties.attributes.iter().chain(&properties.resources);
    reads.extend(named.map(|attribute| Read::Attribute(&attribute.key)));
    if !properties.services.is_empty() {
        reads.push(Read::Attribute("service.name"));
    }
    if !properties.span_names.is_empty() {
        reads.push(Read::Name);
    }
}
