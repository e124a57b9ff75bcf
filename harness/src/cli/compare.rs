//! `spanproof compare`: two finished runs side by side.

use super::{Exit, Format, fail, print};
use clap::Args;
use spanproof_reports::compare::{compare, text};
use spanproof_reports::directory::load;
use std::path::PathBuf;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Directory of the run that things are compared with
    #[arg(value_name = "BASE")]
    base: PathBuf,
    /// Directory of the run that is compared
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// How it is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Compares two results: 1 where a verdict fails that did not, else 0.
pub(crate) fn run(arguments: &CompareArguments) -> Exit {
    let (base, new) = match (load(&arguments.base), load(&arguments.new)) {
        (Ok(base), Ok(new)) => (base, new),
        (Err(error), _) | (_, Err(error)) => return fail(&error, Exit::USAGE, arguments.format),
    };
    let comparison = compare(&base, &new);
    match arguments.format {
        Format::Text => print(&text(&comparison)),
        Format::Json => match serde_json::to_string_pretty(&comparison) {
            Ok(document) => print(&format!("{document}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE, arguments.format),
        },
    }
    if comparison.worse { Exit::FAIL } else { Exit::PASS }
}
