//! The account of every record in counts, and the equations that must hold between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The account of everything planned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// Spans, each counted by its identity.
    pub spans: SpanLedger,
    /// Whole traces.
    pub traces: TraceLedger,
    /// How many traces of each stratum (`normal`, `error_trace`, ...) the plan really holds.
    /// Absent where the plan has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strata: BTreeMap<String, u64>,
}

/// Counts of traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TraceLedger {
    /// Traces in the plan.
    pub planned: u64,
}

/// Counts of spans. A span sent or delivered several times counts once wherever the field does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SpanLedger {
    /// In the plan.
    pub planned: u64,
    /// Planned, yet never sent: an exporter's queue was full, or the run ended early.
    pub not_sent: u64,
    /// Sent at least once.
    pub sent: u64,
    /// Sent, and the target said that it took them.
    pub acknowledged: u64,
    /// Sent, and the target refused them for good.
    pub refused: u64,
    /// Sent, and no final answer came: time-out, reset, or retries used up.
    pub unknown: u64,
    /// Arrived at least once with the content that was sent, or with the changes that the scenario expects.
    pub delivered: u64,
    /// Outcome unknown, and yet delivered. Information, not a fault.
    pub recovered: u64,
    /// Refused for good, and yet delivered.
    pub refused_delivered: u64,
    /// Arrived more than once. Counts spans, not copies.
    pub duplicated: u64,
    /// Arrived more than once, and a resend explains it.
    pub duplicated_explained: u64,
    /// Arrived more than once, and no resend explains it.
    pub duplicated_unexplained: u64,
    /// Acknowledged and never seen again.
    pub lost_acknowledged: u64,
    /// Outcome unknown and never seen.
    pub lost_unknown: u64,
    /// Refused and never seen, as a refusal should have it.
    pub lost_refused: u64,
    /// Missing, as the scenario declares that they may be.
    pub lost_declared: u64,
    /// At least one copy arrived with other content than was sent.
    pub corrupted: u64,
    /// Arrived, but no copy with the content that was sent.
    pub corrupted_only: u64,
    /// Missing because the configuration samples or filters them out.
    pub sampled_out: u64,
    /// Acknowledged and never seen, where the target may leave records out on purpose and nobody has said which: some of these
    /// may be lost, and which they are cannot be told.
    pub absent: u64,
    /// Arrived under an id that claims to be of this run and is not in its plan. Counts records received.
    pub invented: u64,
    /// Arrived under an id that is not of this run. Counts records received.
    pub foreign: u64,
    /// Delivered later than the configuration can explain.
    pub late: u64,
}

/// An equation between the counts of a [`SpanLedger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Equation {
    /// `planned = sent + not_sent`.
    Plan,
    /// `sent = acknowledged + refused + unknown`.
    Outcomes,
    /// `sent = delivered + corrupted_only + lost_* + sampled_out + absent`. Holds only where a sink watched the whole run.
    Fates,
    /// `duplicated = duplicated_explained + duplicated_unexplained`.
    Duplicates,
}

/// An [`Equation`] that does not hold, with its two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("ledger does not add up: {equation}, but {left} is not {right}")]
pub struct Imbalance {
    /// Which equation.
    pub equation: Equation,
    /// What its left side comes to.
    pub left: u128,
    /// What its right side comes to.
    pub right: u128,
}

impl Equation {
    /// Every equation.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Outcomes, Self::Fates, Self::Duplicates];

    fn sides(self, spans: &SpanLedger) -> (u64, Vec<u64>) {
        let s = spans;
        match self {
            Self::Plan => (s.planned, vec![s.sent, s.not_sent]),
            Self::Outcomes => (s.sent, vec![s.acknowledged, s.refused, s.unknown]),
            Self::Fates => {
                let lost = [s.lost_acknowledged, s.lost_unknown, s.lost_refused, s.lost_declared];
                (s.sent, [s.delivered, s.corrupted_only, s.sampled_out, s.absent].into_iter().chain(lost).collect())
            }
            Self::Duplicates => (s.duplicated, vec![s.duplicated_explained, s.duplicated_unexplained]),
        }
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plan => "planned = sent + not_sent",
            Self::Outcomes => "sent = acknowledged + refused + unknown",
            Self::Fates => "sent = delivered + corrupted_only + lost_* + sampled_out + absent",
            Self::Duplicates => "duplicated = duplicated_explained + duplicated_unexplained",
        })
    }
}

impl SpanLedger {
    /// Every equation that does not hold. Empty for a sound ledger.
    pub fn imbalances(&self) -> Vec<Imbalance> {
        Equation::ALL.into_iter().filter_map(|equation| self.imbalance(equation)).collect()
    }

    /// All spans that were sent and never arrived in any form, whatever the reason, those excepted whose absence may be meant.
    pub fn lost(&self) -> u64 {
        let parts = [self.lost_acknowledged, self.lost_unknown, self.lost_refused, self.lost_declared];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    fn imbalance(&self, equation: Equation) -> Option<Imbalance> {
        let (left, parts) = equation.sides(self);
        let (left, right) = (u128::from(left), parts.into_iter().map(u128::from).sum());
        (left != right).then_some(Imbalance { equation, left, right })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_ledger_made_of_its_parts_adds_up(p in prop::collection::vec(0u64..1_000_000, 12)) {
            let sent = p[0] + p[1] + p[2] + p[3] + p[4] + p[5] + p[6] + p[11];
            let refused = p[7].min(sent);
            let unknown = p[8].min(sent - refused);
            let spans = SpanLedger {
                planned: sent + p[9], not_sent: p[9], sent,
                acknowledged: sent - refused - unknown, refused, unknown,
                delivered: p[0], corrupted_only: p[1], lost_acknowledged: p[2], lost_unknown: p[3], lost_refused: p[4],
                lost_declared: p[5], sampled_out: p[6], absent: p[11],
                duplicated: p[10], duplicated_explained: p[10] / 2, duplicated_unexplained: p[10] - p[10] / 2,
                ..SpanLedger::default()
            };
            prop_assert_eq!(spans.imbalances(), vec![]);
        }

        #[test]
        fn one_span_too_many_anywhere_shows(field in 0usize..8) {
            let mut spans = SpanLedger { planned: 10, sent: 9, not_sent: 1, acknowledged: 9, delivered: 9, ..SpanLedger::default() };
            let fields = [&mut spans.planned, &mut spans.not_sent, &mut spans.unknown, &mut spans.sampled_out,
                &mut spans.duplicated, &mut spans.corrupted_only, &mut spans.lost_declared, &mut spans.absent];
            *fields.into_iter().nth(field).unwrap() += 1;
            prop_assert_eq!(spans.imbalances().len(), 1);
        }
    }

    #[test]
    fn a_loss_and_a_duplicate_do_not_cancel() {
        let spans = SpanLedger {
            planned: 10,
            sent: 10,
            acknowledged: 10,
            delivered: 9,
            duplicated: 1,
            duplicated_unexplained: 1,
            ..SpanLedger::default()
        };
        let found = spans.imbalances();
        assert_eq!(found, [Imbalance { equation: Equation::Fates, left: 10, right: 9 }]);
        assert_eq!(
            found[0].to_string(),
            "ledger does not add up: sent = delivered + corrupted_only + lost_* + sampled_out + absent, but 10 is not 9"
        );
    }

    #[test]
    fn what_is_lost_is_told_whatever_the_target_had_said() {
        let spans = SpanLedger {
            lost_acknowledged: 1,
            lost_unknown: 20,
            lost_refused: 300,
            lost_declared: 4000,
            ..SpanLedger::default()
        };
        assert_eq!(SpanLedger { delivered: 7, sampled_out: 7, ..spans }.lost(), 4321);
    }

    #[test]
    fn counts_near_the_end_of_u64_do_not_overflow() {
        let spans = SpanLedger { planned: 1, sent: u64::MAX, not_sent: 2, ..SpanLedger::default() };
        assert_eq!(spans.imbalances()[0].right, u128::from(u64::MAX) + 2);
    }
}
