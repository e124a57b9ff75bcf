//! The hash and a judge that decodes agree: two spans have equal views exactly when they are equal in normal form, and the walk
//! accepts exactly what prost accepts, up to UTF-8. `SPANPROOF_FUZZ_CASES` raises the number of mutated requests.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

#[path = "../../harness/src/embedded"]
mod embedded {
    //! The embedded target's encoder, which shares no code with the walk.
    pub mod arbitrary;
    #[allow(missing_docs, reason = "the encoder documents itself where it lives")]
    pub mod descending;
}

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use proptest::prelude::*;
use prost::Message;
use spanproof_generators::protobuf::put_bytes;
use spanproof_generators::walk::{SpanView, Walk};

/// All that the judge compares of a span: ids, times, hashes, and what it is filed under.
type View = ([u8; 16], [u64; 6], [u64; 4]);

/// The views of all spans; `None` for one that the hash cannot judge.
fn views(walk: &Walk) -> Vec<Option<View>> {
    let view = |span: &SpanView| {
        let filing = &walk.filings[span.filing as usize];
        let own = [span.span_id, span.parent_id, span.start_ns, span.end_ns, span.content, span.trace_state];
        let above = [filing.resource, filing.resource_schema, filing.scope, filing.scope_schema];
        (!span.irregular && !filing.irregular).then_some((span.trace_id, own, above))
    };
    walk.spans.iter().map(view).collect()
}

/// The normal form of every span, as text.
fn normal(request: &ExportTraceServiceRequest) -> Vec<String> {
    let mut forms = Vec::new();
    for resource_spans in &request.resource_spans {
        let mut resource = resource_spans.resource.clone().unwrap_or_default();
        let resource_attributes = set(&std::mem::take(&mut resource.attributes));
        for scope_spans in &resource_spans.scope_spans {
            let mut scope = scope_spans.scope.clone().unwrap_or_default();
            let scope_attributes = set(&std::mem::take(&mut scope.attributes));
            let above = format!(
                "{resource:?} {resource_attributes} {:?} {scope:?} {scope_attributes} {:?}",
                resource_spans.schema_url, scope_spans.schema_url
            );
            forms.extend(scope_spans.spans.iter().map(|span| format!("{above} {}", normal_span(span.clone()))));
        }
    }
    forms
}

fn normal_span(mut span: opentelemetry_proto::tonic::trace::v1::Span) -> String {
    none_if_zero(&mut span.trace_id, 16);
    none_if_zero(&mut span.span_id, 8);
    none_if_zero(&mut span.parent_span_id, 8);
    span.status.get_or_insert_default();
    let mut lists = vec![set(&std::mem::take(&mut span.attributes))];
    lists.extend(span.events.iter_mut().map(|event| set(&std::mem::take(&mut event.attributes))));
    for link in &mut span.links {
        none_if_zero(&mut link.trace_id, 16);
        none_if_zero(&mut link.span_id, 8);
        lists.push(set(&std::mem::take(&mut link.attributes)));
    }
    format!("{span:?} {lists:?}")
}

fn none_if_zero(id: &mut Vec<u8>, width: usize) {
    if *id == vec![0; width] {
        id.clear();
    }
}

fn set(attributes: &[KeyValue]) -> String {
    let pair = |pair: &KeyValue| format!("{:?}#{}={}", pair.key, pair.key_strindex, one(pair.value.as_ref()));
    let mut pairs: Vec<_> = attributes.iter().map(pair).collect();
    pairs.sort();
    format!("{{{}}}", pairs.join(","))
}

fn one(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => "none".to_owned(),
        Some(Value::DoubleValue(value)) => format!("d{}", value.to_bits()),
        Some(Value::KvlistValue(list)) => format!("m{}", set(&list.values)),
        Some(Value::ArrayValue(array)) => {
            format!("a[{}]", array.values.iter().map(|value| one(Some(value))).collect::<Vec<_>>().join(","))
        }
        Some(other) => format!("{other:?}"),
    }
}

/// Every two spans that the hash can judge are equal in both judges' eyes or in neither's.
fn agree(forms: &[String], views: &[Option<View>]) {
    assert_eq!(forms.len(), views.len());
    for (at, (form, view)) in forms.iter().zip(views).enumerate() {
        for (other, other_view) in forms[..at].iter().zip(&views[..at]) {
            if view.is_some() && other_view.is_some() {
                assert_eq!(form == other, view == other_view, "\n{form}\n{other}");
            }
        }
    }
}

fn walk(bytes: &[u8]) -> Vec<Option<View>> {
    let mut walk = Walk::default();
    walk.read(bytes).unwrap();
    views(&walk)
}

/// Walk and prost accept the same bytes, but that the walk leaves UTF-8 alone; what both accept, they see alike.
fn both_read_alike(original: &ExportTraceServiceRequest, bytes: &[u8]) {
    let mut received = Walk::default();
    let walked = received.read(bytes);
    // Spans and filings are at most one for every two bytes: the shortest is a tag and a length.
    assert!(received.spans.len() + received.filings.len() <= bytes.len() / 2);
    match ExportTraceServiceRequest::decode(bytes) {
        Ok(decoded) => {
            assert_eq!(walked, Ok(()), "prost accepts {bytes:02x?}");
            let (mut forms, mut all) = (normal(original), walk(&original.encode_to_vec()));
            forms.extend(normal(&decoded));
            all.extend(views(&received));
            agree(&forms, &all);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(walked.is_err() || text.contains("UTF-8"), "prost refuses {bytes:02x?}: {text}");
        }
    }
}

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
