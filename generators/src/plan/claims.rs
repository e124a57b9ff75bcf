//! What the spans of a received request claim to be, read for all of them at once.
//!
//! Neighbours share their trace more often than not, and ciphers are several times faster over many blocks than over one
//! after another; so the trace ids are gathered first, decrypted together, and then told to their spans.

use super::{Claim, Plan};
use crate::identity::{TraceKeys, TraceOrigin};
use crate::walk::{SpanView, Walk};

/// The claims of one request's spans. Reused from request to request, so that the vectors are allocated once.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The trace ids, each once for a row of neighbours that share it.
    ids: Vec<[u8; 16]>,
    origins: Vec<Option<TraceOrigin>>,
    claims: Vec<Claim>,
}

impl Claims {
    /// Reads the claims of all spans of `walk`, whose request is `body`, and gives one for each, in their order.
    pub fn read(&mut self, plan: &Plan, walk: &Walk, body: &[u8]) -> &[Claim] {
        self.gather_ids(&walk.spans);
        plan.identity.origins(&self.ids, &mut self.origins);
        self.claims.clear();
        let mut traces = self.ids.iter().zip(&self.origins);
        let mut trace: Option<(TraceKeys, Option<TraceOrigin>)> = None;
        for span in &walk.spans {
            let (keys, origin) = match trace {
                Some(same) if same.0.id == span.trace_id => same,
                _ => match traces.next() {
                    Some((id, origin)) => (plan.identity.keys(*id), *origin),
                    None => (plan.identity.keys(span.trace_id), None),
                },
            };
            trace = Some((keys, origin));
            self.claims.push(if span.own_id.is_empty() {
                plan.claim(&keys, origin, span.span_id)
            } else {
                plan.identify_own(&body[span.own_id.start as usize..span.own_id.end as usize])
            });
        }
        &self.claims
    }

    fn gather_ids(&mut self, spans: &[SpanView]) {
        self.ids.clear();
        for span in spans {
            if self.ids.last() != Some(&span.trace_id) {
                self.ids.push(span.trace_id);
            }
        }
    }
}
