//! Follows the stages with a trace that stands for all of its shape, the trace id left open.

use super::expression::{Expression, Test, all, any, not};
use crate::sampling::chain::{Chain, ReadyStage};
use crate::sampling::config::HeadSampler;
use crate::sampling::filter::{Passage, ReadyFilter};
use crate::sampling::probabilistic::{PRIORITY_KEY, ReadySampler, Symbolic};
use crate::sampling::tail::{Open, Outcome, Ready, TailSampler, Varying, Vote, Voter};
use crate::sampling::trace::{Source, Trace, get};
use crate::sampling::version::Deviation;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The expression and which spans come out; none where a stage reads what differs from trace to trace.
pub(super) fn compile(chain: &Chain, source: &Source<'_>) -> Option<(Expression, Vec<bool>)> {
    let keys = source.varying();
    let trace = source.common();
    let places = (0..trace.spans.len()).collect();
    let mut way = Way { spans: trace.spans.len(), trace, places, keys, trace_state_varies: false, parts: Vec::new() };
    for (at, stage) in chain.stages.iter().enumerate() {
        let part = match stage {
            ReadyStage::Head(sampler) => way.head(sampler)?,
            ReadyStage::Sampler(sampler) => way.sampler(sampler)?,
            ReadyStage::Filter(filter) => way.filter(filter, &chain.stages[at + 1..])?,
            ReadyStage::Tail(sampler) => way.tail(sampler)?,
        };
        let dropped = part == Expression::Const(false);
        let blurred = matches!((stage, &part), (ReadyStage::Filter(_), Expression::Open(_)));
        way.parts.push(part);
        if dropped {
            way.places.clear();
        }
        if dropped || blurred {
            break;
        }
    }
    let mut survivors = vec![false; way.spans];
    way.places.iter().for_each(|place| survivors[*place] = true);
    Some((all(way.parts), survivors))
}

/// The trace that stands for all, on its way.
struct Way<'a> {
    trace: Trace<'a>,
    places: Vec<usize>,
    spans: usize,
    keys: BTreeSet<&'a str>,
    trace_state_varies: bool,
    /// What must hold for the trace to come out.
    parts: Vec<Expression>,
}

impl Way<'_> {
    fn varying(&self) -> Varying<'_> {
        Varying { keys: &self.keys, trace_state: self.trace_state_varies }
    }

    /// Only samplers whose answer is the id's alone, and which write nothing.
    fn head(&self, sampler: &HeadSampler) -> Option<Expression> {
        match sampler {
            HeadSampler::AlwaysOn => Some(Expression::Const(true)),
            HeadSampler::AlwaysOff => Some(Expression::Const(false)),
            HeadSampler::TraceIdRatio { .. } => Some(Expression::Test(Test::Head(Box::new(sampler.clone())))),
            HeadSampler::ParentBased(samplers) => self.head(&samplers.root),
            HeadSampler::Consistent { .. } => None,
        }
    }

    /// Only where all spans have the same answer.
    fn sampler(&mut self, sampler: &ReadySampler) -> Option<Expression> {
        let spans = &self.trace.spans;
        let first = spans.first()?;
        let alike = spans.iter().all(|span| span.trace_state == first.trace_state);
        let priority = spans.iter().any(|span| get(&span.attributes, PRIORITY_KEY).is_some());
        if !alike || priority || self.trace_state_varies {
            return None;
        }
        let Symbolic { answer, trace_state } = sampler.symbolic(&first.trace_state)?;
        match trace_state {
            Some(text) => {
                self.trace.spans.iter_mut().for_each(|span| span.trace_state = Cow::Owned(text.clone()));
            }
            None => self.trace_state_varies = true,
        }
        Some(answer.into())
    }

    /// Where it is not known what passes, votes on what is left say nothing either.
    fn filter(&mut self, filter: &ReadyFilter, rest: &[ReadyStage]) -> Option<Expression> {
        let varies = filter.keys().iter().any(|key| self.keys.contains(key));
        if varies || (self.trace_state_varies && filter.reads_trace_state()) {
            return None;
        }
        let passages: Vec<_> = self.trace.spans.iter().map(|span| filter.passage(span)).collect();
        let unknown = passages.iter().find_map(|passage| match passage {
            Passage::Unknown(what) => Some(Open::Unknown(what.clone())),
            _ => None,
        });
        if unknown.is_some() {
            let votes_only = rest.iter().all(|stage| matches!(stage, ReadyStage::Tail(_)));
            return unknown.filter(|_| votes_only).map(Expression::Open);
        }
        let passes = |at: usize| passages[at] == Passage::Passes;
        let mut at = 0..;
        self.trace.spans.retain(|_| at.next().is_some_and(passes));
        let mut at = 0..;
        self.places.retain(|_| at.next().is_some_and(passes));
        Some(Expression::Const(!self.trace.spans.is_empty()))
    }

    fn tail(&self, sampler: &TailSampler) -> Option<Expression> {
        let by_id = sampler.voters.iter().any(Voter::hashes);
        if sampler.voters.iter().any(|voter| voter.varies(self.varying())) {
            return None;
        }
        if !by_id || sampler.by_piece {
            return match sampler.decide(&self.trace).outcome {
                Outcome::Keep => Some(Expression::Const(true)),
                Outcome::Drop => Some(Expression::Const(false)),
                Outcome::Open(open) => Some(Expression::Open(open)),
                Outcome::Panic => None,
            };
        }
        if sampler.bytes_max > 0 {
            return None;
        }
        let (mut drops, mut wishes) = (Vec::new(), Vec::new());
        for voter in &sampler.voters {
            match &voter.rule {
                Ready::Drop(subs) => drops.push(self.all_of(subs, sampler)?),
                _ => wishes.push(self.wish(voter, sampler)?),
            }
        }
        Some(all([not(any(drops)), any(wishes)]))
    }

    /// When a policy wants the trace; none where its vote is not a plain one.
    fn wish(&self, voter: &Voter, sampler: &TailSampler) -> Option<Expression> {
        match &voter.rule {
            Ready::Hash(hash) => Some(Expression::Test(Test::Tail(*hash))),
            Ready::And(subs) if voter.hashes() => self.all_of(subs, sampler),
            Ready::Not(sub) if voter.hashes() => Some(not(self.wish(sub, sampler)?)),
            Ready::Composite { subs, max } if voter.hashes() => self.composite(subs, *max, sampler),
            _ => match voter.ballot(&self.trace, sampler).vote {
                Vote::Sampled => Some(Expression::Const(true)),
                Vote::NotSampled => Some(Expression::Const(false)),
                Vote::MaybeSampled(open) => Some(Expression::Open(open)),
                _ => None,
            },
        }
    }

    fn all_of(&self, subs: &[Voter], sampler: &TailSampler) -> Option<Expression> {
        let wishes: Option<Vec<_>> = subs.iter().map(|sub| self.wish(sub, sampler)).collect();
        wishes.map(all)
    }

    /// The first sub-policy that wants the trace keeps it if there is room in its share.
    fn composite(&self, subs: &[(Voter, i64)], max: i64, sampler: &TailSampler) -> Option<Expression> {
        let gives_up = sampler.has(Deviation::CompositeGivesUp);
        let mut result = Expression::Const(false);
        for (sub, allocated) in subs.iter().rev() {
            let fits = self.trace.spans.len() as i64 <= (*allocated).min(max);
            let kept = if fits { Expression::Open(Open::Limited) } else { Expression::Const(false) };
            let wish = self.wish(sub, sampler)?;
            let otherwise = if gives_up { all([not(wish.clone()), result]) } else { result };
            result = any([all([wish, kept]), otherwise]);
        }
        Some(result)
    }
}
