//! HTTP/2 frame by frame, for what no library would send: anything in any order, and nothing of ours kept back or taken back.
//!
//! Header blocks are written without compression and read by nobody. Windows are the caller's affair: what it sends beyond
//! them, it sends on purpose.

use super::Fields;
use super::error::Unanswered;
use super::tap::Tap;
use crate::conformance::trace::Trace;
use crate::proxy::http2::frame::{ACK, END_HEADERS, END_STREAM, HEAD_BYTES, Head, PREFACE, frame, kind, rst_stream};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// PINGs of ours carry this.
const MARK: [u8; 8] = *b"spanprf\x01";

/// A connection over which frames go.
pub struct Frames {
    tap: Tap,
    authority: String,
    buffer: Vec<u8>,
    next_stream: u32,
    within: Duration,
}

impl Frames {
    /// Connects and says what a client says first. Everything has `within` to happen.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub async fn connect(address: SocketAddr, trace: &Arc<Trace>, within: Duration) -> Result<Self, Unanswered> {
        let tap = Tap::connect(address, Arc::clone(trace), within).await?;
        let mut frames = Self { tap, authority: address.to_string(), buffer: Vec::new(), next_stream: 1, within };
        let first = [PREFACE, &frame(kind::SETTINGS, 0, 0, &[])].concat();
        frames.write(&first).await?;
        Ok(frames)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where they do not go.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Unanswered> {
        let within = self.within;
        let written = timeout(within, async {
            self.tap.write_all(bytes).await?;
            self.tap.flush().await
        });
        written.await.map_err(|_| Unanswered::Late(within))?.map_err(|error| Unanswered::of_io(&error))
    }

    /// Begins a POST with these headers besides those that every request has; its stream.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where it does not go.
    pub async fn begin(&mut self, path: &str, fields: &Fields) -> Result<u32, Unanswered> {
        let authority = self.authority.clone();
        let always = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", &authority)];
        let own = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let block = always.into_iter().chain(own).flat_map(|(name, value)| literal(name, value)).collect::<Vec<u8>>();
        let stream = self.next_stream;
        self.next_stream += 2;
        self.write(&frame(kind::HEADERS, END_HEADERS, stream, &block)).await?;
        Ok(stream)
    }

    /// Sends data of a stream, perhaps its last.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where they do not go.
    pub async fn data(&mut self, stream: u32, bytes: &[u8], is_last: bool) -> Result<(), Unanswered> {
        let flags = if is_last { END_STREAM } else { 0 };
        self.write(&frame(kind::DATA, flags, stream, bytes)).await
    }

    /// Gives a stream up, with HTTP/2's error code.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where it does not go.
    pub async fn reset(&mut self, stream: u32, error: u32) -> Result<(), Unanswered> {
        self.write(&rst_stream(stream, error)).await
    }

    /// The next frame that is none of those which only keep a connection going; those are answered.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], [`Unanswered::GoAway`] among them.
    pub async fn next(&mut self) -> Result<(Head, Vec<u8>), Unanswered> {
        let within = self.within;
        timeout(within, self.next_of_use()).await.unwrap_or(Err(Unanswered::Late(within)))
    }

    async fn next_of_use(&mut self) -> Result<(Head, Vec<u8>), Unanswered> {
        loop {
            let (head, payload) = self.any().await?;
            match head.kind {
                kind::SETTINGS if !head.has(ACK) => self.write(&frame(kind::SETTINGS, ACK, 0, &[])).await?,
                kind::PING if !head.has(ACK) => self.write(&frame(kind::PING, ACK, 0, &payload)).await?,
                kind::SETTINGS | kind::WINDOW_UPDATE => {}
                kind::GOAWAY => {
                    let error = payload.get(4..8).and_then(|bytes| bytes.try_into().ok());
                    return Err(Unanswered::GoAway(error.map_or(0, u32::from_be_bytes)));
                }
                _ => return Ok((head, payload)),
            }
        }
    }

    /// Waits until the peer has read everything up to here, by a PING that it answers. What comes meanwhile is thrown away.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], where the connection ends before.
    pub async fn barrier(&mut self) -> Result<(), Unanswered> {
        self.write(&frame(kind::PING, 0, 0, &MARK)).await?;
        loop {
            let (head, payload) = self.next().await?;
            if head.kind == kind::PING && payload == MARK {
                return Ok(());
            }
        }
    }

    async fn any(&mut self) -> Result<(Head, Vec<u8>), Unanswered> {
        loop {
            if let Some(head) = self.buffer.first_chunk::<HEAD_BYTES>().map(|bytes| Head::read(*bytes)) {
                let end = HEAD_BYTES + head.length;
                if self.buffer.len() >= end {
                    let payload = self.buffer[HEAD_BYTES..end].to_vec();
                    self.buffer.drain(..end);
                    return Ok((head, payload));
                }
            }
            let read = self.tap.read_buf(&mut self.buffer).await.map_err(|error| Unanswered::of_io(&error))?;
            if read == 0 {
                return Err(Unanswered::Closed);
            }
        }
    }
}

/// A header field, literal and not indexed (RFC 7541, section 6.2.2).
fn literal(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    // A length of seven bits, and of more in bytes of seven (section 5.1). The eighth says that it is not packed.
    match text.len() {
        short @ 0..127 => bytes.push(short as u8),
        long => {
            bytes.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                bytes.push((rest % 128 + 128) as u8);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::scripted::{Answer, Asked, Deed, Script, Scripted};
    use std::pin::Pin;

    /// Answers with the value of the header `x` as its body.
    struct Echo;

    impl Script for Echo {
        fn decide(self: Arc<Self>, asked: Asked) -> Pin<Box<dyn Future<Output = Deed> + Send>> {
            let body = asked.field("x").unwrap_or_default().as_bytes().to_vec();
            Box::pin(std::future::ready(Deed::Answer(Answer { status: 200, body, ..Answer::default() })))
        }
    }

    async fn connect(server: &Scripted) -> Frames {
        Frames::connect(server.address(), &Arc::new(Trace::default()), Duration::from_secs(20)).await.unwrap()
    }

    #[tokio::test]
    async fn headers_of_any_length_are_read_by_others() {
        let server = Scripted::start("127.0.0.1:0".parse().unwrap(), Arc::new(Echo)).await.unwrap();
        let mut frames = connect(&server).await;
        for length in [0, 1, 126, 127, 128, 254, 255, 300, 5_000] {
            let value = "v".repeat(length);
            let stream = frames.begin("/v1/traces", &vec![("x".to_owned(), value.clone())]).await.unwrap();
            frames.data(stream, b"", true).await.unwrap();
            let (head, _) = frames.next().await.unwrap();
            assert_eq!((head.kind, head.stream), (kind::HEADERS, stream));
            if length > 0 {
                let (head, body) = frames.next().await.unwrap();
                assert_eq!((head.kind, body), (kind::DATA, value.into_bytes()), "{length}");
            }
        }
    }

    #[tokio::test]
    async fn what_a_library_would_not_send_is_sent_and_what_comes_of_it_seen() {
        let server = Scripted::start("127.0.0.1:0".parse().unwrap(), Arc::new(Echo)).await.unwrap();
        let mut frames = connect(&server).await;
        for _ in 0..10 {
            let stream = frames.begin("/v1/traces", &Fields::new()).await.unwrap();
            frames.data(stream, b"part", false).await.unwrap();
            frames.reset(stream, 8).await.unwrap();
        }
        frames.barrier().await.unwrap();
        // Data of a stream that nobody began is an error of the connection.
        frames.data(999, b"x", true).await.unwrap();
        assert!(frames.barrier().await.is_err());
    }
}
