//! What a run can have written at most: evidence that asks for more is another's, and to believe it would take for ever.

use spanproof_generators::plan::{Extent, PlanSpec, Rate};
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_generators::workload::uniform::Uniform;
use spanproof_reports::result::faults::Fault;
use spanproof_scenarios::scenario::bounds::{
    ATTRIBUTES_MAX, DURATION_MAX, POOL_MAX, RATE_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MIN, SPAN_BYTES_MAX, SPANS_MAX,
    SPANS_PER_TRACE_MAX, WINDOWS_MAX,
};
use std::time::Duration;

/// No run lasts so long.
const LAST: Duration = DURATION_MAX.saturating_mul(4);

/// Whether a run can still be going on then.
pub(super) fn is_instant(at: Duration) -> bool {
    at <= LAST
}

/// The first thing in a plan's inputs that no scenario can ask for, in words.
pub(super) fn problem_of_plan(spec: &PlanSpec) -> Option<String> {
    let per_second = match spec.rate {
        Rate::Spans(rate) | Rate::Traces(rate) => rate,
    };
    // Parts that a scenario leaves no time have less than none. Of spans or of traces, by what the rate is of: a trace has at least
    // one.
    let parts = spec.shape.segments.iter().filter(|part| part.seconds > 0.0);
    let offered: f64 = parts.map(|part| part.seconds * (part.from + part.to) / 2.0 * per_second).sum();
    let wanted = match spec.extent {
        Extent::Profile => offered,
        Extent::Spans(spans) => spans as f64,
    };
    let timeout = Duration::from_nanos(spec.batch.timeout_ns);
    let fits = [
        ("rate", per_second > 0.0 && per_second <= RATE_MAX),
        ("segments", offered.is_finite()),
        ("extent", wanted <= SPANS_MAX),
        ("batch_spans", spec.batch.spans > 0),
        ("batch_timeout_ns", !timeout.is_zero() && timeout <= DURATION_MAX),
        ("request_bytes_max", (REQUEST_BYTES_MIN..=REQUEST_BYTES_MAX).contains(&spec.request_bytes_max)),
        ("workload", is_possible(&spec.workload)),
    ];
    let (field, _) = fits.into_iter().find(|(_, fits)| !fits)?;
    Some(format!("no scenario can ask for such `{field}`"))
}

fn is_possible(workload: &Workload) -> bool {
    match workload {
        Workload::Shop(Shop { pool_size }) => (1..=POOL_MAX).contains(pool_size),
        Workload::Uniform(Uniform { spans_per_trace, span_bytes, attributes }) => {
            (1..=SPANS_PER_TRACE_MAX).contains(spans_per_trace)
                && (1..=SPAN_BYTES_MAX).contains(span_bytes)
                && *attributes <= ATTRIBUTES_MAX
        }
    }
}

/// The first thing that is told of a fault and cannot be, in words: instants outside any run, or more windows than a scenario has.
pub(super) fn problem_of_fault(told: &Fault) -> Option<String> {
    let every = told.every_seconds.unwrap_or(0.0);
    let last = told.at_seconds + told.times as f64 * every + told.lasting_seconds;
    let instants = told.kills_seconds.iter().chain(&told.ends_seconds).copied();
    let is_instant = |seconds: f64| (0.0..=LAST.as_secs_f64()).contains(&seconds);
    let fits = [
        ("at_seconds", is_instant(told.at_seconds)),
        ("lasting_seconds", is_instant(told.lasting_seconds)),
        ("every_seconds", is_instant(every)),
        ("times", told.times <= u64::from(WINDOWS_MAX) && is_instant(last)),
        ("kills_seconds or ends_seconds", instants.into_iter().all(is_instant)),
    ];
    let (field, _) = fits.into_iter().find(|(_, fits)| !fits)?;
    Some(format!("no fault can have such `{field}`"))
}
