//! Why evidence cannot be used, and how the process ends then.

use super::FORMAT;
use spanproof_generators::plan::PlanError;
use std::io;
use std::path::{Path, PathBuf};

/// Why evidence cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// No run wrote evidence there. Name the directory of a run.
    #[error("no evidence in {}: this is no directory of a run; runs print theirs, and lie below spanproof-runs", directory.display())]
    None {
        /// The directory.
        directory: PathBuf,
    },
    /// The run goes on, or it died. Wait for it, or run again.
    #[error(
        "the run in {} has not ended in good order: it still goes on, or it was killed; inconclusive, since evidence that is \
         not whole proves nothing",
        directory.display()
    )]
    Unfinished {
        /// The directory.
        directory: PathBuf,
    },
    /// The run ended before its load began, as where the target did not start. See what it said then, and run again.
    #[error(
        "the run in {} ended before its load began, as where a target does not start; there is nothing to judge",
        directory.display()
    )]
    NeverBegan {
        /// The directory.
        directory: PathBuf,
    },
    /// There is no manifest. Nothing says whether the rest is whole; run again.
    #[error("no {} in {}: the evidence is not whole, and so inconclusive", super::manifest::FILE, folder.display())]
    NoManifest {
        /// The evidence's folder.
        folder: PathBuf,
    },
    /// The file system said no.
    #[error("read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// A file has another length than the manifest says, e.g. because it was cut off.
    #[error("{} has {found} bytes and the manifest says {expected}: it was cut off or changed", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The manifest's length.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// A file's content is not what was written.
    #[error("{} is not what the run wrote: its SHA-256 differs from the manifest's", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The manifest itself is not what was written.
    #[error("{} is not what the run wrote: {reason}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another version wrote it. Judge it with that one.
    #[error("the evidence in {} is in format `{found}` and this spanproof reads `{FORMAT}`; use the version that wrote it", folder.display())]
    OtherFormat {
        /// The evidence's folder.
        folder: PathBuf,
        /// The format it names.
        found: String,
    },
    /// A file does not hold what it ought to, though it is what was written: another version, or a fault of spanproof.
    #[error("{} cannot be understood: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The plan cannot be made again.
    #[error("make the plan of {} again: {source}", path.display())]
    Plan {
        /// The plan's file.
        path: PathBuf,
        /// Why not.
        source: PlanError,
    },
    /// This spanproof makes another plan from the same inputs. Judge with the build that wrote it.
    #[error(
        "this build of spanproof {} makes another plan from {} than the one of {wrote} that wrote it: fingerprint {found} instead \
         of {expected}; judge it with that one",
        env!("CARGO_PKG_VERSION"), path.display()
    )]
    OtherPlan {
        /// The plan's file.
        path: PathBuf,
        /// The version that wrote it.
        wrote: String,
        /// The fingerprint it wrote.
        expected: String,
        /// The fingerprint now.
        found: String,
    },
}

impl EvidenceError {
    /// 2 when the directory is the wrong one, 3 when nothing can be concluded from it.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::None { .. }) { 2 } else { 3 }
    }

    pub(super) fn inconsistent(path: &Path, reason: &str) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_owned() }
    }
}
