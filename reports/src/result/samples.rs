//! Results that tests render: one that passes, one that fails as a real outage would, and one full of hostile text.

use crate::result::check::{Check, Example, Finding, Level, LimitOutcome, Window};
use crate::result::epoch::{Epoch, RunTag};
use crate::result::faults::{Fault, Phase, Recovery};
use crate::result::latency::{Insufficient, Latency, LatencySummary};
use crate::result::ledger::{Ledger, SpanLedger, TraceLedger};
use crate::result::participants::{Driver, Exit, Machine, Memory, Sink, Target};
use crate::result::timeline::{Settle, SettleEnd, SettleTerm, Timeline, TimelinePoint};
use crate::result::verdict::Verdict;
use crate::result::{RunResult, Scenario};
use std::collections::BTreeMap;

fn text(s: &str) -> Option<String> {
    Some(s.to_owned())
}

fn limit(limit: &str, value: &str) -> LimitOutcome {
    LimitOutcome { limit: limit.to_owned(), value: text(value), verdict: Verdict::Pass, ..LimitOutcome::default() }
}

fn check(id: &str, about: &str) -> Check {
    Check { id: id.to_owned(), verdict: Verdict::Pass, about: text(about), findings: Vec::new() }
}

pub(crate) fn passing() -> RunResult {
    let scenario = Scenario {
        name: "gateway-backend-outage".to_owned(),
        about: text("What a gateway keeps while its backend is down."),
        path: text("outage.yaml"),
    };
    let epoch = Epoch::from_unix_ns(1_795_000_000_000_000_000);
    let mut result = RunResult::new(scenario, 7, RunTag::new(0x0012_34ab_cdef).unwrap(), epoch);
    result.spanproof_version = "0.1.0".to_owned();
    result.duration_seconds = 218.0;
    result.command = ["spanproof", "run", "outage.yaml", "--seed", "7"].map(str::to_owned).to_vec();
    result.fingerprint = text("5f1c0e9d2b7a4c38");
    result.machine = Some(machine());
    result.ledger = ledger();
    result.latency = latency();
    result.faults = [("backend-down".to_owned(), fault())].into();
    result.checks = vec![
        check("delivery", "Every acknowledged span arrives, once."),
        check("integrity", "Every span arrives as it was sent."),
        check("driver-health", "The schedule was kept."),
    ];
    result.limits = vec![
        limit("spans.lost_acknowledged == 0", "0"),
        limit("latency.intended_to_delivered.p99 < 500ms", "248 ms"),
        limit("target.memory.peak < 450MiB", "318 MiB"),
    ];
    result.driver = Some(driver());
    result.sink = Some(sink());
    result.target = Some(target());
    result.settle = Some(settle());
    result.timeline = Some(timeline());
    result.verdict = result.merged_verdict();
    result
}

fn fault() -> Fault {
    Fault {
        what: "the sink refuses with UNAVAILABLE, every request".to_owned(),
        at_seconds: 30.0,
        lasting_seconds: 60.0,
        times: 1,
        touched: 1_204,
        spans: 310_000,
        signs: Some(1_204),
        first_seconds: Some(30.02),
        last_seconds: Some(89.9),
        recovery: Recovery { first_delivery_seconds: Some(0.4), drained_seconds: Some(12.25) },
        before: Phase { latency: latency() },
        ..Fault::default()
    }
}

fn machine() -> Machine {
    Machine {
        cores: Some(2),
        cpu: text("Some CPU @ 2.50GHz"),
        memory_bytes: Some(8 << 30),
        kernel: text("Linux 6.1.0"),
    }
}

fn ledger() -> Ledger {
    let spans = SpanLedger {
        planned: 900_000,
        sent: 900_000,
        acknowledged: 900_000,
        delivered: 900_000,
        ..SpanLedger::default()
    };
    let strata = BTreeMap::from([("normal".to_owned(), 89_100), ("error_trace".to_owned(), 900)]);
    Ledger { spans, traces: TraceLedger { planned: 90_000 }, strata }
}

fn latency() -> Latency {
    let summary = |count, p50, p99, max| LatencySummary {
        count,
        p50_ms: Some(p50),
        p90_ms: Some(p50 * 2.0),
        p99_ms: Some(p99),
        p999_ms: None,
        max_ms: Some(max),
        overflowed: 0,
        withheld: None,
        insufficient: vec![Insufficient { percentile: "p999".to_owned(), needed: 2_995 }],
    };
    Latency {
        intended_to_acknowledged: Some(summary(1_800, 1.25, 9.5, 31.0)),
        actual_to_acknowledged: Some(summary(1_800, 1.125, 8.5, 30.0)),
        intended_to_delivered: Some(LatencySummary {
            p999_ms: Some(301.5),
            insufficient: Vec::new(),
            ..summary(780_192, 104.0, 248.0, 5_042.0)
        }),
    }
}

fn driver() -> Driver {
    Driver {
        cpu_seconds: Some(3.25),
        lateness_p50_ms: Some(0.1),
        lateness_p99_ms: Some(0.4),
        lateness_max_ms: Some(1.9),
        withheld: None,
        achieved_ratio: Some(1.0),
        achieved_rate: Some(5_000.0),
        requests: 1_800,
        resent: 0,
        connections: 12,
    }
}

fn sink() -> Sink {
    Sink { cpu_seconds: Some(2.5), requests: 910, refused_requests: 58, malformed: 0, bytes: 273_067_200 }
}

fn target() -> Target {
    Target {
        kind: "process".to_owned(),
        name: text("otelcol-contrib"),
        version: text("0.155.0"),
        cpu_seconds: Some(41.5),
        memory: Some(Memory {
            peak_bytes: Some(318 << 20),
            mean_bytes: Some(210 << 20),
            working_set_bytes: Some(190 << 20),
            limit_bytes: Some(512 << 20),
        }),
        exit: Some(Exit { code: Some(0), signal: None, unexpected: false }),
        log: text("target.log"),
    }
}

fn settle() -> Settle {
    let term = |name: &str, seconds| SettleTerm { name: name.to_owned(), seconds };
    Settle {
        planned_seconds: 50.0,
        terms: vec![term("batch timeout", 5.0), term("retry back-off", 30.0), term("margin", 15.0)],
        took_seconds: Some(17.0),
        ended: Some(SettleEnd::EverythingArrived),
    }
}

fn timeline() -> Timeline {
    let point = |i: u32| TimelinePoint {
        at_seconds: f64::from(i),
        sent: 5_000,
        acknowledged: 5_000,
        delivered: if i % 3 == 2 { 0 } else { 7_500 },
        in_flight: Some(2),
        target_memory_bytes: Some(u64::from(200 + i) << 20),
    };
    Timeline { interval_seconds: 1.0, points: (0..6).map(point).collect() }
}

pub(crate) fn lost_finding() -> Finding {
    let example = Example {
        trace_id: text("9f3c07d1b2a84e55c6610fd2ab39e21a"),
        span_id: text("00f067aa0ba902b7"),
        text: "frontend > checkout > payment, ERROR, 1.84 s".to_owned(),
        at_seconds: Some(72.25),
    };
    Finding {
        id: "lost-acknowledged".to_owned(),
        level: Level::Failure,
        message: "The collector said OK and these never came out.".to_owned(),
        count: 119_808,
        limit: text("spans.lost_acknowledged == 0"),
        value: text("119,808 (13.3 %)"),
        at_seconds: None,
        window: Some(Window {
            from_seconds: 71.0,
            to_seconds: 95.0,
            during: text("in backend-down and 5 s beyond it"),
        }),
        place: text("batch -> otlp/tempo, queue overflow"),
        common: vec!["117 whole batches of 1,024".to_owned(), "every service alike".to_owned()],
        examples: vec![example],
        advice: text(
            "gateway.yaml:41 queue_size 200 -> 400, and memory 512 -> 700 MiB (1.1 KiB a queued span, measured)",
        ),
    }
}

pub(crate) fn failing() -> RunResult {
    let mut result = passing();
    result.ledger.spans.delivered = 780_192;
    result.ledger.spans.lost_acknowledged = 119_808;
    result.checks[0].verdict = Verdict::Fail;
    result.checks[0].findings = vec![lost_finding()];
    result.limits[0].verdict = Verdict::Fail;
    result.limits[0].value = text("119,808");
    result.warnings = vec!["guarantee `memory` cannot hold: gateway.yaml:22 has `batch` before the queue".to_owned()];
    result.verdict = result.merged_verdict();
    result
}

/// As of a run of the uniform workload with `swap-attributes` and `invent-span=real-trace` planted: seven pairs of attributes
/// changed places, and a dozen spans were invented.
pub(crate) fn changed_and_invented() -> RunResult {
    let mut result = passing();
    let pairs = [("app.region", "url.path", 14), ("app.build", "http.route", 6), ("db.rows", "db.system", 5)];
    let more = [("app.build", "app.region", 4), ("db.rows", "peer.ip", 3), ("peer.ip", "url.path", 2)];
    let last = [("http.route", "url.path", 1)];
    let findings = pairs.into_iter().chain(more).chain(last).map(|(one, other, count)| swapped(one, other, count));
    let corrupted = findings.collect::<Vec<_>>();
    let invented = Finding {
        id: "invented".to_owned(),
        level: Level::Failure,
        message: "these carry ids of this run that were never planned".to_owned(),
        count: 12,
        limit: text("spans.invented == 0"),
        at_seconds: Some(0.25),
        place: text("inside the target, or whoever else sends what the driver sends"),
        examples: vec![Example { text: "not in the plan".to_owned(), ..lost_finding().examples[0].clone() }],
        advice: text("which component makes spans of its own, or copies them under new ids"),
        ..Finding::default()
    };
    result.checks[1].verdict = Verdict::Fail;
    result.checks[1].findings = [corrupted, vec![invented]].concat();
    let failed = |limit: &str, value: &str| LimitOutcome {
        limit: limit.to_owned(),
        value: text(value),
        verdict: Verdict::Fail,
        reason: text(&format!("{} is {value}", limit.split(' ').next().unwrap())),
        ..LimitOutcome::default()
    };
    result.limits.splice(0..1, [failed("spans.corrupted == 0", "35"), failed("spans.invented == 0", "12")]);
    result.ledger.spans.corrupted = 35;
    result.ledger.spans.invented = 12;
    result.verdict = result.merged_verdict();
    result
}

fn swapped(one: &str, other: &str, count: u64) -> Finding {
    let fields = format!("attributes[\"{one}\"], attributes[\"{other}\"]");
    let example = Example {
        text: format!(
            "attributes[\"{one}\"]: sent \"eu-1\", received \"/cart\"; attributes[\"{other}\"]: sent \"/cart\", \
             received \"eu-1\"; span 3 of 9 in trace 41 (normal), sent by checkout"
        ),
        ..lost_finding().examples[0].clone()
    };
    Finding {
        id: "corrupted".to_owned(),
        level: Level::Failure,
        message: format!("these arrived with another {fields}"),
        count,
        limit: text("spans.corrupted == 0"),
        window: Some(Window { from_seconds: 0.1, to_seconds: 178.5, during: None }),
        place: Some(fields),
        common: vec!["nothing: one span in 100, of all services, kinds, sizes, connections and times alike".to_owned()],
        examples: vec![example],
        advice: text("a processor that sets these attributes; if it is meant, name it in `collector.config`"),
        ..Finding::default()
    }
}

/// What a hostile span name may hold: markup of every format that is written, escapes, and what XML cannot say.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\u{1b}[31mred\u{1b}]0;title\u{7}|a`b``c]]>\0\u{202e}\u{fffe}\r\n# x\n::error::&amp;\"'*_[l](javascript:1)";

/// A failing result with [`HOSTILE`] wherever a text may come from outside.
pub(crate) fn hostile() -> RunResult {
    let mut result = failing();
    let bad = || Some(HOSTILE.to_owned());
    result.scenario = Scenario { name: HOSTILE.to_owned(), about: bad(), path: bad() };
    result.command.push(HOSTILE.to_owned());
    result.warnings = vec![HOSTILE.to_owned()];
    result.ledger.strata.insert(HOSTILE.to_owned(), 1);
    result.faults.insert(HOSTILE.to_owned(), Fault { what: HOSTILE.to_owned(), ..fault() });
    let finding = &mut result.checks[0].findings[0];
    *finding = Finding {
        id: HOSTILE.to_owned(),
        message: HOSTILE.to_owned(),
        limit: bad(),
        value: bad(),
        place: bad(),
        common: vec![HOSTILE.to_owned()],
        examples: vec![Example { trace_id: bad(), span_id: bad(), text: HOSTILE.to_owned(), at_seconds: None }],
        advice: bad(),
        ..finding.clone()
    };
    result.checks[1] = Check { id: HOSTILE.to_owned(), verdict: Verdict::Inconclusive, about: bad(), findings: vec![] };
    result.limits[0] = LimitOutcome {
        limit: HOSTILE.to_owned(),
        value: bad(),
        verdict: Verdict::Fail,
        reason: bad(),
        ..LimitOutcome::default()
    };
    result.limits[0].advice = bad();
    let target = result.target.as_mut().unwrap();
    (target.name, target.version, target.log) = (bad(), bad(), bad());
    result.machine.as_mut().unwrap().cpu = bad();
    result.settle.as_mut().unwrap().terms[0].name = HOSTILE.to_owned();
    result
}
