//! `spanproof sink`: plays the backend on its own.
//!
//! It counts whatever comes. With `--expect` it knows what ought to come and judges; with `--until` it ends as soon as
//! something holds. With `--fault` and `--control` it is a backend that fails. Exit codes: 0 as wished, or merely counted; 1 a check
//! failed, `--until` did not hold in time, or the command failed by itself; 2 usage; 3 nothing could be decided, it could not listen, or
//! a fault of `--fault` touched nothing; 130 interrupted before its end. A sink that is given no end, and so counts until Ctrl-C, has
//! ended as wished then.

mod child;
mod expect;
mod goal;
mod judged;
mod summary;
mod watch;

use super::scenario::complain;
use super::{Exit, Format, fail, print, say, switching};
use crate::clock::RunClock;
use crate::process::KeptCommand;
use crate::pulse::Observer;
use crate::sink::dump::Dump;
use crate::sink::reception::Reception;
use crate::sink::refusals::close;
use crate::sink::switchboard::SinkSwitchboard;
use crate::sink::switched::SwitchedSink;
use crate::wire::server::{Backend, ServerConfig, ServerError, SinkServer};
use clap::{Args, ValueEnum};
use expect::Wanted;
use goal::Goal;
use spanproof_generators::identity::RunTag;
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::SinkSwitch;
use spanproof_scenarios::units::{ByteSize, HumanDuration, ValueError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use summary::{CommandEnd, Ended, Summary};
use watch::{SinkDid, Watch};

/// Where OTLP/gRPC is taken when no address is given.
const GRPC_DEFAULT: &str = "127.0.0.1:4317";

/// Where OTLP/HTTP is taken when no address is given.
const HTTP_DEFAULT: &str = "127.0.0.1:4318";

/// How long `--until` waits when `--within` does not say.
const WITHIN_DEFAULT: Duration = Duration::from_secs(30);

/// How long a command that is asked to end may take.
const COMMAND_GRACE: Duration = Duration::from_secs(10);

/// Requests under way when the sink ends may take this long to finish.
const SERVER_GRACE: Duration = Duration::from_secs(1);

/// What records of others mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Foreign {
    /// They fail the check.
    Fail,
    /// They are counted.
    Ignore,
}

/// Arguments of `sink`.
#[derive(Debug, Args)]
pub(crate) struct SinkArguments {
    /// Take OTLP/gRPC here [default: 127.0.0.1:4317, unless only --http is given]
    #[arg(long, value_name = "ADDR")]
    grpc: Option<SocketAddr>,
    /// Take OTLP/HTTP here [default: 127.0.0.1:4318, unless only --grpc is given]
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// End with 0 as soon as this holds, e.g. 'spans >= 10'; also traces, requests, bytes, services, data_points,
    /// log_records, and with an expectation the figures of the ledger
    #[arg(long, value_name = "LIMIT")]
    until: Option<String>,
    /// End after this long at the latest, e.g. 30s [default with --until: 30s; with an expectation: 30s after its end]
    #[arg(long, value_name = "TIME")]
    within: Option<String>,
    /// Write down every request for traces as a line of OTLP/JSON
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// The dump ends before it becomes larger than this
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    dump_max: String,
    /// Judge against what was sent: the result.json of a run, or what `gen --result` writes; waited for if missing
    #[arg(long, value_name = "FILE", conflicts_with = "expect_scenario")]
    expect: Option<PathBuf>,
    /// Judge against a scenario of the catalogue, or a file; needs --run-tag and --epoch
    #[arg(long, value_name = "NAME|FILE", requires = "run_tag", requires = "epoch")]
    expect_scenario: Option<String>,
    /// The seed of the expected scenario, if another than its own
    #[arg(long, value_name = "N", requires = "expect_scenario")]
    seed: Option<u64>,
    /// The run tag of what is expected: 12 hex digits
    #[arg(long, value_name = "HEX", requires = "expect_scenario")]
    run_tag: Option<RunTag>,
    /// The start of what is expected, in nanoseconds since 1970
    #[arg(long, value_name = "NS", requires = "expect_scenario")]
    epoch: Option<u64>,
    /// Set any field of the expected scenario, e.g. traffic.rate=5000
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "expect_scenario")]
    sets: Vec<String>,
    /// What records of others mean when something is expected
    #[arg(long, value_enum, default_value = "fail")]
    foreign: Foreign,
    /// What is broken from the beginning, as behind `fault:` in a scenario, e.g. 'slow: {by: 4s}', or with a name and a share of the
    /// requests: '{name: brown-out, share: 30%, fault: {grpc_status: {code: UNAVAILABLE}}}'
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<String>,
    /// Switch faults over HTTP here while it runs; loopback only
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// After the command has ended, wait for this long without a request
    #[arg(long, value_name = "TIME", default_value = "2s")]
    settle: String,
    /// How the counts are printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Nothing on stderr but errors
    #[arg(long, short)]
    quiet: bool,
    /// A command to run, told by OTEL_EXPORTER_OTLP_* where the sink is; its output goes to stderr
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// What was typed, understood.
struct Settings {
    grpc: Option<SocketAddr>,
    http: Option<SocketAddr>,
    goal: Option<Goal>,
    within: Option<Duration>,
    wanted: Option<Wanted>,
    settle: Duration,
    dump_bytes_max: u64,
}

/// Receives until there is a reason to end.
pub(crate) fn run(arguments: &SinkArguments) -> Exit {
    let faults = match faults(&arguments.faults) {
        Ok(faults) => faults,
        Err(problems) => return complain(problems, arguments.format),
    };
    match settings(arguments).and_then(|settings| receive(arguments, settings, &faults)) {
        Ok(exit) => exit,
        Err((error, exit)) => fail(error.as_ref(), exit, arguments.format),
    }
}

type Failure = (Box<dyn std::error::Error>, Exit);

fn usage(error: impl std::error::Error + 'static) -> Failure {
    (Box::new(error), Exit::USAGE)
}

fn undecided(error: impl std::error::Error + 'static) -> Failure {
    (Box::new(error), Exit::INCONCLUSIVE)
}

fn faults(texts: &[String]) -> Result<Vec<SinkSwitch>, Problems> {
    let (faults, problems) = switching::faults(texts, SinkSwitch::read, |switch| &switch.name);
    Problems::with(Ok(faults), problems)
}

fn settings(arguments: &SinkArguments) -> Result<Settings, Failure> {
    let duration = |flag: &'static str, text: &str| {
        text.parse::<HumanDuration>().map(|time| time.0).map_err(|error| bad_value(flag, text, &error))
    };
    let wanted = wanted(arguments);
    let goal = arguments.until.as_deref().map(|text| Goal::parse(text, wanted.is_some())).transpose().map_err(usage)?;
    let within = arguments.within.as_deref().map(|text| duration("--within", text)).transpose()?;
    let nowhere = arguments.grpc.is_none() && arguments.http.is_none();
    let default = |text: &str| if nowhere { text.parse().ok() } else { None };
    let size = arguments.dump_max.parse::<ByteSize>();
    Ok(Settings {
        grpc: arguments.grpc.or_else(|| default(GRPC_DEFAULT)),
        http: arguments.http.or_else(|| default(HTTP_DEFAULT)),
        within: within.or_else(|| goal.as_ref().map(|_| WITHIN_DEFAULT)),
        goal,
        wanted,
        settle: duration("--settle", &arguments.settle)?,
        dump_bytes_max: size.map_err(|error| bad_value("--dump-max", &arguments.dump_max, &error))?.0,
    })
}

/// A flag whose value cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {}: {message}{}{hint}", text.escape_debug(), if .hint.is_empty() { "" } else { "; " })]
struct BadValue {
    flag: &'static str,
    text: String,
    message: String,
    hint: String,
}

fn bad_value(flag: &'static str, text: &str, error: &ValueError) -> Failure {
    usage(BadValue { flag, text: text.to_owned(), message: error.message.clone(), hint: error.hint.clone() })
}

fn wanted(arguments: &SinkArguments) -> Option<Wanted> {
    match (&arguments.expect, &arguments.expect_scenario, arguments.run_tag, arguments.epoch) {
        (Some(file), ..) => Some(Wanted::File(file.clone())),
        (None, Some(scenario), Some(tag), Some(epoch_unix_ns)) => Some(Wanted::Given {
            scenario: scenario.clone(),
            seed: arguments.seed,
            sets: arguments.sets.clone(),
            tag,
            epoch_unix_ns,
        }),
        _ => None,
    }
}

fn receive(arguments: &SinkArguments, settings: Settings, faults: &[SinkSwitch]) -> Result<Exit, Failure> {
    let dump = arguments.dump.as_deref().map(|path| Dump::create(path, settings.dump_bytes_max));
    let reception = Arc::new(Reception::new(dump.transpose().map_err(usage)?, settings.wanted.is_some()));
    let mut watch = Watch::new(&reception, settings.goal, settings.wanted, settings.within, settings.settle);
    // What is known at once is understood before anything starts, so that a mistake is told at once.
    watch.learn().map_err(usage)?;
    let interrupt = super::interrupt::token();
    let sink = Arc::new(SwitchedSink::new(Arc::clone(&reception)));
    faults.iter().try_for_each(|switch| sink.board().switch_on(switch.clone())).map_err(usage)?;
    let control = switching::control(arguments.control, Arc::clone(&sink) as _)?;
    let observer = Observer::start().map_err(ServerError::Threads).map_err(undecided)?;
    let pulse = observer.pulse();
    let config = ServerConfig {
        grpc: settings.grpc,
        http: settings.http,
        pulse: Some(Arc::clone(&pulse)),
        ..ServerConfig::default()
    };
    let server = SinkServer::start(config, Arc::clone(&sink) as Arc<dyn Backend>).map_err(undecided)?;
    if !arguments.quiet {
        say(&listening(server.grpc_addr(), server.http_addr()));
        if let Some(control) = &control {
            say(&format!("faults are switched at http://{}", control.address()));
        }
        faults
            .iter()
            .for_each(|switch| say(&format!("{}: the backend {}, {}", switch.name, switch.fault, switch.reach)));
    }
    let mut command = start(&arguments.command, &server)?;
    let has_end = watch.has_end(command.is_some());
    let ended = watch.wait(&mut command, &interrupt, arguments.quiet).map_err(undecided)?;
    let command = command.map(end);
    drop(control);
    let closed = close(server, SERVER_GRACE);
    drop(observer);
    let did = SinkDid {
        refusals: closed.refusals(sink.board().refused(), RunClock::starting_in(Duration::ZERO)),
        unanswered: sink.board().unanswered(),
        pulse,
    };
    watch.learn().map_err(undecided)?;
    let summary = Summary {
        ended,
        has_end,
        took: watch.elapsed(),
        counts: reception.tally().counts(),
        server: closed.counters,
        until: watch.until(ended),
        judged: watch.judged(ended, arguments.foreign == Foreign::Fail, did),
        faults: sink.board().state(),
        idle: idle(faults, sink.board()),
        command,
        dump: arguments.dump.clone().zip(reception.dump().map(Dump::so_far)),
    };
    match arguments.format {
        Format::Text => print(&summary.text()),
        Format::Json => print(&format!("{:#}\n", summary.json())),
    }
    Ok(exit(&summary))
}

/// The faults that were asked for and touched nothing: what was tried with them has shown nothing.
fn idle(asked: &[SinkSwitch], board: &SinkSwitchboard) -> Vec<String> {
    let idle = |name: &str| board.touched().iter().all(|(switch, touched)| switch.name != name || *touched == 0);
    asked.iter().map(|switch| switch.name.clone()).filter(|name| idle(name)).collect()
}

fn start(command: &[String], server: &SinkServer) -> Result<Option<KeptCommand>, Failure> {
    let Some((program, args)) = command.split_first() else { return Ok(None) };
    let variables = child::variables(server.grpc_addr(), server.http_addr());
    KeptCommand::start(program, args, variables).map(Some).map_err(usage)
}

/// Ends the command, if it has not ended by itself.
fn end(mut command: KeptCommand) -> CommandEnd {
    let by_itself = command.exit().is_some();
    CommandEnd { exit: command.stop(COMMAND_GRACE), by_itself }
}

fn listening(grpc: Option<SocketAddr>, http: Option<SocketAddr>) -> String {
    let places = [("OTLP/gRPC", grpc), ("OTLP/HTTP", http)];
    let places: Vec<String> = places.iter().filter_map(|(what, at)| at.map(|at| format!("{what} on {at}"))).collect();
    format!("listening for {}", places.join(" and "))
}

/// What a check found dominates; then that it was interrupted before it was decided; then what did not hold or could not be
/// decided; then the command.
fn exit(summary: &Summary) -> Exit {
    let interrupted = summary.ended == Ended::Interrupted && summary.has_end;
    let held = summary.until.as_ref().map(|(_, held)| *held);
    let verdict = summary.verdict();
    let dump_failed = summary.dump.as_ref().is_some_and(|(_, dump)| dump.failed);
    // A command that we ended, because everything had been seen or the time was over, has not failed.
    let command_failed = summary.command.is_some_and(|command| command.by_itself && !command.exit.is_success());
    match (verdict, held) {
        (Some(Verdict::Fail), _) => Exit::FAIL,
        (Some(Verdict::Inconclusive) | None, _) | (_, Some(false)) if interrupted => Exit::INTERRUPTED,
        (_, Some(false)) => Exit::FAIL,
        (Some(Verdict::Inconclusive), None) => Exit::INCONCLUSIVE,
        _ if dump_failed || !summary.idle.is_empty() => Exit::INCONCLUSIVE,
        _ if command_failed => Exit::FAIL,
        _ => Exit::PASS,
    }
}
