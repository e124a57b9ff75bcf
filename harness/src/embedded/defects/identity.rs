//! Spans under other ids: parents and trace ids.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::pick::Pick;
use super::spans::{spans, spans_mut};
use super::{Defect, DefectKind, Passage, Tamper};

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let pick = Pick::new(defect.every, seed);
    Some(match defect.kind() {
        DefectKind::Reparent => Box::new(Reparent(pick)),
        DefectKind::Unparent => Box::new(Unparent(pick)),
        DefectKind::SplitTraceId => Box::new(SplitTraceId(pick)),
        _ => return None,
    })
}

/// An all-zero parent means none, as an empty one does.
fn has_parent(span: &Span) -> bool {
    span.parent_span_id.iter().any(|byte| *byte != 0)
}

struct Reparent(Pick);

impl Tamper for Reparent {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let ids: Vec<(Vec<u8>, Vec<u8>)> =
            spans(&passage.message).map(|span| (span.trace_id.clone(), span.span_id.clone())).collect();
        let mut bites = 0;
        for span in spans_mut(&mut passage.message).filter(|span| has_parent(span)) {
            if self.0.next() {
                let relative = ids.iter().find(|(trace_id, id)| {
                    *trace_id == span.trace_id && *id != span.span_id && *id != span.parent_span_id
                });
                span.parent_span_id = relative.map_or_else(|| self.0.id(8), |(_, id)| id.clone());
                bites += 1;
            }
        }
        bites
    }
}

struct Unparent(Pick);

impl Tamper for Unparent {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        for span in spans_mut(&mut passage.message).filter(|span| has_parent(span)) {
            if self.0.next() {
                span.parent_span_id.clear();
                bites += 1;
            }
        }
        bites
    }
}

/// Splits at most one trace of a request at a time, so that spans already moved are not moved again.
struct SplitTraceId(Pick);

impl Tamper for SplitTraceId {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        let mut split: Option<(Vec<u8>, Vec<u8>)> = None;
        for span in spans_mut(&mut passage.message) {
            if self.0.next() {
                split = Some((span.trace_id.clone(), self.0.id(16)));
            }
            if let Some((_, id)) = split.as_ref().filter(|(old, _)| *old == span.trace_id) {
                span.trace_id.clone_from(id);
                bites += 1;
            }
        }
        bites
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::sample::run;

    #[test]
    fn a_re_parented_span_has_another_parent_and_is_else_unchanged() {
        let diff = run("re-parent,every=5", 100);
        assert!(diff.bites > 0);
        assert_eq!(diff.changed.len() as u64, diff.bites);
        for (before, after) in &diff.changed {
            assert_ne!(before.parent_span_id, after.parent_span_id);
            assert_ne!(after.parent_span_id, after.span_id);
            assert!(!before.parent_span_id.is_empty() && after.parent_span_id.len() == 8);
            let mut restored = after.clone();
            restored.parent_span_id.clone_from(&before.parent_span_id);
            assert_eq!(restored, *before);
        }
        assert!(diff.lost.is_empty() && diff.added.is_empty());
    }

    #[test]
    fn an_unparented_span_has_no_parent_and_is_else_unchanged() {
        let diff = run("unparent,every=5", 100);
        assert!(diff.bites > 0);
        assert_eq!(diff.changed.len() as u64, diff.bites);
        for (before, after) in &diff.changed {
            assert!(!before.parent_span_id.is_empty() && after.parent_span_id.is_empty());
            let mut restored = after.clone();
            restored.parent_span_id.clone_from(&before.parent_span_id);
            assert_eq!(restored, *before);
        }
    }

    #[test]
    fn a_split_trace_goes_on_under_an_id_that_nobody_sent() {
        let diff = run("split-trace-id,every=20", 100);
        assert!(diff.bites >= diff.sent / 20);
        assert_eq!((diff.lost.len() as u64, diff.added.len() as u64), (diff.bites, diff.bites));
        let sent: BTreeSet<_> = diff.sent_in_order.iter().map(|id| &id.trace_id).collect();
        assert!(diff.added.iter().all(|id| !sent.contains(&id.trace_id)));
        let spans = |ids: &[super::super::sample::Id]| ids.iter().map(|id| id.span_id.clone()).collect::<BTreeSet<_>>();
        assert_eq!(spans(&diff.lost), spans(&diff.added));
    }
}
