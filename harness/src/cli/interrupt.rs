//! Ctrl-C and SIGTERM: the first asks the command to end in good order, the second ends it at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM. The second exits with 130; targets are then ended by their
/// keeper.
pub(crate) fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let asked = token.clone();
    let spawned = std::thread::Builder::new().name("sp-signals".to_owned()).spawn(move || wait(&asked));
    if spawned.is_err() {
        super::say("warning: signals cannot be handled; Ctrl-C ends the run without results");
    }
    token
}

fn wait(asked: &CancellationToken) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for already in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if already {
                std::process::exit(130);
            }
            super::say("interrupted: writing what was learned so far (once more to end at once)");
            asked.cancel();
        }
    });
}
