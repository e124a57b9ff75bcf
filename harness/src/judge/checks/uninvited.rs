//! Requests at the sink that are no traces of anybody: broken ones, and those of other signals. Part of integrity.

use super::finding;
use crate::judge::evidence::Evidence;
use crate::wire::Signal;
use spanproof_reports::result::check::{Finding, Level};

const PLACE: &str = "at the sink, on its way in";

const IF_OTHERS: &str = "if others may send to the target or the sink, add --foreign ignore";

/// A finding each, if there were any. Whether they fail the run is asked as of foreign records: others may have sent them.
pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let level = if evidence.foreign_fails { Level::Failure } else { Level::Info };
    [malformed(evidence, level), foreign_signal(evidence, level)].into_iter().flatten().collect()
}

fn malformed(evidence: &Evidence, level: Level) -> Option<Finding> {
    let wrong = evidence.refusals.malformed_in_words()?;
    let message = format!("these requests to the sink were no OTLP, or broken, and were refused for good: {wrong}");
    let found = finding("malformed", level, evidence.refusals.malformed.values().sum(), message);
    let advice = "the exporter's protocol, path and compression, whether something else (a probe, a scraper) calls the sink's port";
    Some(with_advice(found, advice))
}

fn foreign_signal(evidence: &Evidence, level: Level) -> Option<Finding> {
    let requests = Signal::ALL.iter().zip(evidence.strangers.signals).filter(|(_, requests)| *requests > 0);
    let named: Vec<String> =
        requests.clone().map(|(signal, requests)| format!("{} {requests}", signal.name())).collect();
    let message = format!("these requests came to the sink and a run sends nothing but traces: {}", named.join(", "));
    let count = requests.map(|(_, requests)| requests).sum();
    let advice = "keep the sink out of the pipelines of other signals, and out of the target's own telemetry (`service::telemetry`)";
    (count > 0).then(|| with_advice(finding("foreign-signal", level, count, message), advice))
}

fn with_advice(mut found: Finding, advice: &str) -> Finding {
    found.place = Some(PLACE.to_owned());
    found.advice = Some(format!("{advice}; {IF_OTHERS}"));
    found
}
