//! Each fact by which records can differ, planted in a plan: it is told, and nothing that is not so.

use super::*;

/// A fact as it is told, and what shows it.
type Planted = (&'static str, fn(&SpanFacts, &Placed, &Request) -> bool);

fn says(facts: &SpanFacts, key: &str, value: &str) -> bool {
    facts.attributes.iter().any(|(name, said)| name == key && said.as_deref() == Some(value))
}

const OTELGRPC: &str = "scope \"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc\"";

const PLANTED: [Planted; 14] = [
    ("name \"GET /api/cart\"", |facts, _, _| facts.name == "GET /api/cart"),
    ("kind client", |facts, _, _| facts.kind == 3),
    ("status error", |facts, _, _| facts.status == 2),
    (OTELGRPC, |facts, _, _| facts.scope.ends_with("/otelgrpc")),
    ("attribute http.request.method = \"POST\"", |facts, _, _| says(facts, "http.request.method", "POST")),
    ("a span with events", |facts, _, _| facts.events > 0),
    ("a root span", |facts, _, _| facts.root),
    ("span 2 of its trace", |facts, _, _| facts.ordinal == 2),
    ("a span with a trace state", |facts, _, _| facts.trace_state),
    ("with more than 12 attributes", |facts, _, _| facts.attributes.len() > 12),
    ("with a text larger than 64 B", |facts, _, _| facts.longest_text > 64),
    ("the last span of its request, as we sent it", |_, placed, request| placed.position + 1 == request.spans),
    ("beyond the first 100 spans of a request, as we sent it", |_, placed, _| placed.position >= 100),
    ("longer than ", |facts, _, _| facts.duration_ns > 100_000_000),
];

#[test]
fn each_fact_is_told_by_its_name_with_all_of_these_and_none_of_the_others() {
    let not_told = PLANTED.iter().filter_map(|(fact, is_hit)| {
        let common = in_common(evidence(), &placed(is_hit), Among::Acknowledged);
        let told = common.said.iter().find(|one| one.starts_with(fact));
        let is_told = told.is_some_and(|one| one.contains(": all ") && one.contains(", none of the "));
        (!is_told).then_some((fact, common.said))
    });
    let not_told: Vec<_> = not_told.collect();
    assert!(not_told.is_empty(), "{not_told:#?}");
}

#[test]
fn a_request_is_told_by_how_many_spans_it_has() {
    let common = in_common(evidence(), &placed(|_, _, request| request.spans <= 5), Among::Acknowledged);
    let told = common.said.iter().find(|one| one.starts_with("in requests of at most 5 spans, as we sent them: all "));
    assert!(told.is_some(), "{common:?}");
}

/// Of the events and flags that spans of this traffic have, each that some have and others have not.
#[test]
fn an_event_and_flags_are_told_by_name() {
    let plan = &evidence().plan;
    let all: Vec<SpanFacts> = (0..plan.recipes() as u32).map(|recipe| plan.span_facts(recipe)).collect();
    let names: std::collections::BTreeSet<&String> = all.iter().flat_map(|facts| &facts.event_names).collect();
    let flags: std::collections::BTreeSet<u32> = all.iter().map(|facts| facts.flags).collect();
    assert!(names.len() > 1 && flags.len() > 1, "{names:?} {flags:?}");
    let candidates = |records: &RoaringTreemap| {
        let survey = surveyed(evidence(), records, Among::Acknowledged);
        facts::candidates(&survey)
            .into_iter()
            .filter(|one| one.having.others == 0)
            .map(|one| one.text)
            .collect::<Vec<_>>()
    };
    for name in names {
        let records = placed(|facts, _, _| facts.event_names.contains(name));
        assert!(candidates(&records).contains(&format!("an event {name:?}")), "{name}");
    }
    for flags in flags {
        let records = placed(|facts, _, _| facts.flags == flags);
        assert!(candidates(&records).contains(&format!("flags {flags:#x}")), "{flags:#x}");
    }
}

#[test]
fn an_instance_of_a_service_is_told() {
    let plan = &evidence().plan;
    let exporters = 0..plan.pool().exporters();
    let instance = exporters.clone().find(|number| plan.exporter_facts(*number).instances > 1).unwrap();
    let common = in_common(evidence(), &placed(|_, placed, _| placed.exporter == instance), Among::Acknowledged);
    let facts = plan.exporter_facts(instance);
    let fact = format!("instance {} of {}: all ", facts.instance, facts.service);
    assert!(common.said.iter().any(|one| one.starts_with(&fact)), "{fact}: {common:?}");
}

/// Of a run so long that only some of its chunks are looked at, whatever is affected is found in them.
#[test]
fn of_a_long_run_the_chunks_that_hold_affected_records_are_looked_at() {
    let plan = &long_evidence().plan;
    let last = plan.spans_before(plan.chunks() - 1);
    let common =
        |records: &[u64]| in_common_within(long_evidence(), &records.iter().copied().collect(), Among::Sent, 1);
    let every = format!("counted in every {} chunk of the plan, ", whole::ordinal(plan.chunks()));
    let single = common(&[last + 5]).said;
    assert_eq!(single[0], "a single span: nothing to compare it with");
    assert!(single[1].starts_with(&every), "{single:?}");
    let step = u64::from(plan.spans_in(plan.chunks() - 1)) / 50;
    assert!(step > 1, "the last chunk has too few spans for this");
    let several = common(&(0..50).map(|number| last + step * number).collect::<Vec<u64>>()).said;
    assert!(!several[0].contains("never sent"), "{several:?}");
    assert!(several.last().is_some_and(|one| one.starts_with(&every)), "{several:?}");
}

/// The first record of a chunk that was never opened calls for no look at it, the last one of those before does.
#[test]
fn only_chunks_that_were_opened_are_looked_at() {
    let mut cut_short = of_seconds(60.0);
    cut_short.chunks_opened -= 1;
    let never_sent = cut_short.plan.spans_before(cut_short.chunks_opened);
    let of = |record: u64| Selection::of(&cut_short, &[record].into_iter().collect(), 1);
    assert_eq!(of(never_sent), of(0));
    assert_ne!(of(never_sent - 1), of(0));
}
