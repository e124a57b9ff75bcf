//! Where the exporters in service would send to beyond this machine, traces or anything else.

use super::component::ComponentId;
use serde_json::Value;
use spanproof_scenarios::scenario::stays_here;
use std::collections::BTreeSet;

/// Somewhere that an exporter would send to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remote {
    /// The exporter.
    pub exporter: ComponentId,
    /// The setting that says so: the keys that lead to it from the exporter's.
    pub keys: Vec<String>,
    /// A name or an address.
    pub host: String,
}

/// What the exporters of every pipeline in service say of other machines. Names that only the collector can resolve are passed over,
/// and so are those that no resolver may resolve (`.invalid`, RFC 6761).
pub(super) fn read(root: &Value) -> BTreeSet<Remote> {
    let pipelines =
        root.pointer("/service/pipelines").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    let named =
        pipelines.filter_map(|pipeline| pipeline.get("exporters")?.as_array()).flatten().filter_map(Value::as_str);
    let mut found = BTreeSet::new();
    for name in named.collect::<BTreeSet<_>>() {
        // A connector stands among exporters, and sends nowhere.
        let settings = root.get("exporters").and_then(|all| all.get(name));
        let (Some(settings), Some(exporter)) = (settings, ComponentId::parse(name)) else { continue };
        visit(settings, &mut Vec::new(), &mut |keys, text| {
            if let Some(host) = host(text).filter(|host| !stays_here(host)) {
                found.insert(Remote { exporter: exporter.clone(), keys: keys.to_vec(), host: host.to_owned() });
            }
        });
    }
    found
}

/// Every text in a setting that says where something is sent.
fn visit(settings: &Value, keys: &mut Vec<String>, see: &mut impl FnMut(&[String], &str)) {
    match settings {
        Value::String(text) if keys.iter().any(|key| names_a_place(key)) => see(keys, text),
        Value::Array(items) => items.iter().for_each(|item| visit(item, keys, see)),
        Value::Object(map) => {
            for (key, value) in map {
                keys.push(key.clone());
                visit(value, keys, see);
                keys.pop();
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn names_a_place(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["endpoint", "endpoints", "brokers", "url", "urls", "hosts", "hostnames", "address"].iter().any(|word| {
        let before = key.strip_suffix(word);
        before.is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// The host of an address or a URL; `None` where there is none, or one that only the collector can tell.
fn host(text: &str) -> Option<&str> {
    if text.contains("${") || text.starts_with("unix:") || text.starts_with('/') {
        return None;
    }
    // Behind the scheme of a gRPC name stands an authority, which is empty as a rule: dns:///host:port.
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest.trim_start_matches('/'));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = match place.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    Some(host).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector_config::{CollectorConfig, Source};
    use std::collections::BTreeMap;

    fn remotes(exporters: &str) -> Vec<String> {
        let text = format!(
            "receivers: {{otlp: }}\nexporters: {{{exporters}}}\nservice: {{pipelines: {{traces: {{receivers: [otlp], \
             exporters: [a, b, c]}}, metrics: {{receivers: [otlp], exporters: [m]}}}}}}"
        );
        let sink = BTreeMap::from([("SINK".to_owned(), "SPANPROOF_SINK_GRPC".to_owned())]);
        let config = CollectorConfig::read(&[Source { name: "x.yaml", text: &text }], &sink).unwrap();
        let told = |remote: Remote| format!("{} {} {}", remote.exporter, remote.keys.join("."), remote.host);
        config.remotes().into_iter().map(told).collect()
    }

    #[test]
    fn every_exporter_in_service_is_looked_at_whatever_it_sends() {
        let exporters = "a: {endpoint: 'tempo:4317'}, b: {brokers: ['127.0.0.1:1', 'kafka.example:9092']}, \
                         c: {traces_endpoint: 'https://me:key@otel.example/v1/traces?k=v', nested: {api_url: 'http://[2001:db8::1]:1'}}, \
                         m: {endpoint: 192.0.2.1}, unused: {endpoint: 'far.example:1'}";
        let expected = [
            "a endpoint tempo",
            "b brokers kafka.example",
            "c nested.api_url 2001:db8::1",
            "c traces_endpoint otel.example",
            "m endpoint 192.0.2.1",
        ];
        assert_eq!(remotes(exporters), expected);
    }

    #[test]
    fn what_stays_here_or_goes_nowhere_is_passed_over() {
        let exporters = "a: {endpoint: 'http://localhost:1', tls: {server_name_override: far.example}}, \
                         b: {endpoint: 'dns:///collector.invalid:4317', metrics_endpoint: '[::1]:1', logs_endpoint: '127.9.9.9'}, \
                         c: {endpoint: '${SINK}', address: '0.0.0.0:9464', url: 'unix:///run/x', file_url: /var/x}, \
                         m: {endpoint: '${env:UNSET}:4317'}";
        assert_eq!(remotes(exporters), ["c endpoint SPANPROOF_SINK_GRPC"]);
    }
}
