//! Policies together: who goes first, who outweighs whom, and what is left open.

use crate::spans::{decide, measured, outcome, span, span_with, trace, vote_of};
use spanproof_generators::sampling::config::{
    Allocation, Composite, ErrorMode, Limit, OttlCondition, Policy, Rule, StatusCode, StringAttribute, TailSampling,
};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::tail::{Open, Outcome, TailSampler, Vote};
use spanproof_generators::sampling::version::{Model, Version};

fn named(rules: Vec<Rule>) -> Vec<Policy> {
    rules.into_iter().enumerate().map(|(at, rule)| Policy::new(format!("s{at}"), rule)).collect()
}

fn and(rules: Vec<Rule>) -> Rule {
    Rule::And(named(rules))
}

fn drop(rules: Vec<Rule>) -> Rule {
    Rule::Drop(named(rules))
}

fn negated(rule: Rule) -> Rule {
    Rule::Not(Box::new(Policy::new("sub", rule)))
}

/// Never wants a trace of ours.
fn never() -> Rule {
    Rule::StatusCode(vec![StatusCode::Ok])
}

fn limited() -> Rule {
    Rule::RateLimiting(Limit { per_second: 10, burst: 0 })
}

fn unread() -> Rule {
    let span = vec![Condition::parse("Substring(name, 0, 1) == \"x\"", Context::Span)];
    Rule::OttlCondition(OttlCondition { span, ..OttlCondition::default() })
}

fn failing() -> Rule {
    let span = vec![Condition::parse("IsMatch(attributes[\"d\"], \"x\")", Context::Span)];
    Rule::OttlCondition(OttlCondition { span, error_mode: Some(ErrorMode::Propagate), ..OttlCondition::default() })
}

fn inverted() -> Rule {
    let values = vec!["x".to_owned()];
    Rule::StringAttribute(StringAttribute { key: "s".to_owned(), values, regex: false, invert: true })
}

fn one_span() -> spanproof_generators::sampling::trace::Trace<'static> {
    trace(vec![span_with("d", f64::NAN)])
}

fn of(rules: Vec<Rule>) -> Outcome {
    outcome(rules, &one_span())
}

fn unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Open(Open::Unknown(_)))
}

#[test]
fn a_trace_is_kept_if_anybody_wants_it() {
    assert_eq!(of(vec![never(), Rule::AlwaysSample]), Outcome::Keep);
    assert_eq!(of(vec![never(), never()]), Outcome::Drop);
    assert_eq!(of(vec![]), Outcome::Drop);
    assert_eq!(of(vec![limited(), Rule::AlwaysSample, unread()]), Outcome::Keep);
    assert_eq!(of(vec![never(), limited()]), Outcome::Open(Open::Limited));
    assert!(unknown(&of(vec![limited(), unread()])));
}

#[test]
fn drop_goes_first_wherever_it_is_written() {
    let decision = decide(vec![Rule::AlwaysSample, drop(vec![Rule::AlwaysSample])], measured(), &one_span());
    assert_eq!((decision.outcome, decision.decided_by, decision.ballots.len()), (Outcome::Drop, Some(0), 1));
    assert_eq!(decision.ballots[0].policy, "1");
    assert_eq!(of(vec![Rule::AlwaysSample, drop(vec![Rule::AlwaysSample, never()])]), Outcome::Keep);
    assert_eq!(of(vec![Rule::AlwaysSample, drop(vec![])]), Outcome::Drop);
    assert_eq!(of(vec![Rule::AlwaysSample, drop(vec![failing()])]), Outcome::Keep);
    assert_eq!(of(vec![Rule::AlwaysSample, drop(vec![negated(never())])]), Outcome::Drop);
    assert_eq!(of(vec![Rule::AlwaysSample, drop(vec![limited()])]), Outcome::Open(Open::Limited));
    assert!(unknown(&of(vec![Rule::AlwaysSample, drop(vec![unread()])])));
    assert_eq!(of(vec![never(), drop(vec![unread()])]), Outcome::Drop);
}

#[test]
fn the_first_match_ends_the_vote_if_it_may() {
    let policies = |rules| named(rules);
    let ballots = |sample_on_first_match, rules| {
        let config = TailSampling { sample_on_first_match, ..TailSampling::of(policies(rules)) };
        TailSampler::new(&config, measured()).unwrap().decide(&one_span()).ballots.len()
    };
    let rules = || vec![never(), Rule::AlwaysSample, never()];
    assert_eq!(ballots(false, rules()), 3);
    assert_eq!(ballots(true, rules()), 2);
}

#[test]
fn and_stops_at_the_first_that_does_not_want_the_trace() {
    assert_eq!(vote_of(and(vec![Rule::AlwaysSample, never(), failing()]), measured(), &one_span()), Vote::NotSampled);
    assert_eq!(vote_of(and(vec![failing(), never()]), measured(), &one_span()), Vote::Error);
    assert_eq!(vote_of(and(vec![]), measured(), &one_span()), Vote::Sampled);
    assert_eq!(vote_of(and(vec![limited(), never()]), measured(), &one_span()), Vote::NotSampled);
    assert_eq!(
        vote_of(and(vec![limited(), Rule::AlwaysSample]), measured(), &one_span()),
        Vote::MaybeSampled(Open::Limited)
    );
    assert_eq!(vote_of(and(vec![negated(never())]), measured(), &one_span()), Vote::Sampled);
    assert!(matches!(
        vote_of(and(vec![limited(), unread()]), measured(), &one_span()),
        Vote::MaybeSampled(Open::Unknown(_))
    ));
    assert!(matches!(
        vote_of(and(vec![limited(), failing()]), measured(), &one_span()),
        Vote::MaybeSampled(Open::Unknown(_))
    ));
}

#[test]
fn not_swaps_votes_and_passes_errors_on() {
    assert_eq!(vote_of(negated(never()), measured(), &one_span()), Vote::Sampled);
    assert_eq!(vote_of(negated(Rule::AlwaysSample), measured(), &one_span()), Vote::NotSampled);
    assert_eq!(vote_of(negated(failing()), measured(), &one_span()), Vote::Error);
    assert_eq!(vote_of(negated(limited()), measured(), &one_span()), Vote::MaybeSampled(Open::Limited));
}

#[test]
fn an_inverted_match_is_a_plain_vote_since_0_144_and_was_a_veto_before() {
    let hit = trace(vec![span_with("s", "x")]);
    let outcome = |minor, rules: Vec<Rule>, trace: &_| decide(rules, Model::actual(Version { minor }), trace).outcome;
    assert_eq!(outcome(155, vec![Rule::AlwaysSample, inverted()], &hit), Outcome::Keep);
    assert_eq!(outcome(143, vec![Rule::AlwaysSample, inverted()], &hit), Outcome::Drop);
    assert_eq!(outcome(143, vec![inverted(), never()], &one_span()), Outcome::Drop);
    assert_eq!(outcome(143, vec![inverted()], &one_span()), Outcome::Keep);
    assert_eq!(outcome(143, vec![inverted(), limited()], &one_span()), Outcome::Open(Open::Limited));
    assert_eq!(outcome(155, vec![inverted(), never()], &one_span()), Outcome::Keep);
    assert_eq!(
        decide(vec![Rule::AlwaysSample, inverted()], Model::documented(Version::MEASURED), &hit).outcome,
        Outcome::Drop
    );
    // Inside of another policy it never was one.
    assert_eq!(outcome(143, vec![and(vec![inverted()])], &one_span()), Outcome::Keep);
    assert_eq!(outcome(143, vec![Rule::AlwaysSample, and(vec![inverted()])], &hit), Outcome::Keep);
}

fn composite(subs: Vec<Rule>, max: i64, shares: &[(&str, i64)], order: &[&str]) -> Rule {
    Rule::Composite(Composite {
        max_total_spans_per_second: max,
        policies: named(subs),
        policy_order: order.iter().map(|name| (*name).to_owned()).collect(),
        rate_allocation: shares
            .iter()
            .map(|(policy, percent)| Allocation { policy: (*policy).to_owned(), percent: *percent })
            .collect(),
    })
}

fn composite_of_ten(rule: Rule, model: Model) -> Outcome {
    decide(vec![rule], model, &trace(vec![span(); 10])).outcome
}

#[test]
fn composite_keeps_within_the_share_of_the_first_that_wants_the_trace() {
    let limited = Outcome::Open(Open::Limited);
    let one =
        |max, percent| composite_of_ten(composite(vec![Rule::AlwaysSample], max, &[("s0", percent)], &[]), measured());
    assert_eq!(one(20, 50), limited);
    // Shares are cut to whole spans: 19 x 50 % is 9, and ten do not fit.
    assert_eq!(one(19, 50), Outcome::Drop);
    // A share above the whole helps nobody.
    assert_eq!(one(9, 200), Outcome::Drop);
    assert_eq!(composite_of_ten(composite(vec![never()], 100, &[("s0", 100)], &[]), measured()), Outcome::Drop);
}

#[test]
fn composite_gives_up_on_what_the_first_has_no_room_for() {
    let rule = || composite(vec![Rule::AlwaysSample, Rule::AlwaysSample], 100, &[("s0", 5), ("s1", 95)], &[]);
    assert_eq!(composite_of_ten(rule(), measured()), Outcome::Drop);
    assert_eq!(composite_of_ten(rule(), Model::documented(Version::MEASURED)), Outcome::Open(Open::Limited));
}

#[test]
fn composite_asks_in_the_order_of_writing_and_is_documented_to_ask_in_another() {
    let rule = || composite(vec![Rule::AlwaysSample, never()], 100, &[("s0", 5), ("s1", 95)], &["s1", "s0"]);
    let asked = |model| match decide(vec![rule()], model, &trace(vec![span(); 10])).ballots.remove(0).reason {
        spanproof_generators::sampling::tail::Reason::Policies(ballots) => {
            ballots.into_iter().map(|ballot| ballot.policy).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(measured()), ["s0"]);
    assert_eq!(asked(Model::documented(Version::MEASURED)), ["s1", "s0"]);
}

#[test]
fn a_sub_policy_without_an_allocation_keeps_nothing_before_0_159() {
    let rule = || composite(vec![Rule::AlwaysSample, never()], 100, &[("s1", 50)], &[]);
    let at = |minor| composite_of_ten(rule(), Model::actual(Version { minor }));
    assert_eq!(at(158), Outcome::Drop);
    assert_eq!(at(159), Outcome::Open(Open::Limited));
    assert_eq!(composite_of_ten(rule(), Model::documented(Version::MEASURED)), Outcome::Open(Open::Limited));
    // An allocation of nothing always was an equal share.
    let nothing = composite(vec![Rule::AlwaysSample, never()], 100, &[("s0", 0)], &[]);
    assert_eq!(composite_of_ten(nothing, measured()), Outcome::Open(Open::Limited));
}

#[test]
fn what_fails_or_is_open_inside_of_composite() {
    let full = |subs| composite(subs, 100, &[("s0", 100), ("s1", 100)], &[]);
    assert_eq!(vote_of(full(vec![failing(), Rule::AlwaysSample]), measured(), &one_span()), Vote::Error);
    assert_eq!(vote_of(full(vec![limited(), failing()]), measured(), &one_span()), Vote::MaybeSampled(Open::Limited));
    assert!(matches!(
        vote_of(full(vec![unread(), Rule::AlwaysSample]), measured(), &one_span()),
        Vote::MaybeSampled(Open::Unknown(_))
    ));
}

#[test]
fn a_trace_that_is_too_large_is_dropped_before_the_vote() {
    let outcome = |bytes, rule| {
        let config = TailSampling { maximum_trace_size_bytes: 100, ..TailSampling::of(named(vec![rule])) };
        let sized = spanproof_generators::sampling::trace::Trace { bytes, ..one_span() };
        TailSampler::new(&config, measured()).unwrap().decide(&sized).outcome
    };
    assert_eq!(outcome(Some(100), Rule::AlwaysSample), Outcome::Keep);
    assert_eq!(outcome(Some(101), Rule::AlwaysSample), Outcome::Drop);
    assert!(unknown(&outcome(None, Rule::AlwaysSample)));
    assert_eq!(outcome(None, never()), Outcome::Drop);
}

#[test]
fn pieces_decided_as_they_arrive_are_not_modelled() {
    let strategy = spanproof_generators::sampling::config::Strategy::SpanIngest;
    let config = TailSampling { strategy, ..TailSampling::of(named(vec![Rule::AlwaysSample])) };
    let decision = TailSampler::new(&config, measured()).unwrap().decide(&one_span());
    assert!(matches!(decision.outcome, Outcome::Open(Open::Unknown(what)) if what.contains("span-ingest")));
}
