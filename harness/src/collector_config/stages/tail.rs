//! The settings of `tail_sampling`, every field of them.

use super::policy::policies;
use crate::collector_config::settings::{Node, Reader};
use spanproof_generators::sampling::config::{Problem, ProblemKind, Strategy, TailSampling};
use spanproof_generators::sampling::version::Version;

/// The first version with `num_shards`.
const SHARDS_SINCE: Version = Version { minor: 159 };

const SHARDS_MAX: u64 = 256;

const FIELDS: [&str; 13] = [
    "policies",
    "decision_wait",
    "decision_wait_after_root_received",
    "num_traces",
    "block_on_overflow",
    "expected_new_traces_per_sec",
    "decision_cache",
    "sample_on_first_match",
    "sampling_strategy",
    "drop_pending_traces_on_shutdown",
    "maximum_trace_size_bytes",
    "tail_storage",
    "num_shards",
];

/// Reads the settings. What is wrong with them is left with the reader.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node<'_>, version: Version) -> TailSampling {
    let has_shards = version >= SHARDS_SINCE;
    let fields = if has_shards { &FIELDS[..] } else { &FIELDS[..FIELDS.len() - 1] };
    reader.only(node, fields);
    let default = TailSampling::default();
    let cache = node.child("decision_cache").unwrap_or_else(|| Node::new(&serde_json::Value::Null, &[]));
    reader.only(&cache, &["sampled_cache_size", "non_sampled_cache_size"]);
    let listed = policies(reader, node, "policies");
    let config = TailSampling {
        decision_wait: reader.duration(node, "decision_wait").unwrap_or(default.decision_wait),
        decision_wait_after_root_received: reader
            .duration(node, "decision_wait_after_root_received")
            .unwrap_or(default.decision_wait_after_root_received),
        num_traces: reader.count(node, "num_traces").unwrap_or(default.num_traces),
        block_on_overflow: reader.truth(node, "block_on_overflow").unwrap_or(default.block_on_overflow),
        sampled_cache_size: reader.count(&cache, "sampled_cache_size").unwrap_or(default.sampled_cache_size),
        non_sampled_cache_size: reader
            .count(&cache, "non_sampled_cache_size")
            .unwrap_or(default.non_sampled_cache_size),
        sample_on_first_match: reader.truth(node, "sample_on_first_match").unwrap_or(default.sample_on_first_match),
        strategy: strategy(reader, node),
        drop_pending_traces_on_shutdown: reader
            .truth(node, "drop_pending_traces_on_shutdown")
            .unwrap_or(default.drop_pending_traces_on_shutdown),
        maximum_trace_size_bytes: reader
            .count(node, "maximum_trace_size_bytes")
            .unwrap_or(default.maximum_trace_size_bytes),
        num_shards: if has_shards { shards(reader, node) } else { default.num_shards },
        policies: listed.policies,
    };
    reader.count(node, "expected_new_traces_per_sec");
    told(reader, &config, &listed.keys);
    config
}

fn strategy(reader: &mut Reader<'_>, node: &Node<'_>) -> Strategy {
    match reader.text(node, "sampling_strategy").as_deref() {
        None | Some("" | "trace-complete") => Strategy::TraceComplete,
        Some("span-ingest") => Strategy::SpanIngest,
        Some(other) => {
            let reason = format!("`{}` is no strategy", other.escape_debug());
            reader.mistake(node.keys_of("sampling_strategy"), reason, "write `trace-complete` or `span-ingest`");
            Strategy::TraceComplete
        }
    }
}

fn shards(reader: &mut Reader<'_>, node: &Node<'_>) -> u32 {
    let count = reader.count(node, "num_shards").unwrap_or(1);
    if count > SHARDS_MAX {
        let reason = format!("{count} shards are more than {SHARDS_MAX}");
        reader.mistake(node.keys_of("num_shards"), reason, format!("write {SHARDS_MAX} or less"));
    }
    if count > 1 && node.child("tail_storage").is_some() {
        let remedy = "leave one of them out";
        reader.mistake(node.keys_of("num_shards"), "`tail_storage` does not go with more than one shard", remedy);
    }
    u32::try_from(count.clamp(1, SHARDS_MAX)).unwrap_or(1)
}

/// Tells what the model says the collector refuses; what makes it panic only later is for the warnings.
fn told(reader: &mut Reader<'_>, config: &TailSampling, keys: &[(String, Vec<String>)]) {
    for Problem { policy, kind } in config.problems() {
        let mut at = keys.iter().filter(|(path, _)| *path == policy).map(|(_, keys)| keys);
        let place = if kind == ProblemKind::Repeated { at.next_back() } else { at.next() };
        let keys = place.cloned().unwrap_or_default();
        let reason = format!("policy `{}` {kind}", policy.escape_debug());
        match kind {
            // The reader has told of these itself, with what was written.
            ProblemKind::UnknownType(_) | ProblemKind::NoStatusCode => {}
            // The collector may start with these: they are warned of.
            ProblemKind::Boundless | ProblemKind::Pattern(_) => {}
            ProblemKind::Unnamed => reader.mistake(keys, "a policy has no name", "give it one"),
            ProblemKind::Repeated => {
                let reason = format!("another policy is called `{}`", policy.escape_debug());
                reader.mistake(keys, reason, "rename one of them");
            }
            ProblemKind::Nested { outer, .. } => {
                reader.mistake(keys, reason, format!("take it out of the `{outer}` policy"));
            }
            ProblemKind::NoCondition => {
                reader.mistake(keys, reason, "write at least one under `span` or `spanevent`");
            }
            ProblemKind::NeedsWholeTrace => {
                reader.mistake(keys, reason, "take `trace-complete`, or another policy");
            }
        }
    }
}
