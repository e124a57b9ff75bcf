//! `plan.json`: what the plan was made from. The generators know no file formats, so their types are mirrored here.

use super::FORMAT;
use super::bounds;
use super::error::EvidenceError;
use super::exact::Exact;
use super::manifest::{File, json};
use serde::{Deserialize, Serialize};
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{self as planned, BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Ppb, Rate};
use spanproof_generators::schedule::{self, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::{shop, uniform};
use spanproof_reports::directory::WriteError;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const FILE: &str = "plan.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    format: String,
    spanproof_version: String,
    fingerprint: String,
    traces: u64,
    spans: u64,
    spec: Spec,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    seed: u64,
    run_tag: String,
    lane: u16,
    epoch_unix_ns: u64,
    workload: Workload,
    /// Shares in parts per billion.
    mix: BTreeMap<String, u64>,
    packing: PackingWord,
    batch_spans: u32,
    batch_timeout_ns: u64,
    request_bytes_max: u32,
    rate: RateOf,
    /// Seconds, and the factors of the rate at the start and at the end of each.
    segments: Vec<[Exact; 3]>,
    arrivals: ArrivalsWord,
    extent: ExtentOf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Workload {
    Shop { pool_size: u32 },
    Uniform { spans_per_trace: u32, span_bytes: u32, attributes: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PackingWord {
    PerService,
    WholeTraces,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RateOf {
    SpansPerSecond(Exact),
    TracesPerSecond(Exact),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ArrivalsWord {
    Constant,
    Poisson,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ExtentOf {
    Profile,
    Spans(u64),
}

pub(super) fn to_bytes(plan: &Plan, fingerprint: &str) -> Result<Vec<u8>, WriteError> {
    let file = PlanFile {
        format: FORMAT.to_owned(),
        spanproof_version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: fingerprint.to_owned(),
        traces: plan.traces(),
        spans: plan.spans(),
        spec: Spec::from(plan.spec()),
    };
    json(FILE, &file)
}

/// Makes the plan again, or takes `known` if it was made from the same.
pub(super) fn from_bytes(file: File<'_>, known: Option<&Arc<Plan>>) -> Result<Arc<Plan>, EvidenceError> {
    let read: PlanFile = file.json()?;
    if read.format != FORMAT {
        return Err(file.malformed(format!("it is in format `{}`, and the manifest in `{FORMAT}`", read.format)));
    }
    let spec = read.spec.into_spec().map_err(|reason| file.malformed(reason))?;
    if let Some(problem) = bounds::problem_of_plan(&spec) {
        return Err(file.malformed(problem));
    }
    if let Some(plan) = known.filter(|plan| *plan.spec() == spec) {
        return Ok(Arc::clone(plan));
    }
    let plan = Plan::new(spec).map_err(|source| EvidenceError::Plan { path: file.path.clone(), source })?;
    let found = plan.fingerprint();
    if found != read.fingerprint || (plan.traces(), plan.spans()) != (read.traces, read.spans) {
        let (wrote, expected) = (read.spanproof_version, read.fingerprint);
        return Err(EvidenceError::OtherPlan { path: file.path, wrote, expected, found });
    }
    Ok(Arc::new(plan))
}

impl From<&PlanSpec> for Spec {
    fn from(spec: &PlanSpec) -> Self {
        Self {
            seed: spec.seed.0,
            run_tag: spec.tag.to_string(),
            lane: spec.lane,
            epoch_unix_ns: spec.epoch_unix_ns,
            workload: Workload::from(&spec.workload),
            mix: spec.mix.shares.iter().map(|(stratum, share)| (stratum.name().to_owned(), share.0)).collect(),
            packing: match spec.packing {
                Packing::PerService => PackingWord::PerService,
                Packing::WholeTraces => PackingWord::WholeTraces,
            },
            batch_spans: spec.batch.spans,
            batch_timeout_ns: spec.batch.timeout_ns,
            request_bytes_max: spec.request_bytes_max,
            rate: match spec.rate {
                Rate::Spans(rate) => RateOf::SpansPerSecond(Exact(rate)),
                Rate::Traces(rate) => RateOf::TracesPerSecond(Exact(rate)),
            },
            segments: spec.shape.segments.iter().map(|s| [s.seconds, s.from, s.to].map(Exact)).collect(),
            arrivals: match spec.arrivals {
                schedule::Arrivals::Constant => ArrivalsWord::Constant,
                schedule::Arrivals::Poisson => ArrivalsWord::Poisson,
            },
            extent: match spec.extent {
                Extent::Profile => ExtentOf::Profile,
                Extent::Spans(spans) => ExtentOf::Spans(spans),
            },
        }
    }
}

impl From<&spanproof_generators::workload::Workload> for Workload {
    fn from(workload: &spanproof_generators::workload::Workload) -> Self {
        // Taken apart field by field, so that a parameter that is added later cannot be forgotten here.
        match workload {
            spanproof_generators::workload::Workload::Shop(shop::Shop { pool_size }) => {
                Self::Shop { pool_size: *pool_size }
            }
            spanproof_generators::workload::Workload::Uniform(uniform::Uniform {
                spans_per_trace,
                span_bytes,
                attributes,
            }) => Self::Uniform { spans_per_trace: *spans_per_trace, span_bytes: *span_bytes, attributes: *attributes },
        }
    }
}

impl Spec {
    fn into_spec(self) -> Result<PlanSpec, String> {
        let shares = self.mix.iter().map(|(name, share)| Ok((stratum(name)?, Ppb(*share))));
        Ok(PlanSpec {
            seed: Seed(self.seed),
            tag: self.run_tag.parse::<RunTag>().map_err(|error| error.to_string())?,
            lane: self.lane,
            epoch_unix_ns: self.epoch_unix_ns,
            mix: Mix { shares: shares.collect::<Result<_, String>>()? },
            workload: self.workload.into_workload(),
            packing: match self.packing {
                PackingWord::PerService => Packing::PerService,
                PackingWord::WholeTraces => Packing::WholeTraces,
            },
            batch: BatchRule { spans: self.batch_spans, timeout_ns: self.batch_timeout_ns },
            request_bytes_max: self.request_bytes_max,
            rate: match self.rate {
                RateOf::SpansPerSecond(rate) => Rate::Spans(rate.0),
                RateOf::TracesPerSecond(rate) => Rate::Traces(rate.0),
            },
            shape: planned::Shape { segments: self.segments.into_iter().map(segment).collect() },
            arrivals: match self.arrivals {
                ArrivalsWord::Constant => schedule::Arrivals::Constant,
                ArrivalsWord::Poisson => schedule::Arrivals::Poisson,
            },
            extent: match self.extent {
                ExtentOf::Profile => Extent::Profile,
                ExtentOf::Spans(spans) => Extent::Spans(spans),
            },
        })
    }
}

impl Workload {
    fn into_workload(self) -> spanproof_generators::workload::Workload {
        match self {
            Self::Shop { pool_size } => spanproof_generators::workload::Workload::Shop(shop::Shop { pool_size }),
            Self::Uniform { spans_per_trace, span_bytes, attributes } => {
                let uniform = uniform::Uniform { spans_per_trace, span_bytes, attributes };
                spanproof_generators::workload::Workload::Uniform(uniform)
            }
        }
    }
}

fn segment([seconds, from, to]: [Exact; 3]) -> Segment {
    Segment { seconds: seconds.0, from: from.0, to: to.0 }
}

fn stratum(name: &str) -> Result<Stratum, String> {
    let all = std::iter::once(Stratum::Normal).chain(Stratum::ANOMALIES);
    all.into_iter().find(|stratum| stratum.name() == name).ok_or_else(|| format!("there is no anomaly `{name}`"))
}
