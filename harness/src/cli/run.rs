//! `spanproof run`.

use super::headers::{self, Header};
use super::scenario::{complain, scenario_of};
use super::talk::Stderr;
use super::{Exit, Format, environment, fail, last_run, plaintext, print, say, with_causes};
use crate::knowledge::Harness;
use crate::run::{Finished, RunError, RunOptions, Talk, plan_spec};
use clap::Args;
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::Plan;
use spanproof_scenarios::knowledge::{Knowledge, Objection};
use spanproof_scenarios::load::{LoadOptions, Source};
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::problem::{Problem, Problems};
use spanproof_scenarios::scenario::{Scenario, Target};
use spanproof_scenarios::written::Written;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Where the catalogue has its drills.
const DRILLS: &str = "drills/";

/// Flags that change a scenario.
#[derive(Debug, Clone, Args)]
pub(crate) struct Changes {
    /// Spans per second over all services together, or `N traces/s`; never per worker
    #[arg(long, value_name = "RATE")]
    rate: Option<String>,
    /// How long load is applied, e.g. 30s, not counting the scenario's warm-up (run.warmup), which comes first
    #[arg(long, value_name = "TIME")]
    duration: Option<String>,
    /// The number from which traffic, ids and schedule follow
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// Set any field of the scenario, e.g. traffic.batch.spans=100
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// embedded, process:COMMAND, or external
    #[arg(long, value_name = "KIND[:ARG]")]
    target: Option<String>,
    /// Where an external target listens, e.g. http://127.0.0.1:4317
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Where an external target delivers OTLP/gRPC to us
    #[arg(long, value_name = "ADDR")]
    sink_grpc: Option<String>,
    /// Where an external target delivers OTLP/HTTP to us
    #[arg(long, value_name = "ADDR")]
    sink_http: Option<String>,
    /// Consent to send to HOST, named in a file or the environment, beyond this machine
    #[arg(long, value_name = "HOST")]
    allow_remote: Vec<String>,
    /// What records of others mean
    #[arg(long, value_name = "fail|ignore")]
    foreign: Option<String>,
    /// What an acknowledged span that never came out means; unknown for targets that sample or filter
    #[arg(long, value_name = "loss|unknown")]
    absence: Option<String>,
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArguments {
    /// Name of a scenario in the catalogue, or a file. Several, folders of files and patterns of the catalogue ('drills/*') run one after
    /// another, each into a directory below that of all
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// More of them
    #[arg(value_name = "SCENARIO")]
    more: Vec<String>,
    /// Of several, only those that did not pass when several ran here the last time
    #[arg(long)]
    last_failed: bool,
    #[command(flatten)]
    changes: Changes,
    /// Where results go: a new or an empty directory, or an earlier run's, which is replaced [default:
    /// spanproof-runs/NAME-SEED-TIME]. `report`, `show` and `judge` find the last run wherever it went
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No plan and no progress on stderr
    #[arg(long, short)]
    quiet: bool,
    /// Print the plan and start nothing
    #[arg(long)]
    dry_run: bool,
    /// Plant a defect in the embedded target, to see it caught, e.g. drop-nth=1000; `spanproof selftest --list` has them all
    #[arg(long, value_name = "DEFECT")]
    plant: Vec<String>,
    /// Have this fault of the scenario do nothing all the same, to see that a fault without evidence is noticed
    #[arg(long, value_name = "FAULT")]
    disarm: Option<String>,
    /// A thread of the driver panics when so many spans were sent: whoever tests spanproof sees that such a run proves nothing
    #[arg(long, value_name = "SPANS", hide = true)]
    break_driver_after: Option<u64>,
    /// Tell on stderr what is being broken, what the target holds meanwhile, and how it goes on, as it happens
    #[arg(long)]
    narrate: bool,
    /// Stand the embedded collector with this planted defect between the target and the sink
    #[arg(long, value_name = "DEFECT")]
    plant_behind: Vec<String>,
    /// A run that is part of a greater work: the command that repeats it, as a JSON list of its arguments. It is not remembered as the
    /// last run
    #[arg(long, value_name = "COMMAND", hide = true, value_parser = listed)]
    on_behalf_of: Option<Arguments>,
}

/// Arguments of a command. A type of its own, since a list means a flag that may come more than once.
#[derive(Debug, Clone)]
pub(crate) struct Arguments(Vec<String>);

fn listed(text: &str) -> Result<Arguments, serde_json::Error> {
    serde_json::from_str(text).map(Arguments)
}

impl Changes {
    /// As overrides of a scenario. Only an external target heeds the environment.
    pub(crate) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::new();
        if let Some(target) = &self.target {
            overrides.target(target);
        }
        if let Some(rate) = &self.rate {
            overrides.rate(rate);
        }
        if let Some(duration) = &self.duration {
            overrides.duration(duration);
        }
        if let Some(seed) = &self.seed {
            overrides.seed(seed);
        }
        if let Some(endpoint) = &self.endpoint {
            overrides.endpoint(endpoint);
        }
        if let Some(address) = &self.sink_grpc {
            overrides.sink_grpc(address);
        }
        if let Some(address) = &self.sink_http {
            overrides.sink_http(address);
        }
        if let Some(foreign) = &self.foreign {
            overrides.foreign(foreign);
        }
        if let Some(absence) = &self.absence {
            overrides.absence(absence);
        }
        for set in &self.sets {
            overrides.set(set);
        }
        overrides.environment(crate::process::inherited());
        overrides
    }

    /// As options for loading.
    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions { overrides: self.overrides(), allow_remote: self.allow_remote.clone(), ..LoadOptions::default() }
    }
}

impl RunArguments {
    /// What `drill NAME` means: `run drills/NAME --narrate`. A file is taken as it is.
    pub(crate) fn into_drill(self) -> Self {
        let of_drills = |name: String| match Path::new(&name).exists() || name.starts_with(DRILLS) {
            true => name,
            false => format!("{DRILLS}{name}"),
        };
        let more = self.more.into_iter().map(of_drills).collect();
        Self { scenario: of_drills(self.scenario), more, narrate: true, ..self }
    }

    /// What is written as scenarios, in the order in which it is written.
    pub(super) fn scenarios(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.scenario).chain(&self.more).map(String::as_str)
    }

    /// Whether they name several, or might.
    fn is_suite(&self) -> bool {
        !self.more.is_empty() || self.last_failed || super::suite::is_several(&self.scenario)
    }

    /// Of several, whether only those run that did not pass.
    pub(super) fn is_last_failed(&self) -> bool {
        self.last_failed
    }

    /// How results are printed.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Where results go, if that is said.
    pub(super) fn out(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// Whether nothing is started.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The same for one scenario of several alone.
    pub(super) fn alone(&self, name: &str, out: PathBuf) -> Self {
        let mut alone =
            Self { scenario: name.to_owned(), more: Vec::new(), last_failed: false, out: Some(out), ..self.clone() };
        alone.on_behalf_of = Some(Arguments(self.command_alone(name)));
        alone
    }

    /// The command that repeats one scenario of several: as typed, with its name alone and where no directory of all is named.
    fn command_alone(&self, name: &str) -> Vec<String> {
        let mut typed = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
        let mut command: Vec<String> = std::iter::once("spanproof".to_owned()).chain(typed.next()).collect();
        command.push(name.to_owned());
        while let Some(argument) = typed.next() {
            if argument == "--out" {
                typed.next();
            } else if argument != "--last-failed"
                && !argument.starts_with("--out=")
                && !self
                    .scenarios()
                    .any(|written| written == argument || written.strip_prefix(DRILLS) == Some(&argument))
            {
                command.push(argument);
            }
        }
        command
    }

    /// What is wrong with them, if anything is.
    pub(super) fn wrong(&self) -> Option<Problems> {
        self.understood().err()
    }

    /// The scenario with everything that these arguments change in its traffic.
    pub(crate) fn scenario(&self) -> Result<Scenario, Problems> {
        scenario_of(&self.scenario, &self.changes.options())
    }

    /// The scenario with everything that these arguments change in it, so that it can be written out.
    pub(crate) fn written(&self) -> Result<Written, Problems> {
        Written::load(&Source::find(&self.scenario)?, &LoadOptions { knowledge: Some(&Harness), ..self.all_options() })
    }

    /// Flags of the run that no field of a scenario stands for, and that change what comes of it.
    pub(crate) fn flags_beside_the_scenario(&self) -> Vec<String> {
        self.plant_behind.iter().flat_map(|defect| ["--plant-behind".to_owned(), defect.clone()]).collect()
    }

    /// The fault that is to do nothing.
    pub(crate) fn disarmed(&self) -> Option<String> {
        self.disarm.clone()
    }

    /// Options for loading with everything that these arguments change in the scenario.
    fn all_options(&self) -> LoadOptions {
        let mut options = self.changes.options();
        for defect in &self.plant {
            options.overrides.plant(defect);
        }
        options
    }

    /// The scenario with everything that these arguments change in it, and the headers that it is sent with; or all that is
    /// wrong with scenario and arguments.
    fn understood(&self) -> Result<(Scenario, Vec<Header>), Problems> {
        let scenario = scenario_of(&self.scenario, &self.all_options());
        let mut others = self.problems();
        // Only an external target heeds the environment.
        if scenario.as_ref().map_or(true, |scenario| matches!(scenario.target, Target::External(_))) {
            others.extend(environment::problems());
        }
        headers::added(scenario, others)
    }

    /// What is wrong with arguments that no field of a scenario stands for.
    fn problems(&self) -> Vec<Problem> {
        let behind = self.plant_behind.iter().filter_map(|defect| {
            let Objection { message, hint } = Harness.defect(defect)?;
            Some(Problem::of_flag("--plant-behind", defect, message, hint))
        });
        let out = self.out.as_ref().and_then(|directory| {
            let error = crate::run::check_place(directory).err()?.to_string();
            let Objection { message, hint } = Objection::of_sentence(&format!("cannot {error}"));
            Some(Problem::of_flag("--out", &directory.display().to_string(), message, hint))
        });
        behind.chain(out).collect()
    }
}

/// Runs a scenario, or several.
pub(crate) fn run(arguments: &RunArguments) -> Exit {
    if arguments.is_suite() {
        return super::suite::run(arguments);
    }
    let (scenario, headers) = match arguments.understood() {
        Ok(understood) => understood,
        Err(problems) => return complain(problems, arguments.format),
    };
    if let (Target::External(_), false, Some(note)) = (&scenario.target, arguments.quiet, plaintext::note()) {
        say(&note);
    }
    let options = options(arguments, &scenario, headers);
    if arguments.dry_run {
        return match crate::run::check(&scenario, &options) {
            Ok(()) => dry_run(&scenario, arguments),
            Err(error) => fail(&error, Exit(error.exit_code()), arguments.format),
        };
    }
    execute(&scenario, &options, arguments)
}

fn options(arguments: &RunArguments, scenario: &Scenario, headers: Vec<Header>) -> RunOptions {
    RunOptions {
        directory: arguments.out.clone().unwrap_or_else(|| default_directory(scenario)),
        command: command_line(arguments, scenario.run.seed),
        scenario_path: Path::new(&arguments.scenario).is_file().then(|| arguments.scenario.clone()),
        behind: arguments.plant_behind.clone(),
        disarmed: arguments.disarm.clone(),
        driver_breaks_after: arguments.break_driver_after,
        narrate: arguments.narrate,
        headers,
    }
}

/// How one scenario of several ended: with which exit code, and with what, or in words why there is no result.
pub(super) struct Execution {
    pub(super) exit: Exit,
    pub(super) outcome: Result<Finished, String>,
}

/// Runs one scenario of several, and prints nothing of its result.
pub(super) fn execute_alone(arguments: &RunArguments, interrupt: &CancellationToken) -> Execution {
    let (scenario, headers) = match arguments.understood() {
        Ok(understood) => understood,
        Err(problems) => return Execution { exit: Exit::USAGE, outcome: Err(problems.to_string()) },
    };
    let mut talk = Stderr::new(arguments.quiet);
    let outcome = crate::run::run(&scenario, &options(arguments, &scenario, headers), interrupt, &mut talk);
    talk.close();
    let exit = match &outcome {
        Ok(finished) => Exit(finished.result.exit_code()),
        Err(_) if interrupt.is_cancelled() => Exit::INTERRUPTED,
        Err(error) => Exit(error.exit_code()),
    };
    Execution { exit, outcome: outcome.map_err(|error| with_causes(&error)) }
}

fn execute(scenario: &Scenario, options: &RunOptions, arguments: &RunArguments) -> Exit {
    let interrupt = super::interrupt::token();
    let mut talk = Stderr::new(arguments.quiet);
    let outcome = crate::run::run(scenario, options, &interrupt, &mut talk);
    talk.close();
    match outcome {
        Ok(finished) => {
            if arguments.on_behalf_of.is_none()
                && let Err(error) = last_run::remember(&finished.directory)
            {
                talk.say(&format!("note: this run cannot be remembered as the last one: {error}"));
            }
            if arguments.on_behalf_of.is_none() {
                super::github::tell(&finished.result);
            }
            super::report::finish(&finished.directory, &finished.result, true, arguments.format)
        }
        Err(error) if interrupt.is_cancelled() => fail(&Early(error), Exit::INTERRUPTED, arguments.format),
        Err(error) => fail(&error, Exit(error.exit_code()), arguments.format),
    }
}

/// Interrupted when there was nothing yet to write.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before the load began: {0}")]
struct Early(RunError);

/// `spanproof-runs/NAME-SEED-TIME`, with a number behind it if that is taken.
fn default_directory(scenario: &Scenario) -> PathBuf {
    last_run::free_place(&format!("{}-{}", scenario.name, scenario.run.seed))
}

/// The command that repeats the run: as typed, as far as that is text, with the seed.
fn command_line(arguments: &RunArguments, seed: u64) -> Vec<String> {
    if let Some(Arguments(command)) = &arguments.on_behalf_of {
        return command.clone();
    }
    let mut command = vec!["spanproof".to_owned()];
    command.extend(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()));
    if arguments.changes.seed.is_none() {
        command.extend(["--seed".to_owned(), seed.to_string()]);
    }
    command
}

fn dry_run(scenario: &Scenario, arguments: &RunArguments) -> Exit {
    let plan = match Plan::new(plan_spec(scenario, RunTag::ZERO)) {
        Ok(plan) => plan,
        Err(error) => return fail(&error, Exit::USAGE, arguments.format),
    };
    let patience = match crate::run::patience(scenario, Path::new(".")) {
        Ok(patience) => patience,
        Err(error) => return fail(&error, Exit(error.exit_code()), arguments.format),
    };
    let outlook = match crate::run::outlook(scenario, &plan, &patience, !arguments.plant_behind.is_empty()) {
        Ok(outlook) => outlook,
        Err(error) => return fail(&error, Exit(error.exit_code()), arguments.format),
    };
    let people = crate::run::plan_for_people(scenario, &plan, &patience, &outlook);
    match arguments.format {
        Format::Text => {
            print(&spanproof_reports::terminal::plan::plan_block(&people));
            print(&format!("fingerprint {}\n", plan.fingerprint()));
        }
        Format::Json => {
            let document = serde_json::json!({
                "scenario": scenario.name,
                "seed": scenario.run.seed,
                "traces": plan.traces(),
                "spans": plan.spans(),
                "strata": plan.strata().iter().map(|(stratum, count)| (stratum.name(), *count)).collect::<std::collections::BTreeMap<_, _>>(),
                "seconds": plan.seconds(),
                "warm_up_seconds": people.warm_up.as_secs_f64(),
                "settle_seconds": patience.longest().as_secs_f64(),
                "settle_if_late_seconds": patience.longest_if_late().as_secs_f64(),
                "prediction": outlook.foretold().map(|foretold| &foretold.told),
                "prediction_unknown": outlook.unknown(),
                "warnings": people.warnings,
                "fingerprint": plan.fingerprint(),
            });
            print(&format!("{document:#}\n"));
        }
    }
    Exit::PASS
}
