//! `spanproof conformance`: does a target do what OTLP asks for?
//!
//! Exit codes: 0 nothing that must be is broken (`--strict`: nor anything that should be), 1 something is, 2 usage, 3 something could
//! not be tried or nothing was judged, 130 interrupted.

mod server;
mod target;

use super::{Exit, Format, fail, print};
use crate::conformance::page;
use clap::{Args, Subcommand};
use spanproof_scenarios::conformance::Table;

/// Arguments of `conformance`.
#[derive(Debug, Args)]
pub(crate) struct ConformanceArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what OTLP asks for and the cases that try it, and what nothing tries yet
    List(ListArguments),
    /// Judge a receiver: what it answers, and with --sink whether that adds up with what comes out behind it
    Server(Box<server::ServerArguments>),
}

/// Arguments of `conformance list`.
#[derive(Debug, Args)]
struct ListArguments {
    /// Only these, e.g. 'HTTP-*' or JSON-13
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    select: Vec<String>,
    /// How they are printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// No requirement, case or permutation is meant.
#[derive(Debug, thiserror::Error)]
#[error("--select {}: this means no requirement and no case; `spanproof conformance list` names them", .0.join(" "))]
struct NothingMeant(Vec<String>);

/// Does what is asked.
pub(crate) fn run(arguments: &ConformanceArguments) -> Exit {
    match &arguments.command {
        Command::List(arguments) => list(arguments),
        Command::Server(arguments) => server::run(arguments),
    }
}

fn list(arguments: &ListArguments) -> Exit {
    let format = arguments.format;
    let table = match Table::embedded() {
        Ok(table) => table,
        Err(problems) => return fail(&problems, Exit::INCONCLUSIVE, format),
    };
    let rows = page::rows(&table, &arguments.select);
    if rows.is_empty() {
        return fail(&NothingMeant(arguments.select.clone()), Exit::USAGE, format);
    }
    match format {
        Format::Text => print(&page::text(&rows)),
        Format::Json => match serde_json::to_string_pretty(&rows) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE, format),
        },
    }
    Exit::PASS
}
