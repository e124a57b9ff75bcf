//! The settings of `memory_limiter`.

use crate::collector_config::settings::{Node, Reader};
use spanproof_generators::sampling::version::Version;
use std::time::Duration;

const MIB: f64 = 1_048_576.0;

/// A `memory_limiter`, as far as it can be told before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Limiter {
    /// How often it looks.
    pub check_interval: Duration,
    /// The hard limit on the heap in bytes; `None` where it is a share of a memory that is not known here.
    pub limit_bytes: Option<f64>,
    /// From here on it refuses everything: the limit less the spike.
    pub soft_bytes: Option<f64>,
    /// The share in percent that stands for the limit, where that is how it is set.
    pub limit_percentage: Option<u64>,
}

/// The first version with `max_gc_interval_...`.
const BACK_OFF_SINCE: Version = Version { minor: 164 };

const FIELDS: [&str; 9] = [
    "check_interval",
    "limit_mib",
    "spike_limit_mib",
    "limit_percentage",
    "spike_limit_percentage",
    "min_gc_interval_when_soft_limited",
    "min_gc_interval_when_hard_limited",
    "max_gc_interval_when_soft_limited",
    "max_gc_interval_when_hard_limited",
];

/// Reads the settings. What is wrong with them is left with the reader.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node<'_>, version: Version) -> Limiter {
    let fields = if version >= BACK_OFF_SINCE { &FIELDS[..] } else { &FIELDS[..FIELDS.len() - 2] };
    reader.only(node, fields);
    let check_interval = reader.duration(node, "check_interval").unwrap_or_default();
    let limit = reader.count(node, "limit_mib").unwrap_or(0);
    let share = reader.count(node, "limit_percentage").unwrap_or(0);
    let spike = reader.count(node, "spike_limit_mib").unwrap_or(0);
    let spike_share = reader.count(node, "spike_limit_percentage").unwrap_or(0);
    let is_open = !reader.open.is_empty();
    if check_interval.is_zero() && !is_open {
        let reason = "there is no check_interval, which the collector refuses";
        reader.mistake(node.keys_of("check_interval"), reason, "write `1s`");
    }
    if limit == 0 && share == 0 && !is_open {
        let reason = "there is neither limit_mib nor limit_percentage";
        reader.mistake(
            node.keys.clone(),
            reason,
            "write `limit_mib`, some 80 % of the memory that the collector may take",
        );
    }
    if limit > 0 && spike >= limit {
        let reason = format!("spike_limit_mib {spike} is not below limit_mib {limit}");
        reader.mistake(node.keys_of("spike_limit_mib"), reason, "leave it out: a fifth of the limit is the default");
    }
    if share > 100 || spike_share > 100 || (share > 0 && spike_share >= share) {
        let reason = format!("spike_limit_percentage {spike_share} and limit_percentage {share} do not fit together");
        reader.mistake(node.keys_of("limit_percentage"), reason, "write a limit up to 100, and a lower spike");
    }
    // What is given in MiB goes before a share.
    let limit_bytes = (limit > 0).then_some(limit as f64 * MIB);
    let spike_bytes = if spike > 0 { spike as f64 * MIB } else { limit_bytes.unwrap_or(0.0) / 5.0 };
    Limiter {
        check_interval,
        limit_bytes,
        soft_bytes: limit_bytes.map(|limit| limit - spike_bytes),
        limit_percentage: (limit == 0 && share > 0).then_some(share),
    }
}
