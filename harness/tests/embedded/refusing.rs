//! Bad and unwelcome requests: refused as OTLP has it, counted, and survived.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::uri::PathAndQuery;
use prost::Message;
use spanproof_harness::embedded::{EmbeddedConfig, EmbeddedTarget, Guarantee, Tally};
use tokio::sync::Notify;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::client::{JSON, PROTOBUF, grpc, http, post, send};
use super::sink::{Answer, Sink};
use super::{PATIENCE, config, eventually, grpc_to, request, shutdown, soon};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Sends any bytes as a gRPC message to any method.
async fn send_raw(address: std::net::SocketAddr, path: &'static str, body: &'static [u8]) -> Status {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let request = tonic::Request::new(Raw(Bytes::from_static(body)));
    let codec = RawCodec;
    soon("an answer", client.unary(request, PathAndQuery::from_static(path), codec)).await.unwrap_err()
}

struct Raw(Bytes);

struct RawCodec;

impl tonic::codec::Codec for RawCodec {
    type Encode = Raw;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for RawCodec {
    type Item = Raw;
    type Error = Status;

    fn encode(&mut self, item: Raw, buffer: &mut tonic::codec::EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put(buffer, item.0);
        Ok(())
    }
}

impl tonic::codec::Decoder for RawCodec {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut tonic::codec::DecodeBuf<'_>) -> Result<Option<()>, Status> {
        bytes::Buf::advance(buffer, bytes::Buf::remaining(buffer));
        Ok(Some(()))
    }
}

#[tokio::test]
async fn garbage_is_an_invalid_argument_and_the_target_goes_on() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let garbage: &[u8] = &[0x0a, 0xff, 0xff, 0x03, 1, 2];
    assert_eq!(send_raw(target.grpc_addr(), EXPORT, garbage).await.code(), Code::InvalidArgument);
    let answer = post(target.http_addr(), garbage).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, Code::InvalidArgument as i32));
    let answer = http(target.http_addr(), Method::POST, "/v1/traces", &[JSON], "{\"resourceSpans\": 3}").await;
    assert_eq!(answer.status, 400);
    let error: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(error["code"], Code::InvalidArgument as i32);
    assert_eq!(target.stats().malformed_requests, 3);

    send(target.grpc_addr(), request(1, 1), None).await.unwrap();
    assert_eq!(sink.accepted(1).await, [request(1, 1)]);
}

#[tokio::test]
async fn requests_above_the_size_limit_are_refused_for_good_however_well_they_compress() {
    let sink = Sink::grpc([]).await;
    let limit = request(1, 100).encoded_len();
    let config = EmbeddedConfig { max_request_bytes: limit, ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    for encoding in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)] {
        let status = send(target.grpc_addr(), request(1, 101), encoding).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.get_details_retry_info().is_none());
        send(target.grpc_addr(), request(1, 100), encoding).await.unwrap();
    }
    let body = request(1, 101).encode_to_vec();
    let bomb = zstd::stream::encode_all(&vec![0; 50 << 20][..], 1).unwrap();
    for (headers, body) in [(vec![PROTOBUF], body), (vec![PROTOBUF, ("content-encoding", "zstd")], bomb)] {
        let answer = http(target.http_addr(), Method::POST, "/v1/traces", &headers, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, Code::ResourceExhausted as i32));
    }
    let stats = target.stats();
    assert_eq!((stats.malformed_requests, stats.accepted.requests), (5, 3));
}

#[tokio::test]
async fn other_signals_methods_and_types_are_not_taken() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    assert_eq!(send_raw(target.grpc_addr(), metrics, b"").await.code(), Code::Unimplemented);
    for (method, path, headers, status) in [
        (Method::POST, "/v1/metrics", vec![PROTOBUF], 404),
        (Method::POST, "/v1/logs", vec![PROTOBUF], 404),
        (Method::GET, "/v1/traces", vec![], 405),
        (Method::POST, "/v1/traces", vec![], 415),
        (Method::POST, "/v1/traces", vec![("content-type", "text/plain")], 415),
        (Method::POST, "/v1/traces", vec![PROTOBUF, ("content-encoding", "br")], 415),
        (Method::POST, "/v1/traces", vec![PROTOBUF, ("content-encoding", "gzip")], 400),
    ] {
        let answer = http(target.http_addr(), method, path, &headers, request(1, 1).encode_to_vec()).await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
        assert_ne!(answer.code(), 0);
    }
    assert_eq!(shutdown(target, PATIENCE).await.stats.accepted, Tally::default());
}

#[tokio::test]
async fn a_full_queue_is_unavailable_until_there_is_room() {
    // The first request is taken out by a consumer and hangs at the sink; it still counts, and so does the one behind it.
    let sink = Sink::grpc([Answer::Hang, Answer::Hang]).await;
    let config =
        EmbeddedConfig { queue_requests: NonZeroUsize::new(2).unwrap(), ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    for number in 0..2 {
        send(target.grpc_addr(), request(number, 4), None).await.unwrap();
    }
    let status = send(target.grpc_addr(), request(2, 4), None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the queue is full"));
    assert!(status.get_details_retry_info().is_none());
    let answer = post(target.http_addr(), request(2, 4).encode_to_vec()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, Code::Unavailable as i32));
    assert!(!answer.headers.contains_key("retry-after"));
    let stats = target.stats();
    assert_eq!((stats.accepted.spans, stats.refused.spans, stats.queue_requests), (8, 8, 2));
}

#[tokio::test]
async fn the_memory_limit_refuses_by_bytes_and_lets_go_when_they_are_delivered() {
    let release = Arc::new(Notify::new());
    let sink = Sink::grpc([Answer::Hold(Arc::clone(&release))]).await;
    let bytes = request(0, 4).encoded_len() as u64;
    let config = EmbeddedConfig { memory_limit: bytes * 2 - 1, ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    send(target.grpc_addr(), request(0, 4), None).await.unwrap();
    let status = send(target.grpc_addr(), request(1, 4), None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the memory limit is reached"));
    assert_eq!(target.stats().queue_bytes, bytes);
    release.notify_one();
    eventually("the queue is empty again", || target.stats().queue_bytes == 0).await;
    send(target.grpc_addr(), request(1, 4), None).await.unwrap();
    assert_eq!(sink.accepted(2).await.len(), 2);
}

#[tokio::test]
async fn a_client_that_goes_away_in_mid_request_leaves_nothing_behind() {
    let sink = Sink::grpc([Answer::Hang]).await;
    let config = EmbeddedConfig { guarantee: Guarantee::Synchronous, ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    let mut client = grpc(target.grpc_addr()).await;
    let call = tokio::spawn(async move { client.export(request(0, 3)).await });
    eventually("the sink hangs", || sink.attempts() == 1).await;
    call.abort();
    eventually("the request is given up", || target.stats().queue_requests == 0).await;
    assert_eq!(target.stats().abandoned, Tally { requests: 1, spans: 3 });
}
