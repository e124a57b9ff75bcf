//! The way of traces through a configuration: from OTLP receivers through processors and connectors to exporters.

use super::{ComponentId, ConfigError};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// More ways through a configuration than this are not told apart; real ones have a handful.
const PATHS_MAX: usize = 1000;

/// Which protocol an OTLP exporter speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Exporter types `otlp` and `otlp_grpc`.
    Grpc,
    /// Exporter types `otlphttp` and `otlp_http`.
    Http,
}

/// Something that traces pass: a processor, or a connector between two pipelines.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The pipeline, e.g. `traces/in`; of a connector the one that it takes from.
    pub pipeline: String,
    /// The component.
    pub component: ComponentId,
    /// Whether it connects two pipelines.
    pub is_connector: bool,
    pub(super) settings: Value,
}

/// One way from an OTLP receiver to an exporter.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The receiver.
    pub receiver: ComponentId,
    /// Processors and connectors in order.
    pub stages: Vec<Stage>,
    /// The exporter.
    pub exporter: ComponentId,
    /// The exporter's pipeline.
    pub pipeline: String,
    pub(super) exporter_settings: Value,
    /// The settings of the extension that the exporter's queue is stored in.
    pub(super) storage_settings: Value,
}

impl Path {
    /// The exporter's protocol if it is an OTLP exporter.
    pub fn protocol(&self) -> Option<Protocol> {
        match self.exporter.plain_kind().as_str() {
            "otlp" | "otlpgrpc" => Some(Protocol::Grpc),
            "otlphttp" => Some(Protocol::Http),
            _ => None,
        }
    }

    /// Where an OTLP exporter sends traces: `traces_endpoint` of an HTTP exporter, else `endpoint`.
    pub fn endpoint(&self) -> Option<&str> {
        let field = |name| self.exporter_settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match self.protocol()? {
            Protocol::Grpc => field("endpoint"),
            Protocol::Http => field("traces_endpoint").or_else(|| field("endpoint")),
        }
    }

    /// Whether a text stands in any setting of the exporter.
    pub fn exporter_mentions(&self, text: &str) -> bool {
        mentions(&self.exporter_settings, text)
    }

    /// Whether a connector on the way may choose another one instead: then a span takes one of these ways, not all.
    pub fn is_chosen(&self) -> bool {
        let chooses =
            |stage: &Stage| matches!(stage.component.plain_kind().as_str(), "routing" | "roundrobin" | "failover");
        self.stages.iter().any(|stage| stage.is_connector && (chooses(stage) || super::facts::is_unknown(stage)))
    }
}

fn mentions(settings: &Value, text: &str) -> bool {
    match settings {
        Value::String(found) => found.contains(text),
        Value::Array(list) => list.iter().any(|item| mentions(item, text)),
        Value::Object(map) => map.values().any(|value| mentions(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An exporter that traces reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The exporter.
    pub exporter: ComponentId,
    /// `None` when it is not an OTLP exporter.
    pub protocol: Option<Protocol>,
    /// Where it sends to, as written; `None` when it is not an OTLP exporter or names no endpoint.
    pub endpoint: Option<String>,
    /// How many ways lead to it. Beyond 1, a span sent once may arrive that often.
    pub paths: usize,
}

/// All ways of traces from OTLP receivers to exporters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pipelines {
    paths: Vec<Path>,
}

impl Pipelines {
    /// The ways.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The exporters that traces reach, ordered by name.
    pub fn destinations(&self) -> Vec<Destination> {
        let mut found: BTreeMap<&ComponentId, Destination> = BTreeMap::new();
        for path in &self.paths {
            let destination = found.entry(&path.exporter).or_insert_with(|| Destination {
                exporter: path.exporter.clone(),
                protocol: path.protocol(),
                endpoint: path.endpoint().map(str::to_owned),
                paths: 0,
            });
            destination.paths += 1;
        }
        found.into_values().collect()
    }

    /// Only the ways to OTLP exporters: what can arrive at an OTLP backend.
    #[must_use]
    pub fn to_otlp(&self) -> Self {
        self.only(|path| path.protocol().is_some())
    }

    /// Only the ways that `keep` accepts, e.g. those to one backend. Facts are then about these.
    #[must_use]
    pub fn only(&self, mut keep: impl FnMut(&Path) -> bool) -> Self {
        Self { paths: self.paths.iter().filter(|path| keep(path)).cloned().collect() }
    }
}

/// One pipeline as configured.
struct Pipeline {
    id: String,
    receivers: Vec<ComponentId>,
    processors: Vec<ComponentId>,
    exporters: Vec<ComponentId>,
}

pub(super) fn read(root: &Value) -> Result<Pipelines, Vec<ConfigError>> {
    let mut reader = Reader { root, errors: Vec::new() };
    let pipelines = reader.pipelines();
    if reader.errors.is_empty() && pipelines.is_empty() {
        reader.errors.push(ConfigError::NoTraces);
    }
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    let mut walk = Walk { root, pipelines: &pipelines, paths: Vec::new() };
    walk.start_at_receivers();
    Ok(Pipelines { paths: walk.paths })
}

/// The settings of a component; `Null` for none.
fn settings(root: &Value, section: &str, id: &ComponentId) -> Option<Value> {
    let components = root.get(section)?.as_object()?;
    components.iter().find(|(key, _)| ComponentId::parse(key).as_ref() == Some(id)).map(|(_, value)| value.clone())
}

struct Reader<'root> {
    root: &'root Value,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn pipelines(&mut self) -> Vec<Pipeline> {
        let path = "service.pipelines";
        let Some(all) = self.root.pointer("/service/pipelines").and_then(Value::as_object) else {
            self.errors.push(ConfigError::Shape { path: path.to_owned(), expected: "a map of pipelines" });
            return Vec::new();
        };
        let traces = all.iter().filter(|(id, _)| id.split('/').next().is_some_and(|signal| signal.trim() == "traces"));
        traces.map(|(id, value)| self.pipeline(id, &format!("{path}.{id}"), value)).collect()
    }

    fn pipeline(&mut self, id: &str, path: &str, value: &Value) -> Pipeline {
        let none = Map::new();
        let map = value.as_object().unwrap_or_else(|| {
            let expected = "a map with receivers, processors and exporters";
            self.errors.push(ConfigError::Shape { path: path.to_owned(), expected });
            &none
        });
        Pipeline {
            id: id.to_owned(),
            receivers: self.components(map, path, "receivers", "receiver", "receivers or connectors"),
            processors: self.components(map, path, "processors", "processor", "processors"),
            exporters: self.components(map, path, "exporters", "exporter", "exporters or connectors"),
        }
    }

    fn components(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        key: &str,
        role: &'static str,
        sections: &'static str,
    ) -> Vec<ComponentId> {
        let list = match map.get(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => &[Value::Null],
        };
        let mut ids = Vec::new();
        for item in list {
            let Some(component) = item.as_str().and_then(ComponentId::parse) else {
                let path = format!("{path}.{key}");
                self.errors.push(ConfigError::Shape { path, expected: "a list of component names" });
                continue;
            };
            if sections.split(" or ").all(|section| settings(self.root, section, &component).is_none()) {
                let pipeline = path.to_owned();
                self.errors.push(ConfigError::Undefined { pipeline, role, component, sections });
                continue;
            }
            ids.push(component);
        }
        ids
    }
}

struct Walk<'config> {
    root: &'config Value,
    pipelines: &'config [Pipeline],
    paths: Vec<Path>,
}

impl Walk<'_> {
    fn start_at_receivers(&mut self) {
        for pipeline in self.pipelines {
            for receiver in pipeline.receivers.iter().filter(|id| id.kind() == "otlp") {
                // A connector could be called that too.
                if !self.is_connector(receiver) {
                    self.through(receiver, pipeline, Vec::new());
                }
            }
        }
    }

    fn is_connector(&self, id: &ComponentId) -> bool {
        settings(self.root, "connectors", id).is_some()
    }

    fn through(&mut self, receiver: &ComponentId, pipeline: &Pipeline, mut stages: Vec<Stage>) {
        stages.extend(pipeline.processors.iter().map(|id| self.stage(pipeline, id, false)));
        for exporter in &pipeline.exporters {
            if self.paths.len() >= PATHS_MAX {
                return;
            }
            if self.is_connector(exporter) {
                self.across(receiver, pipeline, exporter, &stages);
                continue;
            }
            let exporter_settings = settings(self.root, "exporters", exporter).unwrap_or(Value::Null);
            self.paths.push(Path {
                receiver: receiver.clone(),
                stages: stages.clone(),
                exporter: exporter.clone(),
                pipeline: pipeline.id.clone(),
                storage_settings: self.storage_of(&exporter_settings),
                exporter_settings,
            });
        }
    }

    /// Follows a connector into every traces pipeline that it feeds; what it makes of them for other signals is not ours.
    fn across(&mut self, receiver: &ComponentId, from: &Pipeline, connector: &ComponentId, stages: &[Stage]) {
        // The collector refuses circles; a connector twice on one way would be one.
        if stages.iter().any(|stage| stage.is_connector && stage.component == *connector) {
            return;
        }
        let mut stages = stages.to_vec();
        stages.push(self.stage(from, connector, true));
        for next in self.pipelines.iter().filter(|next| next.receivers.contains(connector)) {
            self.through(receiver, next, stages.clone());
        }
    }

    fn storage_of(&self, exporter: &Value) -> Value {
        let id = exporter.pointer("/sending_queue/storage").and_then(Value::as_str).and_then(ComponentId::parse);
        id.and_then(|id| settings(self.root, "extensions", &id)).unwrap_or(Value::Null)
    }

    fn stage(&self, pipeline: &Pipeline, id: &ComponentId, is_connector: bool) -> Stage {
        let section = if is_connector { "connectors" } else { "processors" };
        let settings = settings(self.root, section, id).unwrap_or(Value::Null);
        Stage { pipeline: pipeline.id.clone(), component: id.clone(), is_connector, settings }
    }
}
