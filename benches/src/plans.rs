//! The plans that the benches measure with: `shop` as services send it, `uniform` in whole traces, 512 spans a batch.

use bytes::Bytes;
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{BatchRule, Chunk, Extent, Mix, Packing, Plan, PlanError, PlanSpec, Ppb, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_generators::workload::uniform::Uniform;

/// Chunks that one pass goes over.
pub const CHUNKS: u64 = 4;

/// A plan under the name that its figures carry.
pub struct Measured {
    /// Workload and packing, as in the id of a benchmark.
    pub name: &'static str,
    /// The plan; of more than [`CHUNKS`] chunks.
    pub plan: Plan,
}

impl Measured {
    /// Spans of one pass.
    pub fn spans(&self) -> u64 {
        self.plan.spans_before(CHUNKS)
    }

    /// The chunks of one pass, opened.
    pub fn chunks(&self) -> Vec<Chunk> {
        (0..CHUNKS).map(|number| self.plan.open(number)).collect()
    }

    /// All requests of one pass with their due instants, in the order in which they are due, as the driver sends them.
    pub fn requests(&self) -> Vec<(u64, Bytes)> {
        let mut requests = Vec::new();
        for chunk in self.chunks() {
            for (number, request) in chunk.requests().iter().enumerate() {
                let mut bytes = Vec::new();
                chunk.encode(&self.plan, number, &mut bytes);
                requests.push((request.due_ns, Bytes::from(bytes)));
            }
        }
        requests.sort_by_key(|(due_ns, _)| *due_ns);
        requests
    }
}

/// `shop` with 4,096 shapes, one in a hundred traces with each of the anomalies, each service instance exporting its own.
///
/// # Errors
/// See [`PlanError`]; there are none with these parameters.
pub fn shop() -> Result<Measured, PlanError> {
    let shares = Stratum::ANOMALIES.iter().map(|stratum| (*stratum, Ppb(10_000_000))).collect();
    let plan = Plan::new(spec(Workload::Shop(Shop::default()), Mix { shares }, Packing::PerService))?;
    Ok(Measured { name: "shop/per-service", plan })
}

/// `uniform`: 10 spans a trace, 350 B and 6 attributes a span, whole traces.
///
/// # Errors
/// See [`PlanError`]; there are none with these parameters.
pub fn uniform() -> Result<Measured, PlanError> {
    let plan = Plan::new(spec(Workload::Uniform(Uniform::default()), Mix::default(), Packing::WholeTraces))?;
    Ok(Measured { name: "uniform/whole-traces", plan })
}

fn spec(workload: Workload, mix: Mix, packing: Packing) -> PlanSpec {
    PlanSpec {
        seed: Seed(1),
        tag: RunTag::new(0x5eed),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload,
        mix,
        packing,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(1_000_000.0),
        shape: Shape { segments: vec![Segment { seconds: 2.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    }
}
