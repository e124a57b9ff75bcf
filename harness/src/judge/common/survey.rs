//! One walk over the sent requests of the plan: where the affected records and the others travelled, and what they are.

use super::separate::Totals;
use super::whole::ordinal;
use crate::judge::evidence::Evidence;
use crate::judge::outcomes::{Outcome, RequestId};
use roaring::RoaringTreemap;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{Chunk, Placed, Plan, Request};
use std::collections::{BTreeMap, BTreeSet};

/// Stretches that the run is divided into, to find when records were affected.
pub(super) const STRETCHES: usize = 256;

/// A request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub due_ns: u64,
    pub spans: u32,
    pub affected: u32,
}

/// Whom the affected records are compared with: those that the same could have happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// What the target said yes to.
    Acknowledged,
    /// What left the client at all, whatever the target said.
    Sent,
    /// What came out, intact or changed.
    Arrived,
}

impl Among {
    /// Whether the records of a sent request that ended so belong to these; of what was refused nothing arrives as a rule.
    fn takes(self, outcome: Outcome) -> bool {
        match self {
            Self::Acknowledged => !matches!(outcome, Outcome::Refused | Outcome::Unknown),
            Self::Arrived => outcome != Outcome::Refused,
            Self::Sent => true,
        }
    }
}

/// What a record is to a survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Affected,
    Other,
    /// It does not belong to those compared.
    Outside,
}

/// The chunks that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    chunks: BTreeSet<u64>,
    /// An even selection takes every so manieth; 1 where all are taken.
    every: u64,
}

impl Selection {
    /// All chunks of which anything was sent. Of more than `most` an even selection, and with them those that hold affected records,
    /// of which an even selection is enough as well: however few records are affected, some of them are looked at.
    pub(super) fn of(evidence: &Evidence, affected: &RoaringTreemap, most: u64) -> Self {
        let (opened, most) = (evidence.chunks_opened, most.max(1));
        let every = opened.div_ceil(most).max(1);
        let mut chunks: BTreeSet<u64> = evenly(0..opened, every).collect();
        if every > 1 {
            let hit = chunks_of(&evidence.plan, affected);
            let step = (hit.len() as u64).div_ceil(most).max(1);
            chunks.extend(evenly(hit.into_iter(), step).filter(|chunk| *chunk < opened));
        }
        Self { chunks, every }
    }
}

fn evenly(chunks: impl Iterator<Item = u64>, step: u64) -> impl Iterator<Item = u64> {
    chunks.step_by(usize::try_from(step).unwrap_or(usize::MAX))
}

/// The chunks that hold any of these records, in their order.
fn chunks_of(plan: &Plan, records: &RoaringTreemap) -> Vec<u64> {
    let (mut rest, mut chunks) = (records.iter(), Vec::new());
    while let Some(record) = rest.next() {
        let chunk = plan.chunk_of(record);
        chunks.push(chunk);
        rest.advance_to(plan.spans_before(chunk + 1));
    }
    chunks
}

/// What was counted.
pub(super) struct Survey<'a> {
    pub plan: &'a Plan,
    /// By recipe, whether its spans are left out.
    left_out: &'a [bool],
    /// The others are counted as affected, and the affected as others.
    is_turned: bool,
    /// By recipe.
    pub recipes: Vec<Totals>,
    /// By exporter.
    pub exporters: Vec<Totals>,
    /// The last span of each request.
    pub last_of_request: Totals,
    /// By position in the request.
    pub positions: BTreeMap<u32, Totals>,
    /// By number of spans in the request.
    pub request_spans: BTreeMap<u32, Totals>,
    /// By number of spans in the trace.
    pub trace_spans: BTreeMap<u32, Totals>,
    /// By kind of trace.
    pub strata: BTreeMap<Stratum, Totals>,
    /// By stretch of time.
    pub stretches: Vec<Totals>,
    /// How long a stretch is.
    pub stretch_ns: u64,
    /// The requests of each connection, in the order of their instants.
    pub connections: BTreeMap<u64, Vec<Sent>>,
    /// Traces, by their ids as sent, of which every sent span is affected, and of which only some are.
    pub traces_whole: u64,
    pub traces_cut: u64,
    /// Affected records in traces that are affected as a whole.
    pub in_whole_traces: u64,
    /// All traces that were sent, by their ids.
    pub traces: u64,
    /// Ids that one trace of the plan may be sent under.
    ids: usize,
    /// Only every so manieth chunk was looked at, besides those that hold affected records.
    every: u64,
    /// Affected records, and all that were planned to be sent: of the whole run, where not all of it was looked at.
    of_all: Option<Totals>,
}

impl<'a> Survey<'a> {
    /// Counts, in a selection of the chunks, over the affected records and those that they are compared with, but for the spans of
    /// recipes that are left out.
    pub(super) fn take(
        selection: &Selection,
        evidence: &'a Evidence,
        affected: &RoaringTreemap,
        among: Among,
        left_out: &'a [bool],
    ) -> Self {
        Self::count(Self::empty(selection, evidence, affected, left_out), selection, evidence, affected, among)
    }

    /// The other way round: as if those were affected that are not, among the same.
    pub(super) fn take_turned(
        selection: &Selection,
        evidence: &'a Evidence,
        affected: &RoaringTreemap,
        among: Among,
        left_out: &'a [bool],
    ) -> Self {
        let empty = Self::empty(selection, evidence, affected, left_out);
        let of_all = empty.of_all.map(Totals::turned);
        Self::count(Self { is_turned: true, of_all, ..empty }, selection, evidence, affected, among)
    }

    fn count(mut self, selection: &Selection, evidence: &Evidence, affected: &RoaringTreemap, among: Among) -> Self {
        for chunk in &selection.chunks {
            self.add_chunk(evidence, &self.plan.open(*chunk), affected, among);
        }
        self.connections.values_mut().for_each(|sent| sent.sort_by_key(|request| request.due_ns));
        self
    }

    fn empty(selection: &Selection, evidence: &'a Evidence, affected: &RoaringTreemap, left_out: &'a [bool]) -> Self {
        let plan = &*evidence.plan;
        let every = selection.every;
        let last_ns = (plan.seconds() * 1e9) as u64;
        Self {
            plan,
            left_out,
            is_turned: false,
            recipes: vec![Totals::default(); plan.recipes()],
            exporters: vec![Totals::default(); plan.pool().exporters() as usize],
            last_of_request: Totals::default(),
            positions: BTreeMap::new(),
            request_spans: BTreeMap::new(),
            trace_spans: BTreeMap::new(),
            strata: BTreeMap::new(),
            stretches: vec![Totals::default(); STRETCHES],
            stretch_ns: (last_ns / STRETCHES as u64).max(1),
            connections: BTreeMap::new(),
            traces_whole: 0,
            traces_cut: 0,
            in_whole_traces: 0,
            traces: 0,
            ids: usize::from(plan.pool().variant_max()) + 1,
            every,
            of_all: (every > 1).then(|| {
                let all = plan.spans_before(evidence.chunks_opened);
                Totals { affected: affected.len(), others: all.saturating_sub(affected.len()) }
            }),
        }
    }

    fn add_chunk(&mut self, evidence: &Evidence, chunk: &Chunk, affected: &RoaringTreemap, among: Among) {
        let roles = self.roles(evidence, chunk, affected, among);
        // Under each trace id: spans that were sent, and how many of them are affected.
        let mut traces = vec![[0u32; 2]; chunk.traces() * self.ids];
        for (number, request) in chunk.requests().iter().enumerate() {
            let id = RequestId { chunk: chunk.number(), number: number as u32 };
            let outcome = evidence.requests.get(&id).map_or(Outcome::Acknowledged, |record| record.outcome);
            if outcome == Outcome::NotSent {
                continue;
            }
            let is_affected = |offset: &u32| roles[*offset as usize] == Role::Affected;
            // Whoever is affected is compared, however its request ended.
            if among.takes(outcome) || chunk.records_of(self.plan, id.number).iter().any(is_affected) {
                let connection = evidence.connection_of(request, id.number);
                self.add_request(chunk, id.number, request, connection, &roles, &mut traces);
            }
        }
        self.add_traces(&traces);
    }

    fn roles(&self, evidence: &Evidence, chunk: &Chunk, affected: &RoaringTreemap, among: Among) -> Vec<Role> {
        let before = self.plan.spans_before(chunk.number());
        let end = before + u64::from(chunk.records());
        let mut roles = vec![Role::Other; chunk.records() as usize];
        let mut give = |records: &RoaringTreemap, role| {
            let mut rest = records.iter();
            rest.advance_to(before);
            rest.take_while(|number| *number < end).for_each(|number| roles[(number - before) as usize] = role);
        };
        if among == Among::Arrived {
            give(&evidence.account.sets.lost_acknowledged, Role::Outside);
            give(&evidence.account.sets.lost_unknown, Role::Outside);
            give(&evidence.account.sets.lost_declared, Role::Outside);
            give(&evidence.account.sets.lost_refused, Role::Outside);
        }
        give(affected, Role::Affected);
        roles
    }

    fn add_request(
        &mut self,
        chunk: &Chunk,
        number: u32,
        request: &Request,
        connection: u64,
        roles: &[Role],
        traces: &mut [[u32; 2]],
    ) {
        // The last stretch takes what is due at the very end, too.
        let stretch = (request.due_ns / self.stretch_ns).min(STRETCHES as u64 - 1) as usize;
        let (mut spans, mut affected) = (0, 0);
        chunk.for_each_placed(self.plan, number, |placed| {
            let role = roles[placed.offset as usize];
            if role == Role::Outside || self.left_out[placed.recipe as usize] {
                return;
            }
            let is_hit = (role == Role::Affected) != self.is_turned;
            spans += 1;
            affected += u32::from(is_hit);
            let trace = &mut traces[usize::from(placed.variant) * chunk.traces() + usize::from(placed.trace)];
            trace[0] += 1;
            trace[1] += u32::from(is_hit);
            self.add_record(chunk, &placed, request.spans, is_hit);
        });
        if spans == 0 {
            return;
        }
        let (all, hits) = (u64::from(spans), u64::from(affected));
        self.stretches[stretch].add(true, hits);
        self.stretches[stretch].add(false, all - hits);
        let sent = Sent { due_ns: request.due_ns, spans, affected };
        self.connections.entry(connection).or_default().push(sent);
    }

    fn add_record(&mut self, chunk: &Chunk, placed: &Placed, request_spans: u32, hit: bool) {
        let trace = usize::from(placed.trace);
        self.recipes[placed.recipe as usize].add(hit, 1);
        self.exporters[placed.exporter as usize].add(hit, 1);
        if placed.position + 1 == request_spans {
            self.last_of_request.add(hit, 1);
        }
        self.positions.entry(placed.position).or_default().add(hit, 1);
        self.request_spans.entry(request_spans).or_default().add(hit, 1);
        self.trace_spans.entry(chunk.trace_spans(self.plan, trace)).or_default().add(hit, 1);
        self.strata.entry(chunk.stratum(self.plan, trace)).or_default().add(hit, 1);
    }

    fn add_traces(&mut self, traces: &[[u32; 2]]) {
        for [sent, affected] in traces.iter().filter(|[sent, _]| *sent > 0) {
            self.traces += 1;
            if affected == sent {
                self.traces_whole += 1;
                self.in_whole_traces += u64::from(*affected);
            } else if *affected > 0 {
                self.traces_cut += 1;
            }
        }
    }

    /// How many requests were sent.
    pub(super) fn requests(&self) -> u64 {
        self.connections.values().map(Vec::len).sum::<usize>() as u64
    }

    /// How many of them hold an affected record.
    pub(super) fn requests_hit(&self) -> u64 {
        self.connections.values().flatten().filter(|request| request.affected > 0).count() as u64
    }

    /// Records on both sides.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for one in &self.stretches {
            totals.affected += one.affected;
            totals.others += one.others;
        }
        totals
    }

    /// How many of all are affected, whatever was looked at.
    pub(super) fn of_all(&self) -> Totals {
        self.of_all.unwrap_or_else(|| self.totals())
    }

    /// Says so if not all chunks were looked at.
    pub(super) fn sampled(&self) -> Option<String> {
        let every =
            || format!("counted in every {} chunk of the plan, and in those that hold such spans", ordinal(self.every));
        (self.every > 1).then(every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::common::tests::{long_evidence, nothing_left_out, survey_of};

    #[test]
    fn a_selection_of_chunks_is_told_and_all_of_them_are_not() {
        let survey = survey_of(&RoaringTreemap::new());
        assert_eq!(survey.sampled(), None);
        let said = Survey { every: 2, ..survey }.sampled();
        assert_eq!(said.as_deref(), Some("counted in every 2nd chunk of the plan, and in those that hold such spans"));
    }

    #[test]
    fn of_more_chunks_than_are_looked_at_those_with_affected_records_are_never_all_left_out() {
        let plan = &long_evidence().plan;
        let (chunks, of_all) = (plan.chunks(), |chunks: &[u64]| chunks.iter().copied().collect::<BTreeSet<u64>>());
        let selected = |affected: &RoaringTreemap, most| Selection::of(long_evidence(), affected, most);
        assert!(chunks > 4, "{chunks}");
        let none = RoaringTreemap::new();
        assert_eq!(selected(&none, chunks), Selection { chunks: (0..chunks).collect(), every: 1 });
        let every = chunks.div_ceil(2);
        assert_eq!(selected(&none, 2), Selection { chunks: of_all(&[0, every]), every });
        let in_chunk = |chunk: u64| plan.spans_before(chunk)..plan.spans_before(chunk) + 3;
        let hit: RoaringTreemap = [1, chunks - 1].into_iter().flat_map(in_chunk).collect();
        assert_eq!(chunks_of(plan, &hit), [1, chunks - 1]);
        assert_eq!(selected(&hit, 2).chunks, of_all(&[0, 1, every, chunks - 1]));
        // Of many that hold some, an even selection, too.
        let all: RoaringTreemap = (0..chunks).flat_map(in_chunk).collect();
        assert_eq!(selected(&all, 2).chunks, of_all(&[0, every]));
    }

    #[test]
    fn a_share_is_told_of_all_and_not_of_what_was_looked_at() {
        let evidence = long_evidence();
        let hit: RoaringTreemap = [evidence.plan.spans_before(1)].into_iter().collect();
        let selection = Selection::of(evidence, &hit, 1);
        let survey = Survey::take(&selection, evidence, &hit, Among::Sent, nothing_left_out());
        let all = Totals { affected: 1, others: evidence.plan.spans() - 1 };
        assert_eq!((survey.totals().affected, survey.of_all()), (1, all));
        assert!(survey.totals().others < all.others);
    }
}
