//! Policies: which traces are wanted.

use super::mistake::{Mistake, Mistakes};
use super::span::{count_spans, has_text, spans};
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use tokio::time::Instant;

/// The salt of a policy that is given none.
const SALT: &str = "default-hash-seed";

/// The status code of an error.
const ERROR: i32 = 2;

/// A policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    rule: Rule,
}

impl Policy {
    /// One by its rule.
    pub fn new(rule: Rule) -> Self {
        Self { rule }
    }
}

/// What a policy wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Every trace.
    Always,
    /// A span with one of these status codes, by OTLP's numbers.
    Status(Vec<i32>),
    /// A trace that lasts longer.
    Latency {
        /// Whole milliseconds.
        threshold_ms: u64,
    },
    /// So many spans.
    SpanCount {
        /// At least.
        min: u64,
        /// At most; 0 for no limit.
        max: u64,
    },
    /// A text of a resource or a span.
    Text {
        /// The attribute.
        key: String,
        /// Any of these.
        values: Vec<String>,
    },
    /// A part of all traces, by a hash of their ids.
    Probabilistic {
        /// Percent.
        percent: f64,
        /// What is hashed before the id; empty for the default.
        salt: String,
    },
    /// As many spans as a bucket of tokens holds.
    Rate {
        /// Tokens a second.
        per_second: f64,
        /// What it holds at most, and at the start.
        burst: f64,
    },
}

/// Decides, and keeps the buckets of rates.
#[derive(Debug, Default)]
pub(super) struct Court {
    buckets: Vec<Option<Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Court {
    /// Whether a trace is kept, with the mistakes that are planted.
    pub(super) fn decide(
        &mut self,
        policies: &[Policy],
        id: &[u8],
        pieces: &[ResourceSpans],
        now: Instant,
        mistakes: &Mistakes,
    ) -> bool {
        self.buckets.resize(policies.len(), None);
        let has_error = spans(pieces).any(|span| span.status.as_ref().is_some_and(|status| status.code == ERROR));
        let cost = count_spans(pieces);
        let errors_too = has_error && mistakes.count(Mistake::ErrorsToo, cost);
        let mut keep = false;
        for (policy, bucket) in policies.iter().zip(&mut self.buckets) {
            let wants = match &policy.rule {
                Rule::Rate { per_second, burst } => {
                    let has_tokens = spend(bucket, *per_second, *burst, cost as f64, now);
                    if mistakes.has(Mistake::Unlimited) && !has_tokens {
                        mistakes.count(Mistake::Unlimited, cost)
                    } else {
                        has_tokens && !mistakes.count(Mistake::NoTokens, cost)
                    }
                }
                Rule::Probabilistic { percent, salt } => hashed_in(id, *percent, salt, mistakes),
                rule => !errors_too && wants(rule, pieces, mistakes),
            };
            // All are asked, as a collector asks them, so that rates spend for traces that others want, too.
            keep |= wants;
        }
        keep != mistakes.count(Mistake::Inverted, cost)
    }
}

/// Takes tokens for a trace if there are enough.
fn spend(bucket: &mut Option<Bucket>, per_second: f64, burst: f64, cost: f64, now: Instant) -> bool {
    let bucket = bucket.get_or_insert(Bucket { tokens: burst, filled: now });
    let earned = now.saturating_duration_since(bucket.filled).as_secs_f64() * per_second;
    bucket.tokens = f64::min(burst, bucket.tokens + earned);
    bucket.filled = now;
    let enough = bucket.tokens >= cost;
    if enough {
        bucket.tokens -= cost;
    }
    enough
}

fn wants(rule: &Rule, pieces: &[ResourceSpans], mistakes: &Mistakes) -> bool {
    let one_more = u64::from(mistakes.has(Mistake::OffByOne));
    let right = wants_beyond(rule, pieces, 0);
    let wrong = wants_beyond(rule, pieces, one_more);
    if right != wrong {
        mistakes.count(Mistake::OffByOne, count_spans(pieces));
    }
    wrong
}

/// Bounds are taken to be so much higher than they are.
fn wants_beyond(rule: &Rule, pieces: &[ResourceSpans], more: u64) -> bool {
    match rule {
        Rule::Always => true,
        Rule::Status(codes) => {
            spans(pieces).any(|span| codes.contains(&span.status.as_ref().map_or(0, |status| status.code)))
        }
        Rule::Latency { threshold_ms } => lasts_ms(pieces) >= threshold_ms + more,
        Rule::SpanCount { min, max } => {
            let count = count_spans(pieces);
            count >= min + more && (*max == 0 || count <= *max)
        }
        Rule::Text { key, values } => has_text(pieces, key, values),
        // Asked elsewhere, since they need more than the trace.
        Rule::Probabilistic { .. } | Rule::Rate { .. } => false,
    }
}

/// From the earliest start to the latest end, in whole milliseconds.
fn lasts_ms(pieces: &[ResourceSpans]) -> u64 {
    let start = spans(pieces).map(|span| span.start_time_unix_nano).min().unwrap_or(0);
    let end = spans(pieces).map(|span| span.end_time_unix_nano).max().unwrap_or(0);
    end.saturating_sub(start) / 1_000_000
}

fn hashed_in(id: &[u8], percent: f64, salt: &str, mistakes: &Mistakes) -> bool {
    let salt = if salt.is_empty() { SALT } else { salt };
    let right = is_hashed_in(salt, id, percent);
    let wrong = match (mistakes.has(Mistake::Unsalted), mistakes.has(Mistake::WrongBytes)) {
        (true, _) => is_hashed_in("", id, percent),
        (_, true) => is_hashed_in(salt, &id[..id.len() / 2], percent),
        (false, false) => right,
    };
    if right != wrong {
        mistakes.count(Mistake::Unsalted, 1);
        mistakes.count(Mistake::WrongBytes, 1);
    }
    wrong
}

fn is_hashed_in(salt: &str, id: &[u8], percent: f64) -> bool {
    // FNV-1a.
    let hash = salt
        .bytes()
        .chain(id.iter().copied())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if percent >= 100.0 {
        return true;
    }
    // The share as a whole number of 2^-64; what a double does not hold of it decides about one id in billions.
    let share = (percent / 100.0 * 18_446_744_073_709_551_616.0) as u64;
    hash <= share
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span, Status};
    use std::time::Duration;

    fn trace(spans: impl IntoIterator<Item = Span>) -> Vec<ResourceSpans> {
        let scope = ScopeSpans { spans: spans.into_iter().collect(), ..ScopeSpans::default() };
        vec![ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() }]
    }

    fn span(start_ms: u64, end_ms: u64, code: i32) -> Span {
        Span {
            start_time_unix_nano: start_ms * 1_000_000,
            end_time_unix_nano: end_ms * 1_000_000,
            status: Some(Status { code, ..Status::default() }),
            ..Span::default()
        }
    }

    fn keeps(rule: Rule, trace: &[ResourceSpans], defect: &str) -> bool {
        let defects: Vec<_> = defect.parse().ok().into_iter().collect();
        let mistakes = Mistakes::planted(&defects);
        Court::default().decide(&[Policy::new(rule)], &[7; 16], trace, Instant::now(), &mistakes)
    }

    #[test]
    fn each_rule_wants_what_it_says_and_not_what_a_mistake_makes_of_it() {
        let failed = trace([span(0, 100, 0), span(10, 90, 2)]);
        let errors = || Rule::Status(vec![2]);
        assert!(keeps(errors(), &failed, "") && !keeps(errors(), &trace([span(0, 1, 1)]), ""));
        assert!(!keeps(errors(), &failed, "missample=inverted"));
        assert!(!keeps(errors(), &failed, "missample=errors-too"));
        assert!(keeps(Rule::Latency { threshold_ms: 100 }, &failed, ""));
        assert!(!keeps(Rule::Latency { threshold_ms: 101 }, &failed, ""));
        assert!(!keeps(Rule::Latency { threshold_ms: 100 }, &failed, "missample=off-by-one"));
        assert!(keeps(Rule::SpanCount { min: 2, max: 0 }, &failed, ""));
        assert!(!keeps(Rule::SpanCount { min: 2, max: 0 }, &failed, "missample=off-by-one"));
        assert!(!keeps(Rule::SpanCount { min: 1, max: 1 }, &failed, ""));
        let probabilistic = |percent| Rule::Probabilistic { percent, salt: String::new() };
        assert!(keeps(probabilistic(100.0), &failed, "") && !keeps(probabilistic(0.0), &failed, ""));
    }

    #[test]
    fn one_in_ten_ids_is_hashed_in_and_another_salt_takes_others() {
        let kept = |salt: &str| -> Vec<u32> {
            (0..10_000_u32)
                .filter(|number| is_hashed_in(salt, &[&number.to_be_bytes()[..], &[0; 12]].concat(), 10.0))
                .collect()
        };
        let (one, other) = (kept(SALT), kept("other"));
        assert!((900..1100).contains(&one.len()) && (900..1100).contains(&other.len()));
        assert!(one.iter().filter(|number| other.contains(number)).count() < 200);
    }

    #[test]
    fn a_bucket_spends_what_it_holds_and_earns() {
        let (mut bucket, start) = (None, Instant::now());
        assert!(spend(&mut bucket, 10.0, 20.0, 15.0, start));
        assert!(!spend(&mut bucket, 10.0, 20.0, 15.0, start));
        assert!(spend(&mut bucket, 10.0, 20.0, 15.0, start + Duration::from_secs(1)));
        assert!(!spend(&mut bucket, 10.0, 20.0, 21.0, start + Duration::from_secs(100)));
    }
}
