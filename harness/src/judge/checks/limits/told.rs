//! What is told of a limit that failed, beside its figure: when it was beyond the limit, as far as the result says, and what to try.

use spanproof_reports::figures::{clock, several};
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{LimitOutcome, Window};
use spanproof_reports::result::timeline::TimelinePoint;
use spanproof_scenarios::limits::{Limit, Op, Relation};
use std::cmp::Reverse;

const REFUSED: &str =
    "its log, which says why it refuses: requests too large, a full queue, `memory_limiter`; or a lower `traffic.rate`";

/// By the beginning of a figure's path, what to try where it is beyond its limit; the first that fits.
const ADVICE: [(&str, &str); 23] = [
    (
        "sampling.",
        "the rule that each example of `sampling` names, and whether the target runs this configuration; `spanproof explain` tells it",
    ),
    (
        "latency.intended_to_delivered",
        "what holds spans inside it: batch time-outs, few exporter consumers (`num_consumers`), its CPU; then a lower `traffic.rate`",
    ),
    (
        "latency.",
        "what it does before it answers: exports without a `sending_queue`, a full queue that blocks, its CPU; then a lower `traffic.rate`",
    ),
    (
        "target.memory",
        "what grows in it: `queue_size` times a request, batches, `num_traces` of tail sampling; a `memory_limiter` has it refuse instead",
    ),
    (
        "target.cpu",
        "its processors, one after the other taken out (`transform` and patterns cost most), larger batches, another compression",
    ),
    ("target.exit", "target.log: why it ended so, and whether it had finished when it was stopped"),
    (
        "recovery.first_delivery",
        "a shorter `retry_on_failure.max_interval`: until its pause is over it does not see that the backend is back",
    ),
    (
        "recovery.drained",
        "more exporter consumers (`num_consumers`) or larger batches, so that its queue empties faster than it fills",
    ),
    ("driver.resent", "why the target refuses or does not answer in time: its log has the reasons"),
    ("driver.", "a lower `traffic.rate`, or a machine with less else to do"),
    ("sink.", "what the target sends to the sink: the size of its batches, its compression, its retries"),
    ("spans.refused", REFUSED),
    ("spans.lost_refused", REFUSED),
    (
        "spans.unknown",
        "a longer `traffic.client.timeout`, sending again as SDKs do (`traffic.client.retry`), or a lower `traffic.rate`",
    ),
    ("spans.lost_unknown", "sending again as SDKs do (`traffic.client.retry`), or a longer `traffic.client.timeout`"),
    (
        "spans.recovered",
        "a longer `traffic.client.timeout`: these were taken, and the answer came too late or not at all",
    ),
    (
        "spans.not_sent",
        "why the target keeps answers back for so long that the client's queue fills; or a lower `traffic.rate`",
    ),
    (
        "spans.duplicated",
        "whether answers come later than `timeout` of whoever sends: then it sends again what had been taken",
    ),
    ("spans.lost_declared", "a queue on disk (`sending_queue.storage`), which outlives the process"),
    ("spans.lost_acknowledged", "the target's log and its own counters of refused, dropped and failed spans"),
    ("spans.", "the line `ledger`: between which two counts the spans are missing, and the findings on these"),
    ("faults.", "whether the fault lasts as long and touches as much as is meant: its `at` and `for` in the scenario"),
    ("settle.", "what the target still held when the load ended: its batch time-outs, its queue, its retries"),
];

/// Completes what is told of a limit that failed at this figure, in the base unit of the limit's value.
pub(super) fn complete(outcome: &mut LimitOutcome, limit: &Limit, figure: f64, result: &RunResult) {
    outcome.window = part_of_run(limit, figure, result).or_else(|| sampled(limit, result));
    outcome.advice = advice(limit.canonical_path()).map(str::to_owned);
}

/// What to try where a figure is beyond its limit; `None` for what is no doing of target or harness, such as the seed.
pub(in crate::judge::checks) fn advice(path: &str) -> Option<&'static str> {
    ADVICE.iter().find(|(begin, _)| path.starts_with(begin)).map(|(_, advice)| *advice)
}

/// The part of the run that the limit speaks of.
fn part_of_run(limit: &Limit, figure: f64, result: &RunResult) -> Option<Window> {
    let part = limit.window.as_ref()?;
    let fault = result.faults.get(&part.fault)?;
    let repeats = fault.times.saturating_sub(1) as f64;
    let end = fault.at_seconds + repeats * fault.every_seconds.unwrap_or(0.0) + fault.lasting_seconds;
    let (from_seconds, to_seconds) = match part.relation {
        Relation::Before => (0.0, fault.at_seconds),
        Relation::During => (fault.at_seconds, end),
        Relation::After if limit.path.starts_with("recovery.") => (end, end + figure),
        Relation::After => (end, result.duration_seconds.max(end)),
    };
    let during = Some(format!("{} {}", part.relation.name(), part.fault));
    Some(Window { from_seconds, to_seconds, during })
}

/// What the timeline has of the figure, or of what it follows from: when the target's memory was beyond the limit, and when most
/// requests waited for their answers.
fn sampled(limit: &Limit, result: &RunResult) -> Option<Window> {
    if !matches!(limit.op, Op::Below | Op::AtMost) {
        return None;
    }
    let path = limit.canonical_path();
    if path.starts_with("target.memory") {
        let samples = samples(result, |point| point.target_memory_bytes);
        let (highest_at, _) = highest(&samples)?;
        let mut beyond = samples.iter().filter(|(_, bytes)| !limit.holds(*bytes as f64)).map(|(at, _)| *at);
        let from_seconds = beyond.next().unwrap_or(highest_at);
        let to_seconds = beyond.next_back().unwrap_or(from_seconds);
        let during = Some(format!("highest at {}", clock(highest_at)));
        return Some(Window { from_seconds, to_seconds, during });
    }
    if path.starts_with("latency.") && path.contains("_to_acknowledged.") {
        let (at, requests) = highest(&samples(result, |point| point.in_flight))?;
        let during = Some(format!("when {} at once waited for answers, the most", several(requests, "request")));
        return Some(Window { from_seconds: at, to_seconds: at, during });
    }
    None
}

fn samples(result: &RunResult, value: fn(&TimelinePoint) -> Option<u64>) -> Vec<(f64, u64)> {
    let Some(timeline) = &result.timeline else { return Vec::new() };
    // Both are seen at the end of an interval.
    let sample = |point: &TimelinePoint| Some((point.at_seconds + timeline.interval_seconds, value(point)?));
    timeline.points.iter().filter_map(sample).collect()
}

/// The first of the highest.
fn highest(samples: &[(f64, u64)]) -> Option<(f64, u64)> {
    samples.iter().min_by_key(|(_, value)| Reverse(*value)).copied()
}
