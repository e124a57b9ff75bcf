//! The search, tried on failures that are made up.

use super::*;
use cost::{Cost, bisections_max, ddmin_max};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeSet;

/// A failure by a rule, and what was tried to find it.
struct MadeUp<F> {
    fails: F,
    tried: Vec<(Candidate, Outcome)>,
    trials_max: usize,
}

impl<F: Fn(&Candidate) -> Outcome> MadeUp<F> {
    fn new(fails: F) -> Self {
        Self { fails, tried: Vec::new(), trials_max: usize::MAX }
    }

    fn seen_failing(&self, candidate: &Candidate) -> bool {
        self.tried.iter().any(|(tried, outcome)| tried == candidate && *outcome == Outcome::Fails)
    }
}

/// The trials that were allowed have been made.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Enough;

impl<F: Fn(&Candidate) -> Outcome> Trial for MadeUp<F> {
    type Stop = Enough;

    fn try_out(&mut self, candidate: &Candidate) -> Result<Outcome, Enough> {
        if self.tried.len() >= self.trials_max {
            return Err(Enough);
        }
        let outcome = (self.fails)(candidate);
        self.tried.push((candidate.clone(), outcome));
        Ok(outcome)
    }
}

fn original(faults: usize) -> Original {
    let faults = (1..=faults as u64).map(ending).collect();
    let (suspects, warm_up, duration) = (Vec::new(), Duration::ZERO, Duration::from_secs(120));
    Original { faults, suspects, rate: 2_000.0, of_a_trace: 0.1, warm_up, duration }
}

/// A fault of a second.
fn ending(seconds: u64) -> FaultTimes {
    FaultTimes { lasting: Duration::from_secs(1), end: Duration::from_secs(seconds) }
}

fn contains_all(candidate: &Candidate, needed: &BTreeSet<usize>) -> bool {
    needed.iter().all(|fault| candidate.faults.contains(fault))
}

fn when(fails: bool) -> Outcome {
    if fails { Outcome::Fails } else { Outcome::Holds }
}

/// A rule without any order in it: what fails is drawn by a hash of the faults.
fn at_random(seed: u64, faults: &[usize]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, faults).hash(&mut hasher);
    hasher.finish()
}

proptest! {
    /// Where a failure needs certain faults, exactly these are left, however many others there are.
    #[test]
    fn the_faults_that_matter_are_left(faults in 1_usize..40, needed in prop::collection::btree_set(0_usize..40, 0..5)) {
        let needed: BTreeSet<usize> = needed.into_iter().filter(|fault| *fault < faults).collect();
        let mut trial = MadeUp::new(|candidate: &Candidate| when(contains_all(candidate, &needed)));
        let searched = search(&original(faults), &mut trial);
        prop_assert_eq!(searched.smallest.faults, needed.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(searched.stopped, None);
    }

    /// Whatever is suspected, right or wrong, the same faults are left.
    #[test]
    fn suspects_change_how_long_it_takes_and_nothing_else(
        suspects in prop::collection::btree_set(0_usize..20, 0..6),
        needed in prop::collection::btree_set(0_usize..20, 0..4),
    ) {
        let original = Original { suspects: suspects.iter().copied().collect(), ..original(20) };
        let mut trial = MadeUp::new(|candidate: &Candidate| when(contains_all(candidate, &needed)));
        let searched = search(&original, &mut trial);
        prop_assert_eq!(searched.smallest.faults, needed.iter().copied().collect::<Vec<_>>());
        if suspects == needed && !needed.is_empty() {
            // The suspects, nothing, and of at most three all that is left without one.
            prop_assert!(trial.tried.len() <= 2 + 6 + bisections_max(&original), "{} trials", trial.tried.len());
        }
        prop_assert!(trial.tried.len() <= Cost::of(&original).most);
    }

    /// Whatever the failure is like, and wherever nobody can tell: what is left was seen failing, nothing single can be left out of
    /// it, and the trials are bounded.
    #[test]
    fn what_is_left_fails_and_without_any_one_fault_it_does_not(faults in 0_usize..24, seed: u64, share in 1_u64..5) {
        let original = original(faults);
        let whole = original.whole();
        let fails = |candidate: &Candidate| match at_random(seed, &candidate.faults) % 6 {
            _ if candidate.faults == whole.faults => Outcome::Fails,
            draw if draw < share => Outcome::Fails,
            5 => Outcome::Open,
            _ => Outcome::Holds,
        };
        let mut trial = MadeUp::new(fails);
        let mut kept = whole.faults.clone();
        let ended = ddmin(&mut kept, |faults| {
            trial.try_out(&Candidate { faults: faults.to_vec(), ..whole.clone() }).map(|outcome| outcome == Outcome::Fails)
        });
        prop_assert_eq!(ended, Ok(()));
        let left = Candidate { faults: kept.clone(), ..whole.clone() };
        prop_assert!(kept == whole.faults || trial.seen_failing(&left));
        for fault in &kept {
            let fewer = kept.iter().copied().filter(|other| other != fault).collect();
            let fewer = Candidate { faults: fewer, ..whole.clone() };
            prop_assert!(!trial.seen_failing(&fewer) && trial.tried.iter().any(|(tried, _)| *tried == fewer));
        }
        prop_assert!(trial.tried.len() <= ddmin_max(faults), "{} trials", trial.tried.len());
    }

    /// A search that is stopped gives the smallest that it has seen failing so far, and that only gets smaller with more trials.
    #[test]
    fn a_search_that_is_stopped_gives_the_smallest_so_far(trials in 0_usize..60, a in 0_usize..20, b in 0_usize..20) {
        let (original, needed) = (original(20), BTreeSet::from([a, b]));
        let run = |trials_max| {
            let mut trial = MadeUp::new(|candidate: &Candidate| when(contains_all(candidate, &needed)));
            trial.trials_max = trials_max;
            let searched = search(&original, &mut trial);
            (searched, trial)
        };
        let (searched, trial) = run(trials);
        let Searched { smallest, stopped } = &searched;
        prop_assert!(*smallest == original.whole() || trial.seen_failing(smallest));
        prop_assert_eq!(stopped.is_some(), trial.tried.len() < run(usize::MAX).1.tried.len());
        let size = |candidate: &Candidate| (candidate.faults.len(), candidate.rate, candidate.duration);
        prop_assert!(size(&run(trials + 1).0.smallest) <= size(smallest));
    }

    /// Where less load and time fail no more from some point on, that point is found to within a step.
    #[test]
    fn rate_and_duration_come_down_to_the_last_step_that_fails(rate in 2_f64..2_000.0, seconds in 3_u64..120) {
        let (original, duration) = (original(2), Duration::from_secs(seconds));
        let fails = |candidate: &Candidate| candidate.rate >= rate && candidate.duration >= duration;
        let mut trial = MadeUp::new(|candidate: &Candidate| when(candidate.faults.len() == 2 && fails(candidate)));
        let found = search(&original, &mut trial).smallest;
        prop_assert!(fails(&found));
        let below = ladder::rates(original.rate).into_iter().rfind(|step| *step < found.rate);
        prop_assert!(below.is_none_or(|step| step < rate));
        let shorter = ladder::durations(Duration::from_secs(2), original.duration);
        prop_assert!(shorter.into_iter().rfind(|step| *step < found.duration).is_none_or(|step| step < duration));
    }

    /// The cost that is told beforehand holds.
    #[test]
    fn no_search_takes_more_trials_than_was_told(faults in 0_usize..16, seed: u64) {
        let original = original(faults);
        let whole = original.whole();
        let fails = |candidate: &Candidate| when(candidate.faults == whole.faults || at_random(seed, &candidate.faults).is_multiple_of(3));
        let mut trial = MadeUp::new(fails);
        search(&original, &mut trial);
        let Cost { fewest, typical, most } = Cost::of(&original);
        prop_assert!(fewest <= typical && typical <= most);
        prop_assert!((1..=most).contains(&trial.tried.len()), "{} of {most}", trial.tried.len());
    }
}

#[test]
fn two_faults_of_twenty_are_found_with_few_trials() {
    let cost = Cost::of(&original(20));
    assert!(cost.fewest <= 1 + bisections_max(&original(20)), "{cost:?}");
    assert!(cost.typical - bisections_max(&original(20)) <= 24, "{cost:?}");
}

#[test]
fn a_duration_is_never_shorter_than_what_the_faults_need() {
    let original = Original { faults: vec![ending(30), ending(200)], warm_up: Duration::from_secs(10), ..original(0) };
    let needed = |faults: &[usize]| original.needed(faults).as_secs();
    assert_eq!([needed(&[]), needed(&[0]), needed(&[0, 1])], [1, 20, 120]);
    let shortest = Cell::new(Duration::MAX);
    let mut trial = MadeUp::new(|candidate: &Candidate| {
        shortest.set(shortest.get().min(candidate.duration));
        when(candidate.faults.contains(&0))
    });
    let found = search(&original, &mut trial).smallest;
    assert_eq!(
        (found.faults, found.duration, shortest.get()),
        (vec![0], Duration::from_secs(20), Duration::from_secs(20))
    );
}

#[test]
fn a_rate_is_never_so_low_that_a_fault_may_find_nothing_to_touch() {
    let lasting = |ms| FaultTimes { lasting: Duration::from_millis(ms), ..ending(2) };
    let original = Original { faults: vec![lasting(450), lasting(10_000)], of_a_trace: 5.0, ..original(0) };
    let lowest = |faults: &[usize]| original.rates(faults)[0];
    // Ten traces of five spans in 450 ms are 111 spans a second, and in 10 s they are 5.
    assert_eq!([lowest(&[0, 1]), lowest(&[1]), lowest(&[])], [125.0, 5.0, 2.0]);
    let mut trial = MadeUp::new(|candidate: &Candidate| when(candidate.faults.contains(&0)));
    let found = search(&original, &mut trial).smallest;
    assert_eq!((found.faults, found.rate), (vec![0], 125.0));
    let few = Original { rate: 100.0, ..original };
    assert!(few.rates(&[0]).is_empty(), "there is no less than too little");
}
