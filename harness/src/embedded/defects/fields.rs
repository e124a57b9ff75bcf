//! Fields of spans that are not what was sent, and the way in which all changes to single spans are made.

use std::num::NonZeroU64;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::pick::Pick;
use super::spans::spans_mut;
use super::{Defect, DefectKind, Passage, Tamper, Time};

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let alteration = match defect.kind() {
        DefectKind::LoseEvents => LOSE_EVENTS,
        DefectKind::LoseLinks => LOSE_LINKS,
        DefectKind::FirstLinkOnly => FIRST_LINK_ONLY,
        DefectKind::ShiftTime1ns(Time::Start) => SHIFT_START,
        DefectKind::ShiftTime1ns(Time::End) => SHIFT_END,
        DefectKind::ShiftTime1ns(Time::Event) => SHIFT_EVENT,
        DefectKind::ChangeKind => CHANGE_KIND,
        DefectKind::ChangeStatus => CHANGE_STATUS,
        DefectKind::OkToUnset => OK_TO_UNSET,
        DefectKind::ChangeName => CHANGE_NAME,
        DefectKind::ChangeFlags => CHANGE_FLAGS,
        DefectKind::ForceSampled => FORCE_SAMPLED,
        DefectKind::ChangeTraceState => CHANGE_TRACE_STATE,
        DefectKind::LimitTraceState => LIMIT_TRACE_STATE,
        _ => return None,
    };
    Some(Box::new(AlterSpans::new(alteration, defect.every, seed)))
}

/// A change to one span.
pub struct Alteration {
    /// Whether the change would change anything; only such spans are counted when one in N is picked.
    pub eligible: fn(&Span) -> bool,
    /// Changes an eligible span.
    pub alter: fn(&mut Span, &mut Xoshiro256PlusPlus),
}

/// Makes one change to one in N eligible spans.
pub struct AlterSpans {
    alteration: Alteration,
    pick: Pick,
}

impl AlterSpans {
    /// Alters one eligible span in `every`.
    pub fn new(alteration: Alteration, every: NonZeroU64, seed: u64) -> Self {
        Self { alteration, pick: Pick::new(every, seed) }
    }
}

impl Tamper for AlterSpans {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        for span in spans_mut(&mut passage.message) {
            if (self.alteration.eligible)(span) && self.pick.next() {
                (self.alteration.alter)(span, self.pick.rng());
                bites += 1;
            }
        }
        bites
    }
}

const LOSE_EVENTS: Alteration =
    Alteration { eligible: |span| !span.events.is_empty(), alter: |span, _| span.events.clear() };

const LOSE_LINKS: Alteration =
    Alteration { eligible: |span| !span.links.is_empty(), alter: |span, _| span.links.clear() };

const FIRST_LINK_ONLY: Alteration =
    Alteration { eligible: |span| span.links.len() > 1, alter: |span, _| span.links.truncate(1) };

const SHIFT_START: Alteration = Alteration {
    eligible: |_| true,
    alter: |span, _| span.start_time_unix_nano = span.start_time_unix_nano.wrapping_add(1),
};

const SHIFT_END: Alteration = Alteration {
    eligible: |_| true,
    alter: |span, _| span.end_time_unix_nano = span.end_time_unix_nano.wrapping_add(1),
};

const SHIFT_EVENT: Alteration = Alteration {
    eligible: |span| !span.events.is_empty(),
    alter: |span, rng| {
        let shifted = rng.random_range(0..span.events.len());
        span.events[shifted].time_unix_nano = span.events[shifted].time_unix_nano.wrapping_add(1);
    },
};

const CHANGE_KIND: Alteration = Alteration {
    eligible: |_| true,
    // The next of the kinds 1 to 5, so that the changed span stays a valid one.
    alter: |span, _| span.kind = if (1..5).contains(&span.kind) { span.kind + 1 } else { 1 },
};

const CHANGE_STATUS: Alteration = Alteration {
    eligible: |_| true,
    alter: |span, _| {
        let status = span.status.get_or_insert_default();
        let changed = if status.code == StatusCode::Error as i32 { StatusCode::Ok } else { StatusCode::Error };
        status.code = changed as i32;
    },
};

const OK_TO_UNSET: Alteration = Alteration {
    eligible: |span| span.status.as_ref().is_some_and(|status| status.code == StatusCode::Ok as i32),
    alter: |span, _| span.status = None,
};

const CHANGE_NAME: Alteration = Alteration { eligible: |_| true, alter: |span, _| span.name.push('!') };

const CHANGE_FLAGS: Alteration = Alteration { eligible: |_| true, alter: |span, _| span.flags ^= 1 };

const FORCE_SAMPLED: Alteration = Alteration { eligible: |span| span.flags & 1 == 0, alter: |span, _| span.flags |= 1 };

/// The longest `tracestate` that is left, in bytes.
const TRACE_STATE_MAX: usize = 256;

const LIMIT_TRACE_STATE: Alteration =
    Alteration { eligible: |span| span.trace_state.len() > TRACE_STATE_MAX, alter: |span, _| span.trace_state.clear() };

const CHANGE_TRACE_STATE: Alteration = Alteration {
    eligible: |_| true,
    alter: |span, _| {
        let entry = if span.trace_state.is_empty() { "planted=1" } else { ",planted=1" };
        span.trace_state.push_str(entry);
    },
};

#[cfg(test)]
mod tests {
    use super::super::sample::{Diff, run};
    use super::*;

    /// Runs the defect; `restore` puts back the one thing that may have changed, and answers whether it had.
    fn changes_only(defect: &str, restore: impl Fn(&Span, &mut Span) -> bool) {
        let Diff { changed, lost, added, repeated, bites, .. } = run(defect, 100);
        assert!(bites > 0 && lost.is_empty() && added.is_empty() && repeated.is_empty(), "{defect}");
        assert_eq!(changed.len() as u64, bites, "{defect}");
        for (before, mut after) in changed {
            assert!(restore(&before, &mut after), "{defect} did not do what it says");
            assert_eq!(before, after, "{defect} did something else too");
        }
    }

    #[test]
    fn each_change_of_a_field_changes_that_field_only() {
        changes_only("lose-events,every=5", |before, after| {
            let gone = !before.events.is_empty() && after.events.is_empty();
            after.events.clone_from(&before.events);
            gone
        });
        changes_only("lose-links,every=5", |before, after| {
            let gone = !before.links.is_empty() && after.links.is_empty();
            after.links.clone_from(&before.links);
            gone
        });
        changes_only("first-link-only,every=5", |before, after| {
            let first = before.links.len() > 1 && after.links == before.links[..1];
            after.links.clone_from(&before.links);
            first
        });
        changes_only("shift-time-1ns=start,every=5", |before, after| {
            after.start_time_unix_nano -= 1;
            after.start_time_unix_nano == before.start_time_unix_nano
        });
        changes_only("shift-time-1ns=end,every=5", |before, after| {
            after.end_time_unix_nano -= 1;
            after.end_time_unix_nano == before.end_time_unix_nano
        });
        changes_only("shift-time-1ns=event,every=5", |before, after| {
            let pairs = before.events.iter().zip(&mut after.events);
            let mut shifted: Vec<_> =
                pairs.filter(|(before, after)| before.time_unix_nano != after.time_unix_nano).collect();
            shifted.iter_mut().for_each(|(_, after)| after.time_unix_nano -= 1);
            shifted.len() == 1
        });
        changes_only("change-kind,every=5", |before, after| {
            (1..=5).contains(&after.kind) && std::mem::replace(&mut after.kind, before.kind) != before.kind
        });
        changes_only("change-status,every=5", |before, after| {
            let code = |span: &Span| span.status.as_ref().map_or(0, |status| status.code);
            let changed = code(before) != code(after);
            after.status.clone_from(&before.status);
            changed
        });
        changes_only("ok-to-unset,every=5", |before, after| {
            let ok = before.status.as_ref().is_some_and(|status| status.code == StatusCode::Ok as i32);
            let taken = ok && after.status.is_none();
            after.status.clone_from(&before.status);
            taken
        });
        changes_only("change-name,every=5", |before, after| {
            std::mem::replace(&mut after.name, before.name.clone()) != before.name
        });
        changes_only("change-flags,every=5", |before, after| {
            std::mem::replace(&mut after.flags, before.flags) ^ before.flags == 1
        });
        changes_only("force-sampled,every=5", |before, after| {
            (before.flags & 1, std::mem::replace(&mut after.flags, before.flags)) == (0, before.flags | 1)
        });
        changes_only("limit-trace-state,every=5", |before, after| {
            before.trace_state.len() > 256
                && std::mem::replace(&mut after.trace_state, before.trace_state.clone()).is_empty()
        });
        changes_only("change-trace-state,every=5", |before, after| {
            std::mem::replace(&mut after.trace_state, before.trace_state.clone()) != before.trace_state
        });
    }

    #[test]
    fn a_status_keeps_its_message() {
        for (before, after) in run("change-status,every=1", 20).changed {
            let message = |span: &Span| span.status.as_ref().map_or(String::new(), |status| status.message.clone());
            assert_eq!(message(&before), message(&after));
        }
    }

    #[test]
    fn every_kind_becomes_another_valid_one() {
        for kind in [-1, 0, 1, 2, 3, 4, 5, 6, i32::MAX] {
            let mut span = Span { kind, ..Span::default() };
            (CHANGE_KIND.alter)(&mut span, &mut rand::SeedableRng::seed_from_u64(0));
            assert!(span.kind != kind && (1..=5).contains(&span.kind), "{kind} became {}", span.kind);
        }
    }
}
