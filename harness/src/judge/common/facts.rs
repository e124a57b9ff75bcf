//! Facts that a record has or has not: who sent it, over which connection, what it is called, what it says.

use super::separate::{Candidate, Totals};
use super::survey::Survey;
use spanproof_generators::plan::{Plan, SpanFacts};
use spanproof_reports::figures::count;
use std::collections::HashMap;

/// A fact of fewer of the affected records than this share is not worth a word.
const SHARE_MIN: f64 = 0.05;

/// The more telling of two facts that separate equally well comes first.
mod rank {
    pub(super) const SERVICE: u8 = 0;
    pub(super) const NAME: u8 = 1;
    pub(super) const CONNECTION: u8 = 2;
    pub(super) const STRATUM: u8 = 3;
    pub(super) const KIND: u8 = 4;
    pub(super) const OTHER: u8 = 5;
    pub(super) const ATTRIBUTE: u8 = 7;
    pub(super) const RESOURCE: u8 = 8;
}

/// Every fact that enough of the affected records have, with its counts.
pub(super) fn candidates(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut candidates = of_spans(survey);
    candidates.extend(of_exporters(survey));
    candidates.extend(survey.strata.iter().map(|(stratum, having)| Candidate {
        text: format!("traces of kind {}", stratum.name()),
        rank: rank::STRATUM,
        a_filter_could: false,
        is_of_spans: false,
        having: *having,
    }));
    candidates.push(Candidate {
        text: "the last span of its request, as we sent it".to_owned(),
        rank: rank::OTHER,
        a_filter_could: false,
        is_of_spans: false,
        having: survey.last_of_request,
    });
    if survey.connections.len() > 1 {
        candidates.extend(survey.connections.iter().map(|(number, requests)| Candidate {
            text: format!("connection {number}"),
            rank: rank::CONNECTION,
            a_filter_could: false,
            is_of_spans: false,
            having: requests.iter().fold(Totals::default(), |mut sum, request| {
                sum.add(true, u64::from(request.affected));
                sum.add(false, u64::from(request.spans - request.affected));
                sum
            }),
        }));
    }
    let enough = enough(survey);
    candidates.retain(|candidate| candidate.having.affected as f64 >= enough);
    candidates
}

/// Affected records of which a fact has to be true to be looked at.
fn enough(survey: &Survey<'_>) -> f64 {
    SHARE_MIN * survey.totals().affected as f64
}

/// A fact in words, its rank, and whether a filter could go by it.
type Fact = (u8, bool, String);

/// Facts of recipes. Two passes, so that only facts of affected records are kept: a pool has tens of thousands.
fn of_spans(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut facts: HashMap<Fact, Totals> = HashMap::new();
    let recipes = || survey.recipes.iter().zip(0..);
    for (totals, recipe) in recipes().filter(|(totals, _)| totals.affected > 0) {
        for fact in span_facts(&survey.plan.span_facts(recipe)) {
            facts.entry(fact).or_default().affected += totals.affected;
        }
    }
    let enough = enough(survey);
    facts.retain(|_, totals| totals.affected as f64 >= enough);
    for (totals, recipe) in recipes().filter(|(totals, _)| totals.others > 0) {
        for fact in span_facts(&survey.plan.span_facts(recipe)) {
            if let Some(having) = facts.get_mut(&fact) {
                having.others += totals.others;
            }
        }
    }
    facts.into_iter().map(|fact| Candidate { is_of_spans: true, ..candidate(fact) }).collect()
}

/// Marks the recipes of the spans that a fact is true of.
pub(super) fn mark_recipes(plan: &Plan, fact: &Candidate, marked: &mut [bool]) {
    for (marked, recipe) in marked.iter_mut().zip(0..) {
        *marked |= span_facts(&plan.span_facts(recipe)).iter().any(|(.., text)| *text == fact.text);
    }
}

fn candidate(((rank, a_filter_could, text), having): (Fact, Totals)) -> Candidate {
    Candidate { text, rank, a_filter_could, is_of_spans: false, having }
}

fn span_facts(facts: &SpanFacts) -> Vec<Fact> {
    let mut found = vec![
        (rank::SERVICE, true, format!("service {}", facts.service)),
        (rank::NAME, true, format!("name {}", shown(&facts.name))),
        (rank::KIND, true, format!("kind {}", kind(facts.kind))),
        (
            rank::KIND,
            true,
            format!("status {}", ["unset", "ok", "error"].get(facts.status as usize).unwrap_or(&"other")),
        ),
        (rank::OTHER, true, format!("scope {:?}", facts.scope)),
    ];
    let flags = [
        (facts.root, "a root span"),
        (!facts.root, "a span with a parent"),
        (facts.events > 0, "a span with events"),
        (facts.events == 0, "a span without events"),
        (facts.links > 0, "a span with links"),
        (facts.variant > 0, "a span under its trace's second id"),
        (facts.trace_state, "a span with a trace state"),
    ];
    found.extend(flags.iter().filter(|(holds, _)| *holds).map(|(_, text)| (rank::OTHER, false, (*text).to_owned())));
    found.push((rank::OTHER, false, format!("span {} of its trace", facts.ordinal)));
    found.push((rank::OTHER, false, format!("flags {:#x}", facts.flags)));
    found.extend(facts.event_names.iter().map(|name| (rank::OTHER, true, format!("an event {name:?}"))));
    attributes(&mut found, "attribute", rank::ATTRIBUTE, &facts.attributes);
    found
}

fn attributes(found: &mut Vec<Fact>, what: &str, rank: u8, attributes: &[(String, Option<String>)]) {
    for (key, value) in attributes {
        // That a key is there says less than what it holds, if both separate alike.
        found.push((rank + 1, true, format!("{what} {key}")));
        found.extend(value.as_ref().map(|value| (rank, true, format!("{what} {key} = {}", shown(value)))));
    }
}

/// Characters of a text that are shown: a sentence and some.
const SHOWN_CHARS: usize = 120;

/// A text in quotes. Of a longer one its beginning, and how long it is: whoever knows it knows it by these.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], count(text.len() as u64)),
    }
}

fn kind(number: u32) -> &'static str {
    ["unspecified", "internal", "server", "client", "producer", "consumer"].get(number as usize).unwrap_or(&"other")
}

/// Facts of the instances of services.
fn of_exporters(survey: &Survey<'_>) -> Vec<Candidate> {
    let mut facts: HashMap<Fact, Totals> = HashMap::new();
    for (totals, number) in survey.exporters.iter().zip(0..) {
        let exporter = survey.plan.exporter_facts(number);
        let mut found = Vec::new();
        if exporter.instances > 1 {
            let instance = format!("instance {} of {}", exporter.instance, exporter.service);
            found.push((rank::OTHER, false, instance));
        }
        attributes(&mut found, "resource", rank::RESOURCE, &exporter.attributes);
        for fact in found {
            let having = facts.entry(fact).or_default();
            having.affected += totals.affected;
            having.others += totals.others;
        }
    }
    facts.into_iter().map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(facts: &SpanFacts) -> Vec<String> {
        span_facts(facts).into_iter().map(|(_, _, text)| text).collect()
    }

    #[test]
    fn a_span_is_told_by_all_that_it_says() {
        let some = |value: &str| Some(value.to_owned());
        let facts = SpanFacts {
            service: "cart".to_owned(),
            scope: "http".to_owned(),
            name: "GET /".to_owned(),
            kind: 2,
            status: 2,
            ordinal: 3,
            flags: 0x301,
            attributes: vec![("route".to_owned(), some("/x")), ("id".to_owned(), None)],
            ..SpanFacts::default()
        };
        let said = ["service cart", "name \"GET /\"", "kind server", "status error", "scope \"http\""];
        let plain = ["a span with a parent", "a span without events", "span 3 of its trace", "flags 0x301"];
        let attributes = ["attribute route", "attribute route = \"/x\"", "attribute id"];
        assert_eq!(texts(&facts), [&said[..], &plain[..], &attributes[..]].concat());
        let event_names = vec!["exception".to_owned(), "retry".to_owned()];
        let some = SpanFacts { root: true, events: 2, event_names, links: 1, variant: 1, ..facts };
        let rich = SpanFacts { trace_state: true, attributes: Vec::new(), ..some };
        let flags = [
            "a root span",
            "a span with events",
            "a span with links",
            "a span under its trace's second id",
            "a span with a trace state",
        ];
        let more = ["span 3 of its trace", "flags 0x301", "an event \"exception\"", "an event \"retry\""];
        assert_eq!(texts(&rich), [&said[..], &flags[..], &more[..]].concat());
    }

    #[test]
    fn of_a_long_text_the_beginning_is_told_and_the_length() {
        let text = |chars: usize| "é".repeat(chars);
        let facts = |name, value| SpanFacts {
            name,
            attributes: vec![("query".to_owned(), Some(value))],
            ..SpanFacts::default()
        };
        let said = texts(&facts(text(120), text(121)));
        assert!(said.contains(&format!("name \"{}\"", text(120))), "{said:?}");
        assert!(said.contains(&format!("attribute query = \"{}\"… (242 bytes)", text(120))), "{said:?}");
        assert!(texts(&facts(text(600), String::new())).contains(&format!("name \"{}\"… (1,200 bytes)", text(120))));
    }

    /// If a key and its value separate alike, the value says more.
    #[test]
    fn the_value_of_an_attribute_comes_before_its_key() {
        let attributes = vec![("route".to_owned(), Some("/x".to_owned()))];
        let found = span_facts(&SpanFacts { attributes, ..SpanFacts::default() });
        let rank = |wanted: &str| found.iter().find(|(_, _, text)| text == wanted).map(|(rank, ..)| *rank);
        assert!(rank("attribute route = \"/x\"").unwrap() < rank("attribute route").unwrap());
    }
}
