//! May the harness itself be believed?

use super::{Examination, always, finding};
use crate::judge::evidence::{Evidence, harness_was_the_limit};
use roaring::MultiOps;
use spanproof_reports::result::check::{Finding, Level};

/// Less of the plan than this sent, and the run says too little.
const SENT_MIN: f64 = 0.95;

/// Judges the harness.
pub const CHECK: Examination = Examination {
    id: "driver",
    about: "the harness kept to its plan and its account adds up",
    applies: always,
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let counts = &evidence.account.counts;
    let mut findings = Vec::new();
    if let Some(reason) = &evidence.cut_short {
        findings.push(finding("cut-short", Level::Inconclusive, counts.not_sent, reason.clone()));
    } else if (counts.sent as f64) < SENT_MIN * counts.planned as f64 {
        let why = match &evidence.target_ended {
            Some(_) => "the target had ended",
            None => "the client's queue was full, since target or driver did not keep up",
        };
        let share = 100.0 * counts.sent as f64 / counts.planned.max(1) as f64;
        let message = format!("only {share:.1} % of the plan was sent (below 95 %): {why}");
        findings.push(finding("not-sent", Level::Inconclusive, counts.not_sent, message));
    } else if counts.not_sent > 0 {
        let message = "these never left: the client's queue was full";
        findings.push(finding("not-sent", Level::Warning, counts.not_sent, message));
    }
    if let Some(reason) = harness_was_the_limit(&evidence.conduct) {
        let message = format!("{reason}: figures that rest on time are withheld");
        let mut found = finding("harness-was-the-limit", Level::Warning, 1, message);
        found.advice =
            Some("a lower rate, or a machine with less else to do; all but times is judged as ever".to_owned());
        findings.push(found);
    }
    if let Some(ended) = &evidence.target_ended {
        findings.push(finding("target-ended", Level::Inconclusive, 1, ended.clone()));
    }
    never_bit(evidence, &mut findings);
    sink_refused(evidence, &mut findings);
    settled_short(evidence, &mut findings);
    contradictions(evidence, &mut findings);
    findings
}

/// Where nothing was broken, a run in which nothing is found shows nothing.
fn never_bit(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let open = |message: String, advice: &str| {
        let mut found = finding("never-bit", Level::Inconclusive, 1, message);
        found.advice = Some(advice.to_owned());
        found
    };
    findings.extend(evidence.never_bit.iter().map(|defect| {
        let message = format!("{defect} was planted and never bit: whether it would have been noticed cannot be told");
        open(message, "more spans, or traffic that has what it looks for")
    }));
    findings.extend(evidence.faults.iter().filter(|fault| !fault.told.has_bitten()).map(|fault| {
        let message = format!(
            "the fault `{}` left no evidence that it touched anything: what holds of this run says nothing about it",
            fault.name
        );
        open(message, "let it begin while requests come, and last for longer")
    }));
}

/// What the sink did not take because of its own bounds is not the target's loss. It matters where something is absent or late that may have
/// been in it; what a target sent again arrived all the same.
fn sink_refused(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let Some(refused) = evidence.refusals.by_bounds_in_words() else { return };
    let absent = evidence.open_absences().iter().any(|open| open.by_refusals);
    let late = evidence.open_late().by_refusals || (evidence.doubted.is_none() && evidence.account.counts.late > 0);
    let matters = absent || late;
    let level = if matters { Level::Inconclusive } else { Level::Warning };
    let message = format!(
        "the sink refused or cut off requests because of its own bounds ({refused}): what was in them, and never came, cannot be told from a loss"
    );
    let mut found = finding("sink-refused", level, evidence.refusals.by_bounds.values().sum(), message);
    found.advice = Some(
        "have the target send smaller requests, compressed with gzip, zstd or not at all, or lower the rate".to_owned(),
    );
    findings.push(found);
}

/// What came only when the target was stopped might have come by itself, had it been waited for.
fn settled_short(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let settling = &evidence.settling;
    let Some(short) = settling.short.filter(|_| settling.drained > 0 && evidence.cut_short.is_none()) else { return };
    let message = format!(
        "these came out only when the target was stopped, after settling for {:.1} s; it may hold them for {:.1} s, so whether \
         they would have come by themselves cannot be told",
        short.as_secs_f64(),
        evidence.late_after.as_secs_f64()
    );
    let mut found = finding("settled-short", Level::Inconclusive, settling.drained, message);
    found.advice = Some("leave run.settle at `auto`, or make it longer".to_owned());
    findings.push(found);
}

/// What cannot be unless the harness is wrong: then it says so instead of judging.
fn contradictions(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let counts = &evidence.account.counts;
    for equation in counts.broken_equations() {
        let message = format!("the account does not add up: {equation}; this is an error of spanproof");
        findings.push(finding("account-broken", Level::Inconclusive, 1, message));
    }
    for contradiction in between_bookkeepers(evidence) {
        let message = format!("{contradiction}; this is an error of spanproof");
        findings.push(finding("account-broken", Level::Inconclusive, 1, message));
    }
    if counts.delivered_not_sent > 0 {
        let message = "these arrived though they never left: this is an error of spanproof";
        findings.push(finding("delivered-not-sent", Level::Inconclusive, counts.delivered_not_sent, message));
    }
}

/// What is kept twice, by different parts, and is not the same: which records changed, and what became of the spans that were sent.
fn between_bookkeepers(evidence: &Evidence) -> Vec<String> {
    let (sums, counts) = (&evidence.sums, &evidence.account.counts);
    let changed = evidence.corruptions.values().map(|kind| &kind.records).union();
    let mut contradictions = Vec::new();
    if changed != evidence.account.sets.corrupted {
        let (explained, all) = (changed.len(), evidence.account.sets.corrupted.len());
        contradictions.push(format!("{all} records came changed, and of {explained} it is known what changed"));
    }
    let pairs = [
        ("acknowledged", sums.acknowledged, counts.acknowledged),
        ("refused", sums.refused, counts.refused),
        ("unknown", sums.unknown, counts.unknown),
    ];
    // Where somebody else sent, there are no sums.
    let apart = pairs.into_iter().filter(|(_, driver, account)| sums.requests > 0 && driver != account);
    contradictions.extend(apart.map(|(word, driver, account)| {
        format!("the driver counted {driver} spans as {word}, and by its requests there are {account}")
    }));
    contradictions
}
