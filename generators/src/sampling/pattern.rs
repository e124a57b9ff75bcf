//! Regular expressions as Go reads them.
//!
//! Go's syntax is RE2's and so nearly that of the `regex` crate, but its classes `\d`, `\s`, `\w` and `\b` are ASCII's, it knows
//! `\Q...\E`, and it has neither nested classes nor the flags `x`, `u` and `R`. What would be read differently is translated;
//! what cannot be is refused, so that no match is a guess.

use regex::bytes::Regex;

/// An expression that matches anywhere in a text.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A regular expression that is not read here: Go refuses it, or reads it in a way that is not modelled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("regular expression `{0}` cannot be read")]
pub struct PatternError(pub String);

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let error = || PatternError(text.to_owned());
        let translated = translate(text).ok_or_else(error)?;
        let regex = Regex::new(&translated).map_err(|_| error())?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether it matches anywhere in `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What a repetition would repeat.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Something,
    Repetition,
    LazyRepetition,
}

fn translate(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut before) = (text, Before::Something);
    while let Some(next) = rest.chars().next() {
        let repeats = matches!(next, '*' | '+' | '?' | '{');
        before = match (repeats, before) {
            (false, _) => Before::Something,
            (true, Before::Something) => Before::Repetition,
            (true, Before::Repetition) if next == '?' => Before::LazyRepetition,
            // Go has no repetition of repetitions without parentheses.
            (true, _) => return None,
        };
        rest = match next {
            '\\' => escape(rest, false, &mut out)?,
            '[' => class(rest, &mut out)?,
            '(' => group(rest, &mut out)?,
            '{' => bounds(rest, &mut out)?,
            other => {
                out.push(other);
                &rest[other.len_utf8()..]
            }
        };
    }
    Some(out)
}

/// A repetition in braces. Braces around anything else Go takes literally, which is not worth translating.
fn bounds<'a>(rest: &'a str, out: &mut String) -> Option<&'a str> {
    let end = rest.find('}')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (least, most) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], ""));
    (digits(least) && (most.is_empty() || digits(most))).then_some(())?;
    out.push_str(&rest[..=end]);
    Some(&rest[end + 1..])
}

/// A backslash and what belongs to it; what follows is returned.
fn escape<'a>(rest: &'a str, in_class: bool, out: &mut String) -> Option<&'a str> {
    let escaped = rest[1..].chars().next()?;
    let after = &rest[1 + escaped.len_utf8()..];
    let (opening, closing) = if in_class { ("", "") } else { ("[", "]") };
    let plain = |inside: &str| format!("{opening}{inside}{closing}");
    match escaped {
        'd' => out.push_str(&plain("0-9")),
        's' => out.push_str(&plain(r"\t\n\f\r ")),
        'w' => out.push_str(&plain("0-9A-Za-z_")),
        'D' => out.push_str("[^0-9]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'b' | 'B' if !in_class && !after.starts_with('{') => out.push_str(&format!(r"(?-u:\{escaped})")),
        'Q' if !in_class => {
            let (literal, after) = after.split_once(r"\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(literal));
            return Some(after);
        }
        'A' | 'z' if !in_class => out.extend(['\\', escaped]),
        'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'p' | 'P' | 'x' => out.extend(['\\', escaped]),
        '<' | '>' => out.push(escaped),
        other if other.is_ascii_punctuation() => out.extend(['\\', other]),
        _ => return None,
    }
    Some(after)
}

/// The opening of a group and its flags.
fn group<'a>(rest: &'a str, out: &mut String) -> Option<&'a str> {
    let Some(flags) = rest.strip_prefix("(?") else {
        out.push('(');
        return Some(&rest[1..]);
    };
    let known = |flags: &str| flags.chars().all(|flag| matches!(flag, 'i' | 'm' | 's' | 'U' | '-'));
    let end = flags.find([':', ')', '<'])?;
    if flags[end..].starts_with('<') {
        matches!(&flags[..end], "P" | "").then_some(())?;
    } else {
        known(&flags[..end]).then_some(())?;
    }
    out.push_str("(?");
    Some(flags)
}

/// A bracketed class. A bracket in it is a literal to Go, but for the POSIX classes.
fn class<'a>(rest: &'a str, out: &mut String) -> Option<&'a str> {
    out.push('[');
    let mut rest = &rest[1..];
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        let next = rest.chars().next()?;
        let after = &rest[next.len_utf8()..];
        rest = match next {
            ']' if !first => {
                out.push(']');
                return Some(after);
            }
            ']' => {
                out.push_str(r"\]");
                after
            }
            '[' if after.starts_with(':') => {
                let end = rest.find(":]")? + 2;
                out.push_str(&rest[..end]);
                &rest[end..]
            }
            '\\' => escape(rest, true, out)?,
            '-' if after.starts_with('-') => return None,
            '[' | '&' | '~' => {
                out.extend(['\\', next]);
                after
            }
            other => {
                out.push(other);
                after
            }
        };
        first = false;
    }
}
