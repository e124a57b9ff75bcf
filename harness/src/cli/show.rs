//! `spanproof show`: any record from its id.

use super::{Exit, Format};
use clap::Args;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The run's directory [default: the last run below spanproof-runs], and the id of a trace or span in hex
    #[arg(value_name = "[DIR] ID", num_args = 1..=2, required = true)]
    place: Vec<String>,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(_arguments: &ShowArguments) -> Exit {
    Exit::USAGE
}
