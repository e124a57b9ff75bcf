//! What is counted over a whole conformance run.

use super::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many of each verdict.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally(BTreeMap<Verdict, usize>);

impl Tally {
    /// Counts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut tally = BTreeMap::new();
        for verdict in verdicts {
            *tally.entry(verdict).or_insert(0) += 1;
        }
        Self(tally)
    }

    /// How many of one.
    pub fn of_verdict(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or(0)
    }

    /// How many in which the target was judged.
    pub fn judged(&self) -> usize {
        self.0.iter().filter(|(verdict, _)| verdict.is_judged()).map(|(_, count)| count).sum()
    }

    /// `2 fail, 1 error, 40 pass`: what there is, the gravest first; `nothing` without any.
    pub fn text(&self) -> String {
        let there = Verdict::ALL.into_iter().filter(|verdict| self.of_verdict(*verdict) > 0);
        let words = there.map(|verdict| format!("{} {verdict}", self.of_verdict(verdict))).collect::<Vec<_>>();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

/// What became of all items that were sent (spans, data points, log records). `sent` is the sum of the next four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conservation {
    /// All.
    pub sent: u64,
    /// In requests that were taken, less what was rejected of them.
    pub acknowledged: u64,
    /// Rejected in a partial success.
    pub rejected: u64,
    /// In requests that were refused.
    pub refused: u64,
    /// In requests of which nobody can tell: no answer, or a broken one.
    pub unknown: u64,
    /// What arrived behind the target, each once.
    pub stored: u64,
}

impl Conservation {
    /// One line for people.
    pub fn text(&self) -> String {
        let Self { sent, acknowledged, rejected, refused, unknown, stored } = self;
        format!(
            "{sent} items sent = {acknowledged} acknowledged + {rejected} rejected + {refused} refused + {unknown} unknown; \
             {stored} came out"
        )
    }
}
