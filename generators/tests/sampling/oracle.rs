//! The compiled programs say of every trace what following it says.

use crate::spans::{measured, sampler_config};
use spanproof_generators::identity::{Identity, RunTag};
use spanproof_generators::model::{Pool, Shape, Stratum};
use spanproof_generators::sampling::chain::{Chain, Fate};
use spanproof_generators::sampling::config::{
    Allocation, Composite, Filter, HeadSampler, Limit, Mode, OttlCondition, Policy, RatioAlgorithm, Rule,
    SpanConditions, Stage, StatusCode, Strategy, StringAttribute, TailSampling,
};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::trace::{Placed, Source};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::shop::Shop;
use std::collections::BTreeMap;

fn pool() -> Pool {
    Shop { pool_size: 96 }.pool(11, &Stratum::ANOMALIES)
}

fn variants(shape: &Shape) -> u8 {
    shape.spans.iter().map(|span| span.variant.number).max().unwrap_or(0)
}

fn named(rules: Vec<Rule>) -> Vec<Policy> {
    rules.into_iter().enumerate().map(|(at, rule)| Policy::new(format!("p{at}"), rule)).collect()
}

fn tail(rules: Vec<Rule>) -> Stage {
    Stage::TailSampling(TailSampling::of(named(rules)))
}

fn hash(percentage: f64) -> Rule {
    Rule::Probabilistic { percentage, hash_salt: String::new() }
}

fn text(key: &str, values: &[&str], regex: bool, invert: bool) -> Rule {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Rule::StringAttribute(StringAttribute { key: key.to_owned(), values, regex, invert })
}

fn errors() -> Rule {
    Rule::StatusCode(vec![StatusCode::Error])
}

fn slow(threshold_ms: i64, upper_threshold_ms: i64) -> Rule {
    Rule::Latency { threshold_ms, upper_threshold_ms }
}

fn ottl(text: &str) -> Rule {
    let span = vec![Condition::parse(text, Context::Span)];
    Rule::OttlCondition(OttlCondition { span, ..OttlCondition::default() })
}

fn filter(condition: &str) -> Stage {
    let span = vec![Condition::parse(condition, Context::Span)];
    Stage::Filter(Filter {
        conditions: vec![SpanConditions { span, ..SpanConditions::default() }],
        ..Filter::default()
    })
}

fn composite() -> Rule {
    Rule::Composite(Composite {
        max_total_spans_per_second: 40,
        policies: named(vec![errors(), Rule::And(named(vec![hash(50.0), slow(20, 0)])), Rule::AlwaysSample]),
        policy_order: vec![],
        rate_allocation: [("p0", 50), ("p1", 25), ("p2", 25)]
            .map(|(policy, percent)| Allocation { policy: policy.to_owned(), percent })
            .to_vec(),
    })
}

/// Configurations as people have them, and some that nobody has.
fn configurations() -> Vec<(&'static str, Vec<Stage>)> {
    let sampler = |mode, percentage| Stage::ProbabilisticSampler(sampler_config(mode, percentage));
    let open = |mode| {
        Stage::ProbabilisticSampler(spanproof_generators::sampling::config::ProbabilisticSampler {
            fail_closed: false,
            ..sampler_config(mode, 30.0)
        })
    };
    let limit = Limit { per_second: 10, burst: 0 };
    vec![
        ("errors and slow", vec![tail(vec![errors(), slow(500, 0)])]),
        ("errors, slow, and a tenth of the rest", vec![tail(vec![errors(), slow(500, 0), hash(10.0)])]),
        (
            "per service",
            vec![tail(vec![Rule::And(named(vec![
                text("service.name", &["cart", "frontend"], false, false),
                hash(25.0),
            ]))])],
        ),
        ("not", vec![tail(vec![Rule::Not(Box::new(Policy::new("n", hash(25.0))))])]),
        (
            "and not",
            vec![tail(vec![Rule::And(named(vec![Rule::Not(Box::new(Policy::new("n", errors()))), hash(50.0)]))])],
        ),
        ("drop by id", vec![tail(vec![Rule::AlwaysSample, Rule::Drop(named(vec![hash(40.0), errors()]))])]),
        (
            "drop health checks",
            vec![tail(vec![Rule::AlwaysSample, Rule::Drop(named(vec![ottl(r#"IsMatch(name, "health")"#)]))])],
        ),
        ("what varies", vec![tail(vec![text("session.id", &["[05]$"], true, false)])]),
        ("what varies, inverted", vec![tail(vec![text("app.order.id", &["7"], true, true), hash(5.0)])]),
        ("a varying double", vec![tail(vec![ottl(r#"attributes["app.order.amount"] > 100"#)])]),
        ("instances", vec![tail(vec![text("service.instance.id", &["1"], true, false), hash(10.0)])]),
        ("limited", vec![tail(vec![errors(), Rule::RateLimiting(limit)])]),
        ("limited by id", vec![tail(vec![Rule::And(named(vec![hash(50.0), Rule::RateLimiting(limit)])), hash(10.0)])]),
        ("unread", vec![tail(vec![ottl("Len(name) > 3"), hash(10.0)])]),
        ("composite", vec![tail(vec![composite()])]),
        ("upper latency", vec![tail(vec![slow(100, 400), hash(10.0)])]),
        ("span count and flags", vec![tail(vec![Rule::SpanCount { min_spans: 20, max_spans: 60 }, Rule::TraceFlags])]),
        (
            "tracestate",
            vec![tail(vec![Rule::TraceState { key: "es".to_owned(), values: vec!["s:1".to_owned()] }, hash(1.0)])],
        ),
        (
            "panic",
            vec![tail(vec![
                Rule::NumericAttribute { key: "n".to_owned(), min_value: None, max_value: Some(0), invert: false },
                hash(50.0),
            ])],
        ),
        (
            "filter",
            vec![
                filter("kind == SPAN_KIND_INTERNAL"),
                tail(vec![Rule::SpanCount { min_spans: 10, max_spans: 0 }, hash(10.0)]),
            ],
        ),
        (
            "filter by what varies",
            vec![filter(r#"IsMatch(attributes["session.id"], "^[0-7]")"#), tail(vec![hash(50.0)])],
        ),
        ("unread filter", vec![filter("Len(name) > 3"), tail(vec![hash(50.0)])]),
        ("hash_seed", vec![sampler(Mode::HashSeed, 25.0)]),
        ("proportional twice", vec![sampler(Mode::Proportional, 50.0), sampler(Mode::Proportional, 50.0)]),
        ("equalizing behind proportional", vec![sampler(Mode::Proportional, 50.0), sampler(Mode::Equalizing, 10.0)]),
        ("hash_seed twice", vec![sampler(Mode::HashSeed, 50.0), open(Mode::HashSeed)]),
        ("open behind closed", vec![sampler(Mode::Proportional, 50.0), open(Mode::Equalizing)]),
        (
            "hash_seed, then tracestate",
            vec![
                sampler(Mode::HashSeed, 50.0),
                tail(vec![Rule::TraceState { key: "es".to_owned(), values: vec!["s:1".to_owned()] }]),
            ],
        ),
        (
            "ingest",
            vec![Stage::TailSampling(TailSampling {
                strategy: Strategy::SpanIngest,
                ..TailSampling::of(named(vec![hash(50.0)]))
            })],
        ),
        (
            "a largest size",
            vec![Stage::TailSampling(TailSampling {
                maximum_trace_size_bytes: 9,
                ..TailSampling::of(named(vec![hash(50.0)]))
            })],
        ),
        (
            "open, then a vote",
            vec![
                tail(vec![ottl("Len(name) > 3")]),
                tail(vec![errors(), hash(50.0)]),
                filter("kind == SPAN_KIND_CLIENT"),
            ],
        ),
        (
            "limited, then unread",
            vec![tail(vec![Rule::RateLimiting(limit)]), tail(vec![hash(50.0), ottl("Len(name) > 3")])],
        ),
        ("never", vec![sampler(Mode::Equalizing, 0.0), tail(vec![Rule::AlwaysSample])]),
        (
            "head then tail",
            vec![
                Stage::Head(HeadSampler::TraceIdRatio { ratio: 0.5, algorithm: RatioAlgorithm::Java }),
                sampler(Mode::Proportional, 50.0),
                filter(r#"name == "GET /healthz""#),
                tail(vec![errors(), hash(50.0)]),
            ],
        ),
        (
            "consistent head",
            vec![Stage::Head(HeadSampler::Consistent { ratio: 0.5, precision: 4 }), sampler(Mode::Equalizing, 25.0)],
        ),
    ]
}

/// How often each fate came out, and how many programs there are of each kind.
type Tally = BTreeMap<&'static str, u32>;

fn note(tally: &mut Tally, what: &'static str) {
    *tally.entry(what).or_default() += 1;
}

fn compare(name: &str, chain: &Chain, pool: &Pool, tally: &mut Tally) {
    let identity = Identity::new(Seed(5), RunTag::new(0x1234), 0);
    let mut index = 0;
    for shape in pool.sets.iter().flat_map(|set| &set.shapes) {
        for number in 0..=variants(shape) {
            let Some(source) = Source::new(shape, &pool.topology, number) else { continue };
            let program = chain.compile(&source);
            note(
                tally,
                if program.constant() {
                    "constant"
                } else if program.by_trace() {
                    "by trace"
                } else {
                    "by id"
                },
            );
            for _ in 0..3 {
                index += 1;
                let trace = source.trace(Placed { identity: &identity, index, start_unix_ns: 1 << 60 });
                let followed = chain.course(trace.clone());
                let fate = chain.fate(&program, &trace.id, || trace.clone());
                assert_eq!(fate, followed.fate, "{name}: {shape:?}");
                if let (Fate::Keep, Some(survivors)) = (&fate, program.survivors()) {
                    assert_eq!(survivors, followed.survivors, "{name}: {shape:?}");
                }
                note(
                    tally,
                    match fate {
                        Fate::Keep => "keep",
                        Fate::Drop => "drop",
                        Fate::Bounded => "bounded",
                        Fate::Unknown(_) => "unknown",
                    },
                );
            }
        }
    }
}

#[test]
fn programs_agree_with_following_each_trace() {
    let pool = pool();
    let mut all = Tally::new();
    for (name, stages) in configurations() {
        let mut tally = Tally::new();
        compare(name, &Chain::new(&stages, measured()).unwrap(), &pool, &mut tally);
        println!("{name}: {tally:?}");
        for (what, count) in tally {
            *all.entry(what).or_default() += count;
        }
    }
    // Or it would compare nothing with nothing.
    for what in ["constant", "by id", "by trace", "keep", "drop", "bounded", "unknown"] {
        assert!(all.get(what).is_some_and(|count| *count > 500), "{what}: {all:?}");
    }
}

#[test]
fn in_no_known_order_programs_agree_too() {
    let pool = pool();
    let stages = vec![tail(vec![slow(100, 400), hash(10.0)])];
    let mut tally = Tally::new();
    compare("any order", &Chain::new(&stages, measured()).unwrap().in_any_order(), &pool, &mut tally);
    assert!(tally["unknown"] > 10 && tally["keep"] > 10 && tally["drop"] > 10, "{tally:?}");
}

#[test]
fn a_trace_has_the_values_that_are_sent() {
    let pool = pool();
    let identity = Identity::new(Seed(5), RunTag::new(0x1234), 0);
    let mut varied = 0;
    for shape in pool.sets.iter().flat_map(|set| &set.shapes) {
        let source = Source::new(shape, &pool.topology, 0).unwrap();
        let at = |index| source.trace(Placed { identity: &identity, index, start_unix_ns: 7 });
        let (one, other) = (at(1), at(2));
        assert_ne!(one.id, other.id);
        assert_eq!(one.spans[0].start_unix_ns, 7 + shape.spans[0].start_ns);
        for (one, other) in one.spans.iter().zip(&other.spans) {
            for (mine, theirs) in one.attributes.iter().zip(other.attributes.iter()) {
                let varies = Shop::VARYING_KEYS.contains(&mine.key.as_str());
                assert!(varies || mine == theirs, "{mine:?}");
                varied += u32::from(mine != theirs);
            }
        }
    }
    assert!(varied > 100, "{varied}");
}
