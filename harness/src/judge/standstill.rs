//! When spanproof itself stood still, and what of a target's seeming misconduct that explains.
//!
//! While we are paused, or get no CPU, our sink takes nothing and answers nothing. A blameless target then delivers late, and sends
//! again what was not answered in time; so what came late or twice around such a time proves nothing. It is excused where the
//! standstill can be the reason, and nowhere else: it has to lie between the sending of a request and the arrival of its spans, and
//! to have taken half or more of the time that the target had. What is lost stays lost: no standstill takes a span away.

use super::account::Account;
use super::declared::those;
use super::instants::{Instants, Packed};
use roaring::RoaringTreemap;
use spanproof_generators::plan::Plan;
use spanproof_reports::figures::{clock, duration, several};
use std::time::Duration;

/// A target of which nothing is known is taken to wait so long for an answer before it sends again; exporters wait for
/// seconds by default.
const ANSWER_UNKNOWN: Duration = Duration::from_secs(2);

/// The longest standstills that are told one by one.
const TOLD_MAX: usize = 3;

/// A time in which we stood still, from the start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standstill {
    /// When it began.
    pub from: Duration,
    /// When it ended; later than it began.
    pub to: Duration,
}

impl Standstill {
    fn length(self) -> Duration {
        self.to - self.from
    }

    /// Whether some of it lies between these instants.
    fn meets(self, from: Duration, to: Duration) -> bool {
        self.from <= to && from <= self.to
    }

    /// The same with its consequences: what was due meanwhile is sent at once when it ends, and a target that was given no more than
    /// half of what it can take has caught up after as long again.
    fn until_caught_up(self) -> Self {
        Self { to: self.to.saturating_add(self.length()), ..self }
    }
}

/// All of a run's, in order and apart from each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standstills(Vec<Standstill>);

impl Standstills {
    /// No more are kept apart: of more, the two with the least between them count as one.
    pub const KEPT_MAX: usize = 256;

    /// Notes one from its begin to its end. Those that touch become one; what has no length is none.
    pub fn note(&mut self, from: Duration, to: Duration) {
        if from >= to {
            return;
        }
        let mut noted = Standstill { from, to };
        self.0.retain(|other| {
            let touches = other.meets(noted.from, noted.to);
            if touches {
                noted = Standstill { from: noted.from.min(other.from), to: noted.to.max(other.to) };
            }
            !touches
        });
        let at = self.0.partition_point(|other| other.from < noted.from);
        self.0.insert(at, noted);
        if self.0.len() > Self::KEPT_MAX {
            self.join_nearest();
        }
    }

    fn join_nearest(&mut self) {
        let between = |at: &usize| self.0[at + 1].from - self.0[*at].to;
        if let Some(at) = (0..self.0.len() - 1).min_by_key(between) {
            let joined = self.0.remove(at + 1);
            self.0[at].to = joined.to;
        }
    }

    /// Each of them.
    pub fn all(&self) -> &[Standstill] {
        &self.0
    }

    /// How long we stood still in all.
    pub fn length(&self) -> Duration {
        self.length_where(|_| true)
    }

    fn length_where(&self, counts: impl Fn(Standstill) -> bool) -> Duration {
        let lengths = self.0.iter().filter(|standstill| counts(**standstill)).map(|standstill| standstill.length());
        lengths.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// What to say of them; `None` without any.
    pub fn in_words(&self) -> Option<String> {
        let mut longest = self.0.clone();
        longest.sort_by_key(|standstill| std::cmp::Reverse(standstill.length()));
        longest.truncate(TOLD_MAX);
        longest.sort_by_key(|standstill| standstill.from);
        let one = |standstill: &Standstill| {
            format!("{} from {} on", duration(standstill.length()), clock(standstill.from.as_secs_f64()))
        };
        let told = longest.iter().map(one).collect::<Vec<_>>().join(", ");
        match self.0.len() {
            0 => None,
            count if count <= TOLD_MAX => Some(format!("spanproof itself stood still for {told}")),
            count => Some(format!(
                "spanproof itself stood still {}, for {} in all ({told}, and more)",
                several(count as u64, "time"),
                duration(self.length())
            )),
        }
    }
}

/// What a target does where an answer does not come, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resending {
    /// How long it waits for an answer; `None` where that is not known.
    pub answer_within: Option<Duration>,
    /// The longest that it waits before it sends again.
    pub pause: Duration,
}

impl Resending {
    /// Whether so long a standstill may have a target give up waiting for an answer: it took half or more of the time for that.
    fn may_follow(self, stood_still: Duration) -> bool {
        !stood_still.is_zero() && stood_still.saturating_mul(2) >= self.answer_within.unwrap_or(ANSWER_UNKNOWN)
    }

    /// Whether one of them may.
    fn may_follow_one_of(self, standstills: &Standstills) -> bool {
        standstills.all().iter().any(|standstill| self.may_follow(standstill.length()))
    }

    /// Until when a target that gave up waiting in one of these may wait before it sends again; `None` where none did.
    pub fn sends_again_by(self, standstills: &Standstills) -> Option<Duration> {
        let followed = standstills.all().iter().filter(|standstill| self.may_follow(standstill.length()));
        followed.map(|standstill| standstill.to.saturating_add(self.pause)).max()
    }

    /// By how much so long a standstill may have spans come later.
    fn delay(self, stood_still: Duration) -> Duration {
        let pause = if self.may_follow(stood_still) { self.pause } else { Duration::ZERO };
        stood_still.saturating_add(pause)
    }
}

/// From when on spans are late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    /// How long after they were sent.
    pub after: Duration,
    /// So much of it is more than the target may hold them.
    pub margin: Duration,
}

/// What our own standstills may be the reason for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excused {
    /// When we stood still.
    pub standstills: Standstills,
    /// Late records that need not be the target's doing.
    pub late: RoaringTreemap,
    /// Repeated records, not explained otherwise, that need not be its doing.
    pub repeated: RoaringTreemap,
    /// Whether the target may have given up waiting for an answer that we had decided.
    pub unheard: bool,
    /// By how much it may have recovered later from a fault.
    pub delay: Duration,
}

impl Excused {
    /// Nothing that rests on instants of requests, which nobody has noted: where we stood still for long enough, every repeat.
    pub fn without_instants(account: &Account, standstills: Standstills, resending: Resending) -> Self {
        let unheard = resending.may_follow_one_of(&standstills);
        let repeated = if unheard { account.unexplained_repeats() } else { RoaringTreemap::new() };
        let delay = resending.delay(standstills.length());
        Self { late: RoaringTreemap::new(), repeated, unheard, delay, standstills }
    }

    /// What standstills explain in a run whose requests have these instants, by chunk and number.
    pub fn of(
        (account, plan, instants): (&Account, &Plan, &[Vec<Packed>]),
        standstills: Standstills,
        resending: Resending,
        lateness: Lateness,
    ) -> Self {
        if standstills.all().is_empty() {
            return Self::default();
        }
        let came_twice = |due: Duration, of: Instants| {
            let Some(last) = of.last_arrival else { return false };
            let met = standstills.length_where(|one| one.meets(due, due.saturating_add(last)));
            resending.may_follow(met)
        };
        let came_late = |due: Duration, of: Instants| {
            let (Some(first), Some(last)) = (of.first_arrival, of.last_arrival) else { return false };
            let met = standstills.length_where(|one| one.until_caught_up().meets(due, due.saturating_add(last)));
            let delay = resending.delay(met);
            // Counted from its answer none can have come earlier than its first span did.
            let at_least = of.ended.map_or(Duration::ZERO, |ended| first.saturating_sub(ended));
            !met.is_zero()
                && delay.saturating_mul(2) >= lateness.margin
                && at_least <= lateness.after.saturating_add(delay)
        };
        Self {
            late: those(&account.sets.late, plan, instants, came_late),
            repeated: those(&account.unexplained_repeats(), plan, instants, came_twice),
            unheard: resending.may_follow_one_of(&standstills),
            delay: resending.delay(standstills.length()),
            standstills,
        }
    }
}

#[cfg(test)]
mod tests;
