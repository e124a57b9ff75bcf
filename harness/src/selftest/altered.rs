//! Evidence altered in memory: what no target can bring about at will, and what only an error of ours could.

use crate::evidence::Frozen;
use crate::judge::account::Account;
use crate::judge::evidence::{Change, Settling};
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use std::time::Duration;

/// As if every request had been sent twice.
pub(super) fn resent(frozen: &mut Frozen) {
    let plan = frozen.evidence.plan.clone();
    let twice = RequestRecord { outcome: Outcome::Acknowledged, attempts: 2, answer: String::new(), ended_ns: 0 };
    for chunk in 0..plan.chunks() {
        let requests = 0..plan.open(chunk).requests().len() as u32;
        for number in requests {
            frozen.evidence.requests.entry(RequestId { chunk, number }).or_insert_with(|| twice.clone()).attempts = 2;
        }
    }
    let opened = frozen.course.chunks_opened;
    frozen.evidence.account =
        Account::draw_up(&plan, &frozen.ledger, &frozen.evidence.requests, |chunk| chunk < opened);
}

/// As if the target's configuration had a filter.
pub(super) fn filter(frozen: &mut Frozen) {
    frozen.evidence.may_leave_out.push("filter".to_owned());
}

/// As if it had a sampler that writes the trace state.
pub(super) fn sampler(frozen: &mut Frozen) {
    frozen.evidence.may_change.push(("probabilistic_sampler".to_owned(), Change::TraceState));
}

/// As if it had a processor that writes attributes of spans.
pub(super) fn attributes(frozen: &mut Frozen) {
    frozen.evidence.may_change.push(("attributes".to_owned(), Change::Attributes));
}

/// As if the run had been interrupted.
pub(super) fn interrupted(frozen: &mut Frozen) {
    frozen.evidence.cut_short = Some("interrupted".to_owned());
}

/// As if a span had been counted twice.
pub(super) fn account(frozen: &mut Frozen) {
    frozen.evidence.account.counts.delivered += 1;
}

/// As if a span had arrived that never left.
pub(super) fn never_left(frozen: &mut Frozen) {
    frozen.evidence.account.counts.delivered_not_sent += 1;
}

/// As if the sink had refused requests because of its own bounds.
pub(super) fn sink_refused(frozen: &mut Frozen) {
    frozen.evidence.refusals.by_bounds.insert("too large".to_owned(), 1);
}

/// As if spans had come out only when the target was stopped, after settling for less than it may hold them.
pub(super) fn settled_short(frozen: &mut Frozen) {
    frozen.evidence.settling = Settling { short: Some(Duration::from_secs(1)), drained: 1, may_still_come: false };
}

/// As if hash and full comparison had disagreed about a span.
pub(super) fn disagreement(frozen: &mut Frozen) {
    frozen.evidence.unexplained = 1;
}

/// As if somebody had sent the sink what is no OTLP.
pub(super) fn malformed(frozen: &mut Frozen) {
    frozen.evidence.refusals.malformed.insert("no protobuf".to_owned(), 1);
}

/// As if somebody had sent the sink requests of every signal.
pub(super) fn signals(frozen: &mut Frozen) {
    frozen.evidence.strangers.signals = [1; 4];
}
