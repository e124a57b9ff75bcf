//! Tells a drill as it happens: what is being broken, how much the target holds meanwhile, and how it goes on.

use crate::fault::FaultBook;
use spanproof_reports::events::Event;
use spanproof_reports::figures::{bytes, clock, count, duration};
use spanproof_scenarios::scenario::{Fault, FaultKind};
use std::sync::Arc;
use std::time::Duration;

/// While something is broken, what the target holds is told this often.
const INTERVAL: Duration = Duration::from_secs(5);

/// How it stands at one instant.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    /// From the start of the run.
    pub now: Duration,
    /// Spans acknowledged so far.
    pub acknowledged: u64,
    /// Spans delivered so far.
    pub delivered: u64,
    /// The target's resident memory, where it is known.
    pub memory: Option<u64>,
}

/// What has been told of each fault.
pub(super) struct Narrator {
    book: Arc<FaultBook>,
    told: Vec<Told>,
    events: usize,
    next_standing: Duration,
}

struct Told {
    fault: Fault,
    begun: u32,
    ended: u32,
    delivered: bool,
    drained: bool,
}

impl Narrator {
    /// One that has told nothing yet.
    pub(super) fn new(faults: &[Fault], book: Arc<FaultBook>) -> Self {
        let told = |fault: &Fault| Told { fault: fault.clone(), begun: 0, ended: 0, delivered: false, drained: false };
        Self { book, told: faults.iter().map(told).collect(), events: 0, next_standing: Duration::ZERO }
    }

    /// The lines that are due. `events` are all that the watcher has noted so far: what happened to the target stands there.
    pub(super) fn tick(&mut self, standing: Standing, events: &[Event]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let of_target =
            events.iter().skip(self.events).filter(|event| matches!(event.kind.as_str(), "fault" | "target"));
        lines.extend(of_target.map(|event| line(event.at_seconds, &event.message)));
        self.events = events.len();
        for told in &mut self.told {
            told.windows(standing.now, &mut lines);
            told.recovery(standing, &self.book, &mut lines);
        }
        lines.extend(self.standing(standing));
        lines
    }

    /// How much is inside or on its way, while something is broken.
    fn standing(&mut self, standing: Standing) -> Option<String> {
        let Standing { now, acknowledged, delivered, memory } = standing;
        let is_broken = self.told.iter().any(|told| told.fault.windows.hold(now));
        if !is_broken {
            self.next_standing = now + INTERVAL;
            return None;
        }
        if now < self.next_standing {
            return None;
        }
        self.next_standing = now + INTERVAL;
        let inside = count(acknowledged.saturating_sub(delivered));
        let memory = memory.map(|memory| format!("; its memory {}", bytes(memory))).unwrap_or_default();
        Some(line(
            now.as_secs_f64(),
            &format!("the target holds {inside} spans that it has acknowledged and not delivered{memory}"),
        ))
    }
}

impl Told {
    /// Beginnings and ends, of which those of the target are told by whoever acts on it.
    fn windows(&mut self, now: Duration, lines: &mut Vec<String>) {
        let windows = self.fault.windows;
        loop {
            // One window ends before the next begins.
            if self.ended < self.begun {
                let (_, end) = windows.window(self.ended);
                if end > now {
                    return;
                }
                self.ended += 1;
                self.tell(end, "has ended", lines);
            } else {
                let (begin, _) = windows.window(self.begun);
                if self.begun == windows.times || begin > now {
                    return;
                }
                self.begun += 1;
                (self.delivered, self.drained) = (false, false);
                self.tell(begin, &format!("begins: {}", self.fault.kind), lines);
            }
        }
    }

    fn tell(&self, at: Duration, words: &str, lines: &mut Vec<String>) {
        if !matches!(self.fault.kind, FaultKind::Target(_)) {
            lines.push(line(at.as_secs_f64(), &format!("{} {words}", self.fault.name)));
        }
    }

    fn recovery(&mut self, standing: Standing, book: &FaultBook, lines: &mut Vec<String>) {
        let Standing { now, acknowledged, delivered, .. } = standing;
        if self.ended == 0 || self.ended < self.begun {
            return;
        }
        let name = &self.fault.name;
        let since = now.saturating_sub(self.fault.windows.window(self.ended - 1).1);
        if !self.delivered && book.healed(name) >= self.ended {
            self.delivered = true;
            lines.push(line(now.as_secs_f64(), &format!("the sink takes requests again after {name}")));
        }
        if self.delivered && !self.drained && delivered >= acknowledged {
            self.drained = true;
            let since = duration(since);
            lines.push(line(
                now.as_secs_f64(),
                &format!("all that the target has acknowledged is delivered, {since} after {name}"),
            ));
        }
    }
}

fn line(at: f64, words: &str) -> String {
    format!("{:<8} {words}", clock(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_scenarios::scenario::{Reach, SinkFault, Windows};

    const SECOND: Duration = Duration::from_secs(1);

    fn fault() -> Fault {
        let windows = Windows { at: 10 * SECOND, lasting: 8 * SECOND, every: 20 * SECOND, times: 2 };
        let kind = FaultKind::Sink { fault: SinkFault::Hang, reach: Reach::WHOLE };
        Fault { name: "backend-down".to_owned(), windows, kind }
    }

    /// What is told of a run in which a hundred spans come each second, and after a fault all at once, half a second after its end.
    fn told_of_a_run() -> Vec<String> {
        let faults = [fault()];
        let book = Arc::new(FaultBook::new(&faults, 7, None));
        let mut narrator = Narrator::new(&faults, Arc::clone(&book));
        let mut lines = Vec::new();
        let mut delivered = 0;
        for tick in 0..160_u32 {
            let now = tick * SECOND / 4;
            let acknowledged = u64::from(tick) * 25;
            let broken = book.strike(now, &roaring::RoaringTreemap::new()).is_some();
            if !broken && !faults[0].windows.hold(now.saturating_sub(SECOND / 2)) {
                book.note_delivery(now);
                delivered = acknowledged;
            }
            let memory = broken.then_some(50 << 20);
            lines.extend(narrator.tick(Standing { now, acknowledged, delivered, memory }, &[]));
        }
        lines
    }

    #[test]
    fn a_drill_is_told_from_beginning_to_end() {
        insta::assert_snapshot!(told_of_a_run().join("\n"));
    }

    #[test]
    fn what_happens_to_the_target_is_told_once() {
        let mut narrator = Narrator::new(&[], Arc::new(FaultBook::new(&[], 7, None)));
        let events = [Event::new(1.0, "load", "the load begins"), Event::new(2.5, "fault", "killed begins")];
        assert_eq!(narrator.tick(Standing::default(), &events), ["0:02.5   killed begins"]);
        assert_eq!(narrator.tick(Standing::default(), &events), Vec::<String>::new());
    }
}
