//! Which requirements and cases are meant: patterns as people write them.

/// Whether a pattern means a name. `*` stands for any characters; without one a pattern means what it names, and what is below
/// that: `HTTP` means every requirement of the group, `HTTP-10` all its cases in all their permutations.
pub fn means(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    if pattern.contains('*') {
        return matches(pattern.as_bytes(), name.as_bytes());
    }
    name.strip_prefix(&pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '/', '[']))
}

/// Whether some pattern means a name, or there is none.
pub fn any_means(patterns: &[String], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| means(pattern, name))
}

/// Whether a text is what a pattern with stars describes; the time it takes grows with the product of their lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // The last star, and where the text went on behind it: there it is tried again.
    let mut star = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == text[from] => (at, from) = (at + 1, from + 1),
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                (at, from) = (place + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_it_names_and_what_is_below() {
        for (pattern, name, is_meant) in [
            ("HTTP-10", "HTTP-10", true),
            ("http-10", "HTTP-10/status[http-json,traces]", true),
            ("HTTP-1", "HTTP-10", false),
            ("HTTP", "HTTP-10", true),
            ("HTTP-*", "HTTP-10/status[http-json,traces]", true),
            ("*json*", "HTTP-10/status[http-json,traces]", true),
            ("*/status", "HTTP-10/status[http-json,traces]", false),
            ("H*-1*", "HTTP-21", false),
            ("*", "", true),
            ("**a**", "ba", true),
            ("GRPC", "HTTP-10", false),
        ] {
            assert_eq!(means(pattern, name), is_meant, "{pattern} {name}");
        }
        assert!(any_means(&[], "x") && !any_means(&["y".to_owned()], "x"));
    }
}
