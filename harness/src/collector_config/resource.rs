//! An OpenTelemetryCollector of the Kubernetes operator: what it says of its collectors beside their configuration.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a resource says of its collectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// `deployment` (the default), `daemonset`, `statefulset` or `sidecar`.
    pub mode: String,
    /// How many collectors there may be.
    pub replicas: Replicas,
    /// How much memory a collector may take, in bytes.
    pub memory_bytes: Option<f64>,
    /// The version that the image's tag names, such as `0.155.0`.
    pub version: Option<String>,
    /// Variables with a value of their own.
    pub variables: BTreeMap<String, String>,
}

/// How many collectors of one kind there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicas {
    /// At most this many; of a daemonset there is one a node, and nobody has said how many those are: 2.
    pub most: u64,
    /// The field that says so, below `spec`.
    pub field: &'static [&'static str],
}

/// Reads the `spec` of a resource. What is not as it should be is passed over: the operator judges that.
pub(super) fn resource(name: &str, spec: &Value) -> Resource {
    let text = |key: &str| spec.get(key).and_then(Value::as_str);
    let mode = text("mode").unwrap_or("deployment").to_owned();
    Resource {
        name: name.to_owned(),
        replicas: replicas(&mode, spec),
        mode,
        memory_bytes: spec.pointer("/resources/limits/memory").and_then(quantity),
        version: text("image").and_then(|image| image.rsplit_once(':')).and_then(|(_, tag)| version(tag)),
        variables: variables(spec),
    }
}

fn replicas(mode: &str, spec: &Value) -> Replicas {
    let count = |pointer: &str| spec.pointer(pointer).and_then(Value::as_u64);
    match mode {
        "daemonset" => Replicas { most: 2, field: &["mode"] },
        "sidecar" => Replicas { most: 1, field: &["mode"] },
        _ => match (count("/autoscaler/maxReplicas"), count("/maxReplicas"), count("/replicas")) {
            (Some(most), ..) => Replicas { most, field: &["autoscaler", "maxReplicas"] },
            (_, Some(most), _) => Replicas { most, field: &["maxReplicas"] },
            (.., replicas) => Replicas { most: replicas.unwrap_or(1), field: &["replicas"] },
        },
    }
}

fn variables(spec: &Value) -> BTreeMap<String, String> {
    let listed = spec.get("env").and_then(Value::as_array).into_iter().flatten();
    let pair = |entry: &Value| Some((entry["name"].as_str()?.to_owned(), entry.get("value")?.as_str()?.to_owned()));
    listed.filter_map(pair).collect()
}

/// `0.155.0` and `v0.155.0-amd64` alike; `None` for `latest`.
fn version(tag: &str) -> Option<String> {
    let number = tag.trim_start_matches('v');
    let end = number.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(number.len());
    Some(number[..end].to_owned()).filter(|version| version.contains('.'))
}

/// An amount as Kubernetes writes it: `512Mi`, `2G`, `1e9`.
fn quantity(value: &Value) -> Option<f64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let units = [
        ("Ki", 1024_f64),
        ("Mi", 1024_f64.powi(2)),
        ("Gi", 1024_f64.powi(3)),
        ("Ti", 1024_f64.powi(4)),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
    ];
    let (number, unit) =
        units.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?, *size))).unwrap_or((&text, 1.0));
    number.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0).map(|number| number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_resource_is_read_with_its_defaults() {
        let plain = resource("a", &json!({}));
        assert_eq!((plain.mode.as_str(), plain.replicas.most), ("deployment", 1));
        assert_eq!((plain.memory_bytes, plain.version), (None, None));
        assert!(plain.variables.is_empty());
    }

    #[test]
    fn the_most_collectors_count() {
        let most = |spec: Value| resource("a", &spec).replicas.most;
        assert_eq!(most(json!({ "replicas": 3 })), 3);
        assert_eq!(most(json!({ "replicas": 1, "autoscaler": { "minReplicas": 1, "maxReplicas": 5 } })), 5);
        assert_eq!(most(json!({ "mode": "daemonset", "replicas": 1 })), 2);
        assert_eq!(most(json!({ "mode": "sidecar", "replicas": 4 })), 1);
    }

    #[test]
    fn memory_image_and_variables_are_read_as_kubernetes_writes_them() {
        let memory =
            |text: Value| resource("a", &json!({ "resources": { "limits": { "memory": text } } })).memory_bytes;
        assert_eq!(memory(json!("512Mi")), Some(536_870_912.0));
        assert_eq!(memory(json!("2G")), Some(2e9));
        assert_eq!(memory(json!(1_000_000)), Some(1e6));
        assert_eq!(memory(json!("much")), None);
        let image = |text: &str| resource("a", &json!({ "image": text })).version;
        assert_eq!(image("otel/opentelemetry-collector-contrib:0.155.0").as_deref(), Some("0.155.0"));
        assert_eq!(image("registry:5000/otelcol:v0.160.1-arm64").as_deref(), Some("0.160.1"));
        assert_eq!(image("otelcol:latest"), None);
        let env = json!({ "env": [{ "name": "A", "value": "1" }, { "name": "B", "valueFrom": {} }] });
        assert_eq!(resource("a", &env).variables, BTreeMap::from([("A".to_owned(), "1".to_owned())]));
    }
}
