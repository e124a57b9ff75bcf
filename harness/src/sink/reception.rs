//! What stands behind a sink of its own: counts everything, writes it down if asked, and hands it to the recorder as soon
//! as there is one.
//!
//! A sink may be told what to expect while traffic already comes in: the sender writes its seed and run tag only when it
//! starts. What comes before that is counted and kept, up to a bound, and judged later with the instant at which it
//! arrived; beyond the bound it is refused as retryable.

use super::dump::Dump;
use super::recorder::Recorder;
use super::refusals::unreadable;
use super::tally::Tally;
use crate::fault::FaultAccount;
use crate::wire::server::{Answered, Backend, Decision, Export, Refusal};
use crate::wire::{Code, Signal};
use bytes::Bytes;
use roaring::RoaringTreemap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes kept while there is no plan.
const HELD_BYTES_MAX: usize = 128 << 20;

/// The backend of a sink of its own.
#[derive(Default)]
pub struct Reception {
    tally: Tally,
    dump: Option<Dump>,
    recorder: OnceLock<Arc<Recorder>>,
    /// What waits for a recorder; none when no plan is expected.
    held: Option<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    exports: Vec<(Export, Taking)>,
    bytes: usize,
}

/// How a request is taken.
#[derive(Default)]
pub struct Taking {
    /// Its last spans, so many, are not.
    pub left_out: usize,
    /// Who keeps account of it where its sender is not told at once that it was taken.
    pub untold: Option<Untold>,
}

/// What its sender may not learn that it was taken.
pub struct Untold {
    /// To whose account this goes.
    pub account: Arc<FaultAccount>,
    /// Sees the answer, if one is yet to come.
    pub answered: Option<Answered>,
}

impl Untold {
    fn note(self, records: RoaringTreemap) {
        match self.answered {
            Some(answered) => self.account.note_answered_late(answered, records),
            None => self.account.note_unanswered(&records),
        }
    }
}

/// Has a recorder judge a request that was counted.
fn give(recorder: &Recorder, export: &Export, taking: Taking) {
    if let Some(untold) = taking.untold {
        untold.note(recorder.identify(export));
    }
    // What the tally could read the recorder can read: they read with the same walk.
    recorder.export_in_part(export, taking.left_out, |_| ());
}

impl Reception {
    /// A reception that counts and, with `dump`, writes down. With `expecting`, a recorder will be given to it later.
    pub fn new(dump: Option<Dump>, expecting: bool) -> Self {
        Self { dump, held: expecting.then(Mutex::default), ..Self::default() }
    }

    /// The counts.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The dump.
    pub fn dump(&self) -> Option<&Dump> {
        self.dump.as_ref()
    }

    /// From now on `recorder` judges everything, first what came before. Only the first recorder counts.
    pub fn judge_with(&self, recorder: &Arc<Recorder>) {
        let Some(held) = &self.held else { return };
        // Requests that come meanwhile wait for the lock: they are recorded after those that came first.
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if self.recorder.get().is_none() {
            for (export, taking) in std::mem::take(&mut held.exports) {
                give(recorder, &export, taking);
            }
            drop(self.recorder.set(Arc::clone(recorder)));
        }
    }

    /// Has a request judged, or keeps it until it can be.
    fn record(&self, export: Export, taking: Taking) {
        if let Some(recorder) = self.recorder.get() {
            return give(recorder, &export, taking);
        }
        let Some(held) = &self.held else { return };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recorder) = self.recorder.get() {
            return give(recorder, &export, taking);
        }
        held.bytes += export.body.len();
        // A copy, since a small body may be a slice of a large buffer.
        held.exports.push((Export { body: Bytes::copy_from_slice(&export.body), ..export }, taking));
    }

    fn write_down(&self, export: &Export) {
        if let (Some(dump), Signal::Traces) = (&self.dump, export.signal) {
            dump.write(&export.body);
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.recorder.get().is_some()
            || self
                .held
                .as_ref()
                .is_none_or(|held| held.lock().unwrap_or_else(PoisonError::into_inner).bytes + bytes <= HELD_BYTES_MAX)
    }

    /// Takes a request.
    pub fn take(&self, export: Export, taking: Taking) -> Decision {
        if !self.has_room(export.body.len()) {
            return Decision::Refuse(Refusal {
                grpc: Some(Code::UNAVAILABLE),
                http: http::StatusCode::SERVICE_UNAVAILABLE,
                message: "what to expect is not known yet, and no more can be kept until it is".to_owned(),
                retry_after: None,
            });
        }
        if let (Some(recorder), Signal::Traces) = (self.recorder.get(), export.signal) {
            // Read once: what is judged and what is counted come from the same walk.
            let count = |walk: &_| self.tally.note_spans(&export, walk);
            let (taken, _) = recorder.export_in_part(&export, taking.left_out, count);
            if matches!(taken, Decision::Accept) {
                self.write_down(&export);
                if let Some(untold) = taking.untold {
                    untold.note(recorder.identify(&export));
                }
            }
            return taken;
        }
        if let Err(error) = self.tally.count_in_part(&export, taking.left_out) {
            return unreadable(export.signal, error);
        }
        self.write_down(&export);
        self.record(export, taking);
        Decision::Accept
    }
}

impl Backend for Reception {
    fn export(&self, export: Export) -> Decision {
        self.take(export, Taking::default())
    }
}
