//! What was foretold beside what was counted, for all renderers.

use crate::figures::{bytes, clock, count, stretch};
use crate::result::RunResult;
use crate::result::prediction::Prediction;

/// How a forecast stands to what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was right.
    Right,
    /// It was wrong.
    Wrong,
    /// Nobody can say: the run was not the one that it speaks of, or what is missing need not be lost.
    NotCompared,
}

impl Standing {
    /// As the check of the result says.
    pub fn of(result: &RunResult) -> Self {
        match result.checks.iter().find(|check| check.id == Prediction::CHECK) {
            None => Self::NotCompared,
            Some(check) if check.findings.is_empty() => Self::Right,
            Some(_) => Self::Wrong,
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Right => "as foretold",
            Self::Wrong => "not as foretold",
            Self::NotCompared => "cannot be compared in this run",
        }
    }
}

/// A line for a terminal, without its margin; `None` where there was nothing to foretell.
pub fn line(result: &RunResult) -> Option<String> {
    let Some(told) = &result.prediction else {
        return result
            .prediction_unknown
            .as_ref()
            .map(|why| format!("what is lost could not be foretold, because {why}"));
    };
    let lost = count(result.ledger.spans.lost_acknowledged);
    let queue = format!("queue at most {} of {}", count(told.queue_peak.high), count(told.queue_size));
    Some(format!("lost {}, counted {lost}: {}; {queue}", told.lost, Standing::of(result).words()))
}

/// Names and values for a page; empty where there was nothing to foretell.
pub fn rows(result: &RunResult) -> Vec<(&'static str, String)> {
    let Some(told) = &result.prediction else {
        return result.prediction_unknown.iter().map(|why| ("not foretold, because", why.clone())).collect();
    };
    let spans = &result.ledger.spans;
    let beside = |foretold: String, counted: u64| format!("{foretold} foretold, {} counted", count(counted));
    let sure = format!("{} for certain, {} hang on milliseconds", count(told.certain), count(told.open));
    let all = [
        ("from", Some(told.from.clone())),
        ("acknowledged and lost", Some(beside(told.lost.to_string(), spans.lost_acknowledged))),
        ("of these", told.exact.then_some(sure)),
        ("due", lost_between(told)),
        ("refused by the target", Some(beside(told.refused.to_string(), spans.refused.saturating_add(spans.unknown)))),
        ("all in all", Some(Standing::of(result).words().to_owned())),
        ("requests in the queue at most", Some(format!("{} of {}", told.queue_peak, count(told.queue_size)))),
        ("bytes in the queue at most, as sent", Some(told.queue_peak_bytes.shown(bytes))),
        ("queue full at", told.queue_full_seconds.map(clock)),
        ("requests to the sink", Some(told.attempts.to_string())),
        ("over at the latest", Some(clock(told.done_seconds))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Between which instants the spans are due that may be given up.
pub fn lost_between(told: &Prediction) -> Option<String> {
    Some(stretch(told.lost_from_seconds?, told.lost_to_seconds?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::check::{Check, Finding};
    use crate::result::prediction::CountRange;
    use crate::result::samples::passing;

    fn foretold() -> RunResult {
        let told = Prediction {
            from: "otlp_grpc: a queue of 40 requests".to_owned(),
            exact: true,
            lost: CountRange { low: 10, high: 1_200 },
            certain: 10,
            open: 1_190,
            lost_from_seconds: Some(1.0),
            lost_to_seconds: Some(4.5),
            refused: CountRange { low: 3, high: 3 },
            queue_peak: CountRange { low: 39, high: 40 },
            queue_size: 40,
            queue_peak_bytes: CountRange { low: 2_048, high: 4_096 },
            queue_full_seconds: Some(2.0),
            attempts: CountRange { low: 90, high: 120 },
            done_seconds: 61.0,
        };
        RunResult { prediction: Some(told), ..passing() }
    }

    fn compared(findings: Vec<Finding>) -> RunResult {
        let mut result = foretold();
        result.checks.push(Check { id: Prediction::CHECK.to_owned(), findings, ..Check::default() });
        result
    }

    #[test]
    fn a_page_sets_it_beside_what_was_counted() {
        let lines: Vec<String> =
            rows(&foretold()).into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        insta::assert_snapshot!(lines.join("\n"));
        assert!(rows(&passing()).is_empty());
    }

    #[test]
    fn whether_it_was_right_is_for_the_check_to_say_and_not_for_the_range() {
        for (result, words) in [
            (compared(Vec::new()), "as foretold"),
            (compared(vec![Finding::default()]), "not as foretold"),
            (foretold(), "cannot be compared in this run"),
        ] {
            let lost = count(result.ledger.spans.lost_acknowledged);
            assert_eq!(
                line(&result),
                Some(format!("lost 10 to 1,200, counted {lost}: {words}; queue at most 40 of 40"))
            );
        }
        assert_eq!(line(&passing()), None);
    }

    #[test]
    fn what_could_not_be_foretold_is_said_with_the_reason() {
        let why = "`batch` stands before the exporter";
        let result = RunResult { prediction_unknown: Some(why.to_owned()), ..passing() };
        let said = "what is lost could not be foretold, because `batch` stands before the exporter";
        assert_eq!(line(&result).as_deref(), Some(said));
        assert_eq!(rows(&result), [("not foretold, because", why.to_owned())]);
    }
}
