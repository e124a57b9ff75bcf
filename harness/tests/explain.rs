//! A difference in any field of a planned record is told under that field's path; equal records differ in nothing; and hostile
//! records cost no more than their size allows.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it is made of")]

#[path = "../../generators/tests/fields/schema.rs"]
mod schema;
#[path = "../../generators/tests/fields/table.rs"]
mod table;
#[path = "../../generators/tests/fields/tree.rs"]
mod tree;

use bytes::Bytes;
use http::HeaderMap;
use schema::{ROOT, Schema, schema};
use spanproof_generators::identity::RunTag;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Rate, Shape};
use spanproof_generators::protobuf::{put_bytes, put_tag, put_varint};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::walk::Walk;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_harness::chunks::OpenChunks;
use spanproof_harness::clock::RunClock;
use spanproof_harness::judge::corruption;
use spanproof_harness::judge::explain::{Difference, explain};
use spanproof_harness::sink::recorder::Recorder;
use spanproof_harness::wire::server::{Backend, Decision, Export};
use spanproof_harness::wire::{Compression, Protocol, Signal};
use spanproof_reports::latency::LatencyRecorder;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tree::{Node, Tree, default, dotted, paths, read, request, set, value};

fn plan() -> Plan {
    Plan::new(PlanSpec {
        seed: Seed(7),
        tag: RunTag::new(0x1234),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload: Workload::Shop(Shop { pool_size: 32 }),
        mix: Mix::default(),
        packing: Packing::PerService,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(1000.0),
        shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    })
    .unwrap()
}

/// Some records of the plan, each as a request of its own.
fn planned() -> Vec<Vec<u8>> {
    let plan = plan();
    let chunk = plan.open(0);
    let record = |offset| {
        let mut bytes = Vec::new();
        chunk.encode_record(&plan, offset, &mut bytes);
        bytes
    };
    (0..chunk.records()).step_by(97).map(record).collect()
}

fn tree(schema: &Schema, request: &[u8]) -> Tree {
    let mut reader = spanproof_generators::protobuf::Reader::new(request);
    reader.tag().unwrap();
    read(schema, ROOT, reader.bytes().unwrap())
}

/// What differs between a planned record and the only span of a received request.
fn differences(planned: &[u8], received: &[u8]) -> Vec<Difference> {
    let mut walk = Walk::default();
    walk.read(received).unwrap();
    explain(planned, received, &walk.spans[0], &walk.filings[0])
}

/// What the sink finds of a request, by the whole way that a received request goes: the fields that differ, none when the
/// record arrived intact. A record under ids that nobody planned is a stranger: then nothing is found either.
fn recorded(plan: &Arc<Plan>, received: &[u8]) -> Found {
    let chunks = Arc::new(OpenChunks::new(Arc::clone(plan), 1));
    let clock = RunClock::starting_in(Duration::ZERO);
    let latency = Arc::new(LatencyRecorder::new());
    let late_after = Duration::from_secs(3600);
    let recorder = Recorder::new(chunks, clock, latency, late_after, Duration::ZERO);
    let body = Bytes::copy_from_slice(received);
    let decision = recorder.export(Export {
        signal: Signal::Traces,
        protocol: Protocol::Grpc,
        compression: Compression::None,
        wire_bytes: body.len() as u64,
        body,
        connection: 0,
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
        received: Instant::now(),
        headers: HeaderMap::new(),
    });
    assert!(matches!(decision, Decision::Accept), "{decision:?}");
    assert_eq!(recorder.corruptions().unexplained(), 0, "hash and comparison disagree");
    let kinds = recorder.corruptions().kinds();
    let ledger = recorder.ledger();
    assert_eq!(ledger.corrupt(), kinds.len() as u64);
    Found {
        fields: kinds.into_keys().flatten().collect(),
        intact: ledger.corrupt() == 0 && ledger.unique() == 1,
        strange: ledger.invented() + ledger.foreign() == 1,
    }
}

#[derive(Debug)]
struct Found {
    fields: Vec<String>,
    intact: bool,
    strange: bool,
}

/// For every field: set to a value, to another, to its default, and cleared. Whatever is no equality of the normal form
/// arrives as corrupted, told under that field's path and no other; what is one arrives intact.
#[test]
fn every_field_that_is_set_changed_or_cleared_is_told_by_its_path_and_by_no_other() {
    let (schema, plan) = (schema(), Arc::new(plan()));
    let mut told_of = BTreeSet::new();
    for planned in planned().iter().step_by(3) {
        let record = tree(&schema, planned);
        assert!(recorded(&plan, &request(&record)).intact);
        for path in paths(&schema) {
            let (dotted, field) = (dotted(&path), path.last().unwrap());
            let Some(told) = table::told_as(&dotted) else { continue };
            let told = corruption::without_positions(told);
            for node in [Some(value(field, 2)), Some(value(field, 3)), Some(default(field)), None] {
                let mut changed = record.clone();
                set(&mut changed, &path, node);
                let found = recorded(&plan, &request(&changed));
                let equal = differences(planned, &request(&changed)).is_empty();
                assert_eq!((found.intact, found.strange && equal), (equal, false), "{dotted}: {found:?}");
                // An event or a link made for the change is itself one more.
                let made = |path: &str| matches!(path, "events.length" | "links.length");
                let others = found.fields.iter().filter(|path| !path.starts_with(&told) && !made(path));
                assert_eq!(others.count(), 0, "{dotted}: {found:?}");
                if !found.fields.is_empty() || found.strange {
                    told_of.insert(dotted.clone());
                }
            }
        }
    }
    let all = paths(&schema).iter().map(dotted).filter(|dotted| table::told_as(dotted).is_some()).collect();
    let silent: Vec<_> = BTreeSet::difference(&all, &told_of).cloned().collect();
    assert_eq!(silent, Vec::<String>::new(), "no change of these fields was ever told");
}

#[test]
fn of_two_values_at_least_one_is_told_for_every_field() {
    let schema = schema();
    let planned = planned();
    let record = tree(&schema, &planned[0]);
    for path in paths(&schema) {
        let field = path.last().unwrap();
        let with = |number| {
            let mut changed = record.clone();
            set(&mut changed, &path, Some(value(field, number)));
            request(&changed)
        };
        let Some(told) = table::told_as(&dotted(&path)) else { continue };
        if matches!(field.holds, schema::Holds::Message(_)) && !field.repeated {
            continue;
        }
        // Between two changed records the field is all that differs.
        let found = differences(&with(2), &with(3));
        if matches!(field.holds, schema::Holds::Message(_)) {
            assert_eq!(found, [], "{}", dotted(&path));
        } else {
            assert!(
                !found.is_empty() && found.iter().all(|one| one.path.starts_with(told)),
                "{}: {found:?}",
                dotted(&path)
            );
        }
    }
}

#[test]
fn an_unknown_field_is_named_wherever_it_stands() {
    let schema = schema();
    let planned = &planned()[0];
    let record = tree(&schema, planned);
    for path in paths(&schema).iter().filter(|path| matches!(path.last().unwrap().holds, schema::Holds::Message(_))) {
        let mut stranger = path.last().unwrap().clone();
        (stranger.number, stranger.one_of, stranger.holds) = (999, false, schema::Holds::Varint);
        let mut path = path.clone();
        path.push(stranger);
        let mut changed = record.clone();
        set(&mut changed, &path, Some(Node::Word(1)));
        let found = differences(planned, &request(&changed));
        assert!(found.iter().any(|one| one.path.ends_with("(field 999)")), "{}: {found:?}", dotted(&path));
    }
}

#[test]
fn a_resource_or_scope_in_two_pieces_is_merged() {
    let schema = schema();
    let planned = &planned()[0];
    let record = tree(&schema, planned);
    let split = |tree: &Tree, name: &str| -> Tree {
        let mut pieces = Tree::new();
        for (field, node) in tree {
            match node {
                Node::Inside(inside) if field.name == name => {
                    pieces.extend(inside.iter().map(|part| (field.clone(), Node::Inside(vec![part.clone()]))));
                }
                _ => pieces.push((field.clone(), node.clone())),
            }
        }
        pieces
    };
    let mut pieces = split(&record, "resource");
    for (_, node) in &mut pieces {
        if let Node::Inside(inside) = node {
            *inside = split(inside, "scope");
        }
    }
    assert_ne!(request(&pieces), request(&record));
    assert_eq!(differences(planned, &request(&pieces)), []);
}

/// A span whose one attribute is nested lists of pairs, `depth` of them.
fn nested(depth: u32) -> Vec<u8> {
    let mut value = Vec::new();
    put_bytes(&mut value, 1, b"\"\\\"");
    for _ in 0..depth {
        let (mut pair, mut list) = (Vec::new(), Vec::new());
        put_bytes(&mut pair, 1, b"\"");
        put_bytes(&mut pair, 2, &value);
        put_bytes(&mut list, 1, &pair);
        value.clear();
        put_bytes(&mut value, 6, &list);
    }
    let mut attribute = Vec::new();
    put_bytes(&mut attribute, 2, &value);
    [9_u32, 2, 2, 1].iter().fold(attribute, |inside, field| {
        let mut out = Vec::new();
        put_bytes(&mut out, *field, &inside);
        out
    })
}

/// Quoted text was once quoted again at every level, which doubles it each time: 2 GiB of backslashes from 500 bytes.
#[test]
fn deep_nesting_costs_no_more_than_its_size() {
    let planned = &planned()[0];
    let hostile = nested(31);
    assert!(hostile.len() < 1000);
    let found = differences(planned, &hostile);
    assert!(found.iter().any(|one| one.path == "attributes[\"\"]"), "{found:?}");
    assert_eq!(differences(&hostile, &hostile), []);
}

/// A request with one span.
fn request_of(span: Vec<u8>) -> Vec<u8> {
    [2_u32, 2, 1].iter().fold(span, |inside, field| {
        let mut out = Vec::new();
        put_bytes(&mut out, *field, &inside);
        out
    })
}

/// A request with one span of that many attributes, the first with so long a key; the first `changed` differ from those of a
/// request where none are changed.
fn attributes(count: u32, first_key: usize, changed: u32) -> Vec<u8> {
    let mut span = Vec::new();
    for number in 0..count {
        let (mut key, mut attribute) = (format!("\n{number}").into_bytes(), Vec::new());
        key.resize(if number == 0 { first_key } else { key.len() }, b'x');
        put_bytes(&mut attribute, 1, &key);
        put_tag(&mut attribute, 3, 0);
        put_varint(&mut attribute, u64::from(number) + if number < changed { 5000 } else { 0 });
        put_bytes(&mut span, 9, &attribute);
    }
    request_of(span)
}

/// A thousand attributes, the first with a key of a megabyte.
fn many_attributes(changed: u32) -> Vec<u8> {
    attributes(1000, 1_000_000, changed)
}

#[test]
fn differences_are_capped_in_number_and_length() {
    let found = differences(&many_attributes(0), &many_attributes(400));
    assert_eq!((found.len(), found.last().unwrap().path.as_str()), (101, "(further fields)"));
    let longest = found.iter().map(|one| one.path.len() + one.expected.len() + one.received.len()).max();
    assert!(longest.is_some_and(|longest| longest < 2000), "{longest:?}");
}

#[test]
fn a_list_of_which_most_differs_is_one_difference() {
    let found = differences(&many_attributes(0), &many_attributes(900));
    let paths: Vec<_> = found.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["attributes[..]"]);
}

/// Up to six are always told one by one, and more unless they are more than half.
#[test]
fn a_few_differences_or_no_more_than_half_of_a_list_are_told_one_by_one() {
    let told = |count, changed| differences(&attributes(count, 2, 0), &attributes(count, 2, changed)).len();
    assert_eq!([told(6, 6), told(7, 7), told(14, 7), told(13, 7)], [6, 1, 7, 1]);
    let lost = differences(&attributes(7, 2, 0), &request_of(Vec::new()));
    let said: Vec<_> = lost.iter().map(|one| [&one.path[..], &one.expected, &one.received]).collect();
    assert_eq!(said, [["attributes[..]", "7 attributes", ""]]);
}

/// As the normal form has it: of the right width, nothing but zeros is no id.
#[test]
fn an_id_of_zeros_is_none_if_it_is_as_wide_as_an_id() {
    let with_parent = |parent: &[u8]| {
        let mut span = Vec::new();
        put_bytes(&mut span, 4, parent);
        request_of(span)
    };
    let differ = |expected: &[u8], received: &[u8]| {
        let found = differences(&with_parent(expected), &with_parent(received));
        found.into_iter().map(|one| one.path).collect::<Vec<_>>()
    };
    assert!(differ(&[], &[0; 8]).is_empty());
    for (expected, received) in [(&[1; 8], &[2; 8][..]), (&[1; 8], &[0; 8]), (&[1; 8], &[]), (&[0; 8], &[0; 7])] {
        assert_eq!(differ(expected, received), ["parent_span_id"], "{expected:?} {received:?}");
    }
}
