//! Sampling as a collector does it: whole traces after a wait, or single spans by their trace's id.
//!
//! It is the control of the check that judges sampling, so nothing here comes from the model that foretells it: policies, hash and
//! threshold are written anew from the collector's documentation and behaviour. [`Sampler`] is pure but for its lock: whoever owns it
//! says what time it is, and sends on what it lets go.

mod mistake;
mod policy;
mod span;
mod threshold;

pub use mistake::Mistake;
pub use policy::{Policy, Rule};

use super::defects::{Bites, Defect};
use mistake::Mistakes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use policy::Court;
use span::count_spans;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Decisions that are remembered for spans that come late.
const REMEMBERED_MAX: usize = 1_000_000;

/// Spans of one request that is sent on.
const BATCH_SPANS: u64 = 512;

/// What is left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampling {
    /// Traces that no policy wants, decided so long after their first span at the least, and one second more at the most.
    Traces {
        /// Whole seconds.
        wait: Duration,
        /// Any one of them is enough.
        policies: Vec<Policy>,
    },
    /// All but so many percent of the traces, span by span; what is kept says so in its trace state.
    Spans {
        /// 0 to 100.
        percent: f64,
    },
}

/// The sampler of a target.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    mistakes: Mistakes,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Vec<u8>, Held>,
    decided: HashMap<Vec<u8>, bool>,
    court: Court,
    requests: u64,
}

/// A trace that waits for its decision.
#[derive(Debug)]
struct Held {
    due: Instant,
    pieces: Vec<ResourceSpans>,
}

impl Sampler {
    /// A sampler that makes these of the planted mistakes.
    pub fn new(sampling: Sampling, defects: &[Defect]) -> Self {
        Self { sampling, mistakes: Mistakes::planted(defects), state: Mutex::default() }
    }

    /// Takes a request, and gives back what goes on at once.
    pub fn take(&self, message: ExportTraceServiceRequest, now: Instant) -> Vec<ExportTraceServiceRequest> {
        match &self.sampling {
            Sampling::Spans { percent } => {
                let kept = threshold::sample(message, *percent, &self.mistakes);
                if count_spans(&kept.resource_spans) == 0 { Vec::new() } else { vec![kept] }
            }
            Sampling::Traces { wait, .. } => self.hold(message, now, *wait),
        }
    }

    fn hold(&self, message: ExportTraceServiceRequest, now: Instant, wait: Duration) -> Vec<ExportTraceServiceRequest> {
        let mut state = self.lock();
        state.requests += 1;
        let mut at_once = Vec::new();
        for (mut key, pieces) in by_trace(message) {
            if self.mistakes.make(Mistake::ByRequest) {
                key.extend(state.requests.to_be_bytes());
            }
            match state.decided.get(&key) {
                Some(_) if self.mistakes.make(Mistake::LateAgain) => {}
                Some(true) => {
                    at_once.extend(pieces);
                    continue;
                }
                Some(false) => continue,
                None => {}
            }
            state.held.entry(key).or_insert_with(|| Held { due: now + wait, pieces: Vec::new() }).pieces.extend(pieces);
        }
        requests(at_once)
    }

    /// Decides what is due; to be called once a second.
    pub fn tick(&self, now: Instant) -> Vec<ExportTraceServiceRequest> {
        self.decide(now, |held| held.due <= now)
    }

    /// Decides all that is left, since the target stops.
    pub fn end(&self, now: Instant) -> Vec<ExportTraceServiceRequest> {
        self.decide(now, |_| true)
    }

    fn decide(&self, now: Instant, is_due: impl Fn(&Held) -> bool) -> Vec<ExportTraceServiceRequest> {
        let Sampling::Traces { policies, .. } = &self.sampling else { return Vec::new() };
        let mut state = self.lock();
        let due: Vec<Vec<u8>> =
            state.held.iter().filter(|(_, held)| is_due(held)).map(|(key, _)| key.clone()).collect();
        let mut kept = Vec::new();
        for key in due {
            let Some(held) = state.held.remove(&key) else { continue };
            // What stands behind the id tells pieces apart that are decided by themselves.
            let id = &key[..key.len().min(16)];
            let keep = state.court.decide(policies, id, &held.pieces, now, &self.mistakes);
            if state.decided.len() < REMEMBERED_MAX {
                state.decided.insert(key, keep);
            }
            if keep {
                kept.extend(held.pieces);
            }
        }
        requests(kept)
    }

    /// How often each planted mistake was made, in spans.
    pub fn bites(&self) -> Vec<(Defect, Bites)> {
        self.mistakes.bites()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's spans by their trace, each with copies of its resource and scope. Their schema URLs are lost on the way, as they are in
/// collector 0.155.
fn by_trace(message: ExportTraceServiceRequest) -> HashMap<Vec<u8>, Vec<ResourceSpans>> {
    let mut traces: HashMap<Vec<u8>, Vec<ResourceSpans>> = HashMap::new();
    for of_resource in message.resource_spans {
        let ResourceSpans { resource, scope_spans, schema_url: _ } = of_resource;
        let mut here: HashMap<Vec<u8>, ResourceSpans> = HashMap::new();
        for ScopeSpans { scope, spans, schema_url: _ } in scope_spans {
            let mut scoped: HashMap<Vec<u8>, ScopeSpans> = HashMap::new();
            for span in spans {
                let of_trace = scoped.entry(span.trace_id.clone()).or_insert_with(|| ScopeSpans {
                    scope: scope.clone(),
                    spans: Vec::new(),
                    schema_url: String::new(),
                });
                of_trace.spans.push(span);
            }
            for (id, of_trace) in scoped {
                let piece = here.entry(id).or_insert_with(|| ResourceSpans {
                    resource: resource.clone(),
                    scope_spans: Vec::new(),
                    schema_url: String::new(),
                });
                piece.scope_spans.push(of_trace);
            }
        }
        here.into_iter().for_each(|(id, piece)| traces.entry(id).or_default().push(piece));
    }
    traces
}

/// Requests of some [`BATCH_SPANS`] spans.
fn requests(pieces: Vec<ResourceSpans>) -> Vec<ExportTraceServiceRequest> {
    let (mut all, mut batch, mut spans) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        spans += count_spans(std::slice::from_ref(&piece));
        batch.push(piece);
        if spans >= BATCH_SPANS {
            all.push(ExportTraceServiceRequest { resource_spans: std::mem::take(&mut batch) });
            spans = 0;
        }
    }
    if !batch.is_empty() {
        all.push(ExportTraceServiceRequest { resource_spans: batch });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::trace::v1::Span;

    const SECOND: Duration = Duration::from_secs(1);

    fn request(spans: &[(u8, &str)]) -> ExportTraceServiceRequest {
        let span = |(trace, name): &(u8, &str)| Span {
            trace_id: vec![*trace; 16],
            name: (*name).to_owned(),
            ..Span::default()
        };
        let scope = ScopeSpans { spans: spans.iter().map(span).collect(), ..ScopeSpans::default() };
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() }],
        }
    }

    fn names(requests: &[ExportTraceServiceRequest]) -> Vec<String> {
        let spans = requests.iter().flat_map(|request| &request.resource_spans);
        let spans = spans.flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans);
        let mut names: Vec<String> = spans.map(|span| span.name.clone()).collect();
        names.sort();
        names
    }

    fn of_three_spans(defect: &str) -> Sampler {
        let policies = vec![Policy::new(Rule::SpanCount { min: 3, max: 0 })];
        let defects: Vec<Defect> = defect.parse().ok().into_iter().collect();
        Sampler::new(Sampling::Traces { wait: 2 * SECOND, policies }, &defects)
    }

    #[test]
    fn a_trace_is_decided_when_its_time_is_up_and_late_spans_follow() {
        let (sampler, start) = (of_three_spans(""), Instant::now());
        assert_eq!(names(&sampler.take(request(&[(1, "a"), (2, "x"), (1, "b")]), start)), [""; 0]);
        assert_eq!(names(&sampler.take(request(&[(1, "c")]), start + SECOND)), [""; 0]);
        assert_eq!(names(&sampler.tick(start + SECOND)), [""; 0]);
        assert_eq!(names(&sampler.tick(start + 2 * SECOND)), ["a", "b", "c"]);
        assert_eq!(names(&sampler.take(request(&[(1, "d"), (2, "y")]), start + 3 * SECOND)), ["d"]);
        assert_eq!(names(&sampler.end(start + 4 * SECOND)), [""; 0]);
    }

    #[test]
    fn planted_mistakes_tear_traces_apart_and_are_counted() {
        let start = Instant::now();
        let sampler = of_three_spans("missample=by-request");
        sampler.take(request(&[(1, "a"), (1, "b"), (1, "c")]), start);
        sampler.take(request(&[(1, "d")]), start);
        assert_eq!(names(&sampler.tick(start + 2 * SECOND)), ["a", "b", "c"]);
        assert!(sampler.bites()[0].1.times > 0);

        let sampler = of_three_spans("missample=late-again");
        sampler.take(request(&[(1, "a"), (1, "b"), (1, "c")]), start);
        assert_eq!(names(&sampler.tick(start + 2 * SECOND)), ["a", "b", "c"]);
        sampler.take(request(&[(1, "d")]), start + 3 * SECOND);
        assert_eq!(names(&sampler.tick(start + 5 * SECOND)), [""; 0]);
        assert_eq!(sampler.bites()[0].1.times, 1);
    }
}
