//! What a broken backend does, and to which requests.

use crate::problem::Problems;
use crate::scenario::{is_name, switch};
use crate::spec::{AnswerShape, Http2Error, ReachOf};
use crate::units::{Count, GrpcCode, HumanDuration, Ppb};
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A fault of a sink, to be switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSwitch {
    /// Names it.
    pub name: String,
    /// What happens.
    pub fault: SinkFault,
    /// Which requests it touches; the same share from beginning to end.
    pub reach: Reach,
}

impl SinkSwitch {
    /// Reads what a scenario has behind `fault:` (`hang`, `slow: {by: 4s}`), or with a name and a share
    /// (`{name: brown-out, share: 30%, fault: {grpc_status: {code: UNAVAILABLE}}}`). `source` is what people call the text.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &str, text: &str) -> Result<Self, Problems> {
        switch::read(source, text, super::check::resolve_switch)
    }

    /// The same under another name; `None` if that is no name for a fault.
    pub fn named(self, name: &str) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), ..self })
    }
}

/// What a broken backend does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkFault {
    /// Refuses with a gRPC status; over HTTP with the status that stands for it.
    GrpcStatus {
        /// Which.
        code: GrpcCode,
        /// Asks to come again after this long.
        retry_after: Option<Duration>,
    },
    /// Refuses with an HTTP status, over gRPC too.
    HttpStatus {
        /// From 300 to 599.
        status: u16,
        /// What it says of when to come again.
        retry_after: Option<RetryAfter>,
    },
    /// Refuses every request that has a span of one in so many, drawn by the seed, and takes every other.
    Poison {
        /// One span in so many.
        one_in: u64,
        /// The status, as of [`SinkFault::GrpcStatus`].
        code: GrpcCode,
    },
    /// Says OK with a partial success that rejects so many spans of each request, its last ones, which are not taken. None are if
    /// there are fewer; all are if the number is zero or negative.
    Partial {
        /// What the answer says.
        rejected: i64,
    },
    /// Takes the request and answers late.
    Slow {
        /// By how much.
        by: Duration,
    },
    /// Takes nothing and never answers.
    Hang,
    /// Takes nothing and resets the stream.
    Reset {
        /// With which error.
        error: Http2Error,
    },
    /// Takes the request and resets the stream instead of answering.
    LostAnswer {
        /// With which error.
        error: Http2Error,
        /// Whether the answer has begun by then: its headers were sent.
        after_headers: bool,
    },
    /// Takes the request, and its success is no answer as OTLP has it.
    BrokenAnswer(AnswerShape),
    /// Says OK and takes nothing.
    Discard,
}

/// What `Retry-After` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many whole seconds, rounded up.
    Seconds(Duration),
    /// The instant so long from now, in whole seconds, rounded up.
    Date(Duration),
    /// Whole seconds, in two headers.
    Twice(Duration),
    /// Words instead of a number.
    Words,
    /// A number below zero.
    Negative,
    /// A thousand million seconds.
    Huge,
    /// Nothing.
    Empty,
}

/// Which requests a fault of the sink touches while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The share that it touches at the beginning of a window.
    pub from: Ppb,
    /// The share at its end; in between it goes in a straight line.
    pub to: Ppb,
    /// Of what it is the share.
    pub of: ReachOf,
}

impl Reach {
    /// Every request.
    pub const WHOLE: Self = Self { from: Ppb::WHOLE, to: Ppb::WHOLE, of: ReachOf::Requests };

    /// The same share of the requests from beginning to end.
    pub fn share(share: Ppb) -> Self {
        Self { from: share, to: share, ..Self::WHOLE }
    }

    /// The share `since` the beginning of a window of this length.
    pub fn after(&self, since: Duration, lasting: Duration) -> Ppb {
        if self.from == self.to {
            return self.from;
        }
        let (from, to) = (i128::from(self.from.0), i128::from(self.to.0));
        let (since, lasting) = (since.as_nanos() as i128, lasting.as_nanos().max(1) as i128);
        Ppb((from + (to - from) * since / lasting) as u64)
    }
}

impl RetryAfter {
    /// How long a client is asked to wait, if this is something that it can understand.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Seconds(wait) | Self::Date(wait) | Self::Twice(wait) => Some(*wait),
            Self::Words | Self::Negative | Self::Huge | Self::Empty => None,
        }
    }
}

impl SinkFault {
    /// Its name, as it is written behind `fault:`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::GrpcStatus { .. } => "grpc_status",
            Self::HttpStatus { .. } => "http_status",
            Self::Poison { .. } => "poison",
            Self::Partial { .. } => "partial_success",
            Self::Slow { .. } => "slow",
            Self::Hang => "hang",
            Self::Reset { .. } => "reset",
            Self::LostAnswer { .. } => "lost_answer",
            Self::BrokenAnswer(_) => "broken_answer",
            Self::Discard => "discard",
        }
    }

    /// How long it asks a target to wait before it comes again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::GrpcStatus { retry_after, .. } => *retry_after,
            Self::HttpStatus { retry_after, .. } => retry_after.and_then(|after| after.wait()),
            _ => None,
        }
    }

    /// Whether it answers with an error.
    pub fn refuses(&self) -> bool {
        matches!(self, Self::GrpcStatus { .. } | Self::HttpStatus { .. } | Self::Poison { .. })
    }

    /// Whether it takes requests and keeps from the target that it has, so that the target may send them again.
    pub fn keeps_answer_back(&self) -> bool {
        match self {
            Self::Slow { .. } | Self::LostAnswer { .. } | Self::BrokenAnswer(AnswerShape::Truncated) => true,
            Self::GrpcStatus { .. }
            | Self::HttpStatus { .. }
            | Self::Poison { .. }
            | Self::Partial { .. }
            | Self::Hang
            | Self::Reset { .. }
            | Self::BrokenAnswer(_)
            | Self::Discard => false,
        }
    }
}

impl Display for Reach {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            ReachOf::Requests => "requests",
            ReachOf::Connections => "connections",
        };
        match (self.from, self.to) {
            (Ppb::WHOLE, Ppb::WHOLE) => f.write_str("every request"),
            (from, to) if from == to => write!(f, "{from} of {of}"),
            (from, to) => write!(f, "{from} of {of} and in the end {to}"),
        }
    }
}

impl Display for SinkFault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::GrpcStatus { code, retry_after } => {
                write!(f, "refuses with {code}")?;
                retry_after.map_or(Ok(()), |after| RetryAfter::Seconds(after).fmt(f))
            }
            Self::HttpStatus { status, retry_after } => {
                write!(f, "refuses with HTTP {status}")?;
                retry_after.map_or(Ok(()), |after| after.fmt(f))
            }
            Self::Poison { one_in, code } => {
                write!(f, "refuses with {code} what has a poisoned span, one span in {}", Count(*one_in))
            }
            Self::Partial { rejected } => write!(f, "says OK and that {rejected} spans of a request are rejected"),
            Self::Slow { by } => write!(f, "answers {} late", HumanDuration(*by)),
            Self::Hang => f.write_str("never answers"),
            Self::Reset { error } => write!(f, "resets the stream with {}", error.name()),
            Self::LostAnswer { error, after_headers: false } => {
                write!(f, "takes requests and resets the stream with {} instead of answering", error.name())
            }
            Self::LostAnswer { error, after_headers: true } => {
                write!(f, "takes requests, begins to answer and resets the stream with {}", error.name())
            }
            Self::BrokenAnswer(shape) => write!(f, "takes requests and answers with {shape}"),
            Self::Discard => f.write_str("says OK and throws requests away"),
        }
    }
}

impl Display for AnswerShape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no message",
            Self::WrongType => "a page of another content type",
            Self::Garbage => "a message that cannot be decoded",
            Self::Oversize => "a message of 8 MiB",
            Self::Truncated => "a message that is cut short",
            Self::Bomb => "a gzip bomb of 64 MiB",
            Self::NoStatus => "no gRPC status",
        })
    }
}

/// As what follows a refusal.
impl Display for RetryAfter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(after) => write!(f, ", asking to come again after {}", HumanDuration(*after)),
            Self::Date(after) => write!(f, ", asking by date to come again after {}", HumanDuration(*after)),
            Self::Twice(after) => write!(f, ", asking twice to come again after {}", HumanDuration(*after)),
            Self::Words => f.write_str(", with words for Retry-After"),
            Self::Negative => f.write_str(", with a negative Retry-After"),
            Self::Huge => f.write_str(", with a Retry-After of 31 years"),
            Self::Empty => f.write_str(", with an empty Retry-After"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::GrpcStatus;

    #[test]
    fn codes_are_shown_as_they_are_written() {
        let code = GrpcStatus::ResourceExhausted.into();
        let shown = SinkFault::GrpcStatus { code, retry_after: None }.to_string();
        assert_eq!(shown, "refuses with RESOURCE_EXHAUSTED");
        assert_eq!(SinkFault::Reset { error: Http2Error::Cancel }.to_string(), "resets the stream with CANCEL");
    }

    #[test]
    fn a_fault_that_is_switched_stands_alone_or_with_a_name_and_a_share() {
        let read = |text| SinkSwitch::read("--fault", text).unwrap();
        let hang = SinkSwitch { name: "hang".to_owned(), fault: SinkFault::Hang, reach: Reach::WHOLE };
        assert_eq!(read("hang"), hang);
        let late = read("{name: slow-days, share: 30%, share_of: connections, fault: {slow: {by: 4s}}}");
        assert_eq!(late.fault, SinkFault::Slow { by: Duration::from_secs(4) });
        let share = Ppb::from_percent(30);
        assert_eq!(late.reach, Reach { from: share, to: share, of: ReachOf::Connections });
        assert_eq!((late.name.as_str(), late.clone().named("No Name")), ("slow-days", None));
        for text in [
            "grpc_status: {code: UNAVAILABLE}",
            "http_status: {status: 503}",
            "poison: {one_in: 10}",
            "partial_success: {rejected: 3}",
            "reset",
            "lost_answer",
            "broken_answer: {shape: garbage}",
            "discard",
        ] {
            let switch = read(text);
            assert!(text.starts_with(switch.fault.kind()), "{text}");
            assert_eq!(switch.name, switch.fault.kind().replace('_', "-"));
        }
    }

    #[test]
    fn mistakes_of_who_switches_are_told_with_what_to_write() {
        for (text, said) in [
            ("", "`fault` is missing"),
            ("slow", "fault.slow.by: `by` is missing; say how late answers are, such as `by: 4s`"),
            ("{fault: hang, share: 0%}", "share: this touches nothing, or more than all"),
            ("kill", "fault: this is nothing that happens to a sink; write what a broken backend does"),
            ("link: black_hole", "fault: this is nothing that happens to a sink"),
            ("hagn", "did you mean `hang`?"),
            ("{name: Slow, fault: hang}", "name: `Slow` is no name for a fault"),
            ("{fault: hang, at: 3s}", "unknown field `at`"),
        ] {
            let problems = SinkSwitch::read("--fault", text).unwrap_err().to_string();
            assert!(problems.contains(said), "`{text}`: {problems}");
        }
    }

    #[test]
    fn a_share_goes_in_a_straight_line_from_beginning_to_end() {
        let after = |reach: Reach, seconds: u64| reach.after(Duration::from_secs(seconds), Duration::from_secs(10));
        let rising = Reach { from: Ppb(0), to: Ppb::WHOLE, of: ReachOf::Requests };
        assert_eq!([0, 1, 5, 10].map(|second| after(rising, second)), [0, 10, 50, 100].map(Ppb::from_percent));
        let falling = Reach { from: Ppb::from_percent(60), to: Ppb::from_percent(20), of: ReachOf::Requests };
        assert_eq!([0, 5, 10].map(|second| after(falling, second)), [60, 40, 20].map(Ppb::from_percent));
        assert_eq!(after(Reach::WHOLE, 7), Ppb::WHOLE);
    }
}
