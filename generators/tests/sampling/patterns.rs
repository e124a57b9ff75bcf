//! Regular expressions as Go reads them.

use spanproof_generators::sampling::pattern::Pattern;

#[test]
fn expressions_match_anywhere_and_by_ascii_classes() {
    for (pattern, text, matches) in [
        ("err", "my-error-1", true),
        ("^err", "my-error-1", false),
        ("", "", true),
        (".*", "", true),
        (r"\d", "\u{663}", false),
        (r"\d", "3", true),
        (r"^\w+$", "caf\u{e9}", false),
        (r"^\W+$", "\u{e9}", true),
        (r"\s", "\u{b}", false),
        (r"\S", "\u{b}", true),
        (r"\bfoo\b", "a foo b", true),
        (r"\bf", "\u{e9}f", true),
        (r"\Q.*\E", "a.*b", true),
        (r"\Q.*\E", "ab", false),
        (r"[[a]", "[", true),
        (r"[[:digit:]]", "7", true),
        (r"[a&&b]", "&", true),
        (r"[]a]", "]", true),
        (r"[^]a]", "b", true),
        (r"[\d-]x", "-x", true),
        (r"[\D]", "1", false),
        (r"(?i)ERR", "error", true),
        (r"(?P<n>a)b", "ab", true),
        (r"(?:a|b)c", "bc", true),
        (r"a\.b", "axb", false),
        (r"\<a\>", "<a>", true),
        (r"\x{41}", "A", true),
        (r"\pL", "\u{e9}", true),
        (r"a$", "a\n", false),
        (r"^a{2,3}?$", "aaa", true),
        (r"^(a+)+$", "aaa", true),
        (r"^GET /cart.*", "GET /cart/7", true),
    ] {
        assert_eq!(Pattern::new(pattern).unwrap().matches(text), matches, "{pattern} on {text:?}");
    }
}

#[test]
fn what_go_refuses_or_reads_otherwise_is_refused() {
    for pattern in [
        "(",
        "[",
        "a**",
        "a+?+",
        "a{2}{3}",
        "a{b}",
        r"\",
        "(?x)a b",
        "(?u)a",
        "(?=a)",
        "a{,2}",
        r"\b{start}",
        r"\1",
        r"\C",
        r"[a--b]",
        r"\123",
    ] {
        assert!(Pattern::new(pattern).is_err(), "{pattern}");
    }
    assert_eq!(Pattern::new("(").unwrap_err().to_string(), "regular expression `(` cannot be read");
    assert_eq!(Pattern::new("a+").unwrap().text(), "a+");
}
