//! Counts: `1000000`, `1_000_000`, `1,000,000`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{Schema, json_schema};

use super::{Decimal, TextForm, ValueError, text_form};

/// A whole number of things, whose digits may be grouped for reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(pub u64);

impl FromStr for Count {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const HINT: &str = "write a whole number without a unit, such as `512` or `1_000_000`";
        let refused = |at| ValueError::new(at, format!("`{text}` is no whole number"), HINT);
        let (number, rest) = Decimal::take(text).map_err(|_| refused(0))?;
        if !rest.is_empty() {
            return Err(refused(text.len() - rest.len()));
        }
        number.times(1).map(Self).ok_or_else(|| refused(0))
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TextForm for Count {
    const NAME: &'static str = "Count";
    const EXPECTED: &'static str = "a whole number such as `512` or `1_000_000`";

    fn schema() -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+([_,][0-9]+)*$",
            "examples": [512, "1_000_000"],
        })
    }
}

text_form!(Count);

/// A whole number that may be below zero, for what a peer says without sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SignedCount(pub i64);

impl FromStr for SignedCount {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let sign = if digits.len() < text.len() { -1 } else { 1 };
        let Count(size) = digits.parse().map_err(|error: ValueError| error.shifted(text.len() - digits.len()))?;
        let hint = "write a number nearer to zero";
        let too_large = |_| ValueError::new(0, format!("`{text}` is further from zero than 64 bits reach"), hint);
        i64::try_from(size).map(|size| Self(sign * size)).map_err(too_large)
    }
}

impl Display for SignedCount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TextForm for SignedCount {
    const NAME: &'static str = "SignedCount";
    const EXPECTED: &'static str = "a whole number such as `3` or `-1`";

    fn schema() -> Schema {
        json_schema!({ "type": ["integer", "string"], "pattern": "^-?[0-9]+([_,][0-9]+)*$", "examples": [3, -1] })
    }
}

text_form!(SignedCount);
