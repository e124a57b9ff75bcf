//! Many courses of events, and what they have in common.

use super::queue::{Backend, Broken, Course, Fate, Item, Service, play};
use crate::collector_config::Exporting;
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use spanproof_generators::seed::Seed;
use std::time::Duration;

/// Courses that are played: enough that what happens once in a hundred times shows.
const COURSES: u64 = 200;

/// How long a request may take that is answered at once: over loopback, on a machine that is busy with the load.
const TAKES: [Duration; 2] = [Duration::from_micros(200), Duration::from_millis(8)];

/// How much earlier or later than planned a fault may begin and end for the target.
const SHIFT: Duration = Duration::from_millis(25);

/// How much later than planned a request may come to the queue. Requests that are due shortly after one another may change places.
const ON_THE_WAY: Duration = Duration::from_millis(10);

/// From the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range<T> {
    /// The least.
    pub low: T,
    /// The most.
    pub high: T,
}

impl<T: Ord + Copy> Range<T> {
    fn of(values: impl Iterator<Item = T> + Clone) -> Option<Self> {
        Some(Self { low: values.clone().min()?, high: values.max()? })
    }
}

/// What may become of the requests of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Forecast {
    /// Spans that are acknowledged and then given up.
    pub lost: Range<u64>,
    /// Spans that the target refuses since its queue is full.
    pub refused: Range<u64>,
    /// The most requests in its queue at once.
    pub peak: Range<u64>,
    /// The most bytes of these, as they were sent.
    pub peak_bytes: Range<u64>,
    /// When its queue is full for the first time; `None` where it is in no course.
    pub full_at: Option<Range<Duration>>,
    /// When all is done with.
    pub done: Range<Duration>,
    /// How often requests are sent.
    pub attempts: Range<u64>,
    /// For each request whether it is given up: for certain, for certain not, or `None` where courses differ.
    pub given_up: Vec<Option<bool>>,
    /// The first and the last instant at which a request comes that may be given up.
    pub given_up_between: Option<Range<Duration>>,
    /// Whether pauses are without chance, so that each request's fate follows and not only how many share it.
    pub is_exact: bool,
}

/// Backends that are broken for a while.
pub trait Faults {
    /// How the backend is at an instant; `draw` gives numbers from 0 up to 1, for faults that touch a share of the requests.
    fn at(&self, instant: Duration, draw: &mut dyn FnMut() -> f64) -> Option<Broken>;

    /// Whether chance decides for some requests.
    fn draw(&self) -> bool;
}

/// The faults, a little later or earlier.
struct Shifted<'a, F> {
    faults: &'a F,
    /// From 0 to twice [`SHIFT`], which is from as much too early to as much too late.
    later: Duration,
    chance: Xoshiro256PlusPlus,
}

impl<F: Faults> Backend for Shifted<'_, F> {
    fn at(&mut self, instant: Duration) -> Option<Broken> {
        let Self { faults, chance, later } = self;
        faults.at((instant + SHIFT).saturating_sub(*later), &mut || chance.random())
    }
}

/// Plays the courses; `items` in the order of their instants.
pub fn forecast(exporting: &Exporting, items: &[Item], faults: &impl Faults, seed: Seed) -> Forecast {
    let is_exact = exporting.retry.is_none_or(|retry| retry.randomization_factor == 0.0) && !faults.draw();
    let courses: Vec<Course> = (0..COURSES).map(|number| one(exporting, items, faults, seed, number)).collect();
    let spans = |course: &Course, wanted: Fate| {
        let fates = items.iter().zip(&course.fates).filter(|(_, fate)| **fate == wanted);
        fates.map(|(item, _)| u64::from(item.spans)).sum::<u64>()
    };
    let range = |figure: &dyn Fn(&Course) -> u64| Range::of(courses.iter().map(figure)).unwrap_or_default();
    let given_up: Vec<Option<bool>> = (0..items.len()).map(|item| agreed(&courses, item)).collect();
    let may_be = items.iter().zip(&given_up).filter(|(_, given_up)| **given_up != Some(false)).map(|(item, _)| item.at);
    Forecast {
        given_up_between: Range::of(may_be),
        lost: widened(range(&|course| spans(course, Fate::GivenUp)), is_exact),
        refused: widened(range(&|course| spans(course, Fate::Refused)), is_exact),
        peak: range(&|course| course.peak),
        peak_bytes: range(&|course| course.peak_bytes),
        full_at: Range::of(courses.iter().filter_map(|course| course.full_at)),
        done: Range::of(courses.iter().map(|course| course.done)).unwrap_or_default(),
        attempts: range(&|course| course.attempts),
        given_up,
        is_exact,
    }
}

fn one(exporting: &Exporting, items: &[Item], faults: &impl Faults, seed: Seed, number: u64) -> Course {
    let mut chance = seed.rng("forecast", number);
    let takes = vary(&mut chance, number, TAKES);
    let later = vary(&mut chance, number / 2, [Duration::ZERO, 2 * SHIFT]);
    let mut moved: Vec<(Item, usize)> = items.iter().copied().zip(0..).collect();
    for (item, _) in &mut moved {
        item.at += ON_THE_WAY.mul_f64(chance.random());
    }
    moved.sort_by_key(|(item, _)| item.at);
    let in_order: Vec<Item> = moved.iter().map(|(item, _)| *item).collect();
    let mut backend = Shifted { faults, later, chance: seed.rng("forecast of shares", number) };
    let mut course = play(exporting, &in_order, &mut backend, &mut Service { takes, draw: || chance.random() });
    let fates = std::mem::replace(&mut course.fates, vec![Fate::Delivered; items.len()]);
    for ((_, place), fate) in moved.iter().zip(fates) {
        course.fates[*place] = fate;
    }
    course
}

/// Whether a request is given up, if all courses say the same.
fn agreed(courses: &[Course], item: usize) -> Option<bool> {
    let mut given_up = courses.iter().map(|course| course.fates[item] == Fate::GivenUp);
    let first = given_up.next()?;
    given_up.all(|other| other == first).then_some(first)
}

/// What was seen in so many courses is not yet the most there can be: half of the spread more on each side.
fn widened(range: Range<u64>, is_exact: bool) -> Range<u64> {
    let more = if is_exact { 0 } else { (range.high - range.low).div_ceil(2) };
    Range { low: range.low.saturating_sub(more), high: range.high + more }
}

/// One end in the first course and the other in the second, then anything in between.
fn vary(chance: &mut Xoshiro256PlusPlus, number: u64, ends: [Duration; 2]) -> Duration {
    match number {
        0 => ends[0],
        1 => ends[1],
        _ => ends[0] + (ends[1] - ends[0]).mul_f64(chance.random()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{Protocol, Retry};

    const SECOND: Duration = Duration::from_secs(1);

    /// Refuses this share from 10 s until before 20 s.
    struct Outage(f64);

    impl Faults for Outage {
        fn at(&self, instant: Duration, draw: &mut dyn FnMut() -> f64) -> Option<Broken> {
            let holds = (10 * SECOND..20 * SECOND).contains(&instant) && draw() < self.0;
            holds.then_some(Broken::Refuses { retry_after: None })
        }

        fn draw(&self) -> bool {
            self.0 < 1.0
        }
    }

    fn exporting(randomization_factor: f64, budget: Option<Duration>) -> Exporting {
        Exporting {
            exporter: "otlp_grpc".to_owned(),
            protocol: Protocol::Grpc,
            queue_size: 1000,
            consumers: 4,
            retry: Some(Retry {
                initial_interval: SECOND,
                multiplier: 1.5,
                randomization_factor,
                max_interval: 3 * SECOND,
                max_elapsed_time: budget,
            }),
            timeout: 5 * SECOND,
        }
    }

    /// Ten requests a second for 30 s, of ten spans each.
    fn items() -> Vec<Item> {
        (0..300).map(|number| Item { at: Duration::from_millis(100 * number + 50), spans: 10, bytes: 1000 }).collect()
    }

    #[test]
    fn without_chance_nearly_every_fate_is_certain() {
        let forecast = forecast(&exporting(0.0, Some(3 * SECOND)), &items(), &Outage(1.0), Seed(7));
        assert!(forecast.is_exact);
        let count = |wanted| forecast.given_up.iter().filter(|fate| **fate == wanted).count() as u64;
        let (lost, open) = (count(Some(true)), count(None));
        assert!(lost > 8 && open <= 8, "{lost} {open}");
        assert!(forecast.lost.low >= 10 * lost && forecast.lost.high <= 10 * (lost + open), "{forecast:?}");
        assert_eq!(forecast.refused, Range::default());
        let between = forecast.given_up_between.unwrap();
        assert!(between.low >= 9_900 * SECOND / 1000 && between.high < 20 * SECOND, "{between:?}");
        let full = Exporting { queue_size: 20, ..exporting(0.0, None) };
        let forecast = super::forecast(&full, &items(), &Outage(1.0), Seed(7));
        let at = forecast.full_at.unwrap();
        assert!(at.low > 11 * SECOND && at.high < 13 * SECOND, "{at:?}");
        assert_eq!((forecast.peak, forecast.lost.high), (Range { low: 20, high: 20 }, 0));
        assert_eq!(forecast.peak_bytes, Range { low: 20_000, high: 20_000 });
    }

    /// One more course, with other chances, lies in the range: for twenty seeds each.
    #[test]
    fn with_chance_the_range_holds_what_comes() {
        for (factor, share) in [(0.5, 1.0), (0.5, 0.6), (0.0, 0.6)] {
            let exporting = exporting(factor, Some(3 * SECOND));
            let forecast = forecast(&exporting, &items(), &Outage(share), Seed(7));
            assert!(!forecast.is_exact && forecast.lost.low < forecast.lost.high, "{forecast:?}");
            for seed in 100..120 {
                let course = one(&exporting, &items(), &Outage(share), Seed(seed), 5);
                let lost = 10 * course.fates.iter().filter(|fate| **fate == Fate::GivenUp).count() as u64;
                assert!((forecast.lost.low..=forecast.lost.high).contains(&lost), "{lost} {:?}", forecast.lost);
            }
        }
    }

    #[test]
    fn the_same_seed_foretells_the_same() {
        let of = |seed| forecast(&exporting(0.5, Some(3 * SECOND)), &items(), &Outage(1.0), Seed(seed));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
