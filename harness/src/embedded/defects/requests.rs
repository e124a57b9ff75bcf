//! Whole requests that are dropped, repeated, delayed, answered or exported wrongly, or that nobody asked for.

use std::num::NonZeroU64;
use std::time::Duration;

use super::pick::Pick;
use super::{Answer, Defect, DefectKind, Passage, Stray, Tamper};
use crate::embedded::export::Manner;

/// A delay is cut to this, since the clock's arithmetic ends somewhere.
const DELAY_MAX: Duration = Duration::from_secs(24 * 3600);

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let pick = Pick::new(defect.every, seed);
    let alter: fn(&mut Passage, Duration) = match defect.kind() {
        DefectKind::AcknowledgeThenDrop => |passage, _| passage.copies = 0,
        DefectKind::SendRequestTwice => |passage, _| passage.copies *= 2,
        DefectKind::DeliverLate(_) => |passage, delay| passage.delay += delay,
        DefectKind::RefuseButForward => |passage, _| passage.answer = Answer::Refused,
        DefectKind::OddAnswer => |passage, _| passage.answer = Answer::Odd,
        DefectKind::UnknownCompression => |passage, _| passage.manner = Manner::UnknownCompression,
        DefectKind::SendGarbage => |passage, _| passage.strays.push(Stray::Garbage),
        DefectKind::SendMetrics => |passage, _| passage.strays.push(Stray::Metrics),
        DefectKind::DropEveryNthRequestOfOneConnection(nth) => {
            return Some(Box::new(DropEveryNth { nth: *nth, connection: None, seen: 0 }));
        }
        _ => return None,
    };
    let delay = match defect.kind() {
        DefectKind::DeliverLate(delay) => (*delay).min(DELAY_MAX),
        _ => Duration::ZERO,
    };
    let touches_spans =
        !matches!(defect.kind(), DefectKind::OddAnswer | DefectKind::SendGarbage | DefectKind::SendMetrics);
    Some(Box::new(AlterRequests { pick, alter, delay, touches_spans }))
}

/// Changes the fate of one in N requests. Requests without spans are not counted: there is nothing to lose in them.
struct AlterRequests {
    pick: Pick,
    alter: fn(&mut Passage, Duration),
    delay: Duration,
    /// False for one that answers oddly or sends something else besides: the request goes its way.
    touches_spans: bool,
}

impl Tamper for AlterRequests {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let picked = has_spans(passage) && self.pick.next();
        if picked {
            (self.alter)(passage, self.delay);
        }
        u64::from(picked)
    }

    fn touched(&self, _bites: u64, passage: &Passage) -> u64 {
        if self.touches_spans { count(passage) } else { 0 }
    }
}

struct DropEveryNth {
    nth: NonZeroU64,
    connection: Option<u64>,
    seen: u64,
}

impl Tamper for DropEveryNth {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        if !has_spans(passage) || *self.connection.get_or_insert(passage.connection) != passage.connection {
            return 0;
        }
        self.seen += 1;
        let hit = self.seen % self.nth == 0;
        if hit {
            passage.copies = 0;
        }
        u64::from(hit)
    }

    fn touched(&self, _bites: u64, passage: &Passage) -> u64 {
        count(passage)
    }
}

fn count(passage: &Passage) -> u64 {
    super::spans::spans(&passage.message).count() as u64
}

fn has_spans(passage: &Passage) -> bool {
    super::spans::spans(&passage.message).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::super::sample::request;
    use super::*;

    /// Sends 60 requests over 3 connections through the defect and answers those that it bit. Messages never change.
    fn bitten(defect: &str) -> Vec<Passage> {
        let defect: Defect = defect.parse().unwrap();
        let mut planted = tamper(&defect, 9).unwrap();
        let passages = (0..60).filter_map(|number| {
            let untouched = Passage::new(request(number), number % 3);
            let mut passage = untouched.clone();
            let bites = planted.tamper(&mut passage);
            assert_eq!(passage.message, untouched.message);
            assert_eq!(bites == 1, passage != untouched);
            (bites == 1).then_some(passage)
        });
        passages.collect()
    }

    #[test]
    fn one_request_in_n_meets_the_fate_that_is_named_and_no_other() {
        let untouched = Passage::new(request(0), 0);
        let like = || untouched.clone();
        for (defect, fate) in [
            ("acknowledge-then-drop,every=6", Passage { copies: 0, ..like() }),
            ("send-request-twice,every=6", Passage { copies: 2, ..like() }),
            ("deliver-late=20s,every=6", Passage { delay: Duration::from_secs(20), ..like() }),
            ("refuse-but-forward,every=6", Passage { answer: Answer::Refused, ..like() }),
            ("odd-answer,every=6", Passage { answer: Answer::Odd, ..like() }),
            ("unknown-compression,every=6", Passage { manner: Manner::UnknownCompression, ..like() }),
            ("send-garbage,every=6", Passage { strays: vec![Stray::Garbage], ..like() }),
            ("send-metrics,every=6", Passage { strays: vec![Stray::Metrics], ..like() }),
        ] {
            let bitten = bitten(defect);
            assert_eq!(bitten.len(), 10, "{defect}");
            for passage in bitten {
                let (message, connection) = (untouched.message.clone(), untouched.connection);
                assert_eq!(Passage { message, connection, ..passage }, fate, "{defect}");
            }
        }
    }

    #[test]
    fn every_third_request_of_the_first_connection_is_dropped_and_none_of_others() {
        let bitten = bitten("drop-every-nth-request-of-one-connection=3");
        assert_eq!(bitten.len(), 6);
        assert!(bitten.iter().all(|passage| passage.connection == 0 && passage.copies == 0));
    }

    #[test]
    fn requests_without_spans_are_left_alone() {
        let mut planted = tamper(&"acknowledge-then-drop,every=1".parse().unwrap(), 1).unwrap();
        let mut passage = Passage::new(Default::default(), 0);
        assert_eq!((planted.tamper(&mut passage), passage.copies), (0, 1));
    }
}
