//! `collector:` — the configuration of the collector under test, whatever starts it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The collector's configuration.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorSpec {
    /// Configuration files, relative to the scenario; the collector merges them in this order.
    #[serde(default)]
    pub config: Vec<String>,
    /// The configuration itself, as a block of text, instead of files.
    pub config_inline: Option<String>,
    /// Environment variables that the configuration reads as `${env:NAME}`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::texts")]
    pub env: BTreeMap<String, String>,
    /// What an acknowledgement promises. Default: unknown.
    pub guarantee: Option<Guarantee>,
}

/// What may still be lost after the collector has said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Guarantee {
    /// Nothing: the backend has acknowledged first.
    Sync,
    /// What stands in a queue in memory, if the process dies.
    Memory,
    /// What a batch processor holds, if the process dies or the export fails.
    Batch,
    /// Nothing that a restart does not bring back: the queue is on disk.
    Disk,
    /// Nobody has said.
    #[default]
    Unknown,
}

impl Guarantee {
    /// The name in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Memory => "memory",
            Self::Batch => "batch",
            Self::Disk => "disk",
            Self::Unknown => "unknown",
        }
    }
}
