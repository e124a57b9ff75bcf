//! `report.html`: the whole result on one page that needs no network and runs no script.
//!
//! The template escapes every text. The page's own policy forbids whatever could be smuggled in nevertheless: nothing is
//! loaded, no script runs, only the style in the page applies.

mod chart;

use crate::figures::{clock, count, milliseconds};
use crate::foretold;
use crate::headline::{self, Concern};
use crate::plain_text::{one_line, shell_word};
use crate::result::RunResult;
use crate::result::check::Finding;
use crate::result::latency::Percentile;
use crate::result::verdict::Verdict;
use crate::rows::{Row, rows};
use askama::Template;
use serde::Serialize;

/// The longest text from outside that is shown in one place.
const TEXT_MAX: usize = 4_000;

/// The most rows of the table of rates; the chart shows all.
const TIMELINE_ROWS_MAX: usize = 3_600;

/// The page.
///
/// # Errors
/// When the template cannot be rendered, which takes a want of memory.
pub fn html(result: &RunResult) -> Result<String, askama::Error> {
    page(result).render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    verdict: &'static str,
    word: &'static str,
    title: String,
    sentence: String,
    words: String,
    stopped: Option<String>,
    overview: Vec<Row>,
    concerns: Vec<Card>,
    warnings: Vec<String>,
    flow: Vec<Row>,
    spans: Vec<Row>,
    strata: Vec<Row>,
    latency: Vec<LatencyRow>,
    withheld: Vec<Row>,
    checks: Vec<VerdictRow>,
    findings: Vec<FindingRow>,
    limits: Vec<VerdictRow>,
    parts: Vec<Part>,
    chart: Option<chart::Chart>,
    timeline: Vec<[String; 6]>,
    timeline_more: usize,
    command: String,
}

struct Card {
    verdict: &'static str,
    word: &'static str,
    title: String,
    value: String,
    findings: Vec<CardFinding>,
}

struct CardFinding {
    message: String,
    details: Vec<Row>,
}

struct LatencyRow {
    name: String,
    count: String,
    figures: Vec<String>,
    notes: String,
}

struct VerdictRow {
    verdict: &'static str,
    name: String,
    value: String,
    about: String,
}

struct FindingRow {
    check: String,
    level: &'static str,
    id: String,
    count: String,
    message: String,
    details: Vec<Row>,
}

struct Part {
    title: &'static str,
    rows: Vec<Row>,
}

fn page(result: &RunResult) -> Page {
    let concerns = [Verdict::Fail, Verdict::Inconclusive]
        .into_iter()
        .flat_map(|verdict| headline::concerns(result, verdict).into_iter().map(move |c| card(verdict, &c)));
    let points = result.timeline.as_ref().map_or(0, |timeline| timeline.points.len());
    Page {
        verdict: result.verdict.name(),
        word: result.verdict.word(),
        title: clean(&result.scenario.name),
        sentence: clean(&headline::sentence(result)),
        words: clean(&headline::verdict_in_words(result)),
        stopped: headline::stopped(result).map(clean),
        overview: overview(result),
        concerns: concerns.collect(),
        warnings: headline::warnings(result).iter().map(|w| clean(w)).collect(),
        flow: flow(result),
        spans: clean_rows(&result.ledger.spans),
        strata: strata(result),
        latency: latency(result),
        withheld: withheld(result),
        checks: checks(result),
        findings: findings(result),
        limits: limits(result),
        parts: parts(result),
        chart: result.timeline.as_ref().and_then(chart::chart),
        timeline: timeline(result),
        timeline_more: points.saturating_sub(TIMELINE_ROWS_MAX),
        command: result.command.iter().map(|argument| shell_word(argument)).collect::<Vec<_>>().join(" "),
    }
}

fn clean(text: &str) -> String {
    one_line(text, TEXT_MAX)
}

fn row(name: impl Into<String>, value: impl AsRef<str>) -> Row {
    Row { name: name.into(), value: clean(value.as_ref()) }
}

fn clean_rows(part: &impl Serialize) -> Vec<Row> {
    rows(part).into_iter().map(|r| row(clean(&r.name), r.value)).collect()
}

fn overview(result: &RunResult) -> Vec<Row> {
    let about = [
        ("about", result.scenario.about.clone()),
        ("scenario file", result.scenario.path.clone()),
        ("target", headline::target(result)),
        ("duration", Some(clock(result.duration_seconds))),
        ("epoch", Some(result.epoch.time.clone())),
        ("seed", Some(result.seed.to_string())),
        ("run tag", Some(result.run_tag.to_string())),
        ("fingerprint", result.fingerprint.clone()),
        ("traces planned", Some(count(result.ledger.traces.planned))),
        ("spanproof", Some(result.spanproof_version.clone())),
        ("format", Some(result.schema.clone())),
        ("exit code", Some(result.exit_code().to_string())),
    ];
    about.into_iter().filter_map(|(name, value)| Some(row(name, value?))).collect()
}

fn card(verdict: Verdict, concern: &Concern<'_>) -> Card {
    Card {
        verdict: verdict.name(),
        word: verdict.word(),
        title: clean(&concern.title),
        value: clean(concern.value.as_deref().unwrap_or_default()),
        findings: concern.findings.iter().map(|finding| card_finding(concern, finding)).collect(),
    }
}

fn card_finding(concern: &Concern<'_>, finding: &Finding) -> CardFinding {
    let number = concern.count_of(finding).map(|number| number + ": ").unwrap_or_default();
    CardFinding { message: clean(&format!("{number}{}", finding.message)), details: details(finding) }
}

fn details(finding: &Finding) -> Vec<Row> {
    let first = [("when", headline::when(finding)), ("where", finding.place.clone())];
    let mut rows = first.into_iter().filter_map(|(name, value)| Some(row(name, value?))).collect::<Vec<_>>();
    rows.extend(finding.common.iter().map(|common| row("in common", common)));
    for example in &finding.examples {
        let one = Finding { examples: vec![example.clone()], ..Finding::default() };
        rows.extend(headline::example(&one).map(|text| row("for example", text)));
    }
    rows.extend(finding.advice.as_ref().map(|advice| row("try", advice)));
    rows
}

fn flow(result: &RunResult) -> Vec<Row> {
    let s = &result.ledger.spans;
    let stages =
        [("planned", s.planned), ("sent", s.sent), ("acknowledged", s.acknowledged), ("delivered", s.delivered)];
    stages.into_iter().map(|(name, n)| row(name, count(n))).collect()
}

fn strata(result: &RunResult) -> Vec<Row> {
    result.ledger.strata.iter().map(|(name, n)| row(clean(name), count(*n))).collect()
}

fn latency(result: &RunResult) -> Vec<LatencyRow> {
    let figure = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), milliseconds);
    let given = result.latency.iter().filter(|(_, summary)| summary.withheld.is_none());
    let row = given.map(|(series, s)| LatencyRow {
        name: series.name().replace('_', " "),
        count: count(s.count),
        figures: Percentile::ALL.into_iter().map(|p| figure(s.percentile_ms(p))).chain([figure(s.max_ms)]).collect(),
        notes: {
            let few = s.insufficient.iter().filter_map(|i| s.reason_withheld(&i.percentile));
            let over = (s.overflowed > 0).then(|| format!("{} above one hour", count(s.overflowed)));
            clean(&few.chain(over).collect::<Vec<_>>().join("; "))
        },
    });
    row.collect()
}

fn withheld(result: &RunResult) -> Vec<Row> {
    let reasons = result.latency.iter().filter_map(|(series, s)| Some((series, s.withheld.as_ref()?)));
    reasons.map(|(series, reason)| row(series.name().replace('_', " "), reason)).collect()
}

fn checks(result: &RunResult) -> Vec<VerdictRow> {
    let row = result.checks.iter().map(|check| VerdictRow {
        verdict: check.verdict.name(),
        name: clean(&check.id),
        value: count(check.findings.len() as u64),
        about: clean(check.about.as_deref().unwrap_or_default()),
    });
    row.collect()
}

fn findings(result: &RunResult) -> Vec<FindingRow> {
    let all = result.checks.iter().flat_map(|check| check.findings.iter().map(move |finding| (check, finding)));
    let row = all.map(|(check, finding)| FindingRow {
        check: clean(&check.id),
        level: finding.level.name(),
        id: clean(&finding.id),
        count: count(finding.count),
        message: clean(&finding.message),
        details: details(finding),
    });
    row.collect()
}

fn limits(result: &RunResult) -> Vec<VerdictRow> {
    let row = result.limits.iter().map(|outcome| VerdictRow {
        verdict: outcome.verdict.name(),
        name: clean(&outcome.limit),
        value: clean(outcome.value.as_deref().unwrap_or_default()),
        about: clean(outcome.reason.as_deref().unwrap_or_default()),
    });
    row.collect()
}

fn parts(result: &RunResult) -> Vec<Part> {
    let parts = [
        Part { title: "Traces", rows: sampling(result) },
        Part { title: "Driver", rows: clean_rows(&result.driver) },
        Part { title: "Sink", rows: clean_rows(&result.sink) },
        Part { title: "Target", rows: clean_rows(&result.target) },
        Part { title: "Faults", rows: clean_rows(&result.faults) },
        Part { title: "Foretold", rows: foretold(result) },
        Part { title: "Settling", rows: clean_rows(&result.settle) },
        Part { title: "Machine", rows: clean_rows(&result.machine) },
    ];
    parts.into_iter().filter(|part| !part.rows.is_empty()).collect()
}

/// What became of traces, by the rule that decides about them.
fn sampling(result: &RunResult) -> Vec<Row> {
    let Some(sampling) = &result.sampling else { return Vec::new() };
    let words = rows(&sampling.traces).into_iter().map(|word| row(word.name, word.value));
    let rules = sampling.rules.iter().filter(|rule| !rule.by.is_empty()).map(|rule| {
        let [kept, dropped, split] = [rule.kept, rule.dropped, rule.split].map(count);
        let says = rule.expected.name();
        row(format!("{} ({says})", clean(&rule.by)), format!("kept {kept}, dropped {dropped}, split {split}"))
    });
    let unknown = sampling.unknown.iter().map(|of| row(format!("unknown: {}", clean(&of.why)), count(of.traces)));
    words.chain(rules).chain(unknown).collect()
}

fn foretold(result: &RunResult) -> Vec<Row> {
    foretold::rows(result).into_iter().map(|(name, value)| row(name, clean(&value))).collect()
}

fn timeline(result: &RunResult) -> Vec<[String; 6]> {
    let points = result.timeline.iter().flat_map(|timeline| &timeline.points).take(TIMELINE_ROWS_MAX);
    let optional = |n: Option<String>| n.unwrap_or_else(|| "-".to_owned());
    let row = points.map(|p| {
        [
            clock(p.at_seconds),
            count(p.sent),
            count(p.acknowledged),
            count(p.delivered),
            optional(p.in_flight.map(count)),
            optional(p.target_memory_bytes.map(crate::figures::bytes)),
        ]
    });
    row.collect()
}

#[cfg(test)]
mod tests;
