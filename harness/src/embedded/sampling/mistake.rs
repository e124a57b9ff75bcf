//! What a sampler does wrong on purpose.

use crate::embedded::defects::{Bites, Defect, DefectKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// A planted mistake of a sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// Keeps what no policy wants, and drops what one does.
    Inverted,
    /// Takes *at least* for *more than*: of latencies and of counts of spans.
    OffByOne,
    /// Hashes without the salt.
    Unsalted,
    /// Decides each request's part of a trace by itself.
    ByRequest,
    /// Decides spans that come late once more, by themselves.
    LateAgain,
    /// Asks only policies that hash whether a trace with an error is kept.
    ErrorsToo,
    /// Hashes the first half of the id only.
    WrongBytes,
    /// Writes a threshold into spans and keeps those below it, too.
    Unapplied,
    /// Lets through whatever a rate is asked about.
    Unlimited,
    /// Lets through nothing that a rate is asked about.
    NoTokens,
}

impl Mistake {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::Inverted,
        Self::OffByOne,
        Self::Unsalted,
        Self::ByRequest,
        Self::LateAgain,
        Self::ErrorsToo,
        Self::WrongBytes,
        Self::Unapplied,
        Self::Unlimited,
        Self::NoTokens,
    ];

    /// How it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inverted => "inverted",
            Self::OffByOne => "off-by-one",
            Self::Unsalted => "unsalted",
            Self::ByRequest => "by-request",
            Self::LateAgain => "late-again",
            Self::ErrorsToo => "errors-too",
            Self::WrongBytes => "wrong-bytes",
            Self::Unapplied => "unapplied",
            Self::Unlimited => "unlimited",
            Self::NoTokens => "no-tokens",
        }
    }
}

/// The mistakes of one sampler.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    planted: Vec<(Defect, Mistake, AtomicU64)>,
}

impl Mistakes {
    pub(super) fn planted(defects: &[Defect]) -> Self {
        let planted = defects.iter().filter_map(|defect| match defect.kind() {
            DefectKind::Missample(mistake) => Some((defect.clone(), *mistake, AtomicU64::new(0))),
            _ => None,
        });
        Self { planted: planted.collect() }
    }

    /// Whether it is planted; nothing is counted.
    pub(super) fn has(&self, mistake: Mistake) -> bool {
        self.planted.iter().any(|(_, planted, _)| *planted == mistake)
    }

    /// Whether it is made now, which is counted.
    pub(super) fn make(&self, mistake: Mistake) -> bool {
        self.count(mistake, 1)
    }

    /// The same of something that touches so many spans.
    pub(super) fn count(&self, mistake: Mistake, spans: u64) -> bool {
        let Some((_, _, times)) = self.planted.iter().find(|(_, planted, _)| *planted == mistake) else { return false };
        times.fetch_add(spans, Ordering::Relaxed);
        true
    }

    pub(super) fn bites(&self) -> Vec<(Defect, Bites)> {
        let bites = |times: &AtomicU64| Bites { times: times.load(Ordering::Relaxed), spans: 0 };
        self.planted.iter().map(|(defect, _, times)| (defect.clone(), bites(times))).collect()
    }
}
