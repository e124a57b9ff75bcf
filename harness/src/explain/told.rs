//! One trace of a workload, and what each stage decides about it, for people.

use super::course::{Decided, ReadyWay, Told};
use super::traffic::{Sample, TraceName};
use super::{Subject, unknown};
use serde::Serialize;
use spanproof_generators::model::{Parent, Shape, Span, Status, Value};
use spanproof_generators::sampling::chain::{Fate, Step};
use spanproof_generators::sampling::filter::Passage;
use spanproof_generators::sampling::tail::{Decision, Open, Outcome, Vote};
use spanproof_generators::sampling::trace::{Placed, Source};

/// Traces of one chunk of a plan.
const CHUNK_TRACES: u64 = 4096;

/// A trace and its way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldTrace {
    /// What its workload follows from.
    pub seed: u64,
    /// Its number.
    pub index: u64,
    /// What sort of trace it is.
    pub stratum: String,
    /// Its id, in hex, where the run's tag is 0.
    pub trace_id: String,
    /// Its spans, by the numbers that reasons name.
    pub spans: Vec<ToldSpan>,
    /// What becomes of it on each way.
    pub ways: Vec<ToldWay>,
}

/// A span.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldSpan {
    /// How many spans it is below a root.
    pub depth: usize,
    /// `service.name`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Start, milliseconds from the trace's.
    pub start_ms: f64,
    /// How long it lasts, in milliseconds.
    pub duration_ms: f64,
    /// Whether its status is an error.
    pub error: bool,
}

/// What becomes of it on a way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldWay {
    /// The pipeline that the way ends in.
    pub pipeline: String,
    /// What each stage did that decides.
    pub steps: Vec<ToldStep>,
    /// `kept`, `dropped`, `limited` or `unknown`.
    pub fate: &'static str,
    /// The same in words.
    pub text: String,
}

/// What a stage did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldStep {
    /// The component.
    pub component: String,
    /// What it decides.
    pub text: String,
    /// How each policy voted, of a tail sampler.
    pub ballots: Vec<ToldBallot>,
}

/// How a policy voted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldBallot {
    /// The policy.
    pub policy: String,
    /// Its vote.
    pub vote: String,
    /// Why.
    pub reason: String,
}

/// Follows a trace of the workload; `None` if there is none of this number.
pub fn tell(subject: &Subject, sample: &Sample, name: TraceName) -> Option<ToldTrace> {
    let chunk = sample.plan.open(name.index / CHUNK_TRACES);
    let number = usize::try_from(name.index % CHUNK_TRACES).ok().filter(|number| *number < chunk.traces())?;
    let (stratum, shape) = sample.shape(&chunk, number)?;
    let source = Source::new(shape, &sample.pool.topology, 0)?;
    let placed =
        Placed { identity: sample.plan.identity(), index: name.index, start_unix_ns: 1 + chunk.start_ns(number) };
    let trace = source.trace(placed);
    let ready = subject.stages.ways.iter().filter_map(|way| ReadyWay::new(subject, way));
    let ways = ready.map(|ready| way(&ready, &ready.send(trace.clone()))).collect();
    Some(ToldTrace {
        seed: name.seed,
        index: name.index,
        stratum: stratum.name().to_owned(),
        trace_id: trace.id.iter().map(|byte| format!("{byte:02x}")).collect(),
        spans: spans(shape, sample),
        ways,
    })
}

/// The spans under the trace's own id, in the order by which reasons count them.
fn spans(shape: &Shape, sample: &Sample) -> Vec<ToldSpan> {
    let own = shape.spans.iter().filter(|span| span.variant.number == 0);
    own.map(|span| ToldSpan {
        depth: depth(shape, span),
        service: service(span, sample),
        name: span.name.clone(),
        start_ms: span.start_ns as f64 / 1e6,
        duration_ms: span.duration_ns as f64 / 1e6,
        error: matches!(span.status, Status::Error(_)),
    })
    .collect()
}

fn depth(shape: &Shape, span: &Span) -> usize {
    let mut depth = 0;
    let mut parent = span.parent;
    // A circle of parents ends, too.
    while let Parent::Span { ordinal, .. } = parent {
        let Some(above) = shape.spans.get(ordinal as usize).filter(|_| depth < shape.spans.len()) else { break };
        depth += 1;
        parent = above.parent;
    }
    depth
}

fn service(span: &Span, sample: &Sample) -> String {
    let emitter = sample.pool.topology.emitters.get(usize::from(span.emitter.0));
    let attributes = emitter.and_then(|emitter| emitter.instances.first()).map(|resource| &resource.attributes);
    let named = attributes.into_iter().flatten().find(|attribute| attribute.key == "service.name");
    match named.map(|attribute| &attribute.value) {
        Some(Value::Str(name)) => name.clone(),
        _ => "-".to_owned(),
    }
}

/// What becomes of a trace on a way, in words.
pub(crate) fn way(ready: &ReadyWay<'_>, told: &Told<'_>) -> ToldWay {
    let steps: Vec<ToldStep> = told.decided.iter().map(|decided| step(ready, decided)).collect();
    let out = told.survivors.iter().filter(|out| **out).count();
    let (fate, text) = match &told.fate {
        Fate::Keep => ("kept", format!("kept, {out} of {} spans", told.survivors.len())),
        Fate::Drop => ("dropped", "dropped".to_owned()),
        Fate::Bounded => ("limited", "kept or dropped, by what a rate has left when it comes".to_owned()),
        Fate::Unknown(why) => ("unknown", format!("unknown: {why}")),
    };
    ToldWay { pipeline: ready.way.pipeline.clone(), steps, fate, text }
}

fn step(ready: &ReadyWay<'_>, decided: &Decided<'_>) -> ToldStep {
    let component = ready.way.steps[decided.step].component.to_string();
    let (text, ballots) = match &decided.what {
        Step::Head(keep) => (if *keep { "keeps it" } else { "drops it" }.to_owned(), Vec::new()),
        Step::Sampler(fates) => {
            let kept = fates.iter().filter(|fate| fate.keep).count();
            let by = fates.first().map_or("nothing", |fate| fate.by.name());
            (format!("keeps {kept} of {} spans, by {by}", fates.len()), Vec::new())
        }
        Step::Filter(passages) => (filter(passages), Vec::new()),
        Step::Tail(decision) => (tail(decided, decision), ballots(decided, decision)),
    };
    ToldStep { component, text, ballots }
}

fn filter(passages: &[Passage]) -> String {
    let dropped: Vec<String> = numbers(passages, |passage| *passage == Passage::Dropped);
    let unread = passages.iter().find_map(|passage| match passage {
        Passage::Unknown(why) => Some(why),
        _ => None,
    });
    match (dropped.is_empty(), unread) {
        (_, Some(why)) => format!("unknown: {why}"),
        (true, None) => format!("lets all {} spans pass", passages.len()),
        (false, None) => {
            format!("drops {} of {} spans: number {}", dropped.len(), passages.len(), dropped.join(", "))
        }
    }
}

fn numbers(passages: &[Passage], is_meant: impl Fn(&Passage) -> bool) -> Vec<String> {
    let meant = passages.iter().enumerate().filter(|(_, passage)| is_meant(passage));
    meant.map(|(number, _)| number.to_string()).collect()
}

fn tail(decided: &Decided<'_>, decision: &Decision) -> String {
    let by = decision.decided_by.and_then(|at| decision.ballots.get(at));
    let by = by.map_or_else(String::new, |ballot| format!(", by `{}`", ballot.policy.escape_debug()));
    match &decision.outcome {
        Outcome::Keep => format!("keeps it{by}"),
        Outcome::Drop if by.is_empty() => "drops it: no policy wants it".to_owned(),
        Outcome::Drop => format!("drops it{by}"),
        Outcome::Panic => format!("the collector panics{by}"),
        Outcome::Open(Open::Limited) => "keeps it or not, by what a rate has left".to_owned(),
        Outcome::Open(Open::Unknown(why)) => format!("unknown: {}", decided.doubt().unwrap_or_else(|| why.clone())),
    }
}

fn ballots(decided: &Decided<'_>, decision: &Decision) -> Vec<ToldBallot> {
    let told = decision.ballots.iter().map(|ballot| {
        let (vote, reason) = match decided.veil(ballot) {
            Some(component) => ("unknown".to_owned(), format!("it reads what `{component}` may have changed")),
            None => (vote(&ballot.vote), unknown::unveiled(&ballot.reason.to_string())),
        };
        ToldBallot { policy: ballot.policy.clone(), vote, reason }
    });
    told.collect()
}

fn vote(vote: &Vote) -> String {
    match vote {
        Vote::Sampled | Vote::InvertSampled => "keep",
        Vote::NotSampled => "-",
        Vote::Dropped | Vote::InvertNotSampled => "drop",
        Vote::Error => "failed",
        Vote::Panic => "panic",
        Vote::MaybeSampled(_) => "keep?",
        Vote::MaybeDropped(_) => "drop?",
    }
    .to_owned()
}
