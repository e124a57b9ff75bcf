//! The process target against small stand-ins: shell and Python scripts that open a port, die, hang or leave processes.

use rustix::process::{Pid, Signal, kill_process};
use spanproof_harness::process::{
    Arguments, ConfigFile, Exit, ProcessSpec, ProcessTarget, SinkAddresses, StartError, become_keeper_if_asked,
    detect_version,
};
use spanproof_harness::resources::descendants;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Listens on the receiver's address until SIGTERM, then says goodbye and exits 0.
const LISTENER: &str = r#"
import os, signal, socket, sys
def end(*_):
    print("goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
host, port = os.environ["SPANPROOF_RECEIVER_GRPC"].rsplit(":", 1)
server = socket.create_server((host, int(port)))
print("listening", sys.argv[1:], flush=True)
while True:
    server.accept()[0].close()
"#;

/// The keeper of every target here is this test binary, through this test; see the module `process`.
#[test]
fn __keeper() {
    become_keeper_if_asked();
}

fn sink() -> SinkAddresses {
    SinkAddresses { grpc: "127.0.0.1:5317".parse().unwrap(), http: "127.0.0.1:5318".parse().unwrap() }
}

fn spec(folder: &TempDir, command: &str, arguments: &[&str]) -> ProcessSpec {
    let mut spec = ProcessSpec::collector(command, &folder.path().join("target"), Vec::new());
    spec.arguments = Arguments::Custom(arguments.iter().map(ToString::to_string).collect());
    spec
}

/// A listener in Python, started by `start` (a shell text in which `$LISTENER` is the command).
fn script(folder: &TempDir, start: &str) -> ProcessSpec {
    let listener = folder.path().join("listener.py");
    std::fs::write(&listener, LISTENER).unwrap();
    spec(folder, "sh", &["-c", &start.replace("$LISTENER", &format!("python3 {}", listener.display()))])
}

fn start(spec: &ProcessSpec) -> Result<ProcessTarget, StartError> {
    ProcessTarget::start(spec, sink(), &CancellationToken::new())
}

fn is_alive(pid: u32) -> bool {
    // A zombie that nobody has waited for yet has ended.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until `condition` holds; for what another process does, which nothing announces here.
fn within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_listening_target_is_ready_and_ends_on_sigterm() {
    let folder = TempDir::new().unwrap();
    let mut target = start(&script(&folder, "exec $LISTENER {sink_grpc}")).unwrap();
    assert_eq!((target.try_exit(), target.starts()), (None, 1));
    within(Duration::from_secs(5), "line logged", || !target.log_tail(5).lines.is_empty());
    assert_eq!(target.log_tail(5).lines, ["listening ['127.0.0.1:5317']"]);
    let pid = target.pid();
    let stopped = target.stop();
    assert_eq!((stopped.exit, stopped.killed), (Exit::Code(0), false));
    assert!(stopped.cpu.unwrap() > Duration::ZERO);
    assert!(!is_alive(pid));
    let log = std::fs::read_to_string(folder.path().join("target/target.log")).unwrap();
    assert!(log.ends_with("goodbye\n"), "{log}");
}

#[test]
fn configuration_files_and_variables_reach_the_target() {
    let folder = TempDir::new().unwrap();
    let mut spec = script(&folder, "cat \"$0\"; echo \"[$SECRET]\"; exec $LISTENER");
    let Arguments::Custom(arguments) = &mut spec.arguments else { unreachable!() };
    arguments.push("{config}".to_owned());
    spec.config = vec![ConfigFile::new("c.yaml", "receivers: {}\n")];
    spec.env.0.insert("SECRET".to_owned(), "s3".to_owned());
    spec.inherit_env = false;
    let target = start(&spec).unwrap();
    within(Duration::from_secs(5), "lines logged", || target.log_tail(5).lines.len() == 3);
    assert_eq!(target.log_tail(9).lines, ["receivers: {}", "[s3]", "listening []"]);
}

#[test]
fn a_target_that_dies_at_start_is_quoted() {
    let folder = TempDir::new().unwrap();
    let begun = Instant::now();
    let text = "echo 'Error: \u{1b}[31mbad config\u{1b}[0m' >&2; exit 3";
    let error = start(&spec(&folder, "sh", &["-c", text])).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(10));
    let StartError::Died { exit, log, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*exit, Exit::Code(3));
    assert_eq!(log.lines.last().unwrap(), "Error: bad config");
    assert!(error.to_string().contains("ended with exit code 3"), "{error}");
}

#[test]
fn a_target_that_never_listens_is_named_with_what_was_waited_for_and_is_gone() {
    let folder = TempDir::new().unwrap();
    let mut spec = spec(&folder, "sh", &["-c", "echo still loading; echo $$; exec sleep 300"]);
    spec.start_deadline = Duration::from_millis(600);
    let error = start(&spec).unwrap_err();
    let StartError::NotReady { waited_for, after, log, .. } = &error else { panic!("{error:?}") };
    assert!(waited_for.contains("SPANPROOF_RECEIVER_GRPC"), "{waited_for}");
    assert!(*after >= spec.start_deadline);
    let [.., saying, pid] = log.lines.as_slice() else { panic!("{log}") };
    assert_eq!(saying, "still loading");
    assert!(!is_alive(pid.parse().unwrap()));
}

#[test]
fn an_interrupt_ends_the_wait_for_a_target() {
    let folder = TempDir::new().unwrap();
    let interrupt = CancellationToken::new();
    interrupt.cancel();
    let error = ProcessTarget::start(&spec(&folder, "sleep", &["300"]), sink(), &interrupt).unwrap_err();
    assert!(matches!(error, StartError::Interrupted { .. }), "{error:?}");
}

#[test]
fn a_missing_command_is_named_before_anything_is_started() {
    let folder = TempDir::new().unwrap();
    let error = start(&spec(&folder, "./no/such/otelcol", &[])).unwrap_err();
    assert!(error.to_string().starts_with("find the target's command `./no/such/otelcol`"), "{error}");
    assert!(!folder.path().join("target/target.log").exists());
}

#[test]
fn a_log_that_cannot_be_written_is_an_error() {
    let folder = TempDir::new().unwrap();
    let mut spec = spec(&folder, "sleep", &["300"]);
    spec.log_path = PathBuf::from("/dev/null/target.log");
    assert!(start(&spec).unwrap_err().to_string().starts_with("write /dev/null/target.log"));
}

#[test]
fn a_target_that_ignores_sigterm_is_killed_after_the_grace() {
    let folder = TempDir::new().unwrap();
    let mut spec = script(&folder, "trap '' TERM; $LISTENER & while :; do sleep 1; done");
    spec.stop_grace = Duration::from_millis(300);
    let target = start(&spec).unwrap();
    let pid = target.pid();
    let stopped = target.stop();
    assert_eq!((stopped.exit, stopped.killed), (Exit::Signal(9), true));
    assert!(stopped.took >= spec.stop_grace && stopped.took < Duration::from_secs(6), "{stopped:?}");
    assert!(!is_alive(pid));
}

#[test]
fn a_stopped_wrapper_lets_the_real_target_drain_within_the_grace() {
    let folder = TempDir::new().unwrap();
    // The shell dies of SIGTERM at once; what it started takes its time.
    let drain = "(trap 'sleep 0.3; echo drained; exit' TERM; while :; do sleep 0.05; done) &";
    let target = start(&script(&folder, &format!("{drain} $LISTENER; true"))).unwrap();
    let stopped = target.stop();
    assert!(!stopped.killed, "{stopped:?}");
    let log = std::fs::read_to_string(folder.path().join("target/target.log")).unwrap();
    assert!(log.contains("drained"), "{log}");
}

#[test]
fn a_port_taken_in_the_meantime_is_tried_once_more() {
    let folder = TempDir::new().unwrap();
    let first = "mkdir $PWD/once 2>/dev/null && echo 'listen tcp: bind: Address already in use' && exit 1";
    let mut again = script(&folder, &format!("{first}; exec $LISTENER"));
    again.cwd = Some(folder.path().to_owned());
    let target = start(&again).unwrap();
    assert_eq!(target.starts(), 2);
    drop(target);
    let always = start(&spec(&folder, "sh", &["-c", "echo address already in use; exit 1"])).unwrap_err();
    assert!(matches!(always, StartError::Died { .. }), "{always:?}");
}

#[test]
fn an_exit_during_the_run_is_seen() {
    let folder = TempDir::new().unwrap();
    let mut target = start(&script(&folder, "exec $LISTENER")).unwrap();
    kill(target.pid());
    within(Duration::from_secs(5), "exit seen", || target.try_exit().is_some());
    assert_eq!(target.try_exit(), Some(Exit::Signal(9)));
    let stopped = target.stop();
    assert_eq!((stopped.exit, stopped.killed), (Exit::Signal(9), false));
}

#[test]
fn signals_reach_a_target_and_a_paused_one_still_stops() {
    let folder = TempDir::new().unwrap();
    let mut target = start(&script(&folder, "exec $LISTENER")).unwrap();
    target.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", target.pid());
    within(Duration::from_secs(5), "paused", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    assert_eq!((target.try_exit(), target.stop().killed), (None, false));
}

#[test]
fn dropping_a_target_kills_it_and_all_it_started_even_what_left_its_group() {
    let folder = TempDir::new().unwrap();
    let target = start(&script(&folder, "setsid sleep 300 & sleep 300 & (sleep 300 &) ; $LISTENER; true")).unwrap();
    let keeper = parent_of(target.pid());
    let below = descendants(keeper).unwrap();
    assert!(below.len() >= 5, "{below:?}");
    drop(target);
    assert_eq!(below.iter().filter(|&&pid| is_alive(pid)).count(), 0);
    assert!(!is_alive(keeper));
}

fn parent_of(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_target_outlives_the_thread_that_started_it() {
    let folder = TempDir::new().unwrap();
    let spec = script(&folder, "exec $LISTENER");
    let mut target = std::thread::spawn(move || start(&spec).unwrap()).join().unwrap();
    // A death signal bound to the thread would be here at once; the connection proves that the target serves.
    std::net::TcpStream::connect(target.endpoints().receiver_grpc).unwrap();
    assert_eq!(target.try_exit(), None);
}

#[test]
fn a_killed_keeper_takes_the_target_with_it() {
    let folder = TempDir::new().unwrap();
    let mut target = start(&script(&folder, "exec $LISTENER")).unwrap();
    let pid = target.pid();
    kill(parent_of(pid));
    within(Duration::from_secs(5), "target gone", || !is_alive(pid));
    within(Duration::from_secs(5), "exit seen", || target.try_exit() == Some(Exit::Unknown));
    assert_eq!(target.stop().cpu, None);
}

#[test]
fn what_a_target_uses_is_sampled_without_what_keeps_it() {
    let folder = TempDir::new().unwrap();
    let hold = "python3 -c 'import time; held = b\"x\" * (64 << 20); time.sleep(300)' &";
    let target = start(&script(&folder, &format!("{hold} exec $LISTENER"))).unwrap();
    let mut sampler = target.usage_sampler();
    within(Duration::from_secs(10), "64 MiB held", || sampler.sample().unwrap().unwrap().memory_bytes > 64 << 20);
    assert_eq!(sampler.sample().unwrap().unwrap().processes, 2);
    let cpu = sampler.summary().cpu;
    assert!(cpu > Duration::ZERO);
    assert!(target.stop().cpu.unwrap() >= cpu);
    assert_eq!(sampler.sample().unwrap(), None);
}

/// Names the folder for [`__victim`].
const VICTIM: &str = "SPANPROOF_TEST_VICTIM";

/// Not a test by itself: the process that the next tests kill in mid-run.
#[test]
fn __victim() {
    let Ok(folder) = std::env::var(VICTIM) else { return };
    let start_text = std::fs::read_to_string(Path::new(&folder).join("start")).unwrap();
    let scripts = TempDir::new_in(&folder).unwrap();
    let target = start(&script(&scripts, &start_text)).unwrap();
    let keeper = parent_of(target.pid());
    let pids = [vec![keeper], descendants(keeper).unwrap()].concat();
    let text = pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    std::fs::write(Path::new(&folder).join("part"), text).unwrap();
    std::fs::rename(Path::new(&folder).join("part"), Path::new(&folder).join("pids")).unwrap();
    // Long enough to be killed, bounded in case nobody does.
    std::thread::sleep(Duration::from_secs(60));
}

/// Starts a victim with a target; gives the victim, its keeper's pid, and the pids below the keeper.
fn victim(folder: &TempDir, start: &str) -> (std::process::Child, u32, Vec<u32>) {
    std::fs::write(folder.path().join("start"), start).unwrap();
    let mut command = std::process::Command::new("/proc/self/exe");
    command.args(["--exact", "__victim"]).env(VICTIM, folder.path()).stdout(std::process::Stdio::null());
    let child = command.spawn().unwrap();
    let path = folder.path().join("pids");
    within(Duration::from_secs(30), "target of the victim started", || path.exists());
    let pids = std::fs::read_to_string(path).unwrap();
    let mut pids = pids.split(' ').map(|pid| pid.parse().unwrap());
    (child, pids.next().unwrap(), pids.collect())
}

#[test]
fn sigkill_of_our_process_leaves_no_target_behind() {
    let folder = TempDir::new().unwrap();
    // A wrapper that does not exec, a background process, and one in a session of its own.
    let (mut child, keeper, below) = victim(&folder, "setsid sleep 300 & sleep 300 & $LISTENER; true");
    assert!(below.len() >= 4 && below.iter().all(|&pid| is_alive(pid)), "{below:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    within(Duration::from_secs(5), "all gone", || below.iter().all(|&pid| !is_alive(pid)) && !is_alive(keeper));
}

#[test]
fn sigkill_of_our_process_and_its_keeper_leaves_no_target_behind() {
    let folder = TempDir::new().unwrap();
    let (mut child, keeper, below) = victim(&folder, "exec $LISTENER");
    kill(keeper);
    child.kill().unwrap();
    child.wait().unwrap();
    within(Duration::from_secs(5), "all gone", || below.iter().all(|&pid| !is_alive(pid)));
}

fn executable(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("collector.sh");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn the_version_is_what_the_command_prints() {
    let folder = TempDir::new().unwrap();
    let command = executable(&folder, "#!/bin/sh\necho otelcol-custom version 0.155.0 \"$1\" >&2\n");
    let version = detect_version(&command, Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!(version.to_string(), "0.155.0");
}

#[test]
fn a_command_that_does_not_know_the_flag_is_ended_and_has_no_version() {
    let folder = TempDir::new().unwrap();
    let command = executable(&folder, "#!/bin/sh\necho $$ > \"$0.pid\"\nsleep 300\n");
    let begun = Instant::now();
    assert_eq!(detect_version(&command, Duration::from_millis(800)).unwrap(), None);
    assert!(begun.elapsed() < Duration::from_secs(8));
    let pid = std::fs::read_to_string(folder.path().join("collector.sh.pid")).unwrap();
    assert!(!is_alive(pid.trim().parse().unwrap()));
}
