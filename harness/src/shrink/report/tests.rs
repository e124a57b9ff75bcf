//! What people read, and what programs do.

use super::*;
use crate::shrink::original;
use spanproof_scenarios::load::{LoadOptions, Source};
use spanproof_scenarios::written::{Variation, Written};
use std::num::NonZeroU32;

const SCENARIO: &str = "scenario: 1\nname: two-of-three\ntraffic: {workload: uniform, rate: 500}\nrun: {duration: 2s}\nfaults:\n\
    - {name: one, at: 100ms, for: 300ms, fault: {slow: {by: 20ms}}}\n\
    - {name: two, at: 400ms, for: 450ms, fault: {grpc_status: {code: UNAVAILABLE}}}\n\
    - {name: three, at: 850ms, for: 450ms, fault: hang}\n";

fn plan(written: &Written) -> spanproof_generators::plan::Plan {
    let tag = spanproof_generators::identity::RunTag::ZERO;
    spanproof_generators::plan::Plan::new(crate::run::plan_spec(written.scenario(), tag)).unwrap()
}

fn setup(budget: Option<Duration>) -> Setup {
    let source = Source { name: "x.yaml".to_owned(), text: SCENARIO.to_owned(), directory: "".into() };
    let written = Written::load(&source, &LoadOptions::default()).unwrap_or_else(|problems| panic!("{problems}"));
    Setup {
        binary: "spanproof".into(),
        original: original(written.scenario(), &plan(&written), vec![1, 2]),
        written,
        flags: vec!["--plant-behind".to_owned(), "drop-nth=7".to_owned()],
        disarmed: Some("one".to_owned()),
        allow_remote: Vec::new(),
        failures: vec![Failure::Limit("spans.lost_acknowledged == 0".to_owned())],
        runs: NonZeroU32::MIN.saturating_add(2),
        budget,
        run_takes: Duration::from_millis(3_400),
        run_takes_max: Duration::from_secs(60),
        target_ends_within: Duration::from_secs(5),
        out: "out/my shrunk".into(),
    }
}

fn reduced(state: State) -> Shrunk {
    let setup = setup(None);
    let candidate = Candidate { faults: vec![1, 2], rate: 125.0, duration: Duration::from_millis(1_600) };
    let tally = Tally { fails: 2, holds: 1, open: 1 };
    let mut shrunk = Shrunk::new(&setup);
    (shrunk.state, shrunk.runs, shrunk.seconds) = (state, 61, 186.42);
    shrunk.rule = Rule::of_original(setup.runs, 3);
    shrunk.original.tally = Tally { fails: 3, holds: 0, open: 0 };
    shrunk.not_always = vec![Failure::Limit("spans.late == 0".to_owned())];
    shrunk.smallest = Some(smallest(&setup, &candidate, tally));
    let plan = Plan::new(&setup, &candidate);
    let tried = Tried { number: 1, plan, outcome: Outcome::Fails, tally, seconds: 9.5, reason: None };
    shrunk.trials = vec![tried];
    shrunk
}

#[test]
fn the_smallest_is_told_with_its_plan_and_one_command() {
    insta::assert_snapshot!(reduced(State::Reduced).text());
}

#[test]
fn the_document_has_the_same_facts() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&reduced(State::Reduced)).unwrap());
}

#[test]
fn a_failure_that_did_not_show_again_is_told_with_its_counts() {
    let mut shrunk = Shrunk::new(&setup(None));
    shrunk.original.tally = Tally { fails: 0, holds: 3, open: 1 };
    (shrunk.runs, shrunk.seconds) = (4, 12.0);
    insta::assert_snapshot!(shrunk.text());
    assert_eq!(shrunk.exit_code(), 3);
}

#[test]
fn the_cost_is_told_in_candidates_runs_and_time() {
    insta::assert_snapshot!(cost_in_words(&setup(Some(Duration::from_secs(1_200)))));
}

#[test]
fn steps_are_lines() {
    let shrunk = reduced(State::Reduced);
    let original =
        Step::Original { number: 2, seen: Outcome::Open, took: Duration::from_millis(3_210), reason: Some("no\nport") };
    let rule = shrunk.rule.unwrap();
    let begins = Step::Begins { failures: &shrunk.failures, not_always: &shrunk.not_always, rule };
    let steps = [original, begins, Step::Trial(&shrunk.trials[0])];
    insta::assert_snapshot!(steps.iter().map(step_in_words).collect::<Vec<_>>().join("\n"));
}

#[test]
fn exit_codes_tell_a_smallest_from_none() {
    let codes =
        [State::Reduced, State::Minimal, State::Stopped, State::Interrupted].map(|state| reduced(state).exit_code());
    assert_eq!(codes, [0, 0, 0, 130]);
    let mut nothing_yet = reduced(State::Stopped);
    nothing_yet.smallest = Some(smallest(&setup(None), &setup(None).original.whole(), Tally::default()));
    assert_eq!(nothing_yet.exit_code(), 3);
    assert!(nothing_yet.text().contains("STOPPED by its budget"), "{}", nothing_yet.text());
}

/// What is only for one of the faults goes with it; what is for all of the run stays.
#[test]
fn flags_go_with_the_fault_that_they_name() {
    let setup = setup(None);
    let whole = setup.original.whole();
    let without_one = Candidate { faults: vec![1, 2], ..whole.clone() };
    assert_eq!(setup.flags(&without_one), ["--plant-behind", "drop-nth=7"]);
    assert_eq!(setup.flags(&whole)[2..], ["--disarm", "one"]);
    assert_eq!(setup.variation(&whole), Variation { faults: [0, 1, 2].into(), ..Variation::default() });
}
