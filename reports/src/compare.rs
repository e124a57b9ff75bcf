//! Two results side by side: what differs between the runs, which verdicts flipped, and every figure with its ratio.
//!
//! Nothing here calls a figure better or worse: one run beside one run shows no more than that they differ. Verdicts do say so, since
//! they were reached each by itself.

use crate::plain_text::one_line;
use crate::result::RunResult;
use crate::result::paths::Quantity;
use crate::result::verdict::Verdict;
use crate::rows::rows;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The longest text from outside that is shown.
const TEXT_MAX: usize = 100;

/// Figures that say what a run was, or when, and not how it went.
const UNLIKE: [&str; 6] = ["epoch.", "seed", "timeline.", "settle.", "duration_seconds", "machine."];

/// What is found when two results are laid side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What was not the same to begin with: scenario, seed, plan, target, machine, version.
    pub differs: Vec<Difference>,
    /// Checks and limits whose verdict is another one, in the order of the new result; those of one result alone are skipped in the other.
    pub flipped: Vec<Flip>,
    /// Every figure that both have, by its path.
    pub figures: Vec<Figure>,
    /// Whether a verdict flipped to one that is worse.
    pub worse: bool,
}

/// Something about the runs that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// In the base; empty where it has none.
    pub base: String,
    /// In the new one; empty where it has none.
    pub new: String,
}

/// A verdict that is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// The check's id, or the limit as it is written.
    pub what: String,
    /// What the base said.
    pub base: Verdict,
    /// What the new one says.
    pub new: Verdict,
}

impl Flip {
    /// Whether what passed, or was left open, fails now.
    fn is_worse(&self) -> bool {
        self.new == Verdict::Fail && self.base != Verdict::Fail
    }
}

/// A figure of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// As limits write it.
    pub path: String,
    /// In the base, as people read it.
    pub base: String,
    /// In the new one.
    pub new: String,
    /// New by base; absent where the base is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

/// Compares two results.
pub fn compare(base: &RunResult, new: &RunResult) -> Comparison {
    let flipped = flips(base, new);
    let worse = flipped.iter().any(Flip::is_worse);
    Comparison { differs: differences(base, new), flipped, figures: figures(base, new), worse }
}

fn differences(base: &RunResult, new: &RunResult) -> Vec<Difference> {
    let (base, new) = (facts(base), facts(new));
    let names: Vec<&String> = base.iter().chain(&new).map(|(name, _)| name).collect();
    let mut seen = Vec::new();
    for name in names {
        let of = |facts: &[(String, String)]| {
            facts.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let difference = Difference { what: name.clone(), base: of(&base), new: of(&new) };
        if difference.base != difference.new && !seen.contains(&difference) {
            seen.push(difference);
        }
    }
    seen
}

/// What a run is, and not what came of it.
fn facts(result: &RunResult) -> Vec<(String, String)> {
    let mut facts = vec![
        ("scenario".to_owned(), result.scenario.name.clone()),
        ("seed".to_owned(), result.seed.to_string()),
        ("plan".to_owned(), result.fingerprint.clone().unwrap_or_default()),
        ("spanproof".to_owned(), result.spanproof_version.clone()),
        ("command".to_owned(), result.command.join(" ")),
    ];
    if let Some(target) = &result.target {
        facts.push(("target".to_owned(), target.kind.clone()));
        facts.push(("target name".to_owned(), target.name.clone().unwrap_or_default()));
        facts.push(("target version".to_owned(), target.version.clone().unwrap_or_default()));
    }
    let machine = result.machine.iter().flat_map(rows);
    facts.extend(machine.map(|row| (format!("machine {}", row.name), row.value)));
    facts
}

fn flips(base: &RunResult, new: &RunResult) -> Vec<Flip> {
    let (of_base, of_new) = (verdicts(base), verdicts(new));
    let in_base: BTreeMap<&str, Verdict> = of_base.iter().map(|(what, verdict)| (what.as_str(), *verdict)).collect();
    let in_new: BTreeMap<&str, Verdict> = of_new.iter().map(|(what, verdict)| (what.as_str(), *verdict)).collect();
    let gone = of_base.iter().filter(|(what, _)| !in_new.contains_key(what.as_str()));
    let all = of_new.iter().chain(gone).map(|(what, _)| Flip {
        what: what.clone(),
        base: in_base.get(what.as_str()).copied().unwrap_or_default(),
        new: in_new.get(what.as_str()).copied().unwrap_or_default(),
    });
    all.filter(|flip| flip.base != flip.new).collect()
}

/// The verdicts of the whole, of each check and of each limit.
fn verdicts(result: &RunResult) -> Vec<(String, Verdict)> {
    let whole = std::iter::once(("the run".to_owned(), result.verdict));
    let checks = result.checks.iter().map(|check| (check.id.clone(), check.verdict));
    let limits = result.limits.iter().map(|limit| (limit.limit.clone(), limit.verdict));
    whole.chain(checks).chain(limits).collect()
}

fn figures(base: &RunResult, new: &RunResult) -> Vec<Figure> {
    let paths = base.paths().into_iter().filter(|path| !UNLIKE.iter().any(|unlike| path.starts_with(unlike)));
    paths
        .filter_map(|path| {
            let (base, new) = (base.lookup(&path).ok()?, new.lookup(&path).ok()?);
            Some(Figure { path, base: base.to_string(), new: new.to_string(), ratio: ratio(base, new) })
        })
        .collect()
}

/// How many times the base the new one is; both zero is once.
fn ratio(base: Quantity, new: Quantity) -> Option<f64> {
    let (base, new) = (number(base), number(new));
    if base == new { Some(1.0) } else { (base != 0.0).then(|| new / base) }
}

fn number(quantity: Quantity) -> f64 {
    match quantity {
        Quantity::Count(count) | Quantity::Bytes(count) => count as f64,
        Quantity::Duration(duration) => duration.as_secs_f64(),
        Quantity::Ratio(number) | Quantity::Number(number) => number,
    }
}

/// The comparison as people read it.
pub fn text(comparison: &Comparison) -> String {
    let mut out = String::new();
    let shown = |text: &str| one_line(if text.is_empty() { "-" } else { text }, TEXT_MAX);
    // Writing to a String does not fail, here and below.
    let mut section = |title: &str, lines: Vec<[String; 4]>| {
        if !lines.is_empty() {
            let _ = writeln!(out, "{title}\n{}", table(&lines));
        }
    };
    let differs = comparison.differs.iter();
    section(
        "differs",
        differs.map(|one| [shown(&one.what), shown(&one.base), shown(&one.new), String::new()]).collect(),
    );
    let flipped = comparison.flipped.iter();
    section(
        "verdicts",
        flipped.map(|one| [shown(&one.what), one.base.to_string(), one.new.to_string(), String::new()]).collect(),
    );
    let figures = comparison.figures.iter().filter(|figure| figure.base != "0" || figure.new != "0");
    section(
        "figures",
        figures.map(|one| [shown(&one.path), one.base.clone(), one.new.clone(), times(one.ratio)]).collect(),
    );
    out + &sentence(comparison) + "\n"
}

fn times(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if (ratio - 1.0).abs() < 0.0005 => "same".to_owned(),
        Some(ratio) => format!("x {ratio:.3}"),
        None => "from zero".to_owned(),
    }
}

/// Columns as wide as what they hold, two blanks between.
fn table(lines: &[[String; 4]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let padded = |text: &str, width: usize| format!("{text}{}", " ".repeat(width - text.chars().count()));
    let row = |line: &[String; 4]| {
        let cells = (0..3).map(|column| padded(&line[column], widths[column])).collect::<Vec<_>>().join("  ");
        format!("  {}\n", format!("{cells}  {}", line[3]).trim_end())
    };
    lines.iter().map(row).collect()
}

/// What it comes to.
fn sentence(comparison: &Comparison) -> String {
    let worse: Vec<&str> =
        comparison.flipped.iter().filter(|flip| flip.is_worse()).map(|flip| flip.what.as_str()).collect();
    let same = if comparison.differs.iter().any(|difference| difference.what == "plan") {
        "what was sent is not the same"
    } else {
        "the same was sent"
    };
    if worse.is_empty() {
        return format!("No verdict is worse; {same}. One run beside another tells no small difference from chance.");
    }
    format!("Worse: {}; {same}.", one_line(&worse.join(", "), 300))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::{failing, hostile, passing};

    #[test]
    fn a_result_beside_itself_differs_in_nothing() {
        for result in [passing(), failing()] {
            let comparison = compare(&result, &result);
            assert!(comparison.differs.is_empty() && comparison.flipped.is_empty() && !comparison.worse);
            assert!(!comparison.figures.is_empty());
            assert!(comparison.figures.iter().all(|figure| figure.ratio == Some(1.0)), "{comparison:?}");
        }
    }

    #[test]
    fn what_passed_and_fails_now_is_worse_and_the_other_way_round_is_not() {
        let (good, bad) = (passing(), failing());
        assert!(compare(&good, &bad).worse);
        let better = compare(&bad, &good);
        assert!(!better.worse && !better.flipped.is_empty());
    }

    #[test]
    fn a_check_of_one_result_alone_was_not_asked_in_the_other() {
        let mut fewer = passing();
        let gone = fewer.checks.remove(0);
        let comparison = compare(&passing(), &fewer);
        let flip = Flip { what: gone.id, base: gone.verdict, new: Verdict::Skipped };
        assert!(comparison.flipped.contains(&flip), "{:?}", comparison.flipped);
    }

    #[test]
    fn figures_have_their_ratio_unless_they_were_zero() {
        let (base, mut new) = (passing(), passing());
        new.ledger.spans.delivered = base.ledger.spans.delivered * 2;
        new.ledger.spans.duplicated = base.ledger.spans.duplicated + 3;
        let comparison = compare(&base, &new);
        let of = |path: &str| comparison.figures.iter().find(|figure| figure.path == path).unwrap().ratio;
        assert_eq!(base.ledger.spans.duplicated, 0);
        assert_eq!((of("spans.delivered"), of("spans.duplicated")), (Some(2.0), None));
    }

    #[test]
    fn two_results_side_by_side() {
        let mut other = failing();
        other.seed = 8;
        insta::assert_snapshot!(text(&compare(&passing(), &other)));
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let shown = text(&compare(&passing(), &hostile()));
        assert!(!shown.contains(['\u{1b}', '\r', '\u{202e}']), "{shown:?}");
    }
}
