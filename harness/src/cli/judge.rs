//! `spanproof judge`: verdicts again, from the evidence alone. From before the evidence is read until the result is written no run can
//! begin in the directory, so that no verdict comes to stand beside other evidence than its own.

use super::run::Changes;
use super::scenario::{complain, scenario_of};
use super::{Exit, Format, fail, last_run, say, with_causes};
use crate::evidence::error::EvidenceError;
use crate::evidence::marker::Hold;
use crate::evidence::{self, Asked, Frozen, marker};
use crate::run::plan_spec;
use clap::Args;
use spanproof_generators::plan::PlanSpec;
use spanproof_reports::directory::{WriteError, stage};
use spanproof_reports::result::RunResult;
use spanproof_scenarios::scenario::{Absence, Foreign, Scenario};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    /// The run's directory [default: the last run that was started here, wherever its results went]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Take the limits, the promises, and what foreign and absent records mean, from this scenario, which must make the same plan; repeat the flags
    /// that changed the run's traffic
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    #[command(flatten)]
    changes: Changes,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Judges, writes the result again, and prints it; the exit code is the verdict's, whether or not it can be written.
pub(crate) fn run(arguments: &JudgeArguments) -> Exit {
    let format = arguments.format;
    let directory = match arguments.directory.clone().map_or_else(last_run::find, Ok) {
        Ok(directory) => directory,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    let hold = marker::share(&directory);
    if matches!(hold, Err(TryLockError::WouldBlock)) {
        return fail(&EvidenceError::Unfinished { directory }, Exit::INCONCLUSIVE, format);
    }
    let mut frozen = match evidence::read(&directory) {
        Ok(frozen) => frozen,
        Err(error) => return fail(&error, Exit(error.exit_code()), format),
    };
    if let Some(name) = &arguments.scenario
        && let Err(exit) = take_limits(&mut frozen, name, &directory, arguments)
    {
        return exit;
    }
    let result = frozen.judge();
    let written = write(hold, &directory, &result);
    if let Err(error) = &written {
        say(&format!("warning: {}", with_causes(error)));
    }
    super::report::finish(&directory, &result, written.is_ok(), format)
}

/// Why a verdict stands on stdout and not in the directory.
#[derive(Debug, thiserror::Error)]
enum Unwritten {
    #[error("nothing was written: {0}")]
    Nothing(#[source] WriteError),
    #[error("not all of it was written: {0}")]
    Part(#[source] WriteError),
}

fn write(hold: Result<Hold, TryLockError>, directory: &Path, result: &RunResult) -> Result<(), Unwritten> {
    let unheld = |error: TryLockError| WriteError::Io { path: directory.to_owned(), source: error.into() };
    let _hold = hold.map_err(unheld).map_err(Unwritten::Nothing)?;
    marker::tidy(directory);
    let staged = stage(directory, result).map_err(Unwritten::Nothing)?;
    staged.publish().map(drop).map_err(Unwritten::Part)
}

/// Another scenario's limits do not fit this run.
#[derive(Debug, thiserror::Error)]
enum OtherRun {
    #[error(
        "{name} makes another plan than the one in {}: {} differ; name the scenario of that run, and repeat its flags",
        directory.display(),
        differing.join(", ")
    )]
    Plan { name: String, directory: PathBuf, differing: Vec<&'static str> },
    #[error(
        "run.late_after is {is:?} in {name} and was {was:?} in the run, which noted what was late as it came; the evidence \
         cannot tell what would be late by another one: leave it as it was, or run again"
    )]
    LateAfter { name: String, was: Duration, is: Duration },
}

fn take_limits(frozen: &mut Frozen, name: &str, directory: &Path, arguments: &JudgeArguments) -> Result<(), Exit> {
    let scenario =
        scenario_of(name, &arguments.changes.options()).map_err(|problems| complain(problems, arguments.format))?;
    let refused = |error: OtherRun| Err(fail(&error, Exit::USAGE, arguments.format));
    let differing = differences(frozen.evidence.plan.spec(), &scenario);
    if !differing.is_empty() {
        return refused(OtherRun::Plan { name: name.to_owned(), directory: directory.to_owned(), differing });
    }
    let (was, is) = (frozen.course.late_margin, scenario.run.late_after);
    if was != is {
        return refused(OtherRun::LateAfter { name: name.to_owned(), was, is });
    }
    let absence_is_unknown = scenario.absence == Absence::Unknown;
    let Scenario { limits, promises, foreign, .. } = scenario;
    let foreign_fails = foreign == Foreign::Fail;
    frozen.replace_limits(Asked { limits, promises, foreign_fails, absence_is_unknown }, name);
    Ok(())
}

/// What of the plan's inputs a scenario has otherwise.
pub(super) fn differences(was: &PlanSpec, scenario: &Scenario) -> Vec<&'static str> {
    // Tag and epoch are a run's own; no scenario says them.
    let is = PlanSpec { lane: was.lane, epoch_unix_ns: was.epoch_unix_ns, ..plan_spec(scenario, was.tag) };
    let parts = [
        ("seed", was.seed == is.seed),
        ("workload", was.workload == is.workload),
        ("anomalies", was.mix == is.mix),
        ("packing", was.packing == is.packing),
        ("batch", was.batch == is.batch),
        ("request_bytes_max", was.request_bytes_max == is.request_bytes_max),
        ("rate", was.rate == is.rate),
        ("profile, warm-up or duration", was.shape == is.shape),
        ("arrivals", was.arrivals == is.arrivals),
        ("extent", was.extent == is.extent),
    ];
    let mut other: Vec<_> = parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect();
    if other.is_empty() && *was != is {
        other.push("inputs of the plan");
    }
    other
}
