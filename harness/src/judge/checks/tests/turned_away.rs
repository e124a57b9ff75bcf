//! Losses that the harness's own refusals or an early end explain are open; what is left fails beside them.

use super::limits::{Doubts, judge};
use super::*;
use crate::judge::doubted::{Doubted, Open};
use roaring::RoaringTreemap;
use spanproof_reports::result::epoch::{Epoch, RunTag as ResultTag};
use spanproof_reports::result::{RunResult, Scenario};
use std::ops::Range;

const FAIL: Level = Level::Failure;
const OPEN: Level = Level::Inconclusive;

/// Of five records that are lost, or late, these may have been in requests that the sink refused: at most so many of them.
fn open(records: Range<u64>, at_most: u64) -> Open {
    Open { records: records.collect(), at_most, by_end: false, by_refusals: at_most > 0 }
}

/// A run in which the sink refused a request, five records are lost and five came late.
fn refused(acknowledged: Open, late: Open) -> Evidence {
    let mut evidence = overloaded(clean());
    let account = &mut evidence.account;
    (account.counts.lost_acknowledged, account.counts.late) = (5, 5);
    account.counts.delivered -= 5;
    account.sets.lost_acknowledged.extend(0..5);
    account.sets.late.extend(10..15);
    Evidence { doubted: Some(Doubted { acknowledged, late, ..Doubted::default() }), ..evidence }
}

fn counted(evidence: &Evidence) -> Vec<(String, Level, u64)> {
    all(evidence).into_iter().flat_map(|check| check.findings).map(|one| (one.id, one.level, one.count)).collect()
}

fn one(id: &str, level: Level, count: u64) -> (String, Level, u64) {
    (id.to_owned(), level, count)
}

#[test]
fn what_no_refusal_explains_fails_and_the_refusal_is_only_warned_of() {
    let evidence = refused(Open::default(), Open::default());
    let expected = [one("lost-acknowledged", FAIL, 5), one("late", FAIL, 5), one("sink-refused", Level::Warning, 3)];
    assert_eq!(counted(&evidence), expected);
}

#[test]
fn of_losses_and_late_records_each_is_told_under_its_own_level_with_its_own_examples() {
    let evidence = refused(open(0..2, 2), open(11..15, 4));
    let expected = [
        one("lost-acknowledged", FAIL, 3),
        one("lost-acknowledged", OPEN, 2),
        one("late", FAIL, 1),
        one("late", OPEN, 4),
        one("sink-refused", OPEN, 3),
    ];
    assert_eq!(counted(&evidence), expected);
    let found = findings_of(delivery::CHECK, &evidence);
    assert_eq!([0, 1, 2, 3].map(|at| found[at].examples.len()), [3, 2, 1, 4]);
    assert!(found[1].message.ends_with("but the sink itself did not take everything (overloaded 2, too large 1)"));
    assert!(found[0].place.is_some() && found[1].place.is_none(), "the target is blamed for the first alone");
    assert_eq!(all(&evidence)[0].verdict, Verdict::Fail);
}

#[test]
fn what_refusals_explain_altogether_is_open() {
    let evidence = refused(open(0..5, 5), open(10..15, 5));
    let expected = [one("lost-acknowledged", OPEN, 5), one("late", OPEN, 5), one("sink-refused", OPEN, 3)];
    assert_eq!(counted(&evidence), expected);
}

/// The requests were too small for all of these, and nobody can tell which were in them.
#[test]
fn more_than_fits_into_what_was_refused_fails_and_says_how_many_are_open() {
    let evidence = refused(open(0..5, 2), open(10..15, 1));
    let expected = [
        one("lost-acknowledged", FAIL, 3),
        one("lost-acknowledged", OPEN, 2),
        one("late", FAIL, 4),
        one("late", OPEN, 1),
        one("sink-refused", OPEN, 3),
    ];
    assert_eq!(counted(&evidence), expected);
    let found = findings_of(delivery::CHECK, &evidence);
    let more = |count: u32| format!("; {count} more among these may have been in requests that the sink did not take");
    assert!(found[0].message.ends_with(&more(2)) && found[2].message.ends_with(&more(1)), "{found:?}");
    assert_eq!(found[0].examples.len(), 5);
}

fn verdicts<const N: usize>(evidence: &Evidence, limits: [&str; N]) -> [Verdict; N] {
    let named = Scenario { name: "x".to_owned(), about: None, path: None };
    let mut result = RunResult::new(named, 7, ResultTag::default(), Epoch::from_unix_ns(0));
    result.ledger.spans = crate::judge::conclusion::spans(evidence);
    let limits = limits.map(|text| text.parse().unwrap());
    let verdicts: Vec<_> =
        judge(&limits, &result, &Doubts::of(evidence)).into_iter().map(|outcome| outcome.verdict).collect();
    verdicts.try_into().unwrap()
}

#[test]
fn limits_are_open_where_they_hold_for_what_is_certain() {
    let (open_, fail) = (Verdict::Inconclusive, Verdict::Fail);
    let all = clean().account.counts.delivered;
    let (some, most) = (format!("spans.delivered >= {}", all - 3), format!("spans.delivered >= {all}"));
    let limits = [
        "spans.lost_acknowledged <= 3",
        "spans.lost_acknowledged <= 2",
        some.as_str(),
        most.as_str(),
        "spans.late <= 1",
        "spans.late == 0",
    ];
    assert_eq!(verdicts(&refused(Open::default(), Open::default()), limits), [fail; 6]);
    let evidence = refused(open(0..2, 2), open(11..15, 4));
    assert_eq!(verdicts(&evidence, limits), [open_, fail, open_, fail, open_, fail]);
    let mut evidence = refused(open(0..5, 2), Open::default());
    evidence.excused.late = RoaringTreemap::from_iter(10..14);
    evidence.excused.standstills.note(Duration::ZERO, Duration::from_secs(1));
    assert_eq!(verdicts(&evidence, limits), [open_, fail, open_, fail, open_, fail], "a standstill excuses late ones");
}

#[test]
fn limits_on_other_losses_are_open_by_their_own_records() {
    let mut evidence = refused(Open::default(), Open::default());
    let counts = &mut evidence.account.counts;
    (counts.lost_unknown, counts.lost_declared) = (4, 6);
    let doubted = Doubted { unknown: open(20..24, 4), declared: open(30..36, 3), ..Doubted::default() };
    evidence.doubted = Some(doubted);
    let limits = ["spans.lost_unknown == 0", "spans.lost_declared <= 3", "spans.lost_declared <= 2"];
    assert_eq!(verdicts(&evidence, limits), [Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Fail]);
    assert_eq!(verdicts(&evidence, ["spans.lost_acknowledged == 0"]), [Verdict::Fail]);
}

/// Of a run that was cut short, what had its time is lost, and what may have been on its way is open.
#[test]
fn what_an_early_end_explains_is_open_and_the_rest_fails() {
    let acknowledged = Open { by_end: true, by_refusals: false, ..open(3..5, 2) };
    let mut evidence = refused(acknowledged, Open::default());
    evidence.refusals = Refusals::default();
    evidence.cut_short = Some("interrupted".to_owned());
    let expected = [
        one("lost-acknowledged", FAIL, 3),
        one("lost-acknowledged", OPEN, 2),
        one("late", FAIL, 5),
        one("cut-short", OPEN, 0),
    ];
    assert_eq!(counted(&evidence), expected);
    let found = findings_of(delivery::CHECK, &evidence).remove(1);
    assert!(found.message.ends_with("but the run was cut short (interrupted)"), "{}", found.message);
}
