//! The real binary as a child: started with a clean environment, always ended, every wait with a deadline.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, told nothing by our own environment.
pub fn spanproof() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanproof"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The line of the text output that begins with a word.
    pub fn line(&self, word: &str) -> &str {
        self.out.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no `{word}` in {self:?}"))
    }

    /// The number of spans in the last line, found as a script would find it.
    pub fn spans(&self) -> u64 {
        let before = self.out.trim_end().strip_suffix(" spans").unwrap_or_else(|| panic!("no `N spans` in {self:?}"));
        before.rsplit(' ').next().unwrap().replace(',', "").parse().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A child with its output being read.
pub struct Running {
    child: Child,
    readers: Option<(JoinHandle<String>, JoinHandle<()>)>,
    err: Arc<Mutex<String>>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let said = Arc::new(Mutex::new(String::new()));
        let hearer = Arc::clone(&said);
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        let err = std::thread::spawn(move || {
            for line in BufReader::new(err).lines() {
                hearer.lock().unwrap().push_str(&(line.unwrap() + "\n"));
            }
        });
        Self { child, readers: Some((out, err)), err: said }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "waited for the command to end: {}", self.err.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        };
        let (out, err) = self.readers.take().unwrap();
        let out = out.join().unwrap();
        err.join().unwrap();
        Ended { code: status.code(), out, err: self.err.lock().unwrap().clone() }
    }

    /// The first line on stderr of which something is true; waits for it.
    pub fn heard(&self, what: &str, find: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.err.lock().unwrap().lines().find(|line| find(line)) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "waited for {what}: {}", self.err.lock().unwrap());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Running {
    /// Where its faults are switched.
    pub fn control(&self) -> SocketAddr {
        let line = self.heard("where faults are switched", |line| line.starts_with("faults are switched at"));
        line.rsplit('/').next().unwrap().parse().unwrap()
    }
}

/// Asks where faults are switched, as a test in any language does; the answer with its head.
pub fn ask(control: SocketAddr, what: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(control).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!("{what} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.readers.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).wait()
}

/// A sink at work, on free ports.
pub struct Sink {
    pub running: Running,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
}

impl Sink {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(Path::new("."), arguments)
    }

    pub fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = spanproof();
        command.args(["sink", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(arguments).current_dir(folder);
        let running = Running::start(&mut command);
        let line = running.heard("the sink to listen", |line| line.starts_with("listening"));
        let addresses: Vec<SocketAddr> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [grpc, http] = addresses[..] else { panic!("two addresses in {line:?}") };
        Self { running, grpc, http }
    }

    /// Ctrl-C, and what it said then.
    pub fn interrupt(self) -> Ended {
        self.running.signal(rustix::process::Signal::INT);
        self.running.wait()
    }

    pub fn wait(self) -> Ended {
        self.running.wait()
    }
}

/// `gen traces` to an address, with further arguments.
pub fn generate(to: SocketAddr, arguments: &[&str]) -> Ended {
    let mut command = spanproof();
    command.args(["gen", "traces", "--quiet", "--endpoint", &format!("http://{to}")]).args(arguments);
    run(&mut command)
}

/// True once a process is gone; waits for that.
pub fn is_gone(pid: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // A zombie has ended; that nobody has waited for it yet is its parent's affair.
        if status.is_empty() || status.contains("State:\tZ") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Waits for a file with a number in it.
pub fn number_in(path: &Path) -> u32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let (true, Ok(number)) = (text.ends_with('\n'), text.trim().parse()) {
            return number;
        }
        assert!(Instant::now() < deadline, "waited for a number in {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `NAME=value` lines as a map.
pub fn variables_in(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}
