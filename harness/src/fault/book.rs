//! What each fault did, and what came after it.

use super::account::FaultAccount;
use super::returns::{Returns, SentAway, Then};
use roaring::RoaringTreemap;
use spanproof_generators::mix::hash_bytes;
use spanproof_generators::walk::SpanIds;
use spanproof_scenarios::scenario::{Fault, FaultKind, LinkSite, Reach, ReachOf, SinkFault, Windows};
use spanproof_scenarios::units::Ppb;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// What the sink takes so shortly before a link breaks may lose its answer there.
const UNDER_WAY: Duration = Duration::from_millis(100);

/// What a broken link held up comes within this time after it is well again, and its sender may have given it up.
const HELD_UP: Duration = Duration::from_secs(2);

/// The faults of a run, each with what it did.
#[derive(Debug)]
pub struct FaultBook {
    entries: Vec<Entry>,
    sent_away: SentAway,
}

#[derive(Debug)]
struct Entry {
    name: String,
    windows: Windows,
    /// What it does at the sink and to which requests; `None` for a fault of something else, after which the sink only looks when
    /// requests come again.
    at_sink: Option<(SinkFault, Reach)>,
    /// On the way from the target to the sink it may swallow the answer to whatever is taken, also to what was held up.
    loses_answers: bool,
    /// Left out in secret, to see that this is noticed.
    disarmed: bool,
    /// From this the share of its requests is drawn, or which spans it has poisoned.
    seed: u64,
    /// Requests that came while it held, touched or not, where a share of them is drawn.
    seen: AtomicU64,
    account: FaultAccount,
    /// Windows after which something was stored already.
    healed: AtomicUsize,
    /// The longest that it took after a window until something was stored, in nanoseconds.
    first_delivery_ns: AtomicU64,
}

/// A request, as far as it matters to what strikes it.
pub trait Struckable {
    /// The number of the connection that it came over.
    fn connection(&self) -> u64;

    /// The records of the plan in it; read when they are asked for.
    fn records(&self) -> &RoaringTreemap;
}

/// A fault that decides about a request.
pub struct Struck<'a> {
    /// What it does.
    pub fault: SinkFault,
    /// What it did so far.
    pub(super) account: &'a FaultAccount,
    /// Its place in the book.
    number: usize,
}

/// What a fault did.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Requests that it touched.
    pub touched: u64,
    /// The records of the plan that were in them.
    pub records: RoaringTreemap,
    /// Of these, the ones that were taken without the target having been told.
    pub unanswered: RoaringTreemap,
    /// What the target did with those that it sent away.
    pub returns: Returns,
    /// When it touched the first and the last, from the start of the run.
    pub between: Option<(Duration, Duration)>,
    /// The longest, over its windows, from the end of one until the sink took a request again; `None` where it did not after each.
    pub first_delivery: Option<Duration>,
}

impl FaultBook {
    /// A book of these faults; `disarmed` is the name of one that is to do nothing all the same. What a fault draws follows from seed
    /// and name, so that it strikes the same whichever others are there.
    pub fn new(faults: &[Fault], seed: u64, disarmed: Option<&str>) -> Self {
        let entry = |fault: &Fault| {
            let drawn = hash_bytes(mix(seed), fault.name.as_bytes());
            Entry::new(fault, drawn, disarmed == Some(fault.name.as_str()))
        };
        Self { entries: faults.iter().map(entry).collect(), sent_away: SentAway::new(faults.len()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The fault that decides about a request which arrived at this instant of the run, noted in its book; `None` where all is
    /// well.
    pub fn strike(&self, at: Duration, request: &dyn Struckable) -> Option<Struck<'_>> {
        let strike = |(number, entry): (usize, &'_ Entry)| Some((entry.strike(at, request)?, number));
        let (fault, number) = self.entries.iter().enumerate().find_map(strike)?;
        let account = &self.entries[number].account;
        account.note_touched(at);
        Some(Struck { fault, account, number })
    }

    /// A request came, known by its first span, whatever becomes of it.
    pub(super) fn note_coming(&self, at: Duration, request: SpanIds) {
        self.sent_away.came(at, request);
    }

    /// The fault sent it away, and this the target may do then.
    pub(super) fn note_sent_away(&self, struck: &Struck<'_>, at: Duration, request: SpanIds, then: Then) {
        self.sent_away.sent_away(struck.number, at, request, then);
    }

    /// It was taken.
    pub(super) fn note_taken(&self, at: Duration, request: SpanIds) {
        self.sent_away.taken(at, request);
    }

    /// Whether the answer to a request that comes at this instant may be lost on the way.
    pub(super) fn may_lose_answer(&self, at: Duration) -> bool {
        self.entries.iter().any(|entry| entry.may_lose_answer(at))
    }

    /// These records were taken then, and their answer may have been lost on the way.
    pub(super) fn note_perhaps_unanswered(&self, at: Duration, records: &RoaringTreemap) {
        for entry in self.entries.iter().filter(|entry| entry.may_lose_answer(at)) {
            entry.account.note_kept_back(records);
        }
    }

    /// The sink has taken a request that no fault touched.
    pub fn note_delivery(&self, at: Duration) {
        self.entries.iter().for_each(|entry| entry.note_delivery(at));
    }

    /// What the fault of this name did so far at the sink; `None` if there is none of this name.
    pub fn observed(&self, name: &str) -> Option<Observed> {
        let number = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries[number].observed(self.sent_away.returns(number)))
    }

    /// When a request last came that was taken without the target being told at once, from the start of the run.
    pub fn last_unanswered(&self) -> Option<Duration> {
        let takes = |entry: &&Entry| entry.at_sink.is_some_and(|(fault, _)| fault.keeps_answer_back());
        let touched = self.entries.iter().filter(takes).filter_map(|entry| entry.account.between());
        touched.map(|(_, last)| last).max()
    }

    /// After how many windows of the fault of this name the sink has taken a request again.
    pub fn healed(&self, name: &str) -> u32 {
        let entry = self.entries.iter().find(|entry| entry.name == name);
        entry.map_or(0, |entry| u32::try_from(entry.healed.load(Relaxed)).unwrap_or(u32::MAX))
    }

    /// Requests that were refused for a fault's sake.
    pub fn refused(&self) -> u64 {
        let refuses = |entry: &&Entry| entry.at_sink.is_some_and(|(fault, _)| fault.refuses());
        self.entries.iter().filter(refuses).map(|entry| entry.account.touched()).sum()
    }
}

impl Entry {
    fn new(fault: &Fault, seed: u64, disarmed: bool) -> Self {
        Self {
            name: fault.name.clone(),
            windows: fault.windows,
            at_sink: match fault.kind {
                FaultKind::Sink { fault, reach } => Some((fault, reach)),
                FaultKind::Target(_) | FaultKind::Link { .. } | FaultKind::Commands(_) => None,
            },
            loses_answers: matches!(fault.kind, FaultKind::Link { site: LinkSite::Egress, .. }),
            disarmed,
            seed,
            seen: AtomicU64::new(0),
            account: FaultAccount::default(),
            healed: AtomicUsize::new(0),
            first_delivery_ns: AtomicU64::new(0),
        }
    }

    fn strike(&self, at: Duration, request: &dyn Struckable) -> Option<SinkFault> {
        let (fault, reach) = self.at_sink.filter(|_| !self.disarmed)?;
        let since = self.windows.since(at)?;
        let drawn = |from: u64| mix(self.seed ^ from);
        let touched = match fault {
            SinkFault::Poison { one_in, .. } => {
                request.records().iter().any(|record| drawn(record).is_multiple_of(one_in))
            }
            _ => {
                let share = reach.after(since, self.windows.lasting);
                let number = || match reach.of {
                    ReachOf::Requests => self.seen.fetch_add(1, Relaxed),
                    ReachOf::Connections => request.connection(),
                };
                share == Ppb::WHOLE || drawn(number()) % Ppb::WHOLE.0 < share.0
            }
        };
        touched.then_some(fault)
    }

    fn may_lose_answer(&self, at: Duration) -> bool {
        let may = self.loses_answers && !self.disarmed;
        may && self.windows.hold_within(at.saturating_sub(HELD_UP), at.saturating_add(UNDER_WAY))
    }

    /// Windows end one after the other, so the first that nothing followed yet is all there is to look at.
    fn note_delivery(&self, at: Duration) {
        let windows = &self.windows;
        loop {
            let healed = self.healed.load(Relaxed);
            let Some(number) = u32::try_from(healed).ok().filter(|number| *number < windows.times) else { return };
            let Some(after) = at.checked_sub(windows.window(number).1) else { return };
            if self.healed.compare_exchange(healed, healed + 1, Relaxed, Relaxed).is_ok() {
                self.first_delivery_ns.fetch_max(after.as_nanos() as u64, Relaxed);
            }
        }
    }

    fn observed(&self, returns: Returns) -> Observed {
        Observed {
            touched: self.account.touched(),
            records: self.account.records(),
            unanswered: self.account.unanswered(),
            returns,
            between: self.account.between(),
            first_delivery: (self.healed.load(Relaxed) == self.windows.times as usize)
                .then(|| Duration::from_nanos(self.first_delivery_ns.load(Relaxed))),
        }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection whose output looks random.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A request with these records, over the first connection.
#[cfg(test)]
impl Struckable for RoaringTreemap {
    fn connection(&self) -> u64 {
        0
    }

    fn records(&self) -> &RoaringTreemap {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::scenario::GrpcStatus;

    const SECOND: Duration = Duration::from_secs(1);

    /// Holds from 10 s to 12 s, and twice more every 5 s.
    fn fault(name: &str, share: Ppb) -> Fault {
        reaching(name, SinkFault::Hang, Reach::share(share))
    }

    fn reaching(name: &str, fault: SinkFault, reach: Reach) -> Fault {
        let windows = Windows { at: 10 * SECOND, lasting: 2 * SECOND, every: 5 * SECOND, times: 3 };
        Fault { name: name.to_owned(), windows, kind: FaultKind::Sink { fault, reach } }
    }

    /// A request over this connection.
    struct Over(u64);

    impl Struckable for Over {
        fn connection(&self) -> u64 {
            self.0
        }

        fn records(&self) -> &RoaringTreemap {
            panic!("nobody needs to know")
        }
    }

    /// Whether a request strikes whose connection and records do not matter.
    fn strike(book: &FaultBook, at: Duration) -> Option<Struck<'_>> {
        book.strike(at, &RoaringTreemap::new())
    }

    #[test]
    fn a_fault_strikes_in_its_windows_and_keeps_book() {
        let book = FaultBook::new(&[fault("down", Ppb::WHOLE)], 7, None);
        let struck: Vec<u32> = (0..30).filter(|second| strike(&book, *second * SECOND).is_some()).collect();
        assert_eq!(struck, [10, 11, 15, 16, 20, 21]);
        let observed = book.observed("down").unwrap();
        assert_eq!((observed.touched, observed.between), (6, Some((10 * SECOND, 21 * SECOND))));
        assert_eq!(book.refused(), 0);
    }

    #[test]
    fn a_disarmed_fault_does_nothing_and_its_book_says_so() {
        let book = FaultBook::new(&[fault("down", Ppb::WHOLE), fault("slow", Ppb::WHOLE)], 7, Some("down"));
        assert!(strike(&book, 10 * SECOND).is_some(), "the other one does");
        let touched = ["down", "slow", "other"].map(|name| book.observed(name).map(|observed| observed.touched));
        assert_eq!(touched, [Some(0), Some(1), None]);
        assert_eq!(book.observed("down").unwrap().between, None);
    }

    #[test]
    fn a_share_of_the_requests_is_drawn_by_the_seed() {
        let struck = |seed| {
            let book = FaultBook::new(&[fault("brown-out", Ppb::from_percent(30))], seed, None);
            (0..10_000).map(|_| strike(&book, 10 * SECOND).is_some()).collect::<Vec<_>>()
        };
        let of_seven = struck(7);
        let count = of_seven.iter().filter(|struck| **struck).count();
        // Five standard deviations of a binomial of 10,000 draws at 30 %.
        assert!((2771..=3229).contains(&count), "{count}");
        assert_eq!(of_seven, struck(7));
        assert_ne!(of_seven, struck(8));
    }

    #[test]
    fn what_a_fault_draws_is_its_own_and_the_same_without_the_others() {
        let brown_out = fault("brown-out", Ppb::from_percent(30));
        let earlier = || Windows { at: SECOND, lasting: SECOND, every: SECOND, times: 1 };
        let other = Fault { windows: earlier(), ..fault("other", Ppb::WHOLE) };
        let struck = |faults: &[Fault]| {
            let book = FaultBook::new(faults, 7, None);
            (0..1_000).map(|_| strike(&book, 10 * SECOND).is_some()).collect::<Vec<_>>()
        };
        let alone = struck(std::slice::from_ref(&brown_out));
        assert_eq!(struck(&[other, brown_out]), alone);
        assert_ne!(struck(&[fault("flicker", Ppb::from_percent(30))]), alone);
    }

    #[test]
    fn a_connection_is_touched_as_a_whole_or_not_at_all() {
        let reach = Reach { of: ReachOf::Connections, ..Reach::share(Ppb::from_percent(50)) };
        let book = FaultBook::new(&[reaching("half", SinkFault::Hang, reach)], 7, None);
        let struck = |connection| book.strike(10 * SECOND, &Over(connection)).is_some();
        let first: Vec<bool> = (0..100).map(struck).collect();
        assert_eq!(first, (0..100).map(struck).collect::<Vec<bool>>());
        let count = first.iter().filter(|struck| **struck).count();
        // Four standard deviations of a binomial of 100 draws at 50 %.
        assert!((30..=70).contains(&count), "{count}");
    }

    #[test]
    fn a_share_that_rises_touches_more_in_the_end() {
        let reach = Reach { from: Ppb(0), ..Reach::WHOLE };
        let book = FaultBook::new(&[reaching("rising", SinkFault::Hang, reach)], 7, None);
        let struck = |at: Duration| (0..1000).filter(|_| strike(&book, at).is_some()).count();
        let counts = [10 * SECOND, 11 * SECOND, 12 * SECOND - Duration::from_nanos(1)].map(struck);
        assert!(counts[0] == 0 && (420..=580).contains(&counts[1]) && counts[2] == 1000, "{counts:?}");
    }

    #[test]
    fn what_has_a_poisoned_span_is_touched_whatever_comes_with_it() {
        let poison = SinkFault::Poison { one_in: 100, code: GrpcStatus::InvalidArgument.into() };
        let book = FaultBook::new(&[reaching("poison", poison, Reach::WHOLE)], 7, None);
        let struck = |records: RoaringTreemap| book.strike(10 * SECOND, &records).is_some();
        let poisoned: Vec<u64> = (0..10_000).filter(|record| struck([*record].into_iter().collect())).collect();
        // Four standard deviations of a binomial of 10,000 draws at 1 %.
        assert!((60..=140).contains(&poisoned.len()), "{}", poisoned.len());
        let sound = |record: &u64| !poisoned.contains(record);
        assert!(!struck((0..10_000).filter(sound).collect()));
        assert!(struck((0..poisoned[0] + 1).collect()) && !struck((0..poisoned[0]).collect()));
        assert_eq!(book.refused(), book.observed("poison").unwrap().touched);
    }

    #[test]
    fn the_longest_wait_after_any_window_is_the_time_to_the_first_delivery() {
        let book = FaultBook::new(&[fault("down", Ppb::WHOLE)], 7, None);
        let first_delivery = || book.observed("down").unwrap().first_delivery;
        book.note_delivery(5 * SECOND);
        book.note_delivery(12 * SECOND + SECOND / 2);
        book.note_delivery(14 * SECOND);
        assert_eq!((book.healed("down"), first_delivery()), (1, None), "two are still to come");
        // Nothing came between the second window and the third.
        book.note_delivery(23 * SECOND);
        assert_eq!((book.healed("down"), first_delivery()), (3, Some(6 * SECOND)));
    }
}
