//! The scenario's limits against the result document.

use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::LimitOutcome;
use spanproof_reports::result::paths::{LookupError, Quantity};
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::limits::{Limit, LimitValue};

/// Judges each limit. A figure that is withheld or absent makes its limit inconclusive, with the reason.
pub fn judge(limits: &[Limit], result: &RunResult) -> Vec<LimitOutcome> {
    limits.iter().map(|limit| outcome(limit, result)).collect()
}

fn outcome(limit: &Limit, result: &RunResult) -> LimitOutcome {
    let text = limit.to_string();
    match result.lookup(&limit.path) {
        Ok(figure) => {
            let holds = limit.holds(magnitude(figure));
            let reason = (!holds).then(|| format!("{} is {figure}", limit.path));
            let verdict = if holds { Verdict::Pass } else { Verdict::Fail };
            LimitOutcome { limit: text, value: Some(figure.to_string()), verdict, reason }
        }
        Err(error) => LimitOutcome {
            limit: text,
            value: None,
            verdict: Verdict::Inconclusive,
            reason: Some(match error {
                LookupError::Withheld { reason, .. } => format!("the figure is withheld: {reason}"),
                other => other.to_string(),
            }),
        },
    }
}

/// The figure in the base unit of [`LimitValue::magnitude`]: seconds, bytes, plain numbers, 1 for 100 %.
fn magnitude(figure: Quantity) -> f64 {
    match figure {
        Quantity::Count(count) => count as f64,
        Quantity::Duration(duration) => duration.as_secs_f64(),
        Quantity::Bytes(bytes) => bytes as f64,
        Quantity::Ratio(number) | Quantity::Number(number) => number,
    }
}

/// What is wrong with a limit before anything has run: a path that results do not have.
pub fn problem(limit: &Limit) -> Option<String> {
    let unit = match &limit.value {
        LimitValue::Duration(_) => "a duration",
        LimitValue::Bytes(_) => "bytes",
        LimitValue::Percent(_) => "a share",
        LimitValue::Rate(_) => "a rate",
        LimitValue::Number(_) => "a number",
    };
    match spanproof_reports::result::paths::kind_of(&limit.path) {
        Ok(_) => None,
        Err(error) => Some(format!("limit `{limit}` ({unit}): {error}")),
    }
}
