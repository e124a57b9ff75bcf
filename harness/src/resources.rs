//! What the run costs: CPU and memory readers for our own threads and for the target's processes, and the machine's facts.
//!
//! Everything here reads `/proc` when asked and never on its own: no thread, no timer. Start at [`ThreadCpu`] for our own
//! cost, at [`UsageSampler`] for the target's, at [`Machine`] for what a result says about where it was measured.
//! The texts of `/proc` are parsed in `proc_text`, which is pure.

mod busy;
mod machine;
mod proc_text;
mod process_tree;
mod threads;
mod usage;

pub(crate) use busy::Busy;
pub use machine::Machine;
pub use process_tree::{ProcessTree, descendants};
pub use threads::ThreadCpu;
pub use usage::{ProcessUsage, UsageSampler, UsageSummary};
pub(crate) use usage::{is_stopped, ticks, waited_for_ticks};

use std::path::PathBuf;

/// Why a resource could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The file cannot be read. Is `/proc` mounted, and may this user read it (`hidepid`)?
    #[error("read {}: {source}; is /proc mounted and readable?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel's text is not in the form that proc(5) describes.
    #[error("understand {}: no usable {field}", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// The field that is missing or malformed.
        field: &'static str,
    },
}

/// Reads a file of `/proc`.
fn read_proc(path: PathBuf) -> Result<String, ResourceError> {
    // A process may name itself with any bytes, so the text is not always UTF-8.
    match std::fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) => Err(ResourceError::Unreadable { path, source }),
    }
}
