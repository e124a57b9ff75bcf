//! What the records of a finding have in common and the others have not.
//!
//! Every fact compared here is computed again from identity: nothing was stored for it but the set of affected records.
//! `survey` walks over the plan's sent requests once and counts, for the affected records and for the others, where they
//! travelled and what they are; `facts` and `cuts` turn the counts into candidates ("service checkout", "larger than
//! 4 KiB", "between 0:10 and 0:20"); `whole` says whether whole requests or whole traces are affected. A candidate is told
//! when it separates well *and* chance would hardly have done it; that nothing does is an answer, too.

mod cuts;
mod facts;
mod separate;
mod survey;
mod whole;

use super::evidence::Evidence;
use roaring::RoaringTreemap;
use separate::{Candidate, Events, Totals, tell};
use spanproof_reports::figures::count;
pub use survey::Among;
use survey::Survey;
use whole::Whole;

/// Candidates told of one finding.
const TOLD_MAX: usize = 3;

/// Beside the best candidate, only those are told that separate nearly as well.
const NEARLY: f64 = 0.15;

/// Above this share of all records, a loss without any pattern may be a sampler's.
const SHARE_OF_A_SAMPLER_MIN: f64 = 0.01;

/// What the affected records have in common.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InCommon {
    /// In words, the best separator first; never empty.
    pub said: Vec<String>,
    /// Why the same pattern could be somebody's intention; none if it could not.
    pub intended: Option<String>,
}

/// Compares the `affected` records with the others `among` which they were.
pub fn in_common(evidence: &Evidence, affected: &RoaringTreemap, among: Among) -> InCommon {
    let survey = Survey::take(evidence, affected, among);
    let totals = survey.totals();
    if totals.affected == 0 {
        return InCommon {
            said: vec!["these were never sent, so there is nothing to compare".to_owned()],
            intended: None,
        };
    }
    if totals.others == 0 {
        return InCommon { said: vec!["every span alike".to_owned()], intended: None };
    }
    if totals.affected == 1 {
        return InCommon { said: vec!["a single span: nothing to compare it with".to_owned()], intended: None };
    }
    let whole = Whole::of(&survey);
    let told = best(&survey, totals, whole.events(&survey));
    let mut said: Vec<String> = told.iter().map(|candidate| tell(candidate, totals)).collect();
    // Where a fact says it all, wholes only follow from it: the requests of one service hold nothing else.
    let follows = told.first().is_some_and(|first| totals.is_exact(first));
    let at = if follows { said.len() } else { 0 };
    said.splice(at..at, whole.said(&survey));
    if said.is_empty() {
        said.push(nothing(totals));
    }
    said.extend(survey.sampled());
    let intended = intended(&whole, &told, totals);
    InCommon { said, intended }
}

/// The candidates that separate best, without those that say the same again.
fn best(survey: &Survey<'_>, totals: Totals, events: Events) -> Vec<Candidate> {
    let mut candidates = facts::candidates(survey);
    candidates.extend(cuts::candidates(survey));
    let tested = candidates.len();
    candidates.retain(|candidate| totals.separates(candidate, events, tested));
    // The text decides last, so that equal evidence is told in equal words.
    candidates.sort_by(|a, b| {
        let better = totals.separation(b).total_cmp(&totals.separation(a));
        better.then_with(|| (a.rank, &a.text).cmp(&(b.rank, &b.text)))
    });
    let Some(best) = candidates.first().map(|first| totals.separation(first)) else { return candidates };
    let mut told: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let says_more = !told.iter().any(|one| totals.alike(one, &candidate));
        if told.len() < TOLD_MAX && says_more && totals.separation(&candidate) > best - NEARLY {
            told.push(candidate);
        }
    }
    told
}

fn nothing(totals: Totals) -> String {
    let one_in = (totals.all() as f64 / totals.affected as f64).round() as u64;
    format!("nothing: one span in {}, of all services, kinds, sizes, connections and times alike", count(one_in))
}

/// A loss that a sampler or a filter would make looks just like this.
fn intended(whole: &Whole, told: &[Candidate], totals: Totals) -> Option<String> {
    if whole.traces_only() {
        return Some("only whole traces are missing, as a sampler leaves them out".to_owned());
    }
    let filtered = told.iter().find(|candidate| candidate.a_filter_could && totals.is_exact(candidate));
    if let Some(candidate) = filtered {
        return Some(format!("exactly {} is missing, as a filter leaves it out", candidate.text));
    }
    let share = totals.affected as f64 / totals.all() as f64;
    let fixed = told.is_empty() && !whole.requests_only() && share >= SHARE_OF_A_SAMPLER_MIN;
    fixed.then(|| {
        format!("a fixed share is missing, {:.1} % of everything alike, as a sampler leaves it out", share * 100.0)
    })
}

#[cfg(test)]
mod tests;
