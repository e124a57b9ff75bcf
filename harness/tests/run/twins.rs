//! Drills about how a collector is put together: each passes against the real one, and its badly configured twin fails for the stated
//! reason. Drills about what breaks meanwhile are in `faults`.

use crate::collector::collector;
use crate::rig::{Ended, spanproof};
use serde_json::Value;

/// A drill of the catalogue against the real collector, with fewer shapes of traces, which take longest to make.
fn drill(name: &str, more: &[&str]) -> Option<Ended> {
    let target = collector()?;
    let scenario = format!("drills/{name}");
    let of_it = ["run", &scenario, "--quiet", "--out", "out", "--target", &target];
    let small = ["--set", "traffic.workload.shop.pool_size=256"];
    Some(spanproof(&[&of_it[..], &small, more].concat()))
}

/// A drill with a fault, shortened: it lasts from 1 s on for `lasting`, and the load ends 2 s later.
fn shortened(name: &str, lasting: u32, more: &[&str]) -> Option<Ended> {
    let (lasting, duration) = (format!("faults[0].for={lasting}s"), format!("run.duration={}s", lasting + 3));
    let short = ["--set", "faults[0].at=1s", "--set", &lasting, "--set", &duration];
    drill(name, &[&short[..], more].concat())
}

/// Every span of the plan came, and every limit holds, but for those on times that a busy machine leaves open.
#[track_caller]
fn expect_all_delivered(run: &Ended) {
    expect_limits_hold(run);
    assert_eq!(run.spans("delivered"), run.spans("planned"), "{run}");
}

#[track_caller]
fn expect_limits_hold(run: &Ended) {
    assert!(matches!(run.code, Some(0 | 3)), "{run}");
    assert!(run.ids("failure").is_empty() && run.ids("inconclusive").is_empty(), "{run}");
    assert!(run.spans("planned") > 5_000, "{run}");
    for limit in limits(run) {
        let is_time = limit["limit"].as_str().unwrap().starts_with("recovery.");
        assert!(limit["verdict"] == "pass" || is_time && limit["verdict"] == "inconclusive", "{limit}\n{run}");
    }
    run.expect_sound_ledger();
}

fn limits(run: &Ended) -> Vec<Value> {
    run.result()["limits"].as_array().unwrap().clone()
}

/// The limits that are broken, by what they are about.
fn broken(run: &Ended) -> Vec<String> {
    let failed = limits(run).into_iter().filter(|limit| limit["verdict"] == "fail");
    failed.map(|limit| limit["limit"].as_str().unwrap().split(' ').next().unwrap().to_owned()).collect()
}

/// The twin fails since acknowledged spans are lost, and for nothing else; gives the finding.
#[track_caller]
fn expect_acknowledged_are_lost(run: &Ended) -> Value {
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(
        (run.ids("failure"), broken(run)),
        (vec!["lost-acknowledged".to_owned()], vec!["spans.lost_acknowledged".to_owned()]),
        "{run}"
    );
    let [finding] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    finding.clone()
}

/// What the collector itself says of it.
#[track_caller]
fn expect_in_log(run: &Ended, words: &str) {
    assert!(run.artefact("target.log").contains(words), "{words} is not in its log\n{run}");
}

#[test]
fn a_poisoned_span_is_refused_to_its_sender_and_a_queue_in_between_loses_it() {
    let Some(run) = shortened("poison-item", 5, &[]) else { return };
    expect_limits_hold(&run);
    let refused = run.spans("lost_refused");
    assert!(refused > 0, "{run}");
    assert_eq!(refused, run.result()["faults"]["poison-item"]["spans"], "all that was in those requests: {run}");
    assert_eq!(refused + run.spans("delivered"), run.spans("planned"), "and nothing else: {run}");

    let twin = shortened("poison-item", 5, &["--set", "collector.env.QUEUE=true"]).unwrap();
    let finding = expect_acknowledged_are_lost(&twin);
    let count = spanproof_reports::figures::count(twin.spans("lost_acknowledged"));
    assert_eq!(
        finding["where"],
        format!("not taken by the sink, and not sent again: {count} at `poison-item`"),
        "{twin}"
    );
}

#[test]
fn a_poisoned_span_that_is_tried_again_and_again_holds_up_all_behind_it() {
    let patient =
        ["QUEUE=true", "QUEUE_SIZE=100", "CONSUMERS=1", "RETRY_FOR=0s"].map(|set| format!("collector.env.{set}"));
    let patient: Vec<&str> = patient.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    let passing = ["--set", "faults[0].fault.poison.code=UNAVAILABLE"];
    let Some(run) = shortened("poison-item", 7, &[&patient[..], &passing].concat()) else { return };
    let run = run.expect(1);
    assert_eq!(broken(&run), ["spans.unknown"], "{run}");
    let [unknown] = &run.findings_of("unknown")[..] else { panic!("{run}") };
    assert!(unknown["message"].as_str().unwrap().contains("sending queue is full"), "{unknown}");
    assert!(run.spans("unknown") > 1_000, "far more than was poisoned: {run}");
}

#[test]
fn answers_that_are_lost_cost_repeats_that_are_explained_and_senders_need_not_know() {
    let Some(run) = shortened("lost-acknowledgements", 3, &[]) else { return };
    expect_all_delivered(&run);
    let repeated = run.spans("duplicated");
    assert!(repeated > 500 && run.spans("duplicated_explained") == repeated, "{run}");
    assert_eq!(run.ids("info"), ["duplicated-explained"], "{run}");

    let frank = ["--set", "collector.env.QUEUE=false", "--set", "collector.env.RETRY=false"];
    let twin = shortened("lost-acknowledgements", 3, &frank).unwrap().expect(1);
    assert_eq!(broken(&twin), ["spans.unknown"], "{twin}");
    let touched = twin.result()["faults"]["lost-acknowledgements"]["spans"].as_u64().unwrap();
    assert_eq!((twin.spans("unknown"), twin.spans("recovered")), (touched, touched), "all of these had come: {twin}");
}

#[test]
fn a_queue_behind_a_batch_that_is_too_small_loses_what_was_acknowledged() {
    let Some(run) = shortened("queue-overflow-behind-batch", 5, &[]) else { return };
    expect_all_delivered(&run);
    let twin = shortened("queue-overflow-behind-batch", 5, &["--set", "collector.env.QUEUE=10"]).unwrap();
    expect_acknowledged_are_lost(&twin);
    expect_in_log(&twin, "sending queue is full");
}

#[test]
fn a_dead_destination_costs_the_other_nothing_unless_what_waits_for_it_fills_its_queue() {
    let short = ["--set", "run.duration=8s"];
    let Some(run) = drill("one-of-two-destinations", &short) else { return };
    expect_all_delivered(&run);
    expect_in_log(&run, "otlp_grpc/second");
    let twin = drill("one-of-two-destinations", &[&short[..], &["--set", "collector.env.RETRY_FOR=5m"]].concat());
    let twin = twin.unwrap().expect(1);
    assert_eq!(broken(&twin), ["spans.unknown", "spans.duplicated"], "{twin}");
    assert_eq!(twin.spans("delivered"), twin.spans("planned"), "{twin}");
    let [unknown] = &twin.findings_of("unknown")[..] else { panic!("{twin}") };
    assert!(unknown["message"].as_str().unwrap().contains("sending queue is full"), "{unknown}");
}

#[test]
fn ten_minutes_of_outage_are_outlasted_by_who_never_gives_up_and_not_by_the_default() {
    let Some(run) = drill("long-outage", &[]) else { return };
    expect_all_delivered(&run);
    let twin = drill("long-outage", &["--set", "collector.env.RETRY_FOR=5s"]).unwrap();
    let finding = expect_acknowledged_are_lost(&twin);
    let place = finding["where"].as_str().unwrap();
    assert!(place.ends_with(" at `long-outage`"), "{place}");
    assert!(finding["try"].as_str().unwrap().contains("`max_elapsed_time` 5s -> "), "{finding}");
}

#[test]
fn what_a_memory_limiter_refuses_comes_later_unless_it_stands_behind_the_batch() {
    let Some(run) = drill("memory-limiter", &[]) else { return };
    expect_all_delivered(&run);
    let twin = drill("memory-limiter", &["--set", "collector.env.PROCESSORS=\"[batch, memory_limiter]\""]).unwrap();
    assert_eq!(twin.ids("failure"), ["lost-acknowledged"], "{twin}");
    assert!(broken(&twin).contains(&"spans.lost_acknowledged".to_owned()), "{twin}");
    expect_in_log(&twin, "data refused due to high memory usage");
}

/// Nothing at all comes, and the finding says so before anything else.
#[track_caller]
fn expect_nothing_came(run: &Ended) {
    assert_eq!((run.code, run.spans("delivered")), (Some(1), 0), "{run}");
    assert_eq!(run.spans("lost_acknowledged"), run.spans("planned"), "{run}");
    let [finding] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    let advice = finding["try"].as_str().unwrap();
    assert!(advice.starts_with("whether the target exports to where the sink listens"), "{advice}");
}

/// A drill that needs no fault, with another endpoint for its exporter.
fn elsewhere(name: &str, exporter: &str, endpoint: &str) -> Option<Ended> {
    let arguments = format!("target.process.args=[\"--set=exporters.{exporter}.endpoint={endpoint}\"]");
    let through = format!("collector.env.EXPORTER={exporter}");
    drill(name, &["--set", &arguments, "--set", &through])
}

#[test]
fn a_collector_that_exports_to_nobody_says_yes_to_everything_and_nothing_comes() {
    let Some(run) = drill("wrong-endpoint", &[]) else { return };
    expect_all_delivered(&run);
    let twin = elsewhere("wrong-endpoint", "otlp_grpc", "127.0.0.1:1").unwrap();
    expect_nothing_came(&twin);
    expect_in_log(&twin, "connection refused");
}

#[test]
fn a_name_that_does_not_resolve_is_no_way_out_for_anything() {
    let Some(run) = drill("dns-gone", &[]) else { return };
    expect_all_delivered(&run);
    let twin = elsewhere("dns-gone", "otlp_grpc", "dns:///collector.invalid:4317").unwrap();
    expect_nothing_came(&twin);
    // All that its log says; it names neither host nor cause: docs/findings.md. Should this fail with a newer one, that is history.
    expect_in_log(&twin, "no children to pick from");
    assert!(!twin.artefact("target.log").contains("collector.invalid"), "{twin}");
}

#[test]
fn each_protocol_passes_at_its_own_port_and_loses_everything_at_the_other() {
    let Some(grpc) = drill("protocol-mismatch", &[]) else { return };
    expect_all_delivered(&grpc);
    let http = drill("protocol-mismatch", &["--set", "collector.env.EXPORTER=otlp_http"]).unwrap();
    expect_all_delivered(&http);
    let grpc = elsewhere("protocol-mismatch", "otlp_grpc", "{sink_http}").unwrap();
    expect_nothing_came(&grpc);
    let http = elsewhere("protocol-mismatch", "otlp_http", "http://{sink_grpc}").unwrap();
    expect_nothing_came(&http);
}

#[test]
fn a_dead_proxy_is_left_alone_for_a_backend_that_is_named_and_swallows_everything_for_another() {
    for exporter in ["otlp_http", "otlp_grpc"] {
        let through = format!("collector.env.EXPORTER={exporter}");
        let Some(run) = drill("proxy-variables", &["--set", &through]) else { return };
        expect_all_delivered(&run);
        let unnamed = ["--set", &through, "--set", "target.process.env.NO_PROXY=cluster.local"];
        let twin = drill("proxy-variables", &unnamed).unwrap();
        expect_nothing_came(&twin);
        expect_in_log(&twin, "127.0.0.1:1: connect: connection refused");
    }
}
