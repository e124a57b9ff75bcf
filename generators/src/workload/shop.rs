//! The workload `shop`.

use crate::model::{Pool, Stratum, Topology};

/// Parameters of the workload `shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// How many shapes the normal stratum holds. More shapes, more variety and more memory (about 7 KB each).
    pub pool_size: u32,
}

impl Shop {
    /// Makes the pool for `seed`.
    pub fn pool(&self, _seed: u64, _anomalies: &[Stratum]) -> Pool {
        Pool { topology: Topology::default(), sets: Vec::new() }
    }
}
