//! Stages one after another, span by span, and what each leaves to the next.

use crate::spans::{measured, sampler_config, span, span_with, trace_of};
use proptest::prelude::*;
use spanproof_generators::model::Value;
use spanproof_generators::sampling::chain::{Chain, Fate, Step};
use spanproof_generators::sampling::config::{
    Filter, HeadSampler, Mode, ParentBased, Policy, ProbabilisticSampler, RatioAlgorithm, Rule, SpanConditions, Stage,
    TailSampling,
};
use spanproof_generators::sampling::head::{Parent, Question};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::probabilistic::{By, ReadySampler, Written};
use spanproof_generators::sampling::threshold::{Randomness, Threshold};
use spanproof_generators::sampling::trace::Span;

fn chain(stages: Vec<Stage>) -> Chain {
    Chain::new(&stages, measured()).unwrap()
}

fn filter(condition: &str) -> Stage {
    let span = vec![Condition::parse(condition, Context::Span)];
    Stage::Filter(Filter {
        conditions: vec![SpanConditions { span, ..SpanConditions::default() }],
        ..Filter::default()
    })
}

fn tail(rule: Rule) -> Stage {
    Stage::TailSampling(TailSampling::of([Policy::new("p", rule)]))
}

fn sampler(mode: Mode, percentage: f32) -> Stage {
    Stage::ProbabilisticSampler(sampler_config(mode, percentage))
}

fn named(name: &'static str) -> Span<'static> {
    Span { name, ..span() }
}

const ID: [u8; 16] = [0x5a; 16];

#[test]
fn what_a_filter_takes_later_stages_do_not_see() {
    let spans = || vec![named("a"), named("b"), named("a")];
    let course = chain(vec![filter(r#"name == "b""#), tail(Rule::SpanCount { min_spans: 3, max_spans: 0 })])
        .course(trace_of(ID, spans()));
    assert_eq!(course.fate, Fate::Drop);
    let course = chain(vec![filter(r#"name == "b""#), tail(Rule::SpanCount { min_spans: 2, max_spans: 0 })])
        .course(trace_of(ID, spans()));
    assert_eq!((course.fate, course.survivors), (Fate::Keep, vec![true, false, true]));
    let course = chain(vec![tail(Rule::SpanCount { min_spans: 3, max_spans: 0 }), filter(r#"name == "b""#)])
        .course(trace_of(ID, spans()));
    assert_eq!(course.survivors, [true, false, true]);
    let nothing = chain(vec![filter("true"), tail(Rule::AlwaysSample)]).course(trace_of(ID, spans()));
    assert_eq!((nothing.fate, nothing.steps.len()), (Fate::Drop, 1));
}

#[test]
fn an_unread_filter_leaves_the_fate_unknown_unless_nothing_can_come_out() {
    let course = chain(vec![filter("Len(name) > 3"), tail(Rule::AlwaysSample)]).course(trace_of(ID, vec![named("a")]));
    assert!(matches!(course.fate, Fate::Unknown(what) if what.contains("Len(name)")));
    let dropped = chain(vec![tail(Rule::And(vec![Policy::new(
        "never",
        Rule::StatusCode(vec![spanproof_generators::sampling::config::StatusCode::Ok]),
    )]))])
    .course(trace_of(ID, vec![named("a")]));
    assert_eq!(dropped.fate, Fate::Drop);
}

#[test]
fn a_priority_overrides_the_sampler_in_both_directions() {
    let decide = |config: &ProbabilisticSampler, value: Value| {
        ReadySampler::new(config).decide(&ID, &span_with("sampling.priority", value))
    };
    for mode in [Mode::HashSeed, Mode::Proportional, Mode::Equalizing] {
        let (none, all) = (sampler_config(mode, 0.0), sampler_config(mode, 100.0));
        for (value, none_keeps, all_keeps) in [
            (Value::from(0), false, false),
            (1.into(), true, true),
            ((-1).into(), false, true),
            (0.0.into(), false, false),
            (0.5.into(), true, true),
            ("0".into(), false, false),
            ("2.5".into(), true, true),
            ("high".into(), false, true),
            (true.into(), false, true),
        ] {
            assert_eq!(decide(&none, value.clone()).keep, none_keeps, "{mode:?} at 0 %: {value:?}");
            assert_eq!(decide(&all, value.clone()).keep, all_keeps, "{mode:?} at 100 %: {value:?}");
        }
        assert_eq!(decide(&none, 1.into()).by, By::SamplingPriority);
    }
}

#[test]
fn a_span_without_a_trace_id_has_no_randomness() {
    for mode in [Mode::HashSeed, Mode::Proportional, Mode::Equalizing] {
        let closed = sampler_config(mode, 100.0);
        let fate = ReadySampler::new(&closed).decide(&[0; 16], &span());
        assert_eq!((fate.keep, fate.by), (false, By::MissingRandomness), "{mode:?}");
        let open = ProbabilisticSampler { fail_closed: false, ..sampler_config(mode, 1.0) };
        assert!(ReadySampler::new(&open).decide(&[0; 16], &span()).keep, "{mode:?}");
    }
}

#[test]
fn the_processors_metric_names_what_decided() {
    let by = |mode, header: &'static str| {
        let span = Span { trace_state: header.into(), ..span() };
        ReadySampler::new(&sampler_config(mode, 50.0)).decide(&ID, &span).by.name()
    };
    assert_eq!(by(Mode::HashSeed, ""), "trace_id_hash");
    assert_eq!(by(Mode::Equalizing, ""), "trace_id_w3c");
    assert_eq!(by(Mode::Proportional, "ot=rv:ffffffffffffff"), "sampling_randomness");
    assert_eq!(by(Mode::Equalizing, "bad bad"), "missing_randomness");
}

#[test]
fn two_tiers_of_one_seed_keep_what_the_smaller_does_and_of_two_seeds_the_product() {
    let seeded = |seed, percentage| {
        Stage::ProbabilisticSampler(ProbabilisticSampler {
            hash_seed: seed,
            fail_closed: false,
            ..sampler_config(Mode::HashSeed, percentage)
        })
    };
    let kept = |stages: Vec<Stage>| {
        let chain = chain(stages);
        (0..4_000u64)
            .filter(|n| {
                let id = (u128::from(*n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes();
                chain.course(trace_of(id, vec![span()])).fate == Fate::Keep
            })
            .count()
    };
    // The second tier finds the first one's randomness in use and, failing open, keeps all it gets.
    assert_eq!(kept(vec![seeded(0, 50.0), seeded(0, 10.0)]), kept(vec![seeded(0, 50.0)]));
    let tail_of = |salt: &str, percentage| tail(Rule::Probabilistic { percentage, hash_salt: salt.to_owned() });
    let same = kept(vec![tail_of("a", 50.0), tail_of("a", 25.0)]);
    assert_eq!(same, kept(vec![tail_of("a", 25.0)]));
    // Of 4,000 traces 500 are expected, with a standard deviation of 21.
    assert!(kept(vec![tail_of("a", 50.0), tail_of("b", 25.0)]).abs_diff(500) < 105);
}

#[test]
fn parents_are_obeyed_and_roots_ask_the_root_sampler() {
    let sampler = HeadSampler::ParentBased(Box::new(ParentBased::of(HeadSampler::AlwaysOff)));
    let keeps = |parent| sampler.keeps(Question { id: &ID, parent, randomness: None });
    assert!(!keeps(Parent::None));
    assert!(keeps(Parent::Remote { sampled: true }) && keeps(Parent::Local { sampled: true }));
    assert!(!keeps(Parent::Remote { sampled: false }) && !keeps(Parent::Local { sampled: false }));
    let on = HeadSampler::ParentBased(Box::new(ParentBased::of(HeadSampler::AlwaysOn)));
    assert!(on.keeps(Question { id: &ID, parent: Parent::None, randomness: None }));
}

#[test]
fn ratios_at_the_ends() {
    let keeps = |algorithm: RatioAlgorithm, ratio, low: i64| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&low.to_be_bytes());
        algorithm.keeps(ratio, &id)
    };
    for algorithm in [RatioAlgorithm::Go, RatioAlgorithm::Rust] {
        assert!(keeps(algorithm, 1.0, -1) && keeps(algorithm, 2.0, -1));
        assert!(!keeps(algorithm, 0.0, 0) && !keeps(algorithm, -1.0, 0));
    }
    // Java folds the sign; the least number has no absolute value and is always kept, even if hardly anything is.
    assert!(keeps(RatioAlgorithm::Java, 0.5, -1) && !keeps(RatioAlgorithm::Go, 0.5, -1));
    assert!(keeps(RatioAlgorithm::Java, 1e-9, i64::MIN));
    assert!(!keeps(RatioAlgorithm::Java, 0.0, i64::MIN));
}

#[test]
fn a_consistent_head_sampler_tells_later_stages_its_threshold() {
    let head = Stage::Head(HeadSampler::Consistent { ratio: 0.5, precision: 4 });
    let all_ones = [0xff; 16];
    let course = chain(vec![head, sampler(Mode::Proportional, 50.0)]).course(trace_of(all_ones, vec![span()]));
    let Step::Sampler(fates) = &course.steps[1] else { panic!("{course:?}") };
    assert_eq!(fates[0].trace_state, Written::Replaced("ot=th:c".to_owned()));
}

proptest! {
    #[test]
    fn thresholds_only_rise_from_stage_to_stage(id: [u8; 16], first in 1.0f32..100.0, second in 1.0f32..100.0, proportional: bool) {
        let mode = if proportional { Mode::Proportional } else { Mode::Equalizing };
        let course = chain(vec![sampler(mode, first), sampler(mode, second)]).course(trace_of(id, vec![span()]));
        let thresholds: Vec<Threshold> = course.steps.iter().map(|step| match step {
            Step::Sampler(fates) => fates[0].threshold,
            other => panic!("{other:?}"),
        }).collect();
        prop_assert!(thresholds.is_sorted());
        let last = thresholds[thresholds.len() - 1];
        prop_assert_eq!(course.fate == Fate::Keep, id != [0; 16] && last.keeps(Randomness::of_trace_id(&id)));
    }
}
