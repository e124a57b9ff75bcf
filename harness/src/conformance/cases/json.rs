//! OTLP/JSON: ids, keys and the form of documents.

use super::http::TRACES;
use super::{arrived_if_taken, asks_account, asks_kept, asks_status, same, span_of};
use crate::conformance::axes::{JSON, Over};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{Load, hex, id, json};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::registry::{Case, Needs};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("JSON-01/hex-case", TRACES_JSON, |p| Box::pin(hex_case(p))).needing(READ_BACK),
    Case::new("JSON-02/base64-ids", TRACES_JSON, |p| Box::pin(base64_ids(p))).needing(READ_BACK),
    Case::new("JSON-06/enum-names", TRACES_JSON, |p| Box::pin(enum_names(p))),
    Case::new("JSON-07/unknown-keys", TRACES_JSON, |p| Box::pin(unknown_keys(p))).needing(READ_BACK),
    Case::new("JSON-09/snake-case", TRACES_JSON, |p| Box::pin(snake_case(p))).needing(READ_BACK),
    Case::new("JSON-17/nulls", TRACES_JSON, |p| Box::pin(nulls(p))).needing(READ_BACK),
    Case::new("JSON-19/bad-ids", TRACES_JSON, |p| Box::pin(bad_ids(p))),
    Case::new("JSON-20/no-parent", TRACES_JSON, |p| Box::pin(no_parent(p))).needing(READ_BACK),
    Case::new("JSON-21/wrong-types", TRACES_JSON, |p| Box::pin(wrong_types(p))),
    Case::new("JSON-22/odd-documents", TRACES_JSON, |p| Box::pin(odd_documents(p))),
    Case::new("JSON-23/nesting", TRACES_JSON, |p| Box::pin(nesting(p))).needing(&[Needs::Time]),
];

pub(super) const TRACES_JSON: Over = Over::each(JSON, TRACES);
pub(super) const READ_BACK: &[Needs] = &[Needs::ReadBack];

/// A request with one span in which something is changed.
pub(super) fn changed(probe: &Probe, change: impl FnOnce(&mut Value)) -> Load {
    let marker = probe.marker();
    let mut span = json::span(&marker, 0);
    change(&mut span);
    Load::marked(json::traces(vec![span]).to_string(), &marker, 1)
}

/// Sends a span in which something is changed, and wants it back as `check` says.
pub(super) async fn asks_changed(
    probe: &Probe,
    judged: &mut Judged,
    name: &str,
    change: impl FnOnce(&mut Value),
    check: impl Fn(&Span) -> Result<(), String>,
) -> Result<(), Unanswered> {
    let load = changed(probe, change);
    asks_kept(probe, judged, name, &load, |arrived| check(span_of(arrived)?)).await
}

/// Adds an attribute to a span.
pub(super) fn add(span: &mut Value, key: &str, value: Value) {
    if let Some(attributes) = span["attributes"].as_array_mut() {
        attributes.push(json!({ "key": key, "value": value }));
    }
}

async fn hex_case(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("ids are the same whatever the case of their digits");
    let sent = id(&probe.marker(), "trace", 16);
    let mixed = |text: &str| {
        let upper = |(place, digit): (usize, char)| if place % 2 == 0 { digit.to_ascii_uppercase() } else { digit };
        text.chars().enumerate().map(upper).collect::<String>()
    };
    let digits = hex(&sent);
    for (name, text) in [("lower", digits.clone()), ("UPPER", digits.to_uppercase()), ("MiXed", mixed(&digits))] {
        let change = |span: &mut Value| span["traceId"] = text.into();
        asks_changed(probe, &mut judged, name, change, |span| same("the trace id", &span.trace_id, &sent)).await?;
    }
    Ok(judged)
}

async fn base64_ids(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for ids in base64, or the item is accounted for; never another id");
    let sent = id(&probe.marker(), "trace", 16);
    let load = changed(probe, |span| span["traceId"] = base64(&sent).into());
    let reply = probe.send(&load).await?;
    if !reply.outcome().is_taken() || reply.outcome().rejected() > 0 {
        asks_account(&mut judged, "base64", &Ok(reply));
        return Ok(judged);
    }
    for arrived in probe.arrived(&load).await {
        let came = arrived.span().map(|span| span.trace_id.clone()).unwrap_or_default();
        match came == sent {
            true => judged.saw(How::Told, "base64 is taken for what it is"),
            false => judged.asks(false, format!("{} came out as the id {}", base64(&sent), hex(&came))),
        }
    }
    Ok(judged)
}

/// Standard base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let symbol = ALPHABET[(word >> (18 - 6 * place)) as usize & 63] as char;
            text.push(if place <= group.len() { symbol } else { '=' });
        }
    }
    text
}

async fn enum_names(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("names in place of numbers are refused with 400, or taken");
    for name in ["SPAN_KIND_SERVER", "2"] {
        let reply = probe.send(&changed(probe, |span| span["kind"] = name.into())).await;
        asks_account(&mut judged, name, &reply);
        if reply.is_ok_and(|reply| reply.outcome().is_taken()) {
            judged.saw(How::Told, format!("{name:?} is taken for a kind"));
        }
    }
    Ok(judged)
}

/// A document in which every object has a key more.
fn with_unknown_keys(value: &mut Value, unknown: &Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|inner| with_unknown_keys(inner, unknown));
            object.insert("unknownOfSpanproof".to_owned(), unknown.clone());
        }
        Value::Array(array) => array.iter_mut().for_each(|inner| with_unknown_keys(inner, unknown)),
        _ => {}
    }
}

async fn unknown_keys(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("keys that are not known are skipped wherever they stand, and nothing else with them");
    for unknown in [json!(7), json!({ "a": [1, { "b": null }] }), json!(["x", {}]), Value::Null, json!("text")] {
        let marker = probe.marker();
        let mut span = json::span(&marker, 0);
        span["events"] = json!([{ "name": "event", "timeUnixNano": "1" }]);
        span["links"] = json!([{ "traceId": hex(&[9; 16]), "spanId": hex(&[9; 8]) }]);
        span["status"] = json!({ "code": 2, "message": "no" });
        let mut request = json::traces(vec![span]);
        with_unknown_keys(&mut request, &unknown);
        let load = Load::marked(request.to_string(), &marker, 1);
        let check = |arrived: &crate::conformance::readback::Arrived| {
            let span = span_of(arrived)?;
            same("the name", &span.name, &"operation 0".to_owned())?;
            same("events and links", &(span.events.len(), span.links.len()), &(1, 1))?;
            same("the status", &span.status.clone().map(|status| status.code), &Some(2))
        };
        asks_kept(probe, &mut judged, &unknown.to_string(), &load, check).await?;
    }
    Ok(judged)
}

async fn snake_case(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("keys in snake case are skipped as unknown, or taken");
    let load = changed(probe, |span| {
        span["start_time_unix_nano"] = span["startTimeUnixNano"].take();
        if let Some(span) = span.as_object_mut() {
            span.remove("startTimeUnixNano");
        }
    });
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "snake case", &reply);
    for arrived in arrived_if_taken(probe, &load, &reply).await {
        let start = arrived.span().map_or(0, |span| span.start_time_unix_nano);
        let words = if start == 0 { "skipped" } else { "taken" };
        judged.saw(How::Told, format!("start_time_unix_nano is {words}"));
    }
    Ok(judged)
}

async fn nulls(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("null is as good as nothing");
    for key in ["parentSpanId", "traceState", "flags", "events", "links", "status", "droppedEventsCount", "kind"] {
        let change = |span: &mut Value| span[key] = Value::Null;
        let check = |span: &Span| same("the name", &span.name, &"operation 0".to_owned());
        asks_changed(probe, &mut judged, key, change, check).await?;
    }
    Ok(judged)
}

async fn bad_ids(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for ids that are none, or the item is accounted for");
    for (name, text) in
        [("odd length", "abc"), ("no digits", "zzzz"), ("too short", "0102"), ("too long", &"ab".repeat(20))]
    {
        let reply = probe.send(&changed(probe, |span| span["traceId"] = text.into())).await;
        asks_account(&mut judged, name, &reply);
    }
    Ok(judged)
}

async fn no_parent(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a span without a parent, or with an empty one, is a root");
    let check = |span: &Span| same("the parent", &span.parent_span_id.iter().all(|byte| *byte == 0), &true);
    asks_changed(probe, &mut judged, "empty", |span| span["parentSpanId"] = "".into(), check).await?;
    asks_changed(probe, &mut judged, "absent", |_| {}, check).await?;
    Ok(judged)
}

async fn wrong_types(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for a known key with a value of another type");
    let changes: [(&str, &str, Value); 6] = [
        ("a text for a list", "attributes", json!("text")),
        ("an object for a text", "name", json!({})),
        ("a fraction for a whole number", "droppedEventsCount", json!(1.5)),
        ("a number beyond its range", "droppedEventsCount", json!(4_294_967_296u64)),
        ("a list for an object", "status", json!([])),
        ("a truth for a number", "startTimeUnixNano", json!(true)),
    ];
    for (name, key, value) in changes {
        let load = Load::of_bytes(changed(probe, |span| span[key] = value).bytes);
        let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
        asks_status(&mut judged, name, &answer, &[400]);
    }
    Ok(judged)
}

async fn odd_documents(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400, or something that can be told; never an error of the server's own");
    let good = || String::from_utf8_lossy(&probe.good(1).bytes).into_owned();
    let documents = [
        ("bytes behind the document", format!("{}x", good())),
        ("two documents", format!("{}{}", good(), good())),
        ("a byte order mark", format!("\u{feff}{}", good())),
        ("a comment", format!("/* c */{}", good())),
        ("a key twice", good().replacen("\"resourceSpans\"", "\"resourceSpans\":[],\"resourceSpans\"", 1)),
    ];
    for (name, document) in documents {
        // What is right to do with them is open, so they are not in the book.
        let reply = probe.send(&Load::of_bytes(document)).await;
        asks_account(&mut judged, name, &reply);
        if let Ok(reply) = reply.as_ref().map(|reply| (reply.outcome().is_taken(), reply.words())) {
            judged.saw(How::Told, format!("{name}: {}", reply.1));
        }
    }
    Ok(judged)
}

/// How deep: enough to overrun a stack that is gone down once a level.
const DEPTH: usize = 100_000;

async fn nesting(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a value nested very deep is refused with 400, and the server goes on");
    let inner = r#"{"arrayValue":{"values":["#;
    let value = format!("{}{}", inner.repeat(DEPTH), "]}}".repeat(DEPTH));
    let load = changed(probe, |span| add(span, "deep", json!("HERE")));
    let document = String::from_utf8_lossy(&load.bytes).replacen("\"HERE\"", &value, 1);
    let load = Load::of_bytes(document);
    let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
    asks_status(&mut judged, "100,000 levels", &answer, &[400, 413]);
    let good = probe.good(1);
    let after = probe.ask(&probe.http_request(probe.axes, &good), &good).await;
    asks_status(&mut judged, "afterwards", &after, &[200]);
    Ok(judged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_usual() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn unknown_keys_stand_everywhere() {
        let mut value = json!({ "a": [{ "b": {} }, 1] });
        with_unknown_keys(&mut value, &json!(1));
        assert_eq!(value.to_string().matches("unknownOfSpanproof").count(), 3);
    }
}
