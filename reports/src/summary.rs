//! `summary.md`: the result on one page of Markdown, as CI systems show it beside a job.

use crate::figures::{clock, count, milliseconds};
use crate::foretold;
use crate::headline::{self, Concern};
use crate::plain_text::{one_line, shell_word};
use crate::result::RunResult;
use crate::result::check::Finding;
use crate::result::latency::{LatencySummary, Percentile};
use crate::result::verdict::Verdict;
use crate::rows::rows;
use std::fmt::Write;

/// The longest text from outside that is shown.
const TEXT_MAX: usize = 500;

/// How many concerns are shown in full. CI systems cut long pages, and then the account would be gone.
const CONCERNS_MAX: usize = 50;

/// How many findings of one of them are.
const VARIANTS_MAX: usize = 10;

/// The page. Every text from outside is escaped: it is shown as it is written and never read as Markdown or HTML.
pub fn summary(result: &RunResult) -> String {
    let mut page = head(result);
    for (verdict, title) in [(Verdict::Fail, "Failed"), (Verdict::Inconclusive, "Could not be decided")] {
        let concerns = headline::concerns(result, verdict);
        if !concerns.is_empty() {
            page += &section(title, &concern_list(&concerns));
        }
    }
    let warnings = headline::warnings(result);
    if !warnings.is_empty() {
        page += &section("Warnings", &warnings.iter().map(|w| format!("- {}\n", escaped(w))).collect::<String>());
    }
    page += &section("Spans", &table(&["", "spans"], span_rows(result)));
    page += &section("Traces", &sampling_table(result));
    page += &section("Latency", &latency_table(result));
    page += &section("Faults", &table(&["", ""], part_rows(&result.faults)));
    page += &section("Foretold", &table(&["", ""], foretold_rows(result)));
    page += &section("Checks and limits", &verdict_table(result));
    page += &section("Driver", &table(&["", ""], part_rows(&result.driver)));
    page += &section("Target", &table(&["", ""], part_rows(&result.target)));
    page + &repeat(result)
}

fn head(result: &RunResult) -> String {
    let target = headline::target(result).map(|t| format!(", {}", escaped(&t))).unwrap_or_default();
    let mut page = format!("# {}: {}\n\n", result.verdict.word(), escaped(&result.scenario.name));
    // Writing to a String does not fail, here and below.
    let _ = writeln!(page, "{}\n", escaped(&headline::sentence(result)));
    let _ = writeln!(
        page,
        "{}. {}{target}, seed {}, {}.\n",
        escaped(&headline::verdict_in_words(result)),
        escaped(&result.epoch.time),
        result.seed,
        clock(result.duration_seconds)
    );
    if let Some(what) = headline::stopped(result) {
        let _ = writeln!(page, "Stopped before its end: {}\n", escaped(what));
    }
    page
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("## {title}\n\n{body}\n") }
}

fn concern_list(concerns: &[Concern<'_>]) -> String {
    let list = concerns.iter().take(CONCERNS_MAX).map(concern_item).collect::<String>();
    list + &more("", concerns.len().saturating_sub(CONCERNS_MAX))
}

/// What is left out.
fn more(indent: &str, hidden: usize) -> String {
    if hidden == 0 { String::new() } else { format!("{indent}- and {} more in result.json\n", count(hidden as u64)) }
}

fn concern_item(concern: &Concern<'_>) -> String {
    let value = concern.value.as_ref().map(|v| format!(": {}", escaped(v))).unwrap_or_default();
    let heading = format!("- **{}**{value}", escaped(&concern.title));
    if let [only] = &concern.findings[..] {
        let message = concern.message().map(|m| format!("  \n  {}", escaped(m))).unwrap_or_default();
        return format!("{heading}{message}\n{}", details("  ", only));
    }
    let item = |finding: &Finding| {
        let number = concern.count_of(finding).unwrap_or_default();
        format!("  - {number}: {}\n{}", escaped(&finding.message), details("    ", finding))
    };
    let items = concern.findings.iter().take(VARIANTS_MAX).map(|finding| item(finding)).collect::<String>();
    format!("{heading}\n{items}{}", more("  ", concern.findings.len().saturating_sub(VARIANTS_MAX)))
}

fn details(indent: &str, finding: &Finding) -> String {
    let common = (!finding.common.is_empty()).then(|| finding.common.join("; "));
    let details = [
        ("when", headline::when(finding)),
        ("where", finding.place.clone()),
        ("common", common),
        ("e.g.", headline::example(finding)),
        ("try", finding.advice.clone()),
    ];
    let lines = details.into_iter().filter_map(|(label, text)| Some((label, text?)));
    lines.map(|(label, text)| format!("{indent}- {label} {}\n", escaped(&text))).collect()
}

fn span_rows(result: &RunResult) -> Vec<Vec<String>> {
    let always = ["planned", "sent", "acknowledged", "delivered"];
    let all = rows(&result.ledger.spans).into_iter();
    let shown = all.filter(|row| row.value != "0" || always.contains(&row.name.as_str()));
    shown.map(|row| vec![row.name, row.value]).collect()
}

fn part_rows(part: &impl serde::Serialize) -> Vec<Vec<String>> {
    rows(part).into_iter().map(|row| vec![row.name, row.value]).collect()
}

/// What became of traces, by the rule that decides about them.
fn sampling_table(result: &RunResult) -> String {
    let Some(sampling) = &result.sampling else { return String::new() };
    let rows = sampling.rules.iter().map(|rule| {
        let by = if rule.by.is_empty() { "-" } else { &rule.by };
        let counts = [rule.kept, rule.dropped, rule.split].map(count);
        [by.to_owned(), rule.expected.name().to_owned()].into_iter().chain(counts).collect()
    });
    table(&["rule", "says", "kept", "dropped", "split"], rows.collect())
}

fn foretold_rows(result: &RunResult) -> Vec<Vec<String>> {
    foretold::rows(result).into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

fn latency_table(result: &RunResult) -> String {
    let figure = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), milliseconds);
    let row = |name: &str, s: &LatencySummary| {
        let percentiles = Percentile::ALL.into_iter().map(|p| figure(s.percentile_ms(p)));
        let given = percentiles.chain([figure(s.max_ms)]);
        let cells = [name.replace('_', " "), count(s.count)].into_iter().chain(given);
        cells.collect::<Vec<_>>()
    };
    let given = result.latency.iter().filter(|(_, s)| s.withheld.is_none());
    let mut body =
        table(&["", "count", "p50", "p90", "p99", "p99.9", "max"], given.map(|(n, s)| row(n.name(), s)).collect());
    for (series, reason) in result.latency.iter().filter_map(|(series, s)| Some((series, s.withheld.as_ref()?))) {
        let _ = writeln!(body, "\n{}: withheld, {}", escaped(&series.name().replace('_', " ")), escaped(reason));
    }
    body
}

fn verdict_table(result: &RunResult) -> String {
    let checks = result.checks.iter().map(|c| {
        let found = c.findings.iter().map(|f| f.count).fold(0, u64::saturating_add);
        let value = if found == 0 { String::new() } else { count(found) };
        vec![c.verdict.name().to_owned(), c.id.clone(), value]
    });
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    let limits = result.limits.iter().map(|l| vec![l.verdict.name().to_owned(), l.limit.clone(), value(&l.value)]);
    table(&["", "", "found"], checks.chain(limits).collect())
}

fn repeat(result: &RunResult) -> String {
    if result.command.is_empty() {
        return String::new();
    }
    let command = result.command.iter().map(|argument| shell_word(argument)).collect::<Vec<_>>().join(" ");
    section("Again", &format!("{}\n", code(&command)))
}

/// A table, or nothing when it has no rows.
fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" | "));
    }
    text
}

/// Text that Markdown shows as it is, on one line.
fn escaped(text: &str) -> String {
    let line = one_line(text, TEXT_MAX);
    let line = line.trim();
    let mut out = String::with_capacity(line.len() + 8);
    let after_digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    for (at, c) in line.chars().enumerate() {
        let next = || line.chars().skip(at + 1);
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // Neither a mention of a person nor a link that nobody wrote.
            '@' => out += "&#64;",
            ':' if next().take(2).eq("//".chars()) => out += "&#58;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => out.extend(['\\', c]),
            '#' | '-' | '+' | '=' if at == 0 => out.extend(['\\', c]),
            // Only digits before and a blank behind make a numbered list.
            '.' | ')' if at == after_digits && next().next().is_none_or(|c| c == ' ') => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// Code that holds any text: fenced by more backticks than the text has in a row.
fn code(text: &str) -> String {
    let line = one_line(text, 10_000);
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}sh\n{line}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain_text::is_control;
    use crate::result::samples::{HOSTILE, changed_and_invented, failing, hostile, passing};

    #[test]
    fn the_page_of_a_failure() {
        insta::assert_snapshot!(summary(&failing()));
    }

    #[test]
    fn what_is_told_of_one_limit_stands_in_one_item() {
        let mut result = changed_and_invented();
        let page = summary(&result);
        let (list, _) = page.split_once("## Failed\n\n").unwrap().1.split_once("\n## ").unwrap();
        insta::assert_snapshot!(list);
        let findings = &mut result.checks[1].findings;
        findings.extend(vec![findings[0].clone(); 9]);
        assert!(summary(&result).contains("\n  - and 6 more in result.json\n"));
    }

    #[test]
    fn the_page_of_an_undecided_run_shows_no_percentile() {
        let mut result = passing();
        result.withhold_times("the driver was the limit");
        result.limits.remove(1);
        let page = summary(&result);
        assert!(
            page.contains("withheld, the driver was the limit") && !page.contains("p99.9") && !page.contains("248")
        );
    }

    #[test]
    fn hostile_text_is_no_markup() {
        let whole = summary(&hostile());
        // The command stands in a code block, where text is shown as it is as long as no line can close the block.
        let (page, command) = whole.split_once("## Again\n").unwrap();
        assert_eq!(command.lines().filter(|line| line.contains("```")).count(), 2);
        let markup = ["<script", "[l](", "\n# x", "\n::error"].into_iter().filter(|markup| page.contains(markup));
        assert_eq!(markup.collect::<Vec<_>>(), Vec::<&str>::new());
        assert_eq!(whole.chars().filter(|c| *c != '\n' && is_control(*c)).count(), 0);
        let rows = page.lines().filter(|line| line.starts_with('|'));
        // A pipe that is not escaped would open another cell.
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(rows.clone().count() > 20 && rows.map(cells).all(|n| n == 3 || n == 4 || n == 8));
        insta::assert_snapshot!(escaped(HOSTILE));
    }

    #[test]
    fn text_cannot_begin_a_list_a_heading_or_a_fence() {
        let starts =
            ["# a", "- a", "+ a", "= a", "1. a", "12) a", "1.5 ms", "> a", "```", "~~~", "*a*", "@me", "http://x"]
                .map(escaped);
        let safe = [
            "\\# a",
            "\\- a",
            "\\+ a",
            "\\= a",
            "1\\. a",
            "12\\) a",
            "1.5 ms",
            "&gt; a",
            "\\`\\`\\`",
            "\\~\\~\\~",
            "\\*a\\*",
            "&#64;me",
            "http&#58;//x",
        ];
        assert_eq!(starts, safe);
        assert_eq!(code("a ```` b"), "`````sh\na ```` b\n`````");
    }
}
