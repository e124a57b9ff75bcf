//! The messages of OTLP's traces as the protocol's own descriptors tell them, so that no list here can fall behind.

use prost::Message;
use std::collections::BTreeMap;

/// A field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name in the `.proto` file.
    pub name: String,
    /// True for a repeated field.
    pub repeated: bool,
    /// True for a member of a oneof, which counts even at its default.
    pub one_of: bool,
    /// What it holds.
    pub holds: Holds,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// A number or boolean, as a varint.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// Four bytes.
    Fixed32,
    /// Bytes that are UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// A message of this full name.
    Message(String),
}

/// All messages that [`ROOT`] can hold, by full name.
pub type Schema = BTreeMap<String, Vec<Field>>;

/// Where a record begins.
pub const ROOT: &str = ".opentelemetry.proto.trace.v1.ResourceSpans";

/// Reads the descriptors and keeps what [`ROOT`] reaches.
pub fn schema() -> Schema {
    let set = FileSet::decode(opentelemetry_proto::DESCRIPTORS).unwrap();
    let mut all = Schema::new();
    for file in &set.file {
        file.messages.iter().for_each(|message| collect(&format!(".{}", file.package), message, &mut all));
    }
    let (mut reached, mut open) = (Schema::new(), vec![ROOT.to_owned()]);
    while let Some(name) = open.pop() {
        if reached.contains_key(&name) {
            continue;
        }
        let fields = all[&name].clone();
        open.extend(fields.iter().filter_map(|field| match &field.holds {
            Holds::Message(name) => Some(name.clone()),
            _ => None,
        }));
        reached.insert(name, fields);
    }
    reached
}

fn collect(scope: &str, message: &MessageType, all: &mut Schema) {
    let name = format!("{scope}.{}", message.name);
    message.nested.iter().for_each(|nested| collect(&name, nested, all));
    all.insert(name, message.fields.iter().map(field).collect());
}

fn field(field: &FieldType) -> Field {
    let holds = match field.kind {
        1 | 6 | 16 => Holds::Fixed64,
        7 | 15 | 2 => Holds::Fixed32,
        9 => Holds::Text,
        12 => Holds::Bytes,
        11 => Holds::Message(field.type_name.clone()),
        3 | 4 | 5 | 8 | 13 | 14 | 17 | 18 => Holds::Varint,
        other => panic!("field `{}` has type {other}, which OTLP did not use so far", field.name),
    };
    let one_of = field.one_of.is_some();
    Field { number: field.number as u32, name: field.name.clone(), repeated: field.label == 3, one_of, holds }
}

/// `google.protobuf.FileDescriptorSet`, as far as it is needed; likewise the following.
#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<FileType>,
}

#[derive(Clone, PartialEq, Message)]
struct FileType {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<MessageType>,
}

#[derive(Clone, PartialEq, Message)]
struct MessageType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<FieldType>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<MessageType>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    number: i32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    kind: i32,
    #[prost(string, tag = "6")]
    type_name: String,
    #[prost(int32, optional, tag = "9")]
    one_of: Option<i32>,
}
