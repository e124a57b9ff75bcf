//! Why a configuration cannot be explained: every reason at once, with its place.

use crate::collector_config::{ConfigError, Lines, ManifestError, Mistake, Places};
use serde::Serialize;
use std::fmt;

/// One thing to repair. As data it has the fields that problems of scenarios have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// Counted from 1; `None` where it is the file as a whole.
    pub line: Option<usize>,
    /// In characters, counted from 1.
    pub column: Option<usize>,
    /// The field, such as `processors.tail_sampling.policies[2].latency`; empty when it is the file as a whole.
    pub field: String,
    /// What sort of problem it is: `missing_file`, `syntax`, `invalid_value` or `usage`.
    pub kind: &'static str,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// `path:line:column: field: message; hint`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))?;
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

/// Keys as people write them: `policies[2].name`.
pub(super) fn field<Key: AsRef<str>>(keys: &[Key]) -> String {
    let mut out = String::new();
    for key in keys.iter().map(AsRef::as_ref) {
        match key.parse::<usize>() {
            Ok(index) if !out.is_empty() => out.push_str(&format!("[{index}]")),
            _ if out.is_empty() => out.push_str(key),
            _ => out.push_str(&format!(".{key}")),
        }
    }
    out.escape_debug().to_string()
}

impl Problem {
    /// A file, or standard input, that could not be read.
    pub fn unread(path: &str, error: &dyn fmt::Display) -> Self {
        let message = format!("cannot be read: {error}");
        Self::whole(path, "missing_file", message, "name a file that is there, or `-` for standard input")
    }

    fn whole(path: &str, kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { path: path.to_owned(), line: None, column: None, field: String::new(), kind, message, hint }
    }

    fn at(places: &Places, keys: &[String], message: impl Into<String>, hint: impl Into<String>) -> Self {
        let place = places.of(keys);
        Self {
            line: place.line,
            column: place.column,
            field: field(keys),
            ..Self::whole(&place.file, "invalid_value", message, hint)
        }
    }

    pub(super) fn of_mistake(mistake: &Mistake, places: &Places) -> Self {
        Self::at(places, &mistake.keys, &mistake.reason, &mistake.remedy)
    }

    /// No OTLP receiver leads to an exporter.
    pub(super) fn of_no_way(places: &Places) -> Self {
        let keys = ["service", "pipelines"].map(str::to_owned);
        let message = "no traces pipeline leads from an `otlp` receiver to an exporter";
        Self::at(places, &keys, message, "put an `otlp` receiver into one")
    }

    pub(super) fn of_manifest(error: &ManifestError, places: &Places) -> Self {
        match error {
            ManifestError::Yaml(error) => Self::of_config(error, places),
            ManifestError::Several { file, found } => {
                let message = format!("it holds several configurations: {}", found.join(", "));
                Self::whole(file, "usage", message, "name one with --pick")
            }
            ManifestError::Nothing { file, found } => {
                let message = format!("there is no collector configuration in it; it holds {}", found.join(", "));
                let hint = "a ConfigMap has one as text under a key, an OpenTelemetryCollector under spec.config";
                Self::whole(file, "usage", message, hint)
            }
        }
    }

    pub(super) fn of_config(error: &ConfigError, places: &Places) -> Self {
        let keys = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        match error {
            ConfigError::Yaml { file, line, column, message } => {
                let (line, column) = in_file(places, file, *line, *column);
                Self { line, column, ..Self::whole(file, "syntax", message.as_str(), "the collector refuses it, too") }
            }
            ConfigError::NotAMap { file, found } => {
                let message = format!("a collector configuration is a map at its top level, this is {found}");
                Self::whole(file, "syntax", message, "")
            }
            ConfigError::Reference { reference, path, problem } => {
                let message = format!("`{}` cannot be expanded: {problem}", reference.escape_debug());
                Self::at(places, &keys(path), message, "the collector refuses it, too")
            }
            ConfigError::Shape { path, expected } => {
                Self::at(places, &keys(path), "this is something else than belongs here", format!("write {expected}"))
            }
            ConfigError::Undefined { pipeline, role, component, sections } => {
                let list = [format!("{role}s"), component.to_string()];
                let at: Vec<String> = keys(pipeline).into_iter().chain(list).collect();
                let hint = format!("define it under {sections}, or correct its name");
                Self::at(places, &at, format!("the {role} `{component}` is not defined"), hint)
            }
            ConfigError::NoTraces => {
                let message = "there is no traces pipeline";
                Self::at(places, &keys("service.pipelines"), message, "name the configuration that takes traces")
            }
        }
    }
}

/// The line and column in the file of what a parser found in a text that was taken out of it.
fn in_file(places: &Places, file: &str, line: Option<u64>, column: Option<u64>) -> (Option<usize>, Option<usize>) {
    let number = |known: Option<u64>| known.and_then(|number| usize::try_from(number).ok());
    let (line, column) = (number(line), number(column));
    match places.origins().find(|origin| origin.file == file).map(|origin| origin.lines) {
        Some(Lines::Each { before, indent }) => (line.map(|line| line + before), column.map(|column| column + indent)),
        Some(Lines::At(line)) => (Some(line), None),
        None => (line, column),
    }
}
