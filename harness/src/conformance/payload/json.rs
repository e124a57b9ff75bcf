//! The same requests as OTLP/JSON, written down by hand: no library's idea of the encoding is tried here.

use super::{MARKER, TIME, hex, id};
use crate::wire::Signal;
use serde_json::{Value, json};

/// A good request. For profiles, whose types are still being developed, an empty one.
pub fn good(signal: Signal, marker: &str, items: u64) -> Value {
    match signal {
        Signal::Traces => traces((0..items).map(|number| span(marker, number)).collect()),
        Signal::Logs => logs((0..items).map(|number| record(marker, number)).collect()),
        Signal::Metrics => metrics(json!({ "gauge": { "dataPoints": points(marker, items) } })),
        Signal::Profiles => json!({ "resourceProfiles": [] }),
    }
}

/// A request of these spans.
pub fn traces(spans: Vec<Value>) -> Value {
    json!({ "resourceSpans": [{ "resource": resource(), "scopeSpans": [{ "scope": scope(), "spans": spans }] }] })
}

/// A request of these records.
pub fn logs(records: Vec<Value>) -> Value {
    json!({ "resourceLogs": [{ "resource": resource(), "scopeLogs": [{ "scope": scope(), "logRecords": records }] }] })
}

/// A request of a metric with these data besides its name.
pub fn metrics(data: Value) -> Value {
    let mut metric = json!({ "name": "spanproof.conformance", "unit": "1" });
    if let (Some(metric), Value::Object(data)) = (metric.as_object_mut(), data) {
        metric.extend(data);
    }
    json!({ "resourceMetrics": [{ "resource": resource(), "scopeMetrics": [{ "scope": scope(), "metrics": [metric] }] }] })
}

/// A span with nothing odd about it.
pub fn span(marker: &str, number: u64) -> Value {
    json!({
        "traceId": hex(&id(marker, "trace", 16)),
        "spanId": hex(&id(marker, &format!("span {number}"), 8)),
        "name": format!("operation {number}"),
        "kind": 2,
        "startTimeUnixNano": TIME.to_string(),
        "endTimeUnixNano": (TIME + 1_000_000).to_string(),
        "attributes": [mark(marker)],
    })
}

/// A log record with nothing odd about it.
pub fn record(marker: &str, number: u64) -> Value {
    json!({
        "timeUnixNano": TIME.to_string(),
        "observedTimeUnixNano": (TIME + 1).to_string(),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": { "stringValue": format!("record {number}") },
        "attributes": [mark(marker)],
        "traceId": hex(&id(marker, "trace", 16)),
        "spanId": hex(&id(marker, &format!("span {number}"), 8)),
    })
}

/// Points of a gauge.
pub fn points(marker: &str, items: u64) -> Vec<Value> {
    let point = |number: u64| {
        json!({
            "attributes": [mark(marker), { "key": "number", "value": { "intValue": number.to_string() } }],
            "startTimeUnixNano": (TIME - 1).to_string(),
            "timeUnixNano": TIME.to_string(),
            "asInt": (number + 1).to_string(),
        })
    };
    (0..items).map(point).collect()
}

/// The attribute by which an item is known again.
pub fn mark(marker: &str) -> Value {
    json!({ "key": MARKER, "value": { "stringValue": marker } })
}

/// Who everything comes from.
pub fn resource() -> Value {
    json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "spanproof" } }] })
}

/// What made everything.
pub fn scope() -> Value {
    json!({ "name": "spanproof.conformance" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::payload;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

    #[test]
    fn both_encodings_say_the_same() {
        let json: ExportTraceServiceRequest = serde_json::from_value(good(Signal::Traces, "m", 3)).unwrap();
        assert_eq!(json, payload::spans::request("m", 3));
        let json = serde_json::from_value(good(Signal::Logs, "m", 2)).unwrap();
        assert_eq!(payload::logs("m", 2), json);
        let json = serde_json::from_value(good(Signal::Metrics, "m", 2)).unwrap();
        assert_eq!(payload::metrics("m", 2), json);
    }
}
