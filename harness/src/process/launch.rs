//! From a description to what is executed: the command's path, its arguments, environment and files.

use super::endpoints::Endpoints;
use super::error::StartError;
use super::spec::{Arguments, ConfigFile, ProcessSpec};
use rustix::fs::{Access, access};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Our own environment, as far as it is text.
pub(crate) fn inherited() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The absolute path of the program that a target's command names.
///
/// # Errors
/// When there is none, or a file that cannot be run.
pub fn find_program(command: &Path) -> Result<PathBuf, StartError> {
    resolve(command, &inherited())
}

impl ProcessSpec {
    /// The absolute path of its command; `None` when there is no such program.
    pub fn file(&self) -> Option<PathBuf> {
        find_program(&self.command).ok()
    }

    /// The whole environment that the target is given with these addresses: what `${env:NAME}` in its configuration sees.
    pub fn environment(&self, endpoints: &Endpoints) -> BTreeMap<String, String> {
        let mut env = inherited();
        if !self.inherit_env {
            env.retain(|name, _| matches!(name.as_str(), "PATH" | "HOME"));
        }
        env.extend(self.env.0.clone());
        env.extend(endpoints.variables());
        env
    }

    pub(super) fn arguments(&self, endpoints: &Endpoints, config: &[PathBuf]) -> Result<Vec<String>, StartError> {
        let files = || config.iter().map(|path| path.display().to_string());
        let Arguments::Custom(arguments) = &self.arguments else {
            return Ok(files().flat_map(|file| ["--config".to_owned(), file]).collect());
        };
        let mut filled = Vec::new();
        for argument in arguments {
            if argument.contains("{config}") {
                for file in files() {
                    filled.push(fill_in(&argument.replace("{config}", &file), endpoints)?);
                }
            } else {
                filled.push(fill_in(argument, endpoints)?);
            }
        }
        Ok(filled)
    }
}

/// Replaces the placeholders of one argument.
fn fill_in(argument: &str, endpoints: &Endpoints) -> Result<String, StartError> {
    let known = endpoints.placeholders();
    let mut filled = String::new();
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let word = after.split_once('}').map(|(word, _)| word).filter(|word| is_word(word));
        let Some(word) = word else {
            filled.push('{');
            rest = after;
            continue;
        };
        let Some((_, value)) = known.iter().find(|(name, _)| *name == word) else {
            let names = known.map(|(name, _)| format!("{{{name}}}")).join(", ");
            return Err(StartError::Placeholder {
                argument: argument.to_owned(),
                placeholder: word.to_owned(),
                known: format!("{{config}}, {names}"),
            });
        };
        filled.push_str(value);
        rest = &after[word.len() + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The absolute path of a command: as given when it holds a `/`, else the first on PATH that can be run.
pub(super) fn resolve(command: &Path, env: &BTreeMap<String, String>) -> Result<PathBuf, StartError> {
    let not_found = |looked: String| StartError::CommandNotFound { command: command.to_owned(), looked };
    let is_path = command.components().count() > 1 || command.is_absolute() || command.starts_with(".");
    if is_path {
        let path = std::path::absolute(command).map_err(|error| not_found(error.to_string()))?;
        return match path.try_exists() {
            Ok(true) if can_run(&path) => Ok(path),
            Ok(true) => Err(StartError::NotExecutable { command: path }),
            _ => Err(not_found(format!("no file {}", path.display()))),
        };
    }
    let folders = env.get("PATH").map_or("", String::as_str);
    std::env::split_paths(folders)
        .map(|folder| folder.join(command))
        .find(|path| path.is_absolute() && can_run(path))
        .ok_or_else(|| not_found("not on PATH; give the path of the binary, e.g. ./otelcol".to_owned()))
}

fn can_run(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// Writes the configuration files, readable by us only, and gives their absolute paths in order.
pub(super) fn write_config(folder: &Path, files: &[ConfigFile]) -> Result<Vec<PathBuf>, StartError> {
    let written = |path: &Path, source| StartError::Write { path: path.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(|source| written(folder, source))?;
    let folder = folder.canonicalize().map_err(|source| written(folder, source))?;
    let mut paths = Vec::new();
    for file in files {
        if !is_plain_name(&file.name) {
            return Err(StartError::ConfigName { name: file.name.clone() });
        }
        let path = folder.join(&file.name);
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        opened.and_then(|mut out| out.write_all(file.text.as_bytes())).map_err(|source| written(&path, source))?;
        paths.push(path);
    }
    Ok(paths)
}

fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::SinkAddresses;
    use super::*;

    fn endpoints() -> Endpoints {
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        Endpoints {
            receiver_grpc: address(1),
            receiver_http: address(2),
            health: address(3),
            telemetry: address(4),
            sink: SinkAddresses { grpc: address(5), http: address(6) },
        }
    }

    fn arguments(custom: &[&str], config: &[&str]) -> Result<Vec<String>, StartError> {
        let mut spec = ProcessSpec::collector("x", Path::new("/x"), Vec::new());
        spec.arguments = Arguments::Custom(custom.iter().map(ToString::to_string).collect());
        spec.arguments(&endpoints(), &config.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_collector_gets_each_of_its_files() {
        let spec = ProcessSpec::collector("x", Path::new("/x"), Vec::new());
        let files = [PathBuf::from("/a.yaml"), PathBuf::from("/b.yaml")];
        assert_eq!(spec.arguments(&endpoints(), &files).unwrap(), ["--config", "/a.yaml", "--config", "/b.yaml"]);
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_stay() {
        let filled =
            arguments(&["--in={receiver_grpc}", "{sink_http}/{telemetry_port}", "{\"a\":{}}", "{", "a}b"], &[]);
        assert_eq!(filled.unwrap(), ["--in=127.0.0.1:1", "127.0.0.1:6/4", "{\"a\":{}}", "{", "a}b"]);
        assert_eq!(arguments(&["-c={config}"], &["/a", "/b"]).unwrap(), ["-c=/a", "-c=/b"]);
    }

    #[test]
    fn a_misspelt_placeholder_names_the_right_ones() {
        let error = arguments(&["--in={reciever_grpc}"], &[]).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"fill in argument `--in={reciever_grpc}`: unknown placeholder {reciever_grpc}; known are {config}, {receiver_grpc}, {receiver_http}, {health}, {telemetry_host}, {telemetry_port}, {sink_grpc}, {sink_grpc_port}, {sink_http}, {sink_http_port}");
    }

    #[test]
    fn commands_are_found_on_the_path_or_named_in_the_error() {
        let env = BTreeMap::from([("PATH".to_owned(), "/nonexistent:/bin:/usr/bin".to_owned())]);
        assert!(resolve(Path::new("sh"), &env).unwrap().is_absolute());
        let error = |command: &str| resolve(Path::new(command), &env).unwrap_err().to_string();
        assert!(error("no-such-collector").contains("`no-such-collector`: not on PATH"));
        assert!(error("/no/such").contains("no file /no/such"));
        assert!(error("/etc/passwd").contains("not an executable file"));
        assert!(error("/etc").contains("not an executable file"));
    }

    #[test]
    fn configuration_stays_in_its_folder_and_is_ours_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| write_config(&folder.path().join("new"), &[ConfigFile::new(name, "a: 1\n")]);
        let path = write("c.yaml").unwrap().remove(0);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a: 1\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        for name in ["../c.yaml", "/etc/c.yaml", "a/b", "", ".", "..", "c.yaml/"] {
            assert!(matches!(write(name), Err(StartError::ConfigName { .. })), "{name}");
        }
    }
}
