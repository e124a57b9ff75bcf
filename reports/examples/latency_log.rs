//! Writes a result directory whose latencies come from arithmetic instead of a run, through the recorder and the writer that
//! runs use. `scripts/check-hlog` has another implementation read it: what a machine that is too busy withholds from a run's
//! log is always here.
//!
//! usage: `latency_log DIR [SEED]`

#![expect(clippy::expect_used, clippy::print_stderr, reason = "an example may end at the first error")]

use spanproof_reports::directory;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::epoch::{Epoch, RunTag};
use spanproof_reports::result::latency::Series;
use spanproof_reports::result::{RunResult, Scenario};
use std::path::PathBuf;
use std::time::Duration;

/// Recordings in each series.
const RECORDINGS: u64 = 200_000;

/// The length of the run that is made up, in seconds.
const SECONDS: u64 = 90;

/// The nearest and the farthest values that can be recorded, and one beyond.
const EXTREMES: [Duration; 4] =
    [Duration::ZERO, Duration::from_micros(1), Duration::from_secs(3600), Duration::from_secs(7200)];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().expect("usage: latency_log DIR [SEED]"));
    let mut state: u64 = arguments.next().map_or(7, |seed| seed.parse().expect("a seed is a number"));
    let recorder = LatencyRecorder::new();
    for series in Series::ALL {
        fill(&recorder, series, &mut state);
    }
    let epoch = Epoch::from_unix_ns(1_795_000_000_000_000_000);
    let recorded = recorder.finish(&epoch);
    let scenario = Scenario { name: "latency-log".to_owned(), about: None, path: None };
    let mut result = RunResult::new(scenario, 7, RunTag::default(), epoch);
    result.latency = recorded.latency;
    directory::write(&directory, &result, Some(&recorded.log)).expect("write the directory");
    eprintln!("{}", directory.display());
}

/// Values from 0.1 ms to 1.6 s, as many of each magnitude, and a few extremes; a value comes up to ten seconds after the
/// second that it belongs to, as a late answer does.
fn fill(recorder: &LatencyRecorder, series: Series, state: &mut u64) {
    let mut lock = recorder.lock(series);
    for number in 0..RECORDINGS {
        let second = (number * SECONDS / RECORDINGS).saturating_sub(next(state) % 10);
        let value = match next(state) % 1000 {
            at @ 0..4 => EXTREMES[at as usize],
            _ => Duration::from_micros(100 << (next(state) % 14)).mul_f64(1.0 + share(next(state))),
        };
        lock.record(Duration::from_secs(second), value, 1 + next(state) % 512);
    }
}

/// A number from 0 to 1.
fn share(word: u64) -> f64 {
    (word >> 11) as f64 / (1u64 << 53) as f64
}

/// The next of a row of numbers that look random (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
