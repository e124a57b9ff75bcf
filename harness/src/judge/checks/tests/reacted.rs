//! What is said of a target that sends again what it must not, or when it must not.

use super::*;
use crate::judge::evidence::FaultEvidence;
use roaring::RoaringTreemap;
use spanproof_reports::result::check::Example;
use spanproof_reports::result::faults::{Fault, Pause, Reactions, Wrong};

fn after(reactions: Option<Reactions>) -> Evidence {
    let told = Fault { what: "every request is refused".to_owned(), touched: 9, reactions, ..Fault::default() };
    let (touched, unanswered) = (RoaringTreemap::new(), RoaringTreemap::new());
    let faults = vec![FaultEvidence { name: "down".to_owned(), told, touched, unanswered }];
    Evidence { faults, ..clean() }
}

fn said(reactions: Reactions) -> Vec<(String, Level, u64)> {
    let found = findings_of(reactions::CHECK, &after(Some(reactions)));
    found.into_iter().map(|found| (found.id, found.level, found.count)).collect()
}

fn pause(tenth_ms: f64, nine_tenths_ms: f64) -> Option<Pause> {
    Some(Pause { count: 40, tenth_ms, half_ms: 500.0, nine_tenths_ms })
}

#[test]
fn a_run_in_which_nothing_was_sent_away_is_not_judged_by_it() {
    assert!((reactions::CHECK.applies)(&after(Some(Reactions::default()))));
    assert!(!(reactions::CHECK.applies)(&after(None)) && !(reactions::CHECK.applies)(&clean()));
}

#[test]
fn what_comes_again_as_otlp_lets_it_is_no_finding() {
    let drawn = pause(300.0, 700.0);
    let fine = Reactions { sent_away: 9, came_again: 20, attempts_max: 4, first_pause: drawn, ..Reactions::default() };
    assert_eq!(said(fine), []);
}

#[test]
fn what_must_not_come_again_fails_and_what_should_have_waited_is_a_warning() {
    let example = Example { text: "x".to_owned(), at_seconds: Some(1.5), ..Example::default() };
    let wrong = |times| Wrong { times, examples: vec![example.clone()] };
    let reactions = Reactions { after_final: wrong(1), too_early: wrong(7), ..Reactions::default() };
    let (failure, warning) = (Level::Failure, Level::Warning);
    let expected = [("resent-after-final".to_owned(), failure, 1), ("resent-too-early".to_owned(), warning, 7)];
    assert_eq!(said(reactions.clone()), expected);
    let found = findings_of(reactions::CHECK, &after(Some(reactions)));
    assert!(
        found[0].message.starts_with("1 request came again after an answer ") && found[0].message.contains("`down`")
    );
    assert_eq!((found[0].at_seconds, &found[0].examples), (Some(1.5), &vec![example]));
    assert!(found[1].message.starts_with("7 requests came again before "), "{}", found[1].message);
}

#[test]
fn pauses_without_chance_are_a_warning_that_names_the_setting() {
    let in_step = Reactions { first_pause: pause(490.0, 539.0), ..Reactions::default() };
    assert_eq!(said(in_step.clone()), [("resent-in-step".to_owned(), Level::Warning, 40)]);
    let found = findings_of(reactions::CHECK, &after(Some(in_step))).remove(0);
    assert!(found.advice.is_some_and(|advice| advice.contains("randomization_factor")));
    assert_eq!(said(Reactions { first_pause: pause(490.0, 541.0), ..Reactions::default() }), []);
}
