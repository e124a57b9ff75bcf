//! Reading collector configurations: what a known configuration does to traces, before anything is sent.
//!
//! Pure: texts and a map of variables in, facts out; no files, no environment, no clock. Start at
//! [`CollectorConfig::read`], then [`CollectorConfig::pipelines`]. Facts are claims about the OpenTelemetry Collector 0.155;
//! what is not known is said to be unknown, never guessed to be harmless.
//!
//! Merging and expansion follow the collector's own resolver (checked against `otelcol print-config` 0.155): files are merged
//! first, maps deep, anything else replaced, `null` included; then `${...}` is expanded in values, never in keys.

mod alone;
mod changes;
mod component;
mod duration;
mod expand;
mod exporting;
mod facts;
mod guarantee;
mod keys;
mod manifest;
mod merge;
mod pipelines;
mod place;
mod remote;
mod resource;
mod settings;
mod stages;
mod yaml;

pub use component::ComponentId;
pub use exporting::{Exporting, Retry};
pub use facts::{Hold, HoldTerm, HoldWhen, Suspect, SuspectWhy};
pub use guarantee::{Guarantee, PersistentQueue, WeakestLink};
pub use keys::Keys;
pub use manifest::{Carried, Carrier, ManifestError, carried};
pub use pipelines::{Destination, Path, Pipelines, Protocol, Stage};
pub use place::{Lines, Origin, Place, Places};
pub use remote::Remote;
pub use resource::{Replicas, Resource};
pub use settings::{Ignored, Mistake};
pub use stages::{Does, Limiter, Stages, Step, Way};

use serde_json::Value;
use spanproof_generators::sampling::version::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One configuration text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'text> {
    /// What messages call it, usually its file name.
    pub name: &'text str,
    /// The YAML.
    pub text: &'text str,
}

/// Why a configuration cannot be read. Each has its place and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not valid YAML, or names a key twice.
    #[error("read {file}{}: {message}", At(*.line, *.column))]
    Yaml {
        /// The source's name.
        file: String,
        /// 1-based, where the parser knows it.
        line: Option<u64>,
        /// 1-based, where the parser knows it.
        column: Option<u64>,
        /// What the parser says.
        message: String,
    },
    /// The top level of a configuration must be a map.
    #[error("read {file}: a collector configuration is a map at its top level, this is {found}")]
    NotAMap {
        /// The source's name.
        file: String,
        /// What it is instead.
        found: &'static str,
    },
    /// A reference such as `${env:A-B}` that the collector refuses too.
    #[error("expand `{}` in {path}: {problem}", reference.escape_debug())]
    Reference {
        /// The reference.
        reference: String,
        /// The value's path, e.g. `exporters.otlp_grpc.endpoint`.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The part of the configuration at this path is not of the kind that it must be.
    #[error("read the configuration at {path}: expected {expected}")]
    Shape {
        /// The path, e.g. `service.pipelines.traces`.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// A pipeline names a component that is not configured. Define it, or correct the name.
    #[error("read {pipeline}: its {role} `{component}` is not defined under {sections}")]
    Undefined {
        /// The pipeline's path.
        pipeline: String,
        /// `receiver`, `processor` or `exporter`.
        role: &'static str,
        /// The component.
        component: ComponentId,
        /// Where it ought to be defined.
        sections: &'static str,
    },
    /// No pipeline takes traces, so nothing that is sent can come out.
    #[error("read service.pipelines: there is no traces pipeline")]
    NoTraces,
}

/// `:LINE:COLUMN` as far as known.
struct At(Option<u64>, Option<u64>);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.1.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// A configuration as the collector sees it: merged and expanded.
#[derive(Clone, PartialEq)]
pub struct CollectorConfig {
    root: Value,
    /// Before its references were expanded.
    raw: Value,
    missing: Vec<String>,
    unresolved: Vec<String>,
}

/// Values may come from secrets in the environment, so only the outline is shown.
impl fmt::Debug for CollectorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections: Vec<_> = self.root.as_object().into_iter().flat_map(|root| root.keys()).collect();
        f.debug_struct("CollectorConfig").field("sections", &sections).finish_non_exhaustive()
    }
}

impl CollectorConfig {
    /// Merges the sources in order and expands references to variables from `env`.
    ///
    /// # Errors
    /// Every problem found: of each source that is not YAML, or else of each reference that is malformed.
    pub fn read(sources: &[Source<'_>], env: &BTreeMap<String, String>) -> Result<Self, Vec<ConfigError>> {
        match Self::read_on(sources, env)? {
            (config, errors) if errors.is_empty() => Ok(config),
            (_, errors) => Err(errors),
        }
    }

    /// Every problem of a configuration and its traces pipelines; none for one that can be used.
    pub fn problems(sources: &[Source<'_>], env: &BTreeMap<String, String>) -> Vec<ConfigError> {
        match Self::read_on(sources, env) {
            Ok((config, mut errors)) => {
                errors.extend(config.pipelines().err().unwrap_or_default());
                errors
            }
            Err(errors) => errors,
        }
    }

    /// Reads on past references that are malformed; those stay in the values as they are.
    fn read_on(
        sources: &[Source<'_>],
        env: &BTreeMap<String, String>,
    ) -> Result<(Self, Vec<ConfigError>), Vec<ConfigError>> {
        let mut root = Value::Object(serde_json::Map::new());
        let mut errors = Vec::new();
        for source in sources {
            match yaml::parse(*source) {
                Ok(value) => merge::merge(&mut root, value),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let expanded = expand::expand(root.clone(), env);
        let config =
            Self { root: expanded.value, raw: root, missing: expanded.missing, unresolved: expanded.unresolved };
        Ok((config, expanded.errors))
    }

    /// The whole configuration.
    pub fn value(&self) -> &Value {
        &self.root
    }

    /// The same before its references were expanded.
    pub fn unexpanded(&self) -> &Value {
        &self.raw
    }

    /// Names of variables without a value and without a default, once each. The collector takes them as empty and goes on.
    pub fn missing_variables(&self) -> &[String] {
        &self.missing
    }

    /// References that only the collector can follow, such as `${file:...}`; they stay in the values as they are.
    pub fn unresolved(&self) -> &[String] {
        &self.unresolved
    }

    /// The traces pipelines.
    ///
    /// # Errors
    /// Every pipeline that is malformed or names an undefined component.
    pub fn pipelines(&self) -> Result<Pipelines, Vec<ConfigError>> {
        pipelines::read(&self.root)
    }

    /// What each component on the ways of traces does to them, as that version of the collector takes its settings.
    ///
    /// # Errors
    /// Every pipeline that is malformed or names an undefined component.
    pub fn stages(&self, version: Version) -> Result<Stages, Vec<ConfigError>> {
        Ok(stages::read(&self.raw, &self.pipelines()?, version))
    }

    /// Where the exporters in service would send to beyond this machine, ordered by exporter.
    pub fn remotes(&self) -> BTreeSet<Remote> {
        remote::read(&self.root)
    }
}

#[cfg(test)]
mod tests;
