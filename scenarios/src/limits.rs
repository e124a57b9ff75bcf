//! Limits: the one grammar in which a person says what must hold.
//!
//! `PATH OP VALUE [before|during|after FAULT] [for DURATION]`, where PATH is the literal path of a figure in `result.json`
//! (`ledger.` optional, the unit left off the last word), OP one of `< <= == >= >`, and VALUE a number with its unit. The
//! same form serves `limits:` and `abort:` of a scenario and conditions on a command line. Parsing is in `limits/parse.rs`,
//! what is known of paths in `limits/quantity.rs`.

mod parse;
mod quantity;

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use schemars::{Schema, json_schema};

use crate::units::{ByteSize, HumanDuration, Ppb, Rate, TextForm, text_form};

pub use quantity::Quantity;

/// One statement about a figure of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The figure, as written: `spans.lost_acknowledged`, `latency.intended_to_delivered.p99`.
    pub path: String,
    /// How figure and value compare.
    pub op: Op,
    /// What the figure is compared with.
    pub value: LimitValue,
    /// The part of the run that is looked at; all of it without one.
    pub window: Option<Window>,
    /// How long the comparison must hold without a break before it counts.
    pub sustained: Option<Duration>,
}

impl Limit {
    /// The path without the optional `ledger.`, by which two limits are about the same figure.
    pub fn canonical_path(&self) -> &str {
        self.path.strip_prefix("ledger.").unwrap_or(&self.path)
    }

    /// The fault that it names, by its window or in its path (`faults.NAME.touched`).
    pub fn fault(&self) -> Option<&str> {
        let in_path = || self.path.strip_prefix("faults.")?.split('.').next();
        self.window.as_ref().map(|window| window.fault.as_str()).or_else(in_path)
    }

    /// True when both say something about the same figure, compared the same way, in the same window.
    pub fn same_subject(&self, other: &Self) -> bool {
        self.canonical_path() == other.canonical_path() && self.op == other.op && self.window == other.window
    }

    /// Where `result.json` may hold the figure, in the order to look, each with the factor that turns the number found
    /// there into the base unit of [`LimitValue::magnitude`].
    ///
    /// `latency.intended_to_delivered.p99 < 500ms` is found at `…p99_ms` with factor 0.001, since results carry the unit in
    /// the key and limits in the value.
    pub fn places(&self) -> Vec<(String, f64)> {
        let suffixes: &[(&str, f64)] = match self.value {
            LimitValue::Duration(_) => &[("_ms", 1e-3), ("_seconds", 1.0), ("", 1.0)],
            LimitValue::Bytes(_) => &[("_bytes", 1.0), ("", 1.0)],
            LimitValue::Percent(_) => &[("", 1.0), ("_ratio", 1.0)],
            LimitValue::Number(_) | LimitValue::Rate(_) => &[("", 1.0)],
        };
        let path = self.canonical_path();
        let place = |prefix: &str| {
            let prefix = prefix.to_owned();
            suffixes.iter().map(move |(suffix, factor)| (format!("{prefix}{path}{suffix}"), *factor))
        };
        place("").chain(place("ledger.")).collect()
    }

    /// Whether the limit holds for a figure in the base unit of [`LimitValue::magnitude`].
    pub fn holds(&self, figure: f64) -> bool {
        self.op.holds(figure, self.value.magnitude())
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.path, self.op, self.value)?;
        if let Some(window) = &self.window {
            write!(f, " {} {}", window.relation.name(), window.fault)?;
        }
        match self.sustained {
            Some(duration) => write!(f, " for {}", HumanDuration(duration)),
            None => Ok(()),
        }
    }
}

/// How a figure and a value compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Below, Self::AtMost, Self::Equal, Self::AtLeast, Self::Above];

    /// As written: `<`, `<=`, `==`, `>=` or `>`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }

    /// Compares `figure OP value`. False whenever either is not a number.
    pub fn holds(self, figure: f64, value: f64) -> bool {
        match self {
            Self::Below => figure < value,
            Self::AtMost => figure <= value,
            Self::Equal => figure == value,
            Self::AtLeast => figure >= value,
            Self::Above => figure > value,
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LimitValue {
    /// A count, a ratio, or a literal number of whatever the path's own unit says.
    Number(f64),
    /// A length of time.
    Duration(Duration),
    /// A number of bytes.
    Bytes(ByteSize),
    /// A share.
    Percent(Ppb),
    /// So many in a second.
    Rate(Rate),
}

impl LimitValue {
    /// The value in its base unit: plain number, seconds, bytes, ratio (100 % is 1.0), or per second.
    pub fn magnitude(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Duration(duration) => duration.as_secs_f64(),
            Self::Bytes(bytes) => bytes.0 as f64,
            Self::Percent(share) => share.ratio(),
            Self::Rate(rate) => rate.per_second,
        }
    }
}

impl Display for LimitValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Duration(duration) => HumanDuration(*duration).fmt(f),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Percent(share) => share.fmt(f),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

/// A part of the run, told by a fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Window {
    /// Which side of the fault.
    pub relation: Relation,
    /// The fault's name.
    pub fault: String,
}

/// On which side of a fault a window lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Until it begins.
    Before,
    /// While it lasts.
    During,
    /// From its end on.
    After,
}

impl Relation {
    /// The word in limits.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

impl TextForm for Limit {
    const NAME: &'static str = "Limit";
    const EXPECTED: &'static str = "a limit such as `spans.lost_acknowledged == 0`";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "PATH OP VALUE [before|during|after FAULT] [for DURATION]: PATH names a figure of result.json, OP is one of < <= == >= >, VALUE carries its unit.",
            "pattern": r"^[a-z0-9_.-]+ *(<|<=|==|>=|>) *[0-9][0-9_,.]* ?[^ ]*( (before|during|after) [a-z0-9-]+)?( for [0-9][^ ]*)?$",
            "examples": [
                "spans.lost_acknowledged == 0",
                "latency.intended_to_delivered.p99 < 500ms",
                "target.memory.peak < 450MiB",
                "target.memory.peak > 500MiB for 5s",
            ],
        })
    }
}

text_form!(Limit);
