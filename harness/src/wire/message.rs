//! The response of every `Export` method. The four signals' responses differ in names only, so one message stands for all.

use prost::Message;

use super::signal::Signal;

/// What a backend says when it took a part of a request, or all of it with a warning.
#[derive(Clone, PartialEq, Message)]
pub struct PartialSuccess {
    /// How many spans, data points, log records or profiles were not taken. As received: a hostile peer may send anything.
    #[prost(int64, tag = "1")]
    pub rejected: i64,
    /// Why. As received, so escape it before printing.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// `Export*ServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

impl ExportResponse {
    /// The response in OTLP's JSON encoding: 64-bit integers as decimal strings.
    pub fn to_json(&self, signal: Signal) -> Vec<u8> {
        let Some(partial) = &self.partial_success else { return b"{}".to_vec() };
        let json = serde_json::json!({
            "partialSuccess": { signal.rejected_key(): partial.rejected.to_string(), "errorMessage": partial.message }
        });
        json.to_string().into_bytes()
    }
}
