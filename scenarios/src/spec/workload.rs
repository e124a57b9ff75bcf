//! `traffic.workload` and `traffic.anomalies` — which traces.

use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use super::bare_names::allow_bare;
use crate::units::{Count, Ppb};

/// What kind of traces, by name (`shop`) or with settings (`shop: {pool_size: 1024}`).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = bare_workloads)]
pub enum WorkloadSpec {
    /// A web shop of some fifteen services: realistic names, nesting, events, links, errors and latencies.
    Shop(ShopSpec),
    /// Traces that all look alike, for measuring.
    Uniform(UniformSpec),
}

fn bare_workloads(schema: &mut Schema) {
    allow_bare(schema, &["shop", "uniform"]);
}

/// Settings of the workload `shop`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopSpec {
    /// Different traces in the pool: more is more varied and takes more memory. Default: 4096.
    pub pool_size: Option<Count>,
}

/// Settings of the workload `uniform`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UniformSpec {
    /// Spans in each trace. Default: 10.
    pub spans_per_trace: Option<Count>,
    /// Encoded size of a span in bytes. Default: 350.
    pub span_bytes: Option<Count>,
    /// Attributes on each span. Default: 6.
    pub attributes: Option<Count>,
}

macro_rules! anomalies {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Deliberate defects in the telemetry, each as a share of all traces. A correct pipeline delivers every one of
        /// them unchanged.
        #[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct AnomaliesSpec {
            $($(#[$doc])* pub $name: Option<Ppb>,)+
        }

        impl AnomaliesSpec {
            /// Names and shares, those not given left out.
            pub fn given(&self) -> Vec<(&'static str, Ppb)> {
                [$((stringify!($name), self.$name)),+]
                    .into_iter()
                    .filter_map(|(name, share)| Some((name, share?)))
                    .collect()
            }

            /// Every name, in the order of the documentation.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
        }
    };
}

anomalies! {
    /// Traces with an error at their entry.
    error_trace,
    /// Traces with a span from the slow tail.
    slow_trace,
    /// Tiny traces of probes and load balancers.
    health_check,
    /// A resource without `service.name`.
    service_name_missing,
    /// A `service.name` that is the empty string.
    service_name_empty,
    /// A `service.name` of white space.
    service_name_blank,
    /// A service that calls itself `unknown_service`.
    service_name_unknown,
    /// A span whose parent never arrives.
    parent_missing,
    /// A new trace where the callee should have joined the caller's.
    new_root,
    /// A trace id that changes midway.
    trace_id_changed,
    /// A 64-bit trace id padded with zeros on one side of a call.
    trace_id_padded,
}
