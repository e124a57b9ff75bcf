//! What a collector that does everything right looks like.

use crate::rig::{Ended, quickstart, small, spanproof, start, start_in};
use serde_json::Value;
use tempfile::TempDir;

/// Fields that every result has, by JSON pointer.
const FIELDS: [&str; 23] = [
    "/schema",
    "/verdict",
    "/scenario/name",
    "/seed",
    "/run_tag",
    "/epoch",
    "/duration_seconds",
    "/fingerprint",
    "/ledger/spans/planned",
    "/ledger/traces/planned",
    "/latency",
    "/checks/0/id",
    "/checks/0/verdict",
    "/checks/0/findings",
    "/driver/cpu_seconds",
    "/driver/achieved_ratio",
    "/sink/cpu_seconds",
    "/sink/requests",
    "/target/kind",
    "/target/cpu_seconds",
    "/settle/planned_seconds",
    "/settle/ended",
    "/command",
];

const COUNTS: [&str; 20] = [
    "planned",
    "not_sent",
    "sent",
    "acknowledged",
    "refused",
    "unknown",
    "delivered",
    "recovered",
    "refused_delivered",
    "duplicated",
    "duplicated_explained",
    "lost_acknowledged",
    "lost_unknown",
    "lost_refused",
    "lost_declared",
    "corrupted",
    "invented",
    "foreign",
    "late",
    "sampled_out",
];

/// Exit 0, everything delivered once and intact, every field and every artefact there.
#[track_caller]
pub fn expect_pass(run: Ended) -> Ended {
    let run = run.expect(0);
    let result = run.result();
    assert_eq!(result["schema"], "spanproof.result/1");
    assert_eq!(result["verdict"], "pass");
    assert_eq!(result["status"]["state"], "complete");
    for field in FIELDS {
        assert!(result.pointer(field).is_some_and(|value| !value.is_null()), "{field} is missing");
    }
    let counts = COUNTS.map(|word| (word, run.spans(word)));
    let planned = run.spans("planned");
    for (word, count) in counts {
        let all = ["planned", "sent", "acknowledged", "delivered"].contains(&word);
        assert_eq!(count, if all { planned } else { 0 }, "{word}");
    }
    assert!(planned > 0);
    run.expect_sound_ledger();
    assert!(run.ids("failure").is_empty() && run.ids("inconclusive").is_empty());
    expect_latencies(&result, planned);
    expect_artefacts(&run);
    run
}

/// Every series counts every span, or says why it is withheld: a busy machine is no reason to fail a test.
fn expect_latencies(result: &Value, planned: u64) {
    let driver = &result["driver"];
    assert_ne!(driver["lateness_p99_ms"].is_number(), driver["withheld"].is_string(), "one or the other: {driver}");
    for series in ["intended_to_acknowledged", "actual_to_acknowledged", "intended_to_delivered"] {
        let found = &result["latency"][series];
        if found["withheld"].is_string() {
            assert!(found.get("p99_ms").is_none(), "{series} is withheld and has figures");
            continue;
        }
        let measured = result.pointer("/timeline").is_some() && found["count"].as_u64() == Some(planned);
        assert!(measured, "{series}: {found}");
        assert!(found["p50_ms"].as_f64() <= found["p99_ms"].as_f64());
        assert!(found["p99_ms"].as_f64() <= found["max_ms"].as_f64());
    }
}

fn expect_artefacts(run: &Ended) {
    assert!(run.artefact("latency.hlog").starts_with('#'));
    for line in run.artefact("events.ndjson").lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["kind"].is_string() && event["message"].is_string(), "{line}");
    }
    assert!(run.artefact("summary.md").contains("PASS"));
    let junit = run.artefact("junit.xml");
    assert!(junit.contains("<testsuites") && junit.contains(r#"failures="0""#), "{junit}");
    let report = run.artefact("report.html");
    assert!(report.contains("</html>") && !report.contains("src=\"http"), "a page of its own");
    let lines = run.stdout.lines().count();
    assert!((1..=40).contains(&lines), "the block at the end has {lines} lines");
    assert!(run.stdout.contains("PASS"), "{run}");
}

#[test]
fn a_clean_run_over_grpc_with_spans_by_service_passes() {
    let run = expect_pass(quickstart(&[]));
    assert!(run.spans("planned") >= 20_000);
    assert!(run.result()["driver"]["connections"].as_u64().unwrap() > 1, "services have their own connections");
    assert_eq!(run.result()["target"]["kind"], "embedded");
}

#[test]
fn a_clean_run_of_whole_traces_over_http_with_gzip_passes() {
    expect_pass(spanproof(&small("http-gzip", &["--set", "traffic.packing=whole-traces"])));
}

#[test]
fn a_collector_that_writes_fields_in_descending_order_passes() {
    expect_pass(quickstart(&["--set", "target.embedded.encoding_order=descending"]));
}

#[test]
fn poisson_bursts_with_retry_and_every_anomaly_pass() {
    let names = ["service_name_missing", "service_name_empty", "service_name_blank", "service_name_unknown"];
    let others = ["parent_missing", "new_root", "trace_id_changed", "trace_id_padded", "error_trace", "health_check"];
    let all: Vec<String> = names
        .iter()
        .chain(&others)
        .flat_map(|name| ["--set".to_owned(), format!("traffic.anomalies.{name}=5%")])
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let run = expect_pass(spanproof(&small("bursts", &all)));
    let result = run.result();
    let strata = result["ledger"]["strata"].as_object().unwrap();
    for name in names.iter().chain(&others) {
        assert!(strata[*name].as_u64().unwrap() > 0, "no trace of {name}: {strata:?}");
    }
}

#[test]
fn the_same_seed_makes_the_same_plan_under_another_tag_and_another_seed_another() {
    let run = |seed| {
        let run = quickstart(&["--set", "run.spans=3000", "--seed", seed]).expect(0);
        let result = run.result();
        ["fingerprint", "run_tag"].map(|field| result[field].as_str().unwrap().to_owned())
    };
    let ([first, first_tag], [again, again_tag], [other, _]) = (run("11"), run("11"), run("12"));
    assert_eq!(first, again);
    assert_ne!(first_tag, again_tag);
    assert_ne!(first, other);
}

#[test]
fn the_result_is_one_json_document_on_stdout_when_asked_for() {
    let run = quickstart(&["--set", "run.spans=3000", "--format", "json"]).expect(0);
    let printed: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(printed, run.result());
    assert_eq!(run.stderr, "", "asked to be quiet");
}

#[test]
fn what_happened_is_told_in_order() {
    let run = quickstart(&["--set", "traffic.rate=10000"]).expect(0);
    let events = run.artefact("events.ndjson");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let wanted = ["plan", "target", "target", "load", "delivery", "load", "settle", "target", "verdict"];
    assert_eq!(kinds, wanted, "{events:#?}");
    let times: Vec<f64> = events.iter().map(|event| event["at_seconds"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] < 0.0, "the plan comes before the run's epoch: {times:?}");
    assert_eq!(events[0]["fields"]["spans"], run.spans("planned"));
    assert_eq!((&events[0]["fields"]["seed"], &events[8]["fields"]["verdict"]), (&7.into(), &"pass".into()));
}

#[test]
fn results_go_below_spanproof_runs_under_name_seed_and_time_and_the_last_run_is_found_wherever_it_went() {
    let mut arguments = small("quickstart", &["--set", "run.spans=3000", "--seed", "11", "--format", "json"]);
    let elsewhere = arguments.clone();
    arguments.retain(|argument| !["--out", "out"].contains(argument));
    let seed = |run: &Ended| serde_json::from_str::<Value>(&run.stdout).unwrap()["seed"].clone();
    let run = spanproof(&arguments).expect(0);
    let entries = std::fs::read_dir(run.path("spanproof-runs")).unwrap().map(|entry| entry.unwrap().file_name());
    let entries: Vec<_> = entries.filter(|name| name != "last").collect();
    let [name] = &entries[..] else { panic!("{entries:?}") };
    let time = name.to_str().unwrap().strip_prefix("quickstart-11-").unwrap();
    assert!(time.len() == "20260101T000000Z".len() && time.ends_with('Z'), "{time}");
    let again = run.then(&["report", "--format", "json"]).expect(0);
    assert_eq!(seed(&again), 11);

    let mut elsewhere = elsewhere;
    let at = elsewhere.iter().position(|argument| *argument == "11").unwrap();
    elsewhere[at] = "12";
    let other = again.then(&elsewhere).expect(0);
    let last = other.then(&["report", "--format", "json"]).expect(0);
    assert_eq!(seed(&last), 12, "what went elsewhere is the last run, too");
    let judged = last.then(&["judge", "--format", "json"]).expect(0);
    assert_eq!(seed(&judged), 12);
    let shown = judged.then(&["show", "00000000000000000000000000000000"]).expect(0);
    assert!(shown.stdout.contains("foreign"), "{shown}");

    std::fs::rename(shown.path("out"), shown.path("renamed")).unwrap();
    let newest = shown.then(&["report", "--format", "json"]).expect(0);
    assert_eq!(seed(&newest), 11);
    assert!(newest.stderr.contains("the last run was in out, which is gone; taking the newest"), "{newest}");
    std::fs::remove_dir_all(newest.path("spanproof-runs").join(name)).unwrap();
    for command in [&["report"][..], &["judge"], &["show", "12"]] {
        let none = start_in(copied(&newest), command, &[]).wait().expect(2);
        assert!(none.stderr.contains("the last run was in out, which is gone, and there is no other"), "{none}");
    }
}

/// Another folder with the same memory of the last run.
fn copied(run: &Ended) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("spanproof-runs")).unwrap();
    std::fs::copy(run.path("spanproof-runs/last"), folder.path().join("spanproof-runs/last")).unwrap();
    folder
}

/// Shapes are encoded as they are made: all of them as a model would take some 300 MB more.
#[test]
fn a_plan_takes_little_more_memory_than_its_shapes_encoded() {
    let mut run = start(&["run", "quickstart", "--dry-run"]);
    let mut peak_kib = 0;
    // The peak only ever grows, and the last look is milliseconds before the end.
    run.watch_until_it_ends(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak_kib = peak_kib.max(line.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0));
    });
    run.wait().expect(0);
    assert!((10_000..220_000).contains(&peak_kib), "{peak_kib} KiB");
}

/// Where the embedded target's memory is limited, nothing is passed over in silence.
#[test]
fn a_limit_on_the_memory_of_the_embedded_target_is_open_and_says_so_before_and_after() {
    let limit = ["--set", "limits=[target.memory.peak < 450MiB]", "--set", "run.spans=3000"];
    let words = ["cannot be judged", "shares the process of spanproof", "--target process"];
    let planned = quickstart(&[&limit[..], &["--dry-run"]].concat()).expect(0);
    let run = quickstart(&limit).expect(3);
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(plain(&planned.stdout).contains(word), "{word}\n{planned}");
        assert!(run.artefact("summary.md").contains(word), "{word}\n{run}");
    }
    let reason = run.result()["limits"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("--target process"), "{reason}");
}

#[test]
fn a_finished_run_is_rendered_again_as_it_was() {
    let run = quickstart(&["--set", "run.spans=3000"]).expect(0);
    let pages = ["summary.md", "junit.xml", "report.html", "result.json"];
    let before = pages.map(|page| run.artefact(page));
    let out = run.path("out");
    std::fs::remove_file(out.join("report.html")).unwrap();
    std::fs::write(out.join("summary.md"), "changed").unwrap();
    let again = spanproof(&["report", out.to_str().unwrap()]).expect(0);
    assert_eq!(pages.map(|page| run.artefact(page)), before);
    let without_path =
        |text: &str| text.lines().filter(|line| !line.contains("report.html")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_path(&again.stdout), without_path(&run.stdout));
}

/// On a terminal there are colours, unless `NO_COLOR` is set.
#[test]
fn colours_are_for_terminals_and_for_those_who_want_them() {
    let run =
        quickstart(&["--set", "run.spans=3000", "--plant", "drop-one-in=100", "--set", "run.settle=1s"]).expect(1);
    let out = run.path("out");
    assert!(!run.stdout.contains('\u{1b}'), "not on a terminal");
    for (colours, variables) in
        [(true, [("TERM", "xterm"), ("SEEN", "1")]), (false, [("TERM", "xterm"), ("NO_COLOR", "1")])]
    {
        // Python's pty gives the program a terminal, and passes on what it prints there.
        let on_terminal = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
        for arguments in [["report", out.to_str().unwrap()].as_slice(), &["run", "quickstart", "--rate", "0"]] {
            let mut command = std::process::Command::new("python3");
            command.args(["-c", on_terminal, env!("CARGO_BIN_EXE_spanproof")]).args(arguments);
            let output =
                command.env_remove("NO_COLOR").envs(variables).stdin(std::process::Stdio::null()).output().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(printed.contains("FAIL") || printed.contains("traffic.rate"), "{printed}");
            assert_eq!(printed.contains("\u{1b}["), colours, "{printed:?}");
        }
    }
}

#[test]
fn a_latency_limit_that_cannot_hold_fails_or_is_withheld_but_never_passes() {
    let run = quickstart(&["--set", "traffic.rate=10000", "--set", "limits=[latency.intended_to_delivered.max < 1us]"]);
    let limit = &run.result()["limits"][0];
    let withheld = !run.findings_of("harness-was-the-limit").is_empty();
    let (code, verdict) = if withheld { (3, "inconclusive") } else { (1, "fail") };
    assert_eq!(limit["verdict"], verdict);
    run.expect(code);
}

/// What another implementation of HDR histograms reads from the log, if `SPANPROOF_PYTHON` names a Python that has one.
#[test]
fn the_latency_log_reads_the_same_elsewhere() {
    let Some(python) = std::env::var_os("SPANPROOF_PYTHON") else {
        return skip("SPANPROOF_PYTHON names no Python with hdrhistogram");
    };
    // Slowly, so that the figures are not withheld.
    let run = quickstart(&["--set", "traffic.rate=8000", "--set", "run.spans=16000"]).expect(0);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut check = std::process::Command::new(python);
    let check = check.arg(root.join("scripts/check_hlog.py")).arg(run.path("out")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = check.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // A busy machine has the figures withheld; then the log must hold none. `scripts/check-quickstart` has a log that is always full.
    if run.findings_of("harness-was-the-limit").is_empty() {
        assert!(output.status.success(), "{said}");
    } else {
        assert!(said.contains("the log holds no histogram"), "{said}");
    }
}

/// Says that a test was skipped, where a person sees it although tests are silent. With `CI=true` that is a failure: there, every
/// test runs.
#[track_caller]
pub fn skip(why: &str) {
    use std::io::Write;
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!required, "CI=true skips no test, and this one would be: {why}");
    drop(writeln!(std::io::stderr().lock(), "SKIPPED: {why}"));
}
