//! Which losses an early end and the sink's own refusals leave open, and which not.

use super::*;
use crate::judge::evidence::{Conduct, Settling};
use crate::judge::instants::InstantsBook;
use crate::judge::outcomes::RequestId;
use crate::judge::standstill::Excused;
use proptest::prelude::*;
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, PlanSpec, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::uniform::Uniform;
use std::collections::BTreeMap;
use std::sync::Arc;

const MS: Duration = Duration::from_millis(1);

/// The request that is looked at: due some 15 s into the run. It is sent 10 ms and answered 100 ms later.
const NUMBER: u32 = 300;
const SENT: i64 = 10;
const ANSWERED: i64 = 100;

/// The target may hold a record for so long.
const HOLD: i64 = 5_000;

/// Requests of some 50 spans, one every 50 ms.
fn plan() -> Plan {
    Plan::new(PlanSpec {
        seed: Seed(3),
        tag: RunTag::new(1),
        lane: 0,
        epoch_unix_ns: 0,
        workload: Workload::Uniform(Uniform { spans_per_trace: 5, ..Uniform::default() }),
        mix: Mix::default(),
        packing: Packing::WholeTraces,
        batch: BatchRule { spans: 50, timeout_ns: 1_000_000_000 },
        request_bytes_max: 1 << 20,
        rate: Rate::Spans(1000.0),
        shape: Shape { segments: vec![Segment { seconds: 30.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Constant,
        extent: Extent::Profile,
    })
    .unwrap()
}

fn of_request(plan: &Plan, number: u32) -> (Duration, RoaringTreemap) {
    let chunk = plan.open(0);
    let records = chunk.records_of(plan, number).into_iter().map(u64::from).collect();
    (Duration::from_nanos(chunk.requests()[number as usize].due_ns), records)
}

/// A run in which all spans of one request are absent, or came late.
struct Run {
    evidence: Evidence,
    instants: Vec<Vec<Packed>>,
    due: Duration,
    records: RoaringTreemap,
}

impl Run {
    fn new() -> Self {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let (due, records) = of_request(&evidence.plan, NUMBER);
        assert!(due > Duration::from_secs(12) && records.len() > 20, "{due:?}");
        let sets = &mut evidence.account.sets;
        for set in [&mut sets.lost_acknowledged, &mut sets.lost_unknown, &mut sets.lost_declared, &mut sets.late] {
            set.clone_from(&records);
        }
        let (book, id) = (InstantsBook::default(), RequestId { chunk: 0, number: NUMBER });
        book.note_sent(id, SENT.unsigned_abs() as u32 * MS, ANSWERED.unsigned_abs() as u32 * MS);
        Self { evidence, instants: book.take_down(), due, records }
    }

    /// So long after the request was due, in milliseconds.
    fn at(&self, ms: i64) -> Duration {
        let by = Duration::from_millis(ms.unsigned_abs());
        if ms < 0 { self.due - by } else { self.due + by }
    }

    fn turned_away(&self, [from, to]: [i64; 2], bytes: Option<u64>) -> TurnedAway {
        TurnedAway { from: self.at(from), to: self.at(to), requests: 1, bytes }
    }

    fn doubted(&self, turned_away: &[TurnedAway], waited_until: Option<i64>) -> Doubted {
        let known = Known {
            turned_away: Some(turned_away),
            has_early_end: waited_until.is_some(),
            waited_until: waited_until.map(|ms| self.at(ms)),
            hold: Duration::from_millis(HOLD.unsigned_abs()),
        };
        Doubted::of((&self.evidence.account, &self.evidence.plan, &self.instants), &known).unwrap()
    }

    /// Whether its absence is open: of all of its records or of none, and under every word alike.
    fn is_open(&self, turned_away: &[TurnedAway], waited_until: Option<i64>) -> bool {
        let Doubted { acknowledged, unknown, declared, .. } = self.doubted(turned_away, waited_until);
        assert!(acknowledged == unknown && unknown == declared);
        assert!(acknowledged.records.is_empty() || acknowledged.records == self.records);
        assert_eq!(acknowledged.at_most, acknowledged.records.len());
        !acknowledged.records.is_empty()
    }
}

#[test]
fn a_request_that_was_turned_away_may_have_held_what_was_inside_the_target_when_it_came() {
    let run = Run::new();
    let is_open = |window| run.is_open(&[run.turned_away(window, None)], None);
    assert!(!is_open([SENT - 200, SENT - 1]), "what was not sent yet was in no request");
    assert!(is_open([SENT - 200, SENT]));
    assert!(is_open([ANSWERED + HOLD, ANSWERED + HOLD]));
    assert!(!is_open([ANSWERED + HOLD + 1, ANSWERED + HOLD + 9]), "by then the target had no time left for it");
    assert!(!run.is_open(&[], None));
    let neither = [[-500, -400], [90_000, 90_001]].map(|window| run.turned_away(window, None));
    assert!(!run.is_open(&neither, None));
}

#[test]
fn no_more_is_open_than_fits_into_what_was_turned_away() {
    let run = Run::new();
    let open = |bytes: &[Option<u64>]| {
        let all: Vec<_> = bytes.iter().map(|bytes| run.turned_away([200, 210], *bytes)).collect();
        let open = run.doubted(&all, None).acknowledged;
        assert!(open.at_most == 0 || open.records == run.records, "which of them nobody knows");
        assert_eq!(open.records.is_empty(), open.at_most == 0);
        assert_eq!(open.by_refusals, open.at_most > 0);
        open.at_most
    };
    assert_eq!([open(&[Some(0)]), open(&[Some(7)]), open(&[Some(8)]), open(&[Some(39)])], [0, 0, 1, 4]);
    assert_eq!(open(&[Some(8), Some(7), Some(16)]), 3);
    let all = run.records.len();
    assert_eq!([open(&[Some(8 * all)]), open(&[Some(u64::MAX), Some(u64::MAX)]), open(&[Some(8), None])], [all; 3]);
}

/// A stranger's request is too small for a span, and too late for most: it excuses nothing, whenever it comes.
#[test]
fn a_strangers_request_excuses_nothing() {
    let run = Run::new();
    for from in [-400, 0, 200, 4_000] {
        assert!(!run.is_open(&[run.turned_away([from, from + 3], Some(1))], None));
    }
}

#[test]
fn what_the_target_may_still_have_held_at_an_early_end_is_open_and_what_had_its_time_is_not() {
    let run = Run::new();
    assert!(run.is_open(&[], Some(ANSWERED + HOLD - 1)));
    assert!(!run.is_open(&[], Some(ANSWERED + HOLD)));
    let open = run.doubted(&[run.turned_away([200, 210], Some(16))], Some(1_000)).acknowledged;
    assert!(open.by_end && !open.by_refusals, "one reason is enough");
    assert_eq!(open.at_most, run.records.len());
    assert_eq!(run.doubted(&[], Some(1_000)).late, Open::default(), "what came late has come");
}

#[test]
fn of_what_nobody_noted_when_it_was_answered_anything_may_be() {
    let run = Run { instants: Vec::new(), ..Run::new() };
    assert!(run.is_open(&[run.turned_away([90_000, 90_001], None)], None));
    assert!(run.is_open(&[], Some(90_000)));
    assert!(!run.is_open(&[run.turned_away([-10, -1], None)], None), "it was not due yet");
}

#[test]
fn late_records_are_open_where_a_request_was_turned_away_between_their_sending_and_their_arrival() {
    let (mut run, id) = (Run::new(), RequestId { chunk: 0, number: NUMBER });
    let book = InstantsBook::default();
    book.note_sent(id, SENT.unsigned_abs() as u32 * MS, ANSWERED.unsigned_abs() as u32 * MS);
    book.note_arrivals([(id, 20_000 * MS)].into_iter());
    run.instants = book.take_down();
    let open = |window, bytes| run.doubted(&[run.turned_away(window, bytes)], None).late;
    for (window, is_open) in
        [([-9, SENT - 1], false), ([-9, SENT], true), ([20_000, 20_001], true), ([20_001, 20_002], false)]
    {
        let open = open(window, None);
        assert_eq!((open.at_most > 0, open.by_refusals), (is_open, is_open), "{window:?}");
    }
    assert_eq!((open([0, 100], Some(24)).at_most, open([0, 100], Some(24)).records), (3, run.records.clone()));
    assert_eq!(open([0, 100], Some(7)), Open::default());
}

#[test]
fn what_cannot_be_told_by_record_leaves_the_whole_run_in_doubt() {
    let run = Run::new();
    let told = Known { turned_away: Some(&[]), has_early_end: true, waited_until: Some(MS), hold: MS };
    let doubted = |known: Known<'_>| {
        let of = (&run.evidence.account, &*run.evidence.plan, &run.instants[..]);
        (Doubted::of(of, &known).is_some(), Doubted::without_instants(&run.evidence.account, &known).is_some())
    };
    assert_eq!(doubted(told), (true, false));
    assert_eq!(doubted(Known { waited_until: None, ..told }), (false, false));
    assert_eq!(doubted(Known { waited_until: None, has_early_end: false, ..told }), (true, true));
    assert_eq!(doubted(Known { turned_away: None, ..told }), (false, false));
}

#[test]
fn without_instants_what_fits_is_open() {
    let run = Run::new();
    let open = |bytes: &[Option<u64>]| {
        let all: Vec<_> = bytes.iter().map(|bytes| run.turned_away([0, 0], *bytes)).collect();
        let known = Known { turned_away: Some(&all), has_early_end: false, waited_until: None, hold: MS };
        Doubted::without_instants(&run.evidence.account, &known).unwrap().acknowledged
    };
    assert_eq!((open(&[]), open(&[Some(1)])), (Open::default(), Open::default()));
    assert_eq!((open(&[Some(16)]).at_most, open(&[Some(16)]).records), (2, run.records.clone()));
    assert_eq!(open(&[Some(16), None]).at_most, run.records.len());
}

#[test]
fn refusals_are_told_by_record_only_where_each_that_counts_is_told() {
    let one = TurnedAway { from: MS, to: MS, requests: 2, bytes: None };
    let refusals = |counts: &[u64], when: &[TurnedAway]| Refusals {
        by_bounds: counts.iter().enumerate().map(|(at, count)| (at.to_string(), *count)).collect(),
        malformed: BTreeMap::from([("malformed".to_owned(), 9)]),
        when: when.to_vec(),
    };
    assert_eq!(refusals(&[], &[]).turned_away(), Some(&[][..]));
    assert_eq!(refusals(&[1, 1], &[one]).turned_away(), Some(&[one][..]));
    assert_eq!(refusals(&[1, 2], &[one]).turned_away(), None);
    assert_eq!(refusals(&[1], &[]).turned_away(), None, "evidence of a build that noted none");
}

#[test]
fn reasons_are_told_of_what_they_leave_open_and_of_nothing_else() {
    let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
    evidence.account.sets.lost_acknowledged.extend(0..5);
    evidence.account.counts.lost_acknowledged = 5;
    let open = |evidence: &Evidence| evidence.open_absences().map(|open| open.at_most);
    let why = |evidence: &Evidence| evidence.why_open(&evidence.open_absences()[0]);
    assert_eq!((open(&evidence), why(&evidence), evidence.absence_doubt()), ([0; 3], None, None));
    evidence.refusals.by_bounds = BTreeMap::from([("too large".to_owned(), 1)]);
    let refused = "the sink itself did not take everything (too large 1)";
    assert_eq!((open(&evidence), why(&evidence).as_deref()), ([5, 0, 0], Some(refused)));
    assert_eq!(evidence.absence_doubt().as_deref(), Some(refused));
    evidence.cut_short = Some("interrupted".to_owned());
    let both = format!("the run was cut short (interrupted), and {refused}");
    assert_eq!(why(&evidence), Some(both));
    assert_eq!(evidence.lateness_doubt().as_deref(), Some("interrupted"));
    evidence.doubted = Some(Doubted::default());
    assert_eq!((open(&evidence), why(&evidence), evidence.absence_doubt()), ([0; 3], None, None));
    assert_eq!(evidence.lateness_doubt(), None);
    assert_eq!(evidence.recovery_doubt().as_deref(), Some("interrupted"), "that is not told by record");
    evidence.cut_short = None;
    assert_eq!(evidence.recovery_doubt().as_deref(), Some(refused));
    evidence.settling = Settling { short: Some(MS), drained: 0, may_still_come: true };
    assert!(evidence.has_early_end());
    evidence.settling.may_still_come = false;
    assert!(!evidence.has_early_end());
    evidence.conduct = Conduct { sink_saturated: 0.5, ..evidence.conduct };
    assert!(evidence.lateness_doubt().unwrap().contains("saturated"), "a sink that is the limit leaves all open");
}

#[test]
fn a_late_record_that_a_standstill_excuses_is_not_excused_twice() {
    let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
    let records: RoaringTreemap = (0..5).collect();
    let late = Open { records, at_most: 4, by_end: false, by_refusals: true };
    evidence.doubted = Some(Doubted { late, ..Doubted::default() });
    let open = |evidence: &Evidence, excused: std::ops::Range<u64>| {
        let excused = Excused { late: excused.collect(), ..Excused::default() };
        let open = Evidence { excused, plan: Arc::clone(&evidence.plan), ..copy(evidence) }.open_late();
        (open.at_most, open.by_refusals)
    };
    assert_eq!(
        (open(&evidence, 9..9), open(&evidence, 0..3), open(&evidence, 0..5)),
        ((4, true), (2, true), (0, false))
    );
}

/// The same evidence as far as it is looked at here.
fn copy(evidence: &Evidence) -> Evidence {
    Evidence { doubted: evidence.doubted.clone(), ..Evidence::of_clean_run(Arc::clone(&evidence.plan)) }
}

/// Requests that are turned away: when, for how long, and how many records of those that may be in it each holds.
fn refusals() -> impl Strategy<Value = Vec<(u64, u64, usize)>> {
    prop::collection::vec((0u64..30_000, 0u64..2_000, 0usize..60), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a blameless target had under way when its requests were turned away is open: no more can be lost than is said to be open.
    #[test]
    fn a_blameless_target_is_never_blamed(
        lost in prop::collection::vec(0u32..400, 1..6),
        turned_away in refusals(),
        sizes_known in any::<bool>(),
    ) {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let plan = Arc::clone(&evidence.plan);
        let (book, hold) = (InstantsBook::default(), Duration::from_secs(3));
        let requests: Vec<_> = lost.iter().map(|number| {
            book.note_sent(RequestId { chunk: 0, number: *number }, 5 * MS, 70 * MS);
            of_request(&plan, *number)
        }).collect();
        let mut really_inside = RoaringTreemap::new();
        let told: Vec<TurnedAway> = turned_away.into_iter().map(|(from, lasting, holds)| {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(from + lasting));
            let fit = requests.iter().filter(|(due, _)| *due + 5 * MS <= to && *due + 70 * MS + hold >= from);
            let inside: Vec<u64> = fit.flat_map(|(_, records)| records.iter()).take(holds).collect();
            really_inside.extend(inside.iter().copied());
            let bytes = sizes_known.then_some(inside.len() as u64 * RECORD_BYTES_MIN);
            TurnedAway { from, to, requests: 1, bytes }
        }).collect();
        let all = requests.iter().fold(RoaringTreemap::new(), |all, (_, records)| all | records);
        evidence.account.sets.lost_acknowledged = all.clone();
        let known = Known { turned_away: Some(&told), has_early_end: false, waited_until: None, hold };
        let open = Doubted::of((&evidence.account, &plan, &book.take_down()), &known).unwrap().acknowledged;
        prop_assert!(really_inside.is_subset(&open.records) && open.records.is_subset(&all));
        prop_assert!((really_inside.len()..=open.records.len()).contains(&open.at_most));
    }
}
