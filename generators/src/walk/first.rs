//! The first span of a request, found without reading the others.

use crate::protobuf::{Reader, Wire};

/// What a request is known by when it comes again: the ids of its first span, as they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanIds {
    /// The trace id.
    pub trace_id: [u8; 16],
    /// The span id.
    pub span_id: [u8; 8],
}

impl SpanIds {
    /// Of the first span of an encoded `ExportTraceServiceRequest` that has both ids; `None` where there is none or the bytes
    /// before it are no OTLP. What stands behind it is not looked at.
    pub fn first_in(request: &[u8]) -> Option<Self> {
        Self::all_in(request).next()
    }

    /// Of all spans of an encoded `ExportTraceServiceRequest` that have both ids, up to where it can no longer be read.
    pub fn all_in(request: &[u8]) -> impl Iterator<Item = Self> {
        let spans = |of_scope| Messages::named(2, of_scope);
        let scopes = |of_resource| Messages::named(2, of_resource);
        Messages::named(1, request).flat_map(scopes).flat_map(spans).filter_map(Self::of_span)
    }

    fn of_span(span: &[u8]) -> Option<Self> {
        let trace_id = Messages::named(1, span).next()?.try_into().ok()?;
        let span_id = Messages::named(2, span).next()?.try_into().ok()?;
        Some(Self { trace_id, span_id })
    }
}

/// The values of one field of a message, in their order, up to where it can no longer be read.
struct Messages<'a> {
    field: u32,
    reader: Reader<'a>,
}

impl<'a> Messages<'a> {
    fn named(field: u32, message: &'a [u8]) -> Self {
        Self { field, reader: Reader::new(message) }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let tag = self.reader.tag().ok()??;
            if tag.field == self.field && tag.wire == Wire::Bytes {
                return self.reader.bytes().ok();
            }
            self.reader.skip(tag, 100).ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{put_bytes, put_uint};

    const IDS: SpanIds = SpanIds { trace_id: [7; 16], span_id: [9; 8] };

    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        fields.iter().for_each(|(field, bytes)| put_bytes(&mut out, *field, bytes));
        out
    }

    fn span(ids: SpanIds) -> Vec<u8> {
        message(&[(1, &ids.trace_id), (2, &ids.span_id), (5, b"GET /cart")])
    }

    #[test]
    fn the_first_span_is_found_wherever_its_resource_stands() {
        let other = SpanIds { span_id: [1; 8], ..IDS };
        let scope = message(&[(1, b""), (2, &span(IDS)), (2, &span(other))]);
        // The Go collector writes a resource behind its spans.
        for fields in [&[(1, &b""[..]), (2, &scope[..])], &[(2, &scope[..]), (1, &b""[..])]] {
            let request = message(&[(1, &message(fields))]);
            assert_eq!(SpanIds::first_in(&request), Some(IDS));
        }
    }

    #[test]
    fn groups_without_spans_and_spans_without_ids_are_passed_over() {
        let mut nameless = Vec::new();
        put_uint(&mut nameless, 6, 2);
        let scope = message(&[(2, &nameless), (2, &message(&[(1, b"short"), (2, &[0; 8])])), (2, &span(IDS))]);
        let empty = message(&[(2, b"")]);
        let request = message(&[(1, b""), (1, &empty), (1, &message(&[(2, &scope)]))]);
        assert_eq!(SpanIds::first_in(&request), Some(IDS));
    }

    #[test]
    fn what_is_no_otlp_or_has_no_span_has_no_first() {
        let whole = message(&[(1, &message(&[(2, &message(&[(2, &span(IDS))]))]))]);
        for request in [&b""[..], &[0xff; 3], &whole[..whole.len() - 1], &whole[..4]] {
            assert_eq!(SpanIds::first_in(request), None, "{request:?}");
        }
    }
}
