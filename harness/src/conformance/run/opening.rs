//! Before anything is tried: whether good requests are taken at all, and come out where that is read back.
//!
//! A target that was started before our sink may be waiting before it connects to it again, and until then it holds what it takes, or
//! refuses everything and says to come again. Neither says anything about the target, and every case would blame it for that.

use super::Setup;
use super::control::{Controls, Sent};
use crate::conformance::axes::Axes;
use crate::conformance::book::Entry;
use crate::conformance::plan::{Planned, State};
use crate::conformance::reply::Outcome;
use crate::wire::Signal;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two requests of which the first was to come again.
const AGAIN: Duration = Duration::from_millis(250);

/// What was found before anything was tried.
#[derive(Default)]
pub(super) struct Opening {
    /// The signals of which nothing can be said, and why.
    pub closed: BTreeMap<Signal, String>,
    /// What was sent.
    pub entries: Vec<Entry>,
}

impl Opening {
    /// Why nothing can be said of what is planned.
    pub fn why_not(&self, planned: &Planned) -> Option<&String> {
        self.closed.get(&planned.axes.signal)
    }
}

/// Waits until a good request of each signal is taken and comes out, for no longer than the set-up allows.
pub(super) async fn open(planned: &[Planned], setup: &Setup, controls: &Controls, stop: &CancellationToken) -> Opening {
    let mut opening = Opening::default();
    if setup.ready.is_zero() {
        return opening;
    }
    let mut ways: BTreeMap<Signal, Axes> = BTreeMap::new();
    // Nothing of profiles is read back, and no case of theirs has a control.
    let tried = planned.iter().filter(|one| one.state == State::Tried && one.axes.signal != Signal::Profiles);
    for one in tried {
        ways.entry(one.axes.signal).or_insert(one.axes.plain());
    }
    // One time for all: what keeps one signal waiting keeps the others.
    let until = Instant::now() + setup.ready;
    for (signal, axes) in ways {
        if let Err(why) = opens(axes, setup, controls, until, stop, &mut opening.entries).await {
            opening.closed.insert(signal, why);
        }
    }
    opening
}

async fn opens(
    axes: Axes,
    setup: &Setup,
    controls: &Controls,
    until: Instant,
    stop: &CancellationToken,
    entries: &mut Vec<Entry>,
) -> Result<(), String> {
    for number in 0u32.. {
        let (Sent { probe, load }, taken) = controls.tried_as(axes, &format!("opening-{number}")).await;
        let sent = probe.book.entries();
        let is_retryable = sent.iter().filter_map(|entry| entry.outcome.as_ref()).any(Outcome::is_retryable);
        entries.extend(sent);
        let why = match taken {
            // Nobody there, or refused for good: the cases say it better.
            Err(_) if !is_retryable => return Ok(()),
            Err(why) => format!("over {axes} {why}"),
            Ok(()) => match &setup.readback {
                Some(readback) => {
                    // One that is lost on the way is no reason to wait for ever.
                    let soon = until.min(Instant::now() + readback.settle);
                    let Some((marker, items)) = &load.items else { return Ok(()) };
                    if !readback.store.wait(marker, *items, soon).await.is_empty() {
                        return Ok(());
                    }
                    format!("over {axes} good requests are taken and nothing comes out")
                }
                None => return Ok(()),
            },
        };
        if stop.is_cancelled() || Instant::now() + AGAIN >= until {
            return Err(format!("{why}, for {:?} (--ready waits longer)", setup.ready));
        }
        sleep(AGAIN).await;
    }
    Ok(())
}
