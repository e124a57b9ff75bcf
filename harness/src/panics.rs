//! Panics of our own threads, remembered: a run in which one happened proves nothing, whatever its account says.
//!
//! A thread that ends so leaves undone what it was about to do, and nobody else knows what that was. So the verdict may not rest on
//! what is absent then. The message of a panic may hold what came over the wire; what is remembered is where it happened.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// So many are told apart; more say nothing more.
const SEEN_MAX: usize = 4;

static WATCHING: Once = Once::new();
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on panics of this process are remembered. They are printed as ever.
pub fn watch() {
    WATCHING.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            remember(info);
            print(info);
        }));
    });
}

/// In which threads and at which places there were panics, in words; `None` without any.
pub fn seen() -> Option<String> {
    let places = places();
    (!places.is_empty()).then(|| format!("spanproof itself is broken: a panic in {}", places.join(" and in ")))
}

fn remember(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a thread without a name");
    let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let mut places = places();
    if places.len() < SEEN_MAX {
        places.push(format!("{name}{place}"));
    }
}

fn places() -> MutexGuard<'static, Vec<String>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}
