//! A trace as a workload describes it, before anything is encoded.
//!
//! A workload samples whole traces ("shapes") into a [`Pool`]. Everything in a shape is fixed except what the plan patches
//! per trace: ids, absolute times, and the varying values of [`Value::Digits`] and [`Value::Uniform`]. Times here are
//! offsets in nanoseconds from the start of the trace.

/// Index of an [`Emitter`] in [`Topology::emitters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmitterId(pub u16);

/// Index of a [`Scope`] in [`Topology::scopes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(pub u16);

/// Index of a span inside its trace, counted from 0 over all services and all variants of the trace id.
pub type Ordinal = u32;

/// Who exports spans: one service under one resource identity, with one or more running instances.
///
/// A service whose name is missing or blank in some traces (an anomaly) is a second emitter with another resource, since
/// in life it would be another process with its own exporter.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitter {
    /// What people call the service in reports, even when its resource does not name it, e.g. `checkout` or
    /// `checkout (service.name missing)`. Unique in the topology.
    pub label: String,
    /// One resource per running instance; never empty. They differ at least in `service.instance.id`.
    pub instances: Vec<Resource>,
}

/// Content of an OTLP `Resource` and the schema URL of its `ResourceSpans`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// Attributes in wire order.
    pub attributes: Vec<Attribute>,
    /// Attributes that the SDK says it dropped.
    pub dropped_attributes: u32,
    /// `ResourceSpans.schema_url`; empty for none.
    pub schema_url: String,
}

/// Content of an OTLP `InstrumentationScope` and the schema URL of its `ScopeSpans`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Name of the instrumentation library.
    pub name: String,
    /// Version of the instrumentation library.
    pub version: String,
    /// Attributes in wire order.
    pub attributes: Vec<Attribute>,
    /// Attributes that the SDK says it dropped.
    pub dropped_attributes: u32,
    /// `ScopeSpans.schema_url`; empty for none.
    pub schema_url: String,
}

/// Everything that traces refer to by index.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Topology {
    /// Who exports.
    pub emitters: Vec<Emitter>,
    /// Instrumentation libraries.
    pub scopes: Vec<Scope>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// An attribute from anything that makes a key and a value.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// An attribute value: the kinds of OTLP's `AnyValue`, and two that vary from trace to trace.
///
/// Doubles are equal when their bits are, as in the content hash: a NaN equals itself, and 0.0 differs from -0.0.
#[derive(Debug, Clone)]
pub enum Value {
    /// A set attribute whose `AnyValue` holds nothing.
    Empty,
    /// A string.
    Str(String),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Value>),
    /// A list of key-value pairs.
    Map(Vec<Attribute>),
    /// A string `prefix` + `digits` decimal digits + `suffix` whose digits are a function of the record's identity.
    /// Only at the top level of a span's own attributes.
    Digits {
        /// What stands before the digits.
        prefix: String,
        /// How many decimal digits, 1 to 18, leading zeros included.
        digits: u8,
        /// What stands after the digits.
        suffix: String,
    },
    /// A double in `low..high` that is a function of the record's identity. Only at the top level of a span's own
    /// attributes.
    Uniform {
        /// Lower bound, inclusive.
        low: f64,
        /// Upper bound, exclusive.
        high: f64,
    },
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Empty, Self::Empty) => true,
            (Self::Str(one), Self::Str(two)) => one == two,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Double(one), Self::Double(two)) => one.to_bits() == two.to_bits(),
            (Self::Bytes(one), Self::Bytes(two)) => one == two,
            (Self::Array(one), Self::Array(two)) => one == two,
            (Self::Map(one), Self::Map(two)) => one == two,
            (
                Self::Digits { prefix, digits, suffix },
                Self::Digits { prefix: other_prefix, digits: other_digits, suffix: other_suffix },
            ) => (prefix, digits, suffix) == (other_prefix, other_digits, other_suffix),
            (Self::Uniform { low, high }, Self::Uniform { low: other_low, high: other_high }) => {
                (low, high) == (other_low, other_high)
            }
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

/// Which of a trace's ids a span is sent under, and how that id looks on the wire.
///
/// Variant 0 is the trace's own id. A trace whose propagation broke continues under variant 1, 2, ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceVariant {
    /// The number of the id.
    pub number: u8,
    /// True when the id is 64 bits wide and padded with leading zeros, as B3 with short ids leaves it.
    /// Such spans carry `spanproof.id`, which the encoder adds; a workload does not.
    pub padded: bool,
}

/// The parent that a span names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parent {
    /// No parent: the span is a root.
    None,
    /// A span of the same trace index; `variant` is the number of the trace id under which that parent was sent,
    /// since span ids depend on it.
    Span {
        /// The parent's ordinal.
        ordinal: Ordinal,
        /// The parent's trace id.
        variant: TraceVariant,
    },
    /// A span that nobody ever sends; `number` tells several ghosts of one trace apart.
    Ghost {
        /// Which ghost, counted from 0.
        number: u8,
    },
}

/// OTLP's `SpanKind`, with its wire numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum SpanKind {
    /// Nothing said.
    Unspecified = 0,
    /// Inside one service.
    Internal = 1,
    /// The receiving side of a call.
    Server = 2,
    /// The calling side.
    Client = 3,
    /// Sends a message.
    Producer = 4,
    /// Handles a message.
    Consumer = 5,
}

/// OTLP's `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// Nothing said.
    #[default]
    Unset,
    /// Declared good, with a message that may be empty.
    Ok(String),
    /// Failed, with a message that may be empty.
    Error(String),
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Nanoseconds from the start of the trace.
    pub offset_ns: u64,
    /// The event's name.
    pub name: String,
    /// Attributes in wire order; no varying values.
    pub attributes: Vec<Attribute>,
    /// Attributes that the SDK says it dropped.
    pub dropped_attributes: u32,
}

/// A link of a span to another span of the same trace index.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Ordinal of the span linked to.
    pub ordinal: Ordinal,
    /// The trace id under which that span was sent.
    pub variant: TraceVariant,
    /// W3C `tracestate` of the link.
    pub trace_state: String,
    /// Attributes in wire order; no varying values.
    pub attributes: Vec<Attribute>,
    /// Attributes that the SDK says it dropped.
    pub dropped_attributes: u32,
    /// W3C flags and the is-remote bits.
    pub flags: u32,
}

/// One span of a shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Who exports it.
    pub emitter: EmitterId,
    /// Which library made it.
    pub scope: ScopeId,
    /// The trace id it is sent under.
    pub variant: TraceVariant,
    /// The parent it names.
    pub parent: Parent,
    /// W3C `tracestate`.
    pub trace_state: String,
    /// W3C flags (bit 0 sampled, bit 1 random), bit 8 is-remote known, bit 9 is-remote.
    pub flags: u32,
    /// The span's name.
    pub name: String,
    /// The span's kind.
    pub kind: SpanKind,
    /// Start, nanoseconds from the start of the trace.
    pub start_ns: u64,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
    /// Attributes in wire order.
    pub attributes: Vec<Attribute>,
    /// Attributes that the SDK says it dropped.
    pub dropped_attributes: u32,
    /// Events in order.
    pub events: Vec<Event>,
    /// Events that the SDK says it dropped.
    pub dropped_events: u32,
    /// Links in order.
    pub links: Vec<Link>,
    /// Links that the SDK says it dropped.
    pub dropped_links: u32,
    /// The status.
    pub status: Status,
}

impl Span {
    /// End, nanoseconds from the start of the trace.
    pub fn end_ns(&self) -> u64 {
        self.start_ns + self.duration_ns
    }
}

/// A whole trace. The position of a span is its [`Ordinal`]. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// How often it is drawn within its stratum, relative to the others there; above 0.
    pub weight: f64,
    /// The spans.
    pub spans: Vec<Span>,
}

/// The kinds of traces whose rates a plan keeps exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stratum {
    /// Whatever the workload calls ordinary, its own small error and tail probabilities included.
    Normal,
    /// A trace with at least one span of status Error and an error at its entry.
    ErrorTrace,
    /// A trace with a slow span from the heavy tail.
    SlowTrace,
    /// Health checks and probes: tiny traces of an orchestrator's or load balancer's making.
    HealthCheck,
    /// One service's resource has no `service.name`.
    ServiceNameMissing,
    /// One service's `service.name` is the empty string.
    ServiceNameEmpty,
    /// One service's `service.name` is white space.
    ServiceNameBlank,
    /// One service calls itself `unknown_service` or `unknown_service:<process>`.
    ServiceNameUnknown,
    /// A span names a parent that never arrives.
    ParentMissing,
    /// The callee's side starts a new trace without a parent.
    NewRoot,
    /// The trace id changes midway while the parent id is kept.
    TraceIdChanged,
    /// The trace id is 64 bits wide, padded with leading zeros, on one side of a call.
    TraceIdPadded,
}

impl Stratum {
    /// Every stratum but [`Stratum::Normal`], in the order in which reports list them.
    pub const ANOMALIES: [Self; 11] = [
        Self::ErrorTrace,
        Self::SlowTrace,
        Self::HealthCheck,
        Self::ServiceNameMissing,
        Self::ServiceNameEmpty,
        Self::ServiceNameBlank,
        Self::ServiceNameUnknown,
        Self::ParentMissing,
        Self::NewRoot,
        Self::TraceIdChanged,
        Self::TraceIdPadded,
    ];

    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ErrorTrace => "error_trace",
            Self::SlowTrace => "slow_trace",
            Self::HealthCheck => "health_check",
            Self::ServiceNameMissing => "service_name_missing",
            Self::ServiceNameEmpty => "service_name_empty",
            Self::ServiceNameBlank => "service_name_blank",
            Self::ServiceNameUnknown => "service_name_unknown",
            Self::ParentMissing => "parent_missing",
            Self::NewRoot => "new_root",
            Self::TraceIdChanged => "trace_id_changed",
            Self::TraceIdPadded => "trace_id_padded",
        }
    }
}

/// The shapes of one stratum.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeSet {
    /// Which stratum.
    pub stratum: Stratum,
    /// Its shapes; never empty.
    pub shapes: Vec<Shape>,
}

/// The shapes of one stratum, made one after another as they are asked for: a whole pool as a model takes several times the
/// memory that it takes encoded.
pub type Shapes = Box<dyn Iterator<Item = Shape>>;

/// A [`Pool`] that is yet to be made.
pub struct PoolToMake {
    /// Services and libraries.
    pub topology: Topology,
    /// One set a stratum, [`Stratum::Normal`] first; none is empty.
    pub sets: Vec<(Stratum, Shapes)>,
}

impl PoolToMake {
    /// Makes it.
    pub fn make(self) -> Pool {
        let sets = self.sets.into_iter().map(|(stratum, shapes)| ShapeSet { stratum, shapes: shapes.collect() });
        Pool { topology: self.topology, sets: sets.collect() }
    }
}

/// What a workload makes from a seed: a topology and the shapes of each stratum that the plan asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Services and libraries.
    pub topology: Topology,
    /// One set a stratum, [`Stratum::Normal`] first.
    pub sets: Vec<ShapeSet>,
}
