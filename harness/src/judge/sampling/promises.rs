//! Promises held against what came out, whatever the target's configuration says.

use super::presence::Presence;
use super::traces::{Books, Fell, Sent, Traces};
use roaring::RoaringTreemap;
use spanproof_generators::facts::About;
use spanproof_scenarios::promises::Promise;

/// Records that are kept of what speaks against a promise.
const KEPT_MAX: u64 = 1000;

/// What became of a promise.
#[derive(Debug, Clone, PartialEq)]
pub struct Promised {
    /// The promise.
    pub promise: Promise,
    /// Traces or spans that it is about and that the target took for certain.
    pub of: u64,
    /// Of these, the ones that came out: of traces whole.
    pub kept: u64,
    /// Of traces, the ones of which a part came out.
    pub split: u64,
    /// The first spans of traces, or spans, that did not come out; some of them.
    pub missing: RoaringTreemap,
    /// The same of those that did.
    pub there: RoaringTreemap,
}

impl Promised {
    fn new(promise: &Promise) -> Self {
        let (missing, there) = Default::default();
        Self { promise: promise.clone(), of: 0, kept: 0, split: 0, missing, there }
    }

    /// Whether too few came out.
    pub fn is_below(&self) -> bool {
        (self.kept as f64) < self.promise.kept.least.ratio() * self.of as f64
    }

    /// Whether too many did; a trace of which a part came out is one that was not kept out.
    pub fn is_above(&self) -> bool {
        (self.kept + self.split) as f64 > self.promise.kept.most.ratio() * self.of as f64
    }

    /// Some of the records that speak against it.
    pub fn counterexamples(&self) -> &RoaringTreemap {
        if self.is_below() { &self.missing } else { &self.there }
    }

    fn note(&mut self, record: u64, came: usize, given: usize) {
        self.of += 1;
        let set = match came {
            0 => &mut self.missing,
            _ if came == given => {
                self.kept += 1;
                &mut self.there
            }
            _ => {
                self.split += 1;
                if self.missing.len() < KEPT_MAX {
                    self.missing.insert(record);
                }
                &mut self.there
            }
        };
        if set.len() < KEPT_MAX {
            set.insert(record);
        }
    }

    fn see(&mut self, sent: &Sent<'_, '_>, given: &[usize]) {
        let view = sent.view();
        let statement = &self.promise.of.0;
        let came = |at: &&usize| sent.fell(**at) == Fell::Came;
        match self.promise.about {
            About::Traces if statement.holds_for_trace(&view) => {
                let record = given.first().map(|at| sent.record(*at)).unwrap_or_default();
                self.note(record, given.iter().filter(came).count(), given.len());
            }
            About::Traces => {}
            About::Spans => {
                let those: Vec<usize> =
                    given.iter().copied().filter(|at| statement.holds_for_span(&view, *at)).collect();
                those.iter().for_each(|at| self.note(sent.record(*at), usize::from(came(&at)), 1));
            }
        }
    }
}

/// Holds every trace against the promises. One that did not come to the target as a whole says nothing of what that keeps.
///
/// # Errors
/// A workload that this build does not have; why, in words.
pub fn keep(promises: &[Promise], books: &Books<'_>) -> Result<Vec<Promised>, String> {
    let mut promised: Vec<Promised> = promises.iter().map(Promised::new).collect();
    if promised.is_empty() {
        return Ok(promised);
    }
    let pool = books.pool()?;
    Traces::new(books, &pool).each(|sent| {
        let given = sent.of(Presence::Came);
        if given.len() == sent.spans() {
            promised.iter_mut().for_each(|promised| promised.see(sent, &given));
        }
    });
    Ok(promised)
}
