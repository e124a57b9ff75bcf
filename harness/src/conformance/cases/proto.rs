//! Protobuf: what a message may hold that its reader does not know, the forms that it may have, and those that it may not.

use super::http::TRACES;
use super::json::READ_BACK;
use super::json_values::attribute;
use super::{asks_account, asks_kept, asks_refusal, same, span_of};
use crate::conformance::axes::{BINARY, Over, Signals};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::wire::{self, Writer, text_attribute};
use crate::conformance::payload::{self, Load, MARKER, TIME, id};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::readback::Arrived;
use crate::conformance::registry::Case;
use crate::wire::Signal;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("PROTO-01/unknown-fields", TRACES_BINARY, |p| Box::pin(unknown_fields(p))).needing(READ_BACK),
    Case::new("PROTO-03/kept-or-dropped", TRACES_BINARY, |p| Box::pin(kept_or_dropped(p))).needing(READ_BACK),
    Case::new("PROTO-04/unknown-enums", TRACES_BINARY, |p| Box::pin(unknown_enums(p))).needing(READ_BACK),
    Case::new("PROTO-05/unknown-data", Over::each(BINARY, Signals::Each(&[Signal::Metrics])), |p| {
        Box::pin(unknown_data(p))
    })
    .needing(READ_BACK),
    Case::new("PROTO-06/broken", TRACES_BINARY, |p| Box::pin(broken(p))),
    Case::new("PROTO-07/reserved", TRACES_BINARY, |p| Box::pin(reserved(p))).needing(READ_BACK),
    Case::new("PROTO-08/forms", TRACES_BINARY, |p| Box::pin(forms(p))).needing(READ_BACK),
    Case::new("PROTO-09/not-utf-8", TRACES_BINARY, |p| Box::pin(not_utf8(p))),
    Case::new("PROTO-11/old", TRACES_BINARY, |p| Box::pin(old(p))).needing(READ_BACK),
    Case::new("PROTO-12/strindex", TRACES_BINARY, |p| Box::pin(strindex(p))).needing(READ_BACK),
    Case::new("PROTO-13/entity-refs", TRACES_BINARY, |p| Box::pin(entity_refs(p))).needing(READ_BACK),
    Case::new("PROTO-15/every-field", TRACES_BINARY, |p| Box::pin(every_field(p))).needing(READ_BACK),
];

const TRACES_BINARY: Over = Over::each(BINARY, TRACES);

/// A request with the bytes of one span, which carry the marker.
fn of_span(marker: &str, span: Vec<u8>) -> Load {
    Load::marked(wire::traces(&[span]), marker, 1)
}

fn good_span(marker: &str) -> Vec<u8> {
    payload::spans::span(marker, 0).encode_to_vec()
}

/// The span is as if nothing had been odd about it.
fn is_good(marker: &str) -> impl Fn(&Arrived) -> Result<(), String> {
    let wanted = payload::spans::span(marker, 0);
    move |arrived| {
        let span = span_of(arrived)?;
        same("the trace id", &span.trace_id, &wanted.trace_id)?;
        same("the name", &span.name, &wanted.name)?;
        same("the times", &(span.start_time_unix_nano, span.end_time_unix_nano), &(TIME, TIME + 1_000_000))
    }
}

async fn unknown_fields(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("fields that are not known are skipped at every level, and nothing else with them");
    let marker = probe.marker();
    let event = Writer::default().bytes(2, "event").unknown().0;
    let status = Writer::default().varint(3, 2).unknown().0;
    let span = Writer(good_span(&marker)).unknown().bytes(11, event).bytes(15, status).0;
    let scope = Writer::default().unknown().bytes(2, span).0;
    let resource = Writer::default().bytes(1, Writer::default().unknown().0).bytes(2, scope).unknown().0;
    let request = Writer::default().unknown().bytes(1, resource).0;
    let load = Load::marked(request, &marker, 1);
    asks_kept(probe, &mut judged, "at every level", &load, is_good(&marker)).await?;
    Ok(judged)
}

async fn kept_or_dropped(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("fields that are not known may be kept or dropped");
    let marker = probe.marker();
    let load = of_span(&marker, Writer(good_span(&marker)).unknown().0);
    asks_kept(probe, &mut judged, "a span", &load, is_good(&marker)).await?;
    judged
        .saw(How::Told, "whether they are kept is not told: what is read back is decoded by a reader that drops them");
    Ok(judged)
}

async fn unknown_enums(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("numbers of enums that are not known are taken");
    let marker = probe.marker();
    let status = Writer::default().varint(3, 9).0;
    let load = of_span(&marker, Writer(good_span(&marker)).varint(6, 99).bytes(15, status).0);
    asks_kept(probe, &mut judged, "kind 99, status 9", &load, is_good(&marker)).await?;
    for arrived in probe.arrived(&load).await {
        let kind = arrived.span().map_or(0, |span| span.kind);
        judged.saw(How::Told, format!("kind 99 came out as {kind}"));
    }
    Ok(judged)
}

async fn unknown_data(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a metric of a kind that is not known spoils none of the others");
    let marker = probe.marker();
    let odd = Writer::default().bytes(1, "spanproof.unknown").bytes(2_000, b"data of a kind to come").0;
    let good = payload::gauge(vec![payload::point(&marker, 0)]).encode_to_vec();
    let load = Load::marked(wire::metrics(&[odd, good]), &marker, 1);
    let reply = probe.send(&load).await?;
    // The metric has no points that could be counted, so that nothing needs to be said of it.
    judged.asks(reply.outcome().is_taken(), reply.words());
    let came = probe.arrived(&load).await.len();
    judged.asks(came == 1, format!("{came} of 1 points of the other metric came out"));
    Ok(judged)
}

async fn broken(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a final refusal of what protobuf does not allow");
    let marker = probe.marker();
    let deep = (0..200).fold(Writer::default().varint(1, 1).0, |inner, _| {
        // An array in an array, many times: deeper than readers go.
        Writer::default().bytes(5, Writer::default().bytes(1, inner).0).0
    });
    let attribute = Writer::default().bytes(1, "deep").bytes(2, deep).0;
    let cases = [
        ("another wire type", wire::traces(&[Writer(good_span(&marker)).varint(1, 1).0])),
        ("a number without an end", wire::traces(&[Writer(good_span(&marker)).raw([0x30, 0xff, 0xff]).0])),
        ("a length beyond the end", wire::traces(&[Writer(good_span(&marker)).claims(5, 1_000, b"short").0])),
        ("field number 0", wire::traces(&[Writer(good_span(&marker)).raw([0x02, 0x00]).0])),
        ("200 levels", wire::traces(&[Writer(good_span(&marker)).bytes(9, attribute).0])),
    ];
    for (name, bytes) in cases {
        let reply = probe.send(&Load::of_bytes(bytes)).await;
        if name == "200 levels" {
            // How deep a reader goes is its own choice.
            asks_account(&mut judged, name, &reply);
        } else {
            asks_refusal(&mut judged, name, &reply);
        }
    }
    Ok(judged)
}

async fn reserved(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("fields of the time before 1.0 are skipped");
    let marker = probe.marker();
    let status = Writer::default().varint(1, 1).varint(3, 1).0;
    let span = Writer(good_span(&marker)).bytes(15, status).0;
    let scope = Writer::default().bytes(2, span).0;
    // What stood there once, so that a receiver that still knows it may read it: a library with its name, and no spans.
    let library = Writer::default().bytes(1, Writer::default().bytes(1, "old").0).0;
    let resource = Writer::default().bytes(2, scope).bytes(1000, library).0;
    let load = Load::marked(Writer::default().bytes(1, resource).0, &marker, 1);
    asks_kept(probe, &mut judged, "field 1000 and the old status", &load, is_good(&marker)).await?;
    Ok(judged)
}

/// Forms of one and the same span that protobuf allows.
fn other_forms(marker: &str) -> Vec<(&'static str, Vec<u8>)> {
    let (trace, span_id) = (id(marker, "trace", 16), id(marker, "span 0", 8));
    let mark = text_attribute(MARKER, marker);
    let backwards = Writer::default()
        .bytes(9, &mark)
        .fixed64(8, TIME + 1_000_000)
        .fixed64(7, TIME)
        .varint(6, 2)
        .bytes(5, "operation 0")
        .bytes(2, &span_id)
        .bytes(1, &trace)
        .0;
    let repeated = Writer::default().bytes(5, "another").raw(good_span(marker)).0;
    // 2 in three bytes where one would do.
    let long = Writer(good_span(marker)).raw([0x30, 0x82, 0x80, 0x00]).0;
    let status = |bytes: Vec<u8>| Writer::default().bytes(15, bytes).0;
    let halves = [status(Writer::default().varint(3, 2).0), status(Writer::default().bytes(2, "no").0)].concat();
    vec![
        ("out of order", backwards),
        ("a field twice", repeated),
        ("a long number", long),
        ("a message in two parts", Writer(good_span(marker)).raw(halves).0),
    ]
}

async fn forms(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("every form that protobuf allows means the same");
    for number in 0..4 {
        let marker = probe.marker();
        let Some((name, span)) = other_forms(&marker).into_iter().nth(number) else { break };
        let good = is_good(&marker);
        let check = |arrived: &Arrived| {
            good(arrived)?;
            let status = span_of(arrived)?.status.clone().unwrap_or_default();
            if number == 3 { same("the status", &(status.code, status.message.as_str()), &(2, "no")) } else { Ok(()) }
        };
        asks_kept(probe, &mut judged, name, &of_span(&marker, span), check).await?;
    }
    Ok(judged)
}

async fn not_utf8(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting(
        "a text that is no UTF-8 is refused for good, or accounted for; no error of the server's own",
    );
    let marker = probe.marker();
    let load = of_span(&marker, Writer(good_span(&marker)).bytes(5, [b'c', 0xff, b'r']).0);
    let reply = probe.send(&load).await;
    asks_account(&mut judged, "c\\xffr", &reply);
    if reply.as_ref().is_ok_and(|reply| reply.outcome().is_taken() && reply.outcome().rejected() == 0) {
        judged.saw(How::Weak, "it is taken, so that what reads it next may fail");
    }
    if reply.is_ok_and(|reply| reply.outcome().is_retryable()) {
        judged.asks(false, "clients are told to send it again, for ever");
    }
    Ok(judged)
}

async fn old(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a message with the fields of 0.20 alone is taken");
    let marker = probe.marker();
    let span = payload::spans::span(&marker, 0);
    // Neither scope, flags, schema nor anything that came later.
    let scope = Writer::default().bytes(2, span.encode_to_vec()).0;
    let load = Load::marked(Writer::default().bytes(1, Writer::default().bytes(2, scope).0).0, &marker, 1);
    asks_kept(probe, &mut judged, "an old client's", &load, is_good(&marker)).await?;
    Ok(judged)
}

async fn strindex(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("an index into a table of texts that is not there does no harm");
    let marker = probe.marker();
    let by_index = Writer::default().varint(3, 5).bytes(2, Writer::default().varint(8, 6).0).0;
    let load = of_span(&marker, Writer(good_span(&marker)).bytes(9, by_index).0);
    asks_kept(probe, &mut judged, "string_value_strindex, key_strindex", &load, is_good(&marker)).await?;
    Ok(judged)
}

async fn entity_refs(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("references to entities are taken");
    let marker = probe.marker();
    let entity = Writer::default().bytes(2, "service").bytes(3, "service.name").0;
    let resource = Writer::default().bytes(1, text_attribute("service.name", "spanproof")).bytes(3, entity).0;
    let scope = Writer::default().bytes(2, good_span(&marker)).0;
    let request = Writer::default().bytes(1, Writer::default().bytes(1, resource).bytes(2, scope).0).0;
    asks_kept(probe, &mut judged, "entity_refs", &Load::marked(request, &marker, 1), is_good(&marker)).await?;
    Ok(judged)
}

/// A span with something in every field.
fn full_span(marker: &str) -> Span {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::trace::v1::Status;
    use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
    let more = || vec![payload::attribute("k", Value::DoubleValue(0.5))];
    Span {
        trace_state: "a=b".to_owned(),
        parent_span_id: vec![5; 8],
        flags: 0x301,
        dropped_attributes_count: 1,
        events: vec![Event {
            time_unix_nano: TIME,
            name: "e".to_owned(),
            attributes: more(),
            dropped_attributes_count: 2,
        }],
        dropped_events_count: 3,
        links: vec![Link {
            trace_id: vec![6; 16],
            span_id: vec![7; 8],
            trace_state: "c=d".to_owned(),
            attributes: more(),
            dropped_attributes_count: 4,
            flags: 0x101,
        }],
        dropped_links_count: 5,
        status: Some(Status { message: "no".to_owned(), code: 2 }),
        ..payload::spans::span(marker, 0)
    }
}

async fn every_field(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("every field comes out as it was");
    let marker = probe.marker();
    let mut sent = full_span(&marker);
    sent.attributes
        .push(payload::attribute("n", opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(0)));
    let load = of_span(&marker, sent.encode_to_vec());
    let check = |arrived: &Arrived| {
        attribute(span_of(arrived)?, "n")?;
        same("the span", span_of(arrived)?, &sent)
    };
    asks_kept(probe, &mut judged, "a span with everything", &load, check).await?;
    Ok(judged)
}
