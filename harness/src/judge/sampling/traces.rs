//! Every trace of a plan as the target was given it: its pieces, and which of its spans came out.

use super::presence::{Piece, Presence};
use crate::judge::account::{Account, Sets};
use crate::judge::instants::Packed;
use crate::judge::outcomes::{RequestId, RequestRecord};
use spanproof_generators::model::{Pool, Shape, Topology};
use spanproof_generators::plan::{CHUNK_TRACES, Chunk, Plan};
use spanproof_generators::sampling::trace::{Placed, Source, Trace};
use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::rc::Rc;
use std::time::Duration;

/// What is known of a run's traces besides the rules.
pub struct Books<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Every record under one word.
    pub account: &'a Account,
    /// Requests that did not simply succeed.
    pub requests: &'a BTreeMap<RequestId, RequestRecord>,
    /// When requests were sent and answered, by chunk and number.
    pub instants: &'a [Vec<Packed>],
    /// Chunks of the plan that were sent, from the first on.
    pub chunks_opened: u64,
    /// When the target was not itself: killed, paused, starting again; from the start of the run.
    pub disturbed: &'a [(Duration, Duration)],
    /// When the run ended, if that was before its plan did.
    pub cut_at: Option<Duration>,
}

impl Books<'_> {
    /// The traces before they were encoded.
    pub(super) fn pool(&self) -> Result<Pool, String> {
        let spec = self.plan.spec();
        let pool = spec.workload.pool(spec.seed.0, &spec.mix.anomalies()).map_err(|error| error.to_string())?;
        Ok(pool.make())
    }
}

/// The spans of a shape that are sent under one trace id.
pub(super) struct Known<'a> {
    pub(super) source: Source<'a>,
    pub(super) ordinals: Vec<u32>,
}

/// All traces of a plan that were sent.
pub(super) struct Traces<'a> {
    books: &'a Books<'a>,
    topology: &'a Topology,
    shapes: Vec<&'a Shape>,
    known: HashMap<(u32, u8), Option<Rc<Known<'a>>>>,
}

impl<'a> Traces<'a> {
    pub(super) fn new(books: &'a Books<'a>, pool: &'a Pool) -> Self {
        let shapes = pool.sets.iter().flat_map(|set| &set.shapes).collect();
        Self { books, topology: &pool.topology, shapes, known: HashMap::new() }
    }

    /// Shows every trace by each of its ids, in the order of the plan.
    pub(super) fn each(&mut self, mut show: impl FnMut(&Sent<'_, 'a>)) {
        let Books { plan, account, chunks_opened, .. } = self.books;
        let mut absences = Absences::new(&account.sets);
        for number in 0..plan.chunks().min(*chunks_opened) {
            let (chunk, first) = (plan.open(number), plan.spans_before(number));
            let fell = absences.of_chunk(first, plan.spans_in(number));
            for trace in 0..chunk.traces() {
                for variant in self.variants(chunk.shape(trace)) {
                    let key = (chunk.shape(trace), variant);
                    let Some(known) = self.get(key) else { continue };
                    let pieces = pieces(self.books, &chunk, trace, &known.ordinals);
                    show(&Sent { plan, key, known: &known, chunk: &chunk, trace, pieces, first, fell: &fell });
                }
            }
        }
    }

    fn get(&mut self, key: (u32, u8)) -> Option<Rc<Known<'a>>> {
        let Self { topology, shapes, known, .. } = self;
        let make = || {
            let spans: &'a Shape = shapes.get(key.0 as usize)?;
            let source = Source::new(spans, topology, key.1)?;
            let numbered = (0_u32..).zip(&spans.spans).filter(|(_, span)| span.variant.number == key.1);
            Some(Rc::new(Known { source, ordinals: numbered.map(|(ordinal, _)| ordinal).collect() }))
        };
        known.entry(key).or_insert_with(make).clone()
    }

    /// The numbers of the trace ids under which a shape is sent.
    fn variants(&self, shape: u32) -> std::ops::RangeInclusive<u8> {
        let spans = self.shapes.get(shape as usize).map(|shape| &shape.spans);
        0..=spans.into_iter().flatten().map(|span| span.variant.number).max().unwrap_or(0)
    }
}

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fell {
    Came,
    /// Acknowledged and absent.
    Absent,
    /// Absent with an excuse that has nothing to do with sampling.
    Excused,
}

/// The absent records of a plan, chunk by chunk.
struct Absences<'a> {
    lost: Vec<Peekable<roaring::treemap::Iter<'a>>>,
    excused: Vec<Peekable<roaring::treemap::Iter<'a>>>,
}

impl<'a> Absences<'a> {
    fn new(sets: &'a Sets) -> Self {
        let of = |sets: &[&'a roaring::RoaringTreemap]| sets.iter().map(|set| set.iter().peekable()).collect();
        Self {
            lost: of(&[&sets.lost_acknowledged, &sets.sampled_out, &sets.absent]),
            excused: of(&[&sets.lost_declared, &sets.lost_unknown, &sets.lost_refused]),
        }
    }

    /// Of the next chunk, which has its records from `first` on.
    fn of_chunk(&mut self, first: u64, records: u32) -> Vec<Fell> {
        let mut fell = vec![Fell::Came; records as usize];
        let end = first + u64::from(records);
        let mut mark = |set: &mut Peekable<roaring::treemap::Iter<'a>>, word| {
            while let Some(record) = set.next_if(|record| *record < end) {
                if let Some(place) = record.checked_sub(first).and_then(|at| fell.get_mut(at as usize)) {
                    *place = word;
                }
            }
        };
        self.lost.iter_mut().for_each(|set| mark(set, Fell::Absent));
        self.excused.iter_mut().for_each(|set| mark(set, Fell::Excused));
        fell
    }
}

/// A trace by one of its ids.
pub(super) struct Sent<'a, 'p> {
    plan: &'a Plan,
    /// Its shape, and the number of its id.
    pub(super) key: (u32, u8),
    pub(super) known: &'a Known<'p>,
    chunk: &'a Chunk,
    trace: usize,
    pub(super) pieces: Vec<Piece>,
    /// The number in the plan of the chunk's first record.
    first: u64,
    fell: &'a [Fell],
}

impl<'p> Sent<'_, 'p> {
    fn offset(&self, position: usize) -> u32 {
        self.chunk.offset_of(self.trace, self.known.ordinals[position])
    }

    /// The number in the plan of the span at this position of the trace.
    pub(super) fn record(&self, position: usize) -> u64 {
        self.first + u64::from(self.offset(position))
    }

    pub(super) fn fell(&self, position: usize) -> Fell {
        self.fell[self.offset(position) as usize]
    }

    /// Spans that are sent under this id.
    pub(super) fn spans(&self) -> usize {
        self.known.ordinals.len()
    }

    /// Positions of spans whose presence is so, and whose absence nothing else excuses.
    pub(super) fn of(&self, presence: Presence) -> Vec<usize> {
        let those = self.pieces.iter().filter(|piece| piece.presence == presence);
        let mut those: Vec<usize> =
            those.flat_map(|piece| &piece.spans).copied().filter(|at| self.fell(*at) != Fell::Excused).collect();
        those.sort_unstable();
        those
    }

    pub(super) fn records(&self, positions: &[usize]) -> Vec<u64> {
        positions.iter().map(|at| self.record(*at)).collect()
    }

    pub(super) fn absent(&self, positions: &[usize]) -> Vec<usize> {
        positions.iter().copied().filter(|at| self.fell(*at) == Fell::Absent).collect()
    }

    /// The earliest instant at which anything of it can have come.
    pub(super) fn began(&self) -> Duration {
        self.pieces.iter().map(|piece| piece.from).min().unwrap_or_default()
    }

    /// The trace as rules see it.
    pub(super) fn view(&self) -> Trace<'p> {
        self.known.source.trace(Placed {
            identity: self.plan.identity(),
            index: self.chunk.number() * CHUNK_TRACES + self.trace as u64,
            start_unix_ns: self.plan.spec().epoch_unix_ns + self.chunk.start_ns(self.trace),
        })
    }
}

/// What each request holds of a trace's spans.
fn pieces(books: &Books<'_>, chunk: &Chunk, trace: usize, ordinals: &[u32]) -> Vec<Piece> {
    let mut by_request: Vec<(u32, Vec<usize>)> = Vec::new();
    for (position, ordinal) in ordinals.iter().enumerate() {
        let request = chunk.request_of(books.plan, trace, *ordinal);
        match by_request.iter_mut().find(|(number, _)| *number == request) {
            Some((_, spans)) => spans.push(position),
            None => by_request.push((request, vec![position])),
        }
    }
    let instants = books.instants.get(chunk.number() as usize);
    let piece = |(request, spans): (u32, Vec<usize>)| {
        let due = Duration::from_nanos(chunk.requests()[request as usize].due_ns);
        let id = RequestId { chunk: chunk.number(), number: request };
        Piece::new(spans, due, instants.and_then(|all| all.get(request as usize)), books.requests.get(&id))
    };
    by_request.into_iter().map(piece).collect()
}
