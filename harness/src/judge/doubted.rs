//! Losses and late records that may be the harness's own doing: what was in requests that the sink turned away because of its own bounds,
//! and what the target was not waited for.
//!
//! They are excused by record, not for the whole run, so that a single request of a stranger, or the end of a run that was cut short,
//! hides no defect. A request that was turned away holds nothing that was sent after it was over, nothing that the target cannot
//! have held any more when it began to come, and no more records than fit into its bytes. Of a run that was cut short, what was
//! acknowledged as long before its end as the target may hold anything has had its time.

use super::account::Account;
use super::declared::visit;
use super::evidence::{Evidence, Refusals, saturated};
use super::instants::{Instants, Packed};
use roaring::RoaringTreemap;
use spanproof_generators::plan::Plan;
use std::time::Duration;

/// No record takes less, however it is compressed: the eight bytes of its span id look random to everybody else, and those of a padded id
/// stand in an attribute that does.
const RECORD_BYTES_MIN: u64 = 8;

/// Requests that the sink turned away because of its own bounds: one, or several that are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnedAway {
    /// When the first of them began to come, from the start of the run.
    pub from: Duration,
    /// When the last of them was over.
    pub to: Duration,
    /// How many they were.
    pub requests: u64,
    /// So many bytes at most were in all of them together; `None` where that is not known.
    pub bytes: Option<u64>,
}

impl TurnedAway {
    /// No more records than this were in them.
    fn records_max(&self) -> u64 {
        self.bytes.map_or(u64::MAX, |bytes| bytes / RECORD_BYTES_MIN)
    }
}

/// Of the records under one word, those that may be the harness's doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// Each of them may.
    pub records: RoaringTreemap,
    /// Of these no more than so many, whichever: 0 where there are none.
    pub at_most: u64,
    /// Some were not waited for.
    pub by_end: bool,
    /// Some may have been in requests that were turned away.
    pub by_refusals: bool,
}

impl Open {
    /// All of these, for these reasons, since nobody can tell when which of them was sent.
    pub(super) fn all(records: &RoaringTreemap, count: u64, by_end: bool, by_refusals: bool) -> Self {
        let are_any = count > 0;
        Self {
            records: records.clone(),
            at_most: count,
            by_end: by_end && are_any,
            by_refusals: by_refusals && are_any,
        }
    }
}

/// What is known of how the harness may have kept records from being seen in time.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// When what the sink turned away; `None` where that is not known of all of it.
    pub turned_away: Option<&'a [TurnedAway]>,
    /// Whether the end came before everything was waited for.
    pub has_early_end: bool,
    /// When nothing was waited for any more; `None` where that is not known, or where what happened until then proves nothing.
    pub waited_until: Option<Duration>,
    /// How long the target may hold a record after it has acknowledged it, and we may have kept it from delivering that.
    pub hold: Duration,
}

impl Known<'_> {
    fn is_all(&self) -> bool {
        self.turned_away.is_some() && (!self.has_early_end || self.waited_until.is_some())
    }
}

/// All that may be the harness's doing, by the word that it stands under.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doubted {
    /// Acknowledged and absent.
    pub acknowledged: Open,
    /// Unknown and absent.
    pub unknown: Open,
    /// Absent as the scenario permits.
    pub declared: Open,
    /// Late.
    pub late: Open,
}

impl Doubted {
    /// By the instants of requests, by chunk and number. `None` where it cannot be told by record: then the whole run is in doubt.
    pub fn of((account, plan, instants): (&Account, &Plan, &[Vec<Packed>]), known: &Known<'_>) -> Option<Self> {
        if !known.is_all() {
            return None;
        }
        let sets = &account.sets;
        let absent = |records: &RoaringTreemap| absent(records, (plan, instants), known);
        Some(Self {
            acknowledged: absent(&sets.lost_acknowledged),
            unknown: absent(&sets.lost_unknown),
            declared: absent(&sets.lost_declared),
            late: late(&sets.late, (plan, instants), known.turned_away.unwrap_or_default()),
        })
    }

    /// The same where nothing is known of instants: no more can have been turned away than fits.
    pub fn without_instants(account: &Account, known: &Known<'_>) -> Option<Self> {
        let turned_away = known.turned_away.filter(|_| !known.has_early_end)?;
        let fit = turned_away.iter().fold(0, |fit: u64, one| fit.saturating_add(one.records_max()));
        let open = |records: &RoaringTreemap| match fit {
            0 => Open::default(),
            fit => Open::all(records, records.len().min(fit), false, true),
        };
        let sets = &account.sets;
        Some(Self {
            acknowledged: open(&sets.lost_acknowledged),
            unknown: open(&sets.lost_unknown),
            declared: open(&sets.lost_declared),
            late: open(&sets.late),
        })
    }
}

/// Those of these absent records that the harness may have kept out.
fn absent(records: &RoaringTreemap, (plan, instants): (&Plan, &[Vec<Packed>]), known: &Known<'_>) -> Open {
    let (mut not_waited_for, mut in_refused) = (RoaringTreemap::new(), Fits::into(known.turned_away));
    // Of what nobody has noted when it was answered, it may have been at any time.
    let held_until = |due: Duration, of: Instants| {
        of.ended.map_or(Duration::MAX, |ended| due.saturating_add(ended).saturating_add(known.hold))
    };
    if !known.has_early_end && in_refused.all.is_empty() {
        return Open::default();
    }
    visit(records, plan, instants, |record, due, of| {
        let held_until = held_until(due, of);
        if known.has_early_end && known.waited_until.is_none_or(|until| held_until > until) {
            not_waited_for.insert(record);
            return;
        }
        let sent = due.saturating_add(of.sent.unwrap_or_default());
        in_refused.note(record, |one| sent <= one.to && held_until >= one.from);
    });
    let (refused, at_most) = in_refused.end();
    Open {
        at_most: not_waited_for.len() + at_most,
        by_end: !not_waited_for.is_empty(),
        by_refusals: !refused.is_empty(),
        records: not_waited_for | refused,
    }
}

/// Those of these late records that may have come in time in a request that was turned away, and came again.
fn late(records: &RoaringTreemap, (plan, instants): (&Plan, &[Vec<Packed>]), turned_away: &[TurnedAway]) -> Open {
    let mut in_refused = Fits::into(Some(turned_away));
    if in_refused.all.is_empty() {
        return Open::default();
    }
    visit(records, plan, instants, |record, due, of| {
        let sent = due.saturating_add(of.sent.unwrap_or_default());
        let came = of.last_arrival.map_or(Duration::MAX, |last| due.saturating_add(last));
        in_refused.note(record, |one| sent <= one.to && came >= one.from);
    });
    let (records, at_most) = in_refused.end();
    Open { by_refusals: !records.is_empty(), records, at_most, by_end: false }
}

/// What may have been in which requests.
struct Fits<'a> {
    all: &'a [TurnedAway],
    /// How many records may have been in each.
    counts: Vec<u64>,
    records: RoaringTreemap,
}

impl<'a> Fits<'a> {
    fn into(turned_away: Option<&'a [TurnedAway]>) -> Self {
        let all = turned_away.unwrap_or_default();
        Self { all, counts: vec![0; all.len()], records: RoaringTreemap::new() }
    }

    fn note(&mut self, record: u64, fits: impl Fn(&TurnedAway) -> bool) {
        let mut fits_any = false;
        for (one, count) in self.all.iter().zip(&mut self.counts) {
            let fits = one.records_max() > 0 && fits(one);
            *count += u64::from(fits);
            fits_any |= fits;
        }
        if fits_any {
            self.records.insert(record);
        }
    }

    /// Which, and that no more of them than this can have been in any: what fits into each, together.
    fn end(self) -> (RoaringTreemap, u64) {
        let fit = self.all.iter().zip(&self.counts).map(|(one, count)| one.records_max().min(*count));
        let at_most = fit.fold(0, u64::saturating_add).min(self.records.len());
        (self.records, at_most)
    }
}

impl Refusals {
    /// When what was turned away, if that is known of all of it.
    pub fn turned_away(&self) -> Option<&[TurnedAway]> {
        let told = self.when.iter().fold(0, |told: u64, one| told.saturating_add(one.requests));
        let counted = self.by_bounds.values().fold(0, |all: u64, count| all.saturating_add(*count));
        (told >= counted).then_some(&self.when[..])
    }
}

impl Evidence {
    /// Whether the end came before everything was waited for that may still have come.
    pub fn has_early_end(&self) -> bool {
        self.cut_short.is_some() || self.settling.is_open()
    }

    /// Of the absent records those that may be the harness's doing: of those that were acknowledged, of those that nobody knows of whether
    /// they were, and of those that may be lost by what the scenario declares.
    pub fn open_absences(&self) -> [Open; 3] {
        if let Some(Doubted { acknowledged, unknown, declared, .. }) = &self.doubted {
            return [acknowledged, unknown, declared].map(Open::clone);
        }
        let [by_end, by_refusals] = self.reasons();
        let (counts, sets) = (&self.account.counts, &self.account.sets);
        let all = [
            (&sets.lost_acknowledged, counts.lost_acknowledged),
            (&sets.lost_unknown, counts.lost_unknown),
            (&sets.lost_declared, counts.lost_declared),
        ];
        all.map(|(records, count)| match by_end || by_refusals {
            true => Open::all(records, count, by_end, by_refusals),
            false => Open::default(),
        })
    }

    /// Of the late records those that may be the harness's doing, but for those that our standing still excuses. Where the whole run is in
    /// [doubt](Self::lateness_doubt), that stands for all of them.
    pub fn open_late(&self) -> Open {
        let Some(Doubted { late, .. }) = &self.doubted else { return Open::default() };
        let records = &late.records - &self.excused.late;
        Open { at_most: late.at_most.min(records.len()), by_refusals: !records.is_empty(), by_end: false, records }
    }

    /// Why absent records need not be the target's loss, as what follows "but", where that holds for the whole run. What the target's
    /// configuration leaves out on purpose is another matter.
    pub fn absence_doubt(&self) -> Option<String> {
        self.why(self.reasons()).filter(|_| self.doubted.is_none())
    }

    /// Why these may be the harness's doing, as what follows "but".
    pub fn why_open(&self, open: &Open) -> Option<String> {
        self.why([open.by_end, open.by_refusals])
    }

    /// Why no record that came late need be the target's doing. A driver that was late is no reason: their time is counted
    /// from when they were sent. A sink that had no time to receive them is.
    pub fn lateness_doubt(&self) -> Option<String> {
        self.sink_was_the_limit().or_else(|| self.cut_or_refused().filter(|_| self.doubted.is_none()))
    }

    /// Why a slow recovery need not be the target's doing.
    pub fn recovery_doubt(&self) -> Option<String> {
        self.sink_was_the_limit().or_else(|| self.cut_or_refused())
    }

    fn sink_was_the_limit(&self) -> Option<String> {
        saturated("sink", self.conduct.sink_saturated)
    }

    fn cut_or_refused(&self) -> Option<String> {
        self.cut_short.clone().or_else(|| self.why([false, true]))
    }

    /// What there is: an early end, and requests that were turned away.
    fn reasons(&self) -> [bool; 2] {
        [self.has_early_end(), !self.refusals.by_bounds.is_empty()]
    }

    /// These of the reasons, in words.
    fn why(&self, [by_end, by_refusals]: [bool; 2]) -> Option<String> {
        let cut = self.cut_short.as_ref().map(|reason| format!("the run was cut short ({reason})"));
        let short = self.settling.short.map(|short| {
            let (short, late_after) = (short.as_secs_f64(), self.late_after.as_secs_f64());
            format!("settling took only {short:.1} s and the target may hold them for {late_after:.1} s")
        });
        let refused = self.refusals.by_bounds_in_words();
        let refused = refused.map(|refused| format!("the sink itself did not take everything ({refused})"));
        let reasons = [cut.or(short).filter(|_| by_end), refused.filter(|_| by_refusals)];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join(", and "))
    }
}

#[cfg(test)]
mod tests;
