//! Ids that say what ought to arrive.
//!
//! A trace id is one AES-128 block, under a key derived from the seed, of (run tag, lane, variant, trace index); the sink
//! decrypts it and knows the trace without a table. A span id is a bijection, under a key of its trace, of the span's
//! ordinal. Ids therefore look uniform, which samplers rely on (they read the low 56 bits or hash all 16 bytes), yet a
//! stranger's id decodes to our tag only once in 2^48.
//!
//! | block | bits, most significant first |
//! |---|---|
//! | trace id | run tag 48, lane 16, variant 8, trace index 56 |
//! | `spanproof.id` | run tag 48, lane 16, trace index 40, ordinal 24 |
//!
//! The second form is for records whose wire ids cannot carry identity (padded or chosen ones); it is encrypted under a
//! second key and travels as 32 hex digits in the attribute [`OWN_ID_KEY`].

use crate::mix::{fold, scramble, unscramble};
use crate::model::{Ordinal, TraceVariant};
use crate::seed::Seed;
use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// Attribute that carries the identity where the wire ids cannot.
pub const OWN_ID_KEY: &str = "spanproof.id";

/// Highest trace index that both forms can hold, exclusive: 2^40.
pub const TRACES_MAX: u64 = 1 << 40;

/// Highest ordinal that both forms can hold, exclusive: 2^24. Ordinals from [`GHOST_ORDINAL`] up never name a sent span.
pub const ORDINALS_MAX: Ordinal = 1 << 24;

/// First ordinal of the ghosts: parents that are named and never sent.
pub const GHOST_ORDINAL: Ordinal = 0xffff_ff00;

/// Blocks that are decrypted in one call: the widest that the cipher works on, four in each of 16 registers.
const BLOCKS_AT_ONCE: usize = 64;

/// Tells the records of one run from those of every other, earlier ones with the same seed included. 48 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunTag(u64);

impl RunTag {
    /// The tag of golden fingerprints.
    pub const ZERO: Self = Self(0);

    /// The low 48 bits of `word`.
    pub fn new(word: u64) -> Self {
        Self(word & 0xffff_ffff_ffff)
    }

    /// The tag as a number below 2^48.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for RunTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl std::str::FromStr for RunTag {
    type Err = ParseRunTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = u64::from_str_radix(text, 16).ok().filter(|_| valid);
        word.map(Self).ok_or_else(|| ParseRunTagError(text.to_owned()))
    }
}

/// A run tag is written as 12 hex digits, as `result.json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run tag `{0}` is not 12 hex digits")]
pub struct ParseRunTagError(String);

/// What a decrypted id says of itself. Whether the plan holds such a record is the plan's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceOrigin {
    /// Which of several machines sends it.
    pub lane: u16,
    /// Which of the trace's ids it is.
    pub variant: u8,
    /// Which trace.
    pub index: u64,
}

/// A trace's id on the wire, and the key of its span ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceKeys {
    /// The trace id's 16 bytes.
    pub id: [u8; 16],
    key: u64,
}

impl TraceKeys {
    /// The span id of `ordinal` under this trace id. Never zero.
    #[inline]
    pub fn span_id(&self, ordinal: Ordinal) -> u64 {
        scramble(self.key ^ u64::from(ordinal))
    }

    /// The ordinal that `span_id` stands for under this trace id; above 2^32 for ids that were never made here.
    #[inline]
    pub fn ordinal(&self, span_id: u64) -> u64 {
        unscramble(span_id) ^ self.key
    }

    /// The word from which varying value number `number` of the span is made.
    #[inline]
    pub fn varying(&self, ordinal: Ordinal, number: u32) -> u64 {
        fold(self.key ^ 0x2d35_8dcc_aa6c_78a5, scramble((u64::from(ordinal) << 32) | u64::from(number) | 1 << 31))
    }

    /// Which of `instances` serves this trace at `emitter`. It follows the trace's first id, so that a trace stays on one
    /// instance when its id changes midway.
    #[inline]
    pub fn instance(&self, emitter: u16, instances: u16) -> u16 {
        let word = fold(self.key, 0x9e6c_63d0_876a_46c9 ^ u64::from(emitter).wrapping_mul(0x8ebc_6af0_9c88_c6e3));
        ((u128::from(word) * u128::from(instances)) >> 64) as u16
    }
}

/// Makes and reads the ids of one run.
#[derive(Clone)]
pub struct Identity {
    tag: RunTag,
    lane: u16,
    traces: Aes128,
    own: Aes128,
    secrets: [u64; 2],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("tag", &self.tag).field("lane", &self.lane).finish_non_exhaustive()
    }
}

impl Identity {
    /// The ids of the run `tag` under `seed`, made on `lane` (0 where one machine sends everything).
    pub fn new(seed: Seed, tag: RunTag, lane: u16) -> Self {
        let cipher = |purpose| {
            let mut key = [0; 16];
            key.copy_from_slice(&seed.bytes(purpose)[..16]);
            Aes128::new(&Array::from(key))
        };
        Self {
            tag,
            lane,
            traces: cipher("trace id"),
            own: cipher("own id"),
            secrets: [seed.word("span id low"), seed.word("span id high")],
        }
    }

    /// The run's tag.
    pub fn tag(&self) -> RunTag {
        self.tag
    }

    /// The lane whose traces these are.
    pub fn lane(&self) -> u16 {
        self.lane
    }

    /// The keys of trace `index` under `variant`.
    pub fn trace(&self, index: u64, variant: TraceVariant) -> TraceKeys {
        let mut block = Array::from(self.trace_block(index, variant.number));
        self.traces.encrypt_block(&mut block);
        let mut id: [u8; 16] = block.into();
        if variant.padded {
            id[..8].fill(0);
        }
        self.keys(id)
    }

    /// The keys under variant 0 of the traces from `first` on, one for each place in `keys`. Faster than one by one.
    pub fn traces(&self, first: u64, count: usize) -> Vec<TraceKeys> {
        let mut blocks: Vec<_> =
            (0..count as u64).map(|offset| Array::from(self.trace_block(first + offset, 0))).collect();
        self.traces.encrypt_blocks(&mut blocks);
        blocks.into_iter().map(|block| self.keys(block.into())).collect()
    }

    /// The keys of a trace id as it was received.
    #[inline]
    pub fn keys(&self, id: [u8; 16]) -> TraceKeys {
        let (low, high) = halves(&id);
        TraceKeys { id, key: fold(low ^ self.secrets[0], high ^ self.secrets[1]) | 1 << 63 }
    }

    /// Who made a trace id: `None` if it does not carry this run's tag, in other words if it is foreign.
    pub fn origin(&self, id: [u8; 16]) -> Option<TraceOrigin> {
        let mut block = Array::from(id);
        self.traces.decrypt_block(&mut block);
        self.read_trace_block(block.into())
    }

    /// Who made each of `ids`, in their order, replacing what was in `origins`. Faster than one by one.
    pub fn origins(&self, ids: &[[u8; 16]], origins: &mut Vec<Option<TraceOrigin>>) {
        origins.clear();
        let mut blocks = [Array::from([0; 16]); BLOCKS_AT_ONCE];
        for ids in ids.chunks(BLOCKS_AT_ONCE) {
            let blocks = &mut blocks[..ids.len()];
            blocks.iter_mut().zip(ids).for_each(|(block, id)| *block = Array::from(*id));
            self.traces.decrypt_blocks(blocks);
            origins.extend(blocks.iter().map(|block| self.read_trace_block((*block).into())));
        }
    }

    #[inline]
    fn read_trace_block(&self, block: [u8; 16]) -> Option<TraceOrigin> {
        let word = u128::from_be_bytes(block);
        ((word >> 80) as u64 == self.tag.0).then_some(TraceOrigin {
            lane: (word >> 64) as u16,
            variant: (word >> 56) as u8,
            index: (word as u64) & 0x00ff_ffff_ffff_ffff,
        })
    }

    /// The value of `spanproof.id` for a record.
    pub fn own_id(&self, index: u64, ordinal: Ordinal) -> [u8; 32] {
        let word = (u128::from(self.tag.0) << 80)
            | (u128::from(self.lane) << 64)
            | (u128::from(index & (TRACES_MAX - 1)) << 24)
            | u128::from(ordinal & (ORDINALS_MAX - 1));
        let mut block = Array::from(word.to_be_bytes());
        self.own.encrypt_block(&mut block);
        hex(block.into())
    }

    /// Reads a value of `spanproof.id`: `None` if it is not 32 lower-case hex digits or carries another run's tag.
    pub fn own_origin(&self, text: &[u8]) -> Option<(TraceOrigin, Ordinal)> {
        let mut block = Array::from(unhex(text)?);
        self.own.decrypt_block(&mut block);
        let word = u128::from_be_bytes(block.into());
        ((word >> 80) as u64 == self.tag.0).then_some((
            TraceOrigin { lane: (word >> 64) as u16, variant: 0, index: ((word >> 24) as u64) & (TRACES_MAX - 1) },
            (word as u32) & (ORDINALS_MAX - 1),
        ))
    }

    fn trace_block(&self, index: u64, variant: u8) -> [u8; 16] {
        let word = (u128::from(self.tag.0) << 80)
            | (u128::from(self.lane) << 64)
            | (u128::from(variant) << 56)
            | u128::from(index & 0x00ff_ffff_ffff_ffff);
        word.to_be_bytes()
    }
}

#[inline]
fn halves(id: &[u8; 16]) -> (u64, u64) {
    let word = u128::from_le_bytes(*id);
    (word as u64, (word >> 64) as u64)
}

fn hex(bytes: [u8; 16]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (at, byte) in bytes.iter().enumerate() {
        text[2 * at] = DIGITS[usize::from(byte >> 4)];
        text[2 * at + 1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn unhex(text: &[u8]) -> Option<[u8; 16]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (at, pair) in text.chunks_exact(2).enumerate() {
        bytes[at] = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn identity() -> Identity {
        Identity::new(Seed(7), RunTag::new(0xabcd_1234_5678), 3)
    }

    proptest! {
        #[test]
        fn a_trace_id_gives_back_its_origin(index in 0u64..1 << 56, number: u8) {
            let keys = identity().trace(index, TraceVariant { number, padded: false });
            prop_assert_eq!(identity().origin(keys.id), Some(TraceOrigin { lane: 3, variant: number, index }));
        }

        #[test]
        fn a_span_id_gives_back_its_ordinal_and_is_never_zero(index in 0u64..1 << 56, ordinal: u32) {
            let keys = identity().trace(index, TraceVariant::default());
            prop_assert_ne!(keys.span_id(ordinal), 0);
            prop_assert_eq!(keys.ordinal(keys.span_id(ordinal)), u64::from(ordinal));
        }

        #[test]
        fn a_random_span_id_is_no_ordinal_of_ours(index in 0u64..1 << 56, span_id: u64) {
            prop_assert!(identity().trace(index, TraceVariant::default()).ordinal(span_id) >= u64::from(ORDINALS_MAX));
        }

        #[test]
        fn a_random_trace_id_is_foreign(id: [u8; 16]) {
            prop_assert_eq!(identity().origin(id), None);
        }

        #[test]
        fn an_own_id_gives_back_trace_and_ordinal(index in 0..TRACES_MAX, ordinal in 0..ORDINALS_MAX) {
            let text = identity().own_id(index, ordinal);
            prop_assert_eq!(identity().own_origin(&text), Some((TraceOrigin { lane: 3, variant: 0, index }, ordinal)));
        }

        #[test]
        fn any_other_text_is_no_own_id(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(identity().own_origin(&text), None);
        }
    }

    #[test]
    fn another_tag_or_seed_makes_the_ids_foreign() {
        let id = identity().trace(5, TraceVariant::default()).id;
        assert_eq!(Identity::new(Seed(7), RunTag::ZERO, 3).origin(id), None);
        assert_eq!(Identity::new(Seed(8), RunTag::new(0xabcd_1234_5678), 3).origin(id), None);
    }

    #[test]
    fn many_at_once_equal_one_by_one() {
        let many = identity().traces(100, 33);
        for (offset, keys) in many.iter().enumerate() {
            assert_eq!(*keys, identity().trace(100 + offset as u64, TraceVariant::default()));
        }
    }

    #[test]
    fn origins_read_at_once_equal_those_read_one_by_one() {
        let mut ids: Vec<_> = identity().traces(100, 150).iter().map(|keys| keys.id).collect();
        ids[70] = [7; 16];
        let mut origins = vec![None];
        identity().origins(&ids, &mut origins);
        assert_eq!(origins, ids.iter().map(|id| identity().origin(*id)).collect::<Vec<_>>());
    }

    #[test]
    fn a_padded_id_keeps_the_low_half_and_zeroes_the_high() {
        let full = identity().trace(9, TraceVariant { number: 1, padded: false });
        let padded = identity().trace(9, TraceVariant { number: 1, padded: true });
        assert_eq!(padded.id[..8], [0; 8]);
        assert_eq!(padded.id[8..], full.id[8..]);
    }

    #[test]
    fn the_low_56_bits_are_uniform_enough_for_samplers() {
        let identity = identity();
        let mut buckets = [0u32; 16];
        for index in 0..160_000 {
            buckets[usize::from(identity.trace(index, TraceVariant::default()).id[9] >> 4)] += 1;
        }
        // 10,000 expected, standard deviation 97: five of them are exceeded once in 100,000 such tests.
        assert!(buckets.iter().all(|count| count.abs_diff(10_000) < 485), "{buckets:?}");
    }

    #[test]
    fn instances_share_the_traces_evenly() {
        let identity = identity();
        let mut counts = [0u32; 3];
        for index in 0..30_000 {
            counts[usize::from(identity.trace(index, TraceVariant::default()).instance(4, 3))] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 410), "{counts:?}");
    }

    #[test]
    fn run_tags_print_and_parse_as_twelve_hex_digits() {
        assert_eq!(RunTag::new(0xab).to_string(), "0000000000ab");
        assert_eq!("0000000000ab".parse(), Ok(RunTag::new(0xab)));
        assert!("+000000000ab".parse::<RunTag>().is_err());
        assert!("ab".parse::<RunTag>().is_err());
    }
}
