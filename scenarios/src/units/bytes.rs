//! Sizes in bytes: `512MiB`, `3.5MiB`, `4096`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{Schema, json_schema};

use super::decimal::no_number;
use super::{Decimal, TextForm, ValueError, text_form};

/// A number of bytes: bare, or with `B KiB MiB GiB TiB` (powers of 1024) or `kB MB GB TB` (powers of 1000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// Powers of 1024 first, largest first: the order in which printing tries them.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

const HINT: &str = "write bytes with a unit: `512MiB`, `3.5MiB`, `64KiB` or `4096B`";

impl ByteSize {
    /// So many mebibytes.
    pub const fn from_mib(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// True when `unit` is one of the units of size.
    pub(crate) fn is_unit(unit: &str) -> bool {
        UNITS.iter().any(|(name, _)| *name == unit)
    }
}

impl FromStr for ByteSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let (number, rest) = Decimal::take(text).map_err(|_| ValueError::new(0, no_number(text), HINT))?;
        let unit = rest.trim_start_matches(' ');
        let wanted = if unit.is_empty() { "B" } else { unit };
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == wanted)
            .ok_or_else(|| unknown_unit(text.len() - unit.len(), unit))?;
        number
            .times(*factor)
            .map(Self)
            .ok_or_else(|| ValueError::new(0, format!("`{text}` is no whole number of bytes below 16 EiB"), HINT))
    }
}

fn unknown_unit(at: usize, unit: &str) -> ValueError {
    let same = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let start = UNITS.iter().find(|(name, _)| !unit.is_empty() && name[..1].eq_ignore_ascii_case(unit));
    let hint = match same.or(start) {
        Some((name, _)) => format!("write `{name}`"),
        None => HINT.to_owned(),
    };
    ValueError::new(at, format!("`{unit}` is no unit of size"), hint)
}

/// In the largest power of 1024 that needs no more than two decimals.
impl Display for ByteSize {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (unit, factor) in &UNITS[..4] {
            let hundredths = u128::from(self.0) * 100;
            if self.0 >= *factor && hundredths.is_multiple_of(u128::from(*factor)) {
                let hundredths = hundredths / u128::from(*factor);
                let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                return write!(f, "{}{unit}", text.trim_end_matches('0').trim_end_matches('.'));
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl TextForm for ByteSize {
    const NAME: &'static str = "Bytes";
    const EXPECTED: &'static str = "a size such as `512MiB`, `3.5MiB` or `4096`";

    fn schema() -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": r"^[0-9][0-9_,]*(\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?$",
            "minimum": 0,
            "examples": ["512MiB", "3.5MiB", 4096],
        })
    }
}

text_form!(ByteSize);
