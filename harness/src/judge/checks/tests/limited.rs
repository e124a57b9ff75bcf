//! Limits: which doubts reach which figures, which findings name them, and what is refused before a run.

use super::limits::{Doubts, judge, name_in_findings, not_measured, problem_at_end, problem_while_running};
use super::*;
use spanproof_reports::result::check::LimitOutcome;
use spanproof_reports::result::epoch::{Epoch, RunTag as ResultTag};
use spanproof_reports::result::participants::{Driver, Sink};
use spanproof_reports::result::{RunResult, Scenario};
use spanproof_scenarios::limits::Limit;

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

/// Of a run in which one span of each word was found, with some figures of driver and sink.
fn result() -> RunResult {
    let named = Scenario { name: "x".to_owned(), about: None, path: None };
    let mut result = RunResult::new(named, 7, ResultTag::default(), Epoch::from_unix_ns(0));
    let spans = &mut result.ledger.spans;
    for count in [&mut spans.lost_acknowledged, &mut spans.lost_unknown, &mut spans.late, &mut spans.foreign] {
        *count = 1;
    }
    (spans.corrupted, spans.corrupted_only, spans.delivered) = (1, 1, 1);
    result.driver = Some(Driver { lateness_p99_ms: Some(40.0), ..Driver::default() });
    result.sink = Some(Sink { cpu_seconds: Some(2.0), ..Sink::default() });
    result
}

fn verdict(text: &str, doubts: &Doubts) -> Verdict {
    judge(&[limit(text)], &result(), doubts).remove(0).verdict
}

#[test]
fn each_doubt_leaves_its_own_figures_open_and_no_others() {
    let all = [
        "lost_acknowledged == 0",
        "lost_unknown == 0",
        "delivered == 0",
        "corrupted == 0",
        "corrupted_only == 0",
        "late == 0",
        "foreign == 0",
    ];
    let open = |doubts: &Doubts| {
        let is_open = |text: &&str| verdict(&format!("spans.{text}"), doubts) == Verdict::Inconclusive;
        all.iter()
            .filter(|text| is_open(text))
            .map(|text| text.split(' ').next().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let doubt = || Some("who knows".to_owned());
    assert_eq!(open(&Doubts::default()), "");
    assert_eq!(open(&Doubts { absence: doubt(), ..Doubts::default() }), "lost_acknowledged lost_unknown delivered");
    assert_eq!(open(&Doubts { change: doubt(), ..Doubts::default() }), "corrupted corrupted_only");
    assert_eq!(open(&Doubts { lateness: doubt(), ..Doubts::default() }), "late");
    assert_eq!(open(&Doubts { pace: doubt(), ..Doubts::default() }), "");
    let doubts = Doubts { absence: doubt(), ..Doubts::default() };
    let outcome = judge(&[limit("spans.lost_unknown == 0")], &result(), &doubts).remove(0);
    assert_eq!(outcome.reason.as_deref(), Some("spans.lost_unknown is 1, but who knows"));
    assert_eq!(outcome.value.as_deref(), Some("1"));
}

#[test]
fn evidence_leaves_absence_open_where_configuration_or_user_say_that_it_may_be_meant() {
    let absence = |evidence: &Evidence| Doubts::of(evidence).absence;
    assert_eq!(Doubts::of(&clean()), Doubts::default());
    let meant = Some("absence may be meant here".to_owned());
    assert_eq!(absence(&Evidence { absence_is_unknown: true, ..clean() }), meant);
    assert_eq!(absence(&Evidence { may_leave_out: vec!["filter".to_owned()], ..clean() }), meant);
    let cut = Evidence { cut_short: Some("SIGINT".to_owned()), ..clean() };
    assert_eq!(absence(&cut).as_deref(), Some("the run was cut short (SIGINT)"));
    assert_eq!(Doubts::of(&cut).lateness.as_deref(), Some("SIGINT"));
    assert_eq!(Doubts::of(&cut).recovery.as_deref(), Some("SIGINT"));
}

/// What a driver sends late comes late after a fault, however fast the target is.
#[test]
fn recovery_is_open_where_driver_or_sink_was_the_limit() {
    let kept_up = clean().conduct;
    let of = |conduct| Doubts::of(&Evidence { conduct, ..clean() });
    let late = of(Conduct { late_share: 0.5, ..kept_up });
    assert!(late.recovery.unwrap().contains("started more than 2 ms late") && late.lateness.is_none());
    let saturated = of(Conduct { sink_saturated: 0.5, ..kept_up });
    assert!(saturated.recovery.is_some() && saturated.recovery == saturated.lateness);
    let bounded = |late_share, sink_saturated| {
        let late_at_most = Some(Duration::from_millis(40));
        of(Conduct { late_share, sink_saturated, late_at_most, ..kept_up }).recovery_at_most
    };
    assert_eq!(bounded(0.5, 0.0), Some(Duration::from_millis(40)));
    assert_eq!(bounded(0.5, 0.5), None, "a sink that has no time receives late, nobody knows how late");
}

#[test]
fn a_number_is_in_the_unit_that_the_path_names_and_a_value_with_a_unit_in_its_own() {
    let verdict = |text| verdict(text, &Doubts::default());
    assert_eq!(
        (verdict("driver.lateness_p99_ms < 41"), verdict("driver.lateness_p99_ms < 41ms")),
        (Verdict::Pass, Verdict::Pass)
    );
    assert_eq!(verdict("driver.lateness_p99_ms < 40"), Verdict::Fail);
    assert_eq!((verdict("sink.cpu_seconds < 3"), verdict("sink.cpu_seconds < 2")), (Verdict::Pass, Verdict::Fail));
}

/// How often something was sent again is the target's doing; how late it was sent is not, where the driver did not keep up.
#[test]
fn of_the_drivers_figures_only_its_pace_is_in_doubt_where_it_was_the_limit() {
    let doubts = Doubts::of(&Evidence { conduct: Conduct { late_share: 0.5, ..clean().conduct }, ..clean() });
    let limits =
        ["driver.resent > 0", "driver.connections > 0", "driver.lateness_p99 < 40ms", "driver.achieved_ratio > 1"];
    let mut result = result();
    result.driver.as_mut().unwrap().achieved_ratio = Some(0.5);
    let verdicts = |doubts: &Doubts| {
        judge(&limits.map(limit), &result, doubts).into_iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&Doubts::default()), [Verdict::Fail; 4]);
    assert_eq!(verdicts(&doubts), [Verdict::Fail, Verdict::Fail, Verdict::Inconclusive, Verdict::Inconclusive]);
}

#[test]
fn a_withheld_figure_leaves_its_limit_open_and_says_why() {
    let mut result = result();
    result.withhold_times("the driver was late");
    let outcome = judge(&[limit("driver.lateness_p99 < 1s")], &result, &Doubts::default()).remove(0);
    let reason = Some("the figure is withheld: the driver was late".to_owned());
    assert_eq!((outcome.verdict, outcome.value, outcome.reason), (Verdict::Inconclusive, None, reason));
    result.sink = None;
    let outcome = judge(&[limit("sink.cpu_seconds < 1s")], &result, &Doubts::default()).remove(0);
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("sink.cpu_seconds") && !reason.contains("cannot be told"), "{reason}");
}

/// The findings that name a limit after it ended so.
fn naming(text: &str, verdict: Verdict) -> Vec<String> {
    let limits = [limit(text)];
    let mut outcomes = judge(&limits, &result(), &Doubts::default());
    outcomes[0].verdict = verdict;
    let levels = [Level::Failure, Level::Inconclusive, Level::Warning];
    let ids = ["lost-acknowledged", "absent-by-design", "corrupted", "changed-by-design", "late"];
    let found = ids.iter().flat_map(|id| levels.map(|level| finding(id, level, 1, "")));
    let mut checks = [Check { id: "x".to_owned(), verdict: Verdict::Pass, about: None, findings: found.collect() }];
    name_in_findings(&limits, &outcomes, &mut checks);
    let [check] = checks;
    let named = check.findings.into_iter().filter(|one| one.limit.is_some());
    named.map(|one| format!("{} {:?}: {}", one.id, one.level, one.limit.unwrap())).collect()
}

#[test]
fn the_findings_behind_a_limit_that_did_not_hold_name_it() {
    let lost = "spans.lost_acknowledged == 0";
    assert_eq!(
        naming(lost, Verdict::Fail),
        [format!("lost-acknowledged Failure: {lost}"), format!("absent-by-design Failure: {lost}")]
    );
    assert_eq!(
        naming(lost, Verdict::Inconclusive),
        [format!("lost-acknowledged Inconclusive: {lost}"), format!("absent-by-design Inconclusive: {lost}")]
    );
    assert_eq!((naming(lost, Verdict::Pass), naming(lost, Verdict::Skipped)), (vec![], vec![]));
    for path in ["corrupted", "corrupted_only"] {
        let text = format!("spans.{path} == 0");
        let named = [format!("corrupted Failure: {text}"), format!("changed-by-design Failure: {text}")];
        assert_eq!(naming(&text, Verdict::Fail), named);
    }
    assert_eq!(naming("spans.late == 0", Verdict::Fail), ["late Failure: spans.late == 0"]);
    assert_eq!(naming("sink.cpu_seconds < 1", Verdict::Fail), [""; 0]);
}

/// What no check fails for explains a limit that does, unless there is a failure that explains it.
#[test]
fn a_warning_names_the_limit_that_fails_for_what_it_tells() {
    let named = |text: &str, verdict: Verdict, ids: &[(&str, Level)]| {
        let limits = [limit(text)];
        let outcomes = [LimitOutcome { limit: text.to_owned(), verdict, ..LimitOutcome::default() }];
        let findings = ids.iter().map(|(id, level)| finding(id, *level, 1, "")).collect();
        let mut checks = [Check { id: "x".to_owned(), verdict: Verdict::Pass, about: None, findings }];
        name_in_findings(&limits, &outcomes, &mut checks);
        let [check] = checks;
        check.findings.into_iter().filter(|one| one.limit.is_some()).map(|one| one.id).collect::<Vec<_>>()
    };
    let (fail, warning, info, failure) = (Verdict::Fail, Level::Warning, Level::Info, Level::Failure);
    let both = [("duplicated", failure), ("duplicated-explained", info)];
    assert_eq!(named("spans.refused == 0", fail, &[("refused", warning)]), ["refused"]);
    assert_eq!(named("spans.refused == 0", Verdict::Inconclusive, &[("refused", warning)]), [""; 0]);
    assert_eq!(
        named("spans.refused == 0", fail, &[("refused", Level::Inconclusive)]),
        [""; 0],
        "that stands by itself"
    );
    assert_eq!(named("spans.lost_refused == 0", fail, &[("refused", warning)]), ["refused"]);
    assert_eq!(named("spans.recovered == 0", fail, &[("unknown", warning)]), ["unknown"]);
    assert_eq!(named("spans.duplicated == 0", fail, &both), ["duplicated"]);
    assert_eq!(named("spans.duplicated == 0", fail, &both[1..]), ["duplicated-explained"]);
    assert_eq!(named("spans.duplicated_unexplained == 0", fail, &both), ["duplicated"]);
    assert_eq!(named("spans.refused_delivered == 0", fail, &[("refused-delivered", failure)]), ["refused-delivered"]);
}

#[test]
fn a_limit_is_refused_where_it_would_never_be_heard() {
    assert_eq!(problem_at_end(&limit("spans.late == 0")), None);
    let sustained = problem_at_end(&limit("spans.late == 0 for 5s")).unwrap().to_string();
    assert!(sustained.contains("`for DURATION` is heard only under `abort`"), "{sustained}");
    for known in [
        "spans.late < 5",
        "ledger.spans.late < 5",
        "target.memory.peak < 5MiB",
        "target.memory.peak_bytes < 5MiB",
        "latency.intended_to_delivered.p99 < 1s",
        "target.cpu < 2",
    ] {
        assert_eq!(problem_while_running(&limit(known)), None, "{known}");
    }
    let never = problem_while_running(&limit("spans.lost_acknowledged == 0")).unwrap().to_string();
    assert!(never.contains("`spans.lost_acknowledged` is known only at the end"), "{never}");
}

#[test]
fn what_a_kind_of_target_does_not_show_is_said_and_nothing_else_is() {
    let says =
        |kind, path: &str| not_measured(kind, &limit(&format!("{path} < 5"))).map(|why| why.split(' ').nth(1).unwrap());
    assert_eq!(says("embedded", "target.memory.peak_bytes"), Some("embedded"));
    assert_eq!(says("embedded", "target.cpu_seconds"), None);
    assert_eq!(says("external", "target.memory.peak_bytes"), Some("external"));
    assert_eq!(says("external", "target.cpu_seconds"), Some("external"));
    assert_eq!((says("external", "spans.late"), says("process", "target.cpu_seconds")), (None, None));
}
