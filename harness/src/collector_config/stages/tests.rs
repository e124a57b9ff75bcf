//! Settings read into the models, field by field, and what is told of those that are wrong.

use super::*;
use crate::collector_config::{CollectorConfig, Source};
use spanproof_generators::sampling::config::{
    Allocation, AttributeMatch, Composite, ErrorMode, Limit, MatchProperties, MatchType, Mode, OttlCondition, Policy,
    Rule, SpanConditions, SpanMatch, StatusCode, Strategy, StringAttribute,
};
use spanproof_generators::sampling::ottl::{Condition, Context};
use std::collections::BTreeMap;
use std::time::Duration;

const V164: Version = Version { minor: 164 };

/// A configuration with these processors in its only pipeline.
fn text(processors: &str, listed: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nexporters: {{otlp_grpc: {{endpoint: 'x:1'}}, debug: }}\n\
         service: {{pipelines: {{traces: {{receivers: [otlp], processors: [{listed}], exporters: [otlp_grpc, debug]}}}}}}\n\
         processors:\n{processors}\n"
    )
}

fn stages(text: &str, version: Version) -> Stages {
    let env = BTreeMap::from([("CODE".to_owned(), "200".to_owned())]);
    CollectorConfig::read(&[Source { name: "x.yaml", text }], &env).unwrap().stages(version).unwrap()
}

/// What the only processor does; nothing may be wrong with it.
fn does(kind: &str, settings: &str) -> Does {
    let found = stages(&text(&format!("  {kind}: {settings}"), kind), V164);
    assert_eq!(found.mistakes, Vec::new());
    found.ways[0].steps[0].does.clone()
}

fn tail(settings: &str) -> TailSampling {
    match does("tail_sampling", settings) {
        Does::SamplesTraces(tail) => *tail,
        other => panic!("{other:?}"),
    }
}

/// The rule of the only policy.
fn rule(policy: &str) -> Rule {
    tail(&format!("{{policies: [{{name: p, {policy}}}]}}")).policies.remove(0).rule
}

/// What is wrong with the only processor, a line each.
fn mistakes(kind: &str, settings: &str) -> String {
    let found = stages(&text(&format!("  {kind}: {settings}"), kind), Version::MEASURED);
    found.mistakes.iter().map(|it| format!("{}: {}; {}\n", it.keys.join("."), it.reason, it.remedy)).collect()
}

#[test]
fn every_field_of_tail_sampling_is_read() {
    let all = tail(
        "{decision_wait: 10s, decision_wait_after_root_received: 2s, num_traces: 5, block_on_overflow: true, \
          expected_new_traces_per_sec: 9, decision_cache: {sampled_cache_size: 6, non_sampled_cache_size: 7}, \
          sample_on_first_match: true, sampling_strategy: span-ingest, drop_pending_traces_on_shutdown: true, \
          maximum_trace_size_bytes: 8, num_shards: 3, policies: [{name: a, type: always_sample}]}",
    );
    let expected = TailSampling {
        decision_wait: Duration::from_secs(10),
        decision_wait_after_root_received: Duration::from_secs(2),
        num_traces: 5,
        block_on_overflow: true,
        sampled_cache_size: 6,
        non_sampled_cache_size: 7,
        sample_on_first_match: true,
        strategy: Strategy::SpanIngest,
        drop_pending_traces_on_shutdown: true,
        maximum_trace_size_bytes: 8,
        num_shards: 3,
        policies: vec![Policy::new("a", Rule::AlwaysSample)],
    };
    assert_eq!(all, expected);
    let least = tail("{policies: [{name: a, type: always_sample}]}");
    assert_eq!(least, TailSampling::of([Policy::new("a", Rule::AlwaysSample)]));
}

#[test]
fn policies_of_attributes_are_read() {
    let numeric =
        "type: numeric_attribute, numeric_attribute: {key: k, min_value: 5, max_value: 0, invert_match: true}";
    let expected = Rule::NumericAttribute { key: "k".to_owned(), min_value: Some(5), max_value: Some(0), invert: true };
    assert_eq!(rule(numeric), expected);
    let string = "type: string_attribute, string_attribute: {key: k, values: [a, '${CODE}'], enabled_regex_matching: true, \
                  cache_max_size: 9, invert_match: true}";
    let values = vec!["a".to_owned(), "200".to_owned()];
    let expected = StringAttribute { key: "k".to_owned(), values, regex: true, invert: true };
    assert_eq!(rule(string), Rule::StringAttribute(expected));
    let boolean = "type: boolean_attribute, boolean_attribute: {key: k, value: true}";
    assert_eq!(rule(boolean), Rule::BooleanAttribute { key: "k".to_owned(), value: true, invert: false });
    let state = "type: trace_state, trace_state: {key: k, values: [a]}";
    assert_eq!(rule(state), Rule::TraceState { key: "k".to_owned(), values: vec!["a".to_owned()] });
}

#[test]
fn policies_of_whole_traces_are_read() {
    let latency = "type: latency, latency: {threshold_ms: 5, upper_threshold_ms: 9}";
    assert_eq!(rule(latency), Rule::Latency { threshold_ms: 5, upper_threshold_ms: 9 });
    let status = "type: status_code, status_code: {status_codes: [ERROR, UNSET]}";
    assert_eq!(rule(status), Rule::StatusCode(vec![StatusCode::Error, StatusCode::Unset]));
    let count = "type: span_count, span_count: {min_spans: 2, max_spans: 7}";
    assert_eq!(rule(count), Rule::SpanCount { min_spans: 2, max_spans: 7 });
    let share = "type: probabilistic, probabilistic: {hash_salt: s, sampling_percentage: 0.5}";
    assert_eq!(rule(share), Rule::Probabilistic { percentage: 0.5, hash_salt: "s".to_owned() });
    let spans = "type: rate_limiting, rate_limiting: {spans_per_second: 5, burst_capacity: 6}";
    assert_eq!(rule(spans), Rule::RateLimiting(Limit { per_second: 5, burst: 6 }));
    let bytes = "type: bytes_limiting, bytes_limiting: {bytes_per_second: 5}";
    assert_eq!(rule(bytes), Rule::BytesLimiting(Limit { per_second: 5, burst: 0 }));
    assert_eq!(rule("type: trace_flags"), Rule::TraceFlags);
    let ottl =
        "type: ottl_condition, ottl_condition: {error_mode: propagate, span: ['name == \"x\"'], spanevent: ['true']}";
    let expected = OttlCondition {
        span: vec![Condition::parse("name == \"x\"", Context::Span)],
        span_event: vec![Condition::parse("true", Context::SpanEvent)],
        error_mode: Some(ErrorMode::Propagate),
    };
    assert_eq!(rule(ottl), Rule::OttlCondition(expected));
}

#[test]
fn policies_inside_of_policies_are_read() {
    let always = || Policy::new("a", Rule::AlwaysSample);
    let sub = "{name: a, type: always_sample}";
    assert_eq!(rule(&format!("type: and, and: {{and_sub_policy: [{sub}]}}")), Rule::And(vec![always()]));
    assert_eq!(rule(&format!("type: drop, drop: {{drop_sub_policy: [{sub}]}}")), Rule::Drop(vec![always()]));
    assert_eq!(rule(&format!("type: not, not: {{not_sub_policy: {sub}}}")), Rule::Not(Box::new(always())));
    let composite = format!(
        "type: composite, composite: {{max_total_spans_per_second: 100, policy_order: [a], composite_sub_policy: [{sub}], \
         rate_allocation: [{{policy: a, percent: 50}}]}}"
    );
    let expected = Composite {
        max_total_spans_per_second: 100,
        policies: vec![always()],
        policy_order: vec!["a".to_owned()],
        rate_allocation: vec![Allocation { policy: "a".to_owned(), percent: 50 }],
    };
    assert_eq!(rule(&composite), Rule::Composite(expected));
}

#[test]
fn every_field_of_the_probabilistic_sampler_is_read() {
    let read = |settings: &str| match does("probabilistic_sampler", settings) {
        Does::SamplesSpans(sampler) => sampler,
        other => panic!("{other:?}"),
    };
    let all =
        read("{sampling_percentage: 12.5, hash_seed: 7, mode: hash_seed, sampling_precision: 6, fail_closed: false}");
    let expected =
        ProbabilisticSampler { percentage: 12.5, hash_seed: 7, mode: Mode::HashSeed, precision: 6, fail_closed: false };
    assert_eq!(all, expected);
    assert_eq!(read("{}"), ProbabilisticSampler::default());
    assert_eq!(read("{mode: equalizing}").mode, Mode::Equalizing);
    let logs = read("{mode: proportional, attribute_source: record, from_attribute: a, sampling_priority: p}");
    assert_eq!(logs.mode, Mode::Proportional);
}

fn filter(settings: &str) -> Filter {
    match does("filter", settings) {
        Does::Filters(filter) => *filter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn filters_are_read_in_the_old_syntax_and_in_the_new_ones() {
    let old = filter(
        "{spans: {exclude: {match_type: strict, services: [s], span_names: [n], span_kinds: [SPAN_KIND_SERVER], \
          attributes: [{key: k, value: 5}, {key: l}], resources: [{key: r, value: x}], libraries: [{name: b, version: '1'}]}}}",
    );
    let attribute = |key: &str, value| AttributeMatch { key: key.to_owned(), value };
    let exclude = MatchProperties {
        services: vec!["s".to_owned()],
        span_names: vec!["n".to_owned()],
        span_kinds: vec!["SPAN_KIND_SERVER".to_owned()],
        attributes: vec![attribute("k", Some(5.into())), attribute("l", None)],
        resources: vec![attribute("r", Some("x".into()))],
        libraries: vec![spanproof_generators::sampling::config::Library {
            name: "b".to_owned(),
            version: Some("1".to_owned()),
        }],
        ..MatchProperties::of(MatchType::Strict)
    };
    assert_eq!(old, Filter { spans: SpanMatch { include: None, exclude: Some(exclude) }, conditions: Vec::new() });
    let conditions = SpanConditions {
        span: vec![Condition::parse("name == \"x\"", Context::Span)],
        error_mode: ErrorMode::Propagate,
        ..SpanConditions::default()
    };
    let new = filter("{error_mode: propagate, traces: {span: ['name == \"x\"']}, logs: {log_record: ['true']}}");
    assert_eq!(new.conditions, [conditions]);
    let groups = filter(
        "{trace_conditions: ['resource.attributes[\"a\"] == \"b\"', {context: spanevent, conditions: ['name == \"e\"'], \
          error_mode: silent}]}",
    );
    assert_eq!(groups.conditions[0].resource.len(), 1);
    assert_eq!((groups.conditions[1].span_event.len(), groups.conditions[1].error_mode), (1, ErrorMode::Silent));
}

#[test]
fn every_mistake_in_tail_sampling_is_told_at_once() {
    insta::assert_snapshot!(mistakes(
        "tail_sampling",
        "
    decision_wiat: 10s
    num_traces: many
    num_shards: 2
    sampling_strategy: sometimes
    policies:
      - {name: a, type: latency, latency: {threshold_ms: 500, upper_threshold_ms: 100}}
      - {name: a, type: status_code, status_code: {status_codes: [error]}}
      - {name: b, type: numeric_attribute, numeric_attribute: {key: k, min_value: 9, max_value: 5}}
      - {name: c, type: probabilistik, probabilistic: {sampling_percentage: 5}}
      - {name: d, type: string_attribute, string_attribute: {key: k, values: [200]}}
      - {name: e, type: string_attribute, string_attribute: {key: k, values: ['('], enabled_regex_matching: true}}
      - {type: always_sample}
      - {name: g, type: and, and: {and_sub_policy: [{name: i, type: composite, composite: {}}]}}
      - {name: h, type: ottl_condition, ottl_condition: {}}
      - {name: j, type: span_count, span_count: {min_spans: 9, max_spans: 5}}
      - {name: k, type: not, not: {}}
      - {name: l, type: status_code}
"
    ));
    // Without a policy it starts, and keeps nothing.
    assert_eq!(mistakes("tail_sampling", "{}"), "");
}

#[test]
fn what_the_other_processors_refuse_is_told() {
    let sampler = "{sampling_percentage: -1, mode: sideways, sampling_precision: 15, percent: 5}";
    let tiny = "{sampling_percentage: 1.0e-16}";
    let filter = "{traces: {spans: ['true']}, spans: {exclude: {match_type: fuzzy}}, error_mode: loud}";
    let limiter = "{limit_mib: 100, spike_limit_mib: 100}";
    let all = [
        ("probabilistic_sampler", sampler),
        ("probabilistic_sampler", tiny),
        ("filter", filter),
        ("memory_limiter", limiter),
        ("memory_limiter", "{check_interval: 1s}"),
    ];
    let told: String = all.into_iter().map(|(kind, settings)| mistakes(kind, settings)).collect();
    insta::assert_snapshot!(told);
}

#[test]
fn fields_of_later_versions_are_unknown_to_earlier_ones() {
    let shards = text("  tail_sampling: {num_shards: 2, policies: [{name: a, type: always_sample}]}", "tail_sampling");
    assert_eq!(stages(&shards, V164).mistakes, Vec::new());
    assert_eq!(stages(&shards, Version { minor: 158 }).mistakes.len(), 1);
    let settings = "{check_interval: 1s, limit_mib: 9, max_gc_interval_when_soft_limited: 1s}";
    let limiter = text(&format!("  memory_limiter: {settings}"), "memory_limiter");
    assert_eq!(stages(&limiter, V164).mistakes, Vec::new());
    assert_eq!(stages(&limiter, Version { minor: 163 }).mistakes.len(), 1);
}

#[test]
fn ways_that_differ_in_their_exporters_only_are_one() {
    let processors = "  batch:\n  resource: {attributes: [{key: a, action: delete}]}\n  vendor: {}";
    let found = stages(&text(processors, "batch, resource, vendor"), V164);
    let [way] = &found.ways[..] else { panic!("{found:?}") };
    assert_eq!(way.exporters.iter().map(ToString::to_string).collect::<Vec<_>>(), ["otlp_grpc", "debug"]);
    let does: Vec<&Does> = way.steps.iter().map(|step| &step.does).collect();
    assert_eq!(does[0], &Does::Neutral);
    assert!(matches!(does[1], Does::Changes(why) if why.len() == 1), "{does:?}");
    assert_eq!(does[2], &Does::Unknown("what `vendor` does to traces is not modelled".to_owned()));
}

#[test]
fn pipelines_are_followed_through_connectors_and_fan_out() {
    let fan = "
receivers: {otlp: {protocols: {grpc: }}}
connectors: {forward: , routing: }
processors: {batch: , probabilistic_sampler: {sampling_percentage: 10}}
exporters: {otlp_grpc/a: {endpoint: 'a:1'}, otlp_grpc/b: {endpoint: 'b:1'}}
service:
  pipelines:
    traces/in: {receivers: [otlp], processors: [batch], exporters: [forward]}
    traces/a: {receivers: [forward], processors: [probabilistic_sampler], exporters: [otlp_grpc/a]}
    traces/b: {receivers: [forward], exporters: [routing]}
    traces/c: {receivers: [routing], exporters: [otlp_grpc/b]}
";
    let found = stages(fan, V164);
    let shown: Vec<String> = found
        .ways
        .iter()
        .map(|way| {
            let steps = way.steps.iter().map(|step| format!("{}/{} > ", step.pipeline, step.component));
            format!("{}{} in {}", steps.collect::<String>(), way.exporters[0], way.pipeline)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "traces/in/batch > traces/in/forward > traces/a/probabilistic_sampler > otlp_grpc/a in traces/a",
            "traces/in/batch > traces/in/forward > traces/b/routing > otlp_grpc/b in traces/c",
        ]
    );
    assert_eq!(found.ways[0].steps[1].does, Does::Neutral);
    assert!(matches!(&found.ways[1].steps[2].does, Does::Unknown(why) if why.contains("some of its pipelines")));
}

#[test]
fn a_setting_that_only_the_collector_can_follow_leaves_its_component_unknown() {
    let open = "  tail_sampling: {decision_wait: '${file:/etc/wait}', policies: [{name: a, type: always_sample}]}";
    let found = stages(&text(open, "tail_sampling"), V164);
    assert_eq!(found.mistakes, Vec::new());
    let why = "processors.tail_sampling.decision_wait is `${file:/etc/wait}`, which only the collector can follow";
    assert_eq!(found.ways[0].steps[0].does, Does::Unknown(why.to_owned()));
}

#[test]
fn settings_without_effect_are_kept_for_a_warning() {
    let block = "  tail_sampling: {policies: [{name: a, type: always_sample, latency: {threshold_ms: 5}}]}";
    let found = stages(&text(block, "tail_sampling"), V164);
    assert_eq!(found.ignored[0].keys.join("."), "processors.tail_sampling.policies.0.latency");
    let slip = "  tail_sampling: {policies: [{name: a, type: latency, latncy: {threshold_ms: 5}}]}";
    let found = stages(&text(slip, "tail_sampling"), V164);
    assert!(found.ignored[0].why.ends_with("did you mean `latency`?"), "{found:?}");
    for seed in ["mode: proportional, hash_seed: 7", "hash_seed: 4294967297"] {
        let sampler = format!("  probabilistic_sampler: {{{seed}}}");
        assert_eq!(stages(&text(&sampler, "probabilistic_sampler"), V164).ignored.len(), 1, "{seed}");
    }
}

#[test]
fn the_memory_limiter_refuses_from_its_limit_less_the_spike_on() {
    let read = |settings: &str| match does("memory_limiter", settings) {
        Does::Limits(limiter) => limiter,
        other => panic!("{other:?}"),
    };
    let mib = 1_048_576.0;
    let plain = read("{check_interval: 1s, limit_mib: 100}");
    assert_eq!((plain.limit_bytes, plain.soft_bytes), (Some(100.0 * mib), Some(80.0 * mib)));
    let spike = read("{check_interval: 1s, limit_mib: 100, spike_limit_mib: 30}");
    assert_eq!(spike.soft_bytes, Some(70.0 * mib));
    let share = read("{check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}");
    assert_eq!((share.limit_bytes, share.limit_percentage), (None, Some(80)));
}
