//! Requests ready to send: a pool's bytes copied and patched, with everything a chunk needs before.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spanproof_benches::cpu_time::{CpuTime, criterion};
use spanproof_benches::plans::{CHUNKS, Measured, shop, uniform};
use spanproof_benches::prost_pace;
use spanproof_generators::plan::{Chunk, PlanError};
use std::hint::black_box;

/// The binary's allocator, since allocation is part of what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One buffer for all requests, as large as the largest: what a pool of send buffers comes to.
fn encode_all(measured: &Measured, chunk: &Chunk, buffer: &mut Vec<u8>) {
    for request in 0..chunk.requests().len() {
        buffer.clear();
        chunk.encode(&measured.plan, request, buffer);
        black_box(&buffer);
    }
}

fn generate(criterion: &mut Criterion<CpuTime>, measured: &Measured) {
    let mut group = criterion.benchmark_group(format!("generate/{}", measured.name));
    group.throughput(Throughput::Elements(measured.spans()));
    let mut buffer = Vec::new();
    group.bench_function("ready", |bencher| {
        bencher.iter(|| {
            for number in 0..CHUNKS {
                encode_all(measured, &measured.plan.open(number), &mut buffer);
            }
        });
    });
    group.bench_function("open", |bencher| {
        bencher.iter(|| (0..CHUNKS).for_each(|number| drop(black_box(measured.plan.open(number)))));
    });
    let chunks = measured.chunks();
    group.bench_function("patch", |bencher| {
        bencher.iter(|| chunks.iter().for_each(|chunk| encode_all(measured, chunk, &mut buffer)));
    });
    let decoded = prost_pace::decoded(&measured.requests());
    let decoded = decoded.unwrap_or_else(|error| panic!("prost does not read a request: {error}"));
    group.bench_function("prost", |bencher| bencher.iter(|| prost_pace::encode(&decoded, &mut buffer)));
    group.finish();
}

fn all(criterion: &mut Criterion<CpuTime>) {
    let measured: Result<Vec<Measured>, PlanError> = [uniform(), shop()].into_iter().collect();
    match measured {
        Ok(measured) => measured.iter().for_each(|measured| generate(criterion, measured)),
        Err(error) => panic!("failed to make a plan: {error}"),
    }
}

criterion_group! { name = benches; config = criterion(); targets = all }
criterion_main!(benches);
