//! The driver, the sink and the target of a run, each with what it cost, and the machine they ran on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine that drove the load.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Logical processors that the run could use.
    /// Absent where the system did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// The processor's model name.
    /// Absent where the system did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Main memory in bytes.
    /// Absent where the system did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The operating system's kernel and its release.
    /// Absent where the system did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
}

/// The side that sent, with the figures that say whether it kept its schedule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Driver {
    /// CPU time that sending took, in seconds.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Half of the requests started at most this much after their intended instant, in milliseconds.
    /// Absent where it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_p50_ms: Option<f64>,
    /// 99 % of the requests started at most this much after their intended instant, in milliseconds.
    /// Absent where it is withheld.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_p99_ms: Option<f64>,
    /// The latest start after its intended instant, in milliseconds.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_max_ms: Option<f64>,
    /// Why there are no percentiles of lateness although it was measured.
    /// Absent where they are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// Spans whose sending began within 100 ms of the intended instant, over spans planned; 1 when all did.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved_ratio: Option<f64>,
    /// Spans sent per second of the time in which traces start. The spans of slow traces, which follow later, count; the time
    /// until they have ended does not, since the rate is that of starts.
    /// Absent where no load was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub achieved_rate: Option<f64>,
    /// Requests sent, resends included.
    #[serde(default)]
    pub requests: u64,
    /// Requests that were resends of an earlier one.
    #[serde(default)]
    pub resent: u64,
    /// Connections used.
    #[serde(default)]
    pub connections: u64,
}

impl Driver {
    /// Removes the percentiles and says why.
    pub fn withhold(&mut self, reason: &str) {
        (self.lateness_p50_ms, self.lateness_p99_ms) = (None, None);
        self.withheld = Some(reason.to_owned());
    }

    /// Why a figure (`lateness_p99_ms`, ...) is absent, when it was measured and is not given.
    pub(super) fn reason_withheld(&self, figure: &str) -> Option<String> {
        self.withheld.clone().filter(|_| matches!(figure, "lateness_p50_ms" | "lateness_p99_ms"))
    }
}

/// The side that played the backend.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sink {
    /// CPU time that receiving and checking took, in seconds.
    /// Absent only where no `run` wrote the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Requests received.
    #[serde(default)]
    pub requests: u64,
    /// Requests refused, because a fault or a limit said so.
    #[serde(default)]
    pub refused_requests: u64,
    /// Requests that were no OTLP, or broken.
    #[serde(default)]
    pub malformed: u64,
    /// Request bytes received, before decompression.
    #[serde(default)]
    pub bytes: u64,
}

/// What stood between driver and sink.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// How it was run: `embedded`, `process`, `container`, `external`.
    pub kind: String,
    /// What it was: a binary, an image, an endpoint.
    /// Absent for the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version it reports.
    /// Absent where it tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// CPU time that it used, in seconds.
    /// Absent where it cannot be seen: of an external one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Memory that it held.
    /// Absent where it cannot be told apart: of the embedded one, or of an external one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// How it ended.
    /// Absent for the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Its log, relative to the result directory.
    /// Absent where it keeps its log to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// Resident memory over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// The most it held, in bytes.
    /// Absent where it was not sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
    /// The mean over the samples taken, in bytes.
    /// Absent where it was not sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_bytes: Option<u64>,
    /// What it held at the last sample, in bytes: while a run lasts, now; at its end, before the target was stopped.
    /// Absent where it was not sampled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_set_bytes: Option<u64>,
    /// The limit it ran under, in bytes.
    /// Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
}

/// How a target's process ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Exit {
    /// Its exit code, when it exited.
    /// Absent where a signal ended it, or it is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it, when one did, e.g. `SIGKILL`.
    /// Absent where it exited by itself, or it is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// True when it ended before it was told to.
    #[serde(default)]
    pub unexpected: bool,
}
