//! The last lines of a target's log, made safe to print: a target may write anything.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// No more than this much of the log's end is read.
const READ_MAX: u64 = 64 * 1024;

/// Longer lines are cut.
const LINE_CHARS_MAX: usize = 400;

/// The last `lines` lines that are not blank of what was written at or after byte `from`, printable. Empty when the
/// file cannot be read, since this serves messages about something worse.
pub fn log_tail(path: &Path, from: u64, lines: usize) -> Vec<String> {
    let text = read_end(path, from).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut last: Vec<String> =
        text.lines().rev().map(printable).filter(|line| !line.trim().is_empty()).take(lines).collect();
    last.reverse();
    last
}

/// How lines begin or contain that say why a program ends; what follows them is often long and says where.
const LAST_WORDS: [&str; 6] = ["panic:", "fatal error:", "panicked at", "Error:", "FATAL", "fatal"];

/// The line among the last ones of a log that says why its writer ended: the last that has such words, else the last line.
pub fn last_words(lines: &[String]) -> Option<&String> {
    let says_why = |line: &&String| LAST_WORDS.iter().any(|words| line.contains(words));
    lines.iter().rev().find(says_why).or_else(|| lines.last())
}

fn read_end(path: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    let start = from.max(end.saturating_sub(READ_MAX));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes)?;
    if start > from {
        // Begin at a whole line.
        let whole = bytes.iter().position(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        bytes.drain(..whole);
    }
    Ok(bytes)
}

/// One line of foreign text without terminal escapes, control characters and characters that reorder text, and of bounded
/// length. Tabs become spaces.
pub fn printable(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    let mut length = 0;
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            skip_escape(&mut chars);
            continue;
        }
        if length == LINE_CHARS_MAX {
            out.push('…');
            break;
        }
        match char {
            '\t' => out.push(' '),
            _ if char.is_control() || reorders(char) => continue,
            _ => out.push(char),
        }
        length += 1;
    }
    out
}

/// Skips what follows ESC: a control sequence (`[`, parameters, a final byte), or a single character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars.next_if(|char| matches!(char, '\u{20}'..='\u{3f}')).is_some() {}
    }
    chars.next_if(|char| matches!(char, '\u{40}'..='\u{7e}'));
}

/// Bidirectional controls and line separators, which make a line read as what it is not.
fn reorders(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_line_that_says_why_is_found_above_the_stack_that_says_where() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let go =
            lines("info\tready\npanic: runtime error: index out of range [5]\ngoroutine 1 [running]:\nmain.main()");
        assert_eq!(last_words(&go), Some(&go[1]));
        let plain = lines("starting\ncannot bind: address in use");
        assert_eq!(last_words(&plain), Some(&plain[1]), "without such words the last line is the nearest");
        assert_eq!(last_words(&[]), None);
    }

    #[test]
    fn colours_bells_and_reordering_are_gone_and_words_stay() {
        assert_eq!(printable("\u{1b}[1;31merror\u{1b}[0m\tport\u{7} \u{202e}gnp.exe\r"), "error port gnp.exe");
        assert_eq!(printable("a\u{1b}]0;title\u{7}b"), "a0;titleb");
        assert_eq!(printable("end\u{1b}"), "end");
    }

    #[test]
    fn the_last_lines_come_in_order_without_blank_ones() {
        let file = log(b"one\n\ntwo\n\xff\xfethree\n\n");
        assert_eq!(log_tail(file.path(), 0, 2), ["two", "\u{fffd}\u{fffd}three"]);
        assert_eq!(log_tail(file.path(), 5, 9), ["two", "\u{fffd}\u{fffd}three"]);
    }

    #[test]
    fn a_huge_log_with_huge_lines_costs_little_and_stays_short() {
        let mut text = vec![b'x'; 3 << 20];
        text.extend(b"\nlast ");
        text.extend(vec![b'y'; 1000]);
        let file = log(&text);
        let tail = log_tail(file.path(), 0, 20);
        assert_eq!(tail.len(), 1);
        assert_eq!(tail[0].chars().count(), LINE_CHARS_MAX + 1);
        assert!(tail[0].starts_with("last y"));
    }

    #[test]
    fn a_log_that_is_not_there_is_empty() {
        assert_eq!(log_tail(Path::new("/nonexistent/log"), 0, 5), Vec::<String>::new());
    }
}
