//! A small run through the embedded collector, and the commands that look at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Two thousand spans in half a second, in requests of some ten milliseconds each.
const SCENARIO: &str = "\
scenario: 1
name: evidence
target: embedded
traffic:
  workload: {shop: {pool_size: 64}}
  rate: 4000 spans/s
  batch: {spans: 64, timeout: 100ms}
  anomalies: {error_trace: 5%, trace_id_padded: 2%, trace_id_changed: 2%}
run: {duration: 500ms, settle: 1s}
limits:
  - spans.delivered >= 1
";

/// A finished run in a directory of its own.
pub struct Rig {
    _temporary: TempDir,
    pub directory: PathBuf,
    pub scenario: PathBuf,
}

impl Rig {
    /// A directory for a run that has not been started.
    pub fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let scenario = temporary.path().join("scenario.yaml");
        fs::write(&scenario, SCENARIO).unwrap();
        Self { directory: temporary.path().join("run"), scenario, _temporary: temporary }
    }

    /// A run with this planted defect; its exit code must be `exit`.
    pub fn finished(defect: Option<&str>, exit: i32) -> Self {
        let rig = Self::new();
        let output = rig.run(defect).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
        rig
    }

    /// The command that runs it.
    pub fn run(&self, defect: Option<&str>) -> Command {
        let mut command = spanproof();
        command.arg("run").arg(&self.scenario).arg("--out").arg(&self.directory).arg("--quiet");
        command.args(defect.map(|defect| format!("--plant={defect}")));
        command
    }

    pub fn start(&self) -> Child {
        self.run(None).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn judge(&self) -> Output {
        spanproof().arg("judge").arg(&self.directory).output().unwrap()
    }

    /// Judges by the scenario with `from` replaced by `to`.
    pub fn judge_by(&self, from: &str, to: &str) -> Output {
        let other = self.scenario.with_file_name("other.yaml");
        let text = fs::read_to_string(&self.scenario).unwrap();
        assert!(text.contains(from));
        fs::write(&other, text.replace(from, to)).unwrap();
        spanproof().arg("judge").arg(&self.directory).arg("--scenario").arg(&other).output().unwrap()
    }

    pub fn show(&self, arguments: &[&str]) -> Output {
        spanproof().arg("show").arg(&self.directory).args(arguments).output().unwrap()
    }

    pub fn evidence(&self) -> PathBuf {
        self.directory.join("evidence")
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.directory.join(name)).unwrap()
    }

    /// The result document.
    pub fn result(&self) -> serde_json::Value {
        serde_json::from_slice(&self.read("result.json")).unwrap()
    }

    /// The first example of a finding.
    pub fn example(&self, finding: &str) -> serde_json::Value {
        let result = self.result();
        let checks = result["checks"].as_array().unwrap().iter();
        let mut findings = checks.flat_map(|check| check["findings"].as_array().unwrap());
        findings.find(|found| found["id"] == finding).unwrap()["examples"][0].clone()
    }

    /// All files of the evidence, in order of their names.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.evidence()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

pub fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// All that a command said, for assertions that fail.
pub fn words(output: &Output) -> String {
    format!("{}{}", text(output), String::from_utf8_lossy(&output.stderr))
}

fn spanproof() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_spanproof")));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}
