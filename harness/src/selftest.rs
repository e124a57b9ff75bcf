//! The self-test: everything that can be planted is, and must be found under its right name.
//!
//! [`table::table`] says what is tried and what must come of it; `runs` runs each case as a `spanproof run` of its own and
//! judges its evidence again; `seen` holds what came against what was expected; `needed` leaves each check out in turn. A
//! check that has never been seen failing is a guess.

mod altered;
mod arguments;
pub mod case;
pub mod needed;
pub mod page;
mod runs;
pub mod seen;
pub mod summary;
pub mod table;

use case::{Case, Expected, Place, Source};
use needed::{LeftOut, Proof};
use runs::{Ended, Job};
use seen::{Outcome, outcome};
use spanproof_reports::result::RunResult;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;
use summary::{Needed, Summary, Tried};
use tokio_util::sync::CancellationToken;

/// The first seed; further ones follow it.
const SEED: u64 = 7;

/// How a self-test is to be run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The binary `spanproof`.
    pub binary: PathBuf,
    /// A target behind which the embedded one stands with its defects, as `--target` takes it; none for the embedded one
    /// alone.
    pub behind: Option<String>,
    /// Runs side by side.
    pub jobs: NonZeroUsize,
    /// Under how many seeds each case is tried.
    pub seeds: NonZeroUsize,
    /// Where results go while they are needed.
    pub folder: PathBuf,
    /// Whether they stay there.
    pub keep: bool,
    /// Whether these cases are the whole table, so that every check must be needed.
    pub whole: bool,
}

impl Setup {
    /// Where the defects stand.
    pub fn place(&self) -> Place {
        if self.behind.is_some() { Place::Behind } else { Place::Embedded }
    }
}

/// How far a self-test is.
pub struct Step<'a> {
    /// Cases that have ended, this one included.
    pub done: usize,
    /// Cases in all.
    pub of: usize,
    /// The case that has just ended.
    pub tried: &'a Tried,
}

/// A case that was tried, and its result if there is one.
struct Came {
    case: Case,
    expected: Expected,
    seed: u64,
    outcome: Outcome,
    result: Option<RunResult>,
    took_seconds: f64,
}

/// Tries the cases and tells of each as it ends. `None` when interrupted.
pub fn run(
    cases: &[Case],
    setup: &Setup,
    interrupt: &CancellationToken,
    mut tell: impl FnMut(&Step<'_>),
) -> Option<Summary> {
    let began = Instant::now();
    let jobs = jobs(cases, setup);
    let of = jobs.iter().map(|job| 1 + job.altered.len()).sum();
    let mut came = Vec::new();
    runs::run(setup, jobs, interrupt, |ended| {
        for one in all_that_came(ended, setup) {
            let tried = one.tried();
            came.push(one);
            tell(&Step { done: came.len(), of, tried: &tried });
        }
    });
    if interrupt.is_cancelled() {
        return None;
    }
    let order: BTreeMap<&str, usize> = cases.iter().zip(0..).map(|(case, at)| (case.name, at)).collect();
    came.sort_by_key(|one| (order.get(one.case.name).copied(), one.seed));
    let needed = setup.whole.then(|| needed(&came, cases, setup.place()));
    let tried = came.iter().map(Came::tried).collect();
    let mut summary = Summary::new(setup.place().name(), tried, needed, began.elapsed().as_secs_f64());
    summary.left_out = left_out(cases, setup.place());
    Some(summary)
}

/// The cases that match a name: the whole of it, or what stands before `=` or behind `:`.
pub fn named<'a>(cases: &'a [Case], name: &str) -> Vec<&'a Case> {
    let exact: Vec<&Case> = cases.iter().filter(|case| case.name == name).collect();
    if !exact.is_empty() {
        return exact;
    }
    let short = |case: &&Case| {
        let without_group = case.name.rsplit(':').next().unwrap_or(case.name);
        without_group == name || without_group.split('=').next() == Some(name)
    };
    cases.iter().filter(short).collect()
}

/// One run for each case and seed. An altered case goes with the run whose evidence it alters; that is added if it is missing.
fn jobs(cases: &[Case], setup: &Setup) -> Vec<Job> {
    let place = setup.place();
    let table = table::table();
    let mut wanted: Vec<Case> = Vec::new();
    let mut altered: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.expected_at(place).is_ok()) {
        let run = match case.source {
            Source::Run { .. } => Some(case),
            Source::Altered { of, .. } => {
                altered.entry(of).or_default().push(*case);
                cases.iter().chain(&table).find(|other| other.name == of)
            }
        };
        if let Some(run) = run
            && !wanted.iter().any(|have| have.name == run.name)
        {
            wanted.push(*run);
        }
    }
    let seeds = (SEED..).take(setup.seeds.get());
    seeds
        .flat_map(|seed| {
            let job = |case: &Case| {
                let altered = altered.get(case.name).cloned().unwrap_or_default();
                Some(Job { case: *case, expected: case.expected_at(place).ok()?, seed, altered })
            };
            wanted.iter().filter_map(job).collect::<Vec<_>>()
        })
        .collect()
}

/// What came of a run, and of the altered cases that go with it.
fn all_that_came(ended: Ended, setup: &Setup) -> Vec<Came> {
    let Ended { job, judged, took } = ended;
    let (seed, took_seconds) = (job.seed, took.as_secs_f64());
    let place = setup.place();
    match judged {
        Ok(judged) => {
            let own = (job.case, job.expected, judged.result);
            let altered = judged.altered.into_iter().filter_map(|(case, result)| {
                let expected = case.expected_at(place).ok()?;
                Some((case, expected, result))
            });
            let came = |(case, expected, result): (Case, Expected, RunResult)| {
                let outcome = outcome(&case, &expected, &result);
                Came { case, expected, seed, outcome, result: Some(result), took_seconds }
            };
            std::iter::once(own).chain(altered).map(came).collect()
        }
        Err(reason) => {
            let came = |case: Case| {
                let expected = case.expected_at(place).unwrap_or(case.expected);
                let outcome = Outcome::Untried(reason.clone());
                Came { case, expected, seed, outcome, result: None, took_seconds }
            };
            std::iter::once(job.case).chain(job.altered).map(came).collect()
        }
    }
}

impl Came {
    fn tried(&self) -> Tried {
        let Self { case, expected, seed, outcome, result, took_seconds } = self;
        Tried::new(case, expected, *seed, (outcome, result.as_ref()), *took_seconds)
    }
}

/// Leaves everything out in turn.
fn needed(came: &[Came], cases: &[Case], place: Place) -> Needed {
    let proofs: Vec<Proof<'_>> = came.iter().filter_map(Came::proof).collect();
    let tried_here: Vec<Case> = cases.iter().filter_map(|case| at(case, place)).collect();
    let everything = needed::everything(&proofs, &tried_here);
    let not_missed: Vec<&LeftOut> =
        everything.iter().filter(|left_out| !needed::is_needed(left_out, &proofs)).collect();
    let untried: Vec<&Came> = came.iter().filter(|one| matches!(one.outcome, Outcome::Untried(_))).collect();
    let rests_on_untried = |left_out: &LeftOut| untried.iter().any(|one| rests_on(left_out, &one.expected));
    Needed {
        left_out: everything.len(),
        untried: not_missed.iter().filter(|left_out| rests_on_untried(left_out)).map(|out| out.name()).collect(),
        not_missed: not_missed.iter().map(|out| out.name()).collect(),
    }
}

/// The case with what must come of it at this place.
fn at(case: &Case, place: Place) -> Option<Case> {
    Some(Case { expected: case.expected_at(place).ok()?, ..*case })
}

/// Whether a case that could not be tried might have shown that this is needed.
fn rests_on(left_out: &LeftOut, expected: &Expected) -> bool {
    match left_out {
        LeftOut::Finding(id) => needed::all_ids(expected).any(|expected| expected == id),
        LeftOut::Check(_) => true,
    }
}

impl Came {
    fn proof(&self) -> Option<Proof<'_>> {
        let result = self.result.as_ref().filter(|_| self.outcome == Outcome::AsExpected)?;
        Some(Proof { case: &self.case, expected: self.expected, result })
    }
}

/// Cases that are not tried at a place, with why.
fn left_out(cases: &[Case], place: Place) -> Vec<(String, String)> {
    let why = |case: &Case| Some((case.name.to_owned(), case.expected_at(place).err()?.to_owned()));
    cases.iter().filter_map(why).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_reports::result::Scenario;
    use spanproof_reports::result::epoch::Epoch;

    /// A result that says nothing yet.
    pub(super) fn empty() -> RunResult {
        let tag = serde_json::from_value(serde_json::json!("000000000000")).unwrap();
        RunResult::new(Scenario::default(), 7, tag, Epoch::from_unix_ns(0))
    }
}
