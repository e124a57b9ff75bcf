//! What is to be explained: files read as the collector would read them, and what they tell beside the configuration.

use super::problem::Problem;
use super::shares::{Shares, shares};
use super::traffic::{Sample, Traffic};
use crate::collector_config::{
    Carried, Carrier, CollectorConfig, ConfigError, Does, Places, Resource, Source, Stages, Step, carried,
};
use serde::Serialize;
use serde_json::Value;
use spanproof_generators::sampling::config::TailSampling;
use spanproof_generators::sampling::version::Version;
use std::collections::BTreeMap;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The files: what each is called, and its text.
    pub files: Vec<(String, String)>,
    /// Which configuration of a file that holds several.
    pub pick: Option<String>,
    /// The collector's version, if it is given.
    pub version: Option<Version>,
    /// The environment's variables.
    pub variables: BTreeMap<String, String>,
    /// The traffic that the configuration is to be held against.
    pub traffic: Option<Traffic>,
}

/// How the collector's version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionFrom {
    /// Somebody said it.
    Given,
    /// The image's tag says it.
    Image,
    /// Nothing says it: it is the one that all was measured against.
    Assumed,
}

/// A configuration that could be read.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Merged and expanded.
    pub config: CollectorConfig,
    /// Where its settings stand.
    pub places: Places,
    /// What it does.
    pub stages: Stages,
    /// What held each file's configuration.
    pub carriers: Vec<Carrier>,
    /// The collector that is meant.
    pub version: Version,
    /// How that is known.
    pub version_from: VersionFrom,
    /// The traffic that it is held against.
    pub traffic: Option<Traffic>,
    /// What part of that it keeps; `None` where nobody has counted.
    pub shares: Option<Shares>,
}

impl Subject {
    /// Reads what was asked about.
    ///
    /// # Errors
    /// Everything for which it cannot be read, or for which the collector would refuse it.
    pub fn read(asked: &Asked) -> Result<Self, Vec<Problem>> {
        let parts = parts(asked)?;
        let places = Places::new(parts.iter().map(|part| part.origin.clone()));
        let carriers: Vec<Carrier> = parts.iter().map(|part| part.carrier.clone()).collect();
        let of_config = |errors: Vec<ConfigError>| -> Vec<Problem> {
            errors.iter().map(|error| Problem::of_config(error, &places)).collect()
        };
        let sources: Vec<Source<'_>> =
            parts.iter().map(|part| Source { name: &part.origin.file, text: &part.text }).collect();
        let variables = variables(asked, &carriers);
        let config = CollectorConfig::read(&sources, &variables).map_err(of_config)?;
        let (version, version_from) = version(asked, &carriers);
        let stages = config.stages(version).map_err(of_config)?;
        let mut problems: Vec<Problem> =
            stages.mistakes.iter().map(|mistake| Problem::of_mistake(mistake, &places)).collect();
        if stages.ways.is_empty() {
            problems.push(Problem::of_no_way(&places));
        }
        if !problems.is_empty() {
            problems.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
            return Err(problems);
        }
        let traffic = asked.traffic.clone();
        Ok(Self { config, places, stages, carriers, version, version_from, traffic, shares: None })
    }

    /// Counts what part of a workload's traffic it keeps.
    #[must_use]
    pub fn held_against(self, sample: &Sample) -> Self {
        let shares = shares(&self, sample);
        Self { shares: Some(shares), ..self }
    }

    /// The resources of the operator that it was read from.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.carriers.iter().filter_map(|carrier| match carrier {
            Carrier::Collector(resource) => Some(&**resource),
            Carrier::File | Carrier::ConfigMap { .. } => None,
        })
    }

    /// Every component that traces pass, once.
    pub(super) fn steps(&self) -> Vec<&Step> {
        let mut found: Vec<&Step> = Vec::new();
        for step in self.stages.ways.iter().flat_map(|way| &way.steps) {
            if !found.iter().any(|seen| seen.component == step.component && seen.is_connector == step.is_connector) {
                found.push(step);
            }
        }
        found
    }

    /// Every tail sampler that traces pass, once.
    pub(super) fn tails(&self) -> impl Iterator<Item = (&Step, &TailSampling)> {
        self.steps().into_iter().filter_map(|step| match &step.does {
            Does::SamplesTraces(tail) => Some((step, &**tail)),
            _ => None,
        })
    }

    /// The settings of a component; null where it has none.
    pub(super) fn settings(&self, section: &str, id: &str) -> &Value {
        self.config.value().get(section).and_then(|all| all.get(id)).unwrap_or(&Value::Null)
    }
}

fn parts(asked: &Asked) -> Result<Vec<Carried>, Vec<Problem>> {
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in &asked.files {
        match carried(Source { name, text }, asked.pick.as_deref()) {
            Ok(part) => parts.push(part),
            Err(errors) => {
                // Its lines are those of the file already.
                let none = Places::default();
                problems.extend(errors.iter().map(|error| Problem::of_manifest(error, &none)));
            }
        }
    }
    if problems.is_empty() { Ok(parts) } else { Err(problems) }
}

/// What a resource says of its collectors' environment goes before that of whoever asks.
fn variables(asked: &Asked, carriers: &[Carrier]) -> BTreeMap<String, String> {
    let mut variables = asked.variables.clone();
    for carrier in carriers {
        if let Carrier::Collector(resource) = carrier {
            variables.extend(resource.variables.clone());
        }
    }
    variables
}

fn version(asked: &Asked, carriers: &[Carrier]) -> (Version, VersionFrom) {
    if let Some(version) = asked.version {
        return (version, VersionFrom::Given);
    }
    let mut images = carriers.iter().filter_map(|carrier| match carrier {
        Carrier::Collector(resource) => resource.version.as_deref()?.parse().ok(),
        Carrier::File | Carrier::ConfigMap { .. } => None,
    });
    images.next_back().map_or((Version::MEASURED, VersionFrom::Assumed), |version| (version, VersionFrom::Image))
}
