//! In what a received span deviates from its record, as far as hashes tell.

use super::Plan;
use super::chunk::{Chunk, Found};
use crate::walk::{Filing, SpanView};

/// What was planned and what came, where the two differ.
type Pair = Option<(u64, u64)>;

/// How a span differs from its record. Two spans with equal deviations differ in the same fields, and but for ids, times and
/// `trace_state`, whose values are left out here, in the same way: contents are sums of their parts, so the same part added,
/// removed or exchanged gives the same difference whatever else a span holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Deviation {
    /// What the record is made from.
    pub recipe: u32,
    /// Trace id, span id, parent, start, end, `trace_state`: true for what differs.
    pub fields: [bool; 6],
    /// Hash of the content that came, less that of the content planned.
    pub content: u64,
    /// Resource, its schema URL, scope, its schema URL.
    pub filed_under: [Pair; 4],
    /// A field came twice or is unknown: the hash does not say all.
    pub irregular: bool,
}

impl Deviation {
    /// Whether the hash does not say all of it, so that two alike need not be the same.
    pub fn is_irregular(&self) -> bool {
        self.irregular
    }
}

impl Chunk {
    /// In what `span` deviates from the record that its claim led to.
    pub fn deviation(&self, plan: &Plan, found: Found, span: &SpanView, filing: &Filing) -> Deviation {
        let expected = self.expected(plan, found);
        let pair = |planned: u64, came: u64| (planned != came).then_some((planned, came));
        Deviation {
            recipe: found.recipe(),
            fields: [
                span.trace_id != expected.trace_id,
                span.span_id != expected.span_id,
                span.parent_id != expected.parent_id,
                span.start_ns != expected.start_ns,
                span.end_ns != expected.end_ns,
                span.trace_state != expected.trace_state,
            ],
            content: span.content.wrapping_sub(expected.content),
            filed_under: [
                pair(expected.resource, filing.resource),
                pair(expected.resource_schema, filing.resource_schema),
                pair(expected.scope, filing.scope),
                pair(expected.scope_schema, filing.scope_schema),
            ],
            irregular: span.irregular || filing.irregular,
        }
    }
}
