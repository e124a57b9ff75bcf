//! Mistakes in what was asked for: every one at once, exit 2, nothing started.

use crate::rig::{Ended, quickstart, small, spanproof, start_in};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Eight mistakes that people make.
const WRONG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/eight-mistakes.yaml");

/// Each mistake: where it is, and a word of what is said.
const MISTAKES: [(&str, &str); 8] = [
    ("name", "My Scenario"),
    ("traffic.workload", "shop"),
    ("traffic.rate", "rate"),
    ("traffic.batch.time_out", "timeout"),
    ("traffic.anomalies", "%"),
    ("run.duratoin", "duration"),
    ("limits[0]", "="),
    ("limits[1]", "ms"),
];

/// Refused with exit 2, with these words, before anything was made.
#[track_caller]
fn refused(run: Ended, words: &[&str]) -> Ended {
    let run = run.expect(2);
    for word in words {
        assert!(run.stderr.contains(word), "nothing about {word}\n{run}");
    }
    assert_eq!(run.stdout, "", "results go to stdout, and this is none");
    assert!(!run.path("out/result.json").exists());
    run
}

#[test]
fn all_problems_of_a_scenario_are_said_at_once() {
    for arguments in [["run", WRONG].as_slice(), &["run", WRONG, "--dry-run"], &["scenario", "validate", WRONG]] {
        let run = refused(spanproof(arguments), &["eight-mistakes.yaml"]);
        for (field, word) in MISTAKES {
            let leaf = field.rsplit('.').next().unwrap().split('[').next().unwrap();
            assert!(run.stderr.contains(leaf) && run.stderr.contains(word), "nothing about {field}\n{run}");
        }
        assert!(!run.path("spanproof-runs").exists());
    }
}

/// A shop at this rate for a second, in a folder of its own.
fn slow_shop(rate: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = format!(
        "scenario: 1\nname: low\ntarget: embedded\ntraffic:\n  workload: shop\n  rate: {rate}\nrun: {{duration: 1s}}\n"
    );
    std::fs::write(folder.path().join("low.yaml"), text).unwrap();
    folder
}

/// How long a shop's traces are is known when they are made: what is too slow by any means is told of its field, the rest by the run.
#[test]
fn a_rate_that_sends_no_trace_is_told_and_leaves_no_directory() {
    for arguments in [["run", "low.yaml"].as_slice(), &["scenario", "validate", "low.yaml"]] {
        let words = ["low.yaml:6", "traffic.rate", "too slow to send one trace", "raise the rate"];
        let ended = refused(start_in(slow_shop("5 spans/s"), arguments, &[]).wait(), &words);
        assert!(!ended.path("spanproof-runs").exists(), "{ended}");
    }
    let words = ["9 spans/s for 1 s is less than one", "raise `traffic.rate`"];
    let ended = refused(start_in(slow_shop("9 spans/s"), &["run", "low.yaml"], &[]).wait(), &words);
    assert!(!ended.path("spanproof-runs").exists(), "{ended}");
}

#[test]
fn problems_are_data_when_asked_for() {
    for arguments in
        [["run", WRONG, "--format", "json"].as_slice(), &["scenario", "validate", WRONG, "--format", "json"]]
    {
        let run = spanproof(arguments).expect(2);
        let problems: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        let fields: Vec<&str> = problems.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
        for (field, _) in MISTAKES {
            assert!(fields.iter().any(|found| found.starts_with(field)), "nothing about {field} in {fields:?}");
        }
        for problem in &problems {
            assert!(problem["line"].as_u64().unwrap() > 0 && problem["column"].as_u64().unwrap() > 0, "{problem}");
            assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{problem}");
        }
    }
}

#[test]
fn a_limit_on_a_figure_that_results_do_not_have_is_refused() {
    let words = ["spans.lost_acknowleged", "did you mean `lost_acknowledged`"];
    refused(quickstart(&["--set", "limits=[spans.lost_acknowleged == 0]"]), &words);
    refused(quickstart(&["--set", "abort=[spans.lost_acknowleged > 0]"]), &words);
    refused(quickstart(&["--set", "limits=[spans.lost_acknowleged == 0]", "--dry-run"]), &words);
}

#[test]
fn a_planted_defect_needs_the_embedded_target() {
    let run = quickstart(&["--target", "process:/bin/true", "--plant", "drop-nth=5"]);
    refused(run, &["--plant", "--plant-behind"]);
}

/// Flags that no field of a scenario stands for are no reason to tell the file's problems one round later.
#[test]
fn mistakes_in_flags_are_said_with_those_of_the_file() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("mine.txt"), "").unwrap();
    let out = folder.path().to_str().unwrap();
    let flags = ["--plant", "drop-evrything", "--plant-behind", "drop-nth", "--out", out, "--seed", "lucky"];
    for more in [&[][..], &["--dry-run"]] {
        let run = refused(spanproof(&[&["run", WRONG], &flags[..], more].concat()), &["eight-mistakes.yaml"]);
        for word in ["time_out", "drop-evrything", "drop-nth=123456", "mine.txt", "lucky"] {
            assert!(run.stderr.contains(word), "nothing about {word}\n{run}");
        }
    }
    let run = spanproof(&[&["run", WRONG, "--format", "json"], &flags[..]].concat()).expect(2);
    let problems: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    for flag in ["--plant", "--plant-behind", "--out", "--seed"] {
        assert!(problems.iter().any(|problem| problem["path"] == flag), "nothing about {flag}\n{run}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was written");
}

#[test]
fn a_directory_with_files_of_others_is_refused_and_left_as_it_was() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    for name in ["report.html", "target.log"] {
        std::fs::write(out.join(name), "mine").unwrap();
    }
    let mut folder = Some(folder);
    for more in [&[][..], &["--dry-run"]] {
        let run = start_in(folder.take().unwrap(), &small("quickstart", more), &[]).wait();
        let run = refused(run, &["report.html, target.log", "--out", "a new or an empty directory"]);
        for name in ["report.html", "target.log"] {
            assert_eq!(run.artefact(name), "mine");
        }
        assert!(!run.path("out/evidence").exists());
        folder = Some(run.into_folder());
    }
}

/// What a flag makes impossible is no mistake of the file, and least of all of the catalogue's.
#[test]
fn a_flag_that_makes_a_combination_impossible_is_named() {
    let cases = [
        (&["--duration", "2s"][..], "--duration"),
        (&["--set", "traffic.workload=uniform", "--set", "traffic.anomalies={error_trace: 1%}"], "--set"),
        (&["--target", "external"], "--target"),
        (&["--set", "traffic.profile.burst.for=20s"], "--set"),
        (&["--rate", "90000000"], "--rate"),
    ];
    for (flags, blamed) in cases {
        let arguments = [&["run", "bursts", "--dry-run", "--format", "json"], flags].concat();
        let run = spanproof(&arguments).expect(2);
        let problems: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        assert!(problems.iter().all(|problem| problem["path"] == blamed), "{run}");
    }
    refused(spanproof(&["run", "bursts", "--duration", "2s"]), &["--duration 2s", "before `traffic.profile.burst"]);
}

/// Everything in it is in order, and no span can reach the sink.
#[test]
fn a_configuration_that_leads_nowhere_near_the_sink_is_not_called_a_good_scenario() {
    let shown = spanproof(&["scenario", "show", "quickstart"]).expect(0).stdout;
    let scenario = |endpoint: &str| {
        let folder = TempDir::new().unwrap();
        let text = shown.replace("target: embedded", "target: { process: { command: otelcol } }");
        std::fs::write(folder.path().join("my.yaml"), text.replace("${env:SPANPROOF_SINK_GRPC}", endpoint)).unwrap();
        folder
    };
    for arguments in [["scenario", "validate", "my.yaml"].as_slice(), &["run", "my.yaml", "--dry-run"]] {
        let ended = |endpoint| start_in(scenario(endpoint), arguments, &[]).wait();
        refused(ended("127.0.0.1:9"), &["127.0.0.1:9", "SPANPROOF_SINK_GRPC"]);
        ended("${env:SPANPROOF_SINK_GRPC}").expect(0);
    }
}

#[test]
fn what_is_listed_is_data_when_asked_for() {
    let data = |arguments: &[&str]| -> Value {
        serde_json::from_str(&spanproof(&[arguments, &["--format", "json"]].concat()).expect(0).stdout).unwrap()
    };
    let limits = data(&["limits"]);
    let lost = json!({"path": "spans.lost_acknowledged", "kind": "count"});
    assert!(limits.as_array().unwrap().contains(&lost), "{limits}");
    let shown = data(&["scenario", "show", "quickstart"]);
    assert_eq!(shown["yaml"], spanproof(&["scenario", "show", "quickstart"]).expect(0).stdout);
    let names: Vec<_> = data(&["scenario", "list"]).as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert!(names.contains(&shown["name"]), "{names:?}");
}

#[test]
fn a_planted_defect_that_is_none_names_those_there_are() {
    for plant in ["--plant", "--plant-behind"] {
        refused(quickstart(&[plant, "drop-everything"]), &["drop-everything", "drop-one-in"]);
        refused(quickstart(&[plant, "drop-nth"]), &["drop-nth=123456"]);
    }
    refused(quickstart(&["--plant", "drop-everything", "--dry-run"]), &["drop-everything"]);
    refused(quickstart(&["--plant-behind", "drop-everything", "--dry-run"]), &["drop-everything"]);
}

#[test]
fn an_endpoint_with_tls_is_refused_in_plain_words() {
    let more = ["--target", "external", "--endpoint", "https://127.0.0.1:4317", "--sink-grpc", "127.0.0.1:0"];
    refused(quickstart(&more), &["https", "127.0.0.1:4317"]);
    refused(quickstart(&[&more[..], &["--dry-run"]].concat()), &["https"]);
}

#[test]
fn an_endpoint_beyond_this_machine_needs_consent_unless_it_was_typed() {
    let external = ["--target", "external", "--sink-grpc", "127.0.0.1:0", "--dry-run"];
    let variable = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://203.0.113.7:4317");
    let with = |more: &[&str], variables: &[(&str, &str)]| {
        start_in(TempDir::new().unwrap(), &small("quickstart", &[&external[..], more].concat()), variables).wait()
    };
    refused(with(&[], &[variable]), &["--allow-remote", "203.0.113.7"]);
    with(&["--allow-remote", "203.0.113.7"], &[variable]).expect(0);
    with(&["--endpoint", "http://203.0.113.7:4317"], &[]).expect(0);
}

/// A configuration in a scenario may be somebody's own, with a vendor in it.
#[test]
fn exporters_beyond_this_machine_need_consent_whatever_they_send() {
    let folder = TempDir::new().unwrap();
    let scenario = folder.path().join("mine.yaml");
    let text = "scenario: 1
name: mine
target: {process: {command: /bin/true}}
collector:
  config_inline: |
    receivers: {otlp: {protocols: {grpc: {endpoint: '${env:SPANPROOF_RECEIVER_GRPC}'}}}}
    exporters:
      otlp_grpc: {endpoint: '${env:SPANPROOF_SINK_GRPC}', tls: {insecure: true}}
      otlp_grpc/tempo:
        endpoint: 192.0.2.1:4317
      prometheusremotewrite: {endpoint: 'https://me:hunter2@metrics.example/push'}
    service:
      pipelines:
        traces: {receivers: [otlp], exporters: [otlp_grpc, otlp_grpc/tempo]}
        metrics: {receivers: [otlp], exporters: [prometheusremotewrite]}
traffic: {workload: shop, rate: 100}
run: {duration: 1s}
";
    std::fs::write(&scenario, text).unwrap();
    let path = scenario.to_str().unwrap();
    let words =
        ["mine.yaml:10: `otlp_grpc/tempo` would send to `192.0.2.1`", "`metrics.example`", "--allow-remote HOST"];
    for arguments in [&["run", path][..], &["run", path, "--dry-run"], &["scenario", "validate", path]] {
        let run = refused(spanproof(arguments), &words);
        assert!(!run.stderr.contains("hunter2") && !run.path("spanproof-runs").exists(), "{run}");
    }
    let one = ["run", path, "--dry-run", "--allow-remote", "192.0.2.1"];
    let run = refused(spanproof(&one), &["`metrics.example`"]);
    assert!(!run.stderr.contains("192.0.2.1"), "{run}");
    spanproof(&[&one[..], &["--allow-remote", "metrics.example"]].concat()).expect(0);
}

#[test]
fn a_scenario_that_is_not_there_says_what_is() {
    for arguments in
        [["run", "quikstart"].as_slice(), &["scenario", "show", "quikstart"], &["scenario", "validate", "quikstart"]]
    {
        refused(spanproof(arguments), &["quikstart", "quickstart"]);
    }
    refused(spanproof(&["run", "missing.yaml"]), &["missing.yaml"]);
}

#[test]
fn a_configuration_file_that_is_missing_is_named() {
    let folder = TempDir::new().unwrap();
    let scenario = folder.path().join("my.yaml");
    let text = "scenario: 1\nname: mine\ntarget: {process: {command: /bin/true}}\ncollector: {config: [missing-collector.yaml]}\n\
                traffic: {workload: shop, rate: 100}\nrun: {duration: 1s}\n";
    std::fs::write(&scenario, text).unwrap();
    refused(spanproof(&small(scenario.to_str().unwrap(), &[])), &["missing-collector.yaml"]);
}

#[test]
fn a_report_of_no_run_is_refused() {
    refused(spanproof(&["report"]), &["spanproof-runs"]);
    refused(spanproof(&["report", "/nonexistent"]), &["/nonexistent", "result.json"]);
}
