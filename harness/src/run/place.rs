//! Whether results may go into a directory: one that is new or empty, or that an earlier run wrote. A run replaces and
//! removes files by their names, and so must never meet somebody else's.

use super::RunError;
use crate::evidence::{self, marker};
use spanproof_reports::directory::{LoadError, PROBE, is_temporary, load};
use std::path::Path;

/// Files named in the refusal.
const NAMED_MAX: usize = 3;

/// The beginning of every result's schema, whatever its version.
const SCHEMA: &str = "spanproof.result/";

/// Refuses a directory that holds files and was not written by a run.
///
/// # Errors
/// [`RunError::NotOurs`].
pub fn check(directory: &Path) -> Result<(), RunError> {
    // What cannot be listed is either not there yet, or told when it is to be written.
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| !is_debris(name)).collect();
    names.sort();
    if names.is_empty() || is_of_a_run(directory, &names) {
        return Ok(());
    }
    Err(RunError::NotOurs { directory: directory.to_owned(), names: some_of(&names) })
}

/// What a run that was killed may leave before it has marked its directory.
fn is_debris(name: &str) -> bool {
    name == PROBE || is_temporary(name)
}

fn is_of_a_run(directory: &Path, names: &[String]) -> bool {
    let began = names == [evidence::FOLDER] && std::fs::read_dir(evidence::folder(directory)).is_ok_and(is_empty);
    began || marker::is_of_a_run(directory) || has_result(directory)
}

fn is_empty(mut entries: std::fs::ReadDir) -> bool {
    entries.next().is_none()
}

/// A result without evidence: a copy, or of a version that kept none.
fn has_result(directory: &Path) -> bool {
    match load(directory) {
        Ok(_) => true,
        Err(LoadError::OtherSchema { found, .. }) => found.starts_with(SCHEMA),
        Err(_) => false,
    }
}

fn some_of(names: &[String]) -> String {
    let named = names.iter().take(NAMED_MAX).map(|name| spanproof_reports::plain_text::one_line(name, 60));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if names.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", names.len() - NAMED_MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn with(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_directory_that_is_new_or_empty_or_of_a_run_is_taken() {
        let takes = |files: &[(&str, &str)]| check(with(files).path()).is_ok();
        assert!(check(Path::new("/nonexistent/out")).is_ok());
        assert!(takes(&[]) && takes(&[(".spanproof-probe", ""), (".result.json.7.tmp", "{")]));
        assert!(takes(&[("evidence/unfinished", ""), ("target.log", ""), ("notes.txt", "")]));
        assert!(takes(&[("evidence/manifest.json", "{}"), ("report.html", "")]));
        assert!(takes(&[("result.json", "{\"schema\": \"spanproof.result/9\"}")]));
        let empty = with(&[]);
        fs::create_dir(empty.path().join("evidence")).unwrap();
        assert!(check(empty.path()).is_ok());
    }

    #[test]
    fn a_directory_with_files_of_others_is_refused_by_their_names() {
        let folder = with(&[("report.html", "mine"), ("a", ""), ("b", ""), ("c", "")]);
        let error = check(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains("a, b, c and 1 more") && text.contains("--out"), "{text}");
        for others in [("result.json", "{}"), ("evidence/photo.jpg", ""), (".gitkeep", "")] {
            assert!(check(with(&[others]).path()).is_err(), "{others:?}");
        }
    }
}
