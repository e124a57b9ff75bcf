//! The embedded target over real loopback sockets, between a client and a throwaway backend.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails best where it stands")]

#[path = "embedded/client.rs"]
mod client;
#[path = "embedded/defects.rs"]
mod defects;
#[path = "embedded/forwarding.rs"]
mod forwarding;
#[path = "embedded/refusing.rs"]
mod refusing;
#[path = "embedded/retrying.rs"]
mod retrying;
#[path = "embedded/sink.rs"]
mod sink;
#[path = "embedded/stopping.rs"]
mod stopping;

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use spanproof_harness::embedded::{
    Compression, Destination, EmbeddedConfig, EmbeddedTarget, Protocol, RetryConfig, ShutdownReport,
};
use tokio::time::{Instant, sleep, timeout};

/// Everything here happens within milliseconds; only a hang takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request of `spans` spans that use every kind of field; `number` makes their ids.
fn request(number: u8, spans: u8) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "lib".to_owned(), version: "1".to_owned(), ..Default::default() };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: (0..spans).map(|place| span(number, place)).collect(),
        schema_url: String::new(),
    };
    let attributes = vec![attribute("service.name", Value::StringValue("checkout".to_owned()))];
    let resource = Resource { attributes, ..Resource::default() };
    let resource_spans =
        ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url: "https://x".to_owned() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
}

fn span(number: u8, place: u8) -> Span {
    let link = Link { trace_id: vec![7; 16], span_id: vec![8; 8], flags: 0x301, ..Link::default() };
    let event = Event { time_unix_nano: 15, name: "event".to_owned(), ..Event::default() };
    Span {
        trace_id: vec![number + 1; 16],
        span_id: vec![place + 1; 8],
        parent_span_id: vec![place; 8],
        trace_state: "a=b".to_owned(),
        name: "GET /".to_owned(),
        kind: 2,
        start_time_unix_nano: 10,
        end_time_unix_nano: 20,
        attributes: vec![
            attribute("text", Value::StringValue("ä".to_owned())),
            attribute("zero", Value::IntValue(0)),
            attribute("half", Value::DoubleValue(0.5)),
            attribute("raw", Value::BytesValue(vec![0, 255])),
            attribute("true", Value::BoolValue(true)),
        ],
        dropped_attributes_count: 1,
        events: vec![event],
        links: vec![link],
        status: Some(Status { message: "no".to_owned(), code: 2 }),
        flags: 0x101,
        ..Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Retries so fast that tests need not wait for them.
fn quick_retry() -> RetryConfig {
    RetryConfig {
        initial_interval: Duration::from_millis(5),
        max_interval: Duration::from_millis(50),
        multiplier: 1.5,
        randomization: 0.5,
        max_elapsed: Some(PATIENCE),
    }
}

fn config(export: Vec<Destination>) -> EmbeddedConfig {
    EmbeddedConfig { export, retry: Some(quick_retry()), seed: 1, ..EmbeddedConfig::default() }
}

fn grpc_to(address: std::net::SocketAddr) -> Destination {
    let endpoint = format!("http://{address}");
    Destination { endpoint, protocol: Protocol::Grpc, compression: Compression::None }
}

fn http_to(address: std::net::SocketAddr) -> Destination {
    let endpoint = format!("http://{address}");
    Destination { endpoint, protocol: Protocol::Http, compression: Compression::None }
}

/// Stops a target without blocking the thread that serves the sinks.
async fn shutdown(target: EmbeddedTarget, deadline: Duration) -> ShutdownReport {
    tokio::task::spawn_blocking(move || target.shutdown(deadline)).await.unwrap()
}

/// Waits until the condition holds.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            // The condition has no event of its own to wait for.
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(PATIENCE, holds).await.is_ok(), "waited {PATIENCE:?} in vain until {what}");
}

/// Runs a future against the test's patience.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// How long a future takes, and what it gives.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}
