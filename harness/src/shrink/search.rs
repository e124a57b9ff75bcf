//! The search for the smallest run that still fails: pure, so that it can be tested without running anything.
//!
//! First the faults: those that the evidence suggests, if they suffice, and what is left by delta debugging ([`mod@ddmin`]); then
//! the rate and then the duration, each by bisection ([`mod@least`]) over round values ([`ladder`]). Whatever is returned has been
//! seen failing. What a trial costs and how it decides is the business of whoever makes it ([`Trial`]).

pub mod cost;
pub mod ddmin;
pub mod ladder;
pub mod least;
pub mod rule;

use ddmin::ddmin;
use least::least;
use std::time::Duration;

/// A run shorter than this shows little of what follows it.
const DURATION_MIN: Duration = Duration::from_secs(1);

/// So many traces begin on average in the shortest window of a fault that stays. With fewer it would be a matter of luck whether the
/// fault touches anything, and the run at the end would repeat nothing.
const TRACES_IN_WINDOW: f64 = 10.0;

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultTimes {
    /// Each time.
    pub lasting: Duration,
    /// When it has ended for the last time, from the start of the load.
    pub end: Duration,
}

/// What is made smaller.
#[derive(Debug, Clone, PartialEq)]
pub struct Original {
    /// The times of each fault, in the order of the scenario.
    pub faults: Vec<FaultTimes>,
    /// Faults that perhaps suffice, by their places in the scenario, ascending. Good ones save trials, and bad ones cost one.
    pub suspects: Vec<usize>,
    /// The rate, in a second.
    pub rate: f64,
    /// How much of the rate is one trace: its mean number of spans, or 1 of a rate of traces.
    pub of_a_trace: f64,
    /// The warm-up before the duration.
    pub warm_up: Duration,
    /// How long load is applied after the warm-up.
    pub duration: Duration,
}

impl Original {
    /// All of it.
    pub fn whole(&self) -> Candidate {
        Candidate { faults: (0..self.faults.len()).collect(), rate: self.rate, duration: self.duration }
    }

    /// The shortest duration in which these faults still come to their ends, as far as they ever did.
    pub fn needed(&self, faults: &[usize]) -> Duration {
        let last = self.times(faults).map(|times| times.end).max().unwrap_or_default();
        last.saturating_sub(self.warm_up).max(DURATION_MIN).min(self.duration)
    }

    /// The rates to try with these faults, ascending: none at which one of them may find nothing to touch.
    pub fn rates(&self, faults: &[usize]) -> Vec<f64> {
        let shortest = self.times(faults).map(|times| times.lasting).min();
        let least = shortest.map_or(0.0, |lasting| TRACES_IN_WINDOW * self.of_a_trace / lasting.as_secs_f64());
        ladder::rates(self.rate).into_iter().filter(|rate| *rate >= least).collect()
    }

    fn times(&self, faults: &[usize]) -> impl Iterator<Item = &FaultTimes> {
        faults.iter().filter_map(|fault| self.faults.get(*fault))
    }
}

/// Something that may still fail.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The faults that stay, by their places in the scenario, ascending.
    pub faults: Vec<usize>,
    /// The rate, in a second.
    pub rate: f64,
    /// How long load is applied after the warm-up.
    pub duration: Duration,
}

/// What came of trying a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It fails as the original did.
    Fails,
    /// It does not.
    Holds,
    /// Nobody can tell. It is not taken.
    Open,
}

/// Tries candidates.
pub trait Trial {
    /// Why a search is to end before it is through.
    type Stop;

    /// Tries one.
    ///
    /// # Errors
    /// When the search is to end; nothing has been learned then.
    fn try_out(&mut self, candidate: &Candidate) -> Result<Outcome, Self::Stop>;
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched<S> {
    /// The smallest that was seen failing; the original if nothing smaller was.
    pub smallest: Candidate,
    /// Why it is perhaps not the smallest there is.
    pub stopped: Option<S>,
}

/// Makes an original that fails as small as it can be: its faults, then its rate, then its duration.
pub fn search<T: Trial>(original: &Original, trial: &mut T) -> Searched<T::Stop> {
    let mut smallest = original.whole();
    let phases = [try_suspects::<T>, reduce_faults, reduce_rate, reduce_duration];
    let stopped = phases.into_iter().find_map(|phase| phase(original, &mut smallest, trial).err());
    Searched { smallest, stopped }
}

fn try_suspects<T: Trial>(original: &Original, smallest: &mut Candidate, trial: &mut T) -> Result<(), T::Stop> {
    let suspects = &original.suspects;
    if !suspects.is_empty() && suspects.len() < smallest.faults.len() {
        take_if_it_fails(trial, smallest, |candidate| candidate.faults.clone_from(suspects))?;
    }
    Ok(())
}

fn reduce_faults<T: Trial>(_: &Original, smallest: &mut Candidate, trial: &mut T) -> Result<(), T::Stop> {
    let whole = smallest.clone();
    ddmin(&mut smallest.faults, |faults| fails(trial, &Candidate { faults: faults.to_vec(), ..whole.clone() }))
}

fn reduce_rate<T: Trial>(original: &Original, smallest: &mut Candidate, trial: &mut T) -> Result<(), T::Stop> {
    let rates = original.rates(&smallest.faults);
    least(rates.len(), |step| take_if_it_fails(trial, smallest, |candidate| candidate.rate = rates[step]))
}

fn reduce_duration<T: Trial>(original: &Original, smallest: &mut Candidate, trial: &mut T) -> Result<(), T::Stop> {
    let durations = ladder::durations(original.needed(&smallest.faults), original.duration);
    least(durations.len(), |step| take_if_it_fails(trial, smallest, |candidate| candidate.duration = durations[step]))
}

/// Changes the smallest and keeps the change if it still fails.
fn take_if_it_fails<T: Trial>(
    trial: &mut T,
    smallest: &mut Candidate,
    change: impl Fn(&mut Candidate),
) -> Result<bool, T::Stop> {
    let mut candidate = smallest.clone();
    change(&mut candidate);
    let fails = fails(trial, &candidate)?;
    if fails {
        *smallest = candidate;
    }
    Ok(fails)
}

fn fails<T: Trial>(trial: &mut T, candidate: &Candidate) -> Result<bool, T::Stop> {
    Ok(trial.try_out(candidate)? == Outcome::Fails)
}

#[cfg(test)]
mod tests;
