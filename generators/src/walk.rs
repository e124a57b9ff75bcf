//! Reading received requests without decoding them.
//!
//! One pass over the bytes of an `ExportTraceServiceRequest` finds, for every span, its ids, its times, a hash of all its
//! other content ([`crate::content`]) and what it was filed under. Nothing is copied and nothing is allocated per span.
//! A request that is not well-formed is refused as a whole, so that a sink counts all of a request or none of it.

mod first;

pub use first::SpanIds;

use crate::content::{self, Depth, key_value_sum, note, number, salt, text};
use crate::identity::OWN_ID_KEY;
use crate::protobuf::{MalformedError, Reader, Tag, Wire};
use std::ops::Range;

/// Most spans, and most groups of spans, in one request: each takes memory here however few bytes it has on the wire. Real
/// requests hold some thousands.
pub const SPANS_MAX: usize = 1 << 20;

/// A place in the request's bytes.
pub type Place = Range<u32>;

/// A span as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanView {
    /// The trace id; all zero if it is missing or not 16 bytes long.
    pub trace_id: [u8; 16],
    /// The span id's bytes, as a little-endian number; 0 if missing or not 8 bytes long.
    pub span_id: u64,
    /// The parent's span id, likewise; 0 for none.
    pub parent_id: u64,
    /// `start_time_unix_nano`.
    pub start_ns: u64,
    /// `end_time_unix_nano`.
    pub end_ns: u64,
    /// Hash of everything else but `trace_state`.
    pub content: u64,
    /// Hash of `trace_state`; 0 for none.
    pub trace_state: u64,
    /// Where the value of `spanproof.id` stands, a string of 32 bytes; empty if the span has none.
    pub own_id: Place,
    /// Where the span stands, without tag and length.
    pub place: Place,
    /// Which of [`Walk::filings`] it came under.
    pub filing: u32,
    /// A single field came twice or a field is unknown: the hash cannot judge this span, a full decode can.
    pub irregular: bool,
}

/// What a group of spans was filed under: resource, scope, and their schema URLs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filing {
    /// Hash of the resource; 0 for none.
    pub resource: u64,
    /// Hash of the resource's schema URL; 0 for none.
    pub resource_schema: u64,
    /// Hash of the scope; 0 for none.
    pub scope: u64,
    /// Hash of the scope's schema URL; 0 for none.
    pub scope_schema: u64,
    /// Where the `ResourceSpans` message stands.
    pub resource_spans: Place,
    /// Where the `ScopeSpans` message stands.
    pub scope_spans: Place,
    /// A single field of resource, scope or what holds them came twice, or is unknown.
    pub irregular: bool,
}

/// What one request holds. Reused from request to request, so that the vectors are allocated once.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// What spans are filed under, in order of appearance.
    pub filings: Vec<Filing>,
    /// The spans, in order of appearance.
    pub spans: Vec<SpanView>,
}

impl Walk {
    /// Reads a request, replacing what was read before.
    ///
    /// # Errors
    /// Bytes that are no well-formed `ExportTraceServiceRequest`, or 4 GiB of them; the vectors are then empty.
    pub fn read(&mut self, request: &[u8]) -> Result<(), MalformedError> {
        self.filings.clear();
        self.spans.clear();
        let outcome = self.read_request(request);
        if outcome.is_err() {
            self.filings.clear();
            self.spans.clear();
        }
        outcome
    }

    fn read_request(&mut self, request: &[u8]) -> Result<(), MalformedError> {
        if u32::try_from(request.len()).is_err() {
            return Err(MalformedError::Truncated);
        }
        let mut reader = Reader::new(request);
        while let Some(tag) = reader.tag()? {
            if tag.field == 1 {
                tag.must_be(Wire::Bytes)?;
                self.read_resource_spans(request, reader.bytes()?)?;
            } else {
                reader.skip(tag, 100)?;
            }
        }
        Ok(())
    }

    /// The resource may stand behind its spans (the Go collector writes it last), so two passes: the second reads spans.
    fn read_resource_spans(&mut self, request: &[u8], bytes: &[u8]) -> Result<(), MalformedError> {
        let mut filing = Filing { resource_spans: place(request, bytes), ..Filing::default() };
        let mut reader = Reader::new(bytes);
        let mut seen = 0;
        while let Some(tag) = reader.tag()? {
            match tag.field {
                1 => {
                    tag.must_be(Wire::Bytes)?;
                    filing.irregular |= note(&mut seen, tag.field);
                    filing.resource = content::resource_sum(reader.bytes()?, &mut filing.irregular)?;
                }
                2 => {
                    tag.must_be(Wire::Bytes)?;
                    reader.bytes()?;
                }
                3 => {
                    tag.must_be(Wire::Bytes)?;
                    filing.irregular |= note(&mut seen, tag.field);
                    filing.resource_schema = content::schema_url(reader.bytes()?);
                }
                _ => {
                    filing.irregular = true;
                    reader.skip(tag, 99)?;
                }
            }
        }
        let mut reader = Reader::new(bytes);
        while let Some(tag) = reader.tag()? {
            if tag.field == 2 {
                self.read_scope_spans(request, reader.bytes()?, &filing)?;
            } else {
                reader.skip(tag, 99)?;
            }
        }
        Ok(())
    }

    fn read_scope_spans(&mut self, request: &[u8], bytes: &[u8], above: &Filing) -> Result<(), MalformedError> {
        let mut filing = Filing { scope_spans: place(request, bytes), ..above.clone() };
        let number = self.filings.len() as u32;
        let mut reader = Reader::new(bytes);
        let mut seen = 0;
        while let Some(tag) = reader.tag()? {
            match tag.field {
                1 => {
                    tag.must_be(Wire::Bytes)?;
                    filing.irregular |= note(&mut seen, tag.field);
                    filing.scope = content::scope_sum(reader.bytes()?, &mut filing.irregular)?;
                }
                2 => {
                    tag.must_be(Wire::Bytes)?;
                    let span = reader.bytes()?;
                    if self.spans.len() >= SPANS_MAX {
                        return Err(MalformedError::TooMany);
                    }
                    self.spans.push(read_span(place(request, span), span, number)?);
                }
                3 => {
                    tag.must_be(Wire::Bytes)?;
                    filing.irregular |= note(&mut seen, tag.field);
                    filing.scope_schema = content::schema_url(reader.bytes()?);
                }
                _ => {
                    filing.irregular = true;
                    reader.skip(tag, 98)?;
                }
            }
        }
        if self.filings.len() >= SPANS_MAX {
            return Err(MalformedError::TooMany);
        }
        self.filings.push(filing);
        Ok(())
    }
}

/// Where `part`, a slice of `request`, stands in it.
#[inline(always)]
fn place(request: &[u8], part: &[u8]) -> Place {
    let start = (part.as_ptr() as usize - request.as_ptr() as usize) as u32;
    start..start + part.len() as u32
}

/// Reads one `Span` message that stands at `place` of its request.
///
/// # Errors
/// Bytes that are no well-formed span.
#[inline(always)]
pub fn read_span(place: Place, bytes: &[u8], filing: u32) -> Result<SpanView, MalformedError> {
    // Everything is kept in variables of its own and put together at the end, so that no span is copied.
    let (mut trace_id, mut span_id, mut parent_id, mut start_ns, mut end_ns) = ([0; 16], 0, 0, 0, 0);
    let (mut trace_state, mut own_id, mut irregular) = (0, 0..0, false);
    let (mut sum, mut seen, mut events, mut links) = (0u64, 0, 0, 0);
    let mut reader = Reader::new(bytes);
    while let Some(word) = reader.key()? {
        let addition = match word {
            field::ATTRIBUTE => {
                let (hash, key, value) = key_value_sum(reader.bytes()?, Depth::SPAN, &mut irregular)?;
                if key == OWN_ID_KEY.as_bytes() {
                    own_id = own_id_place(place.start, bytes, value);
                }
                sum = sum.wrapping_add(hash);
                continue;
            }
            field::EVENT => {
                let event = content::event_parts(reader.bytes()?, &mut irregular)?;
                sum = sum.wrapping_add(content::event_at(event.fixed, event.time_ns, events));
                events += 1;
                continue;
            }
            field::LINK => {
                let link = content::link_parts(reader.bytes()?, &mut irregular)?;
                sum = sum.wrapping_add(content::link_at(link.fixed, link.trace_id, link.span_id, links));
                links += 1;
                continue;
            }
            field::TRACE_ID => {
                let id = reader.bytes()?;
                match id.try_into() {
                    Ok(id) => {
                        trace_id = id;
                        0
                    }
                    Err(_) => text(salt::SPAN_ODD_TRACE_ID, id),
                }
            }
            field::SPAN_ID => id(&mut reader, salt::SPAN_ODD_SPAN_ID, &mut span_id)?,
            field::PARENT_ID => id(&mut reader, salt::SPAN_ODD_PARENT_ID, &mut parent_id)?,
            field::TRACE_STATE => {
                trace_state = content::trace_state(reader.bytes()?);
                0
            }
            field::NAME => text(salt::SPAN_NAME, reader.bytes()?),
            field::KIND => number(salt::SPAN_KIND, reader.varint()? as u32 as u64),
            field::START => {
                start_ns = reader.fixed64()?;
                0
            }
            field::END => {
                end_ns = reader.fixed64()?;
                0
            }
            field::STATUS => content::status_sum(reader.bytes()?, &mut irregular)?,
            field::FLAGS => number(salt::SPAN_FLAGS, u64::from(reader.fixed32()?)),
            _ => rare_field(word, &mut reader, &mut irregular)?,
        };
        irregular |= note(&mut seen, word >> 3);
        sum = sum.wrapping_add(addition);
    }
    let content = sum;
    Ok(SpanView {
        trace_id,
        span_id,
        parent_id,
        start_ns,
        end_ns,
        content,
        trace_state,
        own_id,
        place,
        filing,
        irregular,
    })
}

/// The fields of a span, as they stand on the wire.
mod field {
    use crate::protobuf::{Wire, key};

    pub(super) const TRACE_ID: u32 = key(1, Wire::Bytes);
    pub(super) const SPAN_ID: u32 = key(2, Wire::Bytes);
    pub(super) const TRACE_STATE: u32 = key(3, Wire::Bytes);
    pub(super) const PARENT_ID: u32 = key(4, Wire::Bytes);
    pub(super) const NAME: u32 = key(5, Wire::Bytes);
    pub(super) const KIND: u32 = key(6, Wire::Varint);
    pub(super) const START: u32 = key(7, Wire::Fixed64);
    pub(super) const END: u32 = key(8, Wire::Fixed64);
    pub(super) const ATTRIBUTE: u32 = key(9, Wire::Bytes);
    pub(super) const DROPPED_ATTRIBUTES: u32 = key(10, Wire::Varint);
    pub(super) const EVENT: u32 = key(11, Wire::Bytes);
    pub(super) const DROPPED_EVENTS: u32 = key(12, Wire::Varint);
    pub(super) const LINK: u32 = key(13, Wire::Bytes);
    pub(super) const DROPPED_LINKS: u32 = key(14, Wire::Varint);
    pub(super) const STATUS: u32 = key(15, Wire::Bytes);
    pub(super) const FLAGS: u32 = key(16, Wire::Fixed32);
    /// The highest field number of a span; those up to it with another wire type are refused.
    pub(super) const LAST: u32 = 16;
}

#[inline(always)]
fn id(reader: &mut Reader<'_>, odd: u64, out: &mut u64) -> Result<u64, MalformedError> {
    let id = reader.bytes()?;
    match <[u8; 8]>::try_from(id) {
        Ok(id) => {
            *out = u64::from_le_bytes(id);
            Ok(0)
        }
        Err(_) => Ok(text(odd, id)),
    }
}

#[cold]
fn rare_field(word: u32, reader: &mut Reader<'_>, irregular: &mut bool) -> Result<u64, MalformedError> {
    let salt = match word {
        field::DROPPED_ATTRIBUTES => salt::SPAN_DROPPED_ATTRIBUTES,
        field::DROPPED_EVENTS => salt::SPAN_DROPPED_EVENTS,
        field::DROPPED_LINKS => salt::SPAN_DROPPED_LINKS,
        _ => {
            let tag = Tag::of_key(word)?;
            if tag.field <= field::LAST {
                return Err(MalformedError::WireType);
            }
            *irregular = true;
            reader.skip(tag, 97)?;
            return Ok(0);
        }
    };
    Ok(number(salt, u64::from(reader.varint()? as u32)))
}

/// Where the 32 characters of a `spanproof.id` stand, given the bytes of its `AnyValue`: `0a 20` and the characters.
#[cold]
fn own_id_place(span_start: u32, span: &[u8], value: &[u8]) -> Place {
    let [0x0a, 0x20, text @ ..] = value else { return 0..0 };
    if text.len() != 32 {
        return 0..0;
    }
    let inside = place(span, text);
    span_start + inside.start..span_start + inside.end
}
