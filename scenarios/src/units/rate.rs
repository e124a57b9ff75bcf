//! Rates: `5000 spans/s`, `200 traces/s`. Always totals, never per worker.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{Schema, json_schema};

use super::decimal::no_number;
use super::{Decimal, TextForm, ValueError, text_form};

/// How much is sent in a second, all services and connections together. A bare number means spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// How many in a second; finite and not negative.
    pub per_second: f64,
    /// How many of what.
    pub of: RateOf,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateOf {
    /// Spans.
    Spans,
    /// Whole traces.
    Traces,
}

impl RateOf {
    /// The word in texts: `spans` or `traces`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Traces => "traces",
        }
    }
}

const HINT: &str = "write a total such as `5000 spans/s` or `200 traces/s`; rates are never per worker";

impl FromStr for Rate {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (number, rest) = Decimal::take(text).map_err(|_| ValueError::new(0, no_number(text), HINT))?;
        let (factor, rest) = match rest.as_bytes().first() {
            Some(b'k') => (1e3, &rest[1..]),
            Some(b'M') => (1e6, &rest[1..]),
            _ => (1.0, rest),
        };
        let unit = rest.trim_start_matches(' ');
        let of = match unit {
            "" | "/s" | "spans/s" | "span/s" => RateOf::Spans,
            "traces/s" | "trace/s" => RateOf::Traces,
            _ => return Err(ValueError::new(text.len() - unit.len(), format!("`{unit}` is no unit of a rate"), HINT)),
        };
        Ok(Self { per_second: number.to_f64() * factor, of })
    }
}

impl Display for Rate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/s", self.per_second, self.of.name())
    }
}

impl TextForm for Rate {
    const NAME: &'static str = "Rate";
    const EXPECTED: &'static str = "a rate such as `5000 spans/s` or `200 traces/s`";

    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "pattern": r"^[0-9][0-9_,]*(\.[0-9]+)?[kM]? ?((spans?|traces?)?/s)?$",
            "exclusiveMinimum": 0,
            "examples": ["5000 spans/s", "200 traces/s", 5000],
        })
    }
}

text_form!(Rate);
