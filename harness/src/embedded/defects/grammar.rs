//! How defects are written: `name`, `name=parameter`, and `,every=N` behind either.
//!
//! The two kinds whose name asks for the number take it there: `drop-one-in=1000`, `duplicate-one-in=1000`.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::{Again, Defect, DefectKind, Invention, Time};
use crate::embedded::sampling::Mistake;

/// Why a text is no defect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseDefectError {
    /// No defect has this name. Names stand in [`Defect::catalogue`].
    #[error("find a defect named {0:?}; there are {known}", known = known_names())]
    Unknown(String),
    /// The defect needs a parameter.
    #[error("read defect {name} without its parameter; write {name}={example}")]
    Missing {
        /// The defect.
        name: &'static str,
        /// A parameter it takes.
        example: &'static str,
    },
    /// The defect cannot use the parameter.
    #[error("read {value:?} as the parameter of defect {name}; write {name}={example}")]
    Parameter {
        /// The defect.
        name: &'static str,
        /// What was given.
        value: String,
        /// A parameter it takes.
        example: &'static str,
    },
    /// The defect takes no parameter.
    #[error("read a parameter for defect {0}, which takes none")]
    NoParameter(&'static str),
    /// Something follows that this defect does not take.
    #[error("read {rest:?} behind defect {name}, which does not take it")]
    Trailing {
        /// The defect.
        name: &'static str,
        /// What follows its name.
        rest: String,
    },
    /// `every=` is not followed by a number above 0.
    #[error("read every={0:?}; write a whole number above 0")]
    Every(String),
}

fn known_names() -> String {
    let mut names: Vec<_> = Defect::catalogue().iter().map(Defect::name).collect();
    names.dedup();
    names.join(", ")
}

impl FromStr for Defect {
    type Err = ParseDefectError;

    fn from_str(text: &str) -> Result<Self, ParseDefectError> {
        let name = text.split(['=', ',']).next().unwrap_or_default();
        let named = |known: &Self| known.name() == name;
        let known = Self::catalogue().into_iter().find(named);
        let known = known.ok_or_else(|| ParseDefectError::Unknown(name.to_owned()))?;
        let (rest, every) = match text.rsplit_once(",every=") {
            Some((rest, every)) if known.takes_every() => (rest, Some(every)),
            _ => (text, None),
        };
        let defect = match (rest.strip_prefix(name), known) {
            (Some(""), known) => known.without_parameter()?,
            (Some(parameter), known) if parameter.starts_with('=') => known.with_parameter(&parameter[1..])?,
            (behind, known) => {
                let rest = behind.unwrap_or_default().to_owned();
                return Err(ParseDefectError::Trailing { name: known.name(), rest });
            }
        };
        match every {
            None => Ok(defect),
            Some(every) => {
                let number = every.parse().map_err(|_| ParseDefectError::Every(every.to_owned()))?;
                Ok(defect.every(number))
            }
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match (&self.kind, self.parameter()) {
            (DefectKind::DropOneIn | DefectKind::DuplicateOneIn, _) => return write!(f, "={}", self.every),
            (_, Some(parameter)) => write!(f, "={parameter}")?,
            (_, None) => {}
        }
        if self.takes_every() { write!(f, ",every={}", self.every) } else { Ok(()) }
    }
}

impl Defect {
    /// What this defect's parameter looks like; `None` for one that takes none.
    fn example(&self) -> Option<&'static str> {
        match self.kind {
            DefectKind::DropOneIn | DefectKind::DuplicateOneIn => Some("1000"),
            DefectKind::DropNth(_) => Some("123456"),
            DefectKind::ShiftTime1ns(_) => Some("start, end or event"),
            DefectKind::InventSpan(_) => Some("random-ids or real-trace"),
            DefectKind::DeliverLate(_) => Some("20s"),
            DefectKind::DeferButForward(_) => Some("accept or refuse"),
            DefectKind::DropService(_) => Some("NAME"),
            DefectKind::DropOverBytes(_) => Some("4096"),
            DefectKind::DropEveryNthRequestOfOneConnection(_) => Some("3"),
            DefectKind::Stall { .. } => Some("1s/10s"),
            DefectKind::DropWholeTraces { .. } => Some("1/100"),
            DefectKind::StallAfterHeal(_) => Some("5s"),
            DefectKind::Missample(_) => Some(
                "inverted, off-by-one, unsalted, by-request, late-again, errors-too, wrong-bytes, unapplied, unlimited or no-tokens",
            ),
            _ => None,
        }
    }

    fn parameter(&self) -> Option<String> {
        match &self.kind {
            DefectKind::DropNth(number) | DefectKind::DropEveryNthRequestOfOneConnection(number) => {
                Some(number.to_string())
            }
            DefectKind::ShiftTime1ns(Time::Start) => Some("start".to_owned()),
            DefectKind::ShiftTime1ns(Time::End) => Some("end".to_owned()),
            DefectKind::ShiftTime1ns(Time::Event) => Some("event".to_owned()),
            DefectKind::InventSpan(Invention::RandomIds) => Some("random-ids".to_owned()),
            DefectKind::InventSpan(Invention::RealTrace) => Some("real-trace".to_owned()),
            DefectKind::DeliverLate(delay) | DefectKind::StallAfterHeal(delay) => Some(written(*delay)),
            DefectKind::DeferButForward(Again::Accept) => Some("accept".to_owned()),
            DefectKind::DeferButForward(Again::Refuse) => Some("refuse".to_owned()),
            DefectKind::DropService(name) => Some(name.clone()),
            DefectKind::DropOverBytes(bytes) => Some(bytes.to_string()),
            DefectKind::Stall { length, period } => Some(format!("{}/{}", written(*length), written(*period))),
            DefectKind::DropWholeTraces { share, of } => Some(format!("{share}/{of}")),
            DefectKind::Missample(mistake) => Some(mistake.name().to_owned()),
            _ => None,
        }
    }

    fn without_parameter(self) -> Result<Self, ParseDefectError> {
        match (&self.kind, self.example()) {
            // These say how often, or in which form, by default.
            (
                DefectKind::DropOneIn
                | DefectKind::DuplicateOneIn
                | DefectKind::ShiftTime1ns(_)
                | DefectKind::InventSpan(_)
                | DefectKind::DeferButForward(_),
                _,
            )
            | (_, None) => Ok(self),
            (_, Some(example)) => Err(ParseDefectError::Missing { name: self.name(), example }),
        }
    }

    fn with_parameter(self, value: &str) -> Result<Self, ParseDefectError> {
        let name = self.name();
        let Some(example) = self.example() else { return Err(ParseDefectError::NoParameter(name)) };
        self.parsed(value).ok_or_else(|| ParseDefectError::Parameter { name, value: value.to_owned(), example })
    }

    fn parsed(self, value: &str) -> Option<Self> {
        let kind = match self.kind {
            DefectKind::DropOneIn | DefectKind::DuplicateOneIn => return Some(self.every(value.parse().ok()?)),
            DefectKind::DropNth(_) => DefectKind::DropNth(value.parse().ok()?),
            DefectKind::ShiftTime1ns(_) => DefectKind::ShiftTime1ns(time(value)?),
            DefectKind::InventSpan(_) => DefectKind::InventSpan(invention(value)?),
            DefectKind::DeliverLate(_) => DefectKind::DeliverLate(humantime::parse_duration(value).ok()?),
            DefectKind::DeferButForward(_) => DefectKind::DeferButForward(again(value)?),
            DefectKind::DropService(_) => DefectKind::DropService(value.to_owned()),
            DefectKind::DropOverBytes(_) => DefectKind::DropOverBytes(value.parse().ok()?),
            DefectKind::DropEveryNthRequestOfOneConnection(_) => {
                DefectKind::DropEveryNthRequestOfOneConnection(value.parse().ok()?)
            }
            DefectKind::Stall { .. } => stall(value)?,
            DefectKind::DropWholeTraces { .. } => whole_traces(value)?,
            DefectKind::StallAfterHeal(_) => DefectKind::StallAfterHeal(humantime::parse_duration(value).ok()?),
            DefectKind::Missample(_) => {
                DefectKind::Missample(Mistake::ALL.into_iter().find(|mistake| mistake.name() == value)?)
            }
            _ => return None,
        };
        Some(Self { kind, every: self.every })
    }
}

/// A duration without spaces, so that it survives a command line unquoted.
fn written(duration: Duration) -> String {
    humantime::format_duration(duration).to_string().replace(' ', "")
}

fn time(value: &str) -> Option<Time> {
    match value {
        "start" => Some(Time::Start),
        "end" => Some(Time::End),
        "event" => Some(Time::Event),
        _ => None,
    }
}

fn invention(value: &str) -> Option<Invention> {
    match value {
        "random-ids" => Some(Invention::RandomIds),
        "real-trace" => Some(Invention::RealTrace),
        _ => None,
    }
}

fn again(value: &str) -> Option<Again> {
    match value {
        "accept" => Some(Again::Accept),
        "refuse" => Some(Again::Refuse),
        _ => None,
    }
}

fn stall(value: &str) -> Option<DefectKind> {
    let (length, period) = value.split_once('/')?;
    let length = humantime::parse_duration(length).ok()?;
    let period = humantime::parse_duration(period).ok()?;
    (length < period).then_some(DefectKind::Stall { length, period })
}

fn whole_traces(value: &str) -> Option<DefectKind> {
    let (share, of) = value.split_once('/')?;
    let (share, of): (NonZeroU64, NonZeroU64) = (share.parse().ok()?, of.parse().ok()?);
    (share <= of).then_some(DefectKind::DropWholeTraces { share, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_reads_back_what_it_writes() {
        let catalogue = Defect::catalogue();
        let often = catalogue.iter().cloned().map(|defect| defect.every(NonZeroU64::new(7).unwrap()));
        for defect in catalogue.iter().cloned().chain(often) {
            assert_eq!(defect.to_string().parse(), Ok(defect.clone()), "{defect}");
        }
    }

    #[test]
    fn defects_are_written_as_documented() {
        let written: Vec<_> = Defect::catalogue().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(written.join("\n"));
    }

    #[test]
    fn defaults_need_not_be_written() {
        for (short, long) in [
            ("re-parent", "re-parent,every=1000"),
            ("drop-one-in", "drop-one-in=1000"),
            ("drop-one-in,every=5", "drop-one-in=5"),
            ("shift-time-1ns", "shift-time-1ns=end,every=1000"),
            ("shift-time-1ns,every=5", "shift-time-1ns=end,every=5"),
            ("invent-span", "invent-span=random-ids,every=1000"),
            ("defer-but-forward", "defer-but-forward=accept,every=10"),
            ("deliver-late=90s", "deliver-late=1m30s,every=10"),
        ] {
            assert_eq!(short.parse::<Defect>().unwrap().to_string(), long);
        }
    }

    #[test]
    fn a_service_may_be_called_anything() {
        for name in ["", "a=b", "a,every=2", "Bücher/Laden"] {
            let defect = Defect::new(DefectKind::DropService(name.to_owned()));
            assert_eq!(defect.to_string().parse(), Ok(defect));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_remedy() {
        let errors: Vec<_> = [
            "drop-everything",
            "drop-nth",
            "drop-nth=0",
            "re-parent=5",
            "re-parent,every=0",
            "re-parent,each=5",
            "corrupt-everything,every=5",
            "stall=10s/1s",
            "drop-whole-traces=3/2",
            "deliver-late=soon",
            "shift-time-1ns=middle",
            "invent-span=anything",
        ]
        .iter()
        .map(|text| format!("{text}: failed to {}", text.parse::<Defect>().unwrap_err()))
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
