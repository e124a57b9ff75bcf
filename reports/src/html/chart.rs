//! The rates of a run as polylines of an inline SVG.

use crate::figures::{clock, count};
use crate::result::timeline::{Timeline, TimelinePoint};

/// Width and height of the drawing, in its own units.
const SIZE: (f64, f64) = (900.0, 160.0);

/// What the template draws.
pub(super) struct Chart {
    pub(super) lines: Vec<Polyline>,
    pub(super) rate_max: String,
    pub(super) end: String,
}

/// One rate over time.
pub(super) struct Polyline {
    pub(super) name: &'static str,
    pub(super) points: String,
}

/// Reads one rate of a point.
type Rate = fn(&TimelinePoint) -> u64;

/// The chart of a timeline; none when it spans no time or nothing was sent.
pub(super) fn chart(timeline: &Timeline) -> Option<Chart> {
    let points = &timeline.points;
    let (first, last) = (points.first()?.at_seconds, points.last()?.at_seconds);
    let rates: [(&'static str, Rate); 3] =
        [("sent", |p| p.sent), ("acknowledged", |p| p.acknowledged), ("delivered", |p| p.delivered)];
    let highest = points.iter().flat_map(|p| rates.iter().map(|(_, rate)| rate(p))).max().filter(|n| *n > 0)?;
    // Written so that what is not a number is refused as well.
    let drawable = last > first && timeline.interval_seconds > 0.0;
    if !drawable {
        return None;
    }
    let place = |p: &TimelinePoint, n: u64| {
        let x = (p.at_seconds - first) / (last - first) * SIZE.0;
        let y = SIZE.1 - n as f64 / highest as f64 * SIZE.1;
        format!("{x:.1},{y:.1}")
    };
    let line = |name, rate: Rate| Polyline {
        name,
        points: points.iter().map(|p| place(p, rate(p))).collect::<Vec<_>>().join(" "),
    };
    let per_second = (highest as f64 / timeline.interval_seconds).round() as u64;
    Some(Chart {
        lines: rates.into_iter().map(|(name, rate)| line(name, rate)).collect(),
        rate_max: count(per_second),
        end: clock(last),
    })
}
