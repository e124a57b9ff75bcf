//! Facts read from configurations as people write them.

use super::*;
use std::fmt::Write;

fn read(texts: &[&str]) -> Result<CollectorConfig, Vec<ConfigError>> {
    let names = ["a.yaml", "b.yaml", "c.yaml"];
    let sources: Vec<_> = names.into_iter().zip(texts).map(|(name, text)| Source { name, text }).collect();
    let env = [("SPANPROOF_SINK_GRPC", "127.0.0.1:5317"), ("SPANPROOF_SINK_HTTP", "127.0.0.1:5318"), ("WAIT", "7s")];
    CollectorConfig::read(&sources, &env.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

fn pipelines(texts: &[&str]) -> Pipelines {
    read(texts).unwrap().pipelines().unwrap()
}

/// Everything that is read off, as text.
fn facts(pipelines: &Pipelines) -> String {
    let mut out = String::new();
    for path in pipelines.paths() {
        let stages = path.stages.iter().map(|stage| format!("{} > ", stage.component)).collect::<String>();
        writeln!(out, "path {} > {stages}{} in {}", path.receiver, path.exporter, path.pipeline).unwrap();
    }
    for Destination { exporter, protocol, endpoint, paths } in pipelines.destinations() {
        writeln!(out, "to {exporter} {protocol:?} {} x{paths}", endpoint.as_deref().unwrap_or("-")).unwrap();
    }
    for HoldTerm { component, hold, when, why } in pipelines.holds_back() {
        writeln!(out, "holds {component} {hold:?} {when:?}: {why}").unwrap();
    }
    writeln!(out, "longest {:?}", pipelines.longest_hold()).unwrap();
    for Suspect { component, why } in pipelines.absence_is_explained_by() {
        writeln!(out, "absence {component} {why:?}").unwrap();
    }
    for Suspect { component, why } in pipelines.changes_content_by() {
        writeln!(out, "change {component} {why:?}").unwrap();
    }
    for queue in pipelines.persistent_queues() {
        writeln!(out, "{queue:?}").unwrap();
    }
    writeln!(out, "guarantee {:?}", pipelines.guarantee()).unwrap();
    out
}

fn errors(found: Vec<ConfigError>) -> String {
    found.iter().map(|error| format!("{error}\n")).collect()
}

const GATEWAY: &str = "
receivers:
  otlp:
    protocols: { grpc: , http: { endpoint: '0.0.0.0:4318' } }
  prometheus: { config: {} }
processors:
  memory_limiter: { check_interval: 1s, limit_mib: 400 }
  batch: { send_batch_size: 1024 }
exporters:
  otlp_grpc/backend: { endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: { insecure: true } }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc/backend] }
    metrics: { receivers: [prometheus], exporters: [otlp_grpc/backend] }
";

#[test]
fn a_plain_gateway_batches_in_memory_and_changes_nothing() {
    insta::assert_snapshot!(facts(&pipelines(&[GATEWAY])));
}

#[test]
fn a_second_file_changes_what_it_names_and_nothing_else() {
    let over = "
processors: { batch: { timeout: 2s } }
exporters:
  otlp_grpc/backend:
    sending_queue: { enabled: false }
    retry_on_failure: { max_elapsed_time: 0 }
service: { pipelines: { traces: { processors: [batch] } } }
";
    insta::assert_snapshot!(facts(&pipelines(&[GATEWAY, over])));
}

const SAMPLING: &str = "
receivers: { otlp: { protocols: { grpc: } } }
processors:
  resource/env: { attributes: [{ key: deployment.environment.name, value: prod, action: upsert }] }
  tail_sampling:
    decision_wait: ${env:WAIT}
    policies: [{ name: errors, type: status_code, status_code: { status_codes: [ERROR] } }]
  filter/health: { error_mode: ignore, traces: { span: ['name == \"GET /healthz\"'] } }
exporters:
  otlp: { endpoint: 127.0.0.1:5317, sending_queue: { batch: { flush_timeout: 500ms } } }
  debug: {}
service:
  pipelines:
    traces/main:
      receivers: [otlp]
      processors: [filter/health, resource/env, tail_sampling]
      exporters: [otlp, debug]
";

#[test]
fn a_sampling_gateway_explains_absence_and_change() {
    insta::assert_snapshot!(facts(&pipelines(&[SAMPLING]).to_otlp()));
}

const FORWARDED: &str = "
receivers: { otlp: { protocols: { grpc: } } }
connectors: { forward/split: , span_metrics: }
processors:
  batch:
  probabilistic_sampler: { sampling_percentage: 15 }
  probabilistic_sampler/all: { sampling_percentage: 100 }
  vendor_magic: {}
extensions: { file_storage/q: { directory: /var/lib/otelcol, fsync: true } }
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:5318
    traces_endpoint: http://127.0.0.1:5318/v1/traces
    sending_queue: { storage: file_storage/q }
    retry_on_failure: { max_elapsed_time: 0s }
  otlphttp/archive: { endpoint: 'https://archive.example', sending_queue: { wait_for_result: true } }
  otlp_grpc/vendor: { endpoint: 'vendor:443' }
  prometheus: { endpoint: '127.0.0.1:9464' }
service:
  extensions: [file_storage/q]
  pipelines:
    traces/in: { receivers: [otlp], processors: [], exporters: [forward/split, span_metrics] }
    traces/disk: { receivers: [forward/split], processors: [probabilistic_sampler/all], exporters: [otlp_http] }
    traces/archive: { receivers: [forward/split], processors: [probabilistic_sampler], exporters: [otlphttp/archive] }
    traces/vendor: { receivers: [forward/split], processors: [batch, vendor_magic], exporters: [otlp_grpc/vendor] }
    metrics: { receivers: [span_metrics], exporters: [prometheus] }
";

#[test]
fn connectors_are_followed_and_each_destination_has_its_own_facts() {
    let all = pipelines(&[FORWARDED]);
    insta::assert_snapshot!(facts(&all));
    let towards = |endpoint: &str| all.only(|path| path.endpoint().is_some_and(|found| found.contains(endpoint)));
    assert_eq!(towards("5318/v1/traces").guarantee(), Some(Guarantee::Disk));
    assert_eq!(towards("5318/v1/traces").absence_is_explained_by(), []);
    assert_eq!(towards("5318/v1/traces").longest_hold(), Hold::For(std::time::Duration::ZERO));
    assert_eq!(towards("archive").guarantee(), Some(Guarantee::Sync));
    assert_eq!(towards("vendor").guarantee(), None);
    assert_eq!(towards("vendor").longest_hold(), Hold::Unknown);
    assert_eq!(all.guarantee(), None);
    assert_eq!(towards("nowhere").guarantee(), None);
}

#[test]
fn two_ways_to_one_exporter_are_two_copies() {
    let two = "service: { pipelines: { traces/again: { receivers: [otlp], exporters: [otlp_grpc/backend] } } }";
    let destinations = pipelines(&[GATEWAY, two]).destinations();
    assert_eq!((destinations.len(), destinations[0].paths), (1, 2));
}

#[test]
fn a_circle_of_connectors_ends() {
    let circle = "
receivers: { otlp: }
connectors: { forward/a: , forward/b: }
exporters: { otlp_grpc: { endpoint: x } }
service:
  pipelines:
    traces/1: { receivers: [otlp, forward/b], exporters: [forward/a] }
    traces/2: { receivers: [forward/a], exporters: [forward/b, otlp_grpc] }
";
    assert_eq!(pipelines(&[circle]).paths().len(), 1);
}

#[test]
fn layers_of_connectors_do_not_multiply_without_bound() {
    let mut text = "receivers: { otlp: }\nexporters: { otlp_grpc: { endpoint: x } }\nconnectors:\n".to_owned();
    (0..40).for_each(|layer| writeln!(text, "  forward/{layer}a: \n  forward/{layer}b: ").unwrap());
    text.push_str(
        "service:\n  pipelines:\n    traces/in: { receivers: [otlp], exporters: [forward/0a, forward/0b] }\n",
    );
    for layer in 0..39 {
        let (from, to) = (format!("forward/{layer}a, forward/{layer}b"), layer + 1);
        writeln!(text, "    traces/{layer}: {{ receivers: [{from}], exporters: [forward/{to}a, forward/{to}b] }}")
            .unwrap();
    }
    text.push_str("    traces/out: { receivers: [forward/39a, forward/39b], exporters: [otlp_grpc] }\n");
    assert_eq!(pipelines(&[&text]).paths().len(), 1000);
}

#[test]
fn every_undefined_component_is_named() {
    let typos = "
receivers: { otlp: }
processors: { batch: }
exporters: { otlp_grpc: { endpoint: x } }
service: { pipelines: { traces: { receivers: [oltp], processors: [bacth, batch], exporters: [otlp_grpc, 7] } } }
";
    let found = errors(read(&[typos]).unwrap().pipelines().unwrap_err());
    insta::assert_snapshot!(found);
}

#[test]
fn without_a_traces_pipeline_there_is_nothing_to_read() {
    let only_logs = "service: { pipelines: { logs: { receivers: [otlp] } } }";
    assert_eq!(read(&[only_logs]).unwrap().pipelines().unwrap_err(), [ConfigError::NoTraces]);
    let none = read(&[""]).unwrap().pipelines().unwrap_err();
    assert_eq!(errors(none), "read the configuration at service.pipelines: expected a map of pipelines\n");
}

#[test]
fn bad_yaml_is_named_with_its_place_in_each_file() {
    let found =
        errors(read(&["receivers:\n  otlp: [1, 2\nexporters: {}\n", "a: 1\nb: 2\na: 3\n", "- a list\n"]).unwrap_err());
    insta::assert_snapshot!(found);
}

#[test]
fn values_that_only_the_collector_knows_are_unknown_and_not_guessed() {
    let remote = "processors: { batch: { timeout: '${file:/etc/timeout}' } }";
    let config = read(&[GATEWAY, remote]).unwrap();
    assert_eq!(config.unresolved(), ["${file:/etc/timeout}"]);
    assert_eq!(config.pipelines().unwrap().longest_hold(), Hold::Unknown);
}

#[test]
fn a_missing_variable_is_reported_and_read_as_nothing() {
    let missing = "processors: { batch: { timeout: '${env:NO_SUCH}' } }";
    let config = read(&[GATEWAY, missing]).unwrap();
    assert_eq!(config.missing_variables(), ["NO_SUCH"]);
    assert_eq!(config.pipelines().unwrap().longest_hold(), Hold::For(std::time::Duration::from_millis(200)));
}

/// Three ways beside each other and one way of two stages: only the slowest counts, and only its stages are named.
#[test]
fn ways_beside_each_other_do_not_add_up() {
    let three = "
receivers: {otlp: {}}
processors: {batch/a: {timeout: 3s}, batch/b: {timeout: 4s}, batch/c: {timeout: 2s}, groupbytrace: {wait_duration: 3s}}
exporters: {otlp: {endpoint: a:1}}
service:
  pipelines:
    traces/a: {receivers: [otlp], processors: [batch/a], exporters: [otlp]}
    traces/b: {receivers: [otlp], processors: [batch/b], exporters: [otlp]}
    traces/c: {receivers: [otlp], processors: [groupbytrace, batch/c], exporters: [otlp]}
";
    let way = read(&[three]).unwrap().pipelines().unwrap().slowest_way(std::time::Duration::from_secs(20));
    let named: Vec<_> = way.iter().map(|(term, time)| (term.component.to_string(), time.as_secs())).collect();
    assert_eq!(named, [("groupbytrace".to_owned(), 3), ("batch/c".to_owned(), 2)]);
}

#[test]
fn a_way_of_which_something_is_unknown_takes_what_unknown_stands_for() {
    let remote = "processors: { batch: { timeout: '${file:/etc/timeout}' } }";
    let way = read(&[GATEWAY, remote]).unwrap().pipelines().unwrap().slowest_way(std::time::Duration::from_secs(20));
    let times: Vec<_> = way.iter().map(|(_, time)| time.as_secs()).collect();
    assert_eq!(times, [20]);
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let secret = "exporters: { otlp_grpc/backend: { headers: { authorization: hunter2 } } }";
    let shown = format!("{:?}", read(&[GATEWAY, secret]).unwrap());
    assert!(!shown.contains("hunter2") && shown.contains("exporters"), "{shown}");
}
