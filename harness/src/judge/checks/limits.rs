//! The scenario's limits against the result document.
//!
//! A limit that a figure breaks is *open*, not broken, where the figure may be the doing of something other than the
//! target: see [`Doubts`].

pub(super) mod told;

use crate::judge::doubted::Open;
use crate::judge::evidence::{Evidence, harness_was_the_limit, late_starts_alone};
use spanproof_reports::result::RunResult;
use spanproof_reports::result::check::{Check, Finding, Level, LimitOutcome};
use spanproof_reports::result::paths::{Kind, LookupError, Quantity, kind_of};
use spanproof_reports::result::verdict::Verdict;
use spanproof_scenarios::knowledge::Objection;
use spanproof_scenarios::limits::{Limit, LimitValue, Relation, Window};
use std::time::Duration;

/// Why a limit that does not hold may yet be none of the target's fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doubts {
    /// Why absent records may be no loss.
    pub absence: Option<String>,
    /// Why changed records may be no corruption.
    pub change: Option<String>,
    /// Why late records may be none of the target's doing.
    pub lateness: Option<String>,
    /// Why the driver's pace is none of the target's doing.
    pub pace: Option<String>,
    /// Why a slow recovery may be none of the target's doing: it runs from the fault's end, whenever what was due came to be sent.
    pub recovery: Option<String>,
    /// So much of a recovery at most may be none of the target's doing; `None` where it may be all of it.
    pub recovery_at_most: Option<Duration>,
    /// That we stood still ourselves, in words.
    pub stood_still: Option<String>,
    /// So many late records that may be the reason for, and so many repeated ones.
    pub excused: [u64; 2],
    /// So many absent records may be no loss, if none of the run is in doubt as a whole: acknowledged, unknown, and declared ones.
    pub absent: [u64; 3],
    /// So many late records may have come in time, and not been taken.
    pub turned_away: u64,
    /// Why that is so, in words.
    pub own_doing: Option<String>,
}

impl Doubts {
    /// What the evidence leaves open.
    pub fn of(evidence: &Evidence) -> Self {
        let meant = evidence.absence_may_be_meant();
        let open = evidence.sampled.as_ref().is_some_and(|sampled| !sampled.open.is_empty());
        let by_design = (meant || open).then(|| "absence may be meant here".to_owned());
        let changed = evidence.all_changes_may_be_meant().then(|| "these changes may be meant".to_owned());
        let lateness = evidence.lateness_doubt();
        let (absent, late) = (evidence.open_absences(), evidence.open_late());
        let pace = harness_was_the_limit(&evidence.conduct);
        let excused = &evidence.excused;
        let stood_still = excused.standstills.in_words();
        let doubt_of_recovery = evidence.recovery_doubt();
        let recovery = doubt_of_recovery.clone().or_else(|| pace.clone()).or_else(|| stood_still.clone());
        let by_late_starts = if pace.is_some() { late_starts_alone(&evidence.conduct) } else { Some(Duration::ZERO) };
        let recovery_at_most = by_late_starts.filter(|_| doubt_of_recovery.is_none() && recovery.is_some());
        Self {
            absence: evidence.absence_doubt().or(by_design),
            change: changed,
            lateness,
            pace,
            recovery,
            recovery_at_most: recovery_at_most.map(|most| most.saturating_add(excused.delay)),
            stood_still,
            excused: [excused.late.len(), excused.repeated.len()],
            own_doing: own_doing(evidence, absent.iter().chain([&late])),
            absent: absent.map(|open| open.at_most),
            turned_away: late.at_most,
        }
    }

    /// The doubt about a figure that breaks its limit. A recovery that breaks it by more than is in doubt breaks it for certain.
    fn about(&self, limit: &Limit, counted: f64) -> Option<String> {
        let [_, repeated] = self.excused;
        let [acknowledged, unknown, declared] = self.absent;
        match limit.canonical_path() {
            "spans.lost_acknowledged" => self.but_for(limit, counted, acknowledged),
            "spans.lost_unknown" => self.but_for(limit, counted, unknown),
            "spans.lost_declared" => self.but_for(limit, counted, declared),
            "spans.delivered" => self.absence.clone().or_else(|| {
                let absent = self.absent.iter().fold(0, |all: u64, count| all.saturating_add(*count));
                self.own_doing.clone().filter(|_| absent > 0 && limit.holds(counted + absent as f64))
            }),
            "spans.corrupted" | "spans.corrupted_only" => self.change.clone(),
            "spans.late" => self.lateness.clone().or_else(|| self.without_late(limit, counted)),
            "spans.duplicated" | "spans.duplicated_unexplained" => self.without(limit, counted, repeated),
            path if path.starts_with("recovery.") => {
                let surely = |most: Duration| !limit.holds(counted - most.as_secs_f64());
                self.recovery.clone().filter(|_| !self.recovery_at_most.is_some_and(surely))
            }
            path if path.starts_with("driver.achieved_") || path.starts_with("driver.lateness_") => self.pace.clone(),
            _ => None,
        }
    }

    /// Why so many absent records may be no loss, if the limit holds without them, or any.
    fn but_for(&self, limit: &Limit, counted: f64, absent: u64) -> Option<String> {
        let own_doing = || self.own_doing.clone().filter(|_| absent > 0 && limit.holds(counted - absent as f64));
        self.absence.clone().or_else(own_doing)
    }

    /// Why late records may be none of the target's doing, if the limit holds without those of which that is so.
    fn without_late(&self, limit: &Limit, counted: f64) -> Option<String> {
        let [stood_still, _] = self.excused;
        let reasons = [(stood_still, &self.stood_still), (self.turned_away, &self.own_doing)];
        let reasons: Vec<&str> =
            reasons.iter().filter(|(count, _)| *count > 0).filter_map(|(_, why)| why.as_deref()).collect();
        let rest = counted - (stood_still + self.turned_away) as f64;
        (!reasons.is_empty() && limit.holds(rest)).then(|| reasons.join(", and "))
    }

    /// That we stood still, if the limit holds for what that is not the reason for.
    fn without(&self, limit: &Limit, counted: f64, excused: u64) -> Option<String> {
        self.stood_still.clone().filter(|_| excused > 0 && limit.holds(counted - excused as f64))
    }
}

/// Why any of these may be our own doing, in words.
fn own_doing<'a>(evidence: &Evidence, open: impl Iterator<Item = &'a Open>) -> Option<String> {
    let merged = open.fold(Open::default(), |merged, one| Open {
        by_end: merged.by_end || one.by_end,
        by_refusals: merged.by_refusals || one.by_refusals,
        ..merged
    });
    evidence.why_open(&merged)
}

/// Judges each limit. A figure that is withheld or absent makes its limit inconclusive, with the reason, and so does a doubt
/// about one that breaks it.
pub fn judge(limits: &[Limit], result: &RunResult, doubts: &Doubts) -> Vec<LimitOutcome> {
    limits.iter().map(|limit| outcome(limit, result, doubts)).collect()
}

/// Has each finding that explains a limit's outcome name that limit, so that a reader is told of the two together.
pub fn name_in_findings(limits: &[Limit], outcomes: &[LimitOutcome], checks: &mut [Check]) {
    for (limit, outcome) in limits.iter().zip(outcomes) {
        let level = match outcome.verdict {
            Verdict::Fail => Level::Failure,
            Verdict::Inconclusive => Level::Inconclusive,
            Verdict::Pass | Verdict::Skipped => continue,
        };
        let ids = explaining(limit.canonical_path());
        let explain = |finding: &Finding| ids.contains(&finding.id);
        let mut findings: Vec<_> =
            checks.iter_mut().flat_map(|check| &mut check.findings).filter(|finding| explain(finding)).collect();
        // What fails a limit may be nothing that a check fails for, such as refusals; then it is told there and not as a warning.
        let alike = findings.iter().any(|finding| finding.level == level);
        let told_only =
            |found: Level| !alike && level == Level::Failure && matches!(found, Level::Warning | Level::Info);
        findings.retain(|finding| finding.level == level || told_only(finding.level));
        for finding in findings {
            finding.limit.get_or_insert_with(|| outcome.limit.clone());
        }
    }
}

/// Ids of the findings behind a count of spans.
fn explaining(path: &str) -> Vec<String> {
    match path.strip_prefix("spans.") {
        Some("lost_acknowledged") => vec!["lost-acknowledged".to_owned(), "absent-by-design".to_owned()],
        Some("corrupted" | "corrupted_only") => vec!["corrupted".to_owned(), "changed-by-design".to_owned()],
        Some("duplicated_unexplained") => vec!["duplicated".to_owned()],
        Some("lost_unknown" | "recovered") => vec!["unknown".to_owned()],
        Some("lost_refused") => vec!["refused".to_owned()],
        Some(both @ ("duplicated" | "refused_delivered")) => {
            let id = both.replace('_', "-");
            vec![format!("{id}-explained"), id]
        }
        Some(count) => vec![count.replace('_', "-")],
        None => Vec::new(),
    }
}

fn outcome(limit: &Limit, result: &RunResult, doubts: &Doubts) -> LimitOutcome {
    let text = limit.to_string();
    match result.lookup(&place(limit)) {
        Ok(figure) => {
            let (counted, uncounted) = (magnitude(figure, limit), uncounted(limit, result));
            let holds = limit.holds(counted);
            let (verdict, reason) = match (holds, doubts.about(limit, counted)) {
                _ if holds != limit.holds(counted + uncounted as f64) => {
                    let reason = format!("{} may be up to {uncounted}: absence may be meant here", limit.path);
                    (Verdict::Inconclusive, Some(reason))
                }
                (true, _) => (Verdict::Pass, None),
                (false, None) => (Verdict::Fail, Some(format!("{} is {figure}", limit.path))),
                (false, Some(doubt)) => {
                    (Verdict::Inconclusive, Some(format!("{} is {figure}, but {doubt}", limit.path)))
                }
            };
            let value = Some(figure.to_string());
            let mut outcome = LimitOutcome { limit: text, value, verdict, reason, ..LimitOutcome::default() };
            if verdict == Verdict::Fail {
                told::complete(&mut outcome, limit, counted, result);
            }
            outcome
        }
        Err(error) => LimitOutcome {
            limit: text,
            value: None,
            verdict: Verdict::Inconclusive,
            reason: Some(reason_open(limit, result, error)),
            ..LimitOutcome::default()
        },
    }
}

/// Where the result has the figure: of a part of the run, cut by a fault, among what is told of that fault.
fn place(limit: &Limit) -> String {
    match &limit.window {
        None => limit.path.clone(),
        Some(Window { fault, .. }) if is_recovery(limit) => format!("faults.{fault}.{}", limit.path),
        Some(Window { relation, fault }) => format!("faults.{fault}.{}.{}", relation.name(), limit.path),
    }
}

/// Why nothing is told of how it went on after a fault.
fn no_recovery(limit: &Limit) -> String {
    let why = match limit.path.as_str() {
        "recovery.drained" | "recovery.drained_seconds" => {
            "spans that should have come are missing, so nobody can say when the last of them did"
        }
        _ => "the sink took no request after it",
    };
    format!("{} cannot be told: {why}", limit.path)
}

fn is_recovery(limit: &Limit) -> bool {
    limit.path.starts_with("recovery.")
}

/// What is wrong with the part of the run that a limit speaks of.
fn problem_of_window(limit: &Limit) -> Option<Objection> {
    let relation = limit.window.as_ref().map(|window| window.relation);
    match relation {
        None if is_recovery(limit) => {
            Some(Objection::new("recovery is told of each fault", "say after which: `after FAULT`"))
        }
        Some(Relation::Before | Relation::During) if is_recovery(limit) => {
            Some(Objection::new("recovery comes after a fault", "write `after FAULT`"))
        }
        Some(relation) if !is_recovery(limit) && !limit.path.starts_with("latency.") => {
            let message = format!("`{}` is not told apart by faults", limit.path);
            let hint = format!("remove `{} ...`; latency.* and recovery.* can have it", relation.name());
            Some(Objection::new(message, hint))
        }
        None | Some(_) => None,
    }
}

/// How much higher the figure may be than the result says, in records: from none to all of those whose absence may be meant are
/// lost.
fn uncounted(limit: &Limit, result: &RunResult) -> u64 {
    if limit.canonical_path() == "spans.lost_acknowledged" { result.ledger.spans.absent } else { 0 }
}

/// Why there is no figure to judge.
fn reason_open(limit: &Limit, result: &RunResult, error: LookupError) -> String {
    let kind = result.target.as_ref().map_or("", |target| target.kind.as_str());
    match (error, not_measured(kind, limit)) {
        (LookupError::Withheld { reason, .. }, _) => format!("the figure is withheld: {reason}"),
        (LookupError::Absent { .. }, Some(reason)) => format!("{} was not measured: {reason}", limit.path),
        (LookupError::Absent { .. }, None) if is_recovery(limit) => no_recovery(limit),
        (other, _) => other.to_string(),
    }
}

/// The figure in the base unit of [`LimitValue::magnitude`]: seconds, bytes, plain numbers, 1 for 100 %. A value without a
/// unit is in the one that its path ends with, of which only milliseconds are not the base.
fn magnitude(figure: Quantity, limit: &Limit) -> f64 {
    let in_milliseconds = limit.path.ends_with("_ms") && matches!(limit.value, LimitValue::Number(_));
    match figure {
        Quantity::Count(count) => count as f64,
        Quantity::Duration(duration) if in_milliseconds => duration.as_secs_f64() * 1e3,
        Quantity::Duration(duration) => duration.as_secs_f64(),
        Quantity::Bytes(bytes) => bytes as f64,
        Quantity::Ratio(number) | Quantity::Number(number) => number,
    }
}

/// What is wrong with a limit of the whole run: it is judged once, at the end.
pub fn problem_at_end(limit: &Limit) -> Option<Objection> {
    let hint = "remove it, or move the limit to `abort`";
    limit
        .sustained
        .map(|_| Objection::new("`for DURATION` is heard only under `abort`: a limit is judged at the end", hint))
}

/// Figures that are known while a run lasts; an abort limit on any other could never fire.
const KNOWN_WHILE_RUNNING: [&str; 14] = [
    "spans.sent",
    "spans.not_sent",
    "spans.acknowledged",
    "spans.refused",
    "spans.unknown",
    "spans.delivered",
    "spans.corrupted",
    "spans.duplicated",
    "spans.invented",
    "spans.foreign",
    "spans.late",
    "target.memory.peak",
    "target.memory.working_set",
    "target.cpu_seconds",
];

/// What is wrong with an abort limit before anything has run.
pub fn problem_while_running(limit: &Limit) -> Option<Objection> {
    let path = limit.canonical_path();
    let known = KNOWN_WHILE_RUNNING.contains(&path.strip_suffix("_bytes").unwrap_or(path))
        || path.starts_with("latency.")
        || path == "target.cpu";
    let known = known && limit.window.is_none();
    let hint = || format!("while a run lasts there are latency.* and {}", KNOWN_WHILE_RUNNING.join(", "));
    (!known).then(|| Objection::new(format!("`{path}` is known only at the end, so it cannot end a run early"), hint()))
}

/// What is wrong with a limit before anything has run: a path that results do not have, or a value of another dimension.
pub fn problem(limit: &Limit) -> Option<Objection> {
    if let Some(objection) = problem_of_window(limit) {
        return Some(objection);
    }
    let kind = match kind_of(&place(limit)) {
        Ok(kind) => kind,
        Err(LookupError::Unknown { path, nearest }) => {
            let hint = format!("did you mean `{nearest}`? `spanproof limits` lists what there is");
            return Some(Objection::new(format!("results have no figure `{path}`"), hint));
        }
        Err(error) => return Some(Objection::new(error.to_string(), "")),
    };
    let (is, hint) = match (kind, &limit.value) {
        (_, LimitValue::Number(_))
        | (Kind::Duration, LimitValue::Duration(_))
        | (Kind::Bytes, LimitValue::Bytes(_)) => {
            return None;
        }
        (Kind::Ratio, LimitValue::Percent(_)) | (Kind::Number, LimitValue::Rate(_) | LimitValue::Percent(_)) => {
            return None;
        }
        (Kind::Duration, _) => ("a length of time", "write it as `500ms`"),
        (Kind::Bytes, _) => ("a size", "write it as `450MiB`"),
        (Kind::Ratio, _) => ("a share", "write it as `99.5%`"),
        (Kind::Count | Kind::Number, _) => ("a number", "write a number without a unit"),
    };
    Some(Objection::new(format!("`{}` is {is}, `{}` is not", limit.path, limit.value), hint))
}

/// Why this kind of target has no value for a figure, and what to do; `None` where it has one.
pub fn not_measured(kind: &str, limit: &Limit) -> Option<&'static str> {
    let path = limit.canonical_path();
    match kind {
        "embedded" if path.starts_with("target.memory") => Some(
            "the embedded target shares the process of spanproof, so its memory cannot be told apart; use --target process:COMMAND",
        ),
        "external" if path.starts_with("target.memory") || path.starts_with("target.cpu") => {
            Some("an external target runs elsewhere, so what it uses cannot be seen; use --target process:COMMAND")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_reports::result::epoch::{Epoch, RunTag};
    use spanproof_reports::result::participants::{Memory, Target};
    use spanproof_reports::result::{RunResult, Scenario};

    fn limit(text: &str) -> Limit {
        text.parse().unwrap()
    }

    fn result(target: Target) -> RunResult {
        let named = Scenario { name: "x".to_owned(), about: None, path: None };
        let mut result = RunResult::new(named, 7, RunTag::default(), Epoch::from_unix_ns(0));
        result.target = Some(target);
        result
    }

    fn outcome_of(text: &str, result: &RunResult) -> LimitOutcome {
        judge(&[limit(text)], result, &Doubts::default()).remove(0)
    }

    #[test]
    fn memory_of_the_embedded_target_is_open_and_the_reason_says_what_to_do() {
        let embedded = result(Target { kind: "embedded".to_owned(), ..Target::default() });
        let outcome = outcome_of("target.memory.peak < 450MiB", &embedded);
        assert_eq!(outcome.verdict, Verdict::Inconclusive);
        let reason = outcome.reason.unwrap();
        assert!(reason.contains("shares the process") && reason.contains("--target process"), "{reason}");
    }

    #[test]
    fn a_number_without_a_unit_is_in_the_unit_that_the_path_names() {
        let memory = Some(Memory { peak_bytes: Some(2_000), ..Memory::default() });
        let mut result = result(Target { kind: "process".to_owned(), memory, ..Target::default() });
        result.driver =
            Some(spanproof_reports::result::participants::Driver { lateness_p99_ms: Some(40.0), ..Default::default() });
        let verdict = |text| outcome_of(text, &result).verdict;
        assert_eq!(verdict("driver.lateness_p99_ms < 50"), Verdict::Pass);
        assert_eq!(verdict("driver.lateness_p99_ms < 30"), Verdict::Fail);
        assert_eq!(verdict("driver.lateness_p99 < 30ms"), Verdict::Fail);
        assert_eq!(verdict("target.memory.peak_bytes < 2001"), Verdict::Pass);
        assert_eq!(verdict("target.memory.peak < 1KiB"), Verdict::Fail);
    }

    #[test]
    fn a_limit_on_loss_is_judged_only_where_it_holds_whatever_absence_means() {
        let mut result = result(Target::default());
        result.ledger.spans.absent = 30;
        let doubts = Doubts { absence: Some("absence may be meant here".to_owned()), ..Doubts::default() };
        let verdict = |text| judge(&[limit(text)], &result, &doubts).remove(0).verdict;
        assert_eq!(verdict("spans.lost_acknowledged == 0"), Verdict::Inconclusive, "none or 30 may be lost");
        assert_eq!(verdict("spans.lost_acknowledged <= 29"), Verdict::Inconclusive);
        assert_eq!(verdict("spans.lost_acknowledged <= 30"), Verdict::Pass, "that is all there can be");
        assert_eq!(verdict("spans.duplicated == 0"), Verdict::Pass, "another figure");
        assert_eq!(verdict("spans.absent <= 30"), Verdict::Pass, "this one is counted");
    }

    #[test]
    fn a_value_of_another_dimension_is_refused() {
        let problem = |text| problem(&limit(text)).map(|objection| objection.to_string());
        assert_eq!(problem("sink.cpu_seconds < 5s"), None);
        assert_eq!(problem("driver.achieved_ratio >= 99.5%"), None);
        assert!(problem("sink.cpu_seconds < 5MiB").unwrap().contains("a length of time"));
        assert!(problem("driver.nonsense < 5").unwrap().contains("did you mean"));
        assert!(problem("driver.requests < 5s").unwrap().contains("a number"));
    }
}
