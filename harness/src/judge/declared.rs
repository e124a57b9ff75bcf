//! What the death of a target explains: losses that its guarantee permits, and repeats of what was under way.
//!
//! An acknowledgement of a target with a queue in memory may die with its process. What had been acknowledged shortly enough before a
//! kill to be still inside, and never came, is *lost-declared*: the scenario has said that this may happen. What had been acknowledged
//! earlier than the target may hold anything, or after the kill, is lost as ever.

use super::account::Account;
use super::instants::{Instants, Packed};
use roaring::RoaringTreemap;
use spanproof_generators::plan::{Chunk, Plan};
use std::time::Duration;

/// The deaths of a run's target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deaths {
    /// When it was killed, and for how long it may have held what it had acknowledged by then.
    pub kills: Vec<Kill>,
    /// Whether the scenario's guarantee permits what was inside to die with it.
    pub permits_loss: bool,
    /// When nothing was left of it that a fault had ended, in whatever way.
    pub ends: Vec<Duration>,
    /// Records that the sink had refused for good: the target had no reason to keep them.
    pub dropped: RoaringTreemap,
}

/// A kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// When nothing was left of the target, from the start of the run.
    pub at: Duration,
    /// What had been acknowledged longer ago than this was inside no more.
    pub hold: Duration,
}

/// What a target sends again because it died before it heard the answer, it had sent at most this long before: an exporter's timeout
/// by default.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// What had been acknowledged so shortly before may be inside a target that holds nothing back.
const PASSING: Duration = Duration::from_secs(1);

/// How long before a kill at `at` the target may have acknowledged what it still held: what its pipeline holds back, and, where the
/// backend was broken up to the kill or had been until less than `pause` before, the time since that began. `outages` are windows of
/// broken backends.
pub fn held_at(at: Duration, pipeline: Duration, pause: Duration, outages: &[(Duration, Duration)]) -> Duration {
    let mut since = at;
    let mut latest_first = outages.to_vec();
    latest_first.sort_by_key(|(begin, end)| std::cmp::Reverse((*end, *begin)));
    for (begin, end) in latest_first {
        // It had not tried again yet what had failed in this one.
        if end.saturating_add(pause) < since {
            break;
        }
        // One that comes later changes nothing here.
        since = since.min(begin);
    }
    (at - since).saturating_add(pipeline).saturating_add(PASSING)
}

/// Gives losses and repeats around deaths their words. `instants` are those of requests, by chunk and number. Of the records that were
/// acknowledged and lost gives those that were still inside at a kill, permitted or not.
pub fn explain(account: &mut Account, plan: &Plan, instants: &[Vec<Packed>], deaths: &Deaths) -> RoaringTreemap {
    let died_with = |due: Duration, of: Instants| {
        let Some(acknowledged) = of.ended.map(|ended| due.saturating_add(ended)) else { return false };
        let held = |kill: &Kill| kill.at.checked_sub(acknowledged).is_some_and(|inside| inside <= kill.hold);
        deaths.kills.iter().any(held)
    };
    let died = match deaths.kills.is_empty() {
        true => RoaringTreemap::new(),
        false => those(&(&account.sets.lost_acknowledged - &deaths.dropped), plan, instants, died_with),
    };
    if deaths.permits_loss {
        account.declare_lost(&died);
    }
    // What was being sent when it died it cannot know to have arrived.
    let came_around = |due: Duration, of: Instants| {
        let (Some(first), Some(last)) = (of.first_arrival, of.last_arrival) else { return false };
        let around = |end: &Duration| (due + first..due + last).contains(end) && *end - (due + first) <= UNDER_WAY;
        deaths.ends.iter().any(around)
    };
    if !deaths.ends.is_empty() {
        account.explain_repeats(&those(&account.sets.duplicated, plan, instants, came_around));
    }
    died
}

/// How long after a link that was broken for so long is well again a client of gRPC may wait before it connects: its pauses grow by 1.6 from a
/// second up to two minutes, a fifth more or less by chance, so none is longer than all before it together by more than that.
/// <https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md>
pub fn to_connect_again(broken: Duration) -> Duration {
    const PAUSE_MAX: Duration = Duration::from_secs(120);
    broken.min(PAUSE_MAX).mul_f64(1.2)
}

/// Those of these records that may have been inside a target, which holds them for so long, while a link was broken in one of these windows or
/// had not been connected again: acknowledged then, or shortly enough before.
pub fn inside_during(
    records: &RoaringTreemap,
    plan: &Plan,
    instants: &[Vec<Packed>],
    hold: Duration,
    windows: &[(Duration, Duration)],
) -> RoaringTreemap {
    let hold = hold.saturating_add(PASSING);
    those(records, plan, instants, |due, of| {
        let Some(acknowledged) = of.ended.map(|ended| due.saturating_add(ended)) else { return false };
        windows.iter().any(|(begin, end)| {
            let connected = end.saturating_add(to_connect_again(end.saturating_sub(*begin)));
            (begin.saturating_sub(hold)..connected).contains(&acknowledged)
        })
    })
}

/// Those of these records whose request has instants that fit; `fits` is given the request's intended instant.
pub(super) fn those(
    records: &RoaringTreemap,
    plan: &Plan,
    instants: &[Vec<Packed>],
    fits: impl Fn(Duration, Instants) -> bool,
) -> RoaringTreemap {
    let mut chosen = RoaringTreemap::new();
    visit(records, plan, instants, |record, due, of| {
        if fits(due, of) {
            chosen.insert(record);
        }
    });
    chosen
}

/// Shows of each of these records, in their order, the intended instant of its request and what was noted of that: nothing, if so.
pub(super) fn visit(
    records: &RoaringTreemap,
    plan: &Plan,
    instants: &[Vec<Packed>],
    mut see: impl FnMut(u64, Duration, Instants),
) {
    let mut open: Option<Chunk> = None;
    for record in records {
        let number = plan.chunk_of(record);
        let chunk = match open.take_if(|chunk| chunk.number() == number) {
            Some(chunk) => open.insert(chunk),
            None => open.insert(plan.open(number)),
        };
        let offset = u32::try_from(record - plan.spans_before(number)).unwrap_or(u32::MAX);
        let (trace, ordinal) = chunk.trace_of(offset);
        let request = chunk.request_of(plan, trace, ordinal);
        let noted = instants.get(number as usize).and_then(|requests| requests.get(request as usize));
        let due = Duration::from_nanos(chunk.requests()[request as usize].due_ns);
        see(record, due, noted.map_or_else(Instants::default, |noted| Instants::unpack(*noted)));
    }
}

#[cfg(test)]
mod tests {
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
    const KILL: Kill = Kill { at: Duration::from_secs(1), hold: Duration::from_millis(20) };

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

    /// A run in which the spans of three requests are lost: acknowledged 50 ms, 10 ms and 0 ms before 1 s into the run, and those of
    /// one more that was acknowledged just after.
    fn lost() -> (Evidence, Vec<Vec<Packed>>, Vec<RoaringTreemap>) {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let plan = Arc::clone(&evidence.plan);
        let (chunk, book) = (plan.open(0), InstantsBook::default());
        let second = Duration::from_secs(1);
        let answered = [second - 50 * MS, second - 10 * MS, second, second + MS];
        let sets = answered.iter().zip(0..).map(|(answered, number)| {
            let due = Duration::from_nanos(chunk.requests()[number as usize].due_ns);
            book.note_sent(RequestId { chunk: 0, number }, Duration::ZERO, answered.saturating_sub(due));
            chunk.records_of(&plan, number).into_iter().map(u64::from).collect::<RoaringTreemap>()
        });
        let sets: Vec<RoaringTreemap> = sets.collect();
        let all = sets.iter().fold(RoaringTreemap::new(), |all, set| all | set);
        evidence.account.counts.lost_acknowledged = all.len();
        evidence.account.sets.lost_acknowledged = all;
        (evidence, book.take_down(), sets)
    }

    #[test]
    fn what_was_inside_at_a_kill_is_lost_as_declared_and_nothing_else_is() {
        let (mut evidence, instants, sets) = lost();
        let all = evidence.account.counts.lost_acknowledged;
        let deaths = Deaths { kills: vec![KILL], permits_loss: true, ..Deaths::default() };
        let died = explain(&mut evidence.account, &evidence.plan, &instants, &deaths);
        let declared = sets[1].len() + sets[2].len();
        assert_eq!(evidence.account.counts.lost_declared, declared);
        assert_eq!(evidence.account.counts.lost_acknowledged, all - declared);
        assert_eq!(evidence.account.sets.lost_acknowledged, &sets[0] | &sets[3], "too early, and too late");
        assert_eq!(evidence.account.sets.lost_declared, &sets[1] | &sets[2]);
        assert_eq!(died, evidence.account.sets.lost_declared);
    }

    #[test]
    fn where_nothing_may_be_lost_all_is_lost_as_ever_and_it_is_known_where() {
        let (mut evidence, instants, sets) = lost();
        let before = evidence.account.counts;
        let ends = vec![KILL.at];
        let strict = Deaths { kills: vec![KILL], ends: ends.clone(), ..Deaths::default() };
        let died = explain(&mut evidence.account, &evidence.plan, &instants, &strict);
        assert_eq!((evidence.account.counts, died), (before, &sets[1] | &sets[2]));
        let asked_to_end = Deaths { permits_loss: true, ends, ..Deaths::default() };
        let died = explain(&mut evidence.account, &evidence.plan, &instants, &asked_to_end);
        assert_eq!((evidence.account.counts, died), (before, RoaringTreemap::new()));
    }

    #[test]
    fn what_came_before_a_death_and_again_after_it_is_explained() {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let plan = Arc::clone(&evidence.plan);
        let (chunk, book) = (plan.open(0), InstantsBook::default());
        let second = Duration::from_secs(1);
        let arrivals = [(second - MS, second + MS), (second + MS, second + 2 * MS)];
        let sets = arrivals.iter().zip(0..).map(|((first, last), number)| {
            let due = Duration::from_nanos(chunk.requests()[number as usize].due_ns);
            let id = RequestId { chunk: 0, number };
            book.note_arrivals([(id, *first - due), (id, *last - due)].into_iter());
            chunk.records_of(&plan, number).into_iter().map(u64::from).collect::<RoaringTreemap>()
        });
        let sets: Vec<RoaringTreemap> = sets.collect();
        evidence.account.sets.duplicated = &sets[0] | &sets[1];
        evidence.account.counts.duplicated = evidence.account.sets.duplicated.len();
        let deaths = Deaths { ends: vec![second], ..Deaths::default() };
        explain(&mut evidence.account, &evidence.plan, &book.take_down(), &deaths);
        assert_eq!(evidence.account.sets.duplicated_explained, sets[0]);
        assert_eq!(evidence.account.counts.duplicated_explained, sets[0].len());
    }

    /// The first request of two chunks is lost: of one acknowledged long before the kill, of the other just before.
    #[test]
    fn records_of_different_chunks_are_told_apart() {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let (plan, book) = (Arc::clone(&evidence.plan), InstantsBook::default());
        let of_chunk = |number: u64| {
            let chunk = plan.open(number);
            book.note_sent(RequestId { chunk: number, number: 0 }, Duration::ZERO, MS);
            let first = plan.spans_before(number);
            let records = chunk.records_of(&plan, 0).into_iter().map(|offset| first + u64::from(offset));
            (Duration::from_nanos(chunk.requests()[0].due_ns) + MS, records.collect::<RoaringTreemap>())
        };
        let ((_, early), (acknowledged, late)) = (of_chunk(0), of_chunk(1));
        evidence.account.sets.lost_acknowledged = &early | &late;
        let kills = vec![Kill { at: acknowledged + MS, hold: 20 * MS }];
        let deaths = Deaths { kills, permits_loss: true, ..Deaths::default() };
        assert_eq!(explain(&mut evidence.account, &plan, &book.take_down(), &deaths), late);
        assert_eq!(evidence.account.sets.lost_acknowledged, early);
    }

    #[test]
    fn what_the_sink_refused_for_good_was_not_inside_any_more() {
        let (mut evidence, instants, sets) = lost();
        let dropped = sets[1].clone();
        let deaths = Deaths { kills: vec![KILL], permits_loss: true, dropped, ..Deaths::default() };
        let died = explain(&mut evidence.account, &evidence.plan, &instants, &deaths);
        assert_eq!(died, sets[2]);
    }

    #[test]
    fn what_had_come_long_before_a_death_is_not_explained_by_it() {
        let mut evidence = Evidence::of_clean_run(Arc::new(plan()));
        let plan = Arc::clone(&evidence.plan);
        let (chunk, book) = (plan.open(0), InstantsBook::default());
        let due = Duration::from_nanos(chunk.requests()[0].due_ns);
        let id = RequestId { chunk: 0, number: 0 };
        book.note_arrivals([(id, 100 * MS), (id, Duration::from_secs(20))].into_iter());
        let records: RoaringTreemap = chunk.records_of(&plan, 0).into_iter().map(u64::from).collect();
        evidence.account.counts.duplicated = records.len();
        evidence.account.sets.duplicated = records;
        for (end, explained) in [(due + 100 * MS + UNDER_WAY + MS, false), (due + 100 * MS + UNDER_WAY, true)] {
            let deaths = Deaths { ends: vec![end], ..Deaths::default() };
            explain(&mut evidence.account, &plan, &book.take_down(), &deaths);
            assert_eq!(evidence.account.counts.duplicated_explained > 0, explained, "{end:?}");
        }
    }

    #[test]
    fn what_was_acknowledged_while_a_way_was_broken_or_shortly_before_may_have_been_inside() {
        let (evidence, instants, sets) = lost();
        let second = Duration::from_secs(1);
        let inside = |hold, windows: &[(Duration, Duration)]| {
            inside_during(&evidence.account.sets.lost_acknowledged, &evidence.plan, &instants, hold, windows)
        };
        assert_eq!(inside(Duration::ZERO, &[]), RoaringTreemap::new());
        let passing = second + PASSING;
        assert_eq!(inside(20 * MS, &[(passing, passing + MS)]), &(&sets[1] | &sets[2]) | &sets[3]);
        assert_eq!(
            inside(50 * MS, &[(passing, passing + MS)]),
            evidence.account.sets.lost_acknowledged,
            "to the bound"
        );
        // Broken for 10 ms, so a client may wait for 12 ms more.
        let window = |connected: Duration| (connected - 22 * MS, connected - 12 * MS);
        let lost_in = |connected| &inside(Duration::ZERO, &[window(connected)]) - &sets[0];
        assert_eq!(lost_in(second), sets[1], "not what was acknowledged when it was connected again");
        assert_eq!(lost_in(second + MS), &sets[1] | &sets[2]);
        let twice = [window(second - 5 * MS), window(second + 2 * MS)];
        assert_eq!(inside(Duration::ZERO, &twice), evidence.account.sets.lost_acknowledged);
    }

    #[test]
    fn a_client_connects_again_after_as_long_as_the_link_was_broken_and_a_fifth() {
        let second = Duration::from_secs;
        assert_eq!((to_connect_again(second(10)), to_connect_again(second(1000))), (second(12), second(144)));
    }

    #[test]
    fn a_target_holds_what_came_since_an_outage_began_that_reaches_to_the_kill() {
        let second = Duration::from_secs;
        let held = |at: u64, outages: &[(u64, u64)]| {
            let outages: Vec<_> = outages.iter().map(|(begin, end)| (second(*begin), second(*end))).collect();
            held_at(second(at), Duration::ZERO, second(3), &outages).as_secs()
        };
        assert_eq!(held(20, &[]), 1, "only what is passing through");
        assert_eq!(held(20, &[(5, 30)]), 16);
        assert_eq!(held(20, &[(5, 18)]), 16, "it has not tried again yet");
        assert_eq!(held(20, &[(5, 17)]), 16, "it may just be trying");
        assert_eq!(held(20, &[(5, 16)]), 1, "it has");
        assert_eq!(held(20, &[(5, 8), (10, 13), (15, 18)]), 16, "each reaches to the next");
        assert_eq!(held(20, &[(5, 8), (12, 13), (15, 18)]), 9, "the first does not");
        assert_eq!(held(20, &[(25, 30)]), 1, "what comes later holds nothing now");
    }
}
