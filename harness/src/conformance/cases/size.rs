//! Limits for requests: what is said to a request that is too large, and to one that becomes so.

use super::asks_status;
use crate::conformance::axes::{ALL, GRPC, Over, PROTOBUF};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::Load;
use crate::conformance::payload::wire::Writer;
use crate::conformance::probe::Probe;
use crate::conformance::raw::Unanswered;
use crate::conformance::raw::grpc::Said;
use crate::conformance::registry::{Case, Needs};
use crate::conformance::reply::{Reply, error_body};
use crate::wire::{Code, Compression, Protocol};

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("SIZE-01/over", Over::any(GRPC), |p| Box::pin(over_grpc(p))).needing(&[Needs::Limit]),
    Case::new("SIZE-02/inflates", Over::any(GRPC).gzipped(), |p| Box::pin(over_grpc(p))).needing(&[Needs::Limit]),
    Case::new("SIZE-03/over", Over::any(PROTOBUF), |p| Box::pin(over_http(p))).needing(&[Needs::Limit]),
    Case::new("SIZE-04/inflates", Over::any(PROTOBUF).gzipped(), |p| Box::pin(over_http(p))).needing(&[Needs::Limit]),
    Case::new("SIZE-05/bisected", Over::any(&[Protocol::Grpc, Protocol::HttpProtobuf]), |p| Box::pin(bisected(p)))
        .needing(&[Needs::Time]),
    Case::new("SIZE-07/afterwards", Over::any(ALL), |p| Box::pin(afterwards(p))).needing(&[Needs::Limit]),
];

/// The most that is sent to find a limit: what OTLP recommends, and a little more.
const LARGEST: usize = (64 << 20) + (64 << 10);

/// A request of about so many bytes without a single item: unknown fields, which every receiver is to skip. It packs by a
/// thousand to one.
fn hollow(bytes: usize) -> Vec<u8> {
    let block = vec![0u8; 1 << 16];
    let mut writer = Writer::default();
    while writer.0.len() < bytes {
        writer = writer.bytes(2_002, &block);
    }
    writer.0
}

/// The same as JSON.
fn hollow_json(bytes: usize) -> Vec<u8> {
    format!(r#"{{"unknown":"{}"}}"#, "a".repeat(bytes)).into_bytes()
}

fn limit(probe: &Probe) -> usize {
    probe.profile.bytes_max(probe.axes.protocol).unwrap_or(4 << 20)
}

/// Just beyond the limit, or far beyond where it is packed.
fn too_large(probe: &Probe) -> Load {
    let bytes = match probe.axes.compression {
        Compression::None => limit(probe) + 1,
        _ => limit(probe).saturating_mul(2),
    };
    match probe.axes.protocol {
        Protocol::HttpJson => Load::of_bytes(hollow_json(bytes)),
        _ => Load::of_bytes(hollow(bytes)),
    }
}

async fn over_grpc(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("RESOURCE_EXHAUSTED without RetryInfo");
    let load = too_large(probe);
    let said = probe.call(&probe.grpc_call(probe.axes, &load), &load).await?;
    judged.asks(said.code == Some(Code::RESOURCE_EXHAUSTED), said.words());
    judged.asks(!said.has_retry_info(), retry_words(&said));
    Ok(judged)
}

fn retry_words(said: &Said) -> &'static str {
    if said.has_retry_info() { "a RetryInfo comes along: clients will send it again" } else { "no RetryInfo" }
}

async fn over_http(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("status 413 with a Status");
    let load = too_large(probe);
    let answer = probe.ask(&probe.http_request(probe.axes, &load), &load).await;
    let name = format!("{} bytes", load.bytes.len());
    asks_status(&mut judged, &name, &answer, &[413]);
    if let Some(why) = answer.ok().filter(|answer| answer.status == 413).and_then(|answer| error_body(&answer).err()) {
        judged.asks(false, format!("{name}: 413, but {why}"));
    }
    Ok(judged)
}

async fn bisected(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("64 MiB are recommended; 4 MiB over gRPC and 20 MiB over HTTP are usual");
    let (mut taken, mut refused, mut refused_really) = (0, None, usize::MAX);
    let mut bytes = 1 << 20;
    // Doubled until refused, then halved in between, to within 64 KiB.
    loop {
        let load = Load::of_bytes(hollow(bytes));
        let why_not = match probe.send(&load).await {
            Ok(reply) if reply.outcome().is_taken() => None,
            Ok(reply) => Some(reply.words()),
            Err(error) => Some(error.to_string()),
        };
        match why_not {
            None => taken = bytes,
            Some(words) => {
                refused = Some((bytes, words));
                refused_really = load.bytes.len();
            }
        }
        bytes = match &refused {
            None if bytes >= LARGEST => break,
            None => (bytes * 2).min(LARGEST),
            Some((refused, _)) if refused - taken <= 64 << 10 => break,
            Some((refused, _)) => taken + (refused - taken) / 2,
        };
    }
    let told = match refused {
        None => format!("{:.1} MiB are taken; more was not tried", mib(taken)),
        Some((bytes, words)) => format!("{:.1} MiB are taken, {:.1} MiB are not: {words}", mib(taken), mib(bytes)),
    };
    judged.saw(How::Told, told);
    // What is taken may be short of the limit by a step; what is refused is not.
    if refused_really <= 4 << 20 {
        judged.asks(false, "less than 4 MiB, the least that is usual");
    }
    Ok(judged)
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

async fn afterwards(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting("after a request that was too large the connection goes on, or is closed in good order");
    let (large, good) = (too_large(probe), probe.good(1));
    if probe.axes.protocol == Protocol::Grpc {
        let connection = probe.http2().await?;
        let refused = probe.call_on(&connection, &probe.grpc_call(probe.axes, &large), &large).await;
        judged.saw(How::Holds, format!("the large one: {}", crate::conformance::raw::grpc::words(&refused)));
        let said = probe.call_on(&connection, &probe.grpc_call(probe.axes, &good), &good).await;
        match &said {
            Ok(said) => judged.asks(said.code == Some(Code::OK), format!("afterwards: {}", said.words())),
            Err(Unanswered::GoAway(_) | Unanswered::Closed) => {
                judged.saw(How::Told, "the connection was ended in good order")
            }
            Err(error) => judged.asks(false, format!("afterwards: {error}")),
        }
        return Ok(judged);
    }
    let mut connection = probe.http1().await?;
    let refused = connection.exchange(&probe.http_request(probe.axes, &large)).await?;
    judged.saw(How::Holds, format!("the large one: {}", refused.words()));
    if !refused.goes_on {
        judged.saw(How::Told, "the connection was ended with the answer");
        return Ok(judged);
    }
    let answer = connection.exchange(&probe.http_request(probe.axes, &good)).await;
    probe.note(&good, answer.clone().map(Reply::Http).as_ref());
    asks_status(&mut judged, "afterwards", &answer, &[200]);
    Ok(judged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::probe::gzip;

    #[test]
    fn hollow_requests_are_as_long_as_asked_and_pack_well() {
        let bytes = hollow(1 << 20);
        assert!((1 << 20..(1 << 20) + (1 << 17)).contains(&bytes.len()));
        assert!(gzip(&bytes).len() < bytes.len() / 100);
        assert!(hollow_json(1000).len() > 1000);
    }
}
