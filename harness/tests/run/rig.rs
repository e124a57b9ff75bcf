//! Starts the binary, waits for it under a deadline, and reads what it wrote.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No run here takes so long unless it hangs; a busy machine included.
const DEADLINE: Duration = Duration::from_secs(90);

/// 20,000 spans at 40,000 a second: half a second of load and what its traces last. Without the slow traces, whose tail
/// alone takes 15 s, and with few shapes, since making them takes longest.
const SMALL: [&str; 8] = [
    "--set",
    "run.spans=20000",
    "--set",
    "traffic.rate=40000",
    "--set",
    "traffic.workload.shop.pool_size=256",
    "--set",
    "traffic.anomalies.slow_trace=0%",
];

/// The binary at work, with its output going to files. Killed when dropped.
pub struct Started {
    child: Child,
    began: Instant,
    /// Everything of this run, and its results below `out`.
    pub folder: TempDir,
}

/// A run of the binary that has ended.
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
    folder: TempDir,
}

/// Starts the binary with these arguments, in a folder of its own.
pub fn start<S: AsRef<str>>(arguments: &[S]) -> Started {
    start_in(TempDir::new().unwrap(), arguments, &[])
}

/// Starts the binary in `folder` with more environment variables.
pub fn start_in<S: AsRef<str>>(folder: TempDir, arguments: &[S], variables: &[(&str, &str)]) -> Started {
    spawn(Command::new(env!("CARGO_BIN_EXE_spanproof")), folder, arguments, variables)
}

/// Starts the binary by way of another program, which is given it and its arguments behind its own, and becomes it.
pub fn start_through<S: AsRef<str>>(program: &[&str], arguments: &[S]) -> Started {
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(env!("CARGO_BIN_EXE_spanproof"));
    spawn(command, TempDir::new().unwrap(), arguments, &[])
}

fn spawn<S: AsRef<str>>(mut command: Command, folder: TempDir, arguments: &[S], variables: &[(&str, &str)]) -> Started {
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    command.args(arguments.iter().map(AsRef::as_ref)).current_dir(folder.path());
    for (name, _) in
        std::env::vars().filter(|(name, _)| ["OTEL_", "GITHUB_"].iter().any(|prefix| name.starts_with(prefix)))
    {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
    Started { child: command.spawn().unwrap(), began: Instant::now(), folder }
}

/// Runs the binary with these arguments.
pub fn spanproof<S: AsRef<str>>(arguments: &[S]) -> Ended {
    start(arguments).wait()
}

/// Arguments of a small run of `scenario` into `out`, with more of them.
pub fn small<'a>(scenario: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", scenario, "--quiet", "--out", "out"], &SMALL[..], more].concat()
}

/// A small quickstart with more arguments.
pub fn quickstart(more: &[&str]) -> Ended {
    spanproof(&small("quickstart", more))
}

impl Started {
    /// Process id of the binary.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Looks at the process again and again until it has ended.
    pub fn watch_until_it_ends(&mut self, mut look: impl FnMut(u32)) {
        while self.began.elapsed() < DEADLINE && self.child.try_wait().unwrap().is_none() {
            look(self.pid());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it ends.
    pub fn wait(mut self) -> Ended {
        let status = self.wait_for_status();
        let read = |name: &str| std::fs::read(self.folder.path().join(name)).unwrap();
        let text = |name: &str| String::from_utf8(read(name)).unwrap();
        let (stdout, stderr, took) = (text("stdout"), text("stderr"), self.began.elapsed());
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        Ended { code: status.code(), stdout, stderr, took, folder }
    }

    fn wait_for_status(&mut self) -> ExitStatus {
        while self.began.elapsed() < DEADLINE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            // The run takes seconds; nobody waits for these milliseconds.
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("still running after {DEADLINE:?}; it said:\n{}", self.said());
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Waits until `what` answers something.
    pub fn wait_until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended with {ended:?} before {what}; it said:\n{}", self.said());
            assert!(Instant::now() < deadline, "no {what} within {DEADLINE:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// A file below the folder that it ran in.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that it ran in.
    pub fn into_folder(self) -> TempDir {
        self.folder
    }

    /// Runs the binary again, in the same folder.
    pub fn then<S: AsRef<str>>(self, arguments: &[S]) -> Self {
        start_in(self.folder, arguments, &[]).wait()
    }

    /// The text of a file of its result directory.
    pub fn artefact(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("out").join(name)).unwrap_or_else(|error| panic!("{name}: {error}\n{self}"))
    }

    /// Its `result.json`.
    pub fn result(&self) -> Value {
        serde_json::from_str(&self.artefact("result.json")).unwrap()
    }

    /// A count of the ledger of spans.
    pub fn spans(&self, word: &str) -> u64 {
        self.result()["ledger"]["spans"][word].as_u64().unwrap_or_else(|| panic!("no count of {word}\n{self}"))
    }

    /// Every finding of every check.
    pub fn findings(&self) -> Vec<Value> {
        let result = self.result();
        let checks = result["checks"].as_array().unwrap();
        checks.iter().flat_map(|check| check["findings"].as_array().unwrap().clone()).collect()
    }

    /// The findings of this id.
    pub fn findings_of(&self, id: &str) -> Vec<Value> {
        self.findings().into_iter().filter(|finding| finding["id"] == id).collect()
    }

    /// Ids of all findings of this level, each once, sorted.
    pub fn ids(&self, level: &str) -> Vec<String> {
        let at_level = |finding: &Value| finding["level"] == level;
        let named = |finding: Value| finding["id"].as_str().unwrap().to_owned();
        let ids: std::collections::BTreeSet<String> = self.findings().into_iter().filter(at_level).map(named).collect();
        ids.into_iter().collect()
    }

    /// Fails the test, showing all that was said, unless it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The equations between the counts of the ledger.
    #[track_caller]
    pub fn expect_sound_ledger(&self) {
        let sum = |words: &[&str]| words.iter().map(|word| self.spans(word)).sum::<u64>();
        assert_eq!(sum(&["planned"]), sum(&["sent", "not_sent"]));
        assert_eq!(sum(&["sent"]), sum(&["acknowledged", "refused", "unknown"]));
        let fates =
            ["delivered", "corrupted_only", "lost_acknowledged", "lost_unknown", "lost_refused", "lost_declared"];
        assert_eq!(sum(&["sent"]), sum(&fates) + sum(&["sampled_out", "absent"]));
        assert!(sum(&["duplicated_explained"]) <= sum(&["duplicated"]));
        assert!(sum(&["corrupted_only"]) <= sum(&["corrupted"]));
        assert!(sum(&["recovered", "refused_delivered"]) <= 2 * sum(&["delivered"]));
        assert!(sum(&["late"]) <= sum(&["delivered", "corrupted_only"]));
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, took, .. } = self;
        write!(f, "exit code {code:?} after {took:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}")
    }
}
