//! What those who know collectors have against a configuration, each objection in its place: in the scenario for an inline
//! one, else in the file itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checker::Checker;
use super::collector::{CollectorConfig, INLINE};
use crate::document::{FieldPath, Step};
use crate::knowledge::{ConfigPlace, ConfigText, Objection};
use crate::locate::locate;
use crate::problem::{Problem, ProblemKind};

const FILES: &str = "collector.config";

/// Asks for objections and reports them. `names` are the files as the scenario writes them.
pub(super) fn check(
    config: &CollectorConfig,
    names: &[String],
    variables: &BTreeMap<String, String>,
    checker: &mut Checker<'_>,
) {
    let Some(knowledge) = checker.knowledge else { return };
    let Some(texts) = texts(config, checker) else { return };
    if texts.is_empty() {
        return;
    }
    let is_inline = names.is_empty();
    for (place, objection) in knowledge.configuration(&texts, variables) {
        let (index, line, column) = position(&texts, &place);
        let problem = if is_inline {
            in_scenario(checker, line, column, objection)
        } else {
            in_file(checker, &texts[index.min(texts.len() - 1)], index, (line, column), objection)
        };
        checker.problems.push(problem);
    }
}

/// The texts; None after reporting one that cannot be read.
fn texts(config: &CollectorConfig, checker: &mut Checker<'_>) -> Option<Vec<ConfigText>> {
    let paths = match config {
        CollectorConfig::None => return Some(Vec::new()),
        CollectorConfig::Inline(text) => {
            return Some(vec![ConfigText { name: INLINE.to_owned(), text: text.clone() }]);
        }
        CollectorConfig::Files(paths) => paths,
    };
    let mut texts = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        match std::fs::read_to_string(path) {
            Ok(text) => texts.push(ConfigText { name: path.display().to_string(), text }),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                checker.report_element(FILES, index, ProblemKind::MissingFile, message, "");
            }
        }
    }
    (texts.len() == paths.len()).then_some(texts)
}

/// Text, line and column. Of several texts the last that has most of the keys, since later ones override.
fn position(texts: &[ConfigText], place: &ConfigPlace) -> (usize, usize, usize) {
    match place {
        ConfigPlace::At { text, line, column } => (*text, *line, *column),
        ConfigPlace::Keys(keys) => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let found = texts.iter().enumerate().filter_map(|(at, text)| Some((at, locate(&text.text, &keys)?)));
            let deepest = found.max_by_key(|(_, located)| located.depth);
            deepest.map_or((0, 1, 1), |(at, located)| (at, located.line, located.column))
        }
    }
}

fn in_scenario(checker: &Checker<'_>, line: usize, column: usize, objection: Objection) -> Problem {
    let field = FieldPath::keys(INLINE);
    let inside = checker.document.place_in_block(&field, line, column);
    let message = match inside {
        Some(_) => objection.message,
        None => format!("{} (line {line} of the configuration)", objection.message),
    };
    let place = inside.unwrap_or_else(|| checker.document.place_of(&field));
    let problem = checker.document.problem(place, ProblemKind::InvalidValue);
    problem.field(field).message(message).hint(objection.hint)
}

fn in_file(
    checker: &Checker<'_>,
    text: &ConfigText,
    index: usize,
    (line, column): (usize, usize),
    objection: Objection,
) -> Problem {
    let lines_before: usize = text.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let written = text.text[lines_before..].lines().next().unwrap_or_default();
    let inside = written.char_indices().nth(column.saturating_sub(1)).map_or(written.len(), |(at, _)| at);
    let span = lines_before + inside..lines_before + written.len();
    let list = FieldPath::keys(FILES);
    let field = list.then(Step::Index(checker.document.element_index(&list, index)));
    let source = Arc::from(text.text.as_str());
    let problem = Problem::new(&text.name, &source, span, ProblemKind::InvalidValue);
    problem.field(field).message(objection.message).hint(objection.hint)
}
