//! What the sink does with a request: walk, identify, judge, hash, mark, all through the backend that a run uses.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::HeaderMap;
use spanproof_benches::cpu_time::{CpuTime, criterion};
use spanproof_benches::plans::{CHUNKS, Measured, shop, uniform};
use spanproof_benches::prost_pace::{self, fresh};
use spanproof_generators::plan::PlanError;
use spanproof_generators::walk::Walk;
use spanproof_harness::chunks::OpenChunks;
use spanproof_harness::clock::RunClock;
use spanproof_harness::sink::recorder::Recorder;
use spanproof_harness::wire::server::{Backend, Export};
use spanproof_harness::wire::{Compression, Protocol, Signal};
use spanproof_reports::latency::LatencyRecorder;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The binary's allocator, since allocation is part of what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From the intended instant to arrival; nothing is late.
const LATENCY: Duration = Duration::from_millis(2);

/// A request as the server would hand it over.
fn export(clock: &RunClock, due_ns: u64, body: Bytes) -> Export {
    Export {
        signal: Signal::Traces,
        protocol: Protocol::Grpc,
        compression: Compression::None,
        wire_bytes: body.len() as u64 + 5,
        body,
        connection: 0,
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 4317)),
        received: clock.instant(due_ns) + LATENCY,
        headers: HeaderMap::new(),
    }
}

/// One pass with a recorder that has seen none of the requests: every mark is a first one.
fn record(chunks: &Arc<OpenChunks>, clock: RunClock, requests: &[(u64, Bytes)], spans: u64) -> Duration {
    let latency = Arc::new(LatencyRecorder::new());
    let recorder = Recorder::new(Arc::clone(chunks), clock, latency, Duration::from_secs(10), Duration::ZERO);
    let time = fresh(requests, |due_ns, body| {
        black_box(recorder.export(export(&clock, due_ns, body)));
    });
    let ledger = recorder.ledger();
    let wrong = [ledger.corrupt(), ledger.extra(), ledger.invented(), ledger.foreign()];
    assert_eq!((ledger.delivered(), wrong), (spans, [0; 4]), "every span is intact and arrives once");
    time
}

fn receive(criterion: &mut Criterion<CpuTime>, measured: &Measured) {
    let (requests, clock) = (measured.requests(), RunClock::starting_in(Duration::ZERO));
    let chunks = Arc::new(OpenChunks::new(Arc::new(measured.plan.clone()), CHUNKS as usize));
    let mut group = criterion.benchmark_group(format!("receive/{}", measured.name));
    group.throughput(Throughput::Elements(measured.spans()));
    group.bench_function("recorded", |bencher| {
        bencher.iter_custom(|passes| (0..passes).map(|_| record(&chunks, clock, &requests, measured.spans())).sum());
    });
    let mut walk = Walk::default();
    group.bench_function("walk", |bencher| {
        let mut read = |_, body: Bytes| assert_eq!(black_box(walk.read(&body)), Ok(()));
        bencher.iter_custom(|passes| (0..passes).map(|_| fresh(&requests, &mut read)).sum());
    });
    group.bench_function("prost", |bencher| {
        bencher.iter_custom(|passes| (0..passes).map(|_| prost_pace::decode(&requests)).sum());
    });
    group.finish();
}

fn all(criterion: &mut Criterion<CpuTime>) {
    let measured: Result<Vec<Measured>, PlanError> = [uniform(), shop()].into_iter().collect();
    match measured {
        Ok(measured) => measured.iter().for_each(|measured| receive(criterion, measured)),
        Err(error) => panic!("failed to make a plan: {error}"),
    }
}

criterion_group! { name = benches; config = criterion(); targets = all }
criterion_main!(benches);
