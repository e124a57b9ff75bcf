//! What a run says while it lasts: at a terminal one line that renews itself, elsewhere a plain line now and then.

use crate::rig::{Ended, small, start, start_through};

/// Runs a command at a terminal of its own, and passes on what it writes there.
const AT_A_TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Goes to the beginning of the line and empties it.
const RENEWED: &str = "\r\u{1b}[2K";

/// The arguments of a small run that talks.
fn talking() -> Vec<&'static str> {
    small("quickstart", &[]).into_iter().filter(|argument| *argument != "--quiet").collect()
}

/// How often it was said how far the run is.
fn progress(said: &str) -> usize {
    said.matches("in flight").count()
}

#[test]
fn at_a_terminal_progress_is_one_line_that_renews_itself_and_is_gone_at_the_end() {
    let run: Ended = start_through(&["python3", "-c", AT_A_TERMINAL], &talking()).wait().expect(0);
    let mut pieces: Vec<&str> = run.stdout.split(RENEWED).collect();
    let (plan, report) = (pieces.remove(0), pieces.pop().unwrap_or_default());
    assert_eq!(progress(plan) + progress(report), 0, "progress stands where no renewing takes it away\n{run}");
    assert!(report.contains("PASS"), "{run}");
    let lines: Vec<&str> = pieces.into_iter().filter(|piece| progress(piece) > 0).collect();
    assert!(lines.len() >= 2, "it was never renewed\n{run}");
    for line in lines {
        assert!(progress(line) == 1 && !line.contains('\n'), "{line:?} cannot be renewed\n{run}");
    }
}

#[test]
fn off_a_terminal_progress_is_plain_lines() {
    let run = start(&talking()).wait().expect(0);
    assert!(progress(&run.stderr) >= 2, "one for the load and one for settling\n{run}");
    assert!(!run.stderr.contains(['\r', '\u{1b}']) && !run.stdout.contains('\u{1b}'), "{run}");
}
