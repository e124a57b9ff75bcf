//! Undoing a body's compression within a limit, so that a small request cannot become a large one.

use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderValue;

/// The window that RFC 8878 asks every zstd decoder to support; a frame that wants more is refused, since the window is
/// memory that the sender decides about.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// The decompressed body passes the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl ContentEncoding {
    /// What the header says; `None` for a compression that is not supported.
    pub fn of(header: Option<&HeaderValue>) -> Option<Self> {
        // Names of codings have no case (RFC 9110, 8.4.1).
        match header.map(|header| header.as_bytes().to_ascii_lowercase()).as_deref() {
            None | Some(b"" | b"identity") => Some(Self::Identity),
            Some(b"gzip" | b"x-gzip") => Some(Self::Gzip),
            Some(b"zstd") => Some(Self::Zstd),
            Some(_) => None,
        }
    }

    /// The body itself, if it is at most `limit` bytes long. Memory stays near the limit whatever the body claims.
    pub fn decompress(self, body: Bytes, limit: usize) -> io::Result<Result<Bytes, TooLarge>> {
        match self {
            Self::Identity => Ok(Ok(body)),
            Self::Gzip => read_within(flate2::read::MultiGzDecoder::new(&body[..]), body.len(), limit),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..])?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                read_within(decoder, body.len(), limit)
            }
        }
    }
}

fn read_within(reader: impl Read, compressed: usize, limit: usize) -> io::Result<Result<Bytes, TooLarge>> {
    let mut body = Vec::with_capacity(compressed.saturating_mul(4).min(limit));
    // One byte more than the limit tells a body that fills it from one that passes it.
    reader.take((limit as u64).saturating_add(1)).read_to_end(&mut body)?;
    Ok(if body.len() > limit { Err(TooLarge) } else { Ok(body.into()) })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compress(encoding: ContentEncoding, plain: &[u8]) -> Bytes {
        match encoding {
            ContentEncoding::Identity => Bytes::copy_from_slice(plain),
            ContentEncoding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap().into()
            }
            ContentEncoding::Zstd => zstd::stream::encode_all(plain, 1).unwrap().into(),
        }
    }

    #[test]
    fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
        let plain = vec![7_u8; 10_000];
        for encoding in [ContentEncoding::Gzip, ContentEncoding::Zstd] {
            let body = compress(encoding, &plain);
            assert_eq!(encoding.decompress(body.clone(), 10_000).unwrap().unwrap(), plain);
            assert_eq!(encoding.decompress(body, 9_999).unwrap(), Err(TooLarge));
        }
    }

    #[test]
    fn garbage_and_truncated_bodies_are_errors() {
        for encoding in [ContentEncoding::Gzip, ContentEncoding::Zstd] {
            assert!(encoding.decompress(Bytes::from_static(b"not compressed"), 1000).is_err());
            let body = compress(encoding, &[7; 5000]);
            assert!(encoding.decompress(body.slice(..body.len() - 3), 10_000).is_err());
        }
    }
}
