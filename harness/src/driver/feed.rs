//! Opens the plan's chunks in time and encodes their requests a little ahead of their intended instants.

use super::Shared;
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use crate::wire::client::{Exporter, HEADROOM, Payload};
use spanproof_generators::plan::{Chunk, Packing};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests are encoded this long before their intended instants: several times what encoding takes, yet so little that
/// their bytes are still in a cache when they are sent.
const AHEAD: Duration = Duration::from_millis(25);

/// However the schedule bursts, no more bytes than this wait encoded.
const AHEAD_BYTES_MAX: usize = 48 << 20;

/// The longest single sleep, so that a stop is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Encoded requests that wait at once.
const AHEAD_REQUESTS_MAX: usize = 256;

/// A request, encoded and ready to be handed over.
pub(super) struct Ready {
    pub unsent: Unsent,
    pub due_ns: u64,
    pub connection: usize,
    pub payload: Payload,
    /// Returns its bytes to the feeder when the pacer has taken it.
    pub room: Room,
}

/// A request that has not left yet. Dropped before it is begun, by whoever and for whatever reason, it is noted as not sent: what
/// nobody notes counts as acknowledged.
pub(super) struct Unsent {
    shared: Arc<Shared>,
    pub id: RequestId,
    pub spans: u32,
    is_begun: bool,
}

impl Unsent {
    /// From now on somebody else sees to it that the request is noted.
    pub fn begin(mut self) -> (RequestId, u32) {
        self.is_begun = true;
        (self.id, self.spans)
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if !self.is_begun {
            note_not_sent(&self.shared, self.id, self.spans);
        }
    }
}

/// Bytes that may still be encoded ahead.
#[derive(Clone)]
pub(super) struct Budget(Arc<(Mutex<usize>, Condvar)>);

/// A share of the budget, given back when dropped.
pub(super) struct Room {
    bytes: usize,
    budget: Budget,
}

impl Drop for Room {
    fn drop(&mut self) {
        let (left, changed) = &*self.budget.0;
        *left.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        changed.notify_one();
    }
}

impl Budget {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(AHEAD_BYTES_MAX), Condvar::new())))
    }

    /// Waits for room; gives up when the run stops. A request larger than the whole budget waits for all of it.
    fn take(&self, bytes: usize, shared: &Shared) -> Option<Room> {
        let bytes = bytes.min(AHEAD_BYTES_MAX);
        let (left, changed) = &*self.0;
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < bytes {
            if shared.stopping() {
                return None;
            }
            let wait = std::time::Duration::from_millis(50);
            left = changed.wait_timeout(left, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        *left -= bytes;
        Some(Room { bytes, budget: self.clone() })
    }
}

/// The queue between feeder and pacer.
pub(super) fn queue() -> (SyncSender<Ready>, Receiver<Ready>) {
    sync_channel(AHEAD_REQUESTS_MAX)
}

/// Requests of all open chunks by intended instant. Those that are left when it is dropped are noted as not sent.
struct Merge {
    shared: Arc<Shared>,
    due: BinaryHeap<Reverse<(u64, u64, u32)>>,
    open: BTreeMap<u64, (Arc<Chunk>, usize)>,
    next_chunk: u64,
}

/// Feeds the pacer until the plan ends or the run stops; what is left then is noted as not sent.
pub(super) fn run(shared: &Arc<Shared>, exporters: &[Arc<Exporter>], queue: &SyncSender<Ready>) {
    let mut merge = Merge { shared: Arc::clone(shared), due: BinaryHeap::new(), open: BTreeMap::new(), next_chunk: 0 };
    let budget = Budget::new();
    let (mut buffer_bytes, whole) = (64 << 10, shared.chunks.plan().spec().packing == Packing::WholeTraces);
    while let Some((unsent, chunk)) = merge.next() {
        let id = unsent.id;
        let request = &chunk.requests()[id.number as usize];
        let due_ns = request.due_ns;
        // Whole traces go round the connections; exporters keep to theirs.
        let connection = if whole { id.number } else { request.exporter } as usize % exporters.len();
        wait_until_close(shared, due_ns);
        break_if_asked(shared);
        let mut buffer = shared.buffers.take(buffer_bytes);
        buffer.resize(HEADROOM, 0);
        chunk.encode(shared.chunks.plan(), id.number as usize, &mut buffer);
        buffer_bytes = buffer_bytes.max(buffer.len() + buffer.len() / 16);
        let payload = exporters[connection].payload(buffer);
        let Some(room) = budget.take(payload.len(), shared) else { break };
        let handed_over = queue.send(Ready { unsent, due_ns, connection, payload, room }).is_ok();
        if !handed_over || shared.stopping() {
            break;
        }
    }
}

/// For tests of what is told of a driver that breaks.
fn break_if_asked(shared: &Shared) {
    let breaks = shared.config.breaks_after.is_some_and(|spans| shared.sent_spans.load(Ordering::Relaxed) >= spans);
    assert!(!breaks, "broken as asked");
}

/// Sleeps until the request is [`AHEAD`] of its instant. Requests that are close together are encoded in one go.
fn wait_until_close(shared: &Shared, due_ns: u64) {
    let due = shared.clock.instant(due_ns);
    let left = |from: Instant| due.saturating_duration_since(from);
    if left(Instant::now()) <= AHEAD {
        return;
    }
    // Half of the time ahead: then there is a batch to encode, and the other half to encode it in.
    loop {
        let rest = left(Instant::now()).saturating_sub(AHEAD / 2);
        if rest.is_zero() || shared.stopping() {
            return;
        }
        std::thread::sleep(rest.min(SLEEP_MAX));
    }
}

/// Buffers of requests that have ended, to be filled again: fresh memory costs a page fault for every 4 KiB.
#[derive(Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

/// Buffers kept at most.
const BUFFERS_MAX: usize = 128;

/// Larger buffers are not kept.
const BUFFER_BYTES_MAX: usize = 4 << 20;

impl Buffers {
    /// An empty buffer with room for about `bytes`.
    fn take(&self, bytes: usize) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Gives a buffer back.
    pub(super) fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS_MAX && buffer.capacity() <= BUFFER_BYTES_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

impl Merge {
    /// The request that is due next, and its chunk.
    fn next(&mut self) -> Option<(Unsent, Arc<Chunk>)> {
        let shared = Arc::clone(&self.shared);
        let plan = shared.chunks.plan();
        // A chunk is opened as soon as one of its requests could be the next: none is due before its first trace starts.
        while self.next_chunk < plan.chunks() && !shared.stopping() {
            let first = self.due.peek().map_or(u64::MAX, |Reverse((due, ..))| *due);
            if plan.chunk_start_ns(self.next_chunk) > first {
                break;
            }
            self.open_next();
        }
        let Reverse((_, chunk, number)) = self.due.pop()?;
        let (open, left) = self.open.get_mut(&chunk)?;
        let open = Arc::clone(open);
        *left -= 1;
        if *left == 0 {
            self.open.remove(&chunk);
        }
        let (id, spans) = (RequestId { chunk, number }, open.requests()[number as usize].spans);
        Some((Unsent { shared, id, spans, is_begun: false }, open))
    }

    fn open_next(&mut self) {
        let chunk = self.shared.chunks.get(self.next_chunk);
        for (number, request) in chunk.requests().iter().enumerate() {
            self.due.push(Reverse((request.due_ns, self.next_chunk, number as u32)));
        }
        let requests = chunk.requests().len();
        self.open.insert(self.next_chunk, (chunk, requests));
        self.next_chunk += 1;
        self.shared.chunks_opened.store(self.next_chunk, Ordering::Relaxed);
    }
}

impl Drop for Merge {
    fn drop(&mut self) {
        for Reverse((_, chunk, number)) in std::mem::take(&mut self.due) {
            if let Some((open, _)) = self.open.get(&chunk) {
                note_not_sent(&self.shared, RequestId { chunk, number }, open.requests()[number as usize].spans);
            }
        }
    }
}

/// Notes a request that never left.
fn note_not_sent(shared: &Shared, id: RequestId, spans: u32) {
    let ended_ns = shared.clock.elapsed().as_nanos() as u64;
    let record = RequestRecord { outcome: Outcome::NotSent, attempts: 0, answer: String::new(), ended_ns };
    shared.outcomes.note(id, spans, record);
}
