//! A collector's configuration may lead elsewhere than to the sink, or there by more than one way.

use crate::collector::{TO_SINK, against, configuration};
use crate::rig::Ended;

/// Quickstart with such a configuration and a few spans only.
fn run(config: &str, more: &[&str]) -> Option<Ended> {
    let less = ["--set", config, "--set", "run.spans=6000", "--set", "run.late_after=3s"];
    against("quickstart", &[&less[..], more].concat())
}

#[test]
fn a_filter_before_another_backend_is_no_excuse_for_a_loss_on_the_way_to_the_sink() {
    let exporters = format!("{{ otlp_grpc: {TO_SINK}, otlp_grpc/far: {{ endpoint: '127.0.0.1:9' }} }}");
    let config = configuration(
        "{ filter: { trace_conditions: ['span.kind == SPAN_KIND_PRODUCER'], error_mode: ignore } }",
        &exporters,
        "{ traces: { receivers: [otlp], exporters: [otlp_grpc] },
    traces/far: { receivers: [otlp], processors: [filter], exporters: [otlp_grpc/far] } }",
    );
    let Some(run) = run(&config, &["--plant-behind", "drop-nth=500"]) else { return };
    let run = run.expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
}

#[test]
fn a_configuration_whose_exporters_lead_elsewhere_is_a_mistake_and_nothing_is_started() {
    let exporters =
        format!("{{ debug: {{}}, otlp_grpc: {TO_SINK}, otlp_grpc/port: {{ endpoint: '127.0.0.1:5317' }} }}");
    // The one that leads to the sink is in no pipeline.
    let pipelines = "{ traces: { receivers: [otlp], exporters: [debug, otlp_grpc/port] } }";
    let Some(run) = run(&configuration("{}", &exporters, pipelines), &[]) else { return };
    let run = run.expect(2);
    for words in
        ["${env:SPANPROOF_SINK_GRPC}", "`otlp_grpc/port` has the endpoint `127.0.0.1:5317`", "`debug` is no OTLP"]
    {
        assert!(run.stderr.contains(words), "nothing of {words}\n{run}");
    }
    assert!(!run.path("out/target.log").exists() && !run.path("out/result.json").exists(), "{run}");
}

#[test]
fn repeats_by_two_pipelines_to_the_sink_fail_and_are_put_down_to_the_configuration() {
    let exporters = format!("{{ otlp_grpc: {TO_SINK} }}");
    let pipelines = "{ traces/a: { receivers: [otlp], exporters: [otlp_grpc] },
    traces/b: { receivers: [otlp], exporters: [otlp_grpc] } }";
    let Some(run) = run(&configuration("{}", &exporters, pipelines), &[]) else { return };
    let run = run.expect(1);
    let [finding] = &run.findings_of("duplicated")[..] else { panic!("{run}") };
    let place = finding["where"].as_str().unwrap();
    assert!(place.contains("leads to the sink by 2 ways (pipelines traces/a by otlp_grpc, traces/b"), "{finding}");
    assert!(!finding["try"].as_str().unwrap().contains("retries"), "{finding}");
    assert!(run.result()["warnings"].to_string().contains("by 2 ways"), "{run}");
}

#[test]
fn a_processor_that_deletes_another_key_is_no_excuse_for_an_attribute_that_is_gone() {
    let config = configuration(
        "{ attributes: { actions: [{ key: nosuchkey, action: delete }] } }",
        &format!("{{ otlp_grpc: {TO_SINK} }}"),
        "{ traces: { receivers: [otlp], processors: [attributes], exporters: [otlp_grpc] } }",
    );
    let Some(run) = run(&config, &["--plant-behind", "lose-attribute,every=500"]) else { return };
    let run = run.expect(1);
    assert_eq!((run.ids("failure"), run.ids("inconclusive")), (vec!["corrupted".to_owned()], Vec::new()), "{run}");
}
