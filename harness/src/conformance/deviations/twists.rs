//! What deviations are made of: looking into requests, and making answers of other kinds.

use crate::conformance::payload::hex;
use crate::conformance::raw::grpc::framed;
use crate::conformance::scripted::{Answer, Asked, Deed, Refusal};
use crate::wire::{Code, PREFIX, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

/// Whether it is sent over HTTP as JSON.
pub(super) fn is_json(asked: &Asked) -> bool {
    !asked.is_grpc() && asked.is_json()
}

/// Whether it is sent over HTTP as protobuf.
pub(super) fn is_protobuf(asked: &Asked) -> bool {
    !asked.is_grpc() && asked.field("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("protobuf"))
}

/// How it is compressed.
pub(super) fn encoding(asked: &Asked) -> &str {
    asked.field("content-encoding").or_else(|| asked.field("grpc-encoding")).unwrap_or_default()
}

/// Whether these bytes stand in it.
pub(super) fn holds(asked: &Asked, bytes: impl AsRef<[u8]>) -> bool {
    let bytes = bytes.as_ref();
    asked.body.windows(bytes.len()).any(|window| window == bytes)
}

/// Puts other bytes, as many, in place of these.
pub(super) fn replace(asked: &mut Asked, old: &[u8], new: &[u8]) {
    let places: Vec<usize> = (0..asked.body.len()).filter(|at| asked.body[*at..].starts_with(old)).collect();
    for at in places {
        asked.body[at..at + old.len()].copy_from_slice(new);
    }
}

/// Whether a good answer came.
pub(super) fn is_good(asked: &Asked, answer: &Answer) -> bool {
    match asked.is_grpc() {
        true => code(answer) == Some("0"),
        false => answer.status == 200,
    }
}

fn code(answer: &Answer) -> Option<&str> {
    let fields = answer.trailers.iter().chain(&answer.fields);
    fields.into_iter().find(|(name, _)| name == "grpc-status").map(|(_, value)| value.as_str())
}

/// Whether it was answered with this code of gRPC.
pub(super) fn has_code(answer: &Answer, wanted: &str) -> bool {
    code(answer) == Some(wanted)
}

/// Makes it another code of gRPC, wherever that stands.
pub(super) fn set_code(answer: &mut Answer, code: &str) {
    let fields = answer.trailers.iter_mut().chain(&mut answer.fields);
    fields.filter(|(name, _)| name == "grpc-status").for_each(|(_, value)| *value = code.to_owned());
}

/// Sets a header, or a trailer where it is one already.
pub(super) fn set(answer: &mut Answer, name: &str, value: &str) {
    let fields = answer.trailers.iter_mut().chain(&mut answer.fields);
    match fields.into_iter().find(|(other, _)| other == name) {
        Some((_, there)) => *there = value.to_owned(),
        None => answer.fields.push((name.to_owned(), value.to_owned())),
    }
}

/// Other statuses over HTTP and gRPC in place of an error.
pub(super) fn instead_of_error(asked: &Asked, answer: &mut Answer, status: u16, code: &str) {
    if asked.is_grpc() {
        if !has_code(answer, "0") {
            set_code(answer, code);
        }
    } else if answer.status >= 400 {
        answer.status = status;
    }
}

/// An answer of its own: an error over HTTP with a Status, or over gRPC with a code.
pub(super) fn error(asked: &Asked, status: u16, code: u32) -> Option<Deed> {
    Some(Deed::Answer(Answer::refused(asked, &Refusal::new(status, Code(code), "planted"))))
}

/// A final refusal.
pub(super) fn refuse(asked: &Asked) -> Option<Deed> {
    error(asked, 400, 3)
}

/// The server's own error, which it tells clients to come again for where there is a word for that.
pub(super) fn fall(asked: &Asked) -> Option<Deed> {
    error(asked, 500, 14)
}

/// Success, and what was sent is gone.
pub(super) fn swallow(asked: &Asked) -> Option<Deed> {
    Some(Deed::Answer(Answer::taken(asked)))
}

/// The signal that a path names.
fn signal(asked: &Asked) -> Signal {
    let signals = Signal::ALL.into_iter();
    let mut named = signals.filter(|signal| asked.path == signal.http_path() || asked.path == signal.grpc_path());
    named.next().unwrap_or(Signal::Traces)
}

/// `ExportTraceServiceResponse` and the like.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

/// Whether a success has a partial success.
pub(super) fn has_partial(asked: &Asked, answer: &Answer) -> bool {
    let empty = if asked.is_grpc() {
        PREFIX
    } else if is_json(asked) {
        2
    } else {
        0
    };
    is_good(asked, answer) && answer.body.len() > empty
}

/// Makes a success a partial one, or one without.
pub(super) fn set_partial(asked: &Asked, answer: &mut Answer, partial: Option<(i64, &str)>) {
    answer.body = if is_json(asked) {
        let key = signal(asked).rejected_key();
        let partial = partial.map(|(rejected, message)| {
            serde_json::json!({ "partialSuccess": { key: rejected.to_string(), "errorMessage": message } })
        });
        partial.unwrap_or_else(|| serde_json::json!({})).to_string().into_bytes()
    } else {
        let partial = partial.map(|(rejected, message)| Partial { rejected, message: message.to_owned() });
        let message = Response { partial }.encode_to_vec();
        if asked.is_grpc() { framed(&message) } else { message }
    };
}

/// The message of a request in protobuf that is not compressed.
fn message(asked: &Asked) -> Option<&[u8]> {
    match (asked.is_grpc(), is_protobuf(asked)) {
        (true, _) => asked.body.get(PREFIX..),
        (false, true) => Some(&asked.body),
        (false, false) => None,
    }
}

fn set_message(asked: &mut Asked, message: Vec<u8>) {
    asked.body = if asked.is_grpc() { framed(&message) } else { message };
}

/// Changes every span of a request in protobuf.
pub(super) fn each_span(asked: &mut Asked, change: impl Fn(&mut Span)) {
    if signal(asked) != Signal::Traces {
        return;
    }
    let Some(Ok(mut request)) = message(asked).map(ExportTraceServiceRequest::decode) else { return };
    let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
    scopes.flat_map(|scope| &mut scope.spans).for_each(change);
    set_message(asked, request.encode_to_vec());
}

/// Whether some span of a request in protobuf is so.
pub(super) fn any_span(asked: &Asked, is_so: impl Fn(&Span) -> bool) -> bool {
    let Some(Ok(request)) = message(asked).map(ExportTraceServiceRequest::decode) else { return false };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    signal(asked) == Signal::Traces && scopes.flat_map(|scope| &scope.spans).any(is_so)
}

/// Whether a request of spans in protobuf has no resource, or no scope.
pub(super) fn has_nobody(asked: &Asked) -> bool {
    let Some(Ok(request)) = message(asked).map(ExportTraceServiceRequest::decode) else { return false };
    request
        .resource_spans
        .iter()
        .any(|resource| resource.resource.is_none() || resource.scope_spans.iter().any(|scope| scope.scope.is_none()))
}

/// Changes every log record of a request in protobuf.
pub(super) fn each_record(asked: &mut Asked, change: impl Fn(&mut LogRecord)) {
    if signal(asked) != Signal::Logs {
        return;
    }
    let Some(Ok(mut request)) = message(asked).map(ExportLogsServiceRequest::decode) else { return };
    let scopes = request.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs);
    scopes.flat_map(|scope| &mut scope.log_records).for_each(change);
    set_message(asked, request.encode_to_vec());
}

/// Whether some log record of a request in protobuf is so.
pub(super) fn any_record(asked: &Asked, is_so: impl Fn(&LogRecord) -> bool) -> bool {
    let Some(Ok(request)) = message(asked).map(ExportLogsServiceRequest::decode) else { return false };
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    signal(asked) == Signal::Logs && scopes.flat_map(|scope| &scope.log_records).any(is_so)
}

/// Changes every metric of a request in protobuf.
pub(super) fn each_metric(asked: &mut Asked, change: impl Fn(&mut Metric)) {
    if signal(asked) != Signal::Metrics {
        return;
    }
    let Some(Ok(mut request)) = message(asked).map(ExportMetricsServiceRequest::decode) else { return };
    let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
    scopes.flat_map(|scope| &mut scope.metrics).for_each(change);
    set_message(asked, request.encode_to_vec());
}

/// Whether some metric of a request in protobuf is so.
pub(super) fn any_metric(asked: &Asked, is_so: impl Fn(&Metric) -> bool) -> bool {
    let Some(Ok(request)) = message(asked).map(ExportMetricsServiceRequest::decode) else { return false };
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    signal(asked) == Signal::Metrics && scopes.flat_map(|scope| &scope.metrics).any(is_so)
}

/// Puts another id in place of one in base64.
pub(super) fn take_base64_for_an_id(asked: &mut Asked) {
    let mut request: serde_json::Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let id = request.pointer_mut("/resourceSpans/0/scopeSpans/0/spans/0/traceId");
    if let Some(id) = id.filter(|id| id.as_str().is_some_and(|id| id.ends_with('='))) {
        *id = hex(&[0xab; 16]).into();
        asked.body = request.to_string().into_bytes();
    }
}
