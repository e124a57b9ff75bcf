//! Servers that get gRPC wrong, its compression and its limits.

use super::twists::{encoding, error, fall, has_code, instead_of_error, is_good, refuse, set, set_code};
use super::{Deviation, answer, instead};
use crate::conformance::reference::BYTES_MAX;
use crate::conformance::scripted::{Asked, Deed};
use crate::wire::{PREFIX, Signal};

fn is_export_of(asked: &Asked, signal: Signal) -> bool {
    asked.is_grpc() && asked.path == signal.grpc_path()
}

pub(super) const DEVIATIONS: &[Deviation] = &[
    instead("GRPC-01", "closes every connection of HTTP/2", |asked| asked.is_http2.then_some(Deed::Close)),
    instead("GRPC-02", "INTERNAL for spans", |asked| {
        if is_export_of(asked, Signal::Traces) { error(asked, 500, 13) } else { None }
    }),
    instead("GRPC-03", "INTERNAL for metrics", |asked| {
        if is_export_of(asked, Signal::Metrics) { error(asked, 500, 13) } else { None }
    }),
    answer("GRPC-04", "two messages for logs", |asked, answer| {
        if is_export_of(asked, Signal::Logs) {
            answer.body = answer.body.repeat(2);
        }
    }),
    instead("GRPC-05", "INTERNAL for profiles", |asked| {
        if is_export_of(asked, Signal::Profiles) { error(asked, 500, 13) } else { None }
    }),
    instead("GRPC-06", "refuses a message of zero bytes", |asked| {
        if asked.is_grpc() && asked.body.len() == PREFIX { refuse(asked) } else { None }
    }),
    instead("GRPC-07", "refuses envelopes without items", |asked| {
        if asked.is_grpc() && (PREFIX + 1..64).contains(&asked.body.len()) { refuse(asked) } else { None }
    }),
    answer("GRPC-08", "UNAVAILABLE for bytes that are no message", |asked, answer| {
        if asked.is_grpc() && has_code(answer, "3") {
            set_code(answer, "14");
        }
    }),
    answer("GRPC-09", "details that are no base64", |asked, answer| {
        if asked.is_grpc() && has_code(answer, "3") {
            set(answer, "grpc-status-details-bin", "!!");
        }
    }),
    answer("GRPC-12", "UNAVAILABLE for a method that there is not", |asked, answer| {
        if asked.is_grpc() && has_code(answer, "12") {
            set_code(answer, "14");
        }
    }),
    instead("GRPC-13", "resets every tenth call", |asked| {
        (asked.is_grpc() && asked.number % 10 == 9).then_some(Deed::Reset(2))
    }),
    instead("GRPC-19", "does not know application/grpc+proto", |asked| {
        let is_so = asked.field("content-type") == Some("application/grpc+proto");
        if is_so { error(asked, 415, 13) } else { None }
    }),
    instead("GRPC-20", "INTERNAL when the time is over", |asked| {
        if asked.field("grpc-timeout").is_some() { error(asked, 500, 13) } else { None }
    }),
    instead("GRPC-24", "hangs when HTTP/1.1 comes", |asked| (!asked.is_http2).then_some(Deed::Hang)),
    instead("COMP-03", "does not know gzip over gRPC", |asked| {
        if asked.is_grpc() && encoding(asked) == "gzip" { error(asked, 415, 12) } else { None }
    }),
    answer("COMP-06", "UNKNOWN for a compression that it does not know", |asked, answer| {
        if asked.is_grpc() && encoding(asked) == "nonsense" {
            set_code(answer, "2");
        }
    }),
    instead("COMP-11", "wants every message compressed once gzip is named", |asked| {
        if asked.is_grpc() && encoding(asked) == "gzip" && asked.body.first() == Some(&0) {
            error(asked, 400, 13)
        } else {
            None
        }
    }),
    answer("SIZE-01", "OUT_OF_RANGE for what is too large, as tonic has it", |asked, answer| {
        if asked.is_grpc() && has_code(answer, "8") {
            set_code(answer, "11");
        }
    }),
    answer("SIZE-02", "OUT_OF_RANGE for what becomes too large", |asked, answer| {
        if asked.is_grpc() && !encoding(asked).is_empty() && has_code(answer, "8") {
            set_code(answer, "11");
        }
    }),
    instead("SIZE-05", "takes no more than 1 MiB", |asked| {
        if asked.body.len() > 1 << 20 { error(asked, 413, 8) } else { None }
    }),
    instead("SIZE-07", "closes the connection on what is too large", |asked| {
        (asked.body.len() > BYTES_MAX).then_some(Deed::Close)
    }),
    answer("PROTO-06", "its own error for what protobuf does not allow", |asked, answer| {
        if !is_good(asked, answer) {
            instead_of_error(asked, answer, 500, "14");
        }
    }),
    instead("PROTO-10", "refuses the first requests", |asked| if asked.number < 3 { fall(asked) } else { None }),
];
