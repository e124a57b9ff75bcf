//! Marks all of `shop`'s plan but one record in a ledger, finds that record, and says how much memory it took.
//!
//! Fails when the record found is not the one left out, or when the process ever had more memory in use than the limit. With shares of
//! records that are lost, repeated and so on, it writes evidence of them and reads it back, and fails when that says anything else.

use clap::{Args, Parser};
use mimalloc::MiMalloc;
use spanproof_benches::scale::exceptions::{self, Exceptions, Share};
use spanproof_benches::scale::{self, Ids, Outcome, THREADS};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Marks all of shop's plan but one record, and finds that record. With shares of other records, marks these as they are and holds
/// evidence and account against what was done.
#[derive(Debug, Parser)]
struct Arguments {
    /// Spans of the plan.
    #[arg(long, default_value_t = 1_000_000_000)]
    spans: u64,
    /// Seeds tried, from 1 on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Shapes of the pool.
    #[arg(long, default_value_t = 4096)]
    pool_size: u32,
    /// Most memory of the whole process, in MiB.
    #[arg(long, default_value_t = 512)]
    limit_mib: u64,
    #[command(flatten)]
    exceptions: ExceptionArguments,
}

/// What is out of the ordinary, each as a share of all records.
#[derive(Debug, Args)]
struct ExceptionArguments {
    /// Records that are lost, e.g. 2%.
    #[arg(long)]
    lost: Option<Share>,
    /// Records that arrive twice.
    #[arg(long)]
    repeated: Option<Share>,
    /// Records that arrive changed.
    #[arg(long)]
    corrupt: Option<Share>,
    /// Records that arrive late.
    #[arg(long)]
    late: Option<Share>,
    /// Ways in which records are changed.
    #[arg(long, default_value_t = 1)]
    kinds: u32,
    /// Faults.
    #[arg(long, default_value_t = 0)]
    faults: u32,
    /// Records that each fault touched.
    #[arg(long)]
    touched: Option<Share>,
    /// Records that were foretold to be lost.
    #[arg(long)]
    foretold: Option<Share>,
    /// Where the evidence stays; it goes again if no directory is named.
    #[arg(long)]
    evidence: Option<PathBuf>,
}

impl ExceptionArguments {
    /// `None` where nothing is to be out of the ordinary.
    fn exceptions(&self) -> Option<Exceptions> {
        let Self { lost, repeated, corrupt, late, kinds, faults, touched, foretold, .. } = *self;
        [lost, repeated, corrupt, late, touched, foretold].iter().any(Option::is_some).then(|| Exceptions {
            lost: lost.unwrap_or_default(),
            repeated: repeated.unwrap_or_default(),
            corrupt: corrupt.unwrap_or_default(),
            late: late.unwrap_or_default(),
            kinds,
            faults,
            touched: touched.unwrap_or_default(),
            foretold: foretold.unwrap_or_default(),
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let exceptions = arguments.exceptions.exceptions();
    let mut failed = false;
    for seed in 1..=arguments.seeds {
        let (said, right) = match &exceptions {
            None => all_but_one(&arguments, seed),
            Some(exceptions) => with_exceptions(&arguments, exceptions, seed),
        };
        failed |= !right;
        say(&format!("seed {seed}  {said}"));
    }
    let peak = scale::memory("VmHWM");
    let within = peak.is_some_and(|peak| peak <= arguments.limit_mib << 20);
    say(&format!(
        "peak {} of at most {} MiB: the program, the plan while it is made, the ledger and all that is made of it",
        mib(peak),
        arguments.limit_mib
    ));
    if failed || !within { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What came of it in words, and whether that is right.
fn all_but_one(arguments: &Arguments, seed: u64) -> (String, bool) {
    match scale::run(arguments.spans, seed, arguments.pool_size) {
        Ok(outcome) => (line(&outcome), outcome.is_right()),
        Err(error) => (error.to_string(), false),
    }
}

/// The same where much is out of the ordinary.
fn with_exceptions(arguments: &Arguments, exceptions: &Exceptions, seed: u64) -> (String, bool) {
    // Goes when this ends.
    let temporary = match tempfile::tempdir() {
        Ok(temporary) => temporary,
        Err(error) => return (format!("no temporary directory: {error}"), false),
    };
    let directory = arguments.exceptions.evidence.as_deref().unwrap_or(temporary.path());
    match exceptions::run(arguments.spans, seed, arguments.pool_size, exceptions, directory) {
        Ok(outcome) => (lines(&outcome), outcome.done == outcome.found),
        Err(error) => (error.to_string(), false),
    }
}

fn lines(outcome: &exceptions::Outcome) -> String {
    let exceptions::Outcome { spans, done, found, evidence_bytes, marking_cpu, memory } = outcome;
    let verdict = if done == found { "right".to_owned() } else { format!("WRONG, found {found:?}") };
    let cpu = marking_cpu.as_nanos() as f64 / *spans as f64;
    let evidence = mib(Some(*evidence_bytes));
    let mut text =
        format!("{spans} spans  {done:?}, {verdict}  marked for {cpu:.1} ns of CPU each  evidence of {evidence}");
    for exceptions::Memory { when, in_use, peak } in memory {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {} in use when {when}, {} at most so far", mib(*in_use), mib(*peak));
    }
    text
}

fn line(outcome: &Outcome) -> String {
    let found = match outcome.missing[..] {
        [one] => hex(&one),
        ref other => format!("{} records", other.len()),
    };
    let verdict = if outcome.is_right() { "right" } else { "WRONG" };
    format!(
        "{} spans  missing {found}, {verdict}  plan {:.1} s  {THREADS} threads marked for {:.1} s, {:.1} ns of CPU each  \
         found in {:.2} s  memory {} before, {} with all marked",
        outcome.spans,
        outcome.planning.as_secs_f64(),
        outcome.marking.as_secs_f64(),
        outcome.marking_cpu.as_nanos() as f64 / outcome.spans as f64,
        outcome.finding.as_secs_f64(),
        mib(outcome.memory_before),
        mib(outcome.memory_marked),
    )
}

fn hex(ids: &Ids) -> String {
    let mut text = String::new();
    for byte in ids.trace_id {
        // Writing to a String does not fail, here and below.
        let _ = write!(text, "{byte:02x}");
    }
    text.push(' ');
    for byte in ids.span_id {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn mib(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20))
}

/// Nobody reads: no reason not to go on.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
