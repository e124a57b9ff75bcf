//! Reading on after an error: the node that failed is reported and set aside, and the reading begins again.
//!
//! Every round sets one more node aside, so the rounds are bounded by the nodes; scenarios are small, so that the square
//! of that is small too. What remains is read into the typed value, and later checks see the failed fields as absent.

use serde::de::DeserializeOwned;

use super::read_error::{Fault, ReadError};
use super::reader::Reader;
use super::{Content, Document, FieldPath, Place, Step, shortened};
use crate::problem::{Problem, ProblemKind};
use crate::suggest::{alternatives, hint_for, nearest};

/// Reads a `T` with every problem on the way. None when the root itself is of the wrong type.
pub(crate) fn recover<T: DeserializeOwned>(document: &mut Document, problems: &mut Vec<Problem>) -> Option<T> {
    loop {
        let error = match T::deserialize(Reader(Some(&document.root))) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let path = error.path();
        problems.extend(describe(document, &path, error));
        if path.steps().is_empty() || !document.fail(&path) {
            return None;
        }
    }
}

fn describe(document: &Document, path: &FieldPath, error: ReadError) -> Option<Problem> {
    let place = if error.at_key { key_place(document, path) } else { document.place_of(path) };
    let problem = |place, kind| document.problem(place, kind).field(path);
    Some(match error.fault {
        Fault::UnknownField { name, known } => problem(place, ProblemKind::UnknownField)
            .message(format!("unknown field `{}`", shortened(&name)))
            .hint(field_hint(&name, known)),
        Fault::UnknownName { name, known } => problem(place, ProblemKind::UnknownName)
            .message(format!("`{}` is not known, expected {}", shortened(&name), alternatives(known.iter().copied())))
            .hint(name_hint(&name, known)),
        Fault::Missing(name) => {
            let field = path.then(Step::Key(name.to_owned()));
            if document.has_failed(&field) {
                return None;
            }
            problem(place, ProblemKind::MissingField).message(format!("`{name}` is missing")).field(field)
        }
        Fault::WrongType { expected, hint } => {
            let found = document.find(path).map_or_else(|| "nothing".to_owned(), super::Node::described);
            problem(place, ProblemKind::WrongType).message(format!("expected {expected}, found {found}")).hint(hint)
        }
        Fault::Value(error) => {
            let place = inside_scalar(document, path, error.at).unwrap_or(place);
            problem(place, ProblemKind::InvalidValue).message(error.message).hint(error.hint)
        }
        Fault::Consequence => return None,
    })
}

/// Fields of scenarios that other versions of this program understand, so that nobody hunts for a slip of the fingers.
const LATER: [&str; 4] = ["expect", "promises", "container", "exporters"];

fn later_hint(name: &str) -> Option<String> {
    LATER.contains(&name).then(|| format!("this version of spanproof does not know `{name}` yet; remove it"))
}

/// The message of an unknown name lists all choices, so the hint need not.
fn name_hint(name: &str, known: &[&str]) -> String {
    let near = || nearest(name, known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
    later_hint(name).or_else(near).unwrap_or_else(|| "write one of these".to_owned())
}

fn field_hint(name: &str, known: &[&str]) -> String {
    if let Some(hint) = later_hint(name) {
        return hint;
    }
    if name == "<<" {
        return "merge keys are not understood; use an alias or write the fields out".to_owned();
    }
    hint_for(name, known)
}

fn key_place(document: &Document, path: &FieldPath) -> Place {
    let parent = path.steps().split_last().and_then(|(last, parents)| {
        let Step::Key(key) = last else { return None };
        let parent = document.find(&FieldPath::new(parents.to_vec()))?;
        let Content::Map(entries) = &parent.content else { return None };
        entries.iter().find(|entry| entry.key == *key).map(|entry| entry.key_place)
    });
    parent.unwrap_or_else(|| document.place_of(path))
}

/// The place `at` bytes into the text of a scalar; None when the text is not written out literally (escapes, folding).
pub(crate) fn inside_scalar(document: &Document, path: &FieldPath, at: usize) -> Option<Place> {
    let node = document.find(path)?;
    let Content::Scalar { text, plain } = &node.content else { return None };
    let start = node.place.start + usize::from(!plain);
    let written = document.texts.get(node.place.text)?.text.get(start..start + text.len())?;
    (written == text).then(|| Place { start: start + at, end: start + text.len(), ..node.place })
}
