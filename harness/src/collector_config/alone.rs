//! One way through a configuration as a configuration of its own: no more than decides which traces are kept.
//!
//! Evidence carries it, so that anybody can ask again what ought to have become of a trace. Neither receivers nor exporters keep a
//! setting, and of the processors only those do whose settings are rules or times: what a component writes into spans may be a
//! secret.

use super::pipelines::{Path, Stage};
use super::{ComponentId, Pipelines};
use serde_json::{Map, Value, json};
use std::time::Duration;

const RECEIVER: &str = "otlp";
const EXPORTER: &str = "otlp_grpc";

/// What components that change spans say of *which* they change. What they write is left out.
const SAID_OF_CHANGES: [&str; 4] = ["attributes", "resource", "span", "k8sattributes"];

impl Pipelines {
    /// The only way of these as a configuration of its own; `None` where there are several that differ, or none.
    pub fn alone(&self) -> Option<Value> {
        let (first, others) = self.paths().split_first()?;
        others.iter().all(|path| path.stages == first.stages).then(|| alone(first))
    }

    /// For how long what stands before a component may hold spans back on each of these ways, at most, in a healthy collector; `None`
    /// where one cannot be told.
    pub fn held_before(&self, component: &ComponentId) -> Option<Duration> {
        longest(self.paths().iter().map(|path| path.held_before(component)))
    }

    /// The same of all that stands between receiver and exporter.
    pub fn held_at_all(&self) -> Option<Duration> {
        longest(self.paths().iter().map(Path::held_at_all))
    }
}

fn longest(mut held: impl Iterator<Item = Option<Duration>>) -> Option<Duration> {
    held.try_fold(Duration::ZERO, |longest, held| Some(longest.max(held?)))
}

fn alone(path: &Path) -> Value {
    let (mut processors, mut connectors, mut pipelines) = (Map::new(), Map::new(), Map::new());
    let (mut receiver, mut passed) = (RECEIVER.to_owned(), Vec::new());
    for stage in &path.stages {
        let id = stage.component.to_string();
        if stage.is_connector {
            connectors.insert(id.clone(), settings(stage));
            pipelines.insert(stage.pipeline.clone(), pipeline(&receiver, std::mem::take(&mut passed), &id));
            receiver = id;
        } else {
            processors.insert(id.clone(), settings(stage));
            passed.push(id);
        }
    }
    pipelines.insert(path.pipeline.clone(), pipeline(&receiver, passed, EXPORTER));
    json!({
        "receivers": { RECEIVER: null },
        "processors": processors,
        "connectors": connectors,
        "exporters": { EXPORTER: null },
        "service": { "pipelines": pipelines },
    })
}

fn pipeline(receiver: &str, processors: Vec<String>, exporter: &str) -> Value {
    json!({ "receivers": [receiver], "processors": processors, "exporters": [exporter] })
}

fn settings(stage: &Stage) -> Value {
    match stage.component.plain_kind().as_str() {
        "tailsampling" | "probabilisticsampler" | "filter" | "batch" | "groupbytrace" => literal(&stage.settings),
        kind if SAID_OF_CHANGES.contains(&kind) => literal(&without_values(&stage.settings)),
        "transform" => literal(&without_texts(&stage.settings)),
        _ => Value::Null,
    }
}

/// Statements without the texts in them, but for keys of attributes: which places they name is left.
fn without_texts(settings: &Value) -> Value {
    match settings {
        Value::String(statement) => Value::String(without_quoted(statement)),
        Value::Array(items) => items.iter().map(without_texts).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), without_texts(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => settings.clone(),
    }
}

fn without_quoted(statement: &str) -> String {
    let (mut left, mut rest) = (String::new(), statement);
    while let Some((before, quoted)) = rest.split_once('"') {
        let end = end_of_text(quoted);
        left.push_str(before);
        left.push('"');
        if before.ends_with('[') {
            left.push_str(&quoted[..end]);
        }
        left.push('"');
        rest = quoted.get(end + 1..).unwrap_or_default();
    }
    left + rest
}

/// Where the text ends that begins here: at the next quote that is not escaped.
fn end_of_text(quoted: &str) -> usize {
    let mut escaped = false;
    let end = quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(quoted.len())
}

/// The same without any field called `value`.
fn without_values(settings: &Value) -> Value {
    match settings {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| *key != "value")
            .map(|(key, value)| (key.clone(), without_values(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_values).collect(),
        _ => settings.clone(),
    }
}

/// Values that mean themselves: they were expanded once, and will be again when this is read.
fn literal(settings: &Value) -> Value {
    match settings {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), literal(value))).collect(),
        // As out of a variable: what came from one is a text, too, where a text is wanted.
        Value::Bool(_) | Value::Number(_) => Value::String(format!("${{env:SPANPROOF_NONE:-{settings}}}")),
        Value::Null => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use crate::collector_config::{CollectorConfig, Source};
    use spanproof_generators::sampling::version::Version;
    use std::collections::BTreeMap;

    const CONFIG: &str = r#"
receivers: { otlp: { protocols: { grpc: { auth: "${env:TOKEN}" } } } }
processors:
  batch: { timeout: 100ms }
  attributes/a: { actions: [{ key: user, action: upsert, value: "${env:TOKEN}" }] }
  transform: { trace_statements: ["set(span.attributes[\"a\"], \"${env:TOKEN}\")"] }
  filter: { traces: { span: ['name == "a$$b" or name == "${env:NAME}"'] } }
  tail_sampling:
    decision_wait: 5s
    policies: [{ name: codes, type: string_attribute, string_attribute: { key: http.status_code, values: ["^5..$", "${env:CODE}"] } }]
connectors: { forward: {} }
exporters: { otlp_grpc: { endpoint: "x:1", headers: { key: "${env:TOKEN}" } }, debug: {} }
service:
  pipelines:
    traces/in: { receivers: [otlp], processors: [attributes/a, transform, filter], exporters: [forward] }
    traces: { receivers: [forward], processors: [batch, tail_sampling], exporters: [otlp_grpc] }
"#;

    fn read(name: &str, text: &str, variables: &[(&str, &str)]) -> CollectorConfig {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        CollectorConfig::read(&[Source { name, text }], &variables).unwrap()
    }

    #[test]
    fn read_again_it_has_the_same_stages_and_no_secret() {
        let config = read("c.yaml", CONFIG, &[("TOKEN", "hunter2"), ("NAME", "x${y}z"), ("CODE", "200")]);
        let alone = config.pipelines().unwrap().alone().unwrap().to_string();
        assert!(!alone.contains("hunter2"), "{alone}");
        let again = read("alone.json", &alone, &[]);
        let (expected, found) = (config.stages(Version::MEASURED).unwrap(), again.stages(Version::MEASURED).unwrap());
        assert_eq!(found.mistakes, []);
        assert_eq!(found.ways.len(), 1);
        assert_eq!(found.ways[0].steps, expected.ways[0].steps);
    }

    #[test]
    fn of_a_statement_the_places_are_left_and_no_text() {
        let left = |statement: &str| super::without_quoted(statement);
        let secret = r#"set(span.attributes["a"], "hunter\"2") where span.flags == 1 and IsMatch(name, "hunter2")"#;
        assert_eq!(left(secret), r#"set(span.attributes["a"], "") where span.flags == 1 and IsMatch(name, "")"#);
        assert_eq!(left("set(span.flags, 0)"), "set(span.flags, 0)");
        assert_eq!(left(r#"set(name, "hunter2"#), r#"set(name, """#);
        assert_eq!(left(r#"set(name, "hunter2\"#), r#"set(name, """#);
    }

    #[test]
    fn ways_that_differ_are_none_of_them_alone() {
        let fork = CONFIG.replace("exporters: [forward] }", "exporters: [forward, otlp_grpc] }");
        assert_eq!(read("c.yaml", &fork, &[]).pipelines().unwrap().alone(), None);
        let both = CONFIG.replace("exporters: [otlp_grpc] }", "exporters: [otlp_grpc, debug] }");
        assert!(read("c.yaml", &both, &[]).pipelines().unwrap().alone().is_some());
    }

    #[test]
    fn what_stands_before_a_component_holds_spans_back() {
        let pipelines = read("c.yaml", CONFIG, &[]).pipelines().unwrap();
        let held = |id: &str| pipelines.held_before(&crate::collector_config::ComponentId::parse(id).unwrap());
        assert_eq!(held("batch"), Some(std::time::Duration::ZERO));
        assert_eq!(held("tail_sampling"), Some(std::time::Duration::from_millis(100)));
        assert_eq!(pipelines.held_at_all(), Some(std::time::Duration::from_millis(6_100)));
    }
}
