//! Did those traces come out that the target's own configuration keeps, and no others?

use super::{Examination, example, finding, place};
use crate::judge::common::{Among, in_common};
use crate::judge::evidence::Evidence;
use crate::judge::sampling::{Became, LimitClaim, Sampled, Window, Wrong};
use roaring::RoaringTreemap;
use spanproof_reports::figures::count;
use spanproof_reports::result::check::{Example, Finding, Level};
use spanproof_reports::result::sampling::Sampling;

/// Above this share of the traces unclaimed, the check has not said enough to pass.
const UNKNOWN_MAX: f64 = 0.01;

/// Reasons that are named in a finding.
const REASONS_MAX: usize = 3;

/// Judges what samplers and filters did.
pub const CHECK: Examination = Examination {
    id: Sampling::CHECK,
    about: "those traces came out, whole, that the target's configuration keeps, and no others",
    applies: |evidence| evidence.sampled.is_some(),
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let Some(sampled) = &evidence.sampled else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(kept_wrongly(evidence, sampled));
    findings.extend(dropped_wrongly(evidence, sampled));
    findings.extend(split(evidence, sampled));
    findings.extend(sampled.limits.iter().flat_map(beyond));
    findings.extend(unknown(sampled));
    findings.extend(assumed(sampled));
    findings
}

fn kept_wrongly(evidence: &Evidence, sampled: &Sampled) -> Option<Finding> {
    let traces = sampled.wrong_traces.kept;
    let message = "these traces came out, or spans of them, and the configuration drops them".to_owned();
    let found = finding("kept-wrongly", Level::Failure, traces, message);
    (traces > 0).then(|| told(evidence, sampled, found, Became::Kept, &sampled.kept_wrongly, Among::Arrived))
}

fn dropped_wrongly(evidence: &Evidence, sampled: &Sampled) -> Option<Finding> {
    let traces = sampled.wrong_traces.dropped;
    let (level, message) = absent(
        evidence,
        &sampled.dropped_wrongly,
        "nothing came out of these traces, and the configuration keeps them",
    );
    let found = finding("dropped-wrongly", level, traces, message);
    (traces > 0).then(|| told(evidence, sampled, found, Became::Dropped, &sampled.dropped_wrongly, Among::Acknowledged))
}

fn split(evidence: &Evidence, sampled: &Sampled) -> Option<Finding> {
    let traces = sampled.wrong_traces.split;
    let (level, message) =
        absent(evidence, &sampled.split, "of these traces a part came out, where all or nothing should have");
    let found = finding("split", level, traces, message);
    (traces > 0).then(|| told(evidence, sampled, found, Became::Split, &sampled.split, Among::Acknowledged))
}

/// What did not come out is open where that may be our own doing, all of it.
fn absent(evidence: &Evidence, records: &RoaringTreemap, message: &str) -> (Level, String) {
    let [open, _, _] = evidence.open_absences();
    let absent = records & &evidence.account.sets.lost_acknowledged;
    let may_be_ours = !absent.is_empty() && absent.len() <= open.at_most && absent.is_subset(&open.records);
    match evidence.why_open(&open).filter(|_| may_be_ours) {
        None => (Level::Failure, message.to_owned()),
        Some(doubt) => (Level::Inconclusive, format!("{message}, but {doubt}")),
    }
}

fn told(
    evidence: &Evidence,
    sampled: &Sampled,
    mut found: Finding,
    became: Became,
    records: &RoaringTreemap,
    among: Among,
) -> Finding {
    let wrong: Vec<&Wrong> = sampled.wrong.iter().filter(|wrong| wrong.became == became).collect();
    found.window = example::window(evidence, records);
    found.at_seconds = found.window.as_ref().map(|window| window.from_seconds);
    found.examples = wrong.iter().map(|wrong| example_of(evidence, wrong)).collect();
    found.common = in_common(evidence, records, among).said;
    found.place = Some(place::between("the target's sampling", evidence));
    found.advice = Some(
        "the rule that each example names, and whether the target runs this configuration: `spanproof explain` tells what it says"
            .to_owned(),
    );
    found
}

fn example_of(evidence: &Evidence, wrong: &Wrong) -> Example {
    let record = example::describe(evidence, wrong.record);
    let what = match wrong.became {
        Became::Kept => "came out".to_owned(),
        Became::Dropped => "nothing came out".to_owned(),
        Became::Split => format!("{} of {} spans came out", wrong.came, wrong.given),
    };
    example::example(&record, &format!("{what}; by the configuration {}", wrong.why))
}

/// What rates let through beyond what they may.
fn beyond(claim: &LimitClaim) -> Vec<Finding> {
    let above = claim.above.as_ref().map(|window| {
        let (count, message) = compared(claim, window, "let more through than they may");
        at(window, finding("above-rate", Level::Failure, count, message))
    });
    let below = claim.below.as_ref().map(|window| {
        let (count, message) = compared(claim, window, "refused what they had tokens for");
        at(window, finding("below-rate", Level::Failure, count, message))
    });
    let unbounded = (!claim.has_bounds && claim.asked > 0).then(|| {
        let message = format!(
            "how much the rates of {} may let through cannot be told: bytes are counted as they were batched, and what a rate refuses \
             has no bound where that comes out",
            claim.by
        );
        finding("rate-unknown", Level::Inconclusive, claim.asked, message)
    });
    above.into_iter().chain(below).chain(unbounded).collect()
}

/// By how many spans, and in words.
fn compared(claim: &LimitClaim, window: &Window, what: &str) -> (u64, String) {
    let bound = window.bound.max(0.0).round() as u64;
    let message = format!(
        "the rates of {} {what}: {} spans came out of traces that began from {} s to {} s, and the bound is {}",
        claim.by,
        count(window.kept),
        window.from_seconds,
        window.to_seconds,
        count(bound)
    );
    (window.kept.abs_diff(bound), message)
}

/// With its time and place.
fn at(window: &Window, found: Finding) -> Finding {
    Finding {
        at_seconds: Some(window.from_seconds as f64),
        place: Some("in the target's sampler".to_owned()),
        advice: Some(
            "whether the target runs this configuration, alone and in one process: each replica has a rate of its own"
                .to_owned(),
        ),
        ..found
    }
}

fn unknown(sampled: &Sampled) -> Option<Finding> {
    let traces: u64 = sampled.unknown.values().sum();
    let all: u64 = sampled.rules.values().map(|tally| tally.traces()).sum();
    let mut reasons: Vec<(&String, &u64)> = sampled.unknown.iter().collect();
    reasons.sort_by_key(|(_, traces)| std::cmp::Reverse(**traces));
    let named = reasons.iter().take(REASONS_MAX).map(|(why, traces)| format!("{why} ({})", count(**traces)));
    let named: Vec<String> = named.collect();
    let level = if traces as f64 > UNKNOWN_MAX * all as f64 { Level::Inconclusive } else { Level::Warning };
    let message = format!(
        "whether {} of {} traces should have come out cannot be told: {}",
        count(traces),
        count(all),
        named.join("; ")
    );
    (traces > 0).then(|| finding("fate-unknown", level, traces, message))
}

/// What another version does may differ.
fn assumed(sampled: &Sampled) -> Option<Finding> {
    let (version, is_known) = &sampled.version;
    let message = format!("the target does not say which version it is: it was judged as collector {version}");
    (!is_known).then(|| finding("version-assumed", Level::Warning, 1, message))
}
