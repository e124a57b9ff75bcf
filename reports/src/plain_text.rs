//! Making text from outside harmless for a terminal or a single line, before any format's own escaping.

use std::borrow::Cow;

/// The text on one line and without anything that moves a cursor, changes colours or turns the reading direction: white
/// space becomes a blank, everything else of that sort is dropped. At most `chars_max` characters, `...` where more were.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let clean = text.chars().map(|c| if is_line_space(c) { ' ' } else { c }).filter(|c| !is_control(*c));
    // One more than allowed is enough to know that there were more; the rest of a hostile megabyte is not looked at twice.
    let mut line = clean.take(chars_max.saturating_add(1)).collect::<String>();
    if line.chars().count() > chars_max {
        let keep = line.char_indices().nth(chars_max.saturating_sub(3)).map_or(0, |(at, _)| at);
        line.truncate(keep);
        line.push_str(&"..."[..chars_max.min(3)]);
    }
    line
}

/// The text over at most `lines_max` lines of `width` characters, broken at blanks where there are any, `...` at the end
/// where there was more.
pub fn wrapped(text: &str, width: usize, lines_max: usize) -> Vec<String> {
    let text = one_line(text, width.saturating_mul(lines_max.saturating_add(1)));
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut() {
            Some(line) if fits(line) => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    shorten(&mut lines, width, lines_max);
    lines
}

/// A shell word that means exactly this argument, control characters excepted.
pub fn shell_word(argument: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return Cow::Borrowed(argument);
    }
    Cow::Owned(format!("'{}'", one_line(argument, 1_000).replace('\'', r"'\''")))
}

/// True for what must not reach a terminal: control characters, marks that change the reading direction, invisible
/// separators, and code points that are no characters.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

fn is_line_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn shorten(lines: &mut Vec<String>, width: usize, lines_max: usize) {
    let more = lines.len() > lines_max;
    lines.truncate(lines_max);
    for line in lines.iter_mut().filter(|line| line.chars().count() > width) {
        *line = one_line(line, width);
    }
    if let Some(last) = lines.last_mut().filter(|last| more && !last.ends_with("...")) {
        // Room for the dots, whether the line is full or not.
        let keep = last.char_indices().nth(width.saturating_sub(3)).map_or(last.len(), |(at, _)| at);
        last.truncate(keep);
        last.push_str(&"..."[..width.min(3)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::HOSTILE;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_is_clean_and_no_longer_than_allowed(text in any::<String>(), max in 0usize..50) {
            let line = one_line(&text, max);
            prop_assert!(line.chars().count() <= max);
            prop_assert!(!line.chars().any(is_control));
        }

        #[test]
        fn wrapping_keeps_width_and_height(text in "[a-z ]{0,300}", width in 5usize..40, lines in 1usize..5) {
            let wrapped = wrapped(&text, width, lines);
            prop_assert!(wrapped.len() <= lines);
            prop_assert!(wrapped.iter().all(|line| line.chars().count() <= width));
        }
    }

    #[test]
    fn escapes_are_taken_apart_and_nothing_else_is_lost() {
        assert_eq!(
            one_line(HOSTILE, 200),
            "<script>alert(1)</script>[31mred]0;title|a`b``c]]>  # x ::error::&amp;\"'*_[l](javascript:1)"
        );
        assert_eq!(one_line("K\u{f6}ln \u{1f600}", 10), "K\u{f6}ln \u{1f600}");
        assert_eq!(one_line("abcdefgh", 6), "abc...");
    }

    #[test]
    fn text_that_fits_is_wrapped_without_dots() {
        assert_eq!(wrapped("the quick brown fox", 10, 2), ["the quick", "brown fox"]);
        assert_eq!(wrapped("the quick brown fox jumps over", 10, 2), ["the quick", "brown f..."]);
    }

    #[test]
    fn shell_words_are_quoted_where_they_must_be() {
        assert_eq!(
            ["a-b=c", "", "a b", "it's", "$(x)"].map(shell_word),
            ["a-b=c", "''", "'a b'", r"'it'\''s'", "'$(x)'"]
        );
    }
}
