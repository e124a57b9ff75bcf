//! What to start: the description of a process target.

use super::ready::ReadyWhen;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A process target as the scenario describes it, with the folder and files of this run.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// A path (relative to our working directory), or a name to be found on PATH.
    pub command: PathBuf,
    /// Its arguments.
    pub arguments: Arguments,
    /// Variables of its environment, besides those of its addresses ([`super::Endpoints::variables`], which win).
    pub env: Variables,
    /// Whether it also gets our own environment. Off, it gets only PATH and HOME of ours.
    pub inherit_env: bool,
    /// Its working directory; `None` for ours.
    pub cwd: Option<PathBuf>,
    /// Where the configuration files are written; made if missing.
    pub config_dir: PathBuf,
    /// Its configuration, later files override earlier ones.
    pub config: Vec<ConfigFile>,
    /// When it counts as ready.
    pub ready: ReadyWhen,
    /// How long it may take to get ready.
    pub start_deadline: Duration,
    /// How long it may take to end after SIGTERM, before SIGKILL.
    pub stop_grace: Duration,
    /// Takes its stdout and stderr; appended to.
    pub log_path: PathBuf,
}

impl ProcessSpec {
    /// A collector with its usual arguments, files in `folder`, our environment, 30 s to start and 10 s to stop.
    pub fn collector(command: impl Into<PathBuf>, folder: &Path, config: Vec<ConfigFile>) -> Self {
        Self {
            command: command.into(),
            arguments: Arguments::Collector,
            env: Variables::default(),
            inherit_env: true,
            cwd: None,
            config_dir: folder.to_owned(),
            config,
            ready: ReadyWhen::default(),
            start_deadline: Duration::from_secs(30),
            stop_grace: Duration::from_secs(10),
            log_path: folder.join("target.log"),
        }
    }
}

/// The arguments of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Arguments {
    /// `--config FILE` for each configuration file.
    #[default]
    Collector,
    /// These, with `{receiver_grpc}`, `{receiver_http}`, `{health}`, `{telemetry_host}`, `{telemetry_port}`, `{sink_grpc}`,
    /// `{sink_grpc_port}`, `{sink_http}` and `{sink_http_port}` filled in. An argument with `{config}` stands once for every
    /// configuration file. Braces around anything but a lowercase word stay as they are.
    Custom(Vec<String>),
}

/// A configuration file for the target. Its text may hold secrets, so `Debug` leaves it out and only we may read the file.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// A plain file name, e.g. `collector.yaml`.
    pub name: String,
    /// The content.
    pub text: String,
}

impl ConfigFile {
    /// A file of this name and content.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigFile({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// Environment variables. Values may be secrets, so `Debug` shows names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let mut spec =
            ProcessSpec::collector("otelcol", Path::new("/x"), vec![ConfigFile::new("c.yaml", "key: hunter2")]);
        spec.env.0.insert("API_KEY".to_owned(), "hunter2".to_owned());
        let shown = format!("{spec:?}");
        assert!(!shown.contains("hunter2") && shown.contains("API_KEY"), "{shown}");
    }
}
