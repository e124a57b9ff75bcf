//! The command line: what may be typed, and which command does it.
//!
//! Results go to stdout, talk to stderr. Exit codes: 0 pass, 1 a check failed, 2 usage or scenario error, 3 inconclusive,
//! 130 interrupted.

mod compare;
mod conformance;
mod environment;
mod explain;
mod generate;
mod github;
mod headers;
mod interrupt;
mod judge;
mod last_run;
mod plaintext;
mod proxy;
mod report;
mod run;
mod scenario;
mod selftest;
mod show;
mod shrink;
mod sink;
mod suite;
mod switching;
mod talk;

use clap::{Parser, Subcommand, ValueEnum};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Drives OTLP targets with realistic traces and accounts for every span.
#[derive(Debug, Parser)]
#[command(name = "spanproof", version, max_term_width = 110, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 pass, 1 a check failed, 2 usage or scenario error, 3 inconclusive, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: start the target, drive it, account for every span, judge
    Run(Box<run::RunArguments>),
    /// Run a drill of the catalogue and tell it as it happens: `run drills/NAME --narrate`
    Drill(Box<run::RunArguments>),
    /// Send traffic and nothing else
    Gen(generate::GenArguments),
    /// Play the backend: receive, count, check
    ///
    /// It ends when --until holds, all that is expected has arrived, CMD has ended, or --within is over; interrupted before that,
    /// with exit code 130. Without any of these it counts until Ctrl-C and ends with 0.
    Sink(Box<sink::SinkArguments>),
    /// Break the way between two peers: late, slow, changed, cut short or no bytes
    Proxy(proxy::ProxyArguments),
    /// Judge a finished run again, from its evidence alone
    Judge(Box<judge::JudgeArguments>),
    /// Say what a collector's configuration does to traces, and where its traps are
    Explain(explain::ExplainArguments),
    /// Rebuild a trace from its id: what was sent, when, in which requests, and what arrived
    Show(show::ShowArguments),
    /// Find the smallest run that still fails: fewer faults, less load, less time
    Shrink(shrink::ShrinkArguments),
    /// Render a finished run again
    Report(report::ReportArguments),
    /// Lay two finished runs side by side: what differs, which verdicts flipped, every figure with its ratio
    Compare(compare::CompareArguments),
    /// List, show and check scenarios
    Scenario(scenario::ScenarioArguments),
    /// Plant every defect and see each caught under its right name
    Selftest(selftest::SelftestArguments),
    /// Judge a target by what OTLP asks for, a requirement at a time
    Conformance(conformance::ConformanceArguments),
    /// List the figures that limits can name
    Limits {
        /// How they are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document on stdout: the result, or a list of problems if there is none.
    Json,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub u8);

impl Exit {
    pub(crate) const PASS: Self = Self(0);
    pub(crate) const FAIL: Self = Self(1);
    pub(crate) const USAGE: Self = Self(2);
    pub(crate) const INCONCLUSIVE: Self = Self(3);
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// What sort of problem ends a command so, where nothing more is known of it.
    fn kind(self) -> &'static str {
        match self {
            Self::PASS | Self::FAIL => "failed",
            Self::INTERRUPTED => "interrupted",
            Self::INCONCLUSIVE => "inconclusive",
            _ => "usage",
        }
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    crate::panics::watch();
    let cli = Cli::parse();
    let exit = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Drill(arguments) => run::run(&arguments.into_drill()),
        Command::Gen(arguments) => generate::run(&arguments),
        Command::Sink(arguments) => sink::run(&arguments),
        Command::Proxy(arguments) => proxy::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Shrink(arguments) => shrink::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Scenario(arguments) => scenario::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Conformance(arguments) => conformance::run(&arguments),
        Command::Limits { format } => report::limits(format),
    };
    ExitCode::from(printed(exit).0)
}

/// Reads the command line of a run once more, as its result has it; or says why it cannot.
fn run_arguments(command: &[String]) -> Result<run::RunArguments, String> {
    match Cli::try_parse_from(command) {
        Ok(Cli { command: Command::Run(arguments) }) => Ok(*arguments),
        Ok(Cli { command: Command::Drill(arguments) }) => Ok(arguments.into_drill()),
        Ok(_) => Err("it is not `spanproof run`".to_owned()),
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// Why stdout did not take all that was printed.
static UNPRINTED: OnceLock<std::io::Error> = OnceLock::new();

/// Prints to stdout. A reader that has gone away, as `head` does, is no error of ours; a full disk is, and is told at the end.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => drop(UNPRINTED.set(error)),
        _ => {}
    }
}

/// The exit code, given whether everything was printed: what nobody can read is no pass. A failure remains one.
fn printed(exit: Exit) -> Exit {
    let Some(error) = UNPRINTED.get() else { return exit };
    say(&format!("error: the result could not be printed: {error}"));
    if exit == Exit::PASS { Exit::INCONCLUSIVE } else { exit }
}

/// Prints a line to stderr.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stderr().lock();
    drop(writeln!(out, "{line}"));
}

/// Says what went wrong, with all its causes: in words on stderr, or where data is asked for on stdout, as a list with one
/// problem.
pub(crate) fn fail(error: &dyn std::error::Error, exit: Exit, format: Format) -> Exit {
    let text = with_causes(error);
    match format {
        Format::Text => say(&format!("error: {text}")),
        Format::Json => {
            let problems = serde_json::json!([{"kind": exit.kind(), "message": text}]);
            print(&format!("{problems:#}\n"));
        }
    }
    exit
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
