//! The cases, a file a subject. Each is a function of a probe that says what it expected and what it saw.
//!
//! What several cases do alike stands here: sending what is to be refused, and reading back what is to be kept.

pub(super) mod compression;
pub(super) mod grpc;
pub(super) mod grpc_conduct;
pub(super) mod http;
pub(super) mod http_conduct;
pub(super) mod http_errors;
pub(super) mod json;
pub(super) mod json_values;
pub(super) mod partial;
pub(super) mod points;
pub(super) mod proto;
pub(super) mod records;
pub(super) mod size;
pub(super) mod spans;

use super::judged::{How, Judged};
use super::payload::Load;
use super::probe::Probe;
use super::raw::{Unanswered, http1};
use super::readback::Arrived;
use super::reply::{Outcome, Reply};

/// An answer over HTTP is to have one of these statuses.
fn asks_status(judged: &mut Judged, name: &str, answer: &Result<http1::Answer, Unanswered>, statuses: &[u16]) {
    match answer {
        Ok(answer) => judged.asks(statuses.contains(&answer.status), format!("{name}: {}", answer.words())),
        Err(error) => judged.asks(false, format!("{name}: {error}")),
    }
}

/// What was sent is to be refused for good: a client that came again would never end. What was taken instead is told as such.
fn asks_refusal(judged: &mut Judged, name: &str, reply: &Result<Reply, Unanswered>) {
    match reply.as_ref().map(|reply| (reply, reply.outcome())) {
        Ok((_, Outcome::Refused { is_retryable: false, words })) if !is_server_error(reply) => {
            judged.asks(true, format!("{name}: {words}"));
        }
        Ok((reply, _)) => judged.asks(false, format!("{name}: {}", reply.words())),
        Err(error) => judged.asks(false, format!("{name}: {error}")),
    }
}

/// What was sent may be taken or refused, as long as the target answers and does not call it its own mistake.
fn asks_account(judged: &mut Judged, name: &str, reply: &Result<Reply, Unanswered>) {
    match reply {
        Ok(answer) if is_server_error(reply) => judged.asks(false, format!("{name}: {}", answer.words())),
        Ok(answer) => judged.asks(true, format!("{name}: {}{}", answer.words(), rejected(&answer.outcome()))),
        Err(error) => judged.asks(false, format!("{name}: {error}")),
    }
}

fn rejected(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Taken { rejected, message, .. } if *rejected != 0 => format!(", {rejected} rejected: {message}"),
        _ => String::new(),
    }
}

/// Whether the target says that it failed itself.
fn is_server_error(reply: &Result<Reply, Unanswered>) -> bool {
    match reply {
        Ok(Reply::Http(answer)) => answer.status >= 500,
        // The usual servers say INTERNAL of a message that they cannot read, which is final and so does no harm.
        Ok(Reply::Grpc(said)) => said.code.is_none(),
        Err(_) => false,
    }
}

/// What was sent is to be taken as a whole and to come out, each item as `check` wants it.
async fn asks_kept(
    probe: &Probe,
    judged: &mut Judged,
    name: &str,
    load: &Load,
    check: impl Fn(&Arrived) -> Result<(), String>,
) -> Result<(), Unanswered> {
    let reply = probe.send(load).await?;
    let outcome = reply.outcome();
    if !outcome.is_taken() || outcome.rejected() != 0 {
        judged.asks(false, format!("{name}: {}{}", reply.words(), rejected(&outcome)));
        return Ok(());
    }
    let items = load.items.as_ref().map_or(0, |(_, items)| *items);
    let arrived = probe.arrived(load).await;
    if (arrived.len() as u64) < items {
        judged.saw(How::Lost, format!("{name}: taken ({}), and {} of {items} came out", reply.words(), arrived.len()));
        return Ok(());
    }
    match arrived.iter().find_map(|arrived| check(arrived).err()) {
        Some(wrong) => judged.asks(false, format!("{name}: {wrong}")),
        None => judged.asks(true, format!("{name}: it came out as it was sent")),
    }
    Ok(())
}

/// What came out of a request, where it was taken whole: nobody waits for what was refused.
async fn arrived_if_taken(probe: &Probe, load: &Load, reply: &Result<Reply, Unanswered>) -> Vec<Arrived> {
    match reply.as_ref().map(Reply::outcome) {
        Ok(Outcome::Taken { rejected: 0, .. }) => probe.arrived(load).await,
        _ => Vec::new(),
    }
}

/// Two things are to be the same.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, came: &T, sent: &T) -> Result<(), String> {
    if came == sent { Ok(()) } else { Err(format!("{what} came out as {came:?} and was {sent:?}")) }
}

/// The span that arrived.
fn span_of(arrived: &Arrived) -> Result<&opentelemetry_proto::tonic::trace::v1::Span, String> {
    arrived.span().ok_or_else(|| "it came out as something else".to_owned())
}
