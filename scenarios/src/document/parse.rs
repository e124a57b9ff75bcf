//! From YAML text to a tree of nodes.
//!
//! One document; keys are text and unique; anchors and aliases work, within bounds; tags and merge keys are refused, since
//! a scenario has no use for them.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{Content, Entry, Node, Place, shortened};

/// A file that grows beyond this through aliases is an attack or an accident.
const NODES_MAX: usize = 100_000;

/// YAML that cannot become a tree: where, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Parses a whole document. Duplicate keys do not stop the reading: the first is kept and each later one is an error.
pub(crate) fn parse_document(text: &str, text_index: usize) -> (Option<Node>, Vec<SyntaxError>) {
    parse(text, text_index, 0)
}

/// Parses the value that begins at byte `start` of `text`, as flags carry it.
pub(crate) fn parse_value(text: &str, text_index: usize, start: usize) -> (Option<Node>, Vec<SyntaxError>) {
    parse(&text[start..], text_index, start)
}

fn parse(text: &str, text_index: usize, offset: usize) -> (Option<Node>, Vec<SyntaxError>) {
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        text: text_index,
        offset,
        length: text.len(),
        anchors: HashMap::new(),
        nodes: 0,
        errors: Vec::new(),
    };
    let root = match builder.document() {
        Ok(root) => Some(root),
        Err(error) => {
            builder.errors.push(error);
            None
        }
    };
    (root, builder.errors)
}

struct Builder<'a> {
    events: Parser<'a, StrInput<'a>>,
    text: usize,
    /// Bytes before the parsed part.
    offset: usize,
    /// Bytes of the parsed part.
    length: usize,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    errors: Vec<SyntaxError>,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node, SyntaxError> {
        let start = Place { text: self.text, start: self.offset, end: self.offset };
        let mut root = None;
        while let Some(next) = self.next() {
            let (event, span) = next?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ if root.is_some() => {
                    let hint = "keep one scenario a file; remove the `---`";
                    return Err(self.error(span, "a second document begins here", hint));
                }
                event => root = Some(self.node(event, span)?),
            }
        }
        Ok(root.unwrap_or_else(|| Node::new(start, Content::Scalar { text: String::new(), plain: true })))
    }

    fn next(&mut self) -> Option<Result<(Event<'a>, Span), SyntaxError>> {
        let next = self.events.next()?;
        Some(next.map_err(|error| self.scan_error(&error)))
    }

    /// The next event inside a collection, where the stream cannot end.
    fn inner(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        let end = self.offset + self.length;
        let place = Place { text: self.text, start: end, end };
        let ended = SyntaxError { place, message: "the file ends too early".to_owned(), hint: String::new() };
        self.next().unwrap_or(Err(ended))
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, SyntaxError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.error(span, "the document is too large", "scenarios have at most 100,000 values"));
        }
        let (content, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span)?;
                let plain = style == ScalarStyle::Plain;
                (Content::Scalar { text: Cow::into_owned(text), plain }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span)?;
                (Content::List(self.elements()?), anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), span)?;
                (Content::Map(self.entries()?), anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return Err(self.error(span, "this is not understood here", "")),
        };
        let node = Node::new(self.place(span), content);
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn elements(&mut self) -> Result<Vec<Node>, SyntaxError> {
        let mut elements = Vec::new();
        loop {
            match self.inner()? {
                (Event::SequenceEnd, _) => return Ok(elements),
                (event, span) => elements.push(self.node(event, span)?),
            }
        }
    }

    fn entries(&mut self) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.inner()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = self.node(event, span)?;
            let key_place = key.place;
            let Content::Scalar { text: key, .. } = key.content else {
                return Err(self.error(span, "a key must be a word", "quote it if it starts with `[` or `{`"));
            };
            let (event, span) = self.inner()?;
            let value = self.node(event, span)?;
            if entries.iter().any(|entry| entry.key == key) {
                let message = format!("`{}` stands here twice", shortened(&key));
                let hint = "remove one of the two".to_owned();
                self.errors.push(SyntaxError { place: key_place, message, hint });
            } else {
                entries.push(Entry { key, key_place, value });
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, SyntaxError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(self.error(span, "the alias refers to itself", "move the anchor before its use"));
        };
        self.nodes += size(&node);
        Ok(node)
    }

    fn refuse_tag(&self, tag: Option<&Tag>, span: Span) -> Result<(), SyntaxError> {
        match tag {
            Some(_) => Err(self.error(span, "tags are not understood", "remove the word that starts with `!`")),
            None => Ok(()),
        }
    }

    fn place(&self, span: Span) -> Place {
        let byte = |marker: granit_parser::Marker| self.offset + marker.byte_offset().unwrap_or(0).min(self.length);
        let (start, end) = (byte(span.start), byte(span.end));
        Place { text: self.text, start, end: end.max(start) }
    }

    fn error(&self, span: Span, message: &str, hint: &str) -> SyntaxError {
        SyntaxError { place: self.place(span), message: message.to_owned(), hint: hint.to_owned() }
    }

    fn scan_error(&self, error: &ScanError) -> SyntaxError {
        let marker = *error.marker();
        let hint = "check indentation, quotes and brackets here and in the line before";
        self.error(Span::new(marker, marker), &error.kind().to_string(), hint)
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar { .. } => 0,
        Content::List(elements) => elements.iter().map(size).sum(),
        Content::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        parse_document(text, 0).1.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn places_are_the_bytes_of_the_text() {
        let text = "# ä\na: [1, 'two']\nb:\n  c: x\n";
        let (root, errors) = parse_document(text, 0);
        assert_eq!(errors, []);
        let Content::Map(entries) = root.unwrap().content else { panic!("not a map") };
        let Content::List(elements) = &entries[0].value.content else { panic!("not a list") };
        let slice = |place: Place| &text[place.start..place.end];
        assert_eq!(slice(entries[1].key_place), "b");
        assert_eq!(slice(elements[1].place), "'two'");
    }

    #[test]
    fn aliases_repeat_their_node_and_cannot_explode() {
        let (root, errors) = parse_document("a: &x {b: 1}\nc: *x\n", 0);
        assert_eq!(errors, []);
        let Content::Map(entries) = root.unwrap().content else { panic!("not a map") };
        assert!(matches!(&entries[1].value.content, Content::Map(inner) if inner[0].key == "b"));

        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(messages(&bomb), ["the document is too large"]);
    }

    #[test]
    fn what_a_scenario_has_no_use_for_is_refused() {
        assert_eq!(messages("a: 1\na: 2\n"), ["`a` stands here twice"]);
        assert_eq!(messages("a: 1\n---\nb: 2\n"), ["a second document begins here"]);
        assert_eq!(messages("a: !secret x\n"), ["tags are not understood"]);
        assert_eq!(messages("[a]: 1\n"), ["a key must be a word"]);
        assert_eq!(messages("a: &x [*x]\n"), ["the alias refers to itself"]);
        assert_eq!(messages(""), Vec::<String>::new());
    }
}
