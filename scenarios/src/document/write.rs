//! From a tree back to YAML that reads as the same tree.

use super::{Content, Entry, Node, parse_value};

/// What fits into so many characters stands on one line.
const LINE: usize = 110;

/// The node as YAML, each line behind `indent` blanks. Ends with a line feed. Comments are not in the tree, and so not here.
pub(crate) fn write(node: &Node, indent: usize) -> String {
    let margin = " ".repeat(indent);
    match &node.content {
        Content::Map(entries) if !entries.is_empty() => {
            let line = |Entry { key, value, .. }: &Entry| format!("{margin}{}:{}", word(key), behind(value, indent));
            entries.iter().map(line).collect()
        }
        Content::List(elements) if !elements.is_empty() => {
            elements.iter().map(|element| format!("{margin}-{}", behind(element, indent))).collect()
        }
        Content::Map(_) => format!("{margin}{{}}\n"),
        Content::List(_) => format!("{margin}[]\n"),
        Content::Scalar { text, plain } => format!("{margin}{}", long_scalar(text, *plain, indent + 2)),
    }
}

/// A value behind its key or dash: on the same line if it fits there, else in lines of its own.
fn behind(node: &Node, indent: usize) -> String {
    let line = if indent == 0 && is_section(node) { None } else { flow(node) };
    match (line.filter(|line| indent + line.chars().count() <= LINE && means(line, node)), &node.content) {
        (Some(line), _) => format!(" {line}\n"),
        (None, Content::Scalar { text, plain }) => format!(" {}", long_scalar(text, *plain, indent + 2)),
        (None, Content::Map(_) | Content::List(_)) => format!("\n{}", write(node, indent + 2)),
    }
}

/// Whether it has parts that deserve lines of their own.
fn is_section(node: &Node) -> bool {
    match &node.content {
        Content::Scalar { .. } => false,
        Content::List(elements) => !elements.is_empty(),
        Content::Map(entries) => !entries.is_empty(),
    }
}

/// The node on one line; none where a part of it needs lines of its own.
fn flow(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar { text, .. } if text.contains('\n') => None,
        Content::Scalar { text, plain } => Some(scalar(text, *plain)),
        Content::List(elements) => {
            let elements = elements.iter().map(flow).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", elements.join(", ")))
        }
        Content::Map(entries) => {
            let entry = |entry: &Entry| Some(format!("{}: {}", word(&entry.key), flow(&entry.value)?));
            Some(format!("{{{}}}", entries.iter().map(entry).collect::<Option<Vec<_>>>()?.join(", ")))
        }
    }
}

/// A key.
fn word(key: &str) -> String {
    scalar(key, !key.is_empty())
}

/// A scalar on one line: as it is where that reads as the same, else in quotes.
fn scalar(text: &str, plain: bool) -> String {
    let is_null = plain && text.is_empty();
    match (is_null, plain && reads_as(text, text)) {
        (true, _) => "null".to_owned(),
        (false, true) => text.to_owned(),
        // A JSON string is one of YAML too.
        (false, false) => serde_json::Value::from(text).to_string(),
    }
}

/// A scalar of several lines, as a block where that reads as the same; ends with a line feed.
fn long_scalar(text: &str, plain: bool, indent: usize) -> String {
    let margin = |line: &str| " ".repeat(if line.is_empty() { 0 } else { indent });
    let lines: String = text.lines().map(|line| format!("{}{line}\n", margin(line))).collect();
    let block = format!("|{}\n{lines}", if text.ends_with('\n') { "" } else { "-" });
    if text.contains('\n') && reads_as(&block, text) { block } else { format!("{}\n", scalar(text, plain)) }
}

/// Whether YAML of a scalar means this text.
fn reads_as(yaml: &str, wanted: &str) -> bool {
    let (node, errors) = parse_value(yaml, 0, 0);
    errors.is_empty() && matches!(node.map(|node| node.content), Some(Content::Scalar { text, .. }) if text == wanted)
}

/// Whether YAML means this tree: between brackets, more ends a word than elsewhere.
fn means(yaml: &str, wanted: &Node) -> bool {
    let (node, errors) = parse_value(yaml, 0, 0);
    errors.is_empty() && node.is_some_and(|node| is_same(&node, wanted))
}

/// Whether two trees say the same, wherever it stands.
fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.content, &other.content) {
        (Content::Scalar { text, plain }, Content::Scalar { text: same, plain: as_plain }) => {
            (one.is_null() && other.is_null()) || (text == same && plain == as_plain)
        }
        (Content::List(one), Content::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Content::Map(one), Content::Map(other)) => {
            let same = |(one, other): (&Entry, &Entry)| one.key == other.key && is_same(&one.value, &other.value);
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Place, parse_document};
    use proptest::prelude::*;

    #[track_caller]
    fn assert_same(node: &Node) {
        let text = write(node, 0);
        let (again, errors) = parse_document(&text, 0);
        assert_eq!(errors, [], "{text}");
        assert!(is_same(&again.unwrap(), node), "{node:?}\n{text}");
    }

    fn entry((key, value): (String, Node)) -> Entry {
        Entry { key, key_place: PLACE, value }
    }

    const PLACE: Place = Place { text: 0, start: 0, end: 0 };

    fn node() -> impl Strategy<Value = Node> {
        let texts = prop_oneof![
            "[a-z0-9 .:#,'\"{}|>%@!&*?\\[\\]~-]{0,12}",
            "([a-z #:]{0,6}\n){1,4}",
            "[a-z]{90,130}",
            Just("null".to_owned()),
        ];
        // A quoted text is one whatever it says; a plain one is what YAML makes of it.
        let scalar = (texts, any::<bool>()).prop_map(|(text, plain)| {
            let plain = plain && reads_as(&text, &text) && !text.contains('\n');
            Node::new(PLACE, Content::Scalar { text, plain })
        });
        scalar.prop_recursive(4, 24, 4, |inner| {
            let map = prop::collection::btree_map("[a-z][a-z0-9 _.-]{0,9}[a-z]", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| Node::new(PLACE, Content::List(list))),
                map.prop_map(|map| Node::new(PLACE, Content::Map(map.into_iter().map(entry).collect()))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same_tree(node in node()) {
            assert_same(&node);
        }
    }

    #[test]
    fn short_parts_stand_on_a_line_and_blocks_of_text_stay_blocks() {
        let text = "scenario: 1\ntarget: embedded\nfaults:\n  - {name: a, at: 1s, fault: {slow: {by: 2s}}}\n  - {name: b}\n\
                    collector:\n  config_inline: |\n    # a gateway\n    receivers:\n\n      otlp: {}\n  env: {}\n\
                    limits:\n  - spans.lost_acknowledged == 0\n  - \"a: b\"\nabort: []\n";
        let (root, errors) = parse_document(text, 0);
        assert_eq!(errors, []);
        assert_eq!(write(&root.unwrap(), 0), text);
    }
}
