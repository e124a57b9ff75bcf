//! Paths read from whole results.

use super::*;
use crate::result::latency::{Insufficient, LatencySummary};
use crate::result::samples::{failing, passing};

fn ms(n: u64) -> Quantity {
    Quantity::Duration(Duration::from_millis(n))
}

#[test]
fn paths_read_what_limits_mean() {
    let result = failing();
    for (path, expected) in [
        ("spans.lost_acknowledged", Quantity::Count(119_808)),
        ("ledger.spans.lost_acknowledged", Quantity::Count(119_808)),
        ("traces.planned", Quantity::Count(90_000)),
        ("strata.error_trace", Quantity::Count(900)),
        ("ledger.strata.normal", Quantity::Count(89_100)),
        ("latency.intended_to_delivered.p99", ms(248)),
        ("latency.intended_to_delivered.p99_ms", ms(248)),
        ("latency.intended_to_delivered.count", Quantity::Count(780_192)),
        ("target.memory.peak", Quantity::Bytes(318 << 20)),
        ("target.memory.peak_bytes", Quantity::Bytes(318 << 20)),
        ("target.cpu_seconds", ms(41_500)),
        ("target.cpu", ms(41_500)),
        ("driver.achieved_ratio", Quantity::Ratio(1.0)),
        ("driver.achieved_rate", Quantity::Number(5_000.0)),
        ("sink.bytes", Quantity::Bytes(273_067_200)),
        ("duration_seconds", ms(218_000)),
    ] {
        assert_eq!(result.lookup(path), Ok(expected), "{path}");
    }
    let lateness = result.lookup("driver.lateness_p99").unwrap();
    assert_eq!(lateness.compare(Quantity::Duration(Duration::from_micros(400))), Some(Ordering::Equal));
}

#[test]
fn unknown_absent_and_withheld_are_told_apart() {
    let mut result = passing();
    result.target = None;
    let few = Insufficient { percentile: "p999".to_owned(), needed: 2_995 };
    result.latency.actual_to_acknowledged =
        Some(LatencySummary { count: 500, insufficient: vec![few], ..LatencySummary::default() });
    result.latency.intended_to_acknowledged = Some(LatencySummary::withheld(7, "the driver was the limit"));
    result.latency.intended_to_delivered = None;
    let errors = [
        "spans.lost_acknowleged",
        "target.memory.peak",
        "latency.intended_to_delivered.p99",
        "latency.intended_to_acknowledged.p99",
        "latency.intended_to_acknowledged.max",
        "latency.actual_to_acknowledged.p999",
        "strata.no_such_stratum",
    ]
    .map(|path| result.lookup(path).unwrap_err().to_string());
    insta::assert_snapshot!(errors.join("\n"));
    assert!(result.lookup("latency.intended_to_acknowledged.count").is_ok());
}

#[test]
fn paths_without_a_number_are_unknown() {
    for path in [
        "",
        ".",
        "ledger",
        "ledger.ledger.spans.sent",
        "spans",
        "checks",
        "checks.0.count",
        "verdict",
        "latency",
        "target.kind",
        "prediction.lost.high",
    ] {
        assert!(matches!(failing().lookup(path), Err(LookupError::Unknown { .. })), "{path}");
    }
    let long = "x".repeat(1 << 20);
    assert!(matches!(failing().lookup(&long), Err(LookupError::Unknown { .. })));
}

#[test]
fn every_listed_path_can_be_read_and_has_the_dimension_that_is_promised() {
    let result = failing();
    let paths = result.paths();
    assert!(paths.len() > 50, "{paths:?}");
    for path in paths {
        assert_eq!(result.lookup(&path).map(Quantity::kind), kind_of(&path), "{path}");
    }
}

#[test]
fn the_known_paths_are_these() {
    let lines = known_paths().iter().map(|known| format!("{} {:?}", known.path, known.kind)).collect::<Vec<_>>();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn quantities_compare_within_their_dimension_only() {
    use Quantity::{Bytes, Count, Number, Ratio};
    assert_eq!(Count(3).compare(Number(2.5)), Some(Ordering::Greater));
    assert_eq!(Ratio(0.99).compare(Number(0.99)), Some(Ordering::Equal));
    assert_eq!(Count(u64::MAX - 1).compare(Count(u64::MAX)), Some(Ordering::Less));
    assert_eq!(ms(5).compare(Count(5)), None);
    assert_eq!(Bytes(5).compare(Count(5)), None);
    assert_eq!(Number(f64::NAN).compare(Number(1.0)), None);
}
