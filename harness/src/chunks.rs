//! Open chunks of the plan, shared by those who send, judge and explain.

use spanproof_generators::plan::{Chunk, Plan};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A plan and its recently used chunks. A chunk that is no longer here is computed again, which takes about a millisecond
/// for 4,096 traces; bounded memory matters more.
#[derive(Debug)]
pub struct OpenChunks {
    plan: Arc<Plan>,
    /// Most recently used last.
    open: Mutex<VecDeque<Arc<Chunk>>>,
    most: usize,
}

impl OpenChunks {
    /// Keeps at most `most` chunks open; a chunk of `shop` takes about 0.6 MB.
    pub fn new(plan: Arc<Plan>, most: usize) -> Self {
        Self { plan, open: Mutex::default(), most: most.max(1) }
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Chunk `number`, which must be below the plan's number of chunks.
    pub fn get(&self, number: u64) -> Arc<Chunk> {
        if let Some(chunk) = self.find(number) {
            return chunk;
        }
        // Opened outside the lock: two threads may do it at once, which costs time and no truth.
        let chunk = Arc::new(self.plan.open(number));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.most {
            open.pop_front();
        }
        open.push_back(Arc::clone(&chunk));
        chunk
    }

    fn find(&self, number: u64) -> Option<Arc<Chunk>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().rposition(|chunk| chunk.number() == number)?;
        let chunk = Arc::clone(&open[at]);
        if let Some(used) = open.remove(at) {
            open.push_back(used);
        }
        Some(chunk)
    }
}
