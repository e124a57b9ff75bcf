//! The hash and a judge that decodes agree: two spans have equal views exactly when they are equal in normal form, and the walk
//! accepts exactly what prost accepts, up to UTF-8. `SPANPROOF_FUZZ_CASES` raises the number of mutated requests.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

mod agreement;

#[path = "../../harness/src/embedded"]
mod embedded {
    //! The embedded target's encoder, which shares no code with the walk.
    pub mod arbitrary;
    #[allow(missing_docs, reason = "the encoder documents itself where it lives")]
    pub mod descending;
}

use agreement::{agree, both_read_alike, normal, walk};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use spanproof_generators::protobuf::put_bytes;

#[expect(clippy::disallowed_methods, reason = "a test may be told to try more")]
fn cases() -> u32 {
    std::env::var("SPANPROOF_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

/// Where to hurt a request, and what to put there.
fn hurts() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_of_one_request_and_of_its_encodings_are_judged_alike(
        request in embedded::arbitrary::request(), turn in any::<prop::sample::Index>(),
    ) {
        let ascending = walk(&request.encode_to_vec());
        agree(&normal(&request), &ascending);
        prop_assert!(ascending.iter().all(Option::is_some));
        prop_assert_eq!(&walk(&embedded::descending::encode(&request)), &ascending);
        let mut shuffled = request.clone();
        for resource_spans in &mut shuffled.resource_spans {
            for span in resource_spans.scope_spans.iter_mut().flat_map(|scope| &mut scope.spans) {
                span.status.get_or_insert_default();
                let attributes = &mut span.attributes;
                let by = turn.index(attributes.len().max(1));
                attributes.rotate_left(by);
                span.events.iter_mut().for_each(|event| event.attributes.reverse());
                span.links.iter_mut().for_each(|link| link.attributes.reverse());
            }
            resource_spans.resource.get_or_insert_default().attributes.reverse();
        }
        prop_assert_eq!(normal(&shuffled), normal(&request));
        prop_assert_eq!(walk(&shuffled.encode_to_vec()), ascending);
    }

    #[test]
    fn a_damaged_request_is_read_as_prost_reads_it(request in embedded::arbitrary::request(), hurts in hurts()) {
        let whole = request.encode_to_vec();
        // An empty request has nothing to damage.
        for (at, kind, byte) in hurts.into_iter().filter(|_| !whole.is_empty()) {
            let (mut bytes, at) = (whole.clone(), at.index(whole.len()));
            match kind {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes[at] = byte,
                _ => bytes.insert(at, byte),
            }
            both_read_alike(&request, &bytes);
        }
    }

    #[test]
    fn garbage_is_read_as_prost_reads_it(bytes in prop::collection::vec(any::<u8>(), 0..60), levels in 0..4_usize) {
        let fields = [1, 2, 2, 9];
        let framed = fields[..levels].iter().rev().fold(bytes, |inside, field| {
            let mut out = Vec::new();
            put_bytes(&mut out, *field, &inside);
            out
        });
        both_read_alike(&ExportTraceServiceRequest::default(), &framed);
    }

    #[test]
    fn a_single_field_that_comes_twice_is_reported(request in embedded::arbitrary::request(), name in "[a-z]{1,5}") {
        let span = opentelemetry_proto::tonic::trace::v1::Span { name, ..Default::default() }.encode_to_vec();
        let doubled = [2, 2, 1].iter().fold([&span[..], &span[..]].concat(), |inside, field| {
            let mut out = Vec::new();
            put_bytes(&mut out, *field, &inside);
            out
        });
        let found = walk(&[request.encode_to_vec(), doubled].concat());
        // The frame above was folded from the inside: a span in a `ScopeSpans` in a `ResourceSpans`.
        prop_assert_eq!(found.last(), Some(&None));
    }
}

/// Groups and unknown fields stop at the same depth as in prost, at every level of a record.
#[test]
fn nesting_is_refused_at_the_depth_where_prost_refuses_it() {
    let ways: [&[u32]; 8] =
        [&[1], &[1, 1], &[1, 1, 3], &[1, 2, 1], &[1, 2, 2], &[1, 2, 2, 15], &[1, 2, 2, 11], &[1, 2, 2, 9, 2]];
    for way in ways {
        for depth in 85..105 {
            for inside in [&[][..], &[0xa0, 0x06, 1]] {
                let groups = [[0xa3, 0x06].repeat(depth), inside.to_vec(), [0xa4, 0x06].repeat(depth)].concat();
                let bytes = way.iter().rev().fold(groups, |inside, field| {
                    let mut out = Vec::new();
                    put_bytes(&mut out, *field, &inside);
                    out
                });
                both_read_alike(&ExportTraceServiceRequest::default(), &bytes);
            }
        }
    }
    // Attributes in attributes, with an unknown field in the innermost value.
    for depth in 20..40 {
        for inside in [&[][..], &[0xa0, 0x06, 1], &[0x10, 1]] {
            let mut value = inside.to_vec();
            for field in [2, 1, 6].repeat(depth) {
                let mut out = Vec::new();
                put_bytes(&mut out, field, &value);
                value = out;
            }
            for way in [&[9_u32, 2, 2, 1][..], &[2, 9, 2, 2, 1]] {
                let bytes = way.iter().fold(value.clone(), |inside, field| {
                    let mut out = Vec::new();
                    put_bytes(&mut out, *field, &inside);
                    out
                });
                both_read_alike(&ExportTraceServiceRequest::default(), &bytes);
            }
        }
    }
}
