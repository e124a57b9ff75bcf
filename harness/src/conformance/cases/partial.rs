//! Success, partial success and warnings: what is said of a request, and whether it adds up with what came out.

use super::http::METRICS;
use crate::conformance::axes::{ALL, Axes, GRPC, HTTP, JSON, Over, STABLE};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load, json};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::registry::{Case, Needs};
use crate::conformance::reply::{Outcome, Reply};
use crate::wire::{Protocol, Signal};
use prost::Message;
use serde_json::Value;
use tokio::time::Instant;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("PARTIAL-01/unset", Over::each(ALL, STABLE), |p| Box::pin(unset(p))),
    Case::new("PARTIAL-02/mixed", Over::each(ALL, STABLE), |p| Box::pin(mixed_is_accounted(p)))
        .needing(&[Needs::ReadBack]),
    Case::new("PARTIAL-03/count", Over::each(ALL, STABLE), |p| Box::pin(count(p))).needing(&[Needs::ReadBack]),
    Case::new("PARTIAL-04/status", Over::each(HTTP, STABLE), |p| Box::pin(status(p))),
    Case::new("PARTIAL-05/message", Over::each(ALL, STABLE), |p| Box::pin(message(p))),
    Case::new("PARTIAL-06/warning", Over::each(ALL, STABLE), |p| Box::pin(warning(p))),
    Case::new("PARTIAL-07/points", Over::each(ALL, METRICS), |p| Box::pin(points(p))).needing(&[Needs::ReadBack]),
    Case::new("PARTIAL-08/bounds", Over::each(ALL, STABLE), |p| Box::pin(bounds(p))),
    Case::new("PARTIAL-09/json", Over::each(JSON, STABLE), |p| Box::pin(json_form(p))),
    Case::new("PARTIAL-10/alike", Over::any(GRPC), |p| Box::pin(alike(p))),
    Case::new("RETRY-34/resent", Over::any(ALL), |p| Box::pin(resent(p))).needing(&[Needs::ReadBack]),
];

/// Items of a mixed request, and how many of them a receiver may well not want.
const GOOD: u64 = 3;
const BAD: u64 = 2;

/// A request in which some items are such that a receiver need not take them: spans and records with ids that are none, points
/// without a value.
fn mixed(protocol: Protocol, signal: Signal, marker: &str) -> Load {
    let bytes = match (protocol, signal) {
        (Protocol::HttpJson, signal) => mixed_json(signal, marker).to_string().into_bytes(),
        (_, Signal::Metrics) => {
            let mut points: Vec<_> = (0..GOOD + BAD).map(|number| payload::point(marker, number)).collect();
            points.iter_mut().skip(GOOD as usize).for_each(|point| point.value = None);
            payload::metrics_of(vec![payload::gauge(points)]).encode_to_vec()
        }
        (_, Signal::Logs) => {
            let mut request = payload::logs(marker, GOOD + BAD);
            let records = request.resource_logs.iter_mut().flat_map(|logs| &mut logs.scope_logs);
            let records = records.flat_map(|scope| &mut scope.log_records).skip(GOOD as usize);
            records.for_each(|record| record.trace_id = vec![7; 3]);
            request.encode_to_vec()
        }
        _ => {
            let mut spans: Vec<_> = (0..GOOD + BAD).map(|number| payload::spans::span(marker, number)).collect();
            spans[GOOD as usize].trace_id.clear();
            spans[GOOD as usize + 1].trace_id = vec![0; 16];
            payload::spans::request_of(spans).encode_to_vec()
        }
    };
    Load::marked(bytes, marker, GOOD + BAD)
}

fn mixed_json(signal: Signal, marker: &str) -> Value {
    match signal {
        Signal::Metrics => {
            let mut points = json::points(marker, GOOD + BAD);
            let bad = points.iter_mut().skip(GOOD as usize).filter_map(Value::as_object_mut);
            bad.for_each(|point| drop(point.remove("asInt")));
            json::metrics(serde_json::json!({ "gauge": { "dataPoints": points } }))
        }
        Signal::Logs => {
            let mut records: Vec<_> = (0..GOOD + BAD).map(|number| json::record(marker, number)).collect();
            records.iter_mut().skip(GOOD as usize).for_each(|record| record["traceId"] = "070707".into());
            json::logs(records)
        }
        _ => {
            let mut spans: Vec<_> = (0..GOOD + BAD).map(|number| json::span(marker, number)).collect();
            spans[GOOD as usize]["traceId"] = "".into();
            spans[GOOD as usize + 1]["traceId"] = "0".repeat(32).into();
            json::traces(spans)
        }
    }
}

fn mixed_load(probe: &Probe) -> Load {
    mixed(probe.axes.protocol, probe.axes.signal, &probe.marker())
}

async fn unset(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a request that is taken whole is answered without a partial success");
    let reply = probe.send(&probe.good(3)).await?;
    match reply.response() {
        Ok(None) => judged.asks(true, reply.words()),
        Ok(Some((0, message))) if message.is_empty() => {
            judged.saw(How::Told, "an empty partial success is there, which means the same");
        }
        Ok(Some((rejected, message))) => judged.asks(false, format!("{rejected} rejected: {message:?}")),
        // What is no response at all is another requirement's.
        Err(why) => judged.saw(How::Unprovoked, format!("{}: {why}", reply.words())),
    }
    Ok(judged)
}

/// Sends a mixed request; what was said, and how much of it came out.
async fn mixed_sent(probe: &Probe, load: &Load) -> Result<(Reply, u64), Unanswered> {
    let reply = probe.send(load).await?;
    let (Some(readback), Some((marker, items))) = (&probe.readback, &load.items) else { return Ok((reply, 0)) };
    let due = match reply.outcome() {
        Outcome::Taken { rejected, .. } => items.saturating_sub(u64::try_from(rejected).unwrap_or(0)),
        // What is not to come is waited for until the end.
        Outcome::Refused { .. } => 1,
    };
    readback.store.wait(marker, due, Instant::now() + readback.settle).await;
    Ok((reply, readback.store.distinct(marker)))
}

async fn mixed_is_accounted(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("what is not taken is counted as rejected, or nothing is taken at all");
    let load = mixed_load(probe);
    let (reply, stored) = mixed_sent(probe, &load).await?;
    let sent = GOOD + BAD;
    match reply.outcome() {
        Outcome::Refused { words, .. } => judged.asks(stored == 0, format!("{words}, and {stored} of {sent} came out")),
        Outcome::Taken { rejected, .. } => {
            let told = format!("{}, {rejected} rejected, and {stored} of {sent} came out", reply.words());
            match i128::from(stored) + i128::from(rejected) >= i128::from(sent) {
                true => judged.asks(true, told),
                false => judged.saw(How::Lost, told),
            }
        }
    }
    Ok(judged)
}

async fn count(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("as many are counted as rejected as did not come out");
    let load = mixed_load(probe);
    let (reply, stored) = mixed_sent(probe, &load).await?;
    match reply.outcome() {
        Outcome::Taken { rejected, .. } if rejected != 0 => {
            let missing = (GOOD + BAD).saturating_sub(stored);
            let is_so = i64::try_from(missing).is_ok_and(|missing| missing == rejected);
            judged.asks(is_so, format!("{rejected} rejected, {missing} did not come out"));
        }
        _ => judged.saw(How::Unprovoked, format!("no partial success: {}", reply.words())),
    }
    Ok(judged)
}

async fn status(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 200 where a part was taken");
    let load = mixed_load(probe);
    let (reply, stored) = mixed_sent(probe, &load).await?;
    let Reply::Http(answer) = &reply else { return Ok(judged) };
    let is_partial = reply.outcome().rejected() != 0;
    match (is_partial || stored > 0, answer.status) {
        (true, status) => judged.asks(status == 200, format!("{}, {stored} came out", answer.words())),
        (false, 200..300) => judged.asks(answer.status == 200, answer.words()),
        (false, _) => judged.saw(How::Unprovoked, format!("refused as a whole: {}", answer.words())),
    }
    Ok(judged)
}

async fn message(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a partial success says why");
    match probe.send(&mixed_load(probe)).await?.outcome() {
        Outcome::Taken { rejected, message, .. } if rejected != 0 => {
            judged.asks(!message.trim().is_empty(), format!("{rejected} rejected: {message:?}"));
        }
        _ => judged.saw(How::Unprovoked, "no partial success"),
    }
    Ok(judged)
}

async fn warning(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("a warning about a request that is taken whole rejects nothing and says something");
    match probe.send(&probe.good(3)).await?.outcome() {
        Outcome::Taken { rejected: 0, message, .. } if !message.is_empty() => judged.asks(true, format!("{message:?}")),
        Outcome::Taken { rejected, message, .. } if rejected != 0 => {
            judged.asks(false, format!("{rejected} rejected of a good request: {message:?}"));
        }
        _ => judged.saw(How::Unprovoked, "no warning"),
    }
    Ok(judged)
}

async fn points(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("points are counted, not metrics");
    let marker = probe.marker();
    let bytes = match probe.axes.protocol {
        Protocol::HttpJson => {
            let mut points = json::points(&marker, 10);
            let bad = points.iter_mut().take(3).filter_map(Value::as_object_mut);
            bad.for_each(|point| drop(point.remove("asInt")));
            json::metrics(serde_json::json!({ "gauge": { "dataPoints": points } })).to_string().into_bytes()
        }
        _ => {
            let mut points: Vec<_> = (0..10).map(|number| payload::point(&marker, number)).collect();
            points.iter_mut().take(3).for_each(|point| point.value = None);
            payload::metrics_of(vec![payload::gauge(points)]).encode_to_vec()
        }
    };
    let load = Load::marked(bytes, &marker, 10);
    let (reply, stored) = mixed_sent(probe, &load).await?;
    match reply.outcome() {
        Outcome::Taken { rejected, .. } if rejected != 0 => {
            let is_so = i128::from(rejected) + i128::from(stored) == 10;
            judged.asks(is_so, format!("{rejected} rejected of 10 points in one metric, and {stored} came out"));
        }
        _ => judged.saw(How::Unprovoked, format!("no partial success: {}", reply.words())),
    }
    Ok(judged)
}

async fn bounds(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("no fewer than none and no more than were sent are rejected");
    for (load, sent) in [(probe.good(3), 3), (mixed_load(probe), GOOD + BAD)] {
        let reply = probe.send(&load).await?;
        let rejected = reply.outcome().rejected();
        let is_so = u64::try_from(rejected).is_ok_and(|rejected| rejected <= sent);
        judged.asks(is_so, format!("{rejected} of {sent} rejected: {}", reply.words()));
    }
    Ok(judged)
}

async fn json_form(probe: &Probe) -> Result<Judged, Unanswered> {
    let key = probe.axes.signal.rejected_key();
    let mut judged = Judged::expecting(format!("partialSuccess.{key} is a whole number as a text"));
    let Reply::Http(answer) = probe.send(&mixed_load(probe)).await? else { return Ok(judged) };
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if body.get("partial_success").is_some() {
        judged.asks(false, "its key is partial_success");
    }
    let Some(partial) = body.get("partialSuccess").and_then(Value::as_object) else {
        judged.saw(How::Unprovoked, format!("no partial success: {}", answer.words()));
        return Ok(judged);
    };
    if let Some(odd) = partial.keys().find(|name| name.contains('_')) {
        judged.asks(false, format!("its key is {odd}"));
    }
    match partial.get(key) {
        Some(Value::String(text)) => judged.asks(text.parse::<i64>().is_ok(), format!("{text:?}")),
        Some(Value::Number(number)) => judged.saw(How::Told, format!("the number {number}, which is tolerated")),
        Some(other) => judged.asks(false, other.to_string()),
        None => judged.saw(How::Unprovoked, "nothing was rejected"),
    }
    Ok(judged)
}

async fn alike(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the same request is judged alike however it comes");
    let mut seen: Vec<(Protocol, bool, i64)> = Vec::new();
    for &protocol in ALL {
        let axes = Axes { protocol, ..probe.axes };
        if probe.profile.lacks(axes).is_none() {
            let reply = probe.send_over(axes, &mixed(protocol, axes.signal, &probe.marker())).await?;
            seen.push((protocol, reply.outcome().is_taken(), reply.outcome().rejected()));
        }
    }
    let words = |(protocol, is_taken, rejected): &(Protocol, bool, i64)| {
        format!("{} {} ({rejected} rejected)", protocol.name(), if *is_taken { "takes it" } else { "refuses it" })
    };
    let told = seen.iter().map(words).collect::<Vec<_>>().join(", ");
    if seen.len() < 2 {
        judged.saw(How::Unprovoked, format!("there is only one way: {told}"));
    } else {
        judged.asks(seen.windows(2).all(|pair| (pair[0].1, pair[0].2) == (pair[1].1, pair[1].2)), told);
    }
    Ok(judged)
}

async fn resent(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("what is sent twice may come out once or twice");
    let load = probe.good(1);
    // Not in the book, which expects of one request what it held once.
    let unbooked = Load::of_bytes(load.bytes.clone());
    for _ in 0..2 {
        let reply = probe.send(&unbooked).await?;
        judged.asks(reply.outcome().is_taken(), reply.words());
    }
    if let (Some(readback), Some((marker, _))) = (&probe.readback, &load.items) {
        let came = readback.store.wait(marker, 2, Instant::now() + readback.settle).await.len();
        match came {
            0 => judged.saw(How::Lost, "taken twice, and nothing came out"),
            came => judged.saw(How::Told, format!("it came out {came} times")),
        }
    }
    Ok(judged)
}
