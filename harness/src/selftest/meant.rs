//! Are the spans that the judge means those that the defect bit, and not their neighbours? The target that carries the defect says which
//! it bit, by the ids that it saw; the judge's sets are numbers of records, which the plan gives their ids.

use super::case::{Case, Counted, Expected};
use super::needed::all_ids;
use crate::embedded::Deed;
use crate::judge::evidence::Evidence;
use crate::planted::Planted;
use roaring::RoaringTreemap;
use spanproof_generators::plan::Plan;
use spanproof_reports::figures::hex;
use spanproof_reports::result::RunResult;
use std::collections::BTreeSet;

/// Spans that are named in a difference.
const NAMED_MAX: usize = 2;

/// The ids of a span.
type Ids = (String, String);

/// A kind of finding about records of the plan: its id, its records, and what has been done to them.
type Kind = (&'static str, fn(&Evidence) -> RoaringTreemap, &'static [Deed]);

const KINDS: [Kind; 9] = [
    ("lost-acknowledged", |evidence| evidence.account.sets.lost_acknowledged.clone(), &[Deed::Lost, Deed::Garbled]),
    ("absent-by-design", |evidence| evidence.account.sets.lost_acknowledged.clone(), &[Deed::Lost, Deed::Garbled]),
    // Who is asked to come again, and does, sends twice what was taken.
    ("duplicated", |evidence| evidence.account.unexplained_repeats(), &[Deed::Repeated, Deed::Deferred]),
    (
        "duplicated-explained",
        |evidence| evidence.account.sets.duplicated_explained.clone(),
        &[Deed::Repeated, Deed::Deferred],
    ),
    ("corrupted", |evidence| evidence.account.sets.corrupted.clone(), &[Deed::Changed]),
    ("changed-by-design", |evidence| evidence.account.sets.corrupted.clone(), &[Deed::Changed]),
    ("late", |evidence| evidence.account.sets.late.clone(), &[Deed::Delayed]),
    (
        "refused-delivered",
        |evidence| &evidence.account.sets.refused_delivered - &evidence.account.sets.refused_delivered_explained,
        &[Deed::Denied],
    ),
    (
        "refused-delivered-explained",
        |evidence| evidence.account.sets.refused_delivered_explained.clone(),
        &[Deed::Deferred],
    ),
];

/// Findings about records that are in no plan: they have examples, and no set.
const STRANGERS: [&str; 2] = ["foreign", "invented"];

/// Everything in which the spans that a judge means are not those that were bitten, in words. Only where findings count what the defect
/// touched: elsewhere other things happen to spans, too.
pub fn differences(
    case: &Case,
    expected: &Expected,
    (evidence, result): (&Evidence, &RunResult),
    planted: &Planted,
) -> Vec<String> {
    let mut differences = Vec::new();
    for ids in counted_together(case, expected) {
        of_set(&ids, (evidence, result), planted, &mut differences);
    }
    if planted.are_all() && !matches!(case.counted, Counted::Not(_) | Counted::NoDefect) {
        let bitten = bitten(planted, |_| true);
        for id in all_ids(expected).filter(|id| STRANGERS.contains(id)) {
            told(&format!("`{id}` has the example"), &examples(result, &[id]), &bitten, &mut differences);
        }
    }
    differences
}

/// The findings whose records together are what the defect touched.
fn counted_together(case: &Case, expected: &Expected) -> Vec<Vec<&'static str>> {
    match case.counted {
        Counted::NoDefect | Counted::Not(_) => Vec::new(),
        Counted::Each => all_ids(expected).map(|id| vec![id]).collect(),
        Counted::Sums(sums) => sums.iter().map(|ids| ids.to_vec()).collect(),
    }
}

/// The records under these ids are those that were bitten so. Where one of the ids is not about records of the plan, there is no such set.
fn of_set(
    ids: &[&'static str],
    (evidence, result): (&Evidence, &RunResult),
    planted: &Planted,
    differences: &mut Vec<String>,
) {
    let kinds: Option<Vec<&Kind>> = ids.iter().map(|id| KINDS.iter().find(|(of, ..)| of == id)).collect();
    let Some(kinds) = kinds else { return };
    let records = kinds.iter().fold(RoaringTreemap::new(), |all, (_, records, _)| all | records(evidence));
    let meant = ids_of(&evidence.plan, &records);
    let bitten = bitten(planted, |deed| kinds.iter().any(|(.., deeds)| deeds.contains(&deed)));
    let name = ids.join("` and `");
    if bitten.is_empty() {
        differences.push(format!("no span is noted of which `{name}` should tell"));
    }
    told(&format!("`{name}` does not mean what was bitten:"), &bitten, &meant, differences);
    if planted.are_all() {
        told(&format!("`{name}` means what was not bitten:"), &meant, &bitten, differences);
        told(&format!("`{name}` has the example"), &examples(result, ids), &bitten, differences);
    }
}

/// Tells of those of these spans that are not among the others.
fn told(what: &str, these: &BTreeSet<Ids>, others: &BTreeSet<Ids>, differences: &mut Vec<String>) {
    let unlike: Vec<String> =
        these.difference(others).map(|(trace, span)| format!("span {span} of trace {trace}")).collect();
    if unlike.is_empty() {
        return;
    }
    let named = unlike.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match unlike.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    differences.push(format!("{what} {named}{more}"));
}

fn bitten(planted: &Planted, wanted: impl Fn(Deed) -> bool) -> BTreeSet<Ids> {
    let spans = planted.spans().filter(|bitten| wanted(bitten.deed));
    spans.map(|bitten| (bitten.trace_id.clone(), bitten.span_id.clone())).collect()
}

/// The spans that findings of these ids have as examples.
fn examples(result: &RunResult, ids: &[&str]) -> BTreeSet<Ids> {
    let findings = result.checks.iter().flat_map(|check| &check.findings);
    let examples = findings.filter(|found| ids.contains(&found.id.as_str())).flat_map(|found| &found.examples);
    examples.filter_map(|example| Some((example.trace_id.clone()?, example.span_id.clone()?))).collect()
}

/// The ids that these records go by on the wire.
fn ids_of(plan: &Plan, records: &RoaringTreemap) -> BTreeSet<Ids> {
    let mut open = None;
    let mut ids = BTreeSet::new();
    for record in records {
        let wanted = plan.chunk_of(record);
        let chunk = match open.take() {
            Some((number, chunk)) if number == wanted => chunk,
            _ => plan.open(wanted),
        };
        let described = chunk.describe(plan, (record - plan.spans_before(wanted)) as u32);
        ids.insert((hex(&described.trace_id), hex(&described.span_id)));
        open = Some((wanted, chunk));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::super::tests::empty;
    use super::*;
    use crate::embedded::{Bites, Victim, Victims};
    use spanproof_generators::identity::RunTag;
    use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, PlanSpec, Rate, Shape};
    use spanproof_generators::schedule::{Arrivals, Segment};
    use spanproof_generators::seed::Seed;
    use spanproof_generators::workload::Workload;
    use spanproof_generators::workload::uniform::Uniform;
    use spanproof_reports::result::check::{Check, Example, Finding, Level};
    use std::sync::Arc;

    const LOST: Case = Case::defect("x", "drop-one-in=100", Expected::failing(&["lost-acknowledged"]), "");

    fn evidence() -> Evidence {
        Evidence::of_clean_run(Arc::new(
            Plan::new(PlanSpec {
                seed: Seed(3),
                tag: RunTag::new(1),
                lane: 0,
                epoch_unix_ns: 0,
                workload: Workload::Uniform(Uniform::default()),
                mix: Mix::default(),
                packing: Packing::PerService,
                batch: BatchRule { spans: 30, timeout_ns: 1_000_000_000 },
                request_bytes_max: 1 << 20,
                rate: Rate::Traces(100.0),
                shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
                arrivals: Arrivals::Constant,
                extent: Extent::Profile,
            })
            .unwrap(),
        ))
    }

    /// A target that says that it bit these records, and maybe more.
    fn planted(evidence: &Evidence, deed: Deed, records: &[u64], are_more: bool) -> Planted {
        let victim = |record: &u64| {
            let described = evidence.plan.open(0).describe(&evidence.plan, *record as u32);
            Victim { deed, trace_id: described.trace_id.to_vec(), span_id: described.span_id.to_vec() }
        };
        let victims = Victims { noted: records.iter().map(victim).collect(), are_more };
        let bites = Bites { times: records.len() as u64, spans: 0 };
        Planted::of(std::iter::once(("drop-one-in=100", bites, &victims))).unwrap()
    }

    fn lost(records: &[u64]) -> Evidence {
        let mut evidence = evidence();
        evidence.account.sets.lost_acknowledged.extend(records.iter().copied());
        evidence
    }

    fn of(case: &Case, evidence: &Evidence, planted: &Planted) -> Vec<String> {
        differences(case, &case.expected, (evidence, &empty()), planted)
    }

    #[test]
    fn who_means_what_was_bitten_is_right() {
        let evidence = lost(&[7, 19]);
        assert_eq!(of(&LOST, &evidence, &planted(&evidence, Deed::Lost, &[19, 7], false)), [""; 0]);
        assert_eq!(of(&LOST, &evidence, &planted(&evidence, Deed::Garbled, &[7, 19], false)), [""; 0]);
    }

    /// The counts are right, and the levels, and the span is not the one.
    #[test]
    fn who_means_a_neighbour_is_wrong() {
        let evidence = lost(&[8]);
        let differences = of(&LOST, &evidence, &planted(&evidence, Deed::Lost, &[7], false));
        let [missing, other] = &differences[..] else { panic!("{differences:?}") };
        assert!(missing.starts_with("`lost-acknowledged` does not mean what was bitten: span "), "{missing}");
        assert!(other.starts_with("`lost-acknowledged` means what was not bitten: span "), "{other}");
        let bitten = evidence.plan.open(0).describe(&evidence.plan, 7);
        assert!(missing.ends_with(&format!("span {} of trace {}", hex(&bitten.span_id), hex(&bitten.trace_id))));
    }

    #[test]
    fn of_more_than_are_noted_the_noted_ones_must_be_meant() {
        let evidence = lost(&[7, 8, 9]);
        assert_eq!(of(&LOST, &evidence, &planted(&evidence, Deed::Lost, &[7, 9], true)), [""; 0]);
        let four = planted(&evidence, Deed::Lost, &[7, 20, 21, 22], true);
        let differences = of(&LOST, &evidence, &four);
        assert!(differences.len() == 1 && differences[0].ends_with(" and 1 more"), "{differences:?}");
    }

    #[test]
    fn spans_to_which_something_else_was_done_are_none_of_it() {
        let evidence = lost(&[7]);
        let differences = of(&LOST, &evidence, &planted(&evidence, Deed::Repeated, &[7], false));
        assert_eq!(differences[0], "no span is noted of which `lost-acknowledged` should tell");
        let mut both = planted(&evidence, Deed::Lost, &[7], false);
        both.defects.extend(planted(&evidence, Deed::Repeated, &[30], false).defects);
        assert_eq!(of(&LOST, &evidence, &both), [""; 0]);
    }

    /// Where a change may cost a span its identity, it is changed or lost.
    #[test]
    fn findings_that_are_counted_together_mean_together_what_was_bitten() {
        const EITHER: Case = Case::defect("x", "lose-attribute", Expected::failing(&["corrupted"]), "")
            .counted(Counted::Sums(&[&["corrupted", "lost-acknowledged"], &["corrupted", "foreign"]]));
        let mut evidence = lost(&[7]);
        evidence.account.sets.corrupted.insert(9);
        assert_eq!(of(&EITHER, &evidence, &planted(&evidence, Deed::Changed, &[7, 9], false)), [""; 0]);
        assert_eq!(of(&EITHER, &evidence, &planted(&evidence, Deed::Changed, &[7], false)).len(), 1);
    }

    #[test]
    fn where_nothing_is_counted_nothing_is_compared() {
        let evidence = lost(&[8]);
        let case = LOST.not_counted("why");
        assert_eq!(of(&case, &evidence, &planted(&evidence, Deed::Lost, &[7], false)), [""; 0]);
    }

    #[test]
    fn examples_must_be_of_what_was_bitten_strangers_included() {
        const FOREIGN: Case = Case::defect("x", "invent-span", Expected::failing(&["foreign"]), "");
        let evidence = lost(&[7]);
        let example = |record: u64| {
            let described = evidence.plan.open(0).describe(&evidence.plan, record as u32);
            let ids = (Some(hex(&described.trace_id)), Some(hex(&described.span_id)));
            Example { trace_id: ids.0, span_id: ids.1, ..Example::default() }
        };
        let result = |id: &str, record: u64| {
            let finding = Finding {
                id: id.to_owned(),
                level: Level::Failure,
                examples: vec![example(record)],
                ..Finding::default()
            };
            RunResult { checks: vec![Check { findings: vec![finding], ..Check::default() }], ..empty() }
        };
        for (case, id, deed) in [(LOST, "lost-acknowledged", Deed::Lost), (FOREIGN, "foreign", Deed::Added)] {
            let planted = planted(&evidence, deed, &[7], false);
            let differences = |record| differences(&case, &case.expected, (&evidence, &result(id, record)), &planted);
            assert_eq!(differences(7), [""; 0]);
            assert!(differences(8)[0].starts_with(&format!("`{id}` has the example span ")), "{:?}", differences(8));
        }
    }
}
