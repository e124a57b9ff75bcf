//! What the records of a finding have in common and the others have not.
//!
//! Every fact compared here is computed again from identity: nothing was stored for it but the set of affected records.
//! `survey` walks over the plan's sent requests once and counts, for the affected records and for the others, where they
//! travelled and what they are; `facts` and `cuts` turn the counts into candidates ("service checkout", "larger than
//! 4 KiB", "between 0:10 and 0:20"); `whole` says whether whole requests or whole traces are affected. A candidate is told
//! when it separates well *and* chance would hardly have done it; that nothing does is an answer, too. Where most are
//! affected, `spared` looks at what the few others have in common.

mod cuts;
mod facts;
mod separate;
mod spared;
mod survey;
mod whole;

use super::evidence::Evidence;
use roaring::RoaringTreemap;
use separate::{Candidate, Events, Totals, tell};
use spanproof_reports::figures::count;
pub use survey::Among;
use survey::{Selection, Survey};
use whole::Whole;

/// Candidates told of one finding.
const TOLD_MAX: usize = 3;

/// Beside the best candidate, only those are told that separate nearly as well.
const NEARLY: f64 = 0.15;

/// Facts that are told apart from the rest.
const APART_MAX: usize = 3;

/// Where this share of the records that show a fact are affected, it takes all of them.
const NEARLY_ALL: f64 = 0.9;

/// A fact about how spans travelled that separates so well is the pattern, and no other is looked for.
const SAYS_IT_ALL: f64 = 0.9;

/// Above this share of all records, a loss without any pattern may be a sampler's.
const SHARE_OF_A_SAMPLER_MIN: f64 = 0.01;

/// How much of a long run is looked at. Where there is not more of it, all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Some 170 million spans of `shop`.
    Thorough,
    /// Some 11 million.
    Brief,
}

impl Look {
    /// Chunks of the plan; as many again of those that hold affected records are looked at besides.
    fn chunks(self) -> u64 {
        match self {
            Self::Thorough => 2048,
            Self::Brief => 128,
        }
    }
}

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
    in_common_by(evidence, affected, among, Look::Thorough)
}

/// Likewise, from a look as thorough as that.
pub fn in_common_by(evidence: &Evidence, affected: &RoaringTreemap, among: Among, look: Look) -> InCommon {
    in_common_within(evidence, affected, among, look.chunks())
}

/// Likewise, looking at so many chunks, and at as many again of those that hold affected records.
fn in_common_within(evidence: &Evidence, affected: &RoaringTreemap, among: Among, chunks: u64) -> InCommon {
    let selection = Selection::of(evidence, affected, chunks);
    let mut left_out = vec![false; evidence.plan.recipes()];
    let mut apart = Vec::new();
    // Each round takes out a fact that is the whole story of some of them, and looks at the rest.
    loop {
        let survey = Survey::take(&selection, evidence, affected, among, &left_out);
        let common = match Compared::of(&survey) {
            // What was told apart was all of them.
            Err(Incomparable::None) if !apart.is_empty() => InCommon { said: apart, intended: None },
            Err(why) => InCommon { said: vec![why.to_string()], intended: None }.apart_from(apart),
            Ok(compared) => {
                let spared = || spared::in_common(evidence, affected, among, chunks, &compared);
                if let Some(common) = apart.is_empty().then(spared).flatten() {
                    return common;
                }
                if let Some(fact) = compared.takes_all_of().filter(|_| apart.len() < APART_MAX) {
                    apart.push(tell(fact, compared.totals));
                    facts::mark_recipes(&evidence.plan, fact, &mut left_out);
                    continue;
                }
                compared.told(&survey).apart_from(apart)
            }
        };
        return common.counted_in(&survey);
    }
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Incomparable {
    /// None of them is among those that were sent.
    #[error("these were never sent, so there is nothing to compare")]
    None,
    /// There are no others.
    #[error("every span alike")]
    All,
    /// There is one.
    #[error("a single span: nothing to compare it with")]
    One,
}

impl InCommon {
    /// With what was told of other records before: two patterns at once are nobody's intention.
    fn apart_from(self, mut apart: Vec<String>) -> Self {
        if apart.is_empty() {
            return self;
        }
        apart.extend(self.said.iter().map(|said| format!("apart from them: {said}")));
        Self { said: apart, intended: None }
    }

    /// With how much of the run was looked at, unless all was.
    fn counted_in(mut self, survey: &Survey<'_>) -> Self {
        self.said.extend(survey.sampled());
        self
    }
}

/// What a survey shows.
struct Compared {
    totals: Totals,
    whole: Whole,
    /// The facts that separate best.
    told: Vec<Candidate>,
    /// The facts that raise the share of the affected, the one that tells most first.
    raising: Vec<Candidate>,
}

impl Compared {
    fn of(survey: &Survey<'_>) -> Result<Self, Incomparable> {
        let totals = survey.totals();
        match (totals.affected, totals.others) {
            (0, _) => return Err(Incomparable::None),
            (_, 0) => return Err(Incomparable::All),
            (1, _) => return Err(Incomparable::One),
            _ => {}
        }
        let whole = Whole::of(survey);
        let events = whole.events(survey);
        let candidates = candidates(survey);
        // Spans of one request may share a fate, and then their requests are what befell.
        let raising = raising(&candidates, totals, events.affected.min(survey.requests_hit()));
        Ok(Self { totals, whole, told: best(candidates, totals, events), raising })
    }

    /// A fact of which nearly all are affected, where no fact says it all: one of several patterns, which hide each other.
    fn takes_all_of(&self) -> Option<&Candidate> {
        let takes_all = |fact: &Candidate| self.totals.rates(fact.having).0 >= NEARLY_ALL;
        // How spans travelled may explain what they are, as a connection carries the spans of a few services.
        let says_it_all = |fact: &Candidate| {
            self.totals.is_exact(fact)
                || (!fact.is_of_spans && takes_all(fact) && self.totals.separation(fact) >= SAYS_IT_ALL)
        };
        if self.told.first().is_some_and(says_it_all) {
            return None;
        }
        self.raising.iter().find(|fact| fact.is_of_spans && takes_all(fact))
    }

    /// Whether a fact is true of all affected records, and of no other.
    fn says_it_exactly(&self) -> bool {
        self.told.first().is_some_and(|fact| self.totals.is_exact(fact))
    }

    fn told(&self, survey: &Survey<'_>) -> InCommon {
        let Self { totals, whole, told, raising } = self;
        let mut said: Vec<String> = told.iter().map(|candidate| tell(candidate, *totals)).collect();
        // Where a fact says it all, wholes only follow from it: the requests of one service hold nothing else.
        let follows = self.says_it_exactly();
        let at = if follows { said.len() } else { 0 };
        said.splice(at..at, whole.said(survey));
        if told.is_empty() {
            said.extend(raising.first().map(|fact| format!("more often: {}", tell(fact, *totals))));
        }
        if said.is_empty() {
            said.push(nothing(survey.of_all()));
        }
        let is_alike = raising.is_empty();
        InCommon { said, intended: intended(whole, told, (*totals, survey.of_all()), is_alike) }
    }
}

fn candidates(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut candidates = facts::candidates(survey);
    candidates.extend(cuts::candidates(survey));
    candidates
}

/// The candidates that raise the share of the affected, the one that tells most first.
fn raising(candidates: &[Candidate], totals: Totals, events: u64) -> Vec<Candidate> {
    let raises = |fact: &&Candidate| totals.raises(fact, events, candidates.len());
    let mut raising: Vec<Candidate> = candidates.iter().filter(raises).cloned().collect();
    raising.sort_by(|a, b| {
        let more = totals.gain(b.having).total_cmp(&totals.gain(a.having));
        more.then_with(|| (a.rank, &a.text).cmp(&(b.rank, &b.text)))
    });
    raising
}

/// The candidates that separate best, without those that say the same again.
fn best(mut candidates: Vec<Candidate>, totals: Totals, events: Events) -> Vec<Candidate> {
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
    if totals.affected > totals.others {
        let (these, all) = (count(totals.affected), count(totals.all()));
        return format!("nothing: {these} of {all} spans, of all services, kinds, sizes, connections and times alike");
    }
    let one_in = (totals.all() as f64 / totals.affected as f64).round() as u64;
    format!("nothing: one span in {}, of all services, kinds, sizes, connections and times alike", count(one_in))
}

/// A loss that a sampler or a filter would make looks just like this. What was looked at says by which fact, and all that there is says
/// which share.
fn intended(whole: &Whole, told: &[Candidate], (totals, of_all): (Totals, Totals), is_alike: bool) -> Option<String> {
    if whole.traces_only() {
        return Some("only whole traces are missing, as a sampler leaves them out".to_owned());
    }
    let filtered = told.iter().find(|candidate| candidate.a_filter_could && totals.is_exact(candidate));
    if let Some(candidate) = filtered {
        return Some(format!("exactly {} is missing, as a filter leaves it out", candidate.text));
    }
    let share = of_all.affected as f64 / of_all.all() as f64;
    let fixed = is_alike && told.is_empty() && !whole.requests_only() && share >= SHARE_OF_A_SAMPLER_MIN;
    fixed.then(|| {
        format!("a fixed share is missing, {:.1} % of everything alike, as a sampler leaves it out", share * 100.0)
    })
}

#[cfg(test)]
mod tests;
