//! Controls: a good request without anything odd, the way that a case is going to be tried. If that is not taken, the case would blame
//! the target for something else.

use super::Setup;
use crate::conformance::axes::Axes;
use crate::conformance::book::Entry;
use crate::conformance::payload::Load;
use crate::conformance::probe::Probe;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Every way is tried once.
pub(super) struct Controls {
    setup: Setup,
    tried: Mutex<HashMap<Axes, Arc<OnceCell<Twin>>>>,
}

/// A request that was sent, and with what.
pub(super) struct Sent {
    pub probe: Probe,
    pub load: Load,
}

/// What came of a control.
struct Twin {
    taken: Result<(), String>,
    came_out: Result<(), String>,
    entries: Vec<Entry>,
}

impl Controls {
    pub fn new(setup: Setup) -> Self {
        Self { setup, tried: Mutex::default() }
    }

    /// Whether a good request is taken so, and comes out if that is asked for, too; else why it is no use to go on.
    pub async fn holds(&self, axes: Axes, comes_out: bool) -> Result<(), String> {
        let cell = Arc::clone(self.tried().entry(axes).or_default());
        let twin = cell.get_or_init(|| self.twin(axes)).await;
        twin.taken.clone()?;
        if comes_out { twin.came_out.clone() } else { Ok(()) }
    }

    /// Tries once more what held before: in which ways good requests are no longer taken, and why.
    pub async fn no_longer(&self) -> Vec<String> {
        let held: Vec<Axes> = {
            let tried = self.tried();
            let held = tried.iter().filter(|(_, cell)| cell.get().is_some_and(|twin| twin.taken.is_ok()));
            held.map(|(axes, _)| *axes).collect()
        };
        let mut no_longer = Vec::new();
        for axes in held {
            // Not in the book: it is said here what came of it.
            if let Err(why) = self.tried_as(axes, "afterwards").await.1 {
                no_longer.push(format!("{axes}: {why}"));
            }
        }
        no_longer.sort();
        no_longer
    }

    /// A good request: with what it was tried, and whether it was taken. `word` is one that no other of the run has.
    pub async fn tried_as(&self, axes: Axes, word: &str) -> (Sent, Result<(), String>) {
        let setup = &self.setup;
        let label = format!("sp-{:x}-{word}-{axes}", setup.seed);
        let probe = Probe::new(axes, Arc::clone(&setup.profile), setup.readback.clone(), label, setup.within);
        let load = probe.good(1);
        let taken = match probe.send(&load).await {
            Ok(reply) if reply.outcome().is_taken() => Ok(()),
            Ok(reply) => Err(format!("a good request is answered {}", reply.words())),
            Err(error) => Err(format!("a good request: {error}")),
        };
        (Sent { probe, load }, taken)
    }

    async fn twin(&self, axes: Axes) -> Twin {
        let setup = &self.setup;
        let (Sent { probe, load }, taken) = self.tried_as(axes, "control").await;
        let came_out = match &setup.readback {
            Some(readback) if taken.is_ok() && probe.arrived(&load).await.is_empty() => {
                Err(format!("a good request was taken and did not come out within {:?}", readback.settle))
            }
            _ => Ok(()),
        };
        Twin { taken, came_out, entries: probe.book.entries() }
    }

    /// What was sent.
    pub fn entries(&self) -> Vec<Entry> {
        let tried = self.tried();
        tried.values().filter_map(|cell| cell.get()).flat_map(|twin| twin.entries.clone()).collect()
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, HashMap<Axes, Arc<OnceCell<Twin>>>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
