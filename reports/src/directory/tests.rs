//! Directories written, read, broken and rendered again.

use super::*;
use crate::result::samples::{failing, hostile, passing};

const LOG: &str = "#[Histogram log format version 1.3]\nTag=intended_to_delivered,0.000,1.000,1.000,x\n\
                   Tag=actual_to_acknowledged,0.000,1.000,1.000,y\n";

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names = entries.collect::<Vec<_>>();
    names.sort();
    names
}

fn overwrite(directory: &Path, change: impl FnOnce(String) -> String) {
    let path = directory.join(RESULT);
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

#[test]
fn a_directory_holds_every_artefact_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("runs/one");
    let written = write(&directory, &failing(), Some(LOG)).unwrap();
    assert_eq!(names(&directory), [JUNIT, LATENCY_LOG, REPORT, RESULT, SUMMARY]);
    assert_eq!(written.last(), Some(&directory.join(RESULT)));
    assert_eq!(load(&directory).unwrap(), failing());
    assert_eq!(fs::read_to_string(directory.join(LATENCY_LOG)).unwrap(), LOG);
}

#[test]
fn hostile_text_survives_the_way_to_the_disk_and_back() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &hostile(), None).unwrap();
    assert_eq!(load(directory.path()).unwrap(), hostile());
    assert!(!directory.path().join(LATENCY_LOG).exists());
}

#[test]
fn a_withheld_series_is_not_in_the_log_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut result = passing();
    result.withhold_times("the driver was the limit");
    write(directory.path(), &result, Some(LOG)).unwrap();
    let log = fs::read_to_string(directory.path().join(LATENCY_LOG)).unwrap();
    assert_eq!(log, "#[Histogram log format version 1.3]\n");
}

#[test]
fn rendering_again_makes_the_same_files_and_leaves_the_result_alone() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &failing(), Some(LOG)).unwrap();
    let rendered = [SUMMARY, JUNIT, REPORT];
    let before = rendered.map(|name| fs::read_to_string(directory.path().join(name)).unwrap());
    rendered.iter().for_each(|name| fs::remove_file(directory.path().join(name)).unwrap());
    assert_eq!(render_again(directory.path()).unwrap().len(), 3);
    assert_eq!(rendered.map(|name| fs::read_to_string(directory.path().join(name)).unwrap()), before);
    assert_eq!(names(directory.path()).len(), 5);
}

#[test]
fn broken_results_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path();
    let message = |dir: &Path| load(dir).unwrap_err().to_string().replace(&dir.display().to_string(), "DIR");
    let mut messages = vec![message(dir)];
    write(dir, &passing(), None).unwrap();
    overwrite(dir, |text| text.replace("spanproof.result/1", "spanproof.result/9"));
    messages.push(message(dir));
    overwrite(dir, |text| text[..text.len() / 2].to_owned());
    messages.push(message(dir));
    overwrite(dir, |_| String::new());
    messages.push(message(dir));
    overwrite(dir, |_| "[1]".to_owned());
    messages.push(message(dir));
    overwrite(dir, |_| r#"{"schema": "spanproof.result/1", "seed": -1}"#.to_owned());
    messages.push(message(dir));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn no_cut_of_a_result_is_ever_read() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &failing(), None).unwrap();
    let whole = fs::read_to_string(directory.path().join(RESULT)).unwrap();
    // The last two bytes are the closing brace and a line feed.
    let points = whole.match_indices('.').map(|(at, _)| at + 1);
    for length in (0..whole.len() - 2).step_by(97).chain(points).chain([whole.len() - 2]) {
        overwrite(directory.path(), |_| whole[..length].to_owned());
        assert!(matches!(load(directory.path()), Err(LoadError::Truncated { .. })), "{length}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write(&file.join("out"), &passing(), None).unwrap_err().to_string();
    assert!(error.contains(&file.join("out").display().to_string()), "{error}");
}

#[test]
fn a_prepared_directory_is_empty_and_a_hopeless_one_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    prepare(&parent.path().join("a/b")).unwrap();
    assert_eq!(names(&parent.path().join("a/b")), Vec::<String>::new());
    fs::write(parent.path().join("file"), "").unwrap();
    assert!(prepare(&parent.path().join("file")).is_err());
}

#[test]
fn a_failed_write_leaves_no_temporary_file() {
    let directory = tempfile::tempdir().unwrap();
    // A directory in the artefact's place makes the rename fail.
    fs::create_dir(directory.path().join(SUMMARY)).unwrap();
    assert!(write_file(directory.path(), SUMMARY, "x").is_err());
    assert_eq!(names(directory.path()), [SUMMARY]);
}

#[test]
fn staged_artefacts_have_no_names_before_they_are_published_and_leave_nothing_if_they_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let staged = stage(directory.path(), &passing()).unwrap();
    assert_eq!(
        load(directory.path()).unwrap_err().to_string(),
        LoadError::Missing { directory: directory.path().to_owned() }.to_string()
    );
    assert!(names(directory.path()).iter().all(|name| name.starts_with('.') && name.ends_with(".tmp")));
    drop(staged);
    assert_eq!(names(directory.path()), [""; 0]);
    let published = stage(directory.path(), &passing()).unwrap().publish().unwrap();
    assert_eq!(published.last(), Some(&directory.path().join(RESULT)));
    assert_eq!(names(directory.path()), [JUNIT, REPORT, RESULT, SUMMARY]);
}

#[test]
fn a_name_that_cannot_be_had_stops_publishing_before_the_result_and_leaves_no_temporary_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(REPORT)).unwrap();
    let error = stage(directory.path(), &passing()).unwrap().publish().unwrap_err();
    assert!(error.to_string().contains(REPORT), "{error}");
    assert_eq!(names(directory.path()), [JUNIT, REPORT, SUMMARY]);
}
