//! `sampling.json`: the rules by which the target keeps traces, where its configuration has any that can be followed.

use super::error::EvidenceError;
use super::manifest::{File, json};
use crate::judge::sampling::Rules;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spanproof_generators::sampling::version::Version;
use spanproof_reports::directory::WriteError;

pub(super) const FILE: &str = "sampling.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplingFile {
    collector_version: String,
    version_is_known: bool,
    /// The one way to the sink as a configuration of its own, without what may be secret.
    config: Value,
}

pub(super) fn to_bytes(rules: &Rules) -> Result<Vec<u8>, WriteError> {
    let file = SamplingFile {
        collector_version: rules.version.to_string(),
        version_is_known: rules.version_is_known,
        config: rules.config.clone(),
    };
    json(FILE, &file)
}

pub(super) fn from_bytes(file: &File<'_>) -> Result<Rules, EvidenceError> {
    let read: SamplingFile = file.json()?;
    let version = read.collector_version.parse::<Version>().map_err(|error| file.malformed(error.to_string()))?;
    let rules = Rules { version, version_is_known: read.version_is_known, config: read.config };
    match rules.subject() {
        Ok(_) => Ok(rules),
        Err(reason) => Err(file.malformed(format!("its configuration cannot be followed: {reason}"))),
    }
}
