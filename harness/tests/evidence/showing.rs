//! Showing: from an id to its trace, with what happened to each span in its place.

use crate::rig::{Rig, text, words};
use serde_json::Value;
use spanproof_harness::show::find::{Found, find};
use spanproof_harness::show::show;
use spanproof_harness::show::trace::Trace;
use std::collections::BTreeSet;

fn json(rig: &Rig, id: &str) -> Value {
    let output = rig.show(&[id, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn spans(shown: &Value) -> &[Value] {
    shown["spans"].as_array().unwrap()
}

/// A request that was sent, answered and arrived has all its instants: after it was due it was sent, then answered, and its
/// spans arrived.
#[track_caller]
fn in_order(request: &Value) {
    let at = |name: &str| request[name].as_f64().unwrap_or_else(|| panic!("no {name}: {request}"));
    let arrived = |which: usize| request["arrived_seconds"][which].as_f64().unwrap();
    // Microseconds are kept, and the due instant is exact to the nanosecond.
    let not_before = |a: f64, b: f64| assert!(a >= b - 2e-6, "{a} before {b}: {request}");
    not_before(at("sent_seconds"), at("due_seconds"));
    not_before(at("ended_seconds"), at("sent_seconds"));
    not_before(arrived(0), at("sent_seconds"));
    not_before(arrived(1), arrived(0));
}

#[test]
fn the_one_lost_span_stands_as_a_hole_in_its_tree() {
    let rig = Rig::finished(Some("drop-nth=500"), 1);
    let example = rig.example("lost-acknowledged");
    let (trace, span) = (example["trace_id"].as_str().unwrap(), example["span_id"].as_str().unwrap());
    let shown = json(&rig, trace);
    let missing: Vec<_> = spans(&shown).iter().filter(|one| one["arrived"] == "missing").collect();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0]["span_id"], span);
    assert_eq!(missing[0]["request"]["outcome"], "acknowledged");
    assert_eq!(missing[0]["request"]["attempts"], 1);
    in_order(&missing[0]["request"]);
    // The beginning of the trace id that the end of a run names, and the span's own id, lead to the same trace.
    assert_eq!(json(&rig, &trace[..8])["trace_id"], shown["trace_id"]);
    let by_span = json(&rig, span);
    assert_eq!(by_span["trace_id"], shown["trace_id"]);
    let wanted: Vec<_> = spans(&by_span).iter().filter(|one| one["wanted"] == true).collect();
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0]["span_id"], span);
    let tree = text(&rig.show(&[&trace[..8]]));
    let holes: Vec<_> = tree.lines().filter(|line| line.contains("MISSING")).collect();
    assert_eq!(holes.len(), 1, "{tree}");
    assert!(holes[0].contains(span) && tree.contains("1 missing"), "{tree}");
}

#[test]
fn a_changed_span_shows_what_was_sent_and_what_came() {
    let rig = Rig::finished(Some("change-name,every=300"), 1);
    let example = rig.example("corrupted");
    let shown = json(&rig, example["trace_id"].as_str().unwrap());
    let changed = spans(&shown).iter().find(|one| one["span_id"] == example["span_id"]).unwrap();
    assert_eq!(changed["corrupt"], true);
    let difference = &changed["differences"][0];
    assert_eq!((&difference["path"], &changed["changed"][0]), (&"name".into(), &"name".into()));
    assert!(difference["sent"].as_str().unwrap().contains(changed["name"].as_str().unwrap()), "{difference}");
    assert_ne!(difference["sent"], difference["received"]);
}

#[test]
fn every_id_of_the_run_leads_to_its_trace_padded_and_changed_ones_too() {
    let rig = Rig::finished(None, 0);
    let frozen = spanproof_harness::evidence::read(&rig.directory).unwrap();
    let plan = &frozen.evidence.plan;
    let (mut padded, mut looked) = (0, 0);
    for chunk in 0..plan.chunks() {
        let chunk = plan.open(chunk);
        for offset in 0..chunk.records() {
            let described = chunk.describe(plan, offset);
            let odd = described.trace_id[..8] == [0; 8];
            padded += usize::from(odd);
            // All padded ones, and a sample of the others: each look goes over the whole plan.
            if !odd && offset % 97 != 0 {
                continue;
            }
            looked += 1;
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            for id in [hex(&described.trace_id), hex(&described.span_id)] {
                assert_eq!(find(&frozen, &id.parse().unwrap()), Ok(Found::Trace(described.trace_index)), "{id}");
            }
        }
    }
    assert!(padded > 0 && looked > padded, "the run has no padded trace: {padded} of {looked}");
}

/// The ids in what is drawn: words of 16 or 32 hex digits, other attributes than `spanproof.id` left out.
fn drawn_ids(drawn: &str) -> BTreeSet<String> {
    let lines = drawn.lines().filter(|line| !line.contains(" = ") || line.contains("spanproof.id = "));
    let words = lines.flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphanumeric()));
    let is_id = |word: &&str| [16, 32].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words.filter(is_id).map(str::to_owned).collect()
}

/// Also those of parents that nobody sent, and the second key of spans whose ids cannot say whose they are.
#[test]
fn every_id_that_is_drawn_can_be_given_back() {
    let rig = Rig::new();
    let output = rig.run(None).args(["--set", "traffic.anomalies.parent_missing=5%"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let frozen = spanproof_harness::evidence::read(&rig.directory).unwrap();
    let (mut own_ids, mut orphans, mut other_ids) = (0, 0, 0);
    for index in 0..frozen.evidence.plan.traces() {
        let trace = Trace::rebuild(&frozen, index, &"0".parse().unwrap());
        if !["trace_id_padded", "trace_id_changed", "parent_missing"].contains(&trace.stratum) {
            continue;
        }
        // Attributes are drawn of the span that is asked for.
        for span in &trace.spans {
            let shown = show(&frozen, &span.span_id.parse().unwrap()).unwrap();
            let drawn = spanproof_harness::show::text::text(&shown);
            for id in drawn_ids(&drawn) {
                assert_eq!(find(&frozen, &id.parse().unwrap()), Ok(Found::Trace(index)), "{id} in\n{drawn}");
            }
            orphans += drawn.matches("is not in this trace").count();
            other_ids += drawn.matches("sent under trace id").count();
            if let Some(own_id) = span.attributes.get("spanproof.id") {
                own_ids += 1;
                let shown = json(&rig, own_id);
                let wanted: Vec<_> = spans(&shown).iter().filter(|one| one["wanted"] == true).collect();
                assert_eq!((wanted.len(), &wanted[0]["span_id"]), (1, &span.span_id.clone().into()));
            }
        }
    }
    assert!(own_ids > 0 && orphans > 0 && other_ids > own_ids, "{own_ids} own, {orphans} orphans, {other_ids} others");
}

/// What carries this run's tag under the second key, and that no record ever had, is no more than invented.
#[test]
fn a_second_key_that_was_never_planned_is_called_invented() {
    let rig = Rig::finished(None, 0);
    let plan = spanproof_harness::evidence::read(&rig.directory).unwrap().evidence.plan;
    for (trace, ordinal) in [(plan.traces(), 0), (0, 900_000)] {
        let id = String::from_utf8(plan.identity().own_id(trace, ordinal).to_vec()).unwrap();
        assert_eq!(json(&rig, &id)["kind"], "invented", "{id}");
    }
}

/// A span id by itself does not say whose it is, so where more were invented than examples are kept, it may be one of them.
#[test]
fn a_span_id_that_is_not_in_the_plan_is_not_called_foreign_where_spans_were_invented() {
    let rig = Rig::finished(Some("invent-span=real-trace,every=50"), 1);
    let kept = rig.example("invented");
    assert_eq!(json(&rig, kept["span_id"].as_str().unwrap())["kind"], "invented");
    let unknown = "0123456789abcdef";
    let shown = json(&rig, unknown);
    assert_eq!((&shown["kind"], &shown["id"]), (&"unplanned".into(), &unknown.into()), "{shown}");
    // There are padded trace ids in this run.
    assert_eq!(shown["trace_id_settles"], false);
    let drawn = text(&rig.show(&[unknown]));
    assert!(drawn.contains("not in the plan: foreign, or invented"), "{drawn}");
    // The trace id settles it: it is the one of a trace of ours.
    assert_eq!(json(&rig, kept["trace_id"].as_str().unwrap())["kind"], "trace");
}

#[test]
fn a_tree_names_every_span_once_with_parents_before_children() {
    let rig = Rig::finished(None, 0);
    let frozen = spanproof_harness::evidence::read(&rig.directory).unwrap();
    for index in 0..frozen.evidence.plan.traces().min(40) {
        let id = "0".parse().unwrap();
        let trace = Trace::rebuild(&frozen, index, &id);
        let mut seen = BTreeSet::new();
        for span in &trace.spans {
            let parent = span.parent_span_id.as_ref().filter(|_| !span.orphan);
            assert!(parent.is_none_or(|parent| seen.contains(parent)), "{} before its parent", span.span_id);
            assert!(seen.insert(span.span_id.clone()), "{} twice", span.span_id);
            assert!(!span.name.is_empty());
        }
    }
}

#[test]
fn a_foreign_id_is_called_foreign_and_an_id_that_was_never_planned_invented() {
    let rig = Rig::finished(None, 0);
    let foreign = "0123456789abcdef0123456789abcdef";
    assert_eq!(json(&rig, foreign)["kind"], "foreign");
    assert!(text(&rig.show(&[foreign])).contains("foreign"));
    // As long as a span id, and no span of this run.
    assert_eq!(json(&rig, &foreign[..16])["kind"], "foreign");
    let frozen = spanproof_harness::evidence::read(&rig.directory).unwrap();
    let plan = &frozen.evidence.plan;
    let beyond = plan.identity().traces(plan.traces(), 1)[0].id;
    let beyond: String = beyond.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(json(&rig, &beyond)["kind"], "invented");
}

#[test]
fn what_is_no_id_or_leads_nowhere_or_everywhere_is_refused() {
    let rig = Rig::finished(None, 0);
    for (id, said) in [
        ("xyz", "is not an id"),
        ("", "is not an id"),
        ("0123456789abcdef0123456789abcdef0", "is not an id"),
        ("0123456789abcd", "nothing in this run"),
        ("0", "several trace ids: 0"),
    ] {
        let output = rig.show(&[id]);
        assert_eq!(output.status.code(), Some(2), "{id}: {}", words(&output));
        assert!(words(&output).contains(said) && !words(&output).contains(": ;"), "{id}: {}", words(&output));
    }
}
