//! The suite in words: what `spanproof conformance list` prints, and the table in docs/conformance.md.

use super::not_yet::{NOT_YET, Waiting};
use super::registry::{self, Case};
use serde::Serialize;
use spanproof_scenarios::conformance::{Requirement, Table, select};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A requirement with what tries it.
#[derive(Debug, Serialize)]
pub struct Row<'t> {
    /// The requirement.
    pub requirement: &'t Requirement,
    /// What breaking it amounts to.
    pub level: &'static str,
    /// Its cases.
    pub cases: Vec<&'static str>,
    /// What it waits for where it has none.
    pub waits_for: Option<&'static str>,
}

/// The requirements that patterns mean, by their own id or by a case of theirs.
pub fn rows<'t>(table: &'t Table, patterns: &[String]) -> Vec<Row<'t>> {
    let cases = cases();
    let rows = table.requirements().iter().map(|requirement| Row {
        requirement,
        level: requirement.level().name(),
        cases: cases.get(requirement.id.as_str()).cloned().unwrap_or_default(),
        waits_for: waiting(&requirement.id).map(|waiting| waiting.why.name()),
    });
    let is_meant = |row: &Row<'_>| {
        select::any_means(patterns, &row.requirement.id)
            || row.cases.iter().any(|case| select::any_means(patterns, case))
    };
    rows.filter(is_meant).collect()
}

/// The list for people: a line a requirement, then what has no case yet, and the sum.
pub fn text(rows: &[Row<'_>]) -> String {
    let mut text = String::new();
    for Row { requirement, level, cases, waits_for } in rows {
        let tried = if cases.is_empty() { "-".to_owned() } else { cases.join(" ") };
        let since = requirement.since;
        // Writing to a string does not fail, here and below.
        let _ = writeln!(text, "{:<11} {level:<6} {:<21} {since:<7} {tried}", requirement.id, requirement.side);
        let _ = writeln!(text, "            {}", requirement.stimulus);
        if let Some(why) = waits_for {
            let _ = writeln!(text, "            not yet: {why}");
        }
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        if let Some(why) = row.waits_for {
            reasons.entry(why).or_default().push(&row.requirement.id);
        }
    }
    for (why, ids) in &reasons {
        let _ = writeln!(text, "\n{} without a case, since {why}: {}", ids.len(), ids.join(" "));
    }
    let without: usize = reasons.values().map(Vec::len).sum();
    let cases: usize = rows.iter().map(|row| row.cases.len()).sum();
    let _ = writeln!(
        text,
        "\n{} requirements: {} with a case, {without} without; {cases} cases",
        rows.len(),
        rows.len() - without
    );
    text
}

/// The generated part of docs/conformance.md.
pub fn page(table: &Table) -> String {
    let cases = cases();
    let (all, without) = (table.requirements().len(), NOT_YET.len());
    let levels = table.levels().iter().map(|(level, count)| format!("{count} {level}")).collect::<Vec<_>>().join(", ");
    let number: usize = cases.values().map(Vec::len).sum();
    let state = |id: &str| match cases.get(id) {
        Some(cases) => cases.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(" "),
        None => waiting(id).map_or("none", |waiting| waiting.why.name()).to_owned(),
    };
    format!(
        "{all} requirements ({levels}): {} have a case, {without} have none yet; {number} cases.\n\n{}",
        all - without,
        table.page(state)
    )
}

fn cases() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut cases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in registry::all() {
        cases.entry(Case::requirement(&case)).or_default().push(case.id);
    }
    cases
}

fn waiting(id: &str) -> Option<&'static Waiting> {
    NOT_YET.iter().find(|waiting| waiting.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// What the generated part of the page stands between.
    const BEGIN: &str = "<!-- generated: UPDATE_DOCS=1 and the tests of conformance::page -->\n";
    const END: &str = "<!-- end of what is generated -->\n";

    #[test]
    fn the_page_in_the_docs_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let wanted = page(&Table::embedded().unwrap());
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (there, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        } else {
            assert!(there == wanted, "docs/conformance.md is not what the table says; UPDATE_DOCS=1 writes it anew");
        }
    }

    #[test]
    fn the_list_counts_what_has_no_case() {
        let table = Table::embedded().unwrap();
        let all = text(&rows(&table, &[]));
        let sum = format!("251 requirements: {} with a case, {} without", 251 - NOT_YET.len(), NOT_YET.len());
        assert!(all.contains(&sum), "{}", all.lines().last().unwrap());
        let some = rows(&table, &["HTTP-1*".to_owned(), "GRPC-02".to_owned()]);
        assert_eq!(some.len(), 11);
        assert!(text(&some).ends_with("11 requirements: 11 with a case, 0 without; 11 cases\n"));
    }
}
