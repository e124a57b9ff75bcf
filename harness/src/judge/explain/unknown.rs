//! Fields that the protocol does not have, wherever they stand in a received record. A decode drops them silently, so they are
//! looked for in the bytes.

use spanproof_generators::protobuf::{Reader, Wire};
use std::collections::BTreeSet;

/// Most paths that are kept; a record with more of them is no less strange for it.
const PATHS_MAX: usize = 20;

/// Which fields a message has: the lowest and highest number (none are missing between them) and the messages inside.
pub(super) struct Known {
    first: u32,
    last: u32,
    inside: &'static [(u32, &'static str, &'static Known)],
}

/// `ResourceSpans`, without its spans.
pub(super) static RESOURCE_SPANS: Known = Known { first: 1, last: 3, inside: &[(1, "resource", &RESOURCE)] };
/// `ScopeSpans`, without its spans.
pub(super) static SCOPE_SPANS: Known = Known { first: 1, last: 3, inside: &[(1, "scope", &SCOPE)] };
/// `Span`.
pub(super) static SPAN: Known = Known {
    first: 1,
    last: 16,
    inside: &[(9, "attributes", &KEY_VALUE), (11, "events", &EVENT), (13, "links", &LINK), (15, "status", &STATUS)],
};
static RESOURCE: Known =
    Known { first: 1, last: 3, inside: &[(1, "attributes", &KEY_VALUE), (3, "entity_refs", &ENTITY_REF)] };
static ENTITY_REF: Known = Known { first: 1, last: 4, inside: &[] };
static SCOPE: Known = Known { first: 1, last: 4, inside: &[(3, "attributes", &KEY_VALUE)] };
static EVENT: Known = Known { first: 1, last: 4, inside: &[(3, "attributes", &KEY_VALUE)] };
static LINK: Known = Known { first: 1, last: 6, inside: &[(4, "attributes", &KEY_VALUE)] };
static STATUS: Known = Known { first: 2, last: 3, inside: &[] };
static KEY_VALUE: Known = Known { first: 1, last: 3, inside: &[(2, "value", &ANY_VALUE)] };
static ANY_VALUE: Known =
    Known { first: 1, last: 8, inside: &[(5, "array_value", &ARRAY), (6, "kvlist_value", &KEY_VALUE_LIST)] };
static ARRAY: Known = Known { first: 1, last: 1, inside: &[(1, "values", &ANY_VALUE)] };
static KEY_VALUE_LIST: Known = Known { first: 1, last: 1, inside: &[(1, "values", &KEY_VALUE)] };

/// Collects the paths of unknown fields, e.g. `span.events.(field 9)`, each once. Bytes that are no message end the search:
/// the decode reports them.
pub(super) fn find(path: &str, message: &[u8], known: &Known, found: &mut BTreeSet<String>) {
    let mut reader = Reader::new(message);
    while let Ok(Some(tag)) = reader.tag() {
        if !(known.first..=known.last).contains(&tag.field) && found.len() < PATHS_MAX {
            found.insert(format!("{path}.(field {})", tag.field));
        }
        let inside = known.inside.iter().find(|(field, ..)| *field == tag.field && tag.wire == Wire::Bytes);
        let passed = match inside {
            Some((_, name, known)) => {
                reader.bytes().map(|message| find(&format!("{path}.{name}"), message, known, found))
            }
            None => reader.skip(tag, 90),
        };
        if passed.is_err() {
            return;
        }
    }
}
