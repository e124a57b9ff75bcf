//! Where something stands in a YAML text of others, so that a message can name the line.

use crate::document::{Content, Node, Step, parse_document};

/// A place that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// How many of the keys asked for there are.
    pub depth: usize,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
}

/// A text in which places are looked up, read once.
#[derive(Debug, Clone)]
pub struct Locator {
    text: String,
    root: Option<Node>,
}

impl Locator {
    /// Reads a text. In one that cannot be read nothing is found.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), root: parse_document(text, 0).0 }
    }

    /// Follows `keys` from the root, as far as they exist; a key also leads to the element of a list that it names, or else to the one
    /// whose number, from 0, it is. None when not even the first is there.
    pub fn locate(&self, keys: &[&str]) -> Option<Located> {
        let mut node = self.root.as_ref()?;
        let mut found = None;
        for (depth, key) in keys.iter().enumerate() {
            let Some((start, next)) = step(node, key) else { break };
            found = Some((depth + 1, start));
            node = next;
        }
        let (depth, start) = found?;
        let before = self.text.get(..start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[line_start..].chars().count() + 1;
        Some(Located { depth, line: before.matches('\n').count() + 1, column })
    }
}

/// Looks up one place; see [`Locator::locate`].
pub fn locate(text: &str, keys: &[&str]) -> Option<Located> {
    Locator::new(text).locate(keys)
}

/// The byte where the child begins with its key, and the child.
fn step<'node>(node: &'node Node, key: &str) -> Option<(usize, &'node Node)> {
    match &node.content {
        Content::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key.trim() == key)?;
            Some((entry.key_place.start, node.child(&Step::Key(entry.key.clone()))?))
        }
        Content::List(elements) => {
            let named = |node: &&Node| matches!(&node.content, Content::Scalar { text, .. } if text.trim() == key);
            let numbered = || elements.get(key.parse::<usize>().ok()?);
            elements.iter().find(named).or_else(numbered).map(|element| (element.place.start, element))
        }
        Content::Scalar { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a gateway\nservice:\n  pipelines:\n    traces:\n      processors: [batch, filter/a]\n";

    fn place(keys: &[&str]) -> Option<(usize, usize, usize)> {
        locate(TEXT, keys).map(|found| (found.depth, found.line, found.column))
    }

    #[test]
    fn keys_and_names_in_lists_are_found() {
        let processors = ["service", "pipelines", "traces", "processors"];
        assert_eq!(place(&processors), Some((4, 5, 7)));
        assert_eq!(place(&[&processors[..], &["filter/a"]].concat()), Some((5, 5, 27)));
    }

    #[test]
    fn elements_of_lists_are_found_by_their_number() {
        let place =
            |keys: &[&str]| locate("a:\n  - x: 1\n  - x: 2\n    y: 3\n", keys).map(|found| (found.depth, found.line));
        assert_eq!(place(&["a", "1", "y"]), Some((3, 4)));
        assert_eq!(place(&["a", "0"]), Some((2, 2)));
        assert_eq!(place(&["a", "2", "y"]), Some((1, 1)));
    }

    #[test]
    fn what_is_not_there_is_followed_as_far_as_it_goes() {
        assert_eq!(place(&["service", "extensions", "x"]), Some((1, 2, 1)));
        assert_eq!(place(&["exporters"]), None);
        assert_eq!(locate("a: [", &["a"]), None);
    }
}
