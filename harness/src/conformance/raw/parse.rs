//! Heads and bodies of HTTP/1.1, read by hand: nothing here is kinder to a peer than its text.

use super::error::Unanswered;
use super::{ANSWER_MAX, Fields, field};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head.
const HEAD_MAX: usize = 64 << 10;

/// The start line and the fields.
pub(in crate::conformance) struct Parsed {
    pub start: String,
    pub fields: Fields,
}

impl Parsed {
    /// The length that the fields tell of the body.
    ///
    /// # Errors
    ///
    /// When it is no number.
    pub fn content_length(&self) -> Result<Option<usize>, Unanswered> {
        let Some(text) = field(&self.fields, "content-length") else { return Ok(None) };
        let length = text.trim().parse::<usize>();
        length.map(Some).map_err(|_| Unanswered::Nonsense(format!("content-length is {text:?}")))
    }

    /// Whether the body comes in chunks.
    pub fn is_chunked(&self) -> bool {
        field(&self.fields, "transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }
}

/// What was read and not used yet, and where more comes from.
pub(in crate::conformance) struct Reader<'r, R> {
    pub source: &'r mut R,
    pub buffer: &'r mut Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<'_, R> {
    /// The next head; `None` where the peer closed the connection before it began one.
    pub async fn head(&mut self) -> Result<Option<Parsed>, Unanswered> {
        loop {
            if let Some(end) = find(self.buffer, b"\r\n\r\n") {
                let head = self.buffer.drain(..end + 4).collect::<Vec<_>>();
                return parse(&head[..end]).map(Some);
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Unanswered::TooLong(HEAD_MAX));
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Unanswered::Closed) };
            }
        }
    }

    /// So many bytes, of an answer.
    pub async fn exactly(&mut self, bytes: usize) -> Result<Vec<u8>, Unanswered> {
        self.exactly_within(bytes, ANSWER_MAX).await
    }

    /// So many bytes, if they are within a bound.
    pub async fn exactly_within(&mut self, bytes: usize, max: usize) -> Result<Vec<u8>, Unanswered> {
        if bytes > max {
            return Err(Unanswered::TooLong(max));
        }
        while self.buffer.len() < bytes {
            if !self.more().await? {
                return Err(Unanswered::Closed);
            }
        }
        Ok(self.buffer.drain(..bytes).collect())
    }

    /// Up to the end of the connection.
    pub async fn whatever_comes(&mut self) -> Result<Vec<u8>, Unanswered> {
        while self.more().await? {
            if self.buffer.len() > ANSWER_MAX {
                return Err(Unanswered::TooLong(ANSWER_MAX));
            }
        }
        Ok(std::mem::take(self.buffer))
    }

    /// A body in chunks, with its trailers thrown away; at most so many bytes.
    pub async fn chunks(&mut self, max: usize) -> Result<Vec<u8>, Unanswered> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16)
                .map_err(|_| Unanswered::Nonsense(format!("a chunk begins with {line:?}")))?;
            if length == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            if body.len().saturating_add(length) > max {
                return Err(Unanswered::TooLong(max));
            }
            body.extend(self.exactly_within(length, max).await?);
            if !self.line().await?.is_empty() {
                return Err(Unanswered::Nonsense("a chunk is longer than it says".to_owned()));
            }
        }
    }

    async fn line(&mut self) -> Result<String, Unanswered> {
        loop {
            if let Some(end) = find(self.buffer, b"\r\n") {
                let line = self.buffer.drain(..end + 2).collect::<Vec<_>>();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(Unanswered::TooLong(HEAD_MAX));
            }
            if !self.more().await? {
                return Err(Unanswered::Closed);
            }
        }
    }

    async fn more(&mut self) -> Result<bool, Unanswered> {
        let read = self.source.read_buf(self.buffer).await.map_err(|error| Unanswered::of_io(&error))?;
        Ok(read > 0)
    }
}

fn parse(head: &[u8]) -> Result<Parsed, Unanswered> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    let fields = lines.map(|line| match line.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_ascii_lowercase(), value.trim().to_owned())),
        _ => Err(Unanswered::Nonsense(format!("a header is {line:?}"))),
    });
    Ok(Parsed { start, fields: fields.collect::<Result<_, _>>()? })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut text: &[u8]) -> (Option<Parsed>, Vec<u8>) {
        let mut buffer = Vec::new();
        let mut reader = Reader { source: &mut text, buffer: &mut buffer };
        let head = reader.head().await.unwrap();
        (head, buffer)
    }

    #[tokio::test]
    async fn heads_and_bodies_come_apart() {
        let (head, rest) = read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").await;
        let head = head.unwrap();
        assert_eq!((head.start.as_str(), head.content_length().unwrap()), ("HTTP/1.1 200 OK", Some(3)));
        assert_eq!(rest, b"abc");
        assert!(read(b"").await.0.is_none());
    }

    #[tokio::test]
    async fn chunks_are_put_together_and_wrong_ones_are_nonsense() {
        async fn chunks(mut text: &[u8], max: usize) -> Result<Vec<u8>, Unanswered> {
            let mut buffer = Vec::new();
            Reader { source: &mut text, buffer: &mut buffer }.chunks(max).await
        }
        assert_eq!(chunks(b"2;x=1\r\nab\r\n1\r\nc\r\n0\r\nt: 1\r\n\r\n", 9).await.unwrap(), b"abc");
        assert_eq!(chunks(b"a\r\n", 9).await, Err(Unanswered::TooLong(9)));
        assert_eq!(chunks(b"2\r\nab", 9).await, Err(Unanswered::Closed));
        for bad in [&b"zz\r\n"[..], b"1\r\nab\r\n"] {
            assert!(matches!(chunks(bad, 9).await, Err(Unanswered::Nonsense(_))));
        }
    }
}
