//! The account against a model that looks at every record by itself: every record stands under one word, the equations hold,
//! and a loss and a repeat never cancel.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use proptest::prelude::*;
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Rate, Shape};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::uniform::Uniform;
use spanproof_harness::judge::account::{Account, Counts};
use spanproof_harness::judge::ledger::{Copies, Ledger};
use spanproof_harness::judge::outcomes::{Outcome, Outcomes, RequestId, RequestRecord};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Two chunks, the second one short, in requests of some 30 spans.
fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        Plan::new(PlanSpec {
            seed: Seed(3),
            tag: RunTag::new(1),
            lane: 0,
            epoch_unix_ns: 0,
            workload: Workload::Uniform(Uniform { spans_per_trace: 3, span_bytes: 100, attributes: 1 }),
            mix: Mix::default(),
            packing: Packing::PerService,
            batch: BatchRule { spans: 30, timeout_ns: 1_000_000_000 },
            request_bytes_max: 1 << 20,
            rate: Rate::Traces(5000.0),
            shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
            arrivals: Arrivals::Constant,
            extent: Extent::Profile,
        })
        .unwrap()
    })
}

fn ledger(plan: &Plan) -> Ledger {
    Ledger::new((0..plan.chunks()).map(|chunk| plan.spans_in(chunk)))
}

fn outcome() -> impl Strategy<Value = (Outcome, u32)> {
    let outcome = prop_oneof![
        Just(Outcome::Acknowledged),
        prop_oneof![Just(0u32), 0u32..60].prop_map(|rejected| Outcome::Partial { rejected }),
        Just(Outcome::Refused),
        Just(Outcome::Unknown),
        Just(Outcome::NotSent),
    ];
    (outcome, 1u32..4)
}

/// What happens to some requests and some records; all others are acknowledged and arrive once.
#[derive(Debug, Clone)]
struct Fates {
    requests: BTreeMap<usize, (Outcome, u32)>,
    /// Record number: how it came.
    records: BTreeMap<usize, Copied>,
}

/// How often a record came as it was sent, and how often changed.
#[derive(Debug, Clone, Copy)]
struct Copied {
    intact: u32,
    corrupt: u32,
    /// The changed copies come before the intact ones.
    corrupt_first: bool,
}

fn copied() -> impl Strategy<Value = Copied> {
    let parts = (0u32..4, prop_oneof![3 => Just(0u32), 2 => 1u32..3], any::<bool>());
    parts.prop_map(|(intact, corrupt, corrupt_first)| Copied { intact, corrupt, corrupt_first })
}

fn fates() -> impl Strategy<Value = Fates> {
    let requests = proptest::collection::btree_map(0usize..400, outcome(), 0..20);
    let records = proptest::collection::btree_map(0usize..15_000, copied(), 0..200);
    (requests, records).prop_map(|(requests, records)| Fates { requests, records })
}

/// Lets the fates happen; gives the ledger, the outcomes, and what the model says.
fn happen(fates: &Fates) -> (Ledger, Outcomes, Counts) {
    let plan = plan();
    let (ledger, outcomes, mut model) = (ledger(plan), Outcomes::default(), Counts::default());
    let mut nth_request = 0;
    for number in 0..plan.chunks() {
        let chunk = plan.open(number);
        for (at, request) in chunk.requests().iter().enumerate() {
            let (outcome, attempts) = fates.requests.get(&nth_request).copied().unwrap_or((Outcome::Acknowledged, 1));
            nth_request += 1;
            let record = RequestRecord { outcome, attempts, answer: String::new(), ended_ns: 0 };
            outcomes.note(RequestId { chunk: number, number: at as u32 }, request.spans, record);
            let mut missing = 0;
            let mut arrived = 0;
            for offset in chunk.records_of(plan, at as u32) {
                let nth = ledger.number(number, offset) as usize;
                let usual = u32::from(outcome != Outcome::NotSent);
                let usual = Copied { intact: usual, corrupt: 0, corrupt_first: false };
                let copied = fates.records.get(&nth).copied().unwrap_or(usual);
                arrive(&ledger, number, offset, copied);
                one_record(&mut model, outcome, attempts, copied, &mut missing, &mut arrived);
            }
            one_request(&mut model, (outcome, attempts), request.spans, missing, arrived);
        }
    }
    (ledger, outcomes, model)
}

fn arrive(ledger: &Ledger, chunk: u64, offset: u32, copied: Copied) {
    let mut corrupt = vec![true; copied.corrupt as usize];
    let intact = vec![false; copied.intact as usize];
    let at = if copied.corrupt_first { corrupt.len() } else { 0 };
    corrupt.splice(at..at, intact);
    for is_corrupt in corrupt {
        _ = if is_corrupt { ledger.mark_corrupt(chunk, offset) } else { ledger.mark(chunk, offset) };
    }
}

fn one_record(
    model: &mut Counts,
    outcome: Outcome,
    attempts: u32,
    copied: Copied,
    missing: &mut u64,
    arrived: &mut u64,
) {
    let (copies, corrupt) = (copied.intact, copied.corrupt > 0);
    model.planned += 1;
    model.corrupted += u64::from(corrupt);
    if copied.intact + copied.corrupt >= 2 {
        model.duplicated += 1;
        model.duplicated_explained += u64::from(attempts > 1);
    }
    if outcome == Outcome::NotSent {
        model.not_sent += 1;
        model.delivered_not_sent += u64::from(copies > 0);
        return;
    }
    model.sent += 1;
    match (copies > 0, corrupt, outcome) {
        (true, ..) => {
            model.delivered += 1;
            *arrived += 1;
        }
        (false, true, _) => model.corrupted_only += 1,
        (false, false, Outcome::Refused) => model.lost_refused += 1,
        (false, false, Outcome::Unknown) => model.lost_unknown += 1,
        (false, false, _) => *missing += 1,
    }
}

fn one_request(model: &mut Counts, (outcome, attempts): (Outcome, u32), spans: u32, missing: u64, arrived: u64) {
    let spans = u64::from(spans);
    match outcome {
        Outcome::Acknowledged => {
            model.acknowledged += spans;
            model.lost_acknowledged += missing;
        }
        Outcome::Partial { rejected } => {
            let rejected = u64::from(rejected).min(spans);
            model.refused += rejected;
            model.acknowledged += spans - rejected;
            model.lost_refused += missing.min(rejected);
            model.lost_acknowledged += missing.saturating_sub(rejected);
            // More rejected than absent: the rest came out although it had been rejected.
            let delivered = rejected.saturating_sub(spans - arrived);
            model.refused_delivered += delivered;
            *if attempts > 1 {
                &mut model.refused_delivered_explained
            } else {
                &mut model.refused_delivered_in_part
            } += delivered;
        }
        Outcome::Refused => {
            model.refused += spans;
            model.refused_delivered += arrived;
            model.refused_delivered_explained += if attempts > 1 { arrived } else { 0 };
        }
        Outcome::Unknown => {
            model.unknown += spans;
            model.recovered += arrived;
        }
        Outcome::NotSent => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_account_is_what_looking_at_every_record_gives(fates in fates()) {
        let (ledger, outcomes, model) = happen(&fates);
        let account = Account::draw_up(plan(), &ledger, &outcomes.exceptions(), |_| true);
        prop_assert_eq!(account.counts, model);
        prop_assert_eq!(account.counts.broken_equations(), Vec::<String>::new());
        prop_assert_eq!(account.sets.lost_acknowledged.len(), account.counts.lost_acknowledged);
        prop_assert_eq!(account.sets.duplicated.len(), account.counts.duplicated);
        prop_assert_eq!(account.sets.lost_unknown.len(), account.counts.lost_unknown);
        prop_assert_eq!(account.sets.lost_refused.len(), account.counts.lost_refused);
        // Of partial successes the records are not known, only the requests.
        let explained = account.counts.refused_delivered_explained;
        let in_part = account.counts.refused_delivered_in_part;
        let known = account.counts.refused_delivered - in_part - explained;
        let unexplained = &account.sets.refused_delivered - &account.sets.refused_delivered_explained;
        prop_assert!(unexplained.len() >= known + in_part);
        prop_assert_eq!(unexplained.len() > known, in_part > 0);
        prop_assert!(account.sets.refused_delivered_explained.len() >= explained);
        prop_assert_eq!(account.sets.refused_delivered_explained.is_empty(), explained == 0);
        let sums = outcomes.sums();
        prop_assert_eq!(
            (sums.acknowledged, sums.refused, sums.unknown, sums.not_sent),
            (model.acknowledged, model.refused, model.unknown, model.not_sent)
        );
    }

    #[test]
    fn a_repeat_of_a_changed_record_is_seen_and_a_change_is_no_loss(changed in 0u32..12_000, intact_copies in 0u32..3) {
        let plan = plan();
        let ledger = ledger(plan);
        for offset in (0..plan.spans_in(0)).filter(|offset| *offset != changed) {
            ledger.mark(0, offset);
        }
        let copied = Copied { intact: intact_copies, corrupt: 1, corrupt_first: true };
        arrive(&ledger, 0, changed, copied);
        let account = Account::draw_up(plan, &ledger, &BTreeMap::new(), |chunk| chunk == 0);
        let repeated = u64::from(intact_copies > 0);
        prop_assert_eq!((account.counts.lost_acknowledged, account.counts.corrupted), (0, 1));
        prop_assert_eq!((account.counts.duplicated, account.counts.corrupted_only), (repeated, 1 - repeated));
        prop_assert_eq!(account.sets.duplicated.contains(u64::from(changed)), repeated == 1);
        prop_assert_eq!(ledger.unique(), u64::from(plan.spans_in(0)));
        prop_assert_eq!(ledger.delivered(), account.counts.delivered);
    }

    #[test]
    fn a_loss_and_a_repeat_are_both_seen(lost in 0u32..12_000, repeated in 0u32..12_000) {
        prop_assume!(lost != repeated);
        let plan = plan();
        let ledger = ledger(plan);
        for offset in (0..plan.spans_in(0)).filter(|offset| *offset != lost) {
            ledger.mark(0, offset);
        }
        ledger.mark(0, repeated);
        let account = Account::draw_up(plan, &ledger, &BTreeMap::new(), |chunk| chunk == 0);
        prop_assert_eq!(ledger.copies(0, lost), Copies::None);
        prop_assert_eq!((account.counts.lost_acknowledged, account.counts.duplicated), (1, 1));
        let (first, second) = (u64::from(plan.spans_in(0)), u64::from(plan.spans_in(1)));
        let counts = account.counts;
        prop_assert_eq!((counts.planned, counts.sent, counts.not_sent), (first + second, first, second));
        prop_assert!(account.sets.lost_acknowledged.contains(u64::from(lost)));
        prop_assert!(account.sets.duplicated.contains(u64::from(repeated)));
    }
}

/// The account of a chunk in which one request of some thirty spans ended so, and of which `absent` spans did not come out.
fn account_of(outcome: Outcome, absent: usize) -> Account {
    let plan = plan();
    let (ledger, chunk) = (ledger(plan), plan.open(0));
    let offsets = chunk.records_of(plan, 1);
    assert!(offsets.len() > absent);
    for offset in (0..plan.spans_in(0)).filter(|offset| !offsets[..absent].contains(offset)) {
        ledger.mark(0, offset);
    }
    let record = RequestRecord { outcome, attempts: 1, answer: String::new(), ended_ns: 0 };
    let requests = BTreeMap::from([(RequestId { chunk: 0, number: 1 }, record)]);
    Account::draw_up(plan, &ledger, &requests, |chunk| chunk == 0)
}

#[test]
fn what_is_absent_is_lost_under_what_the_target_had_said() {
    let lost = |outcome| {
        let Account { counts, sets } = account_of(outcome, 3);
        let by_word = [counts.lost_acknowledged, counts.lost_unknown, counts.lost_refused];
        assert_eq!([sets.lost_acknowledged.len(), sets.lost_unknown.len(), sets.lost_refused.len()], by_word);
        by_word
    };
    assert_eq!(lost(Outcome::Acknowledged), [3, 0, 0]);
    assert_eq!(lost(Outcome::Unknown), [0, 3, 0]);
    assert_eq!(lost(Outcome::Refused), [0, 0, 3]);
    assert_eq!(lost(Outcome::NotSent), [0, 0, 0]);
}

/// Which records were rejected nobody says, so of more that are absent only so many were refused.
#[test]
fn what_a_partial_success_lost_beyond_what_it_rejected_was_acknowledged() {
    for (rejected, absent) in [(0, 5), (1, 5), (3, 5), (5, 5), (7, 5)] {
        let counts = account_of(Outcome::Partial { rejected }, absent as usize).counts;
        let refused = u64::from(rejected.min(absent));
        assert_eq!(
            (counts.lost_refused, counts.lost_acknowledged),
            (refused, u64::from(absent) - refused),
            "{rejected}"
        );
        assert_eq!((counts.refused, counts.refused_delivered), (u64::from(rejected), u64::from(rejected) - refused));
    }
}

#[test]
fn an_account_that_does_not_add_up_says_which_equation_and_both_sides() {
    let sound =
        Counts { planned: 9, not_sent: 1, sent: 8, acknowledged: 5, refused: 2, unknown: 1, ..Counts::default() };
    let sound = Counts { delivered: 2, corrupted_only: 1, ..sound };
    let sound = Counts { lost_acknowledged: 1, lost_unknown: 1, lost_refused: 2, lost_declared: 1, ..sound };
    assert_eq!(sound.broken_equations(), Vec::<String>::new());
    let broken = Counts { not_sent: 2, refused: 1, lost_refused: 4, ..sound };
    assert_eq!(
        broken.broken_equations(),
        [
            "planned = sent + not_sent: 9 against 10",
            "sent = acknowledged + refused + unknown: 8 against 7",
            "sent = delivered + corrupted_only + lost: 8 against 10",
        ]
    );
}
