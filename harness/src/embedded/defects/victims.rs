//! Which spans a defect bit: what went in held against what comes out, whatever the defect says of itself.
//!
//! Whoever judges a run is held against this by the ids of spans, so it is taken from decoded messages alone.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde::{Deserialize, Serialize};

use super::{Answer, Passage};
use crate::embedded::export::Manner;

/// No more are noted of each defect; what they are is known without looking at each.
const NOTED_MAX: usize = 100;

/// What became of a span that a defect bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// It is not delivered.
    Lost,
    /// It is delivered more often.
    Repeated,
    /// It is delivered with another content, or under another resource or scope.
    Changed,
    /// Nobody sent it.
    Added,
    /// It is delivered later.
    Delayed,
    /// It is delivered although the client is told that it was refused for good.
    Denied,
    /// It is delivered although the client is told to come again.
    Deferred,
    /// It is delivered in a way in which not everybody takes it.
    Garbled,
}

/// A span that was bitten, by the ids that it came with; by its own, if nobody sent it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Victim {
    /// What became of it.
    pub deed: Deed,
    /// Its trace id, as on the wire.
    pub trace_id: Vec<u8>,
    /// Its span id.
    pub span_id: Vec<u8>,
}

/// The first spans that a defect bit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Victims {
    /// In the order in which they were bitten; one of which several things became stands here for each.
    pub noted: Vec<Victim>,
    /// There were more than are noted.
    pub are_more: bool,
}

impl Victims {
    /// Whether further ones are noted.
    pub(super) fn have_room(&self) -> bool {
        !self.are_more
    }

    /// A defect has made this of a request.
    pub(super) fn note(&mut self, before: &Passage, after: &Passage) {
        self.extend(victims(before, after));
    }

    /// All spans of a request are lost.
    pub(super) fn note_lost(&mut self, message: &ExportTraceServiceRequest) {
        self.extend(placed(message).map(|placed| placed.victim(Deed::Lost)));
    }

    fn extend(&mut self, victims: impl IntoIterator<Item = Victim>) {
        for victim in victims {
            if self.noted.len() == NOTED_MAX {
                self.are_more = true;
                return;
            }
            self.noted.push(victim);
        }
    }
}

/// A span where it stands.
#[derive(Clone, Copy)]
struct Placed<'a> {
    span: &'a Span,
    resource: &'a ResourceSpans,
    scope: &'a ScopeSpans,
}

type Ids<'a> = (&'a [u8], &'a [u8]);

impl<'a> Placed<'a> {
    fn ids(self) -> Ids<'a> {
        (&self.span.trace_id, &self.span.span_id)
    }

    fn victim(self, deed: Deed) -> Victim {
        Victim { deed, trace_id: self.span.trace_id.clone(), span_id: self.span.span_id.clone() }
    }

    /// All that is to arrive with it, as bytes: numbers that are none are unlike themselves.
    fn content(self) -> Vec<u8> {
        // Taken apart, so that nothing is copied that stands below.
        let ResourceSpans { resource, scope_spans: _, schema_url } = self.resource;
        let resource =
            ResourceSpans { resource: resource.clone(), scope_spans: Vec::new(), schema_url: schema_url.clone() };
        let ScopeSpans { scope, spans: _, schema_url } = self.scope;
        let scope = ScopeSpans { scope: scope.clone(), spans: Vec::new(), schema_url: schema_url.clone() };
        [self.span.encode_to_vec(), resource.encode_to_vec(), scope.encode_to_vec()].concat()
    }
}

fn placed(message: &ExportTraceServiceRequest) -> impl Iterator<Item = Placed<'_>> {
    message.resource_spans.iter().flat_map(|resource| {
        let scopes = resource.scope_spans.iter();
        scopes.flat_map(move |scope| scope.spans.iter().map(move |span| Placed { span, resource, scope }))
    })
}

fn by_ids(message: &ExportTraceServiceRequest) -> BTreeMap<Ids<'_>, Vec<Placed<'_>>> {
    let mut by_ids = BTreeMap::<_, Vec<_>>::new();
    placed(message).for_each(|placed| by_ids.entry(placed.ids()).or_default().push(placed));
    by_ids
}

/// What became of the spans of a request, each in the order in which it came, and behind them those that nobody sent.
fn victims(before: &Passage, after: &Passage) -> Vec<Victim> {
    let (came, left) = (by_ids(&before.message), by_ids(&after.message));
    let of_request = fates(before, after);
    let mut victims = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for one in placed(&before.message).filter(|placed| seen.insert(placed.ids())) {
        let stayed = left.get(&one.ids()).map_or(&[][..], Vec::as_slice);
        victims.extend(fate(&came[&one.ids()], stayed).map(|deed| one.victim(deed)));
        if !stayed.is_empty() {
            victims.extend(of_request.iter().map(|deed| one.victim(*deed)));
        }
    }
    let added = left.iter().filter(|(ids, _)| !came.contains_key(*ids));
    victims.extend(added.map(|(_, placed)| placed[0].victim(Deed::Added)));
    victims
}

/// What became of a span within its request.
fn fate(came: &[Placed<'_>], stayed: &[Placed<'_>]) -> Option<Deed> {
    let contents = |placed: &[Placed<'_>]| {
        let mut contents: Vec<_> = placed.iter().map(|placed| placed.content()).collect();
        contents.sort();
        contents
    };
    match stayed.len().cmp(&came.len()) {
        std::cmp::Ordering::Less => Some(Deed::Lost),
        std::cmp::Ordering::Greater => Some(Deed::Repeated),
        std::cmp::Ordering::Equal => (contents(came) != contents(stayed)).then_some(Deed::Changed),
    }
}

/// What became of the request as a whole.
fn fates(before: &Passage, after: &Passage) -> Vec<Deed> {
    let copies = match (before.copies, after.copies) {
        (1.., 0) => Some(Deed::Lost),
        (before, after) => (after > before).then_some(Deed::Repeated),
    };
    let answer = match after.answer {
        Answer::Refused if after.copies > 0 => Some(Deed::Denied),
        Answer::Later => Some(Deed::Deferred),
        Answer::Refused | Answer::Honest | Answer::Odd => None,
    };
    let delay = (after.delay > before.delay).then_some(Deed::Delayed);
    let manner = (after.manner != Manner::Proper).then_some(Deed::Garbled);
    let has_changed = |deed: &Deed| match deed {
        Deed::Denied | Deed::Deferred => before.answer != after.answer,
        Deed::Garbled => before.manner != after.manner,
        _ => true,
    };
    [copies, delay, answer, manner].into_iter().flatten().filter(has_changed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::request;
    use super::super::{Defect, PlantedDefects};
    use super::*;

    /// What is noted of a defect that so many requests of the sample went through.
    fn noted(defect: &str, requests: u64) -> (Victims, u64) {
        let mut planted = PlantedDefects::new(&[defect.parse().unwrap()], 5);
        (0..requests).for_each(|number| planted.tamper(&mut Passage::new(request(number), number % 3)));
        (planted.victims().remove(0).1, planted.bites()[0].1.times)
    }

    fn deeds(victims: &Victims) -> Vec<(Deed, usize)> {
        let mut counts = BTreeMap::new();
        victims.noted.iter().for_each(|victim| *counts.entry(victim.deed).or_default() += 1);
        counts.into_iter().collect()
    }

    #[test]
    fn each_family_notes_what_it_did_to_each_span() {
        let expected: [(&str, &[(Deed, usize)]); 11] = [
            ("drop-nth=7", &[(Deed::Lost, 1)]),
            ("duplicate-one-in=12", &[(Deed::Repeated, 10)]),
            ("lose-and-repeat,every=12", &[(Deed::Lost, 10), (Deed::Repeated, 10)]),
            ("change-name,every=12", &[(Deed::Changed, 10)]),
            ("change-scope,every=12", &[(Deed::Changed, 10)]),
            ("invent-span=random-ids,every=12", &[(Deed::Added, 10)]),
            ("acknowledge-then-drop,every=5", &[(Deed::Lost, 24)]),
            ("send-request-twice,every=5", &[(Deed::Repeated, 24)]),
            ("deliver-late=20s,every=5", &[(Deed::Delayed, 24)]),
            ("refuse-but-forward,every=5", &[(Deed::Denied, 24)]),
            ("unknown-compression,every=5", &[(Deed::Garbled, 24)]),
        ];
        for (defect, expected) in expected {
            let (victims, _) = noted(defect, 10);
            assert_eq!((deeds(&victims).as_slice(), victims.are_more), (expected, false), "{defect}");
        }
        assert_eq!(noted("odd-answer,every=1", 10).0, Victims::default(), "no span was touched");
    }

    #[test]
    fn a_span_is_noted_by_the_ids_that_it_came_with() {
        let (victims, _) = noted("drop-nth=7", 1);
        let sent = request(0);
        let seventh = placed(&sent).nth(6).unwrap();
        assert_eq!(victims.noted, [seventh.victim(Deed::Lost)]);
        let (split, _) = noted("split-trace-id,every=12", 1);
        let (lost, added) = (Deed::Lost, Deed::Added);
        let ids = |deed| split.noted.iter().filter(move |one| one.deed == deed).map(|one| &one.trace_id);
        assert!(ids(lost).count() > 0 && ids(lost).count() == ids(added).count());
        let came: Vec<_> = placed(&sent).map(|placed| &placed.span.trace_id).collect();
        assert!(ids(lost).all(|id| came.contains(&id)) && ids(added).all(|id| !came.contains(&id)));
    }

    /// Bytes are compared, and not numbers, of which one that is none differs from itself.
    #[test]
    fn what_a_defect_left_alone_is_not_noted() {
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
        let mut message = request(0);
        let attributes = &mut message.resource_spans[0].scope_spans[0].spans[0].attributes;
        let value = Some(AnyValue { value: Some(Value::DoubleValue(f64::NAN)) });
        attributes.push(KeyValue { key: "nan".to_owned(), value, ..KeyValue::default() });
        let passage = Passage::new(message, 0);
        assert_eq!(victims(&passage, &passage.clone()), []);
    }

    #[test]
    fn the_first_hundred_are_noted_and_that_there_were_more() {
        let (victims, bites) = noted("drop-one-in=2", 30);
        assert_eq!((victims.noted.len(), victims.are_more), (NOTED_MAX, true));
        assert!(bites > 100);
        let (few, bites) = noted("drop-one-in=12", 100);
        assert_eq!((few.noted.len() as u64, few.are_more), (bites, false));
    }

    /// Whatever is in the catalogue: a defect that says that it touched spans has some noted.
    #[test]
    fn every_defect_that_touches_spans_notes_them() {
        for defect in Defect::catalogue() {
            let mut planted = PlantedDefects::new(std::slice::from_ref(&defect), 3);
            (0..2_000).for_each(|number| planted.tamper(&mut Passage::new(request(number), number % 3)));
            let Some((_, bites)) = planted.bites().pop() else { continue };
            let (_, victims) = planted.victims().remove(0);
            assert_eq!(victims.noted.is_empty(), bites.spans == 0, "{defect}: {bites}");
        }
    }
}
