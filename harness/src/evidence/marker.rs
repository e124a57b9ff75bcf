//! The marker that says: this run has not ended in good order.

use super::{folder, manifest};
use spanproof_reports::directory::{RESULT, WriteError, write_file};
use std::path::Path;
use std::{fs, io};

/// The marker's file name; it is there from before the load until after the result has been written.
pub const UNFINISHED: &str = "unfinished";

const TEXT: &str = "This run goes on, or it was killed. Nothing can be concluded from what lies here.\n";

/// Marks a run as going on. What an earlier run left in the same directory is told apart from it first: its manifest and its
/// result go, so that neither can be taken for this run's.
///
/// # Errors
/// When the file system says no.
pub fn set(directory: &Path) -> Result<(), WriteError> {
    let folder = folder(directory);
    fs::create_dir_all(&folder).map_err(|source| WriteError::Io { path: folder.clone(), source })?;
    write_file(&folder, UNFINISHED, TEXT)?;
    for path in [folder.join(manifest::FILE), directory.join(RESULT)] {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(WriteError::Io { path, source }),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The run has ended and its result is written.
///
/// # Errors
/// When the file system says no.
pub fn clear(directory: &Path) -> Result<(), WriteError> {
    let path = folder(directory).join(UNFINISHED);
    fs::remove_file(&path).map_err(|source| WriteError::Io { path, source })
}

/// Whether the run is marked. What cannot be told counts as marked.
pub fn is_there(directory: &Path) -> bool {
    folder(directory).join(UNFINISHED).try_exists().unwrap_or(true)
}
