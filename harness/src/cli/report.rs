//! `spanproof report` and `spanproof limits`.

use super::{Exit, Format, fail, last_run, print, say, with_causes};
use crate::evidence::marker::Hold;
use crate::evidence::{self, marker};
use clap::Args;
use spanproof_reports::directory::{LoadError, RenderAgainError, WriteError, load, render_again};
use spanproof_reports::result::RunResult;
use spanproof_reports::terminal::style::Colour;
use spanproof_reports::terminal::{EndOptions, end_block};
use std::fs::TryLockError;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The run's directory [default: the last run that was started here, wherever its results went]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// How the result is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Renders a finished run again and prints it; the exit code is the run's.
pub(crate) fn run(arguments: &ReportArguments) -> Exit {
    let format = arguments.format;
    let directory = match arguments.directory.clone().map_or_else(last_run::find, Ok) {
        Ok(directory) => directory,
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    // From before the mark is looked for until the pages are written no run can begin here.
    let hold = marker::share(&directory);
    if matches!(hold, Err(TryLockError::WouldBlock)) || marker::is_there(&directory) {
        return fail(&marker::why(&directory), Exit::INCONCLUSIVE, format);
    }
    let result = match load(&directory) {
        Ok(result) => result,
        Err(error @ LoadError::Missing { .. }) if evidence::is_whole(&directory) => {
            return fail(&OnlyEvidence { error, directory }, Exit::INCONCLUSIVE, format);
        }
        Err(error) => return fail(&error, Exit::USAGE, format),
    };
    let rendered = render(hold, &directory);
    // The result is known even where its pages cannot be written, as in somebody else's directory.
    let exit = finish(&directory, &result, true, format);
    if let Err(error) = rendered {
        say(&format!("warning: the pages are as they were: {}", with_causes(&error)));
    }
    exit
}

fn render(hold: Result<Hold, TryLockError>, directory: &Path) -> Result<(), RenderAgainError> {
    let unheld = |error: TryLockError| WriteError::Io { path: directory.to_owned(), source: error.into() };
    let _hold = hold.map_err(unheld)?;
    marker::tidy(directory);
    render_again(directory).map(drop)
}

/// The result is not there and can be made.
#[derive(Debug, thiserror::Error)]
#[error("{error}; its evidence is whole: `spanproof judge {}` makes the result", directory.display())]
struct OnlyEvidence {
    error: LoadError,
    directory: PathBuf,
}

/// Prints a result on stdout, and where its page for people stands, if it does; the exit code is the run's.
pub(super) fn finish(directory: &Path, result: &RunResult, has_page: bool, format: Format) -> Exit {
    match format {
        Format::Text => {
            let colour = colour();
            let report = directory.join("report.html").display().to_string();
            // Commands that name no directory look at the last run.
            let named = directory.display().to_string();
            let other = (!last_run::is_last(directory)).then_some(named.as_str());
            print(&end_block(result, &EndOptions { colour, report: has_page.then_some(&report), directory: other }));
        }
        Format::Json => match serde_json::to_string_pretty(result) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE, format),
        },
    }
    Exit(result.exit_code())
}

/// The block of a result among others.
pub(super) fn end_text(directory: &Path, result: &RunResult) -> String {
    let named = directory.display().to_string();
    end_block(result, &EndOptions { colour: colour(), report: None, directory: Some(&named) })
}

fn colour() -> Colour {
    Colour::choose(std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR").as_deref())
}

/// Lists the figures that limits can name.
pub(crate) fn limits(format: Format) -> Exit {
    let known = spanproof_reports::result::paths::known_paths();
    match format {
        Format::Text => {
            // A limit names a part of the run by its window.
            let of_part =
                |path: &str| ["before", "during", "after"].iter().any(|part| path.contains(&format!(".{part}.")));
            let lines = known.iter().filter(|known| !of_part(&known.path));
            lines.for_each(|known| print(&format!("{:<48} {:?}\n", known.path, known.kind)));
            print("latency.* can be told apart: `... before FAULT`, `... during FAULT`, `... after FAULT`\n");
            print(
                "recovery.* is told of each fault: `recovery.first_delivery < 10s after FAULT`, `recovery.drained < 60s after FAULT`\n",
            );
        }
        Format::Json => {
            let known: Vec<_> = known
                .iter()
                .map(
                    |known| serde_json::json!({"path": known.path, "kind": format!("{:?}", known.kind).to_lowercase()}),
                )
                .collect();
            print(&format!("{:#}\n", serde_json::Value::from(known)));
        }
    }
    Exit::PASS
}
