//! The blocks as people read them.

use super::*;
use crate::plain_text::is_control;
use crate::result::RunStatus;
use crate::result::check::{Check, Example, Finding, Level, Window};
use crate::result::participants::Driver;
use crate::result::samples::{changed_and_invented, failing, hostile, lost_finding, passing};
use crate::result::timeline::SettleTerm;
use crate::terminal::plan::{Fault, Plan, plan_block};
use std::ffi::OsStr;
use std::time::Duration;

fn shown(result: &RunResult) -> String {
    let report = Some("spanproof-runs/gateway-backend-outage-7-1432/report.html");
    let block = end_block(result, &EndOptions { colour: Colour::Off, report, directory: None });
    assert!(block.lines().count() <= LINES_MAX, "{} lines", block.lines().count());
    block
}

#[test]
fn commands_name_the_directory_when_it_is_not_the_last_runs() {
    let options = EndOptions { directory: Some("runs/an old one"), ..EndOptions::default() };
    let block = end_block(&failing(), &options);
    assert!(block.contains("look     spanproof show 'runs/an old one' "), "{block}");
}

#[test]
fn a_pass_is_short() {
    insta::assert_snapshot!(shown(&passing()));
}

#[test]
fn a_failure_says_what_when_where_and_what_to_try() {
    insta::assert_snapshot!(shown(&failing()));
}

#[test]
fn three_failures_stand_one_after_the_other() {
    let mut result = failing();
    let corrupted = Finding {
        id: "corrupted".to_owned(),
        level: Level::Failure,
        message: "Spans came out with another status code than they went in with.".to_owned(),
        count: 12,
        at_seconds: Some(12.5),
        examples: vec![Example {
            trace_id: Some("ab".repeat(16)),
            text: "status.code 2 -> 0".to_owned(),
            ..Example::default()
        }],
        ..Finding::default()
    };
    result.checks[1] = Check { verdict: Verdict::Fail, findings: vec![corrupted], ..result.checks[1].clone() };
    result.limits[2].verdict = Verdict::Fail;
    result.limits[2].value = Some("512 MiB".to_owned());
    result.limits[2].reason = Some("target.memory.peak is 512 MiB".to_owned());
    let during = Some("highest at 1:04".to_owned());
    result.limits[2].window = Some(Window { from_seconds: 52.0, to_seconds: 64.0, during });
    result.limits[2].advice = Some("what grows in it: `queue_size` times a request".to_owned());
    insta::assert_snapshot!(shown(&result));
}

/// The limit's own value stands in its heading, and no limit takes the room of another.
#[test]
fn a_limit_has_one_heading_and_its_findings_beneath() {
    insta::assert_snapshot!(shown(&changed_and_invented()));
}

/// Every limit keeps its sentence, its example and its advice, and of the findings beneath as many as there is room for.
#[test]
fn where_room_is_short_every_limit_has_some_of_it() {
    let mut result = changed_and_invented();
    result.checks[0] = Check { id: "delivery".to_owned(), ..failing().checks[0].clone() };
    result.limits.push(failing().limits[0].clone());
    result.warnings = (0..9).map(|i| format!("warning number {i}")).collect();
    insta::assert_snapshot!(shown(&result));
}

#[test]
fn an_undecided_run_shows_no_percentile() {
    let mut result = passing();
    result.driver = Some(Driver { achieved_ratio: Some(0.61), ..result.driver.unwrap() });
    result.withhold_times("39 % of the spans started more than 2 ms late (above 1 %)");
    result.limits[1].verdict = Verdict::Inconclusive;
    result.limits[1].value = None;
    result.limits[1].reason = Some("The driver was the limit, so latencies say nothing about the target.".to_owned());
    result.verdict = result.merged_verdict();
    let block = shown(&result);
    assert!(!["p50", "p90", "p99 late", "248"].iter().any(|figure| block.contains(figure)), "{block}");
    insta::assert_snapshot!(block);
}

#[test]
fn an_interrupted_run_keeps_what_was_learned() {
    let mut result = passing();
    result.status = RunStatus::Interrupted { reason: "SIGINT after 0:42".to_owned() };
    let spans = &mut result.ledger.spans;
    (spans.not_sent, spans.sent) = (690_000, 210_000);
    (spans.acknowledged, spans.delivered) = (210_000, 210_000);
    result.verdict = result.merged_verdict();
    insta::assert_snapshot!(shown(&result));
}

#[test]
fn fifty_failures_still_fit_a_screen() {
    let mut result = failing();
    let finding = |i: u64| Finding { id: format!("finding-{i}"), limit: None, count: i, value: None, ..lost_finding() };
    result.checks[0].findings = (1..=50).map(finding).collect();
    result.warnings = (0..9).map(|i| format!("warning number {i}")).collect();
    insta::assert_snapshot!(shown(&result));
}

#[test]
fn hostile_text_reaches_the_terminal_as_plain_characters() {
    let mut result = hostile();
    for _ in 0..100 {
        let more = result.checks[0].findings[0].clone();
        result.checks[0].findings.push(more);
    }
    let block = shown(&result);
    let bad = block.lines().flat_map(str::chars).filter(|c| is_control(*c)).collect::<Vec<_>>();
    assert_eq!(bad, Vec::<char>::new());
    let again = |line: &&str| !line.starts_with("again");
    let widest = block.lines().filter(again).map(|line| line.chars().count()).max();
    assert!(widest <= Some(WIDTH * 2), "{widest:?}");
}

#[test]
fn colour_marks_the_verdict_and_changes_no_text() {
    let plain = shown(&failing());
    let report = Some("spanproof-runs/gateway-backend-outage-7-1432/report.html");
    let coloured = end_block(&failing(), &EndOptions { colour: Colour::On, report, directory: None });
    assert!(coloured.starts_with("\u{1b}[1;31mFAIL"));
    let mut bare = coloured;
    for code in ["0", "32", "33", "1;31"] {
        bare = bare.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn no_color_wins_unless_it_is_empty() {
    assert_eq!(Colour::choose(true, None), Colour::On);
    assert_eq!(Colour::choose(true, Some(OsStr::new(""))), Colour::On);
    assert_eq!(Colour::choose(true, Some(OsStr::new("0"))), Colour::Off);
    assert_eq!(Colour::choose(false, None), Colour::Off);
}

#[test]
fn the_plan_says_what_is_about_to_happen() {
    let term = |name: &str, seconds| SettleTerm { name: name.to_owned(), seconds };
    let plan = Plan {
        scenario: "quickstart".to_owned(),
        target: "embedded collector".to_owned(),
        seed: 7,
        spans: 900_000,
        traces: 90_000,
        strata: vec![("normal".to_owned(), 89_100), ("error_trace".to_owned(), 900)],
        starts: Duration::from_secs(180),
        duration: Duration::from_secs(184),
        warm_up: Duration::from_secs(5),
        faults: vec![Fault {
            name: "flapping".to_owned(),
            what: "the sink refuses with UNAVAILABLE, every request".to_owned(),
            at: Duration::from_secs(30),
            lasting: Duration::from_secs(5),
            again: Some((Duration::from_secs(20), 3)),
        }],
        prediction: vec!["otlp_grpc: a queue of 200 requests".to_owned(), "9,500 to 14,500 spans are lost".to_owned()],
        settle: vec![term("batch timeout", 5.0), term("retry back-off", 30.0), term("margin", 15.0)],
        settle_if_late: Some(Duration::from_secs(150)),
        route: Some("127.0.0.1:4317 -> 127.0.0.1:5317; nothing leaves this machine".to_owned()),
        warnings: vec!["guarantee `memory` cannot hold".to_owned()],
    };
    insta::assert_snapshot!(plan_block(&plan));
}
