//! Planted defects: what the embedded target does wrong on purpose, so that every check can be seen failing.
//!
//! Each defect is one small transformation of decoded messages, and changes what its name says and nothing else. Which
//! records it hits follows from the seed and the order of arrival alone. Each counts how often it really bit, because a defect
//! that never bit proves nothing about the check that should have seen it, and which spans it bit is noted in `victims`. A new one is an arm of [`DefectKind`], a line in
//! `kinds.rs`, and a tamper in the file of its family: `presence` (spans missing, repeated, invented), `identity` (ids),
//! `content` (attributes), `utf8` (attributes that are no text), `fields` (everything else of a span), `association` (resource
//! and scope), `requests` (whole requests), `defer` (requests that come again), `stall` (time), `misconduct` (what is made of
//! refusals). What a sampler does wrong it knows itself (`embedded::sampling`).

mod association;
mod content;
mod defer;
mod fields;
mod grammar;
mod identity;
mod kinds;
mod misconduct;
mod pick;
mod presence;
mod requests;
mod spans;
mod stall;
mod utf8;
mod victims;

#[cfg(test)]
mod sample;

use std::fmt::{self, Display};
use std::num::NonZeroU64;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::export::Manner;
pub use grammar::ParseDefectError;
pub use kinds::{Again, DefectKind, Invention, Time, Unit};
pub use misconduct::Misconduct;
pub use stall::Stall;
pub use utf8::break_marked;
pub use victims::{Deed, Victim, Victims};

/// One planted defect: what is done wrong, and to one in how many.
///
/// Written as `name`, `name=parameter`, `name,every=N` or `name=parameter,every=N`; see [`Defect::catalogue`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Defect {
    kind: DefectKind,
    every: NonZeroU64,
}

impl Defect {
    /// A defect that hits as often as its kind does by default.
    pub fn new(kind: DefectKind) -> Self {
        let every = kind.every_by_default().unwrap_or(NonZeroU64::MIN);
        Self { kind, every }
    }

    /// The same defect hitting one in `every` of the spans or requests that it can hit. A kind whose own parameter says what
    /// is hit ([`Defect::takes_every`] is false) stays as it is.
    pub fn every(mut self, every: NonZeroU64) -> Self {
        if self.takes_every() {
            self.every = every;
        }
        self
    }

    /// What is done wrong.
    pub fn kind(&self) -> &DefectKind {
        &self.kind
    }

    /// Whether `every=N` means anything to this defect.
    pub fn takes_every(&self) -> bool {
        self.kind.every_by_default().is_some()
    }

    /// Its name without parameters, e.g. `drop-one-in`.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What its counter counts.
    pub fn unit(&self) -> Unit {
        self.kind.unit()
    }
}

/// A request on its way through the defects, and what is to become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The decoded request.
    pub message: ExportTraceServiceRequest,
    /// Number of the connection that it came over.
    pub connection: u64,
    /// How often it is forwarded; 0 drops it.
    pub copies: u32,
    /// How long it is held back, after having been acknowledged if the target has a queue.
    pub delay: Duration,
    /// What the client is told, whatever becomes of the request.
    pub answer: Answer,
    /// How the request is exported.
    pub manner: Manner,
    /// Further requests that nobody asked for, exported beside it.
    pub strays: Vec<Stray>,
    /// Whether a text in it is marked, to be broken where it is encoded: see [`break_marked`].
    pub has_marked: bool,
}

/// What the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What is true.
    Honest,
    /// An error that is not retryable.
    Refused,
    /// An error that asks the client to come again.
    Later,
    /// A success that counts fewer than no spans as rejected.
    Odd,
}

/// A request that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// To where traces go, and no OTLP.
    Garbage,
    /// Metrics, of which there are none.
    Metrics,
}

impl Passage {
    /// A request that is to be forwarded once, at once.
    pub fn new(message: ExportTraceServiceRequest, connection: u64) -> Self {
        Self {
            message,
            connection,
            copies: 1,
            delay: Duration::ZERO,
            answer: Answer::Honest,
            manner: Manner::Proper,
            strays: Vec::new(),
            has_marked: false,
        }
    }
}

/// How often a defect bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bites {
    /// In its own [`Unit`].
    pub times: u64,
    /// Spans that it lost, repeated, changed, added, delayed, or forwarded against its word. 0 where it touched none, as one
    /// that only answers oddly, and where that is not known.
    pub spans: u64,
}

impl Bites {
    /// So many bites that touched no span.
    fn of_no_span(times: u64) -> Self {
        Self { times, spans: 0 }
    }

    fn add(&mut self, more: Self) {
        self.times += more.times;
        self.spans += more.spans;
    }
}

/// As results tell it: `15 times`, or `15 times, 367 spans in all` where that is another number.
impl Display for Bites {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, spans } = self;
        write!(formatter, "{times} times")?;
        if *spans == 0 || spans == times { Ok(()) } else { write!(formatter, ", {spans} spans in all") }
    }
}

/// A defect at work.
trait Tamper: Send {
    /// Does to the passage what the defect says, and answers how often it bit, in its own unit.
    fn tamper(&mut self, passage: &mut Passage) -> u64;

    /// How many spans the bites just answered touched, so many of them; the passage is as they left it.
    fn touched(&self, bites: u64, _passage: &Passage) -> u64 {
        bites
    }
}

/// The defects of a target that change requests, in order, with their counters.
pub struct PlantedDefects {
    planted: Vec<Planted>,
}

struct Planted {
    defect: Defect,
    tamper: Box<dyn Tamper>,
    bites: Bites,
    victims: Victims,
}

impl PlantedDefects {
    /// Plants what of `defects` changes requests. A [`Stall`] and [`Misconduct`] change none and are planted by themselves.
    pub fn new(defects: &[Defect], seed: u64) -> Self {
        let planted = defects.iter().zip(0..).filter_map(|(defect, number)| {
            let tamper = defect.tamper(pick::seed_of(seed, number))?;
            let (bites, victims) = (Bites::default(), Victims::default());
            Some(Planted { defect: defect.clone(), tamper, bites, victims })
        });
        Self { planted: planted.collect() }
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.planted.is_empty()
    }

    /// Sends a request through all defects.
    pub fn tamper(&mut self, passage: &mut Passage) {
        for planted in &mut self.planted {
            let before = planted.victims.have_room().then(|| passage.clone());
            let times = planted.tamper.tamper(passage);
            if times > 0 {
                planted.bites.add(Bites { times, spans: planted.tamper.touched(times, passage) });
                before.iter().for_each(|before| planted.victims.note(before, passage));
            }
        }
    }

    /// How often each bit.
    pub fn bites(&self) -> Vec<(Defect, Bites)> {
        self.planted.iter().map(|planted| (planted.defect.clone(), planted.bites)).collect()
    }

    /// The first spans that each bit, in the same order.
    pub fn victims(&self) -> Vec<(Defect, Victims)> {
        self.planted.iter().map(|planted| (planted.defect.clone(), planted.victims.clone())).collect()
    }
}

impl Defect {
    /// This defect at work, or `None` for one that changes no request.
    fn tamper(&self, seed: u64) -> Option<Box<dyn Tamper>> {
        presence::tamper(self, seed)
            .or_else(|| identity::tamper(self, seed))
            .or_else(|| content::tamper(self, seed))
            .or_else(|| utf8::tamper(self, seed))
            .or_else(|| fields::tamper(self, seed))
            .or_else(|| association::tamper(self, seed))
            .or_else(|| requests::tamper(self, seed))
            .or_else(|| defer::tamper(self, seed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::sample::request;
    use super::*;

    #[test]
    fn every_defect_in_the_catalogue_is_planted_by_exactly_one_family() {
        for defect in Defect::catalogue() {
            let families = [
                presence::tamper(&defect, 1).is_some(),
                identity::tamper(&defect, 1).is_some(),
                content::tamper(&defect, 1).is_some(),
                utf8::tamper(&defect, 1).is_some(),
                fields::tamper(&defect, 1).is_some(),
                association::tamper(&defect, 1).is_some(),
                requests::tamper(&defect, 1).is_some(),
                defer::tamper(&defect, 1).is_some(),
                Stall::planted(&defect).is_some(),
                !Misconduct::planted(std::slice::from_ref(&defect)).bites().is_empty(),
                matches!(defect.kind(), DefectKind::Missample(_)),
            ];
            assert_eq!(families.iter().filter(|planted| **planted).count(), 1, "{defect}");
        }
    }

    #[test]
    fn the_catalogue_names_every_kind_once() {
        let names: BTreeSet<_> = Defect::catalogue().iter().map(Defect::name).collect();
        let further_forms = [("shift-time-1ns", 2), ("invent-span", 1), ("defer-but-forward", 1), ("missample", 9)];
        let further: usize = further_forms.iter().map(|(_, forms)| forms).sum();
        assert_eq!(names.len() + further, Defect::catalogue().len());
    }

    #[test]
    fn the_same_seed_hits_the_same_records_and_another_seed_others() {
        let run = |seed| {
            let mut planted = PlantedDefects::new(&Defect::catalogue(), seed);
            let passages = (0..400).map(|number| {
                let mut passage = Passage::new(request(number), number % 3);
                planted.tamper(&mut passage);
                passage
            });
            let passages: Vec<_> = passages.collect();
            (passages, planted.bites())
        };
        let (first, bites) = run(5);
        assert_eq!((first, bites), run(5));
        assert_ne!(run(5).0, run(6).0);
    }

    #[test]
    fn every_defect_in_the_catalogue_bites_and_says_so() {
        for defect in Defect::catalogue() {
            // What it changes equals nothing, so the sample has none of it: `content` tests it.
            if *defect.kind() == DefectKind::CanonicalNan {
                continue;
            }
            let Some(mut tamper) = defect.tamper(3) else { continue };
            let mut bites = 0;
            let mut changed = false;
            for number in 0..2_000 {
                let untouched = Passage::new(request(number), number % 3);
                let mut passage = untouched.clone();
                let bit = tamper.tamper(&mut passage);
                bites += bit;
                changed |= passage != untouched;
                // A bite shows in the request that it is counted in, except that the second half of a pair is counted.
                assert!(bit == 0 || passage != untouched, "{defect} counted a bite that changed nothing");
            }
            assert!(bites > 0 && changed, "{defect} never bit");
        }
    }

    /// The spans of a request that is bitten, where the defect touches them at all.
    #[test]
    fn bites_of_requests_tell_the_spans_that_they_touched() {
        let bites = |defect: &str| {
            let mut planted = PlantedDefects::new(&[defect.parse().unwrap()], 5);
            (0..20).for_each(|number| planted.tamper(&mut Passage::new(request(number), 0)));
            planted.bites()[0].1.to_string()
        };
        // Twelve spans in a request of the sample, six of them under its first resource.
        for defect in ["acknowledge-then-drop", "send-request-twice", "deliver-late=20s", "refuse-but-forward"] {
            assert_eq!(bites(&format!("{defect},every=5")), "4 times, 48 spans in all", "{defect}");
        }
        assert_eq!(bites("unknown-compression,every=5"), "4 times, 48 spans in all");
        assert_eq!(bites("defer-but-forward=accept,every=5"), "4 times, 48 spans in all");
        assert_eq!(bites("drop-every-nth-request-of-one-connection=5"), "4 times, 48 spans in all");
        for defect in ["odd-answer", "send-garbage", "send-metrics"] {
            assert_eq!(bites(&format!("{defect},every=5")), "4 times", "{defect}");
        }
        let swaps = bites("swap-resources,every=5");
        let (times, spans) = swaps.strip_suffix(" spans in all").unwrap().split_once(" times, ").unwrap();
        assert_eq!(times.parse::<u64>().unwrap() * 6, spans.parse::<u64>().unwrap());
        assert_eq!(bites("change-name,every=12"), "20 times");
    }

    #[test]
    fn a_kind_that_says_itself_what_it_hits_takes_no_every() {
        let nth = Defect::new(DefectKind::DropNth(NonZeroU64::MIN));
        assert_eq!(nth.clone().every(NonZeroU64::MAX), nth);
    }
}
