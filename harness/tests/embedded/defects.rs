//! Planted defects that show in time, in answers, and in whole requests; what they do to messages is tested beside them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanproof_harness::embedded::{Compression, Defect, Destination, EmbeddedConfig, EmbeddedTarget, Guarantee};
use spanproof_harness::wire::Signal;
use spanproof_harness::wire::server::{Backend, Decision, Export, Reason, ServerConfig, SinkServer};
use tokio::time::Instant;
use tonic::Code;

use super::client::{grpc, post, send};
use super::sink::Sink;
use super::{PATIENCE, config, grpc_to, http_to, request, shutdown, timed};

fn planted(sink: &Sink, defect: &str) -> EmbeddedConfig {
    EmbeddedConfig { defects: vec![defect.parse().unwrap()], ..config(vec![grpc_to(sink.address)]) }
}

/// Sends so many requests of four spans through a target with the defect; answers what arrived and how often it bit.
async fn run(defect: &str, requests: u8) -> (usize, u64) {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(planted(&sink, defect)).unwrap();
    let mut client = grpc(target.grpc_addr()).await;
    for number in 0..requests {
        client.export(request(number, 4)).await.unwrap();
    }
    let report = shutdown(target, PATIENCE).await;
    let [(named, bites)] = &report.stats.defects[..] else { panic!("{:?}", report.stats) };
    assert_eq!(*named, defect.parse::<Defect>().unwrap());
    assert_eq!(report.stats.accepted.requests, u64::from(requests));
    (sink.bodies().len(), bites.times)
}

#[tokio::test]
async fn whole_requests_are_dropped_and_repeated_behind_an_acknowledgement() {
    assert_eq!(run("acknowledge-then-drop,every=5", 20).await, (16, 4));
    assert_eq!(run("send-request-twice,every=5", 20).await, (24, 4));
    assert_eq!(run("drop-every-nth-request-of-one-connection=3", 20).await, (14, 6));
    assert_eq!(run("drop-service=checkout", 5).await, (0, 20));
}

#[tokio::test]
async fn the_nth_span_is_missing_and_all_others_arrive() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(planted(&sink, "drop-nth=6")).unwrap();
    let mut client = grpc(target.grpc_addr()).await;
    for number in 0..3 {
        client.export(request(number, 4)).await.unwrap();
    }
    let mut accepted = sink.accepted(3).await;
    accepted.sort_by_key(|request| request.resource_spans[0].scope_spans[0].spans[0].trace_id[0]);
    let mut expected: Vec<_> = (0..3).map(|number| request(number, 4)).collect();
    expected[1].resource_spans[0].scope_spans[0].spans.remove(1);
    assert_eq!(accepted, expected);
    assert_eq!(target.stats().defects[0].1.times, 1);
}

#[tokio::test]
async fn a_late_delivery_arrives_after_its_delay() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(planted(&sink, "deliver-late=400ms,every=1")).unwrap();
    let delivery = async {
        send(target.grpc_addr(), request(1, 4), None).await.unwrap();
        sink.accepted(1).await
    };
    let (accepted, took) = timed(delivery).await;
    assert_eq!(accepted, [request(1, 4)]);
    assert!(took >= Duration::from_millis(400), "{took:?}");
}

#[tokio::test]
async fn a_request_refused_for_good_arrives_all_the_same() {
    for guarantee in [Guarantee::Queue, Guarantee::Synchronous] {
        let sink = Sink::grpc([]).await;
        let config = EmbeddedConfig { guarantee, ..planted(&sink, "refuse-but-forward,every=1") };
        let target = EmbeddedTarget::start(config).unwrap();
        let status = send(target.grpc_addr(), request(1, 4), None).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        let answer = post(target.http_addr(), request(2, 4).encode_to_vec()).await;
        assert_eq!(answer.status, 400);
        let mut accepted = sink.accepted(2).await;
        accepted.sort_by_key(|request| request.resource_spans[0].scope_spans[0].spans[0].trace_id[0]);
        assert_eq!(accepted, [request(1, 4), request(2, 4)]);
        assert_eq!((target.stats().refused.requests, target.stats().defects[0].1.times), (2, 2));
    }
}

#[tokio::test]
async fn a_stalled_target_answers_at_the_end_of_the_stall() {
    let sink = Sink::grpc([]).await;
    let target = EmbeddedTarget::start(planted(&sink, "stall=900ms/1s")).unwrap();
    let mut client = grpc(target.grpc_addr()).await;
    // The first request starts the clock, and whichever is held up first is answered no sooner than a period later.
    let start = Instant::now();
    let mut sent = 0;
    while target.stats().defects[0].1.times == 0 {
        client.export(request(sent, 1)).await.unwrap();
        sent += 1;
        // Slow enough that the numbers of the requests do not run out within the 100 ms before the stall.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(sink.accepted(usize::from(sent)).await.len(), usize::from(sent));
}

#[tokio::test]
async fn defects_follow_each_other_in_the_order_given() {
    let sink = Sink::grpc([]).await;
    let defects = ["corrupt-everything", "duplicate-one-in=2", "drop-one-in=3"].map(|defect| defect.parse().unwrap());
    let config = EmbeddedConfig { defects: defects.to_vec(), ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    send(target.grpc_addr(), request(0, 12), None).await.unwrap();
    let accepted = sink.accepted(1).await;
    let spans = &accepted[0].resource_spans[0].scope_spans[0].spans;
    // 12 corrupted, 6 of them repeated, 6 of the 18 lost.
    assert_eq!(spans.len(), 12);
    assert!(spans.iter().all(|span| span.attributes.iter().any(|attribute| attribute.key == "planted.defect")));
    let bites: Vec<_> = target.stats().defects.iter().map(|(_, bites)| bites.times).collect();
    assert_eq!(bites, [12, 6, 6]);
}

#[tokio::test]
async fn a_deferred_request_has_arrived_and_is_taken_or_refused_when_it_comes_again() {
    for (defect, again, arrived) in [
        ("defer-but-forward=accept,every=1", None, 2),
        ("defer-but-forward=refuse,every=1", Some(Code::InvalidArgument), 1),
    ] {
        let sink = Sink::grpc([]).await;
        let target = EmbeddedTarget::start(planted(&sink, defect)).unwrap();
        let first = send(target.grpc_addr(), request(1, 4), None).await.unwrap_err();
        assert_eq!(first.code(), Code::Unavailable);
        let second = send(target.grpc_addr(), request(1, 4), None).await;
        assert_eq!(second.err().map(|status| status.code()), again, "{defect}");
        let report = shutdown(target, PATIENCE).await;
        assert_eq!((sink.bodies().len(), report.stats.defects[0].1.times), (arrived, 1), "{defect}");
    }
}

/// The sink of the product, which knows more ways to be wronged than one made for tests. It counts requests of metrics.
#[derive(Default)]
struct Metering {
    metrics: AtomicU64,
}

impl Backend for Metering {
    fn export(&self, export: Export) -> Decision {
        if export.signal == Signal::Metrics {
            self.metrics.fetch_add(1, Ordering::Relaxed);
            return Decision::Accept;
        }
        match ExportTraceServiceRequest::decode(export.body) {
            Ok(_) => Decision::Accept,
            Err(error) => Decision::Malformed { message: error.to_string() },
        }
    }
}

#[tokio::test]
async fn requests_that_nobody_asked_for_and_such_as_nobody_can_take_are_seen_by_either_protocol() {
    let any = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    for compression in [Compression::None, Compression::Gzip] {
        let backend = Arc::new(Metering::default());
        let server = ServerConfig { grpc: any, http: any, ..ServerConfig::default() };
        let sink = SinkServer::start(server, Arc::clone(&backend) as Arc<_>).unwrap();
        let export = [grpc_to(sink.grpc_addr().unwrap()), http_to(sink.http_addr().unwrap())];
        let export = export.into_iter().map(|to| Destination { compression, ..to }).collect();
        let defects = ["send-garbage,every=2", "send-metrics,every=2", "unknown-compression,every=2"];
        let defects = defects.map(|defect| defect.parse().unwrap()).to_vec();
        let target = EmbeddedTarget::start(EmbeddedConfig { defects, ..config(export) }).unwrap();
        for number in 0..4 {
            send(target.grpc_addr(), request(number, 4), None).await.unwrap();
        }
        let report = shutdown(target, PATIENCE).await;
        assert!(report.drained && report.stats.defects.iter().all(|(_, bites)| bites.times == 2), "{report:?}");
        let counters = sink.counters();
        let refused = [Reason::Malformed, Reason::Encoding].map(|reason| counters.refused(reason));
        // Each of the two destinations gets two of everything.
        assert_eq!((refused, backend.metrics.load(Ordering::Relaxed)), ([4, 4], 4));
        assert_eq!(counters.refused_total(), 8);
    }
}
