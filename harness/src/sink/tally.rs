//! The backend that knows no plan: counts what comes, by signal and by service, and says so.

mod items;
mod services;

use super::refusals::unreadable;
use crate::wire::Signal;
use crate::wire::server::{Backend, Decision, Export};
use services::{Services, spans_by_service};
use spanproof_generators::protobuf::MalformedError;
use spanproof_generators::walk::Walk;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Distinct traces told apart: about 30 MB of ids. Beyond that their number is a lower bound.
const TRACES_MAX: usize = 1 << 20;

/// Counts of what arrived.
#[derive(Debug)]
pub struct Tally {
    seen: Mutex<Seen>,
    traces_max: usize,
}

#[derive(Debug, Default)]
struct Seen {
    spans: u64,
    /// By [`Signal::ALL`].
    signals: [SignalCounts; 4],
    traces: HashSet<[u8; 16]>,
    traces_left_out: bool,
    services: Services,
    last: Option<Instant>,
}

/// What arrived of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SignalCounts {
    /// Requests.
    pub requests: u64,
    /// Spans, data points, log records or profiles.
    pub items: u64,
    /// Bytes of the requests' bodies, decompressed.
    pub bytes: u64,
}

/// A reading of a [`Tally`].
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct TallyCounts {
    /// Spans.
    pub spans: u64,
    /// Requests of all signals.
    pub requests: u64,
    /// Bytes of their bodies, decompressed.
    pub bytes: u64,
    /// Distinct trace ids among the spans.
    pub traces: u64,
    /// True when there were more traces than can be told apart, so that [`TallyCounts::traces`] is a lower bound.
    pub traces_at_least: bool,
    /// By the names of the signals that arrived.
    pub signals: BTreeMap<&'static str, SignalCounts>,
    /// Spans by the `service.name` of their resource; the empty name stands for none and for an empty one. From the wire:
    /// escape it before printing.
    pub services: BTreeMap<String, u64>,
    /// Spans of services that came after the list was full.
    pub services_left_out: u64,
}

thread_local! {
    static WALK: RefCell<Walk> = RefCell::new(Walk::default());
}

impl Default for Tally {
    fn default() -> Self {
        Self { seen: Mutex::default(), traces_max: TRACES_MAX }
    }
}

impl Tally {
    /// The counts so far.
    pub fn counts(&self) -> TallyCounts {
        let seen = self.seen();
        let named = Signal::ALL.iter().zip(seen.signals).filter(|(_, counts)| counts.requests > 0);
        TallyCounts {
            spans: seen.spans,
            requests: seen.signals.iter().map(|counts| counts.requests).sum(),
            bytes: seen.signals.iter().map(|counts| counts.bytes).sum(),
            traces: seen.traces.len() as u64,
            traces_at_least: seen.traces_left_out,
            signals: named.map(|(signal, counts)| (signal.name(), counts)).collect(),
            services: seen.services.by_name().clone(),
            services_left_out: seen.services.left_out(),
        }
    }

    /// Spans so far.
    pub fn spans(&self) -> u64 {
        self.seen().spans
    }

    /// A request came then that counts for nothing.
    pub fn note_arrival(&self, received: Instant) {
        self.seen().last = Some(received);
    }

    /// When the last request came.
    pub fn last(&self) -> Option<Instant> {
        self.seen().last
    }

    /// Counts a request, all of it or nothing.
    ///
    /// # Errors
    /// Bytes that are no well-formed request of their signal.
    pub fn count(&self, export: &Export) -> Result<(), MalformedError> {
        self.count_in_part(export, 0)
    }

    /// Counts a request but for its last spans, so many.
    ///
    /// # Errors
    /// As [`Tally::count`].
    pub fn count_in_part(&self, export: &Export, left_out: usize) -> Result<(), MalformedError> {
        match export.signal {
            Signal::Traces => WALK.with_borrow_mut(|walk| {
                walk.read(&export.body)?;
                walk.spans.truncate(walk.spans.len().saturating_sub(left_out));
                self.note_spans(export, walk);
                Ok(())
            }),
            Signal::Metrics | Signal::Logs | Signal::Profiles => {
                let items = items::count(export.signal, &export.body)?;
                self.seen().note(export, items);
                Ok(())
            }
        }
    }

    /// Counts a request for traces that `walk` has read.
    pub fn note_spans(&self, export: &Export, walk: &Walk) {
        let spans = walk.spans.len() as u64;
        let mut seen = self.seen();
        seen.note(export, spans);
        seen.spans += spans;
        self.note_traces(&mut seen, walk);
        spans_by_service(walk, &export.body, |name, spans| seen.services.add(name, spans));
    }

    /// Neighbours tend to share their trace, so only changes are looked up.
    fn note_traces(&self, seen: &mut Seen, walk: &Walk) {
        let mut last = None;
        for span in &walk.spans {
            if last == Some(span.trace_id) {
                continue;
            }
            last = Some(span.trace_id);
            if seen.traces.len() < self.traces_max {
                seen.traces.insert(span.trace_id);
            } else if !seen.traces.contains(&span.trace_id) {
                seen.traces_left_out = true;
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn note(&mut self, export: &Export, items: u64) {
        let counts = &mut self.signals[export.signal as usize];
        counts.requests += 1;
        counts.items += items;
        counts.bytes += export.body.len() as u64;
        self.last = Some(export.received);
    }
}

impl Backend for Tally {
    fn export(&self, export: Export) -> Decision {
        match self.count(&export) {
            Ok(()) => Decision::Accept,
            Err(error) => unreadable(export.signal, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Compression, Protocol};
    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use prost::Message;

    fn export(signal: Signal, body: Vec<u8>) -> Export {
        Export {
            signal,
            protocol: Protocol::Grpc,
            compression: Compression::None,
            wire_bytes: body.len() as u64,
            body: Bytes::from(body),
            connection: 0,
            peer: "127.0.0.1:1".parse().unwrap(),
            received: Instant::now(),
            headers: http::HeaderMap::new(),
        }
    }

    fn of_service(name: Option<&str>, traces: &[u8]) -> ResourceSpans {
        let attributes = name.map(|name| KeyValue {
            key: "service.name".to_owned(),
            value: Some(AnyValue { value: Some(Value::StringValue(name.to_owned())) }),
            ..KeyValue::default()
        });
        let span = |trace: &u8| Span { trace_id: vec![*trace; 16], span_id: vec![1; 8], ..Span::default() };
        ResourceSpans {
            resource: Some(Resource { attributes: attributes.into_iter().collect(), ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: traces.iter().map(span).collect(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    }

    fn request(resource_spans: Vec<ResourceSpans>) -> Export {
        export(Signal::Traces, ExportTraceServiceRequest { resource_spans }.encode_to_vec())
    }

    #[test]
    fn spans_are_counted_by_trace_and_service() {
        let tally = Tally::default();
        tally.count(&request(vec![of_service(Some("a"), &[1, 1, 2]), of_service(None, &[2])])).unwrap();
        tally.count(&request(vec![of_service(Some("a"), &[3])])).unwrap();
        let counts = tally.counts();
        assert_eq!((counts.spans, counts.requests, counts.traces, counts.traces_at_least), (5, 2, 3, false));
        assert_eq!(counts.services, BTreeMap::from([("a".to_owned(), 4), (String::new(), 1)]));
        assert_eq!(counts.signals["traces"].items, 5);
        tally.count_in_part(&request(vec![of_service(Some("b"), &[4, 5, 6])]), 2).unwrap();
        assert_eq!((tally.counts().spans, tally.counts().services["b"]), (6, 1));
    }

    #[test]
    fn a_malformed_request_counts_for_nothing() {
        let tally = Tally::default();
        let mut body = request(vec![of_service(Some("a"), &[1])]).body.to_vec();
        body.truncate(body.len() - 1);
        for signal in Signal::ALL {
            assert!(matches!(tally.export(export(signal, body.clone())), Decision::Malformed { .. }), "{signal:?}");
        }
        assert_eq!(tally.counts(), TallyCounts::default());
    }

    #[test]
    fn more_traces_than_can_be_told_apart_become_a_lower_bound() {
        let tally = Tally { traces_max: 2, ..Tally::default() };
        tally.count(&request(vec![of_service(None, &[1, 2, 1])])).unwrap();
        assert!(!tally.counts().traces_at_least);
        tally.count(&request(vec![of_service(None, &[3])])).unwrap();
        assert_eq!((tally.counts().traces, tally.counts().traces_at_least), (2, true));
    }
}
