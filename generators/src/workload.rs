//! Workloads: what kind of traffic, as a pool of shapes made from a seed.

pub mod shop;
pub mod uniform;

use crate::model::{PoolToMake, Stratum};

/// Which workload, and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Workload {
    /// A web shop of some fifteen services in several languages.
    Shop(shop::Shop),
    /// Traces that all look alike, for measuring.
    Uniform(uniform::Uniform),
}

impl Workload {
    /// The workload's name in scenario files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Shop(_) => "shop",
            Self::Uniform(_) => "uniform",
        }
    }

    /// The pool for `seed` with the sets of [`Stratum::Normal`] and of each of `anomalies`.
    ///
    /// # Errors
    /// An anomaly that this workload cannot express.
    pub fn pool(&self, seed: u64, anomalies: &[Stratum]) -> Result<PoolToMake, UnsupportedAnomaly> {
        match self {
            Self::Shop(shop) => Ok(shop.pool_to_make(seed, anomalies)),
            Self::Uniform(uniform) => uniform.pool(anomalies),
        }
    }
}

/// A workload was asked for an anomaly that it has no shapes for. Remove the anomaly or choose the workload `shop`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("workload `{workload}` has no anomaly `{}`; the workload `shop` has all of them", .anomaly.name())]
pub struct UnsupportedAnomaly {
    /// The workload's name.
    pub workload: &'static str,
    /// What it cannot express.
    pub anomaly: Stratum,
}
