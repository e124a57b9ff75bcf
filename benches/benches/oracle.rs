//! How fast the sampling oracle says what becomes of a trace, by the shape's facts and with hashing.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spanproof_generators::identity::{Identity, RunTag};
use spanproof_generators::sampling::chain::Chain;
use spanproof_generators::sampling::config::{
    Mode, Policy, ProbabilisticSampler, Rule, Stage, StatusCode, StringAttribute, TailSampling,
};
use spanproof_generators::sampling::oracle::Program;
use spanproof_generators::sampling::trace::{Placed, Source};
use spanproof_generators::sampling::version::{Model, Version};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::shop::Shop;
use std::hint::black_box;

/// More than the caches of a core hold.
const SHAPES: u32 = 4_096;

/// Traces that are asked about in one go.
const TRACES: usize = 65_536;

fn tail(rules: Vec<Rule>) -> Stage {
    let policies = rules.into_iter().enumerate().map(|(at, rule)| Policy::new(at.to_string(), rule));
    Stage::TailSampling(TailSampling::of(policies))
}

fn errors() -> Rule {
    Rule::StatusCode(vec![StatusCode::Error])
}

fn service() -> Rule {
    let values = vec!["cart".to_owned(), "checkout".to_owned()];
    Rule::StringAttribute(StringAttribute { key: "service.name".to_owned(), values, regex: false, invert: false })
}

fn hash(percentage: f64) -> Rule {
    Rule::Probabilistic { percentage, hash_salt: String::new() }
}

fn varying() -> Rule {
    let values = vec!["[05]$".to_owned()];
    Rule::StringAttribute(StringAttribute { key: "session.id".to_owned(), values, regex: true, invert: false })
}

fn configurations() -> Vec<(&'static str, Vec<Stage>)> {
    let slow = Rule::Latency { threshold_ms: 500, upper_threshold_ms: 0 };
    let equalizing =
        ProbabilisticSampler { percentage: 25.0, mode: Mode::Equalizing, ..ProbabilisticSampler::default() };
    let seeded = ProbabilisticSampler { percentage: 25.0, ..ProbabilisticSampler::default() };
    vec![
        ("attributes and status", vec![tail(vec![errors(), slow.clone(), service()])]),
        ("hash of the rest", vec![tail(vec![errors(), slow, hash(10.0)])]),
        ("hash_seed, then hash", vec![Stage::ProbabilisticSampler(seeded), tail(vec![hash(10.0)])]),
        ("equalizing", vec![Stage::ProbabilisticSampler(equalizing)]),
        ("what varies", vec![tail(vec![varying()])]),
    ]
}

fn oracle(criterion: &mut Criterion) {
    let pool = Shop { pool_size: SHAPES }.pool(1, &[]);
    let shapes = &pool.sets[0].shapes;
    let identity = Identity::new(Seed(1), RunTag::new(1), 0);
    let ids: Vec<_> = identity.traces(0, TRACES).iter().map(|keys| keys.id).collect();
    let sources: Vec<_> = shapes.iter().filter_map(|shape| Source::new(shape, &pool.topology, 0)).collect();
    let mut group = criterion.benchmark_group("oracle");
    group.throughput(Throughput::Elements(TRACES as u64));
    for (name, stages) in configurations() {
        let Ok(chain) = Chain::new(&stages, Model::actual(Version::MEASURED)) else { continue };
        let programs: Vec<Program> = sources.iter().map(|source| chain.compile(source)).collect();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for (index, id) in ids.iter().enumerate() {
                    // As far apart as drawing at random puts them, at the price of a multiplication.
                    let shape = index.wrapping_mul(2_654_435_761) % programs.len();
                    let placed = || Placed { identity: &identity, index: index as u64, start_unix_ns: 1 << 60 };
                    black_box(chain.fate(&programs[shape], id, || sources[shape].trace(placed())));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, oracle);
criterion_main!(benches);
