//! A YAML document as a tree that remembers where everything stands.
//!
//! Serde stops at the first error and forgets positions; a person wants all errors with theirs. So the text becomes a tree
//! of [`Node`]s with places, [`recover`] reads typed values out of it again and again, setting the node that failed aside
//! each time, and later checks find the place of any field by its path. Flags change the same tree, and what they put there
//! points back at the flag.

pub(crate) mod field_path;
mod parse;
mod read_error;
mod reader;
mod recover;
mod write;

use std::sync::Arc;

use crate::problem::{Problem, ProblemKind};
use crate::scenario::ConfigStart;
use crate::suggest::nearest;

pub(crate) use field_path::{FieldPath, Step};
pub(crate) use parse::{SyntaxError, parse_document, parse_value};
pub(crate) use recover::recover;
pub(crate) use write::write;

/// A text that nodes come from.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// What people call it: a file, or the flag.
    pub(crate) name: String,
    /// The text itself.
    pub(crate) text: Arc<str>,
    /// Who wrote it.
    pub(crate) origin: Origin,
}

/// Who wrote a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The scenario file.
    File,
    /// The person at the command line.
    Flag,
    /// An environment variable.
    Environment,
}

/// Bytes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the text in the document.
    pub(crate) text: usize,
    /// The first byte.
    pub(crate) start: usize,
    /// Behind the last byte.
    pub(crate) end: usize,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
    /// True once a problem has been reported here: later readings pass over it as if it were absent.
    pub(crate) failed: bool,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Text, a number, a truth value or nothing. `plain` means written without quotes.
    Scalar { text: String, plain: bool },
    /// Elements in order.
    List(Vec<Node>),
    /// Entries in order; keys are unique.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn new(place: Place, content: Content) -> Self {
        Self { place, content, failed: false }
    }

    /// An empty map, where a flag needs one.
    pub(crate) fn empty_map(place: Place) -> Self {
        Self::new(place, Content::Map(Vec::new()))
    }

    /// True for `key:` without a value, `null` and `~`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// The child that `step` leads to, failed or not.
    pub(crate) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.content, step) {
            (Content::Map(entries), Step::Key(key)) => entry(entries, key).map(|entry| &entry.value),
            (Content::List(elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        }
    }

    /// The child that `step` leads to, to change it.
    pub(crate) fn child_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (&mut self.content, step) {
            (Content::Map(entries), Step::Key(key)) => {
                entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.value)
            }
            (Content::List(elements), Step::Index(index)) => elements.get_mut(*index),
            _ => None,
        }
    }

    /// True when any part of it comes from another text than the file.
    pub(crate) fn is_touched_by_flag(&self) -> bool {
        self.place.text != 0
            || match &self.content {
                Content::Scalar { .. } => false,
                Content::List(elements) => elements.iter().any(Self::is_touched_by_flag),
                Content::Map(entries) => entries.iter().any(|entry| entry.value.is_touched_by_flag()),
            }
    }

    /// As it reads after "found".
    pub(crate) fn described(&self) -> String {
        match &self.content {
            _ if self.is_null() => "nothing".to_owned(),
            Content::Scalar { text, plain: true } => format!("`{}`", shortened(text)),
            Content::Scalar { text, plain: false } => format!("the text \"{}\"", shortened(text)),
            Content::List(_) => "a list".to_owned(),
            Content::Map(entries) => match entries.first() {
                Some(entry) => format!("a map with `{}`", shortened(&entry.key)),
                None => "an empty map".to_owned(),
            },
        }
    }
}

impl Entry {
    /// Its key, or the text of the flag that has replaced its value: what stands in the file is then not to blame.
    fn named_at(&self) -> Place {
        if self.value.place.text == self.key_place.text { self.key_place } else { self.value.place }
    }
}

fn entry<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// At most 40 characters, nothing that moves a cursor.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short.replace("\\\"", "\"").replace("\\'", "'")
}

/// A tree and the texts it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) texts: Vec<Text>,
    pub(crate) root: Node,
}

impl Document {
    /// The node at `path`, failed or not.
    pub(crate) fn find(&self, path: &FieldPath) -> Option<&Node> {
        path.steps().iter().try_fold(&self.root, |node, step| node.child(step))
    }

    /// True when the node at `path` or one around it has failed, so that its absence is no news.
    pub(crate) fn has_failed(&self, path: &FieldPath) -> bool {
        let mut node = &self.root;
        for step in path.steps() {
            match node.child(step) {
                Some(child) if child.failed => return true,
                Some(child) => node = child,
                None => return false,
            }
        }
        false
    }

    /// True when a failed sibling looks like a slip of the fingers for the last word of `path`.
    pub(crate) fn has_misspelt(&self, path: &FieldPath) -> bool {
        let Some((Step::Key(name), parents)) = path.steps().split_last() else { return false };
        let parent = parents.iter().try_fold(&self.root, |node, step| node.child(step));
        match parent.map(|node| &node.content) {
            Some(Content::Map(entries)) => {
                entries.iter().any(|entry| entry.value.failed && nearest(&entry.key, [name.as_str()]).is_some())
            }
            _ => false,
        }
    }

    /// Sets the node at `path` aside. False when there is none or it has failed before.
    pub(crate) fn fail(&mut self, path: &FieldPath) -> bool {
        let node = path.steps().iter().try_fold(&mut self.root, |node, step| node.child_mut(step));
        node.is_some_and(|node| !std::mem::replace(&mut node.failed, true))
    }

    /// Where `path` stands; for a field that is absent, the key of the nearest field around it that is there, or the flag that
    /// has taken the place of that field's value.
    pub(crate) fn place_of(&self, path: &FieldPath) -> Place {
        let mut node = &self.root;
        let mut around = Place { end: self.root.place.start, ..self.root.place };
        for step in path.steps() {
            if let (Content::Map(entries), Step::Key(key)) = (&node.content, step) {
                around = entry(entries, key).map_or(around, Entry::named_at);
            }
            match node.child(step) {
                Some(child) => node = child,
                None => return around,
            }
            // An element has no name: its first field stands for it.
            if let (Step::Index(_), Content::Map(entries)) = (step, &node.content)
                && let Some(first) = entries.first()
            {
                around = first.named_at();
            }
        }
        // A whole block makes a poor underline: its key says as much.
        let block = !matches!(node.content, Content::Scalar { .. }) || node.is_null();
        if block { around } else { node.place }
    }

    /// A place inside the block of text at `path`, by line and column of that text, both from 1. None unless the text stands
    /// in the source line by line.
    pub(crate) fn place_in_block(&self, path: &FieldPath, line: usize, column: usize) -> Option<Place> {
        let (place, lines) = self.block(path)?;
        let (start, text) = lines.get(line.checked_sub(1)?)?;
        let inside = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        Some(Place { start: start + inside, end: start + text.len(), ..place })
    }

    /// The file of the block of text at `path`, and the lines before its first; None for a flag's.
    pub(crate) fn block_start(&self, path: &FieldPath) -> Option<ConfigStart> {
        let (place, lines) = self.block(path)?;
        let text = self.texts.get(place.text).filter(|text| text.origin == Origin::File)?;
        let (start, _) = lines.first()?;
        Some(ConfigStart { file: text.name.clone(), lines_before: text.text[..*start].matches('\n').count() })
    }

    /// The lines of the block of text at `path`, each with the byte of the source where it begins behind its indentation.
    fn block(&self, path: &FieldPath) -> Option<(Place, Vec<(usize, &str)>)> {
        let node = self.find(path)?;
        let Content::Scalar { text, .. } = &node.content else { return None };
        let source = &self.texts.get(node.place.text)?.text;
        let mut at = source.get(..node.place.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let mut written = source[at..].split_inclusive('\n');
        let mut lines = Vec::new();
        for wanted in text.lines() {
            let line = written.next()?;
            let indent = line.trim_end_matches(['\r', '\n']).strip_suffix(wanted)?;
            if !indent.trim().is_empty() {
                return None;
            }
            lines.push((at + indent.len(), wanted));
            at += line.len();
        }
        Some((node.place, lines))
    }

    /// Who wrote the value at `path`; the file when it is absent.
    pub(crate) fn origin_of(&self, path: &FieldPath) -> Origin {
        let place = self.find(path).map(|node| node.place);
        place.and_then(|place| self.texts.get(place.text)).map_or(Origin::File, |text| text.origin)
    }

    /// A problem at a place, still without words.
    pub(crate) fn problem(&self, place: Place, kind: ProblemKind) -> Problem {
        let text = &self.texts[place.text];
        Problem::new(&text.name, &text.text, place.start..place.end, kind)
    }

    /// The index of the element of the list at `path` that readers see as number `seen`: failed ones are passed over.
    pub(crate) fn element_index(&self, path: &FieldPath, seen: usize) -> usize {
        let elements = match self.find(path).map(|node| &node.content) {
            Some(Content::List(elements)) => elements.as_slice(),
            _ => &[],
        };
        let mut live = elements.iter().enumerate().filter(|(_, node)| !node.failed).map(|(index, _)| index);
        live.nth(seen).unwrap_or(seen)
    }
}
