//! Marks in the ledger: in the order of the plan, and shuffled over all its chunks.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use spanproof_benches::cpu_time::{CpuTime, criterion};
use spanproof_generators::mix::scramble;
use spanproof_harness::judge::ledger::Ledger;
use std::time::Duration;

/// Sixteen chunks of `shop`, roughly.
const CHUNKS: u64 = 16;
const RECORDS: u32 = 86_000;

/// Records that are counted together: one request's.
const BATCH: usize = 512;

/// One pass over a ledger in which nothing is marked yet.
fn mark_all(records: &[(u64, u32)]) -> Duration {
    let ledger = Ledger::new((0..CHUNKS).map(|_| RECORDS));
    let time = CpuTime::of(|| {
        for batch in records.chunks(BATCH) {
            let mut marks = ledger.marks();
            for (chunk, offset) in batch {
                marks.add(*chunk, *offset);
            }
        }
    });
    assert_eq!(ledger.unique(), records.len() as u64);
    time
}

fn ledger(criterion: &mut Criterion<CpuTime>) {
    let in_order: Vec<_> = (0..CHUNKS).flat_map(|chunk| (0..RECORDS).map(move |offset| (chunk, offset))).collect();
    let mut shuffled = in_order.clone();
    shuffled.sort_by_key(|(chunk, offset)| scramble(chunk << 32 | u64::from(*offset)));
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(in_order.len() as u64));
    for (name, records) in [("in-order", &in_order), ("shuffled", &shuffled)] {
        group.bench_function(BenchmarkId::new("mark", name), |bencher| {
            bencher.iter_custom(|passes| (0..passes).map(|_| mark_all(records)).sum());
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = criterion(); targets = ledger }
criterion_main!(benches);
