//! What a receiver answers over gRPC: to what it is to take, and to what it is to refuse.

use super::http::{LOGS, METRICS, PROFILES, TRACES};
use crate::conformance::axes::{GRPC, Over, STABLE};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::Load;
use crate::conformance::payload::wire::Writer;
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::raw::grpc::{Said, call, framed, words};
use crate::conformance::raw::http2::Call;
use crate::conformance::registry::Case;
use crate::conformance::reply::Reply;
use crate::wire::{Code, Signal};
use tonic_types::RpcStatusExt;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("GRPC-01/listens", Over::any(GRPC), |p| Box::pin(listens(p))).without_control(),
    Case::new("GRPC-02/traces", Over::each(GRPC, TRACES), |p| Box::pin(taken(p))).without_control(),
    Case::new("GRPC-03/metrics", Over::each(GRPC, METRICS), |p| Box::pin(taken(p))).without_control(),
    Case::new("GRPC-04/logs", Over::each(GRPC, LOGS), |p| Box::pin(taken(p))).without_control(),
    Case::new("GRPC-05/profiles", Over::each(GRPC, PROFILES), |p| Box::pin(taken(p))).without_control(),
    Case::new("GRPC-06/empty", Over::each(GRPC, STABLE), |p| Box::pin(empty(p))),
    Case::new("GRPC-07/hollow", Over::each(GRPC, STABLE), |p| Box::pin(hollow(p))),
    Case::new("GRPC-08/undecodable", Over::each(GRPC, STABLE), |p| Box::pin(undecodable(p))),
    Case::new("GRPC-09/details", Over::any(GRPC), |p| Box::pin(details(p))),
    Case::new("GRPC-12/unknown-method", Over::any(GRPC), |p| Box::pin(unknown(p))),
    Case::new("GRPC-19/content-types", Over::any(GRPC), |p| Box::pin(content_types(p))),
];

/// Bytes that are no message of any signal.
const UNDECODABLE: [(&str, &[u8]); 3] = [
    ("a length beyond the end", &[0x0a, 0xff, 0x01, 0x00]),
    ("wire type 7", &[0x0f, 0x01]),
    ("a number without an end", &[0x08, 0xff, 0xff]),
];

/// Makes a call with a load that nothing is looked for in.
async fn say(probe: &Probe, call: Call) -> Result<Said, Unanswered> {
    let call = Call { fields: call.fields.into_iter().chain(probe.profile.headers.clone()).collect(), ..call };
    probe.call(&call, &Load::of_bytes(Vec::new())).await
}

fn asks_ok(judged: &mut Judged, name: &str, said: &Result<Said, Unanswered>) {
    let is_ok = said.as_ref().is_ok_and(|said| said.code == Some(Code::OK));
    judged.asks(is_ok, format!("{name}: {}", words(said)));
}

async fn listens(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("gRPC is answered, on port 4317 unless configured otherwise");
    let load = probe.good(1);
    let said = probe.call(&probe.grpc_call(probe.axes, &load), &load).await?;
    judged.asks(said.is_grpc(), said.words());
    let port = probe.address()?.port();
    if port != 4317 {
        judged.saw(How::Told, format!("it listens on port {port}, which is not the default"));
    }
    Ok(judged)
}

async fn taken(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 0 and exactly one export response");
    let load = probe.good(1);
    let said = probe.call(&probe.grpc_call(probe.axes, &load), &load).await;
    asks_ok(&mut judged, "a good request", &said);
    if let Some(why) = said.ok().and_then(|said| Reply::Grpc(said).response().err()) {
        judged.asks(false, why);
    }
    Ok(judged)
}

async fn empty(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a message of zero bytes is taken");
    let said = say(probe, call(probe.axes.signal.grpc_path(), framed(b""))).await;
    asks_ok(&mut judged, "zero bytes", &said);
    Ok(judged)
}

/// Requests whose envelopes hold nothing.
fn envelopes(signal: Signal) -> Vec<(&'static str, Vec<u8>)> {
    let around = |inner: Vec<u8>| Writer::default().bytes(1, inner).0;
    let scope = |inner: Vec<u8>| around(Writer::default().bytes(2, inner).0);
    let mut all = vec![("a resource without scopes", around(Vec::new())), ("a scope without items", scope(Vec::new()))];
    if signal == Signal::Metrics {
        let named = || Writer::default().bytes(1, "spanproof.hollow");
        all.push(("a metric without data", scope(Writer::default().bytes(2, named().0).0)));
        all.push(("data without points", scope(Writer::default().bytes(2, named().bytes(5, b"").0).0)));
    }
    all
}

async fn hollow(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("envelopes without items are taken, and nothing of them rejected");
    for (name, message) in envelopes(probe.axes.signal) {
        let said = say(probe, call(probe.axes.signal.grpc_path(), framed(&message))).await;
        asks_ok(&mut judged, name, &said);
        let rejected = said.map_or(0, |said| Reply::Grpc(said).outcome().rejected());
        if rejected != 0 {
            judged.asks(false, format!("{name}: {rejected} rejected"));
        }
    }
    Ok(judged)
}

async fn undecodable(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a code that is final, best INVALID_ARGUMENT, for bytes that are no message");
    for (name, message) in UNDECODABLE {
        let said = say(probe, call(probe.axes.signal.grpc_path(), framed(message))).await;
        let told = format!("{name}: {}", words(&said));
        let Ok(said) = said else {
            judged.asks(false, told);
            continue;
        };
        match said.code {
            Some(Code::INVALID_ARGUMENT) => judged.asks(true, told),
            Some(code) if code != Code::OK && !code.retryable(said.has_retry_info()) => judged.saw(How::Told, told),
            _ => judged.asks(false, told),
        }
    }
    Ok(judged)
}

async fn details(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("details of an error, if there are any, are a Status that says the same");
    let said = say(probe, call(probe.axes.signal.grpc_path(), framed(UNDECODABLE[0].1))).await?;
    match &said.details {
        None => judged.saw(How::Unprovoked, "the error has no details"),
        Some(Err(why)) => judged.asks(false, format!("the details cannot be read: {why}")),
        Some(Ok(status)) => {
            let code = said.code.map_or(-1, |code| code.0 as i32);
            judged.asks(status.code == code, format!("the details have code {}, the trailers {code}", status.code));
            let told = format!("the details say {:?}, the trailers {:?}", status.message, said.message);
            judged.asks(status.message == said.message, told);
            let readable = status.check_error_details();
            judged.asks(
                readable.is_ok(),
                format!("they {}", if readable.is_ok() { "can be read" } else { "cannot be read" }),
            );
        }
    }
    Ok(judged)
}

async fn unknown(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("UNIMPLEMENTED for a method or service that there is not");
    for path in [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Nothing",
        "/opentelemetry.proto.collector.nothing.v1.NothingService/Export",
    ] {
        let said = say(probe, call(path, framed(b""))).await;
        let told = format!("{path}: {}", words(&said));
        match said.as_ref().map(|said| said.code) {
            Ok(Some(Code::UNIMPLEMENTED)) => judged.asks(true, told),
            Ok(Some(code)) if code != Code::OK && !code.retryable(false) => judged.saw(How::Told, told),
            _ => judged.asks(false, told),
        }
    }
    Ok(judged)
}

async fn content_types(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("application/grpc and application/grpc+proto are served, text/plain is status 415");
    for kind in ["application/grpc", "application/grpc+proto"] {
        let load = probe.good(1);
        let mut good = probe.grpc_call(probe.axes, &load);
        good.fields.retain(|(name, _)| name != "content-type");
        let said = probe.call(&good.with("content-type", kind), &load).await;
        asks_ok(&mut judged, kind, &said);
    }
    let path = probe.axes.signal.grpc_path();
    let said =
        say(probe, Call::post(path, framed(b"")).with("te", "trailers").with("content-type", "text/plain")).await;
    match &said {
        Ok(said) if said.http == 415 => judged.asks(true, "text/plain: HTTP 415"),
        // What a client makes of it is an error that is final, either way.
        Ok(said) if said.code.is_some_and(|code| code != Code::OK) => {
            judged.saw(How::Told, format!("text/plain: {}", said.words()));
        }
        said => {
            judged.asks(false, format!("text/plain: {}", said.as_ref().map_or_else(Unanswered::to_string, Said::words)))
        }
    }
    Ok(judged)
}
