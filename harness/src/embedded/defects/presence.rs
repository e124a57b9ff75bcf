//! Spans that are missing, repeated, or were never sent.

use std::num::NonZeroU64;

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::pick::{Pick, place_of};
use super::spans::{insert_spans, retain_spans, service_name, spans};
use super::{Defect, DefectKind, Invention, Passage, Tamper};

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let pick = Pick::new(defect.every, seed);
    Some(match defect.kind() {
        DefectKind::DropOneIn => Box::new(DropOneIn(pick)),
        DefectKind::DropNth(nth) => Box::new(DropNth { left: nth.get() }),
        DefectKind::DuplicateOneIn => Box::new(DuplicateOneIn(pick)),
        DefectKind::LoseAndRepeat => Box::new(LoseAndRepeat(pick)),
        DefectKind::InventSpan(invention) => Box::new(InventSpan { pick, invention: *invention }),
        DefectKind::DropService(name) => Box::new(DropService(name.clone())),
        DefectKind::DropOverBytes(bytes) => Box::new(DropOverBytes(*bytes)),
        DefectKind::DropWholeTraces { share, of } => Box::new(DropWholeTraces { seed, share: share.get(), of: *of }),
        _ => return None,
    })
}

struct DropOneIn(Pick);

impl Tamper for DropOneIn {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        retain_spans(&mut passage.message, |_| !self.0.next())
    }
}

/// Counts down to the one span; 0 when it is gone.
struct DropNth {
    left: u64,
}

impl Tamper for DropNth {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        if self.left == 0 {
            return 0;
        }
        retain_spans(&mut passage.message, |_| {
            let hit = self.left == 1;
            self.left = self.left.saturating_sub(1);
            !hit
        })
    }
}

struct DuplicateOneIn(Pick);

impl Tamper for DuplicateOneIn {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        insert_spans(&mut passage.message, |span| self.0.next().then(|| span.clone()))
    }
}

/// Both halves of a pair stand in one request, so that the totals are right at every moment.
struct LoseAndRepeat(Pick);

impl Tamper for LoseAndRepeat {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let fates = self.fates(spans(&passage.message).count());
        let mut fate = fates.iter();
        let repeated =
            insert_spans(&mut passage.message, |span| (fate.next() == Some(&Fate::Repeat)).then(|| span.clone()));
        // A repeated span stands there twice by now.
        let mut fate = fates.iter().flat_map(|fate| std::iter::repeat_n(*fate, 1 + usize::from(*fate == Fate::Repeat)));
        retain_spans(&mut passage.message, |_| fate.next() != Some(Fate::Lose));
        repeated
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Keep,
    Lose,
    Repeat,
}

impl LoseAndRepeat {
    /// The fates of a request's spans. A picked span for which there is none to repeat is kept.
    fn fates(&mut self, count: usize) -> Vec<Fate> {
        let pick = |_| if self.0.next() { Fate::Lose } else { Fate::Keep };
        let mut fates: Vec<Fate> = (0..count).map(pick).collect();
        for lost in 0..count {
            if fates[lost] == Fate::Lose {
                let mut others = (lost + 1..count).chain((0..lost).rev());
                match others.find(|other| fates[*other] == Fate::Keep) {
                    Some(other) => fates[other] = Fate::Repeat,
                    None => fates[lost] = Fate::Keep,
                }
            }
        }
        fates
    }
}

/// An invented span looks like the one it stands behind, but for its ids.
struct InventSpan {
    pick: Pick,
    invention: Invention,
}

impl Tamper for InventSpan {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        insert_spans(&mut passage.message, |span| {
            if !self.pick.next() {
                return None;
            }
            let trace_id = match self.invention {
                Invention::RandomIds => self.pick.id(16),
                Invention::RealTrace => span.trace_id.clone(),
            };
            Some(Span { trace_id, span_id: self.pick.id(8), ..span.clone() })
        })
    }
}

struct DropService(String);

impl Tamper for DropService {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut lost = 0;
        passage.message.resource_spans.retain(|resource| {
            let doomed = service_name(resource.resource.as_ref()) == Some(&self.0);
            if doomed {
                lost += resource.scope_spans.iter().map(|scope| scope.spans.len() as u64).sum::<u64>();
            }
            !doomed
        });
        lost
    }
}

struct DropOverBytes(u64);

impl Tamper for DropOverBytes {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        retain_spans(&mut passage.message, |span| span.encoded_len() as u64 <= self.0)
    }
}

struct DropWholeTraces {
    seed: u64,
    share: u64,
    of: NonZeroU64,
}

impl Tamper for DropWholeTraces {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        retain_spans(&mut passage.message, |span| place_of(&span.trace_id, self.seed, self.of) >= self.share)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::sample::{Diff, run};

    #[test]
    fn one_span_in_every_n_is_lost_and_nothing_else() {
        let Diff { lost, added, changed, bites, sent, .. } = run("drop-one-in=10", 100);
        assert_eq!((lost.len() as u64, sent / 10), (bites, bites));
        assert!(added.is_empty() && changed.is_empty());
    }

    #[test]
    fn exactly_the_nth_span_is_lost() {
        for nth in [1, 2, 77] {
            let diff = run(&format!("drop-nth={nth}"), 100);
            assert_eq!(diff.lost, [diff.sent_in_order[nth - 1].clone()]);
            assert_eq!((diff.bites, diff.added.len(), diff.changed.len()), (1, 0, 0));
        }
    }

    #[test]
    fn one_span_in_every_n_is_repeated_unchanged() {
        let diff = run("duplicate-one-in=10", 100);
        assert_eq!((diff.repeated.len() as u64, diff.sent / 10), (diff.bites, diff.bites));
        assert!(diff.lost.is_empty() && diff.changed.is_empty() && diff.added.is_empty());
    }

    #[test]
    fn as_many_spans_are_lost_as_others_are_repeated() {
        for every in ["lose-and-repeat,every=100", "lose-and-repeat,every=10", "lose-and-repeat,every=2"] {
            let diff = run(every, 100);
            let repeated: BTreeSet<_> = diff.repeated.iter().collect();
            assert!(diff.bites > 0);
            assert_eq!((diff.lost.len() as u64, diff.repeated.len() as u64), (diff.bites, diff.bites));
            assert!(diff.lost.iter().all(|span| !repeated.contains(span)));
            assert!(diff.changed.is_empty() && diff.added.is_empty());
        }
    }

    #[test]
    fn an_invented_span_has_ids_of_its_own_and_real_ones_stay() {
        let diff = run("invent-span=random-ids,every=10", 100);
        assert_eq!((diff.added.len() as u64, diff.sent / 10), (diff.bites, diff.bites));
        let traces: BTreeSet<_> = diff.sent_in_order.iter().map(|id| &id.trace_id).collect();
        assert!(diff.added.iter().all(|id| !traces.contains(&id.trace_id)));
        assert!(diff.lost.is_empty() && diff.changed.is_empty());
    }

    #[test]
    fn a_span_invented_in_a_real_trace_keeps_its_trace_id() {
        let diff = run("invent-span=real-trace,every=10", 100);
        assert_eq!(diff.added.len() as u64, diff.bites);
        let traces: BTreeSet<_> = diff.sent_in_order.iter().map(|id| &id.trace_id).collect();
        assert!(diff.added.iter().all(|id| traces.contains(&id.trace_id)));
        assert!(diff.lost.is_empty() && diff.changed.is_empty());
    }

    #[test]
    fn all_spans_of_the_service_are_lost_and_of_no_other() {
        let diff = run("drop-service=checkout", 100);
        let of_service = diff.services.iter().filter(|(_, service)| *service == "checkout");
        let of_service: BTreeSet<_> = of_service.map(|(id, _)| id.clone()).collect();
        assert_eq!(diff.lost.iter().cloned().collect::<BTreeSet<_>>(), of_service);
        assert_eq!(diff.lost.len() as u64, diff.bites);
        assert!(diff.bites > 0 && diff.changed.is_empty() && diff.added.is_empty());
    }

    #[test]
    fn all_spans_above_the_size_are_lost_and_no_other() {
        let diff = run("drop-over-bytes=4096", 200);
        let large: BTreeSet<_> =
            diff.sizes.iter().filter(|(_, size)| **size > 4096).map(|(id, _)| id.clone()).collect();
        assert_eq!(diff.lost.iter().cloned().collect::<BTreeSet<_>>(), large);
        assert!(diff.bites > 0 && diff.changed.is_empty() && diff.added.is_empty());
    }

    #[test]
    fn traces_are_lost_whole_or_not_at_all() {
        let diff = run("drop-whole-traces=1/4", 400);
        let lost: BTreeSet<_> = diff.lost.iter().map(|id| id.trace_id.clone()).collect();
        let mut traces = BTreeMap::<_, u64>::new();
        diff.sent_in_order.iter().for_each(|id| *traces.entry(id.trace_id.clone()).or_default() += 1);
        let in_lost: u64 = lost.iter().map(|trace| traces[trace]).sum();
        assert_eq!((diff.lost.len() as u64, in_lost), (diff.bites, diff.bites));
        let share = lost.len() as f64 / traces.len() as f64;
        assert!((0.15..0.35).contains(&share), "{share}");
    }
}
