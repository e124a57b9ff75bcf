//! The table as Markdown.

use super::requirement::Requirement;
use std::fmt::Write;

const HEADING: &str =
    "| id | level | needs | what is done | what is expected | what breaks it | source, since | case |\n";

pub(super) fn page(requirements: &[Requirement], state: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut group = "";
    for requirement in requirements {
        if requirement.group != group {
            group = &requirement.group;
            // Writing to a string does not fail.
            let _ = write!(text, "\n### {group}\n\n{HEADING}|---|---|---|---|---|---|---|---|\n");
        }
        row(&mut text, requirement, &state(&requirement.id));
    }
    text.trim_start().to_owned()
}

fn row(text: &mut String, requirement: &Requirement, state: &str) {
    let Requirement { id, since, wording, side, needs, stimulus, pass, fail, source, .. } = requirement;
    let needs = needs.iter().map(|need| need.name()).collect::<Vec<_>>().join(", ");
    let cells = [
        format!("<a id=\"{}\"></a>{id}", id.to_ascii_lowercase()),
        format!("{wording}, {side}"),
        needs,
        cell(stimulus),
        cell(pass),
        cell(fail),
        format!("{}, {since}", cell(source)),
        cell(state),
    ];
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// Bars would end a cell, and what looks like a tag would be one; within backticks nothing needs to be kept apart.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for character in text.chars() {
        match character {
            '`' => {
                is_code = !is_code;
                out.push('`');
            }
            '|' => out.push_str("\\|"),
            '<' if !is_code => out.push_str("&lt;"),
            '*' | '_' if !is_code => out.extend(['\\', character]),
            '\n' => out.push(' '),
            character => out.push(character),
        }
    }
    out
}
