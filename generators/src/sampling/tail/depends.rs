//! What a policy's vote depends on.

use super::ready::{Ready, Voter};
use std::collections::BTreeSet;

/// What differs among the traces of one shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Varying<'a> {
    /// The keys of the attributes whose values differ.
    pub keys: &'a BTreeSet<&'a str>,
    /// Whether `tracestate` differs.
    pub trace_state: bool,
}

impl Voter {
    /// Whether the vote differs among the traces of a shape, the trace id left out.
    pub(crate) fn varies(&self, varying: Varying<'_>) -> bool {
        match &self.rule {
            Ready::Text { key, .. } | Ready::Numeric { key, .. } | Ready::Boolean { key, .. } => {
                varying.keys.contains(key.as_str())
            }
            Ready::TraceState { .. } => varying.trace_state,
            Ready::Ottl(ottl) => ottl.span.iter().chain(&ottl.span_event).any(|condition| {
                condition.keys().iter().any(|key| varying.keys.contains(key))
                    || (varying.trace_state && condition.reads_trace_state())
            }),
            _ => self.subs().any(|sub| sub.varies(varying)),
        }
    }

    /// Whether the vote depends on the trace id.
    pub(crate) fn hashes(&self) -> bool {
        matches!(self.rule, Ready::Hash(_)) || self.subs().any(Self::hashes)
    }

    /// The policies in it.
    pub(crate) fn subs(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match &self.rule {
            Ready::And(subs) | Ready::Drop(subs) => Box::new(subs.iter()),
            Ready::Not(sub) => Box::new(std::iter::once(&**sub)),
            Ready::Composite { subs, .. } => Box::new(subs.iter().map(|(sub, _)| sub)),
            _ => Box::new(std::iter::empty()),
        }
    }
}
