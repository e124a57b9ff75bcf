//! From the text of the table to requirements, or to everything that is wrong with it.

use super::SPECIFICATION;
use super::problem::{Problem, Problems, What};
use super::requirement::{Feature, Need, Requirement, Side, Version, Wording};
use std::collections::HashMap;
use toml_edit::{Document, Item, Table, Value};

const KEYS: [&str; 11] =
    ["id", "group", "since", "level", "side", "needs", "profile", "stimulus", "pass", "fail", "source"];

pub(super) fn read(text: &str) -> Result<Vec<Requirement>, Problems> {
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Problems(vec![Problem { line, id: None, what: What::Syntax(error.message().to_owned()) }])
    })?;
    let mut reader = Reader { text, problems: Vec::new() };
    for (key, item) in document.iter().filter(|(key, _)| *key != "requirement") {
        let line = reader.line(item.span());
        reader.problems.push(Problem { line, id: None, what: What::UnknownKey(key.to_owned()) });
    }
    let rows = document.get("requirement").and_then(Item::as_array_of_tables);
    let rows = rows.map(|rows| rows.iter().collect::<Vec<_>>()).unwrap_or_default();
    if rows.is_empty() {
        reader.problems.push(Problem { line: 1, id: None, what: What::Empty });
    }
    let mut requirements = Vec::new();
    // By id the line of the first, whatever else is wrong with it.
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        let line = reader.line(row.span());
        if let Some(id) = row.get("id").and_then(Item::as_str) {
            if let Some(first) = ids.get(id) {
                reader.problems.push(Problem { line, id: Some(id.to_owned()), what: What::Twice(*first) });
            }
            ids.entry(id).or_insert(line);
        }
        requirements.extend(reader.row(row, line));
    }
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(requirements) } else { Err(Problems(problems)) }
}

/// Reads rows and notes what is wrong.
struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

/// A row that is being read.
struct Row<'t> {
    table: &'t Table,
    line: usize,
    id: Option<String>,
}

impl Reader<'_> {
    fn row(&mut self, table: &Table, line: usize) -> Option<Requirement> {
        let id = table.get("id").and_then(Item::as_str).map(str::to_owned);
        let row = Row { table, line, id };
        for (key, item) in table.iter().filter(|(key, _)| !KEYS.contains(key)) {
            self.say(&row, Some(item), What::UnknownKey(key.to_owned()));
        }
        let id = self.id(&row);
        let group = self.text(&row, "group");
        let since = self.since(&row);
        let wording =
            self.text(&row, "level").and_then(|word| self.word(&row, "level", word, Wording::ALL, Wording::name));
        let side = self.text(&row, "side").and_then(|word| self.word(&row, "side", word, Side::ALL, Side::name));
        let needs = self.words(&row, "needs", Need::ALL, Need::name);
        let profile = self.words(&row, "profile", Feature::ALL, Feature::name);
        if needs.as_ref().is_some_and(Vec::is_empty) {
            self.say(&row, table.get("needs"), What::Blank("needs"));
        }
        let [stimulus, pass, fail, source] = ["stimulus", "pass", "fail", "source"].map(|key| self.text(&row, key));
        Some(Requirement {
            id: id?,
            group: group?,
            since: since?,
            wording: wording?,
            side: side?,
            needs: needs?,
            profile: profile?,
            stimulus: stimulus?,
            pass: pass?,
            fail: fail?,
            source: source?,
        })
    }

    fn id(&mut self, row: &Row<'_>) -> Option<String> {
        let id = self.text(row, "id")?;
        let is_one = id.split_once('-').is_some_and(|(group, number)| {
            let capitals = !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_uppercase());
            capitals && number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !is_one {
            self.say(row, row.table.get("id"), What::Id);
        }
        is_one.then_some(id)
    }

    fn since(&mut self, row: &Row<'_>) -> Option<Version> {
        let text = self.text(row, "since")?;
        let what = match Version::read(&text) {
            Some(version) if version <= SPECIFICATION => return Some(version),
            Some(_) => What::Later(text),
            None => What::Since(text),
        };
        self.say(row, row.table.get("since"), what);
        None
    }

    fn text(&mut self, row: &Row<'_>, key: &'static str) -> Option<String> {
        let item = self.item(row, key)?;
        let Some(text) = item.as_str() else {
            self.say(row, Some(item), What::Type { key, wanted: "a text", is: item.type_name() });
            return None;
        };
        if text.trim().is_empty() {
            self.say(row, Some(item), What::Blank(key));
            return None;
        }
        Some(text.to_owned())
    }

    fn words<W: Copy>(
        &mut self,
        row: &Row<'_>,
        key: &'static str,
        all: &[W],
        name: fn(W) -> &'static str,
    ) -> Option<Vec<W>> {
        let item = self.item(row, key)?;
        let Some(array) = item.as_array() else {
            self.say(row, Some(item), What::Type { key, wanted: "a list of texts", is: item.type_name() });
            return None;
        };
        let words = array.iter().map(|value: &Value| {
            let Some(word) = value.as_str() else {
                self.say(row, Some(item), What::Type { key, wanted: "a list of texts", is: "a list of other things" });
                return None;
            };
            self.word(row, key, word.to_owned(), all, name)
        });
        words.collect::<Vec<_>>().into_iter().collect()
    }

    fn word<W: Copy>(
        &mut self,
        row: &Row<'_>,
        key: &'static str,
        word: String,
        all: &[W],
        name: fn(W) -> &'static str,
    ) -> Option<W> {
        let found = all.iter().copied().find(|one| name(*one) == word);
        if found.is_none() {
            let known = all.iter().copied().map(name).collect();
            self.say(row, row.table.get(key), What::Word { key, word, known });
        }
        found
    }

    fn item<'r>(&mut self, row: &Row<'r>, key: &'static str) -> Option<&'r Item> {
        let item = row.table.get(key);
        if item.is_none() {
            self.say(row, None, What::Missing(key));
        }
        item
    }

    /// Notes a problem where the item stands, else at the beginning of the row.
    fn say(&mut self, row: &Row<'_>, item: Option<&Item>, what: What) {
        let line = item.and_then(Item::span).map_or(row.line, |span| line_of(self.text, span.start));
        self.problems.push(Problem { line, id: row.id.clone(), what });
    }

    fn line(&self, span: Option<std::ops::Range<usize>>) -> usize {
        span.map_or(1, |span| line_of(self.text, span.start))
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}
