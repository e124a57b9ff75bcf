//! What standstills are kept, what is said of them, and what they excuse and what not.

use super::*;
use crate::judge::evidence::Evidence;
use crate::judge::instants::InstantsBook;
use crate::judge::outcomes::RequestId;
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, PlanSpec, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::uniform::Uniform;
use std::sync::Arc;

const MS: Duration = Duration::from_millis(1);

/// The request that is looked at: due some 15 s into the run.
const NUMBER: u32 = 300;

/// Late after 6 s, of which the target may hold a span for 2 s; it gives up waiting after 10 s.
const LATENESS: Lateness = Lateness { after: Duration::from_secs(6), margin: Duration::from_secs(4) };
const RESENDING: Resending = Resending { answer_within: Some(Duration::from_secs(10)), pause: Duration::from_secs(30) };

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

fn standstills(windows: &[(Duration, Duration)]) -> Standstills {
    let mut noted = Standstills::default();
    windows.iter().for_each(|(from, to)| noted.note(*from, *to));
    noted
}

fn of_ms(windows: &[(u32, u32)]) -> Standstills {
    standstills(&windows.iter().map(|(from, to)| (*from * MS, *to * MS)).collect::<Vec<_>>())
}

fn in_ms(noted: &Standstills) -> Vec<(u128, u128)> {
    noted.all().iter().map(|one| (one.from.as_millis(), one.to.as_millis())).collect()
}

/// A run in which the spans of one request came late and twice, and when that was due.
struct Run {
    evidence: Evidence,
    due: Duration,
    records: RoaringTreemap,
}

impl Run {
    fn new() -> Self {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let chunk = evidence.plan.open(0);
        let due = Duration::from_nanos(chunk.requests()[NUMBER as usize].due_ns);
        let records: RoaringTreemap = chunk.records_of(&evidence.plan, NUMBER).into_iter().map(u64::from).collect();
        assert!(due > Duration::from_secs(12) && !records.is_empty(), "{due:?}");
        evidence.account.sets.late = records.clone();
        evidence.account.sets.duplicated = records.clone();
        Self { evidence, due, records }
    }

    /// What is excused where we stood still so long before and after it was due (in milliseconds), and it was answered, and its first
    /// and last span arrived, so long after.
    fn excused(&self, stood_still: &[(i32, i32)], [answered, first, last]: [u32; 3], resending: Resending) -> Excused {
        let (book, id) = (InstantsBook::default(), RequestId { chunk: 0, number: NUMBER });
        book.note_sent(id, Duration::ZERO, answered * MS);
        book.note_arrivals([(id, first * MS), (id, last * MS)].into_iter());
        let at = |ms: i32| if ms < 0 { self.due - ms.unsigned_abs() * MS } else { self.due + ms.unsigned_abs() * MS };
        let windows: Vec<_> = stood_still.iter().map(|(from, to)| (at(*from), at(*to))).collect();
        let of = (&self.evidence.account, &*self.evidence.plan, &book.take_down()[..]);
        Excused::of(of, standstills(&windows), resending, LATENESS)
    }

    fn late(&self, stood_still: &[(i32, i32)], instants: [u32; 3]) -> bool {
        self.whole(&self.excused(stood_still, instants, RESENDING).late)
    }

    fn repeated(&self, stood_still: &[(i32, i32)], instants: [u32; 3], answer_within: Option<Duration>) -> bool {
        let resending = Resending { answer_within, ..RESENDING };
        self.whole(&self.excused(stood_still, instants, resending).repeated)
    }

    /// Whether all of its records are meant; none are otherwise.
    fn whole(&self, excused: &RoaringTreemap) -> bool {
        assert!(excused.is_empty() || *excused == self.records);
        !excused.is_empty()
    }
}

#[test]
fn standstills_are_kept_in_order_and_those_that_touch_are_one() {
    assert_eq!(in_ms(&of_ms(&[(50, 60), (10, 20), (30, 30), (41, 40)])), [(10, 20), (50, 60)]);
    assert_eq!(in_ms(&of_ms(&[(10, 20), (20, 25), (5, 10)])), [(5, 25)]);
    assert_eq!(in_ms(&of_ms(&[(10, 20), (30, 40), (50, 60), (15, 55)])), [(10, 60)]);
    assert_eq!(in_ms(&of_ms(&[(10, 60), (20, 30)])), [(10, 60)]);
    assert_eq!(of_ms(&[(10, 20), (50, 65)]).length(), 25 * MS);
}

#[test]
fn beyond_the_bound_the_nearest_become_one() {
    let most = u32::try_from(Standstills::KEPT_MAX).unwrap();
    let mut noted = of_ms(&(0..most).map(|number| (number * 100, number * 100 + 10)).collect::<Vec<_>>());
    assert_eq!(noted.all().len(), Standstills::KEPT_MAX);
    noted.note(35 * MS, 40 * MS);
    assert_eq!(noted.all().len(), Standstills::KEPT_MAX);
    assert_eq!(in_ms(&noted)[..2], [(0, 40), (100, 110)]);
    assert_eq!(in_ms(&noted).last(), Some(&(u128::from(most - 1) * 100, u128::from(most - 1) * 100 + 10)));
}

#[test]
fn what_is_said_of_them_names_when_and_for_how_long() {
    assert_eq!(of_ms(&[]).in_words(), None);
    assert_eq!(of_ms(&[(5_000, 17_000)]).in_words().unwrap(), "spanproof itself stood still for 12 s from 0:05 on");
    let two = of_ms(&[(5_000, 17_000), (61_000, 61_500)]);
    assert_eq!(two.in_words().unwrap(), "spanproof itself stood still for 12 s from 0:05 on, 500 ms from 1:01 on");
    let many = of_ms(&[(1_000, 2_000), (3_000, 5_000), (6_000, 6_500), (7_000, 10_000)]);
    let said = "spanproof itself stood still 4 times, for 6.5 s in all (1 s from 0:01 on, 2 s from 0:03 on, 3 s from 0:07 on, and \
                more)";
    assert_eq!(many.in_words().unwrap(), said);
}

#[test]
fn what_came_late_is_excused_by_a_standstill_on_its_way_and_by_no_other() {
    let run = Run::new();
    let came = [10, 7_000, 7_000];
    assert!(run.late(&[(1_000, 4_000)], came));
    assert!(run.late(&[(-2_000, 500)], came), "that began before it was due");
    assert!(run.late(&[(6_500, 9_000)], came), "that began before it came");
    assert!(!run.late(&[], came));
    assert!(!run.late(&[(7_001, 12_000)], came), "after it had come");
    assert!(run.late(&[(-5_000, -2_500)], came), "what had not been sent meanwhile was in its way");
    assert!(!run.late(&[(-9_000, -6_000)], came), "before that was worked off");
}

#[test]
fn what_came_late_is_excused_only_by_a_standstill_that_is_long_enough_for_it() {
    let run = Run::new();
    let came = [10, 7_000, 7_000];
    assert!(run.late(&[(1_000, 3_000)], came), "half of the margin");
    assert!(!run.late(&[(1_000, 2_999)], came));
    assert!(run.late(&[(1_000, 2_000), (3_000, 4_000)], came), "in two parts");
    assert!(
        run.late(&[(1_000, 3_000)], [10, 8_010, 8_010]),
        "to the bound: 2 s later than it might have come otherwise"
    );
    assert!(!run.late(&[(1_000, 3_000)], [10, 8_011, 8_011]));
    assert!(run.late(&[(1_000, 3_000)], [10, 7_000, 20_000]), "which of its spans came late nobody knows");
    assert!(run.late(&[(1_000, 3_000)], [20_000, 20_500, 20_500]), "sent again, nobody knows when");
    // So long that the target gave up and waited before it tried again.
    assert!(run.late(&[(1_000, 6_000)], [10, 41_010, 41_010]));
    assert!(!run.late(&[(1_000, 6_000)], [10, 41_011, 41_011]));
}

#[test]
fn a_repeat_is_excused_by_a_standstill_for_which_the_target_may_have_given_up_waiting() {
    let run = Run::new();
    let (came, ten) = ([10, 6_000, 6_000], Some(Duration::from_secs(10)));
    assert!(run.repeated(&[(500, 5_500)], came, ten), "half of what it waits");
    assert!(!run.repeated(&[(501, 5_500)], came, ten));
    assert!(!run.repeated(&[], came, ten));
    assert!(!run.repeated(&[(6_001, 12_000)], came, ten), "after all had come");
    assert!(!run.repeated(&[(-9_000, -1)], came, ten), "before it was due");
    assert!(run.repeated(&[(-9_000, 0)], came, ten));
    let second = Some(Duration::from_secs(1));
    assert!(run.repeated(&[(500, 1_000)], came, second) && !run.repeated(&[(501, 1_000)], came, second));
    assert!(run.repeated(&[(500, 1_500)], came, None), "of a target that is not known");
    assert!(!run.repeated(&[(501, 1_500)], came, None));
}

#[test]
fn a_repeat_that_is_explained_needs_no_excuse() {
    let mut run = Run::new();
    run.evidence.account.sets.duplicated_explained = run.records.clone();
    assert!(!run.repeated(&[(0, 6_000)], [10, 6_000, 6_000], Some(Duration::from_secs(10))));
}

#[test]
fn what_has_no_instants_is_excused_only_where_nobody_notes_any() {
    let run = Run::new();
    let account = &run.evidence.account;
    let of = |length: u32| Excused::without_instants(account, of_ms(&[(0, length)]), Resending::default());
    assert_eq!(
        (of(1_000).repeated, of(1_000).late, of(1_000).unheard),
        (run.records.clone(), RoaringTreemap::new(), true)
    );
    assert_eq!((of(999).repeated, of(999).unheard), (RoaringTreemap::new(), false));
    assert_eq!(Excused::without_instants(account, of_ms(&[]), Resending::default()), Excused::default());
    let unknown = Excused::of((account, &run.evidence.plan, &[]), of_ms(&[(0, 60_000)]), RESENDING, LATENESS);
    assert_eq!((unknown.late, unknown.repeated), (RoaringTreemap::new(), RoaringTreemap::new()));
}

#[test]
fn how_much_later_a_target_may_recover_is_as_long_as_we_stood_still_and_its_pause_where_it_gave_up() {
    let run = Run::new();
    let of = |length: i32| run.excused(&[(0, length)], [10, 20, 30], RESENDING);
    assert_eq!((of(4_999).delay, of(4_999).unheard), (4_999 * MS, false));
    assert_eq!((of(5_000).delay, of(5_000).unheard), (35_000 * MS, true));
}

#[test]
fn what_a_target_may_send_again_is_waited_for_from_the_last_standstill_for_which_it_may_have_given_up() {
    let by = |windows: &[(u32, u32)]| RESENDING.sends_again_by(&of_ms(windows));
    assert_eq!((by(&[]), by(&[(0, 4_999)])), (None, None));
    assert_eq!(by(&[(0, 5_000)]), Some(35_000 * MS));
    assert_eq!(by(&[(0, 5_000), (6_000, 12_000), (20_000, 21_000)]), Some(42_000 * MS));
}
