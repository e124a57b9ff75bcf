//! Configurations inside of Kubernetes manifests: a ConfigMap with YAML under a key, an OpenTelemetryCollector of the operator whose
//! `spec.config` is a map or a text. A file may hold several documents, and a List several resources.

use super::place::{Lines, Origin};
use super::resource::{Resource, resource};
use super::{ConfigError, Source, yaml};
use serde_json::Value;
use spanproof_scenarios::locate::locate;

/// A configuration text and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The configuration, as YAML.
    pub text: String,
    /// Where its settings stand.
    pub origin: Origin,
    /// What holds it.
    pub carrier: Carrier,
}

/// What holds a configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Carrier {
    /// The file is the configuration.
    File,
    /// A ConfigMap, under a key.
    ConfigMap {
        /// The ConfigMap's name.
        name: String,
        /// The key.
        key: String,
    },
    /// A resource that the operator makes collectors of.
    Collector(Box<Resource>),
}

impl Carrier {
    /// What it is picked by, where a file holds several.
    fn names(&self) -> Vec<String> {
        match self {
            Self::File => Vec::new(),
            Self::ConfigMap { name, key } => vec![format!("{name}/{key}"), key.clone(), name.clone()],
            Self::Collector(resource) => vec![resource.name.clone()],
        }
    }
}

/// Why a file gives no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not YAML.
    #[error(transparent)]
    Yaml(#[from] ConfigError),
    /// It holds several configurations. Pick one.
    #[error("tell which configuration of {file} is meant: it holds {}", found.join(", "))]
    Several {
        /// The file.
        file: String,
        /// What each is picked by.
        found: Vec<String>,
    },
    /// It holds resources, and no configuration among them.
    #[error("find a collector configuration in {file}, which holds {}", found.join(", "))]
    Nothing {
        /// The file.
        file: String,
        /// The kinds of what it holds.
        found: Vec<String>,
    },
}

/// The configuration that a file holds; `pick` names one where there are several.
///
/// # Errors
/// Every document that is not YAML, or that there is no configuration or more than one.
pub fn carried(source: Source<'_>, pick: Option<&str>) -> Result<Carried, Vec<ManifestError>> {
    let parts = documents(source.text);
    let is_manifest = parts.iter().any(|part| yaml::parse_any(part.text).as_ref().is_some_and(is_resource));
    if !is_manifest {
        let origin = Origin::file(source.name, source.text);
        return Ok(Carried { text: source.text.to_owned(), origin, carrier: Carrier::File });
    }
    let mut errors = Vec::new();
    let (mut found, mut kinds) = (Vec::new(), Vec::new());
    for part in &parts {
        match yaml::parse(Source { name: source.name, text: part.text }) {
            Ok(value) => part.collect(source.name, &value, &mut found, &mut kinds),
            Err(error) => errors.push(ManifestError::Yaml(shifted(error, part.lines_before))),
        }
    }
    if errors.is_empty() { chosen(found, kinds, source.name, pick).map_err(|error| vec![error]) } else { Err(errors) }
}

fn chosen(found: Vec<Carried>, kinds: Vec<String>, file: &str, pick: Option<&str>) -> Result<Carried, ManifestError> {
    let file = file.to_owned();
    let all: Vec<String> = found.iter().filter_map(|one| one.carrier.names().into_iter().next()).collect();
    let is_picked = |one: &Carried| pick.is_none_or(|pick| one.carrier.names().iter().any(|name| name == pick));
    let mut meant: Vec<Carried> = found.into_iter().filter(is_picked).collect();
    match (meant.pop(), meant.is_empty()) {
        (Some(only), true) => Ok(only),
        _ if all.is_empty() => Err(ManifestError::Nothing { file, found: kinds }),
        _ => Err(ManifestError::Several { file, found: all }),
    }
}

/// An error of a document, with the line of the file.
fn shifted(error: ConfigError, before: usize) -> ConfigError {
    match error {
        ConfigError::Yaml { file, line, column, message } => {
            ConfigError::Yaml { file, line: line.map(|line| line + before as u64), column, message }
        }
        other => other,
    }
}

fn is_resource(value: &Value) -> bool {
    ["apiVersion", "kind"].iter().all(|key| value.get(key).is_some_and(Value::is_string))
}

/// One document of a file.
struct Document<'text> {
    text: &'text str,
    lines_before: usize,
}

/// Cuts a text at the lines that begin a document.
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut before, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            parts.push(Document { text: &text[start..at], lines_before: before });
            (start, before) = (at + line.len(), number + 1);
        }
        at += line.len();
    }
    parts.push(Document { text: &text[start..], lines_before: before });
    parts
}

impl Document<'_> {
    fn collect(&self, file: &str, value: &Value, found: &mut Vec<Carried>, kinds: &mut Vec<String>) {
        let items = value.get("items").and_then(Value::as_array);
        match items.filter(|_| value["kind"] == "List") {
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = ["items".to_owned(), index.to_string()];
                    kinds.push(kind(item));
                    found.extend(self.carried(file, item, &at));
                }
            }
            None => {
                if value.get("kind").is_some() {
                    kinds.push(kind(value));
                }
                found.extend(self.carried(file, value, &[]));
            }
        }
    }

    fn carried(&self, file: &str, item: &Value, at: &[String]) -> Vec<Carried> {
        match item["kind"].as_str() {
            Some("ConfigMap") => self.of_config_map(file, item, at),
            Some("OpenTelemetryCollector") => self.of_collector(file, item, at).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn of_config_map(&self, file: &str, item: &Value, at: &[String]) -> Vec<Carried> {
        let data = item.get("data").and_then(Value::as_object).into_iter().flatten();
        let configurations = data.filter_map(|(key, value)| Some((key, value.as_str()?)));
        let configurations = configurations.filter(|(key, text)| is_configuration(key, text));
        configurations
            .map(|(key, text)| {
                let keys = [at, &["data".to_owned(), key.clone()]].concat();
                let carrier = Carrier::ConfigMap { name: name_of(item), key: key.clone() };
                Carried { text: text.to_owned(), origin: self.origin_of_text(file, text, &keys), carrier }
            })
            .collect()
    }

    fn of_collector(&self, file: &str, item: &Value, at: &[String]) -> Option<Carried> {
        let keys = [at, &["spec".to_owned(), "config".to_owned()]].concat();
        let carrier = Carrier::Collector(Box::new(resource(&name_of(item), item.get("spec").unwrap_or(&Value::Null))));
        match item.pointer("/spec/config")? {
            Value::String(text) => {
                Some(Carried { text: text.clone(), origin: self.origin_of_text(file, text, &keys), carrier })
            }
            // JSON is YAML, with its types written out.
            tree => {
                let lines = Lines::Each { before: self.lines_before, indent: 0 };
                let origin = Origin { file: file.to_owned(), text: self.text.to_owned(), keys, lines };
                Some(Carried { text: tree.to_string(), origin, carrier })
            }
        }
    }

    /// The lines of a text that stands in this document as the value of these keys.
    fn origin_of_text(&self, file: &str, text: &str, keys: &[String]) -> Origin {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let line = locate(self.text, &keys).map_or(1, |found| found.line);
        let lines = self.block(text, line).unwrap_or(Lines::At(self.lines_before + line));
        Origin { lines, ..Origin::file(file, text) }
    }

    /// The lines of a block below the line of its key; `None` if the text does not stand there line by line.
    fn block(&self, text: &str, line: usize) -> Option<Lines> {
        let mut written = self.text.lines().skip(line);
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        let indent = written.clone().find(|line| !line.trim().is_empty())?.strip_suffix(first)?;
        let same = |wanted: &str| written.next().is_some_and(|line| line.trim() == wanted.trim());
        let stands = indent.trim().is_empty() && text.lines().all(same);
        stands.then_some(Lines::Each { before: self.lines_before + line, indent: indent.len() })
    }
}

fn name_of(item: &Value) -> String {
    item.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("(without a name)").to_owned()
}

fn kind(item: &Value) -> String {
    item["kind"].as_str().unwrap_or("something without a kind").to_owned()
}

/// Whether an entry of a ConfigMap is for a collector. One that is not YAML is, if its name says so: its mistake is to be told.
fn is_configuration(key: &str, text: &str) -> bool {
    let sections = ["receivers", "processors", "exporters", "connectors", "service"];
    match yaml::parse_any(text) {
        Some(value) => sections.iter().any(|section| value.get(section).is_some()),
        None => [".yaml", ".yml"].iter().any(|end| key.ends_with(end)) || ["relay", "config"].contains(&key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG_MAP: &str = "\
apiVersion: v1
kind: Service
metadata: {name: otel}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: otel
data:
  README: not a configuration
  relay: |

    receivers:
      otlp: {}
    service: {}
";

    const COLLECTOR: &str = "\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  replicas: 3
  config:
    receivers:
      otlp: {}
";

    fn one(text: &str, pick: Option<&str>) -> Result<Carried, String> {
        carried(Source { name: "k8s.yaml", text }, pick)
            .map_err(|errors| errors.iter().map(|error| format!("{error}\n")).collect())
    }

    fn place(carried: Carried, keys: &[&str]) -> String {
        super::super::place::Places::new([carried.origin]).of(keys).to_string()
    }

    #[test]
    fn a_file_that_is_no_manifest_is_itself() {
        let plain = one("receivers:\n  otlp:\n", None).unwrap();
        assert_eq!(plain.carrier, Carrier::File);
        assert_eq!(place(plain, &["receivers", "otlp"]), "k8s.yaml:2");
        // What is not YAML is told by whoever reads it.
        assert_eq!(one("a: [", None).unwrap().text, "a: [");
    }

    #[test]
    fn a_config_map_is_read_with_the_lines_of_its_file() {
        let carried = one(CONFIG_MAP, None).unwrap();
        assert_eq!(carried.carrier, Carrier::ConfigMap { name: "otel".to_owned(), key: "relay".to_owned() });
        assert!(carried.text.starts_with("\nreceivers"), "{}", carried.text);
        assert_eq!(place(carried, &["receivers", "otlp"]), "k8s.yaml:14");
    }

    #[test]
    fn a_text_without_lines_of_its_own_stands_at_its_key() {
        let quoted = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: \"receivers:\\n  otlp:\\n\"\n";
        assert_eq!(place(one(quoted, None).unwrap(), &["receivers", "otlp"]), "k8s.yaml:4");
    }

    #[test]
    fn a_collector_resource_has_its_configuration_as_a_map_or_as_a_text() {
        let map = one(COLLECTOR, None).unwrap();
        assert!(matches!(&map.carrier, Carrier::Collector(resource) if resource.replicas.most == 3), "{map:?}");
        assert_eq!(place(map, &["receivers", "otlp"]), "k8s.yaml:8");
        let text = one(&COLLECTOR.replace("config:", "config: |"), None).unwrap();
        assert_eq!(text.text, "receivers:\n  otlp: {}\n");
        assert_eq!(place(text, &["receivers", "otlp"]), "k8s.yaml:8");
    }

    #[test]
    fn one_of_several_is_picked_by_its_name() {
        let two = format!("{CONFIG_MAP}---\n{COLLECTOR}");
        let told = one(&two, None).unwrap_err();
        assert_eq!(told, "tell which configuration of k8s.yaml is meant: it holds otel/relay, gateway\n");
        let gateway = one(&two, Some("gateway")).unwrap();
        assert_eq!(place(gateway, &["receivers", "otlp"]), "k8s.yaml:24");
        assert!(one(&two, Some("relay")).is_ok());
        assert_eq!(one(&two, Some("nobody")).unwrap_err(), told);
    }

    #[test]
    fn lists_are_opened_and_manifests_without_a_configuration_are_told() {
        let list =
            "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  data:\n    c: |\n      service:\n        x: 1\n";
        assert_eq!(place(one(list, None).unwrap(), &["service", "x"]), "k8s.yaml:8");
        let service = "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Secret\n";
        assert_eq!(
            one(service, None).unwrap_err(),
            "find a collector configuration in k8s.yaml, which holds Service, Secret\n"
        );
    }

    #[test]
    fn a_document_that_is_not_yaml_is_told_with_the_line_of_the_file() {
        let broken = format!("{CONFIG_MAP}---\na: [\n");
        let told = one(&broken, None).unwrap_err();
        assert!(told.contains("k8s.yaml:1"), "{told}");
    }
}
