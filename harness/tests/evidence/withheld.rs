//! Where driver or sink was the limit, exactly the checks that rest on time are open, and no percentile stands anywhere: not in a
//! file, not on the terminal, not in what is told while it goes on, not in what other commands make of it.
//!
//! How well driver and sink keep up is the machine's doing, so all but one of these runs get their conduct by hand: the
//! evidence of a real run is frozen again with it, the way a run freezes its own, and judged and rendered from there.

use crate::rig::{Rig, text, words};
use spanproof_harness::evidence::{self, Findings, Frozen};
use spanproof_harness::judge::evidence::Conduct;
use spanproof_reports::directory::write_latency_log;
use spanproof_reports::latency::LatencyRecorder;
use spanproof_reports::result::faults::Pause;
use spanproof_reports::result::latency::Series;
use std::process::Output;
use std::time::Duration;

/// A limit that rests on time. Its own text names a percentile, wherever it is repeated.
const LIMIT: &str = "latency.intended_to_delivered.p99 < 10s";

/// How a percentile is written.
const PERCENTILES: [&str; 12] = [
    "p50",
    "p90",
    "p95",
    "p99",
    "50th",
    "90th",
    "99th",
    "percentile",
    "Tag=",
    "tenth_ms",
    "nine_tenths_ms",
    "eight in ten",
];

/// A backend that sends requests away for a while.
const FAULT: &str = "\
faults:
  - {name: away, at: 100ms, for: 100ms, fault: {grpc_status: {code: UNAVAILABLE}}}
";

const KEPT_UP: Conduct =
    Conduct { late_share: 0.0, achieved_ratio: 1.0, driver_saturated: 0.0, sink_saturated: 0.0, late_at_most: None };

const LIMITED: [Conduct; 4] = [
    Conduct { late_share: 0.02, ..KEPT_UP },
    Conduct { achieved_ratio: 0.96, ..KEPT_UP },
    Conduct { driver_saturated: 0.3, ..KEPT_UP },
    Conduct { sink_saturated: 0.3, ..KEPT_UP },
];

/// Gives a finished run this conduct and figures that rest on time, and judges it again.
fn with_conduct(rig: &Rig, conduct: Conduct) -> Output {
    let mut frozen = evidence::read(&rig.directory).unwrap();
    frozen.course.conduct = conduct;
    frozen.course.limits.push(LIMIT.parse().unwrap());
    let log = invent_figures(&mut frozen);
    frozen.course.withhold();
    write_latency_log(&rig.directory, &frozen.course.document.latency, &log).unwrap();
    let Frozen { evidence: found, ledger, course, .. } = &frozen;
    let touched: Vec<_> = found.faults.iter().map(|fault| [fault.touched.clone(), fault.unanswered.clone()]).collect();
    let findings = Findings {
        rules: None,
        plan: &found.plan,
        fingerprint: course.document.fingerprint.as_deref().unwrap(),
        ledger,
        requests: &found.requests,
        corruptions: &found.corruptions,
        unexplained: found.unexplained,
        strangers: &found.strangers,
        instants: &frozen.instants,
        touched: &touched,
        foretold: found.foretold.as_ref().map(|foretold| [&foretold.lost, &foretold.open]),
        course,
    };
    evidence::write(&rig.directory, &findings).unwrap();
    rig.judge()
}

/// What a run measures, made up; gives the latency log.
fn invent_figures(frozen: &mut Frozen) -> String {
    let recorder = LatencyRecorder::new();
    for series in Series::ALL {
        recorder.lock(series).record(Duration::from_millis(300), Duration::from_millis(7), 5_000);
    }
    let document = &mut frozen.course.document;
    let recorded = recorder.finish(&document.epoch);
    document.latency = recorded.latency;
    let driver = document.driver.as_mut().unwrap();
    // As of a target without chance in its pauses, which is a finding of its own.
    for fault in document.faults.values_mut() {
        let pause = Pause { count: 40, tenth_ms: 100.0, half_ms: 101.0, nine_tenths_ms: 102.0 };
        fault.reactions.as_mut().unwrap().first_pause = Some(pause);
    }
    (driver.lateness_p50_ms, driver.lateness_p99_ms, driver.withheld) = (Some(0.1), Some(0.7), None);
    recorded.log
}

/// Where a percentile is named, all files of the run and the words of a command looked through.
fn places(rig: &Rig, output: &Output) -> Vec<String> {
    let mut texts = rig.texts();
    texts.push(("stdout".into(), text(output)));
    texts.push(("stderr".into(), String::from_utf8_lossy(&output.stderr).into_owned()));
    // Its random name may hold anything.
    let directory = rig.scenario.parent().unwrap().display().to_string();
    let named = texts.into_iter().flat_map(|(path, text)| {
        // A limit's own path says what was asked, not what was found. Markdown writes it with backslashes.
        let text = text.replace('\\', "").replace("latency.intended_to_delivered.p99", "").replace(&directory, "");
        let found = PERCENTILES.iter().filter(move |name| text.contains(**name));
        found.map(|name| format!("{name} in {}", path.display())).collect::<Vec<_>>()
    });
    named.collect()
}

fn limits(rig: &Rig) -> Vec<String> {
    let result = rig.result();
    result["limits"].as_array().unwrap().iter().map(|limit| limit["verdict"].as_str().unwrap().to_owned()).collect()
}

fn checks(rig: &Rig) -> Vec<String> {
    let result = rig.result();
    result["checks"].as_array().unwrap().iter().map(|check| check["verdict"].as_str().unwrap().to_owned()).collect()
}

/// Without this, the absence of percentiles elsewhere would prove nothing.
#[test]
fn a_run_that_kept_up_gives_its_percentiles_in_every_artefact() {
    let rig = Rig::finished(None, 0);
    let output = with_conduct(&rig, KEPT_UP);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(limits(&rig), ["pass", "pass"]);
    let places = places(&rig, &output);
    for artefact in ["result.json", "summary.md", "report.html", "run.json", "latency.hlog", "stdout"] {
        assert!(places.iter().any(|place| place.ends_with(artefact)), "{artefact}: {places:#?}");
    }
    let reported = self::places(&rig, &rig.report());
    assert!(reported.iter().any(|place| place.ends_with("stdout")), "{reported:#?}");
}

#[test]
fn a_run_whose_driver_or_sink_was_the_limit_has_exactly_its_limit_on_time_open_and_no_percentile() {
    for conduct in LIMITED {
        let rig = Rig::finished(None, 0);
        let output = with_conduct(&rig, conduct);
        assert_eq!(output.status.code(), Some(3), "{conduct:?}: {}", words(&output));
        assert_eq!(checks(&rig), ["pass", "pass", "pass"], "{conduct:?}");
        assert_eq!(limits(&rig), ["pass", "inconclusive"], "{conduct:?}");
        assert_eq!(places(&rig, &output), [""; 0], "{conduct:?}");
        assert!(text(&output).contains("withheld"), "{conduct:?}: {}", words(&output));
    }
}

/// How long a target waits before it sends again is told in shares of ten, which is another way to write percentiles.
#[test]
fn pauses_after_a_fault_are_told_where_the_harness_kept_up_and_nowhere_else() {
    let rig = Rig::finished_with(FAULT, 0);
    let output = with_conduct(&rig, KEPT_UP);
    let told = places(&rig, &output);
    for place in ["nine_tenths_ms in ", "eight in ten in stdout"] {
        assert!(told.iter().any(|one| one.starts_with(place)), "{place}: {told:#?}");
    }
    for conduct in LIMITED {
        let output = with_conduct(&rig, conduct);
        assert_eq!(output.status.code(), Some(3), "{conduct:?}: {}", words(&output));
        assert_eq!(places(&rig, &output), [""; 0], "{conduct:?}");
    }
}

/// Figures that somebody put back into the evidence of a run that had to withhold them are withheld again.
#[test]
fn a_judge_withholds_what_the_run_should_have() {
    let rig = Rig::finished(None, 0);
    with_conduct(&rig, KEPT_UP);
    let path = rig.evidence().join("run.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("p99_ms"));
    let saturated = text.replacen(r#""driver_saturated": "0.0""#, r#""driver_saturated": "0.5""#, 1);
    assert_ne!(saturated, text);
    std::fs::write(&path, saturated).unwrap();
    rig.reseal();
    let output = rig.judge();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    let told = places(&rig, &output);
    let elsewhere = |place: &&String| !place.ends_with("run.json") && !place.ends_with("latency.hlog");
    assert_eq!(told.iter().filter(elsewhere).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_loss_fails_all_the_same_and_brings_no_percentile_along() {
    let rig = Rig::finished(Some("drop-nth=500"), 1);
    let output = with_conduct(&rig, LIMITED[3]);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert_eq!(checks(&rig), ["fail", "pass", "pass"]);
    assert_eq!(limits(&rig), ["pass", "inconclusive"]);
    assert_eq!(places(&rig, &output), [""; 0]);
}

/// A client that may have one request under way, before a target that stands still most of the time, leaves most unsent.
#[test]
fn a_real_run_that_could_not_be_sent_in_time_leaves_no_percentile() {
    let rig = Rig::new();
    let changes = ["--set", "traffic.client.queue=1", "--plant=stall=400ms/500ms"];
    let output = rig.run_aloud(None).args(changes).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(" load ") && told.contains(" sent "), "no progress: {told}");
    assert_eq!(places(&rig, &output), [""; 0]);
    let plan = evidence::read(&rig.directory).unwrap().evidence.plan;
    let trace = plan.open(0).describe(&plan, 0).trace_id.map(|byte| format!("{byte:02x}")).concat();
    let shown = rig.show(&[&trace]);
    assert!(text(&shown).contains(&trace), "{}", words(&shown));
    for (output, exit) in [(rig.report(), 3), (rig.judge(), 3), (shown, 0)] {
        assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
        assert_eq!(places(&rig, &output), [""; 0], "{}", words(&output));
    }
}
