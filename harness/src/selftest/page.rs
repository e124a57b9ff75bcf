//! The table in words, for `--list` and for `docs/selftest.md`, as Markdown or as data.

use super::case::{Behind, Case, Counted, Expected, Source, Traffic};
use serde::Serialize;
use std::fmt::Write;

/// A case in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub case: &'static str,
    /// What is planted.
    pub planted: String,
    /// The verdict that must come.
    pub verdict: String,
    /// The findings that must come.
    pub findings: String,
    /// Which of them are held against what the defect says that it touched.
    pub counted: String,
    /// What it shows.
    pub shows: &'static str,
    /// What must come behind a collector.
    pub behind: String,
}

/// The table, a row a case.
pub fn rows(cases: &[Case]) -> Vec<Row> {
    let row = |case: &Case| Row {
        case: case.name,
        planted: planted(case),
        verdict: case.expected.verdict().to_string(),
        findings: findings(&case.expected),
        counted: counted(case),
        shows: case.shows,
        behind: behind(case),
    };
    cases.iter().map(row).collect()
}

/// The table as Markdown.
pub fn page(cases: &[Case]) -> String {
    let mut text =
        String::from("| case | planted | verdict | findings | counted | what it shows | behind a collector |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for Row { case, planted, verdict, findings, counted, shows, behind } in rows(cases) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| `{case}` | {planted} | {verdict} | {findings} | {counted} | {shows} | {behind} |");
    }
    text
}

fn planted(case: &Case) -> String {
    match case.source {
        Source::Altered { of, .. } => format!("the evidence of `{of}`, altered"),
        Source::Run { plant: "", traffic: Traffic::AllAnomalies | Traffic::Padded, .. } => "nothing".to_owned(),
        Source::Run { plant: "", .. } => "no defect".to_owned(),
        Source::Run { plant, .. } => format!("`{plant}`"),
    }
}

fn findings(expected: &Expected) -> String {
    let quoted = |ids: &[&str], suffix: &str| ids.iter().map(|id| format!("`{id}`{suffix}")).collect::<Vec<_>>();
    let fields = expected.fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
    let mut all: Vec<String> = quoted(expected.failing, "");
    for id in all.iter_mut().filter(|id| *id == "`corrupted`") {
        let _ = write!(id, " in {fields}");
    }
    all.extend(quoted(expected.open, " (inconclusive)"));
    all.extend(quoted(expected.may_come, " (it may stay away)"));
    all.extend(quoted(expected.told, " (told)"));
    all.extend(expected.limit.map(|(text, verdict)| format!("limit `{text}`: {verdict}")));
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// Which findings count what the defect says that it touched.
fn counted(case: &Case) -> String {
    let sum = |ids: &&[&str]| ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" + ");
    match case.counted {
        Counted::NoDefect => "no defect".to_owned(),
        Counted::Each => "each".to_owned(),
        Counted::Sums(sums) => sums.iter().map(sum).collect::<Vec<_>>().join(", "),
        Counted::Not(why) => format!("no: {why}"),
    }
}

fn behind(case: &Case) -> String {
    match case.behind {
        Behind::Same => "the same".to_owned(),
        Behind::Differs(expected, why) if case.not_visible(&expected).is_some() => format!("not visible: {why}"),
        Behind::Differs(expected, why) => format!("{}, {}: {why}", expected.verdict(), findings(&expected)),
        Behind::Untried(why) => format!("not tried: {why}"),
        Behind::Only(why) => format!("only there: {why}"),
    }
}
