//! `spanproof conformance server`: judges a receiver.

use super::NothingMeant;
use super::target::TargetArguments;
use crate::cli::{Exit, Format, fail, interrupt, print, say, with_causes};
use crate::conformance::plan::{Planned, State, Wanted, plan, without_case};
use crate::conformance::profile::Profile;
use crate::conformance::readback::{ReadBack, Sink};
use crate::conformance::registry;
use crate::conformance::run::{Setup, Tried, run as try_all};
use crate::threads;
use clap::Args;
use spanproof_reports::conformance::console::console;
use spanproof_reports::conformance::json_lines::json_lines;
use spanproof_reports::conformance::junit::junit;
use spanproof_reports::conformance::markdown::markdown;
use spanproof_reports::conformance::{About, Suite};
use spanproof_reports::plain_text::shell_word;
use spanproof_reports::terminal::style::Colour;
use spanproof_scenarios::conformance::Table;
use spanproof_scenarios::units::HumanDuration;
use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::BuildHasher;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Threads of the peers: they wait for most of their time.
const THREADS: usize = 2;

/// Arguments of `conformance server`.
#[derive(Debug, Args)]
pub(super) struct ServerArguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Only these, e.g. 'HTTP-*', JSON-13 or 'HTTP-10/status[http-json,logs]'
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    select: Vec<String>,
    /// Without the cases that take time
    #[arg(long)]
    quick: bool,
    /// The target delivers OTLP/gRPC to us here: what comes out is held against what was said
    #[arg(long, value_name = "ADDR")]
    sink: Option<SocketAddr>,
    /// The target delivers OTLP/HTTP to us here
    #[arg(long, value_name = "ADDR")]
    sink_http: Option<SocketAddr>,
    /// The longest time that the target may hold what it took, e.g. 10s
    #[arg(long, value_name = "TIME", default_value = "5s")]
    settle: String,
    /// The longest time that an answer may take
    #[arg(long, value_name = "TIME", default_value = "10s")]
    within: String,
    /// The longest time in the beginning until good requests are taken and come out, e.g. 2m
    #[arg(long, value_name = "TIME", default_value = "30s")]
    ready: String,
    /// Cases tried at once
    #[arg(long, value_name = "N", default_value = "16")]
    jobs: NonZeroUsize,
    /// The number from which ids follow [default: another each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What should be and is not fails, too
    #[arg(long)]
    strict: bool,
    /// Write findings.jsonl, junit.xml and summary.md here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the findings are printed on stdout; json is a document a line
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

type Failure = (Box<dyn Error>, Exit);

fn usage(error: impl Error + 'static) -> Failure {
    (Box::new(error), Exit::USAGE)
}

fn undecided(error: impl Error + 'static) -> Failure {
    (Box::new(error), Exit::INCONCLUSIVE)
}

/// A time that is none.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {text}: {message}; {hint}")]
struct BadTime {
    flag: &'static str,
    text: String,
    message: String,
    hint: String,
}

/// Judges.
pub(super) fn run(arguments: &ServerArguments) -> Exit {
    match judge(arguments) {
        Ok(exit) => exit,
        Err((error, exit)) => fail(error.as_ref(), exit, arguments.format),
    }
}

fn judge(arguments: &ServerArguments) -> Result<Exit, Failure> {
    let profile = arguments.target.profile().map_err(usage)?;
    let (settle, within) = (time("--settle", &arguments.settle)?, time("--within", &arguments.within)?);
    let ready = time("--ready", &arguments.ready)?;
    let table = Table::embedded().map_err(undecided)?;
    let reads_back = arguments.sink.is_some() || arguments.sink_http.is_some();
    let wanted = Wanted { select: arguments.select.clone(), is_quick: arguments.quick, reads_back };
    let planned = plan(&table, &registry::all(), &profile, &wanted);
    let waiting = without_case(&table, &wanted);
    if planned.is_empty() && waiting.is_empty() {
        return Err(usage(NothingMeant(arguments.select.clone())));
    }
    let sink = reads_back.then(|| Sink::start(arguments.sink, arguments.sink_http)).transpose().map_err(undecided)?;
    let seed = arguments.seed.unwrap_or_else(another_seed);
    let setup = Setup {
        readback: sink.as_ref().map(|sink| ReadBack { store: Arc::clone(sink.store()), settle }),
        profile: Arc::new(profile.clone()),
        jobs: arguments.jobs,
        seed,
        within,
        ready,
        command: command(std::env::args()),
    };
    let begun = Instant::now();
    let stop = interrupt::token();
    let tried = on_threads(&planned, &setup, &stop, arguments.quiet)?;
    let suite = Suite {
        about: about(&profile, seed),
        findings: tried.findings,
        without_case: waiting,
        conservation: tried.conservation,
        remarks: tried.no_longer.iter().map(|why| format!("when all was done, no longer over {why}")).collect(),
        seconds: begun.elapsed().as_secs_f64(),
    };
    let beyond = sink.as_ref().map_or(0, |sink| sink.store().beyond());
    if beyond > 0 {
        say(&format!(
            "warning: {beyond} items came out beyond what is kept; what is said to be lost may be among them"
        ));
    }
    report(&suite, arguments)?;
    Ok(if stop.is_cancelled() { Exit::INTERRUPTED } else { Exit(suite.exit_code(arguments.strict)) })
}

/// The standard library's hash keys are random enough: ids only have to be other ones than last time.
fn another_seed() -> u64 {
    RandomState::new().hash_one(0u8) >> 32
}

fn time(flag: &'static str, text: &str) -> Result<Duration, Failure> {
    let time = text.parse::<HumanDuration>().map(|time| time.0);
    time.map_err(|error| usage(BadTime { flag, text: text.to_owned(), message: error.message, hint: error.hint }))
}

/// Tries everything on threads of its own, which end with it.
fn on_threads(planned: &[Planned], setup: &Setup, stop: &CancellationToken, is_quiet: bool) -> Result<Tried, Failure> {
    let runtime = threads::runtime(THREADS, "conformance").map_err(undecided)?;
    if !is_quiet {
        let tried = planned.iter().filter(|planned| planned.state == State::Tried).count();
        say(&format!("trying {tried} of {} permutations, {} at once, seed {}", planned.len(), setup.jobs, setup.seed));
    }
    let tried = runtime.block_on(try_all(planned, setup, stop, |done, of| {
        if !is_quiet && (done % 50 == 0 || done == of) {
            say(&format!("{done}/{of}"));
        }
    }));
    runtime.shutdown_background();
    Ok(tried)
}

fn about(profile: &Profile, seed: u64) -> About {
    let addresses = [("grpc", profile.grpc), ("http", profile.http)];
    let mut target: Vec<(String, String)> =
        addresses.into_iter().filter_map(|(name, address)| Some((name.to_owned(), address?.to_string()))).collect();
    let features = profile.features.iter().map(|feature| feature.name()).collect::<Vec<_>>().join(", ");
    target.push(("features".to_owned(), features));
    About {
        spanproof: env!("CARGO_PKG_VERSION").to_owned(),
        specification: format!("OTLP {}", profile.specification),
        target,
        command: std::env::args().collect(),
        seed,
    }
}

/// The command line without what it selects, so that something else can be selected with it.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut words = Vec::new();
    let mut is_pattern = false;
    for argument in arguments {
        is_pattern = argument == "--select" || is_pattern && !argument.starts_with('-');
        if !is_pattern && !argument.starts_with("--select=") {
            words.push(shell_word(&argument).into_owned());
        }
    }
    if let Some(first) = words.first_mut() {
        // Wherever it stands, it is known by its name.
        *first = "spanproof".to_owned();
    }
    words.join(" ")
}

/// Nothing is lost because the files cannot be written: stdout has the findings all the same.
fn report(suite: &Suite, arguments: &ServerArguments) -> Result<(), Failure> {
    match arguments.format {
        Format::Text => {
            let no_color = std::env::var_os("NO_COLOR");
            print(&console(suite, Colour::choose(std::io::stdout().is_terminal(), no_color.as_deref())));
        }
        Format::Json => print(&json_lines(suite).map_err(undecided)?),
    }
    if let Some(folder) = &arguments.out
        && let Err(error) = write(folder, suite, arguments.strict)
    {
        say(&format!("warning: {}: {}", folder.display(), with_causes(error.as_ref())));
    }
    Ok(())
}

fn write(folder: &Path, suite: &Suite, is_strict: bool) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("findings.jsonl"), json_lines(suite)?)?;
    std::fs::write(folder.join("junit.xml"), junit(suite, is_strict)?)?;
    std::fs::write(folder.join("summary.md"), markdown(suite))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_select_something_else() {
        let typed = [
            "/x/spanproof",
            "conformance",
            "server",
            "--select",
            "A*",
            "B",
            "--http",
            "http://a:1",
            "--select=C",
            "-q",
        ];
        let command = command(typed.into_iter().map(str::to_owned));
        assert_eq!(command, "spanproof conformance server --http http://a:1 -q");
    }
}
