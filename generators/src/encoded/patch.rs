//! What it takes to make one trace's span of a shape's bytes, as it stands in the arena right behind the run it belongs to.
//!
//! Runs are copied in an order that no cache foresees, so what is read together stands together: one stretch of memory for
//! each piece, and not one for its bytes and others for the recipes of its spans.

use super::{SpanPlaces, SpanRecipe};
use crate::model::{Ordinal, TraceVariant};

/// Bytes of one patch in the arena.
pub(crate) const PATCH_BYTES: usize = 48;

/// Where and with what a span's bytes are patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patch {
    /// Offset of the trace id's bytes in the run; the span id follows 18 bytes behind it.
    pub trace_id_at: u32,
    /// Offset of the parent's span id in the run; 0 without a parent.
    pub parent_at: u32,
    /// Offset of the start time in the run; the end follows 9 bytes behind it.
    pub times_at: u32,
    pub ordinal: Ordinal,
    pub start_ns: u64,
    pub end_ns: u64,
    /// Means nothing without a parent.
    pub parent_ordinal: Ordinal,
    pub first_varying: u32,
    pub varyings: u16,
    pub variant: TraceVariant,
    pub parent_variant: TraceVariant,
}

impl Patch {
    pub(crate) fn of(recipe: &SpanRecipe, places: &SpanPlaces) -> Self {
        Self {
            trace_id_at: places.trace_id_at,
            parent_at: places.parent_at,
            times_at: places.times_at,
            ordinal: recipe.ordinal,
            start_ns: recipe.start_ns,
            end_ns: recipe.end_ns,
            parent_ordinal: recipe.parent_ordinal,
            first_varying: recipe.first_varying,
            varyings: recipe.varyings,
            variant: recipe.variant,
            parent_variant: recipe.parent_variant,
        }
    }

    /// Appends its bytes.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        for word in [self.trace_id_at, self.parent_at, self.times_at, self.ordinal] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for time in [self.start_ns, self.end_ns] {
            out.extend_from_slice(&time.to_le_bytes());
        }
        for word in [self.parent_ordinal, self.first_varying] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.varyings.to_le_bytes());
        for variant in [self.variant, self.parent_variant] {
            out.extend_from_slice(&[variant.number, u8::from(variant.padded)]);
        }
        out.resize(start + PATCH_BYTES, 0);
    }

    /// Reads it back.
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8; PATCH_BYTES]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let time = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let variant = |at: usize| TraceVariant { number: bytes[at], padded: bytes[at + 1] != 0 };
        Self {
            trace_id_at: word(0),
            parent_at: word(4),
            times_at: word(8),
            ordinal: word(12),
            start_ns: time(16),
            end_ns: time(24),
            parent_ordinal: word(32),
            first_varying: word(36),
            varyings: u16::from_le_bytes([bytes[40], bytes[41]]),
            variant: variant(42),
            parent_variant: variant(44),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_read_back(
            words in proptest::array::uniform6(any::<u32>()),
            times in any::<(u64, u64)>(),
            varyings in any::<u16>(),
            variants in any::<(u8, bool, u8, bool)>(),
        ) {
            let [trace_id_at, parent_at, times_at, ordinal, parent_ordinal, first_varying] = words;
            let patch = Patch {
                trace_id_at,
                parent_at,
                times_at,
                ordinal,
                start_ns: times.0,
                end_ns: times.1,
                parent_ordinal,
                first_varying,
                varyings,
                variant: TraceVariant { number: variants.0, padded: variants.1 },
                parent_variant: TraceVariant { number: variants.2, padded: variants.3 },
            };
            let mut bytes = vec![7];
            patch.put(&mut bytes);
            prop_assert_eq!(bytes.len(), 1 + PATCH_BYTES);
            prop_assert_eq!(Patch::read(bytes[1..].first_chunk().unwrap()), patch);
        }
    }
}
