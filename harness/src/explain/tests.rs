//! What is explained of configurations as people write them; each warning seen, and seen to be absent.

mod warned;

use super::*;
use crate::collector_config::Place;
use spanproof_generators::sampling::version::Version;
use std::collections::BTreeMap;

/// Reads files as they would be read from disk.
fn subject_of(files: &[&str], asked: Asked) -> Result<Subject, Vec<Problem>> {
    let names = ["a.yaml", "b.yaml"];
    let files = names.iter().zip(files).map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Subject::read(&Asked { files, ..asked })
}

fn explained(text: &str) -> Explanation {
    explain(&subject_of(&[text], Asked::default()).unwrap())
}

/// A gateway without a trap; `processors` and where they stand are added behind the limiter.
fn gateway(processors: &str, listed: &str) -> String {
    let separator = if listed.is_empty() { "" } else { ", " };
    format!(
        "receivers:
  otlp:
    protocols:
      grpc:
exporters:
  otlp_grpc:
    endpoint: backend:4317
    sending_queue:
      queue_size: 100
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter{separator}{listed}]
      exporters: [otlp_grpc]
processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: 400
{processors}
"
    )
}

/// The same with a tail sampler of these policies, and further settings of it.
fn sampling(policies: &str, settings: &str) -> String {
    gateway(&format!("  tail_sampling: {{policies: [{policies}], {settings}}}"), "tail_sampling")
}

const ERRORS: &str = "{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";

#[test]
fn problems_have_their_file_line_field_and_remedy_all_at_once() {
    let text =
        sampling("{name: a, type: latency, latency: {threshold_ms: soon}}, {name: a, type: never}", "num_trace: 5");
    let problems = subject_of(&[&text], Asked::default()).unwrap_err();
    insta::assert_snapshot!(text::problems(&problems));
    assert!(problems.iter().all(|problem| problem.line == Some(20) && problem.path == "a.yaml"), "{problems:?}");
}

#[test]
fn a_mistake_in_a_second_file_is_told_there() {
    let over = "\nprocessors:\n  tail_sampling:\n    num_traces: many\n";
    let problems = subject_of(&[&sampling(ERRORS, ""), over], Asked::default()).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "b.yaml:4:5: processors.tail_sampling.num_traces: this is the text `many`; write a whole number"
    );
}

#[test]
fn texts_that_are_no_configuration_are_told() {
    let told = |text: &str| {
        let problems = subject_of(&[text], Asked::default()).unwrap_err();
        problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()
    };
    let no_receiver = "receivers: {jaeger: }\nexporters: {otlp_grpc: }\n\
                       service: {pipelines: {traces: {receivers: [jaeger], exporters: [otlp_grpc]}}}\n";
    let all = [
        "receivers:\n  otlp: [\n",
        "- a\n- b\n",
        "service: {pipelines: {logs: {}}}\n",
        "exporters: {debug: }\nservice: {pipelines: {traces: {receivers: [otpl], exporters: [debug]}}}\n",
        no_receiver,
        "apiVersion: v1\nkind: Secret\n",
    ];
    insta::assert_snapshot!(all.map(told).join("--\n"));
}

#[test]
fn the_version_is_given_or_the_images_or_the_one_that_was_measured() {
    let collector = |image: &str| {
        let config = gateway("", "").replace('\n', "\n    ");
        format!(
            "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nspec:\n  {image}\n  config:\n    {config}\n"
        )
    };
    let version = |text: &str, given: Option<Version>| {
        let explanation = explain(&subject_of(&[text], Asked { version: given, ..Asked::default() }).unwrap());
        (explanation.collector_version, explanation.collector_version_from)
    };
    let tagged = collector("image: otel/otelcol-contrib:0.160.0");
    assert_eq!(version(&tagged, None), ("0.160".to_owned(), VersionFrom::Image));
    assert_eq!(version(&tagged, Some(Version { minor: 164 })), ("0.164".to_owned(), VersionFrom::Given));
    assert_eq!(version(&collector("mode: deployment"), None), ("0.155".to_owned(), VersionFrom::Assumed));
}

#[test]
fn each_policy_is_one_plain_sentence() {
    let policies = [
        ERRORS,
        "{name: all, type: always_sample}",
        "{name: slow, type: latency, latency: {threshold_ms: 2500}}",
        "{name: band, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 200}}",
        "{name: codes, type: numeric_attribute, numeric_attribute: {key: http.response.status_code, min_value: 500, max_value: 599}}",
        "{name: paths, type: string_attribute, string_attribute: {key: url.path, values: ['^/pay', buy], enabled_regex_matching: true}}",
        "{name: vip, type: boolean_attribute, boolean_attribute: {key: app.vip, value: true, invert_match: true}}",
        "{name: big, type: span_count, span_count: {min_spans: 100}}",
        "{name: some, type: probabilistic, probabilistic: {sampling_percentage: 0.5, hash_salt: x}}",
        "{name: few, type: rate_limiting, rate_limiting: {spans_per_second: 1000}}",
        "{name: state, type: trace_state, trace_state: {key: vendor, values: [a, b]}}",
        "{name: flag, type: trace_flags}",
        "{name: text, type: ottl_condition, ottl_condition: {span: ['attributes[\"a\"] == 1'], spanevent: ['name == \"exception\"']}}",
        "{name: both, type: and, and: {and_sub_policy: [{name: x, type: trace_flags}, {name: y, type: not, not: {not_sub_policy: \
         {name: z, type: status_code, status_code: {status_codes: [OK, UNSET]}}}}]}}",
        "{name: probes, type: drop, drop: {drop_sub_policy: [{name: x, type: span_count, span_count: {max_spans: 1}}]}}",
        "{name: shares, type: composite, composite: {max_total_spans_per_second: 1000, composite_sub_policy: [{name: x, type: \
         trace_flags}, {name: y, type: always_sample}], rate_allocation: [{policy: x, percent: 60}, {policy: y, percent: 40}]}}",
    ];
    let explanation = explained(&sampling(&policies.join(", "), ""));
    let shown = &explanation.ways[0].steps[1].policies;
    insta::assert_snapshot!(
        shown.iter().map(|policy| format!("{}: {}\n", policy.name, policy.text)).collect::<String>()
    );
}

#[test]
fn samplers_and_filters_are_told_in_plain_sentences() {
    let processors = "  probabilistic_sampler/a: {sampling_percentage: 10, hash_seed: 22}
  probabilistic_sampler/b: {sampling_percentage: 12.5, mode: proportional, fail_closed: false}
  probabilistic_sampler/c: {sampling_percentage: 5, mode: equalizing}
  filter/old: {spans: {exclude: {match_type: regexp, span_names: ['^GET /health', ping], attributes: [{key: a, value: 5}]}}}
  filter/new: {traces: {span: ['name == \"GET /healthz\"'], spanevent: ['name == \"x\"']}}
  filter/none: {}
";
    let listed = "probabilistic_sampler/a, probabilistic_sampler/b, probabilistic_sampler/c, filter/old, filter/new, filter/none";
    let explanation = explained(&gateway(processors, listed));
    let steps = &explanation.ways[0].steps;
    let shown: String = steps.iter().map(|step| format!("{}: {}\n", step.component, step.text.join("\n  "))).collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn what_is_not_modelled_is_unknown_once_for_each_component() {
    let processors = "  vendor: {}
  k8sattributes: {extract: {labels: [{tag_name: team, key: team}]}}
  attributes: {actions: [{key: tier, value: gold, action: upsert}]}
  tail_sampling:
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
      - {name: team, type: string_attribute, string_attribute: {key: team, values: [a]}}
      - {name: pod, type: string_attribute, string_attribute: {key: k8s.pod.name, values: [a]}}
      - {name: tier, type: string_attribute, string_attribute: {key: tier, values: [gold]}}
      - {name: other, type: string_attribute, string_attribute: {key: other, values: [gold]}}
";
    let explanation = explained(&gateway(processors, "vendor, k8sattributes, attributes, tail_sampling"));
    let shown: Vec<String> =
        explanation.unknown.iter().map(|claim| format!("{}: {}", claim.component, claim.message)).collect();
    assert_eq!(
        shown,
        [
            "vendor: what `vendor` does to traces is not modelled; which traces are kept behind it is unknown",
            "k8sattributes: it may change what policy `team` of `tail_sampling` and policy `pod` of `tail_sampling` reads; how \
             these decide is unknown",
            "attributes: it may change what policy `tier` of `tail_sampling` reads; how these decide is unknown",
        ]
    );
}

#[test]
fn a_reading_out_of_a_config_map_has_the_lines_of_the_manifest() {
    let indented =
        sampling("{name: a, type: span_count, span_count: {min_spans: 5, max_spans: 2}}", "").replace('\n', "\n    ");
    let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: otel}}\ndata:\n  relay: |\n    {indented}\n");
    let problems = subject_of(&[&map], Asked::default()).unwrap_err();
    assert_eq!((problems[0].path.as_str(), problems[0].line), ("a.yaml", Some(25)));
}

#[test]
fn an_explanation_is_the_same_twice_and_says_nothing_of_secrets() {
    let text = sampling("{name: a, type: latency, latency: {threshold_ms: '${env:SECRET}'}}", "");
    let variables = BTreeMap::from([("SECRET".to_owned(), "hunter2".to_owned())]);
    let problems = subject_of(&[&text], Asked { variables, ..Asked::default() }).unwrap_err();
    assert!(!text::problems(&problems).contains("hunter2"), "{problems:?}");
    let again = sampling(ERRORS, "");
    assert_eq!(text::text(&explained(&again)), text::text(&explained(&again)));
}

fn held_against(text: &str, name: &str) -> Explanation {
    let sample = traffic::Sample::of(name, 7, 0).unwrap();
    let asked = Asked { traffic: Some(sample.figures(None)), ..Asked::default() };
    explain(&subject_of(&[text], asked).unwrap().held_against(&sample))
}

#[test]
fn shares_of_a_workload_are_those_that_its_traces_have() {
    let policies = format!(
        "{{name: all, type: always_sample}}, {{name: tenth, type: probabilistic, probabilistic: {{sampling_percentage: 10}}}}, \
         {{name: none, type: span_count, span_count: {{min_spans: 100000}}}}, {ERRORS}, \
         {{name: rate, type: rate_limiting, rate_limiting: {{spans_per_second: 1000}}}}"
    );
    let shares = held_against(&sampling(&policies, ""), "shop").shares.unwrap();
    let way = &shares.ways[0];
    assert_eq!((way.kept, way.limited.traces, way.unknown.traces), (shares.sent, 0, 0));
    let part = |name: &str| {
        let policy = way.policies.iter().find(|policy| policy.policy == name).unwrap();
        (policy.wants.traces as f64 / shares.sent.traces as f64, policy.open.traces)
    };
    assert_eq!((part("all"), part("none")), ((1.0, 0), (0.0, 0)));
    // The standard deviation of the tenth of 20,480 traces is 0.2 %; ten of them are never seen.
    assert!((part("tenth").0 - 0.1).abs() < 0.02, "{:?}", part("tenth"));
    // Two in a hundred are error traces, and ordinary ones have some.
    assert!((0.02..0.2).contains(&part("errors").0), "{:?}", part("errors"));
    assert_eq!(part("rate"), (0.0, shares.sent.traces), "a rate is never certain");
}

#[test]
fn spans_that_a_filter_takes_are_counted_and_much_is_warned_of() {
    let spans = |condition: &str| {
        let filter = format!("  filter: {{traces: {{span: ['{condition}']}}}}");
        held_against(&gateway(&filter, "filter"), "shop")
    };
    let half = spans("kind == SPAN_KIND_CLIENT");
    let stage = &half.shares.as_ref().unwrap().ways[0].stages[0];
    assert!(stage.dropped > stage.reached / 10 && stage.dropped < stage.reached, "{stage:?}");
    assert!(half.warnings.iter().any(|warning| warning.id == "filter-broad"), "{:?}", half.warnings);
    let none = spans("name == \"no such span\"");
    assert_eq!(none.shares.unwrap().ways[0].stages[0].dropped, 0);
    assert_eq!(none.warnings, []);
}

/// The way of the first error trace through a configuration.
fn told(text: &str) -> ToldTrace {
    let sample = traffic::Sample::of("shop", 7, 0).unwrap();
    let subject = subject_of(&[text], Asked::default()).unwrap();
    let name = |index| traffic::TraceName { seed: 7, index };
    let mut traces = (0..4096).filter_map(|index| tell(&subject, &sample, name(index)));
    traces.find(|trace| trace.stratum == "error_trace").unwrap()
}

#[test]
fn a_trace_is_followed_step_by_step_with_votes_and_reasons() {
    let never = "{name: slow, type: latency, latency: {threshold_ms: 600000}}";
    let trace = told(&sampling(&format!("{never}, {ERRORS}"), ""));
    assert!(trace.spans.iter().any(|span| span.error) && trace.spans[0].depth == 0, "{trace:?}");
    let way = &trace.ways[0];
    let votes: Vec<_> = way.steps[0].ballots.iter().map(|it| (it.policy.as_str(), it.vote.as_str())).collect();
    assert_eq!(votes, [("slow", "-"), ("errors", "keep")]);
    assert_eq!((way.fate, way.steps[0].text.as_str()), ("kept", "keeps it, by `errors`"));
    assert!(way.steps[0].ballots.iter().all(|ballot| !ballot.reason.is_empty()));
    assert_eq!(told(&sampling(never, "")).ways[0].fate, "dropped");
}

#[test]
fn a_vote_on_what_may_have_been_changed_is_unknown_and_a_certain_one_decides_all_the_same() {
    let tier = "{name: tier, type: string_attribute, string_attribute: {key: tier, values: [gold]}}";
    let gold = |policies: &str| {
        let set = "  attributes: {actions: [{key: tier, value: gold, action: upsert}]}";
        told(&gateway(&format!("{set}\n  tail_sampling: {{policies: [{policies}]}}"), "attributes, tail_sampling"))
            .ways
            .remove(0)
    };
    let only = gold(tier);
    assert_eq!((only.fate, only.steps[0].ballots[0].vote.as_str()), ("unknown", "unknown"));
    assert_eq!(only.text, "unknown: policy `tier` reads what `attributes` may have changed");
    assert_eq!(gold(&format!("{tier}, {ERRORS}")).fate, "kept");
    let drop = format!("{{name: d, type: drop, drop: {{drop_sub_policy: [{tier}]}}}}");
    assert_eq!(gold(&format!("{drop}, {ERRORS}")).fate, "unknown");
}

/// A statement that sets flags lets `trace_flags` drop what it would have kept (seen of 0.155).
#[test]
fn a_statement_that_names_what_a_policy_reads_leaves_its_vote_open_and_others_do_not() {
    let fate = |statement: &str, policy: &str| {
        let transform = format!("  transform: {{trace_statements: ['{statement}']}}");
        let tail = format!("  tail_sampling: {{policies: [{policy}]}}");
        told(&gateway(&format!("{transform}\n{tail}"), "transform, tail_sampling")).ways.remove(0).fate
    };
    let policies = [
        ("set(span.flags, 0)", "{name: p, type: trace_flags}"),
        ("set(span.trace_state, \"\")", "{name: p, type: trace_state, trace_state: {key: a, values: [b]}}"),
        ("set(span.end_time_unix_nano, 0)", "{name: p, type: latency, latency: {threshold_ms: 1}}"),
        ("set(span.trace_id, 0)", "{name: p, type: probabilistic, probabilistic: {sampling_percentage: 50}}"),
    ];
    for (statement, policy) in policies {
        assert_eq!(fate(statement, policy), "unknown", "{policy}");
        assert_ne!(fate("set(span.attributes[\"a\"], 1)", policy), "unknown", "{policy}");
    }
}

/// `probabilistic_sampler` keeps whatever has a `sampling.priority` above 0 (seen of 0.155).
#[test]
fn a_sampler_of_spans_is_unknown_behind_what_may_set_their_priority() {
    let behind = |key: &str| {
        let set = format!("  attributes: {{actions: [{{key: {key}, value: 1, action: insert}}]}}");
        let sampler = "  probabilistic_sampler: {sampling_percentage: 100}";
        told(&gateway(&format!("{set}\n{sampler}"), "attributes, probabilistic_sampler")).ways.remove(0)
    };
    assert_eq!(behind("tier").fate, "kept");
    let open = behind("sampling.priority");
    assert_eq!((open.fate, open.steps.len()), ("unknown", 0));
    assert!(
        open.text.contains("`probabilistic_sampler`: it reads what `attributes` may have changed"),
        "{}",
        open.text
    );
}

#[test]
fn behind_a_component_that_is_not_modelled_nothing_is_claimed() {
    let processors =
        |order: &str| gateway(&format!("  vendor: {{}}\n  tail_sampling: {{policies: [{ERRORS}]}}"), order);
    let before = told(&processors("vendor, tail_sampling")).ways.remove(0);
    assert_eq!((before.fate, before.steps.len()), ("unknown", 0));
    let behind = told(&processors("tail_sampling, vendor")).ways.remove(0);
    assert_eq!((behind.fate, behind.steps.len()), ("unknown", 1));
    assert!(behind.text.contains("vendor"), "{behind:?}");
}

#[test]
fn the_room_that_a_tail_sampler_takes_at_a_rate_is_told() {
    let sample = traffic::Sample::of("uniform", 7, 0).unwrap();
    let figures = traffic::Traffic { spans_mean: 10.0, span_bytes_mean: 350.0, ..sample.figures(None) };
    let at = |spans_per_second| {
        let asked = Asked { traffic: Some(Traffic { spans_per_second, ..figures.clone() }), ..Asked::default() };
        let text = sampling(ERRORS, "decision_wait: 9s, num_traces: 20000");
        explain(&subject_of(&[&text], asked).unwrap()).ways[0].steps[1].text.join("\n")
    };
    let told = at(Some(10_000.0));
    assert!(
        told.contains("10,000 traces wait at once, 33.4 MiB as they were sent; all that it may remember is 66.8 MiB"),
        "{told}"
    );
    assert!(!at(None).contains("wait at once"));
}

#[test]
fn a_condition_that_cannot_be_read_is_unknown_and_told() {
    let filter = "  filter: {traces: {span: ['name == \"x\"', 'Substring(name, 0, 3) == \"GET\"']}}";
    let explanation = explained(&gateway(filter, "filter"));
    let [only] = &explanation.unknown[..] else { panic!("{:?}", explanation.unknown) };
    assert!(
        only.message.starts_with("whether `Substring(name, 0, 3) == \"GET\"` holds is unknown: at column "),
        "{only:?}"
    );
}

/// Of an `and` policy whose first rule is not known the second one still decides, if it does not want the trace.
#[test]
fn what_is_not_known_of_a_policy_is_not_more_than_the_rule_that_reads_it() {
    let tier = "{name: tier, type: string_attribute, string_attribute: {key: tier, values: [gold]}}";
    let tenth = "{name: tenth, type: probabilistic, probabilistic: {sampling_percentage: 10}}";
    let policies = format!("{{name: both, type: and, and: {{and_sub_policy: [{tier}, {tenth}]}}}}");
    let set = "  attributes: {actions: [{key: tier, value: gold, action: upsert}]}";
    let text = gateway(&format!("{set}\n  tail_sampling: {{policies: [{policies}]}}"), "attributes, tail_sampling");
    let shares = held_against(&text, "uniform").shares.unwrap();
    let unknown = shares.ways[0].unknown.traces as f64 / shares.sent.traces as f64;
    assert!((unknown - 0.1).abs() < 0.02, "{unknown}");
    assert_eq!(shares.ways[0].kept.traces, 0);
}

#[test]
fn a_filter_that_reads_what_may_have_been_changed_is_not_guessed() {
    let processors = "  attributes: {actions: [{key: tier, value: gold, action: upsert}]}\n\
                      \x20 filter: {traces: {span: ['attributes[\"tier\"] == \"gold\"']}}";
    let way = told(&gateway(processors, "attributes, filter")).ways.remove(0);
    assert_eq!(
        (way.fate, way.text.as_str()),
        ("unknown", "unknown: `filter`: it reads what `attributes` may have changed")
    );
}
