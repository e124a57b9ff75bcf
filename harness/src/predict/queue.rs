//! One course of events: requests come to a queue, are sent by a few consumers, and fail while the backend is broken.

use crate::collector_config::Exporting;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A request that comes to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// When, from the start of the run.
    pub at: Duration,
    /// How many spans it has.
    pub spans: u32,
    /// How many bytes it takes, as it is sent.
    pub bytes: u32,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// The backend takes it.
    Delivered,
    /// It was acknowledged, and then given up: its retries are over, or may not begin.
    GivenUp,
    /// The queue is full, and whoever sent it is told so.
    Refused,
}

/// How a backend is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It refuses at once, and asks to be left alone for so long.
    Refuses {
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
    /// It refuses at once and for good.
    RefusesForGood,
    /// It does not answer.
    Hangs,
}

/// Tells how the backend is at an instant: `None` while it is well.
pub trait Backend {
    /// Asked once for every attempt.
    fn at(&mut self, instant: Duration) -> Option<Broken>;
}

/// What is not in the configuration: how long a request takes that is answered at once, and chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service<Draw> {
    /// From sending to the answer.
    pub takes: Duration,
    /// Draws a number from 0 up to 1.
    pub draw: Draw,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// What became of each request, in their order.
    pub fates: Vec<Fate>,
    /// The most requests that were in the queue at once.
    pub peak: u64,
    /// The most bytes of them, as they were sent.
    pub peak_bytes: u64,
    /// When the queue was full for the first time.
    pub full_at: Option<Duration>,
    /// When the last request was done with.
    pub done: Duration,
    /// How often requests were sent.
    pub attempts: u64,
}

/// Plays one course; `items` in the order of their instants.
///
/// Consumers are alike and take the oldest first, and what becomes of a request once it is taken depends on nothing but the
/// instant. So each is followed to its end as soon as it comes.
pub fn play(
    exporting: &Exporting,
    items: &[Item],
    backend: &mut impl Backend,
    service: &mut Service<impl FnMut() -> f64>,
) -> Course {
    let mut course = Course { fates: Vec::with_capacity(items.len()), ..Course::default() };
    // When each consumer is free again; no more than there are requests.
    let consumers = exporting.consumers.min(items.len().max(1) as u64);
    let mut free: BinaryHeap<Reverse<Duration>> = (0..consumers).map(|_| Reverse(Duration::ZERO)).collect();
    // Requests in the queue by when they leave it, with their bytes, and the sum of these.
    let mut inside: BinaryHeap<Reverse<(Duration, u32)>> = BinaryHeap::new();
    let mut bytes = 0;
    for item in items {
        while let Some(Reverse((end, left))) = inside.peek().copied()
            && end <= item.at
        {
            inside.pop();
            bytes -= u64::from(left);
        }
        if inside.len() as u64 >= exporting.queue_size {
            course.full_at.get_or_insert(item.at);
            course.fates.push(Fate::Refused);
            continue;
        }
        let Reverse(idle) = free.pop().unwrap_or_default();
        let (fate, end) = send(exporting, item.at.max(idle), backend, service, &mut course.attempts);
        free.push(Reverse(end));
        inside.push(Reverse((end, item.bytes)));
        bytes += u64::from(item.bytes);
        course.fates.push(fate);
        course.peak = course.peak.max(inside.len() as u64);
        course.peak_bytes = course.peak_bytes.max(bytes);
        course.done = course.done.max(end);
    }
    course
}

/// Sends one request until it is taken or given up, and tells when that was.
fn send(
    exporting: &Exporting,
    begin: Duration,
    backend: &mut impl Backend,
    service: &mut Service<impl FnMut() -> f64>,
    attempts: &mut u64,
) -> (Fate, Duration) {
    let mut now = begin;
    let mut pause = exporting.retry.map_or(Duration::ZERO, |retry| retry.initial_interval);
    loop {
        *attempts += 1;
        let broken = backend.at(now);
        now += match broken {
            Some(Broken::Hangs) => exporting.timeout,
            _ => service.takes,
        };
        let asked = match broken {
            None => return (Fate::Delivered, now),
            Some(Broken::RefusesForGood) => return (Fate::GivenUp, now),
            Some(Broken::Refuses { retry_after }) => retry_after.unwrap_or_default(),
            Some(Broken::Hangs) => Duration::ZERO,
        };
        let Some(retry) = exporting.retry else { return (Fate::GivenUp, now) };
        let random = 1.0 + retry.randomization_factor * (2.0 * (service.draw)() - 1.0);
        let next = now + pause.mul_f64(random).max(asked);
        if retry.max_elapsed_time.is_some_and(|budget| begin + budget < next) {
            return (Fate::GivenUp, now);
        }
        pause = pause.mul_f64(retry.multiplier.max(1.0)).min(retry.max_interval);
        now = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{Protocol, Retry};

    const MS: Duration = Duration::from_millis(1);

    /// Refuses from 10 s until before 20 s.
    struct Outage(Broken);

    impl Backend for Outage {
        fn at(&mut self, instant: Duration) -> Option<Broken> {
            (10_000 * MS..20_000 * MS).contains(&instant).then_some(self.0)
        }
    }

    const REFUSES: Broken = Broken::Refuses { retry_after: None };

    /// Pauses of 1, 2, 4, 4, ... seconds without chance, by one consumer.
    fn exporting(queue_size: u64, budget: Option<u64>) -> Exporting {
        let seconds = Duration::from_secs;
        Exporting {
            exporter: "otlp_grpc".to_owned(),
            protocol: Protocol::Grpc,
            queue_size,
            consumers: 1,
            retry: Some(Retry {
                initial_interval: seconds(1),
                multiplier: 2.0,
                randomization_factor: 0.0,
                max_interval: seconds(4),
                max_elapsed_time: budget.map(seconds),
            }),
            timeout: seconds(5),
        }
    }

    /// One request a second, from 0.5 s on.
    fn every_second(count: u64) -> Vec<Item> {
        (0..count)
            .map(|second| Item { at: (1000 * second + 500) as u32 * MS, spans: 1, bytes: 100 + second as u32 })
            .collect()
    }

    fn of(exporting: &Exporting, count: u64, broken: Broken) -> Course {
        let mut service = Service { takes: MS, draw: || 0.5 };
        play(exporting, &every_second(count), &mut Outage(broken), &mut service)
    }

    fn shown(course: &Course) -> String {
        let letter = |fate: &Fate| match fate {
            Fate::Delivered => '.',
            Fate::GivenUp => 'x',
            Fate::Refused => '-',
        };
        course.fates.iter().map(letter).collect()
    }

    #[test]
    fn a_budget_that_outlasts_the_outage_loses_nothing_and_the_queue_holds_all_of_it() {
        let course = of(&exporting(100, None), 30, REFUSES);
        assert_eq!(shown(&course), ".".repeat(30));
        // The request of 10.5 s is tried at 10.5, 11.5, 13.5, 17.5 and 21.504 s; the one of 21.5 s has come by then, too.
        assert_eq!((course.peak, course.full_at, course.attempts), (12, None, 34));
    }

    /// By hand: the request of 10.5 s is tried at 10.5, 11.501 and 13.502 s, and would be again at 17.503 s, which is over its
    /// budget of 5 s: given up at 13.503 s. The next begins then, and its tries at 13.503, 14.504 and 16.505 s are over at
    /// 16.506 s; the third at 16.506, 17.507 and 19.508 s, over at 19.509 s. The fourth begins at 19.509 s and is taken at 20.51 s.
    #[test]
    fn one_consumer_gives_up_one_request_after_the_other() {
        let course = of(&exporting(100, Some(5)), 25, REFUSES);
        assert_eq!(shown(&course), format!("{}xxx{}", ".".repeat(10), ".".repeat(12)));
    }

    #[test]
    fn a_full_queue_refuses_what_comes_until_something_is_done_with() {
        let course = of(&exporting(5, None), 30, REFUSES);
        // Those of 10.5 to 14.5 s fill it; the first is taken at 21.5 s, and the others at once after it.
        assert_eq!(shown(&course), format!("{}-------{}", ".".repeat(15), ".".repeat(8)));
        assert_eq!((course.peak, course.full_at), (5, Some(15_500 * MS)));
        // Those of 10.5 to 14.5 s have 110 to 114 bytes, and are the ones that stay.
        assert_eq!(course.peak_bytes, 560);
    }

    #[test]
    fn who_refuses_for_good_or_is_not_tried_again_costs_all_that_comes() {
        let all = format!("{}{}{}", ".".repeat(10), "x".repeat(10), ".".repeat(5));
        assert_eq!(shown(&of(&exporting(100, None), 25, Broken::RefusesForGood)), all);
        let once = Exporting { retry: None, ..exporting(100, None) };
        assert_eq!(shown(&of(&once, 25, REFUSES)), all);
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_and_counts_against_the_budget() {
        let asks = Broken::Refuses { retry_after: Some(Duration::from_secs(6)) };
        assert_eq!(shown(&of(&exporting(100, Some(5)), 21, asks)), format!("{}{}.", ".".repeat(10), "x".repeat(10)));
        let course = of(&exporting(100, Some(30)), 21, asks);
        // 10.5 and 16.5 s, then 22.5 s.
        assert_eq!((shown(&course), course.peak), (".".repeat(21), 11));
    }

    #[test]
    fn who_does_not_answer_costs_the_timeout_each_time() {
        let course = of(&exporting(100, Some(8)), 21, Broken::Hangs);
        // Tried at 10.5 s until 15.5 s, again at 16.5 s until 21.5 s; the next would begin at 23.5 s.
        assert_eq!(shown(&course)[..12], *"..........x.");
    }

    #[test]
    fn chance_makes_pauses_shorter_and_longer_by_its_share() {
        let random = |draw: f64| {
            let mut exporting = exporting(100, None);
            exporting.retry.as_mut().unwrap().randomization_factor = 0.5;
            let mut service = Service { takes: MS, draw: || draw };
            play(&exporting, &every_second(11), &mut Outage(REFUSES), &mut service).done
        };
        // 0.5, 1, 2, 2, 2 and 2 s against 1.5, 3 and 6 s, and a millisecond for each try.
        assert_eq!((random(0.0), random(1.0)), (20_007 * MS, 21_004 * MS));
    }

    #[test]
    fn consumers_work_side_by_side() {
        let two = Exporting { consumers: 2, ..exporting(100, Some(5)) };
        let lost = shown(&of(&two, 25, REFUSES)).matches('x').count();
        // The second, a second later, tries its third at 20.5 s with success.
        assert_eq!(lost, 5);
    }
}
