//! From evidence to the finished result document: the account in words, what each check and limit says, the verdict.

use super::checks;
use super::checks::limits::Doubts;
use super::evidence::Evidence;
use super::sampling::{Expected, Sampled};
use super::without::Without;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::ledger::{Ledger, SpanLedger, TraceLedger};
use spanproof_reports::result::sampling::{SampledTraces, Sampling, SamplingFate, SamplingRule, Unclaimed};
use spanproof_scenarios::limits::Limit;

/// Completes a document that holds a run's facts; `forewarned` is what had been warned of before the run. Equal evidence,
/// facts and limits give an equal result.
pub fn conclude(
    evidence: &Evidence,
    document: RunResult,
    forewarned: &[String],
    limits: &[Limit],
    without: Without,
) -> RunResult {
    let mut result = document;
    let limits = if without.judges_limits() { limits } else { &[] };
    result.ledger = ledger(evidence);
    result.sampling = evidence.sampled.as_ref().map(sampling);
    result.checks = checks::run(&checks::ALL, evidence, without);
    result.limits = checks::limits::judge(limits, &result, &Doubts::of(evidence));
    checks::limits::name_in_findings(limits, &result.limits, &mut result.checks);
    // What was warned of and then came true is said by a finding, and not twice.
    let came_true =
        result.checks.iter().flat_map(|check| &check.findings).any(|found| found.id.ends_with("-by-design"));
    if !came_true {
        result.warnings.splice(0..0, forewarned.iter().cloned());
    }
    result.verdict = result.merged_verdict();
    result
}

fn ledger(evidence: &Evidence) -> Ledger {
    Ledger {
        spans: spans(evidence),
        traces: TraceLedger { planned: evidence.plan.traces() },
        strata: evidence.plan.strata().iter().map(|(stratum, count)| (stratum.name().to_owned(), *count)).collect(),
    }
}

/// What became of traces, in the result's words.
fn sampling(sampled: &Sampled) -> Sampling {
    let of = |expected: Expected| sampled.rules.iter().filter(move |(rule, _)| rule.expected == expected);
    let whole = |expected| of(expected).map(|(_, tally)| tally.kept + tally.dropped).sum();
    let fate = |expected: Expected| match expected {
        Expected::Kept => SamplingFate::Kept,
        Expected::Dropped => SamplingFate::Dropped,
        Expected::Limited => SamplingFate::Limited,
        Expected::Either => SamplingFate::Either,
        Expected::Unknown => SamplingFate::Unknown,
    };
    let rules = sampled.rules.iter().map(|(rule, tally)| SamplingRule {
        by: rule.by.clone(),
        expected: fate(rule.expected),
        kept: tally.kept,
        dropped: tally.dropped,
        split: tally.split,
    });
    let unknown = sampled.unknown.iter().map(|(why, traces)| Unclaimed { why: why.clone(), traces: *traces });
    let (version, version_is_known) = &sampled.version;
    Sampling {
        collector_version: version.clone(),
        version_is_known: *version_is_known,
        traces: SampledTraces {
            kept: of(Expected::Kept).map(|(_, tally)| tally.kept).sum(),
            dropped: of(Expected::Dropped).map(|(_, tally)| tally.dropped).sum(),
            limited: whole(Expected::Limited),
            either: whole(Expected::Either),
            kept_wrongly: sampled.wrong_traces.kept,
            dropped_wrongly: sampled.wrong_traces.dropped,
            split: sampled.wrong_traces.split,
            unknown: of(Expected::Unknown).map(|(_, tally)| tally.traces()).sum(),
        },
        rules: rules.collect(),
        unknown: unknown.collect(),
    }
}

/// The account of the spans in the ledger's words.
pub fn spans(evidence: &Evidence) -> SpanLedger {
    let counts = &evidence.account.counts;
    let (lost_acknowledged, absent) = match evidence.absence_may_be_meant() {
        true => (0, counts.lost_acknowledged + counts.absent),
        false => (counts.lost_acknowledged, counts.absent),
    };
    SpanLedger {
        planned: counts.planned,
        not_sent: counts.not_sent,
        sent: counts.sent,
        acknowledged: counts.acknowledged,
        refused: counts.refused,
        unknown: counts.unknown,
        delivered: counts.delivered,
        recovered: counts.recovered,
        refused_delivered: counts.refused_delivered,
        duplicated: counts.duplicated,
        duplicated_explained: counts.duplicated_explained,
        duplicated_unexplained: counts.duplicated - counts.duplicated_explained,
        lost_acknowledged,
        lost_unknown: counts.lost_unknown,
        lost_refused: counts.lost_refused,
        lost_declared: counts.lost_declared,
        corrupted: counts.corrupted,
        corrupted_only: counts.corrupted_only,
        sampled_out: counts.sampled_out,
        absent,
        invented: evidence.invented,
        foreign: evidence.foreign,
        late: counts.late,
    }
}
