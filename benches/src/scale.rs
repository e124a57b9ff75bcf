//! A ledger at any size: all of `shop`'s plan is marked but one record, and that record has to be found. [`exceptions`] is the same with
//! much that is out of the ordinary.

pub mod exceptions;

use crate::cpu_time::CpuTime;
use spanproof_generators::identity::RunTag;
use spanproof_generators::mix::scramble;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanError, PlanSpec, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_harness::judge::ledger::{Copies, Ledger, Marks};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Threads that mark.
pub const THREADS: u32 = 2;

/// Chunks whose records come mixed up with one another.
const WINDOW: u64 = 16;

/// Records that are counted together: one request's.
const REQUEST: u64 = 512;

/// A record in the words of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Itself.
    pub span_id: [u8; 8],
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Spans of the plan.
    pub spans: u64,
    /// The record that was left out.
    pub left_out: Ids,
    /// The records that the ledger misses; of many, the first few.
    pub missing: Vec<Ids>,
    /// Whether the ledger's counts are those of one absent record and no repeat.
    pub counts_hold: bool,
    /// Memory in use before the ledger was made: the program and the plan.
    pub memory_before: Option<u64>,
    /// The same when everything was marked.
    pub memory_marked: Option<u64>,
    /// How long marking took on the wall clock.
    pub marking: Duration,
    /// CPU time of all threads for it.
    pub marking_cpu: Duration,
    /// How long it took to make the plan.
    pub planning: Duration,
    /// How long it took to find the record.
    pub finding: Duration,
}

impl Outcome {
    /// Whether the ledger misses the record that was left out, and no other.
    pub fn is_right(&self) -> bool {
        self.counts_hold && self.missing == [self.left_out]
    }
}

/// The plan: `shop` in its usual pool, without anomalies, as services send it.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(spans: u64, seed: u64, pool_size: u32) -> Result<Plan, PlanError> {
    Plan::new(PlanSpec {
        seed: Seed(seed),
        tag: RunTag::new(0x5eed),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload: Workload::Shop(Shop { pool_size }),
        mix: Mix::default(),
        packing: Packing::PerService,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(100_000.0),
        shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Spans(spans),
    })
}

/// Marks all records of a plan but one, which follows from the seed, from two threads in shuffled windows, and looks for it.
/// Nothing is folded meanwhile, as if the horizon were wider than the run.
///
/// # Errors
/// See [`PlanError`].
pub fn run(spans: u64, seed: u64, pool_size: u32) -> Result<Outcome, PlanError> {
    let began = Instant::now();
    let plan = plan(spans, seed, pool_size)?;
    let planning = began.elapsed();
    let left_out = scramble(seed) % plan.spans();
    let memory_before = memory("VmRSS");
    let ledger = Ledger::new((0..plan.chunks()).map(|chunk| plan.spans_in(chunk)));
    let began = Instant::now();
    let marking_cpu = mark_all(&ledger, seed, |marks, record| {
        if record.number != left_out {
            marks.add(record.chunk, record.offset);
        }
    });
    let (marking, memory_marked) = (began.elapsed(), memory("VmRSS"));
    let began = Instant::now();
    let missing = missing(&ledger).into_iter().map(|number| ids(&plan, number)).collect();
    Ok(Outcome {
        spans: plan.spans(),
        left_out: ids(&plan, left_out),
        missing,
        counts_hold: ledger.unique() == plan.spans() - 1 && ledger.extra() == 0,
        memory_before,
        memory_marked,
        marking,
        marking_cpu,
        planning,
        finding: began.elapsed(),
    })
}

/// A line of this process's status, in bytes, e.g. `VmHWM`: the most memory it ever had in use.
pub fn memory(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|each| each.strip_prefix(line)?.strip_prefix(':'))?;
    Some(rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A record of the plan.
#[derive(Debug, Clone, Copy)]
struct Record {
    chunk: u64,
    offset: u32,
    /// Its number in the plan.
    number: u64,
}

/// Has every record marked once, by two threads in shuffled windows; gives the CPU time that it took.
fn mark_all(ledger: &Ledger, seed: u64, mark: impl Fn(&mut Marks<'_>, Record) + Sync) -> Duration {
    let mut windows: Vec<Range<u64>> = (0..ledger.chunks().div_ceil(WINDOW))
        .map(|window| window * WINDOW..((window + 1) * WINDOW).min(ledger.chunks()))
        .collect();
    windows.sort_by_key(|window| scramble(seed ^ window.start));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(window) = windows.get(next.fetch_add(1, Ordering::Relaxed)) {
            mark_window(ledger, window, seed, &mark);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| CpuTime::of(work))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    })
}

/// Has the records of neighbouring chunks marked, each once, in an order in which no two neighbours follow one another.
fn mark_window(ledger: &Ledger, chunks: &Range<u64>, seed: u64, mark: &impl Fn(&mut Marks<'_>, Record)) {
    let before = |chunk| ledger.number(chunk, 0);
    let (first, last) = (before(chunks.start), chunks.end - 1);
    let records = before(last) + u64::from(ledger.records_in(last)) - first;
    let step = stride(records);
    let mut at = scramble(seed ^ first) % records;
    let mut left = records;
    while left > 0 {
        let mut marks = ledger.marks();
        for _ in 0..left.min(REQUEST) {
            let number = first + at;
            let chunk = (chunks.start + 1..chunks.end).rev().find(|chunk| before(*chunk) <= number);
            let chunk = chunk.unwrap_or(chunks.start);
            mark(&mut marks, Record { chunk, offset: (number - before(chunk)) as u32, number });
            at = (at + step) % records;
        }
        left = left.saturating_sub(REQUEST);
    }
}

/// A step through so many records that meets each of them once: without a common divisor, near the golden section.
fn stride(records: u64) -> u64 {
    let divisor = |mut a: u64, mut b: u64| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let golden = (records as f64 * 0.618_033_988_749_895) as u64;
    (golden.max(1)..).find(|step| divisor(*step, records) == 1).unwrap_or(1)
}

/// Numbers in the plan of the records without a copy; of many, the first few.
fn missing(ledger: &Ledger) -> Vec<u64> {
    let mut missing = Vec::new();
    for chunk in 0..ledger.chunks() {
        ledger.for_each_exception(chunk, |offset, copies| {
            if copies == Copies::None && missing.len() < 10 {
                missing.push(ledger.number(chunk, offset));
            }
        });
    }
    missing
}

fn ids(plan: &Plan, number: u64) -> Ids {
    let chunk = plan.chunk_of(number);
    let described = plan.open(chunk).describe(plan, (number - plan.spans_before(chunk)) as u32);
    Ids { trace_id: described.trace_id, span_id: described.span_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_record_left_out_is_found_whatever_the_seed() {
        for seed in 1..=3 {
            let outcome = run(300_000, seed, 64).unwrap();
            assert!(outcome.spans >= 300_000 && outcome.is_right(), "{outcome:?}");
        }
    }

    #[test]
    fn a_record_too_few_or_too_many_is_not_right() {
        let right = run(20_000, 1, 64).unwrap();
        let other = Ids { span_id: [0; 8], ..right.left_out };
        for missing in [vec![], vec![other], vec![right.left_out, other]] {
            assert!(!Outcome { missing, ..right.clone() }.is_right());
        }
        assert!(!Outcome { counts_hold: false, ..right }.is_right());
    }

    #[test]
    fn a_stride_meets_every_record_once() {
        for records in 1..200 {
            let step = stride(records);
            let met: std::collections::BTreeSet<_> = (0..records).map(|at| at * step % records).collect();
            assert_eq!(met.len() as u64, records);
        }
    }
}
