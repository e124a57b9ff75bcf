//! The blocks printed on a terminal: the plan before a run, and the end of a run in at most 40 lines, failures first.
//!
//! Pure: text in, text out. Whether there is a terminal, and where the report stands, the caller says.

mod concerns;
pub mod plan;
pub mod style;

use crate::figures::{clock, count, milliseconds, ratio, several};
use crate::foretold;
use crate::headline;
use crate::plain_text::{one_line, shell_word};
use crate::result::RunResult;
use crate::result::faults::Fault;
use crate::result::latency::{Percentile, Series};
use crate::result::ledger::SpanLedger;
use crate::result::verdict::Verdict;
use crate::terminal::style::{Colour, Paint};

/// The most lines that the end block takes, so that it fits a screen.
pub const LINES_MAX: usize = 40;

/// The most characters of a line.
const WIDTH: usize = 118;

/// How many warnings are shown one by one.
const WARNINGS_MAX: usize = 3;

/// How many faults are shown one by one.
const FAULTS_MAX: usize = 4;

/// How the end block is printed.
#[derive(Debug, Clone, Copy, Default)]
pub struct EndOptions<'a> {
    /// Whether to colour.
    pub colour: Colour,
    /// Where the report for people stands, as a path that can be opened from here.
    pub report: Option<&'a str>,
    /// The run's directory, when a command that names none would look at another run.
    pub directory: Option<&'a str>,
}

/// The block at the end of a run: verdict, failures, what could not be decided, what held, the account, what to do next.
/// Ends with a line feed; never more than [`LINES_MAX`] lines.
pub fn end_block(result: &RunResult, options: &EndOptions<'_>) -> String {
    let paint = Paint(options.colour);
    let mut foot = stopped(result, paint);
    foot.extend(warnings(result, paint));
    foot.extend(held(result, paint));
    foot.push(String::new());
    foot.extend(ledger(&result.ledger.spans));
    foot.extend(sampling(result));
    foot.extend(latency(result));
    foot.extend(faults(result));
    foot.extend(foretold::line(result).map(|line| one_line(&format!("predict  {line}"), WIDTH)));
    foot.extend(driver(result));
    foot.extend(commands(result, options));
    let mut lines = vec![header(result, paint), String::new()];
    lines.extend(concerns::blocks(result, LINES_MAX - lines.len() - foot.len(), paint));
    lines.extend(foot);
    lines.into_iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn header(result: &RunResult, paint: Paint) -> String {
    let words = one_line(&headline::verdict_in_words(result), 70);
    let target = headline::target(result).map(|t| one_line(&t, 60));
    let seed = format!("seed {}", result.seed);
    let parts = [Some(clock(result.duration_seconds)), Some(one_line(&result.scenario.name, 40)), target, Some(seed)];
    let rest = parts.into_iter().flatten().collect::<Vec<_>>().join("   ");
    // Painted last, so that colour does not count as width.
    let rest = one_line(&rest, (WIDTH + 20).saturating_sub(words.chars().count()));
    format!("{}   {rest}", paint.verdict(result.verdict, &words))
}

fn stopped(result: &RunResult, paint: Paint) -> Vec<String> {
    let line = |what| format!("  {}  {}", paint.warning("stopped"), one_line(what, WIDTH - 11));
    headline::stopped(result).map(line).into_iter().collect()
}

fn warnings(result: &RunResult, paint: Paint) -> Vec<String> {
    let all = headline::warnings(result);
    let shown =
        all.iter().take(WARNINGS_MAX).map(|w| format!("  {}  {}", paint.warning("warning"), one_line(w, WIDTH - 11)));
    let mut lines = shown.collect::<Vec<_>>();
    if all.len() > WARNINGS_MAX {
        lines.push(format!("           and {} more warnings in the report", count((all.len() - WARNINGS_MAX) as u64)));
    }
    lines
}

/// One line for everything that passed, with the values of limits as far as they fit.
fn held(result: &RunResult, paint: Paint) -> Option<String> {
    let passed = headline::tally(result, Verdict::Pass);
    if passed == 0 {
        return None;
    }
    let others = if result.verdict == Verdict::Pass { "checks and limits" } else { "others" };
    let mut line = format!("{} {others}", count(passed as u64));
    for outcome in result.limits.iter().filter(|l| l.verdict == Verdict::Pass) {
        let value = outcome.value.as_ref().map(|value| format!(" ({value})")).unwrap_or_default();
        let part = one_line(&format!("   {}{value}", outcome.limit), WIDTH);
        if line.chars().count() + part.chars().count() > WIDTH - 8 {
            break;
        }
        line += &part;
    }
    Some(format!("  {}    {line}", paint.verdict(Verdict::Pass, "ok")))
}

/// The account as a flow, and beneath it what left the flow.
fn ledger(spans: &SpanLedger) -> Vec<String> {
    let flow = [
        ("planned", spans.planned),
        ("sent", spans.sent),
        ("acknowledged", spans.acknowledged),
        ("delivered", spans.delivered),
    ];
    let flow = flow.map(|(name, n)| format!("{name} {}", count(n))).join(" > ");
    let always = [
        ("lost", spans.lost()),
        ("twice", spans.duplicated),
        ("changed", spans.corrupted),
        ("invented", spans.invented),
    ];
    let sometimes = [
        ("of the lost declared", spans.lost_declared),
        ("not sent", spans.not_sent),
        ("refused", spans.refused),
        ("unknown", spans.unknown),
        ("recovered", spans.recovered),
        ("refused yet delivered", spans.refused_delivered),
        ("sampled out", spans.sampled_out),
        ("absent, lost or left out", spans.absent),
        ("late", spans.late),
        ("foreign", spans.foreign),
    ];
    let text = |parts: &[(&str, u64)]| {
        parts.iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>().join("   ")
    };
    let mut lines = vec![format!("ledger   {flow}"), format!("         {}", text(&always))];
    let more = sometimes.into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>();
    if !more.is_empty() {
        lines.push(format!("         {}", one_line(&text(&more), WIDTH)));
    }
    lines
}

/// What became of traces, where the target samples or filters.
fn sampling(result: &RunResult) -> Option<String> {
    let traces = result.sampling.as_ref()?.traces;
    let always = [
        ("kept", traces.kept),
        ("dropped", traces.dropped),
        ("kept wrongly", traces.kept_wrongly),
        ("dropped wrongly", traces.dropped_wrongly),
        ("split", traces.split),
    ];
    let sometimes = [("by a rate", traces.limited), ("either", traces.either), ("unknown", traces.unknown)];
    let parts = always.into_iter().chain(sometimes.into_iter().filter(|(_, traces)| *traces > 0));
    let parts: Vec<String> = parts.map(|(name, traces)| format!("{name} {}", count(traces))).collect();
    Some(one_line(&format!("traces   {}", parts.join("   ")), WIDTH))
}

/// The latency that the user of a pipeline sees, or why it is not given.
fn latency(result: &RunResult) -> Option<String> {
    let order = [Series::IntendedToDelivered, Series::IntendedToAcknowledged, Series::ActualToAcknowledged];
    let (series, summary) = order.into_iter().find_map(|series| Some((series, result.latency.get(series)?)))?;
    let name = series.name().replace('_', " ");
    if let Some(reason) = &summary.withheld {
        return Some(one_line(&format!("latency  {name}: withheld, {reason}"), WIDTH));
    }
    let figure = |p: Percentile| Some(format!("{} {}", p.name(), milliseconds(summary.percentile_ms(p)?)));
    let figures = Percentile::ALL.into_iter().filter_map(figure);
    let max = summary.max_ms.map(|ms| format!("max {}", milliseconds(ms)));
    Some(format!("latency  {name}: {}", figures.chain(max).collect::<Vec<_>>().join("   ")))
}

/// A line for each fault: what it touched, and how all went on after it.
fn faults(result: &RunResult) -> Vec<String> {
    let mut lines: Vec<String> =
        result.faults.iter().take(FAULTS_MAX).map(|(name, fault)| fault_line(name, fault)).collect();
    if result.faults.len() > FAULTS_MAX {
        let more = count((result.faults.len() - FAULTS_MAX) as u64);
        lines.push(format!("         and {more} more faults in the report"));
    }
    lines
}

fn fault_line(name: &str, fault: &Fault) -> String {
    let between = match (fault.first_seconds, fault.last_seconds) {
        (Some(first), Some(last)) if first < last => format!(" {}-{}", clock(first), clock(last)),
        (Some(first), Some(_)) => format!(" at {}", clock(first)),
        _ => String::new(),
    };
    let seconds = |seconds: f64| milliseconds(seconds * 1e3);
    let after =
        [("first delivery", fault.recovery.first_delivery_seconds), ("drained", fault.recovery.drained_seconds)];
    let after = after.into_iter().filter_map(|(what, after)| Some(format!("{what} {} after", seconds(after?))));
    let touched = match fault {
        Fault { touched: 1, .. } if fault.is_of_acts() => format!("acted once{between}"),
        Fault { touched, .. } if fault.is_of_acts() => format!("acted {} times{between}", count(*touched)),
        Fault { link: Some(_), touched, .. } => format!("touched {}{between}", several(*touched, "connection")),
        Fault { touched, .. } => format!("touched {} requests{between}", count(*touched)),
    };
    let parts = std::iter::once(touched).chain(after).collect::<Vec<_>>().join(", ");
    one_line(&format!("fault    {name}: {parts}"), WIDTH)
}

fn driver(result: &RunResult) -> Option<String> {
    let driver = result.driver.as_ref()?;
    let parts = [
        driver.lateness_p99_ms.map(|ms| format!("p99 late {}", milliseconds(ms))),
        driver.achieved_ratio.map(|share| format!("{} of plan in time", ratio(share))),
        driver.achieved_rate.map(|rate| format!("{}/s", count(rate.max(0.0).round() as u64))),
        Some(format!("{} requests", count(driver.requests))),
        (driver.resent > 0).then(|| format!("{} resent", count(driver.resent))),
    ];
    Some(format!("driver   {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", ")))
}

/// What to open and to type next, and how the process ends.
fn commands(result: &RunResult, options: &EndOptions<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(options.report.map(|path| format!("report   {}", one_line(path, WIDTH * 2))));
    let place = options.directory.map(|directory| shell_word(directory).into_owned() + " ").unwrap_or_default();
    lines.extend(look(result).map(|id| format!("look     spanproof show {place}{id}")));
    let again = result.command.iter().map(|argument| shell_word(argument)).collect::<Vec<_>>().join(" ");
    let exit = format!("exit {}", result.exit_code());
    if again.is_empty() {
        lines.push(exit);
    } else {
        // Never cut: a command that is cut does something else.
        lines.push(format!("again    {again:<70}   {exit}"));
    }
    lines
}

/// The id of the first example, as far as a person needs to type it.
fn look(result: &RunResult) -> Option<String> {
    let concerns = [Verdict::Fail, Verdict::Inconclusive].into_iter().flat_map(|v| headline::concerns(result, v));
    let mut examples = concerns.flat_map(|c| c.findings).flat_map(|f| f.into_owned().examples);
    let id = examples.find_map(|example| example.trace_id.or(example.span_id))?;
    Some(id.chars().filter(char::is_ascii_hexdigit).take(8).collect()).filter(|id: &String| id.len() == 8)
}

#[cfg(test)]
mod tests;
