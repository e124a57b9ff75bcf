//! From what came of a case to its finding: the verdict of its level, and what became of what it sent.

use super::{Came, Ended, Setup};
use crate::conformance::book::{Amiss, Entry, add, weigh};
use crate::conformance::grade::grade;
use crate::conformance::judged::How;
use crate::conformance::plan::{Planned, State};
use crate::conformance::raw::tap::{CLOSED, CUT};
use spanproof_reports::conformance::{Conservation, Finding, Verdict, WireEntry};
use spanproof_reports::plain_text::shell_word;
use std::collections::BTreeMap;

/// The finding of what was planned.
pub(super) fn finding(planned: &Planned, ended: Option<&Ended>, setup: &Setup) -> Finding {
    let mut finding = blank(planned, setup);
    match (&planned.state, ended) {
        (State::Skipped(why), _) => (finding.verdict, finding.actual) = (Verdict::Skip, vec![why.clone()]),
        (State::NotApplicable(why), _) => {
            (finding.verdict, finding.actual) = (Verdict::NotApplicable, vec![why.clone()]);
        }
        (State::Tried, Some(ended)) => judge(&mut finding, planned, ended, setup),
        (State::Tried, None) => {}
    }
    if finding.verdict == Verdict::Pass {
        finding.wire.clear();
    }
    finding
}

fn blank(planned: &Planned, setup: &Setup) -> Finding {
    let requirement = &planned.requirement;
    Finding {
        requirement: requirement.id.clone(),
        case: planned.case.id.to_owned(),
        axes: planned.axes.to_string(),
        level: requirement.wording.name().to_owned(),
        source: requirement.source.clone(),
        stimulus: requirement.stimulus.clone(),
        verdict: Verdict::Error,
        is_broken: false,
        expected: requirement.pass.clone(),
        actual: vec!["it never ended".to_owned()],
        conserved: None,
        conduct: None,
        again: format!("{} --select {}", setup.command, shell_word(&planned.name())),
        took_ms: 0,
        wire: Vec::new(),
    }
}

fn judge(finding: &mut Finding, planned: &Planned, ended: &Ended, setup: &Setup) {
    let level = planned.requirement.level();
    finding.took_ms = ended.took_ms;
    finding.wire.clone_from(&ended.wire);
    finding.conduct = conduct(&ended.wire);
    let how = match &ended.came {
        Came::Error(why) => {
            finding.actual = vec![why.clone()];
            return;
        }
        Came::Unanswered(error) => {
            finding.actual = vec![error.to_string()];
            How::Broken
        }
        Came::Judged(judged) => {
            finding.expected = judged.expected().to_owned();
            finding.actual = judged.actual();
            judged.worst()
        }
    };
    finding.verdict = grade(level, how);
    finding.is_broken = how >= How::Weak;
    let amiss = amiss(&ended.entries, setup);
    if !amiss.is_empty() {
        finding.verdict = Verdict::Fail;
        finding.is_broken = true;
        finding.conserved = Some(amiss.join("; "));
    }
    let is_cut = finding.conduct.as_ref().is_some_and(|conduct| conduct.contains(CUT));
    if finding.verdict == Verdict::Pass && is_cut {
        finding.verdict = Verdict::Info;
    }
}

/// What of the requests does not add up.
fn amiss(entries: &[Entry], setup: &Setup) -> Vec<String> {
    let Some(readback) = &setup.readback else { return Vec::new() };
    let weighed = entries.iter().filter_map(|entry| weigh(entry, readback.store.distinct(&entry.marker)));
    weighed
        .map(|amiss| match amiss {
            Amiss::Lost(told) => format!("lost without a word: {told}"),
            Amiss::Kept(told) => format!("it does not add up: {told}"),
        })
        .collect()
}

/// How the connections of a case ended, where the target ended any.
fn conduct(wire: &[WireEntry]) -> Option<String> {
    let count = |what: &str| wire.iter().filter(|entry| entry.decoded.starts_with(what)).count();
    let (opened, closed, cut) = (count("connected to"), count(CLOSED), count(CUT));
    let told = [(closed, CLOSED), (cut, CUT)].into_iter().filter(|(number, _)| *number > 0);
    let told = told.map(|(number, what)| format!("{number} of {opened} connections {what}")).collect::<Vec<_>>();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What became of everything, controls included.
pub(super) fn conservation(ended: &BTreeMap<usize, Ended>, controls: &[Entry], setup: &Setup) -> Option<Conservation> {
    let readback = setup.readback.as_ref()?;
    let mut sum = Conservation::default();
    for entry in ended.values().flat_map(|ended| &ended.entries).chain(controls) {
        add(&mut sum, entry, readback.store.distinct(&entry.marker));
    }
    Some(sum)
}
