//! Decompression that stops at a limit: memory is taken as output appears, so a bomb costs at most the limit.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

use super::budget::Hold;
use super::rejection::Rejection;
use crate::wire::Compression;

/// Output made in one go; also the least by which the buffer grows.
const STEP: usize = 256 << 10;

/// Output after which other tasks of the thread get their turn.
const TURN: usize = 1 << 20;

/// The most memory a Zstandard stream may ask for its window; RFC 8878 recommends supporting 8 MiB, and single-segment
/// frames need as much as their content.
const ZSTD_WINDOW_LOG_MAX: u32 = 26;

/// Decompresses a body to at most `limit` bytes.
pub(super) async fn inflate(
    compression: Compression,
    wire: Bytes,
    limit: usize,
    hold: &mut Hold<'_>,
) -> Result<Bytes, Rejection> {
    match compression {
        Compression::None => Ok(wire),
        Compression::Gzip => {
            let hint = gzip_hint(&wire);
            drain(MultiGzDecoder::new(wire.as_ref()), hint, limit, hold).await
        }
        Compression::Zstd => {
            let hint = zstd::bulk::Decompressor::upper_bound(&wire).unwrap_or(0);
            let mut decoder = zstd::stream::read::Decoder::with_buffer(wire.as_ref()).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            drain(decoder, hint, limit, hold).await
        }
    }
}

/// Reads to the end. `hint` is what the stream says of its own length, believed only within reason.
async fn drain(
    mut decoder: impl Read + Send,
    hint: usize,
    limit: usize,
    hold: &mut Hold<'_>,
) -> Result<Bytes, Rejection> {
    // One byte more than the content, so that the end shows without growing the buffer.
    let mut output = Vec::with_capacity(hint.min(limit).min(16 * STEP) + 1);
    let mut filled = 0;
    let mut turn = 0;
    loop {
        if filled == output.len() {
            make_room(&mut output, limit);
        }
        let made = decoder.read(&mut output[filled..]).map_err(corrupt)?;
        if made == 0 {
            break;
        }
        filled += made;
        if filled > limit {
            return Err(Rejection::too_large(limit));
        }
        hold.grow(made).await?;
        turn += made;
        if turn >= TURN {
            turn = 0;
            tokio::task::yield_now().await;
        }
    }
    output.truncate(filled);
    Ok(Bytes::from(output))
}

/// Lengthens the initialised part of the buffer: into the spare capacity if there is any, else by doubling, and never
/// further than one byte beyond the limit, which is how going over it shows.
fn make_room(output: &mut Vec<u8>, limit: usize) {
    let spare = output.capacity() - output.len();
    let room = if spare > 0 { spare.min(STEP) } else { output.len().max(STEP) };
    let length = (output.len() + room).min(limit + 1);
    output.resize(length, 0);
}

/// The length that a gzip trailer claims (modulo 2^32; of the last member), bounded by gzip's best ratio of 1032.
fn gzip_hint(wire: &[u8]) -> usize {
    let claim = wire.last_chunk::<4>().map_or(0, |trailer| u32::from_le_bytes(*trailer) as usize);
    claim.min(wire.len().saturating_mul(1032))
}

fn corrupt(error: io::Error) -> Rejection {
    Rejection::corrupt(format!("the body does not decompress: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::budget::Budget;
    use super::super::counters::Reason;
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::best());
        let mut packed = Vec::new();
        encoder.read_to_end(&mut packed).unwrap();
        packed
    }

    async fn unpack(compression: Compression, wire: Vec<u8>, limit: usize) -> Result<Bytes, Reason> {
        let budget = Budget::new(1 << 30, Duration::from_secs(1));
        inflate(compression, wire.into(), limit, &mut budget.hold()).await.map_err(|rejection| rejection.reason)
    }

    #[tokio::test]
    async fn every_length_around_the_limit_is_decided_exactly() {
        for length in [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP, 3 * STEP + 1] {
            let plain = (0..length).map(|i| (i * i) as u8).collect::<Vec<_>>();
            let packings = [
                (Compression::Gzip, gzip(&plain)),
                (Compression::Zstd, zstd::stream::encode_all(plain.as_slice(), 1).unwrap()),
                (Compression::Zstd, zstd::bulk::compress(&plain, 1).unwrap()),
            ];
            for (compression, packed) in packings {
                assert_eq!(
                    unpack(compression, packed.clone(), length).await.unwrap(),
                    plain,
                    "{compression:?} {length}"
                );
                if length > 0 {
                    assert_eq!(unpack(compression, packed, length - 1).await, Err(Reason::TooLarge));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_gzip_of_several_members_is_read_to_its_end() {
        let packed = [gzip(b"one "), gzip(b"two "), gzip(b"three")].concat();
        assert_eq!(unpack(Compression::Gzip, packed, 100).await.unwrap(), "one two three");
    }

    #[tokio::test]
    async fn a_cut_or_broken_stream_is_corrupt() {
        for (compression, packed) in
            [(Compression::Gzip, gzip(&[7; 5000])), (Compression::Zstd, zstd::bulk::compress(&[7; 5000], 1).unwrap())]
        {
            for cut in [1, 5, packed.len() - 1] {
                let result = unpack(compression, packed[..cut].to_vec(), 1 << 20).await;
                assert_eq!(result, Err(Reason::Corrupt), "{compression:?} cut to {cut}");
            }
        }
        let mut wrong_sum = gzip(&[7; 5000]);
        let place = wrong_sum.len() - 6;
        wrong_sum[place] ^= 1;
        assert_eq!(unpack(Compression::Gzip, wrong_sum, 1 << 20).await, Err(Reason::Corrupt));
        assert_eq!(unpack(Compression::Gzip, b"not gzip at all".to_vec(), 1 << 20).await, Err(Reason::Corrupt));
    }

    #[tokio::test]
    async fn a_bomb_takes_no_more_than_the_limit_from_the_budget() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 70 << 10, "a thousandfold");
        let budget = Budget::new(1 << 30, Duration::from_secs(1));
        let result = inflate(Compression::Gzip, bomb.into(), 1 << 20, &mut budget.hold()).await;
        assert_eq!(result.unwrap_err().reason, Reason::TooLarge);
        assert!(budget.peak() <= 1 << 20);
        assert_eq!(budget.in_flight(), 0);
    }
}
