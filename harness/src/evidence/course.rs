//! `run.json`: how the run went. What the driver did, what driver and sink say of themselves, how settling ended, what the
//! scenario asks, and the facts that the result document shows.

use super::bounds;
use super::error::EvidenceError;
use super::exact::Exact;
use super::manifest::{File, json};
use crate::collector_config::Keys;
use crate::judge::doubted::TurnedAway;
use crate::judge::evidence::{Change, Conduct, Refusals, Remedies, Settling, harness_was_the_limit, late_starts_alone};
use crate::judge::outcomes::Sums;
use crate::judge::standstill::{Resending, Standstill, Standstills};
use serde::{Deserialize, Serialize};
use spanproof_reports::directory::WriteError;
use spanproof_reports::result::RunResult;
use spanproof_scenarios::limits::Limit;
use spanproof_scenarios::promises::{Promise, PromiseSpec};
use spanproof_scenarios::scenario::Guarantee;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) const FILE: &str = "run.json";

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Chunks of the plan that the driver got as far as.
    pub chunks_opened: u64,
    /// Sums over all requests.
    pub sums: Sums,
    /// What driver and sink say of themselves.
    pub conduct: Conduct,
    /// What the sink did not take.
    pub refusals: Refusals,
    /// What the end of settling leaves open.
    pub settling: Settling,
    /// Components of the target's configuration that may leave records out on purpose.
    pub may_leave_out: Vec<String>,
    /// Components of it that may change records on purpose.
    pub may_change: Vec<(String, Change)>,
    /// Where its configuration leads to the sink by more than one way: by which.
    pub ways: Vec<String>,
    /// Every pipeline of it that leads to the sink, in words.
    pub pipelines: Vec<String>,
    /// What was warned of before the run.
    pub forewarned: Vec<String>,
    /// How long after its intended instant a record's first copy may come.
    pub late_after: Duration,
    /// The scenario's own part of that, `run.late_after`: above what the target may hold a record.
    pub late_margin: Duration,
    /// Why the run ended before its plan did, if it did.
    pub cut_short: Option<String>,
    /// Where that was before everything was waited for: when nothing was waited for any more, if what happened until then can be believed.
    pub waited_until: Option<Duration>,
    /// In words, if the target ended by itself.
    pub target_ended: Option<String>,
    /// Planted defects that touched nothing. What faults of the scenario did stands in the document.
    pub never_bit: Vec<String>,
    /// What the scenario says of an acknowledgement.
    pub guarantee: Guarantee,
    /// How long the target may hold a record while its backend is well.
    pub may_hold: Duration,
    /// How long it may wait before it sends again what could not be delivered.
    pub pause: Duration,
    /// Whether foreign records fail the run.
    pub foreign_fails: bool,
    /// Whether the user says that the target may leave records out on purpose.
    pub absence_is_unknown: bool,
    /// When we stood still ourselves.
    pub standstills: Standstills,
    /// What the target does where our sink does not answer.
    pub resending: Resending,
    /// What to change in the target's configuration, where that is known.
    pub remedies: Remedies,
    /// What must hold.
    pub limits: Vec<Limit>,
    /// What is promised of what comes out.
    pub promises: Vec<Promise>,
    /// The result document as far as it holds facts: no account, no check, no limit, no verdict. Latencies that must be
    /// withheld are withheld here already, so that they stand in no file.
    pub document: RunResult,
}

impl Course {
    /// Whether the run ended before everything was waited for that may still have come.
    pub fn has_early_end(&self) -> bool {
        self.cut_short.is_some() || self.settling.is_open()
    }

    /// Takes every figure that rests on time out of the document if driver or sink was the limit: before anything is written,
    /// so that a withheld figure stands in no file.
    pub fn withhold(&mut self) {
        if let Some(reason) = harness_was_the_limit(&self.conduct) {
            self.document.withhold_times(&reason);
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    chunks_opened: u64,
    sums: SumsEntry,
    late_share: Exact,
    achieved_ratio: Exact,
    driver_saturated: Exact,
    sink_saturated: Exact,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_at_most_ns: Option<u64>,
    refused_by_bounds: BTreeMap<String, u64>,
    malformed: BTreeMap<String, u64>,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    turned_away: Vec<TurnedAwayEntry>,
    settling_short_ns: Option<u64>,
    drained: u64,
    may_still_come: bool,
    may_leave_out: Vec<String>,
    may_change: Vec<(String, ChangeEntry)>,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ways: Vec<String>,
    /// Likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pipelines: Vec<String>,
    forewarned: Vec<String>,
    late_after_ns: u64,
    late_margin_ns: u64,
    cut_short: Option<String>,
    /// Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waited_until_ns: Option<u64>,
    target_ended: Option<String>,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    never_bit: Vec<String>,
    /// Likewise.
    #[serde(default, skip_serializing_if = "GuaranteeWord::is_unknown")]
    guarantee: GuaranteeWord,
    /// Likewise, where there are faults.
    #[serde(default, skip_serializing_if = "is_zero")]
    may_hold_ns: u64,
    /// Likewise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pause_ns: u64,
    foreign_fails: bool,
    absence_is_unknown: bool,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stood_still: Option<StoodStillEntry>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    remedies: Remedies,
    limits: Vec<String>,
    /// Builds before this fact wrote none, and refuse evidence that has it rather than judge without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    promises: Vec<PromiseSpec>,
    document: RunResult,
}

/// Requests that the sink turned away because of its own bounds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnedAwayEntry {
    from_ns: u64,
    to_ns: u64,
    requests: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl TurnedAwayEntry {
    fn of(one: &TurnedAway) -> Self {
        let TurnedAway { from, to, requests, bytes } = *one;
        Self { from_ns: nanoseconds(from), to_ns: nanoseconds(to), requests, bytes }
    }

    /// `None` for what no run can have noted.
    fn meant(&self) -> Option<TurnedAway> {
        let [from, to] = [self.from_ns, self.to_ns].map(Duration::from_nanos);
        let is_possible = from <= to && bounds::is_instant(to) && self.requests > 0;
        is_possible.then_some(TurnedAway { from, to, requests: self.requests, bytes: self.bytes })
    }
}

/// When we stood still, and what the target makes of that.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoodStillEntry {
    /// Begin and end of each, in order.
    windows_ns: Vec<[u64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer_within_ns: Option<u64>,
    resends_after_ns: u64,
}

impl StoodStillEntry {
    /// Where we did not, there is nothing to say.
    fn of(standstills: &Standstills, resending: Resending) -> Option<Self> {
        let window = |one: &Standstill| [one.from, one.to].map(nanoseconds);
        (!standstills.all().is_empty()).then(|| Self {
            windows_ns: standstills.all().iter().map(window).collect(),
            answer_within_ns: resending.answer_within.map(nanoseconds),
            resends_after_ns: nanoseconds(resending.pause),
        })
    }

    /// The windows as they were noted; `None` if nobody can have noted them so.
    fn standstills(&self) -> Option<Standstills> {
        let mut standstills = Standstills::default();
        for [from, to] in self.windows_ns.iter().take(Standstills::KEPT_MAX) {
            standstills.note(Duration::from_nanos(*from), Duration::from_nanos(*to));
        }
        let noted = standstills.all().iter().map(|one| [one.from, one.to].map(nanoseconds));
        let end = standstills.all().last().map_or(Duration::ZERO, |last| last.to);
        (noted.eq(self.windows_ns.iter().copied()) && bounds::is_instant(end)).then_some(standstills)
    }

    fn resending(&self) -> Resending {
        Resending {
            answer_within: self.answer_within_ns.map(Duration::from_nanos),
            pause: Duration::from_nanos(self.resends_after_ns),
        }
    }
}

/// A word alone means whatever it can: builds before this one knew no keys, and refuse evidence that names some.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ChangeEntry {
    Wide(ChangeWord),
    Keyed(KeyedChange),
}

/// Only what has these keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyedChange {
    of: KeyedWord,
    keys: BTreeSet<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyedWord {
    Attributes,
    Resource,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ChangeWord {
    TraceState,
    SchemaUrl,
    Attributes,
    Resource,
    Name,
    Status,
    Naming,
    Content,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum GuaranteeWord {
    Sync,
    Memory,
    Batch,
    Disk,
    #[default]
    Unknown,
}

impl GuaranteeWord {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    fn of(guarantee: Guarantee) -> Self {
        match guarantee {
            Guarantee::Sync => Self::Sync,
            Guarantee::Memory => Self::Memory,
            Guarantee::Batch => Self::Batch,
            Guarantee::Disk => Self::Disk,
            Guarantee::Unknown => Self::Unknown,
        }
    }

    fn meant(self) -> Guarantee {
        match self {
            Self::Sync => Guarantee::Sync,
            Self::Memory => Guarantee::Memory,
            Self::Batch => Guarantee::Batch,
            Self::Disk => Guarantee::Disk,
            Self::Unknown => Guarantee::Unknown,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SumsEntry {
    requests: u64,
    resent: u64,
    acknowledged: u64,
    refused: u64,
    unknown: u64,
    not_sent: u64,
}

pub(super) fn to_bytes(course: &Course) -> Result<Vec<u8>, WriteError> {
    let Sums { requests, resent, acknowledged, refused, unknown, not_sent } = course.sums;
    let file = CourseFile {
        chunks_opened: course.chunks_opened,
        sums: SumsEntry { requests, resent, acknowledged, refused, unknown, not_sent },
        late_share: Exact(course.conduct.late_share),
        achieved_ratio: Exact(course.conduct.achieved_ratio),
        driver_saturated: Exact(course.conduct.driver_saturated),
        sink_saturated: Exact(course.conduct.sink_saturated),
        late_at_most_ns: late_starts_alone(&course.conduct).map(nanoseconds),
        refused_by_bounds: course.refusals.by_bounds.clone(),
        malformed: course.refusals.malformed.clone(),
        turned_away: course.refusals.when.iter().map(TurnedAwayEntry::of).collect(),
        settling_short_ns: course.settling.short.map(nanoseconds),
        drained: course.settling.drained,
        may_still_come: course.settling.may_still_come,
        may_leave_out: course.may_leave_out.clone(),
        may_change: course.may_change.iter().map(|(name, change)| (name.clone(), change.into())).collect(),
        ways: course.ways.clone(),
        pipelines: course.pipelines.clone(),
        forewarned: course.forewarned.clone(),
        late_after_ns: nanoseconds(course.late_after),
        late_margin_ns: nanoseconds(course.late_margin),
        cut_short: course.cut_short.clone(),
        waited_until_ns: course.waited_until.map(nanoseconds),
        target_ended: course.target_ended.clone(),
        never_bit: course.never_bit.clone(),
        guarantee: GuaranteeWord::of(course.guarantee),
        may_hold_ns: nanoseconds(course.may_hold),
        pause_ns: nanoseconds(course.pause),
        foreign_fails: course.foreign_fails,
        absence_is_unknown: course.absence_is_unknown,
        stood_still: StoodStillEntry::of(&course.standstills, course.resending),
        remedies: course.remedies.clone(),
        limits: course.limits.iter().map(ToString::to_string).collect(),
        promises: course.promises.iter().map(PromiseSpec::from).collect(),
        document: course.document.clone(),
    };
    json(FILE, &file)
}

fn is_nothing(remedies: &Remedies) -> bool {
    *remedies == Remedies::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn from_bytes(file: File<'_>) -> Result<Course, EvidenceError> {
    let read: CourseFile = file.json()?;
    let limit =
        |text: &String| text.parse::<Limit>().map_err(|error| file.malformed(format!("limit `{text}`: {error}")));
    let promise = |spec: &PromiseSpec| spec.promise().map_err(|[reason, _]| file.malformed(reason));
    let SumsEntry { requests, resent, acknowledged, refused, unknown, not_sent } = read.sums;
    let stood_still = read.stood_still.as_ref();
    let standstills = stood_still.map_or_else(|| Some(Standstills::default()), StoodStillEntry::standstills);
    let standstills = standstills.ok_or_else(|| file.malformed("no run can have stood still at such times"))?;
    let when: Option<_> = read.turned_away.iter().map(TurnedAwayEntry::meant).collect();
    let when = when.ok_or_else(|| file.malformed("no run can have turned away such requests"))?;
    Ok(Course {
        standstills,
        resending: stood_still.map_or_else(Resending::default, StoodStillEntry::resending),
        limits: read.limits.iter().map(limit).collect::<Result<_, _>>()?,
        promises: read.promises.iter().map(promise).collect::<Result<_, _>>()?,
        chunks_opened: read.chunks_opened,
        sums: Sums { requests, resent, acknowledged, refused, unknown, not_sent },
        conduct: Conduct {
            late_share: read.late_share.0,
            achieved_ratio: read.achieved_ratio.0,
            driver_saturated: read.driver_saturated.0,
            sink_saturated: read.sink_saturated.0,
            late_at_most: read.late_at_most_ns.map(Duration::from_nanos),
        },
        refusals: Refusals { by_bounds: read.refused_by_bounds, malformed: read.malformed, when },
        settling: Settling {
            short: read.settling_short_ns.map(Duration::from_nanos),
            drained: read.drained,
            may_still_come: read.may_still_come,
        },
        may_leave_out: read.may_leave_out,
        may_change: read.may_change.into_iter().map(|(name, change)| (name, change.into())).collect(),
        ways: read.ways,
        pipelines: read.pipelines,
        forewarned: read.forewarned,
        late_after: Duration::from_nanos(read.late_after_ns),
        late_margin: Duration::from_nanos(read.late_margin_ns),
        cut_short: read.cut_short,
        waited_until: read.waited_until_ns.map(Duration::from_nanos),
        target_ended: read.target_ended,
        never_bit: read.never_bit,
        guarantee: read.guarantee.meant(),
        may_hold: Duration::from_nanos(read.may_hold_ns),
        pause: Duration::from_nanos(read.pause_ns),
        foreign_fails: read.foreign_fails,
        absence_is_unknown: read.absence_is_unknown,
        remedies: read.remedies,
        document: read.document,
    })
}

impl From<&Change> for ChangeEntry {
    fn from(change: &Change) -> Self {
        let keyed = |of, keys: &BTreeSet<String>| Self::Keyed(KeyedChange { of, keys: keys.clone() });
        Self::Wide(match change {
            Change::Attributes(Keys::Only(keys)) => return keyed(KeyedWord::Attributes, keys),
            Change::Resource(Keys::Only(keys)) => return keyed(KeyedWord::Resource, keys),
            Change::Attributes(Keys::Any) => ChangeWord::Attributes,
            Change::Resource(Keys::Any) => ChangeWord::Resource,
            Change::TraceState => ChangeWord::TraceState,
            Change::SchemaUrl => ChangeWord::SchemaUrl,
            Change::Name => ChangeWord::Name,
            Change::Status => ChangeWord::Status,
            Change::Naming => ChangeWord::Naming,
            Change::Content => ChangeWord::Content,
        })
    }
}

impl From<ChangeEntry> for Change {
    fn from(entry: ChangeEntry) -> Self {
        match entry {
            ChangeEntry::Keyed(KeyedChange { of: KeyedWord::Attributes, keys }) => Self::Attributes(Keys::Only(keys)),
            ChangeEntry::Keyed(KeyedChange { of: KeyedWord::Resource, keys }) => Self::Resource(Keys::Only(keys)),
            ChangeEntry::Wide(ChangeWord::TraceState) => Self::TraceState,
            ChangeEntry::Wide(ChangeWord::SchemaUrl) => Self::SchemaUrl,
            ChangeEntry::Wide(ChangeWord::Attributes) => Self::Attributes(Keys::Any),
            ChangeEntry::Wide(ChangeWord::Resource) => Self::Resource(Keys::Any),
            ChangeEntry::Wide(ChangeWord::Name) => Self::Name,
            ChangeEntry::Wide(ChangeWord::Status) => Self::Status,
            ChangeEntry::Wide(ChangeWord::Naming) => Self::Naming,
            ChangeEntry::Wide(ChangeWord::Content) => Self::Content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Change {
        serde_json::from_str::<ChangeEntry>(text).unwrap().into()
    }

    #[test]
    fn every_change_is_read_as_it_was_written() {
        let keys = || [Keys::Any, Keys::Only(["a\"b".to_owned()].into()), Keys::Only(BTreeSet::new())];
        let plain =
            [Change::TraceState, Change::SchemaUrl, Change::Name, Change::Status, Change::Naming, Change::Content];
        let keyed = keys().map(Change::Attributes).into_iter().chain(keys().map(Change::Resource));
        for change in keyed.chain(plain) {
            let text = serde_json::to_string(&ChangeEntry::from(&change)).unwrap();
            assert_eq!(read(&text), change, "{text}");
        }
    }

    #[test]
    fn words_of_an_earlier_build_mean_every_key() {
        assert_eq!(read("\"attributes\""), Change::Attributes(Keys::Any));
        assert_eq!(read("\"resource\""), Change::Resource(Keys::Any));
        assert_eq!(read("\"naming\""), Change::Naming);
    }
}
