//! The marker that says: this run has not ended in good order.

use super::error::EvidenceError;
use super::{folder, manifest};
use spanproof_reports::directory::{
    EVENTS, JUNIT, LATENCY_LOG, PROBE, REPORT, RESULT, SUMMARY, WriteError, remove_leftovers, write_file,
};
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The marker's file name; it is there from before the load until the evidence is whole.
pub const UNFINISHED: &str = "unfinished";

/// What the mark says of a run whose parts could not be started.
const NEVER_BEGAN: &str = "This run ended before its load began. There is nothing to conclude anything from.\n";

const TEXT: &str = "This run goes on, or it was killed. Nothing can be concluded from what lies here.\n";

/// What a run leaves in its directory besides evidence. What says a verdict goes first.
const ARTEFACTS: [&str; 9] = [
    RESULT,
    JUNIT,
    SUMMARY,
    REPORT,
    LATENCY_LOG,
    EVENTS,
    "target.log",
    crate::fault::COMMANDS_LOG,
    crate::planted::FILE,
];

/// Keeps the directory to one run, or keeps runs out of it, for as long as it lives. The kernel lets go of it when the process ends,
/// however that comes.
#[derive(Debug)]
pub struct Hold {
    _locked: fs::File,
}

/// Marks a run as going on. What an earlier run left in the same directory goes first, so that none of it can be taken for this
/// run's; at whatever point this ends, there is either the earlier run's evidence, none, or the mark.
///
/// # Errors
/// When the file system says no, another run is writing there, or what is there is being judged or rendered.
pub fn set(directory: &Path) -> Result<Hold, WriteError> {
    let folder = folder(directory);
    let failed = |source| WriteError::Io { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    let hold = hold(directory).map_err(failed)?;
    tidy(directory);
    let artefacts = ARTEFACTS.iter().map(|name| directory.join(name));
    for path in artefacts.chain([folder.join(manifest::FILE)]) {
        remove(path)?;
    }
    write_file(&folder, UNFINISHED, TEXT)?;
    Ok(hold)
}

/// Removes the temporary files that killed runs left in a result directory. To be called before anything is written there.
pub fn tidy(directory: &Path) {
    remove_leftovers(directory, |name| name == PROBE || ARTEFACTS.contains(&name));
    // The folder is ours, and so is everything in it.
    remove_leftovers(&folder(directory), |_| true);
}

/// Says in the mark that the run ended before its load began. The mark stays: nothing may be concluded.
///
/// # Errors
/// When the file system says no; the mark is then as it was.
pub fn never_began(directory: &Path) -> Result<(), WriteError> {
    write_file(&folder(directory), UNFINISHED, NEVER_BEGAN).map(drop)
}

/// Why nothing can be said of a marked run.
pub fn why(directory: &Path) -> EvidenceError {
    let (directory, mark) = (directory.to_owned(), fs::read_to_string(folder(directory).join(UNFINISHED)));
    if mark.is_ok_and(|text| text == NEVER_BEGAN) {
        EvidenceError::NeverBegan { directory }
    } else {
        EvidenceError::Unfinished { directory }
    }
}

fn hold(directory: &Path) -> io::Result<Hold> {
    let locked = fs::File::open(directory)?;
    match locked.try_lock() {
        Ok(()) => Ok(Hold { _locked: locked }),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another run is writing there, or what is there is being judged or rendered",
        )),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Keeps runs out of a directory while what follows from its evidence is written there. To be had before the mark is looked for;
/// several may have it at once.
///
/// # Errors
/// [`TryLockError::WouldBlock`] when a run has the directory, marked or not; else what the file system says.
pub fn share(directory: &Path) -> Result<Hold, TryLockError> {
    let locked = fs::File::open(directory).map_err(TryLockError::Error)?;
    locked.try_lock_shared()?;
    Ok(Hold { _locked: locked })
}

fn remove(path: PathBuf) -> Result<(), WriteError> {
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::Io { path, source }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The evidence of the run is whole.
///
/// # Errors
/// When the file system says no.
pub fn clear(directory: &Path) -> Result<(), WriteError> {
    let path = folder(directory).join(UNFINISHED);
    fs::remove_file(&path).map_err(|source| WriteError::Io { path, source })
}

/// Whether a run has begun or ended here: what it never leaves out is there.
pub fn is_of_a_run(directory: &Path) -> bool {
    let folder = folder(directory);
    [UNFINISHED, manifest::FILE, super::plan::FILE].iter().any(|name| folder.join(name).is_file())
}

/// Whether the run is marked. What cannot be told counts as marked.
pub fn is_there(directory: &Path) -> bool {
    folder(directory).join(UNFINISHED).try_exists().unwrap_or(true)
}
