//! What an acknowledgement of the target promises, read off its configuration.

use super::ComponentId;
use super::pipelines::{Path, Pipelines, Stage};
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

/// The part of a configuration that keeps an acknowledgement from promising more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakestLink {
    /// What it promises; `None` when the component is unknown to us.
    pub guarantee: Option<Guarantee>,
    /// The component.
    pub component: ComponentId,
    /// Where the configuration says so: keys from its root, the last perhaps a name in a list.
    pub keys: Vec<String>,
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
        self.weakest_link()?.guarantee
    }

    /// What keeps the promise from being stronger, of all ways to OTLP exporters; `None` when there is no such way.
    pub fn weakest_link(&self) -> Option<WeakestLink> {
        self.to_otlp().paths().iter().map(path_link).min_by_key(|link| link.guarantee)
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

fn path_link(path: &Path) -> WeakestLink {
    let exporter = WeakestLink {
        guarantee: Some(exporter_guarantee(&path.exporter_settings)),
        component: path.exporter.clone(),
        keys: ["exporters", &path.exporter.to_string(), "sending_queue"].map(str::to_owned).to_vec(),
    };
    let links = path.stages.iter().filter_map(|stage| {
        let guarantee = stage_guarantee(stage)?;
        let role = if stage.is_connector { "exporters" } else { "processors" };
        let component = stage.component.to_string();
        let keys = ["service", "pipelines", &stage.pipeline, role, &component].map(str::to_owned).to_vec();
        Some(WeakestLink { guarantee, component: stage.component.clone(), keys })
    });
    links.fold(exporter, |weakest, link| if link.guarantee < weakest.guarantee { link } else { weakest })
}

/// What a stage makes of the promise, if anything; the inner `None`, which is less than any promise, when it is unknown.
fn stage_guarantee(stage: &Stage) -> Option<Option<Guarantee>> {
    match stage.component.plain_kind().as_str() {
        "tailsampling" | "groupbytrace" => Some(Some(Guarantee::TailSampling)),
        "batch" => Some(Some(Guarantee::Batch)),
        _ if super::facts::is_unknown(stage) => Some(None),
        _ => None,
    }
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
