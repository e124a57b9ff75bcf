//! Requests of spans.

use super::{TIME, id, mark, resource, scope};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// A request of so many spans of one trace.
pub fn request(marker: &str, items: u64) -> ExportTraceServiceRequest {
    request_of((0..items).map(|number| span(marker, number)).collect())
}

/// A request of these spans.
pub fn request_of(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(resource()), scope_spans, ..ResourceSpans::default() }],
    }
}

/// A span with nothing odd about it.
pub fn span(marker: &str, number: u64) -> Span {
    Span {
        trace_id: id(marker, "trace", 16),
        span_id: id(marker, &format!("span {number}"), 8),
        name: format!("operation {number}"),
        kind: 2,
        start_time_unix_nano: TIME,
        end_time_unix_nano: TIME + 1_000_000,
        attributes: vec![mark(marker)],
        ..Span::default()
    }
}
