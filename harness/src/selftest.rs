//! The self-test: everything that can be planted is, and must be found under its right name.
//!
//! [`table::table`] says what is tried and what must come of it; `runs` runs each case as a `spanproof run` of its own;
//! `judged` judges its evidence again; `seen` holds what came against what was expected, and `meant` which spans the judge means against
//! those that the target says it bit; `needed` has the judge leave each
//! check out in turn. A check that has never been seen failing is a guess.

mod altered;
mod arguments;
pub mod case;
mod judged;
#[cfg(test)]
mod made;
mod meant;
pub mod needed;
pub mod page;
mod runs;
pub mod seen;
mod settings;
pub mod summary;
pub mod table;

use crate::judge::without::Without;
use case::{Case, Expected, Place, Source};
use judged::Came;
use runs::Job;
pub use runs::TRIES_MAX;
use seen::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;
use summary::{How, Needed, Summary, Tried};
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
    let mut all = Vec::new();
    runs::run(setup, jobs, interrupt, |ended| {
        let how = How { seed: ended.seed, tries: ended.tries, took_seconds: ended.took.as_secs_f64() };
        for came in ended.came {
            let tried = Tried::new(&came, how);
            tell(&Step { done: all.len() + 1, of, tried: &tried });
            all.push((came, tried));
        }
    });
    if interrupt.is_cancelled() {
        return None;
    }
    let order: BTreeMap<&str, usize> = cases.iter().zip(0..).map(|(case, at)| (case.name, at)).collect();
    all.sort_by_key(|(came, tried)| (order.get(came.case.name).copied(), tried.how.seed));
    let (came, tried): (Vec<Came>, Vec<Tried>) = all.into_iter().unzip();
    let needed = setup.whole.then(|| needed(&came));
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
    let mut altered: BTreeMap<&str, Vec<(Case, Expected)>> = BTreeMap::new();
    for (case, expected) in cases.iter().filter_map(|case| Some((case, case.expected_at(place).ok()?))) {
        let run = match case.source {
            Source::Run { .. } => Some(case),
            Source::Altered { of, .. } => {
                altered.entry(of).or_default().push((*case, expected));
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

/// What is left out in turn, and without which no case is missed.
fn needed(came: &[Came]) -> Needed {
    let mut everything = needed::everything(came.iter().map(|one| &one.expected));
    let made: BTreeSet<&str> = came
        .iter()
        .flat_map(|one| &one.result)
        .flat_map(|result| &result.checks)
        .map(|check| check.id.as_str())
        .collect();
    // A check that had nothing to look at in any case, as that of forecasts has behind a collector, said nothing to be left out.
    let is_made = |without: &Without| !matches!(without, Without::Check(id) if !made.contains(id));
    let not_made = everything.iter().filter(|without| !is_made(without)).map(ToString::to_string).collect();
    everything.retain(is_made);
    let not_missed: Vec<Without> =
        everything.iter().filter(|without| !came.iter().any(|one| one.needs.contains(without))).copied().collect();
    let untried: Vec<&Came> = came.iter().filter(|one| matches!(one.outcome, Outcome::Untried(_))).collect();
    let rests_on_untried = |without: &Without| untried.iter().any(|one| rests_on(*without, &one.expected));
    let names = |all: &mut dyn Iterator<Item = &Without>| all.map(ToString::to_string).collect();
    Needed {
        left_out: everything.len(),
        untried: names(&mut not_missed.iter().filter(|without| rests_on_untried(without))),
        not_missed: names(&mut not_missed.iter()),
        not_made,
    }
}

/// Whether a case that could not be tried might have shown that this is needed.
fn rests_on(without: Without, expected: &Expected) -> bool {
    match without {
        Without::Finding(id) => needed::all_ids(expected).any(|expected| expected == id),
        Without::Limits => expected.limit.is_some(),
        Without::Check(_) | Without::Nothing => true,
    }
}

/// Cases that are not tried at a place, with why.
fn left_out(cases: &[Case], place: Place) -> Vec<(String, String)> {
    let why = |case: &Case| Some((case.name.to_owned(), case.expected_at(place).err()?.to_owned()));
    cases.iter().filter_map(why).collect()
}

#[cfg(test)]
mod tests {
    use spanproof_reports::result::epoch::Epoch;
    use spanproof_reports::result::{RunResult, Scenario};

    /// A result that says nothing yet.
    pub(super) fn empty() -> RunResult {
        let tag = serde_json::from_value(serde_json::json!("000000000000")).unwrap();
        RunResult::new(Scenario::default(), 7, tag, Epoch::from_unix_ns(0))
    }
}
