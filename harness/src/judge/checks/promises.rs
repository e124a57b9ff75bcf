//! Did as much of everything come out as the scenario promises, whatever the target's configuration says?

use super::{Examination, example, finding, place};
use crate::judge::evidence::Evidence;
use crate::judge::sampling::Promised;
use spanproof_reports::figures::{count, ratio};
use spanproof_reports::result::check::{Finding, Level};

/// Judges promises.
pub const CHECK: Examination = Examination {
    id: "promises",
    about: "as much came out as the scenario promises, whatever the target's configuration says",
    applies: |evidence| !evidence.promised.is_empty(),
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    evidence.promised.iter().filter_map(|promised| broken(evidence, promised).or_else(|| untried(promised))).collect()
}

fn broken(evidence: &Evidence, promised: &Promised) -> Option<Finding> {
    let (below, above) = (promised.is_below(), promised.is_above());
    if promised.of == 0 || !(below || above) {
        return None;
    }
    let doubt = doubt(evidence, promised).filter(|_| below);
    let split = match promised.split {
        0 => String::new(),
        split => format!(", and a part of {} more", count(split)),
    };
    let mut message = format!(
        "{}: of {} came out {} ({}){split}",
        promised.promise,
        count(promised.of),
        count(promised.kept),
        ratio(promised.kept as f64 / promised.of as f64)
    );
    if let Some(doubt) = &doubt {
        message.push_str(&format!("; but {doubt}"));
    }
    let level = if doubt.is_some() { Level::Inconclusive } else { Level::Failure };
    let wrong = if below { promised.of - promised.kept } else { promised.kept + promised.split };
    let mut found = finding("promise-broken", level, wrong, message);
    let records = promised.counterexamples();
    found.window = example::window(evidence, records);
    found.at_seconds = found.window.as_ref().map(|window| window.from_seconds);
    found.examples = example::examples(evidence, records);
    found.place = Some(place::between("the target's sampling", evidence));
    found.advice = Some(
        match evidence.sampled.as_ref().map(|sampled| sampled.wrong_traces.is_none()) {
            Some(true) => "the configuration itself: the target does as it says, and it does not say this",
            _ => "what `sampling` finds, if it does; else what else leaves spans out, or lets them pass",
        }
        .to_owned(),
    );
    Some(found)
}

/// Why it may be kept for all that did not come out, where so much of that may be our own doing.
fn doubt(evidence: &Evidence, promised: &Promised) -> Option<String> {
    let [open, _, _] = evidence.open_absences();
    let perhaps = promised.kept.saturating_add(open.at_most);
    let is_kept = perhaps as f64 >= promised.promise.kept.least.ratio() * promised.of as f64;
    evidence.why_open(&open).filter(|_| is_kept)
}

/// A promise about nothing that was sent is not kept.
fn untried(promised: &Promised) -> Option<Finding> {
    let message = format!("{}: nothing of this kind was sent and taken, so nothing is shown", promised.promise);
    let mut found = finding("promise-untried", Level::Inconclusive, 1, message);
    found.advice = Some("traffic that has it: `traffic.anomalies`, or a longer run".to_owned());
    (promised.of == 0).then_some(found)
}
