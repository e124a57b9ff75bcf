//! OTLP/JSON at the door: written anew as protobuf, so that the backend sees one form only.
//!
//! What is read is the JSON form of proto3 with OTLP's exceptions: [`schema`] has the fields, [`scalar`] the values that hold no
//! others, and [`transcode`] goes through a request once and writes as it reads. Nothing is decoded in between, so the memory
//! follows the bytes that came. A number keeps every bit that its text has: a sink that rounds would call a collector
//! corrupting that is right.

mod scalar;
mod schema;
#[cfg(test)]
mod tests;
mod transcode;

use bytes::Bytes;

use super::budget::Hold;
use super::config::Limits;
use super::counters::Reason;
use super::rejection::Rejection;
use crate::wire::{Code, Signal};

/// The most bytes that an element of an array takes in protobuf when its JSON is next to nothing: `0,` may be a double.
const ELEMENT_BYTES: usize = size_of::<f64>();

/// A vector that grows holds its bytes and twice as many while it moves.
const GROWTH: usize = 3;

/// Turns a JSON request into the protobuf bytes of the same request.
///
/// What that may cost is estimated before anything is allocated, and charged to `hold`.
pub(super) async fn to_protobuf(
    signal: Signal,
    json: Bytes,
    limits: &Limits,
    hold: &mut Hold<'_>,
) -> Result<Bytes, Rejection> {
    let cost = cost(&json);
    if cost > limits.in_flight_bytes_max / 2 {
        let message = "the JSON request would take too much memory to read; send smaller batches";
        let status = http::StatusCode::PAYLOAD_TOO_LARGE;
        return Err(Rejection::new(Reason::TooLarge, Code::RESOURCE_EXHAUSTED, status, message));
    }
    hold.grow(cost).await?;
    let Some(request) = schema(signal) else {
        return Err(Rejection::new(
            Reason::ContentType,
            Code::UNIMPLEMENTED,
            http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "profiles are taken as application/x-protobuf only",
        ));
    };
    let protobuf = transcode::transcode(request, &json)
        .map_err(|error| Rejection::json(format!("the body is not OTLP/JSON: {error}")))?;
    Ok(Bytes::from(protobuf))
}

/// The protobuf bytes of a request of spans in JSON, for who has bounded it already.
///
/// # Errors
///
/// What is not OTLP/JSON.
pub(crate) fn traces(json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    transcode::transcode(&schema::TRACES, json)
}

fn schema(signal: Signal) -> Option<&'static schema::Message> {
    match signal {
        Signal::Traces => Some(&schema::TRACES),
        Signal::Metrics => Some(&schema::METRICS),
        Signal::Logs => Some(&schema::LOGS),
        Signal::Profiles => None,
    }
}

fn cost(json: &[u8]) -> usize {
    let separators = json.iter().filter(|&&byte| byte == b',').count();
    json.len().saturating_add(separators.saturating_mul(ELEMENT_BYTES)).saturating_mul(GROWTH)
}
