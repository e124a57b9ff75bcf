//! The configuration of the collector under test.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::checker::Checker;
use super::client::is_variable;
use super::{Target, configuration};
use crate::document::{FieldPath, Origin};
use crate::problem::ProblemKind;
use crate::spec::{CollectorSpec, Guarantee};

/// The configuration of the collector under test, the same for every kind of target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collector {
    /// Where the configuration is.
    pub config: CollectorConfig,
    /// Environment variables that it reads.
    pub env: BTreeMap<String, String>,
    /// What an acknowledgement promises.
    pub guarantee: Guarantee,
    /// Where an inline configuration begins, when its lines are those of a file.
    pub start: Option<ConfigStart>,
}

/// Where the lines of an inline configuration stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigStart {
    /// The scenario file.
    pub file: String,
    /// The lines before its first.
    pub lines_before: usize,
}

/// Where a collector's configuration is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CollectorConfig {
    /// The scenario has none: the target needs none or brings its own.
    #[default]
    None,
    /// In files, to be merged in this order; each existed when the scenario was loaded.
    Files(Vec<PathBuf>),
    /// In the scenario.
    Inline(String),
}

/// The field of an inline configuration.
pub(super) const INLINE: &str = "collector.config_inline";

pub(super) fn resolve(
    spec: Option<&CollectorSpec>,
    target: Option<&Target>,
    checker: &mut Checker<'_>,
) -> Option<Collector> {
    let spec = spec.cloned().unwrap_or_default();
    let config = config(&spec, checker);
    if let (Some(CollectorConfig::None), Some(Target::Process(process))) = (&config, target)
        && process.args.is_empty()
    {
        let hint = "add `config: [file.yaml]` under `collector`, or give the process its own `args`";
        // A target that a flag has put in the place of another is what lacks a configuration.
        let field = if checker.origin("target") == Origin::File { "collector" } else { "target" };
        checker.report(field, ProblemKind::MissingField, "the process has no configuration to start with", hint);
    }
    for name in spec.env.keys().filter(|name| !is_variable(name)) {
        let hint = "use letters, digits and underscores, not a digit first";
        checker.invalid(&format!("collector.env.{name}"), "this is no name of an environment variable", hint);
    }
    let start = checker.document.block_start(&FieldPath::keys(INLINE));
    let config = config?;
    let mut variables = spec.env.clone();
    if let Some(Target::Process(process)) = target {
        variables.extend(process.env.clone());
    }
    configuration::check(&config, &spec.config, &variables, checker);
    Some(Collector { config, env: spec.env, guarantee: spec.guarantee.unwrap_or_default(), start })
}

fn config(spec: &CollectorSpec, checker: &mut Checker<'_>) -> Option<CollectorConfig> {
    match (&spec.config_inline, spec.config.as_slice()) {
        (None, []) => Some(CollectorConfig::None),
        (None, names) => files(names, checker).map(CollectorConfig::Files),
        (Some(text), []) if text.trim().is_empty() => {
            checker.invalid(INLINE, "the configuration is empty", "remove the field, or fill it");
            None
        }
        (Some(text), []) => Some(CollectorConfig::Inline(text.clone())),
        (Some(_), _) => {
            let message = "`config` and `config_inline` are both given";
            checker.report(INLINE, ProblemKind::Contradiction, message, "keep one of the two");
            None
        }
    }
}

fn files(names: &[String], checker: &mut Checker<'_>) -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let path = checker.resolve_path("collector.config", name);
        if path.is_file() {
            files.push(path);
        } else {
            let message = format!("there is no file {}", path.display());
            let hint = "paths are relative to the directory of the scenario file";
            checker.report_element("collector.config", index, ProblemKind::MissingFile, message, hint);
        }
    }
    (files.len() == names.len()).then_some(files)
}
