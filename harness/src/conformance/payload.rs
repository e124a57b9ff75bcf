//! Requests to try things with: good ones of every signal, in both encodings, and pieces to make odd ones of.
//!
//! Every item carries the attribute [`MARKER`] with a text of its request's own, by which it is known again whatever becomes of
//! its ids.

pub mod json;
pub mod spans;
pub mod wire;

use crate::wire::{Protocol, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use sha2::{Digest, Sha256};

/// The attribute by which an item is known again.
pub const MARKER: &str = "spanproof.case";

/// When everything happened: a time that every receiver takes for real.
pub const TIME: u64 = 1_760_000_000_000_000_000;

/// A request that is to be sent, and what of it can be found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The message in the encoding that it travels in.
    pub bytes: Vec<u8>,
    /// What its items carry, and how many there are; none where nothing is to be looked for.
    pub items: Option<(String, u64)>,
}

impl Load {
    /// Bytes in which nothing is to be looked for.
    pub fn of_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), items: None }
    }

    /// Bytes in which there are so many items with this marker.
    pub fn marked(bytes: impl Into<Vec<u8>>, marker: &str, items: u64) -> Self {
        Self { bytes: bytes.into(), items: Some((marker.to_owned(), items)) }
    }
}

/// A good request with so many items.
pub fn good(protocol: Protocol, signal: Signal, marker: &str, items: u64) -> Load {
    let bytes = match (protocol, signal) {
        (Protocol::HttpJson, signal) => json::good(signal, marker, items).to_string().into_bytes(),
        (_, Signal::Traces) => spans::request(marker, items).encode_to_vec(),
        (_, Signal::Logs) => logs(marker, items).encode_to_vec(),
        (_, Signal::Metrics) => metrics(marker, items).encode_to_vec(),
        // One profile without anything in it; the types of this signal are still being developed.
        (_, Signal::Profiles) => return Load::of_bytes([0x0a, 0x04, 0x12, 0x02, 0x12, 0x00]),
    };
    Load::marked(bytes, marker, items)
}

/// Log records.
pub fn logs(marker: &str, items: u64) -> ExportLogsServiceRequest {
    let record = |number| LogRecord {
        time_unix_nano: TIME,
        observed_time_unix_nano: TIME + 1,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(format!("record {number}"))) }),
        attributes: vec![mark(marker)],
        trace_id: id(marker, "trace", 16),
        span_id: id(marker, &format!("span {number}"), 8),
        ..LogRecord::default()
    };
    let log_records = (0..items).map(record).collect();
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: Some(resource()), scope_logs, ..ResourceLogs::default() }],
    }
}

/// Points of a gauge.
pub fn metrics(marker: &str, items: u64) -> ExportMetricsServiceRequest {
    let points = (0..items).map(|number| point(marker, number)).collect();
    metrics_of(vec![gauge(points)])
}

/// A point of a gauge.
pub fn point(marker: &str, number: u64) -> NumberDataPoint {
    NumberDataPoint {
        // Two points of a stream at one time would be one too many.
        attributes: vec![mark(marker), attribute("number", Value::IntValue(number as i64))],
        start_time_unix_nano: TIME - 1,
        time_unix_nano: TIME,
        value: Some(Number::AsInt(number as i64 + 1)),
        ..NumberDataPoint::default()
    }
}

/// A gauge.
pub fn gauge(data_points: Vec<NumberDataPoint>) -> Metric {
    let data = Some(Data::Gauge(Gauge { data_points }));
    Metric { name: "spanproof.conformance".to_owned(), unit: "1".to_owned(), data, ..Metric::default() }
}

/// A request of metrics.
pub fn metrics_of(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource()),
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
}

/// Who everything comes from.
pub fn resource() -> Resource {
    let name = attribute("service.name", Value::StringValue("spanproof".to_owned()));
    Resource { attributes: vec![name], ..Resource::default() }
}

/// What made everything.
pub fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "spanproof.conformance".to_owned(), ..InstrumentationScope::default() }
}

/// The attribute by which an item is known again.
pub fn mark(marker: &str) -> KeyValue {
    attribute(MARKER, Value::StringValue(marker.to_owned()))
}

/// An attribute.
pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// So many bytes, at most 32, that follow from a marker and a word, and are not all zero.
pub fn id(marker: &str, word: &str, bytes: usize) -> Vec<u8> {
    let digest = Sha256::new().chain_update(marker).chain_update([0]).chain_update(word).finalize();
    let mut id = digest[..bytes.min(digest.len())].to_vec();
    if let Some(first) = id.first_mut() {
        *first |= 1;
    }
    id
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
