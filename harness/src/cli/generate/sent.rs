//! What `gen` says when it has ended: counts, and how the driver kept its schedule.

use crate::driver::DriverReport;
use crate::judge::evidence::harness_was_the_limit;
use crate::judge::outcomes::{RequestId, RequestRecord, Sums};
use crate::process::printable;
use crate::resources::{Busy, ThreadCpu};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was sent. Its JSON form is the document of `gen --format json`.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    spans: Spans,
    driver: OfDriver,
    #[serde(skip_serializing_if = "Option::is_none")]
    odd_answers: Option<OddAnswers>,
}

/// Successes that say more than yes, or what is no answer at all: taken, as far as anybody can tell, perhaps by what is no OTLP
/// receiver. `run` warns of the same as `odd-answer`.
#[derive(Debug, Serialize)]
struct OddAnswers {
    requests: u64,
    /// What the first of them said.
    one: String,
}

impl OddAnswers {
    fn among<'a>(requests: impl Iterator<Item = &'a RequestRecord>) -> Option<Self> {
        let mut odd = requests.filter(|request| request.is_oddly_taken());
        let one = printable(&odd.next()?.answer);
        Some(Self { requests: 1 + odd.count() as u64, one })
    }
}

#[derive(Debug, Serialize)]
struct Spans {
    planned: u64,
    acknowledged: u64,
    refused: u64,
    unknown: u64,
    not_sent: u64,
}

#[derive(Debug, Serialize)]
struct OfDriver {
    cpu_seconds: Option<f64>,
    /// Spans whose sending began in time, over spans planned.
    achieved_ratio: f64,
    #[serde(flatten)]
    lateness: Lateness,
}

#[derive(Debug, Serialize)]
enum Lateness {
    /// 99 % of the requests started at most this much after their intended instant.
    #[serde(rename = "lateness_p99_ms")]
    P99Ms(f64),
    /// Why that is not given although it was measured.
    #[serde(rename = "withheld")]
    Withheld(String),
}

impl Sent {
    pub(super) fn new(
        planned: u64,
        (sums, exceptions): (Sums, &BTreeMap<RequestId, RequestRecord>),
        report: &DriverReport,
        busy: &Busy,
        cpu: &ThreadCpu,
    ) -> Self {
        let Sums { acknowledged, refused, unknown, .. } = sums;
        // What was never even due, since it was stopped, was not sent either.
        let not_sent = planned.saturating_sub(acknowledged + refused + unknown);
        let conduct = report.conduct(planned, busy);
        // The rule of `run`: where we were the limit, a percentile would describe us.
        let lateness = match harness_was_the_limit(&conduct) {
            Some(reason) => Lateness::Withheld(reason),
            None => Lateness::P99Ms(report.lateness.value_at_quantile(0.99) as f64 / 1e3),
        };
        Self {
            spans: Spans { planned, acknowledged, refused, unknown, not_sent },
            driver: OfDriver {
                cpu_seconds: cpu.of_prefix("sp-driver").map(|cpu| cpu.as_secs_f64()),
                achieved_ratio: conduct.achieved_ratio,
                lateness,
            },
            odd_answers: OddAnswers::among(exceptions.values()),
        }
    }

    pub(super) fn text(&self) -> String {
        let Spans { planned, acknowledged, refused, unknown, not_sent } = self.spans;
        let lateness = match &self.driver.lateness {
            Lateness::P99Ms(ms) => format!("p99 late {ms:.2} ms"),
            Lateness::Withheld(reason) => format!("lateness withheld, the driver was the limit: {reason}"),
        };
        let cpu =
            self.driver.cpu_seconds.map_or("unknown CPU time".to_owned(), |seconds| format!("{seconds:.3} s of CPU"));
        let odd = self.odd_answers.as_ref().map_or_else(String::new, |OddAnswers { requests, one }| {
            format!("note: the target took {requests} requests, and its answers say more than that; one: {one}\n")
        });
        format!(
            "planned {planned} spans, acknowledged {acknowledged}, refused {refused}, unknown {unknown}, not sent \
             {not_sent}; {lateness}; {cpu}\n{odd}"
        )
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}
