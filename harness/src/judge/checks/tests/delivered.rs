//! What each finding about delivery counts, names and says, and from where on it is open.

use super::*;
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use roaring::RoaringTreemap;
use spanproof_reports::result::check::Example;

/// Ids, levels and counts of the findings about delivery.
fn counted(evidence: &Evidence) -> Vec<(String, Level, u64)> {
    findings_of(delivery::CHECK, evidence).into_iter().map(|one| (one.id, one.level, one.count)).collect()
}

fn one(id: &str, level: Level, count: u64) -> (String, Level, u64) {
    (id.to_owned(), level, count)
}

/// As a finding names these records, by their number in the plan.
fn examples(numbers: impl IntoIterator<Item = u64>) -> Vec<Example> {
    let numbers: RoaringTreemap = numbers.into_iter().collect();
    example::examples(&clean(), &numbers)
}

#[test]
fn a_loss_says_when_and_which_and_what_is_common() {
    let found = findings_of(delivery::CHECK, &with_a_loss(clean())).remove(0);
    let window = found.window.unwrap();
    assert_eq!((window.from_seconds, Some(window.to_seconds)), (window.to_seconds, found.at_seconds));
    assert_eq!(found.at_seconds, found.examples[0].at_seconds);
    assert_eq!(found.examples, examples([7]));
    assert_eq!(found.common, ["a single span: nothing to compare it with"]);
    assert_eq!(found.message, "the target said OK and these never came out");
}

#[test]
fn a_loss_of_which_no_more_is_known_is_placed_between_target_and_sink() {
    let mut evidence = with_a_loss(clean());
    let told = |evidence: &Evidence| findings_of(delivery::CHECK, evidence).remove(0).place.unwrap_or_default();
    let plain = "between the target's answer and the sink";
    assert_eq!(told(&evidence), plain);
    let pipelines = |count: usize| (1..=count).map(|number| format!("traces/{number}: otlp -> otlp_grpc")).collect();
    evidence.pipelines = pipelines(1);
    assert_eq!(told(&evidence), format!("{plain}: traces/1: otlp -> otlp_grpc"));
    let three = "traces/1: otlp -> otlp_grpc; traces/2: otlp -> otlp_grpc; traces/3: otlp -> otlp_grpc";
    evidence.pipelines = pipelines(3);
    assert_eq!(told(&evidence), format!("{plain}: {three}"));
    evidence.pipelines = pipelines(5);
    assert_eq!(told(&evidence), format!("{plain}: {three}; and 2 more"));
    evidence.target_ended = Some("the target ended by itself".to_owned());
    assert_eq!(told(&evidence), "the target ended by itself");
    // The sink may have refused them, or they may be on their way.
    evidence.target_ended = None;
    evidence.cut_short = Some("interrupted".to_owned());
    assert_eq!(told(&evidence), "");
}

#[test]
fn absence_that_may_be_meant_is_open_and_says_who_may_mean_it() {
    let mut evidence = with_a_loss(clean());
    evidence.absence_is_unknown = true;
    assert_eq!(counted(&evidence), [one("absent-by-design", Level::Inconclusive, 1)]);
    let message = |evidence: &Evidence| findings_of(delivery::CHECK, evidence).remove(0).message;
    assert!(message(&evidence).contains("the target is said to leave spans out on purpose"));
    evidence.absence_is_unknown = false;
    evidence.may_leave_out = vec!["filter/a".to_owned(), "filter/b".to_owned()];
    assert_eq!(counted(&evidence), [one("absent-by-design", Level::Inconclusive, 1)]);
    assert!(
        message(&evidence).contains("the configuration has filter/a, filter/b, which may leave spans out on purpose")
    );
}

#[test]
fn repeats_are_told_apart_by_whether_a_resend_explains_them() {
    let of = |all: u64, explained: u64| {
        let mut evidence = clean();
        let (counts, sets) = (&mut evidence.account.counts, &mut evidence.account.sets);
        (counts.duplicated, counts.duplicated_explained) = (all, explained);
        sets.duplicated.extend(0..all);
        sets.duplicated_explained.extend(0..explained);
        evidence
    };
    let (unexplained, explained) =
        (|n| one("duplicated", Level::Failure, n), |n| one("duplicated-explained", Level::Info, n));
    assert_eq!(counted(&of(5, 0)), [unexplained(5)]);
    assert_eq!(counted(&of(2, 2)), [explained(2)]);
    let evidence = of(5, 2);
    assert_eq!(counted(&evidence), [unexplained(3), explained(2)]);
    let found = findings_of(delivery::CHECK, &evidence);
    assert_eq!((&found[0].examples, &found[1].examples), (&examples(2..5), &examples(0..2)));
}

#[test]
fn repeats_behind_a_configuration_with_two_ways_fail_and_name_the_ways_instead_of_retries() {
    let mut evidence = clean();
    evidence.account.counts.duplicated = 4;
    evidence.account.sets.duplicated.extend(0..4);
    let told = |evidence: &Evidence| findings_of(delivery::CHECK, evidence).remove(0);
    assert!(told(&evidence).advice.unwrap().contains("its retries"));
    evidence.ways = vec!["traces/a by otlp".to_owned(), "traces/b by otlp".to_owned()];
    let found = told(&evidence);
    assert_eq!(found.level, Level::Failure);
    let place = "the configuration leads to the sink by 2 ways (pipelines traces/a by otlp, traces/b by otlp)";
    assert_eq!(found.place.as_deref(), Some(place));
    assert!(found.advice.unwrap().contains("one way only"));
}

#[test]
fn what_was_refused_and_delivered_is_told_apart_by_whether_an_earlier_attempt_explains_it() {
    let of = |all: u64, explained: u64| {
        let mut evidence = clean();
        let (counts, sets) = (&mut evidence.account.counts, &mut evidence.account.sets);
        (counts.refused_delivered, counts.refused_delivered_explained) = (all, explained);
        sets.refused_delivered.extend(0..all);
        sets.refused_delivered_explained.extend(0..explained);
        evidence
    };
    let explained = |count| one("refused-delivered-explained", Level::Info, count);
    assert_eq!(counted(&of(2, 2)), [explained(2)]);
    let evidence = of(5, 2);
    assert_eq!(counted(&evidence), [one("refused-delivered", Level::Failure, 3), explained(2)]);
    let found = findings_of(delivery::CHECK, &evidence);
    assert_eq!((&found[0].examples, &found[1].examples), (&examples(2..5), &examples(0..2)));
}

#[test]
fn of_spans_rejected_in_part_nothing_in_common_is_told() {
    let mut evidence = clean();
    evidence.account.counts.refused_delivered = 3;
    evidence.account.sets.refused_delivered = (0..30).collect();
    let common = |evidence: &Evidence| findings_of(delivery::CHECK, evidence).remove(0).common;
    assert!(!common(&evidence)[0].contains("not known"));
    evidence.account.counts.refused_delivered_in_part = 3;
    assert_eq!(common(&evidence), ["which spans were rejected is not known, so there is nothing to compare"]);
}

/// Of the plan's 300 spans; `said` are the answers to their requests.
fn not_taken(refused: u64, unknown: u64, said: &[&str]) -> Vec<Finding> {
    let mut evidence = clean();
    assert_eq!(evidence.account.counts.sent, 300);
    let counts = &mut evidence.account.counts;
    (counts.refused, counts.unknown, counts.recovered, counts.lost_unknown) = (refused, unknown, unknown, 0);
    for (number, answer) in (0..).zip(said) {
        let (answer, ended_ns) = ((*answer).to_owned(), 2_500_000_000);
        let record = RequestRecord { outcome: Outcome::Refused, attempts: 1, answer, ended_ns };
        evidence.requests.insert(RequestId { chunk: 0, number }, record);
    }
    findings_of(delivery::CHECK, &evidence)
}

#[test]
fn what_the_target_did_not_take_is_open_from_one_in_twenty_on() {
    let told = |refused, unknown| -> Vec<_> {
        not_taken(refused, unknown, &[]).into_iter().map(|one| (one.id, one.level, one.count)).collect()
    };
    assert_eq!(told(15, 0), [one("refused", Level::Warning, 15)]);
    assert_eq!(told(16, 0), [one("refused", Level::Inconclusive, 16)]);
    assert_eq!(told(0, 15), [one("unknown", Level::Warning, 15)]);
    assert_eq!(told(0, 16), [one("unknown", Level::Inconclusive, 16)]);
}

#[test]
fn what_the_target_did_not_take_says_one_answer_and_when_it_came() {
    let refused = not_taken(1, 0, &["", "503 go away"]).remove(0);
    assert_eq!(refused.message, "the target refused these for good, so nothing was promised; one answer: 503 go away");
    assert_eq!(refused.at_seconds, Some(2.5));
    let silent = not_taken(0, 3, &["", ""]).remove(0);
    assert_eq!(silent.message, "no final answer came for these, so nothing was promised: 3 came out, 0 did not");
}

/// Which these are helps whoever asks why they were refused; where all came out all the same, there is nothing to compare.
#[test]
fn what_was_not_taken_and_is_absent_is_told_with_what_it_has_in_common() {
    let mut evidence = clean();
    let (counts, sets) = (&mut evidence.account.counts, &mut evidence.account.sets);
    (counts.refused, counts.lost_refused, counts.unknown, counts.recovered) = (10, 5, 3, 3);
    sets.lost_refused.insert_range(0..5);
    let found = findings_of(delivery::CHECK, &evidence);
    let of = |id: &str| found.iter().find(|finding| finding.id == id).unwrap();
    assert!(!of("refused").common.is_empty() && !of("refused").examples.is_empty(), "{:?}", of("refused"));
    assert_eq!(
        of("refused").examples.iter().filter(|example| example.trace_id.is_some()).count(),
        of("refused").examples.len()
    );
    assert!(of("unknown").common.is_empty() && of("unknown").examples.is_empty(), "{:?}", of("unknown"));
}

#[test]
fn counts_in_words_have_their_thousands_apart() {
    let said = |evidence: &Evidence, id: &str| {
        findings_of(delivery::CHECK, evidence).into_iter().find(|found| found.id == id).unwrap().message
    };
    let mut evidence = clean();
    let counts = &mut evidence.account.counts;
    (counts.unknown, counts.recovered, counts.lost_unknown) = (6_320_000, 1_248_590, 5_071_410);
    (counts.refused_delivered, counts.refused_delivered_in_part) = (2000, 1000);
    counts.lost_acknowledged = 1234;
    let unknown = said(&evidence, "unknown");
    assert!(unknown.ends_with(": 1,248,590 came out, 5,071,410 did not"), "{unknown}");
    assert!(said(&evidence, "refused-delivered").contains("; 1,000 of them were rejected"));
    evidence.absence_is_unknown = true;
    assert!(said(&evidence, "absent-by-design").starts_with("1,234 acknowledged spans did not come out"));
    evidence.absence_is_unknown = false;
    evidence.cut_short = Some("interrupted".to_owned());
    assert!(said(&evidence, "lost-acknowledged").starts_with("1,234 acknowledged spans had not come out"));
}

/// A success that was only sent twice is nothing odd, and one that is odd is no failure.
#[test]
fn successes_that_say_more_than_yes_are_warned_of() {
    let mut evidence = clean();
    let record = |attempts, answer: &str| RequestRecord {
        outcome: Outcome::Acknowledged,
        attempts,
        answer: answer.to_owned(),
        ended_ns: 2_500_000_000,
    };
    evidence.requests.insert(RequestId { chunk: 0, number: 0 }, record(2, ""));
    assert_eq!(counted(&evidence), []);
    evidence.requests.insert(RequestId { chunk: 0, number: 1 }, record(1, "accepted, with a warning: full soon"));
    evidence.requests.insert(RequestId { chunk: 0, number: 2 }, record(1, "another"));
    assert_eq!(counted(&evidence), [one("odd-answer", Level::Warning, 2)]);
    let found = findings_of(delivery::CHECK, &evidence).remove(0);
    assert!(found.message.ends_with("one: accepted, with a warning: full soon"), "{}", found.message);
    assert_eq!(found.at_seconds, Some(2.5));
    // What was refused is told with its own answers.
    evidence.account.counts.refused = 1;
    let refused = findings_of(delivery::CHECK, &evidence);
    assert!(
        refused.iter().any(|one| one.id == "refused" && one.message.ends_with("nothing was promised")),
        "{refused:?}"
    );
}

/// A target that exports elsewhere loses nothing; to the sink it looks as if it lost everything.
#[test]
fn where_nothing_came_at_all_the_sinks_address_is_doubted_first() {
    let advice = |alter: fn(&mut Evidence)| {
        let mut evidence = clean();
        (evidence.account.counts.delivered, evidence.account.counts.lost_acknowledged) = (0, 300);
        evidence.account.sets.lost_acknowledged.extend(0..300);
        alter(&mut evidence);
        findings_of(delivery::CHECK, &evidence).remove(0).advice.unwrap()
    };
    assert!(advice(|_| ()).contains("--sink-grpc"));
    let came: [fn(&mut Evidence); 4] = [
        |evidence| evidence.account.counts.delivered = 1,
        |evidence| evidence.account.counts.corrupted = 1,
        |evidence| evidence.foreign = 1,
        |evidence| evidence.invented = 1,
    ];
    for came in came {
        assert!(!advice(came).contains("--sink-grpc"));
    }
}

#[test]
fn to_send_again_is_advised_where_no_request_was() {
    let unknown = |attempts| {
        let mut evidence = clean();
        (evidence.account.counts.unknown, evidence.account.counts.recovered) = (1, 1);
        let record = RequestRecord { outcome: Outcome::Unknown, attempts, answer: String::new(), ended_ns: 0 };
        evidence.requests.insert(RequestId { chunk: 0, number: 0 }, record);
        findings_of(delivery::CHECK, &evidence).remove(0)
    };
    assert!(unknown(1).advice.unwrap().contains("traffic.client.retry"));
    assert_eq!((unknown(2).id.as_str(), unknown(2).advice), ("unknown", None));
}

#[test]
fn nothing_to_judge_is_open_and_anything_at_all_is_something() {
    let of = |delivered, corrupted, lost| {
        let mut evidence = clean();
        let counts = &mut evidence.account.counts;
        (counts.delivered, counts.corrupted, counts.lost_acknowledged) = (delivered, corrupted, lost);
        counted(&evidence).iter().any(|(id, ..)| id == "nothing-delivered")
    };
    assert!(of(0, 0, 0));
    let mut evidence = clean();
    evidence.account.counts.delivered = 0;
    let found = findings_of(delivery::CHECK, &evidence).into_iter().find(|one| one.id == "nothing-delivered");
    assert!(found.unwrap().message.starts_with("nothing was acknowledged"));
    evidence.account.counts.sampled_out = 5;
    let found = findings_of(delivery::CHECK, &evidence).into_iter().find(|one| one.id == "nothing-delivered");
    assert!(found.unwrap().message.starts_with("nothing came out, and the target may leave out all of it"));
    assert!(!of(1, 0, 0) && !of(0, 1, 0) && !of(0, 0, 1));
}
