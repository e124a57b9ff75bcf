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
