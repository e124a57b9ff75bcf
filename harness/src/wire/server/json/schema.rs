//! The messages of OTLP's requests with their fields, as far as reading their JSON needs them.
//!
//! A test holds these tables against the protocol's own descriptors.

use prost::encoding::WireType;

/// A message.
pub(super) struct Message {
    pub fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    pub number: u32,
    /// As in the `.proto` file.
    pub name: &'static str,
    pub label: Label,
    pub kind: Kind,
}

/// When a field counts as set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Unless it is at its default.
    Plain,
    /// Whenever it is named.
    Present,
    /// Likewise, and then no other field of the message with this label may be.
    OneOf,
    /// With every element.
    Many,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes as base64.
    Base64,
    /// Bytes as hexadecimal digits: OTLP's exception for ids.
    Hex,
    Bool,
    /// A number alone: OTLP forbids the names.
    Enum,
    Double,
    Int32,
    Sint32,
    Uint32,
    Fixed32,
    Int64,
    Uint64,
    Fixed64,
    Sfixed64,
    Message(&'static Message),
}

impl Kind {
    /// How protobuf writes one of them.
    pub fn wire_type(self) -> WireType {
        match self {
            Self::Text | Self::Base64 | Self::Hex | Self::Message(_) => WireType::LengthDelimited,
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::SixtyFourBit,
            Self::Fixed32 => WireType::ThirtyTwoBit,
            Self::Bool | Self::Enum | Self::Int32 | Self::Sint32 | Self::Uint32 | Self::Int64 | Self::Uint64 => {
                WireType::Varint
            }
        }
    }
}

impl Field {
    /// True for numbers that stand side by side under one tag.
    pub fn is_packed(&self) -> bool {
        self.label == Label::Many && self.kind.wire_type() != WireType::LengthDelimited
    }
}

impl Message {
    /// Where the field is that a key of a JSON object names: in lower camel case as OTLP has it, or as in the `.proto` file, which
    /// parsers of proto3's JSON take too.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == key || is_camel_case_of(field.name, key))
    }
}

fn is_camel_case_of(name: &str, key: &str) -> bool {
    let mut key = key.bytes();
    let mut raise = false;
    for byte in name.bytes() {
        if byte == b'_' {
            raise = true;
        } else {
            let wanted = if raise { byte.to_ascii_uppercase() } else { byte };
            raise = false;
            if key.next() != Some(wanted) {
                return false;
            }
        }
    }
    key.next().is_none()
}

const fn field(number: u32, name: &'static str, label: Label, kind: Kind) -> Field {
    Field { number, name, label, kind }
}

const fn plain(number: u32, name: &'static str, kind: Kind) -> Field {
    field(number, name, Label::Plain, kind)
}

const fn present(number: u32, name: &'static str, kind: Kind) -> Field {
    field(number, name, Label::Present, kind)
}

const fn one_of(number: u32, name: &'static str, kind: Kind) -> Field {
    field(number, name, Label::OneOf, kind)
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    field(number, name, Label::Many, kind)
}

const fn message(number: u32, name: &'static str, of: &'static Message) -> Field {
    field(number, name, Label::Present, Kind::Message(of))
}

const fn messages(number: u32, name: &'static str, of: &'static Message) -> Field {
    field(number, name, Label::Many, Kind::Message(of))
}

/// `ExportTraceServiceRequest`.
pub(super) static TRACES: Message = Message { fields: &[messages(1, "resource_spans", &RESOURCE_SPANS)] };

static RESOURCE_SPANS: Message = Message {
    fields: &[
        message(1, "resource", &RESOURCE),
        messages(2, "scope_spans", &SCOPE_SPANS),
        plain(3, "schema_url", Kind::Text),
    ],
};

static SCOPE_SPANS: Message =
    Message { fields: &[message(1, "scope", &SCOPE), messages(2, "spans", &SPAN), plain(3, "schema_url", Kind::Text)] };

static SPAN: Message = Message {
    fields: &[
        plain(1, "trace_id", Kind::Hex),
        plain(2, "span_id", Kind::Hex),
        plain(3, "trace_state", Kind::Text),
        plain(4, "parent_span_id", Kind::Hex),
        plain(16, "flags", Kind::Fixed32),
        plain(5, "name", Kind::Text),
        plain(6, "kind", Kind::Enum),
        plain(7, "start_time_unix_nano", Kind::Fixed64),
        plain(8, "end_time_unix_nano", Kind::Fixed64),
        messages(9, "attributes", &KEY_VALUE),
        plain(10, "dropped_attributes_count", Kind::Uint32),
        messages(11, "events", &EVENT),
        plain(12, "dropped_events_count", Kind::Uint32),
        messages(13, "links", &LINK),
        plain(14, "dropped_links_count", Kind::Uint32),
        message(15, "status", &STATUS),
    ],
};

static EVENT: Message = Message {
    fields: &[
        plain(1, "time_unix_nano", Kind::Fixed64),
        plain(2, "name", Kind::Text),
        messages(3, "attributes", &KEY_VALUE),
        plain(4, "dropped_attributes_count", Kind::Uint32),
    ],
};

static LINK: Message = Message {
    fields: &[
        plain(1, "trace_id", Kind::Hex),
        plain(2, "span_id", Kind::Hex),
        plain(3, "trace_state", Kind::Text),
        messages(4, "attributes", &KEY_VALUE),
        plain(5, "dropped_attributes_count", Kind::Uint32),
        plain(6, "flags", Kind::Fixed32),
    ],
};

static STATUS: Message = Message { fields: &[plain(2, "message", Kind::Text), plain(3, "code", Kind::Enum)] };

/// `ExportMetricsServiceRequest`.
pub(super) static METRICS: Message = Message { fields: &[messages(1, "resource_metrics", &RESOURCE_METRICS)] };

static RESOURCE_METRICS: Message = Message {
    fields: &[
        message(1, "resource", &RESOURCE),
        messages(2, "scope_metrics", &SCOPE_METRICS),
        plain(3, "schema_url", Kind::Text),
    ],
};

static SCOPE_METRICS: Message = Message {
    fields: &[message(1, "scope", &SCOPE), messages(2, "metrics", &METRIC), plain(3, "schema_url", Kind::Text)],
};

static METRIC: Message = Message {
    fields: &[
        plain(1, "name", Kind::Text),
        plain(2, "description", Kind::Text),
        plain(3, "unit", Kind::Text),
        one_of(5, "gauge", Kind::Message(&GAUGE)),
        one_of(7, "sum", Kind::Message(&SUM)),
        one_of(9, "histogram", Kind::Message(&HISTOGRAM)),
        one_of(10, "exponential_histogram", Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        one_of(11, "summary", Kind::Message(&SUMMARY)),
        messages(12, "metadata", &KEY_VALUE),
    ],
};

static GAUGE: Message = Message { fields: &[messages(1, "data_points", &NUMBER_POINT)] };

static SUM: Message = Message {
    fields: &[
        messages(1, "data_points", &NUMBER_POINT),
        plain(2, "aggregation_temporality", Kind::Enum),
        plain(3, "is_monotonic", Kind::Bool),
    ],
};

static HISTOGRAM: Message = Message {
    fields: &[messages(1, "data_points", &HISTOGRAM_POINT), plain(2, "aggregation_temporality", Kind::Enum)],
};

static EXPONENTIAL_HISTOGRAM: Message = Message {
    fields: &[messages(1, "data_points", &EXPONENTIAL_POINT), plain(2, "aggregation_temporality", Kind::Enum)],
};

static SUMMARY: Message = Message { fields: &[messages(1, "data_points", &SUMMARY_POINT)] };

static NUMBER_POINT: Message = Message {
    fields: &[
        plain(2, "start_time_unix_nano", Kind::Fixed64),
        plain(3, "time_unix_nano", Kind::Fixed64),
        one_of(4, "as_double", Kind::Double),
        messages(5, "exemplars", &EXEMPLAR),
        one_of(6, "as_int", Kind::Sfixed64),
        messages(7, "attributes", &KEY_VALUE),
        plain(8, "flags", Kind::Uint32),
    ],
};

static HISTOGRAM_POINT: Message = Message {
    fields: &[
        plain(2, "start_time_unix_nano", Kind::Fixed64),
        plain(3, "time_unix_nano", Kind::Fixed64),
        plain(4, "count", Kind::Fixed64),
        present(5, "sum", Kind::Double),
        many(6, "bucket_counts", Kind::Fixed64),
        many(7, "explicit_bounds", Kind::Double),
        messages(8, "exemplars", &EXEMPLAR),
        messages(9, "attributes", &KEY_VALUE),
        plain(10, "flags", Kind::Uint32),
        present(11, "min", Kind::Double),
        present(12, "max", Kind::Double),
    ],
};

static EXPONENTIAL_POINT: Message = Message {
    fields: &[
        messages(1, "attributes", &KEY_VALUE),
        plain(2, "start_time_unix_nano", Kind::Fixed64),
        plain(3, "time_unix_nano", Kind::Fixed64),
        plain(4, "count", Kind::Fixed64),
        present(5, "sum", Kind::Double),
        plain(6, "scale", Kind::Sint32),
        plain(7, "zero_count", Kind::Fixed64),
        message(8, "positive", &BUCKETS),
        message(9, "negative", &BUCKETS),
        plain(10, "flags", Kind::Uint32),
        messages(11, "exemplars", &EXEMPLAR),
        present(12, "min", Kind::Double),
        present(13, "max", Kind::Double),
        plain(14, "zero_threshold", Kind::Double),
    ],
};

static BUCKETS: Message =
    Message { fields: &[plain(1, "offset", Kind::Sint32), many(2, "bucket_counts", Kind::Uint64)] };

static SUMMARY_POINT: Message = Message {
    fields: &[
        plain(2, "start_time_unix_nano", Kind::Fixed64),
        plain(3, "time_unix_nano", Kind::Fixed64),
        plain(4, "count", Kind::Fixed64),
        plain(5, "sum", Kind::Double),
        messages(6, "quantile_values", &QUANTILE),
        messages(7, "attributes", &KEY_VALUE),
        plain(8, "flags", Kind::Uint32),
    ],
};

static QUANTILE: Message = Message { fields: &[plain(1, "quantile", Kind::Double), plain(2, "value", Kind::Double)] };

static EXEMPLAR: Message = Message {
    fields: &[
        plain(2, "time_unix_nano", Kind::Fixed64),
        one_of(3, "as_double", Kind::Double),
        plain(4, "span_id", Kind::Hex),
        plain(5, "trace_id", Kind::Hex),
        one_of(6, "as_int", Kind::Sfixed64),
        messages(7, "filtered_attributes", &KEY_VALUE),
    ],
};

/// `ExportLogsServiceRequest`.
pub(super) static LOGS: Message = Message { fields: &[messages(1, "resource_logs", &RESOURCE_LOGS)] };

static RESOURCE_LOGS: Message = Message {
    fields: &[
        message(1, "resource", &RESOURCE),
        messages(2, "scope_logs", &SCOPE_LOGS),
        plain(3, "schema_url", Kind::Text),
    ],
};

static SCOPE_LOGS: Message = Message {
    fields: &[message(1, "scope", &SCOPE), messages(2, "log_records", &LOG_RECORD), plain(3, "schema_url", Kind::Text)],
};

static LOG_RECORD: Message = Message {
    fields: &[
        plain(1, "time_unix_nano", Kind::Fixed64),
        plain(11, "observed_time_unix_nano", Kind::Fixed64),
        plain(2, "severity_number", Kind::Enum),
        plain(3, "severity_text", Kind::Text),
        message(5, "body", &ANY_VALUE),
        messages(6, "attributes", &KEY_VALUE),
        plain(7, "dropped_attributes_count", Kind::Uint32),
        plain(8, "flags", Kind::Fixed32),
        plain(9, "trace_id", Kind::Hex),
        plain(10, "span_id", Kind::Hex),
        plain(12, "event_name", Kind::Text),
    ],
};

static RESOURCE: Message = Message {
    fields: &[
        messages(1, "attributes", &KEY_VALUE),
        plain(2, "dropped_attributes_count", Kind::Uint32),
        messages(3, "entity_refs", &ENTITY_REF),
    ],
};

static ENTITY_REF: Message = Message {
    fields: &[
        plain(1, "schema_url", Kind::Text),
        plain(2, "type", Kind::Text),
        many(3, "id_keys", Kind::Text),
        many(4, "description_keys", Kind::Text),
    ],
};

static SCOPE: Message = Message {
    fields: &[
        plain(1, "name", Kind::Text),
        plain(2, "version", Kind::Text),
        messages(3, "attributes", &KEY_VALUE),
        plain(4, "dropped_attributes_count", Kind::Uint32),
    ],
};

static KEY_VALUE: Message = Message {
    fields: &[plain(1, "key", Kind::Text), message(2, "value", &ANY_VALUE), plain(3, "key_strindex", Kind::Int32)],
};

static ANY_VALUE: Message = Message {
    fields: &[
        one_of(1, "string_value", Kind::Text),
        one_of(2, "bool_value", Kind::Bool),
        one_of(3, "int_value", Kind::Int64),
        one_of(4, "double_value", Kind::Double),
        one_of(5, "array_value", Kind::Message(&ARRAY_VALUE)),
        one_of(6, "kvlist_value", Kind::Message(&KEY_VALUE_LIST)),
        one_of(7, "bytes_value", Kind::Base64),
        one_of(8, "string_value_strindex", Kind::Int32),
    ],
};

static ARRAY_VALUE: Message = Message { fields: &[messages(1, "values", &ANY_VALUE)] };

static KEY_VALUE_LIST: Message = Message { fields: &[messages(1, "values", &KEY_VALUE)] };
