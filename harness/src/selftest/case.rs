//! What is tried, and what must come of it: the types of the table.

use crate::evidence::Frozen;
use spanproof_reports::result::verdict::Verdict;
use std::time::Duration;

/// One thing that is tried.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name, unlike every other's.
    pub name: &'static str,
    /// Where its evidence comes from.
    pub source: Source,
    /// What must come of it with the embedded target.
    pub expected: Expected,
    /// What must come of it behind a collector.
    pub behind: Behind,
    /// What it shows, in a few words.
    pub shows: &'static str,
    /// Which findings count exactly what the defect says that it touched.
    pub counted: Counted,
    /// Whether it rests on time, and so says nothing on a machine that is too busy for the harness.
    pub rests_on_time: bool,
    /// What is done to its run in the middle of the load.
    pub disturbance: Option<Disturbance>,
}

/// What is done to a run in the middle of its load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// It is interrupted, as by Ctrl-C.
    Interrupt,
    /// It is paused for so long, as by Ctrl-Z: SIGSTOP, and SIGCONT.
    Pause(Duration),
}

/// Where a case's evidence comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A run of its own.
    Run {
        /// What is sent.
        traffic: Traffic,
        /// The planted defect, as `--plant` takes it; empty for none.
        plant: &'static str,
        /// More settings of the scenario. `{spanproof}` stands for our own binary as a JSON string.
        settings: &'static [&'static str],
    },
    /// The evidence of another case, altered: for what cannot be planted.
    Altered {
        /// The name of the other case.
        of: &'static str,
        /// What is altered.
        alter: fn(&mut Frozen),
    },
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// `shop` with every anomaly but slow traces, which take too long, and padded ids, which have cases of their own.
    Common,
    /// `shop` with every anomaly there is.
    AllAnomalies,
    /// `shop` with padded ids in every trace: those spans are known by their attribute `spanproof.id`.
    Padded,
    /// `uniform`, sent as fast as it can be.
    Uniform,
}

/// What must come of a case: these findings and no other, of whatever level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Ids of the findings that fail.
    pub failing: &'static [&'static str],
    /// Ids of the findings that are inconclusive.
    pub open: &'static [&'static str],
    /// Ids of further findings that must be there, informations and warnings.
    pub told: &'static [&'static str],
    /// Ids of findings that may come with these or stay away, as the instant will have it; they do not fail.
    pub may_come: &'static [&'static str],
    /// What the fields that differ begin with: every one with one of these, and each of these is seen.
    pub fields: &'static [&'static str],
    /// A limit, and what it must say.
    pub limit: Option<(&'static str, Verdict)>,
}

/// Which of a case's findings are held against what its defect says that it touched: spans, or whatever else it counts where it
/// touches none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// There is nothing to count by: no defect is planted.
    NoDefect,
    /// Each finding that is expected, by itself.
    Each,
    /// The findings of each of these sets of ids, added up.
    Sums(&'static [&'static [&'static str]]),
    /// None, and why.
    Not(&'static str),
}

/// What must come of a case behind a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// The same as without one.
    Same,
    /// Something else, and why.
    Differs(Expected, &'static str),
    /// It is not tried there, and why.
    Untried(&'static str),
    /// It is tried nowhere else, and why.
    Only(&'static str),
}

/// What a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something is wrong in its run, and has to be found under its right name.
    Planted,
    /// Something is wrong in its run, and nothing of that reaches the sink at this place: nothing is to be claimed.
    #[serde(rename = "not-visible")]
    NotVisible,
    /// Something is wrong in its evidence only, which is no run's.
    Altered,
    /// Nothing is wrong, and nothing is to be claimed.
    Control,
}

impl Expected {
    /// Nothing is wrong.
    pub const PASS: Self = Self { failing: &[], open: &[], told: &[], may_come: &[], fields: &[], limit: None };

    /// Exactly these findings fail.
    pub const fn failing(ids: &'static [&'static str]) -> Self {
        Self { failing: ids, ..Self::PASS }
    }

    /// Exactly these findings are inconclusive.
    pub const fn open(ids: &'static [&'static str]) -> Self {
        Self { open: ids, ..Self::PASS }
    }

    /// Spans arrive changed, in fields that begin so.
    pub const fn corrupted(fields: &'static [&'static str]) -> Self {
        Self { failing: &["corrupted"], fields, ..Self::PASS }
    }

    /// The verdict of the run.
    pub fn verdict(&self) -> Verdict {
        let of = |ids: &[&str], verdict| if ids.is_empty() { Verdict::Pass } else { verdict };
        let limit = self.limit.map_or(Verdict::Pass, |(_, verdict)| verdict);
        of(self.failing, Verdict::Fail).merge(of(self.open, Verdict::Inconclusive)).merge(limit)
    }

    /// Whether there is to be no finding of any kind.
    fn is_nothing(&self) -> bool {
        self.verdict() == Verdict::Pass && self.told.is_empty()
    }
}

impl Case {
    const fn new(name: &'static str, source: Source, expected: Expected, shows: &'static str) -> Self {
        let behind = Behind::Same;
        let counted = Counted::NoDefect;
        Self { name, source, expected, behind, shows, counted, rests_on_time: false, disturbance: None }
    }

    /// A run with a planted defect.
    pub const fn defect(name: &'static str, plant: &'static str, expected: Expected, shows: &'static str) -> Self {
        Self::new(name, Source::Run { traffic: Traffic::Common, plant, settings: &[] }, expected, shows)
            .counted(Counted::Each)
    }

    /// The same in traffic where every trace has padded ids.
    pub const fn padded(name: &'static str, plant: &'static str, expected: Expected, shows: &'static str) -> Self {
        Self::new(name, Source::Run { traffic: Traffic::Padded, plant, settings: &[] }, expected, shows)
            .counted(Counted::Each)
    }

    /// A run of a target that does nothing wrong, under these settings.
    pub const fn without_defect(
        name: &'static str,
        traffic: Traffic,
        settings: &'static [&'static str],
        expected: Expected,
        shows: &'static str,
    ) -> Self {
        Self::new(name, Source::Run { traffic, plant: "", settings }, expected, shows)
    }

    /// The evidence of another case, altered.
    pub const fn altered(
        name: &'static str,
        of: &'static str,
        alter: fn(&mut Frozen),
        expected: Expected,
        shows: &'static str,
    ) -> Self {
        Self::new(name, Source::Altered { of, alter }, expected, shows)
    }

    /// The same with further settings of the scenario.
    pub const fn with(mut self, more: &'static [&'static str]) -> Self {
        if let Source::Run { traffic, plant, .. } = self.source {
            self.source = Source::Run { traffic, plant, settings: more };
        }
        self
    }

    /// The same, with other findings that count what the defect says.
    pub const fn counted(mut self, counted: Counted) -> Self {
        self.counted = counted;
        self
    }

    /// The same, where no finding counts what the defect says, and why.
    pub const fn not_counted(self, why: &'static str) -> Self {
        self.counted(Counted::Not(why))
    }

    /// The same, resting on time.
    pub const fn rests_on_time(mut self) -> Self {
        self.rests_on_time = true;
        self
    }

    /// The same, interrupted in the middle of the load.
    pub const fn interrupted(mut self) -> Self {
        self.disturbance = Some(Disturbance::Interrupt);
        self
    }

    /// The same, paused in the middle of the load for so long.
    pub const fn paused(mut self, lasting: Duration) -> Self {
        self.disturbance = Some(Disturbance::Pause(lasting));
        self
    }

    /// The same with another outcome behind a collector.
    pub const fn behind(mut self, behind: Behind) -> Self {
        self.behind = behind;
        self
    }

    /// What must come of it at a place, or why it is not tried there.
    pub fn expected_at(&self, place: Place) -> Result<Expected, &'static str> {
        match (place, self.behind) {
            (Place::Embedded, Behind::Only(why)) | (Place::Behind, Behind::Untried(why)) => Err(why),
            (Place::Embedded, _) | (Place::Behind, Behind::Same | Behind::Only(_)) => Ok(self.expected),
            (Place::Behind, Behind::Differs(expected, _)) => Ok(expected),
        }
    }

    /// What it is where this must come of it.
    pub fn kind(&self, expected: &Expected) -> Kind {
        match self.source {
            Source::Altered { .. } => Kind::Altered,
            Source::Run { .. } if !expected.is_nothing() => Kind::Planted,
            Source::Run { .. } if self.expected.is_nothing() => Kind::Control,
            Source::Run { .. } => Kind::NotVisible,
        }
    }

    /// Why nothing of it is visible where this must come of it, if that is so.
    pub fn not_visible(&self, expected: &Expected) -> Option<&'static str> {
        match self.behind {
            Behind::Differs(_, why) if self.kind(expected) == Kind::NotVisible => Some(why),
            _ => None,
        }
    }

    /// The planted defect; empty for none.
    pub fn plant(&self) -> &'static str {
        match self.source {
            Source::Run { plant, .. } => plant,
            Source::Altered { .. } => "",
        }
    }
}

/// Where the embedded target with its defects stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the target.
    Embedded,
    /// Between a collector and the sink.
    Behind,
}

impl Place {
    /// The word in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Behind => "behind",
        }
    }
}
