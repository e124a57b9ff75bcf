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

/// The deaths of a run's target, and for how long it may hold what it has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deaths {
    /// When it was killed, from the start of the run.
    pub kills: Vec<Duration>,
    /// Whether the scenario's guarantee permits what was inside to die with it.
    pub permits_loss: bool,
    /// When it ended in whatever way for a fault's sake.
    pub ends: Vec<Duration>,
    /// How long it may hold a record.
    pub hold: Duration,
}

/// Gives losses and repeats around deaths their words. `instants` are those of requests, by chunk and number. Of the records that were
/// acknowledged and lost gives those that were still inside at a kill, permitted or not.
pub fn explain(account: &mut Account, plan: &Plan, instants: &[Vec<Packed>], deaths: &Deaths) -> RoaringTreemap {
    let died_with = |due: Duration, of: Instants| {
        let Some(acknowledged) = of.ended.map(|ended| due.saturating_add(ended)) else { return false };
        deaths.kills.iter().any(|death| death.checked_sub(acknowledged).is_some_and(|inside| inside <= deaths.hold))
    };
    let died = match deaths.kills.is_empty() {
        true => RoaringTreemap::new(),
        false => those(&account.sets.lost_acknowledged, plan, instants, died_with),
    };
    if deaths.permits_loss {
        account.declare_lost(&died);
    }
    // What was being sent when it died it cannot know to have arrived.
    let came_around = |due: Duration, of: Instants| {
        let (Some(first), Some(last)) = (of.first_arrival, of.last_arrival) else { return false };
        deaths.ends.iter().any(|end| (due + first..due + last).contains(end))
    };
    if !deaths.ends.is_empty() {
        account.explain_repeats(&those(&account.sets.duplicated, plan, instants, came_around));
    }
    died
}

/// Those of these records whose request has instants that fit; `fits` is given the request's intended instant.
fn those(
    records: &RoaringTreemap,
    plan: &Plan,
    instants: &[Vec<Packed>],
    fits: impl Fn(Duration, Instants) -> bool,
) -> RoaringTreemap {
    let mut open: Option<Chunk> = None;
    let mut chosen = RoaringTreemap::new();
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
        if noted.is_some_and(|noted| fits(due, Instants::unpack(*noted))) {
            chosen.insert(record);
        }
    }
    chosen
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
            shape: Shape { segments: vec![Segment { seconds: 2.0, from: 1.0, to: 1.0 }] },
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
        let kills = vec![Duration::from_secs(1)];
        let deaths = Deaths { kills, permits_loss: true, ends: Vec::new(), hold: 20 * MS };
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
        let (kills, ends) = (vec![Duration::from_secs(1)], vec![Duration::from_secs(1)]);
        let strict = Deaths { kills, permits_loss: false, ends: ends.clone(), hold: 20 * MS };
        let died = explain(&mut evidence.account, &evidence.plan, &instants, &strict);
        assert_eq!((evidence.account.counts, died), (before, &sets[1] | &sets[2]));
        let asked_to_end = Deaths { kills: Vec::new(), permits_loss: true, ends, hold: Duration::MAX };
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
}
