//! What is planned is what is written, and what is written reads back as intact: plan, encoding, walk and hash together.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{
    BatchRule, Chunk, Claim, Claims, Extent, Judgement, Mix, Packing, Plan, PlanSpec, Ppb, Rate, Shape,
};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::walk::Walk;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_generators::workload::uniform::Uniform;
use std::collections::BTreeSet;

fn spec(workload: Workload, packing: Packing) -> PlanSpec {
    PlanSpec {
        seed: Seed(7),
        tag: RunTag::new(0x1234),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload,
        mix: Mix::default(),
        packing,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(10_000.0),
        shape: Shape { segments: vec![Segment { seconds: 5.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    }
}

fn uniform() -> Workload {
    Workload::Uniform(Uniform::default())
}

fn shop(anomalies: bool) -> PlanSpec {
    let mut spec = spec(Workload::Shop(Shop { pool_size: 128 }), Packing::PerService);
    if anomalies {
        spec.mix.shares = Stratum::ANOMALIES.iter().map(|stratum| (*stratum, Ppb(20_000_000))).collect();
    }
    spec
}

/// Reads every request of a chunk back and calls `each` with the judgement of each span. What is read for a whole request
/// at once must equal what is read span by span.
fn judge_all(plan: &Plan, chunk: &Chunk, mut each: impl FnMut(usize, Judgement)) {
    let (mut walk, mut claims, mut bytes) = (Walk::default(), Claims::default(), Vec::new());
    for request in 0..chunk.requests().len() {
        bytes.clear();
        chunk.encode(plan, request, &mut bytes);
        assert_eq!(walk.read(&bytes), Ok(()));
        let claims = claims.read(plan, &walk, &bytes);
        assert_eq!(claims.len(), walk.spans.len());
        for (span, claimed) in walk.spans.iter().zip(claims) {
            assert_eq!(*claimed, claim(plan, span, &bytes));
            let found = chunk.find(plan, *claimed);
            assert!(found.is_some_and(|found| found.request as usize == request));
            each(request, chunk.judge(plan, *claimed, span, &walk.filings[span.filing as usize]));
        }
    }
}

fn claim(plan: &Plan, span: &spanproof_generators::walk::SpanView, bytes: &[u8]) -> Claim {
    if span.own_id.is_empty() {
        plan.identify(&plan.identity().keys(span.trace_id), span.span_id)
    } else {
        plan.identify_own(&bytes[span.own_id.start as usize..span.own_id.end as usize])
    }
}

/// Every record of the plan is sent in exactly one request, reads back as intact, and is where the plan says it is.
fn every_record_once(plan: &Plan) {
    let mut total = 0;
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        let mut seen = BTreeSet::new();
        judge_all(plan, &chunk, |request, judgement| {
            let Judgement::Intact { offset } = judgement else {
                panic!("chunk {number} request {request}: {judgement:?}")
            };
            assert!(seen.insert(offset), "record {offset} sent twice");
            let (trace, ordinal) = chunk.trace_of(offset);
            assert_eq!(chunk.request_of(plan, trace, ordinal) as usize, request);
            assert_eq!(chunk.offset_of(trace, ordinal), offset);
        });
        assert_eq!(seen.len(), chunk.records() as usize);
        assert_eq!(chunk.records(), plan.spans_in(number));
        assert!(chunk.requests().is_sorted_by_key(|request| request.due_ns));
        total += seen.len() as u64;
    }
    assert_eq!(total, plan.spans());
}

#[test]
fn uniform_in_whole_traces_reads_back_intact_and_once() {
    every_record_once(&Plan::new(spec(uniform(), Packing::WholeTraces)).unwrap());
}

#[test]
fn uniform_per_service_reads_back_intact_and_once() {
    every_record_once(&Plan::new(spec(uniform(), Packing::PerService)).unwrap());
}

#[test]
fn shop_with_all_anomalies_reads_back_intact_and_once() {
    every_record_once(&Plan::new(shop(true)).unwrap());
}

#[test]
fn shop_in_whole_traces_reads_back_intact_and_once() {
    let mut spec = shop(true);
    spec.packing = Packing::WholeTraces;
    every_record_once(&Plan::new(spec).unwrap());
}

#[test]
fn requests_decode_with_prost_and_stay_below_the_limit() {
    let mut spec = shop(true);
    spec.request_bytes_max = 100_000;
    let plan = Plan::new(spec).unwrap();
    let chunk = plan.open(0);
    let mut bytes = Vec::new();
    for (number, request) in chunk.requests().iter().enumerate() {
        bytes.clear();
        chunk.encode(&plan, number, &mut bytes);
        assert!(bytes.len() <= 100_000, "request {number} has {} bytes", bytes.len());
        let decoded = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
        let spans: usize =
            decoded.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|scope| scope.spans.len()).sum();
        assert_eq!(spans, request.spans as usize);
        assert_eq!(decoded.resource_spans.len(), 1, "one SDK has one resource");
        assert_eq!(chunk.records_of(&plan, number as u32).len(), spans);
    }
}

#[test]
fn a_request_decoded_and_encoded_again_by_prost_is_still_intact() {
    let plan = Plan::new(shop(true)).unwrap();
    let chunk = plan.open(0);
    let (mut walk, mut bytes) = (Walk::default(), Vec::new());
    for request in 0..chunk.requests().len() {
        bytes.clear();
        chunk.encode(&plan, request, &mut bytes);
        let again = ExportTraceServiceRequest::decode(&bytes[..]).unwrap().encode_to_vec();
        walk.read(&again).unwrap();
        for span in &walk.spans {
            let judgement = chunk.judge(&plan, claim(&plan, span, &again), span, &walk.filings[span.filing as usize]);
            assert!(matches!(judgement, Judgement::Intact { .. }));
        }
    }
}

#[test]
fn one_record_encoded_alone_is_that_record() {
    let plan = Plan::new(shop(true)).unwrap();
    let chunk = plan.open(0);
    let (mut walk, mut bytes) = (Walk::default(), Vec::new());
    for offset in (0..chunk.records()).step_by(17) {
        bytes.clear();
        chunk.encode_record(&plan, offset, &mut bytes);
        walk.read(&bytes).unwrap();
        let span = &walk.spans[0];
        let judgement = chunk.judge(&plan, claim(&plan, span, &bytes), span, &walk.filings[0]);
        assert_eq!((walk.spans.len(), judgement), (1, Judgement::Intact { offset }));
        let described = chunk.describe(&plan, offset);
        assert_eq!(described.trace_id, span.trace_id);
        assert_eq!(u64::from_le_bytes(described.span_id), span.span_id);
    }
}

#[test]
fn anomalies_come_exactly_as_often_as_asked() {
    let mut spec = spec(Workload::Shop(Shop { pool_size: 64 }), Packing::PerService);
    spec.mix.shares = [(Stratum::ErrorTrace, Ppb(20_000_000)), (Stratum::ParentMissing, Ppb(100_000))].into();
    spec.rate = Rate::Traces(10_000.0);
    let plan = Plan::new(spec).unwrap();
    assert_eq!(plan.traces(), 50_000);
    assert_eq!(plan.strata()[&Stratum::ErrorTrace], 1000);
    assert_eq!(plan.strata()[&Stratum::ParentMissing], 5);
    assert_eq!(plan.strata()[&Stratum::Normal], 48_995);
}

#[test]
fn an_anomaly_that_comes_to_no_trace_is_told_with_0() {
    let mut spec = spec(Workload::Shop(Shop { pool_size: 64 }), Packing::PerService);
    spec.mix.shares = [(Stratum::ErrorTrace, Ppb(100_000)), (Stratum::SlowTrace, Ppb(0))].into();
    spec.rate = Rate::Traces(203.0);
    let plan = Plan::new(spec).unwrap();
    assert_eq!(plan.strata()[&Stratum::ErrorTrace], 0, "0.01 % of {} traces", plan.traces());
    assert!(!plan.holds(Stratum::ErrorTrace) && plan.holds(Stratum::Normal));
    assert_eq!(plan.strata().get(&Stratum::SlowTrace), None, "nobody asked for it");
}

#[test]
fn an_extent_in_spans_is_reached_with_the_last_trace() {
    let mut spec = spec(uniform(), Packing::WholeTraces);
    spec.extent = Extent::Spans(123_456);
    let plan = Plan::new(spec).unwrap();
    assert_eq!(plan.spans(), 123_460);
    every_record_once(&plan);
}

#[test]
fn chunks_have_begun_when_all_of_their_traces_have_started() {
    let plan = Plan::new(PlanSpec { rate: Rate::Traces(3_000.0), ..shop(false) }).unwrap();
    assert!(plan.chunks() > 2);
    assert_eq!(plan.chunks_begun_before(0), 0);
    for chunk in 1..plan.chunks() {
        let begins = plan.chunk_start_ns(chunk);
        assert_eq!(plan.chunks_begun_before(begins), chunk - 1, "the chunk before ends here");
        assert_eq!(plan.chunks_begun_before(begins + 1), chunk);
    }
    assert_eq!(plan.chunks_begun_before(u64::MAX), plan.chunks());
}

#[test]
fn equal_seeds_give_equal_fingerprints_whatever_tag_and_epoch() {
    let base = Plan::new(shop(true)).unwrap().fingerprint();
    let mut other = shop(true);
    other.tag = RunTag::new(99);
    other.epoch_unix_ns = 5;
    assert_eq!(Plan::new(other).unwrap().fingerprint(), base);
    let mut other = shop(true);
    other.seed = Seed(8);
    assert_ne!(Plan::new(other).unwrap().fingerprint(), base);
    let mut other = shop(true);
    other.rate = Rate::Spans(10_001.0);
    assert_ne!(Plan::new(other).unwrap().fingerprint(), base);
}

#[test]
fn golden_fingerprints_hold() {
    let uniform = Plan::new(spec(uniform(), Packing::WholeTraces)).unwrap().fingerprint();
    let shop = Plan::new(shop(true)).unwrap().fingerprint();
    insta::assert_snapshot!(format!("uniform {uniform}\nshop    {shop}\n"));
}

#[test]
fn a_plan_without_a_trace_is_refused() {
    let mut spec = spec(uniform(), Packing::WholeTraces);
    spec.rate = Rate::Traces(0.1);
    let error = Plan::new(spec).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the plan holds no trace: 0.1 traces/s for 5 s is less than one of about 10.0 spans; raise `traffic.rate` or `run.duration`");
    let mut spec = self::spec(Workload::Shop(Shop { pool_size: 64 }), Packing::PerService);
    spec.rate = Rate::Spans(1.5);
    let error = Plan::new(spec).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"the plan holds no trace: 1.5 spans/s for 5 s is less than one of about 20.9 spans; raise `traffic.rate` or `run.duration`");
}

#[test]
fn an_anomaly_that_the_workload_lacks_is_refused() {
    let mut spec = spec(uniform(), Packing::WholeTraces);
    spec.mix.shares = [(Stratum::NewRoot, Ppb(1))].into();
    assert!(Plan::new(spec).unwrap_err().to_string().contains("`uniform` has no anomaly `new_root`"));
}

#[test]
fn records_of_another_run_are_foreign_and_unplanned_ones_invented() {
    let plan = Plan::new(spec(uniform(), Packing::WholeTraces)).unwrap();
    let keys = |index| plan.identity().trace(index, Default::default());
    let unplanned = keys(plan.traces());
    assert_eq!(plan.identify(&unplanned, unplanned.span_id(0)), Claim::Invented);
    assert_eq!(plan.identify(&keys(0), 12345), Claim::Invented);
    let mut other = spec(uniform(), Packing::WholeTraces);
    other.tag = RunTag::new(77);
    let other = Plan::new(other).unwrap();
    let stranger = other.identity().trace(0, Default::default());
    assert_eq!(plan.identify(&plan.identity().keys(stranger.id), stranger.span_id(0)), Claim::Foreign);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn batching_sends_every_record_once_whatever_the_rules(
        spans in 1u32..2000, timeout_ms in 0u64..10_000, rate in 100.0..20_000f64, whole: bool, poisson: bool, seed: u64,
    ) {
        let mut spec = spec(Workload::Shop(Shop { pool_size: 16 }), if whole { Packing::WholeTraces } else { Packing::PerService });
        spec.batch = BatchRule { spans, timeout_ns: timeout_ms * 1_000_000 };
        spec.rate = Rate::Spans(rate);
        spec.seed = Seed(seed);
        spec.arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Constant };
        every_record_once(&Plan::new(spec).unwrap());
    }
}

/// The decoded spans of a request in their order, each with its resource.
fn decoded(
    bytes: &[u8],
) -> Vec<(opentelemetry_proto::tonic::resource::v1::Resource, opentelemetry_proto::tonic::trace::v1::Span, String)> {
    let message = ExportTraceServiceRequest::decode(bytes).unwrap();
    let mut spans = Vec::new();
    for resource in message.resource_spans {
        for scope in resource.scope_spans {
            let name = scope.scope.unwrap_or_default().name;
            let above = resource.resource.clone().unwrap_or_default();
            spans.extend(scope.spans.into_iter().map(|span| (above.clone(), span, name.clone())));
        }
    }
    spans
}

/// The value as facts tell it.
fn plain(value: Option<&opentelemetry_proto::tonic::common::v1::AnyValue>) -> Option<String> {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match value?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::BoolValue(truth) => Some(truth.to_string()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Bytes of the longest text in a span.
fn longest_text(span: &opentelemetry_proto::tonic::trace::v1::Span) -> u32 {
    let status = span.status.as_ref().map_or(0, |status| status.message.len());
    let events = span.events.iter().flat_map(|event| &event.attributes);
    let of_others = events.chain(span.links.iter().flat_map(|link| &link.attributes));
    let values = span.attributes.iter().chain(of_others).map(|pair| longest_in(pair.value.as_ref()));
    values.chain([span.name.len(), span.trace_state.len(), status]).max().unwrap() as u32
}

fn longest_in(value: Option<&opentelemetry_proto::tonic::common::v1::AnyValue>) -> usize {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.len(),
        Some(Value::ArrayValue(array)) => array.values.iter().map(|value| longest_in(Some(value))).max().unwrap_or(0),
        Some(Value::KvlistValue(map)) => {
            map.values.iter().map(|pair| longest_in(pair.value.as_ref())).max().unwrap_or(0)
        }
        _ => 0,
    }
}

#[test]
fn facts_are_what_is_sent_in_the_order_in_which_it_is_sent() {
    for packing in [Packing::PerService, Packing::WholeTraces] {
        let mut spec = shop(true);
        spec.packing = packing;
        let plan = Plan::new(spec).unwrap();
        let chunk = plan.open(0);
        let (mut bytes, mut with_value, mut varying, mut with_state) = (Vec::new(), 0, 0, 0);
        for (number, request) in chunk.requests().iter().enumerate() {
            bytes.clear();
            chunk.encode(&plan, number, &mut bytes);
            let mut sent = decoded(&bytes).into_iter().zip(0..);
            chunk.for_each_placed(&plan, number as u32, |placed| {
                let ((resource, span, scope), position) = sent.next().unwrap();
                let facts = plan.span_facts(placed.recipe);
                let exporter = plan.exporter_facts(placed.exporter);
                assert_eq!(placed.position, position);
                assert_eq!((facts.name, facts.scope), (span.name.clone(), scope));
                assert_eq!((facts.kind as i32, facts.bytes), (span.kind, span.encoded_len() as u32));
                assert_eq!(facts.status as i32, span.status.as_ref().map_or(0, |status| status.code));
                assert_eq!((facts.events, facts.links), (span.events.len() as u32, span.links.len() as u32));
                let mut names: Vec<&String> = Vec::new();
                for event in &span.events {
                    if !names.contains(&&event.name) {
                        names.push(&event.name);
                    }
                }
                assert_eq!(facts.event_names.iter().collect::<Vec<_>>(), names);
                assert_eq!((facts.trace_state, facts.flags), (!span.trace_state.is_empty(), span.flags));
                assert_eq!(facts.longest_text, longest_text(&span));
                with_state += u32::from(facts.trace_state);
                assert_eq!(facts.root, span.parent_span_id.is_empty());
                assert_eq!(facts.duration_ns, span.end_time_unix_nano - span.start_time_unix_nano);
                assert_eq!(facts.attributes.len(), span.attributes.len());
                for ((key, value), sent) in facts.attributes.iter().zip(&span.attributes) {
                    assert_eq!(*key, sent.key);
                    if value.is_some() {
                        assert_eq!(*value, plain(sent.value.as_ref()), "{key}");
                        with_value += 1;
                    } else if plain(sent.value.as_ref()).is_some() {
                        varying += 1;
                    }
                }
                let resource = resource.attributes.iter().map(|one| (one.key.clone(), plain(one.value.as_ref())));
                assert_eq!(exporter.attributes, resource.collect::<Vec<_>>());
                let described = chunk.describe(&plan, placed.offset);
                assert_eq!(span.span_id, described.span_id);
                assert_eq!((described.request as usize, &described.service), (number, &facts.service));
                assert_eq!((described.instance, described.service), (exporter.instance, exporter.service));
                assert_eq!(chunk.trace_spans(&plan, placed.trace.into()), described.trace_spans);
            });
            assert!(sent.next().is_none());
            assert_eq!(request.spans as usize, decoded(&bytes).len());
        }
        assert!(with_value > 10_000 && varying > 100, "{with_value} and {varying}");
        assert!(with_state > 100, "{with_state}");
    }
}

#[test]
fn the_plan_lasts_until_its_last_request_is_due_and_no_longer() {
    let mut slow = shop(true);
    // Slow traces last up to minutes, so the last request is rarely that of the last chunk.
    slow.mix.shares = [(Stratum::SlowTrace, Ppb(300_000_000))].into();
    slow.rate = Rate::Spans(40_000.0);
    let whole = PlanSpec { packing: Packing::WholeTraces, ..slow.clone() };
    for spec in [slow, whole, spec(uniform(), Packing::PerService)] {
        let plan = Plan::new(spec).unwrap();
        let due = |chunk: u64| plan.open(chunk).requests().iter().map(|request| request.due_ns).max().unwrap();
        let last_ns = (0..plan.chunks()).map(due).max().unwrap();
        assert_eq!(plan.seconds(), last_ns as f64 / 1e9);
        assert!(plan.starts_seconds() <= plan.seconds(), "{} starts after {}", plan.starts_seconds(), plan.seconds());
    }
}
