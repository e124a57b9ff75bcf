//! A survey against counts of every record by itself.

use super::*;
use spanproof_generators::plan::Request;
use std::collections::{BTreeMap, BTreeSet};

/// Every record of the plan with its number, as the plan describes it.
fn described() -> Vec<(u64, Described)> {
    let plan = &evidence().plan;
    let of_chunk = |number| {
        let chunk = plan.open(number);
        let record = move |offset| (plan.spans_before(number) + u64::from(offset), chunk.describe(plan, offset));
        (0..plan.spans_in(number)).map(record).collect::<Vec<_>>()
    };
    (0..plan.chunks()).flat_map(of_chunk).collect()
}

fn sum<'a>(counts: impl IntoIterator<Item = &'a Totals>) -> Totals {
    counts.into_iter().fold(Totals::default(), |mut sum, one| {
        sum.add(true, one.affected);
        sum.add(false, one.others);
        sum
    })
}

/// Some whole traces, one span of another, and the first and the last record of every chunk.
fn affected(described: &[(u64, Described)]) -> RoaringTreemap {
    let plan = &evidence().plan;
    let mut affected: RoaringTreemap =
        described.iter().filter(|(_, one)| one.trace_index % 97 == 5).map(|(number, _)| *number).collect();
    affected.extend((0..plan.chunks()).flat_map(|chunk| [plan.spans_before(chunk), plan.spans_before(chunk + 1) - 1]));
    affected
}

/// Turned round, a survey is that of all other records.
#[test]
fn a_turned_survey_is_that_of_the_others() {
    let affected = affected(&described());
    let others: RoaringTreemap = (0..evidence().plan.spans()).filter(|number| !affected.contains(*number)).collect();
    let selection = Selection::of(evidence(), &others, evidence().chunks_opened);
    let turned = Survey::take_turned(&selection, evidence(), &affected, Among::Sent, nothing_left_out());
    let plain = survey_of(&others);
    assert_eq!((turned.totals(), &turned.recipes, &turned.strata), (plain.totals(), &plain.recipes, &plain.strata));
    assert_eq!((turned.traces_whole, turned.traces_cut), (plain.traces_whole, plain.traces_cut));
    assert_eq!((&turned.connections, turned.of_all()), (&plain.connections, plain.of_all()));
    let long = Selection::of(long_evidence(), &affected, 2);
    let left_out = vec![false; long_evidence().plan.recipes()];
    let turned = Survey::take_turned(&long, long_evidence(), &affected, Among::Sent, &left_out).of_all();
    assert_eq!((turned.all(), turned.others), (long_evidence().plan.spans(), affected.len()));
}

#[test]
fn every_record_is_counted_once_in_each_way() {
    let described = described();
    let affected = affected(&described);
    let survey = survey_of(&affected);
    let all = Totals { affected: affected.len(), others: described.len() as u64 - affected.len() };
    assert!(evidence().plan.chunks() > 1 && all.affected > 1000);
    assert_eq!(survey.totals(), all);
    assert_eq!((sum(&survey.recipes), sum(&survey.exporters), sum(&survey.stretches)), (all, all, all));
    assert_eq!((sum(survey.positions.values()), sum(survey.request_spans.values())), (all, all));
    assert_eq!((sum(survey.trace_spans.values()), sum(survey.strata.values())), (all, all));
    assert_eq!(survey.last_of_request.all(), survey.requests(), "each request has one");
    let mut by_spans: BTreeMap<u32, Totals> = BTreeMap::new();
    for (number, one) in &described {
        by_spans.entry(one.trace_spans).or_default().add(affected.contains(*number), 1);
    }
    assert_eq!(survey.trace_spans, by_spans);
}

#[test]
fn traces_are_counted_by_the_ids_that_they_are_sent_under() {
    let described = described();
    let affected = affected(&described);
    let mut traces: BTreeMap<[u8; 16], [u64; 2]> = BTreeMap::new();
    for (number, one) in &described {
        let [sent, hit] = traces.entry(one.trace_id).or_default();
        (*sent, *hit) = (*sent + 1, *hit + u64::from(affected.contains(*number)));
    }
    let indexes: BTreeSet<u64> = described.iter().map(|(_, one)| one.trace_index).collect();
    assert!(traces.len() > indexes.len(), "some traces are sent under two ids");
    let survey = survey_of(&affected);
    let whole = || traces.values().filter(|[sent, hit]| sent == hit);
    let cut = traces.values().filter(|[sent, hit]| sent != hit && *hit > 0).count() as u64;
    assert!(cut > 0);
    assert_eq!((survey.traces, survey.traces_cut), (traces.len() as u64, cut));
    assert_eq!(survey.traces_whole, whole().count() as u64);
    assert_eq!(survey.in_whole_traces, whole().map(|[_, hit]| hit).sum::<u64>());
}

#[test]
fn requests_stand_on_their_connections_in_the_order_of_their_instants() {
    let described = described();
    let affected = affected(&described);
    let survey = survey_of(&affected);
    let plan = &evidence().plan;
    let mut requests = 0;
    let mut spans: BTreeMap<u64, [u64; 2]> = BTreeMap::new();
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for (at, request) in (0..).zip(chunk.requests()) {
            let connection = evidence().connection_of(request, at);
            let records = chunk.records_of(plan, at);
            let hit = records.iter().filter(|at| affected.contains(plan.spans_before(number) + u64::from(**at)));
            let [all, some] = spans.entry(connection).or_default();
            (*all, *some) = (*all + u64::from(request.spans), *some + hit.count() as u64);
            requests += 1;
        }
    }
    assert_eq!(survey.requests(), requests);
    for (connection, [all, some]) in spans {
        let sent = &survey.connections[&connection];
        assert!(sent.is_sorted_by_key(|request| request.due_ns));
        let of = |count: fn(&survey::Sent) -> u32| sent.iter().map(|one| u64::from(count(one))).sum::<u64>();
        assert_eq!((of(|one| one.spans), of(|one| one.affected)), (all, some), "connection {connection}");
    }
}

/// When the requests are due of which every record is affected; those of the end, too, which leave after the last trace began.
#[test]
fn stretches_of_time_reach_to_the_end_of_the_run() {
    let plan = &evidence().plan;
    let dues = |request: &Request| request.due_ns;
    let last = (0..plan.chunks()).flat_map(|number| plan.open(number).requests().iter().map(dues).collect::<Vec<_>>());
    let last_s = last.max().unwrap() as f64 / 1e9;
    assert!(last_s > 11.5);
    let common = said(|record, _| record.due_ns >= 11_000_000_000);
    let Some(window) = common.said.iter().find(|one| one.starts_with("due between ")) else { panic!("{common:?}") };
    assert!(window.starts_with("due between 0:11 and 0:1"), "{window} {last_s}");
}
