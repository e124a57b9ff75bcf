//! Checks on evidence made by hand: what the harness could not know is never called the target's failure, nor the other way.

use super::*;
use crate::judge::evidence::{Conduct, Refusals, Settling};
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Rate, Request, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::uniform::Uniform;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod changed;
mod complete;
mod concluded;
mod delivered;
mod driven;
mod examples;
mod excused;
mod faulty;
mod limited;
mod reacted;
mod turned_away;

/// What a check finds.
fn findings_of(check: Examination, evidence: &Evidence) -> Vec<Finding> {
    // By the way that a judge takes: a check that has nothing to look at is not made.
    run(&[check], evidence, Without::Nothing).into_iter().flat_map(|check| check.findings).collect()
}

fn plan() -> Plan {
    Plan::new(PlanSpec {
        seed: Seed(3),
        tag: RunTag::new(1),
        lane: 0,
        epoch_unix_ns: 0,
        workload: Workload::Uniform(Uniform { spans_per_trace: 3, span_bytes: 100, attributes: 1 }),
        mix: Mix::default(),
        packing: Packing::PerService,
        batch: BatchRule { spans: 30, timeout_ns: 1_000_000_000 },
        request_bytes_max: 1 << 20,
        rate: Rate::Traces(100.0),
        shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Constant,
        extent: Extent::Profile,
    })
    .unwrap()
}

/// A run in which everything went well.
fn clean() -> Evidence {
    Evidence::of_clean_run(Arc::new(plan()))
}

fn with_a_loss(mut evidence: Evidence) -> Evidence {
    evidence.account.counts.delivered -= 1;
    evidence.account.counts.lost_acknowledged += 1;
    evidence.account.sets.lost_acknowledged.insert(7);
    evidence
}

fn with_a_late_span(mut evidence: Evidence) -> Evidence {
    evidence.account.counts.late += 1;
    evidence.account.sets.late.insert(7);
    evidence
}

fn overloaded(evidence: Evidence) -> Evidence {
    let by_bounds = BTreeMap::from([("overloaded".to_owned(), 2), ("too large".to_owned(), 1)]);
    Evidence { refusals: Refusals { by_bounds, ..Refusals::default() }, ..evidence }
}

fn settled_short(evidence: Evidence, drained: u64, may_still_come: bool) -> Evidence {
    let short = Some(Duration::from_secs(1));
    Evidence { settling: Settling { short, drained, may_still_come }, ..evidence }
}

/// What all checks say.
fn all(evidence: &Evidence) -> Vec<Check> {
    run(&ALL, evidence, Without::Nothing)
}

/// Ids and levels of all findings.
fn found(evidence: &Evidence) -> Vec<(String, Level)> {
    let findings = all(evidence).into_iter().flat_map(|check| check.findings);
    findings.map(|finding| (finding.id, finding.level)).collect()
}

fn expect(evidence: &Evidence, findings: &[(&str, Level)]) {
    let expected: Vec<_> = findings.iter().map(|(id, level)| ((*id).to_owned(), *level)).collect();
    assert_eq!(found(evidence), expected);
}

/// Of a partial success only the number of rejected spans is known: the finding names some of its request all the same, and
/// says so.
#[test]
fn what_a_partial_success_rejected_and_delivered_has_examples_and_a_caveat() {
    let mut evidence = clean();
    (evidence.account.counts.refused_delivered, evidence.account.counts.refused_delivered_in_part) = (5, 2);
    evidence.account.sets.refused_delivered.extend(0..30);
    let findings: Vec<_> = all(&evidence).into_iter().flat_map(|check| check.findings).collect();
    let [found] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((found.id.as_str(), found.level, found.count), ("refused-delivered", Level::Failure, 5));
    assert!(!found.examples.is_empty());
    assert!(found.message.contains("; 2 of them were rejected in partial successes"), "{}", found.message);
    evidence.account.counts.refused_delivered_in_part = 0;
    let plain = all(&evidence).remove(0);
    assert!(!plain.findings[0].message.contains("partial"), "{}", plain.findings[0].message);
}

#[test]
fn a_clean_run_has_no_findings() {
    expect(&clean(), &[]);
}

#[test]
fn a_check_that_crashes_is_inconclusive_under_its_name_and_the_others_go_on() {
    let checks = run(&[crashing("first"), crashing("second"), integrity::CHECK], &clean(), Without::Nothing);
    let verdicts: Vec<_> = checks.iter().map(|check| (check.id.as_str(), check.verdict)).collect();
    let inconclusive = Verdict::Inconclusive;
    assert_eq!(verdicts, [("first", inconclusive), ("second", inconclusive), ("integrity", Verdict::Pass)]);
    let crash = &checks[0].findings[0];
    assert_eq!((crash.id.as_str(), crash.level), ("check-crashed", Level::Inconclusive));
    assert!(crash.message.contains("`first` crashed (planted 7)"), "{}", crash.message);
    assert!(checks[1].findings[0].message.contains("`second` crashed (planted 7)"));
}

fn crashing(id: &'static str) -> Examination {
    Examination { id, about: "", applies: |_| true, findings: |_| panic!("planted {}", 7) }
}

/// If it ran it would be seen to crash.
#[test]
fn a_check_that_is_left_out_does_not_run() {
    let checks = run(&[crashing("first"), integrity::CHECK], &clean(), Without::Check("first"));
    let verdicts: Vec<_> = checks.iter().map(|check| (check.id.as_str(), check.verdict)).collect();
    assert_eq!(verdicts, [("integrity", Verdict::Pass)]);
}

#[test]
fn without_a_kind_of_finding_the_verdict_is_that_of_the_others() {
    let delivery = |evidence: &Evidence| {
        let delivery = run(&ALL, evidence, Without::Finding("lost-acknowledged")).remove(0);
        (delivery.verdict, delivery.findings.into_iter().map(|found| found.id).collect::<Vec<_>>())
    };
    assert_eq!(delivery(&with_a_loss(clean())), (Verdict::Pass, vec![]));
    assert_eq!(delivery(&with_a_late_span(with_a_loss(clean()))), (Verdict::Fail, vec!["late".to_owned()]));
}

#[test]
fn a_loss_fails_unless_the_sink_itself_refused_something() {
    expect(&with_a_loss(clean()), &[("lost-acknowledged", Level::Failure)]);
    let evidence = overloaded(with_a_loss(clean()));
    expect(&evidence, &[("lost-acknowledged", Level::Inconclusive), ("sink-refused", Level::Inconclusive)]);
    let checks = all(&evidence);
    assert!(checks[0].findings[0].message.contains("overloaded 2, too large 1"), "{:?}", checks[0].findings);
    assert_eq!((checks[2].findings[0].count, checks[2].verdict), (3, Verdict::Inconclusive));
}

#[test]
fn what_came_late_fails_unless_the_sink_itself_refused_something() {
    expect(&with_a_late_span(clean()), &[("late", Level::Failure)]);
    let evidence = overloaded(with_a_late_span(clean()));
    expect(&evidence, &[("late", Level::Inconclusive), ("sink-refused", Level::Inconclusive)]);
}

#[test]
fn what_the_sink_refused_and_then_got_all_the_same_is_only_warned_of() {
    expect(&overloaded(clean()), &[("sink-refused", Level::Warning)]);
}

#[test]
fn requests_that_are_no_otlp_and_other_signals_fail_unless_others_may_send() {
    let malformed = BTreeMap::from([("malformed".to_owned(), 4), ("unknown path".to_owned(), 1)]);
    let mut evidence = Evidence { refusals: Refusals { malformed, ..Refusals::default() }, ..clean() };
    evidence.strangers.signals = [0, 3, 2, 0];
    expect(&evidence, &[("malformed", Level::Failure), ("foreign-signal", Level::Failure)]);
    let messages = all(&evidence).remove(1).findings;
    assert!(messages[0].message.ends_with("malformed 4, unknown path 1") && messages[0].count == 5, "{messages:?}");
    assert!(messages[1].message.ends_with("metrics 3, logs 2") && messages[1].count == 5, "{messages:?}");
    evidence.foreign_fails = false;
    expect(&evidence, &[("malformed", Level::Info), ("foreign-signal", Level::Info)]);
}

/// A target that is stopped in good order brings out what it holds, so what is absent then is lost; of one that is not stopped,
/// nobody knows.
#[test]
fn after_too_short_a_settling_absence_is_a_loss_only_if_the_target_was_emptied() {
    expect(&settled_short(with_a_loss(clean()), 0, false), &[("lost-acknowledged", Level::Failure)]);
    let evidence = settled_short(with_a_loss(clean()), 0, true);
    expect(&evidence, &[("lost-acknowledged", Level::Inconclusive)]);
    let message = &all(&evidence)[0].findings[0].message;
    assert!(message.contains("settling took only 1.0 s and the target may hold them for 15.0 s"), "{message}");
}

#[test]
fn what_came_only_when_the_target_was_stopped_is_open_and_told_once() {
    expect(&settled_short(clean(), 3, false), &[("settled-short", Level::Inconclusive)]);
    expect(&settled_short(clean(), 0, true), &[]);
    let cut = Evidence { cut_short: Some("interrupted".to_owned()), ..settled_short(clean(), 3, false) };
    expect(&cut, &[("cut-short", Level::Inconclusive)]);
}

/// A saturated sink receives late what came in time. A late driver makes nothing late: the clock runs from the sending.
#[test]
fn lateness_is_open_when_the_sink_was_the_limit_and_not_when_the_driver_was() {
    let lost = ("lost-acknowledged", Level::Failure);
    let limited = ("harness-was-the-limit", Level::Warning);
    let kept_up = clean().conduct;
    let of_driver = Conduct { late_share: 0.5, achieved_ratio: 0.9, driver_saturated: 0.5, ..kept_up };
    for (conduct, late) in
        [(Conduct { sink_saturated: 0.5, ..kept_up }, Level::Inconclusive), (of_driver, Level::Failure)]
    {
        expect(&Evidence { conduct, ..clean() }, &[limited]);
        let evidence = Evidence { conduct, ..with_a_loss(with_a_late_span(clean())) };
        expect(&evidence, &[lost, ("late", late), limited]);
    }
}

/// An exporter keeps to its connection, whichever of its requests it is; whole traces go round by the request.
#[test]
fn a_request_goes_over_the_connection_of_its_exporter_or_its_number() {
    let mut evidence = clean();
    evidence.connections = 3;
    let chunk = evidence.plan.open(0);
    let request = |exporter| {
        let mut request: Request = chunk.requests()[0].clone();
        request.exporter = exporter;
        request
    };
    let over = |evidence: &Evidence, exporter, number| evidence.connection_of(&request(exporter), number);
    assert_eq!([4, 5, 6].map(|exporter| over(&evidence, exporter, 1)), [1, 2, 0]);
    evidence.connections = 0;
    assert_eq!(over(&evidence, 4, 1), 0, "nothing is known of connections");
    let spec = PlanSpec { packing: Packing::WholeTraces, ..plan().spec().clone() };
    let mut evidence = Evidence::of_clean_run(Arc::new(Plan::new(spec).unwrap()));
    evidence.connections = 3;
    assert_eq!([4, 5, 6].map(|number| over(&evidence, 1, number)), [1, 2, 0]);
}
