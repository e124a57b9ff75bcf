//! What a shrink found: a document, and the text that people read.
//!
//! `docs/shrink.md` tells the document's fields. Within one version fields are only ever added.

use super::failure::{Failure, in_words};
use super::search::rule::{Rule, Tally};
use super::search::{Candidate, Outcome};
use super::{Setup, Step, place};
use serde::Serialize;
use spanproof_reports::figures::{clock, count, duration};
use spanproof_reports::plain_text::{one_line, shell_word};
use spanproof_scenarios::scenario::Extent;
use spanproof_scenarios::units::{HumanDuration, Rate};
use std::time::Duration;

/// The name and version of the document.
pub const SCHEMA: &str = "spanproof.shrink/1";

/// Faults that are named in a line of progress.
const NAMED_MAX: usize = 6;

/// Characters of a reason in a line.
const REASON_MAX: usize = 240;

/// How a shrink ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something smaller fails.
    Reduced,
    /// Nothing smaller was found to fail.
    Minimal,
    /// Its budget was used up before everything was tried.
    Stopped,
    /// It was interrupted before everything was tried.
    Interrupted,
    /// The failure did not show again.
    NotShown,
}

/// A run as far as it is made smaller.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Its faults, by name.
    pub faults: Vec<String>,
    /// Its rate, as scenarios write it.
    pub rate: String,
    /// How long load is applied after the warm-up.
    pub duration_seconds: f64,
    /// How many spans end it, where it is bounded by them and not by its duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spans: Option<u64>,
}

impl Plan {
    pub(super) fn new(setup: &Setup, candidate: &Candidate) -> Self {
        let rate = Rate { per_second: candidate.rate, of: setup.written.scenario().traffic.rate.of };
        Self {
            faults: setup.fault_names(candidate),
            rate: rate.to_string(),
            duration_seconds: candidate.duration.as_secs_f64(),
            spans: match setup.written.scenario().run.extent {
                Extent::Spans(spans) if setup.variation(candidate).duration.is_none() => Some(spans),
                Extent::Spans(_) | Extent::Duration(_) => None,
            },
        }
    }

    /// Until when, in words.
    fn extent(&self) -> String {
        let duration = HumanDuration(Duration::from_secs_f64(self.duration_seconds));
        self.spans.map_or_else(|| duration.to_string(), |spans| format!("{} spans", count(spans)))
    }

    /// The same as a field of a scenario.
    fn extent_field(&self) -> String {
        self.spans.map_or_else(|| format!("duration: {}", self.extent()), |spans| format!("spans: {spans}"))
    }

    /// `3 faults (a, b, c), 500 spans/s, 2s`.
    fn in_words(&self) -> String {
        let named = self.faults.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        let more = if self.faults.len() > NAMED_MAX { ", ..." } else { "" };
        let names = if self.faults.is_empty() { String::new() } else { format!(" ({named}{more})") };
        format!("{}{names}, {}, {}", faults_in_words(self.faults.len()), self.rate, self.extent())
    }
}

/// The original.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OriginalSeen {
    /// What was in it.
    #[serde(flatten)]
    pub plan: Plan,
    /// What its runs showed.
    #[serde(flatten)]
    pub tally: Tally,
    /// Why nothing came of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A candidate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// Which, counted from 1.
    pub number: usize,
    /// What was in it.
    #[serde(flatten)]
    pub plan: Plan,
    /// What came of it.
    pub outcome: Outcome,
    /// What its runs showed.
    #[serde(flatten)]
    pub tally: Tally,
    /// How long they took.
    pub seconds: f64,
    /// Why nothing came of its last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The smallest that was seen failing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Smallest {
    /// What is in it.
    #[serde(flatten)]
    pub plan: Plan,
    /// What its runs showed.
    #[serde(flatten)]
    pub tally: Tally,
    /// The part of its scenario that lists the faults, as YAML; empty without any.
    pub yaml: String,
    /// Its whole scenario.
    pub scenario: String,
    /// The results of its last failing run.
    pub result: String,
    /// The command that repeats it, one element an argument.
    pub command: Vec<String>,
}

/// What a shrink found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shrunk {
    /// Always `spanproof.shrink/1` for this version of the format.
    pub schema: String,
    /// How it ended.
    pub state: State,
    /// The seed of every run.
    pub seed: u64,
    /// What a candidate had to show to be taken.
    pub failures: Vec<Failure>,
    /// What failed in the run that was to be shrunk, and less often than these when it was run again.
    pub not_always: Vec<Failure>,
    /// How many runs of a candidate had to show it, of how many at most; absent if the failure did not show again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The original, run again.
    pub original: OriginalSeen,
    /// The smallest that was seen failing; absent if the failure did not show again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest: Option<Smallest>,
    /// What was tried, in this order.
    pub trials: Vec<Tried>,
    /// Runs in all.
    pub runs: u32,
    /// How long all of it took.
    pub seconds: f64,
}

/// The smallest, told by what it is.
pub(super) fn smallest(setup: &Setup, candidate: &Candidate, tally: Tally) -> Smallest {
    let scenario = setup.out.join(place::SCENARIO).display().to_string();
    Smallest {
        plan: Plan::new(setup, candidate),
        tally,
        yaml: setup.written.faults(&setup.variation(candidate)),
        command: setup.command(candidate, &scenario),
        scenario,
        result: setup.out.join(place::RUN).display().to_string(),
    }
}

impl Shrunk {
    pub(super) fn new(setup: &Setup) -> Self {
        let plan = Plan::new(setup, &setup.original.whole());
        Self {
            schema: SCHEMA.to_owned(),
            state: State::NotShown,
            seed: setup.written.scenario().run.seed,
            failures: setup.failures.clone(),
            not_always: Vec::new(),
            rule: None,
            original: OriginalSeen { plan, tally: Tally::default(), reason: None },
            smallest: None,
            trials: Vec::new(),
            runs: 0,
            seconds: 0.0,
        }
    }

    /// 0 for a smallest run that fails, 3 where none is known: the failure did not show again, or the time was over before anything
    /// smaller was found. 130 for an interrupt.
    pub fn exit_code(&self) -> u8 {
        let is_smaller = self.smallest.as_ref().is_some_and(|smallest| smallest.plan != self.original.plan);
        match self.state {
            State::Reduced | State::Minimal => 0,
            State::Stopped if is_smaller => 0,
            State::Stopped | State::NotShown => 3,
            State::Interrupted => 130,
        }
    }

    /// What people read at the end.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.headline());
        let Some(smallest) = &self.smallest else {
            text.push_str(&format!("  wanted   {}\n", in_words(&self.failures)));
            text.push_str(&format!("  seen     {}\n", tally_in_words(self.original.tally)));
            if let Some(reason) = &self.original.reason {
                text.push_str(&format!("  why      {}\n", one_line(reason, REASON_MAX)));
            }
            if self.state == State::NotShown {
                text.push_str(
                    "  try      more runs (--runs), or whether the run rested on something that is otherwise now\n",
                );
            }
            return text;
        };
        text.push_str(&format!("  fails    {}\n", in_words(&self.failures)));
        text.push_str(&format!("  seen     {}\n", tally_in_words(smallest.tally)));
        if !self.not_always.is_empty() {
            text.push_str(&format!("  not always, so not waited for: {}\n", in_words(&self.not_always)));
        }
        let yaml = if smallest.yaml.is_empty() { "faults: []\n" } else { &smallest.yaml };
        text.push_str(&format!("\n{yaml}traffic: {{rate: {}}}\n", smallest.plan.rate));
        text.push_str(&format!("run: {{{}, seed: {}}}\n\n", smallest.plan.extent_field(), self.seed));
        let again: Vec<_> = smallest.command.iter().map(|argument| shell_word(argument)).collect();
        text.push_str(&format!("scenario {}\nresults  {}\n", smallest.scenario, smallest.result));
        text.push_str(&format!("again    {}\n", again.join(" ")));
        text
    }

    fn headline(&self) -> String {
        let word = match (self.state, &self.smallest) {
            (State::Reduced, _) => "SHRUNK",
            (State::Minimal, _) => "MINIMAL",
            (State::NotShown, _) => "NOT SHOWN AGAIN",
            (State::Stopped, Some(_)) => "STOPPED by its budget, the smallest so far",
            (State::Stopped, None) => "STOPPED by its budget, before the original was run often enough",
            (State::Interrupted, Some(_)) => "INTERRUPTED, the smallest so far",
            (State::Interrupted, None) => "INTERRUPTED before the original was run often enough",
        };
        let was = &self.original.plan;
        let now = self.smallest.as_ref().map_or(was, |smallest| &smallest.plan);
        let runs = format!("{} in {}", runs_in_words(self.runs, self.runs), clock(self.seconds));
        let parts = [
            word.to_owned(),
            change(&was.faults.len(), &now.faults.len(), |faults| faults_in_words(*faults)),
            change(&was.rate, &now.rate, String::clone),
            change(&was.extent(), &now.extent(), String::clone),
            format!("seed {}", self.seed),
            runs,
        ];
        parts.join("   ")
    }
}

/// What became of something.
fn change<T: PartialEq>(was: &T, now: &T, words: impl Fn(&T) -> String) -> String {
    if was == now { words(now) } else { format!("{} -> {}", words(was), words(now)) }
}

fn faults_in_words(faults: usize) -> String {
    match faults {
        0 => "no faults".to_owned(),
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    }
}

fn tally_in_words(tally: Tally) -> String {
    let open = if tally.open > 0 { format!(", {} more could not be decided", tally.open) } else { String::new() };
    format!("in {} of {} runs{open}", tally.fails, tally.fails + tally.holds)
}

fn outcome_in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Fails => "fails",
        Outcome::Holds => "holds",
        Outcome::Open => "open",
    }
}

/// What it is going to cost, before anything is started.
pub fn cost_in_words(setup: &Setup) -> String {
    let (cost, runs) = (setup.cost(), setup.runs.get());
    // As far as is known before the original has been run again.
    let runs_min = Rule::of_original(setup.runs, runs).map_or(runs, |rule| rule.runs_min());
    let time = |candidates: usize, runs_each: u32| {
        let all = runs as usize + candidates * runs_each as usize;
        clock((setup.run_takes.as_secs_f64() * all as f64).round())
    };
    let budget = match setup.budget {
        Some(budget) => format!("it ends after {} with the smallest so far", HumanDuration(budget)),
        None => "Ctrl-C or --budget end it with the smallest so far".to_owned(),
    };
    let lines = [
        format!("shrink   {}", Plan::new(setup, &setup.original.whole()).in_words()),
        format!("fails    {}", in_words(&setup.failures)),
        format!(
            "cost     {} of the original, then some {} candidates ({} at least) in {} each; a run takes {}",
            runs_in_words(runs, runs),
            count(cost.typical as u64),
            count(cost.fewest as u64),
            runs_in_words(runs_min, runs),
            duration(setup.run_takes)
        ),
        format!("         about {} in all, {} at most; {budget}", time(cost.typical, runs_min), time(cost.most, runs)),
    ];
    lines.join("\n")
}

fn runs_in_words(least: u32, most: u32) -> String {
    match (least, most) {
        (1, 1) => "1 run".to_owned(),
        (least, most) if least == most => format!("{} runs", count(u64::from(most))),
        (least, most) => format!("{least} to {most} runs"),
    }
}

/// A line of progress.
pub fn step_in_words(step: &Step<'_>) -> String {
    let because = |reason: Option<&str>| {
        reason.map_or(String::new(), |reason| format!("\n         {}", one_line(reason, REASON_MAX)))
    };
    match step {
        Step::Original { number, seen, took, reason } => {
            let (seen, took) = (outcome_in_words(*seen), took.as_secs_f64());
            format!("original run {number}   {seen}   {took:.1} s{}", because(*reason))
        }
        Step::Begins { failures, not_always, rule } => {
            let others = if not_always.is_empty() {
                String::new()
            } else {
                format!("; not always there, and so not waited for: {}", in_words(not_always))
            };
            let (needed, runs) = (rule.needed, rule.runs);
            format!("search   for {} in {needed} of {runs} runs{others}", in_words(failures))
        }
        Step::Trial(tried) => {
            let Tried { number, plan, outcome, tally, seconds, reason } = tried;
            let outcome = outcome_in_words(*outcome);
            let runs = tally_in_words(*tally);
            format!(
                "{number:>8} {outcome}   {runs}   {seconds:.1} s   {}{}",
                plan.in_words(),
                because(reason.as_deref())
            )
        }
    }
}

#[cfg(test)]
mod tests;
