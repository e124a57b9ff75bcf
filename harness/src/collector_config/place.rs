//! Where a setting stands: the file, line and column of what a path of keys leads to.

use serde::Serialize;
use spanproof_scenarios::locate::{Located, Locator};
use std::fmt;

/// Somewhere in the files of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Counted from 1; `None` where it cannot be told.
    pub line: Option<usize>,
    /// In characters, counted from 1; `None` where it cannot be told.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// A text that a configuration, or a part of it, was read from, and how its lines are counted in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: String,
    /// The text in which places are looked up.
    pub text: String,
    /// The keys that lead to the configuration in that text; none where it is the configuration.
    pub keys: Vec<String>,
    /// How its lines are counted.
    pub lines: Lines,
}

/// How the lines of a text are counted in the file that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// It stands there line by line.
    Each {
        /// The lines of the file before its first.
        before: usize,
        /// How far all of it is indented.
        indent: usize,
    },
    /// All of it stands in this one, in a form that has no lines of its own.
    At(usize),
}

impl Origin {
    /// A file that is a configuration.
    pub fn file(file: &str, text: &str) -> Self {
        let lines = Lines::Each { before: 0, indent: 0 };
        Self { file: file.to_owned(), text: text.to_owned(), keys: Vec::new(), lines }
    }

    /// How many of the keys stand in this text, and where the last of these does.
    fn find(&self, text: &Locator, keys: &[&str]) -> (usize, Place) {
        let path: Vec<&str> = self.keys.iter().map(String::as_str).chain(keys.iter().copied()).collect();
        let found = text.locate(&path);
        let depth = found.map_or(0, |found| found.depth.saturating_sub(self.keys.len()));
        (depth, self.place(found.filter(|_| depth > 0)))
    }

    fn place(&self, found: Option<Located>) -> Place {
        let (line, column) = match self.lines {
            Lines::At(line) => (Some(line), None),
            Lines::Each { before, indent } => {
                (found.map(|found| before + found.line), found.map(|found| indent + found.column))
            }
        };
        Place { file: self.file.clone(), line, column }
    }
}

/// The places of a configuration that was merged from some texts.
#[derive(Debug, Clone, Default)]
pub struct Places {
    origins: Vec<(Origin, Locator)>,
}

impl Places {
    /// Of these texts, merged in this order.
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        let read = |origin: Origin| {
            let text = Locator::new(&origin.text);
            (origin, text)
        };
        Self { origins: origins.into_iter().map(read).collect() }
    }

    /// The texts.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.origins.iter().map(|(origin, _)| origin)
    }

    /// Where the deepest of these keys stands; where several files have it, the last, whose value holds.
    pub fn of<Key: AsRef<str>>(&self, keys: &[Key]) -> Place {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        let found = self.origins.iter().map(|(origin, text)| origin.find(text, &keys));
        let none = || Place { file: String::new(), line: None, column: None };
        found.max_by_key(|(depth, _)| *depth).map_or_else(none, |(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(places: &Places, keys: &[&str]) -> String {
        places.of(keys).to_string()
    }

    #[test]
    fn the_last_file_that_has_a_key_is_the_place_of_its_value() {
        let first = Origin::file("a.yaml", "processors:\n  batch:\n    timeout: 1s\n  filter: {}\n");
        let second = Origin::file("b.yaml", "\n\nprocessors:\n  batch:\n    timeout: 2s\n");
        let places = Places::new([first, second]);
        assert_eq!(shown(&places, &["processors", "batch", "timeout"]), "b.yaml:5");
        assert_eq!(shown(&places, &["processors", "filter"]), "a.yaml:4");
        assert_eq!(shown(&places, &["processors", "filter", "traces"]), "a.yaml:4");
        assert_eq!(shown(&places, &["exporters"]), "b.yaml");
    }

    #[test]
    fn a_text_inside_of_a_file_is_counted_in_the_file() {
        let lines = Lines::Each { before: 10, indent: 4 };
        let block = Origin { lines, ..Origin::file("map.yaml", "processors:\n  batch:\n") };
        let place = Places::new([block.clone()]).of(&["processors", "batch"]);
        assert_eq!((place.line, place.column), (Some(12), Some(7)));
        let quoted = Origin { lines: Lines::At(3), ..block };
        assert_eq!(shown(&Places::new([quoted]), &["processors", "batch"]), "map.yaml:3");
    }

    #[test]
    fn a_tree_inside_of_a_document_is_found_below_its_keys() {
        let text = "kind: X\nspec:\n  config:\n    processors:\n      batch: {}\n";
        let keys = ["spec", "config"].map(str::to_owned).to_vec();
        let places = Places::new([Origin { keys, ..Origin::file("otc.yaml", text) }]);
        assert_eq!(shown(&places, &["processors", "batch"]), "otc.yaml:5");
        assert_eq!(shown(&places, &["service"]), "otc.yaml");
    }
}
