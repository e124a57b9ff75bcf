//! Successes that are none as OTLP has them: what a broken backend, or a proxy before it, answers a request that was taken.

use std::io::Write;
use std::sync::LazyLock;

use ::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use ::http::{HeaderValue, Response};
use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::reply::Reply;
use super::{grpc, http};
use crate::wire::PREFIX;

/// What a broken answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenAnswer {
    /// There is no message.
    Empty,
    /// Another content type, and a page for people.
    WrongType,
    /// The message cannot be decoded.
    Garbage,
    /// The message is well formed and longer than a client takes: 8 MiB.
    Oversize,
    /// The message ends before its declared length.
    Truncated,
    /// A few kilobytes of gzip that become a message of 64 MiB.
    Bomb,
    /// Over gRPC the trailers with the status are missing; over HTTP there are none to miss, so the answer is a good one.
    NoStatus,
}

/// Twice what OTLP recommends as a client's limit for responses.
const OVERSIZE: usize = 8 << 20;
const BOMB: usize = 64 << 20;

const PAGE: Bytes = Bytes::from_static(b"<html><body>it works</body></html>");
/// A field of the wire type 7, which protobuf does not have; nor is it JSON.
const GARBAGE: Bytes = Bytes::from_static(&[0xff; 16]);
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

static OVERSIZE_MESSAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut message = Vec::with_capacity(OVERSIZE + 16);
    write_warning(OVERSIZE, &mut message);
    message.into()
});
static BOMB_MESSAGE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write_warning(BOMB, &mut encoder);
    encoder.finish().unwrap_or_default().into()
});

impl BrokenAnswer {
    /// Does what takes a while, so that the first of these answers is not late.
    pub fn prepare(self) {
        match self {
            Self::Oversize => drop(LazyLock::force(&OVERSIZE_MESSAGE)),
            Self::Bomb => drop(LazyLock::force(&BOMB_MESSAGE)),
            Self::Empty | Self::WrongType | Self::Garbage | Self::Truncated | Self::NoStatus => {}
        }
    }
}

/// Writes an export response whose partial success has a text of so many bytes; a whole number of blocks.
fn write_warning(bytes: usize, out: &mut impl Write) {
    static BLOCK: [u8; 1 << 16] = [b'a'; 1 << 16];
    let (mut text, mut partial) = (Vec::new(), Vec::new());
    encode_key(2, WireType::LengthDelimited, &mut text);
    encode_varint(bytes as u64, &mut text);
    encode_key(1, WireType::LengthDelimited, &mut partial);
    encode_varint((text.len() + bytes) as u64, &mut partial);
    // Cannot fail: what is written to grows.
    let _ = out.write_all(&partial).and_then(|()| out.write_all(&text));
    for _ in 0..bytes / BLOCK.len() {
        let _ = out.write_all(&BLOCK);
    }
}

/// Leaves of a good answer its headers, after which the stream is reset.
pub(super) fn cut(reason: h2::Reason, good: Response<Reply>) -> Response<Reply> {
    good.map(|_| Reply::default().cut_short(reason))
}

/// Makes a broken answer of a good one over gRPC.
pub(super) fn over_grpc(shape: BrokenAnswer, good: Response<Reply>) -> Response<Reply> {
    let mut response = good;
    let framed = |flag, message: &Bytes, length: usize| {
        let mut data = BytesMut::with_capacity(PREFIX + message.len());
        data.put_u8(flag);
        data.put_u32(length as u32);
        data.put_slice(message);
        Reply::data(data.freeze())
    };
    let message = match shape {
        BrokenAnswer::Empty => Reply::default(),
        BrokenAnswer::WrongType => {
            response.headers_mut().insert(CONTENT_TYPE, HTML);
            Reply::data(PAGE)
        }
        BrokenAnswer::Garbage => framed(0, &GARBAGE, GARBAGE.len()),
        BrokenAnswer::Oversize => framed(0, &OVERSIZE_MESSAGE, OVERSIZE_MESSAGE.len()),
        BrokenAnswer::Truncated => framed(0, &GARBAGE, 100),
        BrokenAnswer::Bomb => {
            response.headers_mut().insert("grpc-encoding", GZIP);
            framed(1, &BOMB_MESSAGE, BOMB_MESSAGE.len())
        }
        BrokenAnswer::NoStatus => {
            *response.body_mut() = framed(0, &Bytes::new(), 0);
            return response;
        }
    };
    *response.body_mut() = message.with_trailers(grpc::status_ok());
    response
}

/// Makes a broken answer of a good one over HTTP.
pub(super) fn over_http(shape: BrokenAnswer, good: Response<Reply>) -> Response<Reply> {
    let mut response = good;
    let headers = response.headers_mut();
    *response.body_mut() = match shape {
        BrokenAnswer::Empty => {
            headers.remove(CONTENT_TYPE);
            Reply::default()
        }
        BrokenAnswer::WrongType => {
            headers.insert(CONTENT_TYPE, HTML);
            Reply::data(PAGE)
        }
        BrokenAnswer::Garbage => Reply::data(GARBAGE),
        BrokenAnswer::Oversize => {
            headers.insert(CONTENT_TYPE, http::PROTOBUF);
            Reply::data(OVERSIZE_MESSAGE.clone())
        }
        BrokenAnswer::Truncated => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("100"));
            Reply::data(GARBAGE).cut_short(h2::Reason::NO_ERROR)
        }
        BrokenAnswer::Bomb => {
            headers.insert(CONTENT_TYPE, http::PROTOBUF);
            headers.insert(CONTENT_ENCODING, GZIP);
            Reply::data(BOMB_MESSAGE.clone())
        }
        BrokenAnswer::NoStatus => return response,
    };
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::ExportResponse;
    use prost::Message;
    use std::io::Read;

    #[test]
    fn what_is_too_large_is_well_formed_all_the_same() {
        let told = |message: &[u8]| ExportResponse::decode(message).unwrap().partial_success.unwrap().message.len();
        assert_eq!(told(&OVERSIZE_MESSAGE), OVERSIZE);
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(&BOMB_MESSAGE[..]).read_to_end(&mut inflated).unwrap();
        assert_eq!(told(&inflated), BOMB);
        assert!(BOMB_MESSAGE.len() < 1 << 20, "{}", BOMB_MESSAGE.len());
        assert!(ExportResponse::decode(GARBAGE).is_err());
    }
}
