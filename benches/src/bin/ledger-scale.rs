//! Marks all of `shop`'s plan but one record in a ledger, finds that record, and says how much memory it took.
//!
//! Fails when the record found is not the one left out, or when the process ever had more memory in use than the limit.

use clap::Parser;
use mimalloc::MiMalloc;
use spanproof_benches::scale::{self, Ids, Outcome, THREADS};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Marks all of shop's plan but one record, and finds that record.
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
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut failed = false;
    for seed in 1..=arguments.seeds {
        let (line, right) = match scale::run(arguments.spans, seed, arguments.pool_size) {
            Ok(outcome) => (line(seed, &outcome), outcome.is_right()),
            Err(error) => (format!("seed {seed}: {error}"), false),
        };
        failed |= !right;
        say(&line);
    }
    let peak = scale::memory("VmHWM");
    let within = peak.is_some_and(|peak| peak <= arguments.limit_mib << 20);
    say(&format!(
        "peak {} of at most {} MiB: the program, the plan while it is made, the ledger",
        mib(peak),
        arguments.limit_mib
    ));
    if failed || !within { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn line(seed: u64, outcome: &Outcome) -> String {
    let found = match outcome.missing[..] {
        [one] => hex(&one),
        ref other => format!("{} records", other.len()),
    };
    let verdict = if outcome.is_right() { "right" } else { "WRONG" };
    format!(
        "seed {seed}  {} spans  missing {found}, {verdict}  plan {:.1} s  {THREADS} threads marked for {:.1} s, {:.1} ns of CPU each  \
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
