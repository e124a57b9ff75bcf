//! `spanproof report` and `spanproof limits`.

use super::{Exit, Format, fail, print, say};
use crate::evidence::error::EvidenceError;
use crate::evidence::{self, marker};
use clap::Args;
use spanproof_reports::directory::{LoadError, load, render_again};
use spanproof_reports::result::RunResult;
use spanproof_reports::terminal::style::Colour;
use spanproof_reports::terminal::{EndOptions, end_block};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The run's directory [default: the last run below ./spanproof-runs; what went elsewhere with --out must be
    /// named]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Renders a finished run again and prints it; the exit code is the run's.
pub(crate) fn run(arguments: &ReportArguments) -> Exit {
    let Some(directory) = arguments.directory.clone().or_else(super::scenario::last_run) else {
        say("error: no finished run below spanproof-runs; name a directory, or run a scenario first");
        return Exit::USAGE;
    };
    if marker::is_there(&directory) {
        return fail(&EvidenceError::Unfinished { directory }, Exit::INCONCLUSIVE.0);
    }
    let result = match load(&directory) {
        Ok(result) => result,
        Err(error @ LoadError::Missing { .. }) if evidence::is_whole(&directory) => {
            say(&format!(
                "error: {error}; its evidence is whole: `spanproof judge {}` makes the result",
                directory.display()
            ));
            return Exit::INCONCLUSIVE;
        }
        Err(error) => return fail(&error, Exit::USAGE.0),
    };
    if let Err(error) = render_again(&directory) {
        return fail(&error, Exit::USAGE.0);
    }
    finish(&directory, &result, arguments.format)
}

/// Prints a result on stdout; the exit code is the run's.
pub(super) fn finish(directory: &Path, result: &RunResult, format: Format) -> Exit {
    match format {
        Format::Text => {
            let no_color = std::env::var_os("NO_COLOR");
            let colour = Colour::choose(std::io::stdout().is_terminal(), no_color.as_deref());
            let report = directory.join("report.html").display().to_string();
            // Commands that name no directory look at the last run.
            let named = directory.display().to_string();
            let other = (!is_last_run(directory)).then_some(named.as_str());
            print(&end_block(result, &EndOptions { colour, report: Some(&report), directory: other }));
        }
        Format::Json => match serde_json::to_string_pretty(result) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE.0),
        },
    }
    Exit(result.exit_code())
}

fn is_last_run(directory: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    super::scenario::last_run().is_some_and(|last| canonical(&last) == canonical(directory))
}

/// Lists the figures that limits can name.
pub(crate) fn limits() -> Exit {
    for known in spanproof_reports::result::paths::known_paths() {
        print(&format!("{:<48} {:?}\n", known.path, known.kind));
    }
    Exit::PASS
}
