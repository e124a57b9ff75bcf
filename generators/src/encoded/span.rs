//! Encoding one span, with zeros where a trace's own values go.
//!
//! Fields are written in ascending order, as the SDKs' generated code does.

use super::varying::{Slot, Varying};
use crate::content;
use crate::identity::{GHOST_ORDINAL, OWN_ID_KEY};
use crate::model::{Attribute, Event, Link, Ordinal, Parent, Span, Status, TraceVariant, Value};
use crate::protobuf::{put_bytes, put_fixed32, put_fixed64, put_tag, put_text, put_uint, put_varint, varint_length};

/// A span's bytes and the offsets in them that vary.
#[derive(Debug, Clone)]
pub(super) struct EncodedSpan {
    pub body: Vec<u8>,
    pub trace_id_at: u32,
    pub parent_at: Option<u32>,
    pub times_at: u32,
    pub varying: Vec<Varying>,
}

impl EncodedSpan {
    /// Bytes with tag and length.
    pub(super) fn framed_length(&self) -> u32 {
        (1 + varint_length(self.body.len() as u64) + self.body.len()) as u32
    }
}

/// The parent's ordinal and the trace id under which it is named. Without a parent both are defaults.
pub(super) fn parent_of(span: &Span) -> (Ordinal, TraceVariant) {
    match span.parent {
        Parent::None => (0, TraceVariant::default()),
        Parent::Span { ordinal, variant } => (ordinal, variant),
        Parent::Ghost { number } => (GHOST_ORDINAL + Ordinal::from(number), span.variant),
    }
}

/// Encodes `span`.
pub(super) fn encode(span: &Span, ordinal: Ordinal) -> EncodedSpan {
    let mut body = Vec::with_capacity(512);
    let mut varying = Vec::new();
    put_bytes(&mut body, 1, &[0; 16]);
    put_bytes(&mut body, 2, &[0; 8]);
    put_text(&mut body, 3, &span.trace_state);
    let parent_at = (span.parent != Parent::None).then(|| {
        put_bytes(&mut body, 4, &[0; 8]);
        body.len() as u32 - 8
    });
    put_text(&mut body, 5, &span.name);
    put_uint(&mut body, 6, span.kind as u64);
    put_fixed64(&mut body, 7, 0);
    let times_at = body.len() as u32 - 8;
    put_fixed64(&mut body, 8, 0);
    attributes(&mut body, span, ordinal, &mut varying);
    put_uint(&mut body, 10, u64::from(span.dropped_attributes));
    for (position, one) in span.events.iter().enumerate() {
        event(&mut body, one, position as u32, &mut varying);
    }
    put_uint(&mut body, 12, u64::from(span.dropped_events));
    for (position, one) in span.links.iter().enumerate() {
        link(&mut body, one, position as u32, &mut varying);
    }
    put_uint(&mut body, 14, u64::from(span.dropped_links));
    status(&mut body, &span.status);
    put_tag_flags(&mut body, span.flags);
    EncodedSpan { body, trace_id_at: 2, parent_at, times_at, varying }
}

fn put_tag_flags(out: &mut Vec<u8>, flags: u32) {
    put_fixed32(out, 16, flags);
}

fn status(out: &mut Vec<u8>, status: &Status) {
    let mut body = Vec::new();
    match status {
        Status::Unset => return,
        Status::Ok(message) => {
            put_text(&mut body, 2, message);
            put_uint(&mut body, 3, 1);
        }
        Status::Error(message) => {
            put_text(&mut body, 2, message);
            put_uint(&mut body, 3, 2);
        }
    }
    put_bytes(out, 15, &body);
}

fn attributes(out: &mut Vec<u8>, span: &Span, ordinal: Ordinal, varying: &mut Vec<Varying>) {
    let own_id = span.variant.padded.then(|| Attribute::new(OWN_ID_KEY, "0".repeat(32)));
    for (number, attribute) in span.attributes.iter().chain(&own_id).enumerate() {
        let (bytes, value_at) = key_value(attribute);
        put_bytes(out, 9, &bytes);
        let value_at = (out.len() - bytes.len()) as u32 + value_at;
        let key = content::key_hash(attribute.key.as_bytes());
        let slot = match &attribute.value {
            Value::Digits { prefix, digits, suffix } => Slot::Digits {
                key,
                value_at,
                length: (prefix.len() + usize::from(*digits) + suffix.len()) as u32,
                digits_at: prefix.len() as u32,
                digits: *digits,
            },
            Value::Uniform { low, high } => Slot::Double { key, low: *low, high: *high },
            _ if attribute.key == OWN_ID_KEY => Slot::OwnId { key },
            _ => continue,
        };
        varying.push(Varying { at: value_at, ordinal, number: number as u32, slot });
    }
}

fn event(out: &mut Vec<u8>, event: &Event, position: u32, varying: &mut Vec<Varying>) {
    let mut body = Vec::new();
    put_fixed64(&mut body, 1, 0);
    put_text(&mut body, 2, &event.name);
    super::encode_attributes(&mut body, 3, &event.attributes);
    put_uint(&mut body, 4, u64::from(event.dropped_attributes));
    put_bytes(out, 11, &body);
    let at = (out.len() - body.len()) as u32 + 1;
    let fixed = content::event_parts(&body, &mut false).map_or(0, |parts| parts.fixed);
    varying.push(Varying {
        at,
        ordinal: 0,
        number: position,
        slot: Slot::EventTime { offset_ns: event.offset_ns, fixed },
    });
}

fn link(out: &mut Vec<u8>, link: &Link, position: u32, varying: &mut Vec<Varying>) {
    let mut body = Vec::new();
    put_bytes(&mut body, 1, &[0; 16]);
    put_bytes(&mut body, 2, &[0; 8]);
    put_text(&mut body, 3, &link.trace_state);
    super::encode_attributes(&mut body, 4, &link.attributes);
    put_uint(&mut body, 5, u64::from(link.dropped_attributes));
    put_fixed32(&mut body, 6, link.flags);
    put_bytes(out, 13, &body);
    let at = (out.len() - body.len()) as u32 + 2;
    let fixed = content::link_parts(&body, &mut false).map_or(0, |parts| parts.fixed);
    let slot = Slot::Link { ordinal: link.ordinal, variant: link.variant, fixed };
    varying.push(Varying { at, ordinal: 0, number: position, slot });
}

/// A `KeyValue` message and where in it the bytes of a string, or of a double, begin.
pub(super) fn key_value(attribute: &Attribute) -> (Vec<u8>, u32) {
    let value = any_value(&attribute.value);
    let mut body = Vec::new();
    put_text(&mut body, 1, &attribute.key);
    put_bytes(&mut body, 2, &value);
    let payload = match &attribute.value {
        Value::Digits { .. } | Value::Str(_) => value.len() - string_header(&value),
        Value::Uniform { .. } | Value::Double(_) => 8,
        _ => 0,
    };
    let at = (body.len() - payload) as u32;
    (body, at)
}

/// Bytes of tag and length before the characters of an encoded string value.
fn string_header(value: &[u8]) -> usize {
    1 + value[1..].iter().position(|byte| *byte < 0x80).map_or(0, |last| last + 1)
}

fn any_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Empty => {}
        Value::Str(text) => put_bytes(&mut out, 1, text.as_bytes()),
        Value::Digits { prefix, digits, suffix } => {
            let text = format!("{prefix}{}{suffix}", "0".repeat(usize::from(*digits)));
            put_bytes(&mut out, 1, text.as_bytes());
        }
        Value::Bool(value) => put_set_varint(&mut out, 2, u64::from(*value)),
        Value::Int(value) => put_set_varint(&mut out, 3, *value as u64),
        Value::Double(value) => put_fixed64(&mut out, 4, value.to_bits()),
        Value::Uniform { .. } => put_fixed64(&mut out, 4, 0),
        Value::Array(values) => {
            let mut body = Vec::new();
            for value in values {
                put_bytes(&mut body, 1, &any_value(value));
            }
            put_bytes(&mut out, 5, &body);
        }
        Value::Map(attributes) => {
            let mut body = Vec::new();
            super::encode_attributes(&mut body, 1, attributes);
            put_bytes(&mut out, 6, &body);
        }
        Value::Bytes(bytes) => put_bytes(&mut out, 7, bytes),
    }
    out
}

/// A varint that is written even when it is 0, since it sets a oneof.
fn put_set_varint(out: &mut Vec<u8>, field: u32, word: u64) {
    put_tag(out, field, 0);
    put_varint(out, word);
}
