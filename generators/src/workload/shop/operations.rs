//! A trace before time and luck: the tree of work that a request causes.
//!
//! An operation becomes one span. What stands in `steps` happens in order; the walk (`walk.rs`) decides when, and what fails.
//! Start reading at [`storefront`]: the things that users do.

mod backend;
mod calls;
mod checkout;
pub(super) mod health;
pub(super) mod storefront;

use super::libraries::Library;
use super::services::{SelfTime, Service};
use crate::model::{Attribute, SpanKind, Value};

/// How the two ends of a span's work talk; decides the attributes of its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Grpc,
    Sql,
    Valkey,
    Kafka,
    Internal,
}

/// Work that becomes a span.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) service: Service,
    pub(super) kind: SpanKind,
    pub(super) protocol: Protocol,
    pub(super) name: String,
    /// All attributes but those of the outcome.
    pub(super) attributes: Vec<Attribute>,
    pub(super) self_time: SelfTime,
    /// Time spent on top of [`Operation::self_time`], for slow traces.
    pub(super) stall_ns: u64,
    /// How often it fails by its own fault.
    pub(super) failure: f64,
    /// How often its failure makes the work that asked for it fail.
    pub(super) propagation: f64,
    pub(super) steps: Vec<Step>,
    /// What handles the message that this operation sends, some time after it was sent.
    pub(super) consumers: Vec<Operation>,
}

/// Something that happens while an operation runs.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Waits for one operation.
    Call(Operation),
    /// Starts several operations at once and waits for all.
    Together(Vec<Operation>),
    /// Notes an event on the span.
    Event(&'static str, Vec<Attribute>),
}

impl Operation {
    pub(super) fn new(service: Service, kind: SpanKind, protocol: Protocol, name: impl Into<String>) -> Self {
        Self {
            service,
            kind,
            protocol,
            name: name.into(),
            attributes: Vec::new(),
            self_time: SelfTime::new(0.1, 0.4),
            stall_ns: 0,
            failure: 0.0,
            propagation: 1.0,
            steps: Vec::new(),
            consumers: Vec::new(),
        }
    }

    /// Work inside a service that its authors or its framework found worth a span.
    pub(super) fn internal(service: Service, name: impl Into<String>) -> Self {
        Self::new(service, SpanKind::Internal, Protocol::Internal, name)
    }

    /// The library whose span this is.
    pub(super) fn library(&self) -> Library {
        Library::of(self.service, self.protocol, self.kind)
    }

    fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push(Attribute::new(key, value));
    }

    /// Notes the value where it is given at all.
    fn note_some(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        self.attributes.extend(value.map(|value| Attribute::new(key, value)));
    }

    fn call(&mut self, operation: Operation) {
        self.steps.push(Step::Call(operation));
    }

    fn together(&mut self, operations: Vec<Operation>) {
        self.steps.push(Step::Together(operations));
    }

    fn event(&mut self, name: &'static str, attributes: Vec<Attribute>) {
        self.steps.push(Step::Event(name, attributes));
    }

    /// The operations that this one waits for, in order.
    pub(super) fn callees_mut(&mut self) -> impl Iterator<Item = &mut Operation> {
        self.steps.iter_mut().flat_map(|step| match step {
            Step::Call(operation) => core::slice::from_mut(operation).iter_mut(),
            Step::Together(operations) => operations.iter_mut(),
            Step::Event(..) => [].iter_mut(),
        })
    }

    /// Calls `visit` for this operation and everything it waits for, callers first; not for consumers of its messages.
    pub(super) fn for_each_awaited(&mut self, visit: &mut impl FnMut(&mut Operation)) {
        visit(self);
        for callee in self.callees_mut() {
            callee.for_each_awaited(visit);
        }
    }

    /// Makes everything in this tree succeed, consumers included.
    pub(super) fn calm(&mut self) {
        self.for_each_awaited(&mut |operation| {
            operation.failure = 0.0;
            operation.consumers.iter_mut().for_each(Operation::calm);
        });
    }
}
