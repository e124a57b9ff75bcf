//! From the text of a scenario and the flags beside it to what it means, or to every problem at once.
//!
//! The way: text becomes a tree (`document`), flags change the tree ([`crate::overrides`]), the tree is read into
//! the types of the file ([`crate::spec`]), and those are resolved ([`crate::scenario`]). Each stage reports all it finds;
//! only YAML that is no YAML stops the ones after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalogue;
use crate::document::{Document, Node, Origin, Text, parse_document, recover};
use crate::knowledge::Knowledge;
use crate::overrides::Overrides;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::scenario::{Checker, Scenario, resolve};
use crate::spec::ScenarioSpec;
use crate::suggest::nearest;

/// The text of a scenario and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What people call it: the path as typed, or the name in the catalogue.
    pub name: String,
    /// The YAML.
    pub text: String,
    /// Where relative paths in it start.
    pub directory: PathBuf,
}

/// Scenario files are written by hand; a larger one is another kind of file.
const FILE_BYTES_MAX: u64 = 4 << 20;

impl Source {
    /// What a person means by `name`: a scenario of the catalogue if there is one of that name, else a file.
    ///
    /// # Errors
    /// Neither exists, or the file cannot be read as text.
    pub fn find(name: &str) -> Result<Self, Problems> {
        match catalogue::find(name) {
            Some(entry) => Ok(entry.source()),
            None => Self::read(Path::new(name)),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file does not exist, cannot be read, is no UTF-8 or is larger than 4 MiB.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let name = path.display().to_string();
        let length = std::fs::metadata(path).map(|metadata| metadata.len());
        if length.is_ok_and(|length| length > FILE_BYTES_MAX) {
            let problem = Problem::new(&name, &"".into(), 0..0, ProblemKind::InvalidValue);
            return Err(problem.message(format!("{name} is larger than 4 MiB and so no scenario")).into());
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&name, &error))?;
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self { name, text, directory })
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Problems {
    if error.kind() == std::io::ErrorKind::InvalidData {
        let problem = Problem::new(name, &"".into(), 0..0, ProblemKind::InvalidValue);
        return problem.message(format!("{name} is not text in UTF-8 and so no scenario")).into();
    }
    let known: Vec<&str> = catalogue::entries().iter().map(|entry| entry.name).collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("give a file, or a scenario of the catalogue: {}", known.join(", ")),
    };
    let problem = Problem::new(name, &"".into(), 0..0, ProblemKind::MissingFile);
    problem.message(format!("cannot read {name}: {error}")).hint(hint).into()
}

/// What changes or permits something beside the file.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Flags and environment variables that change the scenario.
    pub overrides: Overrides,
    /// Hosts beyond loopback that traffic may go to (`--allow-remote HOST`).
    pub allow_remote: Vec<String>,
    /// Who is asked what this crate does not know; without it, a scenario may pass here that cannot be run.
    pub knowledge: Option<&'static dyn Knowledge>,
}

/// Loads a scenario.
///
/// # Errors
/// Every problem in the text and the flags, each with file or flag, line, column, field and a hint.
pub fn load(source: &Source, options: &LoadOptions) -> Result<Scenario, Problems> {
    load_document(source, options).map(|(scenario, _)| scenario)
}

/// The same, with the tree that it was read from, flags applied.
pub(crate) fn load_document(source: &Source, options: &LoadOptions) -> Result<(Scenario, Document), Problems> {
    let mut problems = Vec::new();
    let text = Text { name: source.name.clone(), text: Arc::from(source.text.as_str()), origin: Origin::File };
    let (root, errors) = parse_document(&text.text, 0);
    let parsed = root.is_some();
    let root = root.unwrap_or_else(|| Node::empty_map(crate::document::Place { text: 0, start: 0, end: 0 }));
    let mut document = Document { texts: vec![text], root };
    problems.extend(
        errors
            .into_iter()
            .map(|error| document.problem(error.place, ProblemKind::Syntax).message(error.message).hint(error.hint)),
    );
    let scenario = if parsed { read(&mut document, source, options, &mut problems) } else { None };
    match (scenario, Problems::from_list(problems, &source.name)) {
        (Some(scenario), None) => Ok((scenario, document)),
        (_, Some(problems)) => Err(problems),
        // Whatever leaves a hole reports it; this arm keeps a slip in that rule from passing silently.
        (None, None) => Err(Problem::new(&source.name, &source.text.as_str().into(), 0..0, ProblemKind::InvalidValue)
            .message("the scenario cannot be understood")
            .into()),
    }
}

fn read(
    document: &mut Document,
    source: &Source,
    options: &LoadOptions,
    problems: &mut Vec<Problem>,
) -> Option<Scenario> {
    if document.root.is_null() {
        let hint = "`spanproof scenario show quickstart` prints one to start from";
        let place = document.root.place;
        problems.push(document.problem(place, ProblemKind::MissingField).message("the file is empty").hint(hint));
        return None;
    }
    options.overrides.apply(document, problems);
    let spec: ScenarioSpec = recover(document, problems)?;
    let mut checker = Checker {
        document,
        directory: &source.directory,
        allow_remote: &options.allow_remote,
        knowledge: options.knowledge,
        problems: Vec::new(),
    };
    let scenario = resolve(&spec, &mut checker);
    problems.append(&mut checker.problems);
    scenario
}
