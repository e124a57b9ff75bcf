//! The tables of fields against the protocol's own descriptors, so that they cannot fall behind.

use super::super::schema::{self, Field, Kind, Label, Message};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};

/// `google.protobuf.FileDescriptorSet`, as far as it is needed; likewise the following.
#[derive(Clone, PartialEq, prost::Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<FileType>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FileType {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<MessageType>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MessageType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<FieldType>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<MessageType>,
}

#[derive(Clone, PartialEq, prost::Message)]
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
    #[prost(string, tag = "10")]
    json_name: String,
    #[prost(bool, tag = "17")]
    optional: bool,
}

fn collect(scope: &str, message: &MessageType, all: &mut BTreeMap<String, Vec<FieldType>>) {
    let name = format!("{scope}.{}", message.name);
    message.nested.iter().for_each(|nested| collect(&name, nested, all));
    all.insert(name, message.fields.clone());
}

fn label(field: &FieldType) -> Label {
    match field {
        FieldType { label: 3, .. } => Label::Many,
        FieldType { one_of: Some(_), optional: false, .. } => Label::OneOf,
        FieldType { optional: true, .. } | FieldType { kind: 11, .. } => Label::Present,
        _ => Label::Plain,
    }
}

/// The type's number in a descriptor.
fn number(kind: Kind) -> i32 {
    match kind {
        Kind::Double => 1,
        Kind::Int64 => 3,
        Kind::Uint64 => 4,
        Kind::Int32 => 5,
        Kind::Fixed64 => 6,
        Kind::Fixed32 => 7,
        Kind::Bool => 8,
        Kind::Text => 9,
        Kind::Message(_) => 11,
        Kind::Base64 | Kind::Hex => 12,
        Kind::Uint32 => 13,
        Kind::Enum => 14,
        Kind::Sfixed64 => 16,
        Kind::Sint32 => 17,
    }
}

#[track_caller]
fn compare(ours: &Field, theirs: &FieldType) {
    assert_eq!((ours.name, ours.number as i32), (theirs.name.as_str(), theirs.number));
    assert_eq!((number(ours.kind), ours.label), (theirs.kind, label(theirs)), "{}", ours.name);
    let is_id = ours.name.ends_with("trace_id") || ours.name.ends_with("span_id");
    assert!(theirs.kind != 12 || matches!(ours.kind, Kind::Hex) == is_id, "OTLP has ids in hexadecimal: {}", ours.name);
}

#[test]
fn every_field_of_the_protocol_is_known_under_both_its_names() {
    let set = FileSet::decode(opentelemetry_proto::DESCRIPTORS).unwrap();
    let mut all = BTreeMap::new();
    for file in &set.file {
        file.messages.iter().for_each(|message| collect(&format!(".{}", file.package), message, &mut all));
    }
    let of_signal =
        |signal: &str, name: &str| format!(".opentelemetry.proto.collector.{signal}.v1.Export{name}ServiceRequest");
    let mut open: Vec<(String, &Message)> = vec![
        (of_signal("trace", "Trace"), &schema::TRACES),
        (of_signal("metrics", "Metrics"), &schema::METRICS),
        (of_signal("logs", "Logs"), &schema::LOGS),
    ];
    let mut done = BTreeSet::new();
    while let Some((name, ours)) = open.pop() {
        if !done.insert(name.clone()) {
            continue;
        }
        let theirs = &all[&name];
        assert_eq!(ours.fields.len(), theirs.len(), "{name}");
        for field in theirs {
            let place = ours.find(&field.json_name);
            assert!(place.is_some() && ours.find(&field.name) == place, "{name}: {field:?}");
            let found = &ours.fields[place.unwrap()];
            compare(found, field);
            if let Kind::Message(message) = found.kind {
                open.push((field.type_name.clone(), message));
            }
        }
    }
    assert!(done.len() > 25, "{done:?}");
}
