//! The process target: any collector binary, started, watched and stopped, and never left behind.
//!
//! Start at [`ProcessTarget::start`]. The calls block (a start may take its whole deadline), so async code calls them
//! through `spawn_blocking`; all of them have a deadline.
//!
//! # Never an orphan
//! The target is not our child but a child of the *keeper*, a second process of our own binary
//! (`/proc/self/exe __keeper`, shown as `sp-keeper`), in its own process group, so that neither Ctrl-C nor a signal to our
//! group reaches it:
//!
//! ```text
//! spanproof --pipe--> sp-keeper --death signal--> target --> whatever it starts
//! ```
//!
//! - The keeper holds the other end of a pipe. When we end in whatever way, SIGKILL included, the pipe closes and the
//!   keeper kills everything below it. It is a child subreaper, so grandchildren that lost their parent (a start script
//!   that did not `exec`) or left the process group are below it too. This does not depend on which thread of ours started
//!   the keeper, as a death signal set by us would.
//! - The target has the death signal SIGKILL from the keeper, set before it executes, by the keeper's thread that waits
//!   for it to the end. So it dies with the keeper too, should something kill both of us by name; only what the target
//!   itself started is then out of reach, and a target whose file is setuid or has capabilities, since the kernel clears
//!   the death signal of those.
//! - The keeper reports every end, and the CPU time that the kernel charged, exactly.
//!
//! A death signal set in `pre_exec` would need unsafe code and would miss grandchildren; this needs neither, at the price of
//! one small process. [`become_keeper_if_asked`] must therefore be the first call in `main`. A test binary that starts
//! targets gets it through a test function named `__keeper` whose body is that call: the keeper's argument, taken as the
//! filter of a test run, selects exactly that function.

mod command;
mod endpoints;
mod error;
mod heir;
mod keeper;
mod kept;
mod launch;
mod limits;
mod log_tail;
mod ports;
mod ready;
mod spec;
mod target;
mod version;

pub use command::{CommandError, KeptCommand, check_command};
pub use endpoints::{Endpoints, SinkAddresses};
pub use error::{LogExcerpt, StartError};
pub use heir::{Heir, Will};
pub use keeper::become_keeper_if_asked;
pub use launch::find_program;
pub(crate) use launch::inherited;
pub use log_tail::{last_words, log_tail, printable};
pub use ready::{ReadyWhen, ReceiverPort};
pub use spec::{Arguments, ConfigFile, ProcessSpec, Variables};
pub use target::{EndBy, Ended, Exit, FileLimit, ProcessTarget, Stopped};
pub use version::{Version, detect_version};
