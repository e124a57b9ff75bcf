//! The settings of `probabilistic_sampler`, as far as traces go; those for logs are known and passed over.

use crate::collector_config::settings::{Ignored, Node, Reader};
use spanproof_generators::sampling::config::{Mode, ProbabilisticSampler};

/// The smallest share that the collector takes: one in 2^56.
const SHARE_MIN: f64 = 1.0 / (1_u64 << 56) as f64;

/// Hex digits of a threshold.
const PRECISION_MAX: u64 = 14;

const FIELDS: [&str; 8] = [
    "sampling_percentage",
    "hash_seed",
    "mode",
    "sampling_precision",
    "fail_closed",
    "attribute_source",
    "from_attribute",
    "sampling_priority",
];

/// Reads the settings. What is wrong with them is left with the reader.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node<'_>) -> ProbabilisticSampler {
    reader.only(node, &FIELDS);
    let default = ProbabilisticSampler::default();
    let mode = mode(reader, node);
    if mode != Mode::HashSeed && node.child("hash_seed").is_some() {
        let why = "it counts in mode `hash_seed` only".to_owned();
        reader.ignored.push(Ignored { keys: node.keys_of("hash_seed"), why });
    }
    ProbabilisticSampler {
        percentage: percentage(reader, node),
        hash_seed: hash_seed(reader, node),
        mode,
        precision: precision(reader, node),
        fail_closed: reader.truth(node, "fail_closed").unwrap_or(default.fail_closed),
    }
}

fn mode(reader: &mut Reader<'_>, node: &Node<'_>) -> Mode {
    match reader.text(node, "mode").as_deref() {
        None | Some("" | "hash_seed") => Mode::HashSeed,
        Some("proportional") => Mode::Proportional,
        Some("equalizing") => Mode::Equalizing,
        Some(other) => {
            let reason = format!("`{}` is no mode", other.escape_debug());
            reader.mistake(node.keys_of("mode"), reason, "write `hash_seed`, `proportional` or `equalizing`");
            Mode::HashSeed
        }
    }
}

/// A 32-bit float, as the collector keeps it.
fn percentage(reader: &mut Reader<'_>, node: &Node<'_>) -> f32 {
    let percentage = reader.number(node, "sampling_percentage").unwrap_or(0.0) as f32;
    let share = f64::from(percentage) / 100.0;
    let keys = node.keys_of("sampling_percentage");
    if !share.is_finite() {
        reader.mistake(keys, "this is no number that the collector takes", "write 0 to 100");
    } else if share < 0.0 {
        reader.mistake(keys, "a percentage below 0 is refused", "write 0 to 100");
    } else if share > 0.0 && share < SHARE_MIN {
        reader.mistake(keys, "a share below 2^-56 is refused", "write 0, or more");
    }
    percentage
}

/// 32 bits; of a larger number the collector takes the low ones, without a word.
fn hash_seed(reader: &mut Reader<'_>, node: &Node<'_>) -> u32 {
    let seed = reader.count(node, "hash_seed").unwrap_or(0);
    let low = seed as u32;
    if u64::from(low) != seed {
        let why = format!("of its value only the low 32 bits count, which are {low}");
        reader.ignored.push(Ignored { keys: node.keys_of("hash_seed"), why });
    }
    low
}

fn precision(reader: &mut Reader<'_>, node: &Node<'_>) -> u8 {
    let default = u64::from(ProbabilisticSampler::default().precision);
    let digits = reader.count(node, "sampling_precision").unwrap_or(default);
    if digits == 0 || digits > PRECISION_MAX {
        let reason = format!("a precision of {digits} hex digits is refused");
        reader.mistake(node.keys_of("sampling_precision"), reason, format!("write 1 to {PRECISION_MAX}"));
    }
    u8::try_from(digits.clamp(1, PRECISION_MAX)).unwrap_or(4)
}
