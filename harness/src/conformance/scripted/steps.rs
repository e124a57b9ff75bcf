//! A script that is a list: one deed after the other, then success for ever; and what came, and when.

use super::{Answer, Asked, Deed, Script};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Requests that are remembered; bodies and all.
const SEEN_MAX: usize = 10_000;

/// Something that is done with a request, which may depend on it.
pub type Step = Box<dyn FnOnce(&Asked) -> Deed + Send>;

/// The list.
#[derive(Default)]
pub struct Steps(Mutex<State>);

#[derive(Default)]
struct State {
    steps: VecDeque<Step>,
    seen: Vec<(Instant, Asked)>,
}

impl Steps {
    /// These, in their order.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Mutex::new(State { steps: steps.into_iter().collect(), seen: Vec::new() }))
    }

    /// What came so far, and when it was whole.
    pub fn seen(&self) -> Vec<(Instant, Asked)> {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script for Steps {
    fn decide(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>> {
        let mut state = self.state();
        let deed = state.steps.pop_front().map_or_else(|| Deed::Answer(Answer::taken(&asked)), |step| step(&asked));
        if state.seen.len() < SEEN_MAX {
            state.seen.push((Instant::now(), asked));
        }
        drop(state);
        Box::pin(std::future::ready(deed))
    }
}
