//! Every field of a record by its dotted path, and under which path a difference in it is told. Attributes are told by their key,
//! whatever differs inside them.

/// A field and how a difference in it is named; `None` for those that only hold others.
pub type Row = (&'static str, Option<&'static str>);

/// What lies outside of attributes.
#[rustfmt::skip]
pub const RECORD: &[Row] = &[
    ("resource", None),
    ("resource.attributes", Some("resource.attributes[")),
    ("resource.dropped_attributes_count", Some("resource.dropped_attributes_count")),
    ("resource.entity_refs", Some("resource.entity_refs")),
    ("resource.entity_refs.schema_url", Some("resource.entity_refs")),
    ("resource.entity_refs.type", Some("resource.entity_refs")),
    ("resource.entity_refs.id_keys", Some("resource.entity_refs")),
    ("resource.entity_refs.description_keys", Some("resource.entity_refs")),
    ("schema_url", Some("resource.schema_url")),
    ("scope_spans", None),
    ("scope_spans.schema_url", Some("scope.schema_url")),
    ("scope_spans.scope", None),
    ("scope_spans.scope.attributes", Some("scope.attributes[")),
    ("scope_spans.scope.dropped_attributes_count", Some("scope.dropped_attributes_count")),
    ("scope_spans.scope.name", Some("scope.name")),
    ("scope_spans.scope.version", Some("scope.version")),
    ("scope_spans.spans", None),
    ("scope_spans.spans.attributes", Some("attributes[")),
    ("scope_spans.spans.dropped_attributes_count", Some("dropped_attributes_count")),
    ("scope_spans.spans.dropped_events_count", Some("dropped_events_count")),
    ("scope_spans.spans.dropped_links_count", Some("dropped_links_count")),
    ("scope_spans.spans.end_time_unix_nano", Some("end_time_unix_nano")),
    ("scope_spans.spans.events", Some("events")),
    ("scope_spans.spans.events.attributes", Some("events[0].attributes[")),
    ("scope_spans.spans.events.dropped_attributes_count", Some("events[0].dropped_attributes_count")),
    ("scope_spans.spans.events.name", Some("events[0].name")),
    ("scope_spans.spans.events.time_unix_nano", Some("events[0].time_unix_nano")),
    ("scope_spans.spans.flags", Some("flags")),
    ("scope_spans.spans.kind", Some("kind")),
    ("scope_spans.spans.links", Some("links")),
    ("scope_spans.spans.links.attributes", Some("links[0].attributes[")),
    ("scope_spans.spans.links.dropped_attributes_count", Some("links[0].dropped_attributes_count")),
    ("scope_spans.spans.links.flags", Some("links[0].flags")),
    ("scope_spans.spans.links.span_id", Some("links[0].span_id")),
    ("scope_spans.spans.links.trace_id", Some("links[0].trace_id")),
    ("scope_spans.spans.links.trace_state", Some("links[0].trace_state")),
    ("scope_spans.spans.name", Some("name")),
    ("scope_spans.spans.parent_span_id", Some("parent_span_id")),
    ("scope_spans.spans.span_id", Some("span_id")),
    ("scope_spans.spans.start_time_unix_nano", Some("start_time_unix_nano")),
    ("scope_spans.spans.status", None),
    ("scope_spans.spans.status.code", Some("status.code")),
    ("scope_spans.spans.status.message", Some("status.message")),
    ("scope_spans.spans.trace_id", Some("trace_id")),
    ("scope_spans.spans.trace_state", Some("trace_state")),
];

/// The row of the longest prefix of `dotted`: the field itself, or the attribute that it lies in.
pub fn told_as(dotted: &str) -> Option<&'static str> {
    let holds = |row: &&Row| dotted.strip_prefix(row.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    RECORD.iter().filter(holds).max_by_key(|row| row.0.len()).and_then(|row| row.1)
}
