//! A peer that writes its HTTP/2 frames by hand, so that it can do what a proper client would not: write on after its answer.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a client says first of all.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection over which frames go.
pub struct Frames {
    socket: TcpStream,
    next: u32,
}

impl Frames {
    pub async fn connect(to: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(to).await.unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(PREFACE).await.unwrap();
        let mut frames = Self { socket, next: 1 };
        frames.write(SETTINGS, 0, 0, &[]).await;
        frames.write(SETTINGS, ACK, 0, &[]).await;
        frames
    }

    /// Begins a gRPC call with these headers besides those that every call has; its stream.
    pub async fn begin(&mut self, path: &str, headers: &[(&str, &str)]) -> u32 {
        let always = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "sink")];
        let fields = always.iter().chain(headers).flat_map(|(name, value)| field(name, value)).collect::<Vec<u8>>();
        let stream = self.next;
        self.next += 2;
        self.write(HEADERS, END_HEADERS, stream, &fields).await;
        stream
    }

    /// The last data of a stream.
    pub async fn end(&mut self, stream: u32, data: &[u8]) {
        self.write(DATA, END_STREAM, stream, data).await;
    }

    /// Frames up to the one that ends the stream in good order.
    pub async fn answer(&mut self, stream: u32) -> Vec<Frame> {
        let mut came = Vec::new();
        loop {
            let frame = timeout(Duration::from_secs(20), self.read()).await.unwrap();
            let ends = frame.stream == stream && matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0;
            assert_ne!(frame.kind, GOAWAY, "{}", String::from_utf8_lossy(&frame.payload));
            came.push(frame);
            if ends {
                return came;
            }
        }
    }

    async fn read(&mut self) -> Frame {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).await.unwrap();
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.socket.read_exact(&mut payload).await.unwrap();
        Frame { kind, flags, stream: u32::from_be_bytes(stream), payload }
    }

    async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
        let head = [&[a, b, c, kind, flags][..], &stream.to_be_bytes()].concat();
        self.socket.write_all(&[&head, payload].concat()).await.unwrap();
    }
}

/// A header field of HPACK, literal and not indexed. Names and values are shorter than 127 bytes.
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap();
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}
