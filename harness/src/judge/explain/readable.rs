//! Strings that are no longer UTF-8. For one of them a decode refuses the whole message and does not say where it stands, so before
//! it the bytes of each such string are made readable: what is UTF-8 in it stays, and every other byte is written with its digits.

use super::known::Known;
use spanproof_generators::protobuf::{Reader, put_bytes};
use std::fmt::Write;

/// Stands before the two digits of a byte. Unicode assigns it to nobody and leaves it to such uses. Where it stands in a string by
/// itself its own bytes are written so, too: two strings are equal afterwards exactly when they were before.
const MARK: char = '\u{10ffff}';

/// How the mark comes out of a string's debug form.
const MARK_QUOTED: &str = "\\u{10ffff}";

/// Groups of a field that nobody knows may be nested so deep; a received message is not nested deeper, or had been refused.
const DEPTH_MAX: u32 = 100;

/// The message with its strings made readable. What is no message stays as it is: the decode reports it.
pub(super) fn readable(message: &[u8], known: &Known) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), message);
    while let Some(behind) = copy_field(&mut out, rest, known) {
        rest = behind;
    }
    out.extend_from_slice(rest);
    out
}

/// Writes the next field and answers what follows it; `None` at the end, and where no field can be read.
fn copy_field<'a>(out: &mut Vec<u8>, message: &'a [u8], known: &Known) -> Option<&'a [u8]> {
    let mut reader = Reader::new(message);
    let tag = reader.tag().ok()??;
    if known.is_string(tag) {
        put_bytes(out, tag.field, string(reader.bytes().ok()?).as_bytes());
    } else if let Some((_, inside)) = known.inside(tag) {
        put_bytes(out, tag.field, &readable(reader.bytes().ok()?, inside));
    } else {
        reader.skip(tag, DEPTH_MAX).ok()?;
        out.extend_from_slice(&message[..message.len() - reader.rest().len()]);
    }
    Some(reader.rest())
}

/// A string from its bytes, whatever they are.
pub(super) fn string(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut pieces = chunk.valid().split(MARK);
        out.extend(pieces.next());
        for piece in pieces {
            put_digits(&mut out, MARK.encode_utf8(&mut [0; 4]).as_bytes());
            out.push_str(piece);
        }
        put_digits(&mut out, chunk.invalid());
    }
    out
}

fn put_digits(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "{MARK}{byte:02x}");
    }
}

/// The debug form of strings that were made readable, with such bytes as `\xff`.
pub(super) fn written(quoted: &str) -> String {
    // A backslash of the text itself is two of them there, which are no part of an escape.
    let pieces = quoted.split(r"\\").map(|piece| piece.replace(MARK_QUOTED, r"\x"));
    pieces.collect::<Vec<_>>().join(r"\\")
}

#[cfg(test)]
mod tests {
    use super::super::known::SPAN;
    use super::*;

    fn quoted(bytes: &[u8]) -> String {
        written(&format!("{:?}", string(bytes)))
    }

    #[test]
    fn text_is_shown_as_ever_and_other_bytes_by_their_digits() {
        assert_eq!((string("aü\u{fffd}".as_bytes()), string(b"")), ("aü\u{fffd}".to_owned(), String::new()));
        assert_eq!(quoted(b"GE\xff"), r#""GE\xff""#);
        // The beginning of a character, and what could be one of its bytes.
        assert_eq!(quoted(b"\xe2\x82|\x80z"), r#""\xe2\x82|\x80z""#);
    }

    #[test]
    fn what_only_looks_like_an_escape_is_told_apart() {
        let texts: [&[u8]; 7] = [
            b"\xff",
            br"\xff",
            b"\\\xff",
            "\u{10ffff}".as_bytes(),
            "\u{10ffff}ff".as_bytes(),
            br"\u{10ffff}ff",
            "\u{fffd}".as_bytes(),
        ];
        let shown = texts.map(quoted);
        let expected = [
            r#""\xff""#,
            r#""\\xff""#,
            r#""\\\xff""#,
            r#""\xf4\x8f\xbf\xbf""#,
            r#""\xf4\x8f\xbf\xbfff""#,
            r#""\\u{10ffff}ff""#,
            "\"\u{fffd}\"",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_no_message_is_left_to_the_decode() {
        let mut message = Vec::new();
        put_bytes(&mut message, 5, b"name");
        for end in [&[0x2a, 9, 0xff][..], &[0x07], &[0xa3, 0x01, 0x08]] {
            let broken = [&message, end].concat();
            assert_eq!(readable(&broken, &SPAN), broken);
        }
    }
}
