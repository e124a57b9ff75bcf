//! Was lost what the target's configuration foretold, no more and no less?

use super::{Examination, example, finding};
use crate::judge::evidence::{Evidence, Foretold};
use roaring::RoaringTreemap;
use spanproof_reports::figures::count;
use spanproof_reports::result::check::{Finding, Level};
use spanproof_reports::result::prediction::Prediction;

/// Sets what was counted beside what was foretold. A difference says that the target does not do what its configuration says, or that
/// spanproof misreads it: worth knowing, and no verdict by itself, which is for limits to give.
pub const CHECK: Examination = Examination {
    id: Prediction::CHECK,
    about: "what was lost is what the target's configuration foretells",
    applies: may_be_compared,
    findings,
};

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let Some(foretold) = &evidence.foretold else { return Vec::new() };
    let found = if foretold.told.exact { span_by_span(evidence, foretold) } else { by_count(evidence, foretold) };
    found.into_iter().collect()
}

/// Only where something was foretold, and not where absence may be something else than loss, a fault did nothing, or the target did not take what it was to take.
fn may_be_compared(evidence: &Evidence) -> bool {
    let counts = &evidence.account.counts;
    evidence.foretold.is_some()
        && evidence.cut_short.is_none()
        && evidence.open_absences().iter().all(|open| open.at_most == 0)
        && !evidence.absence_may_be_meant()
        && evidence.faults.iter().all(|fault| fault.told.has_bitten())
        && evidence.target_ended.is_none()
        && counts.not_sent + counts.refused == 0
}

/// Where pauses are without chance, every span's fate is foretold but for those at a boundary.
fn span_by_span(evidence: &Evidence, foretold: &Foretold) -> Option<Finding> {
    let lost = &evidence.account.sets.lost_acknowledged;
    let more = &(lost - &foretold.lost) - &foretold.open;
    let less = &(&foretold.lost - lost) - &evidence.account.sets.lost_unknown;
    let wrong = &more | &less;
    let message = format!(
        "{} were lost that should have come out, and {} came out that should have been lost, by what the configuration foretells",
        count(more.len()),
        count(less.len())
    );
    (!wrong.is_empty()).then(|| told(evidence, message, &wrong))
}

fn by_count(evidence: &Evidence, foretold: &Foretold) -> Option<Finding> {
    let lost = &evidence.account.sets.lost_acknowledged;
    let message = format!(
        "{} spans were acknowledged and lost, where the configuration foretells {}",
        count(lost.len()),
        foretold.told.lost
    );
    let mut found = (!foretold.told.lost.contains(lost.len())).then(|| told(evidence, message, lost))?;
    found.count = lost.len().abs_diff(foretold.told.lost.low).min(lost.len().abs_diff(foretold.told.lost.high));
    Some(found)
}

fn told(evidence: &Evidence, message: String, records: &RoaringTreemap) -> Finding {
    let mut found = finding("unforeseen", Level::Warning, records.len(), message);
    found.window = example::window(evidence, records);
    found.examples = example::examples(evidence, records);
    found.advice = Some(
        "whether the target runs with the configuration that was read, and its own log; the forecast is for the collector 0.155"
            .to_owned(),
    );
    found
}
