//! Configurations for which the collector does not start.

use spanproof_generators::sampling::config::{
    Composite, Limit, OttlCondition, Policy, ProblemKind, Rule, Strategy, StringAttribute, TailSampling,
};
use spanproof_generators::sampling::tail::TailSampler;
use spanproof_generators::sampling::version::{Model, Version};
use std::time::Duration;

fn policy(name: &str, rule: Rule) -> Policy {
    Policy::new(name, rule)
}

fn problems(policies: Vec<Policy>) -> Vec<String> {
    TailSampling::of(policies).problems().iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_is_told_at_once_and_by_its_place() {
    let always = || policy("a", Rule::AlwaysSample);
    let inner = |rule| vec![policy("x", rule)];
    let composite = |policies| Rule::Composite(Composite { policies, ..Composite::default() });
    let found = problems(vec![
        policy("", Rule::AlwaysSample),
        always(),
        always(),
        policy("ext", Rule::Unknown { kind: "my_extension".to_owned() }),
        policy("status", Rule::StatusCode(vec![])),
        policy("ottl", Rule::OttlCondition(OttlCondition::default())),
        policy("and", Rule::And(inner(Rule::And(vec![])))),
        policy("drop", Rule::Drop(inner(Rule::Composite(Composite::default())))),
        policy("not", Rule::Not(Box::new(policy("x", Rule::Not(Box::new(always())))))),
        policy("fine", Rule::And(inner(Rule::Not(Box::new(always()))))),
        policy("comp", composite(vec![policy("x", Rule::And(vec![])), policy("y", Rule::Not(Box::new(always())))])),
    ]);
    assert_eq!(
        found,
        [
            "policy ``: has no name",
            "policy `a`: another policy has this name",
            "policy `ext`: type `my_extension` is not known",
            "policy `status`: names no status code",
            "policy `ottl`: has no condition",
            "policy `and/x`: type `and` must not stand inside `and`",
            "policy `drop/x`: type `composite` must not stand inside `drop`",
            "policy `not/x`: type `not` must not stand inside `not`",
            "policy `comp/y`: type `not` must not stand inside `composite`",
        ]
    );
}

#[test]
fn what_makes_the_collector_panic_or_cannot_be_read_does_not_keep_it_from_starting() {
    let boundless = Rule::NumericAttribute { key: "n".to_owned(), min_value: Some(0), max_value: None, invert: false };
    let pattern = StringAttribute { key: "s".to_owned(), values: vec!["(".to_owned()], regex: true, invert: false };
    let config = TailSampling::of([policy("n", boundless), policy("s", Rule::StringAttribute(pattern))]);
    let kinds: Vec<_> = config.problems().into_iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Boundless, ProblemKind::Pattern("(".to_owned())]);
    assert!(TailSampler::new(&config, Model::actual(Version::MEASURED)).is_ok());
    let nameless = TailSampling::of([policy("", Rule::AlwaysSample)]);
    assert!(TailSampler::new(&nameless, Model::actual(Version::MEASURED)).is_err());
}

#[test]
fn span_ingest_refuses_what_needs_the_whole_trace() {
    let config = TailSampling {
        strategy: Strategy::SpanIngest,
        ..TailSampling::of([
            policy("upper", Rule::Latency { threshold_ms: 1, upper_threshold_ms: 2 }),
            policy("lower", Rule::Latency { threshold_ms: 1, upper_threshold_ms: 0 }),
            policy("max", Rule::SpanCount { min_spans: 1, max_spans: 2 }),
            policy("min", Rule::SpanCount { min_spans: 1, max_spans: 0 }),
            policy("rate", Rule::And(vec![policy("r", Rule::RateLimiting(Limit { per_second: 1, burst: 0 }))])),
        ])
    };
    let names: Vec<_> = config.problems().into_iter().map(|problem| problem.policy).collect();
    assert_eq!(names, ["upper", "max", "rate"]);
}

#[test]
fn the_wait_is_cut_to_whole_seconds_and_at_least_one() {
    for (wait, ticks) in [(0, 1), (500, 1), (1_000, 1), (1_999, 1), (2_000, 2), (30_000, 30)] {
        let config = TailSampling { decision_wait: Duration::from_millis(wait), ..TailSampling::default() };
        assert_eq!(config.ticks(), ticks, "{wait} ms");
    }
}
