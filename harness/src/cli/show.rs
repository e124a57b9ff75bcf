//! `spanproof show`: any record from its id.

use super::{Exit, Format, fail, last_run, print};
use crate::evidence;
use crate::show::find::HexId;
use crate::show::{show, text};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `show`.
#[derive(Debug, Args)]
#[command(override_usage = "spanproof show [OPTIONS] [DIR] ID")]
pub(crate) struct ShowArguments {
    /// The run's directory [default: the last run that was started here, wherever its results went], and the id of a trace or span in hex; the first
    /// digits of a trace id do
    #[arg(value_name = "[DIR] ID", num_args = 1..=2, required = true)]
    place: Vec<String>,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Shows what is known of an id. 0 if it is known or foreign, 2 for an id that leads nowhere, 3 for broken evidence.
pub(crate) fn run(arguments: &ShowArguments) -> Exit {
    let (directory, id) = match arguments.place.as_slice() {
        [directory, id] => (Some(PathBuf::from(directory)), id.as_str()),
        [id] => (None, id.as_str()),
        _ => return Exit::USAGE,
    };
    let format = arguments.format;
    let id: HexId = match id.parse() {
        Ok(id) => id,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    let directory = match directory.map_or_else(last_run::find, Ok) {
        Ok(directory) => directory,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    let frozen = match evidence::read(&directory) {
        Ok(frozen) => frozen,
        Err(error) => return fail(&error, Exit(error.exit_code()), format),
    };
    let shown = match show(&frozen, &id) {
        Ok(shown) => shown,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    match format {
        Format::Text => print(&text::text(&shown)),
        Format::Json => match serde_json::to_string_pretty(&shown) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::USAGE, format),
        },
    }
    Exit::PASS
}
