//! What part of a workload's traces, spans and bytes each stage and policy keeps, counted over its first traces.

use super::Subject;
use super::course::{Decided, ReadyWay, Told};
use super::traffic::{Sample, TRACES};
use serde::Serialize;
use spanproof_generators::plan::Chunk;
use spanproof_generators::sampling::chain::{Fate, Step};
use spanproof_generators::sampling::filter::Passage;
use spanproof_generators::sampling::tail::Vote;
use spanproof_generators::sampling::trace::{Placed, Source};

/// Traces of one chunk of a plan.
const CHUNK_TRACES: u64 = 4096;

/// An amount of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Amount {
    /// Traces, by their ids.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
    /// Bytes of these spans as they are sent.
    pub bytes: u64,
}

/// The shares on every way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shares {
    /// What was sent.
    pub sent: Amount,
    /// What becomes of it on each way.
    pub ways: Vec<WayShares>,
}

/// The shares on a way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WayShares {
    /// The pipeline that the way ends in.
    pub pipeline: String,
    /// What comes out for certain.
    pub kept: Amount,
    /// What a rate decides about.
    pub limited: Amount,
    /// Of what nothing is claimed.
    pub unknown: Amount,
    /// What each stage took that decides by span.
    pub stages: Vec<StageShare>,
    /// What each policy of each tail sampler wants.
    pub policies: Vec<PolicyShare>,
}

/// What a stage drops of the spans that reach it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageShare {
    /// The component.
    pub component: String,
    /// Spans that reached it.
    pub reached: u64,
    /// Spans of these that it dropped.
    pub dropped: u64,
    /// Of the dropped ones, those of traces other than health checks.
    pub dropped_of_users: u64,
}

/// What a policy wants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyShare {
    /// The component.
    pub component: String,
    /// The policy.
    pub policy: String,
    /// Whether it drops what it wants.
    pub drops: bool,
    /// What it wants for certain.
    pub wants: Amount,
    /// What it alone decides: no other policy wants it.
    pub alone: Amount,
    /// What it may want, or of which nothing is claimed.
    pub open: Amount,
}

/// Counts the first traces of a workload on every way.
pub fn shares(subject: &Subject, sample: &Sample) -> Shares {
    let ready: Vec<ReadyWay<'_>> = subject.stages.ways.iter().filter_map(|way| ReadyWay::new(subject, way)).collect();
    let mut shares = Shares { sent: Amount::default(), ways: ready.iter().map(empty).collect() };
    for number in 0..TRACES / CHUNK_TRACES {
        let chunk = sample.plan.open(number);
        for trace in 0..chunk.traces() {
            count(&mut shares, &ready, sample, &chunk, trace);
        }
    }
    shares
}

fn empty(ready: &ReadyWay<'_>) -> WayShares {
    let none = Amount::default();
    let pipeline = ready.way.pipeline.clone();
    WayShares { pipeline, kept: none, limited: none, unknown: none, stages: Vec::new(), policies: Vec::new() }
}

/// A trace as it is counted: a trace whose id changed on the way is two.
fn count(shares: &mut Shares, ready: &[ReadyWay<'_>], sample: &Sample, chunk: &Chunk, trace: usize) {
    let Some((stratum, shape)) = sample.shape(chunk, trace) else { return };
    let index = chunk.number() * CHUNK_TRACES + trace as u64;
    let is_probe = stratum == spanproof_generators::model::Stratum::HealthCheck;
    let last = shape.spans.iter().map(|span| span.variant.number).max().unwrap_or(0);
    for variant in 0..=last {
        let Some(source) = Source::new(shape, &sample.pool.topology, variant) else { continue };
        let ordinals = (0_u32..).zip(&shape.spans).filter(|(_, span)| span.variant.number == variant);
        let sizes: Vec<u64> = ordinals
            .map(|(ordinal, _)| chunk.describe(&sample.plan, chunk.offset_of(trace, ordinal)).bytes.into())
            .collect();
        let start_unix_ns = 1 + chunk.start_ns(trace);
        let view = source.trace(Placed { identity: sample.plan.identity(), index, start_unix_ns });
        shares.sent.add(&sizes, |_| true);
        for (ready, way) in ready.iter().zip(&mut shares.ways) {
            way.take(ready, &ready.send(view.clone()), &sizes, is_probe);
        }
    }
}

impl Amount {
    /// Adds a trace's spans that are meant, each with its size; none of them, no trace.
    fn add(&mut self, sizes: &[u64], is_meant: impl Fn(usize) -> bool) {
        let meant = sizes.iter().enumerate().filter(|(at, _)| is_meant(*at));
        let (mut spans, mut bytes) = (0, 0);
        meant.for_each(|(_, size)| {
            spans += 1;
            bytes += size;
        });
        self.traces += u64::from(spans > 0);
        self.spans += spans;
        self.bytes += bytes;
    }
}

impl WayShares {
    fn take(&mut self, ready: &ReadyWay<'_>, told: &Told<'_>, sizes: &[u64], is_probe: bool) {
        match told.fate {
            Fate::Keep => self.kept.add(sizes, |at| told.survivors[at]),
            Fate::Drop => {}
            Fate::Bounded => self.limited.add(sizes, |_| true),
            Fate::Unknown(_) => self.unknown.add(sizes, |_| true),
        }
        // Which spans reach a stage: all that the stages before it let pass.
        let mut left: Vec<u64> = sizes.to_vec();
        for decided in &told.decided {
            let component = ready.way.steps[decided.step].component.to_string();
            let dropped: Vec<bool> = match &decided.what {
                Step::Filter(passages) => passages.iter().map(|passage| *passage == Passage::Dropped).collect(),
                Step::Sampler(fates) => fates.iter().map(|fate| !fate.keep).collect(),
                Step::Head(_) => continue,
                Step::Tail(_) => {
                    self.vote(&component, decided, &left);
                    continue;
                }
            };
            self.drop(&component, &dropped, is_probe);
            let mut at = 0..;
            left.retain(|_| at.next().is_some_and(|at: usize| !dropped.get(at).copied().unwrap_or(false)));
        }
    }

    fn drop(&mut self, component: &str, dropped: &[bool], is_probe: bool) {
        let at = self.stages.iter().position(|stage| stage.component == component).unwrap_or_else(|| {
            let component = component.to_owned();
            self.stages.push(StageShare { component, reached: 0, dropped: 0, dropped_of_users: 0 });
            self.stages.len() - 1
        });
        let count = dropped.iter().filter(|dropped| **dropped).count() as u64;
        self.stages[at].reached += dropped.len() as u64;
        self.stages[at].dropped += count;
        self.stages[at].dropped_of_users += if is_probe { 0 } else { count };
    }

    fn vote(&mut self, component: &str, decided: &Decided<'_>, sizes: &[u64]) {
        let Step::Tail(decision) = &decided.what else { return };
        let wants = |vote: &Vote| matches!(vote, Vote::Sampled | Vote::Dropped);
        let wanting = decision.ballots.iter().filter(|ballot| wants(&ballot.vote)).count();
        for ballot in &decision.ballots {
            let share = self.policy(component, &ballot.policy, ballot.kind == "drop");
            match &ballot.vote {
                Vote::MaybeSampled(_) | Vote::MaybeDropped(_) => share.open.add(sizes, |_| true),
                vote if wants(vote) => {
                    share.wants.add(sizes, |_| true);
                    if wanting == 1 {
                        share.alone.add(sizes, |_| true);
                    }
                }
                _ => {}
            }
        }
    }

    fn policy(&mut self, component: &str, policy: &str, drops: bool) -> &mut PolicyShare {
        let is_it = |share: &PolicyShare| share.component == component && share.policy == policy;
        let at = self.policies.iter().position(is_it).unwrap_or_else(|| {
            let (component, policy) = (component.to_owned(), policy.to_owned());
            let none = Amount::default();
            self.policies.push(PolicyShare { component, policy, drops, wants: none, alone: none, open: none });
            self.policies.len() - 1
        });
        &mut self.policies[at]
    }
}
