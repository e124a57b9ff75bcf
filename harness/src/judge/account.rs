//! The account: every record of the plan under exactly one word, from the ledger and the requests' outcomes.

use super::ledger::{Copies, Ledger};
use super::outcomes::{Outcome, RequestId, RequestRecord};
use roaring::RoaringTreemap;
use spanproof_generators::plan::{Chunk, Plan};
use std::collections::BTreeMap;

/// Counts by word; see the documentation of the verdict words. Records, not copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records in the plan.
    pub planned: u64,
    /// Never left the client.
    pub not_sent: u64,
    /// Left the client at least once.
    pub sent: u64,
    /// The target said yes.
    pub acknowledged: u64,
    /// The target said no for good.
    pub refused: u64,
    /// Nobody knows what the target said.
    pub unknown: u64,
    /// At least one intact copy arrived.
    pub delivered: u64,
    /// Of those, the ones whose send ended unknown.
    pub recovered: u64,
    /// Of those, the ones that had been refused for good.
    pub refused_delivered: u64,
    /// Of those, the ones whose request had been sent before, with an answer that was not final: that attempt may have delivered
    /// them.
    pub refused_delivered_explained: u64,
    /// Of the others, the ones of partial successes: how many is known, not which.
    pub refused_delivered_in_part: u64,
    /// Two or more copies arrived, intact or changed.
    pub duplicated: u64,
    /// Of those, the ones whose request was sent more than once.
    pub duplicated_explained: u64,
    /// Acknowledged and absent.
    pub lost_acknowledged: u64,
    /// Unknown and absent.
    pub lost_unknown: u64,
    /// Refused and absent.
    pub lost_refused: u64,
    /// Acknowledged, absent, and permitted by the guarantee that the scenario declares.
    pub lost_declared: u64,
    /// Acknowledged, absent, and left out as the target's configuration says.
    pub sampled_out: u64,
    /// Acknowledged and absent, and nobody can say whether it was left out or lost.
    pub absent: u64,
    /// A corrupt copy arrived.
    pub corrupted: u64,
    /// Of those, the ones of which no intact copy arrived.
    pub corrupted_only: u64,
    /// First copy, intact or changed, later than allowed.
    pub late: u64,
    /// Delivered though they never left: an error of the harness, or of its account.
    pub delivered_not_sent: u64,
}

/// The records behind the counts, by their number in the plan.
#[derive(Debug, Clone, Default)]
pub struct Sets {
    /// Lost though acknowledged.
    pub lost_acknowledged: RoaringTreemap,
    /// Acknowledged, absent, and permitted by the guarantee that the scenario declares.
    pub lost_declared: RoaringTreemap,
    /// Acknowledged, absent, and left out as the target's configuration says.
    pub sampled_out: RoaringTreemap,
    /// Acknowledged and absent, and nobody can say whether it was left out or lost.
    pub absent: RoaringTreemap,
    /// Lost, and nobody knows what the target had said.
    pub lost_unknown: RoaringTreemap,
    /// Refused for good, and absent.
    pub lost_refused: RoaringTreemap,
    /// Refused for good and yet delivered. Of a partial success nobody says which records were rejected: where fewer are absent
    /// than were rejected, all that were delivered of it stand here.
    pub refused_delivered: RoaringTreemap,
    /// Of those, the ones that an earlier attempt explains.
    pub refused_delivered_explained: RoaringTreemap,
    /// Two or more copies.
    pub duplicated: RoaringTreemap,
    /// Of those, the ones that a resend explains.
    pub duplicated_explained: RoaringTreemap,
    /// A corrupt copy.
    pub corrupted: RoaringTreemap,
    /// Too late.
    pub late: RoaringTreemap,
}

/// The account of a run.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// How many.
    pub counts: Counts,
    /// Which.
    pub sets: Sets,
}

/// What the account of one chunk needs to know.
struct Books<'a> {
    plan: &'a Plan,
    ledger: &'a Ledger,
    requests: &'a BTreeMap<RequestId, RequestRecord>,
    /// Records of which corrupt copies arrived and no intact one.
    corrupted_only: RoaringTreemap,
}

/// The records of one request that arrived, by their number in the plan.
struct Arrived {
    /// An intact copy, maybe among others.
    intact: Vec<u64>,
    /// Corrupt copies only.
    corrupt: u64,
}

impl Books<'_> {
    fn arrived(&self, chunk: u64, offsets: &[u32]) -> Arrived {
        let came = offsets.iter().filter(|offset| self.ledger.copies(chunk, **offset) != Copies::None);
        let came: Vec<u64> = came.map(|offset| self.ledger.number(chunk, *offset)).collect();
        let all = came.len();
        let intact: Vec<u64> = came.into_iter().filter(|number| !self.corrupted_only.contains(*number)).collect();
        Arrived { corrupt: (all - intact.len()) as u64, intact }
    }
}

impl Account {
    /// Draws up the account. `requests` are those that did not simply succeed; `sent_chunks` tells whether the driver got
    /// as far as a chunk at all (when a run is interrupted, later ones were never opened).
    pub fn draw_up(
        plan: &Plan,
        ledger: &Ledger,
        requests: &BTreeMap<RequestId, RequestRecord>,
        chunk_was_sent: impl Fn(u64) -> bool,
    ) -> Self {
        let exceptions = ledger.exceptions().clone();
        let books = Books { plan, ledger, requests, corrupted_only: exceptions.corrupted_only() };
        let mut account = Self::default();
        for chunk in 0..plan.chunks() {
            let records = u64::from(plan.spans_in(chunk));
            account.counts.planned += records;
            if chunk_was_sent(chunk) {
                account.add_chunk(&books, chunk);
            } else {
                account.counts.not_sent += records;
            }
        }
        account.counts.corrupted = exceptions.corrupt.len();
        account.counts.late = exceptions.late.len();
        account.sets.corrupted = exceptions.corrupt;
        account.sets.late = exceptions.late;
        account
    }

    /// These of the records that were acknowledged and lost may have been, by what the scenario declares.
    pub fn declare_lost(&mut self, permitted: &RoaringTreemap) {
        self.sets.lost_declared |= &self.sets.lost_acknowledged & permitted;
        self.sets.lost_acknowledged -= permitted;
        self.counts.lost_acknowledged = self.sets.lost_acknowledged.len();
        self.counts.lost_declared = self.sets.lost_declared.len();
    }

    /// Of the records that were acknowledged and are absent, these were left out on purpose, and those may have been.
    pub fn leave_out(&mut self, on_purpose: &RoaringTreemap, perhaps: &RoaringTreemap) {
        self.sets.sampled_out |= &self.sets.lost_acknowledged & on_purpose;
        self.sets.lost_acknowledged -= on_purpose;
        self.sets.absent |= &self.sets.lost_acknowledged & perhaps;
        self.sets.lost_acknowledged -= perhaps;
        self.counts.lost_acknowledged = self.sets.lost_acknowledged.len();
        self.counts.sampled_out = self.sets.sampled_out.len();
        self.counts.absent = self.sets.absent.len();
    }

    /// Records that came twice or more though each was sent once.
    pub fn unexplained_repeats(&self) -> RoaringTreemap {
        &self.sets.duplicated - &self.sets.duplicated_explained
    }

    /// Repeats among these records are explained: the target had reason to send them again, since no answer had come.
    pub fn explain_repeats(&mut self, unanswered: &RoaringTreemap) {
        self.sets.duplicated_explained |= &self.sets.duplicated & unanswered;
        self.counts.duplicated_explained = self.sets.duplicated_explained.len();
    }

    fn add_chunk(&mut self, books: &Books<'_>, number: u64) {
        let range = RequestId { chunk: number, number: 0 }..=RequestId { chunk: number, number: u32::MAX };
        let special: BTreeMap<u32, &RequestRecord> =
            books.requests.range(range).map(|(id, record)| (id.number, record)).collect();
        let mut exceptions = Vec::new();
        books.ledger.for_each_exception(number, |offset, copies| exceptions.push((offset, copies)));
        let records = u64::from(books.plan.spans_in(number));
        let first = books.ledger.number(number, 0);
        let corrupted_only = books.corrupted_only.range_cardinality(first..first + records);
        // Whatever is not named below was acknowledged and arrived once.
        self.counts.sent += records;
        self.counts.acknowledged += records;
        self.counts.delivered += records - corrupted_only;
        self.counts.corrupted_only += corrupted_only;
        if special.is_empty() && exceptions.is_empty() {
            return;
        }
        let chunk = books.plan.open(number);
        for (offset, copies) in &exceptions {
            if *copies == Copies::None {
                self.counts.delivered -= 1;
            } else {
                self.add_repeat(books, &chunk, *offset, &special);
            }
        }
        for (request, record) in &special {
            self.add_request(books, &chunk, *request, record);
        }
        self.add_missing(books, &chunk, &exceptions, &special);
    }

    fn add_repeat(&mut self, books: &Books<'_>, chunk: &Chunk, offset: u32, special: &BTreeMap<u32, &RequestRecord>) {
        let number = books.ledger.number(chunk.number(), offset);
        self.counts.duplicated += 1;
        self.sets.duplicated.insert(number);
        if special.get(&request_of(books.plan, chunk, offset)).is_some_and(|record| record.attempts > 1) {
            self.counts.duplicated_explained += 1;
            self.sets.duplicated_explained.insert(number);
        }
    }

    /// Moves a request's records from *acknowledged* to where they belong.
    fn add_request(&mut self, books: &Books<'_>, chunk: &Chunk, request: u32, record: &RequestRecord) {
        let offsets = chunk.records_of(books.plan, request);
        let spans = offsets.len() as u64;
        let arrived = books.arrived(chunk.number(), &offsets);
        let intact = arrived.intact.len() as u64;
        let counts = &mut self.counts;
        match record.outcome {
            Outcome::Acknowledged => {}
            Outcome::Partial { rejected } => {
                // Which ones were rejected nobody says: the missing ones first.
                let refused = u64::from(rejected).min(spans);
                let delivered = refused.saturating_sub(spans - intact);
                counts.acknowledged -= refused;
                counts.refused += refused;
                if delivered > 0 {
                    self.add_refused_delivered(record, delivered, arrived.intact);
                }
            }
            Outcome::Refused => {
                counts.acknowledged -= spans;
                counts.refused += spans;
                self.add_refused_delivered(record, intact, arrived.intact);
            }
            Outcome::Unknown => {
                counts.acknowledged -= spans;
                counts.unknown += spans;
                counts.recovered += intact;
            }
            Outcome::NotSent => {
                counts.acknowledged -= spans;
                counts.sent -= spans;
                counts.not_sent += spans;
                counts.delivered -= intact;
                counts.delivered_not_sent += intact;
                counts.corrupted_only -= arrived.corrupt;
            }
        }
    }

    /// `delivered` records of a refused request came out, all of these or, of a partial success, some of them.
    fn add_refused_delivered(&mut self, record: &RequestRecord, delivered: u64, came: Vec<u64>) {
        self.counts.refused_delivered += delivered;
        if record.attempts > 1 {
            self.counts.refused_delivered_explained += delivered;
            self.sets.refused_delivered_explained.extend(came.iter().copied());
        } else if matches!(record.outcome, Outcome::Partial { .. }) {
            self.counts.refused_delivered_in_part += delivered;
        }
        self.sets.refused_delivered.extend(came);
    }

    /// Gives every absent record its word.
    fn add_missing(
        &mut self,
        books: &Books<'_>,
        chunk: &Chunk,
        exceptions: &[(u32, Copies)],
        special: &BTreeMap<u32, &RequestRecord>,
    ) {
        let mut rejected_left: BTreeMap<u32, u32> = special
            .iter()
            .filter_map(|(request, record)| match record.outcome {
                Outcome::Partial { rejected } => Some((*request, rejected)),
                _ => None,
            })
            .collect();
        for (offset, _) in exceptions.iter().filter(|(_, copies)| *copies == Copies::None) {
            let request = request_of(books.plan, chunk, *offset);
            let outcome = special.get(&request).map_or(Outcome::Acknowledged, |record| record.outcome);
            let rejected = rejected_left.get_mut(&request).filter(|left| **left > 0);
            self.add_absent(books.ledger.number(chunk.number(), *offset), outcome, rejected);
        }
    }

    fn add_absent(&mut self, number: u64, outcome: Outcome, rejected: Option<&mut u32>) {
        match (outcome, rejected) {
            (Outcome::NotSent, _) => {}
            (Outcome::Refused, _) => self.add_lost_refused(number),
            (Outcome::Partial { .. }, Some(left)) => {
                *left -= 1;
                self.add_lost_refused(number);
            }
            (Outcome::Unknown, _) => {
                self.counts.lost_unknown += 1;
                self.sets.lost_unknown.insert(number);
            }
            (Outcome::Acknowledged | Outcome::Partial { .. }, _) => {
                self.counts.lost_acknowledged += 1;
                self.sets.lost_acknowledged.insert(number);
            }
        }
    }

    fn add_lost_refused(&mut self, number: u64) {
        self.counts.lost_refused += 1;
        self.sets.lost_refused.insert(number);
    }
}

impl Counts {
    /// The equations of the account that do not hold, in words; none if all is well.
    pub fn broken_equations(&self) -> Vec<String> {
        let equations = [
            ("planned = sent + not_sent", self.planned, self.sent + self.not_sent),
            ("sent = acknowledged + refused + unknown", self.sent, self.acknowledged + self.refused + self.unknown),
            (
                "sent = delivered + corrupted_only + lost",
                self.sent,
                self.delivered
                    + self.corrupted_only
                    + self.lost_acknowledged
                    + self.lost_unknown
                    + self.lost_refused
                    + self.lost_declared
                    + self.sampled_out
                    + self.absent,
            ),
        ];
        let broken = equations.iter().filter(|(_, left, right)| left != right);
        broken.map(|(name, left, right)| format!("{name}: {left} against {right}")).collect()
    }
}

fn request_of(plan: &Plan, chunk: &Chunk, offset: u32) -> u32 {
    let (trace, ordinal) = chunk.trace_of(offset);
    chunk.request_of(plan, trace, ordinal)
}
