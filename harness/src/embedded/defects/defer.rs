//! Requests whose client is asked to come again although they were taken.

use std::collections::HashSet;

use super::pick::Pick;
use super::{Again, Answer, Defect, DefectKind, Passage, Tamper};

/// Requests whose return is waited for. A client that never comes again must not cost memory for ever.
const AWAITED_MAX: usize = 10_000;

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let DefectKind::DeferButForward(again) = *defect.kind() else { return None };
    Some(Box::new(Defer { pick: Pick::new(defect.every, seed), again, awaited: HashSet::new() }))
}

struct Defer {
    pick: Pick,
    again: Again,
    /// The ids of the first spans of requests that are to come again.
    awaited: HashSet<(Vec<u8>, Vec<u8>)>,
}

impl Tamper for Defer {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let Some(first) = super::spans::spans(&passage.message).next() else { return 0 };
        let ids = (first.trace_id.clone(), first.span_id.clone());
        if self.awaited.remove(&ids) {
            if self.again == Again::Refuse {
                (passage.answer, passage.copies) = (Answer::Refused, 0);
            }
            return 0;
        }
        let picked = self.pick.next() && self.awaited.len() < AWAITED_MAX;
        if picked {
            self.awaited.insert(ids);
            passage.answer = Answer::Later;
        }
        u64::from(picked)
    }

    fn touched(&self, _bites: u64, passage: &Passage) -> u64 {
        super::spans::spans(&passage.message).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::request;
    use super::*;

    /// Sends ten requests, each until it is not asked to come again, and answers how the defect bit and what came last of each.
    fn sent(defect: &str) -> (u64, Vec<(Answer, u32)>) {
        let defect: Defect = defect.parse().unwrap();
        let mut planted = tamper(&defect, 9).unwrap();
        let mut bites = 0;
        let mut send = |number| {
            loop {
                let mut passage = Passage::new(request(number), 0);
                bites += planted.tamper(&mut passage);
                if passage.answer != Answer::Later {
                    return (passage.answer, passage.copies);
                }
                assert_eq!(passage.copies, 1, "it is forwarded all the same");
            }
        };
        let last = (0..10).map(&mut send).collect();
        (bites, last)
    }

    #[test]
    fn what_comes_again_is_taken_or_refused_as_the_form_says() {
        assert_eq!(sent("defer-but-forward=accept,every=1"), (10, vec![(Answer::Honest, 1); 10]));
        assert_eq!(sent("defer-but-forward=refuse,every=1"), (10, vec![(Answer::Refused, 0); 10]));
        let (bites, last) = sent("defer-but-forward=refuse,every=5");
        assert_eq!((bites, last.iter().filter(|last| **last == (Answer::Refused, 0)).count()), (2, 2));
    }
}
