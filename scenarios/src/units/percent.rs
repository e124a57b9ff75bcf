//! Shares: `2%`, `0.01%`, exact as whole parts per billion.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{Schema, json_schema};

use super::decimal::no_number;
use super::{Decimal, TextForm, ValueError, text_form};

/// A share in parts per billion, so that `0.01%` of a plan is an exact number of traces and not a rounded double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ppb(pub u64);

const PPB_PER_PERCENT: u64 = 10_000_000;

impl Ppb {
    /// All of it: 100 %.
    pub const WHOLE: Self = Self(100 * PPB_PER_PERCENT);

    /// Whole percent.
    pub const fn from_percent(percent: u64) -> Self {
        Self(percent * PPB_PER_PERCENT)
    }

    /// The share as a ratio; 1.0 for 100 %.
    pub fn ratio(self) -> f64 {
        self.0 as f64 / Self::WHOLE.0 as f64
    }
}

impl FromStr for Ppb {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const HINT: &str = "write a percentage: `2%` or `0.01%`";
        let (number, rest) = Decimal::take(text).map_err(|_| ValueError::new(0, no_number(text), HINT))?;
        let at = text.len() - rest.len();
        match rest.trim_start_matches(' ') {
            "%" => number.times(PPB_PER_PERCENT).map(Self).ok_or_else(|| {
                ValueError::new(0, format!("`{text}` is finer than parts per billion, or too large"), HINT)
            }),
            "" => Err(ValueError::new(at, format!("`{text}` has no percent sign"), format!("write `{text}%`"))),
            unit => Err(ValueError::new(at, format!("`{unit}` is no percent sign"), HINT)),
        }
    }
}

impl Display for Ppb {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:07}", self.0 / PPB_PER_PERCENT, self.0 % PPB_PER_PERCENT);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl TextForm for Ppb {
    const NAME: &'static str = "Percent";
    const EXPECTED: &'static str = "a percentage such as `2%`";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[0-9][0-9_,]*(\.[0-9]{1,7})? ?%$",
            "examples": ["2%", "0.01%"],
        })
    }
}

text_form!(Ppb);
