//! What an acknowledgement of the target promises, read off its configuration.

use super::ComponentId;
use super::pipelines::{Path, Pipelines};
use serde_json::Value;

/// What "acknowledged" means at a target, weakest promise first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarantee {
    /// The span is in a buffer that waits for its trace; errors behind it reach nobody.
    TailSampling,
    /// The span is in a batch in memory; errors behind it reach nobody.
    Batch,
    /// The span is in a queue in memory, and dies with the process.
    Memory,
    /// The span is in a queue on disk.
    Disk,
    /// The next hop has the span.
    Sync,
}

/// A sending queue that is kept in a storage extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentQueue {
    /// The exporter.
    pub exporter: ComponentId,
    /// The storage extension.
    pub storage: String,
    /// Whether every write is synced to disk, so that it outlives a crash of the host.
    pub fsync: bool,
    /// Whether retries never give up, so that no outage is too long.
    pub retries_for_ever: bool,
}

/// Whether a block with a switch is on: it is unless it says `enabled: false`, also when it is absent.
pub(super) fn is_enabled(block: &Value) -> bool {
    block.get("enabled").and_then(Value::as_bool).unwrap_or(true)
}

impl Pipelines {
    /// The strongest promise that every way to an OTLP exporter keeps; `None` when there is no such way, or a component on
    /// one is unknown to us. A scenario that declares a stronger one is not plausible.
    pub fn guarantee(&self) -> Option<Guarantee> {
        self.to_otlp().paths().iter().map(path_guarantee).min().flatten()
    }

    /// The sending queues of OTLP exporters that are kept on disk.
    pub fn persistent_queues(&self) -> Vec<PersistentQueue> {
        let mut queues = Vec::new();
        for path in self.to_otlp().paths() {
            let queue = persistent_queue(path);
            queues.extend(queue.filter(|queue| !queues.contains(queue)));
        }
        queues
    }
}

/// `None`, which is less than any promise, when the way has an unknown component.
fn path_guarantee(path: &Path) -> Option<Guarantee> {
    let mut promise = exporter_guarantee(&path.exporter_settings);
    for stage in &path.stages {
        match stage.component.plain_kind().as_str() {
            "tailsampling" | "groupbytrace" => promise = promise.min(Guarantee::TailSampling),
            "batch" => promise = promise.min(Guarantee::Batch),
            _ if super::facts::is_unknown(stage) => return None,
            _ => {}
        }
    }
    Some(promise)
}

fn exporter_guarantee(exporter: &Value) -> Guarantee {
    let queue = exporter.get("sending_queue").unwrap_or(&Value::Null);
    let waits = queue.get("wait_for_result").and_then(Value::as_bool).unwrap_or(false);
    if !is_enabled(queue) || waits {
        Guarantee::Sync
    } else if storage(queue).is_some() {
        Guarantee::Disk
    } else {
        Guarantee::Memory
    }
}

fn storage(queue: &Value) -> Option<&str> {
    queue.get("storage").and_then(Value::as_str).filter(|storage| !storage.is_empty())
}

fn persistent_queue(path: &Path) -> Option<PersistentQueue> {
    let queue = path.exporter_settings.get("sending_queue").filter(|queue| is_enabled(queue))?;
    let storage = storage(queue)?;
    let retry = path.exporter_settings.get("retry_on_failure").unwrap_or(&Value::Null);
    let elapsed = retry.get("max_elapsed_time").and_then(super::duration::duration);
    let fsync = path.storage_settings.get("fsync").and_then(Value::as_bool);
    Some(PersistentQueue {
        exporter: path.exporter.clone(),
        storage: storage.to_owned(),
        fsync: fsync.unwrap_or(false),
        retries_for_ever: is_enabled(retry) && elapsed.is_some_and(|time| time.is_zero()),
    })
}
