//! How one policy votes on one trace.

use super::ready::{Ready, ReadyOttl, Texts, Voter};
use super::{Ballot, Open, Reason, Seen, TailSampler, Vote};
use crate::model::Value;
use crate::sampling::hash::TailHash;
use crate::sampling::ottl::{Holds, Scene};
use crate::sampling::trace::{self, Span, Trace};
use crate::sampling::tracestate;
use crate::sampling::version::Deviation;
use std::collections::BTreeSet;

/// W3C's sampled flag.
const SAMPLED_FLAG: u32 = 1;

impl Voter {
    /// Its ballot on a trace.
    pub(crate) fn ballot(&self, trace: &Trace<'_>, sampler: &TailSampler) -> Ballot {
        let (vote, reason) = self.rule.vote(trace, sampler);
        Ballot { policy: self.name.clone(), kind: self.kind.clone(), vote, reason }
    }

    /// The same inside another policy, where an inverted vote is a plain one.
    fn sub_ballot(&self, trace: &Trace<'_>, sampler: &TailSampler) -> Ballot {
        let mut ballot = self.ballot(trace, sampler);
        ballot.vote = match ballot.vote {
            Vote::InvertSampled => Vote::Sampled,
            Vote::InvertNotSampled => Vote::NotSampled,
            vote => vote,
        };
        ballot
    }
}

impl Ready {
    fn vote(&self, trace: &Trace<'_>, sampler: &TailSampler) -> (Vote, Reason) {
        match self {
            Self::Always => (Vote::Sampled, Reason::Always),
            Self::Latency { threshold_ms, upper_threshold_ms } => {
                latency(trace, *threshold_ms, *upper_threshold_ms, sampler)
            }
            Self::Numeric { key, min, max, invert } => {
                let matches = |value: &Value| (*min..=*max).contains(&trace::integer(value));
                attribute(trace, key, *invert, matches, matches, sampler)
            }
            Self::Nil => (Vote::Panic, Reason::Unknown("both bounds are unset".to_owned())),
            Self::Text { key, texts, invert } => text(trace, key, texts, *invert, sampler),
            Self::Boolean { key, value, invert } => {
                let matches = |found: &Value| trace::truth(found) == *value;
                attribute(trace, key, *invert, matches, matches, sampler)
            }
            Self::Status(codes) => property("status code", trace, |span| codes.contains(&span.status)),
            Self::SpanCount { min, max } => span_count(trace.spans.len(), *min, *max),
            Self::Hash(hash) => hashed(trace, *hash),
            Self::Spans { capacity } => limited(Some(trace.spans.len() as u64), *capacity),
            Self::Bytes { capacity } => limited(trace.bytes, *capacity),
            Self::TraceState { key, values } => trace_state(trace, key, values),
            Self::Flags => property("sampled flag", trace, |span| span.flags & SAMPLED_FLAG != 0),
            Self::Ottl(conditions) => ottl(trace, conditions),
            Self::And(subs) => all_of(subs, Vote::Sampled, trace, sampler),
            Self::Not(sub) => not(sub, trace, sampler),
            Self::Drop(subs) => all_of(subs, Vote::Dropped, trace, sampler),
            Self::Composite { subs, max } => composite(subs, *max, trace, sampler),
            Self::Unknown(what) => (Vote::MaybeSampled(Open::Unknown(what.clone())), Reason::Unknown(what.clone())),
        }
    }
}

fn sampled_if(wanted: bool) -> Vote {
    if wanted { Vote::Sampled } else { Vote::NotSampled }
}

/// The running duration after each span, in whole milliseconds, as the collector reckons it: a time of 0 counts as none.
fn durations_ms(spans: &[Span<'_>]) -> impl Iterator<Item = i64> {
    let (mut min, mut max) = (0, 0);
    spans.iter().map(move |span| {
        if min == 0 || span.start_unix_ns < min {
            min = span.start_unix_ns;
        }
        if max == 0 || span.end_unix_ns > max {
            max = span.end_unix_ns;
        }
        // A trace that ends before it begins lasts less than nothing; division cuts towards zero, as Go's does.
        max.wrapping_sub(min) as i64 / 1_000_000
    })
}

fn latency(trace: &Trace<'_>, threshold_ms: i64, upper_threshold_ms: i64, sampler: &TailSampler) -> (Vote, Reason) {
    let inclusive = sampler.has(Deviation::LatencyInclusive);
    let within = |lasted: i64| match upper_threshold_ms {
        0 if inclusive => lasted >= threshold_ms,
        0 => lasted > threshold_ms,
        upper => threshold_ms < lasted && lasted <= upper,
    };
    let whole = durations_ms(&trace.spans).last().unwrap_or(0);
    let by_prefix = upper_threshold_ms == 0 || sampler.has(Deviation::LatencyUpperByPrefix);
    let stopped = durations_ms(&trace.spans).enumerate().find(|(_, lasted)| by_prefix && within(*lasted));
    let reason = |lasted_ms, stopped_at| Reason::Latency { lasted_ms, stopped_at, threshold_ms, upper_threshold_ms };
    if upper_threshold_ms != 0 && by_prefix && sampler.any_order {
        return (in_any_order(trace, whole, threshold_ms, upper_threshold_ms), reason(whole, None));
    }
    match stopped {
        Some((at, lasted)) => (Vote::Sampled, reason(lasted, Some(at))),
        None if by_prefix => (Vote::NotSampled, reason(whole, None)),
        None => (sampled_if(!trace.spans.is_empty() && within(whole)), reason(whole, None)),
    }
}

/// Whether a trace is kept whatever the order of its spans, or in none; between the two it is open. The whole trace is the last
/// prefix in every order, and no prefix is shorter than the shortest span.
fn in_any_order(trace: &Trace<'_>, whole: i64, threshold_ms: i64, upper_threshold_ms: i64) -> Vote {
    let within = |lasted: i64| threshold_ms < lasted && lasted <= upper_threshold_ms;
    let alone = |span: &Span<'_>| durations_ms(std::slice::from_ref(span)).last().unwrap_or(0);
    let each = || trace.spans.iter().map(alone);
    let Some(shortest) = each().min() else { return Vote::NotSampled };
    if within(whole) || each().all(within) {
        Vote::Sampled
    } else if shortest <= upper_threshold_ms && whole > threshold_ms {
        Vote::MaybeSampled(Open::Unknown("it depends on the order in which the spans arrive".to_owned()))
    } else {
        Vote::NotSampled
    }
}

/// The votes of a policy on attributes: a resource is looked at once for each of its spans, which changes nothing.
fn attribute(
    trace: &Trace<'_>,
    key: &str,
    invert: bool,
    in_resource: impl Fn(&Value) -> bool,
    in_span: impl Fn(&Value) -> bool,
    sampler: &TailSampler,
) -> (Vote, Reason) {
    let seen = |at: usize, resource: bool, value: &Value| Seen { span: at, resource, value: Some(value.clone()) };
    let matched = trace.spans.iter().enumerate().find_map(|(at, span)| {
        let resource = trace::get(span.resource, key).filter(|value| in_resource(value));
        let own = || trace::get(&span.attributes, key).filter(|value| in_span(value));
        resource.map(|value| seen(at, true, value)).or_else(|| own().map(|value| seen(at, false, value)))
    });
    let vote = match (invert, matched.is_some()) {
        (false, matched) => sampled_if(matched),
        (true, matched) if sampler.has(Deviation::InvertIsNoVeto) => sampled_if(!matched),
        (true, true) => Vote::InvertNotSampled,
        (true, false) => Vote::InvertSampled,
    };
    (vote, Reason::Attribute { key: key.to_owned(), matched })
}

/// An empty string of a span is never looked at; one of a resource is, and so is one that stands for another type.
fn text(trace: &Trace<'_>, key: &str, texts: &Texts, invert: bool, sampler: &TailSampler) -> (Vote, Reason) {
    let in_resource = |value: &Value| texts.matches(trace::text(value));
    let in_span = |value: &Value| !trace::text(value).is_empty() && texts.matches(trace::text(value));
    attribute(trace, key, invert, in_resource, in_span, sampler)
}

fn property(what: &'static str, trace: &Trace<'_>, has: impl Fn(&Span<'_>) -> bool) -> (Vote, Reason) {
    let at = trace.spans.iter().position(has);
    let matched = at.map(|span| Seen { span, resource: false, value: None });
    (sampled_if(at.is_some()), Reason::Property { what, matched })
}

fn span_count(spans: usize, min: i64, max: i64) -> (Vote, Reason) {
    let count = spans as i64;
    (sampled_if(count >= min && (max == 0 || count <= max)), Reason::SpanCount { spans, min, max })
}

fn hashed(trace: &Trace<'_>, hash: TailHash) -> (Vote, Reason) {
    let reason = Reason::Hash { hash: hash.hash(&trace.id), threshold: hash.threshold() };
    (sampled_if(hash.keeps(&trace.id)), reason)
}

/// A trace that costs more than the bucket ever holds is never kept.
fn limited(cost: Option<u64>, capacity: i64) -> (Vote, Reason) {
    let fits = cost.is_none_or(|cost| i64::try_from(cost).is_ok_and(|cost| cost <= capacity));
    let vote = if fits { Vote::MaybeSampled(Open::Limited) } else { Vote::NotSampled };
    (vote, Reason::Limit { cost, capacity })
}

fn trace_state(trace: &Trace<'_>, key: &str, values: &BTreeSet<String>) -> (Vote, Reason) {
    property("tracestate", trace, |span| {
        tracestate::member(&span.trace_state, key).is_some_and(|value| values.contains(value))
    })
}

fn ottl(trace: &Trace<'_>, conditions: &ReadyOttl) -> (Vote, Reason) {
    let mut open = None;
    for (at, span) in trace.spans.iter().enumerate() {
        let scenes = std::iter::once((Scene::Span(span), &conditions.span))
            .chain(span.events.iter().map(|event| (Scene::Event(span, event), &conditions.span_event)));
        for (scene, list) in scenes {
            for condition in list {
                let text = Some(condition.text().to_owned());
                match condition.holds(&scene) {
                    // Were something unknown before it to fail, the policy might fail with it.
                    Holds::Yes if open.is_none() || !conditions.propagates => {
                        let matched = Some(Seen { span: at, resource: false, value: None });
                        return (Vote::Sampled, Reason::Condition { text, matched });
                    }
                    Holds::Fails if conditions.propagates && open.is_none() => {
                        return (Vote::Error, Reason::Condition { text, matched: None });
                    }
                    Holds::Unknown(what) => open = open.or(Some((what, text))),
                    _ => {}
                }
            }
        }
    }
    match open {
        Some((what, text)) => (Vote::MaybeSampled(Open::Unknown(what)), Reason::Condition { text, matched: None }),
        None => (Vote::NotSampled, Reason::Condition { text: None, matched: None }),
    }
}

/// All sub-policies in their order, up to the first that does not want the trace or fails.
fn all_of(subs: &[Voter], wanted: Vote, trace: &Trace<'_>, sampler: &TailSampler) -> (Vote, Reason) {
    let (mut ballots, mut open) = (Vec::with_capacity(subs.len()), None);
    for sub in subs {
        let ballot = sub.sub_ballot(trace, sampler);
        let vote = ballot.vote.clone();
        ballots.push(ballot);
        match vote {
            Vote::NotSampled => return (Vote::NotSampled, Reason::Policies(ballots)),
            Vote::Error if open.is_none() => return (Vote::Error, Reason::Policies(ballots)),
            // What is open before it may have ended the list already.
            Vote::Error => {
                open = Some(Open::Unknown("whether a failing policy is asked".to_owned()));
                break;
            }
            Vote::Panic => return (Vote::Panic, Reason::Policies(ballots)),
            Vote::MaybeSampled(why) => open = open.max(Some(why)),
            _ => {}
        }
    }
    let vote = match (open, wanted) {
        (None, wanted) => wanted,
        (Some(why), Vote::Dropped) => Vote::MaybeDropped(why),
        (Some(why), _) => Vote::MaybeSampled(why),
    };
    (vote, Reason::Policies(ballots))
}

fn not(sub: &Voter, trace: &Trace<'_>, sampler: &TailSampler) -> (Vote, Reason) {
    // An inverted vote, where there still is such a thing, is passed on as it is.
    let ballot = sub.ballot(trace, sampler);
    let vote = match ballot.vote.clone() {
        Vote::Sampled => Vote::NotSampled,
        Vote::NotSampled => Vote::Sampled,
        vote => vote,
    };
    (vote, Reason::Policies(vec![ballot]))
}

/// Sub-policies in their order, up to the first that wants the trace: it is kept within that one's share.
fn composite(subs: &[(Voter, i64)], max: i64, trace: &Trace<'_>, sampler: &TailSampler) -> (Vote, Reason) {
    let gives_up = sampler.has(Deviation::CompositeGivesUp);
    let (mut ballots, mut open) = (Vec::with_capacity(subs.len()), None);
    for (sub, allocated) in subs {
        let ballot = sub.sub_ballot(trace, sampler);
        let vote = ballot.vote.clone();
        ballots.push(ballot);
        let fits = trace.spans.len() as i64 <= (*allocated).min(max);
        match vote {
            Vote::Sampled if fits => {
                open = open.max(Some(Open::Limited));
                if gives_up {
                    break;
                }
            }
            Vote::Sampled if gives_up => break,
            Vote::MaybeSampled(why) if fits => open = open.max(Some(why)),
            Vote::Error if open.is_none() => return (Vote::Error, Reason::Policies(ballots)),
            Vote::Error => break,
            Vote::Panic => return (Vote::Panic, Reason::Policies(ballots)),
            _ => {}
        }
    }
    let vote = open.map_or(Vote::NotSampled, Vote::MaybeSampled);
    (vote, Reason::Policies(ballots))
}
