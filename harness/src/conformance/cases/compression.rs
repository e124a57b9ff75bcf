//! Compression: what every receiver takes, what it may, and what it says to the rest.

use super::{asks_kept, asks_refusal, asks_status};
use crate::conformance::axes::{ALL, Axes, GRPC, HTTP, Over, PROTOBUF, STABLE};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load};
use crate::conformance::probe::{Probe, gzip};
use crate::conformance::raw::grpc::{call, framed, framed_as, words};
use crate::conformance::raw::http1::Request;
use crate::conformance::raw::{Unanswered, grpc::Said};
use crate::conformance::registry::Case;
use crate::conformance::reply::{Reply, error_body};
use crate::wire::{Code, Protocol};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("COMP-01/none", Over::each(ALL, STABLE), |p| Box::pin(taken(p))).without_control(),
    Case::new("COMP-02/gzip", Over::each(HTTP, STABLE).gzipped(), |p| Box::pin(taken(p))),
    Case::new("COMP-03/gzip", Over::each(GRPC, STABLE).gzipped(), |p| Box::pin(taken(p))),
    Case::new("COMP-05/unknown", Over::any(PROTOBUF), |p| Box::pin(unknown(p))),
    Case::new("COMP-06/unknown", Over::any(GRPC), |p| Box::pin(unknown_grpc(p))),
    Case::new("COMP-07/corrupt", Over::any(ALL), |p| Box::pin(corrupt(p))),
    Case::new("COMP-08/members", Over::any(HTTP), |p| Box::pin(members(p))),
    Case::new("COMP-09/nothing", Over::any(PROTOBUF), |p| Box::pin(nothing(p))),
    Case::new("COMP-10/spelling", Over::any(HTTP), |p| Box::pin(spelling(p))),
    Case::new("COMP-11/flag-unset", Over::any(GRPC), |p| Box::pin(flag_unset(p))),
    Case::new("COMP-12/others", Over::any(&[Protocol::Grpc, Protocol::HttpProtobuf]), |p| Box::pin(others(p))),
];

async fn taken(probe: &Probe) -> Result<Judged, Unanswered> {
    let how = probe.axes.compression.token();
    let mut judged = Judged::expecting(format!("a request with the encoding {how} is taken"));
    let load = probe.good(5);
    if probe.readback.is_some() {
        asks_kept(probe, &mut judged, how, &load, |_| Ok(())).await?;
    } else {
        let reply = probe.send(&load).await?;
        judged.asks(reply.outcome().is_taken(), reply.words());
    }
    Ok(judged)
}

/// A request whose body has already been packed.
fn packed(probe: &Probe, body: Vec<u8>, encoding: &str) -> Request {
    let request = probe.http_request(probe.axes.plain(), &Load::of_bytes(Vec::new()));
    Request { body, ..request }.with("content-encoding", encoding)
}

async fn unknown(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 415 or 400 with a Status for an encoding that is not known");
    for encoding in ["nonsense", "br"] {
        let load = probe.good(1);
        let answer = probe.ask(&packed(probe, load.bytes.clone(), encoding), &load).await;
        asks_status(&mut judged, encoding, &answer, &[415, 400]);
        if let Some(why) = answer.ok().and_then(|answer| error_body(&answer).err()) {
            judged.asks(false, format!("{encoding}: {why}"));
        }
    }
    Ok(judged)
}

async fn unknown_grpc(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("UNIMPLEMENTED, and grpc-accept-encoding says what is known");
    let load = Load::of_bytes(b"whatever".to_vec());
    let body = framed_as(1, load.bytes.len() as u32, &load.bytes);
    let mut odd = call(probe.axes.signal.grpc_path(), body).with("grpc-encoding", "nonsense");
    odd.fields.extend(probe.profile.headers.iter().cloned());
    let said = probe.call(&odd, &load).await?;
    judged.asks(said.code == Some(Code::UNIMPLEMENTED), said.words());
    let accepts = said.accepts.as_deref().unwrap_or_default();
    judged.asks(accepts.contains("gzip"), format!("grpc-accept-encoding is {accepts:?}"));
    Ok(judged)
}

/// gzip that is broken, each in its own way.
fn broken(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let whole = gzip(bytes);
    let with = |at: usize| {
        let mut changed = whole.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 0xff;
        }
        changed
    };
    vec![
        ("no gzip at all", bytes.to_vec()),
        ("cut off", whole[..whole.len() / 2].to_vec()),
        ("another check sum", with(whole.len().saturating_sub(6))),
    ]
}

async fn corrupt(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 400, or a code that is final, for gzip that is broken");
    let good = probe.good(3);
    for (name, body) in broken(&good.bytes) {
        let load = Load::of_bytes(body);
        let reply = match probe.axes.protocol {
            Protocol::Grpc => {
                let body = framed_as(1, load.bytes.len() as u32, &load.bytes);
                let mut odd = call(probe.axes.signal.grpc_path(), body).with("grpc-encoding", "gzip");
                odd.fields.extend(probe.profile.headers.iter().cloned());
                probe.call(&odd, &load).await.map(Reply::Grpc)
            }
            _ => probe.ask(&packed(probe, load.bytes.clone(), "gzip"), &load).await.map(Reply::Http),
        };
        match &reply {
            Ok(Reply::Http(answer)) => judged.asks(answer.status == 400, format!("{name}: {}", answer.words())),
            _ => asks_refusal(&mut judged, name, &reply),
        }
    }
    Ok(judged)
}

async fn members(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("gzip in several members is taken whole");
    let load = probe.good(4);
    let (first, second) = load.bytes.split_at(load.bytes.len() / 2);
    let body = [gzip(first), gzip(second)].concat();
    asks_status(&mut judged, "two members", &probe.ask(&packed(probe, body, "gzip"), &load).await, &[200]);
    if probe.readback.is_some() {
        let (came, sent) = (probe.arrived(&load).await.len(), 4);
        judged.asks(came == sent, format!("{came} of {sent} items came out"));
    }
    Ok(judged)
}

async fn nothing(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("gzip of nothing is an empty request");
    let load = Load::of_bytes(Vec::new());
    asks_status(&mut judged, "gzip of nothing", &probe.ask(&packed(probe, gzip(b""), "gzip"), &load).await, &[200]);
    Ok(judged)
}

async fn spelling(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("GZIP is gzip; identity and x-gzip may be taken");
    for (encoding, is_packed) in [("GZIP", true), ("identity", false), ("x-gzip", true)] {
        let load = probe.good(1);
        let body = if is_packed { gzip(&load.bytes) } else { load.bytes.clone() };
        let answer = probe.ask(&packed(probe, body, encoding), &load).await;
        match answer {
            Ok(answer) if encoding != "GZIP" && answer.status != 200 => {
                judged.saw(How::Told, format!("{encoding}: {}", answer.words()));
            }
            answer => asks_status(&mut judged, encoding, &answer, &[200]),
        }
    }
    Ok(judged)
}

async fn flag_unset(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("a message that is not compressed is taken, though the call names gzip");
    let load = probe.good(2);
    let mut plain = call(probe.axes.signal.grpc_path(), framed(&load.bytes)).with("grpc-encoding", "gzip");
    plain.fields.extend(probe.profile.headers.iter().cloned());
    let said: Result<Said, Unanswered> = probe.call(&plain, &load).await;
    let is_ok = said.as_ref().is_ok_and(|said| said.code == Some(Code::OK));
    judged.asks(is_ok, words(&said));
    Ok(judged)
}

/// Other compressions that a receiver may take, each with an example.
fn others_of(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = std::io::Write::write_all(&mut zlib, bytes);
    let zstd = zstd::bulk::compress(bytes, 1).unwrap_or_default();
    vec![("zstd", zstd), ("deflate", zlib.finish().unwrap_or_default())]
}

async fn others(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("others than gzip may be taken");
    let marker = probe.marker();
    let good = payload::good(probe.axes.protocol, probe.axes.signal, &marker, 1);
    for (encoding, body) in others_of(&good.bytes) {
        // The same items each time: whoever takes several may keep several, which is nobody's business here.
        let load = Load::of_bytes(body);
        let told = match probe.axes.protocol {
            Protocol::Grpc => {
                let framed = framed_as(1, load.bytes.len() as u32, &load.bytes);
                let mut odd = call(probe.axes.signal.grpc_path(), framed).with("grpc-encoding", encoding);
                odd.fields.extend(probe.profile.headers.iter().cloned());
                words(&probe.call(&odd, &load).await)
            }
            _ => {
                let answer = probe.ask(&packed(probe, load.bytes.clone(), encoding), &load).await;
                answer.map_or_else(|error| error.to_string(), |answer| answer.words())
            }
        };
        judged.saw(How::Told, format!("{encoding}: {told}"));
    }
    let Axes { protocol, .. } = probe.axes;
    judged.saw(How::Told, format!("snappy and lz4 are not tried over {}", protocol.name()));
    Ok(judged)
}
