//! Did every record arrive, once and in time?

use super::{Examination, always, example, finding, place};
use crate::judge::common::{Among, InCommon, in_common};
use crate::judge::doubted::Open;
use crate::judge::evidence::Evidence;
use roaring::RoaringTreemap;
use spanproof_reports::figures;
use spanproof_reports::result::check::{Finding, Level};

/// Above this share of the plan refused or unknown, nothing can be said of what the target does with what it takes.
const NOT_TAKEN_MAX: f64 = 0.05;

/// Where what happened to spans that were acknowledged begins.
const ANSWER: &str = "the target's answer";

/// Where what the target does to spans begins, whatever it answers.
const INTAKE: &str = "the target's intake";

/// Judges delivery.
pub const CHECK: Examination = Examination {
    id: "delivery",
    about: "every span that was acknowledged arrived, once and in time",
    applies: always,
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    lost_acknowledged(evidence, &mut findings);
    lost_declared(evidence, &mut findings);
    duplicated(evidence, &mut findings);
    refused_delivered(evidence, &mut findings);
    late(evidence, &mut findings);
    not_taken(evidence, &mut findings);
    odd_answers(evidence, &mut findings);
    nothing_delivered(evidence, &mut findings);
    findings
}

/// Adds when, what in common, and the first few of a finding's records; gives what they have in common.
fn add_records(evidence: &Evidence, finding: &mut Finding, records: &RoaringTreemap, among: Among) -> InCommon {
    finding.window = example::window(evidence, records);
    finding.at_seconds = finding.window.as_ref().map(|window| window.from_seconds);
    finding.examples = example::examples(evidence, records);
    let common = in_common(evidence, records, among);
    finding.common.clone_from(&common.said);
    common
}

fn with_records(evidence: &Evidence, mut finding: Finding, records: &RoaringTreemap, among: Among) -> Finding {
    add_records(evidence, &mut finding, records, among);
    finding
}

fn lost_acknowledged(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let lost = evidence.account.counts.lost_acknowledged;
    if lost == 0 {
        return;
    }
    let records = &evidence.account.sets.lost_acknowledged;
    if let Some(mut found) = absent_by_design(evidence, lost) {
        add_records(evidence, &mut found, records, Among::Acknowledged);
        return findings.push(found);
    }
    let [open, _, _] = evidence.open_absences();
    let surely = lost - open.at_most;
    if surely > 0 {
        let (rest, message) = but_for(records, &open, "the target said OK and these never came out".to_owned());
        findings.push(absent(evidence, finding("lost-acknowledged", Level::Failure, surely, message), &rest));
    }
    if let Some(doubt) = evidence.why_open(&open) {
        let count = figures::count(open.at_most);
        let message = format!("{count} acknowledged spans had not come out, but {doubt}");
        let found = finding("lost-acknowledged", Level::Inconclusive, open.at_most, message);
        findings.push(absent(evidence, found, &open.records));
    }
}

/// What is left of records that fail a check without those of which this is open, and what to say of it. Where not all of the latter can
/// have been the harness's doing, nobody can tell which were.
fn but_for(records: &RoaringTreemap, open: &Open, message: String) -> (RoaringTreemap, String) {
    if open.at_most >= open.records.len() {
        return (records - &open.records, message);
    }
    let count = figures::count(open.at_most);
    (
        records.clone(),
        format!("{message}; {count} more among these may have been in requests that the sink did not take"),
    )
}

/// A finding of spans that were acknowledged and never came out: where, what they have in common, and what to do.
fn absent(evidence: &Evidence, mut found: Finding, records: &RoaringTreemap) -> Finding {
    let given_up = given_up(evidence, records);
    found.place = evidence.target_ended.clone().or_else(|| given_up.as_ref().map(|(place, _)| place.clone()));
    if found.level == Level::Failure {
        found.place.get_or_insert_with(|| place::between(ANSWER, evidence));
    }
    let common = add_records(evidence, &mut found, records, Among::Acknowledged);
    found.advice = Some(what_to_try(evidence, common.intended, given_up.map(|(_, advice)| advice)));
    found
}

/// What to try about a loss that looks as if it were intended, or that a fault is behind.
fn what_to_try(evidence: &Evidence, intended: Option<String>, given_up: Option<String>) -> String {
    if evidence.sampled.is_some() {
        return "the findings of `sampling`: spans of traces that came out in part, or not at all, and should have; if these have the \
                configuration right, the target's log and its counters of failed exports"
            .to_owned();
    }
    if let Some(intended) = intended {
        return format!("{intended}; if this is meant, say so with --absence unknown, or give the configuration");
    }
    if nothing_came(evidence) {
        return "whether the target exports to where the sink listens (of an external target that is --sink-grpc and --sink-http): \
                nothing at all came to it; then the target's log"
            .to_owned();
    }
    given_up.unwrap_or_else(|| "the target's log and its own counters of refused, dropped and failed spans".to_owned())
}

fn lost_declared(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let lost = evidence.account.counts.lost_declared;
    if lost > 0 {
        let message = "these had been acknowledged and never came out, as the scenario permits";
        let mut found = finding("lost-declared", Level::Info, lost, message);
        found.place = declared_where(evidence);
        findings.push(with_records(evidence, found, &evidence.account.sets.lost_declared, Among::Acknowledged));
    }
}

/// How what was lost as declared was lost, and how much of it each way.
fn declared_where(evidence: &Evidence) -> Option<String> {
    let lost = &evidence.account.sets.lost_declared;
    let ways = [
        (&evidence.died_inside, "inside when the target was killed, which its guarantee permits"),
        (&evidence.discarded(), "thrown away by the sink, which had said OK"),
    ];
    let counted = ways.map(|(records, way)| (lost.intersection_len(records), way));
    let told = counted.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, way)| format!("{way}: {}", figures::count(*count))).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Where faults of the scenario lost these records, and what to try: at a fault that kept the sink from taking them, or inside a
/// target that was killed.
fn given_up(evidence: &Evidence, lost: &RoaringTreemap) -> Option<(String, String)> {
    let by_fault = evidence.faults.iter().map(|fault| (fault, lost.intersection_len(&fault.touched)));
    let by_fault: Vec<_> = by_fault.filter(|(_, count)| *count > 0).collect();
    let died = lost.intersection_len(&evidence.died_inside);
    let (most, most_count) =
        by_fault.iter().max_by_key(|(_, count)| *count).map_or(("", 0), |(fault, count)| (fault.name.as_str(), *count));
    let mut places = Vec::new();
    if died > 0 {
        places.push(format!("inside when the target was killed: {}", figures::count(died)));
    }
    for (of_link, how) in [
        (false, "not taken by the sink, and not sent again"),
        (true, "inside the target while a link was broken or not yet connected again"),
    ] {
        let those = by_fault.iter().filter(|(fault, _)| fault.told.link.is_some() == of_link);
        let told: Vec<String> =
            those.map(|(fault, count)| format!("{} at `{}`", figures::count(*count), fault.name)).collect();
        if !told.is_empty() {
            places.push(format!("{how}: {}", told.join(", ")));
        }
    }
    let advice = match died >= most_count {
        true => {
            "a queue on disk (`sending_queue.storage`), or `collector.guarantee: memory` if this may happen".to_owned()
        }
        false => evidence.remedies.retries.clone().unwrap_or_else(|| {
            format!(
                "whether the target goes on trying for longer than `{most}` lasts: its retries and their budget, then its log"
            )
        }),
    };
    (!places.is_empty()).then(|| (places.join("; "), advice))
}

/// Not a single span came to the sink, of ours or of anybody.
fn nothing_came(evidence: &Evidence) -> bool {
    let counts = &evidence.account.counts;
    counts.delivered + counts.corrupted + evidence.foreign + evidence.invented == 0
}

/// The finding for spans whose absence may be somebody's intention, as far as configuration and user say.
fn absent_by_design(evidence: &Evidence, lost: u64) -> Option<Finding> {
    let (why, advice) = if evidence.sampled.is_none() && !evidence.may_leave_out.is_empty() {
        let components = evidence.may_leave_out.join(", ");
        let why = format!("the configuration has {components}, which may leave spans out on purpose");
        (why, "run without it to check delivery alone")
    } else if evidence.absence_is_unknown {
        ("the target is said to leave spans out on purpose".to_owned(), "without --absence unknown, absence is loss")
    } else {
        return None;
    };
    let message = format!(
        "{} acknowledged spans did not come out, and {why}: whether these should have come cannot be told",
        figures::count(lost)
    );
    let mut found = finding("absent-by-design", Level::Inconclusive, lost, message);
    found.advice = Some(advice.to_owned());
    Some(found)
}

fn duplicated(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let counts = &evidence.account.counts;
    let excused = &evidence.excused.repeated;
    let unexplained = counts.duplicated - counts.duplicated_explained - excused.len();
    if unexplained > 0 {
        let records = &evidence.account.unexplained_repeats() - excused;
        let message = "these came out twice or more though each was sent once";
        let mut found = with_records(
            evidence,
            finding("duplicated", Level::Failure, unexplained, message),
            &records,
            Among::Arrived,
        );
        let by_ways = by_ways(evidence);
        found.advice = Some(
            match by_ways {
                Some(_) => "send each span one way only, or keep the other pipelines from the sink",
                None => "whether the target repeats exports that had succeeded: its retries, its queue after a restart",
            }
            .to_owned(),
        );
        found.place = Some(by_ways.unwrap_or_else(|| place::between(INTAKE, evidence)));
        findings.push(found);
    }
    if !excused.is_empty() {
        let message = "these came out twice or more though each was sent once; whether the target repeats what had succeeded cannot \
                       be told, since whoever waits for an answer of the sink meanwhile has reason to send again";
        let found = while_we_stood_still(evidence, "duplicated", excused.len(), message);
        findings.push(with_records(evidence, found, excused, Among::Arrived));
    }
    if counts.duplicated_explained > 0 {
        let message = "these came out twice or more; they had to be sent again where no answer came, which explains it";
        let found = finding("duplicated-explained", Level::Info, counts.duplicated_explained, message);
        findings.push(with_records(evidence, found, &evidence.account.sets.duplicated_explained, Among::Arrived));
    }
}

/// A finding of what our own standing still may be the reason for: open, and with what to do about that.
fn while_we_stood_still(evidence: &Evidence, id: &str, count: u64, message: &str) -> Finding {
    let why = evidence.excused.standstills.in_words().unwrap_or_default();
    let mut found = finding(id, Level::Inconclusive, count, format!("{message}: {why}"));
    found.advice = Some(
        "give spanproof the CPU that it needs (alone on its machine, or at a lower rate), and do not pause it"
            .to_owned(),
    );
    found
}

/// What the configuration itself says of repeats. They fail all the same: a backend would have each span as often.
fn by_ways(evidence: &Evidence) -> Option<String> {
    let (count, named) = (evidence.ways.len(), evidence.ways.join(", "));
    (!evidence.ways.is_empty())
        .then(|| format!("the configuration leads to the sink by {count} ways (pipelines {named})"))
}

fn refused_delivered(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let (counts, sets) = (&evidence.account.counts, &evidence.account.sets);
    let explained = counts.refused_delivered_explained;
    let count = counts.refused_delivered - explained;
    if count > 0 {
        let mut message =
            "the target refused these for good and delivered them all the same: a client that acts on the \
                           refusal counts them as lost"
                .to_owned();
        let in_part = counts.refused_delivered_in_part;
        if in_part > 0 {
            message.push_str(&format!(
                "; {} of them were rejected in partial successes, which do not say which spans they mean: the examples \
                 are taken from all that came of those requests",
                figures::count(in_part)
            ));
        }
        let found = finding("refused-delivered", Level::Failure, count, message);
        let records = &sets.refused_delivered - &sets.refused_delivered_explained;
        let mut found = with_records(evidence, found, &records, Among::Sent);
        found.place = Some(place::between(INTAKE, evidence));
        found.advice = Some(
            "whether one of several pipelines refused what another delivered: give each exporter a `sending_queue`, so that no \
             backend's refusal is the client's"
                .to_owned(),
        );
        if in_part > 0 {
            // Most of these records were taken, and what they have in common says nothing of those that were not.
            found.common = vec!["which spans were rejected is not known, so there is nothing to compare".to_owned()];
        }
        findings.push(found);
    }
    if explained > 0 {
        let message = "the target refused these for good when they were sent again, and they came out: an earlier attempt, \
                       whose answer was not final, may have delivered them";
        let found = finding("refused-delivered-explained", Level::Info, explained, message);
        findings.push(with_records(evidence, found, &sets.refused_delivered_explained, Among::Sent));
    }
}

fn late(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let (late, excused) = (&evidence.account.sets.late, &evidence.excused.late);
    let message = format!(
        "these came out more than {:.1} s after they were sent, longer than the target may hold them",
        evidence.late_after.as_secs_f64()
    );
    let cannot_be_told = format!("{message}; whether that is the target's doing cannot be told");
    // Where the harness itself was late or took not everything, or the run was cut short, that says nothing of the target.
    if let Some(doubt) = evidence.lateness_doubt() {
        let count = evidence.account.counts.late;
        let found = finding("late", Level::Inconclusive, count, format!("{cannot_be_told}: {doubt}"));
        findings.extend((count > 0).then(|| with_records(evidence, found, late, Among::Arrived)));
        return;
    }
    let open = evidence.open_late();
    let count = evidence.account.counts.late - excused.len() - open.at_most;
    if count > 0 {
        let (rest, message) = but_for(&(late - excused), &open, message);
        let mut found = finding("late", Level::Failure, count, message);
        found.place = Some(place::between(INTAKE, evidence));
        found.advice = Some(
            "what holds spans inside it for so long: batch time-outs, a queue that fills, pauses between retries; or a longer \
             `run.late_after`"
                .to_owned(),
        );
        findings.push(with_records(evidence, found, &rest, Among::Arrived));
    }
    if !excused.is_empty() {
        let found = while_we_stood_still(evidence, "late", excused.len(), &cannot_be_told);
        findings.push(with_records(evidence, found, excused, Among::Arrived));
    }
    if let Some(doubt) = evidence.why_open(&open) {
        let found = finding("late", Level::Inconclusive, open.at_most, format!("{cannot_be_told}: {doubt}"));
        findings.push(with_records(evidence, found, &open.records, Among::Arrived));
    }
}

fn not_taken(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let counts = &evidence.account.counts;
    let level = |count: u64| {
        if count as f64 > NOT_TAKEN_MAX * counts.sent as f64 { Level::Inconclusive } else { Level::Warning }
    };
    let answer = evidence.requests.values().find(|request| request.is_failure_in_words());
    let said = answer.map_or(String::new(), |request| format!("; one answer: {}", request.answer));
    if counts.refused > 0 {
        let message = format!("the target refused these for good, so nothing was promised{said}");
        let mut found = finding("refused", level(counts.refused), counts.refused, message);
        found.advice.clone_from(&evidence.remedies.queue);
        let absent = &evidence.account.sets.lost_refused;
        if !absent.is_empty() {
            add_records(evidence, &mut found, absent, Among::Sent);
        }
        found.at_seconds = answer.map(|request| request.ended_ns as f64 / 1e9).or(found.at_seconds);
        findings.push(found);
    }
    if counts.unknown > 0 {
        let message = format!(
            "no final answer came for these, so nothing was promised: {} came out, {} did not{said}",
            figures::count(counts.recovered),
            figures::count(counts.lost_unknown)
        );
        let mut found = finding("unknown", level(counts.unknown), counts.unknown, message);
        let sent_once = evidence.requests.values().all(|request| request.attempts <= 1);
        let as_sdks =
            || "a lower rate, or `traffic.client.retry: { enabled: true }` to send again as SDKs do".to_owned();
        found.advice = evidence.remedies.queue.clone().or_else(|| sent_once.then(as_sdks));
        let absent = &evidence.account.sets.lost_unknown;
        if !absent.is_empty() {
            add_records(evidence, &mut found, absent, Among::Sent);
        }
        findings.push(found);
    }
}

/// Successes that say more than yes, or what is no answer at all: the requests were taken, and a client would only log it.
fn odd_answers(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let mut requests = evidence.requests.values().filter(|request| request.is_oddly_taken());
    if let Some(first) = requests.next() {
        let message =
            format!("the target took these requests, and its answers say more than that; one: {}", first.answer);
        let mut found = finding("odd-answer", Level::Warning, 1 + requests.count() as u64, message);
        found.at_seconds = Some(first.ended_ns as f64 / 1e9);
        findings.push(found);
    }
}

fn nothing_delivered(evidence: &Evidence, findings: &mut Vec<Finding>) {
    let counts = &evidence.account.counts;
    if counts.delivered == 0 && counts.corrupted == 0 && counts.lost_acknowledged == 0 {
        let message = match (counts.lost_declared, counts.sampled_out + counts.absent) {
            (0, 0) => "nothing was acknowledged and nothing came out: there is nothing to judge",
            (0, _) => {
                "nothing came out, and the target may leave out all of it: of what comes out there is nothing to judge"
            }
            _ => "nothing came out: whether anything would have, had the target not been killed, cannot be told",
        };
        findings.push(finding("nothing-delivered", Level::Inconclusive, counts.sent, message));
    }
}
