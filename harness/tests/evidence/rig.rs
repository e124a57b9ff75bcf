//! A small run through the embedded collector, and the commands that look at it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Everything that tells a verdict, or what it rests on, outside `evidence/`.
pub const ARTEFACTS: [&str; 6] =
    ["result.json", "report.html", "junit.xml", "summary.md", "latency.hlog", "events.ndjson"];

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
    temporary: TempDir,
    pub directory: PathBuf,
    pub scenario: PathBuf,
}

impl Rig {
    /// A directory for a run that has not been started.
    pub fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let scenario = temporary.path().join("scenario.yaml");
        fs::write(&scenario, SCENARIO).unwrap();
        Self { directory: temporary.path().join("run"), scenario, temporary }
    }

    /// A run with this planted defect; its exit code must be `exit`.
    pub fn finished(defect: Option<&str>, exit: i32) -> Self {
        let rig = Self::new();
        let output = rig.run(defect).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
        rig
    }

    /// A run of the scenario with these lines behind it, which settles for as long as it takes; its exit code must be `exit`.
    pub fn finished_with(lines: &str, exit: i32) -> Self {
        let rig = Self::new();
        fs::write(&rig.scenario, SCENARIO.replace("settle: 1s", "settle: auto") + lines).unwrap();
        let output = rig.run(None).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{}", words(&output));
        rig
    }

    /// The command that runs it, without a word of progress.
    pub fn run(&self, defect: Option<&str>) -> Command {
        let mut command = self.run_aloud(defect);
        command.arg("--quiet");
        command
    }

    /// The command that runs it and tells how far it is.
    pub fn run_aloud(&self, defect: Option<&str>) -> Command {
        let mut command = spanproof();
        // Where a run is remembered as the last one.
        command.current_dir(self.temporary.path());
        command.arg("run").arg(&self.scenario).arg("--out").arg(&self.directory);
        command.args(defect.map(|defect| format!("--plant={defect}")));
        command
    }

    pub fn start(&self) -> Child {
        self.run(None).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts it and waits until it has marked its directory.
    pub fn start_and_wait_for_the_mark(&self) -> Child {
        let mut child = self.start();
        let marker = self.evidence().join("unfinished");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !marker.exists() {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none(), "no run marked the directory");
            std::thread::sleep(Duration::from_millis(1));
        }
        child
    }

    pub fn report(&self) -> Output {
        spanproof().arg("report").arg(&self.directory).output().unwrap()
    }

    /// Makes the manifest anew, as somebody would who changed the evidence and wants it believed.
    pub fn reseal(&self) {
        #[derive(Serialize, Deserialize)]
        struct Manifest {
            format: String,
            spanproof_version: String,
            files: BTreeMap<String, Entry>,
            seal: String,
        }
        #[derive(Serialize, Deserialize)]
        struct Entry {
            bytes: usize,
            sha256: String,
        }
        let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let path = self.evidence().join("manifest.json");
        let mut manifest: Manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (name, entry) in &mut manifest.files {
            let bytes = fs::read(self.evidence().join(name)).unwrap();
            *entry = Entry { bytes: bytes.len(), sha256: hex(&bytes) };
        }
        manifest.seal = String::new();
        manifest.seal = hex(&serde_json::to_vec(&manifest).unwrap());
        fs::write(&path, serde_json::to_string_pretty(&manifest).unwrap() + "\n").unwrap();
    }

    /// Every file in the directory and its evidence, as text.
    pub fn texts(&self) -> Vec<(PathBuf, String)> {
        let entries =
            [self.directory.clone(), self.evidence()].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        files.map(|path| (path.clone(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())).collect()
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

pub fn spanproof() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_spanproof")));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}
