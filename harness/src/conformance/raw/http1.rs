//! HTTP/1.1 written by hand: any method, path, headers and framing, any bytes.

use super::error::Unanswered;
use super::parse::{Parsed, Reader};
use super::tap::Tap;
use super::{ANSWER_MAX, Fields, field, media_type};
use crate::conformance::trace::Trace;
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, split};
use tokio::time::timeout;

/// So much of a body is told.
const MESSAGE_MAX: usize = 60;

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// By its length.
    #[default]
    Length,
    /// In chunks of so many bytes.
    Chunked(usize),
    /// By a length that somebody made up.
    Claims(u64),
    /// Not at all.
    Untold,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// `/v1/traces`.
    pub path: String,
    /// Besides `host` and what tells the body's end.
    pub fields: Fields,
    /// The body, as it goes over the wire.
    pub body: Vec<u8>,
    /// How its end is told.
    pub framing: Framing,
}

impl Request {
    /// A POST without headers of its own.
    pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (method, framing) = ("POST".to_owned(), Framing::Length);
        Self { method, path: path.into(), fields: Vec::new(), body: body.into(), framing }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another method.
    #[must_use]
    pub fn by(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// With another framing.
    #[must_use]
    pub fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// The head, with the empty line at its end.
    fn head(&self, authority: &str) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {authority}\r\n", self.method, self.path);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.framing {
            Framing::Length => text.push_str(&format!("content-length: {}\r\n", self.body.len())),
            Framing::Claims(length) => text.push_str(&format!("content-length: {length}\r\n")),
            Framing::Chunked(_) => text.push_str("transfer-encoding: chunked\r\n"),
            Framing::Untold => {}
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    fn payload(&self) -> Vec<u8> {
        let Framing::Chunked(size) = self.framing else { return self.body.clone() };
        let mut bytes = Vec::with_capacity(self.body.len() * 2);
        for chunk in self.body.chunks(size.max(1)) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    fn expects_go_ahead(&self) -> bool {
        field(&self.fields, "expect").is_some()
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header fields.
    pub fields: Fields,
    /// The body, as it went over the wire, without its framing.
    pub body: Vec<u8>,
    /// Whether the connection can be used further.
    pub goes_on: bool,
    /// Interim answers before it, as 100.
    pub interim: Vec<u16>,
}

impl Answer {
    /// A header's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.fields, name)
    }

    /// `HTTP 204, application/json, 0 bytes`, and how the body begins if it is text.
    pub fn words(&self) -> String {
        let kind = self.field("content-type").unwrap_or("no content type");
        let mut text = format!("HTTP {}, {kind}, {} bytes", self.status, self.body.len());
        if let Some(message) = self.status_message() {
            text.push_str(&format!(": a Status, {message:?}"));
            return text;
        }
        let begin = &self.body[..self.body.len().min(MESSAGE_MAX)];
        if let Some(words) = std::str::from_utf8(begin).ok().filter(|words| !words.is_empty() && is_print(words)) {
            text.push_str(&format!(": {words}"));
        }
        text
    }

    /// What a refusal in protobuf says, if it is a `Status` that says anything.
    fn status_message(&self) -> Option<String> {
        let is_protobuf = self.field("content-type").map(media_type).as_deref() == Some("application/x-protobuf");
        if self.status < 400 || !is_protobuf {
            return None;
        }
        let status = tonic_types::Status::decode(&self.body[..]).ok()?;
        let message: String = status.message.chars().take(MESSAGE_MAX).collect();
        (!message.is_empty()).then_some(message)
    }
}

fn is_print(text: &str) -> bool {
    text.chars().all(|character| !character.is_control() || character.is_ascii_whitespace())
}

/// A connection.
pub struct Http1 {
    tap: Tap,
    authority: String,
    buffer: Vec<u8>,
    within: Duration,
}

impl Http1 {
    /// Connects. Everything on the connection, connecting included, has `within` to happen.
    ///
    /// # Errors
    ///
    /// [`Unanswered::Connect`].
    pub async fn connect(address: SocketAddr, trace: &Arc<Trace>, within: Duration) -> Result<Self, Unanswered> {
        let tap = Tap::connect(address, Arc::clone(trace), within).await?;
        Ok(Self { tap, authority: address.to_string(), buffer: Vec::new(), within })
    }

    /// Sends a request and reads its answer, which may come before all is sent.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn exchange(&mut self, request: &Request) -> Result<Answer, Unanswered> {
        let (within, is_head) = (self.within, request.method == "HEAD");
        let answered = timeout(within, self.exchanged(request, is_head)).await;
        let answer = answered.unwrap_or(Err(Unanswered::Late(within)));
        let words = answer.as_ref().map_or_else(Unanswered::to_string, Answer::words);
        self.tap.trace().note(self.tap.connection(), words);
        answer
    }

    async fn exchanged(&mut self, request: &Request, is_head: bool) -> Result<Answer, Unanswered> {
        let (mut source, mut writer) = split(&mut self.tap);
        let mut reader = Reader { source: &mut source, buffer: &mut self.buffer };
        let mut interim = Vec::new();
        let head = request.head(&self.authority);
        // Who closes early has often answered before: what it said is worth more than that we could not go on.
        let mut cut = writer.write_all(&head).await.is_err();
        if request.expects_go_ahead() && !cut {
            match next_head(&mut reader, &mut interim, true).await? {
                None => {}
                Some(refused) => return body(&mut reader, refused, interim, is_head).await,
            }
        }
        let payload = request.payload();
        let writing = async {
            let written = writer.write_all(&payload).await;
            written.is_err() || writer.flush().await.is_err()
        };
        let reading = async {
            let head = next_head(&mut reader, &mut interim, false).await?;
            let head = head.ok_or(Unanswered::Closed)?;
            body(&mut reader, head, interim, is_head).await
        };
        tokio::pin!(writing, reading);
        let mut is_written = false;
        let mut answer = loop {
            tokio::select! {
                biased;
                failed = &mut writing, if !is_written => (is_written, cut) = (true, cut || failed),
                answer = &mut reading => break answer?,
            }
        };
        answer.goes_on &= is_written && !cut;
        Ok(answer)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where they do not go.
    pub async fn say(&mut self, bytes: &[u8]) -> Result<(), Unanswered> {
        let within = self.within;
        let said = timeout(within, async {
            self.tap.write_all(bytes).await?;
            self.tap.flush().await
        });
        said.await.map_err(|_| Unanswered::Late(within))?.map_err(|error| Unanswered::of_io(&error))
    }

    /// Waits for an answer to what was sent by [`Http1::say`], for at most so long.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], with what came instead.
    pub async fn listen(&mut self, within: Duration) -> Result<Answer, Unanswered> {
        let mut interim = Vec::new();
        let mut reader = Reader { source: &mut self.tap, buffer: &mut self.buffer };
        let reading = async {
            let head = next_head(&mut reader, &mut interim, false).await?.ok_or(Unanswered::Closed)?;
            body(&mut reader, head, interim, false).await
        };
        timeout(within, reading).await.unwrap_or(Err(Unanswered::Late(within)))
    }
}

/// A request on a connection of its own.
///
/// # Errors
///
/// [`Unanswered`], with what came instead.
pub async fn once(
    address: SocketAddr,
    trace: &Arc<Trace>,
    within: Duration,
    request: &Request,
) -> Result<Answer, Unanswered> {
    Http1::connect(address, trace, within).await?.exchange(request).await
}

/// The next head that is not interim; where `until_go_ahead`, none as soon as one says 100.
async fn next_head<R: tokio::io::AsyncRead + Unpin>(
    reader: &mut Reader<'_, R>,
    interim: &mut Vec<u16>,
    until_go_ahead: bool,
) -> Result<Option<(u16, Parsed)>, Unanswered> {
    loop {
        let head = reader.head().await?.ok_or(Unanswered::Closed)?;
        let status = status(&head.start)?;
        if !(100..200).contains(&status) {
            return Ok(Some((status, head)));
        }
        interim.push(status);
        if interim.len() > 10 {
            return Err(Unanswered::Nonsense("ten interim answers".to_owned()));
        }
        if until_go_ahead && status == 100 {
            return Ok(None);
        }
    }
}

async fn body<R: tokio::io::AsyncRead + Unpin>(
    reader: &mut Reader<'_, R>,
    (status, head): (u16, Parsed),
    interim: Vec<u16>,
    is_head: bool,
) -> Result<Answer, Unanswered> {
    let mut goes_on = !field(&head.fields, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let body = match (head.is_chunked(), head.content_length()?) {
        _ if is_head || matches!(status, 204 | 304) => Vec::new(),
        (true, _) => reader.chunks(ANSWER_MAX).await?,
        (false, Some(length)) => reader.exactly(length).await?,
        (false, None) => {
            goes_on = false;
            reader.whatever_comes().await?
        }
    };
    Ok(Answer { status, fields: head.fields, body, goes_on, interim })
}

fn status(start: &str) -> Result<u16, Unanswered> {
    let nonsense = || Unanswered::Nonsense(format!("it begins with {:?}", start.chars().take(80).collect::<String>()));
    let mut words = start.split(' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|word| word.parse().ok()).filter(|status| (100..1000).contains(status));
    status.filter(|_| version.starts_with("HTTP/1.")).ok_or_else(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A server that reads until it has seen `end`, then says `answer` and closes.
    async fn serve(end: &'static [u8], answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(end) && socket.read_buf(&mut seen).await.unwrap() > 0 {}
            socket.write_all(answer).await.unwrap();
        });
        address
    }

    async fn ask(end: &'static [u8], answer: &'static [u8], request: Request) -> Result<Answer, Unanswered> {
        let address = serve(end, answer).await;
        once(address, &Arc::new(Trace::default()), PATIENCE, &request).await
    }

    #[tokio::test]
    async fn an_answer_is_read_whatever_tells_its_end() {
        let request = || Request::post("/v1/traces", "body").with("x", "y");
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
        ] {
            let answer = ask(b"body", answer, request()).await.unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
        }
        let chunked = request().framed(Framing::Chunked(3));
        let answer = ask(b"3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", chunked).await.unwrap();
        assert_eq!((answer.status, answer.goes_on), (204, true));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told_apart() {
        let request = || Request::post("/", "body");
        assert_eq!(ask(b"body", b"", request()).await, Err(Unanswered::Closed));
        assert_eq!(
            ask(b"body", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", request()).await,
            Err(Unanswered::Closed)
        );
        assert!(matches!(ask(b"body", b"SSH-2.0\r\n\r\n", request()).await, Err(Unanswered::Nonsense(_))));
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = once(dead, &Arc::new(Trace::default()), PATIENCE, &request()).await;
        assert!(refused.unwrap_err().is_ours());
    }

    #[test]
    fn a_refusal_is_told_by_what_it_says_in_either_encoding() {
        let status = tonic_types::Status { code: 3, message: "too \u{1b}large".to_owned(), details: Vec::new() };
        let answer = |kind: &str, body: Vec<u8>| {
            let fields = vec![("content-type".to_owned(), kind.to_owned())];
            Answer { status: 400, fields, body, goes_on: true, interim: Vec::new() }.words()
        };
        let told = answer("application/x-protobuf", status.encode_to_vec());
        assert_eq!(told, "HTTP 400, application/x-protobuf, 14 bytes: a Status, \"too \\u{1b}large\"");
        assert_eq!(answer("application/x-protobuf", b"\xff".to_vec()), "HTTP 400, application/x-protobuf, 1 bytes");
        assert_eq!(answer("text/plain", b"no".to_vec()), "HTTP 400, text/plain, 2 bytes: no");
    }

    #[tokio::test]
    async fn who_expects_a_go_ahead_waits_for_it() {
        let request = Request::post("/", "body").with("expect", "100-continue");
        let refused = ask(b"\r\n\r\n", b"HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n", request).await.unwrap();
        assert_eq!((refused.status, refused.interim.len()), (417, 0));
    }

    #[tokio::test]
    async fn the_trace_has_both_directions_and_the_end() {
        let address = serve(b"body", b"HTTP/1.1 200 OK\r\n\r\nok").await;
        let trace = Arc::new(Trace::default());
        once(address, &trace, PATIENCE, &Request::post("/v1/logs", "body")).await.unwrap();
        let told = trace.entries().iter().map(|entry| entry.text()).collect::<Vec<_>>().join("\n");
        for part in ["connected to", "-> ", "POST /v1/logs HTTP/1.1", "<- ", "HTTP/1.1 200 OK", "closed by the target"]
        {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
