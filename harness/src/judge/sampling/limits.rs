//! What rates let through, held against the most and the least that they may.
//!
//! Which traces a rate takes is left to chance; how much it takes is not. A token bucket lets through what it held and what it earned,
//! in any stretch of time, and refuses nothing that it has tokens for.

use spanproof_generators::sampling::config::{Composite, Policy, Rule, TailSampling};
use spanproof_generators::sampling::limit::{Bucket, Tick};
use std::time::Duration;

/// How much a rate let through in a stretch of time, beside what it may.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// When the first of it was sent, seconds from the start of the run.
    pub from_seconds: u64,
    /// When the last of it was sent.
    pub to_seconds: u64,
    /// Spans that came out.
    pub kept: u64,
    /// The most, or the least, that may have.
    pub bound: f64,
}

/// What the rates of a tail sampler let through.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitClaim {
    /// The policies whose rates decide, in words.
    pub by: String,
    /// Spans of traces about which only rates decide.
    pub asked: u64,
    /// Of these, the ones that came out.
    pub kept: u64,
    /// A stretch in which more came out than may, the worst one.
    pub above: Option<Window>,
    /// The whole run, if less came out than must.
    pub below: Option<Window>,
    /// Whether there is a bound at all. Bytes depend on batching, so a rate of bytes has none that could be told.
    pub has_bounds: bool,
}

/// A rate.
#[derive(Debug, Clone, PartialEq)]
enum Rate {
    Bucket(Bucket),
    /// So many spans in each second of the clock.
    PerSecond(f64),
    Unbounded,
}

/// The rates of a tail sampler.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rates {
    rates: Vec<(String, Rate)>,
    first_match: bool,
    /// Whether tokens may be spent on traces that another sub-policy then does not want.
    spends_in_vain: bool,
}

impl Rates {
    /// The rates among the policies of these tail samplers.
    pub(super) fn of<'a>(tails: impl Iterator<Item = &'a TailSampling>) -> Self {
        let mut rates = Self::default();
        for tail in tails {
            rates.first_match |= tail.sample_on_first_match;
            for policy in &tail.policies {
                rates.spends_in_vain |= spends_in_vain(policy);
                rates.rates.extend(of_policy(policy).into_iter().map(|rate| (policy.name.clone(), rate)));
            }
        }
        rates
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The most that all of them let through together in so long a time.
    fn most_in(&self, time: Duration) -> Option<f64> {
        let most = |rate: &Rate| match rate {
            Rate::Bucket(bucket) => Some(bucket.capacity + bucket.per_second * time.as_secs_f64()),
            // So many seconds of the clock the time touches at most.
            Rate::PerSecond(spans) => Some(spans * (time.as_secs_f64().floor() + 2.0)),
            Rate::Unbounded => None,
        };
        self.rates.iter().map(|(_, rate)| most(rate)).sum()
    }

    /// The only bucket, if there is nothing else, every trace is asked about, and whatever it lets through comes out.
    fn only_bucket(&self) -> Option<Bucket> {
        match self.rates.as_slice() {
            [(_, Rate::Bucket(bucket))] if !self.first_match && !self.spends_in_vain => Some(*bucket),
            _ => None,
        }
    }
}

fn of_policy(policy: &Policy) -> Vec<Rate> {
    match &policy.rule {
        Rule::RateLimiting(limit) => {
            let bucket = Bucket { per_second: limit.per_second as f64, capacity: limit.capacity() as f64 };
            vec![Rate::Bucket(bucket)]
        }
        Rule::BytesLimiting(_) => vec![Rate::Unbounded],
        Rule::And(subs) => subs.iter().flat_map(of_policy).collect(),
        // What the rate has no tokens for is what comes out.
        Rule::Not(sub) => of_policy(sub).into_iter().map(|_| Rate::Unbounded).collect(),
        Rule::Drop(subs) => subs.iter().flat_map(of_policy).map(|_| Rate::Unbounded).collect(),
        Rule::Composite(composite) => vec![of_composite(composite)],
        _ => Vec::new(),
    }
}

/// Whether the rate of an `and` is asked before another of its sub-policies: what it spends on a trace that this one does not want is
/// gone, and the trace does not come out.
fn spends_in_vain(policy: &Policy) -> bool {
    match &policy.rule {
        Rule::And(subs) => subs.iter().rev().skip(1).any(|sub| !of_policy(sub).is_empty()),
        _ => false,
    }
}

/// Each sub-policy has its own counter; none lets through more than the total.
fn of_composite(composite: &Composite) -> Rate {
    let total = composite.max_total_spans_per_second as f64;
    let share = |policy: &Policy| {
        let allocated = composite.rate_allocation.iter().find(|allocation| allocation.policy == policy.name);
        allocated.map_or(total, |allocation| match allocation.percent {
            percent if percent > 0 => f64::min(total, percent as f64 / 100.0 * total),
            _ => total,
        })
    };
    Rate::PerSecond(composite.policies.iter().map(share).sum())
}

/// Traces that a rate was asked about, by the second in which they began.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Asked {
    seconds: Vec<Second>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Second {
    /// What each trace costs that a rate was asked about, kept by another policy or not.
    costs: Vec<u64>,
    /// Of those kept by another policy.
    kept_anyway: u64,
    /// Of those that only the rate decides about.
    asked: u64,
    kept: u64,
}

/// What became of a trace that a rate was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Another policy wanted it, or nobody knows what became of it: whether it comes out says nothing of the rate, which may have spent
    /// tokens on it.
    KeptAnyway,
    Kept,
    Refused,
}

impl Asked {
    pub(super) fn note(&mut self, began: Duration, cost: u64, answer: Answer) {
        let second = usize::try_from(began.as_secs()).unwrap_or(usize::MAX);
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Second::default());
        }
        let second = &mut self.seconds[second];
        second.costs.push(cost);
        match answer {
            Answer::KeptAnyway => second.kept_anyway += cost,
            Answer::Kept => (second.asked, second.kept) = (second.asked + cost, second.kept + cost),
            Answer::Refused => second.asked += cost,
        }
    }

    /// What the rates let through. A trace is decided between `wait_min` and `wait_max` after it began.
    pub(super) fn claim(&self, rates: &Rates, wait_min: Duration, wait_max: Duration) -> LimitClaim {
        let named: Vec<String> = rates.rates.iter().map(|(name, _)| format!("`{}`", name.escape_debug())).collect();
        LimitClaim {
            by: named.join(", "),
            asked: self.seconds.iter().map(|second| second.asked).sum(),
            kept: self.seconds.iter().map(|second| second.kept).sum(),
            above: self.above(rates, wait_max.saturating_sub(wait_min)),
            below: self.below(rates, wait_min, wait_max),
            has_bounds: rates.most_in(Duration::ZERO).is_some(),
        }
    }

    /// The stretch of seconds in which the most came out beyond what may.
    fn above(&self, rates: &Rates, spread: Duration) -> Option<Window> {
        let mut worst: Option<(f64, Window)> = None;
        for from in 0..self.seconds.len() {
            let mut kept = 0;
            for to in from..self.seconds.len() {
                kept += self.seconds[to].kept;
                let time = Duration::from_secs((to - from + 1) as u64).saturating_add(spread);
                let bound = rates.most_in(time)?;
                let beyond = kept as f64 - bound;
                if beyond > worst.as_ref().map_or(0.0, |(beyond, _)| *beyond) {
                    let window = Window { from_seconds: from as u64, to_seconds: to as u64 + 1, kept, bound };
                    worst = Some((beyond, window));
                }
            }
        }
        worst.map(|(_, window)| window)
    }

    /// The whole run, if less came out than tokens were there for.
    fn below(&self, rates: &Rates, wait_min: Duration, wait_max: Duration) -> Option<Window> {
        let bucket = rates.only_bucket()?;
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let ticks = self.seconds.iter().zip(0_u64..).map(|(second, number)| Tick {
            from_ns: nanoseconds(Duration::from_secs(number).saturating_add(wait_min)),
            to_ns: nanoseconds(Duration::from_secs(number + 1).saturating_add(wait_max)),
            costs: second.costs.clone(),
        });
        let ticks: Vec<Tick> = ticks.filter(|tick| !tick.costs.is_empty()).collect();
        let kept_anyway: u64 = self.seconds.iter().map(|second| second.kept_anyway).sum();
        let kept: u64 = self.seconds.iter().map(|second| second.kept).sum();
        let bound = bucket.bounds(&ticks).min - kept_anyway as f64;
        let window = Window { from_seconds: 0, to_seconds: self.seconds.len() as u64, kept, bound };
        ((kept as f64) < bound).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_generators::sampling::config::Limit;

    const SECOND: Duration = Duration::from_secs(1);

    /// 100 spans a second, 200 at once.
    fn rates() -> Rates {
        let policy = Policy::new("rate", Rule::RateLimiting(Limit { per_second: 100, burst: 0 }));
        Rates::of(std::iter::once(&TailSampling::of([policy])))
    }

    /// Ten traces of 100 spans in each of ten seconds, of which so many are kept.
    fn claim(kept: impl Fn(u64) -> u64) -> LimitClaim {
        let mut asked = Asked::default();
        for second in 0..10 {
            for trace in 0..10 {
                let answer = if trace < kept(second) { Answer::Kept } else { Answer::Refused };
                asked.note(Duration::from_secs(second), 100, answer);
            }
        }
        asked.claim(&rates(), 2 * SECOND, 3 * SECOND)
    }

    #[test]
    fn what_a_bucket_holds_and_earns_is_kept_and_neither_more_nor_less() {
        let right = claim(|second| if second == 0 { 2 } else { 1 });
        assert_eq!((right.asked, right.kept, right.above, right.below), (10_000, 1100, None, None));
        let twice = claim(|_| 2);
        let above = twice.above.unwrap();
        assert_eq!((above.from_seconds, above.to_seconds, above.kept, above.bound), (0, 10, 2000, 1300.0));
        assert!(claim(|second| if second == 5 { 5 } else { 0 }).above.is_some());
        assert!(claim(|_| 0).below.is_some());
    }

    #[test]
    fn what_another_policy_keeps_is_no_claim_on_the_rate() {
        let mut asked = Asked::default();
        (0..10).for_each(|second| asked.note(Duration::from_secs(second), 100, Answer::KeptAnyway));
        let claim = asked.claim(&rates(), 2 * SECOND, 3 * SECOND);
        assert_eq!((claim.asked, claim.kept, claim.above, claim.below), (0, 0, None, None));
    }

    #[test]
    fn a_rate_that_others_overrule_has_no_least_and_one_that_is_turned_round_no_bound() {
        let rate = || Policy::new("rate", Rule::RateLimiting(Limit { per_second: 100, burst: 0 }));
        let all = || Policy::new("all", Rule::AlwaysSample);
        let of = |rule| Rates::of(std::iter::once(&TailSampling::of([Policy::new("p", rule)])));
        assert!(of(Rule::And(vec![all(), rate()])).only_bucket().is_some());
        assert!(of(Rule::And(vec![rate(), all()])).only_bucket().is_none());
        assert!(of(Rule::And(vec![rate(), all()])).most_in(SECOND).is_some());
        assert_eq!(of(Rule::Not(Box::new(rate()))).most_in(SECOND), None);
        assert_eq!(of(Rule::Drop(vec![all(), rate()])).most_in(SECOND), None);
    }

    #[test]
    fn bytes_have_no_bound_and_a_composite_has_one_for_each_second() {
        let bytes = Policy::new("b", Rule::BytesLimiting(Limit { per_second: 1, burst: 0 }));
        assert_eq!(Rates::of(std::iter::once(&TailSampling::of([bytes]))).most_in(SECOND), None);
        let composite = Composite {
            max_total_spans_per_second: 1000,
            policies: vec![Policy::new("a", Rule::AlwaysSample), Policy::new("b", Rule::AlwaysSample)],
            rate_allocation: vec![spanproof_generators::sampling::config::Allocation {
                policy: "a".to_owned(),
                percent: 30,
            }],
            ..Composite::default()
        };
        let rates = Rates::of(std::iter::once(&TailSampling::of([Policy::new("c", Rule::Composite(composite))])));
        assert_eq!(rates.most_in(SECOND), Some(1300.0 * 3.0));
    }
}
