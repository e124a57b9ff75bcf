//! `spanproof run` with several scenarios: one after another, a line for each as it ends, failures last, one directory.

use super::report::end_text;
use super::run::{Execution, RunArguments};
use super::scenario::complain;
use super::{Exit, Format, fail, last_run, print, say, with_causes};
use spanproof_reports::directory::WriteError;
use spanproof_reports::result::RunResult;
use spanproof_reports::result::verdict::Verdict;
use spanproof_reports::suite::{Ended, SUITE, Suite, write};
use spanproof_scenarios::catalogue;
use spanproof_scenarios::problem::{Problem, Problems};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What files of scenarios end with.
const ENDINGS: [&str; 2] = ["yaml", "yml"];

/// Names the last suite, as [`last_run`] names the last run.
const LAST_SUITE: &str = "last-suite";

/// Whether what is written names more than one scenario: a folder, or a pattern of the catalogue.
pub(super) fn is_several(written: &str) -> bool {
    written.contains('*') || Path::new(written).is_dir()
}

/// Runs the scenarios that these arguments name.
pub(super) fn run(arguments: &RunArguments) -> Exit {
    let format = arguments.format();
    let names = match names(arguments) {
        Ok(names) => names,
        Err(problems) => return complain(problems, format),
    };
    let folder = arguments.out().map_or_else(default_folder, Path::to_owned);
    let each = each(arguments, &names, &folder);
    if let Some(problems) = all_problems(&each) {
        return complain(problems, format);
    }
    if arguments.is_dry_run() {
        return each.iter().map(super::run::run).max_by_key(|exit| exit.0).unwrap_or(Exit::PASS);
    }
    if let Err(error) = std::fs::create_dir_all(&folder) {
        let error = WriteError::Io { path: folder, source: error };
        return fail(&error, Exit::INCONCLUSIVE, format);
    }
    let done = run_each(&each, &names, &folder, format);
    let written = write(&folder, &done.suite, &done.results).and_then(|()| last_run::remember_as(LAST_SUITE, &folder));
    if let Err(error) = &written {
        say(&format!("warning: {}", with_causes(error)));
    }
    tell(&done, &folder, format)
}

/// What came of a suite.
struct Done {
    suite: Suite,
    /// The results of those that have one.
    results: Vec<RunResult>,
    /// Where each of these is.
    places: Vec<PathBuf>,
}

/// The arguments of each scenario alone.
fn each(arguments: &RunArguments, names: &[String], folder: &Path) -> Vec<RunArguments> {
    let mut taken = BTreeSet::new();
    let place = |name: &String| {
        let stem = name.replace(['/', '\\'], "-");
        let stem =
            ENDINGS.iter().find_map(|ending| stem.strip_suffix(&format!(".{ending}"))).unwrap_or(&stem).to_owned();
        let candidates = std::iter::once(stem.clone()).chain((2..).map(move |number| format!("{stem}-{number}")));
        candidates.into_iter().find(|candidate| taken.insert(candidate.clone())).unwrap_or_default()
    };
    let places: Vec<String> = names.iter().map(place).collect();
    let alone = |(name, place): (&String, &String)| arguments.alone(name, folder.join(place));
    names.iter().zip(&places).map(alone).collect()
}

/// Everything that is wrong with any of them.
fn all_problems(each: &[RunArguments]) -> Option<Problems> {
    let mut problems: Vec<Problem> = Vec::new();
    for wrong in each.iter().filter_map(RunArguments::wrong) {
        // What is wrong with a flag is wrong for each.
        for problem in wrong.list() {
            if !problems.iter().any(|known| known.is_as(problem)) {
                problems.push(problem.clone());
            }
        }
    }
    Problems::with(Ok(()), problems).err()
}

/// Runs one after another until one is interrupted.
fn run_each(each: &[RunArguments], names: &[String], folder: &Path, format: Format) -> Done {
    let interrupt = super::interrupt::token();
    let (mut ended, mut results, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (arguments, name) in each.iter().zip(names) {
        let begun = Instant::now();
        let mut one = not_begun(name, arguments.out().unwrap_or(folder), folder);
        if !interrupt.is_cancelled() {
            let Execution { exit, outcome } = super::run::execute_alone(arguments, &interrupt);
            (one.exit, one.seconds) = (Some(exit.0), begun.elapsed().as_secs_f64());
            match outcome {
                Ok(finished) => {
                    (one.verdict, one.why) = (finished.result.verdict, None);
                    results.push(finished.result);
                    places.push(finished.directory);
                }
                Err(why) => (one.verdict, one.why) = (Verdict::Inconclusive, Some(why)),
            }
        }
        if format == Format::Text {
            print(&format!("{}\n", one.line()));
        }
        ended.push(one);
    }
    Done { suite: Suite::new(ended), results, places }
}

fn not_begun(name: &str, place: &Path, folder: &Path) -> Ended {
    Ended {
        name: name.to_owned(),
        directory: place.strip_prefix(folder).unwrap_or(place).display().to_string(),
        verdict: Verdict::Skipped,
        exit: None,
        seconds: 0.0,
        why: Some("the suite was interrupted before".to_owned()),
    }
}

/// What did not pass once more, whole, and what it comes to.
fn tell(done: &Done, folder: &Path, format: Format) -> Exit {
    let Done { suite, results, places } = done;
    match format {
        Format::Text => {
            for (result, place) in results.iter().zip(places).filter(|(result, _)| result.exit_code() != 0) {
                print(&format!("\n{}", end_text(place, result)));
            }
            print(&format!("\n{}; {}\n", suite.sentence(), folder.display()));
        }
        Format::Json => match serde_json::to_string_pretty(suite) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => return fail(&error, Exit::INCONCLUSIVE, format),
        },
    }
    results.iter().for_each(super::github::tell);
    Exit(suite.exit_code())
}

/// `spanproof-runs/suite-TIME`, with a number behind it if that is taken.
fn default_folder() -> PathBuf {
    last_run::free_place("suite")
}

/// What is written as the names of single scenarios, each once: files of folders and entries of the catalogue, in their order.
fn names(arguments: &RunArguments) -> Result<Vec<String>, Problems> {
    let (mut names, mut problems) = (Vec::<String>::new(), Vec::new());
    for written in arguments.scenarios() {
        match expand(written) {
            Ok(found) => names.extend(found),
            Err(found) => problems.extend(found.list().to_vec()),
        }
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    if arguments.is_last_failed() && problems.is_empty() {
        match failed_last_time() {
            Ok(failed) => names.retain(|name| failed.contains(name)),
            Err(found) => problems.extend(found.list().to_vec()),
        }
        if names.is_empty() && problems.is_empty() {
            problems.push(Problem::of_flag("--last-failed", "", "none of these failed the last time", "leave it out"));
        }
    }
    Problems::with(Ok(names), problems)
}

fn expand(written: &str) -> Result<Vec<String>, Problems> {
    let nothing = |message: &str, hint: &str| Problems::from(Problem::of_flag("SCENARIO", written, message, hint));
    let found: Vec<String> = if Path::new(written).is_dir() {
        files_of(Path::new(written)).map_err(|error| nothing(&error.to_string(), "name a folder that can be read"))?
    } else if written.contains('*') {
        let fits = catalogue::entries().iter().filter(|entry| fits(written, entry.name));
        fits.map(|entry| entry.name.to_owned()).collect()
    } else {
        vec![written.to_owned()]
    };
    if found.is_empty() {
        return Err(nothing("there is no scenario of that", "`spanproof scenario list` has the catalogue"));
    }
    Ok(found)
}

fn files_of(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let files = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file());
    let is_scenario = |path: &PathBuf| path.extension().is_some_and(|ending| ENDINGS.iter().any(|one| ending == *one));
    let mut names: Vec<String> = files.filter(is_scenario).map(|path| path.display().to_string()).collect();
    names.sort();
    Ok(names)
}

/// Whether a name is of a pattern in which `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(tail) = name.strip_prefix(head) else { return false };
    tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| fits(rest, &tail[at..]))
}

/// The names of the last suite's scenarios that did not pass.
fn failed_last_time() -> Result<BTreeSet<String>, Problems> {
    let flag = |message: String, hint: &str| Problems::from(Problem::of_flag("--last-failed", "", message, hint));
    let folder = last_run::remembered_as(LAST_SUITE)
        .map_err(|_| flag("no suite was run here so far".to_owned(), "leave it out for the first time"))?;
    let path = folder.join(SUITE);
    let read = std::fs::read(&path).map_err(|error| error.to_string());
    let suite = read.and_then(|bytes| serde_json::from_slice::<Suite>(&bytes).map_err(|error| error.to_string()));
    let suite =
        suite.map_err(|error| flag(format!("{}: {error}", path.display()), "run all of them again, without it"))?;
    Ok(suite.failed().map(|ended| ended.name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("drills/*", "drills/frozen", true),
            ("drills/*", "quickstart", false),
            ("*", "quickstart", true),
            ("*down", "drills/backend-down", true),
            ("*down", "drills/backend-down-again", false),
            ("d*s/*-d*n", "drills/link-down", true),
            ("drills/link-down*", "drills/link-down", true),
            ("", "quickstart", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_is_all_that_fits_and_one_that_nothing_fits_is_a_mistake() {
        let drills = expand("drills/*").unwrap();
        assert!(drills.len() > 20 && drills.iter().all(|name| name.starts_with("drills/")), "{drills:?}");
        assert_eq!(expand("quickstart").unwrap(), ["quickstart"]);
        assert!(expand("nothing/*").is_err());
    }

    #[test]
    fn a_folder_is_its_files_in_their_order() {
        let folder = tempfile::TempDir::new().unwrap();
        for name in ["b.yaml", "a.yml", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let written = folder.path().display().to_string();
        assert!(is_several(&written) && is_several("drills/*") && !is_several("quickstart"));
        assert_eq!(expand(&written).unwrap(), [format!("{written}/a.yml"), format!("{written}/b.yaml")]);
    }
}
