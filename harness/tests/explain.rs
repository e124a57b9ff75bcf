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
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use schema::{ROOT, Schema, schema};
use spanproof_generators::identity::RunTag;
use spanproof_generators::model::Stratum;
use spanproof_generators::plan::{BatchRule, Extent, Mix, Packing, Plan, PlanSpec, Ppb, Rate, Shape};
use spanproof_generators::protobuf::{put_bytes, put_tag, put_varint};
use spanproof_generators::schedule::{Arrivals, Segment};
use spanproof_generators::seed::Seed;
use spanproof_generators::walk::Walk;
use spanproof_generators::workload::Workload;
use spanproof_generators::workload::shop::Shop;
use spanproof_harness::chunks::OpenChunks;
use spanproof_harness::clock::RunClock;
use spanproof_harness::judge::corruption;
use spanproof_harness::judge::explain::{Difference, Form, explain};
use spanproof_harness::sink::recorder::Recorder;
use spanproof_harness::wire::server::{Backend, Decision, Export};
use spanproof_harness::wire::{Compression, Protocol, Signal};
use spanproof_reports::latency::LatencyRecorder;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tree::{Node, Path, Tree, default, dotted, paths, read, request, set, value};

/// Some thousand spans, none of which fails.
fn plan() -> Plan {
    plan_of(32, 1000.0, Mix::default())
}

/// So many of so many shapes, a quarter of them failing, that what `shop` sets in one span of some thousands is among them.
fn rich_plan() -> Plan {
    plan_of(1024, 40_000.0, Mix { shares: [(Stratum::ErrorTrace, Ppb(Ppb::ONE.0 / 4))].into() })
}

fn plan_of(pool_size: u32, rate: f64, mix: Mix) -> Plan {
    Plan::new(PlanSpec {
        seed: Seed(7),
        tag: RunTag::new(0x1234),
        lane: 0,
        epoch_unix_ns: 1_790_000_000_000_000_000,
        workload: Workload::Shop(Shop { pool_size }),
        mix,
        packing: Packing::PerService,
        batch: BatchRule { spans: 512, timeout_ns: 5_000_000_000 },
        request_bytes_max: 3_670_016,
        rate: Rate::Spans(rate),
        shape: Shape { segments: vec![Segment { seconds: 1.0, from: 1.0, to: 1.0 }] },
        arrivals: Arrivals::Poisson,
        extent: Extent::Profile,
    })
    .unwrap()
}

/// The records of a plan's first chunk, each as a request of its own.
fn planned(plan: &Plan) -> impl Iterator<Item = Vec<u8>> {
    let chunk = plan.open(0);
    (0..chunk.records()).map(move |offset| {
        let mut bytes = Vec::new();
        chunk.encode_record(plan, offset, &mut bytes);
        bytes
    })
}

/// One of them.
fn one_planned() -> Vec<u8> {
    planned(&plan()).next().unwrap()
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
    explain(planned, received, &walk.spans[0], &walk.filings[0], Form::Protobuf)
}

/// What the sink finds of a request, by the whole way that a received request goes: the fields that differ, none when the
/// record arrived intact. A record under ids that nobody planned is a stranger: then nothing is found either.
fn recorded(plan: &Arc<Plan>, received: &[u8]) -> Found {
    recorded_over(Protocol::Grpc, plan, received)
}

fn recorded_over(protocol: Protocol, plan: &Arc<Plan>, received: &[u8]) -> Found {
    let chunks = Arc::new(OpenChunks::new(Arc::clone(plan), 1));
    let clock = RunClock::starting_in(Duration::ZERO);
    let latency = Arc::new(LatencyRecorder::new());
    let late_after = Duration::from_secs(3600);
    let recorder = Recorder::new(chunks, clock, latency, late_after, Duration::ZERO);
    let body = Bytes::copy_from_slice(received);
    let decision = recorder.export(Export {
        signal: Signal::Traces,
        protocol,
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

/// What is done to a field of a planned record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// It was not there, and is.
    Set,
    /// It is there with another value.
    Changed,
    /// It was there, and is not.
    Cleared,
}

const EVERY_CHANGE: [Change; 3] = [Change::Set, Change::Changed, Change::Cleared];

/// Changes that no record of the plan has room for, by the path that they would be told by: what `shop` always sets cannot be set, and
/// what it never sets can be neither changed nor cleared. [`of_two_values_at_least_one_is_told_for_every_field`] makes these, too, but
/// not by the whole way that a received request goes.
const NO_ROOM: &[(&str, &[Change])] = &[
    ("end_time_unix_nano", &[Change::Set]),
    ("events[].name", &[Change::Set]),
    ("events[].time_unix_nano", &[Change::Set]),
    ("links[].span_id", &[Change::Set]),
    ("links[].trace_id", &[Change::Set]),
    ("name", &[Change::Set]),
    ("resource.entity_refs", &[Change::Changed, Change::Cleared]),
    ("scope.name", &[Change::Set]),
    ("span_id", &[Change::Set]),
    ("start_time_unix_nano", &[Change::Set]),
    ("trace_id", &[Change::Set]),
];

/// Whether a field counts at this value; at its default it usually means the same as none.
fn counts(field: &schema::Field, node: &Node) -> bool {
    field.one_of || field.repeated || *node != default(field)
}

/// Messages that are told by themselves when one is made for a field inside.
const TOLD_WHEN_MADE: [&str; 2] = ["events", "links"];

/// The fields at `path` in a record, on the way that [`set`] goes; `None` where it would have to make such a message.
fn fields_at<'a>(record: &'a Tree, path: &[schema::Field]) -> Option<Vec<&'a Node>> {
    let (field, below) = path.split_first()?;
    let mut here = record.iter().filter(|(other, _)| other == field).map(|(_, node)| node);
    match (below.is_empty(), here.next()) {
        (true, first) => Some(first.into_iter().chain(here).collect()),
        (false, Some(Node::Inside(inside))) => fields_at(inside, below),
        (false, _) => (!TOLD_WHEN_MADE.contains(&field.name.as_str())).then(Vec::new),
    }
}

/// How `node` at `path` changes a record; `None` where it changes nothing, or where more than the field would be set.
fn change(record: &Tree, path: &Path, node: Option<&Node>) -> Option<Change> {
    let field = path.last()?;
    let had = fields_at(record, path)?.into_iter().any(|node| counts(field, node));
    match (had, node.is_some_and(|node| counts(field, node))) {
        (false, true) => Some(Change::Set),
        (true, true) => Some(Change::Changed),
        (true, false) => Some(Change::Cleared),
        (false, false) => None,
    }
}

/// Whether a change is told by the path `told`; the test fails where it is told by another, or is not told though it is no equality of
/// the normal form.
fn is_told(plan: &Arc<Plan>, planned: &[u8], changed: &Tree, told: &str) -> bool {
    let found = recorded(plan, &request(changed));
    let equal = differences(planned, &request(changed)).is_empty();
    assert_eq!((found.intact, found.strange && equal), (equal, false), "{told}: {found:?}");
    let made = |path: &str| path.strip_suffix(".length").is_some_and(|list| TOLD_WHEN_MADE.contains(&list));
    let (here, others): (Vec<_>, Vec<_>) = found.fields.iter().partition(|path| path.starts_with(told));
    assert!(others.iter().all(|path| made(path)), "{told}: {found:?}");
    !here.is_empty() || found.strange
}

/// A field: its path, how that is written, and the path that a change of it is told by.
struct Place {
    path: Path,
    dotted: String,
    told: String,
}

fn places(schema: &Schema) -> Vec<Place> {
    let place = |path| {
        let dotted = dotted(&path);
        let told = corruption::without_positions(table::told_as(&dotted)?);
        Some(Place { path, dotted, told })
    };
    paths(schema).into_iter().filter_map(place).collect()
}

/// What was told of changes to records.
#[derive(Default)]
struct Seen<'a> {
    fields: BTreeSet<&'a str>,
    changes: BTreeSet<(&'a str, Change)>,
}

impl<'a> Seen<'a> {
    /// Changes a field of a planned record in every way; or only in those that nothing so far had room for, unless `all`.
    fn change(&mut self, plan: &Arc<Plan>, planned: &[u8], record: &Tree, place: &'a Place, all: bool) {
        let Place { path, dotted, told } = place;
        let field = path.last().unwrap();
        let is_silent = !self.fields.contains(dotted.as_str()) && fields_at(record, path).is_some();
        for node in [Some(value(field, 2)), Some(value(field, 3)), Some(default(field)), None] {
            let change = change(record, path, node.as_ref()).map(|change| (told.as_str(), change));
            if all || is_silent || change.is_some_and(|change| !self.changes.contains(&change)) {
                let mut changed = record.clone();
                set(&mut changed, path, node);
                if is_told(plan, planned, &changed, told) {
                    self.fields.insert(dotted);
                    self.changes.extend(change);
                }
            }
        }
    }

    /// Whether all is told that could be of a field.
    fn is_done(&self, place: &Place) -> bool {
        let is_told = |change| self.changes.contains(&(place.told.as_str(), change));
        self.fields.contains(place.dotted.as_str()) && EVERY_CHANGE.into_iter().all(is_told)
    }
}

/// For every field: set to a value, to another, to its default, and cleared. Whatever is no equality of the normal form
/// arrives as corrupted, told under that field's path and no other; what is one arrives intact. A few records get every change there
/// is, others those that none before had room for.
#[test]
fn every_field_that_is_set_changed_or_cleared_is_told_by_its_path_and_by_no_other() {
    let schema = schema();
    let (places, mut seen) = (places(&schema), Seen::default());
    for (plan, every) in [(plan(), 291), (rich_plan(), usize::MAX)] {
        let plan = Arc::new(plan);
        for (number, planned) in planned(&plan).enumerate() {
            let (record, all) = (tree(&schema, &planned), number.is_multiple_of(every));
            assert!(!all || recorded(&plan, &planned).intact);
            for place in places.iter().filter(|place| all || !seen.is_done(place)).collect::<Vec<_>>() {
                seen.change(&plan, &planned, &record, place, all);
            }
        }
    }
    let silent = places.iter().map(|place| place.dotted.as_str()).filter(|dotted| !seen.fields.contains(dotted));
    assert_eq!(silent.collect::<Vec<_>>(), [""; 0], "no change of these fields was ever told");
    let every = places.iter().flat_map(|place| EVERY_CHANGE.map(|change| (place.told.as_str(), change)));
    let every: BTreeSet<_> = every.collect();
    let no_room = NO_ROOM.iter().flat_map(|(told, changes)| changes.iter().map(|change| (*told, *change)));
    let missing: Vec<_> = every.difference(&seen.changes).copied().collect();
    assert_eq!(missing, no_room.collect::<Vec<_>>(), "these changes were never told, and those have no room");
}

/// Changes the doubles of a request that are no number. Answers whether it has any whose bits are not the usual ones.
fn write_one_nan(values: &mut [AnyValue]) -> bool {
    let mut found = false;
    for value in values {
        match &mut value.value {
            Some(Value::DoubleValue(number)) if number.is_nan() => {
                found |= number.to_bits() != f64::NAN.to_bits();
                *number = f64::NAN;
            }
            Some(Value::ArrayValue(array)) => found |= write_one_nan(&mut array.values),
            Some(Value::KvlistValue(list)) => {
                let inner = list.values.iter_mut().filter_map(|pair| pair.value.as_mut());
                found |= inner.map(one_nan).fold(false, |any, one| any | one);
            }
            _ => {}
        }
    }
    found
}

fn one_nan(value: &mut AnyValue) -> bool {
    write_one_nan(std::slice::from_mut(value))
}

/// JSON has one NaN. What came so is not held against a target that had no other way to write it; all else is.
#[test]
fn of_what_came_as_json_no_bits_of_a_nan_are_asked_for() {
    let plan = Arc::new(rich_plan());
    let mut places = BTreeSet::new();
    for planned in planned(&plan) {
        let mut request = ExportTraceServiceRequest::decode(&planned[..]).unwrap();
        let resource_spans = &mut request.resource_spans[0];
        let scope_spans = &mut resource_spans.scope_spans[0];
        let span = &mut scope_spans.spans[0];
        let events = span.events.iter_mut().flat_map(|event| &mut event.attributes);
        let links = span.links.iter_mut().flat_map(|link| &mut link.attributes);
        let lists: [(&str, Vec<&mut KeyValue>); 5] = [
            ("resource", resource_spans.resource.as_mut().unwrap().attributes.iter_mut().collect()),
            ("scope", scope_spans.scope.as_mut().unwrap().attributes.iter_mut().collect()),
            ("events", events.collect()),
            ("links", links.collect()),
            ("attributes", span.attributes.iter_mut().collect()),
        ];
        let mut changed = Vec::new();
        for (place, list) in lists {
            let values = list.into_iter().filter_map(|attribute| attribute.value.as_mut());
            if values.map(one_nan).fold(false, |any, one| any | one) {
                changed.push(place);
            }
        }
        if changed.iter().all(|place| places.contains(place)) {
            continue;
        }
        let received = request.encode_to_vec();
        let found = recorded(&plan, &received);
        assert!(!found.intact && found.fields.iter().all(|field| field.contains("ttributes[")), "{found:?}");
        assert!(recorded_over(Protocol::HttpJson, &plan, &received).intact, "{changed:?}");
        request.resource_spans[0].scope_spans[0].spans[0].name.push('!');
        let found = recorded_over(Protocol::HttpJson, &plan, &request.encode_to_vec());
        assert_eq!(found.fields, ["name"]);
        places.extend(changed);
    }
    assert_eq!(places, BTreeSet::from(["attributes", "events", "links", "resource", "scope"]));
}

#[test]
fn of_two_values_at_least_one_is_told_for_every_field() {
    let schema = schema();
    let planned = &one_planned();
    let record = tree(&schema, planned);
    for path in paths(&schema) {
        let field = path.last().unwrap();
        let with = |node| {
            let mut changed = record.clone();
            set(&mut changed, &path, node);
            request(&changed)
        };
        let Some(told) = table::told_as(&dotted(&path)) else { continue };
        let is_message = matches!(field.holds, schema::Holds::Message(_));
        if is_message && !field.repeated {
            continue;
        }
        // Between two changed records the field is all that differs.
        let [none, one, other] = [None, Some(value(field, 2)), Some(value(field, 3))].map(with);
        for (before, after) in [(&none, &one), (&one, &other), (&one, &none)] {
            let found = differences(before, after);
            if is_message && (before, after) == (&one, &other) {
                assert_eq!(found, [], "{}", dotted(&path));
            } else {
                let here = found.iter().all(|one| one.path.starts_with(told));
                assert!(!found.is_empty() && here, "{}: {found:?}", dotted(&path));
            }
        }
    }
}

#[test]
fn an_unknown_field_is_named_wherever_it_stands() {
    let schema = schema();
    let planned = &one_planned();
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

/// The message inside of the first field of that name.
fn inside<'a>(tree: &'a mut Tree, name: &str) -> &'a mut Tree {
    let inside = tree.iter_mut().find_map(|(field, node)| match node {
        Node::Inside(inside) if field.name == name => Some(inside),
        _ => None,
    });
    inside.unwrap()
}

const NOT_UTF8: &[u8] = b"a\xffb";

/// How it is shown; a long message around it is cut behind that.
const SHOWN: &str = r#""a\xff"#;

/// By the whole way that a received request goes, as every other change; and the bytes that came are shown.
#[test]
fn a_string_that_is_no_longer_utf8_is_told_by_its_path_wherever_it_stands() {
    let schema = schema();
    let plan = Arc::new(plan());
    let is_text = |path: &Path| path.last().unwrap().holds == schema::Holds::Text;
    let mut open: Vec<Path> = paths(&schema).into_iter().filter(is_text).collect();
    let mut tried = BTreeSet::new();
    for planned in planned(&plan) {
        let record = tree(&schema, &planned);
        // The others need a record with an event or a link.
        let (here, elsewhere): (Vec<_>, Vec<_>) = open.into_iter().partition(|path| fields_at(&record, path).is_some());
        open = elsewhere;
        tried.extend(here.iter().map(|path| break_text(&plan, &planned, &record, path)));
        if open.is_empty() {
            break;
        }
    }
    assert_eq!(open.iter().map(dotted).collect::<Vec<_>>(), [""; 0]);
    let kinds = [
        "attributes[",
        "events[].attributes[",
        "events[].name",
        "links[].attributes[",
        "links[].trace_state",
        "name",
        "resource.attributes[",
        "resource.entity_refs",
        "resource.schema_url",
        "scope.attributes[",
        "scope.name",
        "scope.schema_url",
        "scope.version",
        "status.message",
        "trace_state",
    ];
    assert_eq!(tried.iter().map(String::as_str).collect::<Vec<_>>(), kinds);
}

/// Breaks the string at `path`, and answers by which path that is told.
fn break_text(plan: &Arc<Plan>, planned: &[u8], record: &Tree, path: &Path) -> String {
    let told = corruption::without_positions(table::told_as(&dotted(path)).unwrap());
    let mut changed = record.clone();
    set(&mut changed, path, Some(Node::Bytes(NOT_UTF8.to_vec())));
    assert!(is_told(plan, planned, &changed, &told), "{}", dotted(path));
    let found = differences(planned, &request(&changed));
    let is_shown = |one: &Difference| one.path.contains(SHOWN) || one.received.contains(SHOWN);
    assert!(found.iter().any(is_shown), "{}: {found:?}", dotted(path));
    told
}

#[test]
fn of_a_string_that_is_no_longer_utf8_both_sides_are_shown() {
    let named = |name: &[u8]| {
        let mut span = Vec::new();
        put_bytes(&mut span, 5, name);
        request_of(span)
    };
    let shown = |sent: &[u8], received: &[u8]| {
        let found = differences(&named(sent), &named(received));
        found.into_iter().map(|one| (one.path, one.expected, one.received)).collect::<Vec<_>>()
    };
    let told = |sent: &str, received: &str| vec![("name".to_owned(), sent.to_owned(), received.to_owned())];
    assert_eq!(shown(b"cart", b"car\xf4"), told(r#""cart""#, r#""car\xf4""#));
    // A decode that puts a sign in the place of such bytes would find these equal.
    assert_eq!(shown("\u{fffd}".as_bytes(), b"\xff"), told("\"\u{fffd}\"", r#""\xff""#));
    assert_eq!(shown(b"\xff", b"\xff"), []);
    let long = [&[b'a'; 200][..], b"\xff"].concat();
    let [(_, _, received)] = &shown(&[b'a'; 200], &long)[..] else { panic!() };
    assert!(received.ends_with(r#"a\xff" (206 characters as written)"#), "{received}");
}

/// Of a field that comes twice the last counts, whatever the first was.
#[test]
fn a_string_that_is_no_longer_utf8_and_comes_again_as_planned_is_equal() {
    let schema = schema();
    let planned = one_planned();
    let mut record = tree(&schema, &planned);
    let span = inside(inside(&mut record, "scope_spans"), "spans");
    let name = span.iter().find(|(field, _)| field.name == "name").unwrap().0.clone();
    span.insert(0, (name, Node::Bytes(NOT_UTF8.to_vec())));
    assert_eq!(differences(&planned, &request(&record)), []);
}

/// No request that the sink takes is so: whatever reads them had refused it before.
#[test]
fn only_what_is_no_protobuf_is_told_as_such() {
    let planned = one_planned();
    let mut walk = Walk::default();
    walk.read(&planned).unwrap();
    let (span, filing) = (&mut walk.spans[0], &walk.filings[0]);
    span.place.end -= 1;
    let [found] = &explain(&planned, &planned, span, filing, Form::Protobuf)[..] else { panic!() };
    assert_eq!((&found.path[..], &found.expected[..]), ("(encoding)", "protobuf as OTLP has it"));
    assert!(found.received.starts_with("the span does not decode: "), "{found:?}");
    span.place.end += 1;
    let [found] = &explain(b"", &planned, span, filing, Form::Protobuf)[..] else { panic!() };
    assert_eq!(found.path, "(plan)");
}

#[test]
fn a_resource_or_scope_in_two_pieces_is_merged() {
    let schema = schema();
    let planned = &one_planned();
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
    let planned = &one_planned();
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
