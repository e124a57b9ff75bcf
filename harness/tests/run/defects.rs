//! The heart of the product: every planted defect is caught under its right name, with the right count, and nothing else is
//! claimed. The clean control is in [`crate::passing`].
//!
//! Where a defect says how often it bit, the finding must count exactly as many spans: the embedded target knows what it
//! did, and the judge has to find out from what arrived.

use crate::rig::{Ended, quickstart, small, spanproof};

/// What a defect must look like to the judge.
struct Expected {
    /// Ids of all findings that fail, sorted.
    failing: &'static [&'static str],
    /// What every place of a corruption begins with.
    place: &'static str,
    /// Whether the count of the (first) finding must be what the defect says it did.
    counted: bool,
}

/// Spans arrive changed, in this field.
const fn corrupted(place: &'static str) -> Expected {
    Expected { failing: &["corrupted"], place, counted: true }
}

/// These findings, and the first counts what the defect counts.
const fn counted(failing: &'static [&'static str]) -> Expected {
    Expected { failing, place: "", counted: true }
}

/// These findings; the defect counts something else, e.g. requests.
const fn uncounted(failing: &'static [&'static str]) -> Expected {
    Expected { failing, place: "", counted: false }
}

/// Small, with little patience, since a lost span is waited for; and without padded ids: what bites a span of such a trace is
/// seen by its own id, and so under another name.
fn planted(defect: &str) -> Ended {
    let more = ["--plant", defect, "--set", "run.late_after=4s", "--set", "traffic.anomalies.trace_id_padded=0%"];
    quickstart(&more)
}

/// How often the target says that its defect bit.
fn bites(run: &Ended) -> u64 {
    let result = run.result();
    let warnings = result["warnings"].as_array().unwrap_or_else(|| panic!("no word of the defect\n{run}"));
    let bite = warnings.iter().find_map(|warning| {
        let (_, times) = warning.as_str()?.strip_prefix("planted defect ")?.split_once(" bit ")?;
        times.strip_suffix(" times")?.parse().ok()
    });
    bite.unwrap_or_else(|| panic!("no word of the defect in {warnings:?}"))
}

#[track_caller]
fn is_caught(defect: &str, expected: &Expected) {
    let run = planted(defect).expect(1);
    assert_eq!(run.result()["verdict"], "fail");
    assert_eq!(run.ids("failure"), expected.failing, "{run}");
    run.expect_sound_ledger();
    assert!(bites(&run) > 0, "{defect} never bit: the test proves nothing");
    for finding in run.findings_of("corrupted") {
        let place = finding["where"].as_str().unwrap();
        assert!(place.split(", ").all(|path| path.starts_with(expected.place)), "{place} is not {}", expected.place);
    }
    if expected.counted {
        let found = run.findings_of(expected.failing[0]);
        let count: u64 = found.iter().map(|finding| finding["count"].as_u64().unwrap()).sum();
        assert_eq!(count, bites(&run), "{run}");
    }
    expect_examples(&run);
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

macro_rules! caught {
    ($($name:ident: $defect:literal => $expected:expr;)+) => {
        $(#[test]
        fn $name() {
            is_caught($defect, &$expected);
        })+

        /// The defects that are tried here.
        const TRIED: &[&str] = &[$($defect),+];
    };
}

caught! {
    one_span_in_a_thousand_lost: "drop-one-in=1000" => counted(&["lost-acknowledged"]);
    a_single_span_lost: "drop-nth=7777" => counted(&["lost-acknowledged"]);
    one_span_in_a_thousand_repeated: "duplicate-one-in=1000" => counted(&["duplicated"]);
    loss_and_repeat_in_equal_number: "lose-and-repeat,every=1000" => counted(&["duplicated", "lost-acknowledged"]);
    another_parent: "re-parent,every=1000" => corrupted("parent_span_id");
    no_parent: "unparent,every=1000" => corrupted("parent_span_id");
    two_attributes_swapped: "swap-attributes,every=1000" => corrupted("attributes[");
    a_string_cut_short: "truncate-string,every=1000" => corrupted("attributes[");
    an_attribute_lost: "lose-attribute,every=1000" => corrupted("attributes[");
    a_value_of_another_type: "change-value-type,every=1000" => corrupted("attributes[");
    events_lost: "lose-events,every=100" => corrupted("events");
    links_lost: "lose-links,every=10" => corrupted("links");
    a_nanosecond_too_much: "shift-time-1ns,every=1000" => corrupted("end_time_unix_nano");
    another_kind: "change-kind,every=1000" => corrupted("kind");
    another_status: "change-status,every=1000" => corrupted("status.code");
    another_name: "change-name,every=1000" => corrupted("name");
    other_flags: "change-flags,every=1000" => corrupted("flags");
    another_trace_state: "change-trace-state,every=1000" => corrupted("trace_state");
    another_scope: "change-scope,every=1000" => corrupted("scope.name");
    another_service: "change-service,every=1000" => corrupted("resource.attributes[\"service.name\"]");
    every_span_changed: "corrupt-everything" => corrupted("attributes[\"planted.defect\"]");
    a_stranger: "invent-span=random-ids,every=1000" => counted(&["foreign"]);
    an_impostor: "invent-span=real-trace,every=1000" => counted(&["invented"]);
    a_split_trace: "split-trace-id,every=1000" => counted(&["foreign", "lost-acknowledged"]);
    requests_acknowledged_and_dropped: "acknowledge-then-drop,every=10" => uncounted(&["lost-acknowledged"]);
    every_second_request_of_one_connection_dropped: "drop-every-nth-request-of-one-connection=2" => uncounted(&["lost-acknowledged"]);
    requests_sent_twice: "send-request-twice,every=10" => uncounted(&["duplicated"]);
    requests_delivered_late: "deliver-late=7s,every=10" => uncounted(&["late"]);
    requests_refused_and_delivered: "refuse-but-forward,every=40" => uncounted(&["refused-delivered"]);
    a_service_dropped: "drop-service=checkout" => counted(&["lost-acknowledged"]);
    large_spans_dropped: "drop-over-bytes=2000" => counted(&["lost-acknowledged"]);
    whole_traces_dropped: "drop-whole-traces=1/100" => counted(&["lost-acknowledged"]);
}

/// Every span of two requests under each other's resource: whole resources differ, service and instance among them.
#[test]
fn two_resources_swapped() {
    let expected = Expected { failing: &["corrupted"], place: "resource.", counted: false };
    is_caught("swap-resources,every=10", &expected);
}

/// A stall breaks no promise but time's.
#[test]
fn a_stall_shows_in_the_latency_and_nowhere_else() {
    let load = ["--set", "traffic.rate=4000", "--set", "run.spans=12000", "--plant", "stall=500ms/1s"];
    let limit = ["--set", "limits=[latency.intended_to_acknowledged.max < 300ms]"];
    let run = quickstart(&[&load[..], &limit].concat());
    assert!(bites(&run) > 0);
    assert!(run.ids("failure").is_empty() && run.spans("delivered") == run.spans("planned"), "{run}");
    let withheld = !run.findings_of("harness-was-the-limit").is_empty();
    run.expect(if withheld { 3 } else { 1 });
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
}

/// The totals are right at every moment, and the run fails all the same.
#[test]
fn loss_and_repeat_in_equal_number_do_not_cancel() {
    let run = planted("lose-and-repeat,every=2000").expect(1);
    assert!(run.spans("lost_acknowledged") > 0);
    assert_eq!(run.spans("lost_acknowledged"), run.spans("duplicated"));
    // Also where no limit asks for it.
    let more = ["--plant", "lose-and-repeat,every=2000", "--set", "limits=[]", "--set", "run.late_after=4s"];
    spanproof(&small("quickstart", &more)).expect(1);
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

/// Several defects at once do not hide one another.
#[test]
fn defects_are_told_apart_when_they_come_together() {
    let plants =
        ["--plant", "drop-one-in=2000", "--plant", "duplicate-one-in=3000", "--plant", "change-kind,every=1500"];
    let more = ["--set", "run.late_after=4s"];
    let run = quickstart(&[&plants[..], &more].concat()).expect(1);
    assert_eq!(run.ids("failure"), ["corrupted", "duplicated", "lost-acknowledged"]);
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
    // A change that is made to every span empties no histogram.
    assert!(run.result()["latency"]["intended_to_delivered"]["count"].as_u64().unwrap() > 0, "{run}");
    run.expect_sound_ledger();
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

/// A defect added to the catalogue needs a line above.
#[test]
fn no_defect_of_the_catalogue_is_left_untried() {
    let elsewhere = ["swap-resources", "stall"];
    for defect in spanproof_harness::embedded::Defect::catalogue() {
        let name = defect.name();
        let named = |tried: &&str| tried.split(['=', ',']).next() == Some(name);
        assert!(TRIED.iter().chain(&elsewhere).any(named), "{name} is not tried");
    }
}
