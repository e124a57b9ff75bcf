//! How the exporter of a known way queues, sends and sends again: the numbers that its loss in an outage follows from.

use super::duration::duration;
use super::facts::{self, SuspectWhy};
use super::guarantee::is_enabled;
use super::pipelines::{Path, Pipelines, Protocol};
use serde_json::Value;
use std::time::Duration;

/// An exporter with a queue of requests, reached by every request as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Exporting {
    /// What it is called.
    pub exporter: String,
    /// How it sends.
    pub protocol: Protocol,
    /// Requests that its queue takes, those being sent included.
    pub queue_size: u64,
    /// How many of them are sent at once.
    pub consumers: u64,
    /// How it sends again; `None` where it does not.
    pub retry: Option<Retry>,
    /// How long it waits for an answer.
    pub timeout: Duration,
}

/// `retry_on_failure` of an exporter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The first pause.
    pub initial_interval: Duration,
    /// By how much each pause is longer than the one before.
    pub multiplier: f64,
    /// By which share of it a pause may be shorter or longer, at random.
    pub randomization_factor: f64,
    /// The longest pause, randomness aside.
    pub max_interval: Duration,
    /// An item is given up when its next try would begin later than this after its first; `None` for never.
    pub max_elapsed_time: Option<Duration>,
}

impl Pipelines {
    /// The only exporter's settings, if what it loses in an outage follows from them alone.
    ///
    /// # Errors
    /// Why it does not, as what follows "because".
    pub fn exporting(&self) -> Result<Exporting, String> {
        let [path] = self.paths() else { return Err(format!("{} ways lead to the sink", self.paths().len())) };
        if let Some(suspect) =
            self.absence_is_explained_by().into_iter().find(|suspect| suspect.why != SuspectWhy::Unknown)
        {
            return Err(format!("`{}` may leave spans out on purpose", suspect.component));
        }
        let holds_up = path.stages.iter().find(|stage| {
            matches!(stage.component.plain_kind().as_str(), "batch" | "groupbytrace" | "tailsampling" | "memorylimiter")
                || facts::is_unknown(stage)
                || stage.is_connector
        });
        match holds_up {
            Some(stage) => Err(format!("`{}` stands before the exporter", stage.component)),
            None => of_exporter(path),
        }
    }

    /// The shortest time that an exporter waits for an answer; zero is for ever. `None` where one's is not known.
    pub fn shortest_timeout(&self) -> Option<Duration> {
        let of = |path: &Path| timeout(path.protocol()?, &path.exporter_settings);
        let timeouts: Option<Vec<Duration>> = self.paths().iter().map(of).collect();
        timeouts?.into_iter().filter(|timeout| !timeout.is_zero()).min()
    }
}

/// How long an exporter of this protocol waits for an answer, unless its settings say otherwise.
fn timeout(protocol: Protocol, settings: &Value) -> Option<Duration> {
    let seconds = if protocol == Protocol::Http { 30 } else { 5 };
    time(settings, "timeout", Duration::from_secs(seconds))
}

fn of_exporter(path: &Path) -> Result<Exporting, String> {
    let Some(protocol) = path.protocol() else { return Err(format!("`{}` is not an OTLP exporter", path.exporter)) };
    let queue = path.exporter_settings.get("sending_queue").unwrap_or(&Value::Null);
    let is_set = |name: &str| queue.get(name).is_some_and(|value| !value.is_null() && *value != Value::Bool(false));
    let unlike = ["batch", "block_on_overflow", "wait_for_result"].into_iter().find(|name| is_set(name));
    if !is_enabled(queue) {
        return Err(format!("`{}` has no queue", path.exporter));
    }
    if let Some(name) = unlike {
        return Err(format!("`sending_queue.{name}` of `{}` is set", path.exporter));
    }
    if queue.get("sizer").and_then(Value::as_str).is_some_and(|sizer| sizer != "requests") {
        return Err(format!("the queue of `{}` does not count requests", path.exporter));
    }
    let read = || {
        Some(Exporting {
            exporter: path.exporter.to_string(),
            protocol,
            queue_size: count(queue, "queue_size", 1000)?,
            consumers: count(queue, "num_consumers", 10)?.max(1),
            retry: retry(path.exporter_settings.get("retry_on_failure").unwrap_or(&Value::Null))?,
            timeout: timeout(protocol, &path.exporter_settings)?,
        })
    };
    read().ok_or_else(|| format!("settings of `{}` cannot be read", path.exporter))
}

/// The outer `None` for what cannot be read.
fn retry(settings: &Value) -> Option<Option<Retry>> {
    if !is_enabled(settings) {
        return Some(None);
    }
    let max_elapsed_time = time(settings, "max_elapsed_time", Duration::from_mins(5))?;
    Some(Some(Retry {
        initial_interval: time(settings, "initial_interval", Duration::from_secs(5))?,
        multiplier: number(settings, "multiplier", 1.5)?,
        randomization_factor: number(settings, "randomization_factor", 0.5)?,
        max_interval: time(settings, "max_interval", Duration::from_secs(30))?,
        max_elapsed_time: Some(max_elapsed_time).filter(|time| !time.is_zero()),
    }))
}

/// A setting that is there, as its text or number; nothing for one that is left to its default.
fn given<'a>(settings: &'a Value, name: &str) -> Option<&'a Value> {
    settings.get(name).filter(|value| !value.is_null())
}

fn count(settings: &Value, name: &str, default: u64) -> Option<u64> {
    given(settings, name)
        .map_or(Some(default), |value| value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok())))
}

fn number(settings: &Value, name: &str, default: f64) -> Option<f64> {
    let number = given(settings, name)
        .map_or(Some(default), |value| value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok())));
    number.filter(|number| number.is_finite() && *number >= 0.0)
}

fn time(settings: &Value, name: &str, default: Duration) -> Option<Duration> {
    given(settings, name).map_or(Some(default), duration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source};
    use std::collections::BTreeMap;

    fn exporting(processors: &str, exporter: &str) -> Result<Exporting, String> {
        let text = format!(
            "receivers: {{otlp: {{}}}}\nprocessors: {{batch: {{}}, strange: {{}}, attributes: {{}}, filter: {{}}, tail_sampling: {{}}, probabilistic_sampler: {{}}}}\n\
             exporters: {{otlp_grpc: {{endpoint: 'x:1', {exporter}}}, otlp_http: {{endpoint: 'http://x:1'}}}}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp_grpc]}}}}}}\n"
        );
        let source = Source { name: "x.yaml", text: &text };
        CollectorConfig::read(&[source], &BTreeMap::new()).unwrap().pipelines().unwrap().exporting()
    }

    #[test]
    fn what_is_not_said_is_as_the_collector_has_it() {
        let defaults = exporting("attributes", "").unwrap();
        let retry = defaults.retry.unwrap();
        let seconds = Duration::from_secs;
        assert_eq!((defaults.queue_size, defaults.consumers, defaults.timeout), (1000, 10, seconds(5)));
        assert_eq!((retry.initial_interval, retry.max_interval), (seconds(5), seconds(30)));
        assert_eq!((retry.multiplier, retry.randomization_factor), (1.5, 0.5));
        assert_eq!(retry.max_elapsed_time, Some(seconds(300)));
    }

    #[test]
    fn what_is_said_is_heard() {
        let all = exporting(
            "",
            "timeout: 1s, sending_queue: {queue_size: 5, num_consumers: 1}, retry_on_failure: {initial_interval: 100ms, \
             multiplier: 2, randomization_factor: 0, max_interval: 1s, max_elapsed_time: 0s}",
        )
        .unwrap();
        assert_eq!((all.queue_size, all.consumers, all.timeout), (5, 1, Duration::from_secs(1)));
        let retry = all.retry.unwrap();
        assert_eq!((retry.multiplier, retry.randomization_factor, retry.max_elapsed_time), (2.0, 0.0, None));
        assert_eq!(exporting("", "retry_on_failure: {enabled: false}").unwrap().retry, None);
    }

    #[test]
    fn where_loss_follows_from_more_than_these_it_is_said() {
        let why = |processors: &str, exporter: &str| exporting(processors, exporter).unwrap_err();
        assert_eq!(why("batch", ""), "`batch` stands before the exporter");
        assert_eq!(why("strange", ""), "`strange` stands before the exporter");
        for leaves_out in ["filter", "tail_sampling", "probabilistic_sampler"] {
            assert_eq!(why(leaves_out, ""), format!("`{leaves_out}` may leave spans out on purpose"));
        }
        assert_eq!(why("", "sending_queue: {enabled: false}"), "`otlp_grpc` has no queue");
        assert_eq!(why("", "sending_queue: {sizer: items}"), "the queue of `otlp_grpc` does not count requests");
        for set in ["batch: {min_size: 1}", "block_on_overflow: true", "wait_for_result: true"] {
            let name = set.split(':').next().unwrap();
            let said = why("", &format!("sending_queue: {{{set}}}"));
            assert_eq!(said, format!("`sending_queue.{name}` of `otlp_grpc` is set"));
        }
        assert_eq!(why("", "timeout: soon"), "settings of `otlp_grpc` cannot be read");
    }

    #[test]
    fn the_shortest_time_that_an_exporter_waits_counts_and_one_that_is_not_known_makes_it_unknown() {
        let shortest = |exporters: &str| {
            let text = format!(
                "receivers: {{otlp: {{}}}}\nexporters: {{{exporters}}}\nservice: {{pipelines: {{traces/a: {{receivers: [otlp], \
                 exporters: [otlp_grpc]}}, traces/b: {{receivers: [otlp], exporters: [otlp_http]}}}}}}\n"
            );
            let source = Source { name: "x.yaml", text: &text };
            CollectorConfig::read(&[source], &BTreeMap::new()).unwrap().pipelines().unwrap().shortest_timeout()
        };
        let of = |grpc: &str, http: &str| shortest(&format!("otlp_grpc: {{{grpc}}}, otlp_http: {{{http}}}"));
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!((of("", ""), of("timeout: 40s", "")), (seconds(5), seconds(30)));
        assert_eq!((of("timeout: 2s", "timeout: 1s"), of("timeout: 0s", "timeout: 9s")), (seconds(1), seconds(9)));
        assert_eq!((of("timeout: soon", ""), of("timeout: 0s", "timeout: 0s")), (None, None));
    }
}
