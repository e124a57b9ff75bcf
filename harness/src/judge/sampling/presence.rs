//! When the pieces of a trace came to a tail sampler, as far as the sender can tell, and which of them its decision saw.
//!
//! A piece is what one request holds of a trace. It came between the instant at which that request began to be sent and the one at
//! which it was answered, later by what stands before the sampler.

use super::rules::Tail;
use crate::judge::instants::{Instants, Packed};
use crate::judge::outcomes::{Outcome, RequestRecord};
use std::time::Duration;

/// A collector may be slower than its ticks by so much, and a span may take so long from its receiver to its sampler.
const SLACK: Duration = Duration::from_millis(500);

/// With more pieces than this of which it is open whether a decision saw them, not every case is tried.
const OPEN_MAX: usize = 8;

/// Whether a piece came to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It was acknowledged.
    Came,
    /// Nobody knows, or it may have come twice.
    Unsure,
    /// It was refused, or never sent.
    Never,
}

/// What one request holds of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Which of the trace's spans, by their position.
    pub(super) spans: Vec<usize>,
    /// Whether it came.
    pub(super) presence: Presence,
    /// The earliest instant, from the start of the run.
    pub(super) from: Duration,
    /// The latest.
    pub(super) to: Duration,
}

impl Piece {
    /// The piece in a request with this intended instant.
    pub(super) fn new(
        spans: Vec<usize>,
        due: Duration,
        instants: Option<&Packed>,
        request: Option<&RequestRecord>,
    ) -> Self {
        let instants = instants.map_or_else(Instants::default, |packed| Instants::unpack(*packed));
        let from = due.saturating_add(instants.sent.unwrap_or_default());
        let to = instants.ended.map_or(from, |ended| due.saturating_add(ended)).max(from);
        let presence = match request.map(|record| (record.outcome, record.attempts)) {
            None | Some((Outcome::Acknowledged, 0..=1)) => Presence::Came,
            Some((Outcome::NotSent, _) | (Outcome::Refused, 0..=1)) => Presence::Never,
            Some((Outcome::Acknowledged | Outcome::Refused | Outcome::Partial { .. } | Outcome::Unknown, _)) => {
                Presence::Unsure
            }
        };
        Self { spans, presence, from, to }
    }
}

/// What a decision saw of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// All that came, and nothing else ever comes.
    All,
    /// One of these: the pieces by their position. What came later follows the decision.
    OneOf(Vec<Vec<usize>>),
    /// Some of the pieces, and there are too many cases to try. What came later follows the decision.
    Some,
    /// That cannot be told; why.
    Unknown(&'static str),
}

/// How many traces began in each second of a run, at most; one of which spans come late may begin once more with each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Arrivals {
    by_second: Vec<u64>,
}

impl Arrivals {
    /// Notes a trace of these pieces. When one comes after the decision, the trace may be forgotten already, and takes a place anew.
    pub(super) fn note_trace(&mut self, pieces: &[Piece], wait_min: Duration) {
        let came = || pieces.iter().filter(|piece| piece.presence != Presence::Never).map(|piece| piece.from);
        let Some(first) = came().min() else { return };
        self.note(first);
        came().filter(|from| *from > first.saturating_add(wait_min)).for_each(|from| self.note(from));
    }

    fn note(&mut self, from: Duration) {
        let second = usize::try_from(from.as_secs()).unwrap_or(usize::MAX);
        if self.by_second.len() <= second {
            self.by_second.resize(second + 1, 0);
        }
        self.by_second[second] += 1;
    }

    /// Traces that began between two instants, the seconds of both included: rather a few too many.
    fn between(&self, from: Duration, to: Duration) -> u64 {
        let seconds = from.as_secs()..=to.as_secs();
        let all = self.by_second.iter().enumerate();
        all.filter(|(second, _)| seconds.contains(&(*second as u64))).map(|(_, traces)| traces).sum()
    }
}

/// When a sampler may decide a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deciding {
    /// No earlier.
    pub(super) from: Duration,
    /// No later.
    pub(super) to: Duration,
}

/// When a tail sampler may decide the trace of these pieces; `None` where none came.
pub(super) fn deciding(pieces: &[Piece], tail: &Tail) -> Option<Deciding> {
    let possible = pieces.iter().filter(|piece| piece.presence != Presence::Never);
    let first_from = possible.clone().map(|piece| piece.from).min()?;
    let came = possible.clone().filter(|piece| piece.presence == Presence::Came);
    let first_to = came.map(|piece| piece.to).min().or_else(|| possible.map(|piece| piece.to).max())?;
    Some(Deciding {
        from: first_from.saturating_add(tail.wait_min),
        to: first_to.saturating_add(tail.held_before).saturating_add(tail.wait_max).saturating_add(SLACK),
    })
}

/// What the only tail sampler of a way saw of a trace. `disturbed` are the times in which the target was not itself.
pub(super) fn seen(pieces: &[Piece], tail: &Tail, arrivals: &Arrivals, disturbed: &[(Duration, Duration)]) -> Seen {
    let Some(deciding) = deciding(pieces, tail) else { return Seen::All };
    let first = deciding.from.saturating_sub(tail.wait_min);
    let out = deciding.to.saturating_add(tail.held_behind);
    if disturbed.iter().any(|(from, to)| *from <= out && first <= *to) {
        return Seen::Unknown("the target was stopped, paused or killed while it held the trace");
    }
    if arrivals.between(first, deciding.to) > tail.traces_max {
        return Seen::Unknown("more traces came at once than `num_traces` holds");
    }
    let passes = tail.held_before.saturating_add(SLACK);
    let in_time = |piece: &Piece| piece.to.saturating_add(passes) < deciding.from;
    let too_late = |piece: &Piece| piece.from > deciding.to;
    if pieces.iter().any(|piece| piece.presence == Presence::Unsure) {
        return Seen::Unknown("whether all of it came to the target is not known");
    }
    let came = || pieces.iter().enumerate().filter(|(_, piece)| piece.presence == Presence::Came);
    // What comes in one request comes together, whenever that is.
    let is_together = came().count() == 1 && passes < tail.wait_min;
    if is_together || came().all(|(_, piece)| in_time(piece)) {
        return Seen::All;
    }
    let last = came().map(|(_, piece)| piece.to).max().unwrap_or_default();
    if arrivals.between(first, last.saturating_add(passes)) > tail.remembered {
        return Seen::Unknown("spans came late, and by then the decision may have been forgotten");
    }
    let certain: Vec<usize> = came().filter(|(_, piece)| in_time(piece)).map(|(at, _)| at).collect();
    let open: Vec<usize> = came().filter(|(_, piece)| !in_time(piece) && !too_late(piece)).map(|(at, _)| at).collect();
    if open.len() > OPEN_MAX {
        return Seen::Some;
    }
    let cases = (0..1_usize << open.len()).map(|case| {
        let chosen = open.iter().enumerate().filter(|(bit, _)| case & (1 << bit) != 0).map(|(_, at)| *at);
        certain.iter().copied().chain(chosen).collect::<Vec<usize>>()
    });
    Seen::OneOf(cases.filter(|case| !case.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: Tail = Tail {
        held_before: Duration::ZERO,
        held_behind: Duration::ZERO,
        wait_min: Duration::from_secs(5),
        wait_max: Duration::from_secs(6),
        traces_max: 10,
        remembered: 10,
    };

    fn piece(from_ms: u64, to_ms: u64) -> Piece {
        Piece {
            spans: vec![0],
            presence: Presence::Came,
            from: Duration::from_millis(from_ms),
            to: Duration::from_millis(to_ms),
        }
    }

    fn seen_of(pieces: &[Piece]) -> Seen {
        seen(pieces, &TAIL, &Arrivals::default(), &[])
    }

    #[test]
    fn what_came_well_before_the_end_of_its_time_is_seen_and_what_came_well_after_is_not() {
        assert_eq!(seen_of(&[piece(0, 10), piece(3000, 4400)]), Seen::All);
        assert_eq!(seen_of(&[piece(0, 10), piece(6600, 7000)]), Seen::OneOf(vec![vec![0]]));
        assert_eq!(seen_of(&[piece(0, 10), piece(4600, 4600)]), Seen::OneOf(vec![vec![0], vec![0, 1]]));
        assert_eq!(seen_of(&[piece(0, 10), piece(6400, 6600)]), Seen::OneOf(vec![vec![0], vec![0, 1]]));
    }

    #[test]
    fn what_came_in_one_request_is_seen_whole_however_late_the_answer() {
        assert_eq!(seen_of(&[piece(0, 9000)]), Seen::All);
        let never = Piece { presence: Presence::Never, ..piece(0, 0) };
        assert_eq!(seen_of(&[never, piece(0, 9000)]), Seen::All);
        assert_ne!(seen_of(&[piece(0, 9000), piece(0, 10)]), Seen::All);
        let torn_apart = Tail { held_before: Duration::from_secs(5), ..TAIL };
        assert_ne!(seen(&[piece(0, 9000)], &torn_apart, &Arrivals::default(), &[]), Seen::All);
    }

    #[test]
    fn pieces_that_never_came_count_for_nothing_and_unsure_ones_leave_it_open() {
        let never = Piece { presence: Presence::Never, ..piece(0, 0) };
        assert_eq!(seen_of(std::slice::from_ref(&never)), Seen::All);
        assert_eq!(seen_of(&[never, piece(8000, 8010), piece(9000, 9010)]), Seen::All);
        let unsure = Piece { presence: Presence::Unsure, ..piece(0, 0) };
        assert!(matches!(seen_of(&[unsure, piece(10, 20)]), Seen::Unknown(_)));
    }

    #[test]
    fn a_trace_that_may_have_been_forgotten_is_not_claimed() {
        let mut arrivals = Arrivals::default();
        (0..10).for_each(|_| arrivals.note(Duration::from_millis(5500)));
        let pieces = [piece(1000, 1010), piece(1100, 1110)];
        assert_eq!(seen(&pieces, &TAIL, &arrivals, &[]), Seen::All);
        arrivals.note(Duration::from_millis(5600));
        assert!(matches!(seen(&pieces, &TAIL, &arrivals, &[]), Seen::Unknown(_)));
        let small = Tail { remembered: 0, ..TAIL };
        let late = [piece(1000, 1010), piece(9000, 9010)];
        assert!(matches!(seen(&late, &small, &Arrivals { by_second: vec![0, 1] }, &[]), Seen::Unknown(_)));
    }

    #[test]
    fn a_trace_takes_a_place_when_it_begins_and_perhaps_again_when_spans_come_late() {
        let mut arrivals = Arrivals::default();
        let never = Piece { presence: Presence::Never, ..piece(9000, 9010) };
        arrivals.note_trace(
            &[piece(1000, 1010), piece(1500, 1510), piece(4000, 4010), piece(7000, 7010), never],
            TAIL.wait_min,
        );
        arrivals.note_trace(&[Piece { presence: Presence::Never, ..piece(1000, 1010) }], TAIL.wait_min);
        assert_eq!(arrivals.by_second, [0, 1, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_trace_in_a_target_that_was_paused_meanwhile_is_not_claimed() {
        let under = |tail: &Tail, from, to| {
            let disturbed = [(Duration::from_secs(from), Duration::from_secs(to))];
            seen(&[piece(2000, 2010)], tail, &Arrivals::default(), &disturbed)
        };
        let around = |from, to| under(&TAIL, from, to);
        assert!(matches!(around(3, 4), Seen::Unknown(_)));
        assert!(matches!(around(0, 2), Seen::Unknown(_)));
        assert_eq!(around(0, 1), Seen::All);
        assert_eq!(around(9, 12), Seen::All);
        let second_behind = Tail { held_behind: Duration::from_secs(3), ..TAIL };
        assert!(matches!(under(&second_behind, 9, 12), Seen::Unknown(_)), "decided, and still in it");
    }

    #[test]
    fn presence_follows_the_answer() {
        let presence = |outcome, attempts| {
            let record = RequestRecord { outcome, attempts, answer: String::new(), ended_ns: 0 };
            Piece::new(Vec::new(), Duration::ZERO, None, Some(&record)).presence
        };
        assert_eq!(presence(Outcome::Acknowledged, 1), Presence::Came);
        assert_eq!(presence(Outcome::Acknowledged, 2), Presence::Unsure);
        assert_eq!(presence(Outcome::Refused, 1), Presence::Never);
        assert_eq!(presence(Outcome::Refused, 2), Presence::Unsure);
        assert_eq!(presence(Outcome::NotSent, 0), Presence::Never);
        assert_eq!(presence(Outcome::Unknown, 1), Presence::Unsure);
        assert_eq!(presence(Outcome::Partial { rejected: 1 }, 1), Presence::Unsure);
        let instants = Instants {
            sent: Some(Duration::from_millis(1)),
            ended: Some(Duration::from_millis(5)),
            ..Instants::default()
        };
        let piece = Piece::new(vec![3], Duration::from_secs(2), Some(&instants.pack()), None);
        assert_eq!((piece.from.as_millis(), piece.to.as_millis(), piece.presence), (2001, 2005, Presence::Came));
    }
}
