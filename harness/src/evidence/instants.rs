//! `instants.bin`: when each request was sent and answered and when its spans arrived. For each chunk the number of its
//! requests, then four words a request, all little-endian and 32 bits wide; see [`crate::judge::instants`].

use super::error::EvidenceError;
use super::manifest::File;
use crate::judge::instants::Packed;
use spanproof_generators::plan::Plan;

pub(super) const FILE: &str = "instants.bin";

pub(super) fn to_bytes(chunks: &[Vec<Packed>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for requests in chunks {
        bytes.extend_from_slice(&(requests.len() as u32).to_le_bytes());
        bytes.extend(requests.iter().flatten().flat_map(|word| word.to_le_bytes()));
    }
    bytes
}

pub(super) fn from_bytes(file: &File<'_>, plan: &Plan) -> Result<Vec<Vec<Packed>>, EvidenceError> {
    let cut_off = || file.malformed("it ends in the middle of a chunk");
    let (mut rest, mut chunks) = (file.bytes, Vec::new());
    while !rest.is_empty() {
        let (count, behind) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let length = u32::from_le_bytes(*count) as usize * size_of::<Packed>();
        let (requests, behind) = behind.split_at_checked(length).ok_or_else(cut_off)?;
        chunks.push(requests.chunks_exact(size_of::<Packed>()).map(packed).collect());
        rest = behind;
    }
    if chunks.len() as u64 > plan.chunks() {
        return Err(file.malformed("it holds more chunks than the plan"));
    }
    Ok(chunks)
}

fn packed(bytes: &[u8]) -> Packed {
    let mut words = Packed::default();
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}
