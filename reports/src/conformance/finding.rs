//! One trial of one requirement, as data.

use super::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// What was tried, with what: everything needed to do it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct About {
    /// The version of the program.
    pub spanproof: String,
    /// The release that was judged by.
    pub specification: String,
    /// What is known of the target, each with its name.
    pub target: Vec<(String, String)>,
    /// The command line.
    pub command: Vec<String>,
    /// The number from which everything random follows.
    pub seed: u64,
}

/// What came of trying one requirement in one permutation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The requirement's id.
    pub requirement: String,
    /// The case's id, below the requirement's: `HTTP-10/status`.
    pub case: String,
    /// The permutation: `http-protobuf,gzip,traces`.
    pub axes: String,
    /// `MUST`, `SHOULD` or `MAY`.
    pub level: String,
    /// Where the requirement comes from.
    pub source: String,
    /// What is done, in the words of the requirement.
    pub stimulus: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the requirement is broken, whatever that amounts to at its level.
    pub is_broken: bool,
    /// What was expected.
    pub expected: String,
    /// What was seen, or why nothing was.
    pub actual: Vec<String>,
    /// What became of the items sent, where that can be told.
    pub conserved: Option<String>,
    /// How the connections ended, where that is known.
    pub conduct: Option<String>,
    /// The command that tries just this again.
    pub again: String,
    /// How long it took.
    pub took_ms: u64,
    /// What went over the wire; empty where it passed.
    pub wire: Vec<WireEntry>,
}

impl Finding {
    /// `HTTP-10/status[http-protobuf,traces]`.
    pub fn name(&self) -> String {
        if self.axes.is_empty() { self.case.clone() } else { format!("{}[{}]", self.case, self.axes) }
    }

    /// All that was seen, on one line.
    pub fn actual_text(&self) -> String {
        self.actual.join("; ")
    }
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the target.
    Sent,
    /// From the target.
    Received,
    /// No bytes: something happened to a connection.
    Event,
}

impl Direction {
    /// An arrow as people draw it.
    pub fn arrow(self) -> &'static str {
        match self {
            Self::Sent => "->",
            Self::Received => "<-",
            Self::Event => "--",
        }
    }
}

/// Something that went over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEntry {
    /// Microseconds after the trial began.
    pub at_us: u64,
    /// Which connection, counted from 0.
    pub connection: u32,
    /// Which way.
    pub direction: Direction,
    /// How many bytes it was.
    pub bytes: u64,
    /// What it means, as far as it was understood.
    pub decoded: String,
    /// The first bytes in hexadecimal digits; `..` where there were more.
    pub hex: String,
}

impl WireEntry {
    /// `   1.204 ms  #0 -> 214 bytes  HEADERS stream 1`, without the digits.
    pub fn text(&self) -> String {
        let Self { at_us, connection, direction, bytes, decoded, .. } = self;
        let ms = *at_us as f64 / 1_000.0;
        let what = if *direction == Direction::Event { decoded.clone() } else { format!("{bytes} bytes  {decoded}") };
        format!("{ms:>10.3} ms  #{connection} {} {what}", direction.arrow())
    }
}
