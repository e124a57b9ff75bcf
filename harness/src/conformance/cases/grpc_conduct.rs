//! How a receiver conducts itself over gRPC: many calls at once, large ones, those that are given up, and other protocols.

use crate::conformance::axes::{GRPC, Over};
use crate::conformance::judged::{How, Judged};
use crate::conformance::payload::{self, Load};
use crate::conformance::probe::Probe;
use crate::conformance::raw::frames::Frames;
use crate::conformance::raw::grpc::{call, framed_as, words};
use crate::conformance::raw::http1;
use crate::conformance::raw::http2::Http2;
use crate::conformance::raw::{Unanswered, grpc::Said};
use crate::conformance::registry::{Case, Needs};
use crate::conformance::reply::Reply;
use crate::wire::{Code, Protocol};
use tokio::time::Instant;

pub(in crate::conformance) const CASES: &[Case] = &[
    Case::new("GRPC-13/hundred", Over::any(GRPC), |p| Box::pin(hundred(p))),
    Case::new("GRPC-14/beside-large", Over::any(GRPC), |p| Box::pin(beside_large(p))).needing(&[Needs::Time]),
    Case::new("GRPC-20/timeout", Over::any(GRPC), |p| Box::pin(deadline(p))).needing(&[Needs::Time]),
    Case::new("GRPC-21/resets", Over::any(GRPC), |p| Box::pin(resets(p))).needing(&[Needs::Time]),
    Case::new("GRPC-24/other-protocol", Over::any(GRPC), |p| Box::pin(other_protocol(p))),
];

/// Calls at once.
const AT_ONCE: usize = 100;

/// Calls that are given up, and over how many connections: a server may limit how many it bears on one.
const RESETS: usize = 1_000;
const RESET_CONNECTIONS: usize = 10;

/// How a client says in HTTP/2 that it has lost interest.
const CANCEL: u32 = 8;

/// A request that takes a while: below the limit of 4 MiB that the usual servers have.
const LARGE_ITEMS: u64 = 15_000;

async fn hundred(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting(format!("{AT_ONCE} calls at once on one connection get an answer each"));
    let connection = probe.http2().await?;
    let loads: Vec<Load> = (0..AT_ONCE).map(|_| probe.good(1)).collect();
    let mut answered = 0;
    for said in all_at_once(probe, &connection, &loads).await {
        let is_one = said.as_ref().is_ok_and(|said| said.code == Some(Code::OK) && said.messages.len() == 1);
        answered += usize::from(is_one);
        if !is_one {
            judged.asks(false, words(&said));
        }
    }
    judged.asks(answered == AT_ONCE, format!("{answered} of {AT_ONCE} were answered with OK and one message"));
    Ok(judged)
}

/// Calls with all of these at once; what was said to each, in their order.
async fn all_at_once(probe: &Probe, connection: &Http2, loads: &[Load]) -> Vec<Result<Said, Unanswered>> {
    let mut under_way: Vec<_> = loads
        .iter()
        .map(|load| {
            let call = probe.grpc_call(probe.axes, load);
            Box::pin(async move { probe.call_on(connection, &call, load).await })
        })
        .collect();
    let mut done: Vec<Option<Result<Said, Unanswered>>> = loads.iter().map(|_| None).collect();
    // All are polled each time that one has something to say; there are few, and it needs no crate.
    std::future::poll_fn(|cx| {
        let mut is_pending = false;
        for (future, slot) in under_way.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(answer) => *slot = Some(answer),
                    std::task::Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

async fn beside_large(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("small calls are answered beside a large one on the same connection");
    let connection = probe.http2().await?;
    let large = probe.good(LARGE_ITEMS);
    let small = probe.good(1);
    let begun = Instant::now();
    let timed = |load: &Load| {
        let (load, call) = (load.clone(), probe.grpc_call(probe.axes, load));
        let connection = &connection;
        async move {
            let said = probe.call_on(connection, &call, &load).await;
            (said, begun.elapsed())
        }
    };
    let ((large_said, large_took), (small_said, small_took)) = tokio::join!(timed(&large), timed(&small));
    let is_ok = small_said.as_ref().is_ok_and(|said| said.code == Some(Code::OK));
    judged.asks(is_ok, format!("the small one: {} after {small_took:.1?}", words(&small_said)));
    judged
        .saw(How::Told, format!("the large one of {LARGE_ITEMS} items: {} after {large_took:.1?}", words(&large_said)));
    if small_took > large_took {
        judged.saw(How::Told, "the small one was answered after the large one, as if one came after the other");
    }
    Ok(judged)
}

async fn deadline(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("DEADLINE_EXCEEDED, CANCELLED or OK, and the server goes on");
    let connection = probe.http2().await?;
    for _ in 0..20 {
        let load = probe.good(100);
        let late = probe.grpc_call(probe.axes, &load).with("grpc-timeout", "1n");
        let said = probe.call_on(&connection, &late, &load).await;
        let told = format!("with a timeout of 1 ns: {}", words(&said));
        match said {
            Ok(said) => {
                let is_one = matches!(said.code, Some(Code::OK | Code::CANCELLED | Code::DEADLINE_EXCEEDED));
                judged.asks(is_one, told);
            }
            // A reset with CANCEL is how servers say that the time is over.
            Err(Unanswered::StreamReset(8)) => judged.asks(true, told),
            Err(_) => judged.asks(false, told),
        }
    }
    asks_healthy(probe, &mut judged).await;
    Ok(judged)
}

/// Afterwards a good request is taken, on a connection of its own.
async fn asks_healthy(probe: &Probe, judged: &mut Judged) {
    let load = probe.good(1);
    let said = probe.call(&probe.grpc_call(probe.axes, &load), &load).await;
    let is_ok = said.as_ref().is_ok_and(|said| said.code == Some(Code::OK));
    judged.asks(is_ok, format!("afterwards: {}", words(&said)));
}

async fn resets(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged =
        Judged::expecting(format!("after {RESETS} calls that were given up in the middle others are served"));
    let mut ended = Vec::new();
    for _ in 0..RESET_CONNECTIONS {
        if let Err(error) = given_up(probe, RESETS / RESET_CONNECTIONS).await {
            // The server has had enough of this connection, which it may.
            ended.push(error.to_string());
        }
    }
    if let Some(how) = ended.first() {
        let told = format!("{} of {RESET_CONNECTIONS} connections were ended by the server: {how}", ended.len());
        judged.saw(How::Told, told);
    }
    asks_healthy(probe, &mut judged).await;
    Ok(judged)
}

/// Begins so many calls on one connection, sends a part of each, and gives it up. By hand, since a library might take back what it
/// has not sent yet.
async fn given_up(probe: &Probe, calls: usize) -> Result<(), Unanswered> {
    // A part of a message: nobody may take it. All of them together are within the window that every connection begins with.
    let part = framed_as(0, 10_000, &[0x0a; 500]);
    let mut connection = Frames::connect(probe.address()?, &probe.trace, probe.within).await?;
    let call = call(probe.axes.signal.grpc_path(), Vec::new());
    let fields = call.fields.into_iter().chain(probe.profile.headers.clone()).collect();
    for _ in 0..calls {
        let stream = connection.begin(&call.path, &fields).await?;
        connection.data(stream, &part, false).await?;
        connection.reset(stream, CANCEL).await?;
    }
    connection.barrier().await
}

async fn other_protocol(probe: &Probe) -> Result<Judged, Unanswered> {
    let mut judged = Judged::expecting("the other protocol is served, or ends in an error that is one; nothing hangs");
    let axes = crate::conformance::axes::Axes { protocol: Protocol::HttpProtobuf, ..probe.axes };
    let load = payload::good(Protocol::HttpProtobuf, axes.signal, &probe.marker(), 1);
    let answer = http1::once(probe.address()?, &probe.trace, probe.within, &probe.http_request(axes, &load)).await;
    probe.note(&load, answer.clone().map(Reply::Http).as_ref());
    let told = answer.as_ref().map_or_else(Unanswered::to_string, http1::Answer::words);
    judged.asks(!matches!(answer, Err(Unanswered::Late(_))), format!("HTTP/1.1 on the port of gRPC: {told}"));
    if let Some(http) = probe.profile.http {
        let load = probe.good(1);
        let said = match Http2::connect(http, &probe.trace, probe.within).await {
            Ok(connection) => probe.call_on(&connection, &probe.grpc_call(probe.axes, &load), &load).await,
            Err(error) => Err(error),
        };
        judged.asks(!matches!(said, Err(Unanswered::Late(_))), format!("gRPC on the port of HTTP: {}", words(&said)));
    }
    Ok(judged)
}
