//! Traps that come of where a collector runs: in a container, beside others of its kind.

use super::{Found, below};
use crate::collector_config::{Carrier, ComponentId, Does, Step};
use crate::explain::Subject;
use serde_json::Value;

/// Why the collector is known to run in a container, and whether receivers that name no address are opened to others there.
fn container(subject: &Subject) -> Option<(&'static str, bool)> {
    for carrier in &subject.carriers {
        match carrier {
            Carrier::ConfigMap { .. } => return Some(("a ConfigMap is for pods", false)),
            // The operator writes 0.0.0.0 where nothing is said.
            Carrier::Collector(resource) if resource.mode != "sidecar" => {
                return Some(("an OpenTelemetryCollector runs in pods", true));
            }
            Carrier::Collector(_) => return None,
            Carrier::File => {}
        }
    }
    let k8s = subject.steps().into_iter().find(|step| step.component.plain_kind() == "k8sattributes");
    k8s.map(|_| ("`k8sattributes` works in a cluster", false))
}

pub(super) fn receiver_on_localhost(subject: &Subject) -> Vec<Found> {
    let Some((why, opens)) = container(subject) else { return Vec::new() };
    let mut receivers: Vec<&ComponentId> = subject.stages.ways.iter().flat_map(|way| &way.receivers).collect();
    receivers.sort();
    receivers.dedup();
    let mut found = Vec::new();
    for receiver in receivers {
        let id = receiver.to_string();
        let protocols = subject.settings("receivers", &id).get("protocols").and_then(Value::as_object);
        for (protocol, settings) in protocols.into_iter().flatten() {
            let keys = below(&[], &["receivers", &id, "protocols", protocol]);
            let endpoint = settings.get("endpoint").and_then(Value::as_str).filter(|text| !text.is_empty());
            let (listens, keys) = match endpoint {
                None if !opens => ("without an endpoint it listens", keys),
                Some(endpoint) if is_localhost(endpoint) => ("it listens", below(&keys, &["endpoint"])),
                _ => continue,
            };
            let message =
                format!("nobody outside of the container reaches {protocol} of `{id}`: {listens} on localhost");
            found.push(Found::new(keys, message, why, "write ${env:MY_POD_IP}:PORT, or 0.0.0.0:PORT"));
        }
    }
    found
}

fn is_localhost(endpoint: &str) -> bool {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

pub(super) fn replicas_split(subject: &Subject) -> Vec<Found> {
    let Some(resource) = subject.resources().find(|resource| resource.replicas.most > 1) else { return Vec::new() };
    let routes = |exporter: &ComponentId| exporter.plain_kind() == "loadbalancing";
    if subject.stages.ways.iter().any(|way| way.exporters.iter().any(routes)) {
        return Vec::new();
    }
    let says = format!("spec.{}", resource.replicas.field.join("."));
    let how_many = match resource.mode.as_str() {
        "daemonset" => format!("there is one on each node ({says})"),
        _ => format!("there may be {} ({says})", resource.replicas.most),
    };
    let is_whole =
        |step: &&Step| matches!(step.does, Does::SamplesTraces(_)) || step.component.plain_kind() == "groupbytrace";
    let found = subject.steps().into_iter().filter(is_whole).map(|step| {
        let message = format!("`{}` of each collector sees a part of each trace only", step.component);
        let why = format!("{how_many}, and nothing here routes by trace id: parts of one trace are decided apart");
        let remedy =
            "put collectors with the exporter `load_balancing` (routing_key: traceID) before these, or run one";
        Found::new(step.keys(), message, why, remedy)
    });
    found.collect()
}
