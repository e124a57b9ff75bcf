//! A shape as a source of views: once with what its traces have in common, and for each trace with its own values.

use super::{Span, Trace};
use crate::encoded::{put_digits, uniform};
use crate::identity::{Identity, OWN_ID_KEY, TraceKeys};
use crate::model::{Attribute, Emitter, Shape, Status, Topology, TraceVariant, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Where the spans of one shape come from that are sent under one of its trace ids.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    shape: &'a Shape,
    topology: &'a Topology,
    variant: TraceVariant,
    /// Positions in the shape, in the order in which the spans arrive.
    order: Vec<u32>,
}

/// One trace of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The run's ids.
    pub identity: &'a Identity,
    /// The trace's index.
    pub index: u64,
    /// Its start, nanoseconds since the Unix epoch.
    pub start_unix_ns: u64,
}

/// The start of a trace that stands for all traces of its shape: any time that is not 0, which rules take for none.
const SOME_TIME: u64 = 1 << 60;

impl<'a> Source<'a> {
    /// The spans that are sent under the trace id of this number, in the order of their ordinals; `None` if there are none.
    pub fn new(shape: &'a Shape, topology: &'a Topology, number: u8) -> Option<Self> {
        let sent_under = |ordinal: &u32| shape.spans[*ordinal as usize].variant.number == number;
        let order: Vec<u32> = (0..shape.spans.len() as u32).filter(sent_under).collect();
        let variant = shape.spans[*order.first()? as usize].variant;
        Some(Self { shape, topology, variant, order })
    }

    /// The same, with its spans in the order in which they arrive.
    pub fn arriving(mut self, order: impl IntoIterator<Item = u32>) -> Self {
        self.order = order.into_iter().collect();
        self
    }

    /// The keys of attributes whose values differ among the traces of the shape: those of varying values, and those of
    /// resources that differ from one instance to another.
    pub fn varying(&self) -> BTreeSet<&'a str> {
        let mut keys = BTreeSet::new();
        for span in self.order.iter().map(|ordinal| &self.shape.spans[*ordinal as usize]) {
            let varies = |value: &Value| matches!(value, Value::Digits { .. } | Value::Uniform { .. });
            keys.extend(span.attributes.iter().filter(|a| varies(&a.value)).map(|a| a.key.as_str()));
            if span.variant.padded {
                keys.insert(OWN_ID_KEY);
            }
            keys.extend(differing(&self.topology.emitters[usize::from(span.emitter.0)]));
        }
        keys
    }

    /// A trace that stands for all of the shape: what varies is whatever it is in the first instance.
    pub fn common(&self) -> Trace<'a> {
        self.view([0; 16], SOME_TIME, |_, span| (Cow::Borrowed(&span.attributes[..]), 0))
    }

    /// A trace of the plan, with its own values.
    pub fn trace(&self, placed: Placed<'_>) -> Trace<'a> {
        let keys = placed.identity.trace(placed.index, TraceVariant::default());
        let id = placed.identity.trace(placed.index, self.variant).id;
        self.view(id, placed.start_unix_ns, |ordinal, span| {
            let instances = self.topology.emitters[usize::from(span.emitter.0)].instances.len() as u16;
            (own_values(span, ordinal, &keys, placed), keys.instance(span.emitter.0, instances))
        })
    }

    fn view(
        &self,
        id: [u8; 16],
        start_unix_ns: u64,
        own: impl Fn(u32, &'a crate::model::Span) -> (Cow<'a, [Attribute]>, u16),
    ) -> Trace<'a> {
        let spans = self.order.iter().map(|ordinal| {
            let span = &self.shape.spans[*ordinal as usize];
            let (attributes, instance) = own(*ordinal, span);
            let scope = &self.topology.scopes[usize::from(span.scope.0)];
            let (status, status_message) = status(&span.status);
            Span {
                start_unix_ns: start_unix_ns + span.start_ns,
                end_unix_ns: start_unix_ns + span.end_ns(),
                name: &span.name,
                kind: span.kind as u32,
                status,
                status_message,
                flags: span.flags,
                root: span.parent == crate::model::Parent::None,
                trace_state: Cow::Borrowed(&span.trace_state),
                attributes,
                resource: &self.topology.emitters[usize::from(span.emitter.0)].instances[usize::from(instance)]
                    .attributes,
                scope_name: &scope.name,
                scope_version: &scope.version,
                events: &span.events,
            }
        });
        Trace { id, spans: spans.collect(), bytes: None }
    }
}

fn status(status: &Status) -> (u32, &str) {
    match status {
        Status::Unset => (0, ""),
        Status::Ok(message) => (1, message),
        Status::Error(message) => (2, message),
    }
}

/// The attributes that not all instances have alike.
fn differing(emitter: &Emitter) -> impl Iterator<Item = &str> {
    let all = emitter.instances.iter().flat_map(|instance| &instance.attributes);
    let alike = |attribute: &Attribute| {
        let mut values = emitter.instances.iter().map(|i| super::get(&i.attributes, &attribute.key));
        values.all(|value| value == Some(&attribute.value))
    };
    all.filter(move |attribute| !alike(attribute)).map(|attribute| attribute.key.as_str())
}

/// A span's attributes with the values that they have in this trace.
fn own_values<'a>(
    span: &'a crate::model::Span,
    ordinal: u32,
    keys: &TraceKeys,
    placed: Placed<'_>,
) -> Cow<'a, [Attribute]> {
    let varies = |a: &Attribute| matches!(a.value, Value::Digits { .. } | Value::Uniform { .. });
    if !span.variant.padded && !span.attributes.iter().any(varies) {
        return Cow::Borrowed(&span.attributes);
    }
    let mut own: Vec<_> = span.attributes.clone();
    for (number, attribute) in own.iter_mut().enumerate() {
        let word = keys.varying(ordinal, number as u32);
        match &attribute.value {
            Value::Digits { prefix, digits, suffix } => {
                let mut middle = vec![b'0'; usize::from(*digits)];
                put_digits(&mut middle, word);
                attribute.value = Value::Str(format!("{prefix}{}{suffix}", String::from_utf8_lossy(&middle)));
            }
            Value::Uniform { low, high } => attribute.value = Value::Double(uniform(word, *low, *high)),
            _ => {}
        }
    }
    if span.variant.padded {
        let own_id = placed.identity.own_id(placed.index, ordinal);
        own.push(Attribute::new(OWN_ID_KEY, String::from_utf8_lossy(&own_id).into_owned()));
    }
    Cow::Owned(own)
}
