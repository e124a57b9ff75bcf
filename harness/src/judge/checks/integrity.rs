//! Is what arrived what was sent, and nothing else?

use super::{conclude, example, finding, uninvited};
use crate::judge::evidence::Evidence;
use crate::judge::strangers::Stranger;
use spanproof_reports::result::check::{Check, Example, Finding, Level};

/// Judges integrity.
pub fn check(evidence: &Evidence) -> Check {
    let mut findings = corrupted(evidence);
    strangers(evidence, &mut findings);
    findings.extend(uninvited::findings(evidence));
    conclude("integrity", "every span that arrived is the one that was sent, in every field", findings)
}

/// One finding for each set of fields that differ.
fn corrupted(evidence: &Evidence) -> Vec<Finding> {
    let kinds = evidence.corruptions.iter();
    kinds
        .map(|(fields, kind)| {
            let mut found = match evidence.may_have_changed(kind)[..] {
                [] => {
                    let message = format!("these arrived with another {fields}");
                    finding("corrupted", Level::Failure, kind.count, message)
                }
                ref components => changed_by_design(fields, kind.count, components),
            };
            found.place = Some(fields.clone());
            found.at_seconds = kind.examples.first().map(|example| example.received_ns as f64 / 1e9);
            found.examples = kind
                .examples
                .iter()
                .map(|corrupt| {
                    let described = example::describe(evidence, corrupt.record);
                    let differences: Vec<String> = corrupt
                        .differences
                        .iter()
                        .map(|difference| {
                            format!(
                                "{}: sent {}, received {}",
                                difference.path,
                                shown(&difference.expected),
                                shown(&difference.received)
                            )
                        })
                        .collect();
                    example::example(&described, &differences.join("; "))
                })
                .collect();
            found
        })
        .collect()
}

fn changed_by_design(fields: &str, count: u64, components: &[&str]) -> Finding {
    let message = format!(
        "these arrived with another {fields}, and the configuration has {}, which may change that on purpose: whether it \
         should have cannot be told",
        components.join(", ")
    );
    let mut found = finding("changed-by-design", Level::Inconclusive, count, message);
    found.advice = Some("run without it to check integrity alone".to_owned());
    found
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(nothing)" } else { value }
}

fn strangers(evidence: &Evidence, findings: &mut Vec<Finding>) {
    if evidence.invented > 0 {
        let message = "these carry ids of this run that were never planned";
        let mut found = finding("invented", Level::Failure, evidence.invented, message);
        found.examples = evidence.strangers.invented.iter().map(stranger).collect();
        findings.push(found);
    }
    if evidence.foreign > 0 {
        let level = if evidence.foreign_fails { Level::Failure } else { Level::Info };
        let message =
            "these are not of this run: somebody else sends to this target or sink, or an id was changed on the way";
        let mut found = finding("foreign", level, evidence.foreign, message);
        found.examples = evidence.strangers.foreign.iter().map(stranger).collect();
        found.advice = Some("if others may use the target, add --foreign ignore".to_owned());
        findings.push(found);
    }
}

fn stranger(stranger: &Stranger) -> Example {
    Example {
        trace_id: Some(example::hex(&stranger.trace_id)),
        span_id: Some(example::hex(&stranger.span_id)),
        text: "not in the plan".to_owned(),
        at_seconds: Some(stranger.received_ns as f64 / 1e9),
    }
}
