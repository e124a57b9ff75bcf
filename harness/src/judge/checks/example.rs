//! Records as examples in findings: named so that a person can look them up.

use crate::judge::evidence::Evidence;
use roaring::RoaringTreemap;
use spanproof_generators::plan::Described;
use spanproof_reports::figures::hex;
use spanproof_reports::result::check::{Example, Window};

/// Examples in one finding.
const EXAMPLES_MAX: usize = 5;

/// Records looked at to find when a finding began, and as many to find when it ended.
const WINDOW_SAMPLES_MAX: usize = 2048;

/// The first few records of a set.
pub(super) fn examples(evidence: &Evidence, records: &RoaringTreemap) -> Vec<Example> {
    records.iter().take(EXAMPLES_MAX).map(|number| example(&describe(evidence, number), "")).collect()
}

/// A record as an example.
pub(super) fn example(record: &Described, what: &str) -> Example {
    let place = format!(
        "span {} of {} in trace {} ({}), sent by {}",
        record.ordinal,
        record.trace_spans,
        record.trace_index,
        record.stratum.name(),
        record.service,
    );
    // What is wrong first: whoever has no room for all of it cuts the end.
    let text = if what.is_empty() { place } else { format!("{what}; {place}") };
    Example {
        trace_id: Some(hex(&record.trace_id)),
        span_id: Some(hex(&record.span_id)),
        text,
        at_seconds: Some(record.due_ns as f64 / 1e9),
    }
}

/// What the plan says of a record.
pub(super) fn describe(evidence: &Evidence, number: u64) -> Described {
    let plan = &evidence.plan;
    let chunk = plan.chunk_of(number);
    plan.open(chunk).describe(plan, (number - plan.spans_before(chunk)) as u32)
}

/// From the first to the last intended instant of a set's records. Of large sets the first and last records are looked at,
/// which are the earliest and latest since records are numbered in the order in which their traces start.
pub(super) fn window(evidence: &Evidence, records: &RoaringTreemap) -> Option<Window> {
    let skip = records.len().saturating_sub(WINDOW_SAMPLES_MAX as u64);
    let numbers = records.iter().take(WINDOW_SAMPLES_MAX).chain(records.iter().skip(skip as usize));
    let mut chunk = None;
    let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
    for number in numbers {
        let plan = &evidence.plan;
        let wanted = plan.chunk_of(number);
        let open = match chunk.take() {
            Some((have, open)) if have == wanted => open,
            _ => plan.open(wanted),
        };
        let due = open.describe(plan, (number - plan.spans_before(wanted)) as u32).due_ns as f64 / 1e9;
        (from, to) = (from.min(due), to.max(due));
        chunk = Some((wanted, open));
    }
    (from <= to).then_some(Window { from_seconds: from, to_seconds: to, during: None })
}
