//! A result directory: writing every artefact so that a reader never sees half of one, and reading a result back.

use crate::latency::log;
use crate::result::latency::{Latency, Series};
use crate::result::{RunResult, SCHEMA};
use crate::{html, junit, summary};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod leftovers;

use leftovers::temporary;
pub use leftovers::{is_temporary, remove_leftovers};

/// The result document.
pub const RESULT: &str = "result.json";
/// The latency log.
pub const LATENCY_LOG: &str = "latency.hlog";
/// The page for CI systems.
pub const SUMMARY: &str = "summary.md";
/// The test report.
pub const JUNIT: &str = "junit.xml";
/// The page for people.
pub const REPORT: &str = "report.html";
/// What happened during the run; written while it goes on.
pub const EVENTS: &str = "events.ndjson";
/// What [`prepare`] writes and removes.
pub const PROBE: &str = ".spanproof-probe";

/// An artefact that could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system said no. Free space, or choose another directory with `--out`.
    #[error("write {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A renderer failed.
    #[error("render {artefact}: {reason}")]
    Render {
        /// The artefact's file name.
        artefact: &'static str,
        /// What the renderer said.
        reason: String,
    },
}

/// A result that could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no result there. Name a directory that a finished run wrote; a run writes its result last.
    #[error("no {RESULT} in {}: the run is not finished, or this is no result directory", directory.display())]
    Missing {
        /// The directory.
        directory: PathBuf,
    },
    /// The file cannot be read.
    #[error("read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The file ends in mid-document. It cannot be repaired; run again.
    #[error("{} is cut off after line {line}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The last line there is.
        line: usize,
    },
    /// The file is of another version of the format. Read it with the spanproof that wrote it.
    #[error("{} has schema `{found}` and this spanproof reads `{SCHEMA}`; use the version that wrote it", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// The schema it names.
        found: String,
    },
    /// The file is no result.
    #[error("{} is not a result of {SCHEMA}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: serde_json::Error,
    },
}

/// A finished run could not be rendered again.
#[derive(Debug, thiserror::Error)]
pub enum RenderAgainError {
    /// Its result could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An artefact could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Makes the directory and proves that files can be written there, so that a run that could not keep its result is refused
/// before it starts.
///
/// # Errors
/// When the directory cannot be made or a file in it cannot be written.
pub fn prepare(directory: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(directory).map_err(|source| WriteError::Io { path: directory.to_owned(), source })?;
    let path = write_file(directory, PROBE, "can this be written?\n")?;
    fs::remove_file(&path).map_err(|source| WriteError::Io { path, source })
}

/// Writes every artefact of a finished run and gives their paths, the result document last, so that a directory with a
/// result is complete. `latency_log` is the text of the latency log; series whose figures the result withholds are left
/// out of it.
///
/// # Errors
/// When the directory cannot be made or a file cannot be written. Files written before the error stay.
pub fn write(directory: &Path, result: &RunResult, latency_log: Option<&str>) -> Result<Vec<PathBuf>, WriteError> {
    fs::create_dir_all(directory).map_err(|source| WriteError::Io { path: directory.to_owned(), source })?;
    let mut written = Vec::new();
    if let Some(text) = latency_log {
        written.push(write_latency_log(directory, &result.latency, text)?);
    }
    written.extend(stage(directory, result)?.publish()?);
    Ok(written)
}

/// Artefacts that are on the disk under temporary names; those that are not published go when this is dropped.
#[derive(Debug)]
pub struct Staged {
    /// Temporary and final path, the result document last.
    files: Vec<(PathBuf, PathBuf)>,
}

/// Writes every artefact but the latency log under a temporary name: what remains is to rename them.
///
/// # Errors
/// When a file cannot be rendered or written; then none is left.
pub fn stage(directory: &Path, result: &RunResult) -> Result<Staged, WriteError> {
    let failed = |e: serde_json::Error| WriteError::Render { artefact: RESULT, reason: e.to_string() };
    let json = serde_json::to_string_pretty(result).map_err(failed)? + "\n";
    let mut staged = Staged { files: Vec::new() };
    for (name, text) in rendered(result)?.into_iter().chain([(RESULT, json)]) {
        let (temporary, path) = (temporary(directory, name), directory.join(name));
        staged.files.push((temporary.clone(), path.clone()));
        write_synced(&temporary, text.as_bytes()).map_err(|source| WriteError::Io { path, source })?;
    }
    Ok(staged)
}

impl Staged {
    /// Gives every artefact its name, and their paths.
    ///
    /// # Errors
    /// When a file cannot be renamed. Those before it stay.
    pub fn publish(mut self) -> Result<Vec<PathBuf>, WriteError> {
        let files = std::mem::take(&mut self.files);
        for (at, (temporary, path)) in files.iter().enumerate() {
            if let Err(source) = fs::rename(temporary, path) {
                self.files = files[at..].to_vec();
                return Err(WriteError::Io { path: path.clone(), source });
            }
        }
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (temporary, _) in &self.files {
            // It may never have been made, and there is nobody to tell.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Writes the latency log; series whose figures are withheld are left out of it.
///
/// # Errors
/// When the file cannot be written.
pub fn write_latency_log(directory: &Path, latency: &Latency, text: &str) -> Result<PathBuf, WriteError> {
    let withheld = latency.iter().filter(|(_, summary)| summary.withheld.is_some());
    let withheld = withheld.map(|(series, _)| series).collect::<Vec<Series>>();
    write_file(directory, LATENCY_LOG, &log::without(text, &withheld))
}

/// Reads the result of a finished run.
///
/// # Errors
/// Tells apart a directory without a result, a result that is cut off, one of another version, and one that is broken.
pub fn load(directory: &Path) -> Result<RunResult, LoadError> {
    let path = directory.join(RESULT);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(LoadError::Missing { directory: directory.to_owned() });
        }
        Err(source) => return Err(LoadError::Io { path, source }),
    };
    check_schema(&text, &path)?;
    serde_json::from_str(&text).map_err(|source| LoadError::Malformed { path, source })
}

/// Renders a finished run again from its result document, and gives the paths of what was written.
///
/// # Errors
/// When the result cannot be read or a file cannot be written.
pub fn render_again(directory: &Path) -> Result<Vec<PathBuf>, RenderAgainError> {
    let result = load(directory)?;
    Ok(write_rendered(directory, &result)?)
}

/// Writes a file so that a reader sees the old content or the new and nothing between, also when the machine goes down:
/// into a temporary file beside it, to the disk, then renamed.
///
/// # Errors
/// When the file system says no. The temporary file is removed then.
pub fn write_file(directory: &Path, name: &str, text: &str) -> Result<PathBuf, WriteError> {
    write_bytes(directory, name, text.as_bytes())
}

/// The same for a file that is no text.
///
/// # Errors
/// When the file system says no. The temporary file is removed then.
pub fn write_bytes(directory: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, WriteError> {
    let (path, temporary) = (directory.join(name), temporary(directory, name));
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
    if let Err(source) = written {
        // The first error is the one to tell; the file may not even exist.
        let _ = fs::remove_file(&temporary);
        return Err(WriteError::Io { path, source });
    }
    Ok(path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn write_rendered(directory: &Path, result: &RunResult) -> Result<Vec<PathBuf>, WriteError> {
    rendered(result)?.into_iter().map(|(name, text)| write_file(directory, name, &text)).collect()
}

fn rendered(result: &RunResult) -> Result<[(&'static str, String); 3], WriteError> {
    let failed = |artefact, reason: String| WriteError::Render { artefact, reason };
    let xml = junit::junit(result).map_err(|e| failed(JUNIT, e.to_string()))?;
    let page = html::html(result).map_err(|e| failed(REPORT, e.to_string()))?;
    Ok([(SUMMARY, summary::summary(result)), (JUNIT, xml), (REPORT, page)])
}

/// Reads only the schema first: another version's fields must not be reported as errors of this one's.
fn check_schema(text: &str, path: &Path) -> Result<(), LoadError> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let path = path.to_owned();
    match serde_json::from_str::<Head>(text) {
        Ok(head) if head.schema == SCHEMA => Ok(()),
        Ok(head) => Err(LoadError::OtherSchema { path, found: crate::plain_text::one_line(&head.schema, 100) }),
        Err(source) if is_cut_off(text, &source) => Err(LoadError::Truncated { path, line: source.line() }),
        Err(source) => Err(LoadError::Malformed { path, source }),
    }
}

/// Whether what is wrong is that the text ends. Of a number that ends at its point, serde_json says that it is no number.
fn is_cut_off(text: &str, error: &serde_json::Error) -> bool {
    let (lines, last) = text.lines().enumerate().last().map_or((0, ""), |(before, last)| (before + 1, last));
    error.is_eof() || (error.line() == lines && error.column() >= last.len())
}

#[cfg(test)]
mod tests;
