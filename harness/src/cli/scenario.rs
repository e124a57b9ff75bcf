//! `spanproof scenario`.

use super::{Exit, Format, fail, print, say};
use crate::knowledge::Harness;
use clap::{Args, Subcommand};
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::Scenario;
use spanproof_scenarios::{catalogue, spec};
use std::path::Path;

/// Arguments of `scenario`.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArguments {
    #[command(subcommand)]
    command: ScenarioCommand,
}

#[derive(Debug, Subcommand)]
enum ScenarioCommand {
    /// List the catalogue
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print a scenario of the catalogue, ready to be saved and edited
    Show {
        /// Its name
        name: String,
        /// How it is printed: the file itself, or one JSON document with the file as text
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check a scenario file: every problem at once
    Validate {
        /// The file, or a name in the catalogue
        file: String,
        /// How problems are printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the JSON Schema of scenario files
    Schema,
}

/// Does what was asked.
pub(crate) fn run(arguments: &ScenarioArguments) -> Exit {
    match &arguments.command {
        ScenarioCommand::List { format } => list(*format),
        ScenarioCommand::Show { name, format } => show(name, *format),
        ScenarioCommand::Validate { file, format } => validate(file, *format),
        ScenarioCommand::Schema => schema(),
    }
}

/// Loads a scenario by name or path, and finds every reason why it could not be run.
pub(crate) fn scenario_of(name: &str, options: &LoadOptions) -> Result<Scenario, Problems> {
    load(&Source::find(name)?, &LoadOptions { knowledge: Some(&Harness), ..options.clone() })
}

/// Prints all problems and exits as a usage error.
pub(crate) fn complain(problems: Problems, format: Format) -> Exit {
    match format {
        Format::Json => match serde_json::to_string_pretty(problems.list()) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::USAGE, format),
        },
        Format::Text => say(&format!("{:?}", miette::Report::new(problems.diagnostic()))),
    }
    Exit::USAGE
}

fn list(format: Format) -> Exit {
    let entries = catalogue::entries();
    match format {
        Format::Text => {
            let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
            for entry in entries {
                print(&format!("{:width$}  {}\n", entry.name, entry.about()));
            }
        }
        Format::Json => {
            let entries: Vec<_> =
                entries.iter().map(|entry| serde_json::json!({"name": entry.name, "about": entry.about()})).collect();
            print(&format!("{:#}\n", serde_json::Value::from(entries)));
        }
    }
    Exit::PASS
}

/// A name that is none of the catalogue's.
#[derive(Debug, thiserror::Error)]
#[error("no scenario `{name}` in the catalogue; there are {}", known.join(", "))]
struct NotInCatalogue<'a> {
    name: &'a str,
    known: Vec<&'static str>,
}

fn show(name: &str, format: Format) -> Exit {
    let Some(entry) = catalogue::find(name) else {
        let known = catalogue::entries().iter().map(|entry| entry.name).collect();
        return fail(&NotInCatalogue { name, known }, Exit::USAGE, format);
    };
    match format {
        Format::Text => print(entry.yaml),
        Format::Json => {
            let entry = serde_json::json!({"name": entry.name, "about": entry.about(), "yaml": entry.yaml});
            print(&format!("{entry:#}\n"));
        }
    }
    Exit::PASS
}

fn validate(file: &str, format: Format) -> Exit {
    let scenario = match scenario_of(file, &LoadOptions::default()) {
        Ok(scenario) => scenario,
        Err(problems) => return complain(problems, format),
    };
    // What the collector's configuration makes of a span is found where it is asked how long to wait for one.
    let patience = match crate::run::patience(&scenario, Path::new(".")) {
        Ok(patience) => patience,
        Err(error) => return fail(&error, Exit(error.exit_code()), format),
    };
    for warning in patience.warnings.iter().chain(&patience.notes) {
        say(&format!("warning: {warning}"));
    }
    match format {
        Format::Text => print(&format!("{file}: a good scenario\n")),
        Format::Json => print("[]\n"),
    }
    Exit::PASS
}

fn schema() -> Exit {
    match serde_json::to_string_pretty(&spec::schema()) {
        Ok(text) => {
            print(&format!("{text}\n"));
            Exit::PASS
        }
        Err(error) => fail(&error, Exit::USAGE, Format::Text),
    }
}
