//! What the server itself refuses, said with raw HTTP requests that no proper client would send.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::Value;
use spanproof_harness::wire::server::{Decision, Limits, Reason, Refusal, RetryAfter};
use spanproof_harness::wire::{Code, Compression, Protocol, Signal};
use tonic_types::pb;

use crate::rig::{Rig, bytes};

pub const TRACES: &str = "/v1/traces";
pub const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");
pub const GRPC: (&str, &str) = ("content-type", "application/grpc");

pub struct Said {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a gRPC answer that is headers only.
    pub fn grpc(&self) -> Code {
        Code(self.header("grpc-status").parse().unwrap())
    }
}

/// One request over HTTP/1.1 or, with `http2`, over HTTP/2 with prior knowledge.
async fn ask(
    at: SocketAddr,
    http2: bool,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Said {
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let mut request = Request::builder().method(method).uri(format!("http://{at}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let collected = body.collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let mut headers = head.headers;
    headers.extend(trailers);
    Said { status: head.status, headers, body: collected.to_bytes() }
}

pub async fn post(at: SocketAddr, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Said {
    ask(at, false, Method::POST, path, headers, body).await
}

pub async fn call(rig: &Rig, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Said {
    ask(rig.grpc(), true, Method::POST, EXPORT, headers, body).await
}

pub fn frame(flag: u8, length: u32, message: &[u8]) -> Vec<u8> {
    [&[flag], &length.to_be_bytes()[..], message].concat()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::best()).read_to_end(&mut packed).unwrap();
    packed
}

#[tokio::test]
async fn http_errors_are_statuses_in_the_requests_encoding() {
    let rig = Rig::accepting();
    let at = rig.http();
    let encoded = |encoding| [PROTOBUF, ("content-encoding", encoding)];
    let cases = [
        (post(at, "/v1/nonsense", &[PROTOBUF], "x").await, 404, Reason::Path),
        (post(at, "/", &[PROTOBUF], "x").await, 404, Reason::Path),
        (ask(at, false, Method::PUT, TRACES, &[PROTOBUF], "x").await, 405, Reason::Method),
        (ask(at, false, Method::GET, TRACES, &[], "").await, 405, Reason::Method),
        (post(at, TRACES, &[("content-type", "text/plain")], "x").await, 415, Reason::ContentType),
        (post(at, TRACES, &[], "x").await, 415, Reason::ContentType),
        (post(at, TRACES, &encoded("br"), "x").await, 415, Reason::Encoding),
        (post(at, TRACES, &encoded("gzip, gzip"), "x").await, 415, Reason::Encoding),
        (post(at, TRACES, &encoded("gzip"), "x").await, 400, Reason::Corrupt),
        (post(at, TRACES, &encoded("zstd"), "xxxx").await, 400, Reason::Corrupt),
    ];
    for (said, status, reason) in &cases {
        assert_eq!(said.status, *status, "{reason:?}");
        assert_eq!(said.header("content-type"), "application/x-protobuf", "{reason:?}");
        let explained = pb::Status::decode(said.body.clone()).unwrap();
        assert!(!explained.message.is_empty());
        assert_eq!(*status == 400, !explained.details.is_empty(), "bad data comes with a BadRequest");
        assert!(rig.counters().refused(*reason) > 0);
    }
    assert_eq!(cases[2].0.header("allow"), "POST");
    assert_eq!(cases[6].0.header("accept-encoding"), "identity,gzip,zstd");
    assert_eq!(rig.counters().refused_total(), cases.len() as u64);

    let said = post(at, "/v1/nonsense", &[JSON], "{}").await;
    assert_eq!(said.header("content-type"), "application/json");
    let explained: Value = serde_json::from_slice(&said.body).unwrap();
    assert!(explained["message"].is_string());
    assert!(rig.seen().is_empty());
}

#[tokio::test]
async fn a_success_is_answered_in_the_requests_encoding() {
    let rig = Rig::accepting();
    for http2 in [false, true] {
        let said = ask(rig.http(), http2, Method::POST, TRACES, &[PROTOBUF], "x").await;
        assert_eq!((said.status, said.header("content-type")), (StatusCode::OK, "application/x-protobuf"));
        assert!(said.body.is_empty());
        let charset = [("content-type", "Application/JSON; charset=utf-8")];
        let said = ask(rig.http(), http2, Method::POST, TRACES, &charset, "{}").await;
        assert_eq!((said.status, said.header("content-type")), (StatusCode::OK, "application/json"));
        assert_eq!(said.body, "{}");
    }
}

#[tokio::test]
async fn a_json_request_reaches_the_backend_as_protobuf() {
    let rig = Rig::deciding(Decision::Partial { rejected: 9_007_199_254_740_993, message: "most".into() });
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","kind":2,
        "traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
        "startTimeUnixNano":"1544712660000000000","attributes":[{"key":"k","value":{"intValue":"-5"}}]}]}]}]}"#;
    for (encoding, body) in [("identity", json.as_bytes().to_vec()), ("gzip", gzip(json.as_bytes()))] {
        let said = post(rig.http(), TRACES, &[JSON, ("content-encoding", encoding)], body).await;
        assert_eq!(said.status, StatusCode::OK);
        let answer: Value = serde_json::from_slice(&said.body).unwrap();
        assert_eq!(answer["partialSuccess"]["rejectedSpans"], "9007199254740993");
        assert_eq!(answer["partialSuccess"]["errorMessage"], "most");
        let [export] = rig.seen().try_into().unwrap();
        assert_eq!((export.protocol, export.signal), (Protocol::HttpJson, Signal::Traces));
        let request = ExportTraceServiceRequest::decode(export.body).unwrap();
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((span.name.as_str(), span.kind, span.start_time_unix_nano), ("a", 2, 1_544_712_660_000_000_000));
        assert_eq!(span.trace_id[..3], [0x0a, 0xf7, 0x65]);
    }
}

#[tokio::test]
async fn what_is_not_otlp_json_is_bad_data() {
    let rig = Rig::accepting();
    for body in ["", "[]", "{", "text", r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":7}]}]}]}"#] {
        let said = post(rig.http(), TRACES, &[JSON], body).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let deep = "{\"resourceSpans\":".repeat(10_000);
    assert_eq!(post(rig.http(), TRACES, &[JSON], deep).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(rig.counters().refused(Reason::Json), 6);
}

#[tokio::test]
async fn json_that_would_blow_up_as_protobuf_is_too_large() {
    let limits = Limits { in_flight_bytes_max: 16 << 20, ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let bounds = vec!["0"; 400_000].join(",");
    let histogram = format!("{{\"dataPoints\":[{{\"explicitBounds\":[{bounds}]}}]}}");
    let body =
        format!("{{\"resourceMetrics\":[{{\"scopeMetrics\":[{{\"metrics\":[{{\"histogram\":{histogram}}}]}}]}}]}}");
    assert!(body.len() < 1 << 20);
    let said = post(rig.http(), "/v1/metrics", &[JSON], body).await;
    assert_eq!(said.status, StatusCode::PAYLOAD_TOO_LARGE);
    rig.until_nothing_in_flight().await;
}

#[tokio::test]
async fn a_throttled_http_client_hears_retry_after_and_retry_info() {
    let rig = Rig::deciding(Decision::Refuse(Refusal {
        grpc: Some(Code::UNAVAILABLE),
        http: StatusCode::SERVICE_UNAVAILABLE,
        message: "later".into(),
        retry_after: Some(RetryAfter::Wait(std::time::Duration::from_millis(1200))),
    }));
    let said = post(rig.http(), TRACES, &[PROTOBUF], "x").await;
    assert_eq!((said.status.as_u16(), said.header("retry-after")), (503, "2"));
    let said = post(rig.http(), TRACES, &[JSON], "{}").await;
    insta::assert_snapshot!(String::from_utf8(said.body.to_vec()).unwrap());
}

#[tokio::test]
async fn broken_grpc_framing_is_refused_and_not_retryable() {
    let rig = Rig::accepting();
    let gzipped = [GRPC, ("grpc-encoding", "gzip")];
    let two = [frame(0, 1, b"a"), frame(0, 1, b"b")].concat();
    let cases = [
        ("nothing", call(&rig, &[GRPC], "").await, Reason::Truncated),
        ("half a prefix", call(&rig, &[GRPC], vec![0, 0]).await, Reason::Truncated),
        ("too short", call(&rig, &[GRPC], frame(0, 9, b"abc")).await, Reason::Truncated),
        ("too long", call(&rig, &[GRPC], frame(0, 2, b"abc")).await, Reason::Framing),
        ("two messages", call(&rig, &[GRPC], two).await, Reason::Framing),
        ("flag 2", call(&rig, &[GRPC], frame(2, 1, b"a")).await, Reason::Framing),
        ("compressed by nothing", call(&rig, &[GRPC], frame(1, 1, b"a")).await, Reason::Framing),
        ("not gzip", call(&rig, &gzipped, frame(1, 4, b"abcd")).await, Reason::Corrupt),
        ("cut gzip", call(&rig, &gzipped, frame(1, 20, &gzip(&bytes(5000))[..20])).await, Reason::Corrupt),
    ];
    for (what, said, reason) in &cases {
        let expected = if *reason == Reason::Corrupt { Code::INVALID_ARGUMENT } else { Code::INTERNAL };
        assert_eq!((said.status, said.grpc()), (StatusCode::OK, expected), "{what}");
        assert!(!said.grpc().retryable(false));
        assert!(rig.counters().refused(*reason) > 0, "{what}");
    }
    assert_eq!(rig.counters().refused_total(), cases.len() as u64);
    assert!(rig.seen().is_empty());
    rig.until_nothing_in_flight().await;
}

#[tokio::test]
async fn grpc_requests_for_what_is_not_there_are_unimplemented() {
    let rig = Rig::accepting();
    let said = ask(rig.grpc(), true, Method::POST, "/a.B/C", &[GRPC], frame(0, 0, b"")).await;
    assert_eq!((said.status, said.grpc()), (StatusCode::OK, Code::UNIMPLEMENTED));
    let said = call(&rig, &[GRPC, ("grpc-encoding", "snappy")], frame(1, 1, b"a")).await;
    assert_eq!((said.status, said.grpc()), (StatusCode::OK, Code::UNIMPLEMENTED));
    assert_eq!(said.header("grpc-accept-encoding"), "identity,gzip,zstd");
}

#[tokio::test]
async fn a_request_that_is_not_grpc_hears_so_in_http() {
    let rig = Rig::accepting();
    let said = call(&rig, &[("content-type", "text/plain")], "x").await;
    assert_eq!(said.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let said = ask(rig.grpc(), true, Method::GET, EXPORT, &[GRPC], "").await;
    assert_eq!(said.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_variants_of_a_proper_grpc_request_are_served() {
    let rig = Rig::accepting();
    let proto = [("content-type", "application/grpc+proto")];
    for (headers, body, compression) in [
        (proto.as_slice(), frame(0, 3, b"abc"), Compression::None),
        (&[GRPC, ("grpc-encoding", "gzip")], frame(0, 3, b"abc"), Compression::None),
        (&[GRPC, ("grpc-encoding", "gzip")], frame(1, gzip(b"abc").len() as u32, &gzip(b"abc")), Compression::Gzip),
        (&[GRPC, ("grpc-encoding", "identity")], frame(0, 3, b"abc"), Compression::None),
    ] {
        let said = call(&rig, headers, body).await;
        assert_eq!((said.status, said.grpc()), (StatusCode::OK, Code::OK));
        assert_eq!(said.body, frame(0, 0, b""), "exactly one empty response");
        let [export] = rig.seen().try_into().unwrap();
        assert_eq!((export.body, export.compression), (Bytes::from("abc"), compression));
    }
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let rig = Rig::accepting();
    let long = "x".repeat(20_000);
    let said = post(rig.http(), TRACES, &[PROTOBUF, ("x-long", &long)], "x").await;
    assert_eq!(said.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(rig.counters().refused(Reason::Headers), 1);
}
