//! What it means that the walk and a judge that decodes agree. Both the property tests and the fuzz target `walk` hold it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use spanproof_generators::walk::{SpanView, Walk};

/// All that the judge compares of a span: ids, times, hashes, and what it is filed under.
pub type View = ([u8; 16], [u64; 6], [u64; 4]);

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
pub fn normal(request: &ExportTraceServiceRequest) -> Vec<String> {
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
pub fn agree(forms: &[String], views: &[Option<View>]) {
    assert_eq!(forms.len(), views.len());
    for (at, (form, view)) in forms.iter().zip(views).enumerate() {
        for (other, other_view) in forms[..at].iter().zip(&views[..at]) {
            if view.is_some() && other_view.is_some() {
                assert_eq!(form == other, view == other_view, "\n{form}\n{other}");
            }
        }
    }
}

/// The views of all spans of a request that is known to be read.
pub fn walk(bytes: &[u8]) -> Vec<Option<View>> {
    let mut walk = Walk::default();
    walk.read(bytes).unwrap();
    views(&walk)
}

/// Walk and prost accept the same bytes, but that the walk leaves UTF-8 alone; what both accept, they see alike.
pub fn both_read_alike(original: &ExportTraceServiceRequest, bytes: &[u8]) {
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
