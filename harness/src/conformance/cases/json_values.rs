//! OTLP/JSON: numbers, texts and values, which are to come out as they were written.

use super::json::{READ_BACK, TRACES_JSON, add, asks_changed, base64, changed};
use super::{asks_account, asks_kept, asks_status, same, span_of};
use crate::conformance::axes::Axes;
use crate::conformance::judged::Judged;
use crate::conformance::payload::{self, Load, TIME};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::registry::Case;
use crate::wire::Protocol;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("JSON-04/bytes", TRACES_JSON, |p| Box::pin(bytes(p))).needing(READ_BACK),
    Case::new("JSON-10/as-texts", TRACES_JSON, |p| Box::pin(as_texts(p))).needing(READ_BACK),
    Case::new("JSON-11/as-numbers", TRACES_JSON, |p| Box::pin(as_numbers(p))).needing(READ_BACK),
    Case::new("JSON-13/extremes", TRACES_JSON, |p| Box::pin(extremes(p))).needing(READ_BACK),
    Case::new("JSON-14/dates", TRACES_JSON, |p| Box::pin(dates(p))),
    Case::new("JSON-15/doubles", TRACES_JSON, |p| Box::pin(doubles(p))).needing(READ_BACK),
    Case::new("JSON-16/short-numbers", TRACES_JSON, |p| Box::pin(short_numbers(p))).needing(READ_BACK),
    Case::new("JSON-18/empty-values", TRACES_JSON, |p| Box::pin(empty_values(p))).needing(READ_BACK),
    Case::new("JSON-24/texts", TRACES_JSON, |p| Box::pin(texts(p))).needing(READ_BACK),
    Case::new("JSON-27/as-protobuf", TRACES_JSON, |p| Box::pin(as_protobuf(p))).needing(READ_BACK),
];

/// The attribute that is tried.
const KEY: &str = "tried";

/// What an attribute came out as.
pub(super) fn attribute<'s>(span: &'s Span, key: &str) -> Result<Option<&'s Any>, String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let found = found.ok_or_else(|| format!("the attribute {key:?} is gone"))?;
    Ok(found.value.as_ref().and_then(|value| value.value.as_ref()))
}

async fn asks_value(probe: &Probe, judged: &mut Judged, value: Value, wanted: Any) -> Result<(), Unanswered> {
    let name = value.to_string();
    let check = |span: &Span| {
        let came = attribute(span, KEY)?;
        match (came, &wanted) {
            // Not a number is equal to nothing, itself included.
            (Some(Any::DoubleValue(came)), Any::DoubleValue(wanted)) if came.is_nan() && wanted.is_nan() => Ok(()),
            (came, wanted) => same("the value", &came, &Some(wanted)),
        }
    };
    asks_changed(probe, judged, &name, |span| add(span, KEY, value), check).await
}

async fn bytes(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("bytes are base64, of either alphabet, with padding or without");
    // They need both symbols that the alphabets differ in, and padding.
    let sent = vec![0xfb, 0xef, 0xbe, 0xff, 0x01];
    let standard = base64(&sent);
    let url = standard.replace('+', "-").replace('/', "_");
    for text in [standard.clone(), url.clone(), standard.replace('=', ""), url.replace('=', "")] {
        asks_value(probe, &mut judged, json!({ "bytesValue": text }), Any::BytesValue(sent.clone())).await?;
    }
    Ok(judged)
}

async fn as_texts(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("64-bit numbers as texts come out exactly");
    asks_value(
        probe,
        &mut judged,
        json!({ "intValue": "1234567890123456789" }),
        Any::IntValue(1_234_567_890_123_456_789),
    )
    .await?;
    let check = |span: &Span| same("the start", &span.start_time_unix_nano, &TIME);
    asks_changed(probe, &mut judged, "startTimeUnixNano", |_| {}, check).await?;
    Ok(judged)
}

async fn as_numbers(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("64-bit numbers as numbers are taken");
    asks_value(probe, &mut judged, json!({ "intValue": 42 }), Any::IntValue(42)).await?;
    let check = |span: &Span| same("the end", &span.end_time_unix_nano, &(TIME + 512));
    asks_changed(probe, &mut judged, "endTimeUnixNano", |span| span["endTimeUnixNano"] = json!(TIME + 512), check)
        .await?;
    Ok(judged)
}

async fn extremes(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("2^53 + 1 and the ends of the ranges come out bit by bit");
    for number in [(1 << 53) + 1, i64::MIN, i64::MAX] {
        asks_value(probe, &mut judged, json!({ "intValue": number.to_string() }), Any::IntValue(number)).await?;
    }
    let check = |span: &Span| same("the end", &span.end_time_unix_nano, &u64::MAX);
    let change = |span: &mut Value| span["endTimeUnixNano"] = u64::MAX.to_string().into();
    asks_changed(probe, &mut judged, "u64 max", change, check).await?;
    Ok(judged)
}

async fn dates(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for a date in place of nanoseconds");
    let load = Load::of_bytes(changed(probe, |span| span["startTimeUnixNano"] = "2026-01-01T00:00:00Z".into()).bytes);
    let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
    asks_status(&mut judged, "2026-01-01T00:00:00Z", &answer, &[400]);
    Ok(judged)
}

async fn doubles(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("doubles in every form that proto3's JSON has come out exactly");
    let forms = [
        (json!("NaN"), f64::NAN),
        (json!("Infinity"), f64::INFINITY),
        (json!("-Infinity"), f64::NEG_INFINITY),
        (json!(1.5e300), 1.5e300),
        (json!(3), 3.0),
        (json!("2.25"), 2.25),
        (json!(0.1), 0.1),
    ];
    for (form, wanted) in forms {
        asks_value(probe, &mut judged, json!({ "doubleValue": form }), Any::DoubleValue(wanted)).await?;
    }
    Ok(judged)
}

async fn short_numbers(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("32-bit numbers are taken as numbers and as texts");
    for form in [json!(7), json!("7")] {
        let name = form.to_string();
        let check = |span: &Span| same("the count", &span.dropped_events_count, &7);
        asks_changed(probe, &mut judged, &name, |span| span["droppedEventsCount"] = form, check).await?;
    }
    Ok(judged)
}

async fn empty_values(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a value without anything in it is an empty one, and the rest is not touched");
    for value in [json!({}), json!({ "unknownOfSpanproof": 1 })] {
        let name = value.to_string();
        let check = |span: &Span| {
            same("the name", &span.name, &"operation 0".to_owned())?;
            attribute(span, "after").and_then(|came| same("the next", &came, &Some(&Any::BoolValue(true))))
        };
        let change = |span: &mut Value| {
            add(span, KEY, value);
            add(span, "after", json!({ "boolValue": true }));
        };
        asks_changed(probe, &mut judged, &name, change, check).await?;
    }
    Ok(judged)
}

async fn texts(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("texts come out as they were, whatever is in them");
    for text in ["\"\\/\u{8}\u{c}\n\r\t", "\u{1f600} \u{10ffff}", "a\0b", "ä\u{e000}中"] {
        asks_value(probe, &mut judged, json!({ "stringValue": text }), Any::StringValue(text.to_owned())).await?;
    }
    // A pair of surrogates, written as two escapes, is one character.
    let load = changed(probe, |span| add(span, KEY, json!({ "stringValue": "PAIR" })));
    let document = String::from_utf8_lossy(&load.bytes).replacen("PAIR", "\\ud83d\\ude00", 1);
    let load = Load { bytes: document.into_bytes(), ..load };
    let wanted = Any::StringValue("\u{1f600}".to_owned());
    let check = |arrived: &crate::conformance::readback::Arrived| {
        same("the value", &attribute(span_of(arrived)?, KEY)?, &Some(&wanted))
    };
    asks_kept(probe, &mut judged, "a pair of surrogates", &load, check).await?;
    Ok(judged)
}

async fn as_protobuf(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the same span comes out the same whether it came as JSON or as protobuf");
    let json = probe.good(1);
    let reply = probe.send(&json).await;
    asks_account(&mut judged, "JSON", &reply);
    let axes = Axes { protocol: Protocol::HttpProtobuf, ..probe.axes };
    let (marker, _) = json.items.clone().unwrap_or_default();
    // The same marker gives the same ids, so it stands on its own in what came out before the second is sent.
    let first = probe.arrived(&json).await;
    let protobuf = payload::good(Protocol::HttpProtobuf, axes.signal, &marker, 1);
    let unbooked = Load::of_bytes(protobuf.bytes);
    let reply = probe.send_over(axes, &unbooked).await;
    asks_account(&mut judged, "protobuf", &reply);
    let Some(readback) = &probe.readback else { return Ok(judged) };
    let both = readback.store.wait(&marker, 2, tokio::time::Instant::now() + readback.settle).await;
    let spans = |arrived: &[crate::conformance::readback::Arrived]| -> Vec<Span> {
        arrived.iter().filter_map(|arrived| arrived.span().cloned()).collect()
    };
    match (&spans(&first)[..], &spans(&both)[..]) {
        ([json], [_, protobuf]) => {
            let is_same = json == protobuf;
            judged
                .asks(is_same, if is_same { "no difference".to_owned() } else { format!("{json:?} and {protobuf:?}") });
        }
        (first, both) => {
            judged.asks(false, format!("{} and {} came out", first.len(), both.len().saturating_sub(first.len())))
        }
    }
    Ok(judged)
}
