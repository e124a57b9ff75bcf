//! Ctrl-C, SIGTERM and the end of the terminal: the first asks the command to end in good order, the second ends it at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the handlers may take to stand: microseconds, if the machine is not beyond help.
const HANDLED_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// A token that is cancelled by the first SIGINT, SIGTERM or SIGHUP. A second that is not SIGHUP exits with 130; targets are then
/// ended by their keeper.
pub(crate) fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let asked = token.clone();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let spawned = std::thread::Builder::new().name("sp-signals".to_owned()).spawn(move || wait(&asked, &ready));
    // Until the handlers stand, a signal would end us at once, so nothing begins before.
    if spawned.is_err() || is_ready.recv_timeout(HANDLED_WITHIN).is_err() {
        super::say("warning: signals cannot be handled; Ctrl-C ends the run without results");
    }
    token
}

fn wait(asked: &CancellationToken, ready: &std::sync::mpsc::Sender<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        // Under `nohup` it is ignored, and a handler of ours would undo what was asked for.
        let mut hangup = if hangup_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        // Nobody waits for this any longer after its deadline, which is no reason not to go on.
        ready.send(()).ok();
        let mut already = false;
        loop {
            let hung_up = tokio::select! {
                _ = interrupt.recv() => false,
                _ = terminate.recv() => false,
                () = received(hangup.as_mut()) => true,
            };
            match (already, hung_up) {
                (false, _) => {
                    already = true;
                    super::say("interrupted: writing what was learned so far (once more to end at once)");
                    asked.cancel();
                }
                (true, false) => std::process::exit(130),
                // A terminal that goes sends it twice, by its shell and by the kernel: nobody has lost patience.
                (true, true) => {}
            }
        }
    });
}

/// Waits for a signal; for ever without one.
async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether whoever started us had SIGHUP ignored. Nothing but the kernel's own account tells without unsafe code.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit stands for signal 1.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
