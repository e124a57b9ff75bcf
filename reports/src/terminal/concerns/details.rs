//! What stands beneath the headings. The room is shared: what matters most is told under every heading before what matters less is
//! under any, and of a limit that several findings explain, the first is told in full and the others as far as there is room.

use crate::figures::count;
use crate::headline::{self, Concern};
use crate::plain_text::wrapped;
use crate::result::check::Finding;
use crate::terminal::WIDTH;

/// Where details begin.
const INDENT: &str = "        ";

/// Where the text behind a label begins, from there.
const LABEL: usize = 8;

/// Lines that are shown together or not at all.
struct Part {
    what: What,
    /// The position of its finding under the heading.
    finding: usize,
    lines: Vec<String>,
}

/// What a part tells, the most important first. The room is given in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Message,
    /// That there are others.
    AnotherFinding,
    Example,
    When,
    Advice,
    Place,
    /// The sentence of the third finding and of each further one.
    FurtherFinding,
    Common,
    /// The example of any finding but the first.
    FurtherExample,
}

impl What {
    fn is_finding(self) -> bool {
        matches!(self, Self::AnotherFinding | Self::FurtherFinding)
    }
}

/// The lines beneath each of these headings, at most `room` in all.
pub(super) fn shared(concerns: &[Concern<'_>], room: usize) -> Vec<Vec<String>> {
    let parts = concerns.iter().map(parts).collect::<Vec<_>>();
    let all = parts.iter().enumerate().flat_map(|(at, parts)| (0..parts.len()).map(move |part| (at, part)));
    let mut by_importance = all.collect::<Vec<_>>();
    by_importance.sort_by_key(|&(at, part)| (parts[at][part].what, parts[at][part].finding, at));
    let mut left = room;
    let mut kept = parts.iter().map(|parts| vec![false; parts.len()]).collect::<Vec<_>>();
    for (at, part) in by_importance {
        let lines = parts[at][part].lines.len();
        if lines > left {
            break;
        }
        left -= lines;
        kept[at][part] = true;
    }
    parts.into_iter().zip(kept).map(|(parts, kept)| told(parts, &kept)).collect()
}

/// The parts that are kept. Where not all findings are, the line of the last says how many are not.
fn told(parts: Vec<Part>, kept: &[bool]) -> Vec<String> {
    let findings = || parts.iter().zip(kept).filter(|(part, _)| part.what.is_finding());
    let all = findings().count();
    let shown = findings().filter(|(_, kept)| **kept).count();
    let kept = parts.into_iter().zip(kept).filter(|(_, kept)| **kept);
    let mut lines = kept.flat_map(|(part, _)| part.lines).collect::<Vec<_>>();
    if 0 < shown && shown < all {
        lines.pop();
        lines.push(format!("and {} more of these in the report", count((all - shown + 1) as u64)));
    }
    lines.into_iter().map(|line| format!("{INDENT}{line}")).collect()
}

/// All that could be told of a concern, as it would stand there.
fn parts(concern: &Concern<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (at, finding) in concern.findings.iter().enumerate() {
        let number = concern.count_of(finding);
        parts.extend(match at {
            0 => in_full(finding, number.as_deref()),
            _ => in_brief(at, finding, number.as_deref()),
        });
    }
    parts.retain(|part| !part.lines.is_empty());
    parts
}

fn in_full(finding: &Finding, number: Option<&str>) -> Vec<Part> {
    let common = (!finding.common.is_empty()).then(|| finding.common.join("; "));
    let labelled =
        |label, text: Option<String>, lines_max| text.map_or_else(Vec::new, |text| behind(label, &text, lines_max));
    let parts = [
        (What::Message, message(finding, number, 2)),
        (What::When, labelled("when", headline::when(finding), 1)),
        (What::Place, labelled("where", finding.place.clone(), 1)),
        (What::Common, labelled("common", common, 3)),
        (What::Example, labelled("e.g.", headline::example(finding), 2)),
        (What::Advice, labelled("try", finding.advice.clone(), 2)),
    ];
    parts.into_iter().map(|(what, lines)| Part { what, finding: 0, lines }).collect()
}

fn in_brief(at: usize, finding: &Finding, number: Option<&str>) -> Vec<Part> {
    let example = headline::example(finding).map_or_else(Vec::new, |text| behind("e.g.", &text, 2));
    let what = if at == 1 { What::AnotherFinding } else { What::FurtherFinding };
    vec![
        Part { what, finding: at, lines: message(finding, number, 1) },
        Part { what: What::FurtherExample, finding: at, lines: example },
    ]
}

/// The sentence of a finding, behind its count where it is one of several.
fn message(finding: &Finding, number: Option<&str>, lines_max: usize) -> Vec<String> {
    match number {
        Some(number) => behind(number, &finding.message, lines_max),
        None if finding.message.is_empty() => Vec::new(),
        None => wrapped(&finding.message, WIDTH - INDENT.len(), lines_max),
    }
}

fn behind(label: &str, text: &str, lines_max: usize) -> Vec<String> {
    let lines = wrapped(text, WIDTH - INDENT.len() - LABEL, lines_max).into_iter().enumerate();
    lines.map(|(i, line)| format!("{:<width$} {line}", if i == 0 { label } else { "" }, width = LABEL - 1)).collect()
}
