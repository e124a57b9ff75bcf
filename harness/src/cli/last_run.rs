//! The last run: what `report`, `show` and `judge` mean when no directory is named.
//!
//! Every run that leaves a result writes its directory, wherever that is, into `spanproof-runs/last` below the working
//! directory. A relative path stays relative, so a tree that is moved or copied as a whole keeps its last run.

use spanproof_reports::directory::{RESULT, WriteError, remove_leftovers, write_bytes};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where runs go when nobody says otherwise.
pub(crate) const RUNS: &str = "spanproof-runs";

/// The file in it that names the last run.
const LAST: &str = "last";

/// No run is there to be meant. Name a directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLastRun {
    /// None has been remembered and none is in the usual place.
    #[error("no finished run in {RUNS}; name a directory, or run a scenario first")]
    None,
    /// What was remembered has been removed or renamed.
    #[error("the last run was in {}, which is gone, and there is no other in {RUNS}; name a directory, or run a scenario first", .0.display())]
    Gone(PathBuf),
}

/// The run that is meant.
#[derive(Debug)]
pub(crate) struct LastRun {
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// The directory that was remembered, is gone, and has been replaced by the newest in the usual place.
    pub(crate) instead_of: Option<PathBuf>,
}

/// Remembers a run as the last one.
pub(crate) fn remember(directory: &Path) -> Result<(), WriteError> {
    remember_as(LAST, directory)
}

/// Remembers a directory under a name.
pub(crate) fn remember_as(name: &str, directory: &Path) -> Result<(), WriteError> {
    let runs = Path::new(RUNS);
    fs::create_dir_all(runs).map_err(|source| WriteError::Io { path: runs.to_owned(), source })?;
    remove_leftovers(runs, |other| other == name);
    let line = [directory.as_os_str().as_bytes(), b"\n"].concat();
    write_bytes(runs, name, &line).map(drop)
}

/// A directory in the usual place that is not there yet: its name and the time, with a number behind them if that is taken.
pub(crate) fn free_place(name: &str) -> PathBuf {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let base = format!("{RUNS}/{name}-{time}");
    let candidates = std::iter::once(base.clone()).chain((2..100).map(|number| format!("{base}-{number}")));
    let free = candidates.map(PathBuf::from).find(|path| !path.exists());
    free.unwrap_or_else(|| PathBuf::from(base))
}

/// Finds the last run; whatever is said of it goes to stderr.
pub(crate) fn find() -> Result<PathBuf, NoLastRun> {
    let last = last_run()?;
    if let Some(gone) = last.instead_of {
        let (gone, directory) = (gone.display(), last.directory.display());
        super::say(&format!("the last run was in {gone}, which is gone; taking the newest in {RUNS}: {directory}"));
    }
    Ok(last.directory)
}

/// The remembered run if it is still there, else the newest result in the usual place.
fn last_run() -> Result<LastRun, NoLastRun> {
    let remembered = remembered_as(LAST).ok();
    match (remembered, newest()) {
        (Some(directory), _) if directory.is_dir() => Ok(LastRun { directory, instead_of: None }),
        (instead_of, Some(directory)) => Ok(LastRun { directory, instead_of }),
        (Some(gone), None) => Err(NoLastRun::Gone(gone)),
        (None, None) => Err(NoLastRun::None),
    }
}

/// Whether commands that name no directory mean this one.
pub(crate) fn is_last(directory: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    last_run().is_ok_and(|last| canonical(&last.directory) == canonical(directory))
}

/// What was remembered under a name.
pub(crate) fn remembered_as(name: &str) -> io::Result<PathBuf> {
    let mut line = fs::read(Path::new(RUNS).join(name))?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(PathBuf::from(OsString::from_vec(line)))
}

fn newest() -> Option<PathBuf> {
    let entries = fs::read_dir(RUNS).ok()?;
    let runs = entries.flatten().map(|entry| entry.path()).filter(|path| path.join(RESULT).is_file());
    runs.max_by_key(|path| path.join(RESULT).metadata().and_then(|meta| meta.modified()).ok())
}
