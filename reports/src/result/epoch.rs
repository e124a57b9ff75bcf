//! The two inputs of a run that no seed gives: its start instant and its tag.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The instant that all times of a run count from, written twice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Epoch {
    /// RFC 3339, in UTC, for people.
    pub time: String,
    /// Nanoseconds since 1970-01-01 UTC, for programs. Beyond what a double holds exactly: read it as an integer.
    pub unix_ns: u64,
}

impl Epoch {
    /// The epoch at an instant. Every `u64` of nanoseconds is a valid one; the last is in the year 2554.
    pub fn from_unix_ns(unix_ns: u64) -> Self {
        let time = Timestamp::from_nanosecond(i128::from(unix_ns)).map(|t| t.to_string()).unwrap_or_default();
        Self { time, unix_ns }
    }
}

/// The 48-bit number that tells the records of one run from those of any other; 12 hex digits in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{12}$"))]
pub struct RunTag(u64);

/// A text or number that is no run tag. Give exactly 12 hex digits, as `run_tag` in `result.json` has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run tag `{found}` is not 12 hex digits")]
pub struct RunTagError {
    /// What was given.
    pub found: String,
}

impl RunTag {
    /// The tag with this number.
    ///
    /// # Errors
    /// When the number takes more than 48 bits.
    pub fn new(number: u64) -> Result<Self, RunTagError> {
        if number < 1 << 48 { Ok(Self(number)) } else { Err(RunTagError { found: format!("{number:x}") }) }
    }

    /// The tag's number, below 2^48.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RunTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl FromStr for RunTag {
    type Err = RunTagError;

    fn from_str(text: &str) -> Result<Self, RunTagError> {
        let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| RunTagError { found: text.chars().take(40).collect() })
    }
}

impl TryFrom<String> for RunTag {
    type Error = RunTagError;

    fn try_from(text: String) -> Result<Self, RunTagError> {
        text.parse()
    }
}

impl From<RunTag> for String {
    fn from(tag: RunTag) -> Self {
        tag.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_tag_is_twelve_hex_digits_both_ways() {
        let tag = RunTag::new(0x00ab_cdef).unwrap();
        assert_eq!(tag.to_string(), "000000abcdef");
        assert_eq!("000000abcdef".parse(), Ok(tag));
        assert_eq!(serde_json::to_string(&tag).unwrap(), "\"000000abcdef\"");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "abc", "00000000000g", "+00000000001", "0000000000001", "00000000000\u{e9}"] {
            assert!(text.parse::<RunTag>().is_err(), "{text}");
        }
        assert!(RunTag::new(1 << 48).is_err());
    }

    #[test]
    fn an_epoch_is_written_to_the_nanosecond() {
        assert_eq!(Epoch::from_unix_ns(1_795_000_000_123_456_789).time, "2026-11-18T11:06:40.123456789Z");
        assert!(Epoch::from_unix_ns(u64::MAX).time.starts_with("2554-"));
    }
}
