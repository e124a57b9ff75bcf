//! What came out behind the target: our own sink, which keeps every item of ours by the marker that it carries.
//!
//! Bounded: what carries no marker of ours is let go, and so is what is beyond the bound, which is told.

use super::payload::MARKER;
use crate::wire::Signal;
use crate::wire::server::{Backend, Decision, Export, Limits, ServerConfig, ServerError, SinkServer};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Items kept; a run sends some thousands.
const ITEMS_MAX: usize = 500_000;

/// An item as it came out.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A span.
    Span(Box<Span>),
    /// A log record.
    Record(Box<LogRecord>),
    /// The metric that a point came in, and which of its points it was.
    Point(Arc<Metric>, usize),
}

impl Item {
    /// What tells it from others of its request.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Span(span) => span.encode_to_vec(),
            Self::Record(record) => record.encode_to_vec(),
            Self::Point(metric, number) => point_bytes(metric, *number).unwrap_or_default(),
        }
    }
}

fn point_bytes(metric: &Metric, number: usize) -> Option<Vec<u8>> {
    match metric.data.as_ref()? {
        Data::Gauge(gauge) => gauge.data_points.get(number).map(Message::encode_to_vec),
        Data::Sum(sum) => sum.data_points.get(number).map(Message::encode_to_vec),
        Data::Histogram(histogram) => histogram.data_points.get(number).map(Message::encode_to_vec),
        Data::ExponentialHistogram(histogram) => histogram.data_points.get(number).map(Message::encode_to_vec),
        Data::Summary(summary) => summary.data_points.get(number).map(Message::encode_to_vec),
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// The item.
    pub item: Item,
    /// Under what resource.
    pub resource: Option<Resource>,
    /// Under what scope.
    pub scope: Option<InstrumentationScope>,
    /// The schemas of resource and scope.
    pub schemas: [String; 2],
}

impl Arrived {
    /// The span, if it is one.
    pub fn span(&self) -> Option<&Span> {
        match &self.item {
            Item::Span(span) => Some(span),
            _ => None,
        }
    }

    /// The log record, if it is one.
    pub fn record(&self) -> Option<&LogRecord> {
        match &self.item {
            Item::Record(record) => Some(record),
            _ => None,
        }
    }
}

/// Everything of ours that came out.
#[derive(Default)]
pub struct Store {
    kept: Mutex<Kept>,
    more: Notify,
}

#[derive(Default)]
struct Kept {
    items: HashMap<String, Vec<Arrived>>,
    count: usize,
    beyond: u64,
}

impl Store {
    /// What came out with a marker.
    pub fn of(&self, marker: &str) -> Vec<Arrived> {
        self.kept().items.get(marker).cloned().unwrap_or_default()
    }

    /// How many came out, copies included.
    pub fn count(&self, marker: &str) -> u64 {
        self.kept().items.get(marker).map_or(0, |items| items.len() as u64)
    }

    /// How many different ones: what came out twice counts once.
    pub fn distinct(&self, marker: &str) -> u64 {
        let items = self.of(marker);
        items.iter().map(|arrived| arrived.item.bytes()).collect::<HashSet<_>>().len() as u64
    }

    /// How many were let go since there were too many.
    pub fn beyond(&self) -> u64 {
        self.kept().beyond
    }

    /// Waits until so many have come out with a marker, or until then; what has.
    pub async fn wait(&self, marker: &str, items: u64, until: Instant) -> Vec<Arrived> {
        loop {
            // Asked for before it is looked, so that nothing comes in between.
            let more = self.more.notified();
            if self.count(marker) >= items || timeout_at(until, more).await.is_err() {
                return self.of(marker);
            }
        }
    }

    /// Takes a request of the four signals as protobuf.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn take(&self, signal: Signal, body: &[u8]) -> Result<(), prost::DecodeError> {
        let items = match signal {
            Signal::Traces => spans(ExportTraceServiceRequest::decode(body)?),
            Signal::Logs => records(ExportLogsServiceRequest::decode(body)?),
            Signal::Metrics => points(ExportMetricsServiceRequest::decode(body)?),
            Signal::Profiles => Vec::new(),
        };
        let mut kept = self.kept();
        for (marker, arrived) in items {
            if kept.count >= ITEMS_MAX {
                kept.beyond += 1;
                continue;
            }
            kept.count += 1;
            kept.items.entry(marker).or_default().push(arrived);
        }
        drop(kept);
        self.more.notify_waiters();
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<(String, Arrived)> {
    let mut all = Vec::new();
    for resource in request.resource_spans {
        for scope in resource.scope_spans {
            for span in scope.spans {
                let Some(marker) = marker(&span.attributes) else { continue };
                let schemas = [resource.schema_url.clone(), scope.schema_url.clone()];
                let item = Item::Span(Box::new(span));
                all.push((
                    marker,
                    Arrived { item, resource: resource.resource.clone(), scope: scope.scope.clone(), schemas },
                ));
            }
        }
    }
    all
}

fn records(request: ExportLogsServiceRequest) -> Vec<(String, Arrived)> {
    let mut all = Vec::new();
    for resource in request.resource_logs {
        for scope in resource.scope_logs {
            for record in scope.log_records {
                let Some(marker) = marker(&record.attributes) else { continue };
                let schemas = [resource.schema_url.clone(), scope.schema_url.clone()];
                let item = Item::Record(Box::new(record));
                all.push((
                    marker,
                    Arrived { item, resource: resource.resource.clone(), scope: scope.scope.clone(), schemas },
                ));
            }
        }
    }
    all
}

fn points(request: ExportMetricsServiceRequest) -> Vec<(String, Arrived)> {
    let mut all = Vec::new();
    for resource in request.resource_metrics {
        for scope in resource.scope_metrics {
            for metric in scope.metrics {
                let metric = Arc::new(metric);
                for (number, marker) in markers(&metric).into_iter().enumerate() {
                    let Some(marker) = marker else { continue };
                    let schemas = [resource.schema_url.clone(), scope.schema_url.clone()];
                    let item = Item::Point(Arc::clone(&metric), number);
                    all.push((
                        marker,
                        Arrived { item, resource: resource.resource.clone(), scope: scope.scope.clone(), schemas },
                    ));
                }
            }
        }
    }
    all
}

/// The marker of each point, of whatever kind.
fn markers(metric: &Metric) -> Vec<Option<String>> {
    match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(|point| marker(&point.attributes)).collect(),
        Some(Data::Sum(sum)) => sum.data_points.iter().map(|point| marker(&point.attributes)).collect(),
        Some(Data::Histogram(histogram)) => {
            histogram.data_points.iter().map(|point| marker(&point.attributes)).collect()
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            histogram.data_points.iter().map(|point| marker(&point.attributes)).collect()
        }
        Some(Data::Summary(summary)) => summary.data_points.iter().map(|point| marker(&point.attributes)).collect(),
    }
}

fn marker(attributes: &[KeyValue]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == MARKER)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

impl Backend for Store {
    fn export(&self, request: Export) -> Decision {
        match self.take(request.signal, &request.body) {
            Ok(()) => Decision::Accept,
            Err(error) => Decision::Malformed { message: error.to_string() },
        }
    }
}

/// A sink on the network with a store behind it. Dropping it stops it.
pub struct Sink {
    server: SinkServer,
    store: Arc<Store>,
}

impl Sink {
    /// Listens at one address or both.
    ///
    /// # Errors
    ///
    /// [`ServerError`].
    pub fn start(grpc: Option<SocketAddr>, http: Option<SocketAddr>) -> Result<Self, ServerError> {
        let store = Arc::new(Store::default());
        let config = ServerConfig { grpc, http, threads: NonZeroUsize::MIN, limits: Limits::default(), pulse: None };
        let server = SinkServer::start(config, Arc::clone(&store) as Arc<dyn Backend>)?;
        Ok(Self { server, store })
    }

    /// What came out.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Where it takes OTLP/gRPC.
    pub fn grpc(&self) -> Option<SocketAddr> {
        self.server.grpc_addr()
    }

    /// Where it takes OTLP/HTTP.
    pub fn http(&self) -> Option<SocketAddr> {
        self.server.http_addr()
    }
}

/// How what came out can be read back, and how long it may take.
#[derive(Clone)]
pub struct ReadBack {
    /// Where it is kept.
    pub store: Arc<Store>,
    /// The longest time from an answer until what was taken has come out.
    pub settle: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::payload;

    #[tokio::test]
    async fn items_of_every_signal_are_found_by_their_marker() {
        let store = Store::default();
        let taken = [
            (Signal::Traces, payload::spans::request("t", 2).encode_to_vec()),
            (Signal::Logs, payload::logs("l", 3).encode_to_vec()),
            (Signal::Metrics, payload::metrics("m", 4).encode_to_vec()),
        ];
        for (signal, body) in taken {
            store.take(signal, &body).unwrap();
        }
        assert_eq!(["t", "l", "m", "x"].map(|marker| store.count(marker)), [2, 3, 4, 0]);
        let soon = Instant::now() + Duration::from_millis(10);
        assert_eq!(store.wait("t", 2, soon).await[0].span().unwrap().name, "operation 0");
        assert_eq!(store.wait("t", 3, soon).await.len(), 2, "it waits no longer than it is told to");
        assert!(store.take(Signal::Traces, &[0xff]).is_err());
        store.take(Signal::Traces, &payload::spans::request("t", 2).encode_to_vec()).unwrap();
        assert_eq!((store.count("t"), store.distinct("t")), (4, 2), "what came out twice counts once");
    }
}
