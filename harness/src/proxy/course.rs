//! What holds for one direction of one connection, and what it does to the bytes there.

use super::Way;
use super::connection::Link;
use super::switchboard::{Holding, Switched};
use spanproof_generators::mix::scramble;
use spanproof_scenarios::scenario::{Cut, Direction, LinkFault};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A slow line carries as much at a time as it does in this long, so that it seems to flow.
const PACED_FOR: Duration = Duration::from_millis(10);

/// And no more than this at a time.
const PACED_BYTES_MAX: u64 = 64 << 10;

/// What holds, in the order in which it was switched on.
pub(super) struct Course {
    way: Way,
    entries: Vec<Entry>,
}

/// A fault as it concerns this direction.
struct Entry {
    switched: Arc<Switched>,
    /// How many bytes had gone when it began to hold here.
    from: u64,
    /// The connection stands in its account.
    is_noted: bool,
    /// It has done what it does once only.
    is_done: bool,
    /// How often it has drawn.
    drawn: u64,
}

/// How a fault ends things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    /// Both sockets are reset.
    Reset,
    /// Both are closed in good order.
    Close,
    /// This direction is ended, the other goes on.
    HalfClose,
}

impl Entry {
    fn note(&mut self, link: &Link, bytes: u64, times: u64) {
        let account = &self.switched.account;
        let is_new = !std::mem::replace(&mut self.is_noted, true) && link.is_new_to(account);
        account.note(is_new, bytes, times);
    }

    fn holds_back(&self) -> bool {
        matches!(self.switched.fault, LinkFault::BlackHole | LinkFault::Stall { .. })
    }

    /// How it cuts, and after how many bytes that have gone.
    fn cut(&self) -> Option<(Strike, u64)> {
        let after = |Cut { after, .. }| self.from.saturating_add(after.0);
        match self.switched.fault {
            LinkFault::Refuse => Some((Strike::Reset, 0)),
            LinkFault::Reset(cut) => Some((Strike::Reset, after(cut))),
            LinkFault::Truncate(cut) => Some((Strike::Close, after(cut))),
            LinkFault::HalfClose(cut) => Some((Strike::HalfClose, after(cut))),
            _ => None,
        }
    }
}

impl Course {
    pub fn new(way: Way) -> Self {
        Self { way, entries: Vec::new() }
    }

    /// Takes up what holds now, when so many bytes have gone and so many wait. What held already goes on as it was.
    pub fn follow(&mut self, holding: &Holding, link: &Link, (gone, waiting): (u64, usize)) {
        let mut before = std::mem::take(&mut self.entries);
        let way = self.way;
        for switched in holding.0.iter().filter(|switched| concerns(switched, way, link)) {
            let known = before.iter().position(|entry| entry.switched.episode == switched.episode);
            let mut entry = known.map_or_else(
                || Entry { switched: Arc::clone(switched), from: gone, is_noted: false, is_done: false, drawn: 0 },
                |known| before.swap_remove(known),
            );
            if known.is_none() && entry.holds_back() && waiting > 0 {
                entry.note(link, waiting as u64, 1);
            }
            self.entries.push(entry);
        }
    }

    /// Whether nothing may go.
    pub fn holds_back(&self) -> bool {
        self.entries.iter().any(Entry::holds_back)
    }

    /// Whether bytes go at a pace.
    pub fn paces(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.switched.fault, LinkFault::Bandwidth { .. }))
    }

    /// Whether bytes go later than they came.
    pub fn delays(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.switched.fault, LinkFault::Latency { .. }))
    }

    /// Bytes have come: when they may go, if not at once.
    pub fn came(&mut self, link: &Link, bytes: usize) -> Option<Instant> {
        let mut later = None;
        for entry in &mut self.entries {
            match entry.switched.fault {
                LinkFault::BlackHole | LinkFault::Stall { .. } => entry.note(link, bytes as u64, 1),
                LinkFault::Latency { by, jitter, .. } => {
                    entry.drawn += 1;
                    let drawn =
                        scramble(scramble(entry.switched.draws ^ link.number) ^ (entry.drawn << 1 | self.way as u64));
                    later = Some(later.unwrap_or(Duration::ZERO) + jittered(by.0, jitter.0, drawn));
                    entry.note(link, bytes as u64, 1);
                }
                _ => {}
            }
        }
        later.and_then(|later| Instant::now().checked_add(later))
    }

    /// The first fault that cuts now that so many bytes have gone; it is in its account.
    pub fn strike(&mut self, link: &Link, gone: u64) -> Option<Strike> {
        let strikes = |entry: &&mut Entry| !entry.is_done && entry.cut().is_some_and(|(_, after)| gone >= after);
        let entry = self.entries.iter_mut().find(strikes)?;
        entry.is_done = true;
        let (strike, _) = entry.cut()?;
        entry.note(link, 0, 1);
        Some(strike)
    }

    /// Of so many bytes that may go when `gone` have, how many may before something cuts.
    pub fn before_cut(&self, gone: u64, bytes: usize) -> usize {
        let cuts = self.entries.iter().filter(|entry| !entry.is_done).filter_map(Entry::cut);
        cuts.fold(bytes, |least, (_, after)| {
            least.min(usize::try_from(after.saturating_sub(gone)).unwrap_or(usize::MAX))
        })
    }

    /// Takes the line for some of so many bytes, if there is a pace: how many, and from when on they may go.
    pub fn reserve(&mut self, link: &Link, bytes: usize) -> (usize, Instant) {
        let now = Instant::now();
        let paces = self.entries.iter().filter_map(|entry| match entry.switched.fault {
            LinkFault::Bandwidth { per_second, .. } => Some(at_a_time(per_second.0)),
            _ => None,
        });
        let bytes = paces.fold(bytes, |least, pace| least.min(usize::try_from(pace).unwrap_or(usize::MAX)));
        let mut due = now;
        for entry in &mut self.entries {
            if let LinkFault::Bandwidth { per_second, .. } = entry.switched.fault {
                let through = entry.switched.reserve(self.way, bytes, per_second.0, now.into_std());
                due = due.max(Instant::from_std(through));
                entry.note(link, bytes as u64, 1);
            }
        }
        (bytes, due)
    }

    /// Flips what is to be flipped in a piece that goes when so many bytes have gone.
    pub fn corrupt(&mut self, link: &Link, gone: u64, piece: &mut [u8]) {
        for entry in &mut self.entries {
            if let LinkFault::Corrupt { one_in, .. } = entry.switched.fault {
                let draws = scramble(entry.switched.draws ^ link.number) ^ self.way as u64;
                let flipped = flip(piece, gone - entry.from, one_in.0, draws);
                if flipped > 0 {
                    entry.note(link, flipped, flipped);
                }
            }
        }
    }

    /// How late the end of this direction is passed on.
    pub fn ends_late(&mut self, link: &Link) -> Duration {
        let mut late = Duration::ZERO;
        for entry in &mut self.entries {
            if let LinkFault::SlowClose { by, .. } = entry.switched.fault {
                late += by.0;
                if !std::mem::replace(&mut entry.is_done, true) {
                    entry.note(link, 0, 1);
                }
            }
        }
        late
    }

    /// Bytes came for a direction that a fault has ended.
    pub fn threw_away(&mut self, link: &Link, bytes: usize) {
        let ended = |entry: &&mut Entry| entry.is_done && matches!(entry.switched.fault, LinkFault::HalfClose(_));
        if let Some(entry) = self.entries.iter_mut().find(ended) {
            entry.note(link, bytes as u64, 0);
        }
    }
}

/// Whether a fault has to do with one way of a connection.
fn concerns(switched: &Switched, way: Way, link: &Link) -> bool {
    let direction = match switched.fault {
        LinkFault::Refuse | LinkFault::BlackHole => Direction::Both,
        // The frames of a connection are another matter: see `http2`.
        LinkFault::Goaway { .. }
        | LinkFault::ResetStream { .. }
        | LinkFault::MaxStreams { .. }
        | LinkFault::WindowStall
        | LinkFault::SettingsFlood { .. }
        | LinkFault::PingFlood { .. } => return false,
        LinkFault::Reset(cut) | LinkFault::HalfClose(cut) | LinkFault::Truncate(cut) => cut.direction,
        LinkFault::Stall { direction }
        | LinkFault::Latency { direction, .. }
        | LinkFault::Bandwidth { direction, .. }
        | LinkFault::SlowClose { direction, .. }
        | LinkFault::Corrupt { direction, .. } => direction,
    };
    way.is_in(direction) && switched.touches(link.number)
}

/// How much of a rate goes at a time.
fn at_a_time(per_second: u64) -> u64 {
    let bytes = u128::from(per_second) * PACED_FOR.as_nanos() / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX).clamp(1, PACED_BYTES_MAX)
}

/// `by`, up to `jitter` more or less, as drawn.
fn jittered(by: Duration, jitter: Duration, drawn: u64) -> Duration {
    let width = jitter.as_nanos() * 2 + 1;
    let shift = (u128::from(drawn) * width) >> 64;
    let nanoseconds = (by.as_nanos() + shift).saturating_sub(jitter.as_nanos());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// Flips one bit in each block of `one_in` bytes of a stream, of which `piece` stands at `at`; how many of them were here.
fn flip(piece: &mut [u8], at: u64, one_in: u64, draws: u64) -> u64 {
    let end = at + piece.len() as u64;
    let mut flipped = 0;
    for block in at / one_in..=end / one_in {
        let drawn = scramble(draws ^ scramble(block));
        // A byte of the block and a bit of the byte, by the high and the low half of what was drawn.
        let place = (block * one_in).saturating_add(((u128::from(drawn) * u128::from(one_in)) >> 64) as u64);
        if let Some(byte) = place.checked_sub(at).and_then(|place| piece.get_mut(usize::try_from(place).ok()?)) {
            *byte ^= 1 << (drawn & 7);
            flipped += 1;
        }
    }
    flipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_bit_in_each_block_is_flipped_however_the_stream_is_cut(
            cuts in prop::collection::vec(1usize..400, 1..40), one_in in 1u64..300, draws: u64,
        ) {
            let length = cuts.iter().sum::<usize>();
            let mut whole = vec![0u8; length];
            let flipped = flip(&mut whole, 0, one_in, draws);
            let (mut at, mut pieces, mut sum) = (0, Vec::new(), 0);
            for cut in cuts {
                let mut piece = vec![0u8; cut];
                sum += flip(&mut piece, at, one_in, draws);
                at += cut as u64;
                pieces.extend(piece);
            }
            prop_assert_eq!((&pieces, sum), (&whole, flipped));
            for block in whole.chunks_exact(one_in as usize) {
                prop_assert_eq!(block.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
            }
        }

        #[test]
        fn jitter_stays_within_its_bounds(by in 0u64..10_000, part in 0u64..=100, drawn: u64) {
            let (by, jitter) = (Duration::from_micros(by), Duration::from_micros(by * part / 100));
            let later = jittered(by, jitter, drawn);
            prop_assert!(later >= by - jitter && later <= by + jitter);
        }
    }

    #[test]
    fn jitter_goes_both_ways() {
        let (by, jitter) = (Duration::from_millis(100), Duration::from_millis(20));
        let drawn: Vec<Duration> = (0..1000).map(|draw| jittered(by, jitter, scramble(draw))).collect();
        assert!(drawn.iter().any(|later| *later < Duration::from_millis(82)));
        assert!(drawn.iter().any(|later| *later > Duration::from_millis(118)));
        assert_eq!(jittered(by, Duration::ZERO, u64::MAX), by);
    }

    #[test]
    fn a_slow_line_carries_a_little_at_a_time() {
        assert_eq!([1, 100, 1 << 20, 1 << 40].map(at_a_time), [1, 1, 10_485, 64 << 10]);
    }
}
