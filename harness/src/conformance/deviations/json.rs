//! Servers that get OTLP/JSON wrong.

use super::twists::{fall, holds, is_json, refuse, replace, set, take_base64_for_an_id};
use super::{Deviation, answer, asked, instead};
use crate::conformance::scripted::{Asked, Deed};

/// Refuses JSON in which a text stands.
fn refuse_with(asked: &Asked, text: &str) -> Option<Deed> {
    if is_json(asked) && holds(asked, text) { refuse(asked) } else { None }
}

/// Whether the digits of the first trace id are not all lower case.
fn has_upper_digits(asked: &Asked) -> bool {
    let text = String::from_utf8_lossy(&asked.body);
    let id = text.split("\"traceId\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    id.len() == 32 && id.bytes().any(|digit| digit.is_ascii_uppercase())
}

pub(super) const DEVIATIONS: &[Deviation] = &[
    instead("JSON-01", "takes ids in lower case alone", |asked| {
        if is_json(asked) && has_upper_digits(asked) { refuse(asked) } else { None }
    }),
    asked("JSON-02", "takes base64 for another id", take_base64_for_an_id),
    instead("JSON-04", "takes no bytes", |asked| refuse_with(asked, "\"bytesValue\"")),
    instead("JSON-06", "500 for names of enums", |asked| {
        if is_json(asked) && holds(asked, "SPAN_KIND_SERVER") { fall(asked) } else { None }
    }),
    instead("JSON-07", "refuses keys that it does not know", |asked| refuse_with(asked, "\"unknownOfSpanproof\"")),
    instead("JSON-09", "500 for keys in snake case", |asked| {
        if is_json(asked) && holds(asked, "start_time_unix_nano") { fall(asked) } else { None }
    }),
    instead("JSON-10", "refuses whole numbers as texts", |asked| {
        refuse_with(asked, "\"intValue\":\"1234567890123456789\"")
    }),
    instead("JSON-11", "refuses whole numbers as numbers", |asked| refuse_with(asked, "\"intValue\":42")),
    asked("JSON-13", "rounds to what a double holds", |asked| {
        replace(asked, b"9007199254740993", b"9007199254740992");
    }),
    answer("JSON-14", "takes dates for times", |asked, answer| {
        if is_json(asked) && holds(asked, "2026-01-01T00:00:00Z") {
            answer.status = 200;
        }
    }),
    instead("JSON-15", "refuses what is not a number", |asked| refuse_with(asked, "\"NaN\"")),
    instead("JSON-16", "refuses short numbers as texts", |asked| refuse_with(asked, "\"droppedEventsCount\":\"7\"")),
    instead("JSON-17", "refuses null", |asked| refuse_with(asked, ":null")),
    instead("JSON-18", "refuses values without anything in them", |asked| refuse_with(asked, "\"value\":{}")),
    answer("JSON-19", "drops ids that are none without a word", |asked, answer| {
        if is_json(asked) && answer.status == 400 {
            answer.status = 200;
        }
    }),
    instead("JSON-20", "refuses an empty parent", |asked| refuse_with(asked, "\"parentSpanId\":\"\"")),
    answer("JSON-21", "takes values of any type", |asked, answer| {
        if is_json(asked) && answer.status == 400 {
            answer.status = 200;
        }
    }),
    answer("JSON-22", "500 for odd documents", |asked, answer| {
        if is_json(asked) && answer.status == 400 {
            answer.status = 500;
        }
    }),
    instead("JSON-23", "falls over deep values", |asked| {
        (is_json(asked) && asked.body.len() > 1 << 20).then_some(Deed::Close)
    }),
    asked("JSON-24", "loses U+0000", |asked| {
        if is_json(asked) {
            replace(asked, b"\\u0000", b"\\u0020");
        }
    }),
    answer("JSON-26", "answers JSON as text", |asked, answer| {
        if is_json(asked) && answer.status == 200 {
            set(answer, "content-type", "text/plain");
        }
    }),
    asked("JSON-27", "names spans otherwise when they come as JSON", |asked| {
        if is_json(asked) {
            replace(asked, b"operation", b"OPERATION");
        }
    }),
];
