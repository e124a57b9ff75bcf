//! What arrived and is not what was sent: in which groups it is told, with which examples, and which of them are compared.

use super::*;
use crate::collector_config::Keys;
use crate::judge::corruption::{CorruptExample, CorruptionKind};
use crate::judge::evidence::Change;
use crate::judge::explain::Difference;
use crate::judge::strangers::Stranger;

fn difference(path: &str, received: &str) -> Difference {
    Difference { path: path.to_owned(), expected: "a".to_owned(), received: received.to_owned() }
}

/// In these records these fields differ, in the first of them as `differences` say.
fn kind(records: std::ops::Range<u64>, differences: Vec<Difference>) -> CorruptionKind {
    let example = CorruptExample { record: records.start, received_ns: 1, differences };
    CorruptionKind { count: records.end - records.start, records: records.collect(), examples: vec![example] }
}

/// A run of 300 spans, of which 100 came out as they were sent, and `kinds` of changed ones.
fn changed(kinds: impl IntoIterator<Item = (Vec<&'static str>, CorruptionKind)>) -> Evidence {
    let mut evidence = clean();
    (evidence.account.counts.delivered, evidence.account.counts.corrupted_only) = (100, 200);
    let owned = |fields: Vec<&str>| fields.into_iter().map(str::to_owned).collect::<Vec<_>>();
    evidence.corruptions = kinds.into_iter().map(|(fields, kind)| (owned(fields), kind)).collect();
    evidence
}

fn findings(evidence: &Evidence) -> Vec<Finding> {
    findings_of(integrity::CHECK, evidence)
}

/// Where, and how many.
fn places(evidence: &Evidence) -> Vec<(String, u64)> {
    findings(evidence).into_iter().map(|one| (one.place.unwrap_or_default(), one.count)).collect()
}

fn place(fields: &str, count: u64) -> (String, u64) {
    (fields.to_owned(), count)
}

#[test]
fn a_field_that_differs_nearly_everywhere_is_one_defect_and_leaves_the_others() {
    let both = || vec![difference("kind", ""), difference("name", "b")];
    let evidence = changed([(vec!["name"], kind(0..287, vec![])), (vec!["kind", "name"], kind(287..297, both()))]);
    assert_eq!(places(&evidence), [place("name", 297), place("kind", 10)]);
    let found = findings(&evidence);
    assert_ne!(found[0].common, ["every span alike"], "three of the 300 that arrived are spared");
    assert_ne!(found[1].common, ["every span alike"]);
    assert!(
        found[1].examples[0].text.starts_with("kind: sent a, received (nothing); span "),
        "{:?}",
        found[1].examples
    );
    assert!(found[0].examples[0].text.starts_with("name: sent a, received b; span "), "{:?}", found[0].examples);
    // One record less of the 300 that arrived, and it is no longer everywhere.
    let evidence = changed([(vec!["name"], kind(0..286, vec![])), (vec!["kind", "name"], kind(286..296, both()))]);
    assert_eq!(places(&evidence), [place("name", 286), place("kind, name", 10)]);
    assert!(
        findings(&evidence)[1].examples[0]
            .text
            .starts_with("kind: sent a, received (nothing); name: sent a, received b; span ")
    );
}

/// All that arrived, and not nearly all: one that is spared is a pattern, and what did not arrive is not spared.
#[test]
fn every_span_alike_is_each_that_arrived() {
    let common = |changed: u64, lost: u64| {
        let mut evidence = changed_in_name(changed);
        evidence.account.counts.lost_acknowledged = lost;
        findings(&evidence).remove(0).common
    };
    assert_eq!(common(300, 0), ["every span alike"]);
    assert_eq!(common(300, 7), ["every span alike"], "what was lost could not show it");
    assert_ne!(common(299, 0), ["every span alike"]);
}

/// So many of the 300 that arrived.
fn changed_in_name(records: u64) -> Evidence {
    changed([(vec!["name"], kind(0..records, vec![]))])
}

#[test]
fn the_only_record_of_a_run_makes_no_pattern() {
    let mut evidence = changed([(vec!["name"], kind(3..4, vec![]))]);
    (evidence.account.counts.delivered, evidence.account.counts.corrupted_only) = (0, 1);
    assert_eq!(findings(&evidence)[0].common, ["a single span: nothing to compare it with"]);
}

/// What differs in kinds beyond the bound is told in full, since their name says nothing.
#[test]
fn changes_beyond_the_bound_of_kinds_show_all_that_differs() {
    let evidence =
        changed([(vec!["(other fields)"], kind(3..5, vec![difference("name", "b"), difference("kind", "c")]))]);
    let found = findings(&evidence).remove(0);
    assert!(
        found.examples[0].text.starts_with("name: sent a, received b; kind: sent a, received c; span "),
        "{found:?}"
    );
}

/// Sets of fields of which each has one record more than the next.
fn many(groups: usize) -> Evidence {
    const FIELDS: [&str; 24] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v",
        "w", "x",
    ];
    let mut first = 0;
    changed((0..groups).map(|at| {
        let records = first..first + (groups - at) as u64;
        first = records.end;
        (vec![FIELDS[at]], kind(records, vec![]))
    }))
}

#[test]
fn the_most_frequent_changes_come_first_and_all_are_compared() {
    let found = findings(&many(9));
    let counts: Vec<u64> = found.iter().map(|one| one.count).collect();
    assert_eq!(counts, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert!(found.iter().all(|one| !one.common.is_empty()));
}

#[test]
fn the_smallest_of_too_many_changes_are_told_as_one() {
    assert_eq!(places(&many(20)).last(), Some(&place("t", 1)));
    let told = places(&many(22));
    assert!(told.len() == 20 && told.contains(&place("t, u, v", 3 + 2 + 1)), "{told:?}");
}

#[test]
fn of_many_fields_the_first_are_named() {
    let eight = vec!["a", "b", "c", "d", "e", "f", "g", "h"];
    assert_eq!(places(&changed([(eight.clone(), kind(0..2, vec![]))])), [place("a, b, c, d, e, f, g, h", 2)]);
    let nine = [&eight[..], &["i"]].concat();
    assert_eq!(places(&changed([(nine, kind(0..2, vec![]))])), [place("a, b, c, d, e, f, g and 2 more", 2)]);
}

#[test]
fn a_change_that_may_be_meant_is_open_and_names_who_may_mean_it() {
    let mut evidence = changed([(vec!["name"], kind(0..2, vec![]))]);
    assert_eq!((&findings(&evidence)[0].id[..], findings(&evidence)[0].level), ("corrupted", Level::Failure));
    evidence.may_change = vec![("transform/a".to_owned(), Change::Naming)];
    let found = findings(&evidence).remove(0);
    assert_eq!((&found.id[..], found.level, found.count), ("changed-by-design", Level::Inconclusive, 2));
    assert!(found.message.contains("another name, and the configuration has transform/a"), "{}", found.message);
}

#[test]
fn what_was_changed_may_be_meant_only_if_every_field_of_it_may() {
    let fields = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
    let mut evidence = clean();
    let change = |name: &str, change| (name.to_owned(), change);
    evidence.may_change = vec![
        change("transform", Change::Naming),
        change("attributes", Change::Attributes(Keys::Any)),
        change("resource", Change::Resource(Keys::Any)),
    ];
    assert_eq!(evidence.may_have_changed(&fields(&["attributes[\"a\"]"])), ["attributes", "transform"]);
    assert_eq!(
        evidence.may_have_changed(&fields(&["name", "resource.schema_url (erased)"])),
        ["resource", "transform"]
    );
    assert_eq!(evidence.may_have_changed(&fields(&["name", "kind"])), [""; 0]);
    assert!(!evidence.all_changes_may_be_meant(), "nothing was changed");
    evidence.corruptions.insert(fields(&["name"]), CorruptionKind::default());
    assert!(evidence.all_changes_may_be_meant());
    evidence.corruptions.insert(fields(&["kind", "name"]), CorruptionKind::default());
    assert!(!evidence.all_changes_may_be_meant());
}

#[test]
fn records_that_nobody_planned_fail_and_foreign_ones_only_unless_others_may_send() {
    let mut evidence = clean();
    let stranger = Stranger { trace_id: [0xab; 16], span_id: [0xcd; 8], received_ns: 2_500_000_000 };
    (evidence.invented, evidence.foreign) = (2, 3);
    evidence.strangers.invented.push(stranger.clone());
    evidence.strangers.foreign.push(stranger);
    let told = |evidence: &Evidence| -> Vec<_> {
        findings(evidence).into_iter().map(|one| (one.id, one.level, one.count)).collect()
    };
    let one = |id: &str, level, count| (id.to_owned(), level, count);
    assert_eq!(told(&evidence), [one("invented", Level::Failure, 2), one("foreign", Level::Failure, 3)]);
    for found in findings(&evidence) {
        let example = &found.examples[0];
        assert_eq!((example.trace_id.clone(), example.span_id.clone()), (Some("ab".repeat(16)), Some("cd".repeat(8))));
        assert_eq!(example.at_seconds, Some(2.5));
    }
    evidence.foreign_fails = false;
    assert_eq!(told(&evidence), [one("invented", Level::Failure, 2), one("foreign", Level::Info, 3)]);
}

/// Zeros stand for what was no id, and were not on the wire.
#[test]
fn an_id_that_is_none_is_not_shown_as_one() {
    let example = |trace_id, span_id| {
        let mut evidence = clean();
        evidence.foreign = 1;
        evidence.strangers.foreign.push(Stranger { trace_id, span_id, received_ns: 1 });
        findings(&evidence).remove(0).examples.remove(0)
    };
    let (no_trace, no_span) = (example([0; 16], [1; 8]), example([1; 16], [0; 8]));
    assert_eq!((&no_trace.trace_id, no_trace.span_id.is_some()), (&None, true));
    assert!(no_trace.text.contains("no trace id, or one that is not 16 bytes"), "{}", no_trace.text);
    assert_eq!((no_span.trace_id.is_some(), &no_span.span_id), (true, &None));
    assert!(no_span.text.contains("no span id, or one that is not 8 bytes"), "{}", no_span.text);
    let neither = example([0; 16], [0; 8]);
    assert_eq!((neither.trace_id, neither.span_id), (None, None));
    assert!(neither.text.contains("neither"), "{}", neither.text);
}

#[test]
fn a_disagreement_of_the_two_judges_is_an_error_of_spanproof() {
    let evidence = Evidence { unexplained: 2, ..clean() };
    let found = findings(&evidence).remove(0);
    assert_eq!((&found.id[..], found.level, found.count), ("judges-disagree", Level::Inconclusive, 2));
}
