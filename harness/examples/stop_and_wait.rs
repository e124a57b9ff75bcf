//! What spanproof does not do: a client that sends a request, waits for its answer, and only then thinks of the next.
//!
//! `cargo run --release --example stop_and_wait -- [seconds] [requests a second] [stall=LENGTH/PERIOD]`. The target is the
//! embedded one with a planted stall. While it stalls, one request waits and all others that were due are never sent, so their
//! waiting is in nobody's histogram: coordinated omission (Gil Tene, "How NOT to Measure Latency"). `scripts/check_omission.py`
//! holds this beside a run of spanproof against the same target.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spanproof_harness::embedded::{Compression, Defect, Destination, EmbeddedConfig, EmbeddedTarget, Protocol};
use spanproof_harness::wire::client::{Answer, ClientConfig, Exporter, HEADROOM, Transport};
use spanproof_harness::wire::server::{Backend, Decision, Export, ServerConfig, SinkServer};

/// Spans of a request.
const SPANS: usize = 50;

/// The longest wait that the histogram tells, in microseconds.
const LONGEST_US: u64 = 60_000_000;

struct Sink;

impl Backend for Sink {
    fn export(&self, _: Export) -> Decision {
        Decision::Accept
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = |default: &str| words.next().unwrap_or_else(|| default.to_owned());
    let length = Duration::from_secs(word("40").parse()?);
    let pause = Duration::from_secs_f64(1.0 / word("200").parse::<f64>()?);
    let stall: Defect = word("stall=1s/10s").parse()?;

    let sink = ServerConfig { grpc: Some("127.0.0.1:0".parse()?), ..ServerConfig::default() };
    let sink = SinkServer::start(sink, Arc::new(Sink))?;
    let endpoint = format!("http://{}", sink.grpc_addr().ok_or("no address")?);
    let export = vec![Destination { endpoint, protocol: Protocol::Grpc, compression: Compression::None }];
    let target = EmbeddedTarget::start(EmbeddedConfig { export, defects: vec![stall], ..EmbeddedConfig::default() })?;
    let endpoint = format!("http://{}", target.grpc_addr()).parse()?;
    let exporter = Exporter::new(ClientConfig::new(endpoint, Transport::Grpc))?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let latency = runtime.block_on(runtime.spawn(async move { drive(&exporter, length, pause).await }))??;
    let at = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1e3;
    let figures = serde_json::json!({
        "count": latency.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999), "max_ms": latency.max() as f64 / 1e3,
    });
    use std::io::Write;
    writeln!(std::io::stdout(), "{figures}")?;
    let report = target.shutdown(Duration::from_secs(10));
    if report.drained { Ok(()) } else { Err("the target did not drain".into()) }
}

/// One request after the other, no faster than one every `pause`; microseconds from the actual start of each.
async fn drive(exporter: &Exporter, length: Duration, pause: Duration) -> Result<Histogram<u64>, String> {
    let mut latency = Histogram::new_with_max(LONGEST_US, 3).map_err(|error| error.to_string())?;
    let message = request().encode_to_vec();
    let begun = Instant::now();
    while begun.elapsed() < length {
        let started = Instant::now();
        let payload = exporter.payload([&[0; HEADROOM], message.as_slice()].concat());
        match exporter.export(payload).await {
            Answer::ACCEPTED => latency.saturating_record(started.elapsed().as_micros() as u64),
            other => return Err(format!("{other:?}")),
        }
        tokio::time::sleep(pause.saturating_sub(started.elapsed())).await;
    }
    Ok(latency)
}

fn request() -> ExportTraceServiceRequest {
    let span = |number: usize| Span {
        trace_id: vec![1; 16],
        span_id: (number as u64 + 1).to_be_bytes().to_vec(),
        name: "x".repeat(300),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..SPANS).map(span).collect(), ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}
