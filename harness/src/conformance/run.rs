//! Tries what is planned, side by side within a bound, and says what came of each.
//!
//! One case cannot take the others down: each has a task of its own, a deadline, and connections that are nobody else's. When all have
//! ended, what was sent is held against what came out, after one wait for all of it. Nothing is tried before good requests are taken
//! and come out.

mod control;
mod findings;
mod opening;

use super::book::Entry;
use super::judged::Judged;
use super::plan::{Planned, State};
use super::probe::Probe;
use super::profile::Profile;
use super::raw::Unanswered;
use super::readback::ReadBack;
use super::registry::{Control, Needs};
use crate::wire::Signal;
use control::Controls;
use spanproof_reports::conformance::{Conservation, Finding, WireEntry};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The longest that a case may take, and one that takes time.
const CASE_MAX: Duration = Duration::from_secs(60);
const LONG_CASE_MAX: Duration = Duration::from_secs(180);

/// What was refused may come out a little later; no longer than this is waited for what is not to come.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// With what things are tried.
#[derive(Clone)]
pub struct Setup {
    /// What is known of the target.
    pub profile: Arc<Profile>,
    /// How what comes out can be read back, if it can.
    pub readback: Option<ReadBack>,
    /// How many cases are tried at once.
    pub jobs: NonZeroUsize,
    /// From which markers follow.
    pub seed: u64,
    /// The longest that an answer is waited for.
    pub within: Duration,
    /// The longest that is waited in the beginning until good requests are taken and come out; zero does not ask.
    pub ready: Duration,
    /// The command that tries everything; with `--select NAME` it tries one again.
    pub command: String,
}

/// What came of everything.
pub struct Tried {
    /// One for each that was planned, in that order.
    pub findings: Vec<Finding>,
    /// What became of all items, where that can be told.
    pub conservation: Option<Conservation>,
    /// Ways in which good requests were taken before and are no longer: something has broken the target, and no case has said so.
    pub no_longer: Vec<String>,
}

/// What came of one case, before it is known what came out.
struct Ended {
    came: Came,
    entries: Vec<Entry>,
    wire: Vec<WireEntry>,
    took_ms: u64,
}

enum Came {
    Judged(Judged),
    /// Nothing can be said about the target.
    Error(String),
    /// It said nothing, or nothing that is an answer.
    Unanswered(Unanswered),
}

impl Ended {
    fn error(why: String) -> Self {
        Self { came: Came::Error(why), entries: Vec::new(), wire: Vec::new(), took_ms: 0 }
    }
}

/// Tries everything. `done` is told of each case that has ended, and how many there are; when the token is cancelled no further
/// case is begun.
pub async fn run(planned: &[Planned], setup: &Setup, stop: &CancellationToken, done: impl Fn(usize, usize)) -> Tried {
    let places = Arc::new(Semaphore::new(setup.jobs.get()));
    let controls = Arc::new(Controls::new(setup.clone()));
    let opening = opening::open(planned, setup, &controls, stop).await;
    let mut tasks: JoinSet<(usize, Ended)> = JoinSet::new();
    let tried: Vec<usize> = (0..planned.len()).filter(|place| planned[*place].state == State::Tried).collect();
    let mut numbers = BTreeMap::new();
    let mut ended: BTreeMap<usize, Ended> = BTreeMap::new();
    for &place in &tried {
        if let Some(why) = opening.why_not(&planned[place]) {
            ended.insert(place, Ended::error(why.clone()));
            continue;
        }
        let (one, setup, stop) = (planned[place].clone(), setup.clone(), stop.clone());
        let (places, controls) = (Arc::clone(&places), Arc::clone(&controls));
        let task = tasks.spawn(async move {
            // Never closed.
            let _place = places.acquire_owned().await;
            if stop.is_cancelled() {
                return (place, Ended::error("it was interrupted".to_owned()));
            }
            (place, try_one(&one, &setup, &controls, place).await)
        });
        numbers.insert(task.id(), place);
    }
    while let Some(joined) = tasks.join_next_with_id().await {
        match joined {
            Ok((_, (place, one))) => drop(ended.insert(place, one)),
            Err(error) => {
                let place = numbers.get(&error.id()).copied().unwrap_or_default();
                ended.insert(place, Ended::error("the case itself failed, which is a mistake of spanproof".to_owned()));
            }
        }
        done(ended.len(), tried.len());
    }
    let no_longer = controls.no_longer().await;
    settle(&ended, setup).await;
    let own = [opening.entries, controls.entries()].concat();
    let conservation = findings::conservation(&ended, &own, setup);
    let findings = planned.iter().enumerate();
    let findings = findings.map(|(place, one)| findings::finding(one, ended.get(&place), setup)).collect();
    Tried { findings, conservation, no_longer }
}

async fn try_one(planned: &Planned, setup: &Setup, controls: &Controls, place: usize) -> Ended {
    let case = planned.case;
    // Nothing of profiles is read back, so there is no twin of theirs that could come out.
    if case.control == Control::Twin && planned.axes.signal != Signal::Profiles {
        let comes_out = case.needs(Needs::ReadBack);
        if let Err(why) = controls.holds(planned.axes.plain(), comes_out).await {
            return Ended::error(format!("its control fails: {why}"));
        }
    }
    let label = format!("sp-{:x}-{place}", setup.seed);
    let probe = Probe::new(planned.axes, Arc::clone(&setup.profile), setup.readback.clone(), label, setup.within);
    let longest = if case.needs(Needs::Time) { LONG_CASE_MAX } else { CASE_MAX };
    let came = match (timeout(longest, (case.tries)(&probe)).await, probe.nobody()) {
        (_, Some(nobody)) => Came::Error(nobody.to_string()),
        (Ok(Ok(judged)), None) => Came::Judged(judged),
        (Ok(Err(error @ Unanswered::Unsayable(_))), None) => Came::Error(error.to_string()),
        (Ok(Err(error)), None) => Came::Unanswered(error),
        (Err(_), None) => Came::Error(format!("it did not end within {longest:?}")),
    };
    Ended { came, entries: probe.book.entries(), wire: probe.trace.entries(), took_ms: probe.trace.took_ms() }
}

/// Waits once for all that is still to come out, and a little for what is not.
async fn settle(ended: &BTreeMap<usize, Ended>, setup: &Setup) {
    let Some(readback) = &setup.readback else { return };
    let until = Instant::now() + readback.settle;
    for entry in ended.values().flat_map(|ended| &ended.entries) {
        if let Some(outcome) = entry.outcome.as_ref().filter(|outcome| outcome.is_taken()) {
            let due = entry.items.saturating_sub(u64::try_from(outcome.rejected()).unwrap_or(0));
            if readback.store.count(&entry.marker) < due {
                readback.store.wait(&entry.marker, due, until).await;
            }
        }
    }
    sleep(AFTERWARDS.min(readback.settle)).await;
}
