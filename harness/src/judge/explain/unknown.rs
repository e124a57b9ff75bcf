//! Fields that the protocol does not have, wherever they stand in a received record. A decode drops them silently, so they are
//! looked for in the bytes.

use super::known::Known;
use spanproof_generators::protobuf::Reader;
use std::collections::BTreeSet;

/// Most paths that are kept; a record with more of them is no less strange for it.
const PATHS_MAX: usize = 20;

/// Collects the paths of unknown fields, e.g. `span.events.(field 9)`, each once. Bytes that are no message end the search:
/// the decode reports them.
pub(super) fn find(path: &str, message: &[u8], known: &Known, found: &mut BTreeSet<String>) {
    let mut reader = Reader::new(message);
    while let Ok(Some(tag)) = reader.tag() {
        if !known.has(tag.field) && found.len() < PATHS_MAX {
            found.insert(format!("{path}.(field {})", tag.field));
        }
        let passed = match known.inside(tag) {
            Some((name, known)) => reader.bytes().map(|message| find(&format!("{path}.{name}"), message, known, found)),
            None => reader.skip(tag, 90),
        };
        if passed.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::known::SPAN;
    use super::*;
    use spanproof_generators::protobuf::{put_bytes, put_tag, put_varint};

    fn numbers(fields: impl IntoIterator<Item = u32>) -> Vec<u8> {
        let mut out = Vec::new();
        for field in fields {
            put_tag(&mut out, field, 0);
            put_varint(&mut out, 1);
        }
        out
    }

    fn found(message: &[u8]) -> Vec<String> {
        let mut found = BTreeSet::new();
        find("span", message, &SPAN, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn fields_beyond_the_protocols_are_named_at_their_level_and_once() {
        let mut span = numbers([1, 16, 17, 17]);
        put_bytes(&mut span, 11, &numbers([4, 5]));
        put_bytes(&mut span, 15, &numbers([1, 2, 3]));
        assert_eq!(found(&span), ["span.(field 17)", "span.events.(field 5)", "span.status.(field 1)"]);
    }

    /// What stands where a message ought to be is passed over as what it is.
    #[test]
    fn a_number_in_the_place_of_a_message_is_no_message() {
        assert_eq!(found(&numbers([9, 11, 99])), ["span.(field 99)"]);
    }

    #[test]
    fn only_so_many_paths_are_kept() {
        assert_eq!(found(&numbers(101..120)).len(), 19);
        assert_eq!(found(&numbers(101..121)).len(), 20);
        assert_eq!(found(&numbers(101..140)).len(), 20);
    }
}
