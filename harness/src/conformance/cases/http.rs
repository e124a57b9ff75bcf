//! What a receiver answers over HTTP to what it is to take: status, media type and body.

use super::asks_status;
use crate::conformance::axes::{HTTP, JSON, Over, PROTOBUF, STABLE, Signals};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load};
use crate::conformance::probe::Probe;
use crate::conformance::raw::{Unanswered, http1, media_type};
use crate::conformance::registry::Case;
use crate::conformance::reply::Reply;
use crate::wire::{Protocol, Signal};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("HTTP-01/listens", Over::any(PROTOBUF), |p| Box::pin(listens(p))).without_control(),
    Case::new("HTTP-02/traces", Over::each(PROTOBUF, TRACES), |p| Box::pin(taken(p))).without_control(),
    Case::new("HTTP-03/metrics", Over::each(PROTOBUF, METRICS), |p| Box::pin(taken(p))).without_control(),
    Case::new("HTTP-04/logs", Over::each(PROTOBUF, LOGS), |p| Box::pin(taken(p))).without_control(),
    Case::new("HTTP-05/profiles", Over::each(PROTOBUF, PROFILES), |p| Box::pin(taken(p))).without_control(),
    Case::new("HTTP-07/media-type", Over::each(PROTOBUF, STABLE), |p| Box::pin(media(p, "application/x-protobuf"))),
    Case::new("HTTP-08/media-type", Over::each(JSON, STABLE), |p| Box::pin(json_answer(p))),
    Case::new("HTTP-09/alternating", Over::any(PROTOBUF), |p| Box::pin(alternating(p))).without_control(),
    Case::new("HTTP-10/status", Over::each(HTTP, STABLE), |p| Box::pin(status(p))).without_control(),
    Case::new("HTTP-11/body", Over::each(PROTOBUF, STABLE), |p| Box::pin(body(p))),
    Case::new("HTTP-12/body", Over::each(JSON, STABLE), |p| Box::pin(body(p))),
    Case::new("HTTP-13/empty", Over::each(HTTP, STABLE), |p| Box::pin(empty(p))),
    Case::new("HTTP-26/spelling", Over::any(HTTP), |p| Box::pin(spelling(p))),
    Case::new("HTTP-28/accepts-gzip", Over::any(HTTP), |p| Box::pin(accepts_gzip(p))),
    Case::new("HTTP-29/accepts-nothing", Over::any(HTTP), |p| Box::pin(accepts_nothing(p))),
    Case::new("JSON-26/answers", Over::each(JSON, STABLE), |p| Box::pin(json_answer(p))),
    Case::new("PROTO-10/no-handshake", Over::each(HTTP, STABLE), |p| Box::pin(no_handshake(p))).without_control(),
];

pub(super) const TRACES: Signals = Signals::Each(&[Signal::Traces]);
pub(super) const METRICS: Signals = Signals::Each(&[Signal::Metrics]);
pub(super) const LOGS: Signals = Signals::Each(&[Signal::Logs]);
pub(super) const PROFILES: Signals = Signals::Each(&[Signal::Profiles]);

async fn good_answer(probe: &Probe) -> Result<http1::Answer, Unanswered> {
    let load = probe.good(1);
    probe.ask(&probe.http_request(probe.axes, &load), &load).await
}

async fn listens(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("HTTP is answered, on port 4318 unless configured otherwise");
    let answer = good_answer(probe).await?;
    judged.asks(true, answer.words());
    let port = probe.address()?.port();
    if port != 4318 {
        judged.saw(How::Told, format!("it listens on port {port}, which is not the default"));
    }
    Ok(judged)
}

async fn taken(probe: &Probe) -> Result<Judged, Unanswered> {
    let path = probe.axes.signal.http_path();
    let mut judged = Judged::expecting(format!("POST {path} is answered with status 200 and an export response"));
    let answer = good_answer(probe).await?;
    judged.asks(answer.status == 200, answer.words());
    if let Err(why) = Reply::Http(answer).response() {
        judged.asks(false, why);
    }
    Ok(judged)
}

async fn media(probe: &Probe, wanted: &str) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting(format!("the answer's content type is {wanted}"));
    let answer = good_answer(probe).await?;
    asks_media(&mut judged, &answer, wanted);
    Ok(judged)
}

fn asks_media(judged: &mut Judged, answer: &http1::Answer, wanted: &str) {
    let kind = answer.field("content-type").unwrap_or("no content type");
    judged.asks(media_type(kind) == wanted, format!("content type {kind}"));
}

async fn json_answer(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the answer's content type is application/json and its body a JSON response");
    let answer = good_answer(probe).await?;
    asks_media(&mut judged, &answer, "application/json");
    let is_object = serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok_and(|body| body.is_object());
    judged.asks(is_object, answer.words());
    Ok(judged)
}

async fn alternating(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("both encodings are taken, one after the other, on one connection");
    let mut connection = probe.http1().await?;
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::HttpProtobuf, Protocol::HttpJson] {
        let axes = crate::conformance::axes::Axes { protocol, ..probe.axes };
        let load = payload::good(protocol, axes.signal, &probe.marker(), 1);
        let answer = connection.exchange(&probe.http_request(axes, &load)).await;
        probe.note(&load, answer.clone().map(Reply::Http).as_ref());
        asks_status(&mut judged, protocol.name(), &answer, &[200]);
        if !answer.is_ok_and(|answer| answer.goes_on) {
            judged.saw(How::Told, "the connection does not go on");
            connection = probe.http1().await?;
        }
    }
    Ok(judged)
}

async fn status(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 200");
    let answer = good_answer(probe).await;
    asks_status(&mut judged, "a good request", &answer, &[200]);
    Ok(judged)
}

async fn body(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the body is an export response in the request's encoding");
    let answer = good_answer(probe).await?;
    let is_json = probe.axes.protocol == Protocol::HttpJson;
    // Read as what it is to be, whatever its content type says: that is another requirement's.
    let kind = if is_json { "application/json" } else { "application/x-protobuf" };
    let fields = vec![("content-type".to_owned(), kind.to_owned())];
    let response = Reply::Http(http1::Answer { fields, ..answer.clone() }).response();
    match response {
        Ok(_) => judged.asks(true, answer.words()),
        Err(why) => judged.asks(false, format!("{}: {why}", answer.words())),
    }
    Ok(judged)
}

async fn empty(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a request without telemetry is answered with status 200");
    let bodies: &[&[u8]] = match (probe.axes.protocol, probe.axes.signal) {
        (Protocol::HttpJson, Signal::Traces) => &[b"{}", br#"{"resourceSpans":[]}"#],
        (Protocol::HttpJson, Signal::Metrics) => &[b"{}", br#"{"resourceMetrics":[]}"#],
        (Protocol::HttpJson, Signal::Logs) => &[b"{}", br#"{"resourceLogs":[]}"#],
        (Protocol::HttpJson, Signal::Profiles) => &[b"{}"],
        _ => &[b""],
    };
    for body in bodies {
        let load = Load::of_bytes(*body);
        let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
        asks_status(&mut judged, &format!("{:?}", String::from_utf8_lossy(body)), &answer, &[200]);
    }
    Ok(judged)
}

async fn spelling(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("media types are taken whatever their case and parameters");
    let kinds = match probe.axes.protocol {
        Protocol::HttpJson => ["application/json; charset=utf-8", "Application/JSON"],
        _ => ["application/x-protobuf; x=y", "Application/X-Protobuf"],
    };
    for kind in kinds {
        let load = probe.good(1);
        let mut request = probe.http_request(probe.axes, &load);
        request.fields.retain(|(name, _)| name != "content-type");
        let answer = probe.ask(&request.with("content-type", kind), &load).await;
        asks_status(&mut judged, kind, &answer, &[200]);
    }
    Ok(judged)
}

async fn accepts_gzip(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the answer is plain, or gzip that says so");
    let load = probe.good(1);
    let answer = probe.ask(&probe.http_request(probe.axes, &load).with("accept-encoding", "gzip"), &load).await?;
    let is_gzip = answer.body.starts_with(&[0x1f, 0x8b]);
    match (is_gzip, answer.field("content-encoding")) {
        (true, Some("gzip")) => judged.saw(How::Told, "the answer is compressed, and says so"),
        (false, None | Some("identity")) => judged.asks(true, "the answer is not compressed"),
        (true, label) => judged.asks(false, format!("the answer is gzip, and its content encoding {label:?}")),
        (false, label) => judged.asks(false, format!("the answer is not gzip, and its content encoding {label:?}")),
    }
    Ok(judged)
}

async fn accepts_nothing(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the answer is not compressed: nobody said that it may be");
    let answer = good_answer(probe).await?;
    let label = answer.field("content-encoding").filter(|label| *label != "identity");
    let is_packed = answer.body.starts_with(&[0x1f, 0x8b]) || label.is_some();
    judged.asks(!is_packed, format!("{}, content encoding {label:?}", answer.words()));
    Ok(judged)
}

async fn no_handshake(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the first request of a connection is served, though nothing told a version");
    let load = probe.good(1);
    let reply = probe.send(&load).await?;
    judged.asks(reply.outcome().is_taken(), reply.words());
    Ok(judged)
}
