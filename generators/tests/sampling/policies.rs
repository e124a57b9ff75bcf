//! Each policy by itself, with its traps.

use crate::spans::{
    decide, measured, outcome, span, span_at, span_of_resource, span_with, trace, trace_of, vote_of, wants,
};
use proptest::prelude::*;
use spanproof_generators::model::{Attribute, Event, Value};
use spanproof_generators::sampling::config::{
    ErrorMode, Limit, OttlCondition, Policy, Rule, StatusCode, StringAttribute, TailSampling,
};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::tail::{Open, Outcome, Reason, TailSampler, Vote};
use spanproof_generators::sampling::version::{Model, Promise, Version};

const NEWER: Model = Model { version: Version { minor: 157 }, promise: Promise::Actual };

fn latency(threshold_ms: i64, upper_threshold_ms: i64) -> Rule {
    Rule::Latency { threshold_ms, upper_threshold_ms }
}

fn numeric(min_value: Option<i64>, max_value: Option<i64>, invert: bool) -> Rule {
    Rule::NumericAttribute { key: "n".to_owned(), min_value, max_value, invert }
}

fn string(values: &[&str], regex: bool, invert: bool) -> Rule {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Rule::StringAttribute(StringAttribute { key: "s".to_owned(), values, regex, invert })
}

fn boolean(value: bool, invert: bool) -> Rule {
    Rule::BooleanAttribute { key: "b".to_owned(), value, invert }
}

fn conditions(span: &[&str], span_event: &[&str], error_mode: Option<ErrorMode>) -> Rule {
    let read = |texts: &[&str], context| texts.iter().map(|text| Condition::parse(text, context)).collect();
    let (span, span_event) = (read(span, Context::Span), read(span_event, Context::SpanEvent));
    Rule::OttlCondition(OttlCondition { span, span_event, error_mode })
}

#[test]
fn always_sample_takes_everything() {
    assert!(wants(&Rule::AlwaysSample, vec![span()]));
}

#[test]
fn latency_without_an_upper_bound_is_inclusive_up_to_0_156() {
    let lasting = |ms| trace(vec![span_at(0, ms / 2), span_at(ms / 4, ms)]);
    let vote = |model, ms| vote_of(latency(100, 0), model, &lasting(ms));
    for (ms, older, newer) in [(99, false, false), (100, true, false), (101, true, true)] {
        let expected = |wanted| if wanted { Vote::Sampled } else { Vote::NotSampled };
        assert_eq!(vote(measured(), ms), expected(older), "{ms} ms in 0.155");
        assert_eq!(vote(NEWER, ms), expected(newer), "{ms} ms in 0.157");
        assert_eq!(vote(Model::documented(Version::MEASURED), ms), expected(newer), "{ms} ms as documented");
    }
}

#[test]
fn latency_counts_whole_milliseconds() {
    let mut long = span_at(0, 100);
    long.end_unix_ns += 999_999;
    let newer = |rule| vote_of(rule, NEWER, &trace(vec![long.clone()]));
    assert_eq!(newer(latency(100, 0)), Vote::NotSampled);
    assert_eq!(newer(latency(99, 100)), Vote::Sampled);
}

#[test]
fn latency_with_an_upper_bound_stops_at_the_first_prefix_within() {
    let (short, long) = (span_at(0, 150), span_at(0, 1_000));
    assert!(wants(&latency(100, 200), vec![short.clone(), long.clone()]));
    assert!(!wants(&latency(100, 200), vec![long.clone(), short.clone()]));
    // The bounds: the lower is exclusive, the upper inclusive.
    for (ms, wanted) in [(100, false), (101, true), (200, true), (201, false)] {
        assert_eq!(wants(&latency(100, 200), vec![span_at(0, ms)]), wanted, "{ms} ms");
    }
    // The documentation promises the whole duration.
    let documented = Model::documented(Version::MEASURED);
    assert_eq!(vote_of(latency(100, 200), documented, &trace(vec![short, long])), Vote::NotSampled);
}

#[test]
fn latency_with_an_upper_bound_is_open_where_the_order_of_the_spans_is_not_known() {
    let decide = |spans| {
        let config = TailSampling::of([Policy::new("l", latency(100, 200))]);
        TailSampler::new(&config, measured()).unwrap().in_any_order().decide(&trace(spans)).outcome
    };
    assert!(matches!(decide(vec![span_at(0, 150), span_at(0, 1_000)]), Outcome::Open(Open::Unknown(_))));
    assert_eq!(decide(vec![span_at(0, 50), span_at(20, 150)]), Outcome::Keep);
    assert_eq!(decide(vec![span_at(0, 300), span_at(0, 1_000)]), Outcome::Drop);
    assert_eq!(decide(vec![span_at(0, 10), span_at(5, 90)]), Outcome::Drop);
    // Whichever of them comes first is within.
    assert_eq!(decide(vec![span_at(0, 150), span_at(850, 1_000)]), Outcome::Keep);
}

#[test]
fn numeric_bounds_are_inclusive_and_any_span_or_resource_may_match() {
    for (value, wanted) in [(4, false), (5, true), (10, true), (11, false)] {
        assert_eq!(wants(&numeric(Some(5), Some(10), false), vec![span(), span_with("n", value)]), wanted, "{value}");
        assert_eq!(wants(&numeric(Some(5), Some(10), false), vec![span_of_resource("n", value)]), wanted, "{value}");
    }
    assert!(wants(&numeric(None, Some(10), false), vec![span_with("n", i64::MIN)]));
    assert!(wants(&numeric(Some(10), None, false), vec![span_with("n", i64::MAX)]));
}

#[test]
fn a_numeric_bound_of_zero_is_none_to_the_collector_and_two_make_it_panic() {
    assert!(wants(&numeric(Some(0), Some(10), false), vec![span_with("n", -5)]));
    let both = numeric(Some(0), Some(0), false);
    let decision = decide(vec![Rule::AlwaysSample, both.clone()], measured(), &trace(vec![span()]));
    assert_eq!((decision.outcome, decision.decided_by), (Outcome::Panic, Some(1)));
    assert_eq!(outcome(vec![numeric(None, None, false)], &trace(vec![span()])), Outcome::Panic);
    let documented = Model::documented(Version::MEASURED);
    assert_eq!(
        vote_of(numeric(Some(0), Some(10), false), documented, &trace(vec![span_with("n", -5)])),
        Vote::NotSampled
    );
    assert_eq!(vote_of(both, documented, &trace(vec![span_with("n", 0)])), Vote::Sampled);
}

#[test]
fn what_is_no_integer_counts_as_zero() {
    assert!(!wants(&numeric(Some(5), Some(10), false), vec![span_with("n", 7.0)]));
    assert!(wants(&numeric(Some(-1), Some(10), false), vec![span_with("n", 7.5)]));
    assert!(wants(&numeric(Some(-1), Some(10), false), vec![span_with("n", "text")]));
    assert!(!wants(&numeric(Some(-1), Some(10), false), vec![span()]));
}

#[test]
fn strings_are_equal_or_match_anywhere() {
    assert!(wants(&string(&["x", "error"], false, false), vec![span_with("s", "error")]));
    assert!(!wants(&string(&["err"], false, false), vec![span_with("s", "my-error-1")]));
    assert!(wants(&string(&["err"], true, false), vec![span_with("s", "my-error-1")]));
    assert!(!wants(&string(&["err"], true, false), vec![span_with("t", "my-error-1")]));
    assert!(wants(&string(&["error"], false, false), vec![span_of_resource("s", "error")]));
}

#[test]
fn an_empty_string_matches_on_resources_only_and_by_expressions_only() {
    assert!(!wants(&string(&[".*"], true, false), vec![span_with("s", "")]));
    assert!(!wants(&string(&[".*"], true, false), vec![span_with("s", 7)]));
    assert!(wants(&string(&[".*"], true, false), vec![span_of_resource("s", "")]));
    assert!(wants(&string(&[".*"], true, false), vec![span_of_resource("s", 7)]));
    assert!(!wants(&string(&[""], false, false), vec![span_of_resource("s", "")]));
}

#[test]
fn an_expression_that_cannot_be_read_leaves_the_vote_open() {
    let outcome = outcome(vec![string(&["("], true, false)], &trace(vec![span_with("s", "x")]));
    assert!(matches!(outcome, Outcome::Open(Open::Unknown(what)) if what.contains("`(`")));
}

#[test]
fn what_is_no_boolean_counts_as_false_and_what_is_absent_never_matches() {
    for (value, is_true) in
        [(Value::from(true), true), (false.into(), false), ("true".into(), false), (1.into(), false)]
    {
        assert_eq!(wants(&boolean(true, false), vec![span_with("b", value.clone())]), is_true, "{value:?}");
        assert_eq!(wants(&boolean(false, false), vec![span_with("b", value.clone())]), !is_true, "{value:?}");
    }
    assert!(!wants(&boolean(false, false), vec![span()]));
}

#[test]
fn the_first_of_two_attributes_of_one_key_is_looked_at() {
    let mut twice = span();
    twice.attributes = vec![Attribute::new("n", 7), Attribute::new("n", 100)].into();
    assert!(wants(&numeric(Some(5), Some(10), false), vec![twice]));
}

#[test]
fn inverted_rules_want_what_nothing_matches() {
    let hit = |key: &str, value: Value| vec![span(), span_with(key, value)];
    for (rule, key, value) in [
        (numeric(Some(5), Some(10), true), "n", Value::from(7)),
        (string(&["x"], false, true), "s", "x".into()),
        (string(&["x"], true, true), "s", "axb".into()),
        (boolean(true, true), "b", true.into()),
    ] {
        assert!(!wants(&rule, hit(key, value.clone())), "{rule:?}");
        assert!(wants(&rule, vec![span()]), "{rule:?}");
        let elsewhere = hit("other", value);
        assert!(wants(&rule, elsewhere), "{rule:?}");
    }
    assert!(!wants(&boolean(true, true), vec![span_of_resource("b", true)]));
}

#[test]
fn status_code_looks_for_any_span_with_one_of_the_codes() {
    let failed = || {
        let mut span = span();
        span.status = 2;
        span
    };
    assert!(wants(&Rule::StatusCode(vec![StatusCode::Error]), vec![span(), failed()]));
    assert!(!wants(&Rule::StatusCode(vec![StatusCode::Error, StatusCode::Ok]), vec![span()]));
    assert!(wants(&Rule::StatusCode(vec![StatusCode::Unset]), vec![failed(), span()]));
    assert_eq!(StatusCode::named("ERROR"), Some(StatusCode::Error));
    assert_eq!(StatusCode::named("error"), None);
}

#[test]
fn span_count_is_inclusive_at_both_ends() {
    let count = |min_spans, max_spans| Rule::SpanCount { min_spans, max_spans };
    for (spans, wanted) in [(1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(wants(&count(2, 3), vec![span(); spans]), wanted, "{spans}");
    }
    assert!(wants(&count(2, 0), vec![span(); 50]));
    assert!(!wants(&count(2, 0), vec![span()]));
    assert!(wants(&count(0, 0), vec![span()]));
}

#[test]
fn trace_flags_looks_at_the_sampled_bit_alone() {
    let flagged = |flags| {
        let mut span = span();
        span.flags = flags;
        vec![self::span(), span]
    };
    for (flags, wanted) in [(0, false), (1, true), (2, false), (3, true), (0x300, false), (0x301, true)] {
        assert_eq!(wants(&Rule::TraceFlags, flagged(flags)), wanted, "{flags:#x}");
    }
}

#[test]
fn trace_state_looks_for_a_member_and_ignores_headers_and_values_that_are_malformed() {
    let rule = |values: &[&str]| Rule::TraceState {
        key: "vendor".to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let with = |text: &'static str| {
        let mut span = span();
        span.trace_state = text.into();
        vec![self::span(), span]
    };
    assert!(wants(&rule(&["a", "b"]), with("x=1,vendor=b")));
    assert!(!wants(&rule(&["a"]), with("x=a")));
    assert!(!wants(&rule(&["a"]), with("vendor=a,X=1")));
    assert!(!wants(&rule(&[""]), with("x=a")));
    // A key and a value of 256 characters together are ignored, though W3C allows them.
    let long: &'static str = Box::leak(format!("vendor={}", "v".repeat(250)).into_boxed_str());
    assert!(!wants(&rule(&[&long[7..]]), with(long)));
    assert!(wants(&rule(&[&long[8..]]), with(Box::leak(format!("vendor={}", &long[8..]).into_boxed_str()))));
}

#[test]
fn probabilistic_is_told_with_hash_and_threshold() {
    let rule = Rule::Probabilistic { percentage: 100.0, hash_salt: String::new() };
    let decision = decide(vec![rule], measured(), &trace_of([3; 16], vec![span()]));
    assert_eq!(decision.outcome, Outcome::Keep);
    assert!(matches!(decision.ballots[0].reason, Reason::Hash { threshold: u64::MAX, .. }));
}

#[test]
fn limits_are_open_unless_the_trace_is_larger_than_the_bucket() {
    let limit = |per_second, burst| Limit { per_second, burst };
    let spans = |rule| outcome(vec![rule], &trace(vec![span(); 10]));
    assert_eq!(spans(Rule::RateLimiting(limit(5, 0))), Outcome::Open(Open::Limited));
    assert_eq!(spans(Rule::RateLimiting(limit(4, 0))), Outcome::Drop);
    assert_eq!(spans(Rule::RateLimiting(limit(4, 10))), Outcome::Open(Open::Limited));
    assert_eq!(spans(Rule::RateLimiting(limit(100, 9))), Outcome::Drop);
    let bytes = |bytes, rule| {
        let mut trace = trace(vec![span()]);
        trace.bytes = bytes;
        outcome(vec![rule], &trace)
    };
    assert_eq!(bytes(Some(200), Rule::BytesLimiting(limit(100, 0))), Outcome::Open(Open::Limited));
    assert_eq!(bytes(Some(201), Rule::BytesLimiting(limit(100, 0))), Outcome::Drop);
    assert_eq!(bytes(None, Rule::BytesLimiting(limit(100, 0))), Outcome::Open(Open::Limited));
}

#[test]
fn conditions_look_at_spans_and_events_and_one_is_enough() {
    let event = |name: &str| Event { offset_ns: 0, name: name.to_owned(), attributes: vec![], dropped_attributes: 0 };
    let mut with_event = span();
    with_event.name = "GET /";
    with_event.events = Box::leak(Box::new([event("exception")]));
    let spans = || vec![span(), with_event.clone()];
    assert!(wants(&conditions(&["name == \"x\"", "name == \"GET /\""], &[], None), spans()));
    assert!(wants(&conditions(&[], &["name == \"exception\""], None), spans()));
    assert!(wants(&conditions(&["name == \"x\""], &["span.name == \"GET /\""], None), spans()));
    assert!(!wants(&conditions(&["name == \"x\""], &["name == \"other\""], None), spans()));
}

#[test]
fn a_failing_condition_is_passed_over_unless_errors_propagate() {
    // A double that is no number cannot be written as JSON, as matching it would need.
    let odd = || vec![span_with("d", f64::NAN)];
    let list = ["IsMatch(attributes[\"d\"], \"x\")", "true"];
    assert!(wants(&conditions(&list, &[], None), odd()));
    assert!(wants(&conditions(&list, &[], Some(ErrorMode::Ignore)), odd()));
    let propagating = conditions(&list, &[], Some(ErrorMode::Propagate));
    assert_eq!(vote_of(propagating.clone(), measured(), &trace(odd())), Vote::Error);
    assert_eq!(outcome(vec![propagating.clone()], &trace(odd())), Outcome::Drop);
    assert_eq!(outcome(vec![propagating, Rule::AlwaysSample], &trace(odd())), Outcome::Keep);
}

#[test]
fn a_condition_that_cannot_be_read_leaves_the_vote_open_unless_another_holds() {
    let unread = "Substring(name, 0, 3) == \"GET\"";
    let open = outcome(vec![conditions(&[unread], &[], None)], &trace(vec![span()]));
    assert!(matches!(open, Outcome::Open(Open::Unknown(what)) if what.contains(unread) && what.contains("column 1")));
    assert!(wants(&conditions(&[unread, "true"], &[], None), vec![span()]));
}

#[test]
fn reasons_read_as_sentences() {
    let mut failed = span_with("n", 7);
    failed.status = 2;
    let rules = vec![
        Rule::StatusCode(vec![StatusCode::Error]),
        numeric(Some(5), None, false),
        latency(100, 200),
        Rule::And(vec![Policy::new("inner", string(&["x"], false, false))]),
    ];
    let decision = decide(rules, measured(), &trace(vec![span(), failed]));
    let lines: Vec<_> =
        decision.ballots.iter().map(|b| format!("{} ({}): {}, {}", b.policy, b.kind, b.vote, b.reason)).collect();
    assert_eq!(
        lines,
        [
            "0 (status_code): sampled, status code of span 1",
            "1 (numeric_attribute): sampled, n of span 1: 7",
            "2 (latency): not sampled, 0 ms against 100 to 200",
            "3 (and): not sampled, inner: not sampled (no resource or span has such a value of s)",
        ]
    );
    assert_eq!(decision.decided_by, Some(0));
}

proptest! {
    #[test]
    fn in_any_order_nothing_is_claimed_that_an_order_contradicts(
        spans in proptest::collection::vec((0u64..400, 0u64..400), 1..6),
        rotation in 0usize..6,
        lower in 0i64..300,
        width in 1i64..200,
    ) {
        let mut spans: Vec<_> = spans.into_iter().map(|(from, lasts)| span_at(from, from + lasts)).collect();
        let config = TailSampling::of([Policy::new("l", latency(lower, lower + width))]);
        let sampler = TailSampler::new(&config, measured()).unwrap();
        let claimed = sampler.clone().in_any_order().decide(&trace(spans.clone())).outcome;
        let places = spans.len();
        spans.rotate_left(rotation % places);
        let came = sampler.decide(&trace(spans)).outcome;
        prop_assert!(matches!(claimed, Outcome::Open(_)) || claimed == came);
    }
}

#[test]
fn a_span_without_a_start_makes_its_trace_last_since_1970() {
    let mut unset = span_at(0, 500);
    unset.start_unix_ns = 0;
    let long = 1_000_000_000_000;
    assert!(wants(&latency(long, 0), vec![span_at(100, 200), unset.clone()]));
    // Stored first, it has been taken for a time by the time that the next one replaces it.
    assert!(wants(&latency(long, 0), vec![unset.clone(), span_at(100, 200)]));
    // Behind an upper bound, the start of the next span counts.
    assert!(wants(&latency(100, 600), vec![unset, span_at(100, 200)]));
}
