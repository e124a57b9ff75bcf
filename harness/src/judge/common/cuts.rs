//! Facts on a scale: beyond some size, after some position, within some stretch of time. The best cut of each scale is a
//! candidate.

use super::separate::{Candidate, Totals};
use super::survey::{STRETCHES, Survey};
use spanproof_reports::figures::{clock, count, milliseconds, several};
use std::collections::BTreeMap;

/// Behind facts of the record itself, which say more when they separate as well.
const RANK: u8 = 6;

/// A stretch of time that covers more than this share of the run says nothing.
const STRETCHES_MAX: usize = STRETCHES * 3 / 4;

/// The best cut of every scale.
pub(super) fn candidates(survey: &Survey<'_>) -> Vec<Candidate> {
    let [sizes, durations, attributes, texts] = of_recipes(survey);
    let scales = [
        best(&sizes, larger, |cut| format!("not {}", larger(cut))),
        best(
            &durations,
            |cut| format!("longer than {}", time(round_decimal(cut))),
            |cut| format!("not longer than {}", time(round_decimal(cut))),
        ),
        best(
            &wide(&survey.positions),
            |cut| format!("beyond the first {} spans of a request, as we sent it", count(cut.0 + 1)),
            |cut| format!("among the first {} spans of a request, as we sent it", count(cut.0 + 1)),
        ),
        best(
            &wide(&survey.request_spans),
            |cut| format!("in requests of more than {} spans, as we sent them", count(round_decimal(cut))),
            |cut| format!("in requests of at most {} spans, as we sent them", count(round_decimal(cut))),
        ),
        best(
            &wide(&survey.trace_spans),
            |cut| format!("in traces of more than {} spans", count(round_decimal(cut))),
            |cut| format!("in traces of at most {} spans", count(round_decimal(cut))),
        ),
        best(
            &attributes,
            |(low, _)| format!("with more than {}", several(low, "attribute")),
            |(low, _)| format!("with at most {}", several(low, "attribute")),
        ),
        best(&texts, |cut| format!("with a text {}", larger(cut)), |cut| format!("without a text {}", larger(cut))),
        window(survey),
    ];
    scales.into_iter().flatten().collect()
}

/// The scales of what spans are: their size, duration, number of attributes and longest text.
fn of_recipes(survey: &Survey<'_>) -> [BTreeMap<u64, Totals>; 4] {
    let mut scales: [BTreeMap<u64, Totals>; 4] = Default::default();
    for (totals, recipe) in survey.recipes.iter().zip(0..).filter(|(totals, _)| totals.all() > 0) {
        let facts = survey.plan.span_facts(recipe);
        let attributes = facts.attributes.len() as u64;
        let values = [facts.bytes.into(), facts.duration_ns, attributes, facts.longest_text.into()];
        for (scale, value) in scales.iter_mut().zip(values) {
            join(scale.entry(value).or_default(), *totals);
        }
    }
    scales
}

fn wide(scale: &BTreeMap<u32, Totals>) -> BTreeMap<u64, Totals> {
    scale.iter().map(|(value, totals)| (u64::from(*value), *totals)).collect()
}

fn join(sum: &mut Totals, one: Totals) {
    sum.affected += one.affected;
    sum.others += one.others;
}

/// A cut between two neighbouring values of a scale: all up to the first are below, all from the second on above.
type Cut = (u64, u64);

fn best(
    scale: &BTreeMap<u64, Totals>,
    above: impl Fn(Cut) -> String,
    below: impl Fn(Cut) -> String,
) -> Option<Candidate> {
    let mut totals = Totals::default();
    scale.values().for_each(|one| join(&mut totals, *one));
    let (mut under, mut found) = (Totals::default(), None::<(f64, bool, Cut, Totals)>);
    for ((value, here), (next, _)) in scale.iter().zip(scale.iter().skip(1)) {
        join(&mut under, *here);
        let over = Totals { affected: totals.affected - under.affected, others: totals.others - under.others };
        for (is_above, having) in [(true, over), (false, under)] {
            let separation = totals.share(having);
            if found.is_none_or(|(best, ..)| separation > best) {
                found = Some((separation, is_above, (*value, *next), having));
            }
        }
    }
    let (_, is_above, cut, having) = found?;
    let text = if is_above { above(cut) } else { below(cut) };
    Some(Candidate { text, rank: RANK, a_filter_could: false, is_of_spans: false, having })
}

/// The stretch of time in which the affected records are densest: the run of buckets with the largest sum of differences.
fn window(survey: &Survey<'_>) -> Option<Candidate> {
    let totals = survey.totals();
    let (mut best, mut sum, mut start) = ((0.0, 0, 0), 0.0, 0);
    for (at, stretch) in survey.stretches.iter().enumerate() {
        if sum <= 0.0 {
            (sum, start) = (0.0, at);
        }
        sum += totals.share(*stretch);
        if sum > best.0 {
            best = (sum, start, at + 1);
        }
    }
    let (_, from, to) = best;
    if to - from > STRETCHES_MAX || to == from {
        return None;
    }
    let mut having = Totals::default();
    survey.stretches[from..to].iter().for_each(|stretch| join(&mut having, *stretch));
    let seconds = |stretch: usize| clock((stretch as u64 * survey.stretch_ns) as f64 / 1e9);
    let text = format!("due between {} and {}", seconds(from), seconds(to));
    Some(Candidate { text, rank: RANK, a_filter_could: false, is_of_spans: false, having })
}

/// All that is known of a limit on sizes is between which sizes it lies; people set limits to powers of two.
fn larger((low, high): Cut) -> String {
    let round: Vec<u64> = (0..63).map(|bits| 1 << bits).filter(|size| (low..high).contains(size)).collect();
    let limit = match round[..] {
        [] => bytes(low),
        [only] => bytes(only),
        [first, .., last] => format!("{} to {}", bytes(first), bytes(last)),
    };
    format!("larger than {limit} (from {} B on, and not up to {} B)", count(high), count(low))
}

/// The roundest number in decimal from the lower value of a cut up to, but without, the upper one.
fn round_decimal((low, high): Cut) -> u64 {
    let powers = std::iter::successors(Some(10u64.pow(19)), |power| Some(power / 10)).take_while(|power| *power > 0);
    powers.map(|power| (high - 1) / power * power).find(|round| *round >= low && *round > 0).unwrap_or(low)
}

fn bytes(size: u64) -> String {
    if size >= 1024 && size.is_multiple_of(1024) {
        format!("{} KiB", size / 1024)
    } else {
        format!("{} B", count(size))
    }
}

fn time(ns: u64) -> String {
    milliseconds(ns as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roundest_number_of_a_cut_is_told() {
        assert_eq!(larger((4090, 4101)), "larger than 4 KiB (from 4,101 B on, and not up to 4,090 B)");
        assert_eq!(larger((4096, 8193)), "larger than 4 KiB to 8 KiB (from 8,193 B on, and not up to 4,096 B)");
        assert_eq!(larger((3000, 3001)), "larger than 3,000 B (from 3,001 B on, and not up to 3,000 B)");
        assert_eq!(round_decimal((987_654, 1_234_567)), 1_000_000);
        assert_eq!(round_decimal((99, 100)), 99);
        assert_eq!(round_decimal((0, 5)), 4);
        assert_eq!(round_decimal((0, 1)), 0);
        assert_eq!(time(1_500_000), "1.5 ms");
    }

    #[test]
    fn the_best_cut_is_found_on_either_side() {
        let totals = |affected, others| Totals { affected, others };
        let scale = BTreeMap::from([(1, totals(0, 50)), (10, totals(1, 40)), (20, totals(9, 10))]);
        let text = |cut: Cut| format!("{cut:?}");
        let found = best(&scale, text, |_| "below".to_owned()).unwrap();
        assert_eq!((found.text.as_str(), found.having), ("(10, 20)", totals(9, 10)));
        let reversed = BTreeMap::from([(1, totals(9, 0)), (2, totals(0, 90))]);
        let found = best(&reversed, text, |cut| format!("below {}", cut.1)).unwrap();
        assert_eq!((found.text.as_str(), found.having), ("below 2", totals(9, 0)));
        assert_eq!(best(&BTreeMap::from([(1, totals(9, 9))]), text, text), None);
        let alike = BTreeMap::from([(1, totals(0, 2)), (2, totals(2, 2)), (3, totals(2, 0))]);
        assert_eq!(best(&alike, text, text).unwrap().text, "(1, 2)", "of equal cuts the first");
    }
}
