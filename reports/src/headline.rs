//! The verdict of a result in words, and what deserves to be said first: shared by all renderers.

use crate::figures::{clock, count, stretch};
use crate::result::check::{Check, Finding, Level, LimitOutcome};
use crate::result::verdict::Verdict;
use crate::result::{RunResult, RunStatus};

/// One thing that failed or could not be decided, from a finding, a check without findings, or a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Concern<'a> {
    /// A finding and the check that found it.
    Finding(&'a Check, &'a Finding),
    /// A check that says so without a finding.
    Check(&'a Check),
    /// A limit that no finding speaks for.
    Limit(&'a LimitOutcome),
}

impl<'a> Concern<'a> {
    /// What it is called: its limit where it has one, else check and finding.
    pub fn title(self) -> String {
        match self {
            Self::Finding(check, finding) => {
                finding.limit.clone().unwrap_or_else(|| format!("{}: {}", check.id, finding.id))
            }
            Self::Check(check) => check.id.clone(),
            Self::Limit(outcome) => outcome.limit.clone(),
        }
    }

    /// The value found, or how many records it concerns.
    pub fn value(self) -> Option<String> {
        match self {
            Self::Finding(_, finding) => {
                finding.value.clone().or_else(|| (finding.count > 0).then(|| count(finding.count)))
            }
            Self::Check(_) => None,
            Self::Limit(outcome) => outcome.value.clone(),
        }
    }

    /// One sentence about it.
    pub fn message(self) -> Option<&'a str> {
        match self {
            Self::Finding(_, finding) => Some(&finding.message),
            Self::Check(check) => check.about.as_deref(),
            Self::Limit(outcome) => outcome.reason.as_deref(),
        }
    }

    /// The finding with its details, where there is one.
    pub fn finding(self) -> Option<&'a Finding> {
        match self {
            Self::Finding(_, finding) => Some(finding),
            Self::Check(_) | Self::Limit(_) => None,
        }
    }
}

/// Everything in a result that has this verdict, which is fail or inconclusive, each thing once.
///
/// A finding that names its limit speaks for that limit.
pub fn concerns(result: &RunResult, verdict: Verdict) -> Vec<Concern<'_>> {
    let level = if verdict == Verdict::Fail { Level::Failure } else { Level::Inconclusive };
    let mut found = Vec::new();
    for check in &result.checks {
        let findings = check.findings.iter().filter(|f| f.level == level).map(|f| Concern::Finding(check, f));
        let before = found.len();
        found.extend(findings);
        if found.len() == before && check.verdict == verdict {
            found.push(Concern::Check(check));
        }
    }
    let spoken_for = found.iter().filter_map(|c| c.finding()?.limit.as_deref()).collect::<Vec<_>>();
    let limits = result.limits.iter().filter(|l| l.verdict == verdict && !spoken_for.contains(&l.limit.as_str()));
    let limits = limits.map(Concern::Limit).collect::<Vec<_>>();
    found.extend(limits);
    found
}

/// The warnings of a run: its own, and every finding of that level.
pub fn warnings(result: &RunResult) -> Vec<String> {
    let findings = result.checks.iter().flat_map(|c| &c.findings).filter(|f| f.level == Level::Warning);
    result.warnings.iter().cloned().chain(findings.map(|f| f.message.clone())).collect()
}

/// How many checks and limits have this verdict.
pub fn tally(result: &RunResult, verdict: Verdict) -> usize {
    let checks = result.checks.iter().filter(|c| c.verdict == verdict).count();
    checks + result.limits.iter().filter(|l| l.verdict == verdict).count()
}

/// The verdict in words: `FAIL  2 of 6 checks and limits`.
pub fn verdict_in_words(result: &RunResult) -> String {
    let all = result.checks.len() + result.limits.len();
    let part = match result.verdict {
        Verdict::Pass => format!("{} checks and limits held", count(tally(result, Verdict::Pass) as u64)),
        Verdict::Skipped => "nothing was judged".to_owned(),
        verdict => format!("{} of {} checks and limits", count(tally(result, verdict) as u64), count(all as u64)),
    };
    let stop = match &result.status {
        RunStatus::Complete => "",
        RunStatus::Interrupted { .. } => ", interrupted",
        RunStatus::Aborted { .. } => ", stopped early",
    };
    format!("{}  {part}{stop}", result.verdict.word())
}

/// What stopped a run before its planned end.
pub fn stopped(result: &RunResult) -> Option<&str> {
    match &result.status {
        RunStatus::Complete => None,
        RunStatus::Interrupted { reason } => Some(reason),
        RunStatus::Aborted { limit } => Some(limit),
    }
}

/// One sentence that says how the run ended, for the top of a page.
pub fn sentence(result: &RunResult) -> String {
    let spans = &result.ledger.spans;
    match concerns(result, result.verdict).first() {
        Some(first) if matches!(result.verdict, Verdict::Fail | Verdict::Inconclusive) => {
            first.message().map_or_else(|| first.title(), str::to_owned)
        }
        _ if result.verdict == Verdict::Pass => {
            format!("{} of {} spans sent were delivered.", count(spans.delivered), count(spans.sent))
        }
        _ => match &result.status {
            RunStatus::Complete => "No check gave a verdict.".to_owned(),
            RunStatus::Interrupted { reason } => format!("The run was interrupted: {reason}."),
            RunStatus::Aborted { limit } => format!("The run was stopped early by `{limit}`."),
        },
    }
}

/// What was driven, in a few words: `process otelcol-contrib 0.155.0`.
pub fn target(result: &RunResult) -> Option<String> {
    let target = result.target.as_ref()?;
    let parts = [Some(target.kind.as_str()), target.name.as_deref(), target.version.as_deref()];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// When a finding happened: `1:11 to 1:35, in backend-down`; `1:11` where beginning and end read alike.
pub fn when(finding: &Finding) -> Option<String> {
    match (&finding.window, finding.at_seconds) {
        (Some(window), _) => {
            let during = window.during.as_ref().map(|what| format!(", {what}")).unwrap_or_default();
            Some(format!("{}{during}", stretch(window.from_seconds, window.to_seconds)))
        }
        (None, at) => at.map(clock),
    }
}

/// The first example of a finding on one line: `trace 9f3c... span 00f0...  frontend > checkout  at 1:12.3`.
pub fn example(finding: &Finding) -> Option<String> {
    let example = finding.examples.first()?;
    let ids = [("trace", &example.trace_id), ("span", &example.span_id)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some(format!("{name} {}", id.as_ref()?))).collect::<Vec<_>>();
    let at = example.at_seconds.map(|at| format!("at {}", clock(at)));
    let parts = [ids.join(" "), example.text.clone(), at.unwrap_or_default()];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::check::Window;
    use crate::result::samples::{failing, passing};

    #[test]
    fn a_finding_speaks_for_its_limit_and_nothing_is_said_twice() {
        let result = failing();
        let concerns = concerns(&result, Verdict::Fail);
        assert_eq!(concerns.iter().map(|c| c.title()).collect::<Vec<_>>(), ["spans.lost_acknowledged == 0"]);
    }

    #[test]
    fn every_failed_check_and_limit_is_a_concern_even_without_findings() {
        let mut result = passing();
        result.checks[1].verdict = Verdict::Fail;
        result.limits[2].verdict = Verdict::Fail;
        let titles = concerns(&result, Verdict::Fail).iter().map(|c| c.title()).collect::<Vec<_>>();
        assert_eq!(titles, ["integrity", "target.memory.peak < 450MiB"]);
    }

    #[test]
    fn a_window_that_reads_as_one_instant_is_told_as_one() {
        let of = |from_seconds, to_seconds, during: Option<&str>| {
            let window = Some(Window { from_seconds, to_seconds, during: during.map(str::to_owned) });
            when(&Finding { window, at_seconds: Some(99.0), ..Finding::default() }).unwrap()
        };
        assert_eq!(of(13.0, 13.0, None), "0:13");
        assert_eq!(of(13.01, 13.04, Some("in backend-down")), "0:13, in backend-down");
        assert_eq!(of(13.0, 13.1, Some("in backend-down")), "0:13 to 0:13.1, in backend-down");
        assert_eq!(when(&Finding { at_seconds: Some(13.0), ..Finding::default() }).as_deref(), Some("0:13"));
    }

    #[test]
    fn the_verdict_is_said_in_words() {
        let mut result = failing();
        assert_eq!(verdict_in_words(&result), "FAIL  2 of 6 checks and limits");
        assert_eq!(sentence(&result), "The collector said OK and these never came out.");
        result = passing();
        assert_eq!(verdict_in_words(&result), "PASS  6 checks and limits held");
        assert_eq!(sentence(&result), "900,000 of 900,000 spans sent were delivered.");
        result.status = RunStatus::Interrupted { reason: "SIGINT".to_owned() };
        result.verdict = result.merged_verdict();
        assert_eq!(verdict_in_words(&result), "INCONCLUSIVE  0 of 6 checks and limits, interrupted");
        assert_eq!(sentence(&result), "The run was interrupted: SIGINT.");
    }
}
