//! What a receiver answers over HTTP to what it is to refuse, and what the bodies of such answers hold.

use super::asks_status;
use crate::conformance::axes::{Axes, HTTP, JSON, Over, PROTOBUF};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::Load;
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::raw::http1::{Answer, Request};
use crate::conformance::registry::Case;
use crate::conformance::reply::{ErrorBody, error_body};
use crate::wire::{Protocol, Signal};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("HTTP-14/undecodable", Over::each(PROTOBUF, crate::conformance::axes::STABLE), |p| {
        Box::pin(undecodable(p))
    }),
    Case::new("HTTP-15/malformed", Over::each(JSON, crate::conformance::axes::STABLE), |p| Box::pin(malformed(p))),
    Case::new("HTTP-16/mislabelled", Over::any(HTTP), |p| Box::pin(mislabelled(p))),
    Case::new("HTTP-17/status-body", Over::any(HTTP), |p| Box::pin(status_body(p))),
    Case::new("HTTP-18/message", Over::any(HTTP), |p| Box::pin(message(p))),
    Case::new("HTTP-19/bad-request", Over::any(HTTP), |p| Box::pin(bad_request(p))),
    Case::new("HTTP-20/code", Over::any(HTTP), |p| Box::pin(code(p))),
    Case::new("HTTP-23/unknown-path", Over::any(HTTP), |p| Box::pin(unknown_path(p))),
    Case::new("HTTP-24/other-methods", Over::any(PROTOBUF), |p| Box::pin(other_methods(p))),
    Case::new("HTTP-25/other-types", Over::any(PROTOBUF), |p| Box::pin(other_types(p))),
    Case::new("HTTP-27/credentials", Over::any(HTTP), |p| Box::pin(credentials(p))),
];

/// Bytes that begin like a message and are none: a field whose length goes beyond the end, and a wire type that there is not.
const UNDECODABLE: [(&str, &[u8]); 3] = [
    ("a length beyond the end", &[0x0a, 0xff, 0x01, 0x00]),
    ("wire type 7", &[0x0f, 0x01]),
    ("a number without an end", &[0x08, 0xff, 0xff]),
];

const MALFORMED: [(&str, &[u8]); 5] = [
    ("cut off", br#"{"resourceSpans":[{"#),
    ("a list", b"[]"),
    ("a text", b"\"resourceSpans\""),
    ("no JSON", b"resourceSpans"),
    ("a number", b"1"),
];

async fn ask_all(probe: &Probe, judged: &mut Judged, bodies: &[(&str, &[u8])], statuses: &[u16]) {
    for (name, body) in bodies {
        let load = Load::of_bytes(*body);
        let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
        asks_status(judged, name, &answer, statuses);
    }
}

async fn undecodable(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for bytes that are no message");
    ask_all(probe, &mut judged, &UNDECODABLE, &[400]).await;
    Ok(judged)
}

async fn malformed(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for what is no JSON object");
    ask_all(probe, &mut judged, &MALFORMED, &[400]).await;
    Ok(judged)
}

async fn mislabelled(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400 for a body in the encoding that its content type does not name");
    let other = match probe.axes.protocol {
        Protocol::HttpJson => Protocol::HttpProtobuf,
        _ => Protocol::HttpJson,
    };
    let load = crate::conformance::payload::good(other, probe.axes.signal, &probe.marker(), 1);
    let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
    asks_status(&mut judged, &format!("{} labelled {}", other.name(), probe.axes.protocol.name()), &answer, &[400]);
    Ok(judged)
}

/// Requests that are to be refused, each for another reason.
fn provocations(probe: &Probe) -> Vec<(&'static str, Request)> {
    let bad = match probe.axes.protocol {
        Protocol::HttpJson => MALFORMED[0].1,
        _ => UNDECODABLE[0].1,
    };
    let good = probe.http_request(probe.axes, &Load::of_bytes(*b""));
    let empty = if probe.axes.protocol == Protocol::HttpJson { b"{}".to_vec() } else { Vec::new() };
    let elsewhere = Request { path: "/v1/nothing".to_owned(), body: empty.clone(), ..good.clone() };
    let mut other_type = Request { body: empty, ..good.clone() };
    other_type.fields.retain(|(name, _)| name != "content-type");
    vec![
        ("bad data", Request { body: bad.to_vec(), ..good.clone() }),
        ("unknown path", elsewhere),
        ("GET", Request { body: Vec::new(), ..good }.by("GET")),
        ("text/plain", other_type.with("content-type", "text/plain")),
    ]
}

/// The answers to all of these that are errors.
async fn errors(probe: &Probe, judged: &mut Judged) -> Vec<(&'static str, Answer)> {
    let mut answers = Vec::new();
    for (name, request) in provocations(probe) {
        match probe.ask(&request, &Load::of_bytes(*b"")).await {
            Ok(answer) if answer.status >= 400 => answers.push((name, answer)),
            Ok(answer) => judged.saw(How::Unprovoked, format!("{name} is no error: {}", answer.words())),
            Err(error) => judged.asks(false, format!("{name}: {error}")),
        }
    }
    answers
}

async fn status_body(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the body of every error is a google.rpc.Status, in the encoding that it names");
    for (name, answer) in errors(probe, &mut judged).await {
        match error_body(&answer) {
            Ok(body) => {
                judged.asks(true, format!("{name}: {}", answer.words()));
                if probe.axes.protocol == Protocol::HttpJson && !body.is_json {
                    judged.saw(How::Told, format!("{name}: a request in JSON is answered in protobuf"));
                }
            }
            Err(why) => judged.asks(false, format!("{name}: {}: {why}", answer.words())),
        }
    }
    Ok(judged)
}

/// What can be read of the bodies; those that are none are another requirement's.
async fn bodies(probe: &Probe, judged: &mut Judged) -> Vec<(&'static str, ErrorBody)> {
    let mut all = Vec::new();
    for (name, answer) in errors(probe, judged).await {
        match error_body(&answer) {
            Ok(body) => all.push((name, body)),
            Err(why) => judged.saw(How::Unprovoked, format!("{name}: {why}")),
        }
    }
    all
}

async fn message(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("every error says in its message what is wrong");
    for (name, body) in bodies(probe, &mut judged).await {
        judged.asks(!body.message.trim().is_empty(), format!("{name}: {:?}", body.message));
    }
    Ok(judged)
}

async fn bad_request(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("bad data is answered with a BadRequest among the details");
    for (name, body) in bodies(probe, &mut judged).await {
        if name == "bad data" {
            let has = if body.has_bad_request { "has" } else { "has no" };
            judged.asks(body.has_bad_request, format!("{name}: {has} BadRequest: {:?}", body.message));
        }
    }
    Ok(judged)
}

async fn code(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the code in a Status may be anything");
    for (name, answer) in errors(probe, &mut judged).await {
        judged.saw(How::Told, format!("{name}: {}", answer.words()));
    }
    Ok(judged)
}

async fn unknown_path(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 404 for a path that there is not");
    let load = probe.good(1);
    for path in ["/v1/nothing", "/v2/traces"] {
        let request = Request { path: path.to_owned(), ..probe.http_request(probe.axes, &load) };
        asks_status(&mut judged, path, &probe.ask(&request, &load).await, &[404]);
    }
    Ok(judged)
}

async fn other_methods(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 405 with Allow: POST");
    for method in ["GET", "PUT"] {
        let load = Load::of_bytes(*b"");
        let answer = probe.ask(&probe.http_request(probe.axes, &load).by(method), &load).await;
        match &answer {
            Ok(answer) if answer.status == 404 => judged.saw(How::Told, format!("{method}: {}", answer.words())),
            _ => asks_status(&mut judged, method, &answer, &[405]),
        }
        let Ok(answer) = answer else { continue };
        let allow = answer.field("allow").unwrap_or("nothing");
        if answer.status == 405 && !allow.to_ascii_uppercase().contains("POST") {
            judged.saw(How::Told, format!("{method}: it allows {allow}"));
        }
    }
    Ok(judged)
}

async fn other_types(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 415 (400 is tolerated), and the connection goes on");
    let kinds = [None, Some("text/plain"), Some("application/grpc"), Some("application/protobuf")];
    for kind in kinds {
        let name = kind.unwrap_or("no content type");
        let load = Load::of_bytes(*b"");
        let mut request = probe.http_request(probe.axes, &load);
        request.fields.retain(|(name, _)| name != "content-type");
        let request = kind.iter().fold(request, |request, kind| request.with("content-type", kind));
        let mut connection = probe.http1().await?;
        let answer = connection.exchange(&request).await;
        match &answer {
            Ok(answer) if answer.status == 400 => judged.saw(How::Told, format!("{name}: {}", answer.words())),
            _ => asks_status(&mut judged, name, &answer, &[415]),
        }
        let Ok(answer) = answer else { continue };
        if answer.goes_on {
            let load = probe.good(1);
            let after = connection.exchange(&probe.http_request(probe.axes, &load)).await;
            probe.note(&load, after.clone().map(crate::conformance::reply::Reply::Http).as_ref());
            judged.asks(after.is_ok(), format!("{name}: afterwards {}", told(&after)));
        } else {
            judged.saw(How::Told, format!("{name}: the connection was closed in good order"));
        }
    }
    Ok(judged)
}

fn told(answer: &Result<Answer, Unanswered>) -> String {
    answer.as_ref().map_or_else(Unanswered::to_string, Answer::words)
}

async fn credentials(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 401 or 403 with a Status, without credentials and with wrong ones");
    let axes = Axes { signal: probe.profile.signals().first().copied().unwrap_or(Signal::Traces), ..probe.axes };
    let names: Vec<String> = probe.profile.headers.iter().map(|(name, _)| name.clone()).collect();
    for is_wrong in [false, true] {
        let load = probe.good(1);
        let mut request = probe.http_request(axes, &load);
        request.fields.retain(|(name, _)| !names.contains(name));
        if is_wrong {
            request.fields.extend(names.iter().map(|name| (name.clone(), "wrong".to_owned())));
        }
        let name = if is_wrong { "wrong credentials" } else { "none" };
        let answer = probe.ask(&request, &load).await;
        asks_status(&mut judged, name, &answer, &[401, 403]);
        if let Some(why) = answer.ok().and_then(|answer| error_body(&answer).err()) {
            judged.asks(false, format!("{name}: {why}"));
        }
    }
    Ok(judged)
}
