//! Which collector is meant, and whether by what it does or by what its documentation promises.
//!
//! Versions differ, and code differs from documentation. Every such difference that can change a trace's fate is a row of
//! [`DEVIATIONS`], with the issue that it is known by; a [`Model`] says for each of them which side holds.

use std::fmt;
use std::str::FromStr;

/// A version of the collector's contrib components, 0.`minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 155 for v0.155.0. Patch releases are not told apart: none changed how anything is decided.
    pub minor: u16,
}

impl Version {
    /// The version against which everything here was measured.
    pub const MEASURED: Self = Self { minor: 155 };

    /// The newest version whose source was read.
    pub const NEWEST_READ: Self = Self { minor: 164 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{}", self.minor)
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVersionError(text.to_owned());
        let plain = text.strip_prefix('v').unwrap_or(text);
        let mut parts = plain.split(['-', '+']).next().unwrap_or_default().split('.');
        let minor = match (parts.next(), parts.next()) {
            (Some("0"), Some(minor)) => minor.parse().map_err(|_| error())?,
            _ => return Err(error()),
        };
        let patch = parts.next().is_none_or(|patch| patch.parse::<u16>().is_ok());
        if patch && parts.next().is_none() { Ok(Self { minor }) } else { Err(error()) }
    }
}

/// A version is written `0.155` or `v0.155.0`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of the collector, such as 0.155.0")]
pub struct ParseVersionError(String);

/// By what a prediction is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Promise {
    /// By what that version does, its bugs included.
    #[default]
    Actual,
    /// By what the documentation says.
    Documented,
}

/// A collector as predictions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Which version.
    pub version: Version,
    /// What it does, or what it ought to do.
    pub promise: Promise,
}

/// A difference that can change a trace's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deviation {
    /// `latency` without an upper bound keeps a trace that lasts exactly `threshold_ms`.
    LatencyInclusive,
    /// `latency` with an upper bound looks at the spans so far, in their order, and keeps a trace that outlasts it.
    LatencyUpperByPrefix,
    /// `composite` asks its sub-policies as they are written and ignores `policy_order`.
    CompositeOrder,
    /// `composite` gives up on a trace when the first sub-policy that wants it has used up its share.
    CompositeGivesUp,
    /// A sub-policy of `composite` without an allocation keeps nothing.
    CompositeUnallocated,
    /// A bound of 0 in `numeric_attribute` counts as none; two of them make the collector panic.
    NumericZero,
    /// `invert_match` is a vote like any other and never a veto.
    InvertIsNoVeto,
    /// Decision caches know trace ids by their last eight bytes only.
    CacheKey,
    /// With `block_on_overflow` and without decision caches nothing is taken in any more once `num_traces` were seen.
    OverflowStall,
    /// A late span of a trace that a `drop` policy dropped is warned of as an unexpected decision.
    LateAfterDrop,
}

/// One difference, where it is found, and by what issue it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub deviation: Deviation,
    /// The first version that does it; none where nobody knows an earlier one that did not.
    pub since: Option<Version>,
    /// The first version that does it no longer; none where it is still so.
    pub until: Option<Version>,
    /// The issue or change that it is known by.
    pub issue: &'static str,
    /// What such a version does.
    pub actual: &'static str,
    /// What its documentation says.
    pub documented: &'static str,
}

const fn v(minor: u16) -> Option<Version> {
    Some(Version { minor })
}

/// Every difference that is known, one row each.
pub const DEVIATIONS: [Row; 10] = [
    Row {
        deviation: Deviation::LatencyInclusive,
        since: None,
        until: v(157),
        issue: "opentelemetry-collector-contrib#49593",
        actual: "latency without an upper bound keeps a trace of exactly threshold_ms",
        documented: "anything greater than threshold_ms",
    },
    Row {
        deviation: Deviation::LatencyUpperByPrefix,
        since: None,
        until: None,
        issue: "opentelemetry-collector-contrib#43948",
        actual: "latency with an upper bound keeps a trace as soon as its spans so far lie within the bounds",
        documented: "the duration runs from the earliest start to the latest end",
    },
    Row {
        deviation: Deviation::CompositeOrder,
        since: None,
        until: None,
        issue: "opentelemetry-collector-contrib#36955",
        actual: "composite asks its sub-policies as they are written",
        documented: "composite asks its sub-policies in policy_order",
    },
    Row {
        deviation: Deviation::CompositeGivesUp,
        since: None,
        until: None,
        issue: "opentelemetry-collector-contrib#36959",
        actual: "composite drops what the first sub-policy that wants it has no share left for",
        documented: "always_sample as the last sub-policy fills the remaining capacity",
    },
    Row {
        deviation: Deviation::CompositeUnallocated,
        since: None,
        until: v(159),
        issue: "opentelemetry-collector-contrib#49828",
        actual: "a sub-policy of composite without an allocation keeps nothing",
        documented: "a sub-policy of composite without an allocation has an equal share",
    },
    Row {
        deviation: Deviation::NumericZero,
        since: None,
        until: None,
        issue: "no issue known",
        actual: "numeric_attribute takes a bound of 0 for none, and with both bounds 0 the collector panics",
        documented: "min_value and max_value bound the value",
    },
    Row {
        deviation: Deviation::InvertIsNoVeto,
        since: v(144),
        until: None,
        issue: "opentelemetry-collector-contrib, gate processor.tailsamplingprocessor.disableinvertdecisions",
        actual: "invert_match makes a plain vote",
        documented: "an inverted not-sampled decision outweighs every sampled one",
    },
    Row {
        deviation: Deviation::CacheKey,
        since: None,
        until: None,
        issue: "no issue known",
        actual: "decision caches know trace ids by their last eight bytes",
        documented: "the trace id is cached",
    },
    Row {
        deviation: Deviation::OverflowStall,
        since: None,
        until: None,
        issue: "no issue known",
        actual: "block_on_overflow without decision caches stops ingestion for ever after num_traces traces",
        documented: "the component waits for space",
    },
    Row {
        deviation: Deviation::LateAfterDrop,
        since: None,
        until: None,
        issue: "opentelemetry-collector-contrib#46800",
        actual: "late spans of a dropped trace are discarded with a warning of an unexpected decision",
        documented: "late spans follow the decision",
    },
];

impl Deviation {
    /// Its row.
    pub fn row(self) -> &'static Row {
        // The order of the rows is that of the variants; a test holds them to it.
        &DEVIATIONS[self as usize]
    }
}

impl Row {
    /// Whether this version does it.
    pub fn applies_to(&self, version: Version) -> bool {
        self.since.is_none_or(|since| version >= since) && self.until.is_none_or(|until| version < until)
    }
}

impl Model {
    /// What this version does.
    pub fn actual(version: Version) -> Self {
        Self { version, promise: Promise::Actual }
    }

    /// What the documentation says of this version.
    pub fn documented(version: Version) -> Self {
        Self { version, promise: Promise::Documented }
    }

    /// Whether the model has this deviation: what is documented never has.
    pub fn has(self, deviation: Deviation) -> bool {
        self.promise == Promise::Actual && deviation.row().applies_to(self.version)
    }

    /// Whether rates are held by a token bucket; before 0.153 (contrib#48226) a counter of each second of the clock held
    /// them, and its documentation said so.
    pub fn token_bucket(self) -> bool {
        self.version.minor >= 153
    }
}
