//! Servers that get HTTP wrong, its compression, and what they say of successes in part.

use super::twists::{encoding, error, has_partial, is_good, is_json, is_protobuf, refuse, set, set_partial};
use super::{Deviation, answer, instead};
use crate::conformance::probe::gzip;
use crate::conformance::scripted::{Asked, Deed};
use crate::wire::Signal;
use prost::Message;

fn is_export_of(asked: &Asked, signal: Signal) -> bool {
    !asked.is_grpc() && asked.path == signal.http_path()
}

/// Whether the first byte is what JSON begins with.
fn looks_like_json(asked: &Asked) -> bool {
    asked.body.first() == Some(&b'{')
}

pub(super) const DEVIATIONS: &[Deviation] =
    &[
        instead("HTTP-01", "closes every connection of HTTP/1.1", |asked| (!asked.is_http2).then_some(Deed::Close)),
        instead("HTTP-02", "500 for spans", |asked| {
            if is_export_of(asked, Signal::Traces) { error(asked, 500, 13) } else { None }
        }),
        instead("HTTP-03", "404 for metrics", |asked| {
            if is_export_of(asked, Signal::Metrics) { error(asked, 404, 12) } else { None }
        }),
        answer("HTTP-04", "a page for logs", |asked, answer| {
            if is_export_of(asked, Signal::Logs) {
                answer.body = b"<html>thanks</html>".to_vec();
            }
        }),
        instead("HTTP-05", "404 for profiles", |asked| {
            if is_export_of(asked, Signal::Profiles) { error(asked, 404, 12) } else { None }
        }),
        answer("HTTP-07", "answers protobuf as application/octet-stream", |asked, answer| {
            if is_protobuf(asked) && answer.status == 200 {
                set(answer, "content-type", "application/octet-stream");
            }
        }),
        answer("HTTP-08", "protobuf labelled JSON", |asked, answer| {
            if is_json(asked) && answer.status == 200 {
                answer.body = vec![0x0a, 0x00];
            }
        }),
        instead("HTTP-09", "takes no JSON", |asked| if is_json(asked) { error(asked, 415, 3) } else { None }),
        answer("HTTP-10", "202 for a success", |asked, answer| {
            if !asked.is_grpc() && answer.status == 200 {
                answer.status = 202;
            }
        }),
        answer("HTTP-11", "the body ok", |asked, answer| {
            if is_protobuf(asked) && answer.status == 200 {
                answer.body = b"ok".to_vec();
            }
        }),
        answer("HTTP-12", "no body to JSON", |asked, answer| {
            if is_json(asked) && answer.status == 200 {
                answer.body.clear();
            }
        }),
        instead("HTTP-13", "refuses requests without telemetry", |asked| {
            let is_empty = asked.body.len() <= 2 && asked.method == "POST";
            if is_empty && !asked.is_grpc() { refuse(asked) } else { None }
        }),
        answer("HTTP-14", "500 for bytes that are no message", |asked, answer| {
            if is_protobuf(asked) && answer.status == 400 {
                answer.status = 500;
            }
        }),
        answer("HTTP-15", "500 for what is no JSON", |asked, answer| {
            if is_json(asked) && answer.status == 400 {
                answer.status = 500;
            }
        }),
        answer("HTTP-16", "200 for what is labelled as something else", |asked, answer| {
            let is_wrong = is_json(asked) != looks_like_json(asked) && !asked.is_grpc();
            if is_wrong && answer.status == 400 {
                answer.status = 200;
            }
        }),
        answer("HTTP-17", "errors as text", |asked, answer| {
            if !asked.is_grpc() && answer.status >= 400 {
                set(answer, "content-type", "text/plain");
                answer.body = b"bad request".to_vec();
            }
        }),
        answer("HTTP-18", "errors that say nothing", |asked, answer| {
            if !asked.is_grpc() && answer.status >= 400 {
                bare_status(asked, answer, "");
            }
        }),
        answer("HTTP-19", "errors without details", |asked, answer| {
            if !asked.is_grpc() && answer.status >= 400 {
                bare_status(asked, answer, "bad");
            }
        }),
        answer("HTTP-23", "500 for a path that there is not", |asked, answer| {
            if !asked.is_grpc() && answer.status == 404 {
                answer.status = 500;
            }
        }),
        answer("HTTP-24", "500 for another method", |_, answer| {
            if answer.status == 405 {
                answer.status = 500;
            }
        }),
        answer("HTTP-25", "500 for another media type", |_, answer| {
            if answer.status == 415 {
                answer.status = 500;
            }
        }),
        instead("HTTP-26", "compares media types byte by byte", |asked| {
            let kinds = ["application/json", "application/x-protobuf"];
            let is_exact = asked.field("content-type").is_some_and(|kind| kinds.contains(&kind));
            if asked.is_grpc() || is_exact { None } else { error(asked, 415, 3) }
        }),
        answer("HTTP-28", "gzip that does not say so", |asked, answer| {
            if asked.field("accept-encoding").is_some() {
                answer.body = gzip(&answer.body);
            }
        }),
        answer("HTTP-29", "gzip that nobody asked for", |asked, answer| {
            if !asked.is_grpc() && asked.field("accept-encoding").is_none() {
                answer.body = gzip(&answer.body);
                set(answer, "content-encoding", "gzip");
            }
        }),
        instead("HTTP-30", "wants HTTP/2", |asked| if asked.is_http2 { None } else { error(asked, 505, 13) }),
        instead("HTTP-32", "wants a length", |asked| {
            if asked.field("transfer-encoding").is_some() { error(asked, 411, 3) } else { None }
        }),
        instead("HTTP-34", "closes the connection on a bad request", |asked| {
            asked.body.starts_with(b"\x0a\xff\x01{").then_some(Deed::Close)
        }),
        answer("HTTP-40", "takes anything for spans", |asked, answer| {
            if is_export_of(asked, Signal::Traces) && answer.status == 400 {
                answer.status = 200;
            }
        }),
        instead("COMP-01", "takes nothing that is not compressed", |asked| {
            if encoding(asked).is_empty() { error(asked, 415, 12) } else { None }
        }),
        instead("COMP-02", "does not know gzip over HTTP", |asked| {
            if !asked.is_grpc() && encoding(asked) == "gzip" { refuse(asked) } else { None }
        }),
        answer("COMP-05", "500 for an encoding that it does not know", |asked, answer| {
            if !asked.is_grpc() && !encoding(asked).is_empty() && answer.status >= 400 {
                answer.status = 500;
            }
        }),
        answer("COMP-07", "500 for gzip that is broken", |asked, answer| {
            if !asked.is_grpc() && encoding(asked) == "gzip" && answer.status >= 400 {
                answer.status = 500;
            }
        }),
        instead("COMP-08", "gives up after the first member", |asked| {
            let members = asked.body.windows(3).filter(|bytes| *bytes == [0x1f, 0x8b, 8]).count();
            if encoding(asked) == "gzip" && members > 1 { refuse(asked) } else { None }
        }),
        instead("COMP-09", "500 for gzip of nothing", |asked| {
            if encoding(asked) == "gzip" && asked.body.len() < 30 { error(asked, 500, 13) } else { None }
        }),
        instead("COMP-10", "compares encodings byte by byte", |asked| {
            if encoding(asked) == "GZIP" { error(asked, 415, 12) } else { None }
        }),
        answer("SIZE-03", "400 for what is too large", |_, answer| {
            if answer.status == 413 {
                answer.status = 400;
            }
        }),
        answer("SIZE-04", "400 for what becomes too large", |asked, answer| {
            if !encoding(asked).is_empty() && answer.status == 413 {
                answer.status = 400;
            }
        }),
        answer("PARTIAL-01", "rejects one of every good request", |asked, answer| {
            if is_good(asked, answer) && !has_partial(asked, answer) {
                set_partial(asked, answer, Some((1, "one too many")));
            }
        }),
        answer("PARTIAL-02", "says nothing of what it did not take", |asked, answer| {
            if has_partial(asked, answer) {
                set_partial(asked, answer, None);
            }
        }),
        answer("PARTIAL-03", "counts one too few", |asked, answer| {
            if has_partial(asked, answer) {
                set_partial(asked, answer, Some((1, "some")));
            }
        }),
        answer("PARTIAL-04", "206 for a success in part", |asked, answer| {
            if !asked.is_grpc() && has_partial(asked, answer) {
                answer.status = 206;
            }
        }),
        answer("PARTIAL-05", "does not say why", |asked, answer| {
            if has_partial(asked, answer) {
                set_partial(asked, answer, Some((2, "")));
            }
        }),
        answer("PARTIAL-06", "warns, and counts what it warns of as rejected", |asked, answer| {
            if is_good(asked, answer) && !has_partial(asked, answer) {
                set_partial(asked, answer, Some((3, "an attribute is old")));
            }
        }),
        answer("PARTIAL-07", "counts metrics, not points", |asked, answer| {
            if has_partial(asked, answer) {
                set_partial(asked, answer, Some((1, "a metric")));
            }
        }),
        answer("PARTIAL-08", "rejects fewer than none", |asked, answer| {
            if has_partial(asked, answer) {
                set_partial(asked, answer, Some((-5, "some")));
            }
        }),
        answer("PARTIAL-09", "snake case in the response", |asked, answer| {
            if is_json(asked) && has_partial(asked, answer) {
                let text = String::from_utf8_lossy(&answer.body).replace("partialSuccess", "partial_success");
                answer.body = text.into_bytes();
            }
        }),
        answer("PARTIAL-10", "says nothing of it to JSON", |asked, answer| {
            if is_json(asked) && has_partial(asked, answer) {
                set_partial(asked, answer, None);
            }
        }),
    ];

/// A Status without details.
fn bare_status(asked: &Asked, answer: &mut crate::conformance::scripted::Answer, message: &str) {
    answer.body = if is_json(asked) {
        set(answer, "content-type", "application/json");
        serde_json::json!({ "code": 3, "message": message }).to_string().into_bytes()
    } else {
        set(answer, "content-type", "application/x-protobuf");
        tonic_types::Status { code: 3, message: message.to_owned(), details: Vec::new() }.encode_to_vec()
    };
}
