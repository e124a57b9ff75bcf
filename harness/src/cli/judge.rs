//! `spanproof judge`: verdicts again, from the evidence alone.

use super::run::Changes;
use super::scenario::{complain, scenario_of};
use super::{Exit, Format, fail, last_run};
use crate::evidence::{self, Frozen, marker};
use crate::run::plan_spec;
use clap::Args;
use spanproof_generators::plan::PlanSpec;
use spanproof_scenarios::scenario::{Absence, Foreign, Scenario};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    /// The run's directory [default: the last run that was started here, wherever its results went]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Take the limits, and what foreign and absent records mean, from this scenario, which must make the same plan; repeat the flags
    /// that changed the run's traffic
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    #[command(flatten)]
    changes: Changes,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Judges, writes the result again, and prints it; the exit code is the verdict's.
pub(crate) fn run(arguments: &JudgeArguments) -> Exit {
    let format = arguments.format;
    let directory = match arguments.directory.clone().map_or_else(last_run::find, Ok) {
        Ok(directory) => directory,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
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
    marker::tidy(&directory);
    if let Err(error) = spanproof_reports::directory::write(&directory, &result, None) {
        return fail(&error, Exit::USAGE, format);
    }
    super::report::finish(&directory, &result, format)
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
    frozen.replace_limits(scenario.limits, scenario.foreign == Foreign::Fail, absence_is_unknown, name);
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
