//! Faults at the sink: what a good target does about them passes, what a bad one does fails for the stated reason, and a fault that
//! did nothing proves nothing.

use crate::collector::collector;
use crate::rig::{Ended, spanproof};

/// A drill of the catalogue, shortened, with more arguments.
fn drill(name: &str, more: &[&str]) -> Ended {
    let scenario = format!("drills/{name}");
    let short = ["--quiet", "--out", "out", "--set", "faults[0].at=1s", "--set", "run.duration=6s"];
    let small = ["--set", "traffic.workload.shop.pool_size=256", "--set", "faults[0].for=2s"];
    spanproof(&[&["run", &scenario], &short[..], &small, more].concat())
}

/// All that was sent arrived unchanged. A busy machine may withhold latencies, and nothing else is open.
#[track_caller]
fn expect_all_delivered(run: &Ended) {
    assert!(matches!(run.code, Some(0 | 3)), "{run}");
    assert!(run.ids("failure").is_empty() && run.ids("inconclusive").is_empty(), "{run}");
    assert_eq!(run.spans("delivered"), run.spans("planned"), "{run}");
    assert!(run.spans("planned") > 5_000, "{run}");
    for limit in run.result()["limits"].as_array().unwrap() {
        let about_latency = limit["limit"].as_str().unwrap().starts_with("latency.");
        assert!(limit["verdict"] == "pass" || about_latency && limit["verdict"] == "inconclusive", "{limit}\n{run}");
    }
    run.expect_sound_ledger();
}

/// What is told of the only fault.
fn fault(run: &Ended) -> serde_json::Value {
    let result = run.result();
    let faults = result["faults"].as_object().unwrap();
    assert_eq!(faults.len(), 1, "{run}");
    faults.values().next().unwrap().clone()
}

#[test]
fn an_outage_that_retries_outlast_costs_nothing_and_leaves_evidence() {
    let run = drill("backend-down", &[]);
    expect_all_delivered(&run);
    let told = fault(&run);
    let figure = |path: &str| told.pointer(path).unwrap().as_f64().unwrap_or_else(|| panic!("{path}: {told}"));
    assert!(figure("/touched") > 10.0 && figure("/on_the_wire") >= figure("/touched"), "{told}");
    assert!(figure("/first_seconds") >= 1.0 && figure("/last_seconds") < 3.0, "{told}");
    // What was due while the backend was gone came when it was back, after the first try that succeeded.
    assert!(figure("/recovery/drained_seconds") >= figure("/recovery/first_delivery_seconds"), "{told}");
    for part in ["before", "during", "after"] {
        assert!(figure(&format!("/{part}/latency/intended_to_acknowledged/count")) > 100.0, "{part}: {told}");
    }
    assert!(told["during"]["latency"].get("intended_to_delivered").is_none(), "nothing came meanwhile: {told}");
    let events = run.artefact("events.ndjson");
    assert!(events.contains("backend-down begins: the sink refuses with UNAVAILABLE") && events.contains("has ended"));
    assert!(run.stdout.contains("fault    backend-down: touched "), "{run}");
    for artefact in ["summary.md", "report.html"] {
        assert!(run.artefact(artefact).contains("refuses with UNAVAILABLE"), "{artefact}");
    }
}

#[test]
fn without_retries_what_came_during_an_outage_is_lost_there_and_the_finding_says_so() {
    let run = drill("backend-down", &["--set", "target.embedded.retry.enabled=false"]).expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    let [lost] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    let place = lost["where"].as_str().unwrap();
    let count = spanproof_reports::figures::count(run.spans("lost_acknowledged"));
    let expected =
        format!("came to the sink, could not be delivered, and did not come again: {count} at `backend-down`");
    assert_eq!(place, expected, "every lost span was in a request that the sink refused");
    assert!(lost["try"].as_str().unwrap().contains("for longer than `backend-down` lasts"), "{lost}");
    assert_eq!(fault(&run)["spans"], run.spans("lost_acknowledged"), "and all that it refused was lost");
    let drained = run.result()["limits"]
        .as_array()
        .unwrap()
        .iter()
        .find(|limit| limit["limit"].as_str().unwrap().contains("drained"))
        .cloned();
    assert!(drained.unwrap()["reason"].as_str().unwrap().contains("missing"), "{run}");
}

#[test]
fn a_fault_that_does_nothing_in_secret_leaves_every_kind_of_run_inconclusive() {
    let kinds = [
        "{grpc_status: {code: UNAVAILABLE}}",
        "{http_status: {status: 503}}",
        "{slow: {by: 100ms}}",
        "hang",
        "reset",
        "lost_answer",
    ];
    for kind in kinds {
        let set = format!("faults[0].fault={kind}");
        let run = drill("backend-down", &["--set", &set, "--disarm", "backend-down"]).expect(3);
        assert_eq!(run.ids("inconclusive"), ["never-bit"], "{kind}: {run}");
        assert!(run.ids("failure").is_empty(), "{kind}: {run}");
        assert_eq!(fault(&run)["touched"], 0, "{kind}");
    }
    let unknown = drill("backend-down", &["--disarm", "backend-up"]).expect(2);
    assert!(unknown.stderr.contains("the scenario has no such fault"), "{unknown}");
}

/// The collector's own exporter gives a request up after 10 s without an answer, and sends it again.
#[test]
fn what_a_target_sends_again_because_no_answer_came_is_explained() {
    let run = drill("backend-down", &["--set", "faults[0].fault=lost_answer", "--set", "faults[0].share=20%"]);
    assert_eq!(run.code, Some(1), "the drill wants nothing to come twice: {run}");
    assert!(run.ids("failure").is_empty(), "{run}");
    let repeated = run.spans("duplicated");
    assert!(repeated > 0 && run.spans("duplicated_explained") == repeated, "{run}");
    assert_eq!(run.spans("lost_acknowledged"), 0, "{run}");
    assert_eq!(run.ids("info"), ["duplicated-explained"], "{run}");
    assert_eq!(fault(&run)["takes"], true);
    let judged = run.then(&["judge", "out"]);
    assert_eq!(judged.code, Some(1), "the evidence knows as much: {judged}");
}

/// A repeat that no fault explains is a repeat, fault or not.
#[test]
fn a_repeat_beside_a_fault_is_not_explained_by_it() {
    let run = drill("backend-down", &["--plant", "duplicate-one-in=500"]).expect(1);
    assert_eq!(run.ids("failure"), ["duplicated"], "{run}");
    assert_eq!(run.spans("duplicated_explained"), 0, "{run}");
}

#[test]
fn resets_and_late_answers_are_survived_by_a_target_that_tries_again() {
    let kinds = [
        ("{reset: {error: REFUSED_STREAM}}", "resets the stream with REFUSED_STREAM"),
        ("{slow: {by: 300ms}}", "answers 300ms late"),
    ];
    for (kind, words) in kinds {
        let run = drill("backend-down", &["--set", &format!("faults[0].fault={kind}")]);
        expect_all_delivered(&run);
        assert!(fault(&run)["what"].as_str().unwrap().contains(words), "{run}");
    }
}

/// What OTLP and gRPC let a client send again, the collector does; what they do not, it drops at once, and either shows.
#[test]
fn a_real_collector_heeds_what_each_kind_of_fault_means() {
    let Some(target) = collector() else { return };
    let kinds = [
        ("{http_status: {status: 503}}", true),
        ("{http_status: {status: 500}}", false),
        ("{grpc_status: {code: INVALID_ARGUMENT}}", false),
        ("{grpc_status: {code: RESOURCE_EXHAUSTED}}", false),
        ("reset", true),
        ("{reset: {error: INTERNAL_ERROR}}", false),
        ("hang", true),
    ];
    std::thread::scope(|scope| {
        for half in [&kinds[..3], &kinds[3..]] {
            scope.spawn(|| half.iter().for_each(|(kind, comes_again)| check_kind(&target, kind, *comes_again)));
        }
    });
}

fn check_kind(target: &str, kind: &str, comes_again: bool) {
    let set = format!("faults[0].fault={kind}");
    let patient = ["--set", "collector.env.TIMEOUT=1s", "--set", "run.duration=5s", "--set", "faults[0].for=1s"];
    let run = drill("backend-down", &[&["--target", target, "--set", &set], &patient[..]].concat());
    assert!(fault(&run)["touched"].as_u64() > Some(0), "{kind}: {run}");
    if comes_again {
        return expect_all_delivered(&run);
    }
    let run = run.expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{kind}: {run}");
    assert_eq!(
        fault(&run)["spans"],
        run.spans("lost_acknowledged"),
        "{kind}: all that it touched, and nothing else: {run}"
    );
}

#[test]
fn a_brown_out_touches_its_share_of_the_requests() {
    let run = drill("brown-out", &["--set", "faults[0].for=4s"]);
    expect_all_delivered(&run);
    assert!(fault(&run)["what"].as_str().unwrap().ends_with("30% of requests"), "{run}");
}

/// Each drill against the real collector, and its badly configured twin, which must fail for the stated reason.
#[test]
fn drills_pass_with_a_real_collector_and_fail_with_its_badly_configured_twin() {
    let Some(target) = collector() else { return };
    let lost = "lost_acknowledged";
    let pairs = [
        ("backend-down", "RETRY=false", lost),
        ("brown-out", "RETRY=false", lost),
        ("flapping", "RETRY_FOR=2s", lost),
        ("throttled", "RETRY_FOR=2s", lost),
        ("slow-backend", "TIMEOUT=1s", "duplicated"),
    ];
    std::thread::scope(|scope| {
        for half in [&pairs[..2], &pairs[2..]] {
            scope.spawn(|| half.iter().for_each(|pair| check_pair(&target, pair)));
        }
    });
}

fn check_pair(target: &str, (name, twin, word): &(&str, &str, &str)) {
    let longer = match *name {
        "flapping" => &["--set", "faults[0].times=1", "--set", "faults[0].for=3s"][..],
        "throttled" => &["--set", "faults[0].for=4s"],
        "slow-backend" => &["--set", "faults[0].for=3s"],
        _ => &[],
    };
    expect_all_delivered(&drill(name, &[&["--target", target], longer].concat()));
    let set = format!("collector.env.{twin}");
    let run = drill(name, &[&["--target", target, "--set", &set], longer].concat()).expect(1);
    assert!(run.spans(word) > 0, "{name} with {twin}: {run}");
    if *word == "lost_acknowledged" {
        let [finding] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
        let place = finding["where"].as_str().unwrap();
        assert!(place.contains(&format!(" at `{name}`")) && !place.contains("never came"), "{place}\n{run}");
    } else {
        assert_eq!(run.spans("duplicated_explained"), run.spans("duplicated"), "{run}");
    }
}

#[test]
fn the_plan_says_what_will_be_broken_and_bad_faults_are_refused_before_anything_starts() {
    let planned = drill("flapping", &["--dry-run"]).expect(0);
    assert!(
        planned.stdout.contains("fault    flapping 0:01-0:03, 5 times, every 0:06: the sink refuses with UNAVAILABLE"),
        "{planned}"
    );
    let refused = drill("backend-down", &["--set", "faults[0].at=20s", "--set", "faults[0].share=0%"]).expect(2);
    assert!(refused.stderr.contains("the load has ended by then, after 6s"), "{refused}");
    assert!(refused.stderr.contains("this touches nothing, or more than all"), "{refused}");
    assert!(!refused.path("out").exists(), "nothing was started");
}
