//! Every field of a record counts: set, changed or cleared, it changes what the walk sees; and what the normal form calls equal
//! does not. The fields come from the protocol's descriptors, so one that a newer protocol adds fails here.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

#[path = "fields/schema.rs"]
mod schema;
#[path = "fields/table.rs"]
mod table;
#[path = "fields/tree.rs"]
mod tree;

use schema::{Holds, ROOT, Schema, schema};
use spanproof_generators::identity::OWN_ID_KEY;
use spanproof_generators::protobuf::put_bytes;
use spanproof_generators::walk::{Filing, Place, SpanView, Walk};
use std::collections::BTreeSet;
use tree::{Node, Path, Tree, default, dotted, paths, request, set, value};

/// What lies inside of an attribute, once.
const ATTRIBUTE: &[&str] = &[
    "KeyValue.key",
    "KeyValue.value",
    "KeyValue.key_strindex",
    "AnyValue.string_value",
    "AnyValue.bool_value",
    "AnyValue.int_value",
    "AnyValue.double_value",
    "AnyValue.array_value",
    "AnyValue.kvlist_value",
    "AnyValue.bytes_value",
    "AnyValue.string_value_strindex",
    "ArrayValue.values",
    "KeyValueList.values",
];

/// All that the judge reads of a record, without places.
#[derive(Debug, PartialEq, Eq)]
struct View(Vec<SpanView>, Vec<Filing>);

fn view(record: &Tree) -> View {
    let mut walk = Walk::default();
    walk.read(&request(record)).unwrap();
    for span in &mut walk.spans {
        (span.place, span.own_id) = (0..0, 0..0);
        assert!(!span.irregular, "{record:?}");
    }
    for filing in &mut walk.filings {
        (filing.resource_spans, filing.scope_spans) = (0..0, 0..0);
        assert!(!filing.irregular, "{record:?}");
    }
    View(walk.spans, walk.filings)
}

fn in_attribute(path: &Path) -> bool {
    dotted(path).contains("attributes.")
}

/// A record with every field set outside of attributes, and in each list of attributes one of every kind.
fn rich(schema: &Schema) -> Tree {
    let mut record = Tree::new();
    let all = paths(schema);
    for path in all.iter().filter(|path| !in_attribute(path)) {
        let field = path.last().unwrap();
        match &field.holds {
            Holds::Message(name) if name.ends_with("KeyValue") => {
                set(&mut record, path, Some(Node::Inside(attribute(schema, name, 3))));
            }
            Holds::Message(_) => {}
            _ => set(&mut record, path, Some(value(field, 1))),
        }
    }
    record
}

/// An attribute whose value is a list of values of every kind, nested `depth` times.
fn attribute(schema: &Schema, message: &str, depth: u32) -> Tree {
    schema[message]
        .iter()
        .filter_map(|field| match &field.holds {
            Holds::Message(_) if depth == 0 => None,
            Holds::Message(name) => {
                let inside = attribute(schema, name, depth - 1);
                // Of a oneof, the first member stays.
                let one = inside.iter().position(|(field, _)| field.one_of);
                Some((field.clone(), Node::Inside(one.map_or(inside.clone(), |at| vec![inside[at].clone()]))))
            }
            _ => Some((field.clone(), value(field, 1))),
        })
        .collect()
}

#[test]
fn the_table_names_every_field_that_the_protocol_has() {
    let schema = schema();
    let all = paths(&schema);
    let outside: BTreeSet<String> = all.iter().filter(|path| !in_attribute(path)).map(dotted).collect();
    let table: BTreeSet<String> = table::RECORD.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(outside, table, "the protocol and the table differ: extend walk, explain and table");
    let attribute = ["KeyValue", "AnyValue", "ArrayValue", "KeyValueList"];
    let inside: BTreeSet<String> = attribute
        .iter()
        .flat_map(|message| {
            let fields = &schema[&format!(".opentelemetry.proto.common.v1.{message}")];
            fields.iter().map(move |field| format!("{message}.{}", field.name))
        })
        .collect();
    assert_eq!(inside, ATTRIBUTE.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(schema.len(), 13, "a new message: {:?}", schema.keys());
}

#[test]
fn each_field_set_changed_or_cleared_changes_what_the_walk_sees() {
    let schema = schema();
    let rich = rich(&schema);
    for path in paths(&schema) {
        let field = path.last().unwrap();
        let with = |node| {
            let mut record = rich.clone();
            set(&mut record, &path, node);
            view(&record)
        };
        if !matches!(field.holds, Holds::Message(_)) {
            let (first, second, cleared) = (with(Some(value(field, 2))), with(Some(value(field, 3))), with(None));
            assert_ne!(first, second, "{}", dotted(&path));
            assert_ne!(first, cleared, "{}", dotted(&path));
            assert_ne!(second, cleared, "{}", dotted(&path));
        } else if field.repeated || field.one_of {
            // An element, and a set variant, count even when they are empty.
            assert_ne!(with(Some(value(field, 2))), with(None), "{}", dotted(&path));
        }
    }
}

#[test]
fn a_default_that_is_written_equals_one_that_is_not_unless_it_is_an_element_or_a_variant() {
    let schema = schema();
    let rich = rich(&schema);
    for path in paths(&schema) {
        let field = path.last().unwrap();
        let with = |node| {
            let mut record = rich.clone();
            set(&mut record, &path, node);
            view(&record)
        };
        let (written, absent) = (with(Some(default(field))), with(None));
        assert_eq!(written == absent, !field.repeated && !field.one_of, "{}", dotted(&path));
    }
}

#[test]
fn an_id_of_zeros_equals_none_but_one_of_another_length_does_not() {
    let schema = schema();
    let rich = rich(&schema);
    let ids = |path: &&Path| path.last().is_some_and(|field| field.name.ends_with("_id")) && !in_attribute(path);
    let all = paths(&schema);
    assert_eq!(all.iter().filter(ids).count(), 5);
    for path in all.iter().filter(ids) {
        let with = |bytes: Option<Vec<u8>>| {
            let mut record = rich.clone();
            set(&mut record, path, bytes.map(Node::Bytes));
            view(&record)
        };
        let width = if path.last().unwrap().name == "trace_id" { 16 } else { 8 };
        assert_eq!(with(Some(vec![0; width])), with(None), "{}", dotted(path));
        for odd in [1, width - 1, width + 1, 40] {
            assert_ne!(with(Some(vec![0; odd])), with(None), "{}", dotted(path));
            assert_ne!(with(Some(vec![1; odd])), with(Some(vec![2; odd])), "{}", dotted(path));
        }
    }
}

/// A message with these fields of bytes.
fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    fields.iter().for_each(|(field, bytes)| put_bytes(&mut out, *field, bytes));
    out
}

fn attribute_of(key: &str, text: &str) -> Vec<u8> {
    message(&[(1, key.as_bytes()), (2, &message(&[(1, text.as_bytes())]))])
}

#[test]
fn places_are_where_spans_their_filings_and_their_own_ids_stand() {
    let own = "0123456789abcdef0123456789abcdef";
    let (key, other) = (attribute_of(OWN_ID_KEY, own), attribute_of("other", own));
    let spans = [
        message(&[(5, b"a"), (9, &other), (9, &key)]),
        message(&[(5, b"bb"), (9, &other)]),
        message(&[(5, b"ccc"), (9, &attribute_of(OWN_ID_KEY, &own[1..]))]),
    ];
    let scopes = [message(&[(2, &spans[0]), (2, &spans[1])]), message(&[(2, &spans[2]), (3, b"url")])];
    let resources = [message(&[(2, &scopes[0])]), message(&[(3, b"url"), (2, &scopes[1])])];
    let request = message(&[(1, &resources[0]), (1, &resources[1])]);
    let mut walk = Walk::default();
    walk.read(&request).unwrap();
    let at = |place: &Place| &request[place.start as usize..place.end as usize];
    assert_eq!(walk.spans.iter().map(|span| at(&span.place)).collect::<Vec<_>>(), spans);
    assert_eq!(walk.filings.iter().map(|filing| at(&filing.scope_spans)).collect::<Vec<_>>(), scopes);
    assert_eq!(walk.filings.iter().map(|filing| at(&filing.resource_spans)).collect::<Vec<_>>(), resources);
    assert_eq!(walk.spans.iter().map(|span| span.filing).collect::<Vec<_>>(), [0, 0, 1]);
    let own_ids: Vec<_> = walk.spans.iter().map(|span| at(&span.own_id)).collect();
    assert_eq!(own_ids, [own.as_bytes(), b"", b""]);
}

#[test]
fn doubles_count_by_their_bits() {
    let schema = schema();
    let rich = rich(&schema);
    for path in paths(&schema).iter().filter(|path| path.last().unwrap().name == "double_value") {
        let bits = [0, 1 << 63, f64::NAN.to_bits(), f64::NAN.to_bits() | 1, (-f64::NAN).to_bits(), 1];
        let views = bits.map(|bits| {
            let mut record = rich.clone();
            set(&mut record, path, Some(Node::Word(bits)));
            view(&record)
        });
        for (at, one) in views.iter().enumerate() {
            assert!(views[..at].iter().all(|other| other != one), "{}", dotted(path));
        }
    }
}

#[test]
fn order_counts_for_all_repeated_fields_but_attributes_and_a_second_copy_always_does() {
    let schema = schema();
    let rich = rich(&schema);
    for path in paths(&schema).iter().filter(|path| path.last().unwrap().repeated && !path.is_empty()) {
        let field = path.last().unwrap();
        // Spans and scopes are records, not content.
        if matches!(field.name.as_str(), "spans" | "scope_spans") {
            continue;
        }
        let mut messages = vec![value(field, 5), value(field, 6)];
        if let Holds::Message(name) = &field.holds {
            let leaf = schema[name].iter().find(|field| !matches!(field.holds, Holds::Message(_))).unwrap();
            messages = [5, 6].map(|number| Node::Inside(vec![(leaf.clone(), value(leaf, number))])).into();
        }
        let with = |order: &[usize]| {
            let mut record = rich.clone();
            set(&mut record, path, Some(Node::Word(0)));
            replace(&mut record, path, &order.iter().map(|&at| messages[at].clone()).collect::<Vec<_>>());
            view(&record)
        };
        let a_set = matches!(&field.holds, Holds::Message(name) if name.ends_with(".KeyValue"));
        assert_eq!(with(&[0, 1]) == with(&[1, 0]), a_set, "{}", dotted(path));
        assert_ne!(with(&[0, 1]), with(&[0, 1, 1]), "{}", dotted(path));
        assert_ne!(with(&[0, 0, 1]), with(&[0, 1, 1]), "{}", dotted(path));
    }
}

#[test]
fn a_value_in_one_field_never_passes_for_itself_in_another() {
    let schema = schema();
    let all: Vec<Path> = paths(&schema).into_iter().filter(|path| !path.is_empty()).collect();
    // Without a span there is nothing to see.
    let start = all.iter().find(|path| dotted(path) == "scope_spans.spans.start_time_unix_nano").unwrap();
    let alone = |path: &Path, node| {
        let mut record = Tree::new();
        set(&mut record, start, Some(Node::Word(9)));
        set(&mut record, path, Some(node));
        view(&record)
    };
    let mut seen: Vec<(String, View)> = Vec::new();
    for path in &all {
        let nodes = match path.last().unwrap().holds {
            Holds::Message(_) => continue,
            // Ids of their own length, and of none that an id has.
            Holds::Text | Holds::Bytes => [8, 16, 3].map(|length| Node::Bytes(vec![b'a'; length])).to_vec(),
            _ => vec![Node::Word(1)],
        };
        for (at, node) in nodes.into_iter().enumerate() {
            let (name, view) = (format!("{} {at}", dotted(path)), alone(path, node));
            let twin = seen.iter().find(|(_, other)| *other == view);
            assert!(twin.is_none(), "{name} passes for {}", twin.unwrap().0);
            seen.push((name, view));
        }
    }
}

/// Of a single field that comes twice the last counts, and a field that the protocol does not have is dropped by a decode: the
/// hash can judge neither and has to say so.
#[test]
fn a_single_field_that_comes_twice_and_one_that_is_unknown_are_reported_wherever_they_stand() {
    let schema = schema();
    let rich = rich(&schema);
    let reported = |record: &Tree| {
        let mut walk = Walk::default();
        walk.read(&request(record)).unwrap();
        walk.spans.iter().any(|span| span.irregular) || walk.filings.iter().any(|filing| filing.irregular)
    };
    assert!(!reported(&rich));
    for path in paths(&schema) {
        let field = path.last().unwrap();
        if !field.repeated {
            let mut record = rich.clone();
            set(&mut record, &path, Some(value(field, 2)));
            replace(&mut record, &path, &[value(field, 2), value(field, 3)]);
            assert!(reported(&record), "{} twice", dotted(&path));
        }
        if matches!(field.holds, Holds::Message(_)) {
            let stranger = schema::Field { number: 999, one_of: false, holds: Holds::Varint, ..field.clone() };
            let mut record = rich.clone();
            set(&mut record, &[&path[..], &[stranger]].concat(), Some(Node::Word(1)));
            assert!(reported(&record), "unknown in {}", dotted(&path));
        }
    }
}

/// Puts several elements in the place of the one at `path`.
fn replace(tree: &mut Tree, path: &[schema::Field], nodes: &[Node]) {
    let [field, below @ ..] = path else { return };
    if below.is_empty() {
        tree.retain(|(other, _)| other != field);
        tree.extend(nodes.iter().map(|node| (field.clone(), node.clone())));
    } else if let Some((_, Node::Inside(inside))) = tree.iter_mut().find(|(other, _)| other == field) {
        replace(inside, below, nodes);
    }
}

/// The index of one key once passed for that of another, because it was added to the attributes' sum on its own.
#[test]
fn the_index_of_a_key_belongs_to_its_attribute() {
    let schema = schema();
    let key = ".opentelemetry.proto.common.v1.KeyValue";
    let number = |name: &str| schema[key].iter().find(|field| field.name == name).unwrap().clone();
    let pair = |text: &str, index| {
        Node::Inside(vec![
            (number("key"), Node::Bytes(text.as_bytes().to_vec())),
            (number("key_strindex"), Node::Word(index)),
        ])
    };
    let path = paths(&schema).into_iter().find(|path| dotted(path) == "scope_spans.spans.attributes").unwrap();
    let with = |nodes: &[Node]| {
        let mut record = rich(&schema);
        replace(&mut record, &path, nodes);
        view(&record)
    };
    assert_ne!(with(&[pair("a", 1), pair("b", 2)]), with(&[pair("a", 2), pair("b", 1)]));
}

#[test]
fn the_rich_record_reads_back_through_the_schema() {
    let schema = schema();
    let rich = rich(&schema);
    assert_eq!(tree::read(&schema, ROOT, &tree::write(&rich)), rich);
    assert!(table::told_as("scope_spans.spans.attributes.key").is_some());
}
