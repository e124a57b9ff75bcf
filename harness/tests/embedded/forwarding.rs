//! A target without defects changes nothing, whatever the transport.

use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanproof_harness::embedded::{Compression, Destination, EmbeddedConfig, EmbeddedTarget, FieldOrder, Guarantee};
use tonic::codec::CompressionEncoding;

use super::client::{JSON, PROTOBUF, http, post, send};
use super::sink::Sink;
use super::{PATIENCE, config, grpc_to, http_to, request, shutdown};

#[tokio::test]
async fn what_comes_over_grpc_leaves_unchanged_with_every_compression() {
    let (plain, zipped) = (Sink::grpc([]).await, Sink::http([]).await);
    let to_zipped = Destination { compression: Compression::Gzip, ..http_to(zipped.address) };
    let target = EmbeddedTarget::start(config(vec![grpc_to(plain.address), to_zipped])).unwrap();
    let encodings = [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)];
    for (number, encoding) in (0..).zip(encodings) {
        send(target.grpc_addr(), request(number, 5), encoding).await.unwrap();
        for sink in [&plain, &zipped] {
            let accepted = sink.accepted(usize::from(number) + 1).await;
            assert_eq!(accepted.last(), Some(&request(number, 5)));
        }
    }
    let report = shutdown(target, PATIENCE).await;
    assert!(report.drained);
    assert_eq!((report.stats.accepted.spans, report.stats.sent.spans), (15, 30));
}

#[tokio::test]
async fn what_comes_over_http_leaves_unchanged_from_both_encodings_and_every_compression() {
    let (plain, zipped) = (Sink::http([]).await, Sink::grpc([]).await);
    let to_zipped = Destination { compression: Compression::Gzip, ..grpc_to(zipped.address) };
    let target = EmbeddedTarget::start(config(vec![http_to(plain.address), to_zipped])).unwrap();
    let body = request(1, 5).encode_to_vec();
    let json = serde_json::to_vec(&request(1, 5)).unwrap();
    let zstd = zstd::stream::encode_all(&body[..], 1).unwrap();
    let zipped_json = gzip(&json);
    let posts = [
        (vec![PROTOBUF], body),
        (vec![PROTOBUF, ("content-encoding", "zstd")], zstd),
        (vec![JSON], json),
        (vec![("content-type", "application/json; charset=utf-8"), ("content-encoding", "gzip")], zipped_json),
    ];
    for (number, (headers, body)) in (1..).zip(posts) {
        let answer = http(target.http_addr(), Method::POST, "/v1/traces", &headers, body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], headers[0].1.split(';').next().unwrap());
        for sink in [&plain, &zipped] {
            assert_eq!(sink.accepted(number).await.last(), Some(&request(1, 5)));
        }
    }
}

#[tokio::test]
async fn descending_order_means_the_same_in_other_bytes() {
    let sink = Sink::http([]).await;
    let config = EmbeddedConfig { field_order: FieldOrder::Descending, ..config(vec![http_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    send(target.grpc_addr(), request(1, 5), None).await.unwrap();
    assert_eq!(sink.accepted(1).await, [request(1, 5)]);
    let (body, usual) = (&sink.bodies()[0], request(1, 5).encode_to_vec());
    assert_eq!(body.len(), usual.len());
    assert_ne!(body[..], usual[..]);
}

#[tokio::test]
async fn a_synchronous_target_has_delivered_before_it_answers() {
    let sink = Sink::grpc([]).await;
    let config = EmbeddedConfig { guarantee: Guarantee::Synchronous, ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    for number in 0..5 {
        send(target.grpc_addr(), request(number, 2), None).await.unwrap();
        assert_eq!(sink.bodies().len(), usize::from(number) + 1);
    }
}

#[tokio::test]
async fn requests_without_spans_are_accepted_and_not_forwarded() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    send(target.grpc_addr(), ExportTraceServiceRequest::default(), None).await.unwrap();
    send(target.grpc_addr(), request(0, 0), None).await.unwrap();
    assert_eq!(post(target.http_addr(), "").await.status, 200);
    let report = shutdown(target, PATIENCE).await;
    assert_eq!((report.stats.accepted.requests, sink.attempts()), (3, 0));
}

#[tokio::test]
async fn many_clients_at_once_lose_and_repeat_nothing() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let address = target.grpc_addr();
    let clients: Vec<_> = (0..4_u8)
        .map(|client| {
            tokio::spawn(async move {
                for number in 0..50 {
                    send(address, request(client * 50 + number, 3), None).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let mut accepted = sink.accepted(200).await;
    accepted.sort_by_key(|request| request.resource_spans[0].scope_spans[0].spans[0].trace_id[0]);
    assert_eq!(accepted, (0..200).map(|number| request(number, 3)).collect::<Vec<_>>());
    let report = shutdown(target, PATIENCE).await;
    assert_eq!((report.stats.accepted, report.stats.sent), (report.stats.sent, report.stats.accepted));
    assert_eq!(sink.attempts(), 200);
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, plain).unwrap();
    encoder.finish().unwrap()
}
