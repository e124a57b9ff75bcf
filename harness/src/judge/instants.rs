//! When each request was sent and when it was answered, and when its spans arrived.
//!
//! It is what `show` tells of a record besides its fate, and what tells around the death of a target what was inside it. Sixteen bytes a
//! request are kept: microseconds
//! from the request's intended instant, which the plan knows, up to 71 minutes. Spans have no instants of their own: those
//! of one request were sent together, and of their arrivals the first and the last are kept.

use super::outcomes::RequestId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The instants of one request, counted from its intended instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Instants {
    /// When it was first begun to be sent.
    pub sent: Option<Duration>,
    /// When its last answer came, or it was given up.
    pub ended: Option<Duration>,
    /// When the first span of it arrived, whichever copy.
    pub first_arrival: Option<Duration>,
    /// When the last one arrived.
    pub last_arrival: Option<Duration>,
}

/// Four instants in the order of [`Instants`]: microseconds plus one, 0 for none.
pub type Packed = [u32; 4];

impl Instants {
    /// As they are kept.
    pub fn pack(self) -> Packed {
        let pack = |instant: Option<Duration>| {
            instant.map_or(0, |instant| u32::try_from(instant.as_micros() + 1).unwrap_or(u32::MAX))
        };
        [self.sent, self.ended, self.first_arrival, self.last_arrival].map(pack)
    }

    /// From what was kept.
    pub fn unpack(packed: Packed) -> Self {
        let unpack = |word: u32| word.checked_sub(1).map(|micros| Duration::from_micros(micros.into()));
        let [sent, ended, first_arrival, last_arrival] = packed.map(unpack);
        Self { sent, ended, first_arrival, last_arrival }
    }
}

/// The instants of all requests.
#[derive(Debug, Default)]
pub struct InstantsBook {
    chunks: Mutex<Vec<Vec<Packed>>>,
}

impl InstantsBook {
    /// Notes when a request was sent and when that ended; both are from its intended instant.
    pub fn note_sent(&self, id: RequestId, sent: Duration, ended: Duration) {
        let noted = Instants { sent: Some(sent), ended: Some(ended), ..Instants::default() }.pack();
        let mut chunks = self.chunks();
        let kept = slot(&mut chunks, id);
        (kept[0], kept[1]) = (noted[0], noted[1]);
    }

    /// Notes that spans of these requests arrived, each so long after its intended instant.
    pub fn note_arrivals(&self, arrivals: impl Iterator<Item = (RequestId, Duration)>) {
        let mut chunks = self.chunks();
        for (id, after) in arrivals {
            let [_, _, at, _] = Instants { first_arrival: Some(after), ..Instants::default() }.pack();
            let [_, _, first, last] = slot(&mut chunks, id);
            *first = if *first == 0 { at } else { at.min(*first) };
            *last = at.max(*last);
        }
    }

    /// All that was noted, by chunk and number of the request; both may end early.
    pub fn take_down(&self) -> Vec<Vec<Packed>> {
        self.chunks().clone()
    }

    fn chunks(&self) -> MutexGuard<'_, Vec<Vec<Packed>>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(chunks: &mut Vec<Vec<Packed>>, id: RequestId) -> &mut Packed {
    let (chunk, number) = (id.chunk as usize, id.number as usize);
    if chunks.len() <= chunk {
        chunks.resize_with(chunk + 1, Vec::new);
    }
    let requests = &mut chunks[chunk];
    if requests.len() <= number {
        requests.resize(number + 1, Packed::default());
    }
    &mut requests[number]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_kept_by_request_and_arrivals_as_first_and_last() {
        let (book, id) = (InstantsBook::default(), RequestId { chunk: 2, number: 3 });
        let micros = Duration::from_micros;
        book.note_arrivals([(id, micros(500)), (id, micros(300)), (id, micros(900))].into_iter());
        book.note_sent(id, Duration::ZERO, micros(1000));
        let noted = book.take_down();
        let expected = Instants {
            sent: Some(Duration::ZERO),
            ended: Some(micros(1000)),
            first_arrival: Some(micros(300)),
            last_arrival: Some(micros(900)),
        };
        assert_eq!(Instants::unpack(noted[2][3]), expected);
        assert_eq!(Instants::unpack(noted[2][0]), Instants::default());
        assert!(noted[0].is_empty() && noted[1].is_empty());
    }

    #[test]
    fn what_takes_more_than_an_hour_is_told_as_long_as_can_be_told() {
        let day = Some(Duration::from_secs(86_400));
        let kept = Instants { ended: day, ..Instants::default() };
        assert_eq!(Instants::unpack(kept.pack()).ended, Some(Duration::from_micros(u64::from(u32::MAX - 1))));
    }
}
