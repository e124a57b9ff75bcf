//! What planted defects show beyond the self-test's table, which has each of them caught under its right name with the right
//! count: what a person is told of it, and what several make of one another.

use crate::rig::{Ended, quickstart, small, spanproof, start_in};

/// Small, with little patience, since a lost span is waited for; and without padded ids: what bites a span of such a trace is
/// seen by its own id, and so under another name.
fn planted(defect: &str) -> Ended {
    let more = ["--plant", defect, "--set", "run.late_after=4s", "--set", "traffic.anomalies.trace_id_padded=0%"];
    quickstart(&more)
}

/// Every finding that fails shows records by which a person can look further.
fn expect_examples(run: &Ended) {
    for finding in run.findings().iter().filter(|finding| finding["level"] == "failure") {
        let examples = finding["examples"].as_array().unwrap_or_else(|| panic!("no examples: {finding}"));
        assert!((1..=5).contains(&examples.len()));
        for example in examples {
            let length = |id: &str| example[id].as_str().unwrap().len();
            assert_eq!((length("trace_id"), length("span_id")), (32, 16));
            let title = finding["limit"].as_str().or(finding["id"].as_str()).unwrap();
            assert!(run.stdout.contains(title), "{title} is not said at the end\n{run}");
        }
    }
}

#[test]
fn one_lost_span_is_named_by_its_place_in_the_plan() {
    let run = planted("drop-nth=7777").expect(1);
    let [finding] = &run.findings_of("lost-acknowledged")[..] else { panic!("{run}") };
    let [example] = &finding["examples"].as_array().unwrap()[..] else { panic!("{finding}") };
    let (trace, span) = (example["trace_id"].as_str().unwrap(), example["span_id"].as_str().unwrap());
    assert!(run.stdout.contains(trace) && run.stdout.contains(span), "{run}");
    assert!(example["text"].as_str().unwrap().contains("sent by "), "{example}");
    assert_eq!(run.spans("delivered"), run.spans("planned") - 1);
    for page in ["summary.md", "junit.xml", "report.html"] {
        assert!(run.artefact(page).contains(trace), "{page} does not name the trace");
    }
    // It is the one that was lost, as the target has it, and no neighbour; `show` draws the hole in its place.
    let planted: serde_json::Value = serde_json::from_str(&run.artefact("planted.json")).unwrap();
    let lost = serde_json::json!([{ "deed": "lost", "trace_id": trace, "span_id": span }]);
    assert_eq!((&planted["defects"][0]["spans"], &planted["defects"][0]["are_all"]), (&lost, &true.into()), "{run}");
    let (trace, span) = (trace.to_owned(), span.to_owned());
    let shown = run.then(&["show", "out", &trace]).stdout;
    let holes: Vec<&str> = shown.lines().filter(|line| line.contains("MISSING")).collect();
    assert!(holes.len() == 1 && holes[0].contains(&span), "{span} is not missing in\n{shown}");
}

/// A foreign record is somebody else's business if the user says so; the loss that comes with a split trace is not.
#[test]
fn foreign_records_may_be_ignored_but_not_what_they_hide() {
    let more = ["--foreign", "ignore", "--set", "traffic.anomalies.trace_id_padded=0%", "--set", "run.late_after=4s"];
    let with = |defect: &'static str| quickstart(&[&more[..], &["--plant", defect]].concat());
    let run = with("invent-span=random-ids").expect(0);
    assert!(run.spans("foreign") > 0);
    let run = with("split-trace-id").expect(1);
    assert_eq!(run.ids("failure"), ["lost-acknowledged"]);
}

/// A text that is none any more is a change like any other: the field is named, and what came is shown.
#[test]
fn what_is_no_longer_utf8_is_shown_as_sent_and_as_it_came() {
    let run = planted("break-utf8").expect(1);
    assert_eq!(run.ids("failure"), ["corrupted"], "{run}");
    for finding in run.findings_of("corrupted") {
        assert!(finding["where"].as_str().unwrap().starts_with("attributes[\""), "{finding}");
        for example in finding["examples"].as_array().unwrap() {
            let text = example["text"].as_str().unwrap();
            let (sent, received) = text.split_once(", received ").unwrap();
            assert!(received.contains(&(r"\xff".repeat(8) + "\"")) && !sent.contains(r"\xff"), "{text}");
        }
    }
    expect_examples(&run);
    run.expect_sound_ledger();
}

#[test]
fn a_run_that_lost_a_span_is_worse_than_one_that_did_not() {
    let good = quickstart(&[]).expect(0);
    let bad = planted("drop-nth=7777").expect(1);
    let (base, new) = (good.path("out"), bad.path("out"));
    let compared = |base: &std::path::Path, new: &std::path::Path, format| {
        spanproof(&["compare", base.to_str().unwrap(), new.to_str().unwrap(), "--format", format])
    };
    let worse = compared(&base, &new, "text").expect(1);
    assert!(worse.stdout.contains("Worse: the run, delivery, spans.lost_acknowledged == 0"), "{worse}");
    let better: serde_json::Value = serde_json::from_str(&compared(&new, &base, "json").expect(0).stdout).unwrap();
    assert_eq!(better["worse"], false, "{better}");
    assert!(better["figures"].as_array().unwrap().iter().any(|one| one["path"] == "spans.delivered"), "{better}");
    let missing = compared(&base, std::path::Path::new("nowhere"), "text").expect(2);
    assert!(missing.stderr.contains("nowhere"), "{missing}");
}

/// Where GitHub runs it, the step's summary has the page, and each failure is an annotation that begins no command of its own.
#[test]
fn a_runner_of_github_is_told_what_failed_and_shown_the_page() {
    let more =
        ["--plant", "drop-nth=7777", "--set", "run.late_after=4s", "--set", "traffic.anomalies.trace_id_padded=0%"];
    let folder = tempfile::TempDir::new().unwrap();
    let page = folder.path().join("step-summary.md");
    std::fs::write(&page, "Written before.\n").unwrap();
    let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", page.to_str().unwrap())];
    let run = start_in(tempfile::TempDir::new().unwrap(), &small("quickstart", &more), &variables).wait().expect(1);
    let told: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("::")).collect();
    let [error] = &told[..] else { panic!("{run}") };
    assert!(error.starts_with("::error title=quickstart%3A spans.lost_acknowledged == 0::1. "), "{error}");
    assert!(!run.stdout.contains("::error"), "{run}");
    let written = std::fs::read_to_string(&page).unwrap();
    assert_eq!(written, format!("Written before.\n{}\n", run.artefact("summary.md")));
    // Elsewhere nothing of the kind is told.
    assert!(!planted("drop-nth=7777").stderr.contains("::error"));
}

/// Several defects at once do not hide one another.
#[test]
fn defects_are_told_apart_when_they_come_together() {
    let defects = [
        "drop-one-in=2000",
        "duplicate-one-in=3000",
        "change-kind,every=1500",
        "invent-span=random-ids",
        "invent-span=real-trace",
    ];
    let plants = defects.iter().flat_map(|defect| ["--plant", *defect]);
    let more = ["--set", "run.late_after=4s", "--set", "traffic.anomalies.trace_id_padded=0%"];
    let run = quickstart(&plants.chain(more).collect::<Vec<_>>()).expect(1);
    assert_eq!(run.ids("failure"), ["corrupted", "duplicated", "foreign", "invented", "lost-acknowledged"]);
    expect_examples(&run);
    run.expect_sound_ledger();
}

/// A span that arrives changed is still one that arrives: its repeats count, and its copies are no loss.
#[test]
fn repeats_of_changed_spans_are_seen() {
    let plants = ["--plant", "corrupt-everything", "--plant", "duplicate-one-in=1000"];
    let run = quickstart(&[&plants[..], &["--set", "run.late_after=4s"]].concat()).expect(1);
    assert_eq!(run.ids("failure"), ["corrupted", "duplicated"], "{run}");
    assert!(run.spans("duplicated") > 0);
    assert_eq!((run.spans("corrupted_only"), run.spans("delivered")), (run.spans("planned"), 0), "{run}");
    let found: u64 = run.findings_of("duplicated").iter().map(|finding| finding["count"].as_u64().unwrap()).sum();
    assert_eq!(found, run.spans("duplicated"));
    run.expect_sound_ledger();
}

/// Of each record the first copy that comes counts, changed or not, and no other. How many there are is told also where a busy
/// machine has the figures withheld.
#[test]
fn the_latency_to_delivery_counts_each_record_once() {
    for defects in [&["duplicate-one-in=3"][..], &["corrupt-everything"], &["corrupt-everything", "duplicate-one-in=3"]]
    {
        let plants = defects.iter().flat_map(|defect| ["--plant", *defect]);
        let more = ["--set", "run.spans=5000", "--set", "run.late_after=4s"];
        let run = quickstart(&plants.chain(more).collect::<Vec<_>>()).expect(1);
        assert_eq!(defects.contains(&"duplicate-one-in=3"), run.spans("duplicated") > 0, "{run}");
        let latency = run.result()["latency"]["intended_to_delivered"].clone();
        assert_eq!(latency["count"], run.spans("planned"), "{defects:?}: {latency}\n{run}");
    }
}

#[test]
fn changed_spans_that_come_late_are_late() {
    let plants = ["--plant", "corrupt-everything", "--plant", "deliver-late=7s,every=10"];
    let run = quickstart(&[&plants[..], &["--set", "run.late_after=4s"]].concat()).expect(1);
    // Whether they fail or leave it open rests on whether the machine kept up.
    let [finding] = &run.findings_of("late")[..] else { panic!("{run}") };
    assert!(finding["count"].as_u64().unwrap() > 0, "{finding}");
    assert_eq!(run.spans("corrupted_only"), run.spans("planned"), "{run}");
    run.expect_sound_ledger();
}
