//! What went over the wire in one trial: every read and write of every connection, when it was, and what it means.
//!
//! Bounded: of each piece the first bytes are kept, and of a trial so many pieces; what is beyond is counted. Credentials are not
//! kept: a piece that holds any, as it is or packed into headers of HTTP/2, is told by what it means alone.

use crate::proxy::http2::frame::{ACK, END_HEADERS, END_STREAM, Editor, Fate, Head, PREFACE, kind};
use spanproof_reports::conformance::{Direction, WireEntry};
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes kept of a piece.
const PIECE_MAX: usize = 256;

/// Pieces kept of a trial.
const PIECES_MAX: usize = 400;

/// Characters of what a piece means.
const WORDS_MAX: usize = 400;

/// What went over the wire in one trial. Shared by all its connections.
pub struct Trace {
    begun: Instant,
    connections: AtomicU32,
    secrets: Vec<String>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: Vec<WireEntry>,
    beyond: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self::without(Vec::new())
    }
}

/// What stands in place of credentials.
const HIDDEN: &str = "(credentials)";

impl Trace {
    /// One that keeps none of these texts.
    pub fn without(secrets: Vec<String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
        Self { begun: Instant::now(), connections: AtomicU32::new(0), secrets, kept: Mutex::default() }
    }

    /// A number for the next connection.
    pub fn next_connection(&self) -> u32 {
        self.connections.fetch_add(1, Relaxed)
    }

    /// Notes bytes and what they mean.
    pub fn bytes(&self, connection: u32, direction: Direction, bytes: &[u8], decoded: String) {
        self.push(connection, direction, bytes, decoded);
    }

    /// Notes that something happened to a connection, or what an answer means as a whole.
    pub fn note(&self, connection: u32, what: impl Into<String>) {
        self.push(connection, Direction::Event, &[], what.into());
    }

    fn push(&self, connection: u32, direction: Direction, bytes: &[u8], mut decoded: String) {
        let at_us = self.begun.elapsed().as_micros() as u64;
        let is_secret = self.hide(bytes, &mut decoded);
        let mut kept = self.kept();
        if kept.entries.len() >= PIECES_MAX {
            kept.beyond += 1;
            return;
        }
        if let Some((end, _)) = decoded.char_indices().nth(WORDS_MAX) {
            decoded.truncate(end);
            decoded.push_str("...");
        }
        let hex =
            if is_secret { String::new() } else { hex(&bytes[..bytes.len().min(PIECE_MAX)], bytes.len() > PIECE_MAX) };
        kept.entries.push(WireEntry { at_us, connection, direction, bytes: bytes.len() as u64, decoded, hex });
    }

    /// Takes credentials out of what a piece means; whether its bytes hold any.
    fn hide(&self, bytes: &[u8], decoded: &mut String) -> bool {
        let mut is_secret = false;
        for secret in &self.secrets {
            *decoded = decoded.replace(secret, HIDDEN);
            is_secret |= bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        }
        if is_secret {
            // A line that was cut short may end in a part of them.
            decoded.truncate(decoded.find(" | ").unwrap_or(0));
            decoded.push_str(" | ");
            decoded.push_str(HIDDEN);
        }
        // Headers of HTTP/2 are packed, so that a secret is not to be found in them as it is.
        is_secret || !self.secrets.is_empty() && (decoded.contains("HEADERS") || decoded.contains("CONTINUATION"))
    }

    /// Everything so far, in the order in which it happened.
    pub fn entries(&self) -> Vec<WireEntry> {
        let kept = self.kept();
        let mut entries = kept.entries.clone();
        if kept.beyond > 0 {
            let decoded = format!("and {} more pieces, which were not kept", kept.beyond);
            let at_us = self.begun.elapsed().as_micros() as u64;
            let (direction, hex) = (Direction::Event, String::new());
            entries.push(WireEntry { at_us, connection: 0, direction, bytes: 0, decoded, hex });
        }
        entries
    }

    /// How long the trial has lasted.
    pub fn took_ms(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hex(bytes: &[u8], goes_on: bool) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if goes_on {
        text.push_str("..");
    }
    text
}

/// Says of one direction of a connection what its bytes mean: frames of HTTP/2, or the lines of HTTP/1.1.
pub struct Describer {
    frames: Editor,
}

impl Describer {
    /// Of what a client says.
    pub fn of_client() -> Self {
        Self { frames: Editor::of_client() }
    }

    /// Of what a server says.
    pub fn of_server() -> Self {
        Self { frames: Editor::of_server() }
    }

    /// What the next bytes mean.
    pub fn describe(&mut self, bytes: &[u8]) -> String {
        let mut words: Vec<String> = Vec::new();
        if bytes.starts_with(PREFACE) {
            words.push("preface of HTTP/2".to_owned());
        }
        // What is left of the bytes is of no interest: they went already.
        drop(self.frames.edit(bytes, &mut |head, payload| {
            words.push(frame(head, payload));
            Fate::Pass
        }));
        if self.frames.is_foreign() { first_lines(bytes) } else { words.join(", ") }
    }
}

fn frame(head: &Head, payload: &[u8]) -> String {
    let name = match head.kind {
        kind::DATA => "DATA",
        kind::HEADERS => "HEADERS",
        kind::RST_STREAM => "RST_STREAM",
        kind::SETTINGS => "SETTINGS",
        kind::PING => "PING",
        kind::GOAWAY => "GOAWAY",
        kind::WINDOW_UPDATE => "WINDOW_UPDATE",
        kind::CONTINUATION => "CONTINUATION",
        other => return format!("frame of kind {other}, {} bytes", head.length),
    };
    let mut text = name.to_owned();
    if head.stream > 0 {
        // Writing to a string does not fail, here and below.
        let _ = write!(text, " {}", head.stream);
    }
    let flags = match head.kind {
        kind::SETTINGS | kind::PING => vec![(ACK, "ACK")],
        kind::HEADERS => vec![(END_STREAM, "END_STREAM"), (END_HEADERS, "END_HEADERS")],
        kind::DATA => vec![(END_STREAM, "END_STREAM")],
        _ => Vec::new(),
    };
    for (_, flag) in flags.into_iter().filter(|(flag, _)| head.has(*flag)) {
        let _ = write!(text, " {flag}");
    }
    match (head.kind, payload) {
        (kind::RST_STREAM, payload) => drop(write!(text, " error {}", error(payload))),
        (kind::GOAWAY, [_, _, _, _, payload @ ..]) => drop(write!(text, " error {}", error(payload))),
        (kind::DATA | kind::HEADERS, _) => drop(write!(text, " ({} bytes)", head.length)),
        _ => {}
    }
    text
}

fn error(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The first lines of a text, as HTTP/1.1 begins; nothing for what is none.
fn first_lines(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(WORDS_MAX)];
    let text = String::from_utf8_lossy(head);
    let is_head = text.starts_with("HTTP/1.") || text.lines().next().is_some_and(|line| line.contains(" HTTP/1."));
    if is_head {
        text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::http2::frame::{frame, goaway, rst_stream, setting};

    #[test]
    fn frames_are_told_by_name_however_they_are_cut() {
        let stream = [&setting(3, 7)[..], &frame(kind::HEADERS, END_HEADERS, 1, b"abc"), &goaway(1, 11, b"")].concat();
        let mut server = Describer::of_server();
        assert_eq!(server.describe(&stream), "SETTINGS, HEADERS 1 END_HEADERS (3 bytes), GOAWAY error 11");
        let reset = rst_stream(3, 8);
        assert_eq!(server.describe(&reset[..5]), "");
        assert_eq!(server.describe(&reset[5..]), "RST_STREAM 3 error 8");
        let client = [PREFACE, &setting(2, 0)].concat();
        assert_eq!(Describer::of_client().describe(&client), "preface of HTTP/2, SETTINGS");
    }

    #[test]
    fn lines_are_told_up_to_the_body_and_other_bytes_not_at_all() {
        let mut client = Describer::of_client();
        let said = client.describe(b"POST /v1/traces HTTP/1.1\r\nhost: a\r\n\r\nbody");
        assert_eq!(said, "POST /v1/traces HTTP/1.1 | host: a");
        assert_eq!(client.describe(&[0, 1, 2]), "");
    }

    #[test]
    fn credentials_are_not_kept() {
        let trace = Trace::without(vec!["hunter2".to_owned(), String::new()]);
        trace.bytes(0, Direction::Sent, b"authorization: hunter2\r\n", "POST | authorization: hunter2".to_owned());
        trace.bytes(0, Direction::Sent, &[1, 2, 3], "HEADERS 1 (3 bytes)".to_owned());
        trace.bytes(0, Direction::Sent, &[1, 2, 3], "DATA 1 (3 bytes)".to_owned());
        let entries = trace.entries();
        assert_eq!(entries[0].decoded, format!("POST | {HIDDEN}"));
        assert_eq!(entries.iter().map(|entry| entry.hex.as_str()).collect::<Vec<_>>(), ["", "", "010203"]);
    }

    #[test]
    fn a_trace_stays_within_its_bounds() {
        let trace = Trace::default();
        for _ in 0..PIECES_MAX + 10 {
            trace.bytes(0, Direction::Sent, &[7; 1000], "x".repeat(1000));
        }
        let entries = trace.entries();
        assert_eq!(entries.len(), PIECES_MAX + 1);
        assert_eq!((entries[0].bytes, entries[0].hex.len()), (1000, 2 * PIECE_MAX + 2));
        assert!(entries[0].decoded.len() <= WORDS_MAX + 3);
        assert!(entries.last().unwrap().decoded.contains("10 more"));
    }
}
