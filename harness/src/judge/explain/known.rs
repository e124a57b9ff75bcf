//! Which fields the messages of a record have, for what looks into their bytes without a decode. That every field of the protocol is
//! here is held by `tests/explain.rs`, which goes by the protocol's own descriptors.

use spanproof_generators::protobuf::{Tag, Wire};

/// A message: the lowest and highest number of its fields (none are missing between them), which of them are strings, and the messages
/// inside.
pub(super) struct Known {
    first: u32,
    last: u32,
    strings: &'static [u32],
    inside: &'static [(u32, &'static str, &'static Known)],
}

impl Known {
    /// Whether the message has a field of this number.
    pub(super) fn has(&self, field: u32) -> bool {
        (self.first..=self.last).contains(&field)
    }

    /// Whether a string stands behind the tag.
    pub(super) fn is_string(&self, tag: Tag) -> bool {
        tag.wire == Wire::Bytes && self.strings.contains(&tag.field)
    }

    /// Name and fields of the message behind the tag, if one stands there.
    pub(super) fn inside(&self, tag: Tag) -> Option<(&'static str, &'static Self)> {
        let found = self.inside.iter().find(|(field, ..)| *field == tag.field && tag.wire == Wire::Bytes);
        found.map(|(_, name, known)| (*name, *known))
    }
}

/// `ResourceSpans`, without its spans.
pub(super) static RESOURCE_SPANS: Known =
    Known { first: 1, last: 3, strings: &[3], inside: &[(1, "resource", &RESOURCE)] };
/// `ScopeSpans`, without its spans.
pub(super) static SCOPE_SPANS: Known = Known { first: 1, last: 3, strings: &[3], inside: &[(1, "scope", &SCOPE)] };
/// `Span`.
pub(super) static SPAN: Known = Known {
    first: 1,
    last: 16,
    strings: &[3, 5],
    inside: &[(9, "attributes", &KEY_VALUE), (11, "events", &EVENT), (13, "links", &LINK), (15, "status", &STATUS)],
};
/// `Resource`.
pub(super) static RESOURCE: Known = Known {
    first: 1,
    last: 3,
    strings: &[],
    inside: &[(1, "attributes", &KEY_VALUE), (3, "entity_refs", &ENTITY_REF)],
};
static ENTITY_REF: Known = Known { first: 1, last: 4, strings: &[1, 2, 3, 4], inside: &[] };
/// `InstrumentationScope`.
pub(super) static SCOPE: Known =
    Known { first: 1, last: 4, strings: &[1, 2], inside: &[(3, "attributes", &KEY_VALUE)] };
static EVENT: Known = Known { first: 1, last: 4, strings: &[2], inside: &[(3, "attributes", &KEY_VALUE)] };
static LINK: Known = Known { first: 1, last: 6, strings: &[3], inside: &[(4, "attributes", &KEY_VALUE)] };
static STATUS: Known = Known { first: 2, last: 3, strings: &[2], inside: &[] };
static KEY_VALUE: Known = Known { first: 1, last: 3, strings: &[1], inside: &[(2, "value", &ANY_VALUE)] };
static ANY_VALUE: Known = Known {
    first: 1,
    last: 8,
    strings: &[1],
    inside: &[(5, "array_value", &ARRAY), (6, "kvlist_value", &KEY_VALUE_LIST)],
};
static ARRAY: Known = Known { first: 1, last: 1, strings: &[], inside: &[(1, "values", &ANY_VALUE)] };
static KEY_VALUE_LIST: Known = Known { first: 1, last: 1, strings: &[], inside: &[(1, "values", &KEY_VALUE)] };
