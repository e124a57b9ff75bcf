//! What a request would take in memory when decoded, found without decoding it: two bytes on the wire may become three
//! hundred.

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use spanproof_generators::protobuf::{Reader, Wire};

/// The messages of a request for traces, as far as they differ in what they may hold.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    ResourceSpans,
    Resource,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    KeyValue,
    AnyValue,
    Array,
    Leaf,
}

impl Kind {
    /// The kind of message that a field holds; none for what is no message.
    fn child(self, field: u32) -> Option<Self> {
        Some(match (self, field) {
            (Self::Request, 1) => Self::ResourceSpans,
            (Self::ResourceSpans, 1) => Self::Resource,
            (Self::ResourceSpans, 2) => Self::ScopeSpans,
            (Self::Resource, 1) | (Self::Scope, 3) | (Self::Span, 9) | (Self::Event, 3) | (Self::Link, 4) => {
                Self::KeyValue
            }
            (Self::Resource, 3) | (Self::Span, 15) => Self::Leaf,
            (Self::ScopeSpans, 1) => Self::Scope,
            (Self::ScopeSpans, 2) => Self::Span,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::KeyValue, 2) | (Self::Array, 1) => Self::AnyValue,
            // Lists of values and lists of keys with values: one kind stands for both, the costlier.
            (Self::AnyValue, 5 | 6) => Self::Array,
            _ => return None,
        })
    }

    /// Bytes in memory, doubled since vectors double as they grow.
    fn size(self) -> usize {
        match self {
            Self::Span | Self::ResourceSpans | Self::ScopeSpans | Self::Scope => 2 * size_of::<Span>(),
            _ => 2 * size_of::<Event>(),
        }
    }
}

/// A cautious estimate, in bytes. What is malformed costs nothing beyond where it breaks, since decoding ends there.
pub(super) fn decoded(body: &[u8]) -> usize {
    body.len() + below(Kind::Request, body, 100)
}

fn below(kind: Kind, message: &[u8], depth: u32) -> usize {
    let mut reader = Reader::new(message);
    let mut sum = 0usize;
    while let Ok(Some(tag)) = reader.tag() {
        match kind.child(tag.field).filter(|_| tag.wire == Wire::Bytes && depth > 0) {
            Some(child) => {
                let Ok(bytes) = reader.bytes() else { break };
                sum = sum.saturating_add(child.size()).saturating_add(below(child, bytes, depth - 1));
            }
            None => {
                if reader.skip(tag, 100).is_err() {
                    break;
                }
            }
        }
    }
    sum
}
