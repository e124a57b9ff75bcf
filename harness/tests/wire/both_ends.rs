//! The exporter against the server: what one says is what the other understands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use spanproof_harness::wire::client::{Answer, Breakage, Exporter, RefusalCode};
use spanproof_harness::wire::server::{BrokenAnswer, Decision, Limits, Refusal, RetryAfter};
use spanproof_harness::wire::{Code, Compression, PartialSuccess, Protocol, Signal};

use crate::rig::{GRPC, HTTP, PATIENCE, Rig, buffer, bytes, send};

#[tokio::test]
async fn every_body_arrives_as_it_was_sent() {
    let rig = Rig::accepting();
    for (transport, protocol) in [(GRPC, Protocol::Grpc), (HTTP, Protocol::HttpProtobuf)] {
        for compression in [Compression::None, Compression::Gzip] {
            let mut config = rig.config(transport);
            config.compression = compression;
            let exporter = Exporter::new(config).unwrap();
            for length in [0, 1, 4, 16_384, 180_000, 3_500_000] {
                let message = bytes(length);
                assert_eq!(send(&exporter, &message).await, Answer::ACCEPTED, "{protocol:?} {compression:?} {length}");
                let [export] = rig.seen().try_into().unwrap();
                assert!(export.body == message, "{protocol:?} {compression:?} {length}: the body differs");
                assert_eq!((export.protocol, export.compression), (protocol, compression));
                assert_eq!(export.signal, Signal::Traces);
                assert_eq!(export.peer.ip(), rig.grpc().ip());
                let framing = if protocol == Protocol::Grpc { 5 } else { 0 };
                if compression == Compression::None {
                    assert_eq!(export.wire_bytes, length as u64 + framing);
                }
            }
        }
    }
    rig.until_nothing_in_flight().await;
}

#[tokio::test]
async fn every_signal_reaches_its_own_path() {
    let rig = Rig::accepting();
    for transport in [GRPC, HTTP] {
        for signal in Signal::ALL {
            let mut config = rig.config(transport);
            config.signal = signal;
            assert_eq!(send(&Exporter::new(config).unwrap(), b"x").await, Answer::ACCEPTED);
            assert_eq!(rig.seen()[0].signal, signal);
        }
    }
}

#[tokio::test]
async fn hundreds_of_requests_share_one_grpc_connection_and_each_gets_its_own_answer() {
    let rig = Rig::start(Limits::default(), |export| match export.body.first() {
        Some(number) => Decision::Partial { rejected: i64::from(*number), message: String::new() },
        None => Decision::Accept,
    });
    let exporter = Arc::new(rig.exporter(GRPC));
    let tasks = (1..=200u8).map(|number| {
        let exporter = Arc::clone(&exporter);
        tokio::spawn(async move {
            let message = vec![number; 50_000 + usize::from(number)];
            (number, send(&exporter, &message).await)
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        let (number, answer) = task.await.unwrap();
        let partial = Some(PartialSuccess { rejected: i64::from(number), message: String::new() });
        assert_eq!(answer, Answer::Accepted { partial, unreadable: false });
    }
    let counters = rig.counters();
    assert_eq!((counters.connections, counters.requests, counters.partial), (1, 200, 200));
    assert_eq!(rig.seen().len(), 200);
}

#[tokio::test]
async fn http_requests_share_at_most_the_configured_connections() {
    let rig = Rig::start(Limits::default(), |_| Decision::Delay(Duration::from_millis(5), Box::new(Decision::Accept)));
    let exporter = Arc::new(rig.exporter(HTTP));
    let tasks = (0..60).map(|_| {
        let exporter = Arc::clone(&exporter);
        tokio::spawn(async move { send(&exporter, &bytes(30_000)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), Answer::ACCEPTED);
    }
    let counters = rig.counters();
    assert_eq!(counters.accepted, 60);
    assert!(counters.connections <= 4, "{counters:?}");
}

#[tokio::test]
async fn a_partial_success_keeps_its_count_and_its_words() {
    let message = "не всё: 100 % \"quoted\"\n";
    let rig = Rig::deciding(Decision::Partial { rejected: -7, message: message.into() });
    let partial = Some(PartialSuccess { rejected: -7, message: message.into() });
    for transport in [GRPC, HTTP] {
        let answer = send(&rig.exporter(transport), b"x").await;
        assert_eq!(answer, Answer::Accepted { partial: partial.clone(), unreadable: false });
    }
}

#[tokio::test]
async fn every_code_and_status_is_understood_and_only_otlps_are_retryable() {
    let delay = Duration::from_millis(1500);
    for code in (1..=16).map(Code).chain([Code(77)]) {
        for retry_after in [None, Some(delay)] {
            let asked = retry_after.map(RetryAfter::Wait);
            let http = StatusCode::IM_A_TEAPOT;
            let refusal = Refusal { grpc: Some(code), http, message: "nein, 5 %".into(), retry_after: asked };
            let rig = Rig::deciding(Decision::Refuse(refusal));
            let expected = Answer::Refused {
                code: RefusalCode::Grpc(code),
                message: "nein, 5 %".into(),
                retryable: code.retryable(retry_after.is_some()),
                retry_after,
            };
            assert_eq!(send(&rig.exporter(GRPC), b"x").await, expected);
        }
    }
    for status in [400, 401, 403, 404, 408, 413, 429, 500, 501, 502, 503, 504] {
        for retry_after in [None, Some(delay)] {
            let http = StatusCode::from_u16(status).unwrap();
            let asked = retry_after.map(RetryAfter::Wait);
            let refusal = Refusal { grpc: Some(Code::UNKNOWN), http, message: "nein, 5 %".into(), retry_after: asked };
            let rig = Rig::deciding(Decision::Refuse(refusal));
            let expected = Answer::Refused {
                code: RefusalCode::Http(status),
                message: "nein, 5 %".into(),
                retryable: [429, 502, 503, 504].contains(&status),
                // Whole seconds only, and never too early.
                retry_after: retry_after.map(|_| Duration::from_secs(2)),
            };
            assert_eq!(send(&rig.exporter(HTTP), b"x").await, expected);
        }
    }
}

#[tokio::test]
async fn a_malformed_body_is_an_invalid_argument() {
    let rig = Rig::deciding(Decision::Malformed { message: "bad tag".into() });
    for (transport, code) in [(GRPC, RefusalCode::Grpc(Code::INVALID_ARGUMENT)), (HTTP, RefusalCode::Http(400))] {
        let answer = send(&rig.exporter(transport), b"\xff\xff").await;
        let expected = Answer::Refused { code, message: "bad tag".into(), retryable: false, retry_after: None };
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_long_message_is_cut_on_both_ends() {
    let rig = Rig::deciding(Decision::Malformed { message: "ж".repeat(100_000) });
    for transport in [GRPC, HTTP] {
        let Answer::Refused { message, .. } = send(&rig.exporter(transport), b"x").await else { panic!("accepted") };
        assert!(message.len() <= 1024 && message.starts_with('ж'), "{} bytes", message.len());
    }
}

#[tokio::test]
async fn a_delayed_answer_comes_after_its_delay_and_holds_no_bytes_meanwhile() {
    let delay = Duration::from_millis(300);
    let rig = Rig::start(Limits::default(), move |_| Decision::Delay(delay, Box::new(Decision::Accept)));
    for transport in [GRPC, HTTP] {
        let exporter = rig.exporter(transport);
        let start = Instant::now();
        let slow = send(&exporter, b"some bytes");
        let meanwhile = async {
            while rig.seen().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            rig.until_nothing_in_flight().await;
            start.elapsed()
        };
        let (answer, given_back) = tokio::join!(slow, meanwhile);
        assert_eq!(answer, Answer::ACCEPTED);
        assert!(start.elapsed() >= delay);
        assert!(given_back < start.elapsed());
    }
}

#[tokio::test]
async fn a_hang_ends_in_the_clients_timeout() {
    let rig = Rig::deciding(Decision::Hang);
    for transport in [GRPC, HTTP] {
        let mut config = rig.config(transport);
        config.timeout = Duration::from_millis(150);
        let answer = send(&Exporter::new(config).unwrap(), b"x").await;
        assert_eq!(answer, Answer::Broken { what: Breakage::Timeout, sent_any: true });
        assert!(answer.retryable());
    }
    let counters = rig.counters();
    assert_eq!((counters.hung, counters.accepted), (2, 0));
    assert_eq!(rig.seen().len(), 2, "what hangs has been recorded first");
}

#[tokio::test]
async fn a_hang_is_bounded_by_the_server_too() {
    let limits = Limits { hang_max: Duration::from_millis(100), ..Limits::default() };
    let rig = Rig::start(limits, |_| Decision::Hang);
    let answer = send(&rig.exporter(GRPC), b"x").await;
    assert_eq!(answer, Answer::Broken { what: Breakage::Reset { http2_error: 8 }, sent_any: true });
}

#[tokio::test]
async fn a_reset_carries_its_code_over_http2_and_breaks_the_connection_over_http1() {
    for (http2_error, sent_any, retryable) in [(2, true, false), (7, false, true), (8, true, true), (11, true, false)] {
        let rig = Rig::deciding(Decision::Reset { http2_error });
        let answer = send(&rig.exporter(GRPC), b"x").await;
        assert_eq!(answer, Answer::Broken { what: Breakage::Reset { http2_error }, sent_any });
        assert_eq!(answer.retryable(), retryable);
        let answer = send(&rig.exporter(HTTP), b"x").await;
        let Answer::Broken { what: Breakage::Lost { .. }, sent_any: true } = answer else { panic!("{answer:?}") };
        assert_eq!(rig.counters().reset, 2);
    }
}

/// As our own client, which keeps OTLP's rules, hears each: taken, or broken and not to be sent again, or to be sent again.
#[tokio::test]
async fn a_success_that_is_none_is_heard_as_what_it_is() {
    use BrokenAnswer::{Bomb, Empty, Garbage, NoStatus, Oversize, Truncated, WrongType};
    let mut heard = String::new();
    for shape in [Empty, WrongType, Garbage, Oversize, Truncated, Bomb, NoStatus] {
        let rig = Rig::deciding(Decision::Broken(shape));
        for (name, transport) in [("grpc", GRPC), ("http", HTTP)] {
            let answer = send(&rig.exporter(transport), b"x").await;
            let again = if answer.retryable() { ", to be sent again" } else { "" };
            heard.push_str(&format!("{shape:?} over {name}{again}: {answer:?}\n"));
        }
        let counters = rig.counters();
        let none_over_http = u64::from(shape == NoStatus);
        assert_eq!((counters.broken, counters.accepted), (2 - none_over_http, none_over_http), "{shape:?}");
    }
    insta::assert_snapshot!(heard);
}

#[tokio::test]
async fn an_answer_that_has_begun_may_be_cut() {
    let rig = Rig::deciding(Decision::Cut { http2_error: 8 });
    let answer = send(&rig.exporter(GRPC), b"x").await;
    assert_eq!(answer, Answer::Broken { what: Breakage::Reset { http2_error: 8 }, sent_any: true });
    let answer = send(&rig.exporter(HTTP), b"x").await;
    let Answer::Broken { what: Breakage::Lost { .. }, sent_any: true } = answer else { panic!("{answer:?}") };
    assert_eq!(rig.counters().reset, 2);
}

#[tokio::test]
async fn what_is_kept_waiting_is_counted_and_only_while_it_waits() {
    let rig =
        Rig::start(Limits::default(), |_| Decision::Delay(Duration::from_millis(200), Box::new(Decision::Accept)));
    let exporter = rig.exporter(GRPC);
    let request = tokio::spawn(async move { send(&exporter, b"x").await });
    rig.until("the request to wait", |counters| counters.waiting == 1).await;
    assert_eq!(request.await.unwrap(), Answer::ACCEPTED);
    assert_eq!((rig.counters().waiting, rig.counters().delayed), (0, 1));
}

#[tokio::test]
async fn a_target_that_is_not_there_fails_at_once_and_works_when_it_comes_back() {
    let rig = Rig::accepting();
    for transport in [GRPC, HTTP] {
        let exporter = rig.exporter(transport);
        assert_eq!(send(&exporter, b"before").await, Answer::ACCEPTED);
    }
    let (grpc, http) = (rig.grpc(), rig.http());
    let exporters = [rig.exporter(GRPC), rig.exporter(HTTP)];
    for exporter in &exporters {
        assert_eq!(send(exporter, b"before").await, Answer::ACCEPTED);
    }
    assert_eq!(tokio::task::spawn_blocking(move || rig.server.shutdown(PATIENCE)).await.unwrap(), 0);
    for exporter in &exporters {
        // The first may still find its old connection dying; none may be taken for sent.
        for _ in 0..3 {
            let answer = send(exporter, b"during").await;
            let Answer::Broken { sent_any: false, .. } = answer else { panic!("{answer:?}") };
            assert!(answer.retryable());
        }
    }
    let config =
        spanproof_harness::wire::server::ServerConfig { grpc: Some(grpc), http: Some(http), ..Default::default() };
    struct Yes;
    impl spanproof_harness::wire::server::Backend for Yes {
        fn export(&self, _: spanproof_harness::wire::server::Export) -> Decision {
            Decision::Accept
        }
    }
    let _server = spanproof_harness::wire::server::SinkServer::start(config, Arc::new(Yes)).unwrap();
    for exporter in &exporters {
        let deadline = Instant::now() + PATIENCE;
        while send(exporter, b"after").await != Answer::ACCEPTED {
            assert!(Instant::now() < deadline, "waited for the exporter to reconnect");
            // The pause between attempts to connect.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_shutdown_lets_requests_under_way_finish() {
    let delay = Duration::from_millis(300);
    let rig = Rig::start(Limits::default(), move |_| Decision::Delay(delay, Box::new(Decision::Accept)));
    let (grpc, http) = (rig.exporter(GRPC), rig.exporter(HTTP));
    let requests = tokio::spawn(async move { tokio::join!(send(&grpc, b"x"), send(&http, b"x")) });
    rig.until("both requests to be under way", |counters| counters.requests == 2).await;
    let cut = tokio::task::spawn_blocking(move || rig.server.shutdown(PATIENCE)).await.unwrap();
    assert_eq!(cut, 0);
    assert_eq!(requests.await.unwrap(), (Answer::ACCEPTED, Answer::ACCEPTED));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_beyond_its_deadline() {
    let rig = Rig::deciding(Decision::Hang);
    let exporter = rig.exporter(GRPC);
    let request = tokio::spawn(async move { send(&exporter, b"x").await });
    rig.until("the request to hang", |counters| counters.hung == 1).await;
    let cut = tokio::task::spawn_blocking(move || rig.server.shutdown(Duration::from_millis(100))).await.unwrap();
    assert_eq!(cut, 1);
    let answer = request.await.unwrap();
    assert!(matches!(answer, Answer::Broken { what: Breakage::Lost { .. }, sent_any: true }), "{answer:?}");
}

#[tokio::test]
async fn a_used_address_is_named_in_the_error() {
    let rig = Rig::accepting();
    let config = spanproof_harness::wire::server::ServerConfig { grpc: Some(rig.http()), ..Default::default() };
    struct Never;
    impl spanproof_harness::wire::server::Backend for Never {
        fn export(&self, _: spanproof_harness::wire::server::Export) -> Decision {
            Decision::Accept
        }
    }
    let error = spanproof_harness::wire::server::SinkServer::start(config, Arc::new(Never)).err().unwrap();
    assert!(error.to_string().contains(&rig.http().to_string()), "{error}");
}

#[tokio::test]
async fn header_values_are_sent_but_never_shown() {
    let rig = Rig::accepting();
    for transport in [GRPC, HTTP] {
        let mut config = rig.config(transport);
        config.headers.push(("api-key".parse().unwrap(), "s3cret".parse().unwrap()));
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(send(&Exporter::new(config).unwrap(), b"x").await, Answer::ACCEPTED);
        let [export] = rig.seen().try_into().unwrap();
        assert_eq!(export.headers["api-key"], "s3cret");
        assert!(!format!("{export:?}").contains("s3cret"));
    }
}

#[test]
fn a_configuration_that_cannot_work_says_why() {
    let config = |endpoint: &str, transport| {
        spanproof_harness::wire::client::ClientConfig::new(endpoint.parse().unwrap(), transport)
    };
    let error = |config| Exporter::new(config).err().unwrap().to_string();
    let mut zstd = config("http://h:1", GRPC);
    zstd.compression = Compression::Zstd;
    let mut reserved = config("http://h:1", GRPC);
    reserved.headers.push(("grpc-timeout".parse().unwrap(), "s3cret".parse().unwrap()));
    insta::assert_snapshot!(
        [
            error(config("https://h:4317", GRPC)),
            error(config("http://h:4317/v1/traces", GRPC)),
            error(zstd),
            error(reserved)
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn a_payload_can_be_sent_again() {
    let rig = Rig::accepting();
    let exporter = rig.exporter(GRPC);
    let payload = exporter.payload(buffer(b"again"));
    for _ in 0..2 {
        assert_eq!(exporter.export(payload.clone()).await, Answer::ACCEPTED);
    }
    assert!(rig.seen().iter().all(|export| export.body == "again"));
}
