//! Failures and undecided things within a given number of lines: as much detail as fits, the first ones first.

use crate::figures::count;
use crate::headline::{self, Concern};
use crate::plain_text::{one_line, wrapped};
use crate::result::RunResult;
use crate::result::verdict::Verdict;
use crate::terminal::WIDTH;
use crate::terminal::style::Paint;

/// Where details begin.
const INDENT: &str = "        ";

/// Where the value of a one-line heading begins.
const VALUE_COLUMN: usize = 52;

/// Lines kept for the details of the first concerns when there are more concerns than lines.
const DETAILS_MIN: usize = 8;

/// Lines for all failures, then all undecided things; at most `lines_max` with the empty line at the end.
pub(super) fn blocks(result: &RunResult, lines_max: usize, paint: Paint) -> Vec<String> {
    let of = |verdict| headline::concerns(result, verdict).into_iter().map(move |concern| (verdict, concern));
    let all = of(Verdict::Fail).chain(of(Verdict::Inconclusive)).collect::<Vec<_>>();
    if all.is_empty() {
        return Vec::new();
    }
    let room = lines_max.saturating_sub(1);
    let shown = if all.len() <= room { all.len() } else { room.saturating_sub(DETAILS_MIN + 1) };
    let hidden = all.len() - shown;
    let mut spare = room.saturating_sub(shown + usize::from(hidden > 0));
    let mut lines = Vec::new();
    for (verdict, concern) in all.iter().take(shown) {
        let details = details(*concern, spare);
        lines.push(heading(*verdict, *concern, details.is_empty(), paint));
        spare -= details.len();
        lines.extend(details);
    }
    if hidden > 0 {
        lines.push(format!("  and {} more in the report", count(hidden as u64)));
    }
    lines.push(String::new());
    lines
}

/// Without details beneath it, a heading says where: several findings may stand under one limit.
fn heading(verdict: Verdict, concern: Concern<'_>, alone: bool, paint: Paint) -> String {
    let place = concern.finding().filter(|_| alone).and_then(|finding| finding.place.as_deref());
    let word = verdict.word();
    let title = one_line(&concern.title(), WIDTH / 2);
    let value = one_line(&concern.value().unwrap_or_default(), WIDTH / 3);
    let width = VALUE_COLUMN.saturating_sub(word.len() + 4);
    let used = word.len() + title.chars().count().max(width) + value.chars().count() + 8;
    let place = place.filter(|_| used < WIDTH).map(|place| format!("  {}", one_line(place, WIDTH - used)));
    format!("  {}  {title:<width$}  {value}{}", paint.verdict(verdict, word), place.unwrap_or_default())
}

/// The details of a concern in at most `room` lines. The least important are dropped first.
fn details(concern: Concern<'_>, room: usize) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(message) = concern.message() {
        parts.push((0, wrapped(message, WIDTH - INDENT.len(), 2)));
    }
    if let Some(finding) = concern.finding() {
        let mut labelled = |rank, label: &str, text: Option<String>, lines_max| {
            if let Some(text) = text {
                parts.push((rank, label_lines(label, &text, lines_max)));
            }
        };
        labelled(2, "when", headline::when(finding), 1);
        labelled(4, "where", finding.place.clone(), 1);
        let common = (!finding.common.is_empty()).then(|| finding.common.join("; "));
        labelled(5, "common", common, 3);
        labelled(1, "e.g.", headline::example(finding), 2);
        labelled(3, "try", finding.advice.clone(), 2);
    }
    fitted(parts, room).into_iter().map(|line| format!("{INDENT}{line}")).collect()
}

fn label_lines(label: &str, text: &str, lines_max: usize) -> Vec<String> {
    let lines = wrapped(text, WIDTH - INDENT.len() - 8, lines_max).into_iter().enumerate();
    lines.map(|(i, line)| format!("{:<8}{line}", if i == 0 { label } else { "" })).collect()
}

/// Keeps parts by rank as long as they fit, in the order in which they stand.
fn fitted(parts: Vec<(u8, Vec<String>)>, room: usize) -> Vec<String> {
    let mut by_rank = parts.iter().enumerate().collect::<Vec<_>>();
    by_rank.sort_by_key(|(_, (rank, _))| *rank);
    let mut left = room;
    let mut kept = vec![false; parts.len()];
    for (at, (_, lines)) in by_rank {
        if lines.len() > left {
            break;
        }
        left -= lines.len();
        kept[at] = true;
    }
    parts.into_iter().zip(kept).filter(|(_, kept)| *kept).flat_map(|((_, lines), _)| lines).collect()
}
