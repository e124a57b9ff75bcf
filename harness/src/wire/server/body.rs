//! Brings a request's body into one buffer: without a copy when it came in one frame, else with exactly one.
//!
//! Space is taken as bytes arrive, never because a peer announced a length; both protocols' lengths are only hints for
//! how large the one buffer should be.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout};

use super::budget::Hold;
use super::config::Limits;
use super::rejection::Rejection;
use super::turned_away::Turning;
use crate::wire::PREFIX;

/// The most that is allocated on the word of a peer; longer bodies grow into their size.
const RESERVE_MAX: usize = 4 << 20;

/// The most that is read and thrown away of a request that is refused before its end.
const DISCARD_BYTES_MAX: usize = 256 << 20;

/// A body that is being read, with its deadlines.
pub(super) struct Source {
    body: Incoming,
    pause_max: Duration,
    deadline: Instant,
    /// Bytes that came.
    seen: u64,
    ended: bool,
}

impl Source {
    pub fn new(body: Incoming, limits: &Limits) -> Self {
        let deadline = Instant::now() + limits.body_timeout;
        Self { body, pause_max: limits.body_pause_max, deadline, seen: 0, ended: false }
    }

    /// The next data that is not empty, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        loop {
            // What has been read already needs no timer.
            if self.body.is_end_stream() {
                self.ended = true;
                return Ok(None);
            }
            let wait = self.pause_max.min(self.deadline.saturating_duration_since(Instant::now()));
            let frame = match timeout(wait, self.body.frame()).await {
                Err(_) => return Err(Rejection::slow("the body came too slowly")),
                Ok(None) => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(Some(Err(error))) => return Err(Rejection::truncated(format!("the body broke off: {error}"))),
                Ok(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) if !data.is_empty() => {
                    self.seen += data.len() as u64;
                    return Ok(Some(data));
                }
                _ => {}
            }
        }
    }

    /// Reads on without keeping anything, within bounds, while the answer is on its way: a peer that has not heard it yet writes on,
    /// and a stream that is forgotten by then has to be reset. After a thousand such resets the HTTP/2 library ends the connection
    /// with ENHANCE_YOUR_CALM, and everything under way on it with it.
    pub fn discard_meanwhile(mut self, turning: Option<Turning>) {
        tokio::spawn(async move {
            self.discard().await;
            self.is_over(turning);
        });
    }

    /// Notes of a request that was turned away how much it was at most: what has come of it, or was announced to come.
    pub fn is_over(&self, turning: Option<Turning>) {
        let Some(turning) = turning else { return };
        let to_come = if self.ended { Some(0) } else { self.body.size_hint().upper() };
        turning.over(to_come.map(|to_come| self.seen.saturating_add(to_come)));
    }

    /// Reads on without keeping anything, within bounds.
    pub async fn discard(&mut self) {
        let mut discarded = 0;
        while let Ok(Some(data)) = self.next().await {
            discarded += data.len();
            if discarded > DISCARD_BYTES_MAX {
                return;
            }
        }
    }

    /// The whole body of an HTTP request, not longer than `limit`.
    pub async fn whole(&mut self, limit: usize, hold: &mut Hold<'_>) -> Result<Bytes, Rejection> {
        let expected = self.body.size_hint().lower();
        if expected > limit as u64 {
            return Err(Rejection::too_large(limit));
        }
        let Some(first) = self.take(hold).await? else { return Ok(Bytes::new()) };
        check(first.len(), limit)?;
        let Some(second) = self.take(hold).await? else { return Ok(first) };
        let size = (expected as usize).clamp(first.len() + second.len(), RESERVE_MAX.max(first.len() + second.len()));
        let mut buffer = BytesMut::with_capacity(size);
        buffer.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(data) = next {
            check(buffer.len() + data.len(), limit)?;
            buffer.extend_from_slice(&data);
            next = self.take(hold).await?;
        }
        Ok(buffer.freeze())
    }

    /// The one message of a unary gRPC call, its payload not longer than `limit`.
    pub async fn message(&mut self, limit: usize, hold: &mut Hold<'_>) -> Result<Message, Rejection> {
        let start = self.start(hold).await?;
        let (compressed, length) = prefix(&start, limit)?;
        let end = PREFIX + length;
        let whole = if start.len() < end { self.rest(start, end, hold).await? } else { start };
        if whole.len() > end || self.take(hold).await?.is_some() {
            return Err(Rejection::framing("bytes follow the message, or the declared length is wrong"));
        }
        Ok(Message { compressed, payload: whole.slice(PREFIX..) })
    }

    /// The body's beginning, at least as long as the prefix.
    async fn start(&mut self, hold: &mut Hold<'_>) -> Result<Bytes, Rejection> {
        let first = self.take(hold).await?.unwrap_or_default();
        if first.len() >= PREFIX {
            return Ok(first);
        }
        let mut buffer = BytesMut::from(first.as_ref());
        while buffer.len() < PREFIX {
            match self.take(hold).await? {
                Some(data) => buffer.extend_from_slice(&data),
                None => return Err(Rejection::truncated("the body ends inside the message prefix")),
            }
        }
        Ok(buffer.freeze())
    }

    /// Reads up to `end` bytes in all, or a little more if the peer sent more.
    async fn rest(&mut self, start: Bytes, end: usize, hold: &mut Hold<'_>) -> Result<Bytes, Rejection> {
        let mut buffer = BytesMut::with_capacity(end.min(RESERVE_MAX.max(start.len())));
        buffer.extend_from_slice(&start);
        drop(start);
        while buffer.len() < end {
            match self.take(hold).await? {
                Some(data) => buffer.extend_from_slice(&data),
                None => return Err(Rejection::truncated("the body ends before the declared length")),
            }
        }
        Ok(buffer.freeze())
    }

    async fn take(&mut self, hold: &mut Hold<'_>) -> Result<Option<Bytes>, Rejection> {
        let data = self.next().await?;
        if let Some(data) = &data {
            hold.grow(data.len()).await?;
        }
        Ok(data)
    }
}

/// A gRPC message without its prefix.
pub(super) struct Message {
    pub compressed: bool,
    pub payload: Bytes,
}

fn check(length: usize, limit: usize) -> Result<(), Rejection> {
    if length > limit { Err(Rejection::too_large(limit)) } else { Ok(()) }
}

/// Reads the flag and the length; `start` is at least as long as the prefix.
fn prefix(start: &[u8], limit: usize) -> Result<(bool, usize), Rejection> {
    let [flag, a, b, c, d, ..] = *start else {
        return Err(Rejection::truncated("the body ends inside the message prefix"));
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match flag {
        0 | 1 => check(length, limit).map(|()| (flag == 1, length)),
        _ => Err(Rejection::framing(format!("the message prefix has the flag {flag}; 0 and 1 are defined"))),
    }
}
