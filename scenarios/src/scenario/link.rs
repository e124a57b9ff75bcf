//! What may be wrong with the way between two peers, and to which connections.

use super::checker::Checker;
use super::is_name;
use super::switch;
use crate::document::{FieldPath, Step};
use crate::problem::{ProblemKind, Problems};
use crate::spec::{CutSpec, Direction, FloodSpec, Http2Error, LinkFaultSpec, LinkSwitchSpec};
use crate::units::{ByteSize, Count, HumanDuration, Ppb};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// A flood of more is a line that carries nothing else.
const FLOOD_MAX: u64 = 1_000_000;

/// A fault of a proxy, to be switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSwitch {
    /// Names it.
    pub name: String,
    /// What happens.
    pub fault: LinkFault,
    /// Which share of the connections it touches.
    pub share: Ppb,
}

/// What happens on the way. Serialised as it is written in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFault {
    /// Nobody listens: connections are refused, and those that there are reset.
    Refuse,
    /// Connections are reset.
    Reset(Cut),
    /// Connections are taken and nothing gets through.
    BlackHole,
    /// Nothing gets through in one direction.
    Stall {
        /// In which.
        direction: Direction,
    },
    /// Everything comes later.
    Latency {
        /// By how much; above zero.
        by: HumanDuration,
        /// So much more or less; at most as long as `by`.
        jitter: HumanDuration,
        /// In which direction.
        direction: Direction,
    },
    /// So much gets through in a second, over all connections.
    Bandwidth {
        /// How much; above zero.
        per_second: ByteSize,
        /// In which direction.
        direction: Direction,
    },
    /// One direction is ended, the other goes on.
    HalfClose(Cut),
    /// Connections are closed in good order in the middle of what they carry.
    Truncate(Cut),
    /// The end of a connection is passed on late.
    SlowClose {
        /// By how much; above zero.
        by: HumanDuration,
        /// In which direction.
        direction: Direction,
    },
    /// One bit in so many bytes is flipped.
    Corrupt {
        /// In how many; above zero.
        one_in: ByteSize,
        /// In which direction.
        direction: Direction,
    },
    /// The upstream seems to end HTTP/2 connections with GOAWAY.
    Goaway {
        /// With which error.
        error: Http2Error,
        /// Whether they are closed at once.
        abrupt: bool,
    },
    /// The upstream seems to reset every new stream of HTTP/2.
    ResetStream {
        /// With which error.
        error: Http2Error,
    },
    /// The upstream seems to allow so many streams of HTTP/2 at once.
    MaxStreams {
        /// How many.
        streams: u32,
    },
    /// The client is not told that it may send more over HTTP/2.
    WindowStall,
    /// The upstream seems to send SETTINGS of HTTP/2 again and again.
    SettingsFlood {
        /// How many in a second; above zero.
        per_second: Count,
    },
    /// The upstream seems to send PING of HTTP/2 again and again.
    PingFlood {
        /// How many in a second; above zero.
        per_second: Count,
    },
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// After so many bytes since it began.
    pub after: ByteSize,
    /// In which direction they are counted.
    pub direction: Direction,
}

impl LinkFault {
    /// As it is called where it is written: `black_hole`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reset(_) => "reset",
            Self::BlackHole => "black_hole",
            Self::Stall { .. } => "stall",
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::HalfClose(_) => "half_close",
            Self::Truncate(_) => "truncate",
            Self::SlowClose { .. } => "slow_close",
            Self::Corrupt { .. } => "corrupt",
            Self::Goaway { .. } => "goaway",
            Self::ResetStream { .. } => "reset_stream",
            Self::MaxStreams { .. } => "max_streams",
            Self::WindowStall => "window_stall",
            Self::SettingsFlood { .. } => "settings_flood",
            Self::PingFlood { .. } => "ping_flood",
        }
    }
}

/// As it reads after "the link".
impl Display for LinkFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("refuses connections and resets those that there are"),
            Self::Reset(cut) => write!(f, "resets connections{cut}"),
            Self::BlackHole => f.write_str("takes connections and lets nothing through"),
            Self::Stall { direction } => write!(f, "lets nothing through{}", Only(*direction)),
            Self::Latency { by, jitter: HumanDuration(jitter), direction } if jitter.is_zero() => {
                write!(f, "is {by} slower{}", Only(*direction))
            }
            Self::Latency { by, jitter, direction } => {
                write!(f, "is {by} slower, {jitter} more or less{}", Only(*direction))
            }
            Self::Bandwidth { per_second, direction } => {
                write!(f, "carries {per_second} a second{}", Only(*direction))
            }
            Self::HalfClose(cut) => write!(f, "ends one direction of connections{cut} and lets the other go on"),
            Self::Truncate(cut) => write!(f, "closes connections{cut}"),
            Self::SlowClose { by, direction } => {
                write!(f, "passes the end of connections on {by} late{}", Only(*direction))
            }
            Self::Corrupt { one_in, direction } => write!(f, "flips one bit in {one_in}{}", Only(*direction)),
            Self::Goaway { error, abrupt: false } => write!(f, "says GOAWAY with {}", error.name()),
            Self::Goaway { error, abrupt: true } => {
                write!(f, "says GOAWAY with {} and closes connections", error.name())
            }
            Self::ResetStream { error } => write!(f, "resets streams with {}", error.name()),
            Self::MaxStreams { streams } => write!(f, "allows {streams} streams at once"),
            Self::WindowStall => f.write_str("lets no window of HTTP/2 grow"),
            Self::SettingsFlood { per_second } => write!(f, "sends SETTINGS {per_second} times a second"),
            Self::PingFlood { per_second } => write!(f, "sends PING {per_second} times a second"),
        }
    }
}

impl Display for Cut {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.after {
            ByteSize(0) => write!(f, " at once{}", Only(self.direction)),
            after => write!(f, " after {after}{}", Only(self.direction)),
        }
    }
}

/// What is said of a direction: nothing of both.
struct Only(Direction);

impl Display for Only {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Direction::Upstream => " upstream",
            Direction::Downstream => " downstream",
            Direction::Both => "",
        })
    }
}

impl LinkSwitch {
    /// Reads what a scenario has behind `fault:` (`black_hole`, `latency: {by: 100ms}`), or with a name and a share
    /// (`{name: slow, share: 30%, fault: {latency: {by: 100ms}}}`). `source` is what people call the text.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &str, text: &str) -> Result<Self, Problems> {
        switch::read(source, text, resolve_switch)
    }

    /// The same under another name; `None` if that is no name for a fault.
    pub fn named(self, name: &str) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), ..self })
    }
}

fn resolve_switch(spec: &LinkSwitchSpec, checker: &mut Checker<'_>) -> Option<LinkSwitch> {
    let hint = "say what happens, such as `latency: {by: 100ms}`, or `black_hole`";
    let fault = checker.required("fault", spec.fault.as_ref(), hint);
    let fault = fault.and_then(|fault| resolve(fault, &FieldPath::keys("fault"), checker));
    let share = spec.share.unwrap_or(Ppb::WHOLE);
    check_share(share, fault, &FieldPath::keys("share"), checker);
    if let Some(name) = spec.name.as_ref().filter(|name| !is_name(name)) {
        let message = format!("`{}` is no name for a fault", crate::document::shortened(name));
        let hint = "use lowercase letters and digits with single dashes between, such as `slow-link`";
        checker.invalid("name", message, hint);
    }
    let fault = fault?;
    let name = spec.name.clone().unwrap_or_else(|| fault.kind().replace('_', "-"));
    checker.problems.is_empty().then_some(LinkSwitch { name, fault, share })
}

/// Whether a fault can touch this share of the connections, which is written at `path`.
pub(super) fn check_share(share: Ppb, fault: Option<LinkFault>, path: &FieldPath, checker: &mut Checker<'_>) -> bool {
    if share == Ppb(0) || share > Ppb::WHOLE {
        let message = "this touches nothing, or more than all";
        checker.report_at(path, ProblemKind::InvalidValue, message, "give a share above 0% and up to 100%");
        return false;
    }
    let fits = fault != Some(LinkFault::Refuse) || share == Ppb::WHOLE;
    if !fits {
        let message = "who refuses connections refuses all of them";
        checker.report_at(path, ProblemKind::Contradiction, message, "remove it, or write `reset`");
    }
    fits
}

/// What the fault written at `path` means.
pub(crate) fn resolve(spec: &LinkFaultSpec, path: &FieldPath, checker: &mut Checker<'_>) -> Option<LinkFault> {
    let mut part = Part { checker, path };
    Some(match spec {
        LinkFaultSpec::Refuse(_) => LinkFault::Refuse,
        LinkFaultSpec::BlackHole(_) => LinkFault::BlackHole,
        LinkFaultSpec::Reset(spec) => LinkFault::Reset(cut(spec)),
        LinkFaultSpec::HalfClose(spec) => {
            let hint = "say which direction is ended, such as `direction: downstream`";
            let direction = part.required("half_close.direction", spec.direction, hint)?;
            if direction == Direction::Both {
                part.invalid("half_close.direction", "then nothing goes on", "name one of them, or write `truncate`");
                return None;
            }
            LinkFault::HalfClose(cut(spec))
        }
        LinkFaultSpec::Truncate(spec) => LinkFault::Truncate(cut(spec)),
        LinkFaultSpec::Stall(spec) => {
            let hint = "say in which direction, such as `direction: downstream`";
            let direction = part.required("stall.direction", spec.direction, hint)?;
            LinkFault::Stall { direction }
        }
        LinkFaultSpec::Latency(spec) => {
            let by = part.lasting("latency.by", spec.by, "say how much later all comes, such as `by: 100ms`")?;
            let jitter = spec.jitter.unwrap_or_default();
            if jitter > by {
                let message = format!("nothing can come earlier than at once, and this is more than {by}");
                part.invalid("latency.jitter", message, "make it at most as long as `by`");
                return None;
            }
            LinkFault::Latency { by, jitter, direction: spec.direction.unwrap_or_default() }
        }
        LinkFaultSpec::Bandwidth(spec) => {
            let hint = "say how much, such as `per_second: 1MiB`";
            let per_second = part.some("bandwidth.per_second", spec.per_second, hint)?;
            LinkFault::Bandwidth { per_second, direction: spec.direction.unwrap_or_default() }
        }
        LinkFaultSpec::SlowClose(spec) => {
            let by = part.lasting("slow_close.by", spec.by, "say how late, such as `by: 2s`")?;
            LinkFault::SlowClose { by, direction: spec.direction.unwrap_or_default() }
        }
        LinkFaultSpec::Corrupt(spec) => {
            let one_in = part.some("corrupt.one_in", spec.one_in, "say how rare that is, such as `one_in: 1MiB`")?;
            LinkFault::Corrupt { one_in, direction: spec.direction.unwrap_or_default() }
        }
        LinkFaultSpec::Goaway(spec) => LinkFault::Goaway {
            error: spec.error.unwrap_or(Http2Error::NoError),
            abrupt: spec.abrupt.unwrap_or_default(),
        },
        LinkFaultSpec::ResetStream(spec) => LinkFault::ResetStream { error: spec.error.unwrap_or(Http2Error::Cancel) },
        LinkFaultSpec::MaxStreams(spec) => {
            let Count(streams) =
                part.required("max_streams.streams", spec.streams, "say how many, such as `streams: 1`")?;
            let fits = u32::try_from(streams).ok();
            if fits.is_none() {
                part.invalid("max_streams.streams", "so many are not possible", "give a number up to 4294967295");
            }
            LinkFault::MaxStreams { streams: fits? }
        }
        LinkFaultSpec::WindowStall(_) => LinkFault::WindowStall,
        LinkFaultSpec::SettingsFlood(spec) => {
            LinkFault::SettingsFlood { per_second: part.flood("settings_flood.per_second", spec)? }
        }
        LinkFaultSpec::PingFlood(spec) => {
            LinkFault::PingFlood { per_second: part.flood("ping_flood.per_second", spec)? }
        }
    })
}

fn cut(spec: &CutSpec) -> Cut {
    Cut { after: spec.after.unwrap_or_default(), direction: spec.direction.unwrap_or_default() }
}

/// A fault while it is checked.
struct Part<'a, 'c> {
    checker: &'a mut Checker<'c>,
    path: &'a FieldPath,
}

impl Part<'_, '_> {
    fn at(&self, field: &str) -> FieldPath {
        field.split('.').fold(self.path.clone(), |path, key| path.then(Step::Key(key.to_owned())))
    }

    fn required<T>(&mut self, field: &str, value: Option<T>, hint: &str) -> Option<T> {
        let path = self.at(field);
        self.checker.required_at(&path, value, hint)
    }

    fn invalid(&mut self, field: &str, message: impl Into<String>, hint: &str) {
        let path = self.at(field);
        self.checker.report_at(&path, ProblemKind::InvalidValue, message, hint);
    }

    /// A duration above zero.
    fn lasting(&mut self, field: &str, value: Option<HumanDuration>, hint: &str) -> Option<HumanDuration> {
        let value = self.required(field, value, hint)?;
        if value.0.is_zero() {
            self.invalid(field, "a duration of zero is not possible here", "give a duration above 0s");
        }
        (!value.0.is_zero()).then_some(value)
    }

    /// How many in a second.
    fn flood(&mut self, field: &str, spec: &FloodSpec) -> Option<Count> {
        let hint = "say how many, such as `per_second: 1000`";
        let value = self.required(field, spec.per_second, hint)?;
        let fits = (1..=FLOOD_MAX).contains(&value.0);
        if !fits {
            self.invalid(field, "so many are not possible", "give a number from 1 to 1_000_000");
        }
        fits.then_some(value)
    }

    /// A size above zero.
    fn some(&mut self, field: &str, value: Option<ByteSize>, hint: &str) -> Option<ByteSize> {
        let value = self.required(field, value, hint)?;
        if value.0 == 0 {
            self.invalid(field, "nothing is not possible here", "give a size from 1B on");
        }
        (value.0 > 0).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(text: &str) -> LinkSwitch {
        LinkSwitch::read("--fault", text).unwrap()
    }

    fn wrong(text: &str) -> String {
        LinkSwitch::read("--fault", text).unwrap_err().to_string()
    }

    #[test]
    fn what_happens_stands_alone_or_with_a_name_and_a_share() {
        let slow = LinkFault::Latency {
            by: HumanDuration(Duration::from_millis(100)),
            jitter: HumanDuration(Duration::from_millis(20)),
            direction: Direction::Both,
        };
        let alone = read("latency: {by: 100ms, jitter: 20ms}");
        assert_eq!(alone, LinkSwitch { name: "latency".to_owned(), fault: slow, share: Ppb::WHOLE });
        let named = read("{name: slow, share: 30%, fault: {latency: {by: 100ms, jitter: 20ms}}}");
        assert_eq!(named, LinkSwitch { name: "slow".to_owned(), fault: slow, share: Ppb::from_percent(30) });
        assert_eq!(read(r#"{"fault": {"latency": {"by": "100ms", "jitter": "20ms"}}}"#), alone, "JSON is YAML");
        assert_eq!(read("black_hole").fault, LinkFault::BlackHole);
        assert_eq!(read("black_hole").name, "black-hole");
    }

    #[test]
    fn what_is_written_out_is_read_again() {
        let texts = [
            "refuse",
            "reset: {after: 64KiB, direction: upstream}",
            "black_hole",
            "stall: {direction: downstream}",
            "latency: {by: 1s, jitter: 1s}",
            "bandwidth: {per_second: 1MiB, direction: upstream}",
            "half_close: {direction: downstream}",
            "truncate: {after: 10}",
            "slow_close: {by: 2s}",
            "corrupt: {one_in: 1MiB}",
            "goaway",
            "goaway: {error: ENHANCE_YOUR_CALM, abrupt: true}",
            "reset_stream: {error: REFUSED_STREAM}",
            "max_streams: {streams: 0}",
            "window_stall",
            "settings_flood: {per_second: 1000}",
            "ping_flood: {per_second: 1}",
        ];
        for text in texts {
            let switch = read(text);
            let written = serde_json::to_string(&switch.fault).unwrap();
            assert_eq!(read(&written), switch, "{written}");
            assert!(written.contains(switch.fault.kind()), "{written}");
        }
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        for (text, said) in [
            ("", "`fault` is missing"),
            ("latency", "fault.latency.by: `by` is missing; say how much later all comes, such as `by: 100ms`"),
            ("latency: {by: 0s}", "a duration of zero is not possible here"),
            ("latency: {by: 1s, jitter: 2s}", "nothing can come earlier than at once"),
            ("latency: {by: 5}", "`5` has no unit"),
            ("latncy: {by: 1s}", "did you mean `latency`?"),
            ("bandwidth: {per_second: 0B}", "nothing is not possible here"),
            ("stall", "say in which direction"),
            ("half_close", "say which direction is ended"),
            ("half_close: {direction: both}", "then nothing goes on"),
            ("corrupt: {one_in: 1MiB, direction: up}", "expected `upstream`, `downstream` or `both`"),
            ("ping_flood: {per_second: 0}", "so many are not possible"),
            ("max_streams", "say how many, such as `streams: 1`"),
            ("reset_stream: {error: NOT_AN_ERROR}", "expected"),
            ("{share: 50%, fault: refuse}", "who refuses connections refuses all of them"),
            ("{share: 0%, fault: reset}", "this touches nothing"),
            ("{name: A b, fault: reset}", "is no name for a fault"),
            ("{reset: {}, refuse: {}}", "keep exactly one of them"),
            ("{", "unclosed bracket"),
        ] {
            let problems = wrong(text);
            assert!(problems.contains(said), "{text}: {problems}");
        }
    }

    #[test]
    fn a_fault_says_in_words_what_it_does() {
        for (text, words) in [
            ("reset", "resets connections at once"),
            ("reset: {after: 64KiB, direction: upstream}", "resets connections after 64KiB upstream"),
            ("stall: {direction: both}", "lets nothing through"),
            (
                "latency: {by: 100ms, jitter: 20ms, direction: downstream}",
                "is 100ms slower, 20ms more or less downstream",
            ),
            ("bandwidth: {per_second: 1MiB}", "carries 1MiB a second"),
            ("corrupt: {one_in: 4096}", "flips one bit in 4KiB"),
        ] {
            assert_eq!(read(text).fault.to_string(), words);
        }
    }
}
