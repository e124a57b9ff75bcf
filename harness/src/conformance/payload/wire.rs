//! Protobuf by hand: fields in any order, of any number and type, whole or broken.

use prost::encoding::{WireType, encode_key, encode_varint};

/// A message that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// A number.
    #[must_use]
    pub fn varint(mut self, field: u32, value: u64) -> Self {
        encode_key(field, WireType::Varint, &mut self.0);
        encode_varint(value, &mut self.0);
        self
    }

    /// Eight bytes.
    #[must_use]
    pub fn fixed64(mut self, field: u32, value: u64) -> Self {
        encode_key(field, WireType::SixtyFourBit, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Four bytes.
    #[must_use]
    pub fn fixed32(mut self, field: u32, value: u32) -> Self {
        encode_key(field, WireType::ThirtyTwoBit, &mut self.0);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Bytes, a text or a message.
    #[must_use]
    pub fn bytes(self, field: u32, bytes: impl AsRef<[u8]>) -> Self {
        let length = bytes.as_ref().len() as u64;
        self.claims(field, length, bytes)
    }

    /// Bytes whose length is told to be another.
    #[must_use]
    pub fn claims(mut self, field: u32, length: u64, bytes: impl AsRef<[u8]>) -> Self {
        encode_key(field, WireType::LengthDelimited, &mut self.0);
        encode_varint(length, &mut self.0);
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// Whatever it is.
    #[must_use]
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// Fields that nobody knows, of every wire type there is.
    #[must_use]
    pub fn unknown(self) -> Self {
        self.varint(2_000, u64::MAX).fixed64(2_001, 1).bytes(2_002, b"unknown").fixed32(536_870_911, 2)
    }
}

/// An attribute with a text.
pub fn text_attribute(key: &str, value: &str) -> Vec<u8> {
    Writer::default().bytes(1, key).bytes(2, Writer::default().bytes(1, value).0).0
}

/// A request of spans around the bytes of spans.
pub fn traces(spans: &[Vec<u8>]) -> Vec<u8> {
    let scope = spans.iter().fold(Writer::default(), |scope, span| scope.bytes(2, span));
    let service = Writer::default().bytes(1, text_attribute("service.name", "spanproof"));
    let resource = Writer::default().bytes(1, service.0).bytes(2, scope.0);
    Writer::default().bytes(1, resource.0).0
}

/// A request of metrics around the bytes of metrics.
pub fn metrics(metrics: &[Vec<u8>]) -> Vec<u8> {
    // The numbers of fields are those of spans.
    traces(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::payload::{MARKER, spans};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message;

    #[test]
    fn what_is_written_by_hand_is_read_by_others() {
        let span = spans::span("m", 0);
        let bytes = traces(&[Writer(span.encode_to_vec()).unknown().0, span.encode_to_vec()]);
        let read = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
        assert_eq!(read.resource_spans[0].scope_spans[0].spans, [span.clone(), span]);
        let attribute = text_attribute(MARKER, "m");
        assert_eq!(attribute, crate::conformance::payload::mark("m").encode_to_vec());
    }
}
