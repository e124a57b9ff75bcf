//! A fault that somebody switches on by hand: read from a flag or a request, where it stands alone or with a name and a share.

use super::checker::Checker;
use crate::document::{Content, Document, Entry, Node, Origin, Place, SyntaxError, Text, parse_document, recover};
use crate::problem::{Problem, ProblemKind, Problems};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;

/// Reads one, of which `resolve` says what it means if nothing is wrong. `source` is what people call the text.
///
/// # Errors
/// Every problem in it.
pub(super) fn read<Spec: DeserializeOwned, Switch>(
    source: &str,
    text: &str,
    resolve: impl FnOnce(&Spec, &mut Checker<'_>) -> Option<Switch>,
) -> Result<Switch, Problems> {
    let shown = Text { name: source.to_owned(), text: Arc::from(text), origin: Origin::Flag };
    let (root, errors) = parse_document(text, 0);
    let root = root.unwrap_or_else(|| Node::empty_map(Place { text: 0, start: 0, end: text.len() }));
    let mut document = Document { texts: vec![shown], root: behind_fault(root) };
    let syntax =
        |SyntaxError { place, message, hint }| document.problem(place, ProblemKind::Syntax).message(message).hint(hint);
    let mut problems: Vec<Problem> = errors.into_iter().map(syntax).collect();
    let spec: Option<Spec> = problems.is_empty().then(|| recover(&mut document, &mut problems)).flatten();
    let mut checker = Checker {
        document: &document,
        directory: Path::new(""),
        allow_remote: &[],
        knowledge: None,
        problems: Vec::new(),
    };
    let switch = spec.and_then(|spec| resolve(&spec, &mut checker));
    problems.append(&mut checker.problems);
    match (switch, Problems::from_list(problems, source)) {
        (Some(switch), None) => Ok(switch),
        (_, Some(problems)) => Err(problems),
        (None, None) => Err(Problem::of_flag(source, text, "this cannot be understood", "").into()),
    }
}

/// What stands alone is what happens.
fn behind_fault(root: Node) -> Node {
    let is_whole = matches!(&root.content, Content::Map(entries) if entries.iter().any(|entry| entry.key == "fault"));
    if is_whole || matches!(&root.content, Content::Map(entries) if entries.is_empty()) || root.is_null() {
        return root;
    }
    let place = root.place;
    Node::new(place, Content::Map(vec![Entry { key: "fault".to_owned(), key_place: place, value: root }]))
}
