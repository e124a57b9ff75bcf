//! Every warning in a configuration that has its trap, and absent from the nearest one that has not.

use super::*;

/// A configuration with a trap, and one without.
struct Case {
    id: &'static str,
    trapped: String,
    sound: String,
    traffic: Option<Traffic>,
}

fn case(id: &'static str, trapped: String, sound: String) -> Case {
    Case { id, trapped, sound, traffic: None }
}

/// The ids of what is warned of.
fn warned(text: &str, traffic: Option<&Traffic>) -> Vec<Warning> {
    let asked = Asked { traffic: traffic.cloned(), ..Asked::default() };
    explain(&subject_of(&[text], asked).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))).warnings
}

fn traffic() -> Traffic {
    Traffic {
        workload: "shop".to_owned(),
        seed: 7,
        spans_mean: 20.0,
        spans_most: 200,
        longest_ms: 3000,
        span_bytes_mean: 340.0,
        spans_per_second: Some(20_000.0),
    }
}

fn numeric(settings: &str) -> String {
    sampling(&format!("{{name: n, type: numeric_attribute, numeric_attribute: {{key: k, {settings}}}}}"), "")
}

fn latency(settings: &str) -> String {
    sampling(&format!("{{name: l, type: latency, latency: {{{settings}}}}}"), "")
}

fn composite(settings: &str) -> String {
    let subs = "[{name: a, type: trace_flags}, {name: b, type: always_sample}]";
    let settings = format!("max_total_spans_per_second: 100, composite_sub_policy: {subs}, {settings}");
    sampling(&format!("{{name: c, type: composite, composite: {{{settings}}}}}"), "")
}

/// A resource of the operator with this configuration.
fn resource(spec: &str, config: &str) -> String {
    let config = config.replace('\n', "\n    ");
    format!(
        "apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nspec:\n  {spec}\n  config:\n    {config}\n"
    )
}

fn of_policies() -> Vec<Case> {
    let and = |subs: &str| sampling(&format!("{{name: x, type: and, and: {{and_sub_policy: [{subs}]}}}}"), "");
    let limit = "{name: r, type: rate_limiting, rate_limiting: {spans_per_second: 5}}";
    let string = |settings: &str| {
        let inverted =
            format!("{{name: s, type: string_attribute, string_attribute: {{key: k, values: [a], {settings}}}}}");
        sampling(&format!("{ERRORS}, {inverted}"), "")
    };
    let drop =
        |subs: &str| sampling(&format!("{ERRORS}, {{name: d, type: drop, drop: {{drop_sub_policy: [{subs}]}}}}"), "");
    let shares = "rate_allocation: [{policy: a, percent: 50}, {policy: b, percent: 50}]";
    vec![
        case("bound-of-zero", numeric("min_value: 0, max_value: 9"), numeric("min_value: 1, max_value: 9")),
        case(
            "composite-order",
            composite(&format!("policy_order: [b, a], {shares}")),
            composite(&format!("policy_order: [a, b], {shares}")),
        ),
        case("composite-overallocated", composite(&shares.replace("50", "60")), composite(shares)),
        case("composite-unallocated", composite("rate_allocation: [{policy: a, percent: 50}]"), composite(shares)),
        case("drops-everything", drop(""), drop("{name: f, type: trace_flags}")),
        case("invert-no-veto", string("invert_match: true"), string("")),
        case("latency-beyond-wait", latency("threshold_ms: 30001"), latency("threshold_ms: 30000")),
        case("latency-upper-bound", latency("threshold_ms: 5, upper_threshold_ms: 9"), latency("threshold_ms: 5")),
        case("limit-before-rules", and(&format!("{limit}, {ERRORS}")), and(&format!("{ERRORS}, {limit}"))),
        case("policies-missing", sampling("", ""), sampling(ERRORS, "")),
        case(
            "regex-unread",
            string("enabled_regex_matching: true").replace("values: [a]", "values: ['(']"),
            string("enabled_regex_matching: true"),
        ),
        case("rule-never", sampling("{name: s, type: string_attribute, string_attribute: {key: k}}", ""), string("")),
        case("rule-panics", numeric("min_value: 0"), numeric("min_value: 1")),
        case(
            "rule-shadowed",
            sampling(&format!("{{name: all, type: always_sample}}, {ERRORS}"), ""),
            sampling(&format!("{ERRORS}, {{name: f, type: trace_flags}}"), ""),
        ),
        case(
            "setting-ignored",
            sampling("{name: f, type: trace_flags, latency: {threshold_ms: 5}}", ""),
            sampling("{name: f, type: trace_flags}", ""),
        ),
    ]
}

fn of_waiting() -> Vec<Case> {
    let caches = "decision_cache: {sampled_cache_size: 9, non_sampled_cache_size: 9}";
    let evicts = case("overflow-evicts", sampling(ERRORS, "num_traces: 30000"), sampling(ERRORS, "num_traces: 32000"));
    vec![
        case("wait-not-whole", sampling(ERRORS, "decision_wait: 1500ms"), sampling(ERRORS, "decision_wait: 2s")),
        case(
            "overflow-stalls",
            sampling(ERRORS, "block_on_overflow: true"),
            sampling(ERRORS, &format!("block_on_overflow: true, {caches}")),
        ),
        Case { traffic: Some(traffic()), ..evicts },
    ]
}

fn of_pipelines() -> Vec<Case> {
    let batched = gateway("  batch:", "batch");
    let tail = format!("  batch:\n  tail_sampling: {{policies: [{ERRORS}]}}");
    let sampler = "  probabilistic_sampler: {sampling_percentage: 5}";
    let both = format!("{sampler}\n  tail_sampling: {{policies: [{ERRORS}]}}");
    let list = |text: &str, from: &str, to: &str| text.replace(&format!("[{from}]"), &format!("[{to}]"));
    vec![
        case("batch-before-queue", batched.clone(), batched.replace("queue_size: 100", "enabled: false")),
        case("batch-before-sampling", gateway(&tail, "batch, tail_sampling"), gateway(&tail, "tail_sampling, batch")),
        case("component-unused", gateway("  batch:", ""), gateway("", "")),
        case("limiter-missing", list(&batched, "memory_limiter, batch", "batch"), batched.clone()),
        case("limiter-late", list(&batched, "memory_limiter, batch", "batch, memory_limiter"), batched.clone()),
        case(
            "sampled-before-tail",
            gateway(&both, "probabilistic_sampler, tail_sampling"),
            gateway(&both, "tail_sampling, probabilistic_sampler"),
        ),
        case("queue-beyond-memory", batched.replace("queue_size: 100", "queue_size: 1000"), gateway("", "")),
        case(
            "filter-broad",
            gateway("  filter: {traces: {span: ['IsMatch(name, \".*\")']}}", "filter"),
            gateway("  filter: {traces: {span: ['IsMatch(name, \"^health\")']}}", "filter"),
        ),
        case(
            "sampler-keeps-nothing",
            gateway(&sampler.replace('5', "0.006"), "probabilistic_sampler"),
            gateway(sampler, "probabilistic_sampler"),
        ),
    ]
}

fn of_deployment() -> Vec<Case> {
    let local = gateway("", "").replace("      grpc:", "      grpc: {endpoint: 'localhost:4317'}");
    let open = local.replace("localhost", "0.0.0.0");
    let variable = |reference: &str| gateway("", "").replace("backend:4317", reference);
    vec![
        case("receiver-on-localhost", resource("mode: deployment", &local), resource("mode: deployment", &open)),
        case(
            "replicas-split",
            resource("replicas: 2", &sampling(ERRORS, "")),
            resource("replicas: 1", &sampling(ERRORS, "")),
        ),
        case("reference-open", variable("${file:/etc/x}"), variable("x")),
        case("variable-missing", variable("${env:NO_SUCH}"), variable("${env:NO_SUCH:-x}")),
    ]
}

fn cases() -> Vec<Case> {
    [of_policies(), of_waiting(), of_pipelines(), of_deployment()].into_iter().flatten().collect()
}

#[test]
fn a_sound_gateway_is_not_warned_of() {
    assert_eq!(warned(&gateway("", ""), None), []);
    assert_eq!(warned(&sampling(ERRORS, ""), None), []);
}

#[test]
fn every_trap_is_warned_of_where_it_is_and_nowhere_else() {
    for Case { id, trapped, sound, traffic } in cases() {
        let (with, without) = (warned(&trapped, traffic.as_ref()), warned(&sound, traffic.as_ref()));
        let found = with.iter().find(|warning| warning.id == id);
        let found = found.unwrap_or_else(|| panic!("{id} is not seen: {with:?}\n{trapped}"));
        assert!(found.place.line.is_some(), "{found:?}");
        assert!(!found.message.is_empty() && !found.why.is_empty() && !found.remedy.is_empty(), "{found:?}");
        assert!(!without.iter().any(|warning| warning.id == id), "{id} is seen without its trap: {without:?}\n{sound}");
    }
}

#[test]
fn every_warning_has_a_case_and_a_section_in_the_manual() {
    let tried: Vec<&str> = cases().iter().map(|case| case.id).collect();
    let manual = include_str!("../../../../docs/explain.md");
    for id in warnings::ids() {
        assert!(tried.contains(&id), "{id} has no case");
        assert!(manual.contains(&format!("\n### {id}\n")), "{id} has no section in docs/explain.md");
    }
    let sections = manual.lines().filter_map(|line| line.strip_prefix("### "));
    for section in sections {
        assert!(warnings::ids().any(|id| id == section), "there is no warning {section}");
    }
}

#[test]
fn a_workload_tells_rules_that_its_traces_never_meet() {
    let slow = latency("threshold_ms: 5000");
    assert!(!warned(&slow, None).iter().any(|warning| warning.id == "rule-never"));
    let found = warned(&slow, Some(&traffic()));
    let never = found.iter().find(|warning| warning.id == "rule-never").unwrap();
    assert_eq!(never.why, "no trace of the workload lasts longer than 3000 ms");
}

#[test]
fn later_versions_have_other_traps() {
    let composite = composite("policy_order: [b, a], rate_allocation: [{policy: a, percent: 50}]");
    let ids = |minor| {
        let asked = Asked { version: Some(Version { minor }), ..Asked::default() };
        let found = explain(&subject_of(&[&composite], asked).unwrap()).warnings;
        found.iter().map(|warning| warning.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(158), ["composite-order", "composite-unallocated"]);
    assert_eq!(ids(159), ["composite-order"]);
}

#[test]
fn a_config_map_or_kubernetes_attributes_tell_that_it_is_a_container() {
    let is_told = |text: &str| warned(text, None).iter().any(|warning| warning.id == "receiver-on-localhost");
    assert!(!is_told(&gateway("", "")), "nothing says that it is a container");
    assert!(is_told(&gateway("  k8sattributes:", "k8sattributes")));
    let map = gateway("", "").replace('\n', "\n    ");
    assert!(is_told(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  relay: |\n    {map}\n"
    )));
    assert!(!is_told(&resource(
        "mode: sidecar",
        &gateway("", "").replace("      grpc:", "      grpc: {endpoint: 'localhost:1'}")
    )));
    assert!(!is_told(&resource("mode: deployment", &gateway("", ""))), "the operator opens it");
}

#[test]
fn routing_by_trace_id_in_front_of_replicas_is_seen() {
    let routed = sampling(ERRORS, "").replace(
        "service:\n  pipelines:\n",
        "  load_balancing: {}\nservice:\n  pipelines:\n    traces/in: {receivers: [otlp], processors: [memory_limiter], exporters: [load_balancing]}\n",
    );
    let found = warned(&resource("replicas: 3", &routed), None);
    assert!(!found.iter().any(|warning| warning.id == "replicas-split"), "{found:?}");
}

#[test]
fn a_sampler_that_ends_at_its_first_match_shadows_what_follows() {
    let policies = format!("{ERRORS}, {{name: again, type: and, and: {{and_sub_policy: [{ERRORS}]}}}}");
    let found = warned(&sampling(&policies, "sample_on_first_match: true"), None);
    let [only] = &found[..] else { panic!("{found:?}") };
    assert_eq!((only.id, only.place.clone()), ("rule-shadowed", Place { file: "a.yaml".into(), ..only.place.clone() }));
    assert!(only.why.contains("sample_on_first_match ends the vote"), "{only:?}");
}
