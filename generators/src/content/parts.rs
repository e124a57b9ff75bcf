//! The messages around a span's own fields: events, links, resources, scopes.

use super::attributes::{Depth, key_value_sum, note, text_field, uint32_field};
use super::{element, number, optional, salt, text};
use crate::protobuf::{MalformedError, Reader, Wire};

/// An event, with its time apart because the plan sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventParts {
    /// Everything but the time.
    pub fixed: u64,
    /// `time_unix_nano`.
    pub time_ns: u64,
}

/// A link, with its ids apart because they depend on the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkParts<'a> {
    /// Everything but the ids.
    pub fixed: u64,
    /// `trace_id` as it stands.
    pub trace_id: &'a [u8],
    /// `span_id` as it stands.
    pub span_id: &'a [u8],
}

/// Reads a `Span.Event`.
///
/// # Errors
/// Bytes that are no such message.
#[inline(never)]
pub fn event_parts(bytes: &[u8], irregular: &mut bool) -> Result<EventParts, MalformedError> {
    let depth = Depth::SPAN.enter()?;
    let mut reader = Reader::new(bytes);
    let mut parts = EventParts { fixed: 0, time_ns: 0 };
    let mut seen = 0;
    while let Some(tag) = reader.tag()? {
        let addition = match tag.field {
            1 => {
                tag.must_be(Wire::Fixed64)?;
                parts.time_ns = reader.fixed64()?;
                0
            }
            2 => text_field(salt::EVENT_NAME, tag, &mut reader)?,
            3 => {
                tag.must_be(Wire::Bytes)?;
                parts.fixed = parts.fixed.wrapping_add(key_value_sum(reader.bytes()?, depth, irregular)?.0);
                continue;
            }
            4 => uint32_field(salt::EVENT_DROPPED, tag, &mut reader)?,
            _ => {
                *irregular = true;
                reader.skip(tag, depth.left())?;
                0
            }
        };
        *irregular |= note(&mut seen, tag.field);
        parts.fixed = parts.fixed.wrapping_add(addition);
    }
    Ok(parts)
}

/// Reads a `Span.Link`.
///
/// # Errors
/// Bytes that are no such message.
#[inline(never)]
pub fn link_parts<'a>(bytes: &'a [u8], irregular: &mut bool) -> Result<LinkParts<'a>, MalformedError> {
    let depth = Depth::SPAN.enter()?;
    let mut reader = Reader::new(bytes);
    let mut parts = LinkParts { fixed: 0, trace_id: &[], span_id: &[] };
    let mut seen = 0;
    while let Some(tag) = reader.tag()? {
        let addition = match tag.field {
            1 => {
                tag.must_be(Wire::Bytes)?;
                parts.trace_id = reader.bytes()?;
                0
            }
            2 => {
                tag.must_be(Wire::Bytes)?;
                parts.span_id = reader.bytes()?;
                0
            }
            3 => text_field(salt::LINK_TRACE_STATE, tag, &mut reader)?,
            4 => {
                tag.must_be(Wire::Bytes)?;
                parts.fixed = parts.fixed.wrapping_add(key_value_sum(reader.bytes()?, depth, irregular)?.0);
                continue;
            }
            5 => uint32_field(salt::LINK_DROPPED, tag, &mut reader)?,
            6 => {
                tag.must_be(Wire::Fixed32)?;
                number(salt::LINK_FLAGS, u64::from(reader.fixed32()?))
            }
            _ => {
                *irregular = true;
                reader.skip(tag, depth.left())?;
                0
            }
        };
        *irregular |= note(&mut seen, tag.field);
        parts.fixed = parts.fixed.wrapping_add(addition);
    }
    Ok(parts)
}

/// Hash of a `Resource`; 0 for an empty one.
pub(crate) fn resource_sum(bytes: &[u8], irregular: &mut bool) -> Result<u64, MalformedError> {
    let depth = Depth::RESOURCE;
    let mut reader = Reader::new(bytes);
    let (mut sum, mut seen, mut entities) = (0u64, 0, 0);
    while let Some(tag) = reader.tag()? {
        let addition = match tag.field {
            1 => {
                tag.must_be(Wire::Bytes)?;
                key_value_sum(reader.bytes()?, depth, irregular)?.0
            }
            2 => {
                *irregular |= note(&mut seen, tag.field);
                uint32_field(salt::RESOURCE_DROPPED, tag, &mut reader)?
            }
            3 => {
                tag.must_be(Wire::Bytes)?;
                let entity = entity_sum(reader.bytes()?, irregular)?;
                entities += 1;
                element(salt::RESOURCE_ENTITY, entity, entities)
            }
            _ => {
                *irregular = true;
                reader.skip(tag, depth.left())?;
                0
            }
        };
        sum = sum.wrapping_add(addition);
    }
    Ok(optional(salt::RESOURCE, sum))
}

fn entity_sum(bytes: &[u8], irregular: &mut bool) -> Result<u64, MalformedError> {
    let mut reader = Reader::new(bytes);
    let (mut sum, mut seen, mut ids, mut descriptions) = (0u64, 0, 0, 0);
    while let Some(tag) = reader.tag()? {
        let addition = match tag.field {
            1 => text_field(salt::ENTITY_SCHEMA, tag, &mut reader)?,
            2 => text_field(salt::ENTITY_TYPE, tag, &mut reader)?,
            3 => {
                ids += 1;
                element(salt::ENTITY_ID_KEY, text_field(salt::ENTITY_ID_KEY, tag, &mut reader)?, ids)
            }
            4 => {
                descriptions += 1;
                let key = text_field(salt::ENTITY_DESCRIPTION_KEY, tag, &mut reader)?;
                element(salt::ENTITY_DESCRIPTION_KEY, key, descriptions)
            }
            _ => {
                *irregular = true;
                reader.skip(tag, Depth::SPAN.left())?;
                0
            }
        };
        *irregular |= tag.field <= 2 && note(&mut seen, tag.field);
        sum = sum.wrapping_add(addition);
    }
    Ok(sum)
}

/// Hash of an `InstrumentationScope`; 0 for an empty one.
pub(crate) fn scope_sum(bytes: &[u8], irregular: &mut bool) -> Result<u64, MalformedError> {
    let depth = Depth::SPAN;
    let mut reader = Reader::new(bytes);
    let (mut sum, mut seen) = (0u64, 0);
    while let Some(tag) = reader.tag()? {
        let addition = match tag.field {
            1 => text_field(salt::SCOPE_NAME, tag, &mut reader)?,
            2 => text_field(salt::SCOPE_VERSION, tag, &mut reader)?,
            3 => {
                tag.must_be(Wire::Bytes)?;
                key_value_sum(reader.bytes()?, depth, irregular)?.0
            }
            4 => uint32_field(salt::SCOPE_DROPPED, tag, &mut reader)?,
            _ => {
                *irregular = true;
                reader.skip(tag, depth.left())?;
                0
            }
        };
        *irregular |= tag.field != 3 && note(&mut seen, tag.field);
        sum = sum.wrapping_add(addition);
    }
    Ok(optional(salt::SCOPE, sum))
}

/// Hash of a `Status`; 0 for an empty one.
pub(crate) fn status_sum(bytes: &[u8], irregular: &mut bool) -> Result<u64, MalformedError> {
    let depth = Depth::SPAN.enter()?;
    let mut reader = Reader::new(bytes);
    let (mut sum, mut seen) = (0u64, 0);
    while let Some(tag) = reader.tag()? {
        *irregular |= note(&mut seen, tag.field);
        let addition = match tag.field {
            2 => {
                tag.must_be(Wire::Bytes)?;
                text(salt::STATUS_MESSAGE, reader.bytes()?)
            }
            3 => {
                tag.must_be(Wire::Varint)?;
                number(salt::STATUS_CODE, reader.varint()? as u32 as u64)
            }
            _ => {
                *irregular = true;
                reader.skip(tag, depth.left())?;
                0
            }
        };
        sum = sum.wrapping_add(addition);
    }
    Ok(optional(salt::SPAN_STATUS, sum))
}
