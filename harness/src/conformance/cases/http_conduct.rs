//! How a receiver conducts itself over HTTP: framing, versions, connections that stall or go on, and browsers.

use super::asks_status;
use crate::conformance::axes::{Axes, HTTP, Over, PROTOBUF, Signals};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load};
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::raw::http1::{Framing, Request};
use crate::conformance::raw::http2::{Call, Http2};
use crate::conformance::registry::{Case, Needs};
use crate::conformance::reply::Reply;
use crate::wire::{Protocol, Signal};
use std::time::Duration;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("HTTP-30/versions", Over::any(PROTOBUF), |p| Box::pin(versions(p))).without_control(),
    Case::new("HTTP-32/chunked", Over::any(HTTP), |p| Box::pin(chunked(p))),
    Case::new("HTTP-32/expect", Over::any(HTTP), |p| Box::pin(expect(p))),
    Case::new("HTTP-33/stalled", Over::any(PROTOBUF), |p| Box::pin(stalled(p))).needing(&[Needs::Time]),
    Case::new("HTTP-34/keep-alive", Over::any(HTTP), |p| Box::pin(keep_alive(p))),
    Case::new("HTTP-40/logs-as-traces", Over::each(PROTOBUF, Signals::Each(&[Signal::Traces])), |p| {
        Box::pin(logs_as_traces(p))
    })
    .needing(&[Needs::ReadBack]),
    Case::new("HTTP-41/preflight", Over::any(PROTOBUF), |p| Box::pin(preflight(p))),
];

/// Requests on one connection.
const REQUESTS: usize = 10;

/// Connections that do nothing, and connections that stop in the middle.
const IDLE: usize = 50;

async fn versions(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("HTTP/1.1 is taken; HTTP/2 with prior knowledge may be");
    let load = probe.good(1);
    let request = probe.http_request(probe.axes, &load);
    let answer = probe.ask(&request, &load).await;
    asks_status(&mut judged, "HTTP/1.1", &answer, &[200]);
    let load = probe.good(1);
    let told = match over_http2(probe, &load).await {
        Ok(status) => format!("HTTP/2 with prior knowledge is answered with status {status}"),
        Err(error) => format!("HTTP/2 with prior knowledge is not taken: {error}"),
    };
    judged.saw(How::Told, told);
    Ok(judged)
}

async fn over_http2(probe: &Probe, load: &Load) -> Result<u16, Unanswered> {
    let connection = Http2::connect(probe.address()?, &probe.trace, probe.within.min(Duration::from_secs(3))).await?;
    let Request { path, fields, body, .. } = probe.http_request(probe.axes, load);
    let answer = connection.call(&Call { fields, ..Call::post(path, body) }).await;
    let status = answer.as_ref().map(|answer| answer.status).unwrap_or(0);
    if status == 200 {
        let answer = crate::conformance::raw::http1::Answer {
            status,
            fields: answer.as_ref().map(|answer| answer.fields.clone()).unwrap_or_default(),
            body: answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default(),
            goes_on: true,
            interim: Vec::new(),
        };
        probe.note(load, Ok(&Reply::Http(answer)));
    }
    answer.map(|answer| answer.status)
}

async fn chunked(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a body in many small chunks is taken with status 200");
    let load = probe.good(3);
    let request = probe.http_request(probe.axes, &load).framed(Framing::Chunked(7));
    asks_status(&mut judged, "chunks of 7 bytes", &probe.ask(&request, &load).await, &[200]);
    Ok(judged)
}

async fn expect(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("who asks first is told to go ahead, and then answered with status 200");
    let load = probe.good(1);
    let request = probe.http_request(probe.axes, &load).with("expect", "100-continue");
    let answer = probe.ask(&request, &load).await;
    asks_status(&mut judged, "Expect: 100-continue", &answer, &[200]);
    Ok(judged)
}

async fn stalled(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("others are served while many connections stall or do nothing");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100\r\n\r\n",
        probe.axes.signal.http_path()
    );
    let mut held = Vec::new();
    for number in 0..IDLE {
        let mut connection = probe.http1().await?;
        if number % 2 == 0 {
            connection.say(head.as_bytes()).await?;
        }
        held.push(connection);
    }
    for _ in 0..5 {
        let load = probe.good(1);
        let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
        asks_status(&mut judged, &format!("beside {IDLE} such connections"), &answer, &[200]);
    }
    if let Some(first) = held.first_mut() {
        let end = match first.listen(Duration::from_secs(5)).await {
            Err(Unanswered::Late(after)) => format!("a stalled request is still waited for after {after:?}"),
            Err(error) => format!("a stalled request: {error}"),
            Ok(answer) => format!("a stalled request: {}", answer.words()),
        };
        judged.saw(How::Told, end);
    }
    Ok(judged)
}

async fn keep_alive(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("all requests of a connection are answered on it, a bad one in the middle, too");
    let mut connection = probe.http1().await?;
    for number in 0..REQUESTS {
        let is_bad = number == REQUESTS / 2;
        let load = if is_bad { Load::of_bytes(*b"\x0a\xff\x01{") } else { probe.good(1) };
        let answer = connection.exchange(&probe.http_request(probe.axes, &load)).await;
        probe.note(&load, answer.clone().map(Reply::Http).as_ref());
        match answer {
            Err(error) => {
                judged.asks(false, format!("request {number}: {error}"));
                return Ok(judged);
            }
            Ok(answer) if is_bad => judged.asks(answer.status >= 400, format!("the bad one: {}", answer.words())),
            Ok(answer) => {
                judged.asks(answer.status == 200, format!("a good one: {}", answer.words()));
                if !answer.goes_on {
                    judged.saw(How::Told, format!("closed after request {number}"));
                    connection = probe.http1().await?;
                }
            }
        }
    }
    Ok(judged)
}

async fn logs_as_traces(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("log records sent to /v1/traces are refused, or nothing of them comes out as spans");
    let load = payload::good(Protocol::HttpProtobuf, Signal::Logs, &probe.marker(), 2);
    let axes = Axes { signal: Signal::Traces, ..probe.axes };
    // Not in the book: what is right to do with them is open.
    let answer = probe.ask(&probe.http_request(axes, &load), &Load::of_bytes(load.bytes.clone())).await?;
    if answer.status != 200 {
        judged.asks((400..500).contains(&answer.status), answer.words());
        return Ok(judged);
    }
    let rejected = Reply::Http(answer.clone()).outcome().rejected();
    let settle = probe.readback.as_ref().map_or(Duration::ZERO, |readback| readback.settle);
    tokio::time::sleep(settle.min(Duration::from_secs(1))).await;
    match rejected {
        0 => judged
            .saw(How::Weak, format!("{}: what is no telemetry of this kind was taken as if it were", answer.words())),
        rejected => judged.asks(rejected > 0, format!("{}, {rejected} rejected", answer.words())),
    }
    Ok(judged)
}

async fn preflight(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a browser's OPTIONS is answered with 200 or 204 and what it may do");
    let load = Load::of_bytes(*b"");
    let request = Request::post(probe.axes.signal.http_path(), "")
        .by("OPTIONS")
        .with("origin", "https://example.com")
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", "content-type");
    let answer = probe.ask(&request, &load).await;
    asks_status(&mut judged, "OPTIONS", &answer, &[200, 204]);
    let allows = answer.is_ok_and(|answer| answer.field("access-control-allow-origin").is_some());
    judged.asks(allows, if allows { "the origin is allowed" } else { "no origin is allowed" });
    Ok(judged)
}
