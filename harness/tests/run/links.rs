//! Faults of the ways to and from the target: what retries outlast costs nothing, what is lost is laid on them, and one that did nothing
//! proves nothing.

use crate::collector::collector;
use crate::rig::{Ended, spanproof};

/// Every kind, as it is written behind `link:`.
const KINDS: [&str; 17] = [
    "refuse",
    "reset",
    "black_hole",
    "{stall: {direction: downstream}}",
    "{stall: {direction: upstream}}",
    "{latency: {by: 100ms, jitter: 50ms}}",
    "{bandwidth: {per_second: 64KiB}}",
    "{half_close: {direction: downstream}}",
    "{truncate: {after: 10KiB}}",
    FLIPS,
    "goaway",
    "{goaway: {abrupt: true, error: ENHANCE_YOUR_CALM}}",
    "{reset_stream: {error: REFUSED_STREAM}}",
    "{max_streams: {streams: 1}}",
    "window_stall",
    "{settings_flood: {per_second: 200}}",
    "{ping_flood: {per_second: 200}}",
];

const FLIPS: &str = "{corrupt: {one_in: 10KiB, direction: upstream}}";

/// The first fault of a drill is one of a link instead, from 1 s to 3 s. Limits are off: repeats are explained here and not absent.
fn broken(target: &str, on: &str, kind: &str, more: &[&str]) -> Ended {
    let fault = format!("faults[0]={{name: cut, at: 1s, for: 2s, on: {on}, fault: {{link: {kind}}}}}");
    let short = ["--set", &fault, "--set", "run.duration=5s", "--set", "limits=[]"];
    let small = ["--quiet", "--out", "out", "--set", "traffic.workload.shop.pool_size=256", "--target", target];
    spanproof(&[&["run", "drills/backend-down"], &small[..], &short, more].concat())
}

/// What is told of the only fault.
fn fault(run: &Ended) -> serde_json::Value {
    run.result()["faults"]["cut"].clone()
}

/// All that was acknowledged came, and what came twice is explained.
#[track_caller]
fn expect_survived(run: &Ended, kind: &str) {
    assert!(matches!(run.code, Some(0 | 3)), "{kind}: {run}");
    assert!(run.ids("failure").is_empty() && run.ids("inconclusive").is_empty(), "{kind}: {run}");
    assert!(run.spans("acknowledged") > 2_000 && run.spans("lost_acknowledged") == 0, "{kind}: {run}");
    assert!(fault(run)["touched"].as_u64() > Some(0), "{kind}: {run}");
    run.expect_sound_ledger();
}

/// Runs some of the kinds at a time.
fn for_each_kind(check: impl Fn(&str) + Sync) {
    for some in KINDS.chunks(5) {
        std::thread::scope(|scope| {
            for kind in some {
                scope.spawn(|| check(kind));
            }
        });
    }
}

#[test]
fn a_link_to_the_sink_that_breaks_is_survived_and_told() {
    let run = broken("embedded", "egress", "black_hole", &[]);
    expect_survived(&run, "black_hole");
    let told = fault(&run);
    assert_eq!(
        (&told["link"], &told["what"]),
        (&"egress".into(), &"the link to the sink takes connections and lets nothing through".into())
    );
    assert!(told["first_seconds"].as_f64() >= Some(1.0) && told["last_seconds"].as_f64() < Some(3.2), "{told}");
    // What came between the beginning of its time and its first bite, came.
    let bit_at_once = told["first_seconds"].as_f64() < Some(1.005);
    let came = told["during"]["latency"].get("intended_to_delivered").is_some();
    assert!(!(bit_at_once && came), "nothing came meanwhile: {told}");
    assert!(told["recovery"]["drained_seconds"].as_f64() > Some(0.0), "{told}");
    assert!(run.stdout.contains("fault    cut: touched 1 connection"), "{run}");
    let events = run.artefact("events.ndjson");
    assert!(events.contains("cut begins: the link to the sink takes connections") && events.contains("cut has ended"));
}

#[test]
fn what_a_target_gives_up_while_its_link_is_broken_is_laid_on_it() {
    let run = broken("embedded", "egress", "reset", &["--set", "target.embedded.retry.enabled=false"]);
    assert_eq!((run.code, run.ids("failure")), (Some(1), vec!["lost-acknowledged".to_owned()]), "{run}");
    let [lost] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    let count = spanproof_reports::figures::count(run.spans("lost_acknowledged"));
    assert_eq!(
        lost["where"],
        format!("inside the target while a link was broken or not yet connected again: {count} at `cut`"),
        "{run}"
    );
}

/// A defect that bites long before the link breaks is none of its.
#[test]
fn a_loss_that_has_nothing_to_do_with_the_link_is_not_laid_on_it() {
    let late = ["--set", "faults[0].at=4500ms", "--set", "faults[0].for=400ms", "--plant", "drop-nth=1000"];
    let run = broken("embedded", "egress", "black_hole", &late);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"], "{run}");
    let place = run.findings_of("lost-acknowledged")[0]["where"].clone();
    assert_eq!(place, "between the target's answer and the sink", "{run}");
}

#[test]
fn a_link_to_the_target_that_breaks_costs_nothing_that_was_acknowledged() {
    let again = ["--set", "traffic.client.retry={enabled: true}", "--set", "traffic.client.timeout=1s"];
    for kind in ["reset", "black_hole", "{latency: {by: 50ms}}", "{goaway: {abrupt: true}}"] {
        let run = broken("embedded", "ingress", kind, &again);
        expect_survived(&run, kind);
        assert_eq!(fault(&run)["link"], "ingress", "{kind}");
    }
}

#[test]
fn a_link_fault_that_does_nothing_in_secret_is_inconclusive_whatever_it_is() {
    for_each_kind(|kind| {
        let run = broken("embedded", "egress", kind, &["--disarm", "cut"]);
        assert_eq!((run.code, run.ids("inconclusive")), (Some(3), vec!["never-bit".to_owned()]), "{kind}: {run}");
        assert_eq!(fault(&run)["touched"], 0, "{kind}");
    });
}

#[test]
fn a_real_collector_loses_nothing_over_a_link_that_breaks_in_whatever_way() {
    let Some(target) = collector() else { return };
    for_each_kind(|kind| match kind {
        FLIPS => {}
        _ => expect_survived(&broken(&target, "egress", kind, &[]), kind),
    });
}

/// Without TLS nothing notices a flipped bit on the way: what can be read is taken as it is, and what cannot is refused, for good.
#[test]
fn bits_that_are_flipped_on_the_way_show_as_what_they_are() {
    let Some(target) = collector() else { return };
    let run = broken(&target, "egress", FLIPS, &[]).expect(1);
    let found = run.ids("failure");
    assert!(found.contains(&"corrupted".to_owned()), "{run}");
    let possible = ["corrupted", "lost-acknowledged", "invented", "foreign", "malformed", "duplicated"];
    assert!(found.iter().all(|id| possible.contains(&id.as_str())), "{run}");
    assert!(fault(&run)["touched"].as_u64() > Some(0), "{run}");
    run.expect_sound_ledger();
}
