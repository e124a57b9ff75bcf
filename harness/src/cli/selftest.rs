//! `spanproof selftest`: is every planted defect caught under its right name, and is every check needed for it?
//!
//! Exit codes: 0 everything came out as expected, 1 something was missed, 2 usage, 3 something could not be tried, 130
//! interrupted.

use super::{Exit, Format, fail, print, say};
use crate::selftest::case::Case;
use crate::selftest::summary::Summary;
use crate::selftest::{Setup, Step, named, page, table};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tempfile::TempDir;

/// Runs for each CPU. A run of a case waits for most of its time: it takes a third of a second of CPU in its four to seven.
const JOBS_PER_CPU: usize = 4;

/// Arguments of `selftest`.
#[derive(Debug, Args)]
pub(crate) struct SelftestArguments {
    /// Stand the embedded target with its defects behind this one, e.g. process:./otelcol
    #[arg(long, value_name = "process:COMMAND")]
    behind: Option<String>,
    /// Only these cases, e.g. lose-and-repeat; `--list` names them
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Try each case under so many seeds
    #[arg(long, value_name = "N", default_value = "1")]
    seeds: NonZeroUsize,
    /// Runs side by side [default: four for each CPU]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Keep the results of every run here
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print the table of cases and what must come of them, and run nothing
    #[arg(long)]
    list: bool,
    /// How the outcome is printed on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// What was typed cannot be done.
#[derive(Debug, thiserror::Error)]
enum SelftestError {
    #[error("--only {}: no case has this name; `spanproof selftest --list` names them", .0.escape_debug())]
    NoSuchCase(String),
    #[error("--behind {}: give a program, e.g. process:/path/to/otelcol", .0.escape_debug())]
    NoProgram(String),
    #[error("find our own binary: {0}")]
    OwnBinary(std::io::Error),
    #[error("make {}: {source}; choose another place with --keep", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
}

/// Tries the cases.
pub(crate) fn run(arguments: &SelftestArguments) -> Exit {
    let cases = match chosen(&arguments.only) {
        Ok(cases) => cases,
        Err(error) => return fail(&error, Exit::USAGE, arguments.format),
    };
    if arguments.list {
        return list(&cases, arguments.format);
    }
    match try_cases(arguments, &cases) {
        Ok(Some(summary)) => finish(&summary, arguments.format),
        Ok(None) => Exit::INTERRUPTED,
        Err(error) => fail(&error, Exit::USAGE, arguments.format),
    }
}

fn list(cases: &[Case], format: Format) -> Exit {
    match format {
        Format::Text => print(&page::page(cases)),
        Format::Json => match serde_json::to_string_pretty(&page::rows(cases)) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::USAGE, format),
        },
    }
    Exit::PASS
}

fn try_cases(arguments: &SelftestArguments, cases: &[Case]) -> Result<Option<Summary>, SelftestError> {
    // Removed when it is dropped, whatever the outcome.
    let (_temporary, folder) = folder(arguments)?;
    let setup = setup(arguments, folder)?;
    let interrupt = super::interrupt::token();
    Ok(crate::selftest::run(cases, &setup, &interrupt, |step| {
        if !arguments.quiet {
            say(&line(step));
        }
    }))
}

fn chosen(only: &[String]) -> Result<Vec<Case>, SelftestError> {
    let table = table::table();
    if only.is_empty() {
        return Ok(table);
    }
    let mut names = Vec::new();
    for name in only {
        let found = named(&table, name);
        if found.is_empty() {
            return Err(SelftestError::NoSuchCase(name.clone()));
        }
        names.extend(found.into_iter().map(|case| case.name));
    }
    Ok(table.iter().filter(|case| names.contains(&case.name)).copied().collect())
}

fn folder(arguments: &SelftestArguments) -> Result<(Option<TempDir>, PathBuf), SelftestError> {
    match &arguments.keep {
        Some(folder) => {
            let made = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
            let made = made.map_err(|source| SelftestError::Folder { folder: folder.clone(), source })?;
            Ok((None, made))
        }
        None => {
            let failed = |source| SelftestError::Folder { folder: std::env::temp_dir(), source };
            let temporary = tempfile::Builder::new().prefix("spanproof-selftest-").tempdir().map_err(failed)?;
            let folder = temporary.path().to_owned();
            Ok((Some(temporary), folder))
        }
    }
}

fn setup(arguments: &SelftestArguments, folder: PathBuf) -> Result<Setup, SelftestError> {
    if let Some(target) = arguments.behind.as_ref().filter(|target| !target.starts_with("process:")) {
        return Err(SelftestError::NoProgram(target.clone()));
    }
    let behind = arguments.behind.as_deref().map(whole);
    let cpus = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Ok(Setup {
        binary: std::env::current_exe().map_err(SelftestError::OwnBinary)?,
        behind,
        jobs: arguments.jobs.unwrap_or(cpus.saturating_mul(NonZeroUsize::MIN.saturating_add(JOBS_PER_CPU - 1))),
        seeds: arguments.seeds,
        folder,
        keep: arguments.keep.is_some(),
        whole: arguments.only.is_empty(),
    })
}

/// A target with the whole path of its program, since runs work in a folder of their own. A bare name is looked up on PATH.
fn whole(target: &str) -> String {
    let program = target.strip_prefix("process:").filter(|program| program.contains('/'));
    let path = program.and_then(|program| std::path::absolute(program).ok());
    path.map_or_else(|| target.to_owned(), |path| format!("process:{}", path.display()))
}

fn line(step: &Step<'_>) -> String {
    let Step { done, of, tried } = step;
    let again = tried.how.tries_in_words().map_or(String::new(), |words| format!("   {words}"));
    let (seed, seconds) = (tried.how.seed, tried.how.took_seconds);
    format!("{done:>3}/{of}  {:<11}  {}, seed {seed}   {seconds:.1} s{again}", tried.outcome, tried.name)
}

fn finish(summary: &Summary, format: Format) -> Exit {
    match format {
        Format::Text => print(&summary.text()),
        Format::Json => match serde_json::to_string_pretty(summary) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE, format),
        },
    }
    Exit(summary.exit_code())
}
