//! What varies from trace to trace besides a span's own ids and times: patched when sent, added to the hash when judged.

use crate::content;
use crate::identity::{Identity, TraceKeys};
use crate::model::{Ordinal, TraceVariant};

/// One trace of the plan, placed in time: all that its records' varying parts depend on.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The run's ids.
    pub identity: &'a Identity,
    /// The trace's index.
    pub index: u64,
    /// Its keys under variant 0.
    pub keys: TraceKeys,
    /// Its start, nanoseconds since the Unix epoch.
    pub start_unix_ns: u64,
}

impl Frame<'_> {
    /// The trace's keys under `variant`.
    #[inline(always)]
    pub(crate) fn keys(&self, variant: TraceVariant) -> TraceKeys {
        if variant == TraceVariant::default() { self.keys } else { self.identity.trace(self.index, variant) }
    }
}

/// A part of a span's bytes that varies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Varying {
    /// Where its bytes begin: in the span's body while encoding, in the run afterwards.
    pub at: u32,
    /// The span's ordinal.
    pub ordinal: Ordinal,
    /// Position of the event or link, or of the attribute.
    pub number: u32,
    pub slot: Slot,
}

/// The kinds of varying parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    EventTime {
        offset_ns: u64,
        fixed: u64,
    },
    Link {
        ordinal: Ordinal,
        variant: TraceVariant,
        fixed: u64,
    },
    /// `value_at` is where the string begins: in the body while encoding, in the run afterwards, as `at`.
    Digits {
        key: u64,
        value_at: u32,
        length: u32,
        digits_at: u32,
        digits: u8,
    },
    Double {
        key: u64,
        low: f64,
        high: f64,
    },
    OwnId {
        key: u64,
    },
}

/// The longest string with varying digits that is hashed without allocating.
const STRING_ON_STACK: usize = 256;

impl Varying {
    /// The same part in a run that holds the span's body at offset `by`.
    pub(super) fn moved(&self, by: u32) -> Self {
        let mut moved = self.clone();
        moved.at += by;
        if let Slot::Digits { value_at, .. } = &mut moved.slot {
            *value_at += by;
        }
        moved
    }

    /// Position of the span's attribute whose value varies; `None` for a part of an event or link.
    pub(crate) fn attribute(&self) -> Option<u32> {
        match self.slot {
            Slot::Digits { .. } | Slot::Double { .. } | Slot::OwnId { .. } => Some(self.number),
            Slot::EventTime { .. } | Slot::Link { .. } => None,
        }
    }

    /// What the part adds to the hash of the encoded body, where it still is all zeros.
    pub(super) fn placeholder(&self, body: &[u8]) -> u64 {
        match self.slot {
            Slot::EventTime { fixed, .. } => content::event_at(fixed, 0, self.number),
            Slot::Link { fixed, .. } => content::link_at(fixed, &[0; 16], &[0; 8], self.number),
            Slot::Digits { key, value_at, length, .. } => {
                content::key_value(key, content::string_value(&body[value_at as usize..(value_at + length) as usize]))
            }
            Slot::Double { key, .. } => content::key_value(key, content::double_value(0)),
            Slot::OwnId { key } => content::key_value(key, content::string_value(&[b'0'; 32])),
        }
    }

    /// Writes the part's value for `frame` into the run's bytes.
    pub(crate) fn patch(&self, run: &mut [u8], frame: &Frame<'_>) {
        let at = self.at as usize;
        match self.slot {
            Slot::EventTime { offset_ns, .. } => {
                run[at..at + 8].copy_from_slice(&(frame.start_unix_ns + offset_ns).to_le_bytes());
            }
            Slot::Link { ordinal, variant, .. } => {
                let keys = frame.keys(variant);
                run[at..at + 16].copy_from_slice(&keys.id);
                run[at + 18..at + 26].copy_from_slice(&keys.span_id(ordinal).to_le_bytes());
            }
            Slot::Digits { digits_at, digits, .. } => {
                let at = at + digits_at as usize;
                put_digits(&mut run[at..at + usize::from(digits)], self.word(frame));
            }
            Slot::Double { low, high, .. } => {
                let value = uniform(self.word(frame), low, high);
                run[at..at + 8].copy_from_slice(&value.to_bits().to_le_bytes());
            }
            Slot::OwnId { .. } => run[at..at + 32].copy_from_slice(&frame.identity.own_id(frame.index, self.ordinal)),
        }
    }

    /// What the part adds to the hash of a span of `frame`. `run` begins with the run's bytes as encoded, not patched.
    #[inline]
    pub(crate) fn contribution(&self, run: &[u8], frame: &Frame<'_>) -> u64 {
        match self.slot {
            Slot::EventTime { offset_ns, fixed } => {
                content::event_at(fixed, frame.start_unix_ns + offset_ns, self.number)
            }
            Slot::Link { ordinal, variant, fixed } => {
                let keys = frame.keys(variant);
                content::link_at(fixed, &keys.id, &keys.span_id(ordinal).to_le_bytes(), self.number)
            }
            Slot::Digits { key, value_at, length, digits_at, digits } => {
                let value = &run[value_at as usize..(value_at + length) as usize];
                let digits = digits_at as usize..digits_at as usize + usize::from(digits);
                content::key_value(key, self.digits_hash(value, digits, frame))
            }
            Slot::Double { key, low, high } => {
                let bits = uniform(self.word(frame), low, high).to_bits();
                content::key_value(key, content::double_value(bits))
            }
            Slot::OwnId { key } => {
                let own_id = frame.identity.own_id(frame.index, self.ordinal);
                content::key_value(key, content::string_value(&own_id))
            }
        }
    }

    fn digits_hash(&self, value: &[u8], digits: std::ops::Range<usize>, frame: &Frame<'_>) -> u64 {
        let mut stack = [0; STRING_ON_STACK];
        let mut heap = Vec::new();
        let text = if value.len() <= STRING_ON_STACK {
            &mut stack[..value.len()]
        } else {
            heap.resize(value.len(), 0);
            &mut heap[..]
        };
        text.copy_from_slice(value);
        put_digits(&mut text[digits], self.word(frame));
        content::string_value(text)
    }

    fn word(&self, frame: &Frame<'_>) -> u64 {
        frame.keys.varying(self.ordinal, self.number)
    }
}

/// Fills `out` with the low decimal digits of `word`.
pub(crate) fn put_digits(out: &mut [u8], mut word: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (word % 10) as u8;
        word /= 10;
    }
}

/// A double in `low..high` from 53 bits of `word`; additions and products are exact IEEE operations, alike everywhere.
pub(crate) fn uniform(word: u64, low: f64, high: f64) -> f64 {
    let unit = (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
    low + (high - low) * unit
}
