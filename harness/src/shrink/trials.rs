//! Tries candidates: each run is a `spanproof run` of its own below a keeper, one after another, since side by side they would
//! take each other's time.

use super::failure::{self, Failure};
use super::loss::Loss;
use super::place::{Place, TrialPlace};
use super::report::{Plan, State, Tried};
use super::search::rule::{Rule, Tally};
use super::search::{Candidate, Outcome, Trial};
use super::{Setup, ShrinkError, Step, place};
use crate::evidence;
use crate::knowledge::Harness;
use crate::process::{Exit, KeptCommand};
use spanproof_reports::directory::load;
use spanproof_reports::result::RunResult;
use spanproof_scenarios::load::{LoadOptions, Source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a run is looked at.
const TICK: Duration = Duration::from_millis(20);

/// How long a run may take to end after an interrupt, on top of what its target may take: it still writes its results.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The end of a run's words that is shown where it came to nothing, in characters.
const LAST_WORDS_MAX: usize = 300;

/// Why no more candidates are tried.
#[derive(Debug)]
pub(super) enum Ended {
    /// The next run would not end within the budget.
    Budget,
    /// Somebody interrupted us.
    Interrupted,
    /// It cannot go on.
    Failed(ShrinkError),
}

impl Ended {
    /// What becomes of the shrink.
    pub(super) fn state(self) -> Result<State, ShrinkError> {
        match self {
            Self::Budget => Ok(State::Stopped),
            Self::Interrupted => Ok(State::Interrupted),
            Self::Failed(error) => Err(error),
        }
    }
}

impl From<ShrinkError> for Ended {
    fn from(error: ShrinkError) -> Self {
        Self::Failed(error)
    }
}

/// A run that has ended.
pub(super) struct Ran {
    came: Came,
    pub(super) took: Duration,
}

/// What came of it.
enum Came {
    /// Its result, and what failed in it.
    Result(Box<RunResult>, Vec<Failure>),
    /// Nothing, and the next run may fare better.
    Nothing(String),
    /// Nothing, and so it will be with every run of this candidate.
    Refused(String),
}

impl Ran {
    /// What failed in it.
    pub(super) fn failures(&self) -> Vec<Failure> {
        match &self.came {
            Came::Result(_, failures) => failures.clone(),
            Came::Nothing(_) | Came::Refused(_) => Vec::new(),
        }
    }

    /// Whether it shows these failures.
    pub(super) fn seen(&self, wanted: &[Failure]) -> Outcome {
        match &self.came {
            Came::Result(result, failures) => failure::seen(result, failures, wanted),
            Came::Nothing(_) | Came::Refused(_) => Outcome::Open,
        }
    }

    /// Why nothing came of it.
    pub(super) fn reason(&self) -> Option<&str> {
        match &self.came {
            Came::Result(..) => None,
            Came::Nothing(reason) | Came::Refused(reason) => Some(reason),
        }
    }
}

/// Runs candidates one after another, within the budget.
pub(super) struct Runner<'a> {
    setup: &'a Setup,
    pub(super) place: Place,
    interrupt: &'a CancellationToken,
    pub(super) began: Instant,
    /// Runs that have been made.
    pub(super) runs: u32,
    /// The longest of them: the next one may take as long.
    longest: Duration,
}

impl<'a> Runner<'a> {
    pub(super) fn new(setup: &'a Setup, place: Place, interrupt: &'a CancellationToken) -> Self {
        Self { setup, place, interrupt, began: Instant::now(), runs: 0, longest: Duration::ZERO }
    }

    /// Runs a candidate once. Its results are in the place of trials until the next run.
    pub(super) fn run_once(&mut self, candidate: &Candidate) -> Result<Ran, Ended> {
        if self.interrupt.is_cancelled() {
            return Err(Ended::Interrupted);
        }
        let next = if self.runs == 0 { self.setup.run_takes } else { self.longest };
        if self.setup.budget.is_some_and(|budget| self.began.elapsed() + next > budget) {
            return Err(Ended::Budget);
        }
        let text = self.setup.written.text(&self.setup.variation(candidate));
        let began = Instant::now();
        let came = match self.problem(&text) {
            Some(reason) => Came::Refused(reason),
            None => self.launch(candidate, &text)?,
        };
        let took = began.elapsed();
        self.longest = self.longest.max(took);
        self.runs += 1;
        Ok(Ran { came, took })
    }

    /// Why a scenario cannot be run, as when the load ends before a profile begins.
    fn problem(&self, text: &str) -> Option<String> {
        let source = Source { name: place::SCENARIO.to_owned(), text: text.to_owned(), directory: PathBuf::new() };
        let allow_remote = self.setup.allow_remote.clone();
        let options = LoadOptions { allow_remote, knowledge: Some(&Harness), ..LoadOptions::default() };
        spanproof_scenarios::load::load(&source, &options).err().map(|problems| problems.to_string())
    }

    fn launch(&mut self, candidate: &Candidate, text: &str) -> Result<Came, Ended> {
        let trial = self.place.trial(text)?;
        let lost = |source| ShrinkError::Lost { folder: self.setup.out.clone(), source };
        let log = trial.open_log().map_err(lost)?;
        let arguments = self.arguments(candidate, &trial);
        let binary = self.setup.binary.display().to_string();
        let command = KeptCommand::start_in(None, &binary, &arguments, BTreeMap::new(), log);
        let exit = self.wait(command.map_err(ShrinkError::Command)?)?;
        Ok(match exit {
            Some(Exit::Code(0 | 1 | 3)) => came(&trial),
            Some(Exit::Code(2)) => Came::Refused(last_words(&trial.log)),
            Some(other) => Came::Nothing(format!("the run ended with {other}: {}", last_words(&trial.log))),
            None => {
                Came::Nothing(format!("the run did not end within {:.0} s", self.setup.run_takes_max.as_secs_f64()))
            }
        })
    }

    /// The scenario carries everything, so that no value of it stands on a command line. The results name the command that will
    /// repeat them when they are kept.
    fn arguments(&self, candidate: &Candidate, trial: &TrialPlace) -> Vec<String> {
        let kept = self.setup.out.join(place::SCENARIO).display().to_string();
        let command = serde_json::Value::from(self.setup.command(candidate, &kept)).to_string();
        let (scenario, run) = (trial.scenario.display().to_string(), trial.run.display().to_string());
        let own = ["run", &scenario, "--out", &run, "--quiet", "--on-behalf-of", &command].map(str::to_owned);
        own.into_iter().chain(self.setup.flags(candidate)).collect()
    }

    /// Waits for the end of a run; none if it hangs. A run that is still there when the budget is used up is ended.
    fn wait(&self, mut command: KeptCommand) -> Result<Option<Exit>, Ended> {
        let began = Instant::now();
        loop {
            if let Some(exit) = command.exit() {
                return Ok(Some(exit));
            }
            let ended = if self.interrupt.is_cancelled() {
                Err(Ended::Interrupted)
            } else if self.setup.budget.is_some_and(|budget| self.began.elapsed() >= budget) {
                Err(Ended::Budget)
            } else if began.elapsed() > self.setup.run_takes_max {
                Ok(None)
            } else {
                std::thread::sleep(TICK);
                continue;
            };
            // As Ctrl-C would, for which it has half of that time: its target is stopped in good order.
            command.stop(2 * (self.setup.target_ends_within + END_WITHIN));
            return ended;
        }
    }
}

/// What a run that has ended left: a result, and the evidence that tells one loss from another.
fn came(trial: &TrialPlace) -> Came {
    let Ok(result) = load(&trial.run) else { return Came::Nothing(last_words(&trial.log)) };
    match evidence::read(&trial.run) {
        Ok(frozen) => {
            let failures = failure::failures(&result, &Loss::all(&frozen.evidence));
            Came::Result(Box::new(result), failures)
        }
        Err(error) => Came::Nothing(error.to_string()),
    }
}

/// The end of what a run said, on one line.
fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = words.chars().count().saturating_sub(LAST_WORDS_MAX);
    if words.is_empty() { "it said nothing".to_owned() } else { words.chars().skip(skip).collect() }
}

/// Tries candidates for a search.
pub(super) struct Trials<'a, 'b> {
    pub(super) runner: &'a mut Runner<'b>,
    /// The failures that must show.
    pub(super) wanted: &'a [Failure],
    pub(super) rule: Rule,
    pub(super) tell: &'a mut dyn FnMut(&Step<'_>),
    /// What has been tried.
    pub(super) tried: Vec<Tried>,
    /// Runs of the smallest so far.
    pub(super) best: Tally,
}

impl Trial for Trials<'_, '_> {
    type Stop = Ended;

    fn try_out(&mut self, candidate: &Candidate) -> Result<Outcome, Ended> {
        let began = Instant::now();
        let (outcome, tally, reason) = self.decide(candidate)?;
        if outcome == Outcome::Fails {
            self.runner.place.take()?;
            self.best = tally;
        }
        let tried = Tried {
            number: self.tried.len() + 1,
            plan: Plan::new(self.runner.setup, candidate),
            outcome,
            tally,
            seconds: began.elapsed().as_secs_f64(),
            reason,
        };
        (self.tell)(&Step::Trial(&tried));
        self.tried.push(tried);
        Ok(outcome)
    }
}

impl Trials<'_, '_> {
    /// Runs a candidate until its outcome is certain.
    fn decide(&mut self, candidate: &Candidate) -> Result<(Outcome, Tally, Option<String>), Ended> {
        let mut tally = Tally::default();
        loop {
            let ran = self.runner.run_once(candidate)?;
            let seen = ran.seen(self.wanted);
            tally = tally.and(seen);
            if seen == Outcome::Fails {
                self.runner.place.hold()?;
            }
            let reason = ran.reason().map(str::to_owned);
            if matches!(ran.came, Came::Refused(_)) {
                return Ok((Outcome::Open, tally, reason));
            }
            if let Some(outcome) = self.rule.decide(&tally) {
                return Ok((outcome, tally, reason));
            }
        }
    }
}
