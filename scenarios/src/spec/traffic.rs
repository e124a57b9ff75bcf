//! `traffic:` — what is sent, how much of it, and in which rhythm.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AnomaliesSpec, ClientSpec, TransportSpec, WorkloadSpec};
use crate::units::{ByteSize, Count, HumanDuration, Ppb, Rate};

/// What is sent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficSpec {
    /// Which kind of traces.
    #[schemars(required)]
    pub workload: Option<WorkloadSpec>,
    /// All services and connections together, never per worker: `5000 spans/s` or `200 traces/s`; a bare number is spans/s.
    #[schemars(required)]
    pub rate: Option<Rate>,
    /// Spacing of the traces. Default: constant.
    pub arrivals: Option<Arrivals>,
    /// How the rate changes in the course of the run. Default: constant.
    pub profile: Option<ProfileSpec>,
    /// How spans share requests. Default: per-service.
    pub packing: Option<Packing>,
    /// When a service's exporter sends what it has gathered.
    pub batch: Option<BatchSpec>,
    /// No request grows beyond this. Default: 3.5MiB.
    pub request_bytes_max: Option<ByteSize>,
    /// Deliberate defects in the telemetry, each as a share of all traces. Default: none.
    pub anomalies: Option<AnomaliesSpec>,
    /// How requests travel.
    pub transport: Option<TransportSpec>,
    /// How the sending side behaves.
    pub client: Option<ClientSpec>,
}

/// Spacing of the traces in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Evenly.
    #[default]
    Constant,
    /// At random, as independent users make it: exponential gaps.
    Poisson,
}

/// How the rate changes in the course of the run. Times count from the end of the warm-up, during which `rate` holds.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileSpec {
    /// It does not.
    #[default]
    Constant,
    /// It rises from a share of itself to the whole, in a straight line, and stays.
    Ramp(RampSpec),
    /// It is multiplied once, and stays.
    Step(StepSpec),
    /// It is multiplied for a while, again and again.
    Burst(BurstSpec),
}

/// A straight rise.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RampSpec {
    /// The share of the rate it starts from. Default: 0%.
    pub from: Option<Ppb>,
    /// How long the rise takes.
    #[schemars(required)]
    pub over: Option<HumanDuration>,
}

/// One change for good.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// When.
    #[schemars(required)]
    pub at: Option<HumanDuration>,
    /// By how much the rate is multiplied.
    #[schemars(required, range(min = 0))]
    pub factor: Option<f64>,
}

/// Changes that come and go.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurstSpec {
    /// From the start of one burst to the start of the next; the first starts after this time.
    #[schemars(required)]
    pub every: Option<HumanDuration>,
    /// How long a burst lasts.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub length: Option<HumanDuration>,
    /// By how much the rate is multiplied meanwhile.
    #[schemars(required, range(min = 0))]
    pub factor: Option<f64>,
}

/// How spans share requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// Each service instance exports its own spans, so a trace arrives in pieces, as in life.
    #[default]
    PerService,
    /// Whole traces together, for raw speed.
    WholeTraces,
}

/// When an exporter sends what it has gathered.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchSpec {
    /// As soon as it has so many spans. Default: 512.
    pub spans: Option<Count>,
    /// At the latest after this time. Default: 5s.
    pub timeout: Option<HumanDuration>,
}
