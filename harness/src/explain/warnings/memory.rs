//! Whether what a queue may hold fits into memory.

use super::pipeline::has_queue;
use super::{Found, below};
use crate::collector_config::{ComponentId, Does, Way};
use crate::explain::Subject;
use crate::explain::quantity::{bytes, count, short};
use serde_json::Value;

/// Bytes of a span as it is sent, where no workload says it: about what those of the workload `shop` have.
const SPAN_BYTES: f64 = 350.0;

/// Spans of a request as SDKs send it (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`).
const REQUEST_SPANS: u64 = 512;

/// What the processor `batch` collects unless told otherwise.
const BATCH_SPANS: u64 = 8192;

/// What a queue holds unless told otherwise.
const QUEUE_REQUESTS: u64 = 1000;

pub(super) fn queue_beyond_memory(subject: &Subject) -> Vec<Found> {
    let mut found = Vec::new();
    for way in &subject.stages.ways {
        let Some((limit, says)) = limit(subject, way) else { continue };
        let queued = way.exporters.iter().filter(|exporter| has_queue(subject, exporter));
        found.extend(queued.filter_map(|exporter| of_exporter(subject, way, exporter, limit, &says)));
    }
    found
}

/// The least memory that is known, and what says so.
fn limit(subject: &Subject, way: &Way) -> Option<(f64, String)> {
    let pod = subject.resources().find_map(|resource| resource.memory_bytes);
    let limiters = way.steps.iter().filter_map(|step| match &step.does {
        Does::Limits(limiter) => {
            let share = limiter.limit_percentage.zip(pod).map(|(share, pod)| pod * share as f64 / 100.0);
            limiter.limit_bytes.or(share).map(|limit| (limit, format!("`{}`", step.component)))
        }
        _ => None,
    });
    let pod = pod.map(|limit| (limit, "spec.resources.limits.memory".to_owned()));
    limiters.chain(pod).min_by(|a, b| a.0.total_cmp(&b.0))
}

fn of_exporter(subject: &Subject, way: &Way, exporter: &ComponentId, limit: f64, says: &str) -> Option<Found> {
    let id = exporter.to_string();
    let queue = subject.settings("exporters", &id).get("sending_queue").unwrap_or(&Value::Null);
    // What is kept on disk takes no memory.
    if queue.get("storage").is_some_and(|storage| !storage.is_null()) {
        return None;
    }
    let (holds, reckoned) = holds(subject, way, queue);
    if holds <= limit {
        return None;
    }
    let message = format!("the queue of `{id}` may take {}, and {says} allows {}", bytes(holds), bytes(limit));
    let why = format!(
        "{reckoned}, and more in memory than on the wire; while the backend is away all is refused at the limit"
    );
    let remedy = "lower queue_size, count it in bytes (`sizer: bytes`), or keep it on disk (`storage`)";
    Some(Found::new(below(&[], &["exporters", &id, "sending_queue", "queue_size"]), message, why, remedy))
}

/// How many bytes a full queue holds, and how that is reckoned.
fn holds(subject: &Subject, way: &Way, queue: &Value) -> (f64, String) {
    let size = number(queue, "queue_size").unwrap_or(QUEUE_REQUESTS);
    let span_bytes = subject.traffic.as_ref().map_or(SPAN_BYTES, |traffic| traffic.span_bytes_mean);
    let (entries, each) = (count(size), short(span_bytes));
    match queue.get("sizer").and_then(Value::as_str).unwrap_or("requests") {
        "bytes" => (size as f64, format!("{entries} bytes")),
        "items" => (size as f64 * span_bytes, format!("{entries} spans of {each} B")),
        _ => {
            let spans = request_spans(subject, way);
            let holds = size as f64 * spans as f64 * span_bytes;
            (holds, format!("{entries} requests of {} spans of {each} B", count(spans)))
        }
    }
}

/// How many spans a request has when the queue takes it.
fn request_spans(subject: &Subject, way: &Way) -> u64 {
    let batch = way.steps.iter().rev().find(|step| step.component.plain_kind() == "batch" && !step.is_connector);
    let Some(batch) = batch else { return REQUEST_SPANS };
    let settings = subject.settings("processors", &batch.component.to_string());
    let most = number(settings, "send_batch_max_size").filter(|most| *most > 0);
    most.or_else(|| number(settings, "send_batch_size")).unwrap_or(BATCH_SPANS)
}

fn number(settings: &Value, name: &str) -> Option<u64> {
    settings.get(name).and_then(Value::as_u64)
}
