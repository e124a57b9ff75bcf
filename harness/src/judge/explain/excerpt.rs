//! Two values that differ, cut so that what differs is seen.

/// Characters of a value that are kept; a longer one loses what stands before and behind them.
const CHARS_MAX: usize = 80;

/// Characters kept before the first that differs, so that a reader finds the place.
const BEFORE: usize = 20;

/// Both, each with no more than a stretch of its text, which begins shortly before the first difference. What is left out is
/// marked, and followed by how long the text is.
pub(super) fn excerpts(expected: &str, received: &str) -> (String, String) {
    let same = expected.chars().zip(received.chars()).take_while(|(one, other)| one == other).count();
    (excerpt(expected, same), excerpt(received, same))
}

fn excerpt(text: &str, differs_at: usize) -> String {
    let length = text.chars().count();
    if length <= CHARS_MAX {
        return text.to_owned();
    }
    let start = differs_at.saturating_sub(BEFORE).min(length - CHARS_MAX);
    let kept: String = text.chars().skip(start).take(CHARS_MAX).collect();
    let mark = |is_cut| if is_cut { "…" } else { "" };
    format!("{}{kept}{} ({length} characters as written)", mark(start > 0), mark(start + CHARS_MAX < length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(expected: &str, received: &str) -> [String; 2] {
        let (expected, received) = excerpts(expected, received);
        [expected, received]
    }

    #[test]
    fn short_values_are_whole() {
        let (long, other) = ("a".repeat(80), format!("{}ü", "a".repeat(79)));
        assert_eq!(sides(&long, &other), [long.clone(), other]);
        assert_eq!(sides(&long, ""), [long, String::new()]);
    }

    #[test]
    fn of_long_values_the_place_that_differs_is_seen() {
        let (before, behind) = ("ä".repeat(1000), "z".repeat(200));
        let shown = |differing: &str| {
            format!(
                "…{}{differing}{} (1201 characters as written)",
                "ä".repeat(20),
                format_args!("{}…", "z".repeat(59))
            )
        };
        let sent = |middle: &str| format!("{before}{middle}{behind}");
        assert_eq!(sides(&sent("1"), &sent("2")), [shown("1"), shown("2")]);
    }

    #[test]
    fn a_difference_near_either_end_leaves_nothing_out_there() {
        let rest = "z".repeat(100);
        let first = |differing: &str| format!("{differing}{}… (101 characters as written)", "z".repeat(79));
        assert_eq!(sides(&format!("1{rest}"), &format!("2{rest}")), [first("1"), first("2")]);
        let last = |differing: &str| format!("…{}{differing} (101 characters as written)", "z".repeat(79));
        assert_eq!(sides(&format!("{rest}1"), &format!("{rest}2")), [last("1"), last("2")]);
    }

    /// Both lengths tell what was cut off, though all that is left is the same.
    #[test]
    fn a_value_that_was_cut_shows_where() {
        let [sent, received] = sides(&"a".repeat(300), &"a".repeat(200));
        assert_eq!(sent, format!("…{}… (300 characters as written)", "a".repeat(80)));
        assert_eq!(received, format!("…{} (200 characters as written)", "a".repeat(80)));
    }
}
