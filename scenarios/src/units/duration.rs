//! Durations: `15s`, `2m`, `500ms`, `1m30s`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use schemars::{Schema, json_schema};

use super::decimal::no_number;
use super::{Decimal, TextForm, ValueError, text_form};

/// A length of time as people write it: one or more numbers with a unit, `ns us ms s m h`, largest unit first or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HumanDuration(pub Duration);

/// Units and their nanoseconds, largest first.
const UNITS: [(&str, u64); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

const HINT: &str = "write a number and a unit: `500ms`, `15s`, `2m` or `1m30s`";

impl HumanDuration {
    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// True when `unit` is one of the units of time.
    pub(crate) fn is_unit(unit: &str) -> bool {
        UNITS.iter().any(|(name, _)| *name == unit)
    }
}

impl FromStr for HumanDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let mut rest = text;
        let mut total = 0_u64;
        while !rest.is_empty() || text.is_empty() {
            let at = text.len() - rest.len();
            let (nanoseconds, after) = take_part(rest).map_err(|error| error.shifted(at))?;
            total = total
                .checked_add(nanoseconds)
                .ok_or_else(|| ValueError::new(at, format!("`{text}` is longer than 584 years"), HINT))?;
            rest = after;
        }
        Ok(Self(Duration::from_nanos(total)))
    }
}

/// Reads one number and its unit; returns nanoseconds and what follows.
fn take_part(text: &str) -> Result<(u64, &str), ValueError> {
    let no_duration = |message: String| ValueError::new(0, message, HINT);
    let (number, rest) = Decimal::take(text).map_err(|_| no_duration(no_number(text)))?;
    let after_space = rest.trim_start_matches(' ');
    let end = after_space.find(|c: char| !c.is_alphabetic()).unwrap_or(after_space.len());
    let (unit, rest) = after_space.split_at(end);
    if unit.is_empty() {
        return Err(ValueError::new(text.len() - rest.len(), format!("`{text}` has no unit"), HINT));
    }
    let at = text.len() - rest.len() - unit.len();
    let (_, factor) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| ValueError::new(at, format!("`{unit}` is no unit of time"), HINT))?;
    let nanoseconds = number
        .times(*factor)
        .ok_or_else(|| no_duration(format!("`{text}` is no whole number of nanoseconds below 584 years")))?;
    Ok((nanoseconds, rest))
}

/// In the largest unit that makes it a whole number.
impl Display for HumanDuration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        let whole = |(_, factor): &&(&str, u64)| nanoseconds.is_multiple_of(u128::from(*factor));
        let (unit, factor) = UNITS.iter().find(whole).unwrap_or(&("ns", 1));
        write!(f, "{}{unit}", nanoseconds / u128::from(*factor))
    }
}

impl TextForm for HumanDuration {
    const NAME: &'static str = "Duration";
    const EXPECTED: &'static str = "a duration such as `15s`, `2m` or `500ms`";

    fn schema() -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "pattern": r"^([0-9][0-9_,]*(\.[0-9]+)? ?(h|m|s|ms|us|µs|ns))+$" },
                { "const": 0 },
            ],
            "examples": ["15s", "2m", "500ms", "1m30s"],
        })
    }
}

text_form!(HumanDuration);
