//! Reaching the spans of a request, and moving them about in it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};

/// The attribute by which a resource names its service.
pub const SERVICE_NAME: &str = "service.name";

/// Every span, in wire order.
pub fn spans(message: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    scopes(message).flat_map(|scope| &scope.spans)
}

/// Every span, in wire order, to be changed.
pub fn spans_mut(message: &mut ExportTraceServiceRequest) -> impl Iterator<Item = &mut Span> {
    scopes_mut(message).flat_map(|scope| &mut scope.spans)
}

fn scopes(message: &ExportTraceServiceRequest) -> impl Iterator<Item = &ScopeSpans> {
    message.resource_spans.iter().flat_map(|resource| &resource.scope_spans)
}

fn scopes_mut(message: &mut ExportTraceServiceRequest) -> impl Iterator<Item = &mut ScopeSpans> {
    message.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans)
}

/// Removes the spans that `keep` does not want and answers how many those were. A scope or resource that this empties goes
/// too; one that was empty before stays.
pub fn retain_spans(message: &mut ExportTraceServiceRequest, mut keep: impl FnMut(&Span) -> bool) -> u64 {
    let mut removed = 0;
    message.resource_spans.retain_mut(|resource| {
        let removed_before = removed;
        resource.scope_spans.retain_mut(|scope| {
            let before = scope.spans.len();
            scope.spans.retain(&mut keep);
            removed += before - scope.spans.len();
            before == scope.spans.len() || !scope.spans.is_empty()
        });
        removed == removed_before || !resource.scope_spans.is_empty()
    });
    removed as u64
}

/// Puts copies of spans right behind the spans for which `repeat` answers one.
pub fn insert_spans(message: &mut ExportTraceServiceRequest, mut repeat: impl FnMut(&Span) -> Option<Span>) -> u64 {
    let mut inserted = 0;
    for scope in scopes_mut(message) {
        let spans = std::mem::take(&mut scope.spans);
        for span in spans {
            let behind = repeat(&span);
            inserted += u64::from(behind.is_some());
            scope.spans.push(span);
            scope.spans.extend(behind);
        }
    }
    inserted
}

/// The `service.name` of a resource, when it is a string.
pub fn service_name(resource: Option<&Resource>) -> Option<&str> {
    let attribute = resource?.attributes.iter().find(|attribute| attribute.key == SERVICE_NAME)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) => Some(name),
        _ => None,
    }
}

/// An attribute with a string value.
pub fn string_attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::super::sample::request;
    use super::*;

    #[test]
    fn emptied_scopes_and_resources_go_and_those_empty_before_stay() {
        let mut message = request(1);
        message.resource_spans[0].scope_spans.push(ScopeSpans::default());
        let all = spans(&message).count() as u64;
        assert_eq!(retain_spans(&mut message, |_| true), 0);
        assert_eq!(retain_spans(&mut message, |_| false), all);
        assert_eq!(message.resource_spans.len(), 1);
        assert_eq!(message.resource_spans[0].scope_spans, [ScopeSpans::default()]);
    }
}
