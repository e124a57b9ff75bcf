//! What scenarios are judged by beyond their own grammar: the figures of results, the embedded collector's defects, what
//! the client can reach, and what a collector makes of its configuration.

use crate::collector_config::{CollectorConfig, ConfigError, Source};
use crate::embedded::Defect;
use crate::judge::checks::limits;
use crate::run::{target_variables, transport};
use crate::wire::client::{ClientConfig, Endpoint};
use spanproof_scenarios::knowledge::{ConfigPlace, ConfigText, Knowledge, LimitUse, Objection};
use spanproof_scenarios::limits::Limit;
use spanproof_scenarios::scenario::{self, Protocol};
use std::collections::BTreeMap;
use std::error::Error;

/// All that this crate knows of scenarios. Pass it to everything that loads one to be run.
#[derive(Debug)]
pub struct Harness;

impl Knowledge for Harness {
    fn limit(&self, limit: &Limit, usage: LimitUse) -> Option<Objection> {
        let at_its_time = || match usage {
            LimitUse::AtEnd => limits::problem_at_end(limit),
            LimitUse::Abort => limits::problem_while_running(limit),
        };
        limits::problem(limit).or_else(at_its_time)
    }

    fn defect(&self, text: &str) -> Option<Objection> {
        text.parse::<Defect>().err().map(|error| failure(&error))
    }

    fn endpoint(&self, endpoint: &scenario::Endpoint, protocol: Protocol) -> Option<Objection> {
        match endpoint.as_str().parse::<Endpoint>() {
            Ok(endpoint) => {
                ClientConfig::new(endpoint, transport(protocol, 1)).check().err().map(|error| failure(&error))
            }
            Err(error) => Some(failure(&error)),
        }
    }

    fn configuration(
        &self,
        texts: &[ConfigText],
        variables: &BTreeMap<String, String>,
    ) -> Vec<(ConfigPlace, Objection)> {
        let sources: Vec<Source<'_>> = texts.iter().map(|ConfigText { name, text }| Source { name, text }).collect();
        let errors = CollectorConfig::problems(&sources, &target_variables(variables));
        errors.iter().map(|error| objection(error, texts)).collect()
    }
}

/// Errors read after "failed to".
fn failure(error: &dyn Error) -> Objection {
    Objection::of_sentence(&format!("cannot {error}"))
}

fn objection(error: &ConfigError, texts: &[ConfigText]) -> (ConfigPlace, Objection) {
    let of_file = |file: &str| texts.iter().position(|text| text.name == file).unwrap_or_default();
    let keys = |path: &str| ConfigPlace::Keys(path.split('.').map(str::to_owned).collect());
    let number = |known: Option<u64>| known.and_then(|number| usize::try_from(number).ok()).unwrap_or(1);
    let collector = "the collector would refuse this configuration";
    match error {
        ConfigError::Yaml { file, line, column, message } => {
            let place = ConfigPlace::At { text: of_file(file), line: number(*line), column: number(*column) };
            (place, Objection::new(format!("not YAML: {message}"), collector))
        }
        ConfigError::NotAMap { file, found } => {
            let place = ConfigPlace::At { text: of_file(file), line: 1, column: 1 };
            let message = format!("a collector configuration is a map at its top level, this is {found}");
            (place, Objection::new(message, collector))
        }
        ConfigError::Reference { reference, path, problem } => {
            let message = format!("cannot expand `{}` in {path}: {problem}", reference.escape_debug());
            (keys(path), Objection::new(message, collector))
        }
        ConfigError::Shape { path, expected } => {
            (keys(path), Objection::new(format!("expected {expected} at {path}"), collector))
        }
        ConfigError::Undefined { pipeline, role, component, sections } => {
            let own = [format!("{role}s"), component.to_string()];
            let keys = pipeline.split('.').map(str::to_owned).chain(own).collect();
            let message = format!("the {role} `{component}` of {pipeline} is not defined");
            let hint = format!("define it under {sections}, or correct its name");
            (ConfigPlace::Keys(keys), Objection::new(message, hint))
        }
        ConfigError::NoTraces => (
            keys("service.pipelines"),
            Objection::new("there is no traces pipeline, so no span can come out", collector),
        ),
    }
}
