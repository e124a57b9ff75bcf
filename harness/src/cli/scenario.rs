//! `spanproof scenario`.

use super::{Exit, Format, fail, print, say};
use crate::knowledge::Harness;
use clap::{Args, Subcommand};
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::Scenario;
use spanproof_scenarios::{catalogue, spec};

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
        ScenarioCommand::Show { name } => show(name),
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

fn show(name: &str) -> Exit {
    match catalogue::find(name) {
        Some(entry) => {
            print(entry.yaml);
            Exit::PASS
        }
        None => {
            let known: Vec<_> = catalogue::entries().iter().map(|entry| entry.name).collect();
            say(&format!("error: no scenario `{name}` in the catalogue; there are {}", known.join(", ")));
            Exit::USAGE
        }
    }
}

fn validate(file: &str, format: Format) -> Exit {
    match scenario_of(file, &LoadOptions::default()) {
        Ok(_) => {
            match format {
                Format::Text => print(&format!("{file}: a good scenario\n")),
                Format::Json => print("[]\n"),
            }
            Exit::PASS
        }
        Err(problems) => complain(problems, format),
    }
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
