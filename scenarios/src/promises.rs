//! Promises: what a team believes its sampling keeps, whatever the collector's configuration says.
//!
//! ```yaml
//! promises:
//!   - { traces: error, kept: 100% }
//!   - { spans: 'name == "GET /healthz"', kept: 0% }
//!   - { traces: not error and duration < 2s, kept: 4.5%..5.5% }
//! ```

use crate::units::{Ppb, TextForm, ValueError, text_form};
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};
use spanproof_generators::facts::{About, Statement};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Something that is promised.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// What it is about.
    pub about: About,
    /// Which of them.
    pub of: Facts,
    /// How many of these come out.
    pub kept: Kept,
}

impl Display for Promise {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let about = match self.about {
            About::Traces => "traces",
            About::Spans => "spans",
        };
        write!(f, "{about} `{}` kept {}", self.of, self.kept)
    }
}

/// A statement about traces or spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts(pub Statement);

impl Display for Facts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Facts {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|error: spanproof_generators::facts::NoStatement| {
            ValueError::new(error.at, error.message, error.hint)
        })
    }
}

impl TextForm for Facts {
    const NAME: &'static str = "Facts";
    const EXPECTED: &'static str = "a statement about traces or spans such as `error` or `duration >= 2s`";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "A statement about traces or spans: facts (error, root, name, service, kind, status, duration, spans, attributes[\"KEY\"], resource[\"KEY\"], trace.error, trace.duration) compared by == != < <= > >= or in [..], joined by and, or, not and brackets.",
            "examples": ["error", "duration >= 2s and not error", "name in [\"GET /healthz\"]", "service == \"checkout\""],
        })
    }
}

/// The share that comes out: from the least to the most, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// At least.
    pub least: Ppb,
    /// At most.
    pub most: Ppb,
}

impl Display for Kept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.least == self.most { self.least.fmt(f) } else { write!(f, "{}..{}", self.least, self.most) }
    }
}

impl FromStr for Kept {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const HINT: &str = "write a share such as `100%`, or a range such as `4.5%..5.5%`";
        let (least, most) = text.split_once("..").unwrap_or((text, text));
        let at = if text.contains("..") { least.len() + 2 } else { 0 };
        let kept =
            Self { least: least.trim().parse()?, most: most.trim().parse().map_err(|e: ValueError| e.shifted(at))? };
        if kept.most > Ppb::WHOLE {
            return Err(ValueError::new(at, format!("{} is more than all", kept.most), HINT));
        }
        if kept.least > kept.most {
            return Err(ValueError::new(0, format!("{} is more than {}", kept.least, kept.most), HINT));
        }
        Ok(kept)
    }
}

impl TextForm for Kept {
    const NAME: &'static str = "Kept";
    const EXPECTED: &'static str = "a share such as `100%` or a range such as `4.5%..5.5%`";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "The share that comes out, or a range of shares, both ends included.",
            "pattern": r"^[0-9.]+%( *\.\. *[0-9.]+%)?$",
            "examples": ["100%", "0%", "4.5%..5.5%"],
        })
    }
}

text_form!(Facts, Kept);

/// What a scenario says of a promise: either of traces or of spans.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromiseSpec {
    /// Which traces it is about. Kept are those that come out whole; what comes out in part is neither kept nor dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Facts>,
    /// Which spans it is about, instead of traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Facts>,
    /// The share of them that comes out.
    #[schemars(required)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

impl PromiseSpec {
    /// What it means.
    ///
    /// # Errors
    /// It is about neither or both, or says no share: what is wrong, and what to write.
    pub fn promise(&self) -> Result<Promise, [&'static str; 2]> {
        let (about, of) = match (&self.traces, &self.spans) {
            (Some(of), None) => (About::Traces, of),
            (None, Some(of)) => (About::Spans, of),
            (None, None) => {
                return Err(["the promise is about nothing", "add `traces: error`, or `spans: 'name == \"a\"'`"]);
            }
            (Some(_), Some(_)) => return Err(["the promise is about traces and about spans", "make two of it"]),
        };
        let kept = self.kept.ok_or(["the promise names no share", "add `kept: 100%`"])?;
        Ok(Promise { about, of: of.clone(), kept })
    }
}

impl From<&Promise> for PromiseSpec {
    fn from(promise: &Promise) -> Self {
        let of = Some(promise.of.clone());
        let (traces, spans) = match promise.about {
            About::Traces => (of, None),
            About::Spans => (None, of),
        };
        Self { traces, spans, kept: Some(promise.kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_ranges_are_read_and_written_alike() {
        for text in ["100%", "0%", "4.5%..5.5%"] {
            assert_eq!(text.parse::<Kept>().unwrap().to_string(), text);
        }
        assert_eq!("4.5 % .. 5.5 %".parse::<Kept>().unwrap().to_string(), "4.5%..5.5%");
        let told = |text: &str| text.parse::<Kept>().unwrap_err().message;
        assert_eq!(told("101%"), "101% is more than all");
        assert_eq!(told("5%..4%"), "5% is more than 4%");
        assert_eq!(told("half"), "`half` does not start with a number");
    }

    #[test]
    fn a_promise_is_about_one_thing_and_says_how_much_of_it() {
        let of = |text: &str| text.parse::<Facts>().ok();
        let all = PromiseSpec { traces: of("error"), spans: None, kept: "100%".parse().ok() };
        let promise = all.promise().unwrap();
        assert_eq!(
            (promise.to_string(), PromiseSpec::from(&promise)),
            ("traces `error` kept 100%".to_owned(), all.clone())
        );
        assert!(PromiseSpec { kept: None, ..all.clone() }.promise().is_err());
        assert!(PromiseSpec { spans: of("root"), ..all.clone() }.promise().is_err());
        assert!(PromiseSpec { traces: None, ..all }.promise().is_err());
    }
}
