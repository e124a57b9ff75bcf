//! What exactly differs between what was planned and what was received: the slow path behind the hash.
//!
//! Both spans are decoded in full, brought to the normal form of `spanproof_generators::content`, and compared field by
//! field. The hash only says *different*; this says *what*, and it has the last word: a span that merely repeats a single
//! field, as protobuf allows, is found equal here. A string that is no longer UTF-8 is a field that differs like any other.

mod excerpt;
mod known;
mod readable;
mod unknown;

use excerpt::excerpts;
use known::Known;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyVariant;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use spanproof_generators::protobuf::{Reader, Wire};
use spanproof_generators::walk::{Filing, Place, SpanView};
use spanproof_reports::figures::hex;
use std::collections::{BTreeMap, BTreeSet};

/// Differing attributes of one list that are named one by one.
pub(crate) const LISTED_MAX: usize = 6;

/// Longest path in a difference; keys of attributes come from the wire.
const PATH_CHARS_MAX: usize = 200;

/// Most differences told of one record; what is left out is said in one more.
const DIFFERENCES_MAX: usize = 100;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Where, e.g. `attributes["http.route"]` or `events[0].time_unix_nano`.
    pub path: String,
    /// What was planned; empty if the field ought not to be there.
    pub expected: String,
    /// What came; empty if the field was missing. A byte that is no UTF-8 is written `\xff`.
    pub received: String,
}

/// The form in which a request came, which may not tell everything apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Protobuf: doubles count by their bits.
    Protobuf,
    /// JSON, which has a single NaN: whatever is no number is equal to it.
    Json,
}

/// Finds what differs between the planned record (a request that holds only it) and a span of a received request that came in `form`.
///
/// An empty answer means that they are equal in normal form. A received span that cannot be read as protobuf at all gives one
/// difference that says so.
pub fn explain(planned: &[u8], received: &[u8], span: &SpanView, filing: &Filing, form: Form) -> Vec<Difference> {
    let mut differences = Differences::default();
    let mut planned = Parts::of_planned(planned).and_then(|parts| parts.decode().ok());
    if form == Form::Json {
        planned.iter_mut().for_each(Filed::unite_nans);
    }
    match (planned, Parts::of_received(received, span, filing).decode()) {
        (Some(planned), Ok(received)) => differences.records(&planned, &received),
        (None, _) => differences.add("(plan)", "a record", "a plan that does not decode"),
        (_, Err(reason)) => differences.add("(encoding)", "protobuf as OTLP has it", &reason),
    }
    differences.found
}

/// A span with what it was filed under.
struct Filed {
    resource: Resource,
    resource_schema: String,
    scope: InstrumentationScope,
    scope_schema: String,
    span: Span,
    unknown: BTreeSet<String>,
}

impl Filed {
    /// Gives all that is no number the bits that what came as JSON has.
    fn unite_nans(&mut self) {
        let (events, links) = (&mut self.span.events, &mut self.span.links);
        let lists = [&mut self.resource.attributes, &mut self.scope.attributes, &mut self.span.attributes].into_iter();
        let lists = lists.chain(events.iter_mut().map(|event| &mut event.attributes));
        let lists = lists.chain(links.iter_mut().map(|link| &mut link.attributes));
        lists.flatten().filter_map(|attribute| attribute.value.as_mut()).for_each(unite_nans);
    }
}

fn unite_nans(value: &mut AnyValue) {
    match &mut value.value {
        Some(AnyVariant::DoubleValue(number)) if number.is_nan() => *number = f64::NAN,
        Some(AnyVariant::ArrayValue(array)) => array.values.iter_mut().for_each(unite_nans),
        Some(AnyVariant::KvlistValue(list)) => {
            list.values.iter_mut().filter_map(|pair| pair.value.as_mut()).for_each(unite_nans);
        }
        _ => {}
    }
}

/// The bytes of a span, and of what it was filed under.
struct Parts<'a> {
    resource_spans: &'a [u8],
    scope_spans: &'a [u8],
    span: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of_planned(request: &'a [u8]) -> Option<Self> {
        let resource_spans = last_field(request, 1)?;
        let scope_spans = last_field(resource_spans, 2)?;
        Some(Self { resource_spans, scope_spans, span: last_field(scope_spans, 2)? })
    }

    fn of_received(request: &'a [u8], span: &SpanView, filing: &Filing) -> Self {
        let slice = |place: &Place| &request[place.start as usize..place.end as usize];
        let (resource_spans, scope_spans) = (slice(&filing.resource_spans), slice(&filing.scope_spans));
        Self { resource_spans, scope_spans, span: slice(&span.place) }
    }

    fn decode(&self) -> Result<Filed, String> {
        let schema = |message| readable::string(last_field(message, 3).unwrap_or_default());
        let mut unknown = BTreeSet::new();
        unknown::find("resource_spans", self.resource_spans, &known::RESOURCE_SPANS, &mut unknown);
        unknown::find("scope_spans", self.scope_spans, &known::SCOPE_SPANS, &mut unknown);
        unknown::find("span", self.span, &known::SPAN, &mut unknown);
        Ok(Filed {
            resource: decode("the resource", &merged(self.resource_spans), &known::RESOURCE)?,
            resource_schema: schema(self.resource_spans),
            scope: decode("the scope", &merged(self.scope_spans), &known::SCOPE)?,
            scope_schema: schema(self.scope_spans),
            span: decode("the span", self.span, &known::SPAN)?,
            unknown,
        })
    }
}

fn decode<M: Message + Default>(what: &str, message: &[u8], known: &Known) -> Result<M, String> {
    M::decode(&readable::readable(message, known)[..]).map_err(|error| format!("{what} does not decode: {error}"))
}

/// The last occurrence of a field, which is the one that counts; a planned record has each message once.
fn last_field(message: &[u8], field: u32) -> Option<&[u8]> {
    let mut found = None;
    each(message, field, |bytes| found = Some(bytes));
    found
}

/// The resource or scope (field 1) of a message. Protobuf merges a message that comes in pieces, and to read the pieces one
/// after the other is to merge them.
fn merged(message: &[u8]) -> Vec<u8> {
    let mut pieces = Vec::new();
    each(message, 1, |bytes| pieces.extend_from_slice(bytes));
    pieces
}

fn each<'a>(message: &'a [u8], field: u32, mut take: impl FnMut(&'a [u8])) {
    let mut reader = Reader::new(message);
    while let Ok(Some(tag)) = reader.tag() {
        let passed = if tag.field == field && tag.wire == Wire::Bytes {
            reader.bytes().map(&mut take)
        } else {
            reader.skip(tag, 99)
        };
        if passed.is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Differences {
    found: Vec<Difference>,
}

impl Differences {
    fn add(&mut self, path: &str, expected: &str, received: &str) {
        let path = match self.found.len() {
            ..DIFFERENCES_MAX => readable::written(path).chars().take(PATH_CHARS_MAX).collect(),
            DIFFERENCES_MAX => {
                let path = "(further fields)".to_owned();
                return self.found.push(Difference { path, expected: String::new(), received: String::new() });
            }
            _ => return,
        };
        let (expected, received) = excerpts(&readable::written(expected), &readable::written(received));
        self.found.push(Difference { path, expected, received });
    }

    fn field<T: PartialEq + std::fmt::Debug>(&mut self, path: &str, expected: &T, received: &T) {
        if expected != received {
            self.add(path, &format!("{expected:?}"), &format!("{received:?}"));
        }
    }

    fn bytes(&mut self, path: &str, expected: &[u8], received: &[u8]) {
        if expected != received {
            self.add(path, &hex(expected), &hex(received));
        }
    }

    /// An id; all zero it equals none, as `width` bytes only.
    fn id(&mut self, path: &str, width: usize, expected: &[u8], received: &[u8]) {
        let id = |bytes: &[u8]| {
            if bytes.len() == width && bytes.iter().all(|byte| *byte == 0) { Vec::new() } else { bytes.to_vec() }
        };
        self.bytes(path, &id(expected), &id(received));
    }

    fn records(&mut self, expected: &Filed, received: &Filed) {
        self.attributes("resource.attributes", &expected.resource.attributes, &received.resource.attributes);
        self.field(
            "resource.dropped_attributes_count",
            &expected.resource.dropped_attributes_count,
            &received.resource.dropped_attributes_count,
        );
        self.field("resource.entity_refs", &expected.resource.entity_refs, &received.resource.entity_refs);
        self.field("resource.schema_url", &expected.resource_schema, &received.resource_schema);
        self.field("scope.name", &expected.scope.name, &received.scope.name);
        self.field("scope.version", &expected.scope.version, &received.scope.version);
        self.attributes("scope.attributes", &expected.scope.attributes, &received.scope.attributes);
        self.field(
            "scope.dropped_attributes_count",
            &expected.scope.dropped_attributes_count,
            &received.scope.dropped_attributes_count,
        );
        self.field("scope.schema_url", &expected.scope_schema, &received.scope_schema);
        self.span(&expected.span, &received.span);
        for field in &received.unknown {
            self.add(field, "", "a field that the protocol does not have");
        }
    }

    fn span(&mut self, expected: &Span, received: &Span) {
        self.id("trace_id", 16, &expected.trace_id, &received.trace_id);
        self.id("span_id", 8, &expected.span_id, &received.span_id);
        self.field("trace_state", &expected.trace_state, &received.trace_state);
        self.id("parent_span_id", 8, &expected.parent_span_id, &received.parent_span_id);
        self.field("name", &expected.name, &received.name);
        self.field("kind", &expected.kind, &received.kind);
        self.field("flags", &expected.flags, &received.flags);
        self.field("start_time_unix_nano", &expected.start_time_unix_nano, &received.start_time_unix_nano);
        self.field("end_time_unix_nano", &expected.end_time_unix_nano, &received.end_time_unix_nano);
        self.attributes("attributes", &expected.attributes, &received.attributes);
        self.field("dropped_attributes_count", &expected.dropped_attributes_count, &received.dropped_attributes_count);
        self.events(&expected.events, &received.events);
        self.field("dropped_events_count", &expected.dropped_events_count, &received.dropped_events_count);
        self.links(&expected.links, &received.links);
        self.field("dropped_links_count", &expected.dropped_links_count, &received.dropped_links_count);
        self.status(expected.status.as_ref(), received.status.as_ref());
    }

    fn status(&mut self, expected: Option<&Status>, received: Option<&Status>) {
        let (expected, received) = (expected.cloned().unwrap_or_default(), received.cloned().unwrap_or_default());
        self.field("status.code", &expected.code, &received.code);
        self.field("status.message", &expected.message, &received.message);
    }

    fn events(&mut self, expected: &[Event], received: &[Event]) {
        self.field("events.length", &expected.len(), &received.len());
        for (at, (expected, received)) in expected.iter().zip(received).enumerate() {
            let path = |field: &str| format!("events[{at}].{field}");
            self.field(&path("time_unix_nano"), &expected.time_unix_nano, &received.time_unix_nano);
            self.field(&path("name"), &expected.name, &received.name);
            self.attributes(&path("attributes"), &expected.attributes, &received.attributes);
            let dropped = (&expected.dropped_attributes_count, &received.dropped_attributes_count);
            self.field(&path("dropped_attributes_count"), dropped.0, dropped.1);
        }
    }

    fn links(&mut self, expected: &[Link], received: &[Link]) {
        self.field("links.length", &expected.len(), &received.len());
        for (at, (expected, received)) in expected.iter().zip(received).enumerate() {
            let path = |field: &str| format!("links[{at}].{field}");
            self.id(&path("trace_id"), 16, &expected.trace_id, &received.trace_id);
            self.id(&path("span_id"), 8, &expected.span_id, &received.span_id);
            self.field(&path("trace_state"), &expected.trace_state, &received.trace_state);
            self.attributes(&path("attributes"), &expected.attributes, &received.attributes);
            let dropped = (&expected.dropped_attributes_count, &received.dropped_attributes_count);
            self.field(&path("dropped_attributes_count"), dropped.0, dropped.1);
            self.field(&path("flags"), &expected.flags, &received.flags);
        }
    }

    /// Compares as multisets by key, so that order does not matter and duplicate keys count. When most of a list differs, it
    /// is one difference: the list was exchanged or lost, and naming every key would hide that.
    fn attributes(&mut self, path: &str, expected: &[KeyValue], received: &[KeyValue]) {
        let (expected, received) = (by_key(expected), by_key(received));
        let keys: BTreeSet<_> = expected.keys().chain(received.keys()).collect();
        let none = Vec::new();
        let of = |map: &BTreeMap<&str, Vec<String>>, key: &str| map.get(key).unwrap_or(&none).join(", ");
        let differing: Vec<&str> =
            keys.iter().filter(|key| expected.get(**key) != received.get(**key)).map(|key| **key).collect();
        if differing.len() > LISTED_MAX && 2 * differing.len() > keys.len() {
            return self.add(&format!("{path}[..]"), &summary(&expected), &summary(&received));
        }
        for key in differing {
            self.add(&format!("{path}[{key:?}]"), &of(&expected, key), &of(&received, key));
        }
    }
}

/// How many attributes there are, and the one that people look for first.
fn summary(attributes: &BTreeMap<&str, Vec<String>>) -> String {
    let count: usize = attributes.values().map(Vec::len).sum();
    match attributes.get("service.name") {
        Some(name) => format!("{count} attributes, service.name {}", name.join(", ")),
        None if count == 0 => String::new(),
        None => format!("{count} attributes"),
    }
}

/// The values of each key, as canonical text, sorted.
fn by_key(attributes: &[KeyValue]) -> BTreeMap<&str, Vec<String>> {
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for attribute in attributes {
        let index = if attribute.key_strindex == 0 { String::new() } else { format!(" #{}", attribute.key_strindex) };
        let value = attribute.value.as_ref().map_or_else(|| "(empty)".to_owned(), canonical);
        values.entry(&attribute.key).or_default().push(value + &index);
    }
    values.values_mut().for_each(|values| values.sort());
    values
}

/// A value as text that is equal exactly when the values are equal in normal form: doubles by their bits, maps by key.
fn canonical(value: &AnyValue) -> String {
    match &value.value {
        None => "(empty)".to_owned(),
        Some(AnyVariant::StringValue(text)) => format!("{text:?}"),
        Some(AnyVariant::BoolValue(value)) => value.to_string(),
        Some(AnyVariant::IntValue(value)) => value.to_string(),
        Some(AnyVariant::DoubleValue(value)) => format!("double {value:?} ({:016x})", value.to_bits()),
        Some(AnyVariant::BytesValue(bytes)) => format!("bytes {}", hex(bytes)),
        Some(AnyVariant::ArrayValue(array)) => {
            format!("[{}]", array.values.iter().map(canonical).collect::<Vec<_>>().join(", "))
        }
        Some(AnyVariant::KvlistValue(list)) => {
            // Values are quoted already: to quote them again at every level would double their length each time.
            let pair = |(key, values): (&str, Vec<String>)| format!("{key:?}: [{}]", values.join(", "));
            format!("{{{}}}", by_key(&list.values).into_iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Some(AnyVariant::StringValueStrindex(index)) => format!("string #{index}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    fn attributes(count: usize) -> Vec<KeyValue> {
        let value = || Some(AnyValue { value: Some(AnyVariant::BoolValue(true)) });
        (0..count).map(|at| KeyValue { key: format!("key.{at}"), value: value(), ..KeyValue::default() }).collect()
    }

    fn between(expected: &[KeyValue], received: &[KeyValue]) -> Vec<Difference> {
        let mut differences = Differences::default();
        differences.attributes("resource.attributes", expected, received);
        differences.found
    }

    #[test]
    fn a_list_that_was_lost_is_one_difference() {
        let found = between(&attributes(25), &[]);
        let lost = Difference {
            path: "resource.attributes[..]".to_owned(),
            expected: "25 attributes".to_owned(),
            received: String::new(),
        };
        assert_eq!(found, [lost]);
    }

    #[test]
    fn a_few_attributes_that_differ_are_named_one_by_one() {
        let found = between(&attributes(25), &attributes(23));
        let paths: Vec<_> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(paths, ["resource.attributes[\"key.23\"]", "resource.attributes[\"key.24\"]"]);
    }

    /// The first `differing` of so many attributes have another value.
    fn paths_where(differing: usize, of: usize) -> Vec<String> {
        let mut received = attributes(of);
        received[..differing].iter_mut().for_each(|one| one.value = None);
        between(&attributes(of), &received).into_iter().map(|one| one.path).collect()
    }

    #[test]
    fn a_list_was_exchanged_if_more_than_half_and_more_than_a_few_of_it_differ() {
        assert_eq!((paths_where(6, 6).len(), paths_where(7, 14).len()), (6, 7));
        let exchanged = ["resource.attributes[..]"];
        assert_eq!(
            (paths_where(7, 7), paths_where(8, 14)),
            (exchanged.map(str::to_owned).into(), exchanged.map(str::to_owned).into())
        );
    }

    #[test]
    fn an_exchanged_list_is_told_by_the_name_of_its_service() {
        let mut named = attributes(9);
        let name = AnyValue { value: Some(AnyVariant::StringValue("cart".to_owned())) };
        named.push(KeyValue { key: "service.name".to_owned(), value: Some(name), ..KeyValue::default() });
        let found = between(&named, &[]);
        assert_eq!(
            (found[0].expected.as_str(), found[0].received.as_str()),
            ("10 attributes, service.name \"cart\"", "")
        );
    }

    #[test]
    fn values_are_told_so_that_equal_texts_mean_equal_values() {
        let value = |value| AnyValue { value: Some(value) };
        let text = || value(AnyVariant::StringValue("a\"".to_owned()));
        let told = |variant| canonical(&value(variant));
        assert_eq!(canonical(&AnyValue::default()), "(empty)");
        assert_eq!(canonical(&text()), "\"a\\\"\"");
        assert_eq!(
            (told(AnyVariant::BoolValue(true)), told(AnyVariant::IntValue(-3))),
            ("true".to_owned(), "-3".to_owned())
        );
        assert_eq!(told(AnyVariant::DoubleValue(-0.0)), "double -0.0 (8000000000000000)");
        assert_eq!(told(AnyVariant::BytesValue(vec![10, 255])), "bytes 0aff");
        assert_eq!(told(AnyVariant::StringValueStrindex(4)), "string #4");
        let values = vec![text(), AnyValue::default()];
        assert_eq!(told(AnyVariant::ArrayValue(ArrayValue { values })), "[\"a\\\"\", (empty)]");
        let pair = |key: &str, value, key_strindex| KeyValue { key: key.to_owned(), value, key_strindex };
        let values = vec![pair("b", Some(text()), 0), pair("a", None, 7), pair("b", None, 0)];
        let map = "{\"a\": [(empty) #7], \"b\": [\"a\\\"\", (empty)]}";
        assert_eq!(told(AnyVariant::KvlistValue(KeyValueList { values })), map);
    }
}
