//! Peers that mean harm, or are broken: refused, counted, bounded in memory, and nobody else suffers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use spanproof_harness::wire::Code;
use spanproof_harness::wire::client::{Answer, Breakage, ClientConfig, Exporter, RefusalCode};
use spanproof_harness::wire::server::{Decision, Limits, Reason};

use crate::frames::{Frames, PREFACE, RST_STREAM};
use crate::refusals::{self, EXPORT, frame};
use crate::rig::{GRPC, HTTP, PATIENCE, Rig, bytes, send};

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn post(length: usize) -> Vec<u8> {
    format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {length}\r\n\r\n")
        .into_bytes()
}

/// Everything the server still says; a reset counts as its end.
fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        said.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Honest requests still get through, over both protocols.
async fn still_serves(rig: &Rig) {
    for transport in [GRPC, HTTP] {
        assert_eq!(send(&rig.exporter(transport), b"honest").await, Answer::ACCEPTED);
    }
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_and_the_client_gets_to_hear_it() {
    let rig = Rig::accepting();
    let body = vec![7; 100 << 20];
    for (transport, code) in [(GRPC, RefusalCode::Grpc(Code::RESOURCE_EXHAUSTED)), (HTTP, RefusalCode::Http(413))] {
        let exporter = rig.exporter(transport);
        let answer = send(&exporter, &body).await;
        let Answer::Refused { code: said, retryable: false, retry_after: None, .. } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(said, code);
        assert_eq!(send(&exporter, b"honest").await, Answer::ACCEPTED, "the connection stays usable");
    }
    assert_eq!(rig.counters().refused(Reason::TooLarge), 2);
    assert!(rig.counters().in_flight_bytes_peak <= 2 << 20, "{:?}", rig.counters());
    rig.until_nothing_in_flight().await;
}

/// What is refused by its headers is answered while its body is still on the way. A client that has not heard of it writes on; a
/// server that has forgotten the stream by then resets it, and after a thousand of these ends the connection, with all that is under
/// way on it. The fuzzer found that.
#[tokio::test]
async fn a_connection_outlives_any_number_of_refusals_that_came_before_the_body() {
    let rig = Rig::accepting();
    let mut frames = Frames::connect(rig.grpc()).await;
    let call = [("content-type", "application/grpc"), ("grpc-encoding", "unheard-of")];
    for _ in 0..1500 {
        let stream = frames.begin(EXPORT, &call).await;
        let came = frames.answer(stream).await;
        assert!(came.iter().all(|frame| frame.kind != RST_STREAM), "{came:?}");
        frames.end(stream, &frame(0, 0, b"")).await;
    }
    let stream = frames.begin(EXPORT, &call[..1]).await;
    frames.end(stream, &frame(0, 0, b"")).await;
    frames.answer(stream).await;
    assert_eq!((rig.counters().refused(Reason::Encoding), rig.counters().accepted), (1500, 1));
}

#[tokio::test]
async fn a_gzip_bomb_costs_no_more_than_the_limit() {
    let limits = Limits { request_bytes_max: 4 << 20, ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let bomb = refusals::gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 70 << 10, "a thousandfold");
    let headers = [refusals::PROTOBUF, ("content-encoding", "gzip")];
    let said = refusals::post(rig.http(), refusals::TRACES, &headers, bomb.clone()).await;
    assert_eq!(said.status, 413);
    let framed = refusals::frame(1, bomb.len() as u32, &bomb);
    let said = refusals::call(&rig, &[refusals::GRPC, ("grpc-encoding", "gzip")], framed).await;
    assert_eq!(said.grpc(), Code::RESOURCE_EXHAUSTED);
    assert!(!said.headers.contains_key("grpc-status-details-bin"), "no RetryInfo");
    still_serves(&rig).await;
    assert!(rig.counters().in_flight_bytes_peak <= (4 << 20) + (70 << 10), "{:?}", rig.counters());
    rig.until_nothing_in_flight().await;
}

#[tokio::test]
async fn a_request_cut_in_the_middle_is_counted_and_gives_everything_back() {
    let rig = Rig::accepting();
    let mut stream = connect(rig.http());
    stream.write_all(&post(100_000)).unwrap();
    stream.write_all(&bytes(50_000)).unwrap();
    rig.until("half a request to arrive", |counters| counters.in_flight_bytes > 0).await;
    drop(stream);
    rig.until("the cut to be noticed", |counters| counters.refused(Reason::Truncated) + counters.abandoned == 1).await;
    rig.until_nothing_in_flight().await;
    assert!(rig.seen().is_empty());
    still_serves(&rig).await;
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let mut streams = Vec::new();
    for (at, start) in [
        (rig.http(), b"POST /v1/traces HTTP/1.1\r\nhost: x\r\nx-slow: ".as_slice()),
        (rig.http(), b""),
        (rig.http(), b"PRI * HT"),
        (rig.http(), PREFACE),
        (rig.grpc(), b""),
        (rig.grpc(), PREFACE),
    ] {
        let mut stream = connect(at);
        stream.write_all(start).unwrap();
        streams.push(stream);
    }
    tokio::task::spawn_blocking(move || streams.iter_mut().for_each(|stream| drop(rest(stream)))).await.unwrap();
    rig.until("all connections to be closed", |counters| counters.connections_open == 0).await;
    still_serves(&rig).await;
}

#[tokio::test]
async fn a_body_that_drips_is_cut_off_by_pause_and_by_total_time() {
    let limits = Limits {
        body_pause_max: Duration::from_millis(150),
        body_timeout: Duration::from_millis(600),
        ..Limits::default()
    };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let at = rig.http();
    let stalled = tokio::task::spawn_blocking(move || {
        let mut stream = connect(at);
        stream.write_all(&post(1000)).unwrap();
        stream.write_all(b"some").unwrap();
        rest(&mut stream)
    });
    let dripping = tokio::task::spawn_blocking(move || {
        let mut stream = connect(at);
        stream.write_all(&post(1000)).unwrap();
        // Faster than the longest pause, far too slow for the whole.
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    assert!(stalled.await.unwrap().starts_with("HTTP/1.1 408 "));
    dripping.await.unwrap();
    rig.until("both to be refused", |counters| counters.refused(Reason::Slow) == 2).await;
    still_serves(&rig).await;
}

#[tokio::test]
async fn five_hundred_idle_connections_do_not_stop_honest_ones() {
    raise_descriptor_limit();
    let rig = Rig::accepting();
    let idle =
        (0..500).map(|number| connect(if number % 2 == 0 { rig.http() } else { rig.grpc() })).collect::<Vec<_>>();
    rig.until("the idle connections", |counters| counters.connections_open == 500).await;
    still_serves(&rig).await;
    let exporter = rig.exporter(GRPC);
    assert_eq!(send(&exporter, &bytes(3_000_000)).await, Answer::ACCEPTED);
    drop(idle);
}

/// Both ends of every connection are in this process.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once_and_idle_ones_make_room() {
    let limits = Limits { connections_max: 2, header_timeout: Duration::from_millis(300), ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let _idle = [connect(rig.http()), connect(rig.http())];
    rig.until("two idle connections", |counters| counters.connections_open == 2).await;
    let at = rig.http();
    let said = tokio::task::spawn_blocking(move || rest(&mut connect(at))).await.unwrap();
    assert_eq!(said, "");
    assert_eq!(rig.counters().connections_refused, 1);
    rig.until("the idle ones to be closed", |counters| counters.connections_open == 0).await;
    still_serves(&rig).await;
}

#[tokio::test]
async fn bytes_in_flight_are_bounded_over_all_requests() {
    let limits =
        Limits { in_flight_bytes_max: 1 << 20, in_flight_wait: Duration::from_millis(100), ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Accept);
    let mut hog = connect(rig.http());
    hog.write_all(&post(1_000_000)).unwrap();
    hog.write_all(&bytes(900_000)).unwrap();
    rig.until("the hog to hold its bytes", |counters| counters.in_flight_bytes >= 900_000).await;
    for (transport, code) in [(GRPC, RefusalCode::Grpc(Code::UNAVAILABLE)), (HTTP, RefusalCode::Http(503))] {
        let exporter = rig.exporter(transport);
        let answer = send(&exporter, &bytes(300_000)).await;
        let Answer::Refused { code: said, retryable: true, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(said, code);
        assert_eq!(send(&exporter, &bytes(1000)).await, Answer::ACCEPTED, "small ones still fit");
    }
    assert!(rig.counters().in_flight_bytes_peak <= 1 << 20);
    assert_eq!(rig.counters().refused(Reason::Overloaded), 2);
    drop(hog);
    rig.until_nothing_in_flight().await;
    assert_eq!(send(&rig.exporter(GRPC), &bytes(300_000)).await, Answer::ACCEPTED);
}

#[tokio::test]
async fn a_declared_length_costs_nothing_until_its_bytes_arrive() {
    let rig = Rig::accepting();
    let mut liars = (0..20).map(|_| connect(rig.http())).collect::<Vec<_>>();
    for liar in &mut liars {
        liar.write_all(&post(60 << 20)).unwrap();
        liar.write_all(b"x").unwrap();
    }
    rig.until("all their headers", |counters| counters.requests == 20).await;
    still_serves(&rig).await;
    assert!(rig.counters().in_flight_bytes_peak < 100_000, "{:?}", rig.counters());
}

#[tokio::test]
async fn noise_on_both_ports_stops_nobody() {
    let rig = Rig::accepting();
    for round in 0..40usize {
        let at = if round % 2 == 0 { rig.http() } else { rig.grpc() };
        let mut stream = connect(at);
        let noise = &bytes(4000)[round * 50..];
        let start = if round % 4 < 2 { PREFACE } else { b"" };
        // The server may close while we write.
        let _ = stream.write_all(start).and_then(|()| stream.write_all(noise));
    }
    rig.until("all connections to end", |counters| counters.connections == 40 && counters.connections_open == 0).await;
    assert!(rig.seen().is_empty());
    still_serves(&rig).await;
}

#[tokio::test]
async fn a_peer_that_accepts_and_says_nothing_costs_one_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    for transport in [GRPC, HTTP] {
        let mut config = ClientConfig::new(endpoint.parse().unwrap(), transport);
        config.timeout = Duration::from_millis(150);
        let answer = send(&Exporter::new(config).unwrap(), b"x").await;
        assert!(matches!(answer, Answer::Broken { what: Breakage::Timeout, .. }), "{answer:?}");
    }
}

/// A server that answers every connection with fixed bytes once the request's headers have come.
fn canned(answer: Vec<u8>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // Two connections at most: the exporter may try once more.
        for stream in listener.incoming().take(2).flatten() {
            let mut stream = stream;
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).and_then(|_| stream.write_all(&answer));
        }
    });
    at
}

async fn ask(at: SocketAddr) -> Answer {
    let config = ClientConfig::new(format!("http://{at}").parse().unwrap(), HTTP);
    send(&Exporter::new(config).unwrap(), b"x").await
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_dropped_and_not_retryable() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 6000000\r\n\r\n";
    let answer = ask(canned([head.as_slice(), &vec![0; 6_000_000]].concat())).await;
    assert_eq!(answer, Answer::Broken { what: Breakage::ResponseTooLarge { limit: 4 << 20 }, sent_any: true });
    assert!(!answer.retryable());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    for partial in [b"".as_slice(), b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"] {
        let answer = ask(canned(partial.to_vec())).await;
        assert!(matches!(answer, Answer::Broken { what: Breakage::Lost { .. }, sent_any: true }), "{answer:?}");
        assert!(answer.retryable());
    }
}

#[tokio::test]
async fn an_error_page_is_judged_by_its_status() {
    let page =
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nretry-after: 7\r\ncontent-length: 6\r\n\r\n<html>";
    let answer = ask(canned(page.to_vec())).await;
    let expected = Answer::Refused {
        code: RefusalCode::Http(502),
        message: String::new(),
        retryable: true,
        retry_after: Some(Duration::from_secs(7)),
    };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_grpc_exporter_at_an_http1_server_hears_of_a_lost_connection() {
    let at = canned(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec());
    let config = ClientConfig::new(format!("http://{at}").parse().unwrap(), GRPC);
    let answer = send(&Exporter::new(config).unwrap(), b"x").await;
    assert!(matches!(answer, Answer::Broken { what: Breakage::Lost { .. }, .. }), "{answer:?}");
}
