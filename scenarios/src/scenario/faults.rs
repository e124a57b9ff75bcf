//! What is broken while the load runs, when, and for how long.

use super::link::LinkFault;
use crate::units::Ppb;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

mod check;
mod commands;
mod sink;

pub(super) use check::resolve;
pub use commands::{Command, Commands};
pub use sink::{Reach, RetryAfter, SinkFault, SinkSwitch};

/// Something that is broken for a while and then whole again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Names it in limits and reports; no two have the same.
    pub name: String,
    /// When it holds.
    pub windows: Windows,
    /// What happens.
    pub kind: FaultKind,
}

/// What happens, and to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// The sink is broken.
    Sink {
        /// How.
        fault: SinkFault,
        /// Which requests it touches.
        reach: Reach,
    },
    /// Something happens to the target's process.
    Target(TargetFault),
    /// A way is broken.
    Link {
        /// Which.
        site: LinkSite,
        /// How.
        fault: LinkFault,
        /// Which share of the connections it touches.
        share: Ppb,
    },
    /// Commands of the user's break whatever they do.
    Commands(Commands),
}

/// A way that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkSite {
    /// From the target to the sink.
    Egress,
    /// From the client to the target.
    Ingress,
}

/// What happens to a target's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetFault {
    /// It is stopped by SIGSTOP, and goes on at the end.
    Freeze,
    /// It is killed by SIGKILL, and started again at the end.
    Kill,
    /// It is asked to end by SIGTERM, and started again at the end.
    Terminate,
    /// It runs for a share of each tenth of a second and stands still for the rest, as under a quota of CPU time.
    Cpu {
        /// From 1 % to 99 %.
        share: Ppb,
    },
    /// It may open no file, and take no connection, beyond those that it has, until the end.
    Descriptors,
    /// It is told by SIGHUP to read its configuration again, once, at the beginning; it has until the end for that.
    Reload,
}

/// When something holds: once, or again and again. Counted from the start of the load; a window's end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// The first beginning.
    pub at: Duration,
    /// How long each window lasts; above zero.
    pub lasting: Duration,
    /// From one beginning to the next; not shorter than a window.
    pub every: Duration,
    /// How many windows there are; at least one.
    pub times: u32,
}

impl Windows {
    /// Each window: when it begins and when it ends.
    pub fn all(&self) -> impl Iterator<Item = (Duration, Duration)> + '_ {
        (0..self.times).map(|number| self.window(number))
    }

    /// Window `number`, counted from 0.
    pub fn window(&self, number: u32) -> (Duration, Duration) {
        let begin = self.at.saturating_add(self.every.saturating_mul(number));
        (begin, begin.saturating_add(self.lasting))
    }

    /// Whether an instant lies in a window.
    pub fn hold(&self, at: Duration) -> bool {
        self.since(at).is_some()
    }

    /// How long before an instant the window began in which it lies, if it lies in one.
    pub fn since(&self, at: Duration) -> Option<Duration> {
        let since = at.checked_sub(self.at)?;
        if self.times == 1 {
            return Some(since).filter(|since| *since < self.lasting);
        }
        // In 64 bits, since every request asks: they hold 584 years.
        let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let (every, since) = (nanoseconds(self.every), nanoseconds(since));
        let (number, since) = (since / every, Duration::from_nanos(since % every));
        (number < u64::from(self.times) && since < self.lasting).then_some(since)
    }

    /// Whether an instant from `from` to `to` lies in a window.
    pub fn hold_within(&self, from: Duration, to: Duration) -> bool {
        self.hold(from) || self.begun(to) > self.begun(from)
    }

    /// How many windows have begun by an instant.
    fn begun(&self, by: Duration) -> u32 {
        let Some(since) = by.checked_sub(self.at) else { return 0 };
        let before = since.as_nanos().checked_div(self.every.as_nanos()).unwrap_or(0);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1).min(self.times)
    }

    /// When the last window ends.
    pub fn end(&self) -> Duration {
        self.window(self.times - 1).1
    }
}

impl FaultKind {
    /// How long it asks a target to wait before it comes again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Sink { fault, .. } => fault.retry_after(),
            Self::Target(_) | Self::Link { .. } | Self::Commands(_) => None,
        }
    }
}

impl Display for FaultKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            // It picks its requests itself.
            Self::Sink { fault: fault @ SinkFault::Poison { .. }, .. } => write!(f, "the sink {fault}"),
            Self::Sink { fault, reach } => write!(f, "the sink {fault}, {reach}"),
            Self::Target(fault) => write!(f, "the target {fault}"),
            Self::Commands(commands) => write!(f, "{commands}"),
            Self::Link { site, fault, share: Ppb::WHOLE } => write!(f, "{site} {fault}"),
            Self::Link { site, fault, share } => write!(f, "{site} {fault}, for {share} of the connections"),
        }
    }
}

/// As the subject of what happens there.
impl Display for LinkSite {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Egress => "the link to the sink",
            Self::Ingress => "the link to the target",
        })
    }
}

impl Display for TargetFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Cpu { share } => return write!(f, "runs for {share} of the time and stands still for the rest"),
            Self::Freeze => "is stopped by SIGSTOP, and goes on at the end",
            Self::Kill => "is killed by SIGKILL, and started again at the end",
            Self::Terminate => "is ended by SIGTERM, and started again at the end",
            Self::Descriptors => "may open no further file or connection until the end",
            Self::Reload => "is told by SIGHUP to read its configuration again",
        };
        f.write_str(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAPPING: Windows = Windows {
        at: Duration::from_secs(10),
        lasting: Duration::from_secs(2),
        every: Duration::from_secs(5),
        times: 3,
    };

    #[test]
    fn windows_hold_from_their_beginning_until_before_their_end() {
        let seconds: Vec<u64> = (0..40).filter(|second| FLAPPING.hold(Duration::from_secs(*second))).collect();
        assert_eq!(seconds, [10, 11, 15, 16, 20, 21]);
        assert_eq!(FLAPPING.all().count(), 3);
        assert_eq!(FLAPPING.end(), Duration::from_secs(22));
        let once = Windows { times: 1, ..FLAPPING };
        let seconds: Vec<u64> = (0..40).filter(|second| once.hold(Duration::from_secs(*second))).collect();
        assert_eq!((seconds, once.end()), (vec![10, 11], Duration::from_secs(12)));
    }

    #[test]
    fn every_window_of_the_list_holds_and_nothing_else_does() {
        for ms in 0..40_000 {
            let at = Duration::from_millis(ms);
            assert_eq!(FLAPPING.hold(at), FLAPPING.all().any(|(begin, end)| (begin..end).contains(&at)), "{ms}");
        }
    }

    #[test]
    fn a_span_of_time_meets_the_windows_that_it_reaches_into() {
        let ms = Duration::from_millis;
        for (from, length) in
            (0..30_000).step_by(100).flat_map(|from| [0, 1, 100, 2_500, 20_000].map(|length| (from, length)))
        {
            let (from, to) = (ms(from), ms(from + length));
            let meets = FLAPPING.all().any(|(begin, end)| begin <= to && from < end);
            assert_eq!(FLAPPING.hold_within(from, to), meets, "{from:?} to {to:?}");
        }
    }
}
