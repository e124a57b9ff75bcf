//! For tests: every id of a finding that the sources of the checks can make, read off the sources.
//!
//! A finding is made by `finding(ID, ..)`, or by a function that is given its id and passes it on. An id that is no literal at the place where
//! it is chosen could not be seen here, so that is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The id of each finding that is made below this folder, the tests' own left out.
pub(super) fn ids_below(folder: &Path) -> Result<BTreeSet<String>, String> {
    let sources: Vec<String> = files_below(folder).iter().map(|file| production(file)).collect();
    let makers = makers(&sources);
    let mut ids = BTreeSet::new();
    for source in &sources {
        for (maker, at) in &makers {
            for call in calls(source, maker) {
                let id = call.get(*at).map_or("", String::as_str);
                match id.strip_prefix('"').and_then(|id| id.strip_suffix('"')) {
                    Some(id) => drop(ids.insert(id.to_owned())),
                    // It is passed on, by a maker whose own calls are looked at.
                    None if id == "id" => {}
                    None => return Err(format!("`{maker}` is called with `{id}`, which is no literal")),
                }
            }
        }
    }
    Ok(ids)
}

/// Every source below a folder, but for those of tests.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// A source without the tests at its end.
fn production(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// What makes findings, and which of its parameters is the id.
fn makers(sources: &[String]) -> BTreeMap<String, usize> {
    let mut makers = BTreeMap::from([("finding".to_owned(), 0)]);
    for source in sources {
        for definition in source.split("fn ").skip(1) {
            let Some((name, rest)) = definition.split_once('(') else { continue };
            let returns_one = rest.split_once('{').is_some_and(|(head, _)| head.contains("-> Finding"));
            let at = arguments(rest).iter().position(|parameter| parameter.starts_with("id: &"));
            makers.extend(at.filter(|_| returns_one).map(|at| (name.to_owned(), at)));
        }
    }
    makers
}

/// The arguments of each call of a function; its definition is none.
fn calls(source: &str, name: &str) -> Vec<Vec<String>> {
    let opened = format!("{name}(");
    let starts = source.match_indices(&opened).filter(|(at, _)| {
        let before = &source[..*at];
        !before.ends_with("fn ") && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    });
    starts.map(|(at, _)| arguments(&source[at + opened.len()..])).collect()
}

/// What stands before the bracket that closes this, between the commas that are in no other.
fn arguments(rest: &str) -> Vec<String> {
    let (mut found, mut depth, mut in_text, mut escaped) = (vec![String::new()], 0, false, false);
    for c in rest.chars() {
        if in_text {
            (in_text, escaped) = (c != '"' || escaped, c == '\\' && !escaped);
        } else {
            match c {
                '"' => in_text = true,
                '(' | '[' | '{' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        found.last_mut().unwrap().push(c);
    }
    found.iter().map(|argument| argument.trim().to_owned()).collect()
}

/// What is found in sources like these.
fn found(files: &[(&str, &str)]) -> Result<BTreeSet<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    ids_below(folder.path())
}

fn ids(ids: &[&str]) -> Result<BTreeSet<String>, String> {
    Ok(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn ids_are_seen_wherever_they_are_chosen() {
    let files = [
        (
            "a.rs",
            "let x = finding(\"lost\", Level::Failure, f(1, 2), \"a, (b\");\n#[cfg(test)]\nfinding(\"of-a-test\")",
        ),
        ("a/deeper/b.rs", "finding(\n        \"changed\", level, 1, message)"),
        ("c.rs", "fn open(evidence: &Evidence, id: &str, count: u64) -> Finding { finding(id, level, count, m) }"),
        ("a/d.rs", "let found = open(&evidence(1, 2), \"late\", 3);"),
        ("tests.rs", "finding(\"of-tests\", level, 1, message)"),
        ("a/tests/e.rs", "finding(\"of-tests\", level, 1, message)"),
    ];
    assert_eq!(found(&files), ids(&["lost", "changed", "late"]));
}

#[test]
fn an_id_that_cannot_be_seen_is_refused() {
    let chosen = [("a.rs", "let id = if x { \"a\" } else { \"b\" };\nfinding(name, level, 1, message)")];
    assert_eq!(found(&chosen), Err("`finding` is called with `name`, which is no literal".to_owned()));
    assert_eq!(found(&[("a.rs", "no_finding(x, y)")]), ids(&[]), "that is something else");
}
