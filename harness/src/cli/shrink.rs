//! `spanproof shrink`: from a run that failed to the smallest one that still fails.
//!
//! Exit codes: 0 the smallest is told, 2 usage, 3 the failure did not show again or the budget ended too early, 130 interrupted.

use super::judge::differences;
use super::run::RunArguments;
use super::scenario::complain;
use super::{Exit, Format, fail, last_run, print, say};
use crate::evidence::{self, Frozen};
use crate::run::plan_spec;
use crate::shrink::failure::{Failure, failures, in_words};
use crate::shrink::loss::Loss;
use crate::shrink::report::{Shrunk, cost_in_words, step_in_words};
use crate::shrink::{Setup, original, place, suspects};
use clap::Args;
use spanproof_generators::plan::Plan;
use spanproof_reports::plain_text::shell_word;
use spanproof_reports::result::RunResult;
use spanproof_scenarios::knowledge::Objection;
use spanproof_scenarios::problem::{Problem, Problems};
use spanproof_scenarios::scenario::{Scenario, Target};
use spanproof_scenarios::units::{HumanDuration, ValueError};
use spanproof_scenarios::written::Written;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run takes beside its load and its settling: starting and stopping, and judging what was found.
const AROUND: Duration = Duration::from_secs(1);

/// A run that takes so much longer than it may hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder below the run's own where things go when nobody says otherwise.
const FOLDER: &str = "shrunk";

/// Arguments of `shrink`.
#[derive(Debug, Args)]
pub(crate) struct ShrinkArguments {
    /// The directory of a run that failed [default: the last run that was started here, wherever its results went]. It is run again
    /// as its result says, so take only results that you trust
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Runs of each candidate, of which half must fail
    #[arg(long, value_name = "N", default_value = "3")]
    runs: NonZeroU32,
    /// End after this time with the smallest that was found by then, e.g. 20m
    #[arg(long, value_name = "TIME")]
    budget: Option<String>,
    /// Look for this failure alone: the name of a finding, or the text of a limit [default: all that failed]
    #[arg(long, value_name = "NAME")]
    failing: Vec<String>,
    /// Where the smallest goes: a new or an empty directory, or that of an earlier shrink [default: DIR/shrunk]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Consent to send to HOST beyond this machine, once more
    #[arg(long, value_name = "HOST")]
    allow_remote: Vec<String>,
    /// Say what it would cost and start nothing
    #[arg(long)]
    dry_run: bool,
    /// How the outcome is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No cost and no progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// What was typed cannot be done.
#[derive(Debug, thiserror::Error)]
enum UsageError {
    #[error("{}: nothing failed there ({verdict}), so there is nothing to shrink; name the directory of a run that failed", directory.display())]
    NothingFailed { directory: PathBuf, verdict: &'static str },
    #[error("{}: its result does not say how it was run, so it cannot be run again; shrink the results of `spanproof run`", directory.display())]
    NoCommand { directory: PathBuf },
    #[error("{}: it was run as `{command}`, which this spanproof does not understand: {reason}", directory.display())]
    OtherCommand { directory: PathBuf, command: String, reason: String },
    #[error(
        "{}: `{command}` makes another run by now: {} differ; undo what was changed since, or run it again and shrink that",
        directory.display(),
        differing.join(", ")
    )]
    OtherRun { directory: PathBuf, command: String, differing: Vec<&'static str> },
    #[error("find our own binary: {0}")]
    OwnBinary(std::io::Error),
    #[error(transparent)]
    Plan(#[from] spanproof_generators::plan::PlanError),
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
}

/// Shrinks a run.
pub(crate) fn run(arguments: &ShrinkArguments) -> Exit {
    let format = arguments.format;
    let setup = match setup(arguments) {
        Ok(setup) => setup,
        Err(exit) => return exit,
    };
    let cost = cost_in_words(&setup);
    if arguments.dry_run {
        return told_cost(&setup, &cost, format);
    }
    let talk = |line: &str| {
        if !arguments.quiet {
            say(line);
        }
    };
    talk(&cost);
    let interrupt = super::interrupt::token();
    match crate::shrink::run(&setup, &interrupt, &mut |step| talk(&step_in_words(step))) {
        Ok(shrunk) => finish(&setup, &shrunk, format),
        Err(error) => fail(&error, Exit(error.exit_code()), format),
    }
}

fn told_cost(setup: &Setup, words: &str, format: Format) -> Exit {
    match format {
        Format::Text => print(&format!("{words}\n")),
        Format::Json => {
            let cost = setup.cost();
            let document = serde_json::json!({
                "failures": setup.failures,
                "runs": setup.runs,
                "run_seconds": setup.run_takes.as_secs_f64(),
                "candidates": {"fewest": cost.fewest, "typical": cost.typical, "most": cost.most},
            });
            print(&format!("{document:#}\n"));
        }
    }
    Exit::PASS
}

fn finish(setup: &Setup, shrunk: &Shrunk, format: Format) -> Exit {
    let document = match serde_json::to_string_pretty(shrunk) {
        Ok(text) => text + "\n",
        Err(error) => return fail(&error, Exit::INCONCLUSIVE, format),
    };
    if shrunk.smallest.is_some()
        && let Err(error) = spanproof_reports::directory::write_file(&setup.out, place::DOCUMENT, &document)
    {
        say(&format!("warning: {error}"));
    }
    match format {
        Format::Text => print(&shrunk.text()),
        Format::Json => print(&document),
    }
    Exit(shrunk.exit_code())
}

/// Everything that is needed to begin, or how the command ends.
fn setup(arguments: &ShrinkArguments) -> Result<Setup, Exit> {
    let format = arguments.format;
    let usage = |error: UsageError| {
        let exit = match &error {
            UsageError::Run(error) => Exit(error.exit_code()),
            _ => Exit::USAGE,
        };
        fail(&error, exit, format)
    };
    let directory = arguments.directory.clone().map_or_else(last_run::find, Ok);
    let directory = directory.map_err(|error| fail(&error, Exit::USAGE, format))?;
    let frozen = evidence::read(&directory).map_err(|error| fail(&error, Exit(error.exit_code()), format))?;
    let result = frozen.judge();
    let failed = failures(&result, &Loss::all(&frozen.evidence));
    if failed.is_empty() {
        return Err(usage(UsageError::NothingFailed { directory, verdict: result.verdict.name() }));
    }
    let again = repeated(&result, &directory).map_err(usage)?;
    let out = arguments.out.clone().unwrap_or_else(|| directory.join(FOLDER));
    let flags = flag_problems(arguments, &failed, &result, &out);
    let loaded = again.written().inspect_err(|_| {
        say(&format!(
            "{}: it was run as `{}`; its files are looked for from here",
            directory.display(),
            in_shell(&result.command)
        ));
    });
    let written = Problems::with(loaded, flags).and_then(|written| remote(written, arguments));
    let written = written.map_err(|problems| complain(problems, format))?;
    same_run(&frozen, &result, written.scenario(), &directory).map_err(usage)?;
    assembled(arguments, (&frozen, &result), failed, written, again, out).map_err(usage)
}

/// All that is wrong with the flags.
fn flag_problems(arguments: &ShrinkArguments, failed: &[Failure], result: &RunResult, out: &Path) -> Vec<Problem> {
    let unknown = arguments.failing.iter().filter(|name| !failed.iter().any(|failure| failure.is_called(name)));
    let unknown = unknown.map(|name| {
        let hint = format!("what did: {}", in_words(failed));
        Problem::of_flag("--failing", name, "this did not fail in that run", hint)
    });
    let budget =
        arguments.budget.iter().filter_map(|text| budget(text, arguments.runs, result).err()).map(|problem| *problem);
    let place = place::check(out).err().map(|error| {
        let Objection { message, hint } = Objection::of_sentence(&format!("cannot {error}"));
        Problem::of_flag("--out", &out.display().to_string(), message, hint)
    });
    unknown.chain(budget).chain(place).collect()
}

/// The time that all of it may take: enough to run the original as often as it must be, since less would end in nothing.
fn budget(text: &str, runs: NonZeroU32, result: &RunResult) -> Result<Duration, Box<Problem>> {
    let refused = |message: String, hint: String| Box::new(Problem::of_flag("--budget", text, message, hint));
    let read: Result<HumanDuration, ValueError> = text.parse();
    let HumanDuration(budget) = read.map_err(|error| refused(error.message, error.hint))?;
    let needed = run_takes(result) * runs.get();
    if budget < needed {
        let seconds = HumanDuration::from_secs(needed.as_secs() + 1);
        let message = format!("to run the original {runs} times takes {seconds} already");
        return Err(refused(message, "give more time, or fewer `--runs`".to_owned()));
    }
    Ok(budget)
}

fn run_takes(result: &RunResult) -> Duration {
    Duration::from_secs_f64(result.duration_seconds.max(0.0)) + AROUND
}

/// The arguments with which a run was made.
fn repeated(result: &RunResult, directory: &Path) -> Result<RunArguments, UsageError> {
    if result.command.is_empty() {
        return Err(UsageError::NoCommand { directory: directory.to_owned() });
    }
    let other = |reason: String| UsageError::OtherCommand {
        directory: directory.to_owned(),
        command: in_shell(&result.command),
        reason,
    };
    super::run_arguments(&result.command).map_err(other)
}

fn in_shell(command: &[String]) -> String {
    command.iter().map(|argument| shell_word(argument)).collect::<Vec<_>>().join(" ")
}

/// Scenario and faults must still be those of the run: only then is what failed what is tried.
fn same_run(frozen: &Frozen, result: &RunResult, scenario: &Scenario, directory: &Path) -> Result<(), UsageError> {
    let mut differing = differences(frozen.evidence.plan.spec(), scenario);
    if frozen.course.limits != scenario.limits {
        differing.push("limits");
    }
    let planned = |name: &str| result.faults.get(name).map(|fault| (fault.windows(), fault.what.clone()));
    let same = |fault: &spanproof_scenarios::scenario::Fault| {
        planned(&fault.name) == Some((fault.windows.all().collect(), fault.kind.to_string()))
    };
    if result.faults.len() != scenario.faults.len() || !scenario.faults.iter().all(same) {
        differing.push("faults");
    }
    if differing.is_empty() {
        return Ok(());
    }
    let (directory, command) = (directory.to_owned(), in_shell(&result.command));
    Err(UsageError::OtherRun { directory, command, differing })
}

/// Who typed an endpoint once has consented to one run; many runs take a consent of their own.
fn remote(written: Written, arguments: &ShrinkArguments) -> Result<Written, Problems> {
    let Target::External(external) = &written.scenario().target else { return Ok(written) };
    let host = external.endpoint.host();
    if external.endpoint.is_loopback() || arguments.allow_remote.iter().any(|allowed| allowed == host) {
        return Ok(written);
    }
    let message = format!("the run was sent to `{host}`, which is not this machine, and this sends it again and again");
    let hint = format!("if you mean it, pass `--allow-remote {host}`");
    Err(Problem::of_flag("--allow-remote", "", message, hint).into())
}

fn assembled(
    arguments: &ShrinkArguments,
    (frozen, result): (&Frozen, &RunResult),
    failed: Vec<Failure>,
    written: Written,
    again: RunArguments,
    out: PathBuf,
) -> Result<Setup, UsageError> {
    let scenario = written.scenario();
    let is_wanted = |failure: &Failure| {
        arguments.failing.is_empty() || arguments.failing.iter().any(|name| failure.is_called(name))
    };
    let plan = Plan::new(plan_spec(scenario, spanproof_generators::identity::RunTag::ZERO))?;
    let patience = crate::run::patience(scenario, Path::new("."))?;
    let load = Duration::from_secs_f64(plan.seconds().max(0.0));
    let (target_starts_within, target_ends_within) = match &scenario.target {
        Target::Process(process) => (process.ready.timeout, process.stop_grace),
        Target::Embedded(_) | Target::External(_) => (Duration::ZERO, Duration::ZERO),
    };
    let run_takes_max = load + patience.longest_if_late() + target_starts_within + target_ends_within;
    Ok(Setup {
        binary: std::env::current_exe().map_err(UsageError::OwnBinary)?,
        original: original(scenario, &plan, suspects(frozen, scenario)),
        flags: again.flags_beside_the_scenario(),
        disarmed: again.disarmed(),
        allow_remote: arguments.allow_remote.clone(),
        failures: failed.into_iter().filter(is_wanted).collect(),
        runs: arguments.runs,
        budget: arguments.budget.as_ref().and_then(|text| budget(text, arguments.runs, result).ok()),
        run_takes: run_takes(result),
        run_takes_max: 2 * run_takes_max + PATIENCE,
        target_ends_within,
        out,
        written,
    })
}
