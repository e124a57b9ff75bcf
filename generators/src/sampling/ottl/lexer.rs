//! The words of a condition.

/// A word and where it begins, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub at: usize,
    pub word: Word<'a>,
}

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word<'a> {
    /// A name, an enumerator or a keyword.
    Name(&'a str),
    /// A string, its escapes resolved.
    Text(String),
    /// Digits.
    Int(&'a str),
    /// Digits with a point.
    Double(&'a str),
    /// Hex digits behind `0x`.
    Bytes(&'a str),
    /// An operator or a bracket.
    Mark(&'a str),
}

/// Longer marks before those that they begin with.
const MARKS: [&str; 20] =
    ["==", "!=", ">=", "<=", "=>", ">", "<", "=", "+", "-", "*", "/", "(", ")", "[", "]", "{", "}", ".", ","];

/// The words of a text; at the first thing that is none, its place.
pub(super) fn words(text: &str) -> Result<Vec<Token<'_>>, usize> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (word, length) = word(rest, next).ok_or(at)?;
        tokens.push(Token { at, word });
        at += length;
    }
    Ok(tokens)
}

fn word(rest: &str, next: char) -> Option<(Word<'_>, usize)> {
    if next == '"' {
        return text(rest);
    }
    if let Some(digits) = rest.strip_prefix("0x") {
        let length = leading(digits, |byte| byte.is_ascii_hexdigit());
        return (length > 0).then(|| (Word::Bytes(&digits[..length]), 2 + length));
    }
    if next.is_ascii_digit() {
        return Some(number(rest));
    }
    if next.is_ascii_alphabetic() || next == '_' {
        let length = leading(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        return Some((Word::Name(&rest[..length]), length));
    }
    let mark = MARKS.iter().find(|mark| rest.starts_with(**mark))?;
    Some((Word::Mark(&rest[..mark.len()]), mark.len()))
}

fn leading(text: &str, test: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| test(*byte)).count()
}

fn number(rest: &str) -> (Word<'_>, usize) {
    let mut length = leading(rest, |byte| byte.is_ascii_digit());
    if !rest[length..].starts_with('.') {
        return (Word::Int(&rest[..length]), length);
    }
    length += 1 + leading(&rest[length + 1..], |byte| byte.is_ascii_digit());
    if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let digits = leading(&exponent[sign..], |byte| byte.is_ascii_digit());
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    (Word::Double(&rest[..length]), length)
}

/// A string with the escapes of Go's.
fn text(rest: &str) -> Option<(Word<'_>, usize)> {
    let (mut out, mut chars) = (String::new(), rest.char_indices().skip(1));
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Some((Word::Text(out), at + 1)),
            '\\' => out.push(escaped(chars.next()?.1, &mut chars)?),
            other => out.push(other),
        }
    }
    None
}

fn escaped(kind: char, chars: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    Some(match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        '\\' | '"' => kind,
        'u' | 'U' => {
            let digits: String = chars.take(if kind == 'u' { 4 } else { 8 }).map(|(_, digit)| digit).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        _ => return None,
    })
}
