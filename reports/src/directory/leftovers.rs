//! Temporary files of processes that were killed between writing and renaming: told from everything else, and removed.
//!
//! Their names, `.NAME.PID.tmp`, say whose they are. No reader ever looks at them. Whoever writes into a directory again, or
//! renders it again, takes away those whose process has ended.

use std::fs;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".tmp";

/// The temporary file beside `name`. The process id keeps apart two processes that write the same directory.
pub(super) fn temporary(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!(".{name}.{}{SUFFIX}", std::process::id()))
}

/// The name that a temporary file was to get, and the process that wrote it; none for any other file.
fn taken_apart(file_name: &str) -> Option<(&str, u32)> {
    let (name, pid) = file_name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    Some((name, pid.parse().ok()?)).filter(|(name, _)| !name.is_empty())
}

/// Whether a file with this name is a temporary one of ours.
pub fn is_temporary(file_name: &str) -> bool {
    taken_apart(file_name).is_some()
}

/// Removes what killed processes left of the files that `is_ours` knows by name. What is called like a file of this process
/// is of an earlier one with the same number, as in containers: whoever removes has not begun to write.
pub fn remove_leftovers(directory: &Path, is_ours: impl Fn(&str) -> bool) {
    // Without the directory there is nothing to remove, and what cannot be removed harms nobody.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let file_name = entry.file_name();
        let parts = file_name.to_str().and_then(taken_apart);
        if parts.is_some_and(|(name, pid)| is_ours(name) && has_ended(pid)) {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Where the system does not tell, nothing has ended.
fn has_ended(pid: u32) -> bool {
    let processes = Path::new("/proc");
    pid == std::process::id() || (processes.join("self").exists() && !processes.join(pid.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_left_of_our_files_goes() {
        let folder = tempfile::tempdir().unwrap();
        // A process that was waited for has ended; pid 1 never does.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let dead = child.id();
        let leftovers = [format!(".result.json.{dead}.tmp"), format!(".report.html.{}.tmp", std::process::id())];
        let others = [
            ".result.json.1.tmp".to_owned(),
            format!(".notes.{dead}.tmp"),
            format!("result.json.{dead}.tmp"),
            format!(".result.json.{dead}"),
            ".result.json.tmp".to_owned(),
            "result.json".to_owned(),
        ];
        leftovers.iter().chain(&others).for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        remove_leftovers(folder.path(), |name| ["result.json", "report.html"].contains(&name));
        for name in leftovers {
            assert!(!folder.path().join(&name).exists(), "{name}");
        }
        for name in others {
            assert!(folder.path().join(&name).exists(), "{name}");
        }
    }

    #[test]
    fn a_temporary_file_is_known_by_its_name() {
        let made = temporary(Path::new("x"), "a.b.json");
        assert!(is_temporary(made.file_name().unwrap().to_str().unwrap()));
        for other in [".gitkeep", ".tmp", "..5.tmp", ".a.b.tmp", "a.5.tmp"] {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
