//! A conformance run as Markdown, for a step summary: the sum, then what did not pass with its wire trace folded away.

use super::Suite;
use super::finding::Finding;
use super::verdict::Verdict;
use crate::plain_text::one_line;
use std::fmt::Write;

/// The longest text from outside.
const TEXT_MAX: usize = 600;

/// So many findings are described; a page that is too long is refused by those who show it.
const FINDINGS_MAX: usize = 100;

/// So many lines of a trace.
const WIRE_MAX: usize = 40;

/// The page.
pub fn markdown(suite: &Suite) -> String {
    let mut text = String::from("# OTLP conformance\n\n");
    // Writing to a string does not fail, here and below.
    let _ = writeln!(text, "{} in {:.1} s.\n", suite.tally().text(), suite.seconds);
    about(&mut text, suite);
    let loud = [Verdict::Fail, Verdict::Error, Verdict::Warn].into_iter().flat_map(|verdict| suite.with(verdict));
    let loud = loud.collect::<Vec<_>>();
    for finding in loud.iter().take(FINDINGS_MAX) {
        section(&mut text, finding);
    }
    if let Some(more @ 1..) = loud.len().checked_sub(FINDINGS_MAX) {
        let _ = writeln!(text, "\nand {more} more.");
    }
    table(&mut text, suite);
    if !suite.without_case.is_empty() {
        let (count, names) = (suite.without_case.len(), suite.without_case.join(", "));
        let _ = writeln!(text, "\n{count} requirements have no case yet: {}", escape(&names, usize::MAX));
    }
    text
}

fn about(text: &mut String, suite: &Suite) {
    let _ = writeln!(text, "- specification: {}", escape(&suite.about.specification, TEXT_MAX));
    for (name, value) in &suite.about.target {
        let _ = writeln!(text, "- {}: {}", escape(name, TEXT_MAX), escape(value, TEXT_MAX));
    }
    let _ = writeln!(text, "- seed: {}", suite.about.seed);
    for remark in &suite.remarks {
        let _ = writeln!(text, "- remark: {}", escape(remark, TEXT_MAX));
    }
    if let Some(conservation) = &suite.conservation {
        let _ = writeln!(text, "- kept: {}", conservation.text());
    }
}

fn section(text: &mut String, finding: &Finding) {
    let _ = writeln!(text, "\n## {}: {}\n", finding.verdict, escape(&finding.name(), TEXT_MAX));
    let told = [
        ("asks", format!("{}, {}", finding.level, finding.source)),
        ("stimulus", finding.stimulus.clone()),
        ("expected", finding.expected.clone()),
        ("actual", finding.actual_text()),
        ("kept", finding.conserved.clone().unwrap_or_default()),
        ("connections", finding.conduct.clone().unwrap_or_default()),
    ];
    for (label, words) in told.iter().filter(|(_, words)| !words.is_empty()) {
        let _ = writeln!(text, "- {label}: {}", escape(words, TEXT_MAX));
    }
    let _ = writeln!(text, "- again: `{}`", one_line(&finding.again, TEXT_MAX).replace('`', "'"));
    if !finding.wire.is_empty() {
        // No fence: not everyone who shows the page reads Markdown within markup, and there the lines would be markup themselves.
        text.push_str("\n<details><summary>wire</summary>\n\n<pre>\n");
        for entry in finding.wire.iter().take(WIRE_MAX) {
            let line = format!("{}  {}", entry.text(), entry.hex);
            let _ = writeln!(text, "{}", preformatted(&line));
        }
        if let Some(more @ 1..) = finding.wire.len().checked_sub(WIRE_MAX) {
            let _ = writeln!(text, "and {more} more");
        }
        text.push_str("</pre>\n\n</details>\n");
    }
}

/// All findings in short.
fn table(text: &mut String, suite: &Suite) {
    text.push_str("\n## All\n\n| verdict | case | level |\n|---|---|---|\n");
    for verdict in Verdict::ALL {
        for finding in suite.with(verdict) {
            let (name, level) = (escape(&finding.name(), TEXT_MAX), escape(&finding.level, TEXT_MAX));
            let _ = writeln!(text, "| {verdict} | {name} | {level} |");
        }
    }
}

/// Text that is neither markup nor a cell's end.
fn escape(text: &str, max: usize) -> String {
    let mut out = String::new();
    for character in one_line(text, max).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '(' | ')' | ':' | '@' => {
                out.extend(['\\', character]);
            }
            character => out.push(character),
        }
    }
    out
}

/// A line between `<pre>` and its end.
fn preformatted(line: &str) -> String {
    one_line(line.trim_end(), TEXT_MAX).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::samples::suite;

    #[test]
    fn the_page_says_what_did_not_pass_and_hostile_text_is_no_markup() {
        let page = markdown(&suite());
        assert!(!page.contains("<script"));
        insta::assert_snapshot!(page);
    }
}
