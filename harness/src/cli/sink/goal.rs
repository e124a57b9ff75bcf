//! `--until`: a limit on what has arrived, in the grammar of all limits.

use crate::judge::checks::limits;
use crate::sink::tally::TallyCounts;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::knowledge::Objection;
use spanproof_scenarios::limits::{Limit, LimitValue};
use spanproof_scenarios::suggest::hint_for;
use spanproof_scenarios::units::ValueError;
use std::time::{Duration, Instant};

/// Figures of the sink itself, which need no expectation.
const OWN: [&str; 7] = ["spans", "traces", "requests", "bytes", "services", "data_points", "log_records"];

/// Stands before the sink's own figures, since a limit's path has at least two words.
const PREFIX: &str = "sink.";

/// Why a text is no goal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GoalError {
    /// No limit at all.
    #[error("--until `{text}`: {message}{}{hint}", if .hint.is_empty() { "" } else { "; " })]
    Limit {
        /// What was typed.
        text: String,
        /// What is wrong.
        message: String,
        /// What to write instead.
        hint: String,
    },
    /// The figure is one of a run that is judged.
    #[error("--until `{text}`: `{path}` needs to know what to expect; add --expect FILE, or use one of {}", OWN.join(", "))]
    NeedsExpectation {
        /// What was typed.
        text: String,
        /// The figure.
        path: String,
    },
    /// A value with a unit that the figure does not have.
    #[error("--until `{text}`: `{path}` is a count; write a number without a unit")]
    Unit {
        /// What was typed.
        text: String,
        /// The figure.
        path: String,
    },
    /// There are no faults here.
    #[error("--until `{text}`: a sink knows no faults; leave out `before`, `during` and `after`")]
    Window {
        /// What was typed.
        text: String,
    },
}

/// What is waited for.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    text: String,
    limit: Limit,
    holds_since: Option<Instant>,
}

impl Goal {
    /// Reads a goal. Figures of the ledger are allowed only when there is an expectation.
    pub(super) fn parse(text: &str, expecting: bool) -> Result<Self, GoalError> {
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| c.is_whitespace() || "<=>!".contains(c)).unwrap_or(trimmed.len());
        let is_own = OWN.contains(&&trimmed[..end]);
        let full = if is_own { format!("{PREFIX}{trimmed}") } else { trimmed.to_owned() };
        let limit: Limit = full.parse().map_err(|error: ValueError| {
            let path = &trimmed[..end];
            let names_none = !is_own && error.at < end && !(expecting && path.contains('.'));
            let hint = if names_none { figures_hint(path, expecting, error.hint) } else { error.hint };
            GoalError::Limit { text: text.to_owned(), message: error.message.replace(PREFIX, ""), hint }
        })?;
        let (text, path) = (text.to_owned(), trimmed[..end].to_owned());
        if limit.window.is_some() {
            return Err(GoalError::Window { text });
        }
        if is_own {
            let fits = matches!(limit.value, LimitValue::Number(_))
                || (path == "bytes" && matches!(limit.value, LimitValue::Bytes(_)));
            return if fits {
                Ok(Self { text, limit, holds_since: None })
            } else {
                Err(GoalError::Unit { text, path })
            };
        }
        if !expecting {
            return Err(GoalError::NeedsExpectation { text, path });
        }
        match limits::problem(&limit) {
            None => Ok(Self { text, limit, holds_since: None }),
            Some(Objection { message, hint }) => Err(GoalError::Limit { text, message, hint }),
        }
    }

    /// As it was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True for a figure of the sink itself.
    pub(super) fn is_own(&self) -> bool {
        self.limit.path.starts_with(PREFIX)
    }

    /// Whether it holds now, and has held for as long as it asks. `result` is what is known so far against an expectation.
    pub(super) fn holds(&mut self, counts: &TallyCounts, result: Option<&RunResult>, now: Instant) -> bool {
        let holds = match self.limit.path.strip_prefix(PREFIX) {
            Some(own) => self.limit.holds(figure(own, counts) as f64),
            None => result.is_some_and(|result| {
                limits::judge(std::slice::from_ref(&self.limit), result, &limits::Doubts::default())[0].verdict
                    == Verdict::Pass
            }),
        };
        self.holds_since = if holds { self.holds_since.or(Some(now)) } else { None };
        let sustained = self.limit.sustained.unwrap_or(Duration::ZERO);
        self.holds_since.is_some_and(|since| now.saturating_duration_since(since) >= sustained)
    }
}

/// What to write instead of a figure that nothing has. The grammar of limits knows those of a run alone, which need an expectation.
fn figures_hint(typed: &str, expecting: bool, of_a_run: String) -> String {
    match hint_for(typed, &OWN) {
        own if !expecting || own.starts_with("did you mean") => own,
        own => format!("{of_a_run}; {}", own.replace("known here", "the sink's own")),
    }
}

fn figure(name: &str, counts: &TallyCounts) -> u64 {
    let items = |signal: &str| counts.signals.get(signal).map_or(0, |counts| counts.items);
    match name {
        "traces" => counts.traces,
        "requests" => counts.requests,
        "bytes" => counts.bytes,
        "services" => counts.services.len() as u64,
        "data_points" => items("metrics"),
        "log_records" => items("logs"),
        _ => counts.spans,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(spans: u64, bytes: u64) -> TallyCounts {
        TallyCounts { spans, bytes, ..TallyCounts::default() }
    }

    #[test]
    fn own_figures_are_compared_as_typed() {
        let now = Instant::now();
        let mut goal = Goal::parse("spans >= 10", false).unwrap();
        assert!(!goal.holds(&counts(9, 0), None, now) && goal.holds(&counts(10, 0), None, now));
        let mut goal = Goal::parse(" bytes>1KiB", false).unwrap();
        assert!(!goal.holds(&counts(0, 1024), None, now) && goal.holds(&counts(0, 1025), None, now));
    }

    #[test]
    fn a_goal_with_a_duration_must_hold_without_a_break() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut goal = Goal::parse("spans < 5 for 2s", false).unwrap();
        assert!(!goal.holds(&counts(1, 0), None, start));
        assert!(!goal.holds(&counts(9, 0), None, start + second));
        assert!(!goal.holds(&counts(1, 0), None, start + 2 * second));
        assert!(goal.holds(&counts(1, 0), None, start + 4 * second));
    }

    #[test]
    fn what_is_wrong_with_a_goal_is_said_with_the_remedy() {
        let texts = [
            "",
            "spans",
            "spans >= ten",
            "spans >= 10ms",
            "spams >= 10",
            "foo >= 1",
            "foo.bar >= 1",
            "spans.lost_acknowledged == 0",
            "spans >= 10 during outage",
            "spans ≥ 10",
        ];
        let errors: Vec<String> = texts.iter().map(|text| Goal::parse(text, false).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn figures_of_the_ledger_need_an_expectation() {
        let goal = Goal::parse("spans.delivered >= 10", true).unwrap();
        assert!(!goal.is_own());
        assert!(Goal::parse("spans.nonsense == 0", true).is_err());
        let unknown = Goal::parse("foo >= 1", true).unwrap_err().to_string();
        assert!(unknown.contains("`latency`") && unknown.contains("`log_records`"), "{unknown}");
    }
}
