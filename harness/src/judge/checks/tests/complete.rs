//! Every failure says what, when, where, gives an example and something to try; whoever reads it has nothing else at hand.

use super::*;
use crate::judge::corruption::{CorruptExample, CorruptionKind};
use crate::judge::evidence::FaultEvidence;
use crate::judge::explain::Difference;
use crate::judge::sampling::{Became, LimitClaim, Promised, Sampled, Window, Wrong as WrongTrace, WrongTraces};
use crate::judge::strangers::Stranger;
use spanproof_reports::result::check::Example;
use spanproof_reports::result::faults::{Fault, Reactions, Wrong};
use spanproof_reports::result::timeline::{Timeline, TimelinePoint};
use spanproof_reports::terminal::{EndOptions, LINES_MAX, end_block};
use spanproof_scenarios::promises::PromiseSpec;
use std::collections::BTreeSet;

/// What a failure cannot have, and why.
const CANNOT_HAVE: [(&str, &[&str], &str); 4] = [
    ("above-rate", &["e.g."], "which traces a rate lets through is left to chance, so none of them is wrong"),
    ("below-rate", &["e.g."], "likewise"),
    (
        "malformed",
        &["when", "e.g."],
        "the sink counts broken requests by reason: none is kept, since nobody can tell what it was",
    ),
    ("foreign-signal", &["when", "e.g."], "requests of other signals are counted by signal and not read"),
];

/// What a reader of a finding would miss.
fn lacks(finding: &Finding) -> Vec<&'static str> {
    let parts = [
        ("message", !finding.message.is_empty()),
        ("when", finding.window.is_some() || finding.at_seconds.is_some()),
        ("where", finding.place.is_some()),
        ("e.g.", !finding.examples.is_empty()),
        ("try", finding.advice.is_some()),
    ];
    parts.into_iter().filter(|(_, has)| !has).map(|(name, _)| name).collect()
}

/// These fields differ in these records.
fn changed(fields: &[&str], records: std::ops::Range<u64>) -> (Vec<String>, CorruptionKind) {
    let difference = |path: &&str| Difference {
        path: (*path).to_owned(),
        expected: "eu-1".to_owned(),
        received: "/cart".to_owned(),
    };
    let differences = fields.iter().map(difference).collect();
    let example = CorruptExample { record: records.start, received_ns: 1, differences };
    let kind =
        CorruptionKind { count: records.end - records.start, records: records.collect(), examples: vec![example] };
    (fields.iter().map(|field| (*field).to_owned()).collect(), kind)
}

/// Spans come changed in several ways, and others come that nobody sent.
fn with_changes_and_inventions(mut evidence: Evidence) -> Evidence {
    let (region, path, rows, build) = (
        "attributes[\"app.region\"]",
        "attributes[\"url.path\"]",
        "attributes[\"db.rows\"]",
        "attributes[\"app.build\"]",
    );
    evidence.corruptions = [
        changed(&[region, path], 0..14),
        changed(&[build, region], 14..20),
        changed(&[rows, path], 20..25),
        changed(&[build, path], 25..29),
        changed(&[build, rows], 29..32),
        changed(&[rows, region], 32..34),
        changed(&["name"], 34..35),
    ]
    .into();
    let counts = &mut evidence.account.counts;
    (counts.corrupted, counts.corrupted_only) = (35, 35);
    counts.delivered -= 35;
    evidence.account.sets.corrupted.extend(0..35);
    let stranger = Stranger { trace_id: [0xab; 16], span_id: [0xcd; 8], received_ns: 250_000_000 };
    evidence.invented = 12;
    evidence.strangers.invented.push(stranger);
    evidence
}

/// Traces came out, stayed away and came in part against the rules, and rates let through too much and too little.
fn with_wrong_traces() -> Sampled {
    let wrong = |became, record| WrongTrace {
        record,
        became,
        why: "`tail_sampling` keeps it, by `errors`".to_owned(),
        came: 1,
        given: 2,
    };
    let window = Window { from_seconds: 1, to_seconds: 2, kept: 10, bound: 5.0 };
    Sampled {
        kept_wrongly: [50].into(),
        dropped_wrongly: [60].into(),
        split: [70].into(),
        wrong_traces: WrongTraces { kept: 1, dropped: 1, split: 1 },
        wrong: vec![wrong(Became::Kept, 50), wrong(Became::Dropped, 60), wrong(Became::Split, 70)],
        limits: vec![LimitClaim {
            by: "`rate`".to_owned(),
            asked: 10,
            kept: 10,
            above: Some(window.clone()),
            below: Some(window),
            has_bounds: true,
        }],
        ..Sampled::default()
    }
}

/// Whatever can fail does.
fn with_everything_wrong() -> Evidence {
    let mut evidence = with_a_late_span(with_a_loss(with_changes_and_inventions(clean())));
    let (counts, sets) = (&mut evidence.account.counts, &mut evidence.account.sets);
    (counts.duplicated, counts.refused_delivered) = (1, 1);
    sets.duplicated.insert(40);
    sets.refused_delivered.insert(41);
    evidence.foreign = 1;
    evidence.strangers.foreign = evidence.strangers.invented.clone();
    evidence.strangers.signals = [0, 3, 0, 0];
    evidence.refusals.malformed.insert("malformed".to_owned(), 4);
    let example = Example { text: "request 7".to_owned(), at_seconds: Some(1.5), ..Example::default() };
    let after_final = Wrong { times: 1, examples: vec![example] };
    let reactions = Some(Reactions { after_final, ..Reactions::default() });
    let told = Fault { what: "every request is refused".to_owned(), touched: 9, reactions, ..Fault::default() };
    let (touched, unanswered) = Default::default();
    evidence.faults.push(FaultEvidence { name: "down".to_owned(), told, touched, unanswered });
    evidence.sampled = Some(with_wrong_traces());
    let spec = PromiseSpec { traces: "error".parse().ok(), spans: None, kept: "100%".parse().ok() };
    let (promise, missing, there) = (spec.promise().unwrap(), [80].into(), [81].into());
    evidence.promised.push(Promised { promise, of: 5, kept: 3, split: 1, missing, there });
    evidence
}

fn failures(evidence: &Evidence) -> Vec<Finding> {
    let found = all(evidence).into_iter().flat_map(|check| check.findings);
    found.filter(|finding| finding.level == Level::Failure).collect()
}

#[test]
fn every_failure_says_what_when_where_which_and_what_to_try() {
    let blind = with_everything_wrong();
    let known = Evidence { pipelines: vec!["traces: otlp -> otlp_grpc".to_owned()], ..with_everything_wrong() };
    let by_two = Evidence { ways: vec!["a".to_owned(), "b".to_owned()], ..with_everything_wrong() };
    for evidence in [blind, known, by_two] {
        for finding in failures(&evidence) {
            let cannot = CANNOT_HAVE.iter().find(|(id, ..)| *id == finding.id).map_or(&[][..], |(_, parts, _)| parts);
            assert_eq!(lacks(&finding), cannot, "{finding:?}");
            let advice = finding.advice.unwrap_or_default();
            assert!(advice.chars().count() <= 200, "two lines of a terminal have to do: {advice}");
        }
    }
}

/// Each of them is made here, so that none is passed over above.
#[test]
fn no_failure_is_passed_over() {
    let made: Vec<String> = failures(&with_everything_wrong()).into_iter().map(|finding| finding.id).collect();
    let made: BTreeSet<&str> = made.iter().map(String::as_str).collect();
    assert_eq!(made, BTreeSet::from(crate::judge::checks::FAILURES));
}

/// As a person sees what the judge finds.
fn block(evidence: &Evidence, limits: &[&str]) -> String {
    let mut result = concluded::concluded(evidence, limits);
    result.warnings.clear();
    let block = end_block(&result, &EndOptions::default());
    assert!(block.lines().count() <= LINES_MAX, "{block}");
    block
}

#[test]
fn changes_of_many_kinds_and_inventions_stand_under_two_limits() {
    let evidence = with_changes_and_inventions(clean());
    insta::assert_snapshot!(block(&evidence, &["spans.corrupted == 0", "spans.invented == 0"]));
}

#[test]
fn however_much_is_wrong_each_failure_has_its_place_on_the_screen() {
    insta::assert_snapshot!(block(&with_everything_wrong(), &["spans.lost_acknowledged == 0", "spans.late == 0"]));
}

#[test]
fn a_limit_on_a_figure_says_when_it_was_beyond_and_what_to_try() {
    let mut result = concluded::concluded(&clean(), &[]);
    let point = |at: u32, memory: u64, in_flight| TimelinePoint {
        at_seconds: f64::from(at - 1),
        in_flight: Some(in_flight),
        target_memory_bytes: Some(memory << 20),
        ..TimelinePoint::default()
    };
    let points = vec![point(1, 10, 1), point(2, 30, 9), point(3, 50, 9), point(4, 50, 2), point(5, 20, 1)];
    result.timeline = Some(Timeline { interval_seconds: 1.0, points });
    let memory =
        Some(spanproof_reports::result::participants::Memory { peak_bytes: Some(51 << 20), ..Default::default() });
    result.target = Some(spanproof_reports::result::participants::Target {
        kind: "process".to_owned(),
        cpu_seconds: Some(2.0),
        memory,
        ..Default::default()
    });
    let fault =
        Fault { at_seconds: 10.0, lasting_seconds: 5.0, every_seconds: Some(20.0), times: 2, ..Fault::default() };
    let drained = spanproof_reports::result::faults::Recovery { drained_seconds: Some(4.0), ..Default::default() };
    result.faults.insert("down".to_owned(), Fault { recovery: drained, ..fault });
    let told = |text: &str| {
        let outcome = limits::judge(&[text.parse().unwrap()], &result, &limits::Doubts::default()).remove(0);
        assert_eq!(outcome.verdict, Verdict::Fail, "{text}");
        assert!(outcome.advice.is_some(), "{text}");
        outcome.window.map(|window| (window.from_seconds, window.to_seconds, window.during.unwrap()))
    };
    let highest = |from, to| Some((from, to, "highest at 0:03".to_owned()));
    assert_eq!(told("target.memory.peak < 25MiB"), highest(2.0, 4.0));
    assert_eq!(told("target.memory.peak < 51MiB"), highest(3.0, 3.0), "it was higher between two samples");
    assert_eq!(told("target.memory.peak > 60MiB"), None, "nothing was too high");
    assert_eq!(told("target.cpu_seconds < 1s"), None, "that is of the whole run");
    assert_eq!(told("recovery.drained < 1s after down"), Some((35.0, 39.0, "after down".to_owned())));
}

#[test]
fn a_limit_that_holds_or_is_open_has_nothing_to_try() {
    let outcome = |text: &str, evidence: &Evidence| concluded::concluded(evidence, &[text]).limits.remove(0);
    let held = outcome("spans.lost_acknowledged == 0", &clean());
    assert_eq!((held.verdict, held.advice, held.window), (Verdict::Pass, None, None));
    let meant = Evidence { absence_is_unknown: true, ..with_a_loss(clean()) };
    let open = outcome("spans.lost_acknowledged == 0", &meant);
    assert_eq!((open.verdict, open.advice, open.window), (Verdict::Inconclusive, None, None));
    assert!(outcome("spans.delivered >= 301", &clean()).advice.is_some());
}

/// Every figure that results have can be limited, and what to try of the machine or the plan is nobody's question.
#[test]
fn there_is_something_to_try_for_every_figure_of_the_target() {
    let known = spanproof_reports::result::paths::known_paths().iter();
    let without = known.filter(|known| limits::told::advice(&known.path).is_none());
    let without: BTreeSet<&str> = without.map(|known| known.path.split('.').next().unwrap()).collect();
    let expected = ["duration_seconds", "epoch", "machine", "seed", "strata", "timeline", "traces"];
    assert_eq!(without, expected.into());
}
