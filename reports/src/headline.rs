//! The verdict of a result in words, and what deserves to be said first: shared by all renderers.

use crate::figures::{clock, count, stretch};
use crate::result::check::{Check, Finding, Level, LimitOutcome};
use crate::result::verdict::Verdict;
use crate::result::{RunResult, RunStatus};
use std::borrow::Cow;

/// One thing that failed or could not be decided: a limit or a check, with everything that is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Concern<'a> {
    /// What it is called: the limit, else check and finding.
    pub title: String,
    /// The limit's value; without a limit what was found, or how many records it concerns.
    pub value: Option<String>,
    /// What is told of it, the most important first; never empty. A limit or check that no finding explains speaks for itself.
    pub findings: Vec<Cow<'a, Finding>>,
}

impl Concern<'_> {
    /// The sentence of the most important finding.
    pub fn message(&self) -> Option<&str> {
        self.findings.first().map(|finding| finding.message.as_str()).filter(|message| !message.is_empty())
    }

    /// How many records one of several findings concerns; the heading has that of a single one.
    pub fn count_of(&self, finding: &Finding) -> Option<String> {
        (self.findings.len() > 1).then(|| count(finding.count))
    }

    fn unexplained(title: &str, told: Finding) -> Self {
        Self { title: title.to_owned(), value: None, findings: vec![Cow::Owned(told)] }
    }

    /// What was found where no limit compares it. Counts of several findings do not add up: one record may be in more of them.
    fn value_found(&self) -> Option<String> {
        match &self.findings[..] {
            [one] => one.value.clone().or_else(|| (one.count > 0).then(|| count(one.count))),
            several => Some(format!("{} findings", count(several.len() as u64))),
        }
    }
}

/// Everything in a result that has this verdict, which is fail or inconclusive, each thing once.
///
/// Findings that name a limit stand under it, and those of one kind that name none under one heading.
pub fn concerns(result: &RunResult, verdict: Verdict) -> Vec<Concern<'_>> {
    let level = if verdict == Verdict::Fail { Level::Failure } else { Level::Inconclusive };
    let mut concerns = Vec::new();
    for check in &result.checks {
        let of_verdict = |finding: &&Finding| finding.level == level || speaks_for_limit(finding, result, verdict);
        let mut findings = check.findings.iter().filter(of_verdict).peekable();
        if findings.peek().is_none() && check.verdict == verdict {
            let told = Finding { message: check.about.clone().unwrap_or_default(), ..Finding::default() };
            concerns.push(Concern::unexplained(&check.id, told));
        }
        findings.for_each(|finding| put(finding, check, &mut concerns));
    }
    for concern in &mut concerns {
        concern.value = concern.value_found();
    }
    for limit in result.limits.iter().filter(|limit| limit.verdict == verdict) {
        match concerns.iter_mut().find(|concern| concern.title == limit.limit) {
            Some(concern) => {
                concern.value = limit.value.clone().or_else(|| concern.value.take());
                let first = &mut concern.findings[0];
                if first.advice.is_none() && limit.advice.is_some() {
                    first.to_mut().advice.clone_from(&limit.advice);
                }
            }
            None => {
                let unexplained = Concern::unexplained(&limit.limit, limit.told());
                concerns.push(Concern { value: limit.value.clone(), ..unexplained });
            }
        }
    }
    concerns
}

/// Whether this is information or a warning for its check, and explains a limit that ended so.
fn speaks_for_limit(finding: &Finding, result: &RunResult, verdict: Verdict) -> bool {
    let is_its = |limit: &LimitOutcome| finding.limit.as_ref() == Some(&limit.limit) && limit.verdict == verdict;
    matches!(finding.level, Level::Info | Level::Warning) && result.limits.iter().any(is_its)
}

/// Puts a finding under its heading.
fn put<'a>(finding: &'a Finding, check: &Check, concerns: &mut Vec<Concern<'a>>) {
    let title = finding.limit.clone().unwrap_or_else(|| format!("{}: {}", check.id, finding.id));
    match concerns.iter_mut().find(|concern| concern.title == title) {
        Some(concern) => concern.findings.push(Cow::Borrowed(finding)),
        None => concerns.push(Concern { title, value: None, findings: vec![Cow::Borrowed(finding)] }),
    }
}

/// The warnings of a run: its own, and every finding of that level that explains no limit.
pub fn warnings(result: &RunResult) -> Vec<String> {
    let findings = result.checks.iter().flat_map(|c| &c.findings);
    let findings = findings.filter(|f| f.level == Level::Warning && f.limit.is_none());
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
            first.message().map_or_else(|| first.title.clone(), str::to_owned)
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
    use crate::result::samples::{changed_and_invented, failing, passing};

    #[test]
    fn a_finding_speaks_for_its_limit_and_nothing_is_said_twice() {
        let result = failing();
        let concerns = concerns(&result, Verdict::Fail);
        assert_eq!(concerns.iter().map(|c| c.title.as_str()).collect::<Vec<_>>(), ["spans.lost_acknowledged == 0"]);
    }

    /// Of each finding that names it the limit has its own value, and whoever reads the heading reads no other.
    #[test]
    fn a_limit_has_one_heading_with_its_own_value_however_many_findings_explain_it() {
        let concerned = changed_and_invented();
        let concerns = concerns(&concerned, Verdict::Fail);
        let headings: Vec<_> =
            concerns.iter().map(|c| (c.title.as_str(), c.value.as_deref(), c.findings.len())).collect();
        assert_eq!(headings, [("spans.corrupted == 0", Some("35"), 7), ("spans.invented == 0", Some("12"), 1)]);
        let counts: Vec<_> = concerns[0].findings.iter().filter_map(|f| concerns[0].count_of(f)).collect();
        assert_eq!(counts, ["14", "6", "5", "4", "3", "2", "1"]);
        assert_eq!(concerns[1].count_of(&concerns[1].findings[0]), None, "the heading has it");
    }

    #[test]
    fn findings_of_one_kind_that_no_limit_compares_stand_under_one_heading() {
        let mut result = changed_and_invented();
        result.limits.clear();
        result.checks.iter_mut().flat_map(|c| &mut c.findings).for_each(|finding| finding.limit = None);
        let concerns = concerns(&result, Verdict::Fail);
        let headings: Vec<_> = concerns.iter().map(|c| (c.title.as_str(), c.value.as_deref())).collect();
        assert_eq!(headings, [("integrity: corrupted", Some("7 findings")), ("integrity: invented", Some("12"))]);
    }

    /// Refusals fail no check: where a limit forbids them, what is known of them stands there and is no warning beside it.
    #[test]
    fn what_only_a_limit_fails_for_is_told_under_it() {
        let mut result = passing();
        let limit = || Some("spans.refused == 0".to_owned());
        let refused = Finding {
            id: "refused".to_owned(),
            level: Level::Warning,
            message: "refused; one answer: queue full".to_owned(),
            count: 3,
            limit: limit(),
            ..Finding::default()
        };
        result.checks[0].findings.push(refused);
        let advice = Some("its log".to_owned());
        let outcome =
            LimitOutcome { limit: limit().unwrap(), verdict: Verdict::Fail, advice, ..LimitOutcome::default() };
        result.limits.push(outcome);
        let concerns = concerns(&result, Verdict::Fail);
        let [only] = &concerns[..] else { panic!("{concerns:?}") };
        assert_eq!((&only.title[..], only.message()), ("spans.refused == 0", Some("refused; one answer: queue full")));
        assert_eq!(only.findings[0].advice.as_deref(), Some("its log"), "the finding has none of its own");
        assert_eq!(warnings(&result), [""; 0]);
    }

    #[test]
    fn every_failed_check_and_limit_is_a_concern_even_without_findings() {
        let mut result = passing();
        result.checks[1].verdict = Verdict::Fail;
        result.limits[2].verdict = Verdict::Fail;
        let titles = concerns(&result, Verdict::Fail).into_iter().map(|c| c.title).collect::<Vec<_>>();
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
