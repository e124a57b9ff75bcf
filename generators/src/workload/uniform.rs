//! The workload `uniform`: traces that all look alike, for measuring.
//!
//! One service, one library, a root and its children one level deep; every span of the same encoded size. Nothing varies
//! but ids and times, so throughput figures measured with it compare from one machine and version to the next.

use super::UnsupportedAnomaly;
use crate::model::{
    Attribute, Emitter, EmitterId, Parent, PoolToMake, Resource, Scope, ScopeId, Shape, Shapes, Span, SpanKind, Status,
    Stratum, Topology, TraceVariant, Value,
};

/// Parameters of the workload `uniform`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uniform {
    /// Spans in each trace, at least 1.
    pub spans_per_trace: u32,
    /// Encoded size of one span in bytes, as near as filling the last attribute's value gets; values below what the
    /// fixed parts need (about 120 B and 20 B an attribute) give the smallest span that has them.
    pub span_bytes: u32,
    /// Attributes on each span.
    pub attributes: u32,
}

impl Default for Uniform {
    /// 10 spans a trace of 350 B with 6 attributes: the size that published comparisons of collectors use.
    fn default() -> Self {
        Self { spans_per_trace: 10, span_bytes: 350, attributes: 6 }
    }
}

const MILLISECOND: u64 = 1_000_000;

/// Encoded size of a span without attributes and with an 8-byte name: two ids, a parent, flags, two times, kind and tags.
const FIXED_BYTES: u32 = 84;

/// Tags and lengths around one key and one string value shorter than 128 bytes.
const ATTRIBUTE_OVERHEAD: u32 = 8;

impl Uniform {
    pub(super) fn pool(&self, anomalies: &[Stratum]) -> Result<PoolToMake, UnsupportedAnomaly> {
        if let Some(&anomaly) = anomalies.iter().find(|anomaly| **anomaly != Stratum::Normal) {
            return Err(UnsupportedAnomaly { workload: "uniform", anomaly });
        }
        let topology = Topology {
            emitters: vec![Emitter {
                label: "uniform".to_owned(),
                instances: vec![Resource {
                    attributes: vec![
                        Attribute::new("service.name", "uniform"),
                        Attribute::new("service.instance.id", "uniform-0"),
                    ],
                    ..Resource::default()
                }],
            }],
            scopes: vec![Scope { name: "spanproof.uniform".to_owned(), ..Scope::default() }],
        };
        let spans = (0..self.spans_per_trace.max(1)).map(|ordinal| self.span(ordinal)).collect();
        let shapes: Shapes = Box::new(std::iter::once(Shape { weight: 1.0, spans }));
        Ok(PoolToMake { topology, sets: vec![(Stratum::Normal, shapes)] })
    }

    fn span(&self, ordinal: u32) -> Span {
        let root = ordinal == 0;
        Span {
            emitter: EmitterId(0),
            scope: ScopeId(0),
            variant: TraceVariant::default(),
            parent: if root { Parent::None } else { Parent::Span { ordinal: 0, variant: TraceVariant::default() } },
            trace_state: String::new(),
            flags: 1,
            name: "work".to_owned(),
            kind: if root { SpanKind::Server } else { SpanKind::Internal },
            start_ns: u64::from(ordinal) * MILLISECOND / 10,
            duration_ns: if root { u64::from(self.spans_per_trace + 1) * MILLISECOND } else { MILLISECOND },
            attributes: self.attributes(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: Status::Unset,
        }
    }

    /// Attributes of one size that together fill the span to `span_bytes`; the last takes up the remainder.
    fn attributes(&self) -> Vec<Attribute> {
        let room = self.span_bytes.saturating_sub(FIXED_BYTES);
        let each = room / self.attributes.max(1);
        (0..self.attributes)
            .map(|index| {
                let key = format!("uniform.attribute.{index}");
                let size = if index + 1 == self.attributes { room - each * (self.attributes - 1) } else { each };
                let fill = size.saturating_sub(ATTRIBUTE_OVERHEAD + key.len() as u32).max(1);
                let value = (0..fill).map(|at| char::from(b'a' + ((at + index) % 26) as u8)).collect::<String>();
                Attribute { key, value: Value::Str(value) }
            })
            .collect()
    }
}
