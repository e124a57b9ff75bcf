//! The recorder against a plain list of values, and its log against a reader.

use super::*;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn epoch() -> Epoch {
    Epoch::from_unix_ns(1_795_000_000_250_000_000)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => u32::from(b - b'A'),
        b'a'..=b'z' => u32::from(b - b'a') + 26,
        b'0'..=b'9' => u32::from(b - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits = text.trim_end_matches('=').bytes().map(digit).collect::<Vec<_>>();
    let groups = digits.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0, |bits, d| bits << 6 | d) << (6 * (4 - group.len()));
        bits.to_be_bytes().into_iter().skip(1).take(group.len() - 1)
    });
    groups.collect()
}

/// Histograms by tag.
type Merged = BTreeMap<String, Histogram<u64>>;

/// What the Rust reader makes of a log: a merged histogram a tag, and the (second, tag) of every line.
fn read(log: &str) -> (Merged, Vec<(u64, String)>) {
    let (mut merged, mut lines) = (Merged::new(), Vec::new());
    for entry in IntervalLogIterator::new(log.as_bytes()) {
        let LogEntry::Interval(line) = entry.unwrap() else { continue };
        let tag = line.tag().unwrap().as_str().to_owned();
        let histogram =
            Deserializer::new().deserialize::<u64, _>(&mut base64(line.encoded_histogram()).as_slice()).unwrap();
        assert_eq!(format!("{:.3}", line.max()), format!("{:.3}", histogram.max() as f64 / 1e3));
        lines.push((line.start_timestamp().as_secs(), tag.clone()));
        match merged.get_mut(&tag) {
            Some(merged) => merged.add(&histogram).unwrap(),
            None => drop(merged.insert(tag, histogram)),
        }
    }
    (merged, lines)
}

fn assert_log_equals_summaries(recorded: &Recorded) {
    let (merged, _) = read(&recorded.log);
    assert_eq!(merged.len(), recorded.latency.iter().count());
    for (series, ours) in recorded.latency.iter() {
        let theirs = super::series::summary(&merged[series.name()], ours.overflowed);
        assert_eq!(&theirs, ours, "{series}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn merged_lines_equal_the_total_in_whatever_order_seconds_come(
        values in prop::collection::vec((0u64..40, 0u64..8_000_000_000, 1u64..4), 1..200),
    ) {
        let recorder = LatencyRecorder::new();
        for (at, micros, count) in &values {
            recorder.lock(Series::IntendedToDelivered).record(seconds(*at), Duration::from_micros(*micros), *count);
        }
        let recorded = recorder.finish(&epoch());
        let ours = recorded.latency.intended_to_delivered.as_ref().unwrap();
        prop_assert_eq!(ours.count, values.iter().map(|v| v.2).sum::<u64>());
        prop_assert_eq!(ours.overflowed, values.iter().filter(|v| v.1 > 3_600_000_000).map(|v| v.2).sum::<u64>());
        assert_log_equals_summaries(&recorded);
    }

    #[test]
    fn percentiles_are_nearest_ranks_within_a_tenth_of_a_percent(values in prop::collection::vec(1u64..1_000_000, 3_000..3_200)) {
        let recorder = LatencyRecorder::new();
        for micros in &values {
            recorder.lock(Series::ActualToAcknowledged).record(Duration::ZERO, Duration::from_micros(*micros), 1);
        }
        let summary = recorder.summaries().actual_to_acknowledged.unwrap();
        let mut sorted = values;
        sorted.sort_unstable();
        for p in crate::result::latency::Percentile::ALL {
            let rank = (p.percent() * sorted.len() as f64 / 100.0 + 0.5) as usize;
            let (exact, ours) = (sorted[rank - 1] as f64 / 1e3, summary.percentile_ms(p).unwrap());
            prop_assert!(exact <= ours && ours <= exact * 1.001 + 0.001, "{} {exact} {ours}", p.name());
        }
    }
}

#[test]
fn threads_record_side_by_side_and_nothing_is_lost() {
    let recorder = LatencyRecorder::new();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let recorder = &recorder;
            scope.spawn(move || {
                for i in 0..1_000 {
                    let series = Series::ALL[(i % 3) as usize];
                    recorder.lock(series).record(
                        Duration::from_millis(i * 10),
                        Duration::from_micros(1 + i * thread),
                        2,
                    );
                }
            });
        }
    });
    let recorded = recorder.finish(&epoch());
    assert_eq!(recorded.latency.iter().map(|(_, summary)| summary.count).sum::<u64>(), 8_000);
    assert_log_equals_summaries(&recorded);
}

#[test]
fn a_late_value_opens_another_line_of_its_second() {
    let recorder = LatencyRecorder::new();
    let mut lock = recorder.lock(Series::IntendedToDelivered);
    for (at, ms) in [(0, 5), (1, 6), (9, 7), (0, 9_000), (0, 9_100), (8, 1_000)] {
        lock.record(seconds(at), Duration::from_millis(ms), 512);
    }
    drop(lock);
    let recorded = recorder.finish(&epoch());
    let (merged, lines) = read(&recorded.log);
    assert_eq!(lines.iter().map(|line| line.0).collect::<Vec<_>>(), [0, 0, 1, 8, 9]);
    assert_eq!(merged["intended_to_delivered"].len(), 6 * 512);
}

#[test]
fn memory_stays_bounded_when_late_values_never_end() {
    let recorder = LatencyRecorder::new();
    let mut lock = recorder.lock(Series::IntendedToDelivered);
    lock.record(seconds(1_000), Duration::from_millis(1), 1);
    for i in 0..300_000u64 {
        lock.record(seconds(i % 60), Duration::from_micros(1 + i * 7_919 % 3_600_000_000), 1);
    }
    drop(lock);
    let recorded = recorder.finish(&epoch());
    // 300,000 values in 60 seconds: a line a flush and second, not a line a value.
    assert!(read(&recorded.log).1.len() < 60 * 8, "{}", read(&recorded.log).1.len());
    assert_log_equals_summaries(&recorded);
}

#[test]
fn values_out_of_bounds_are_counted_at_the_bounds() {
    let recorder = LatencyRecorder::new();
    let mut lock = recorder.lock(Series::IntendedToAcknowledged);
    for value in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX, seconds(3_601)] {
        lock.record(Duration::MAX, value, 1);
        lock.record(seconds(1), value, 0);
    }
    let summary = lock.summary().unwrap();
    assert_eq!((summary.count, summary.overflowed), (4, 2));
    assert!(summary.max_ms.unwrap() >= 3_600_000.0);
}

#[test]
fn too_few_samples_leave_percentiles_out_and_say_so() {
    let recorder = LatencyRecorder::new();
    recorder.lock(Series::IntendedToAcknowledged).record(Duration::ZERO, Duration::from_millis(3), 298);
    let summary = recorder.summaries().intended_to_acknowledged.unwrap();
    assert!(summary.p90_ms.is_some() && summary.p99_ms.is_none() && summary.p999_ms.is_none());
    assert_eq!(summary.insufficient.iter().map(|i| i.percentile.as_str()).collect::<Vec<_>>(), ["p99", "p999"]);
}

#[test]
fn a_recorder_is_empty_after_finishing_and_a_silent_one_writes_only_a_header() {
    let recorder = LatencyRecorder::new();
    recorder.lock(Series::IntendedToAcknowledged).record(Duration::ZERO, Duration::from_millis(3), 1);
    recorder.finish(&epoch());
    let recorded = recorder.finish(&epoch());
    assert_eq!(recorded.latency, Latency::default());
    insta::assert_snapshot!(recorded.log);
}

#[test]
fn a_withheld_series_leaves_no_line_in_the_log() {
    let recorder = LatencyRecorder::new();
    for series in Series::ALL {
        recorder.lock(series).record(Duration::ZERO, Duration::from_millis(3), 1);
    }
    let log = recorder.finish(&epoch()).log;
    let left = log::without(&log, &[Series::IntendedToAcknowledged, Series::IntendedToDelivered]);
    assert_eq!(read(&left).0.keys().collect::<Vec<_>>(), ["actual_to_acknowledged"]);
    assert_eq!(log::without(&log, &[]), log);
}

/// The committed log is what other readers are tried with; `UPDATE_LOG=1` writes it anew. Its bytes may change with the
/// compressor, its content may not.
#[test]
fn the_committed_log_holds_what_its_result_says() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (log, json) = (data.join("small.hlog"), data.join("small.json"));
    let recorder = LatencyRecorder::new();
    for i in 0..4_000u64 {
        let value = Duration::from_micros(200 + i * i % 7_919 * 13);
        recorder.lock(Series::IntendedToAcknowledged).record(Duration::from_millis(i * 2), value, 1);
        recorder.lock(Series::ActualToAcknowledged).record(Duration::from_millis(i * 2), value / 2, 1);
        let late = Duration::from_millis((i * 1_237) % 8_000);
        recorder.lock(Series::IntendedToDelivered).record(late, value * 100, 1 + i % 3);
    }
    let recorded = recorder.finish(&epoch());
    if std::env::var_os("UPDATE_LOG").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(&log, &recorded.log).unwrap();
        let latency = serde_json::json!({ "latency": recorded.latency });
        std::fs::write(&json, serde_json::to_string_pretty(&latency).unwrap() + "\n").unwrap();
    }
    let committed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let latency = serde_json::from_value(committed["latency"].clone()).unwrap();
    assert_eq!(recorded.latency, latency);
    assert_log_equals_summaries(&Recorded { latency, phases: Vec::new(), log: std::fs::read_to_string(log).unwrap() });
}
