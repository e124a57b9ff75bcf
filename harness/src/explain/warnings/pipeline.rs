//! What stands where in the pipelines.

use super::{Found, below};
use crate::collector_config::{ComponentId, Does, Step, Way};
use crate::explain::Subject;
use serde_json::Value;

fn is_batch(step: &Step) -> bool {
    !step.is_connector && step.component.plain_kind() == "batch"
}

/// The pipeline that a way begins in.
fn first_pipeline(way: &Way) -> &str {
    way.steps.first().map_or(&way.pipeline, |step| &step.pipeline)
}

/// Where a component is named in its pipeline.
fn in_pipeline(step: &Step) -> Vec<String> {
    let role = if step.is_connector { "exporters" } else { "processors" };
    let id = step.component.to_string();
    below(&[], &["service", "pipelines", &step.pipeline, role, &id])
}

/// What a check finds on each way.
fn on_ways(subject: &Subject, find: impl Fn(&Way) -> Option<Found>) -> Vec<Found> {
    subject.stages.ways.iter().filter_map(find).collect()
}

pub(super) fn limiter_missing(subject: &Subject) -> Vec<Found> {
    on_ways(subject, |way| {
        if way.steps.iter().any(|step| matches!(step.does, Does::Limits(_))) {
            return None;
        }
        let pipeline = first_pipeline(way);
        let message = format!("there is no memory_limiter in `{}`", pipeline.escape_debug());
        let why = "when the backend is slow, queues grow until the collector is killed, and all that it holds is lost";
        let remedy = "put one in the first place of its processors";
        Some(Found::new(below(&[], &["service", "pipelines", pipeline]), message, why, remedy))
    })
}

pub(super) fn limiter_late(subject: &Subject) -> Vec<Found> {
    on_ways(subject, |way| {
        let at = way.steps.iter().position(|step| matches!(step.does, Does::Limits(_))).filter(|at| *at > 0)?;
        let (before, step) = (&way.steps[..at], &way.steps[at]);
        let names: Vec<String> = before.iter().map(|step| format!("`{}`", step.component)).collect();
        let holder = before.iter().find(|step| is_batch(step) || matches!(step.does, Does::SamplesTraces(_)));
        let why = holder.map_or_else(
            || "what stands before it takes memory for data that is refused only then".to_owned(),
            |holder| {
                let holder = &holder.component;
                format!(
                    "`{holder}` has said OK to the sender by then: what the limiter refuses is lost, and nobody is told"
                )
            },
        );
        let message = format!("`{}` stands behind {}", step.component, names.join(", "));
        Some(Found::new(in_pipeline(step), message, why, "put it in the first place"))
    })
}

pub(super) fn batch_before_sampling(subject: &Subject) -> Vec<Found> {
    on_ways(subject, |way| {
        let at = way.steps.iter().position(is_batch)?;
        let thins =
            |step: &&Step| matches!(step.does, Does::SamplesTraces(_) | Does::SamplesSpans(_) | Does::Filters(_));
        let sampler = way.steps[at..].iter().find(thins)?;
        let message = format!("`{}` stands before `{}`", way.steps[at].component, sampler.component);
        let why = "batches are made of spans that are dropped next, so that what leaves is small again";
        Some(Found::new(in_pipeline(&way.steps[at]), message, why, "put it behind all that drops"))
    })
}

pub(super) fn batch_before_queue(subject: &Subject) -> Vec<Found> {
    on_ways(subject, |way| {
        let batch = way.steps.iter().find(|step| is_batch(step))?;
        let exporter = way.exporters.iter().find(|id| has_queue(subject, id))?;
        let message = format!("`{}` stands before the queue of `{exporter}`", batch.component);
        let why =
            "it says OK before the queue has taken anything: what a full queue refuses is lost, and nobody is told";
        let remedy = format!("take it out, and batch in the queue: exporters.{exporter}.sending_queue.batch");
        Some(Found::new(in_pipeline(batch), message, why, remedy).issue("opentelemetry-collector#12443"))
    })
}

/// Whether an exporter queues what it is given; exporters of OTLP do so unless they are told not to.
pub(super) fn has_queue(subject: &Subject, exporter: &ComponentId) -> bool {
    let is_otlp = matches!(exporter.plain_kind().as_str(), "otlp" | "otlpgrpc" | "otlphttp");
    let queue = subject.settings("exporters", &exporter.to_string()).get("sending_queue");
    queue.map_or(is_otlp, |queue| queue.get("enabled").and_then(Value::as_bool).unwrap_or(true))
}

pub(super) fn sampled_before_tail(subject: &Subject) -> Vec<Found> {
    on_ways(subject, |way| {
        let at = way.steps.iter().position(|step| matches!(step.does, Does::SamplesSpans(_)))?;
        let tail = way.steps[at..].iter().find(|step| matches!(step.does, Does::SamplesTraces(_)))?;
        let message = format!("`{}` stands before `{}`", way.steps[at].component, tail.component);
        let why = "policies see only what is left: errors and slow traces are thinned out like all others before anybody looks";
        let remedy = "leave it out, and thin out the rest by a `probabilistic` policy";
        Some(Found::new(in_pipeline(&way.steps[at]), message, why, remedy))
    })
}
