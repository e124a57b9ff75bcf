//! Records that are not in the plan: a few examples of each kind. Their numbers are in the ledger.

use crate::wire::Signal;
use spanproof_generators::walk::SpanView;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Examples kept of each kind.
const EXAMPLES_MAX: usize = 5;

/// A record that is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Its trace id.
    pub trace_id: [u8; 16],
    /// Its span id.
    pub span_id: [u8; 8],
    /// When it arrived, nanoseconds from the start of the run.
    pub received_ns: u64,
}

/// Examples by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StrangerExamples {
    /// They carry our tag and were never planned.
    pub invented: Vec<Stranger>,
    /// They do not carry our tag.
    pub foreign: Vec<Stranger>,
    /// Requests with metrics, logs or profiles, by [`Signal::ALL`].
    pub signals: [u64; 4],
}

/// What was found of records that are not in the plan.
#[derive(Debug, Default)]
pub struct Strangers {
    inner: Mutex<StrangerExamples>,
}

impl Strangers {
    /// Keeps an invented record as an example.
    pub fn note_invented(&self, span: &SpanView, received_ns: u64) {
        keep(&mut self.inner().invented, span, received_ns);
    }

    /// Keeps a foreign record as an example.
    pub fn note_foreign(&self, span: &SpanView, received_ns: u64) {
        keep(&mut self.inner().foreign, span, received_ns);
    }

    /// Counts a request of another signal.
    pub fn note_signal(&self, signal: Signal) {
        if let Some(at) = Signal::ALL.iter().position(|one| *one == signal) {
            self.inner().signals[at] += 1;
        }
    }

    /// The examples so far.
    pub fn examples(&self) -> StrangerExamples {
        self.inner().clone()
    }

    fn inner(&self) -> MutexGuard<'_, StrangerExamples> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(examples: &mut Vec<Stranger>, span: &SpanView, received_ns: u64) {
    if examples.len() < EXAMPLES_MAX {
        let stranger = Stranger { trace_id: span.trace_id, span_id: span.span_id.to_le_bytes(), received_ns };
        examples.push(stranger);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_generators::walk::Place;

    fn span(span_id: u64) -> SpanView {
        SpanView {
            trace_id: [7; 16],
            span_id,
            parent_id: 0,
            start_ns: 1,
            end_ns: 2,
            content: 0,
            trace_state: 0,
            own_id: Place::default(),
            place: Place::default(),
            filing: 0,
            irregular: false,
        }
    }

    #[test]
    fn the_first_few_of_each_kind_are_kept_as_they_came() {
        let strangers = Strangers::default();
        for number in 0..9 {
            strangers.note_invented(&span(number), number * 1000);
        }
        strangers.note_foreign(&span(0x0807_0605_0403_0201), 42);
        let StrangerExamples { invented, foreign, .. } = strangers.examples();
        let kept: Vec<_> = invented.iter().map(|one| (one.span_id[0], one.received_ns)).collect();
        assert_eq!(kept, [(0, 0), (1, 1000), (2, 2000), (3, 3000), (4, 4000)]);
        let expected = Stranger { trace_id: [7; 16], span_id: [1, 2, 3, 4, 5, 6, 7, 8], received_ns: 42 };
        assert_eq!(foreign, [expected]);
    }

    #[test]
    fn requests_of_other_signals_are_counted_by_signal() {
        let strangers = Strangers::default();
        for signal in [Signal::Logs, Signal::Metrics, Signal::Logs] {
            strangers.note_signal(signal);
        }
        assert_eq!(strangers.examples().signals, [0, 1, 2, 0]);
    }
}
