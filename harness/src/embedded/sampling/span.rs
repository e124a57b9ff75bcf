//! The spans of a trace with their resources.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};

pub(super) fn spans(pieces: &[ResourceSpans]) -> impl Iterator<Item = &Span> {
    pieces.iter().flat_map(|piece| &piece.scope_spans).flat_map(|scope| &scope.spans)
}

pub(super) fn count_spans(pieces: &[ResourceSpans]) -> u64 {
    pieces.iter().flat_map(|piece| &piece.scope_spans).map(|scope| scope.spans.len() as u64).sum()
}

/// Whether a resource or a span has a text under this key that is one of these.
pub(super) fn has_text(pieces: &[ResourceSpans], key: &str, values: &[String]) -> bool {
    let resources = pieces.iter().filter_map(|piece| piece.resource.as_ref()).map(|resource| &resource.attributes);
    let attributes = resources.chain(spans(pieces).map(|span| &span.attributes));
    attributes.filter_map(|attributes| text(attributes, key)).any(|text| values.iter().any(|value| value == text))
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref() {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Some(text),
        _ => None,
    }
}
