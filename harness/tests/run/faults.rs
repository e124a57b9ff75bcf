//! Faults at the sink: what a good target does about them passes, what a bad one does fails for the stated reason, and a fault that
//! did nothing proves nothing.

use crate::collector::collector;
use crate::rig::{Ended, spanproof, start};
use rustix::process::Signal;
use std::time::{Duration, Instant};

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
    assert!(figure("/touched") > 10.0 && figure("/signs") >= figure("/touched"), "{told}");
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
    let expected = format!("not taken by the sink, and not sent again: {count} at `backend-down`");
    assert_eq!(place, expected, "every lost span was in a request that the sink refused");
    assert_eq!(lost["try"], "`target.embedded.retry.enabled` false -> true: `backend-down` lasts 2s", "{lost}");
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
        "{lost_answer: {after_headers: true}}",
        "{partial_success: {rejected: 3}}",
        "{poison: {one_in: 100}}",
        "{broken_answer: {shape: garbage}}",
        "discard",
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

/// What a partial success rejects is lost, span by span, and what came with it is not.
#[test]
fn what_a_partial_success_rejects_is_lost_there_and_nothing_else_is() {
    let run = drill("backend-down", &["--set", "faults[0].fault={partial_success: {rejected: 2}}"]).expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    let told = fault(&run);
    let (touched, spans) = (told["touched"].as_u64().unwrap(), told["spans"].as_u64().unwrap());
    assert!(spans > touched && spans <= 2 * touched, "one or two of each: {told}");
    assert_eq!((spans, told["signs"].as_u64()), (run.spans("lost_acknowledged"), Some(touched)));
    assert_eq!(run.spans("duplicated"), 0, "{run}");
    // More than there are takes nothing, less than none takes all.
    let nothing = drill("backend-down", &["--set", "faults[0].fault={partial_success: {rejected: 1000000}}"]).expect(1);
    let told = fault(&nothing);
    assert_eq!(told["spans"], nothing.spans("lost_acknowledged"));
    assert!(told["spans"].as_u64() > Some(1000), "{nothing}");
    let all = drill("backend-down", &["--set", "faults[0].fault={partial_success: {rejected: -3}}"]);
    assert_eq!((all.spans("delivered"), all.spans("duplicated")), (all.spans("planned"), 0), "{all}");
    assert_eq!(fault(&all)["spans"], 0);
}

#[test]
fn what_the_sink_throws_away_is_lost_as_declared_and_no_other_span_is() {
    let run = drill("backend-down", &["--set", "faults[0].fault=discard", "--set", "faults[0].share=10%"]);
    assert!(run.ids("failure").is_empty(), "{run}");
    assert_eq!(run.ids("info"), ["lost-declared"], "{run}");
    let lost = run.spans("lost_declared");
    assert_eq!((fault(&run)["spans"].as_u64(), run.spans("lost_acknowledged")), (Some(lost), 0), "{run}");
    assert_eq!(lost + run.spans("delivered"), run.spans("planned"), "{run}");
    let place = &run.findings_of("lost-declared")[0]["where"];
    let expected = format!("thrown away by the sink, which had said OK: {}", spanproof_reports::figures::count(lost));
    assert_eq!(place, expected.as_str());
    run.expect_sound_ledger();
}

/// One rotten apple costs its request; what travels in others is not touched, and nobody tries for ever.
#[test]
fn a_poisoned_span_costs_the_requests_that_it_is_in_and_no_others() {
    let always = ["--set", "faults[0].at=0s", "--set", "faults[0].for=6s"];
    let poison = ["--set", "faults[0].fault={poison: {one_in: 500}}"];
    let run = drill("backend-down", &[&poison[..], &always].concat()).expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    let told = fault(&run);
    assert_eq!(told["spans"], run.spans("lost_acknowledged"), "{run}");
    let share = run.spans("lost_acknowledged") as f64 / run.spans("planned") as f64;
    assert!((0.01..0.6).contains(&share), "{share}");
    assert!(told["what"].as_str().unwrap().ends_with("what has a poisoned span, one span in 500"), "{told}");
}

#[test]
fn a_share_of_connections_and_one_that_rises_are_told_and_kept() {
    let connections = ["--set", "faults[0].share=50%", "--set", "faults[0].share_of=connections"];
    let rising = ["--set", "faults[0].share=0%", "--set", "faults[0].share_to=100%"];
    for (reach, words) in [(connections, "50% of connections"), (rising, "0% of requests and in the end 100%")] {
        let run = drill("backend-down", &reach);
        assert!(fault(&run)["what"].as_str().unwrap().ends_with(words), "{run}");
        assert_eq!(run.spans("delivered"), run.spans("planned"), "{run}");
    }
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

/// A repeat that no fault explains is a repeat, also of what a fault has touched: the target had its answer.
#[test]
fn a_repeat_beside_a_fault_is_not_explained_by_it() {
    for fault in ["{grpc_status: {code: UNAVAILABLE}}", "{slow: {by: 100ms}}"] {
        let set = format!("faults[0].fault={fault}");
        let run = drill("backend-down", &["--set", &set, "--plant", "duplicate-one-in=200"]).expect(1);
        assert_eq!(run.ids("failure"), ["duplicated"], "{fault}: {run}");
        assert_eq!(run.spans("duplicated_explained"), 0, "{fault}: {run}");
    }
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

/// The collector's HTTP exporter sends again what was taken with an answer that it cannot read: docs/findings.md. Should this fail
/// with a newer one, it behaves, and the finding is history.
#[test]
fn a_known_failure_over_http_is_still_there() {
    let Some(target) = collector() else { return };
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/examples/unreadable-answer.yaml");
    let run = spanproof(&["run", example, "--quiet", "--out", "out", "--target", &target]).expect(1);
    assert_eq!(run.ids("failure"), ["duplicated"], "{run}");
    let repeated = run.spans("duplicated");
    assert!(repeated > 500 && run.spans("duplicated_explained") == 0, "{run}");
    assert_eq!(fault(&run)["spans"], repeated, "all that was answered so, and nothing else: {run}");
    assert_eq!(run.spans("lost_acknowledged"), 0, "{run}");
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
        ("link-down", "RETRY=false", lost),
        ("brown-out", "RETRY=false", lost),
        ("flapping", "RETRY_FOR=2s", lost),
        ("throttled", "RETRY_FOR=2s", lost),
        ("slow-backend", "TIMEOUT=1s", "duplicated"),
    ];
    std::thread::scope(|scope| {
        for half in [&pairs[..3], &pairs[3..]] {
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
        let count = spanproof_reports::figures::count(run.spans(word));
        assert!(place.contains(&format!("{count} at `{name}`")), "{place}\n{run}");
    } else {
        assert_eq!(run.spans("duplicated_explained"), run.spans("duplicated"), "{run}");
    }
}

#[test]
fn the_plan_says_what_will_be_broken_and_bad_faults_are_refused_before_anything_starts() {
    let planned = drill("flapping", &["--dry-run", "--set", "run.duration=40s"]).expect(0);
    assert!(
        planned.stdout.contains("fault    flapping 0:01-0:03, 5 times, every 0:06: the sink refuses with UNAVAILABLE"),
        "{planned}"
    );
    let refused = drill("backend-down", &["--set", "faults[0].at=20s", "--set", "faults[0].share=0%"]).expect(2);
    assert!(refused.stderr.contains("the load has ended by then, after 6s"), "{refused}");
    assert!(refused.stderr.contains("this touches nothing, or more than all"), "{refused}");
    assert!(!refused.path("out").exists(), "nothing was started");
}

/// A drill in which something happens to the target, shortened: the backend is away from 1 s to 5 s where it is at all.
fn drill_of_target(name: &str, target: &str, more: &[&str]) -> Ended {
    let during_outage = ["--set", "faults[0].for=4s", "--set", "faults[1].at=3s", "--set", "faults[1].for=1s"];
    let alone = ["--set", "faults[0].for=2s"];
    let of_target = if name.starts_with("kill") { &during_outage[..] } else { &alone[..] };
    let longer = ["--target", target, "--set", "run.duration=8s"];
    drill(name, &[&longer[..], of_target, more].concat())
}

#[test]
fn a_queue_in_memory_dies_with_a_killed_collector_as_declared_and_no_other_span_is_lost() {
    let Some(target) = collector() else { return };
    let run = drill_of_target("kill-memory", &target, &[]).expect(0);
    assert!(run.spans("lost_declared") > 1000, "what came during two seconds of outage was inside: {run}");
    assert_eq!(run.spans("lost_declared") + run.spans("delivered"), run.spans("planned"), "{run}");
    assert_eq!(run.ids("info"), ["lost-declared"], "{run}");
    run.expect_sound_ledger();
    let killed = &run.result()["faults"]["killed"];
    assert_eq!((&killed["touched"], &killed["signs"], &killed["of_target"]), (&1.into(), &1.into(), &true.into()));
    let events = run.artefact("events.ndjson");
    assert!(events.contains("killed begins: the target was killed, and ended with signal 9"), "{events}");
    assert!(events.contains("killed has ended: the target is ready again"), "{events}");
    // Who promises a disk and has none is told where the spans were lost.
    let promising = drill_of_target("kill-memory", &target, &["--set", "collector.guarantee=disk"]).expect(1);
    let [lost] = &promising.findings_of("lost-acknowledged")[..] else { panic!("{promising}") };
    let count = spanproof_reports::figures::count(promising.spans("lost_acknowledged"));
    let place = lost["where"].as_str().unwrap();
    assert!(place.starts_with(&format!("inside when the target was killed: {count}")), "{place}");
    assert!(lost["try"].as_str().unwrap().starts_with("a queue on disk"), "{lost}");
    assert!(promising.result()["warnings"].to_string().contains("guarantee `disk` cannot hold"), "{promising}");
    let judged = promising.then(&["judge", "out"]).expect(1);
    assert!(judged.stdout.contains("lost-acknowledged") || judged.stdout.contains("lost_acknowledged"), "{judged}");
}

/// What the backend refused for good the collector has dropped, and a kill soon after is no excuse for that.
#[test]
fn a_kill_excuses_nothing_that_was_lost_before_it() {
    let Some(target) = collector() else { return };
    let refused = "{name: refused, at: 1s, for: 1s, fault: {grpc_status: {code: INVALID_ARGUMENT}}}";
    let faults = format!("faults=[{refused}, {{name: killed, at: 2500ms, for: 1s, fault: kill}}]");
    let of_it = ["run", "drills/kill-memory", "--quiet", "--out", "out", "--target", &target, "--set", &faults];
    let run = spanproof(
        &[&of_it[..], &["--set", "run.duration=5s", "--set", "limits=[spans.lost_acknowledged == 0]"]].concat(),
    );
    let run = run.expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    let touched = run.result()["faults"]["refused"]["spans"].as_u64().unwrap();
    assert!(run.spans("lost_acknowledged") == touched && run.spans("lost_declared") < touched / 2, "{run}");
}

/// However short the settling, a target that is down is started again first.
#[test]
fn settling_begins_when_the_last_fault_has_ended() {
    let Some(target) = collector() else { return };
    let faults = "faults=[{name: killed, at: 1s, for: 4s, fault: kill}]";
    let of_it = ["run", "drills/kill-disk", "--quiet", "--out", "out", "--target", &target, "--set", faults];
    let short =
        ["--set", "run.duration=2s", "--set", "run.settle=3s", "--set", "limits=[spans.lost_acknowledged == 0]"];
    let run = spanproof(&[&of_it[..], &short].concat()).expect(0);
    assert_eq!(run.spans("delivered"), run.spans("planned"), "{run}");
}

#[test]
fn a_queue_on_disk_outlives_a_killed_collector_and_its_twin_in_memory_does_not() {
    let Some(target) = collector() else { return };
    let run = drill_of_target("kill-disk", &target, &[]);
    expect_all_delivered(&run);
    assert_eq!(run.spans("duplicated"), run.spans("duplicated_explained"), "{run}");
    let twin = drill_of_target("kill-disk", &target, &["--set", "collector.env.STORAGE=\"\""]).expect(1);
    assert_eq!(twin.ids("failure"), ["lost-acknowledged"], "{twin}");
}

#[test]
fn a_collector_that_stands_still_or_restarts_loses_nothing_and_its_twins_do() {
    let Some(target) = collector() else { return };
    expect_all_delivered(&drill_of_target("frozen", &target, &[]));
    let hasty = ["--set", "traffic.client.timeout=1s", "--set", "traffic.client.retry.enabled=false"];
    let run = drill_of_target("frozen", &target, &hasty).expect(1);
    assert!(run.spans("unknown") > 0 && run.spans("lost_acknowledged") == 0, "{run}");
    let once = ["--set", "faults[0].times=1", "--set", "faults[0].for=1s"];
    expect_all_delivered(&drill_of_target("restart", &target, &once));
    let backend_down = "{name: backend-down, at: 500ms, for: 3s, fault: {grpc_status: {code: UNAVAILABLE}}}";
    let killed = format!("faults=[{{name: restart, at: 2s, for: 1s, fault: kill}}, {backend_down}]");
    let killed = ["run", "drills/restart", "--quiet", "--out", "out", "--target", &target, "--set", &killed];
    let twin = ["--set", "run.duration=6s", "--set", "collector.guarantee=sync"];
    let run = spanproof(&[&killed[..], &twin].concat()).expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
}

#[test]
fn a_collector_that_reads_its_configuration_again_loses_nothing_but_its_queue_in_an_outage() {
    let Some(target) = collector() else { return };
    let run = drill_of_target("reload", &target, &["--set", "faults[0].at=3s"]);
    expect_all_delivered(&run);
    let reload = &run.result()["faults"]["reload"];
    assert_eq!((&reload["touched"], &reload["signs"]), (&1.into(), &1.into()), "{run}");
    let events = run.artefact("events.ndjson");
    assert!(events.contains("reload has ended: the target had closed its receivers and opened them again"), "{events}");
    let outage = "{name: backend-down, at: 2s, for: 4s, fault: {grpc_status: {code: UNAVAILABLE}}}";
    let faults = format!("faults=[{{name: reload, at: 3s, for: 2s, fault: reload}}, {outage}]");
    let twin = ["run", "drills/reload", "--quiet", "--out", "out", "--target", &target, "--set", &faults];
    let twin = spanproof(&[&twin[..], &["--set", "run.duration=8s"]].concat()).expect(1);
    assert_eq!(twin.ids("failure"), ["lost-acknowledged"], "{twin}");
}

#[test]
fn a_collector_that_runs_for_a_tenth_of_the_time_loses_nothing_and_clients_without_patience_give_up() {
    let Some(target) = collector() else { return };
    let run = drill_of_target("short-of-cpu", &target, &[]);
    expect_all_delivered(&run);
    let starved = &run.result()["faults"]["starved"];
    assert_eq!((&starved["touched"], &starved["signs"]), (&1.into(), &1.into()), "{run}");
    let hasty = ["--set", "traffic.client.timeout=50ms", "--set", "traffic.client.retry.enabled=false"];
    let twin = drill_of_target("short-of-cpu", &target, &hasty).expect(1);
    assert!(twin.spans("unknown") > 0 && twin.spans("lost_acknowledged") == 0, "{twin}");
}

#[test]
fn a_collector_without_descriptors_goes_on_when_it_has_some_again_and_its_twin_has_dropped_what_came() {
    let Some(target) = collector() else { return };
    let soon = ["--set", "faults[0].at=2s", "--set", "faults[1].at=2500ms"];
    let run = drill_of_target("descriptors", &target, &soon);
    expect_all_delivered(&run);
    let exhausted = &run.result()["faults"]["exhausted"];
    assert_eq!((&exhausted["touched"], &exhausted["signs"]), (&1.into(), &1.into()), "{run}");
    let twin = drill_of_target("descriptors", &target, &[&soon[..], &["--set", "collector.env.RETRY=false"]].concat());
    let twin = twin.expect(1);
    assert_eq!(twin.ids("failure"), ["lost-acknowledged"], "{twin}");
}

#[test]
fn a_fault_of_the_target_that_does_nothing_in_secret_is_inconclusive() {
    let Some(target) = collector() else { return };
    for kind in ["freeze", "kill", "terminate", "{cpu: {share: 20%}}", "descriptors", "reload"] {
        let set = format!("faults[0].fault={kind}");
        let run = drill_of_target("frozen", &target, &["--set", &set, "--disarm", "frozen"]).expect(3);
        assert_eq!(run.ids("inconclusive"), ["never-bit"], "{kind}: {run}");
    }
}

/// SIGKILL of ours while the collector is stopped leaves nothing stopped.
#[test]
fn a_run_that_is_killed_while_its_target_stands_still_leaves_nothing_behind() {
    let Some(target) = collector() else { return };
    let of_it = ["run", "drills/frozen", "--out", "out", "--target", &target];
    let long = ["--set", "faults[0].at=500ms", "--set", "faults[0].for=1m", "--set", "run.duration=90s"];
    let mut run = start(&[&of_it[..], &long].concat());
    let stopped = run.wait_until("a stopped collector", |run| {
        let pids = spanproof_harness::resources::descendants(run.pid()).unwrap();
        pids.into_iter().find(|pid| state(*pid) == Some('T'))
    });
    run.signal(Signal::KILL);
    let killed = Instant::now();
    while state(stopped).is_some() {
        assert!(killed.elapsed() < Duration::from_secs(5), "collector {stopped} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The state of a process as the kernel names it; `None` when it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next().filter(|state| *state != 'Z')
}

#[test]
fn an_interrupted_run_lets_its_target_go_on_and_stops_it_in_good_order() {
    let Some(target) = collector() else { return };
    let of_it = ["run", "drills/frozen", "--quiet", "--out", "out", "--target", &target];
    let long = ["--set", "faults[0].at=500ms", "--set", "faults[0].for=1m", "--set", "run.duration=90s"];
    let mut run = start(&[&of_it[..], &long].concat());
    run.wait_until("a stopped collector", |run| {
        spanproof_harness::resources::descendants(run.pid()).unwrap().into_iter().find(|pid| state(*pid) == Some('T'))
    });
    run.signal(Signal::INT);
    let run = run.wait().expect(130);
    assert_eq!(run.result()["target"]["exit"]["code"], 0, "{run}");
}

#[test]
fn a_target_that_is_not_ours_is_not_touched() {
    for (target, words) in [
        (&["--target", "embedded"][..], "the embedded target has no process of its own"),
        (
            &["--target", "external", "--endpoint", "http://127.0.0.1:1", "--sink-grpc", "127.0.0.1:0"],
            "an external target is somebody else's process",
        ),
    ] {
        let run = spanproof(&[&["run", "drills/kill-memory", "--dry-run"], target].concat()).expect(2);
        assert!(run.stderr.contains(words) && run.stderr.contains("--target process:"), "{run}");
    }
}
