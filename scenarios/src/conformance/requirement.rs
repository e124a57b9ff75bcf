//! One requirement, and the words that a row of the table may use.

use serde::Serialize;
use std::fmt;

/// What OTLP asks for, and how it shows whether somebody does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// `HTTP-10`: stable, never used for anything else.
    pub id: String,
    /// What it is about, for people.
    pub group: String,
    /// The first release of OTLP that asks for it.
    pub since: Version,
    /// How the source says it.
    pub wording: Wording,
    /// Who is bound by it.
    pub side: Side,
    /// What it takes to judge it.
    pub needs: Vec<Need>,
    /// What a target must have for it to apply.
    pub profile: Vec<Feature>,
    /// What is done to the target.
    pub stimulus: String,
    /// What shows that it holds.
    pub pass: String,
    /// What shows that it does not.
    pub fail: String,
    /// Where it comes from: a letter for the document and what in it.
    pub source: String,
}

impl Requirement {
    /// What breaking it amounts to.
    pub fn level(&self) -> Level {
        self.wording.level()
    }

    /// Whether a receiver is bound by it.
    pub fn binds_receivers(&self) -> bool {
        matches!(self.side, Side::Receiver | Side::Both)
    }
}

/// What breaking a requirement amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A failure.
    Must,
    /// A warning.
    Should,
    /// Something to know.
    May,
}

impl Level {
    /// Every level, the gravest first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::May];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word of the table: an enum whose variants have one text each, by which they are read and written.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$what])* $variant,)+ }

        impl $name {
            /// Every one, as the table may say them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The text.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The one with this text.
            pub fn find(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

words! {
    /// How a source says it.
    Wording {
        /// With the keyword.
        Must = "MUST",
        /// With the keyword.
        MustNot = "MUST NOT",
        /// As a fact, or by implication, without a keyword.
        MustImplied = "MUST*",
        /// Of those who have the thing at all.
        MustIfImplemented = "MUST (if implemented)",
        /// Which class an answer is in is a SHOULD; that the final ones are not resent is a MUST NOT.
        ClassShouldResendMustNot = "SHOULD (class) + MUST NOT (resend)",
        /// With the keyword.
        Should = "SHOULD",
        /// "Recommended".
        Recommended = "rec",
        /// No text at all: a rule of our own about quality.
        Quality = "Q",
        /// With the keyword.
        May = "MAY",
        /// What other rules, or custom, ask for.
        Convention = "conv",
        /// Left open: what to do with invalid ids.
        OpenIds = "A4",
        /// Left open: names in JSON that senders must not use.
        OpenNames = "A5",
    }
}

impl Wording {
    /// What breaking it amounts to. What the text leaves open is never a failure; telemetry that is lost without a word is one,
    /// whatever is said here.
    pub fn level(self) -> Level {
        match self {
            Self::Must
            | Self::MustNot
            | Self::MustImplied
            | Self::MustIfImplemented
            | Self::ClassShouldResendMustNot => Level::Must,
            Self::Should | Self::Recommended | Self::Quality => Level::Should,
            Self::May | Self::Convention | Self::OpenIds | Self::OpenNames => Level::May,
        }
    }
}

words! {
    /// Who is bound.
    Side {
        /// Who takes requests: we are its client.
        Receiver = "receiver",
        /// Who sends them: we are its backend.
        Exporter = "exporter",
        /// Both.
        Both = "receiver and exporter",
    }
}

words! {
    /// What it takes to judge a requirement.
    Need {
        /// What goes over the wire.
        Wire = "wire",
        /// What came out behind the target.
        ReadBack = "read-back",
        /// When things happen.
        Timing = "timing",
        /// That the target is configured in a given way.
        Configuration = "configuration",
        /// What the target says of itself.
        SelfTelemetry = "self-telemetry",
        /// How much memory it takes.
        Memory = "memory",
    }
}

words! {
    /// What a target may have or lack.
    Feature {
        /// OTLP/gRPC.
        Grpc = "grpc",
        /// OTLP/HTTP.
        Http = "http",
        /// OTLP/HTTP with JSON bodies.
        HttpJson = "http-json",
        /// Spans.
        Traces = "traces",
        /// Metrics.
        Metrics = "metrics",
        /// Log records.
        Logs = "logs",
        /// Profiles.
        Profiles = "profiles",
        /// It asks for credentials.
        Auth = "auth",
        /// It answers browsers of other origins.
        Cors = "cors",
        /// Its paths can be chosen.
        OwnPath = "own-path",
        /// We know how to overload it.
        Overload = "overload",
        /// It sends to several backends at once.
        SeveralDestinations = "several-destinations",
        /// It reads `OTEL_EXPORTER_OTLP_*`.
        ExporterOptions = "exporter-options",
    }
}

/// A release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Of incompatible changes.
    pub major: u32,
    /// Of new things.
    pub minor: u32,
    /// Of repairs.
    pub patch: u32,
}

impl Version {
    /// Reads `1.11` or `1.11.0`; nothing else.
    pub fn read(text: &str) -> Option<Self> {
        let numbers = text.split('.').map(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse::<u32>().ok()).flatten()
        });
        match numbers.collect::<Option<Vec<_>>>()?[..] {
            [major, minor] => Some(Self { major, minor, patch: 0 }),
            [major, minor, patch] => Some(Self { major, minor, patch }),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch } = self;
        f.pad(&format!("{major}.{minor}.{patch}"))
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_as_numbers_and_nothing_else_is_one() {
        let version = |text| Version::read(text).unwrap();
        assert!(version("1.9.0") < version("1.10") && version("1.10") < version("1.11.0"));
        assert_eq!(version("1.11").to_string(), "1.11.0");
        for bad in ["", "1", "1.", "1.+2", "1.2.3.4", "v1.2", "1.99999999999"] {
            assert_eq!(Version::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_left_open_never_fails() {
        for open in [Wording::OpenIds, Wording::OpenNames, Wording::Convention, Wording::May] {
            assert_eq!(open.level(), Level::May);
        }
        assert_eq!(Wording::find("MUST*").map(Wording::level), Some(Level::Must));
        assert_eq!(Wording::find("must"), None);
    }
}
