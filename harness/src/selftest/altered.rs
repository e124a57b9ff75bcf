//! Evidence altered in memory: what only an error of ours could bring about, and what a target without a configuration cannot.

use crate::collector_config::Keys;
use crate::evidence::Frozen;
use crate::judge::evidence::Change;

/// As if the configuration of the target had a sampler that writes the trace state.
pub(super) fn sampler(frozen: &mut Frozen) {
    frozen.evidence.may_change.push(("probabilistic_sampler".to_owned(), Change::TraceState));
}

/// As if it had a processor that writes attributes of spans.
pub(super) fn attributes(frozen: &mut Frozen) {
    frozen.evidence.may_change.push(("attributes".to_owned(), Change::Attributes(Keys::Any)));
}

/// As if a span had been counted twice.
pub(super) fn account(frozen: &mut Frozen) {
    frozen.evidence.account.counts.delivered += 1;
}

/// As if a span had come changed, and nobody had noted what changed in it.
pub(super) fn changes(frozen: &mut Frozen) {
    frozen.evidence.account.sets.corrupted.insert(0);
}

/// As if the driver had counted a span as refused of which no request says so.
pub(super) fn sums(frozen: &mut Frozen) {
    frozen.evidence.sums.refused += 1;
}

/// As if a span had arrived that never left.
pub(super) fn never_left(frozen: &mut Frozen) {
    frozen.evidence.account.counts.delivered_not_sent += 1;
}

/// As if hash and full comparison had disagreed about a span.
pub(super) fn disagreement(frozen: &mut Frozen) {
    frozen.evidence.unexplained = 1;
}
