//! What is said of the harness itself: how much of the plan it sent, what its sink did not take, and its own contradictions.

use super::*;
use crate::judge::corruption::CorruptionKind;
use crate::judge::evidence::FaultEvidence;
use crate::judge::outcomes::Sums;
use roaring::RoaringTreemap;
use spanproof_reports::result::faults::Fault;

/// Of the plan's 300 spans so many never left.
fn not_sent(spans: u64) -> Evidence {
    let mut evidence = clean();
    let counts = &mut evidence.account.counts;
    (counts.not_sent, counts.sent) = (spans, counts.sent - spans);
    (counts.acknowledged, counts.delivered) = (counts.sent, counts.sent);
    evidence
}

fn findings(evidence: &Evidence) -> Vec<(String, Level, u64, String)> {
    findings_of(driver::CHECK, evidence).into_iter().map(|one| (one.id, one.level, one.count, one.message)).collect()
}

fn one(id: &str, level: Level, count: u64, message: &str) -> (String, Level, u64, String) {
    (id.to_owned(), level, count, message.to_owned())
}

#[test]
fn what_never_left_is_warned_of_and_open_below_95_in_a_hundred() {
    let full = "these never left: the client's queue was full";
    assert_eq!(findings(&not_sent(1)), [one("not-sent", Level::Warning, 1, full)]);
    assert_eq!(findings(&not_sent(15)), [one("not-sent", Level::Warning, 15, full)]);
    let why = "only 94.7 % of the plan was sent (below 95 %): the client's queue was full, since target or driver did not keep up";
    assert_eq!(findings(&not_sent(16)), [one("not-sent", Level::Inconclusive, 16, why)]);
    let ended = Evidence { target_ended: Some("exit code 1".to_owned()), ..not_sent(150) };
    let why = "only 50.0 % of the plan was sent (below 95 %): the target had ended";
    let not_sent = one("not-sent", Level::Inconclusive, 150, why);
    assert_eq!(findings(&ended), [not_sent, one("target-ended", Level::Inconclusive, 1, "exit code 1")]);
}

#[test]
fn a_defect_that_never_bit_leaves_it_open_whether_it_would_have_been_noticed() {
    let told = |touched, signs| Fault { touched, signs, ..Fault::default() };
    let fault = |name: &str, told| FaultEvidence {
        name: name.to_owned(),
        told,
        touched: RoaringTreemap::new(),
        unanswered: RoaringTreemap::new(),
    };
    let bitten = [fault("slow", told(1, None)), fault("refusing", told(1, Some(1)))];
    assert_eq!(findings(&Evidence { faults: bitten.to_vec(), ..clean() }), []);
    let faults = vec![fault("outage", told(0, None)), fault("unseen", told(1, Some(0)))];
    let idle = Evidence { never_bit: vec!["drop-service=nobody".to_owned()], faults, ..clean() };
    let defect = "drop-service=nobody was planted and never bit: whether it would have been noticed cannot be told";
    let of_fault = |name: &str| {
        format!(
            "the fault `{name}` left no evidence that it touched anything: what holds of this run says nothing about it"
        )
    };
    let open = |why: &str| one("never-bit", Level::Inconclusive, 1, why);
    assert_eq!(findings(&idle), [open(defect), open(&of_fault("outage")), open(&of_fault("unseen"))]);
}

#[test]
fn what_the_sink_refused_matters_where_anything_is_absent_or_late() {
    let level = |change: fn(&mut crate::judge::account::Counts)| {
        let mut evidence = overloaded(clean());
        change(&mut evidence.account.counts);
        let found = findings_of(driver::CHECK, &evidence);
        found.into_iter().find(|one| one.id == "sink-refused").map(|one| one.level)
    };
    assert_eq!(level(|_| {}), Some(Level::Warning));
    assert_eq!(level(|counts| counts.lost_acknowledged = 1), Some(Level::Inconclusive));
    assert_eq!(level(|counts| counts.lost_unknown = 1), Some(Level::Inconclusive));
    assert_eq!(level(|counts| counts.late = 1), Some(Level::Inconclusive));
}

/// Who explains changes and who marks records are two, and so are who counts spans by their answers and who counts them by requests.
#[test]
fn two_bookkeepers_that_differ_are_called_an_error_of_spanproof() {
    let broken =
        |what: &str| one("account-broken", Level::Inconclusive, 1, &format!("{what}; this is an error of spanproof"));
    let mut changed = clean();
    changed.account.sets.corrupted.insert_range(0..6);
    let unexplained = broken("6 records came changed, and of 0 it is known what changed");
    assert_eq!(findings(&changed), [unexplained]);
    let kind = CorruptionKind { count: 6, records: (0..6).collect(), examples: Vec::new() };
    changed.corruptions.insert(vec!["name".to_owned()], kind);
    assert_eq!(findings(&changed), []);
    let spans = clean().account.counts.acknowledged;
    let of = |acknowledged, refused| {
        let sums = Sums { requests: 1, acknowledged, refused, ..Sums::default() };
        findings(&Evidence { sums, ..clean() })
    };
    assert_eq!(of(spans, 0), []);
    let counted = |driver: u64, word: &str, account: u64| {
        broken(&format!("the driver counted {driver} spans as {word}, and by its requests there are {account}"))
    };
    assert_eq!(of(spans - 1, 1), [counted(spans - 1, "acknowledged", spans), counted(1, "refused", 0)]);
}

#[test]
fn what_cannot_be_is_called_an_error_of_spanproof() {
    let mut evidence = clean();
    evidence.account.counts.delivered_not_sent = 2;
    evidence.account.counts.planned += 1;
    let broken =
        "the account does not add up: planned = sent + not_sent: 301 against 300; this is an error of spanproof";
    let arrived = "these arrived though they never left: this is an error of spanproof";
    let expected = [
        one("account-broken", Level::Inconclusive, 1, broken),
        one("delivered-not-sent", Level::Inconclusive, 2, arrived),
    ];
    assert_eq!(findings(&evidence), expected);
}
