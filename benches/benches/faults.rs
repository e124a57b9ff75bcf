//! What a plan of faults costs every request: whether one of them holds and touches it. The sink asks for each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use roaring::RoaringTreemap;
use spanproof_benches::cpu_time::{CpuTime, criterion};
use spanproof_harness::fault::{FaultBook, Struckable};
use spanproof_scenarios::scenario::{Fault, FaultKind, GrpcStatus, Reach, SinkFault, Windows};
use spanproof_scenarios::units::{GrpcCode, Ppb};
use std::hint::black_box;
use std::time::Duration;

/// Requests in one pass, one each millisecond.
const REQUESTS: u64 = 10_000;

/// Faults of a long plan.
const MANY: u32 = 20;

/// Spans of a request.
const SPANS: u64 = 512;

/// A request whose spans are known already: reading them is the sink's work.
struct Request {
    connection: u64,
    records: RoaringTreemap,
}

impl Struckable for Request {
    fn connection(&self) -> u64 {
        self.connection
    }

    fn records(&self) -> &RoaringTreemap {
        &self.records
    }
}

fn fault(number: u32, windows: Windows, fault: SinkFault, reach: Reach) -> Fault {
    Fault { name: format!("fault-{number}"), windows, kind: FaultKind::Sink { fault, reach } }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// From the beginning to the end of a pass.
fn always() -> Windows {
    Windows { at: Duration::ZERO, lasting: ms(REQUESTS), every: ms(REQUESTS), times: 1 }
}

/// On and off all the time.
fn flapping(number: u32) -> Windows {
    Windows { at: ms(u64::from(number)), lasting: ms(3), every: ms(100), times: 1_000_000 }
}

/// The plans that are measured, by name.
fn plans() -> Vec<(&'static str, Vec<Fault>)> {
    let code = GrpcCode::from(GrpcStatus::Unavailable);
    let unavailable = SinkFault::GrpcStatus { code, retry_after: None };
    let half = Reach::share(Ppb(Ppb::WHOLE.0 / 2));
    vec![
        ("one, all", vec![fault(0, always(), unavailable, Reach::WHOLE)]),
        ("one, half of all", vec![fault(0, always(), unavailable, half)]),
        ("twenty that flap", (0..MANY).map(|number| fault(number, flapping(number), unavailable, half)).collect()),
        ("poison", vec![fault(0, always(), SinkFault::Poison { one_in: 100_000, code }, Reach::WHOLE)]),
    ]
}

fn decide(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("faults/decided");
    group.throughput(Throughput::Elements(REQUESTS));
    let request = Request { connection: 3, records: (0..SPANS).collect() };
    // Has every kind of span in it, also one that is rare.
    let large = Request { connection: 3, records: (0..1_000_000).collect() };
    for (name, plan) in plans() {
        let book = FaultBook::new(&plan, 7, None);
        assert!((0..REQUESTS).any(|at| book.strike(ms(at), &large).is_some()), "{name} touches nothing");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for at in 0..REQUESTS {
                    let struck = book.strike(ms(black_box(at)), &request);
                    if black_box(struck).is_none() {
                        book.note_delivery(ms(at));
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = criterion(); targets = decide }
criterion_main!(benches);
