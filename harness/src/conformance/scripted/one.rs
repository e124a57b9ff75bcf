//! HTTP/1.1, by hand.

use super::{Answer, Asked, Deed, REQUEST_MAX, SILENCE_MAX, Shared};
use crate::conformance::raw::parse::{Parsed, Reader};
use crate::conformance::raw::{Unanswered, field};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Serves a connection to its end. `buffer` is what was read of it already.
pub(super) async fn serve(mut stream: TcpStream, mut buffer: Vec<u8>, shared: &Shared) {
    loop {
        let asked = match timeout(SILENCE_MAX, request(&mut stream, &mut buffer)).await {
            Ok(Ok(Some(asked))) => asked,
            _ => return,
        };
        let closes = field(&asked.fields, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let is_head = asked.method == "HEAD";
        match shared.decide(asked).await {
            Deed::Answer(answer) => {
                if say(&mut stream, &answer, is_head, answer.body.len()).await.is_err() || closes {
                    return;
                }
            }
            Deed::Late(after, answer) => {
                sleep(after).await;
                if say(&mut stream, &answer, is_head, answer.body.len()).await.is_err() || closes {
                    return;
                }
            }
            deed => return end(stream, deed, is_head).await,
        }
    }
}

/// Deeds after which there is no connection any more.
async fn end(mut stream: TcpStream, deed: Deed, is_head: bool) {
    match deed {
        Deed::Last(answer) => drop(say(&mut stream, &answer, is_head, answer.body.len()).await),
        Deed::Cut(answer, bytes) => drop(say(&mut stream, &answer, is_head, bytes).await),
        Deed::HalfClose => {
            let _ = stream.shutdown().await;
            let mut rest = [0; 4096];
            // To the peer's end, or as long as the bounds allow.
            let reading = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
            let _ = timeout(super::ANSWER_WITHIN, reading).await;
        }
        Deed::Hang => sleep(super::ANSWER_WITHIN).await,
        // A socket that refuses the option is closed politely.
        Deed::Reset(_) | Deed::GoAway(_) => drop(stream.set_zero_linger()),
        Deed::Answer(_) | Deed::Late(..) | Deed::Close => {}
    }
}

/// The next request; none where the peer has gone.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Option<Asked>, Unanswered> {
    let Some(head) = (Reader { source: stream, buffer }).head().await? else { return Ok(None) };
    if field(&head.fields, "expect").is_some() {
        let said = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        said.map_err(|error| Unanswered::of_io(&error))?;
    }
    let mut reader = Reader { source: stream, buffer };
    let body = match (head.is_chunked(), head.content_length()?) {
        (true, _) => reader.chunks(REQUEST_MAX).await?,
        (false, Some(length)) => reader.exactly_within(length, REQUEST_MAX).await?,
        (false, None) => Vec::new(),
    };
    let Parsed { start, fields } = head;
    let mut words = start.split(' ');
    let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    Ok(Some(Asked { method, path, fields, body, is_http2: false, number: 0 }))
}

/// Writes an answer, and of its body so many bytes.
async fn say(stream: &mut TcpStream, answer: &Answer, is_head: bool, bytes: usize) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if field(&answer.fields, "content-length").is_none() && answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    if !is_head && answer.status != 204 {
        stream.write_all(&answer.body[..bytes.min(answer.body.len())]).await?;
    }
    stream.flush().await
}
