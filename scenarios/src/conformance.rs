//! What OTLP asks of those who speak it: the table of requirements that a conformance run judges by.
//!
//! The table is data, `conformance/requirements.toml`, and the one source of what `spanproof conformance list` prints, of
//! docs/conformance.md and of the names in reports. [`Table::embedded`] is the way in. Nothing here knows how a requirement is tried.

mod page;
mod problem;
mod read;
mod requirement;
pub mod select;

pub use problem::{Problem, Problems, What};
pub use requirement::{Feature, Level, Need, Requirement, Side, Version, Wording};

use std::collections::BTreeMap;

/// The release of OTLP that the table stands for.
pub const SPECIFICATION: Version = Version { major: 1, minor: 11, patch: 0 };

const EMBEDDED: &str = include_str!("../conformance/requirements.toml");

/// The requirements, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    requirements: Vec<Requirement>,
}

impl Table {
    /// The table that is built in.
    ///
    /// # Errors
    ///
    /// [`Problems`], which a test of this module excludes.
    pub fn embedded() -> Result<Self, Problems> {
        Self::read(EMBEDDED)
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of its lines.
    pub fn read(text: &str) -> Result<Self, Problems> {
        read::read(text).map(|requirements| Self { requirements })
    }

    /// All of them.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// The requirement with this id.
    pub fn find(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|requirement| requirement.id == id)
    }

    /// How many there are of each level, as [`Level::ALL`] has them.
    pub fn levels(&self) -> BTreeMap<Level, usize> {
        let mut levels = BTreeMap::new();
        for requirement in &self.requirements {
            *levels.entry(requirement.level()).or_insert(0) += 1;
        }
        levels
    }

    /// The table as Markdown, a section a group. `state` says of an id in what state its trial is.
    pub fn page(&self, state: impl Fn(&str) -> String) -> String {
        page::page(&self.requirements, &state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read_whole() {
        let table = Table::embedded().unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(table.requirements().len(), 251);
        assert_eq!(table.levels().values().sum::<usize>(), 251);
        let odd = table.find("RETRY-02").unwrap();
        assert_eq!((odd.level(), odd.wording), (Level::Must, Wording::ClassShouldResendMustNot));
        assert_eq!(table.find("SIZE-03").unwrap().since, SPECIFICATION);
        assert!(table.find("HTTP-99").is_none());
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_and_where() {
        let text = r#"
[[requirement]]
id = "http-1"
group = "HTTP"
since = "one"
level = "MUSTY"
side = "receiver"
needs = ["wire", "luck"]
profile = 3
stimulus = "a"
pass = ""
source = "S"
colour = "red"

[[requirement]]
id = "HTTP-02"
group = "HTTP"
since = "1.0.0"
level = "MUST"
side = "receiver"
needs = []
profile = []
stimulus = "a"
pass = "b"
fail = "c"
source = "S"

[[requirement]]
id = "HTTP-02"
group = "HTTP"
since = "1.12.0"
level = "MUST"
side = "receiver"
needs = ["wire"]
profile = []
stimulus = "a"
pass = "b"
fail = "c"
source = "S"

[other]
"#;
        insta::assert_snapshot!(Table::read(text).unwrap_err());
        assert!(Table::read("[[requirement").is_err());
        assert!(Table::read("").is_err(), "an empty table asks for nothing");
    }

    #[test]
    fn the_page_has_a_row_for_each_and_no_cell_breaks_it() {
        let table = Table::embedded().unwrap();
        let page = table.page(|id| format!("case of {id}"));
        let rows = page.lines().filter(|line| line.starts_with("| <a")).collect::<Vec<_>>();
        assert_eq!(rows.len(), 251);
        // Nine bars that are not escaped make eight cells.
        let bars = |row: &str| row.replace("\\|", "").matches('|').count();
        assert!(rows.iter().all(|row| bars(row) == 9), "{:?}", rows.iter().find(|row| bars(row) != 9));
    }
}
