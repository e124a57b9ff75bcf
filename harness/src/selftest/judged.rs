//! What a run left, judged again from its evidence alone: as it is, as each altered case has it, and without each thing that a
//! case may need.

use super::Setup;
use super::case::{Case, Expected, Source};
use super::needed::needed_by;
use super::runs::Job;
use super::seen::{Outcome, Untried, outcome};
use crate::evidence::{self, Frozen};
use crate::judge::without::Without;
use spanproof_reports::result::RunResult;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// What came of one case.
pub(super) struct Came {
    pub case: Case,
    pub expected: Expected,
    pub outcome: Outcome,
    /// What its evidence says, if there is any.
    pub result: Option<RunResult>,
    /// What the judge must not leave out, or this case is missed. Looked for only where the whole table is tried.
    pub needs: BTreeSet<Without>,
}

impl Came {
    /// Nothing came of it; why, in words.
    pub fn untried(case: Case, expected: Expected, reason: String) -> Self {
        let outcome = Outcome::Untried(Untried::NoResult(reason));
        Self { case, expected, outcome, result: None, needs: BTreeSet::new() }
    }

    /// What this evidence says of the case.
    fn of(case: Case, expected: Expected, frozen: &Frozen, whole: bool) -> Self {
        let result = frozen.judge();
        let outcome = outcome(&case, &expected, &result);
        let needs = if whole && outcome == Outcome::AsExpected {
            needed_by(&case, &expected, &result, |without| frozen.judge_without(without))
        } else {
            BTreeSet::new()
        };
        Self { case, expected, outcome, result: Some(result), needs }
    }
}

/// Judges what a run left that ended with this code: its own case, and then those that look at its evidence, altered. The
/// evidence is read once for each of them, however often it is judged.
pub(super) fn judge(setup: &Setup, job: &Job, directory: &Path, code: i32) -> Result<Vec<Came>, String> {
    let frozen = evidence::read(directory).map_err(|error| error.to_string())?;
    said_the_same(directory, &frozen.judge(), code)?;
    let own = Came::of(job.case, job.expected, &frozen, setup.whole);
    let altered = job.altered.iter().map(|(case, expected)| {
        let altered = altered(case, directory, &frozen)?;
        Ok(Came::of(*case, *expected, &altered, setup.whole))
    });
    std::iter::once(Ok(own)).chain(altered).collect()
}

/// The result that the run wrote, and the code that it ended with, are those that its evidence gives.
fn said_the_same(directory: &Path, judged: &RunResult, code: i32) -> Result<(), String> {
    if i32::from(judged.exit_code()) != code {
        return Err(format!("the run ended with {code}, and its evidence says {}", judged.verdict));
    }
    let written = spanproof_reports::directory::load(directory).map_err(|error| error.to_string())?;
    let text = |result: &RunResult| serde_json::to_string(result).map_err(|error| error.to_string());
    if text(&written)? == text(judged)? {
        Ok(())
    } else {
        Err("judging its evidence again does not give the result that the run wrote".to_owned())
    }
}

/// The evidence as a case alters it.
fn altered(case: &Case, directory: &Path, as_it_is: &Frozen) -> Result<Frozen, String> {
    let Source::Altered { alter, .. } = case.source else {
        return Err(format!("{} alters nothing", case.name));
    };
    let known = Arc::clone(&as_it_is.evidence.plan);
    let mut frozen = evidence::read_back(directory, Some(&known)).map_err(|error| error.to_string())?;
    alter(&mut frozen);
    Ok(frozen)
}
