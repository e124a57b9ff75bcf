//! Did the target send again what OTLP lets it, when it lets it, and nothing else?

use super::{Examination, finding};
use crate::judge::evidence::{Evidence, FaultEvidence};
use spanproof_reports::figures::{count, milliseconds, several};
use spanproof_reports::result::check::{Finding, Level};
use spanproof_reports::result::faults::{Pause, Reactions, Wrong};

/// Judges what the target did with the requests that faults sent away: OTLP 1.11, "Failures", "Throttling" and "Partial Success".
pub const CHECK: Examination = Examination {
    id: "reactions",
    about: "the target sends again what OTLP lets it, when it lets it, and nothing else",
    applies: |evidence| seen(evidence).next().is_some(),
    findings,
};

/// What to try where a target sends again what it must not.
const FINAL: &str = "what its exporter takes for retryable: over HTTP 429, 502, 503 and 504 alone; over gRPC not INVALID_ARGUMENT and its \
                     like, nor RESOURCE_EXHAUSTED without RetryInfo";

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut findings: Vec<Finding> = seen(evidence).flat_map(|(fault, reactions)| of_fault(fault, reactions)).collect();
    // Who gives up waiting has not heard the answer, and may send again.
    if let Some(why) = evidence.excused.standstills.in_words().filter(|_| evidence.excused.unheard) {
        for found in findings.iter_mut().filter(|found| found.level == Level::Failure) {
            found.level = Level::Inconclusive;
            found.message.push_str(&format!("; whether it had heard that answer cannot be told: {why}"));
        }
    }
    findings
}

/// The faults that sent requests away, and what became of those.
fn seen(evidence: &Evidence) -> impl Iterator<Item = (&FaultEvidence, &Reactions)> {
    evidence.faults.iter().filter_map(|fault| Some((fault, fault.told.reactions.as_ref()?)))
}

fn of_fault(fault: &FaultEvidence, reactions: &Reactions) -> Vec<Finding> {
    let place = format!("fault `{}`: {}", fault.name, fault.told.what);
    let after_final = wrong(&reactions.after_final, |times, requests| {
        let message =
            format!("{requests} came again after an answer after which nobody may send a request again ({place})");
        let mut found = finding("resent-after-final", Level::Failure, times, message);
        found.place = Some(format!("the target's exporter, at fault `{}`", fault.name));
        found.advice = Some(FINAL.to_owned());
        found
    });
    // "SHOULD": whoever does it is impolite, and no more.
    let too_early = wrong(&reactions.too_early, |times, requests| {
        let message = format!("{requests} came again before the time that the answer named ({place})");
        finding("resent-too-early", Level::Warning, times, message)
    });
    let in_step = reactions.first_pause.filter(Pause::is_in_step).map(|pause| in_step(&pause, &place));
    after_final.into_iter().chain(too_early).chain(in_step).collect()
}

/// A finding of something that ought not to have happened; none where it did not.
fn wrong(wrong: &Wrong, found: impl FnOnce(u64, String) -> Finding) -> Option<Finding> {
    (wrong.times > 0).then(|| Finding {
        at_seconds: wrong.examples.first().and_then(|example| example.at_seconds),
        examples: wrong.examples.clone(),
        ..found(wrong.times, several(wrong.times, "request"))
    })
}

fn in_step(pause: &Pause, place: &str) -> Finding {
    let (shortest, longest) = (milliseconds(pause.tenth_ms), milliseconds(pause.nine_tenths_ms));
    let message = format!(
        "{} requests that were refused came again in step: eight in ten after {shortest} to {longest} ({place})",
        count(pause.count)
    );
    let mut found = finding("resent-in-step", Level::Warning, pause.count, message);
    found.advice = Some(
        "chance in the pauses (`retry_on_failure: randomization_factor`), so that not all of them come back at once"
            .to_owned(),
    );
    found
}
