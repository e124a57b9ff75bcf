//! Failures and undecided things within a given number of lines: a heading each, and beneath as much detail as fits.

mod details;

use crate::figures::count;
use crate::headline::{self, Concern};
use crate::plain_text::one_line;
use crate::result::RunResult;
use crate::result::verdict::Verdict;
use crate::terminal::WIDTH;
use crate::terminal::style::Paint;

/// Where the value of a one-line heading begins.
const VALUE_COLUMN: usize = 52;

/// Lines kept for details of the first concerns when there are more concerns than lines.
const DETAILS_MIN: usize = 8;

/// Lines for all failures, then all undecided things; at most `lines_max` with the empty line at the end.
pub(super) fn blocks(result: &RunResult, lines_max: usize, paint: Paint) -> Vec<String> {
    let of = |verdict| headline::concerns(result, verdict).into_iter().map(move |concern| (verdict, concern));
    let (verdicts, concerns): (Vec<_>, Vec<_>) = of(Verdict::Fail).chain(of(Verdict::Inconclusive)).unzip();
    if concerns.is_empty() {
        return Vec::new();
    }
    let room = lines_max.saturating_sub(1);
    let shown = if concerns.len() <= room { concerns.len() } else { room.saturating_sub(DETAILS_MIN + 1) };
    let hidden = concerns.len() - shown;
    let spare = room.saturating_sub(shown + usize::from(hidden > 0));
    let mut lines = Vec::new();
    let details = details::shared(&concerns[..shown], spare);
    for ((verdict, concern), details) in verdicts.into_iter().zip(&concerns).zip(details) {
        lines.push(heading(verdict, concern, details.is_empty(), paint));
        lines.extend(details);
    }
    if hidden > 0 {
        lines.push(format!("  and {} more in the report", count(hidden as u64)));
    }
    lines.push(String::new());
    lines
}

/// Without details beneath it, a heading says where.
fn heading(verdict: Verdict, concern: &Concern<'_>, alone: bool, paint: Paint) -> String {
    let place = concern.findings.first().filter(|_| alone).and_then(|finding| finding.place.as_deref());
    let word = verdict.word();
    let title = one_line(&concern.title, WIDTH / 2);
    let value = one_line(concern.value.as_deref().unwrap_or_default(), WIDTH / 3);
    let width = VALUE_COLUMN.saturating_sub(word.len() + 4);
    let used = word.len() + title.chars().count().max(width) + value.chars().count() + 8;
    let place = place.filter(|_| used < WIDTH).map(|place| format!("  {}", one_line(place, WIDTH - used)));
    format!("  {}  {title:<width$}  {value}{}", paint.verdict(verdict, word), place.unwrap_or_default())
}
