//! A record as a tree of fields, which any field can be set in or taken from without knowing its message's type.

use super::schema::{Field, Holds, ROOT, Schema};
use spanproof_generators::protobuf::{Reader, Wire, put_bytes, put_tag, put_varint};

/// A message: fields in the order in which they are written.
pub type Tree = Vec<(Field, Node)>;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A varint, or eight or four bytes, as the field says.
    Word(u64),
    /// Text or bytes.
    Bytes(Vec<u8>),
    /// A message.
    Inside(Tree),
}

/// A way from [`ROOT`] down to a field.
pub type Path = Vec<Field>;

/// The path as a person writes it: `scope_spans.spans.name`.
pub fn dotted(path: &Path) -> String {
    path.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(".")
}

/// All paths; a message that holds itself is entered twice, so that what is nested is reached.
pub fn paths(schema: &Schema) -> Vec<Path> {
    let mut found = Vec::new();
    descend(schema, ROOT, &mut Vec::new(), &mut found);
    found
}

fn descend(schema: &Schema, message: &str, above: &mut Path, found: &mut Vec<Path>) {
    for field in &schema[message] {
        let known = above.iter().filter(|other| other.holds == field.holds).count();
        above.push(field.clone());
        found.push(above.clone());
        if let Holds::Message(inside) = &field.holds
            && known < 2
        {
            descend(schema, inside, above, found);
        }
        above.pop();
    }
}

/// Reads a message.
pub fn read(schema: &Schema, message: &str, bytes: &[u8]) -> Tree {
    let (mut reader, mut tree) = (Reader::new(bytes), Tree::new());
    while let Some(tag) = reader.tag().unwrap() {
        let field = schema[message].iter().find(|field| field.number == tag.field).unwrap().clone();
        let node = match (tag.wire, &field.holds) {
            (Wire::Bytes, Holds::Message(inside)) => Node::Inside(read(schema, inside, reader.bytes().unwrap())),
            (Wire::Bytes, _) => Node::Bytes(reader.bytes().unwrap().to_vec()),
            (Wire::Varint, _) => Node::Word(reader.varint().unwrap()),
            (Wire::Fixed64, _) => Node::Word(reader.fixed64().unwrap()),
            (_, _) => Node::Word(u64::from(reader.fixed32().unwrap())),
        };
        tree.push((field, node));
    }
    tree
}

/// Writes a message.
pub fn write(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    for (field, node) in tree {
        match node {
            Node::Inside(inside) => put_bytes(&mut out, field.number, &write(inside)),
            Node::Bytes(bytes) => put_bytes(&mut out, field.number, bytes),
            Node::Word(word) => match field.holds {
                Holds::Fixed64 => {
                    put_tag(&mut out, field.number, 1);
                    out.extend_from_slice(&word.to_le_bytes());
                }
                Holds::Fixed32 => {
                    put_tag(&mut out, field.number, 5);
                    out.extend_from_slice(&(*word as u32).to_le_bytes());
                }
                _ => {
                    put_tag(&mut out, field.number, 0);
                    put_varint(&mut out, *word);
                }
            },
        }
    }
    out
}

/// A request of one `ResourceSpans`.
pub fn request(record: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &write(record));
    out
}

/// Puts `node` in the place of all the fields at `path`, making the messages on the way; `None` takes them away.
pub fn set(tree: &mut Tree, path: &[Field], node: Option<Node>) {
    let [field, below @ ..] = path else { return };
    if field.one_of {
        tree.retain(|(other, _)| other == field);
    }
    if below.is_empty() {
        tree.retain(|(other, _)| other != field);
        tree.extend(node.map(|node| (field.clone(), node)));
        return;
    }
    if !tree.iter().any(|(other, _)| other == field) {
        tree.push((field.clone(), Node::Inside(Tree::new())));
    }
    let inside = tree.iter_mut().find(|(other, _)| other == field);
    if let Some((_, Node::Inside(inside))) = inside {
        set(inside, below, node);
    }
}

/// A value for a field that no plan holds; each `number` gives another. Ids get the length that they must have.
pub fn value(field: &Field, number: u8) -> Node {
    match &field.holds {
        Holds::Message(_) => Node::Inside(Tree::new()),
        Holds::Text | Holds::Bytes => Node::Bytes(match field.name.as_str() {
            "trace_id" => vec![number; 16],
            name if name.ends_with("span_id") => vec![number; 8],
            _ => format!("changed {number}").into_bytes(),
        }),
        // A boolean has two values only.
        Holds::Varint if field.name == "bool_value" => Node::Word(u64::from(number & 1)),
        _ => Node::Word(77_000 + u64::from(number)),
    }
}

/// The value that equals absence, except in a oneof or a repeated field.
pub fn default(field: &Field) -> Node {
    match &field.holds {
        Holds::Message(_) => Node::Inside(Tree::new()),
        Holds::Text | Holds::Bytes => Node::Bytes(Vec::new()),
        _ => Node::Word(0),
    }
}
