//! The folder that a shrink writes into: the smallest run so far, and the one that is being tried.
//!
//! | name | what it is |
//! |---|---|
//! | `shrunk.yaml` | the smallest scenario that was seen failing, whole |
//! | `run/` | the results of its last failing run |
//! | `shrunk.json` | what `--format json` prints |
//! | `trial/`, `seen/` | at work: what is being tried, and its last failing run; gone at the end |

use super::ShrinkError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The scenario, here and in a trial.
pub const SCENARIO: &str = "shrunk.yaml";
/// The results, here and in a trial.
pub const RUN: &str = "run";
/// The document.
pub const DOCUMENT: &str = "shrunk.json";
const TRIAL: &str = "trial";
const SEEN: &str = "seen";
const LOG: &str = "log";

/// The folder. What is only there while it works goes when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    folder: PathBuf,
}

/// Where one run of a candidate reads and writes.
pub(super) struct TrialPlace {
    pub scenario: PathBuf,
    pub run: PathBuf,
    pub log: PathBuf,
}

/// Refuses a folder with files that no shrink wrote.
///
/// # Errors
/// Names some of them.
pub fn check(folder: &Path) -> Result<(), ShrinkError> {
    // What cannot be listed is either not there yet, or told when it is to be written.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut others: Vec<String> = names.filter(|name| !is_ours(folder, name)).collect();
    others.sort();
    let named: Vec<String> =
        others.iter().take(3).map(|name| spanproof_reports::plain_text::one_line(name, 60)).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(ShrinkError::NotOurs { folder: folder.to_owned(), names: named.join(", ") })
}

/// Whether a shrink has written this: folders are removed, and anybody may have one called `run`.
fn is_ours(folder: &Path, name: &str) -> bool {
    let path = folder.join(name);
    match name {
        SCENARIO | DOCUMENT => !path.is_dir(),
        RUN => path.is_dir() && crate::run::check_place(&path).is_ok(),
        TRIAL | SEEN => {
            let entries = fs::read_dir(&path).map(|entries| entries.flatten().map(|entry| entry.file_name()));
            entries.is_ok_and(|mut names| names.all(|name| [SCENARIO, RUN, LOG].iter().any(|ours| name == *ours)))
        }
        _ => false,
    }
}

impl Place {
    /// Makes the folder.
    pub(super) fn new(folder: &Path) -> Result<Self, ShrinkError> {
        check(folder)?;
        let place = Self { folder: folder.to_owned() };
        fs::create_dir_all(folder).map_err(|source| ShrinkError::Folder { folder: folder.to_owned(), source })?;
        // What a shrink that was killed left.
        place.clear();
        Ok(place)
    }

    /// An empty place for a run of this scenario.
    pub(super) fn trial(&self, scenario: &str) -> Result<TrialPlace, ShrinkError> {
        let folder = self.folder.join(TRIAL);
        let trial = TrialPlace { scenario: folder.join(SCENARIO), run: folder.join(RUN), log: folder.join(LOG) };
        let made = remove(&folder).and_then(|()| fs::create_dir(&folder));
        made.and_then(|()| write(&trial.scenario, scenario)).map_err(|source| self.failed(source))?;
        Ok(trial)
    }

    /// Keeps the run that has just been made, in the place of an earlier one of its candidate.
    pub(super) fn hold(&self) -> Result<(), ShrinkError> {
        let (trial, seen) = (self.folder.join(TRIAL), self.folder.join(SEEN));
        remove(&seen).and_then(|()| fs::rename(trial, seen)).map_err(|source| self.failed(source))
    }

    /// Makes the candidate whose run was kept the smallest so far.
    pub(super) fn take(&self) -> Result<(), ShrinkError> {
        let (seen, run) = (self.folder.join(SEEN), self.folder.join(RUN));
        // The scenario last: the one that stands there has been seen failing whatever happens in between.
        let taken = remove(&run).and_then(|()| fs::rename(seen.join(RUN), &run));
        let taken = taken.and_then(|()| fs::rename(seen.join(SCENARIO), self.folder.join(SCENARIO)));
        taken.and_then(|()| remove(&seen)).map_err(|source| self.failed(source))
    }

    fn clear(&self) {
        for name in [TRIAL, SEEN] {
            // Whatever stays is named as a leftover, and the next shrink removes it.
            remove(&self.folder.join(name)).ok();
        }
    }

    fn failed(&self, source: io::Error) -> ShrinkError {
        ShrinkError::Lost { folder: self.folder.clone(), source }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
        // Only a folder that is empty: one that was made for nothing.
        fs::remove_dir(&self.folder).ok();
    }
}

impl TrialPlace {
    /// The log, open for appending.
    pub(super) fn open_log(&self) -> Result<File, io::Error> {
        OpenOptions::new().create(true).append(true).open(&self.log)
    }
}

/// Writes a scenario, for its owner alone: secrets that flags gave to the target's environment stand in it.
fn write(path: &Path, scenario: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(scenario.as_bytes())
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    /// A document that says of itself that a run wrote it.
    fn result(text: &str) -> String {
        serde_json::json!({"schema": "spanproof.result/0", "about": text}).to_string()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_smallest_stays_and_what_was_tried_goes() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out");
        let place = Place::new(&out).unwrap();
        for text in ["first", "second"] {
            let trial = place.trial(text).unwrap();
            fs::create_dir(&trial.run).unwrap();
            fs::write(trial.run.join("result.json"), result(text)).unwrap();
            place.hold().unwrap();
            place.take().unwrap();
        }
        place.trial("third").unwrap();
        drop(place);
        assert_eq!(names(&out), [RUN, SCENARIO]);
        assert_eq!(fs::read_to_string(out.join(SCENARIO)).unwrap(), "second");
        assert_eq!(fs::read_to_string(out.join(RUN).join("result.json")).unwrap(), result("second"));
        assert_eq!(out.join(SCENARIO).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(Place::new(&out).unwrap());
        assert_eq!(names(&out), [RUN, SCENARIO]);
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_goes_and_one_with_files_of_others_is_refused() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out");
        drop(Place::new(&out).unwrap());
        assert!(!out.exists());
        fs::write(folder.path().join("photo.jpg"), "").unwrap();
        let error = Place::new(folder.path()).unwrap_err().to_string();
        assert!(error.contains("photo.jpg") && error.contains("--out"), "{error}");
        assert_eq!(names(folder.path()), ["photo.jpg"]);
    }

    #[test]
    fn folders_of_others_that_are_called_like_ours_are_refused_and_stay() {
        for name in [RUN, TRIAL, SEEN, DOCUMENT] {
            let folder = TempDir::new().unwrap();
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("photo.jpg"), "").unwrap();
            let error = Place::new(folder.path()).unwrap_err().to_string();
            assert!(error.contains(&format!("({name})")), "{error}");
            assert!(folder.path().join(name).join("photo.jpg").is_file());
        }
    }

    #[test]
    fn what_a_shrink_that_was_killed_left_is_removed() {
        let folder = TempDir::new().unwrap();
        let killed = std::mem::ManuallyDrop::new(Place::new(folder.path()).unwrap());
        let trial = killed.trial("its scenario").unwrap();
        trial.open_log().unwrap();
        killed.hold().unwrap();
        killed.trial("another").unwrap();
        assert_eq!(names(folder.path()), [SEEN, TRIAL]);
        let next = Place::new(folder.path()).unwrap();
        assert!(names(folder.path()).is_empty());
        drop(next);
    }
}
