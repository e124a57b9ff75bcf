//! Is what arrived what was sent, and nothing else?

mod groups;
mod writers;

use super::{Examination, always, example, finding, place, uninvited};
use crate::judge::common::{Among, Look, in_common_by};
use crate::judge::corruption::CorruptExample;
use crate::judge::evidence::Evidence;
use crate::judge::strangers::Stranger;
use groups::Group;
use roaring::MultiOps;
use spanproof_reports::figures::hex;
use spanproof_reports::result::check::{Example, Finding, Level};

/// Findings whose records are compared with all others; for further ones a look at a part of a long run has to do.
const THOROUGH_MAX: usize = 8;

/// Fields named in one finding.
const FIELDS_MAX: usize = 8;

/// Judges integrity.
pub const CHECK: Examination = Examination {
    id: "integrity",
    about: "every span that arrived is the one that was sent, in every field",
    applies: always,
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = corrupted(evidence);
    strangers(evidence, &mut findings);
    disagreement(evidence, &mut findings);
    findings.extend(uninvited::findings(evidence));
    findings
}

/// One finding for each set of fields that differ, the most frequent first.
fn corrupted(evidence: &Evidence) -> Vec<Finding> {
    let mut groups = groups::of(evidence);
    groups.sort_by_key(|group| std::cmp::Reverse(group.records.len()));
    let (known, others): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| evidence.is_known_to_change(&group.fields));
    let findings = others.iter().enumerate();
    let look = |at| if at < THOROUGH_MAX { Look::Thorough } else { Look::Brief };
    findings.map(|(at, group)| changed(evidence, group, look(at))).chain(as_known(evidence, &known)).collect()
}

fn changed(evidence: &Evidence, group: &Group, look: Look) -> Finding {
    let (fields, count) = (shown_fields(&group.fields), group.records.len());
    let mut found = match evidence.may_have_changed(&group.fields)[..] {
        [] => Finding {
            advice: Some(writers::suspects(evidence, &group.fields)),
            ..finding("corrupted", Level::Failure, count, format!("these arrived with another {fields}"))
        },
        ref components => changed_by_design(&fields, count, components),
    };
    found.place = Some(fields);
    found.window = example::window(evidence, &group.records);
    found.at_seconds = found.window.as_ref().map(|window| window.from_seconds);
    found.common = match group.of_all {
        true => vec!["every span alike".to_owned()],
        false => in_common_by(evidence, &group.records, Among::Arrived, look).said,
    };
    found.examples = group.examples.iter().map(|corrupt| corrupt_example(evidence, group, corrupt)).collect();
    found
}

fn shown_fields(fields: &[String]) -> String {
    if fields.len() <= FIELDS_MAX {
        return fields.join(", ");
    }
    format!("{} and {} more", fields[..FIELDS_MAX - 1].join(", "), fields.len() - FIELDS_MAX + 1)
}

fn corrupt_example(evidence: &Evidence, group: &Group, corrupt: &CorruptExample) -> Example {
    let described = example::describe(evidence, corrupt.record);
    let differences = corrupt.differences.iter().filter(|difference| group.holds(difference));
    let differences: Vec<String> = differences
        .map(|difference| {
            let (sent, received) = (shown(&difference.expected), shown(&difference.received));
            format!("{}: sent {sent}, received {received}", difference.path)
        })
        .collect();
    example::example(&described, &differences.join("; "))
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

/// What a component does to every span alike, wanted or not, so that nothing about it is open.
fn as_known(evidence: &Evidence, groups: &[Group]) -> Option<Finding> {
    let first = groups.first()?;
    let records = groups.iter().map(|group| &group.records).union();
    let message = format!(
        "these arrived without their schema URLs, which {} is known to erase from everything (seen in collector 0.155)",
        evidence.may_have_changed(&first.fields).join(", ")
    );
    let mut found = finding("changed-as-known", Level::Warning, records.len(), message);
    found.examples = first.examples.iter().map(|corrupt| corrupt_example(evidence, first, corrupt)).collect();
    found.advice = Some("whoever reads these spans does not learn by which conventions they are named".to_owned());
    Some(found)
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "(nothing)" } else { value }
}

fn strangers(evidence: &Evidence, findings: &mut Vec<Finding>) {
    if evidence.invented > 0 {
        let message = "these carry ids of this run that were never planned";
        let mut found = finding("invented", Level::Failure, evidence.invented, message);
        found.place = Some(place::between("the driver, which sent none of these,", evidence));
        found.advice = Some(
            "which component makes spans, or gives them new ids: connectors, `transform`, an agent on the way; `spanproof show` \
             draws the trace around one"
                .to_owned(),
        );
        add_strangers(&mut found, &evidence.strangers.invented);
        findings.push(found);
    }
    if evidence.foreign > 0 {
        let level = if evidence.foreign_fails { Level::Failure } else { Level::Info };
        let message =
            "these are not of this run: somebody else sends to this target or sink, or an id was changed on the way";
        let mut found = finding("foreign", level, evidence.foreign, message);
        found.place = Some("at the sink, among what the target delivered or beside it".to_owned());
        add_strangers(&mut found, &evidence.strangers.foreign);
        found.advice = Some(
            "if an earlier run left them in the target, restart it; if others may use it, add --foreign ignore"
                .to_owned(),
        );
        findings.push(found);
    }
}

/// Adds the first ones, and when the first of them came.
fn add_strangers(found: &mut Finding, strangers: &[Stranger]) {
    found.examples = strangers.iter().map(stranger).collect();
    found.at_seconds = found.examples.first().and_then(|first| first.at_seconds);
}

/// What cannot be unless spanproof is wrong: the hash says *different*, and the full comparison finds nothing.
fn disagreement(evidence: &Evidence, findings: &mut Vec<Finding>) {
    if evidence.unexplained > 0 {
        let message = "the hash of these differs and a full comparison finds them equal: this is an error of spanproof";
        findings.push(finding("judges-disagree", Level::Inconclusive, evidence.unexplained, message));
    }
}

fn stranger(stranger: &Stranger) -> Example {
    // An id that is missing or not as wide as an id is all zeros here, which it was not on the wire.
    let (trace_id, span_id) = (stranger.trace_id != [0; 16], stranger.span_id != [0; 8]);
    let text = match (trace_id, span_id) {
        (true, true) => "not in the plan",
        (false, true) => "not in the plan: no trace id, or one that is not 16 bytes long",
        (true, false) => "not in the plan: no span id, or one that is not 8 bytes long",
        (false, false) => "not in the plan: neither a trace id of 16 bytes nor a span id of 8",
    };
    Example {
        trace_id: trace_id.then(|| hex(&stranger.trace_id)),
        span_id: span_id.then(|| hex(&stranger.span_id)),
        text: text.to_owned(),
        at_seconds: Some(stranger.received_ns as f64 / 1e9),
    }
}
