//! What a search costs, before it begins: how many candidates are tried at least, about, and at most.

use super::{Candidate, Original, Outcome, Trial, ladder, least, search};
use std::convert::Infallible;

/// So many candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// If no fault matters.
    pub fewest: usize,
    /// If two faults matter: the mean of all pairs.
    pub typical: usize,
    /// Whatever fails.
    pub most: usize,
}

impl Cost {
    /// What this one costs, found by searching for made-up failures.
    pub fn of(original: &Original) -> Self {
        let faults = original.faults.len();
        let fewest = trials(original, &[]);
        let pairs: Vec<usize> =
            (0..faults).flat_map(|a| (0..a).map(move |b| [b, a])).map(|pair| trials(original, &pair)).collect();
        let typical = pairs.iter().sum::<usize>().checked_div(pairs.len()).unwrap_or(fewest);
        let all: Vec<usize> = (0..faults).collect();
        let suspects = usize::from(!original.suspects.is_empty());
        let most = suspects + ddmin_max(faults) + bisections_max(original);
        Self { fewest, typical: typical.max(fewest), most: most.max(trials(original, &all)) }
    }
}

/// The most trials of `ddmin`, by the worst case that its paper has.
pub fn ddmin_max(faults: usize) -> usize {
    faults * faults + 3 * faults
}

/// The most trials of both bisections.
pub fn bisections_max(original: &Original) -> usize {
    let durations = ladder::durations(original.needed(&[]), original.duration).len();
    least::trials_max(original.rates(&[]).len()) + least::trials_max(durations)
}

/// The trials of a search for what fails with these faults, whatever else is with them.
fn trials(original: &Original, faults: &[usize]) -> usize {
    struct Count<'a>(&'a [usize], usize);
    impl Trial for Count<'_> {
        type Stop = Infallible;

        fn try_out(&mut self, candidate: &Candidate) -> Result<Outcome, Infallible> {
            self.1 += 1;
            let fails = self.0.iter().all(|fault| candidate.faults.contains(fault));
            Ok(if fails { Outcome::Fails } else { Outcome::Holds })
        }
    }
    let mut count = Count(faults, 0);
    search(original, &mut count);
    count.1
}
