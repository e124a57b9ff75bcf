//! What came late or twice while we stood still ourselves is open; what did so at another time fails as ever, and a loss always.

use super::limits::{Doubts, judge};
use super::*;
use crate::judge::evidence::FaultEvidence;
use crate::judge::standstill::{Excused, Standstills};
use roaring::RoaringTreemap;
use spanproof_reports::result::epoch::{Epoch, RunTag as ResultTag};
use spanproof_reports::result::faults::{Fault, Reactions, Wrong};
use spanproof_reports::result::{RunResult, Scenario};

/// A run in which we stood still for 12 s, which is the reason for these late and these repeated records.
fn stood_still(evidence: Evidence, late: &[u64], repeated: &[u64]) -> Evidence {
    let mut standstills = Standstills::default();
    standstills.note(Duration::from_secs(5), Duration::from_secs(17));
    let set = |records: &[u64]| records.iter().copied().collect::<RoaringTreemap>();
    let excused = Excused {
        standstills,
        late: set(late),
        repeated: set(repeated),
        delay: Duration::from_secs(12),
        unheard: true,
    };
    Evidence { excused, ..evidence }
}

/// A run in which so many records came late, and as many twice.
fn bad(count: u64) -> Evidence {
    let mut evidence = clean();
    let account = &mut evidence.account;
    (account.counts.late, account.counts.duplicated) = (count, count);
    account.sets.late.extend(0..count);
    account.sets.duplicated.extend(0..count);
    evidence
}

fn counted(evidence: &Evidence) -> Vec<(String, Level, u64)> {
    findings_of(delivery::CHECK, evidence).into_iter().map(|one| (one.id, one.level, one.count)).collect()
}

fn one(id: &str, level: Level, count: u64) -> (String, Level, u64) {
    (id.to_owned(), level, count)
}

#[test]
fn without_a_standstill_late_and_repeated_records_fail() {
    assert_eq!(counted(&bad(3)), [one("duplicated", Level::Failure, 3), one("late", Level::Failure, 3)]);
}

#[test]
fn a_standstill_elsewhere_excuses_nothing() {
    let evidence = stood_still(bad(3), &[], &[]);
    assert_eq!(counted(&evidence), [one("duplicated", Level::Failure, 3), one("late", Level::Failure, 3)]);
    let said = findings_of(delivery::CHECK, &evidence);
    assert!(said.iter().all(|found| !found.message.contains("stood still")), "{said:?}");
}

#[test]
fn what_a_standstill_explains_is_open_and_says_so_with_what_to_try() {
    let evidence = stood_still(bad(3), &[0, 1, 2], &[0, 1, 2]);
    let open = Level::Inconclusive;
    assert_eq!(counted(&evidence), [one("duplicated", open, 3), one("late", open, 3)]);
    for found in findings_of(delivery::CHECK, &evidence) {
        assert!(found.message.ends_with("spanproof itself stood still for 12 s from 0:05 on"), "{}", found.message);
        let advice = found.advice.unwrap();
        assert!(advice.contains("CPU") && advice.contains("pause"), "{advice}");
        assert_eq!(found.examples.len(), 3);
    }
}

#[test]
fn of_records_of_both_kinds_each_is_told_under_its_own_level() {
    let evidence = stood_still(bad(5), &[0, 1], &[3]);
    let expected = [
        one("duplicated", Level::Failure, 4),
        one("duplicated", Level::Inconclusive, 1),
        one("late", Level::Failure, 3),
        one("late", Level::Inconclusive, 2),
    ];
    assert_eq!(counted(&evidence), expected);
    assert_eq!(all(&evidence)[0].verdict, Verdict::Fail);
}

#[test]
fn repeats_that_a_resend_explains_stay_apart() {
    let mut evidence = bad(5);
    evidence.account.counts.duplicated_explained = 2;
    evidence.account.sets.duplicated_explained.extend(0..2);
    let evidence = stood_still(evidence, &[], &[2]);
    let expected = [
        one("duplicated", Level::Failure, 2),
        one("duplicated", Level::Inconclusive, 1),
        one("duplicated-explained", Level::Info, 2),
        one("late", Level::Failure, 5),
    ];
    assert_eq!(counted(&evidence), expected);
}

#[test]
fn a_loss_fails_however_long_we_stood_still() {
    let evidence = stood_still(with_a_loss(with_a_late_span(clean())), &[7], &[]);
    let expected = [one("lost-acknowledged", Level::Failure, 1), one("late", Level::Inconclusive, 1)];
    assert_eq!(counted(&evidence), expected);
}

#[test]
fn another_doubt_about_lateness_covers_all_of_it_at_once() {
    let conduct = Conduct { sink_saturated: 0.5, ..clean().conduct };
    let evidence = Evidence { conduct, ..stood_still(bad(4), &[0], &[]) };
    let found = findings_of(delivery::CHECK, &evidence).remove(1);
    assert_eq!((found.id.as_str(), found.level, found.count), ("late", Level::Inconclusive, 4));
    assert!(found.message.contains("saturated"), "{}", found.message);
}

fn verdicts(evidence: &Evidence, limits: &[&str]) -> Vec<Verdict> {
    let named = Scenario { name: "x".to_owned(), about: None, path: None };
    let mut result = RunResult::new(named, 7, ResultTag::default(), Epoch::from_unix_ns(0));
    result.ledger.spans = crate::judge::conclusion::spans(evidence);
    let limits: Vec<_> = limits.iter().map(|text| text.parse().unwrap()).collect();
    judge(&limits, &result, &Doubts::of(evidence)).into_iter().map(|outcome| outcome.verdict).collect()
}

#[test]
fn limits_on_late_and_repeated_records_are_open_where_they_hold_for_the_rest() {
    let (open, fail) = (Verdict::Inconclusive, Verdict::Fail);
    let limits = ["spans.late == 0", "spans.late <= 1", "spans.duplicated <= 3", "spans.duplicated_unexplained <= 4"];
    assert_eq!(verdicts(&bad(5), &limits), [fail; 4]);
    let evidence = stood_still(bad(5), &[0, 1, 2, 3], &[0, 1]);
    assert_eq!(verdicts(&evidence, &limits), [fail, open, open, open]);
    assert_eq!(verdicts(&stood_still(bad(5), &[0, 1, 2], &[0]), &limits), [fail, fail, fail, open]);
    assert_eq!(verdicts(&stood_still(bad(5), &[], &[]), &limits), [fail; 4]);
    let lost = stood_still(with_a_loss(clean()), &[], &[]);
    assert_eq!(verdicts(&lost, &["spans.lost_acknowledged == 0", "spans.late == 0"]), [fail, Verdict::Pass]);
}

#[test]
fn a_recovery_is_in_doubt_by_as_much_as_we_may_have_delayed_it() {
    assert_eq!(Doubts::of(&clean()).recovery_at_most, None);
    let doubts = Doubts::of(&stood_still(clean(), &[], &[]));
    assert!(doubts.recovery.unwrap().contains("stood still"));
    assert_eq!(doubts.recovery_at_most, Some(Duration::from_secs(12)));
    let conduct = Conduct { late_share: 0.5, late_at_most: Some(Duration::from_secs(3)), ..clean().conduct };
    let doubts = Doubts::of(&Evidence { conduct, ..stood_still(clean(), &[], &[]) });
    assert!(doubts.recovery.unwrap().contains("late"));
    assert_eq!(doubts.recovery_at_most, Some(Duration::from_secs(15)));
    let conduct = Conduct { sink_saturated: 0.5, ..clean().conduct };
    assert_eq!(Doubts::of(&Evidence { conduct, ..stood_still(clean(), &[], &[]) }).recovery_at_most, None);
}

/// Whoever gave up waiting has not heard the answer after which nobody may send again.
#[test]
fn what_came_again_after_an_answer_that_was_not_heard_is_open() {
    let wrong = Wrong { times: 2, ..Wrong::default() };
    let reactions = Some(Reactions { after_final: wrong.clone(), too_early: wrong, ..Reactions::default() });
    let told = Fault { touched: 9, reactions, ..Fault::default() };
    let (touched, unanswered) = (RoaringTreemap::new(), RoaringTreemap::new());
    let faults = vec![FaultEvidence { name: "down".to_owned(), told, touched, unanswered }];
    let levels = |evidence: &Evidence| {
        findings_of(reactions::CHECK, evidence).into_iter().map(|found| found.level).collect::<Vec<_>>()
    };
    let mut evidence = stood_still(Evidence { faults, ..clean() }, &[], &[]);
    assert_eq!(levels(&evidence), [Level::Inconclusive, Level::Warning]);
    let said = findings_of(reactions::CHECK, &evidence).remove(0).message;
    assert!(said.ends_with("cannot be told: spanproof itself stood still for 12 s from 0:05 on"), "{said}");
    evidence.excused.unheard = false;
    assert_eq!(levels(&evidence), [Level::Failure, Level::Warning]);
}
