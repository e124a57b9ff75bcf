//! The scripted server does what it is told to, over both protocols, as the raw clients see it.

use spanproof_harness::conformance::raw::Unanswered;
use spanproof_harness::conformance::raw::http1::{Framing, Http1, Request};
use spanproof_harness::conformance::raw::http2::{Call, Http2};
use spanproof_harness::conformance::scripted::{Answer, Asked, Deed, Refusal, Script, Scripted, Step, Steps};
use spanproof_harness::conformance::trace::Trace;
use spanproof_harness::wire::Code;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(20);

/// Does the same with every request.
struct Always(Deed);

impl Script for Always {
    fn decide(self: Arc<Self>, _asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>> {
        Box::pin(async move { self.0.clone() })
    }
}

/// Answers with what came.
struct Echo;

impl Script for Echo {
    fn decide(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>> {
        let fields = vec![("x-path".to_owned(), asked.path), ("x-method".to_owned(), asked.method)];
        Box::pin(async move { Deed::Answer(Answer { status: 200, fields, body: asked.body, trailers: Vec::new() }) })
    }
}

async fn server(script: impl Script) -> Scripted {
    Scripted::start("127.0.0.1:0".parse().unwrap(), Arc::new(script)).await.unwrap()
}

async fn over_http1(server: &Scripted) -> Result<u16, Unanswered> {
    let mut connection = Http1::connect(server.address(), &Arc::new(Trace::default()), PATIENCE).await?;
    connection.exchange(&Request::post("/v1/traces", "body")).await.map(|answer| answer.status)
}

async fn over_http2(server: &Scripted) -> Result<u16, Unanswered> {
    let connection = Http2::connect(server.address(), &Arc::new(Trace::default()), PATIENCE).await?;
    connection.call(&Call::post("/v1/traces", "body")).await.map(|answer| answer.status)
}

fn answer(status: u16) -> Answer {
    Answer { status, body: b"0123456789".to_vec(), ..Answer::default() }
}

#[tokio::test]
async fn what_is_asked_comes_whole_however_it_is_framed() {
    let server = server(Echo).await;
    let trace = Arc::new(Trace::default());
    let body: Vec<u8> = (0..100_000u32).map(|number| number as u8).collect();
    let mut connection = Http1::connect(server.address(), &trace, PATIENCE).await.unwrap();
    for framing in [Framing::Length, Framing::Chunked(7), Framing::Chunked(9_999)] {
        let request = Request::post("/a", body.clone()).framed(framing).by("PUT");
        let answer = connection.exchange(&request).await.unwrap();
        assert!(answer.body == body && answer.goes_on, "{framing:?}");
        assert_eq!((answer.field("x-path"), answer.field("x-method")), (Some("/a"), Some("PUT")));
    }
    let expecting = Request::post("/a", "b").with("expect", "100-continue");
    assert_eq!(connection.exchange(&expecting).await.unwrap().interim, [100]);
    let connection = Http2::connect(server.address(), &trace, PATIENCE).await.unwrap();
    let calls = [Call::post("/b", body.clone()), Call::post("/b", "")];
    let (large, empty) = tokio::join!(connection.call(&calls[0]), connection.call(&calls[1]));
    assert!(large.unwrap().body == body && empty.unwrap().body.is_empty());
    let told = trace.entries().iter().map(|entry| entry.decoded.clone()).collect::<Vec<_>>().join("\n");
    assert!(told.contains("preface of HTTP/2") && told.contains("HEADERS 1"), "{told}");
}

#[tokio::test]
async fn every_deed_is_seen_as_what_it_is() {
    let http1 = |deed: Deed| async move { over_http1(&server(Always(deed)).await).await };
    let http2 = |deed: Deed| async move { over_http2(&server(Always(deed)).await).await };
    assert_eq!(http1(Deed::Answer(answer(503))).await, Ok(503));
    assert_eq!(http2(Deed::Answer(answer(503))).await, Ok(503));
    assert_eq!(http1(Deed::Close).await, Err(Unanswered::Closed));
    assert_eq!(http2(Deed::Close).await, Err(Unanswered::Closed));
    assert_eq!(http1(Deed::Cut(answer(200), 3)).await, Err(Unanswered::Closed));
    assert!(matches!(http2(Deed::Cut(answer(200), 3)).await, Err(Unanswered::StreamReset(_))));
    assert_eq!(http1(Deed::Reset(2)).await, Err(Unanswered::Broken));
    assert_eq!(http2(Deed::Reset(11)).await, Err(Unanswered::StreamReset(11)));
    assert_eq!(http2(Deed::GoAway(11)).await, Err(Unanswered::GoAway(11)));
    assert_eq!(http1(Deed::Last(answer(200))).await, Ok(200));
    let begun = Instant::now();
    assert_eq!(http1(Deed::Late(Duration::from_millis(200), answer(200))).await, Ok(200));
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn steps_are_taken_in_their_order_and_then_all_is_well() {
    let refusal = Refusal::new(503, Code::UNAVAILABLE, "busy");
    let steps: Vec<Step> = vec![
        Box::new(move |asked: &Asked| Deed::Answer(Answer::refused(asked, &refusal))),
        Box::new(|_: &Asked| Deed::HalfClose),
    ];
    let script = Arc::new(Steps::new(steps));
    let server = Scripted::start("127.0.0.1:0".parse().unwrap(), Arc::clone(&script) as Arc<dyn Script>).await.unwrap();
    assert_eq!(over_http1(&server).await, Ok(503));
    assert_eq!(over_http1(&server).await, Err(Unanswered::Closed));
    assert_eq!((over_http1(&server).await, over_http2(&server).await), (Ok(200), Ok(200)));
    let seen = script.seen();
    assert_eq!(seen.iter().map(|(_, asked)| asked.number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[tokio::test]
async fn a_peer_that_hangs_is_waited_for_no_longer_than_agreed() {
    let server = server(Always(Deed::Hang)).await;
    let within = Duration::from_millis(100);
    let trace = Arc::new(Trace::default());
    let mut connection = Http1::connect(server.address(), &trace, within).await.unwrap();
    let silent = connection.exchange(&Request::post("/", "")).await;
    assert_eq!(silent, Err(Unanswered::Late(within)));
    let connection = Http2::connect(server.address(), &trace, within).await.unwrap();
    assert_eq!(connection.call(&Call::post("/", "x")).await, Err(Unanswered::Late(within)));
}
