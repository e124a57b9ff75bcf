//! Patterns planted in a plan are told in words, and chance is told as chance.

use super::*;
use crate::judge::outcomes::{Outcome, RequestId, RequestRecord};
use spanproof_generators::identity::RunTag;
use spanproof_generators::mix::fold;
use spanproof_generators::plan::{
    BatchRule, Described, Extent, Mix, Packing, Placed, Plan, PlanSpec, Rate, Request, Shape, SpanFacts,
};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use std::sync::{Arc, OnceLock};

mod each_fact;
mod surveyed;
mod told;

const CONNECTIONS: u64 = 12;

pub(super) fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
    EVIDENCE.get_or_init(|| of_seconds(12.0))
}

/// Of a run of several chunks.
pub(super) fn long_evidence() -> &'static Evidence {
    static EVIDENCE: OnceLock<Evidence> = OnceLock::new();
    EVIDENCE.get_or_init(|| of_seconds(60.0))
}

fn of_seconds(seconds: f64) -> Evidence {
    let spec = PlanSpec {
        seed: Seed(7),
        tag: RunTag::new(1),
        lane: 0,
        epoch_unix_ns: 0,
        workload: Workload::Shop(Shop { pool_size: 256 }),
        mix: Mix::default(),
        packing: Packing::PerService,
        batch: BatchRule { spans: 128, timeout_ns: 1_000_000_000 },
        request_bytes_max: 1 << 20,
        rate: Rate::Spans(10_000.0),
        shape: Shape { segments: vec![Segment { seconds, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    };
    let plan = Arc::new(Plan::new(spec).unwrap());
    Evidence { connections: CONNECTIONS, ..Evidence::of_clean_run(plan) }
}

pub(super) fn nothing_left_out() -> &'static [bool] {
    static NOTHING: OnceLock<Vec<bool>> = OnceLock::new();
    NOTHING.get_or_init(|| vec![false; evidence().plan.recipes()])
}

/// A survey of all chunks.
fn surveyed<'a>(evidence: &'a Evidence, affected: &RoaringTreemap, among: Among) -> Survey<'a> {
    Survey::take(
        &Selection::of(evidence, affected, evidence.chunks_opened),
        evidence,
        affected,
        among,
        nothing_left_out(),
    )
}

/// A survey of everything that was sent.
pub(super) fn survey_of(affected: &RoaringTreemap) -> Survey<'static> {
    surveyed(evidence(), affected, Among::Sent)
}

/// The records that `is_hit`, by what the plan says of them and by their number.
fn records(is_hit: impl Fn(&Described, u64) -> bool) -> RoaringTreemap {
    let plan = &evidence().plan;
    let mut hit = RoaringTreemap::new();
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for offset in 0..chunk.records() {
            let record = plan.spans_before(number) + u64::from(offset);
            if is_hit(&chunk.describe(plan, offset), record) {
                hit.insert(record);
            }
        }
    }
    hit
}

fn said(is_hit: impl Fn(&Described, u64) -> bool) -> InCommon {
    in_common(evidence(), &records(is_hit), Among::Acknowledged)
}

/// The records that `is_hit`, by what they are and where they travel.
fn placed(is_hit: impl Fn(&SpanFacts, &Placed, &Request) -> bool) -> RoaringTreemap {
    let plan = &evidence().plan;
    let facts: Vec<SpanFacts> = (0..plan.recipes() as u32).map(|recipe| plan.span_facts(recipe)).collect();
    let mut hit = RoaringTreemap::new();
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for (at, request) in chunk.requests().iter().enumerate() {
            chunk.for_each_placed(plan, at as u32, |placed| {
                if is_hit(&facts[placed.recipe as usize], &placed, request) {
                    hit.insert(plan.spans_before(number) + u64::from(placed.offset));
                }
            });
        }
    }
    hit
}

/// So often in so many, without a pattern.
fn by_chance(number: u64, share: u64, of: u64) -> bool {
    fold(number + 1, 0x5851_f42d_4c95_7f2d) % of < share
}

#[test]
fn every_span_of_a_service_is_told_by_its_name() {
    let common = said(|record, _| record.service == "checkout");
    assert!(common.said[0].starts_with("service checkout: all "), "{common:?}");
    assert!(common.said[0].contains(" of these, none of the "), "{common:?}");
    assert!(common.intended.is_some_and(|why| why.contains("service checkout")));
}

#[test]
fn every_third_request_of_a_connection_is_told_with_its_beat() {
    let plan = &evidence().plan;
    let mut hit = RoaringTreemap::new();
    let mut nth = 0;
    let mut requests: Vec<(u64, u64, u32)> = Vec::new();
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for (at, request) in chunk.requests().iter().enumerate() {
            if evidence().connection_of(request, at as u32) == 5 {
                requests.push((request.due_ns, number, at as u32));
            }
        }
    }
    requests.sort_unstable();
    for (_, number, at) in requests {
        nth += 1;
        if nth % 3 == 0 {
            let offsets = plan.open(number).records_of(plan, at);
            hit.extend(offsets.iter().map(|offset| plan.spans_before(number) + u64::from(*offset)));
        }
    }
    let common = in_common(evidence(), &hit, Among::Acknowledged);
    assert!(common.said[0].contains(" whole requests of "), "{common:?}");
    assert_eq!(common.said[1], "every 3rd request of connection 5");
    assert!(common.said[2..].iter().any(|one| one.starts_with("connection 5: all ")), "{common:?}");
    assert_eq!(common.intended, None);
}

#[test]
fn all_spans_over_a_size_are_told_by_the_power_of_two_between() {
    let common = said(|record, _| record.bytes - 3 > 1024);
    assert!(common.said[0].starts_with("larger than 1 KiB (from "), "{common:?}");
    assert!(common.said[0].contains(" B): all "), "{common:?}");
    assert!(common.said[0].contains(" of these, none of the "), "{common:?}");
}

#[test]
fn a_stretch_of_time_is_told() {
    let common =
        said(|record, number| (3_000_000_000..5_000_000_000).contains(&record.due_ns) && by_chance(number, 9, 10));
    assert!(common.said[0].starts_with("due between 0:0"), "{common:?}");
    assert_eq!(common.intended, None);
}

#[test]
fn chance_has_nothing_in_common_and_a_large_share_of_it_may_be_a_samplers() {
    let rare = said(|_, number| by_chance(number, 1, 1000));
    assert!(rare.said.len() == 1 && rare.said[0].starts_with("nothing: one span in "), "{rare:?}");
    assert_eq!(rare.intended, None);
    let tenth = said(|_, number| by_chance(number, 1, 10));
    assert!(tenth.said[0].starts_with("nothing: one span in 10,"), "{tenth:?}");
    assert!(tenth.intended.is_some_and(|why| why.starts_with("a fixed share is missing, ")));
}

/// A whole service among chance losses of many more: each is told, and none is called intended.
#[test]
fn a_service_that_is_lost_whole_is_told_apart_from_a_loss_by_chance() {
    for one_in in [10, 20, 50] {
        let common = said(|record, number| record.service == "email" || by_chance(number, 1, one_in));
        let [service, rest] = &common.said[..] else { panic!("{common:?}") };
        assert!(service.starts_with("service email: ") && service.contains(", none of the "), "{common:?}");
        let around = [one_in - 1, one_in].map(|one_in| format!("apart from them: nothing: one span in {one_in}, "));
        assert!(around.iter().any(|around| rest.starts_with(around)), "{common:?}");
        assert_eq!(common.intended, None);
    }
}

#[test]
fn of_several_services_that_are_lost_whole_each_is_told() {
    for services in [&["checkout", "cart"][..], &["shipping", "payment"], &["email", "cart", "payment"]] {
        let common = said(|record, _| services.contains(&record.service.as_str()));
        for service in services {
            let told = common.said.iter().find(|one| one.contains(&format!("service {service}: ")));
            assert!(told.is_some_and(|told| told.contains(", none of the ")), "{service}: {common:?}");
        }
        assert_eq!(common.intended, None, "{common:?}");
    }
}

/// The services that it carries follow from it, though of each of them nearly all is lost.
#[test]
fn a_connection_that_is_lost_nearly_whole_is_the_pattern_and_its_services_are_none() {
    let plan = &evidence().plan;
    let mut hit = RoaringTreemap::new();
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for (at, request) in chunk.requests().iter().enumerate() {
            let is_on_it = evidence().connection_of(request, at as u32) == 5;
            for offset in chunk.records_of(plan, at as u32) {
                let record = plan.spans_before(number) + u64::from(offset);
                if by_chance(record, if is_on_it { 970 } else { 1 }, 1000) {
                    hit.insert(record);
                }
            }
        }
    }
    let common = in_common(evidence(), &hit, Among::Acknowledged);
    assert!(common.said[0].starts_with("connection 5: "), "{common:?}");
    assert!(!common.said.iter().any(|one| one.starts_with("apart from them: ")), "{common:?}");
}

#[test]
fn only_so_many_patterns_are_told_apart() {
    let services = ["email", "cart", "payment", "shipping", "checkout", "currency"];
    let common = said(|record, _| services.contains(&record.service.as_str()));
    let (rest, apart): (Vec<&String>, Vec<&String>) =
        common.said.iter().partition(|one| one.starts_with("apart from them: "));
    assert_eq!(apart.len(), APART_MAX, "{common:?}");
    assert!(!rest.is_empty(), "{common:?}");
}

/// Nearly all of a service, and a few of all others.
#[test]
fn a_service_that_is_lost_nearly_whole_is_told_apart_too() {
    let common = said(
        |record, number| {
            if record.service == "payment" { by_chance(number, 95, 100) } else { by_chance(number, 1, 50) }
        },
    );
    assert!(common.said[0].starts_with("service payment: "), "{common:?}");
    assert!(common.said[1].starts_with("apart from them: nothing: one span in "), "{common:?}");
}

/// Nearly all of a service and nothing else: when they are told, nobody is left to be told apart from them.
#[test]
fn a_service_that_is_lost_nearly_whole_and_alone_is_the_whole_story() {
    let common = said(|record, number| record.service == "payment" && by_chance(number, 95, 100));
    assert!(common.said[0].starts_with("service payment: all "), "{common:?}");
    assert_eq!((common.said.len(), &common.intended), (1, &None), "{common:?}");
}

/// Nothing separates the affected, and yet they are not everywhere alike.
#[test]
fn what_is_affected_more_often_is_told_instead_of_nothing() {
    let common = said(|record, number| by_chance(number, if record.service == "email" { 60 } else { 5 }, 100));
    assert!(common.said[0].starts_with("more often: service email: "), "{common:?}");
    assert_eq!((common.said.len(), &common.intended), (1, &None), "{common:?}");
}

#[test]
fn whole_traces_are_told_as_a_samplers_work() {
    let common = said(|record, _| by_chance(record.trace_index, 1, 10));
    assert!(common.said[0].starts_with("whole traces only: "), "{common:?}");
    assert!(common.said[0].ends_with(", 0 cut"), "{common:?}");
    assert!(common.intended.is_some_and(|why| why.starts_with("only whole traces are missing")));
}

#[test]
fn one_lost_request_is_one_event_from_which_nothing_follows() {
    let plan = &evidence().plan;
    let chunk = plan.open(0);
    let request = (0..chunk.requests().len()).max_by_key(|at| chunk.requests()[*at].spans).unwrap();
    let offsets = chunk.records_of(plan, request as u32);
    let common = in_common(evidence(), &offsets.iter().map(|offset| u64::from(*offset)).collect(), Among::Acknowledged);
    assert!(common.said.len() == 1 && common.said[0].starts_with("1 whole request of "), "{common:?}");
}

#[test]
fn one_span_and_all_spans_are_no_pattern() {
    assert_eq!(said(|_, number| number == 77).said, ["a single span: nothing to compare it with"]);
    assert_eq!(said(|_, _| true).said, ["every span alike"]);
    let never_sent = in_common(evidence(), &RoaringTreemap::new(), Among::Acknowledged);
    assert_eq!(never_sent.said, ["these were never sent, so there is nothing to compare"]);
}

/// What spares a few is told by what those few are, and never as if it had befallen all.
#[test]
fn where_most_are_affected_the_spared_are_told() {
    let of_email = records(|record, _| record.service == "email");
    let (spared, all) = (of_email.len(), evidence().plan.spans());
    assert!(spared > 1 && spared * 20 < all, "{spared} of {all}");
    for among in [Among::Acknowledged, Among::Arrived, Among::Sent] {
        let common = in_common(evidence(), &records(|record, _| record.service != "email"), among);
        assert_eq!(common.said[0], format!("all but {} of {}", count(spared), count(all)));
        let (these, others) = (count(spared), count(all - spared));
        let begin = format!("the spared: service email: all {these} of these, none of the {others} others");
        assert_eq!(common.said[1], begin, "{common:?}");
        assert_eq!(common.intended, None);
    }
    let early = placed(|_, _, request| request.due_ns >= 1_000_000_000);
    let common = in_common(evidence(), &early, Among::Arrived);
    assert!(common.said.iter().any(|one| one.starts_with("the spared: due between 0:00")), "{common:?}");
    let all_but_one = said(|_, number| number != 77).said;
    assert_eq!(
        all_but_one,
        [&format!("all but 1 of {}", count(all)), "the spared: a single span: nothing to compare it with"]
    );
}

/// Neither chance nor a fact that all affected records show is turned round.
#[test]
fn most_without_a_pattern_are_nothing_and_most_with_one_are_told_by_it() {
    let scattered = said(|_, number| !by_chance(number, 1, 100)).said;
    assert!(scattered[0].starts_with("nothing: ") && scattered[0].contains(" spans, of all services"), "{scattered:?}");
    let children = in_common(evidence(), &placed(|facts, _, _| !facts.root), Among::Acknowledged).said;
    assert!(children[0].starts_with("a span with a parent: all "), "{children:?}");
}

/// Lost, declared or not, could not arrive changed and does not stand among the spared.
#[test]
fn what_did_not_arrive_is_not_spared() {
    let mut evidence = of_seconds(12.0);
    let all = evidence.plan.spans();
    evidence.account.sets.lost_acknowledged.insert_range(0..20);
    evidence.account.sets.lost_unknown.insert_range(20..30);
    evidence.account.sets.lost_declared.insert_range(30..40);
    assert_eq!(in_common(&evidence, &(40..all).collect(), Among::Arrived).said, ["every span alike"]);
}

#[test]
fn chance_is_not_mistaken_for_a_pattern_in_forty_draws() {
    for draw in 0..40 {
        // From a handful of records to hundreds of them.
        let share = 1 + draw;
        let affected: RoaringTreemap =
            (0..evidence().plan.spans()).filter(|number| by_chance(number + (draw << 32), share, 10_000)).collect();
        let common = in_common(evidence(), &affected, Among::Acknowledged);
        assert!(affected.len() < 2 || common.said[0].starts_with("nothing: "), "draw {draw}: {common:?}");
    }
}

/// Judging again must give the same bytes, also where several facts separate equally well.
#[test]
fn equal_evidence_is_told_in_equal_words() {
    let rpc = |record: &Described, number| record.service == "checkout" && by_chance(number, 1, 3);
    let first = said(rpc).said;
    for _ in 0..3 {
        assert_eq!(said(rpc).said, first);
    }
}

/// Of a run in which half of the requests were refused, the others of a loss are what was acknowledged, and those of a change
/// are what came out.
#[test]
fn the_others_are_those_that_the_same_could_have_happened_to() {
    let plan = Arc::clone(&evidence().plan);
    let chunk = plan.open(0);
    let refused = RequestRecord { outcome: Outcome::Refused, attempts: 1, answer: String::new(), ended_ns: 0 };
    let half = 0..chunk.requests().len() as u32 / 2;
    let requests = half.clone().map(|number| (RequestId { chunk: 0, number }, refused.clone())).collect();
    let mut evidence = Evidence { requests, ..Evidence::of_clean_run(Arc::clone(&plan)) };
    evidence.chunks_opened = 1;
    let spans_refused: u64 = half.clone().map(|number| u64::from(chunk.requests()[number as usize].spans)).sum();
    let taken: Vec<u32> =
        (half.end..chunk.requests().len() as u32).flat_map(|number| chunk.records_of(&plan, number)).collect();
    let (affected, lost): (RoaringTreemap, RoaringTreemap) =
        (taken[..5].iter().map(|at| u64::from(*at)).collect(), taken[5..8].iter().map(|at| u64::from(*at)).collect());
    evidence.account.sets.lost_acknowledged = lost;
    let others = |among| surveyed(&evidence, &affected, among).totals().others;
    let sent = u64::from(plan.spans_in(0)) - 5;
    assert_eq!(others(Among::Sent), sent);
    assert_eq!(others(Among::Acknowledged), sent - spans_refused);
    assert_eq!(others(Among::Arrived), sent - spans_refused - 3);
    let in_refused = chunk.records_of(&plan, 0)[..1].iter().map(|at| u64::from(*at)).collect();
    assert_eq!(surveyed(&evidence, &in_refused, Among::Arrived).totals().affected, 1);
}
