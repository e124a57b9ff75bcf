//! OTLP/JSON at the door: decoded and encoded anew as protobuf, so that the backend sees one form only.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde::de::DeserializeOwned;

use super::budget::Hold;
use super::config::Limits;
use super::counters::Reason;
use super::rejection::Rejection;
use crate::wire::{Code, Signal};

/// What one JSON object may cost when decoded: the largest repeated message, twice since vectors double as they grow.
const OBJECT_COST: usize = 2 * size_of::<Span>();

/// What one array element that is a scalar may cost, likewise.
const SCALAR_COST: usize = 2 * size_of::<u64>();

/// Turns a JSON request into the protobuf bytes of the same request.
///
/// `{}` is three bytes and a span three hundred, so the cost of decoding is estimated before anything is allocated, and
/// charged to `hold`.
pub(super) async fn to_protobuf(
    signal: Signal,
    json: Bytes,
    limits: &Limits,
    hold: &mut Hold<'_>,
) -> Result<Bytes, Rejection> {
    let cost = decoded_cost(&json);
    if cost > limits.in_flight_bytes_max / 2 {
        let message = "the JSON request would take too much memory to decode; send smaller batches";
        let status = http::StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Rejection::new(Reason::TooLarge, Code::RESOURCE_EXHAUSTED, status, message));
    }
    hold.grow(cost).await?;
    match signal {
        Signal::Traces => encode_anew::<ExportTraceServiceRequest>(&json),
        Signal::Metrics => encode_anew::<ExportMetricsServiceRequest>(&json),
        Signal::Logs => encode_anew::<ExportLogsServiceRequest>(&json),
        Signal::Profiles => Err(Rejection::new(
            Reason::ContentType,
            Code::UNIMPLEMENTED,
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "profiles are taken as application/x-protobuf only",
        )),
    }
}

fn encode_anew<T: Message + DeserializeOwned>(json: &[u8]) -> Result<Bytes, Rejection> {
    // serde would take an array for an object, field by field.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(Rejection::json("the body is not OTLP/JSON: it is not an object"));
    }
    let request: T =
        serde_json::from_slice(json).map_err(|error| Rejection::json(format!("the body is not OTLP/JSON: {error}")))?;
    Ok(Bytes::from(request.encode_to_vec()))
}

fn decoded_cost(json: &[u8]) -> usize {
    let (mut objects, mut separators) = (0usize, 0usize);
    for &byte in json {
        objects += usize::from(byte == b'{');
        separators += usize::from(byte == b',');
    }
    json.len() + objects.saturating_mul(OBJECT_COST) + separators.saturating_mul(SCALAR_COST)
}
