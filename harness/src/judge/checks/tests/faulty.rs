//! What is said where the scenario itself broke something: at which fault a loss happened, what was declared, what to try.

use super::limits::{Doubts, judge, problem};
use super::*;
use crate::judge::evidence::{FaultEvidence, Foretold};
use roaring::RoaringTreemap;
use spanproof_reports::result::epoch::{Epoch, RunTag as ResultTag};
use spanproof_reports::result::faults::{Fault, Recovery};
use spanproof_reports::result::prediction::{CountRange, Prediction};
use spanproof_reports::result::{RunResult, Scenario};

fn set(records: impl IntoIterator<Item = u64>) -> RoaringTreemap {
    records.into_iter().collect()
}

/// A fault that touched these records.
fn fault(name: &str, touched: impl IntoIterator<Item = u64>) -> FaultEvidence {
    let told = Fault { touched: 1, ..Fault::default() };
    FaultEvidence { name: name.to_owned(), told, touched: set(touched), unanswered: set([]) }
}

/// A run that lost these, some of which had been inside when its target was killed.
fn lost(
    records: impl IntoIterator<Item = u64>,
    inside: impl IntoIterator<Item = u64>,
    faults: Vec<FaultEvidence>,
) -> Evidence {
    let mut evidence = Evidence { faults, died_inside: set(inside), ..clean() };
    evidence.account.sets.lost_acknowledged = set(records);
    let counts = &mut evidence.account.counts;
    counts.lost_acknowledged = evidence.account.sets.lost_acknowledged.len();
    counts.delivered -= counts.lost_acknowledged;
    evidence
}

/// Where the loss happened and the beginning of what to try.
fn told(evidence: &Evidence) -> (Option<String>, String) {
    let found = findings_of(delivery::CHECK, evidence).remove(0);
    assert_eq!(found.id, "lost-acknowledged");
    let advice = found.advice.unwrap();
    (found.place, advice.split(' ').take(4).collect::<Vec<_>>().join(" "))
}

/// The first requests of the plan, so that the loss is none of a sampler's.
#[test]
fn a_loss_is_laid_on_the_faults_that_touched_it() {
    let faults = vec![fault("early", 0..20), fault("late", 20..60), fault("idle", 70..80)];
    let place = "not taken by the sink, and not sent again: 20 at `early`, 10 at `late`";
    let advice = "whether the target goes";
    assert_eq!(told(&lost(0..30, [], faults.clone())), (Some(place.to_owned()), advice.to_owned()));
    let found = findings_of(delivery::CHECK, &lost(0..30, [], faults)).remove(0);
    assert!(found.advice.unwrap().contains("for longer than `early` lasts"));
    let elsewhere = vec![fault("idle", 70..80)];
    let (place, advice) = ("between the target's answer and the sink", "the target's log and");
    assert_eq!(told(&lost(0..30, [], elsewhere)), (Some(place.to_owned()), advice.to_owned()));
}

#[test]
fn a_loss_inside_a_killed_target_is_told_first_and_a_disk_is_advised_where_it_is_most() {
    let faults = |touched: u64| vec![fault("down", 0..touched)];
    let of = |touched: u64| told(&lost(0..30, touched..30, faults(touched)));
    let inside = "inside when the target was killed: 20; not taken by the sink, and not sent again: 10 at `down`";
    assert_eq!(of(10), (Some(inside.to_owned()), "a queue on disk".to_owned()));
    assert_eq!(of(15).1, "a queue on disk", "of as much, what can be helped by configuration");
    assert_eq!(of(16).1, "whether the target goes");
    let alone = Some("inside when the target was killed: 30".to_owned());
    assert_eq!(of(0), (alone, "a queue on disk".to_owned()));
}

#[test]
fn what_is_lost_as_declared_is_told_and_how() {
    let declared = |inside: &[u64], discarded: &[u64]| {
        let thrown = Fault { touched: 1, discards: true, ..Fault::default() };
        let mut faults = vec![fault("down", [1])];
        faults.push(FaultEvidence { told: thrown, ..fault("discard", discarded.iter().copied()) });
        let mut evidence = lost(inside.iter().chain(discarded).copied(), inside.iter().copied(), faults);
        evidence.account.declare_lost(&set(inside.iter().copied()));
        evidence.declare_discarded();
        let found = findings_of(delivery::CHECK, &evidence);
        found.into_iter().map(|one| (one.id, one.level, one.count, one.place)).collect::<Vec<_>>()
    };
    let one = |count, place: &str| vec![("lost-declared".to_owned(), Level::Info, count, Some(place.to_owned()))];
    let killed = "inside when the target was killed, which its guarantee permits";
    let thrown = "thrown away by the sink, which had said OK";
    assert_eq!(declared(&[4, 5], &[]), one(2, &format!("{killed}: 2")));
    assert_eq!(declared(&[], &[7]), one(1, &format!("{thrown}: 1")));
    assert_eq!(declared(&[4, 5], &[7]), one(3, &format!("{killed}: 2; {thrown}: 1")));
    assert_eq!(declared(&[], &[]), []);
}

/// What comes again after it was thrown away may be thrown away again.
#[test]
fn what_several_faults_threw_away_is_all_of_it() {
    let thrown = |records: std::ops::Range<u64>| FaultEvidence {
        told: Fault { discards: true, ..Fault::default() },
        ..fault("discard", records)
    };
    let evidence = Evidence { faults: vec![thrown(1..4), thrown(3..6), fault("down", 7..9)], ..clean() };
    assert_eq!(evidence.discarded(), set(1..6));
}

#[test]
fn where_all_died_inside_nothing_is_known_of_what_comes_out() {
    let mut evidence = lost(0..300, 0..300, Vec::new());
    let all = evidence.account.sets.lost_acknowledged.clone();
    evidence.account.declare_lost(&all);
    let found = findings_of(delivery::CHECK, &evidence);
    let open = found.into_iter().find(|one| one.id == "nothing-delivered").unwrap();
    let why = "nothing came out: whether anything would have, had the target not been killed, cannot be told";
    assert_eq!((open.level, open.message.as_str()), (Level::Inconclusive, why));
}

#[test]
fn a_repeat_of_what_any_fault_left_unanswered_is_explained() {
    let left = |records: &[u64]| FaultEvidence { unanswered: set(records.iter().copied()), ..fault("x", [1, 2, 3, 4]) };
    let mut evidence = Evidence { faults: vec![left(&[1, 2]), left(&[2, 3])], ..clean() };
    evidence.account.sets.duplicated = set([1, 2, 3, 4]);
    evidence.explain_repeats();
    assert_eq!(evidence.account.sets.duplicated_explained, set([1, 2, 3]));
}

#[test]
fn what_the_sink_refused_matters_where_anything_was_lost_as_declared() {
    let mut evidence = overloaded(clean());
    (evidence.account.counts.lost_declared, evidence.account.counts.delivered) = (1, 299);
    let found = findings_of(driver::CHECK, &evidence);
    assert_eq!(found.iter().find(|one| one.id == "sink-refused").unwrap().level, Level::Inconclusive);
}

/// What a limit comes to in a run with a fault `down`, after which the sink took requests in 2 s, and what was left is not known.
fn outcome(text: &str, doubts: &Doubts) -> (Verdict, String) {
    let named = Scenario { name: "x".to_owned(), about: None, path: None };
    let mut result = RunResult::new(named, 7, ResultTag::default(), Epoch::from_unix_ns(0));
    let recovery = Recovery { first_delivery_seconds: Some(2.0), drained_seconds: None };
    result.faults.insert("down".to_owned(), Fault { recovery, ..Fault::default() });
    result.faults.insert("gone".to_owned(), Fault::default());
    let outcome = judge(&[text.parse().unwrap()], &result, doubts).remove(0);
    (outcome.verdict, outcome.reason.unwrap_or_default())
}

#[test]
fn a_limit_on_recovery_is_judged_by_the_fault_that_it_names() {
    let sure = |text: &str| outcome(text, &Doubts::default());
    assert_eq!(sure("recovery.first_delivery < 3s after down"), (Verdict::Pass, String::new()));
    let late = Some("the sink was saturated".to_owned());
    let (verdict, reason) =
        outcome("recovery.first_delivery < 1s after down", &Doubts { recovery: late, ..Doubts::default() });
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(reason.ends_with("but the sink was saturated"), "{reason}");
    assert_eq!(sure("recovery.first_delivery < 1s after down").0, Verdict::Fail);
    let by_at_most = |most| {
        let (recovery, recovery_at_most) = (Some("the driver was late".to_owned()), Some(Duration::from_millis(most)));
        outcome("recovery.first_delivery < 1s after down", &Doubts { recovery, recovery_at_most, ..Doubts::default() })
            .0
    };
    assert_eq!(by_at_most(999), Verdict::Fail, "the 2 s were 1.001 s at the least");
    assert_eq!(by_at_most(1_001), Verdict::Inconclusive);
    let missing = "recovery.drained cannot be told: spans that should have come are missing, so nobody can say when the last of \
                   them did";
    assert_eq!(sure("recovery.drained < 1s after down"), (Verdict::Inconclusive, missing.to_owned()));
    let nothing = "recovery.first_delivery cannot be told: the sink took no request after it";
    assert_eq!(sure("recovery.first_delivery < 1s after gone"), (Verdict::Inconclusive, nothing.to_owned()));
}

#[test]
fn a_limit_on_a_part_of_the_run_is_refused_where_there_is_no_such_part() {
    let says = |text: &str| problem(&text.parse().unwrap()).map(|objection| objection.to_string());
    assert_eq!(says("recovery.drained < 1s after down"), None);
    assert_eq!(says("latency.intended_to_delivered.p99 < 1s during down"), None);
    assert_eq!(says("spans.late == 0"), None);
    assert!(says("recovery.drained < 1s").unwrap().contains("say after which"));
    for relation in ["before", "during"] {
        let refused = says(&format!("recovery.drained < 1s {relation} down")).unwrap();
        assert!(refused.contains("recovery comes after a fault"), "{refused}");
        let refused = says(&format!("spans.late == 0 {relation} down")).unwrap();
        assert!(refused.contains(&format!("remove `{relation} ...`")), "{refused}");
    }
}

/// A run that lost these, of which it had been foretold that these would be lost, and perhaps those.
fn foretold(
    lost_records: std::ops::Range<u64>,
    exact: bool,
    certain: std::ops::Range<u64>,
    open: std::ops::Range<u64>,
) -> Evidence {
    let lost_between =
        CountRange { low: certain.end - certain.start, high: certain.end - certain.start + open.end - open.start };
    let told = Prediction { exact, lost: lost_between, ..Prediction::default() };
    Evidence {
        foretold: Some(Foretold { told, lost: set(certain), open: set(open) }),
        ..lost(lost_records, [], vec![fault("down", 0..50)])
    }
}

fn unforeseen(evidence: &Evidence) -> Option<(Level, u64, String)> {
    let found = findings_of(prediction::CHECK, evidence);
    assert!(found.iter().all(|one| one.id == "unforeseen" && !one.examples.is_empty() && one.window.is_some()));
    found.into_iter().next().map(|one| (one.level, one.count, one.message))
}

#[test]
fn a_loss_that_was_foretold_span_by_span_is_no_news_and_any_other_is_warned_of() {
    assert_eq!(unforeseen(&foretold(10..30, true, 10..30, 0..0)), None);
    assert_eq!(
        unforeseen(&foretold(10..30, true, 10..25, 25..35)),
        None,
        "what hangs on milliseconds may go either way"
    );
    let message = "5 were lost that should have come out, and 2 came out that should have been lost, by what the configuration \
                   foretells";
    assert_eq!(unforeseen(&foretold(12..35, true, 10..30, 0..0)), Some((Level::Warning, 7, message.to_owned())));
    assert_eq!(unforeseen(&foretold(0..0, true, 10..12, 0..0)).map(|(_, count, _)| count), Some(2));
    assert_eq!(unforeseen(&lost(10..30, [], vec![fault("down", 0..50)])), None, "nothing was foretold");
}

#[test]
fn a_loss_that_was_foretold_by_number_only_is_compared_by_number() {
    for (lost, beyond) in [(0..20, None), (0..30, None), (0..19, Some(1)), (0..33, Some(3))] {
        let found = unforeseen(&foretold(lost.clone(), false, 100..120, 200..210));
        assert_eq!(found.as_ref().map(|(_, count, _)| *count), beyond, "{lost:?}");
        if let Some((level, _, message)) = found {
            assert_eq!(level, Level::Warning);
            assert!(message.ends_with("where the configuration foretells 20 to 30"), "{message}");
        }
    }
}

/// Nothing follows for a forecast where the loss itself cannot be told, or what it speaks of did not happen.
#[test]
fn a_forecast_is_held_against_nothing_that_it_does_not_speak_of() {
    let wrong = || foretold(0..50, true, 10..30, 0..0);
    assert!(unforeseen(&wrong()).is_some());
    let mut refused = wrong();
    refused.account.counts.refused = 1;
    let mut not_sent = wrong();
    not_sent.account.counts.not_sent = 1;
    let mut unknown = foretold(12..30, true, 10..30, 0..0);
    unknown.account.sets.lost_unknown = set(10..12);
    let mut idle = wrong();
    idle.faults[0].told.touched = 0;
    let others = [
        refused,
        not_sent,
        unknown,
        idle,
        Evidence { cut_short: Some("SIGINT".to_owned()), ..wrong() },
        Evidence { absence_is_unknown: true, ..wrong() },
        Evidence { target_ended: Some("exit code 1".to_owned()), ..wrong() },
    ];
    for (number, evidence) in others.iter().enumerate() {
        assert_eq!(unforeseen(evidence), None, "{number}");
    }
}
