//! `spanproof judge`: verdicts again, from the evidence alone.

use super::run::Changes;
use super::scenario::{complain, scenario_of};
use super::{Exit, Format, fail, say};
use crate::evidence::{self, Frozen};
use crate::run::plan_spec;
use clap::Args;
use spanproof_generators::plan::PlanSpec;
use spanproof_scenarios::scenario::{Absence, Foreign, Scenario};
use std::path::PathBuf;

/// Arguments of `judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArguments {
    /// The run's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
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
    let mut frozen = match evidence::read(&arguments.directory) {
        Ok(frozen) => frozen,
        Err(error) => return fail(&error, error.exit_code()),
    };
    if let Some(name) = &arguments.scenario
        && let Err(exit) = take_limits(&mut frozen, name, arguments)
    {
        return exit;
    }
    let result = frozen.judge();
    if let Err(error) = spanproof_reports::directory::write(&arguments.directory, &result, None) {
        return fail(&error, Exit::USAGE.0);
    }
    super::report::finish(&arguments.directory, &result, arguments.format)
}

fn take_limits(frozen: &mut Frozen, name: &str, arguments: &JudgeArguments) -> Result<(), Exit> {
    let scenario =
        scenario_of(name, &arguments.changes.options()).map_err(|problems| complain(problems, arguments.format))?;
    let other = differences(frozen.evidence.plan.spec(), &scenario);
    if !other.is_empty() {
        say(&format!(
            "error: {name} makes another plan than the one in {}: {} differ; name the scenario of that run, and repeat its \
             flags",
            arguments.directory.display(),
            other.join(", ")
        ));
        return Err(Exit::USAGE);
    }
    let (was, is) = (frozen.course.late_margin, scenario.run.late_after);
    if was != is {
        say(&format!(
            "error: run.late_after is {is:?} in {name} and was {was:?} in the run, which noted what was late as it came; the \
             evidence cannot tell what would be late by another one: leave it as it was, or run again"
        ));
        return Err(Exit::USAGE);
    }
    let absence_is_unknown = scenario.absence == Absence::Unknown;
    frozen.replace_limits(scenario.limits, scenario.foreign == Foreign::Fail, absence_is_unknown, name);
    Ok(())
}

/// What of the plan's inputs a scenario has otherwise.
fn differences(was: &PlanSpec, scenario: &Scenario) -> Vec<&'static str> {
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
