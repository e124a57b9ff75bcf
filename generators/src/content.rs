//! Content as one word: an order-free hash of everything a record says.
//!
//! Two records have the same hash exactly when they are equal in **normal form**, which is what survives a pipeline that
//! decodes and re-encodes without changing anything (measured on the Go collector, which writes fields in descending order):
//!
//! - a field at its proto3 default contributes nothing, except a set `AnyValue` variant, which always counts;
//! - an absent status, resource, scope or attribute value equals an empty one; an all-zero id equals none, in links too
//!   (the Go collector has one type for all of them);
//! - doubles compare by their bits; the order of attributes does not matter, and a duplicate key counts twice;
//! - events, links, entity references and array elements carry their position.
//!
//! Every message is the wrapping sum of its fields' hashes; the sum is finalised under the field's own salt before it joins
//! the message around it. Sums let the expectation leave out what varies (times of events, ids of links, patched
//! attribute values) and add it back per record: [`crate::plan::Chunk::judge`].

mod attributes;
mod parts;

pub(crate) use attributes::{Depth, key_value_sum, note};
pub use attributes::{double_value, key_hash, key_value, string_value};
pub use parts::{EventParts, LinkParts, event_parts, link_parts};
pub(crate) use parts::{resource_sum, scope_sum, status_sum};

use crate::mix::fold;

/// Salts, one for each field of each message, so that a value in one field never passes for itself in another.
pub(crate) mod salt {
    use crate::mix::scramble;

    macro_rules! salts {
        ($($name:ident = $number:literal;)*) => { $(pub(crate) const $name: u64 = scramble($number);)* };
    }

    salts! {
        SPAN_NAME = 105; SPAN_KIND = 106; SPAN_FLAGS = 116; SPAN_STATUS = 115; SPAN_TRACE_STATE = 103;
        SPAN_DROPPED_ATTRIBUTES = 110; SPAN_DROPPED_EVENTS = 112; SPAN_DROPPED_LINKS = 114; SPAN_EVENT = 111; SPAN_LINK = 113;
        SPAN_ODD_TRACE_ID = 101; SPAN_ODD_SPAN_ID = 102; SPAN_ODD_PARENT_ID = 104;
        STATUS_MESSAGE = 202; STATUS_CODE = 203;
        EVENT_TIME = 301; EVENT_NAME = 302; EVENT_DROPPED = 304;
        LINK_IDS = 401; LINK_SPAN = 402; LINK_TRACE_STATE = 403; LINK_DROPPED = 405; LINK_FLAGS = 406;
        KEY = 501; KEY_STRINDEX = 503;
        VALUE_STRING = 601; VALUE_BOOL = 602; VALUE_INT = 603; VALUE_DOUBLE = 604; VALUE_ARRAY = 605; VALUE_MAP = 606;
        VALUE_BYTES = 607; VALUE_STRINDEX = 608; VALUE_EMPTY_ELEMENT = 609; VALUE_PAIR = 610;
        RESOURCE = 701; RESOURCE_DROPPED = 702; RESOURCE_ENTITY = 703;
        ENTITY_SCHEMA = 801; ENTITY_TYPE = 802; ENTITY_ID_KEY = 803; ENTITY_DESCRIPTION_KEY = 804;
        SCOPE = 901; SCOPE_NAME = 902; SCOPE_VERSION = 903; SCOPE_DROPPED = 904;
        SCHEMA_URL = 1001;
    }
}

/// A number in a field; 0 is the default and counts for nothing.
#[inline(always)]
pub(crate) fn number(salt: u64, word: u64) -> u64 {
    if word == 0 { 0 } else { fold(word ^ salt, salt.rotate_left(32)) }
}

/// A string in a field; the empty one is the default and counts for nothing.
#[inline(always)]
pub(crate) fn text(salt: u64, bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { crate::mix::hash_bytes(salt, bytes) }
}

/// A message whose absence equals its emptiness.
#[inline(always)]
pub(crate) fn optional(salt: u64, sum: u64) -> u64 {
    if sum == 0 { 0 } else { fold(sum ^ salt, salt.rotate_left(29)) }
}

/// An element at a position of a repeated field; it always counts.
#[inline(always)]
pub(crate) fn element(salt: u64, sum: u64, position: u32) -> u64 {
    fold(sum ^ salt, salt.rotate_left(17) ^ u64::from(position).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

/// Hash of a schema URL; 0 for none.
pub fn schema_url(bytes: &[u8]) -> u64 {
    text(salt::SCHEMA_URL, bytes)
}

/// Hash of a `tracestate`; 0 for none.
pub fn trace_state(bytes: &[u8]) -> u64 {
    text(salt::SPAN_TRACE_STATE, bytes)
}

/// What an event at `position` adds to its span's content.
#[inline]
pub fn event_at(fixed: u64, time_ns: u64, position: u32) -> u64 {
    element(salt::SPAN_EVENT, fixed.wrapping_add(number(salt::EVENT_TIME, time_ns)), position)
}

/// An id of `width` bytes; all zero it counts for nothing, with another length even zeros count.
#[inline]
fn link_id(salt: u64, id: &[u8], width: usize) -> u64 {
    if id.len() == width && id.iter().all(|byte| *byte == 0) { 0 } else { text(salt, id) }
}

/// What a link at `position` adds to its span's content, with its ids as they stand.
#[inline]
pub fn link_at(fixed: u64, trace_id: &[u8], span_id: &[u8], position: u32) -> u64 {
    let ids = link_id(salt::LINK_IDS, trace_id, 16).wrapping_add(link_id(salt::LINK_SPAN, span_id, 8));
    element(salt::SPAN_LINK, fixed.wrapping_add(ids), position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// So many, that two of them would be alike if half of the bits were lost on the way.
    const MANY: u64 = 1 << 19;

    fn assert_all_differ(what: &str, hash: impl Fn(u64) -> u64) {
        let hashes: BTreeSet<u64> = (0..MANY).map(hash).collect();
        assert_eq!(hashes.len() as u64, MANY, "{what}");
    }

    #[test]
    fn no_hash_loses_bits_of_what_it_is_made_from() {
        // Not what salts are made from, or one of these would be a salt.
        let word = |n: u64| crate::mix::scramble(!n);
        assert_all_differ("number", |n| number(salt::SPAN_KIND, n));
        assert_all_differ("number in its high bits", |n| number(salt::SPAN_KIND, n << 40));
        assert_all_differ("string", |n| string_value(&n.to_le_bytes()));
        assert_all_differ("double", double_value);
        assert_all_differ("key", |n| key_value(word(n), 7));
        assert_all_differ("value", |n| key_value(7, word(n)));
        for salt in [salt::SCOPE, salt::RESOURCE] {
            assert_all_differ("message", |n| optional(salt, word(n)));
        }
        assert_all_differ("element", |n| element(salt::SPAN_EVENT, word(n), 3));
        for salt in [salt::SPAN_EVENT, salt::SPAN_LINK] {
            assert_all_differ("position", |n| element(salt, 7, n as u32));
        }
    }
}
