//! What waits for one destination, and who takes it out when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::admission::Admission;
use super::export::Manner;
use super::stats::Counters;

/// One encoded request on its way to one destination.
///
/// A parcel that is dropped before [`Parcel::settle`] counts as abandoned, so no way of losing it goes unnoticed.
#[derive(Debug)]
pub struct Parcel {
    /// The encoded `ExportTraceServiceRequest`, unless something else was planted.
    pub bytes: Bytes,
    /// Spans in it.
    pub spans: u64,
    /// How it is exported.
    pub manner: Manner,
    settled: bool,
    counters: Arc<Counters>,
    _admission: Arc<Admission>,
}

impl Parcel {
    /// A parcel under the admission of the request it came with.
    pub fn new(bytes: Bytes, spans: u64, manner: Manner, admission: Arc<Admission>, counters: Arc<Counters>) -> Self {
        Self { bytes, spans, manner, settled: false, counters, _admission: admission }
    }

    /// Declares that the parcel's outcome has been counted.
    pub fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if !self.settled {
            self.counters.abandoned.add(self.spans);
        }
    }
}

/// First in, first out; parcels with a due time wait apart until then. Its size is bounded by the
/// [`Budget`](super::admission::Budget), not here.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    ready: VecDeque<Parcel>,
    delayed: BinaryHeap<Reverse<Delayed>>,
    delayed_so_far: u64,
    closed: bool,
}

/// Ordered by due time, then by arrival.
#[derive(Debug)]
struct Delayed {
    due: Instant,
    arrival: u64,
    parcel: Parcel,
}

impl PartialEq for Delayed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Delayed {}

impl PartialOrd for Delayed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Delayed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.arrival).cmp(&(other.due, other.arrival))
    }
}

enum Next {
    Take(Parcel),
    WaitUntil(Instant),
    Wait,
    End,
}

impl Queue {
    /// Puts a parcel at the end.
    pub fn push(&self, parcel: Parcel) {
        self.lock().ready.push_back(parcel);
        self.changed.notify_one();
    }

    /// Puts a parcel aside until `due`.
    pub fn push_delayed(&self, parcel: Parcel, due: Instant) {
        let mut waiting = self.lock();
        let arrival = waiting.delayed_so_far;
        waiting.delayed_so_far += 1;
        waiting.delayed.push(Reverse(Delayed { due, arrival, parcel }));
        drop(waiting);
        self.changed.notify_one();
    }

    /// The next parcel once there is one, or `None` when the queue is closed and empty.
    pub async fn next(&self) -> Option<Parcel> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening starts before looking, so that a push between the two is not missed.
            changed.as_mut().enable();
            let next = self.lock().next(Instant::now());
            match next {
                Next::Take(parcel) => return Some(parcel),
                Next::End => return None,
                Next::Wait => changed.await,
                Next::WaitUntil(due) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// Lets the consumers finish: what is delayed becomes due at once, and an empty queue ends.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// Drops everything inside.
    pub fn clear(&self) {
        let mut waiting = self.lock();
        let gone = (std::mem::take(&mut waiting.ready), std::mem::take(&mut waiting.delayed));
        drop(waiting);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self, now: Instant) -> Next {
        let due = self.delayed.peek().map(|Reverse(first)| first.due);
        if due.is_some_and(|due| self.closed || due <= now)
            && let Some(Reverse(first)) = self.delayed.pop()
        {
            return Next::Take(first.parcel);
        }
        match (self.ready.pop_front(), due) {
            (Some(parcel), _) => Next::Take(parcel),
            (None, Some(due)) => Next::WaitUntil(due),
            (None, None) if self.closed => Next::End,
            (None, None) => Next::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::admission::{Budget, Inside};
    use super::*;

    fn parcel(budget: &Arc<Budget>, counters: &Arc<Counters>, spans: u64) -> Parcel {
        Parcel::new(Bytes::new(), spans, Manner::Proper, budget.admit(1).unwrap(), Arc::clone(counters))
    }

    /// What is there to take at an instant, without waiting.
    fn take(queue: &Queue, now: Instant) -> Option<u64> {
        match queue.lock().next(now) {
            Next::Take(mut parcel) => {
                parcel.settle();
                Some(parcel.spans)
            }
            _ => None,
        }
    }

    #[test]
    fn delayed_parcels_come_when_due_and_then_before_what_waits() {
        let (budget, counters, queue) = (Budget::new(10, 10), Counters::new(), Queue::default());
        let start = Instant::now();
        let second = |second| start + Duration::from_secs(second);
        queue.push_delayed(parcel(&budget, &counters, 1), second(20));
        queue.push_delayed(parcel(&budget, &counters, 2), second(10));
        queue.push_delayed(parcel(&budget, &counters, 3), second(10));
        queue.push(parcel(&budget, &counters, 4));
        queue.push(parcel(&budget, &counters, 5));
        assert_eq!((take(&queue, start), take(&queue, second(10))), (Some(4), Some(2)));
        assert_eq!((take(&queue, second(10)), take(&queue, second(10))), (Some(3), Some(5)));
        assert!(matches!(queue.lock().next(second(11)), Next::WaitUntil(due) if due == second(20)));
        assert_eq!(take(&queue, second(20)), Some(1));
    }

    #[tokio::test]
    async fn a_consumer_wakes_for_what_is_pushed_and_due_and_for_the_end() {
        let (budget, counters, queue) = (Budget::new(10, 10), Counters::new(), Queue::default());
        let consume = async {
            let mut spans = Vec::new();
            while let Some(mut parcel) = queue.next().await {
                parcel.settle();
                spans.push(parcel.spans);
            }
            spans
        };
        let produce = async {
            tokio::task::yield_now().await;
            queue.push_delayed(parcel(&budget, &counters, 2), Instant::now() + Duration::from_millis(20));
            queue.push_delayed(parcel(&budget, &counters, 3), Instant::now() + Duration::from_secs(3600));
            queue.push(parcel(&budget, &counters, 1));
            // Past the first due time and long before the second, which closing brings forward.
            tokio::time::sleep(Duration::from_millis(60)).await;
            queue.close();
        };
        let (spans, ()) = tokio::join!(consume, produce);
        assert_eq!(spans, [1, 2, 3]);
    }

    #[test]
    fn a_parcel_dropped_without_an_outcome_is_counted_and_gives_its_place_back() {
        let (budget, counters, queue) = (Budget::new(10, 10), Counters::new(), Queue::default());
        queue.push(parcel(&budget, &counters, 5));
        queue.clear();
        assert_eq!((counters.abandoned.read().requests, counters.abandoned.read().spans), (1, 5));
        assert_eq!(budget.inside(), Inside::default());
    }
}
