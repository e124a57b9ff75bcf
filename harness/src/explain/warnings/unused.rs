//! Components that are configured and take part in nothing.

use super::{Found, below};
use crate::collector_config::ComponentId;
use crate::explain::Subject;
use serde_json::Value;

pub(super) fn component_unused(subject: &Subject) -> Vec<Found> {
    let root = subject.config.value();
    let sections = [
        ("receivers", in_pipelines(root, &["receivers"])),
        ("processors", in_pipelines(root, &["processors"])),
        ("exporters", in_pipelines(root, &["exporters"])),
        ("connectors", in_pipelines(root, &["receivers", "exporters"])),
        ("extensions", ids(root.pointer("/service/extensions"))),
    ];
    let mut found = Vec::new();
    for (section, used) in sections {
        let configured = root.get(section).and_then(Value::as_object).into_iter().flat_map(|all| all.keys());
        let unused = configured.filter(|name| ComponentId::parse(name).is_some_and(|id| !used.contains(&id)));
        found.extend(unused.map(|name| {
            let (how, list) = match section {
                "extensions" => ("not started", "service.extensions"),
                _ => ("in no pipeline", "a pipeline"),
            };
            let message = format!("`{}` is configured and {how}", name.escape_debug());
            let remedy = format!("name it in {list}, or take it out");
            Found::new(below(&[], &[section, name]), message, "it does nothing", remedy)
        }));
    }
    found
}

/// The components that pipelines of any signal name in these roles.
fn in_pipelines(root: &Value, roles: &[&str]) -> Vec<ComponentId> {
    let pipelines =
        root.pointer("/service/pipelines").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    pipelines.flat_map(|pipeline| roles.iter().flat_map(|role| ids(pipeline.get(role)))).collect()
}

fn ids(list: Option<&Value>) -> Vec<ComponentId> {
    let names = list.and_then(Value::as_array).into_iter().flatten();
    names.filter_map(|name| ComponentId::parse(name.as_str()?)).collect()
}
