//! What a destination's answers lead to.

use std::time::Duration;

use spanproof_harness::embedded::{EmbeddedConfig, EmbeddedTarget, Guarantee, RetryConfig, Tally};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::client::send;
use super::sink::{Answer, Sink};
use super::{PATIENCE, config, eventually, grpc_to, http_to, quick_retry, request, shutdown, timed};

fn exhausted(wait: Option<Duration>) -> Answer {
    Answer::Grpc(match wait {
        None => Status::resource_exhausted("full"),
        Some(_) => Status::with_error_details(Code::ResourceExhausted, "full", ErrorDetails::with_retry_info(wait)),
    })
}

#[tokio::test]
async fn unavailable_is_repeated_until_accepted() {
    let answers = vec![Answer::Grpc(Status::unavailable("busy")); 3];
    let sink = Sink::grpc(answers).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    send(target.grpc_addr(), request(1, 2), None).await.unwrap();
    assert_eq!(sink.accepted(1).await, [request(1, 2)]);
    let stats = shutdown(target, PATIENCE).await.stats;
    assert_eq!((sink.attempts(), stats.retries, stats.sent.spans, stats.failed.spans), (4, 3, 2, 0));
}

#[tokio::test]
async fn answers_that_are_final_are_not_repeated() {
    let finals = [Code::InvalidArgument, Code::Unimplemented, Code::Internal, Code::Unauthenticated];
    let answers = finals.map(|code| Answer::Grpc(Status::new(code, "no"))).into_iter().chain([exhausted(None)]);
    let sink = Sink::grpc(answers).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    for number in 0..5 {
        send(target.grpc_addr(), request(number, 2), None).await.unwrap();
    }
    eventually("all are given up", || target.stats().failed.requests == 5).await;
    assert_eq!(
        (sink.attempts(), target.stats().failed, target.stats().retries),
        (5, Tally { requests: 5, spans: 10 }, 0)
    );
}

#[tokio::test]
async fn exhausted_with_a_wait_is_repeated_after_it() {
    let wait = Duration::from_millis(300);
    let sink = Sink::grpc([exhausted(Some(wait))]).await;
    let target = EmbeddedTarget::start(config(vec![grpc_to(sink.address)])).unwrap();
    let delivered = async {
        send(target.grpc_addr(), request(1, 2), None).await.unwrap();
        sink.accepted(1).await
    };
    let (accepted, took) = timed(delivered).await;
    assert_eq!(accepted, [request(1, 2)]);
    assert!(took >= wait, "{took:?}");
}

#[tokio::test]
async fn http_statuses_are_repeated_as_otlp_says() {
    let answers = [
        Answer::Http(503, Some("0")),
        Answer::Http(429, None),
        Answer::Http(502, Some("garbage")),
        Answer::Http(504, None),
        Answer::Http(500, None),
        Answer::Http(400, None),
        Answer::Http(413, None),
    ];
    let sink = Sink::http(answers).await;
    // One consumer keeps the script and the requests in step.
    let config = EmbeddedConfig { consumers: std::num::NonZeroUsize::MIN, ..config(vec![http_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    for number in 0..4 {
        send(target.grpc_addr(), request(number, 2), None).await.unwrap();
    }
    assert_eq!(sink.accepted(1).await, [request(3, 2)]);
    let stats = shutdown(target, PATIENCE).await.stats;
    // The first request ends at 500 after four repeats, the next two at 400 and 413, the fourth is accepted.
    assert_eq!((stats.retries, stats.failed.requests, stats.sent.requests, sink.attempts()), (4, 3, 1, 8));
}

#[tokio::test]
async fn a_destination_that_comes_up_later_gets_everything() {
    let sink = Sink::grpc([]).await;
    let address = sink.address;
    drop(sink);
    let target = EmbeddedTarget::start(config(vec![grpc_to(address)])).unwrap();
    for number in 0..5 {
        send(target.grpc_addr(), request(number, 2), None).await.unwrap();
    }
    eventually("attempts have failed", || target.stats().retries > 0).await;
    let sink = Sink::grpc_at(address, []).await;
    assert_eq!(sink.accepted(5).await.len(), 5);
    assert_eq!(shutdown(target, PATIENCE).await.stats.sent.requests, 5);
}

#[tokio::test]
async fn a_destination_that_never_answers_is_given_up_when_the_budget_ends() {
    let sink = Sink::http(vec![Answer::Hang; 100]).await;
    let retry = RetryConfig { max_elapsed: Some(Duration::from_secs(1)), ..quick_retry() };
    let config = EmbeddedConfig {
        timeout: Duration::from_millis(50),
        retry: Some(retry),
        ..config(vec![http_to(sink.address)])
    };
    let target = EmbeddedTarget::start(config).unwrap();
    send(target.grpc_addr(), request(1, 2), None).await.unwrap();
    eventually("the request is given up", || target.stats().failed.requests == 1).await;
    let attempts = sink.attempts();
    assert!((2..=21).contains(&attempts), "{attempts} attempts of 50 ms each began within 1 s");
}

#[tokio::test]
async fn without_retries_the_first_failure_is_the_last() {
    let sink = Sink::grpc([Answer::Grpc(Status::unavailable("busy"))]).await;
    let target = EmbeddedTarget::start(EmbeddedConfig { retry: None, ..config(vec![grpc_to(sink.address)]) }).unwrap();
    send(target.grpc_addr(), request(1, 2), None).await.unwrap();
    eventually("the request is given up", || target.stats().failed.requests == 1).await;
    assert_eq!(sink.attempts(), 1);
}

#[tokio::test]
async fn a_partial_success_is_counted_and_never_repeated() {
    // More than there are, fewer than none, and a few.
    let answers = || [Answer::Partial(100), Answer::Partial(-1), Answer::Partial(2)];
    let (grpc, http) = (Sink::grpc(answers()).await, Sink::http(answers()).await);
    for (sink, destination) in [(&grpc, grpc_to(grpc.address)), (&http, http_to(http.address))] {
        let target = EmbeddedTarget::start(config(vec![destination])).unwrap();
        for number in 0..3 {
            send(target.grpc_addr(), request(number, 5), None).await.unwrap();
        }
        let stats = shutdown(target, PATIENCE).await.stats;
        assert_eq!((stats.rejected_spans, stats.sent.spans, sink.attempts()), (7, 8, 3));
    }
}

#[tokio::test]
async fn a_synchronous_target_passes_refusals_and_partial_successes_on() {
    let wait = Some(Duration::from_secs(7));
    let answers = [Answer::Grpc(Status::permission_denied("no")), Answer::Partial(2), exhausted(wait)];
    let sink = Sink::grpc(answers).await;
    let config =
        EmbeddedConfig { guarantee: Guarantee::Synchronous, retry: None, ..config(vec![grpc_to(sink.address)]) };
    let target = EmbeddedTarget::start(config).unwrap();
    let status = send(target.grpc_addr(), request(1, 5), None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "no"));
    let response = send(target.grpc_addr(), request(1, 5), None).await.unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_spans, 2);
    let status = send(target.grpc_addr(), request(1, 5), None).await.unwrap_err();
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, wait);
    let stats = target.stats();
    assert_eq!((stats.accepted.requests, stats.refused.requests), (1, 2));
}
