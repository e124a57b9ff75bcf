//! From evidence to the document: the account in its words, what was warned of, and the verdict over checks and limits.

use super::*;
use crate::judge::account::Counts;
use crate::judge::conclusion::conclude;
use spanproof_reports::result::epoch::{Epoch, RunTag as ResultTag};
use spanproof_reports::result::ledger::SpanLedger;
use spanproof_reports::result::{RunResult, Scenario};

pub(super) fn concluded(evidence: &Evidence, limits: &[&str]) -> RunResult {
    let named = Scenario { name: "x".to_owned(), about: None, path: None };
    let mut facts = RunResult::new(named, 7, ResultTag::default(), Epoch::from_unix_ns(0));
    facts.warnings.push("a fact".to_owned());
    let limits: Vec<_> = limits.iter().map(|limit| limit.parse().unwrap()).collect();
    conclude(evidence, facts, &["may be meant".to_owned()], &limits, Without::Nothing)
}

/// The account and the document are written by different hands: a count that stands under another word would be a lie.
#[test]
fn every_count_of_the_account_stands_under_its_word() {
    let counts = Counts {
        planned: 1,
        not_sent: 2,
        sent: 3,
        acknowledged: 4,
        refused: 5,
        unknown: 6,
        delivered: 7,
        recovered: 8,
        refused_delivered: 9,
        refused_delivered_explained: 0,
        refused_delivered_in_part: 0,
        duplicated: 30,
        duplicated_explained: 11,
        lost_acknowledged: 12,
        lost_unknown: 13,
        lost_refused: 14,
        lost_declared: 21,
        sampled_out: 22,
        absent: 23,
        corrupted: 15,
        corrupted_only: 16,
        late: 17,
        delivered_not_sent: 18,
    };
    let mut evidence = Evidence { invented: 19, foreign: 20, ..clean() };
    evidence.account.counts = counts;
    let ledger = concluded(&evidence, &[]).ledger;
    let expected = SpanLedger {
        planned: 1,
        not_sent: 2,
        sent: 3,
        acknowledged: 4,
        refused: 5,
        unknown: 6,
        delivered: 7,
        recovered: 8,
        refused_delivered: 9,
        duplicated: 30,
        duplicated_explained: 11,
        duplicated_unexplained: 19,
        lost_acknowledged: 12,
        lost_unknown: 13,
        lost_refused: 14,
        corrupted: 15,
        corrupted_only: 16,
        late: 17,
        invented: 19,
        foreign: 20,
        lost_declared: 21,
        sampled_out: 22,
        absent: 23,
    };
    assert_eq!(ledger.spans, expected);
    assert_eq!(ledger.traces.planned, evidence.plan.traces());
    evidence.absence_is_unknown = true;
    let may_be_meant = concluded(&evidence, &[]).ledger;
    assert_eq!(may_be_meant.spans, SpanLedger { lost_acknowledged: 0, absent: 12 + 23, ..expected });
    assert_eq!(ledger.strata.values().sum::<u64>(), evidence.plan.traces());
}

#[test]
fn the_verdict_is_that_of_checks_and_limits() {
    assert_eq!(concluded(&clean(), &[]).verdict, Verdict::Pass);
    assert_eq!(concluded(&with_a_loss(clean()), &[]).verdict, Verdict::Fail);
    assert_eq!(concluded(&clean(), &["spans.delivered >= 300"]).verdict, Verdict::Pass);
    let broken = concluded(&clean(), &["spans.delivered >= 301"]);
    assert_eq!((broken.verdict, broken.limits.len(), broken.checks.len()), (Verdict::Fail, 1, 3));
    let named = concluded(&with_a_loss(clean()), &["spans.lost_acknowledged == 0"]);
    assert_eq!(named.checks[0].findings[0].limit.as_deref(), Some("spans.lost_acknowledged == 0"));
}

/// What had been warned of and came true is said by a finding.
#[test]
fn a_warning_stays_unless_a_finding_says_it() {
    assert_eq!(concluded(&with_a_loss(clean()), &[]).warnings, ["may be meant", "a fact"]);
    let meant = Evidence { absence_is_unknown: true, ..with_a_loss(clean()) };
    assert_eq!(concluded(&meant, &[]).warnings, ["a fact"]);
}
