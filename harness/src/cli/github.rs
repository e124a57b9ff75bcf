//! What a run tells a runner of GitHub Actions, where it runs on one: an annotation for each thing that failed or stayed open, and its page
//! in the step's summary.

use super::{say, with_causes};
use spanproof_reports::github::annotations;
use spanproof_reports::result::RunResult;
use spanproof_reports::summary::summary;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Set to `true` on every runner.
const ON_RUNNER: &str = "GITHUB_ACTIONS";

/// Names the file to which a step appends its Markdown.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Tells it. Commands are read from stderr as from stdout, and results keep stdout for themselves.
pub(super) fn tell(result: &RunResult) {
    if std::env::var_os(ON_RUNNER).is_some_and(|value| value == "true") {
        annotations(result).iter().for_each(|annotation| say(annotation));
    }
    let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()).map(PathBuf::from) else { return };
    if let Err(error) = append(&path, &summary(result)) {
        say(&format!("warning: the step's summary has no page of this run: {}", with_causes(&error)));
    }
}

fn append(path: &Path, page: &str) -> Result<(), SummaryError> {
    let write = || OpenOptions::new().append(true).create(true).open(path)?.write_all(format!("{page}\n").as_bytes());
    write().map_err(|source| SummaryError { path: path.to_owned(), source })
}

/// The file of the step's summary cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("write {} ({STEP_SUMMARY})", path.display())]
struct SummaryError {
    path: PathBuf,
    source: std::io::Error,
}
