//! The grammar of limits: what reads, what it means, and what people are told when it does not.

use std::time::Duration;

use proptest::prelude::*;
use spanproof_scenarios::limits::{Limit, LimitValue, Op, Relation, Window};
use spanproof_scenarios::units::{ByteSize, Ppb, Rate, RateOf};

fn limit(text: &str) -> Limit {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

#[test]
fn a_full_limit_reads_into_its_parts() {
    let expected = Limit {
        path: "latency.intended_to_delivered.p99".to_owned(),
        op: Op::Below,
        value: LimitValue::Duration(Duration::from_millis(500)),
        window: Some(Window { relation: Relation::Before, fault: "backend-down".to_owned() }),
        sustained: Some(Duration::from_secs(5)),
    };
    assert_eq!(limit("latency.intended_to_delivered.p99 < 500ms before backend-down for 5s"), expected);
    assert_eq!(limit("  latency.intended_to_delivered.p99<500ms   before backend-down for 5s "), expected);
}

#[test]
fn each_kind_of_value_is_told_by_its_unit() {
    assert_eq!(limit("spans.lost_acknowledged == 0").value, LimitValue::Number(0.0));
    assert_eq!(limit("driver.achieved_ratio >= 99.5%").value, LimitValue::Percent(Ppb(995_000_000)));
    assert_eq!(limit("driver.achieved_ratio >= 0.995").value, LimitValue::Number(0.995));
    assert_eq!(limit("target.memory.peak < 450 MiB").value, LimitValue::Bytes(ByteSize::from_mib(450)));
    let rate = Rate { per_second: 5000.0, of: RateOf::Spans };
    assert_eq!(limit("driver.achieved_rate > 5000 spans/s for 2s").value, LimitValue::Rate(rate));
}

#[test]
fn a_limit_finds_its_figure_in_the_result_whatever_unit_the_key_carries() {
    let places = limit("latency.intended_to_delivered.p99 < 500ms").places();
    assert_eq!(places[0], ("latency.intended_to_delivered.p99_ms".to_owned(), 1e-3));
    let places = limit("ledger.spans.lost_acknowledged == 0").places();
    assert!(places.contains(&("ledger.spans.lost_acknowledged".to_owned(), 1.0)), "{places:?}");
    assert!(limit("target.memory.peak < 450MiB").places().contains(&("target.memory.peak_bytes".to_owned(), 1.0)));
}

#[test]
fn comparisons_hold_as_their_symbols_say() {
    assert!(limit("target.memory.peak <= 1KiB").holds(1024.0));
    assert!(!limit("target.memory.peak < 1KiB").holds(1024.0));
    assert!(limit("driver.lateness_p99 < 2ms").holds(0.001));
    assert!(!limit("spans.late == 0").holds(f64::NAN));
}

#[test]
fn what_is_refused_is_told_where_and_what_to_write() {
    let texts = [
        "",
        "== 0",
        "spans.lost_acknowledged",
        "spans.lost_acknowledged 0",
        "spans.lost_acknowledged = 0",
        "spans.lost_acknowledged => 0",
        "spans.lost_acknowledged != 0",
        "spans.lost_acknowledged ==",
        "spans.lost_acknowledged == for 5s",
        "spans.lost_acknowledged == none",
        "spans.lost_acknowleged == 0",
        "spans.corrupted == 0ms",
        "span.corrupted == 0",
        "spans == 0",
        "Spans.late == 0",
        "spans..late == 0",
        "latency.intended_to_delivered.p99 < 500",
        "latency.intended_to_delivered.p99 < 500MiB",
        "latency.intended_to_delivered.p95 < 500ms",
        "latency.end_to_end.p99 < 500ms",
        "target.memory.peak < 450",
        "target.memory.peak < 450 parsecs",
        "target.memory.peak > 500MiB for",
        "target.memory.peak > 500MiB for 5",
        "target.memory.peak > 500MiB before",
        "target.memory.peak > 500MiB for 5s before x",
        "target.memory.peak > 500MiB sometimes",
    ];
    let lines: Vec<String> = texts
        .iter()
        .map(|text| {
            let Err(error) = text.parse::<Limit>() else { panic!("{text} is accepted") };
            format!(
                "{text}\n{}^ {}\n{:>width$}  {}\n",
                " ".repeat(error.at),
                error.message,
                "",
                error.hint,
                width = error.at
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let value = prop_oneof![
        (0..u64::from(u32::MAX)).prop_map(|count| LimitValue::Number(count as f64 / 16.0)),
        any::<u64>().prop_map(|ns| LimitValue::Duration(Duration::from_nanos(ns))),
        any::<u64>().prop_map(|bytes| LimitValue::Bytes(ByteSize(bytes))),
        any::<u64>().prop_map(|ppb| LimitValue::Percent(Ppb(ppb))),
        (any::<u32>(), any::<bool>()).prop_map(|(rate, spans)| LimitValue::Rate(Rate {
            per_second: f64::from(rate),
            of: if spans { RateOf::Spans } else { RateOf::Traces },
        })),
    ];
    let relation = prop_oneof![Just(Relation::Before), Just(Relation::During), Just(Relation::After)];
    let window = (relation, "[a-z][a-z0-9-]{0,8}-x").prop_map(|(relation, fault)| Window { relation, fault });
    let sustained = prop::option::of(any::<u32>().prop_map(|ms| Duration::from_millis(u64::from(ms))));
    // `driver` figures take any unit, so paths and values need not be matched here.
    ("driver\\.[a-z]{1,6}_ratio", 0..5_usize, value, prop::option::of(window), sustained)
        .prop_map(|(path, op, value, window, sustained)| Limit { path, op: Op::ALL[op], value, window, sustained })
}

/// Blanks before a path do not move the place of what is wrong with it.
#[test]
fn a_mistake_behind_blanks_is_told_where_it_stands() {
    for (text, at) in [("spans.Late == 0", 6), ("   spans.Late == 0", 9), ("\u{a0}aA", 3), ("  nothing.here == 0", 2)] {
        assert_eq!(text.parse::<Limit>().unwrap_err().at, at, "{text:?}");
    }
}

proptest! {
    /// Whatever is printed parses to the same limit.
    #[test]
    fn every_limit_reads_back_from_its_text(expected in any_limit()) {
        let text = expected.to_string();
        prop_assert_eq!(text.parse::<Limit>().map_err(|error| TestCaseError::fail(format!("{text}: {error:?}")))?, expected);
    }

    /// Hostile text is refused with a position inside it, never with a panic.
    #[test]
    fn no_text_panics(text in "[a-z.<=>! 0-9%µ≤\\PC]{0,40}") {
        if let Err(error) = text.parse::<Limit>() {
            prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{text:?} {error:?}");
        }
    }
}
