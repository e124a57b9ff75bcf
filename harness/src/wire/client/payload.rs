//! A request's bytes, laid out so that neither protocol has to copy them.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Compress, FlushCompress};

use crate::wire::{Compression, PREFIX};

/// The first bytes of a payload's buffer are reserved for gRPC's message prefix, so that nothing is copied to add it.
pub const HEADROOM: usize = PREFIX;

/// gzip's level: the fastest, since the loss in ratio is small and the harness must not be the bottleneck.
const GZIP_LEVEL: u32 = 1;

/// The largest window, as every gzip reader supports it.
const GZIP_WINDOW_BITS: u8 = 15;

/// A request ready to send over either protocol. Cloning shares the bytes, for a resend.
#[derive(Clone)]
pub struct Payload {
    framed: Bytes,
    compression: Compression,
}

impl Payload {
    /// A payload that is not compressed. `buffer` starts with [`HEADROOM`] bytes of no meaning, then the protobuf message;
    /// a shorter one is an empty message.
    pub fn plain(buffer: Vec<u8>) -> Self {
        Self::framed(buffer, Compression::None)
    }

    pub(super) fn pack(buffer: Vec<u8>, compression: Compression, gzip: &GzipPool) -> Self {
        match compression {
            Compression::Gzip => {
                Self::framed(gzip.compress(buffer.get(HEADROOM..).unwrap_or_default()), Compression::Gzip)
            }
            _ => Self::plain(buffer),
        }
    }

    fn framed(mut buffer: Vec<u8>, compression: Compression) -> Self {
        if buffer.len() < HEADROOM {
            buffer.resize(HEADROOM, 0);
        }
        // gRPC's length has 32 bits; targets refuse far shorter messages.
        let length = u32::try_from(buffer.len() - HEADROOM).unwrap_or(u32::MAX);
        buffer[0] = u8::from(compression != Compression::None);
        buffer[1..HEADROOM].copy_from_slice(&length.to_be_bytes());
        Self { framed: Bytes::from(buffer), compression }
    }

    /// Bytes that go over the wire, without gRPC's prefix.
    pub fn len(&self) -> usize {
        self.framed.len() - HEADROOM
    }

    /// True for the empty message, which OTLP allows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the bytes are compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The buffer, to be filled again, if nobody else still holds the bytes.
    pub fn into_buffer(self) -> Option<Vec<u8>> {
        // Taken apart without a copy only while unique; a copy would cost more than a new buffer.
        self.framed.is_unique().then(|| Vec::from(self.framed))
    }

    pub(super) fn into_grpc(self) -> Bytes {
        self.framed
    }

    pub(super) fn into_http(self) -> Bytes {
        self.framed.slice(HEADROOM..)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("bytes", &self.len()).field("compression", &self.compression).finish()
    }
}

/// Compressors kept for the next request: making one means clearing a quarter of a megabyte.
#[derive(Default)]
pub(super) struct GzipPool {
    idle: Mutex<Vec<Compress>>,
}

impl GzipPool {
    /// Compresses a message into a buffer with headroom.
    fn compress(&self, message: &[u8]) -> Vec<u8> {
        let mut compressor = self.take();
        let mut output = Vec::with_capacity(HEADROOM + message.len() / 4 + 64);
        output.resize(HEADROOM, 0);
        loop {
            let read = compressor.total_in() as usize;
            let status = compressor.compress_vec(&message[read..], &mut output, FlushCompress::Finish);
            // The compressor asks for room by stopping; it has no other way to fail on bytes in memory.
            match status {
                Ok(flate2::Status::StreamEnd) => break,
                _ => output.reserve(message.len() / 8 + 1024),
            }
        }
        compressor.reset();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(compressor);
        output
    }

    fn take(&self) -> Compress {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Compress::new_gzip(flate2::Compression::new(GZIP_LEVEL), GZIP_WINDOW_BITS))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use proptest::prelude::*;

    fn buffer(message: &[u8]) -> Vec<u8> {
        [&[0; HEADROOM], message].concat()
    }

    #[test]
    fn a_plain_payload_keeps_its_buffer_and_gains_a_prefix() {
        let buffer = buffer(b"message");
        let place = buffer.as_ptr();
        let bytes = Payload::plain(buffer).into_grpc();
        assert_eq!(bytes.as_ptr(), place);
        assert_eq!(bytes, b"\0\0\0\0\x07message".as_slice());
    }

    #[test]
    fn a_buffer_comes_back_without_a_copy_once_nobody_else_holds_it() {
        let buffer = buffer(b"message");
        let place = buffer.as_ptr();
        let payload = Payload::plain(buffer);
        let shared = payload.clone();
        assert_eq!(payload.into_buffer(), None);
        let again = shared.into_buffer().unwrap();
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn a_buffer_shorter_than_the_headroom_is_an_empty_message() {
        assert_eq!(Payload::plain(vec![9, 9]).into_grpc(), [0; 5].as_slice());
        assert!(Payload::plain(Vec::new()).is_empty());
    }

    proptest! {
        #[test]
        fn a_reused_compressor_makes_what_another_gzip_reads(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20_000), 1..4),
        ) {
            let pool = GzipPool::default();
            for message in messages {
                let payload = Payload::pack(buffer(&message), Compression::Gzip, &pool);
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&payload.clone().into_http()[..]).read_to_end(&mut plain).unwrap();
                prop_assert_eq!(plain, message);
                prop_assert_eq!(payload.into_grpc()[0], 1);
            }
        }
    }
}
