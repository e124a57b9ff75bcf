//! Evidence: all that a verdict rests on, frozen. Checks read this and nothing else.

use super::account::Account;
use super::corruption::{CorruptionKind, ERASED, Fields};
use super::doubted::{Doubted, TurnedAway};
use super::outcomes::{RequestId, RequestRecord, Sums};
use super::sampling::{Promised, Sampled};
use super::standstill::Excused;
use super::strangers::StrangerExamples;
use crate::collector_config::Keys;
use roaring::{MultiOps, RoaringTreemap};
use serde::{Deserialize, Serialize};
use spanproof_generators::plan::{Packing, Plan, Request};
use spanproof_reports::result::faults::Fault;
use spanproof_reports::result::prediction::Prediction;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A request that is handed over later than this after its intended instant started late.
pub const LATENESS_MAX: Duration = Duration::from_millis(2);

/// What driver and sink say of themselves. Shares, no percentiles: where figures must be withheld, these are what says why.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Conduct {
    /// Share of the spans whose requests started more than [`LATENESS_MAX`] after their intended instant.
    pub late_share: f64,
    /// Share of the planned spans whose sending began in the planned time.
    pub achieved_ratio: f64,
    /// Share of the load's time in which a thread of the driver was saturated.
    pub driver_saturated: f64,
    /// Share of the load's time in which a thread of the sink was saturated.
    pub sink_saturated: f64,
    /// No request started later than this after its intended instant; `None` where that is not known.
    pub late_at_most: Option<Duration>,
}

/// Requests that the sink answered with an error instead of recording them, by reason. Of what they held nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Refused or cut off because of the sink's own bounds: on size, on time, on what it takes at once.
    pub by_bounds: BTreeMap<String, u64>,
    /// What came was no OTLP request, or a broken one.
    pub malformed: BTreeMap<String, u64>,
    /// When what was refused by bounds, and how much it was; nothing where that is not known of all of it.
    pub when: Vec<TurnedAway>,
}

impl Refusals {
    /// What the sink did not take because of its own bounds, in words; `None` if it took everything.
    pub fn by_bounds_in_words(&self) -> Option<String> {
        (!self.by_bounds.is_empty()).then(|| in_words(&self.by_bounds))
    }

    /// What was malformed, in words.
    pub fn malformed_in_words(&self) -> Option<String> {
        (!self.malformed.is_empty()).then(|| in_words(&self.malformed))
    }
}

fn in_words(reasons: &BTreeMap<String, u64>) -> String {
    let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    reasons.join(", ")
}

/// What the end of settling leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settling {
    /// How long it was to last where that is less than the target may hold a record; `None` if it lasted long enough.
    pub short: Option<Duration>,
    /// Then: records that came for the first time only when the target was stopped, early enough not to be late.
    pub drained: u64,
    /// Then: true if the target was not stopped in good order, so that what is absent may still have been inside.
    pub may_still_come: bool,
}

impl Settling {
    /// Whether what is absent may still have come.
    pub fn is_open(&self) -> bool {
        self.short.is_some() && self.may_still_come
    }
}

/// What a component of the target's configuration may change on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The trace state, into which samplers write.
    TraceState,
    /// The schema URLs of resources and scopes: it erases them.
    SchemaUrl,
    /// These attributes of spans: not of their events and links, and no other field.
    Attributes(Keys),
    /// These attributes of resources; where any may be meant, their schema URL too.
    Resource(Keys),
    /// Names of spans.
    Name,
    /// Statuses of spans.
    Status,
    /// Names, attributes and status of spans: what builds before this one said of a processor that may change any of them.
    Naming,
    /// Whatever it is told to, ids excepted.
    Content,
}

impl Change {
    /// Whether it may be the reason for a difference in the field at `path`.
    pub fn may_be_behind(&self, path: &str) -> bool {
        match self {
            Self::TraceState => path == "trace_state",
            Self::SchemaUrl => path.ends_with(ERASED),
            Self::Attributes(keys) => reaches(keys, path.strip_prefix("attributes[")),
            Self::Resource(Keys::Any) => path.starts_with("resource."),
            Self::Resource(keys) => reaches(keys, path.strip_prefix("resource.attributes[")),
            Self::Name => path == "name",
            Self::Status => path.starts_with("status."),
            Self::Naming => path == "name" || path.starts_with("attributes[") || path.starts_with("status."),
            // What stands in brackets is no field but a message that cannot be read.
            Self::Content => !matches!(path, "trace_id" | "span_id") && !path.starts_with('('),
        }
    }
}

/// Whether one of the keys is named by the rest of a path behind its bracket: `"a"]`, or `..]` where so many attributes differ
/// that they are not listed, which a few keys cannot bring about.
fn reaches(keys: &Keys, rest: Option<&str>) -> bool {
    match (keys, rest) {
        (_, None) => false,
        (Keys::Any, Some(_)) => true,
        (Keys::Only(keys), Some("..]")) => keys.len() > super::explain::LISTED_MAX,
        (Keys::Only(keys), Some(rest)) => keys.iter().any(|key| rest.starts_with(&format!("{key:?}]"))),
    }
}

/// All that a verdict rests on.
pub struct Evidence {
    /// What was planned.
    pub plan: Arc<Plan>,
    /// Every record under one word.
    pub account: Account,
    /// Requests that did not simply succeed.
    pub requests: BTreeMap<RequestId, RequestRecord>,
    /// Sums over all requests.
    pub sums: Sums,
    /// Corrupt copies by the fields that differ.
    pub corruptions: BTreeMap<Fields, CorruptionKind>,
    /// Copies that differ by their hash and in which a full decode finds nothing.
    pub unexplained: u64,
    /// Chunks of the plan that were sent, from the first on.
    pub chunks_opened: u64,
    /// Connections that requests went over; 0 if it is not known.
    pub connections: u64,
    /// Records that are not in the plan.
    pub strangers: StrangerExamples,
    /// How many of them claim to be ours.
    pub invented: u64,
    /// How many do not.
    pub foreign: u64,
    /// Whether foreign records fail the run.
    pub foreign_fails: bool,
    /// What driver and sink say of themselves.
    pub conduct: Conduct,
    /// What the sink did not take.
    pub refusals: Refusals,
    /// What the end of settling leaves open.
    pub settling: Settling,
    /// Components of the target's configuration that may leave records out on purpose.
    pub may_leave_out: Vec<String>,
    /// Whether the user says that the target may leave records out on purpose, in ways that are not known.
    pub absence_is_unknown: bool,
    /// Components of it that may change records on purpose.
    pub may_change: Vec<(String, Change)>,
    /// Where the target's configuration leads to the sink by more than one way: by which.
    pub ways: Vec<String>,
    /// Every pipeline of it that leads to the sink, in words; none where that is not known.
    pub pipelines: Vec<String>,
    /// How long after its intended instant a record's first copy may come.
    pub late_after: Duration,
    /// Why the run ended before its plan did, if it did.
    pub cut_short: Option<String>,
    /// In words, if the target ended by itself.
    pub target_ended: Option<String>,
    /// Planted defects that touched nothing.
    pub never_bit: Vec<String>,
    /// What our own standing still may be the reason for.
    pub excused: Excused,
    /// What our sink's bounds, or an early end, may be the reason for; `None` where that cannot be told by record.
    pub doubted: Option<Doubted>,
    /// The scenario's faults.
    pub faults: Vec<FaultEvidence>,
    /// Records that were acknowledged, lost, and still inside when the target was killed.
    pub died_inside: RoaringTreemap,
    /// What the target's configuration foretold of the faults, where it does.
    pub foretold: Option<Foretold>,
    /// What to change in it, where that is known.
    pub remedies: Remedies,
    /// What became of each trace beside what the target's configuration says; `None` where that has no sampler or filter, or cannot be
    /// followed.
    pub sampled: Option<Sampled>,
    /// What became of the scenario's promises.
    pub promised: Vec<Promised>,
}

/// What to change in the target's configuration, each with its place and the arithmetic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Remedies {
    /// So that nothing is given up while the backend is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<String>,
    /// So that the queue takes what comes meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// What was foretold.
#[derive(Debug, Clone, PartialEq)]
pub struct Foretold {
    /// In figures.
    pub told: Prediction,
    /// Records that are lost for certain, where the fate of each was foretold.
    pub lost: RoaringTreemap,
    /// Records whose fate hangs on milliseconds.
    pub open: RoaringTreemap,
}

/// What is known of a fault of the scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultEvidence {
    /// Its name.
    pub name: String,
    /// What it was and did, in figures.
    pub told: Fault,
    /// The records in the requests that it touched.
    pub touched: RoaringTreemap,
    /// Of these, the ones that the sink took without telling the target.
    pub unanswered: RoaringTreemap,
}

impl Evidence {
    /// The connection that a request of the plan goes over: every exporter keeps to one, and whole traces go round. Always 0 where
    /// nothing is known of connections.
    pub fn connection_of(&self, request: &Request, number: u32) -> u64 {
        let turn = match self.plan.spec().packing {
            Packing::PerService => request.exporter,
            Packing::WholeTraces => number,
        };
        u64::from(turn).checked_rem(self.connections).unwrap_or(0)
    }

    /// Lays repeats on the faults that kept answers from the target: it had reason to send again what had been taken.
    pub fn explain_repeats(&mut self) {
        let unanswered = self.faults.iter().map(|fault| &fault.unanswered).union();
        self.account.explain_repeats(&unanswered);
    }

    /// What the sink threw away after it had said OK is lost as the scenario has it.
    pub fn declare_discarded(&mut self) {
        self.account.declare_lost(&self.discarded());
    }

    /// The records in requests that the sink said it had taken, and had not.
    pub fn discarded(&self) -> RoaringTreemap {
        self.faults.iter().filter(|fault| fault.told.discards).map(|fault| &fault.touched).union()
    }

    /// Whether the target may leave records out on purpose, as far as its configuration and the user say, and nobody can tell which.
    /// Absence is no loss then, and no proof that nothing is lost either.
    pub fn absence_may_be_meant(&self) -> bool {
        self.absence_is_unknown || (self.sampled.is_none() && !self.may_leave_out.is_empty())
    }

    /// The components that may have changed these fields on purpose: together they reach every one of them. Empty when no
    /// configuration explains them.
    pub fn may_have_changed(&self, fields: &[String]) -> Vec<&str> {
        let behind =
            |field: &str| self.may_change.iter().filter(move |(_, change)| change.may_be_behind(field)).collect();
        let all: Vec<Vec<&(String, Change)>> = fields.iter().map(|field| behind(field)).collect();
        if all.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let names: std::collections::BTreeSet<&str> =
            all.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        names.into_iter().collect()
    }

    /// Whether nothing differs in these fields but what a component is known to do to everything.
    pub fn is_known_to_change(&self, fields: &[String]) -> bool {
        let erases = self.may_change.iter().any(|(_, change)| *change == Change::SchemaUrl);
        erases && fields.iter().all(|field| field.ends_with(ERASED))
    }

    /// True when something was changed, and all of it may have been meant.
    pub fn all_changes_may_be_meant(&self) -> bool {
        let mut kinds = self.corruptions.keys().peekable();
        kinds.peek().is_some() && kinds.all(|fields| !self.may_have_changed(fields).is_empty())
    }
}

/// Why figures that rest on time must be withheld, or `None` when driver and sink kept up.
///
/// The bounds: at most 1 % of the spans started more than 2 ms late (which is to say, 2 ms at the 99th percentile), 99.5 % of
/// the plan began in time, and no thread of driver or sink was saturated for more than 1 % of the load's time: what queues
/// before such a thread shows in the latencies.
pub fn harness_was_the_limit(conduct: &Conduct) -> Option<String> {
    const LATE_MAX: f64 = 0.01;
    const ACHIEVED_MIN: f64 = 0.995;
    let mut reasons = Vec::new();
    if conduct.late_share > LATE_MAX {
        let share = percent(conduct.late_share, LATE_MAX, 1);
        reasons.push(format!("{share} % of the spans started more than 2 ms late (above 1 %)"));
    }
    if conduct.achieved_ratio < ACHIEVED_MIN {
        let share = percent(conduct.achieved_ratio, ACHIEVED_MIN, 1);
        reasons.push(format!("{share} % of the plan began in time (below 99.5 %)"));
    }
    reasons.extend(saturated("driver", conduct.driver_saturated));
    reasons.extend(saturated("sink", conduct.sink_saturated));
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// By how much a time that began with a request's intended instant may be too long, if late starts are all that was amiss with the
/// harness, and it is known how late they were.
///
/// What a first-come-first-served pipeline is given later by at most so much comes out later by at most that.
pub fn late_starts_alone(conduct: &Conduct) -> Option<Duration> {
    let punctual = Conduct { late_share: 0.0, ..*conduct };
    let are_all = harness_was_the_limit(conduct).is_some() && harness_was_the_limit(&punctual).is_none();
    conduct.late_at_most.filter(|_| are_all)
}

/// Says so where a thread was saturated for too much of the load's time.
pub(super) fn saturated(who: &str, share: f64) -> Option<String> {
    const SATURATED_MAX: f64 = 0.01;
    (share > SATURATED_MAX).then(|| {
        let share = percent(share, SATURATED_MAX, 0);
        format!("a thread of the {who} was saturated for {share} % of the time (above 1 %)")
    })
}

/// A share that lies beyond a bound in per cent, with so many digits behind the point as show that it does, `least` or more.
fn percent(share: f64, bound: f64, least: usize) -> String {
    const DIGITS_MAX: usize = 9;
    let written = |share: f64, digits: usize| format!("{:.digits$}", share * 100.0);
    let digits = (least..DIGITS_MAX).find(|&digits| written(share, digits) != written(bound, digits));
    written(share, digits.unwrap_or(DIGITS_MAX))
}

#[cfg(test)]
impl Evidence {
    /// Of a run of the whole plan in which everything went well.
    pub(crate) fn of_clean_run(plan: Arc<Plan>) -> Self {
        let spans = plan.spans();
        let mut account = Account::default();
        let counts = &mut account.counts;
        (counts.planned, counts.sent, counts.acknowledged, counts.delivered) = (spans, spans, spans, spans);
        Self {
            account,
            requests: BTreeMap::new(),
            sums: Sums::default(),
            corruptions: BTreeMap::new(),
            unexplained: 0,
            chunks_opened: plan.chunks(),
            connections: 1,
            strangers: StrangerExamples::default(),
            invented: 0,
            foreign: 0,
            foreign_fails: true,
            conduct: Conduct { achieved_ratio: 1.0, ..Conduct::default() },
            refusals: Refusals::default(),
            settling: Settling::default(),
            may_leave_out: Vec::new(),
            absence_is_unknown: false,
            may_change: Vec::new(),
            ways: Vec::new(),
            pipelines: Vec::new(),
            late_after: Duration::from_secs(15),
            cut_short: None,
            target_ended: None,
            never_bit: Vec::new(),
            excused: Excused::default(),
            doubted: None,
            faults: Vec::new(),
            died_inside: RoaringTreemap::new(),
            foretold: None,
            remedies: Remedies::default(),
            sampled: None,
            promised: Vec::new(),
            plan,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_change_excuses_its_own_fields_and_no_others() {
        let paths = [
            "trace_state",
            "resource.schema_url (erased)",
            "scope.schema_url (erased)",
            "attributes[\"a\"]",
            "resource.attributes[\"a\"]",
            "events[0].attributes[\"a\"]",
            "name",
            "status.code",
            "parent_span_id",
            "trace_id",
            "(a message that cannot be read)",
        ];
        let excused =
            |change: Change| -> Vec<usize> { (0..paths.len()).filter(|at| change.may_be_behind(paths[*at])).collect() };
        assert_eq!(excused(Change::TraceState), [0]);
        assert_eq!(excused(Change::SchemaUrl), [1, 2]);
        assert_eq!(excused(Change::Attributes(Keys::Any)), [3]);
        assert_eq!(excused(Change::Resource(Keys::Any)), [1, 4]);
        let only = |key: &str| Keys::Only([key.to_owned()].into());
        assert_eq!(excused(Change::Attributes(only("a"))), [3]);
        assert_eq!(excused(Change::Resource(only("a"))), [4]);
        assert_eq!(excused(Change::Attributes(only("b"))), [0; 0]);
        assert_eq!(excused(Change::Resource(only("b"))), [0; 0]);
        assert_eq!(excused(Change::Name), [6]);
        assert_eq!(excused(Change::Status), [7]);
        assert_eq!(excused(Change::Naming), [3, 6, 7]);
        assert_eq!(excused(Change::Content), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn attributes_too_many_to_be_listed_are_not_the_work_of_a_few_keys() {
        let named = |count: u32| Change::Attributes(Keys::Only((0..count).map(|key| format!("key.{key}")).collect()));
        assert!(!named(6).may_be_behind("attributes[..]"));
        assert!(named(7).may_be_behind("attributes[..]"));
        assert!(!named(2).may_be_behind("attributes[\"key.10\"]") && named(2).may_be_behind("attributes[\"key.1\"]"));
    }

    /// Everything exactly at its bound.
    const KEPT_UP: Conduct = Conduct {
        late_share: 0.01,
        achieved_ratio: 0.995,
        driver_saturated: 0.01,
        sink_saturated: 0.01,
        late_at_most: None,
    };

    #[test]
    fn a_harness_within_its_bounds_was_not_the_limit() {
        assert_eq!(harness_was_the_limit(&KEPT_UP), None);
        assert_eq!(harness_was_the_limit(&Conduct { achieved_ratio: 1.0, ..Conduct::default() }), None);
    }

    #[test]
    fn each_bound_that_is_passed_is_named_alone_and_without_a_percentile() {
        let beyond = [
            (Conduct { late_share: 0.0111, ..KEPT_UP }, "1.1 % of the spans started more than 2 ms late (above 1 %)"),
            (
                Conduct { late_share: 0.010_02, ..KEPT_UP },
                "1.002 % of the spans started more than 2 ms late (above 1 %)",
            ),
            (Conduct { achieved_ratio: 0.994, ..KEPT_UP }, "99.4 % of the plan began in time (below 99.5 %)"),
            (Conduct { achieved_ratio: 0.994_97, ..KEPT_UP }, "99.497 % of the plan began in time (below 99.5 %)"),
            (
                Conduct { driver_saturated: 0.011, ..KEPT_UP },
                "a thread of the driver was saturated for 1.1 % of the time (above 1 %)",
            ),
            (
                Conduct { driver_saturated: 0.05, ..KEPT_UP },
                "a thread of the driver was saturated for 5 % of the time (above 1 %)",
            ),
            (
                Conduct { sink_saturated: 1.0, ..KEPT_UP },
                "a thread of the sink was saturated for 100 % of the time (above 1 %)",
            ),
        ];
        for (conduct, reason) in beyond {
            assert_eq!(harness_was_the_limit(&conduct).as_deref(), Some(reason));
        }
    }

    #[test]
    fn all_reasons_are_given() {
        let worst = Conduct {
            late_share: 1.0,
            achieved_ratio: 0.5,
            driver_saturated: 1.0,
            sink_saturated: 1.0,
            late_at_most: None,
        };
        assert_eq!(harness_was_the_limit(&worst).unwrap().matches("; ").count(), 3);
    }

    #[test]
    fn how_late_the_driver_was_bounds_a_time_only_where_nothing_else_was_amiss() {
        let most = Some(Duration::from_millis(40));
        let late = Conduct { late_share: 0.5, late_at_most: most, ..KEPT_UP };
        assert_eq!(late_starts_alone(&late), most);
        assert_eq!(late_starts_alone(&Conduct { late_at_most: None, ..late }), None);
        assert_eq!(late_starts_alone(&Conduct { achieved_ratio: 0.9, ..late }), None);
        assert_eq!(late_starts_alone(&Conduct { sink_saturated: 0.5, ..late }), None);
        assert_eq!(late_starts_alone(&Conduct { driver_saturated: 0.5, late_share: 0.0, ..late }), None);
        assert_eq!(late_starts_alone(&Conduct { late_at_most: most, ..KEPT_UP }), None, "no doubt, no bound");
    }
}
