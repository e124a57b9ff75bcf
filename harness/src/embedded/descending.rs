//! Writes a request with its fields in descending order, an attribute's value before its key, as the Go collector does.
//!
//! Like that collector it writes backwards: the last byte of the message first, each message's fields in ascending order, and
//! a message's length after its content, when it is known. The bytes are turned round once at the end.
//!
//! Equal to prost's encoding in what is written and what is left out: fields at their default are not written, a set
//! `AnyValue` always is, `KeyValue.value` only when present.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// The request's bytes. Decoding them gives an equal request.
pub fn encode(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let mut writer = Writer { reversed: Vec::with_capacity(request.encoded_len()) };
    writer.messages(1, &request.resource_spans);
    writer.reversed.reverse();
    writer.reversed
}

/// Protobuf's wire types that OTLP's traces use.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Delimited = 2,
    Fixed32 = 5,
}

/// A message that can write its fields, in ascending order of their numbers.
trait Fields {
    fn write(&self, writer: &mut Writer);
}

/// Collects bytes from the last to the first.
struct Writer {
    reversed: Vec<u8>,
}

impl Writer {
    fn raw(&mut self, bytes: &[u8]) {
        self.reversed.extend(bytes.iter().rev());
    }

    fn raw_varint(&mut self, mut value: u64) {
        // Ten groups of seven bits hold 64.
        let mut groups = [0_u8; 10];
        let mut length = 0;
        for group in &mut groups {
            length += 1;
            *group = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                break;
            }
            *group |= 0x80;
        }
        self.raw(&groups[..length]);
    }

    fn tag(&mut self, field: u32, wire_type: WireType) {
        self.raw_varint(u64::from(field) << 3 | wire_type as u64);
    }

    /// A varint that is written even when zero, for members of a oneof.
    fn set_varint(&mut self, field: u32, value: u64) {
        self.raw_varint(value);
        self.tag(field, WireType::Varint);
    }

    fn varint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.set_varint(field, value);
        }
    }

    /// An `int32`, which protobuf writes as if it were an `int64`.
    fn int32(&mut self, field: u32, value: i32) {
        self.varint(field, i64::from(value).cast_unsigned());
    }

    fn set_fixed64(&mut self, field: u32, value: u64) {
        self.raw(&value.to_le_bytes());
        self.tag(field, WireType::Fixed64);
    }

    fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.set_fixed64(field, value);
        }
    }

    fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.raw(&value.to_le_bytes());
            self.tag(field, WireType::Fixed32);
        }
    }

    fn set_delimited(&mut self, field: u32, bytes: &[u8]) {
        self.raw(bytes);
        self.raw_varint(bytes.len() as u64);
        self.tag(field, WireType::Delimited);
    }

    fn delimited(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.set_delimited(field, bytes);
        }
    }

    fn strings(&mut self, field: u32, strings: &[String]) {
        strings.iter().rev().for_each(|string| self.set_delimited(field, string.as_bytes()));
    }

    fn message(&mut self, field: u32, message: &impl Fields) {
        let end = self.reversed.len();
        message.write(self);
        self.raw_varint((self.reversed.len() - end) as u64);
        self.tag(field, WireType::Delimited);
    }

    fn optional(&mut self, field: u32, message: Option<&impl Fields>) {
        if let Some(message) = message {
            self.message(field, message);
        }
    }

    fn messages(&mut self, field: u32, messages: &[impl Fields]) {
        messages.iter().rev().for_each(|message| self.message(field, message));
    }
}

impl Fields for ResourceSpans {
    fn write(&self, writer: &mut Writer) {
        writer.optional(1, self.resource.as_ref());
        writer.messages(2, &self.scope_spans);
        writer.delimited(3, self.schema_url.as_bytes());
    }
}

impl Fields for Resource {
    fn write(&self, writer: &mut Writer) {
        writer.messages(1, &self.attributes);
        writer.varint(2, self.dropped_attributes_count.into());
        writer.messages(3, &self.entity_refs);
    }
}

impl Fields for EntityRef {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(1, self.schema_url.as_bytes());
        writer.delimited(2, self.r#type.as_bytes());
        writer.strings(3, &self.id_keys);
        writer.strings(4, &self.description_keys);
    }
}

impl Fields for ScopeSpans {
    fn write(&self, writer: &mut Writer) {
        writer.optional(1, self.scope.as_ref());
        writer.messages(2, &self.spans);
        writer.delimited(3, self.schema_url.as_bytes());
    }
}

impl Fields for InstrumentationScope {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(1, self.name.as_bytes());
        writer.delimited(2, self.version.as_bytes());
        writer.messages(3, &self.attributes);
        writer.varint(4, self.dropped_attributes_count.into());
    }
}

impl Fields for Span {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(1, &self.trace_id);
        writer.delimited(2, &self.span_id);
        writer.delimited(3, self.trace_state.as_bytes());
        writer.delimited(4, &self.parent_span_id);
        writer.delimited(5, self.name.as_bytes());
        writer.int32(6, self.kind);
        writer.fixed64(7, self.start_time_unix_nano);
        writer.fixed64(8, self.end_time_unix_nano);
        writer.messages(9, &self.attributes);
        writer.varint(10, self.dropped_attributes_count.into());
        writer.messages(11, &self.events);
        writer.varint(12, self.dropped_events_count.into());
        writer.messages(13, &self.links);
        writer.varint(14, self.dropped_links_count.into());
        writer.optional(15, self.status.as_ref());
        writer.fixed32(16, self.flags);
    }
}

impl Fields for Event {
    fn write(&self, writer: &mut Writer) {
        writer.fixed64(1, self.time_unix_nano);
        writer.delimited(2, self.name.as_bytes());
        writer.messages(3, &self.attributes);
        writer.varint(4, self.dropped_attributes_count.into());
    }
}

impl Fields for Link {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(1, &self.trace_id);
        writer.delimited(2, &self.span_id);
        writer.delimited(3, self.trace_state.as_bytes());
        writer.messages(4, &self.attributes);
        writer.varint(5, self.dropped_attributes_count.into());
        writer.fixed32(6, self.flags);
    }
}

impl Fields for Status {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(2, self.message.as_bytes());
        writer.int32(3, self.code);
    }
}

impl Fields for KeyValue {
    fn write(&self, writer: &mut Writer) {
        writer.delimited(1, self.key.as_bytes());
        writer.optional(2, self.value.as_ref());
        writer.int32(3, self.key_strindex);
    }
}

impl Fields for KeyValueList {
    fn write(&self, writer: &mut Writer) {
        writer.messages(1, &self.values);
    }
}

impl Fields for ArrayValue {
    fn write(&self, writer: &mut Writer) {
        writer.messages(1, &self.values);
    }
}

impl Fields for AnyValue {
    fn write(&self, writer: &mut Writer) {
        match &self.value {
            None => {}
            Some(Value::StringValue(value)) => writer.set_delimited(1, value.as_bytes()),
            Some(Value::BoolValue(value)) => writer.set_varint(2, u64::from(*value)),
            Some(Value::IntValue(value)) => writer.set_varint(3, value.cast_unsigned()),
            Some(Value::DoubleValue(value)) => writer.set_fixed64(4, value.to_bits()),
            Some(Value::ArrayValue(value)) => writer.message(5, value),
            Some(Value::KvlistValue(value)) => writer.message(6, value),
            Some(Value::BytesValue(value)) => writer.set_delimited(7, value),
            Some(Value::StringValueStrindex(value)) => {
                writer.set_varint(8, i64::from(*value).cast_unsigned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embedded::arbitrary;

    proptest! {
        /// Whatever is written decodes to what was given, bit for bit, and takes as many bytes as prost needs.
        #[test]
        fn what_is_written_decodes_to_the_same_request(request in arbitrary::request()) {
            let bytes = encode(&request);
            prop_assert_eq!(bytes.len(), request.encoded_len());
            let decoded = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
            // Compared as bytes, because a NaN is not equal to itself.
            prop_assert_eq!(decoded.encode_to_vec(), request.encode_to_vec());
        }
    }

    #[test]
    fn fields_stand_in_descending_order_and_values_before_keys() {
        let span = Span {
            trace_id: vec![1; 16],
            name: "n".to_owned(),
            attributes: vec![arbitrary::attribute("k", Value::StringValue("v".to_owned()))],
            status: Some(Status { message: "m".to_owned(), code: 2 }),
            flags: 1,
            ..Span::default()
        };
        let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
        let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
        let bytes = encode(&ExportTraceServiceRequest { resource_spans: vec![resource] });
        let mut expected = vec![0x0a, 46, 0x12, 44, 0x12, 42];
        expected.extend([0x85, 0x01, 1, 0, 0, 0]); // flags, 16
        expected.extend([0x7a, 5, 0x18, 2, 0x12, 1, b'm']); // status, 15: code before message
        expected.extend([0x4a, 8, 0x12, 3, 0x0a, 1, b'v', 0x0a, 1, b'k']); // attribute, 9: value before key
        expected.extend([0x2a, 1, b'n']); // name, 5
        expected.extend([0x0a, 16]); // trace id, 1
        expected.extend([1; 16]);
        let inner = u8::try_from(expected.len() - 6).unwrap();
        (expected[1], expected[3], expected[5]) = (inner + 4, inner + 2, inner);
        assert_eq!(bytes, expected);
    }
}
