//! Shrinking: from a run that failed to the smallest one that still fails.
//!
//! [`run`] runs the original again, then searches ([`mod@search`], which is pure): each candidate is a whole scenario file, run by a
//! `spanproof run` of its own below a keeper (`trials`), so that what is found is what anybody can run. [`failure`] says what it means
//! that a run still fails, [`search::rule`] how many runs of a candidate must. What was found is a document ([`report`]), from which
//! the text for people is made.

pub mod failure;
pub mod loss;
pub mod place;
pub mod report;
pub mod search;
mod trials;

use crate::evidence::Frozen;
use failure::Failure;
use place::Place;
use report::{Shrunk, State, Tried};
use search::cost::Cost;
use search::rule::{Rule, Tally};
use search::{Candidate, FaultTimes, Original, Outcome, Searched, search};
use spanproof_generators::plan::Plan;
use spanproof_scenarios::scenario::{Extent, Scenario, Windows};
use spanproof_scenarios::units::{Rate, RateOf};
use spanproof_scenarios::written::{Variation, Written};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use trials::{Ended, Runner, Trials};

/// What is shrunk, and how.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The binary `spanproof`.
    pub binary: PathBuf,
    /// The scenario as it was run.
    pub written: Written,
    /// What of it is made smaller.
    pub original: Original,
    /// Flags of its run that no field of the scenario stands for. They hold no secrets.
    pub flags: Vec<String>,
    /// The fault that was to do nothing; its flag goes with it.
    pub disarmed: Option<String>,
    /// Hosts beyond this machine that traffic may go to.
    pub allow_remote: Vec<String>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// Runs of each candidate.
    pub runs: NonZeroU32,
    /// All of it ends after so long.
    pub budget: Option<Duration>,
    /// How long the original took.
    pub run_takes: Duration,
    /// A run that takes so long hangs.
    pub run_takes_max: Duration,
    /// A target that is asked to end may take so long.
    pub target_ends_within: Duration,
    /// What is kept goes here.
    pub out: PathBuf,
}

impl Setup {
    /// How many candidates are tried.
    pub fn cost(&self) -> Cost {
        Cost::of(&self.original)
    }

    /// A candidate as a change of the scenario. A run that was bounded by spans is only bounded by time where it is to be smaller:
    /// the same number at a lower rate would take longer.
    fn variation(&self, candidate: &Candidate) -> Variation {
        let scenario = self.written.scenario();
        let rate = (candidate.rate != self.original.rate).then_some(candidate.rate);
        let by_spans = matches!(scenario.run.extent, Extent::Spans(_));
        let is_shorter = candidate.duration != self.original.duration;
        Variation {
            faults: candidate.faults.iter().copied().collect(),
            rate: rate.map(|per_second| Rate { per_second, of: scenario.traffic.rate.of }),
            duration: (is_shorter || by_spans && rate.is_some()).then_some(candidate.duration),
        }
    }

    /// The flags with which a candidate is run.
    fn flags(&self, candidate: &Candidate) -> Vec<String> {
        let is_there = |name: &&String| self.fault_names(candidate).contains(*name);
        let disarmed = self.disarmed.iter().filter(is_there).flat_map(|name| ["--disarm".to_owned(), name.clone()]);
        let allowed = self.allow_remote.iter().flat_map(|host| ["--allow-remote".to_owned(), host.clone()]);
        self.flags.iter().cloned().chain(disarmed).chain(allowed).collect()
    }

    /// The command that runs a candidate whose scenario is in this file.
    fn command(&self, candidate: &Candidate, scenario: &str) -> Vec<String> {
        let command = ["spanproof", "run", scenario].map(str::to_owned);
        command.into_iter().chain(self.flags(candidate)).collect()
    }

    fn fault_names(&self, candidate: &Candidate) -> Vec<String> {
        let faults = &self.written.scenario().faults;
        candidate.faults.iter().filter_map(|fault| faults.get(*fault)).map(|fault| fault.name.clone()).collect()
    }
}

/// Faults that touched a record of which something is wrong. Often these suffice for the failure.
pub fn suspects(frozen: &Frozen, scenario: &Scenario) -> Vec<usize> {
    let wrong = frozen.exceptions();
    let touched = |name: &str| {
        frozen.evidence.faults.iter().any(|fault| fault.name == name && !fault.touched.is_disjoint(&wrong))
    };
    (0..).zip(&scenario.faults).filter(|(_, fault)| touched(&fault.name)).map(|(place, _)| place).collect()
}

/// What of a scenario with this plan is made smaller.
pub fn original(scenario: &Scenario, plan: &Plan, suspects: Vec<usize>) -> Original {
    let (warm_up, rate) = (scenario.run.warmup, scenario.traffic.rate.per_second);
    let starts = Duration::from_secs_f64(plan.starts_seconds().max(0.0));
    let duration = match scenario.run.extent {
        Extent::Duration(duration) => duration,
        // Whole milliseconds are easier to read, and none is missing.
        Extent::Spans(_) => Duration::from_millis(starts.saturating_sub(warm_up).as_millis() as u64 + 1),
    };
    let of_a_trace = match scenario.traffic.rate.of {
        RateOf::Traces => 1.0,
        RateOf::Spans => plan.spans() as f64 / plan.traces().max(1) as f64,
    };
    let times = |windows: &Windows| FaultTimes { lasting: windows.lasting, end: windows.end() };
    let faults = scenario.faults.iter().map(|fault| times(&fault.windows)).collect();
    Original { faults, suspects, rate, of_a_trace, warm_up, duration }
}

/// Nothing can be shrunk, or no more.
#[derive(Debug, thiserror::Error)]
pub enum ShrinkError {
    /// The folder holds what no shrink wrote, which would be in danger. Name another one.
    #[error("write to {}: it holds what no shrink wrote ({names}); name a new or an empty directory with --out", folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// Some of what is there.
        names: String,
    },
    /// The folder cannot be made. Name another one.
    #[error("write to {}: {source}; choose another place with --out", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What was tried cannot be written any more, as on a disk that filled up.
    #[error("write to {}: {source}; free some space, or choose another place with --out", folder.display())]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Our own binary cannot be started.
    #[error(transparent)]
    Command(#[from] crate::process::CommandError),
}

impl ShrinkError {
    /// 2 before anything was started, 3 afterwards.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotOurs { .. } | Self::Folder { .. } => 2,
            Self::Lost { .. } | Self::Command(_) => 3,
        }
    }
}

/// How far a shrink is.
#[derive(Debug)]
pub enum Step<'a> {
    /// A run of the original has ended.
    Original {
        /// Which, counted from 1.
        number: u32,
        /// What it showed.
        seen: Outcome,
        /// How long it took.
        took: Duration,
        /// Why nobody can tell.
        reason: Option<&'a str>,
    },
    /// The original has failed again, so that the search begins.
    Begins {
        /// The failures that a candidate must show.
        failures: &'a [Failure],
        /// Failures that the original did not show as often.
        not_always: &'a [Failure],
        /// How many of a candidate's runs must show them.
        rule: Rule,
    },
    /// A candidate has been tried.
    Trial(&'a Tried),
}

/// Runs the original again and, if it fails, searches for the smallest that does; tells of each step.
///
/// # Errors
/// See [`ShrinkError`]. What was kept until then stays.
pub fn run(
    setup: &Setup,
    interrupt: &CancellationToken,
    tell: &mut dyn FnMut(&Step<'_>),
) -> Result<Shrunk, ShrinkError> {
    let mut runner = Runner::new(setup, Place::new(&setup.out)?, interrupt);
    let mut shrunk = Shrunk::new(setup);
    let again = match again(setup, &mut runner, &mut shrunk, tell) {
        Ok(Some(again)) => again,
        Ok(None) => return Ok(finished(shrunk, &runner, State::NotShown)),
        Err(ended) => {
            let state = ended.state()?;
            return Ok(finished(shrunk, &runner, state));
        }
    };
    let Again { wanted, rule, tally } = again;
    let mut trials = Trials { runner: &mut runner, wanted: &wanted, rule, tell, tried: Vec::new(), best: tally };
    let Searched { smallest, stopped } = search(&setup.original, &mut trials);
    let (tried, tally) = (trials.tried, trials.best);
    shrunk.trials = tried;
    shrunk.smallest = Some(report::smallest(setup, &smallest, tally));
    let state = match stopped {
        None if smallest == setup.original.whole() => State::Minimal,
        None => State::Reduced,
        Some(ended) => ended.state()?,
    };
    Ok(finished(shrunk, &runner, state))
}

fn finished(mut shrunk: Shrunk, runner: &Runner<'_>, state: State) -> Shrunk {
    shrunk.state = state;
    (shrunk.runs, shrunk.seconds) = (runner.runs, runner.began.elapsed().as_secs_f64());
    shrunk
}

/// How the original fails.
struct Again {
    wanted: Vec<Failure>,
    rule: Rule,
    tally: Tally,
}

/// Runs the original until enough of its runs are decided. None if its failures did not show again.
fn again(
    setup: &Setup,
    runner: &mut Runner<'_>,
    shrunk: &mut Shrunk,
    tell: &mut dyn FnMut(&Step<'_>),
) -> Result<Option<Again>, Ended> {
    let whole = setup.original.whole();
    let mut shown: Vec<Vec<Failure>> = Vec::new();
    let tally = &mut shrunk.original.tally;
    while tally.fails + tally.holds < setup.runs.get() && tally.open < setup.runs.get() {
        let ran = runner.run_once(&whole)?;
        let there = ran.failures();
        let shows = setup.failures.iter().any(|failure| there.contains(failure));
        let seen = if shows { Outcome::Fails } else { ran.seen(&setup.failures) };
        *tally = tally.and(seen);
        if shows {
            shown.push(there);
            // Its results are what is kept if nothing smaller fails.
            if failure::last_shows_steady(&setup.failures, &shown) {
                runner.place.hold()?;
            }
        }
        tell(&Step::Original { number: tally.runs(), seen, took: ran.took, reason: ran.reason() });
        shrunk.original.reason = ran.reason().map(str::to_owned);
    }
    let (wanted, failed) = failure::steady(&setup.failures, &shown);
    let Some(rule) = Rule::of_original(setup.runs, failed) else { return Ok(None) };
    runner.place.take()?;
    *tally = Tally { fails: failed, holds: tally.holds + tally.fails - failed, open: tally.open };
    let tally = *tally;
    shrunk.failures.clone_from(&wanted);
    shrunk.not_always = setup.failures.iter().filter(|failure| !wanted.contains(failure)).cloned().collect();
    shrunk.rule = Some(rule);
    tell(&Step::Begins { failures: &wanted, not_always: &shrunk.not_always, rule });
    Ok(Some(Again { wanted, rule, tally }))
}
