//! What rules read of a trace: its spans in the order in which they are stored, which is that of their arrival.
//!
//! A view borrows whatever no trace changes. [`Source::trace`] makes one for a trace of the plan; who reads a trace from a file
//! fills [`Trace`] itself.

mod source;
mod value;

pub use source::{Placed, Source};
pub(crate) use value::{get, integer, text, truth};

use crate::model::{Attribute, Event};
use std::borrow::Cow;

/// The names that the protocol gives span kinds, by their numbers.
pub(crate) const KIND_NAMES: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// A span as rules see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span<'a> {
    /// Its start, nanoseconds since the Unix epoch.
    pub start_unix_ns: u64,
    /// Its end, nanoseconds since the Unix epoch.
    pub end_unix_ns: u64,
    /// Its name.
    pub name: &'a str,
    /// OTLP's number of its kind.
    pub kind: u32,
    /// OTLP's number of its status code: 0 unset, 1 ok, 2 error.
    pub status: u32,
    /// The message of its status.
    pub status_message: &'a str,
    /// Its flags: W3C's in the low byte.
    pub flags: u32,
    /// It names no parent.
    pub root: bool,
    /// Its `tracestate`.
    pub trace_state: Cow<'a, str>,
    /// Its attributes in wire order. No value varies.
    pub attributes: Cow<'a, [Attribute]>,
    /// The attributes of its resource in wire order.
    pub resource: &'a [Attribute],
    /// Name of its instrumentation scope.
    pub scope_name: &'a str,
    /// Version of its instrumentation scope.
    pub scope_version: &'a str,
    /// Its events in order.
    pub events: &'a [Event],
}

impl Span<'_> {
    /// A span with nothing in it, to be filled.
    pub fn empty() -> Self {
        Self {
            start_unix_ns: 0,
            end_unix_ns: 0,
            name: "",
            kind: 0,
            status: 0,
            status_message: "",
            flags: 0,
            root: false,
            trace_state: Cow::Borrowed(""),
            attributes: Cow::Borrowed(&[]),
            resource: &[],
            scope_name: "",
            scope_version: "",
            events: &[],
        }
    }
}

/// A trace as rules see it: what was received under one trace id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace<'a> {
    /// The trace id.
    pub id: [u8; 16],
    /// Its spans in the order in which they are stored. Spans that came twice stand here twice.
    pub spans: Vec<Span<'a>>,
    /// Bytes of the stored trace; none where nobody reckoned them. They depend on how it was batched.
    pub bytes: Option<u64>,
}
