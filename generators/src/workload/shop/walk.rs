//! From an operation to the spans of one trace: a walk through the tree of work with a clock that only moves forward.
//!
//! A parent's span is closed after everything that it waited for, so children lie inside their parents; only consumers of a
//! message outlive the span that sent it. Parents stand before their children in the result.

use super::attributes;
use super::edges;
use super::failure::{Cause, Failure};
use super::operations::{Operation, Step};
use super::rng::Dice;
use super::services::Language;
use super::stacktrace;
use super::timing;
use crate::model::{Attribute, EmitterId, Event, Link, Ordinal, Parent, ScopeId, Span, SpanKind, Status, TraceVariant};

/// Flags of a span without, with a local and with a remote parent; SDKs that know nothing of the remote bits send 1.
pub(super) const SAMPLED: u32 = 0x001;
const LOCAL_PARENT: u32 = 0x101;
const REMOTE_PARENT: u32 = 0x301;

/// `tracestate` as several vendors' agents leave it; most traces have none.
const TRACE_STATES: [&str; 7] = [
    "es=s:1",
    "dd=s:1;p:00f067aa0ba902b7;t.dm:-1",
    "gw=edge-3,cdn=t61rcWkgMzE",
    "sw=0a1b2c3d4e5f6071-01",
    "es=s:1,dd=s:1;p:00f067aa0ba902b7;t.dm:-1,gw=edge-3,cdn=t61rcWkgMzE,sw=0a1b2c3d4e5f6071-01,acme@shop=eu-central-1a",
    LONG_MEMBERS,
    MANY_MEMBERS,
];

/// As long as everybody has to propagate it, 512 characters (W3C Trace Context, section 3.3.1.5), in four members.
const LONG_MEMBERS: &str = concat!(
    "tenant@edge=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde,",
    "tenant@core=fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210fedcba987654321,",
    "tenant@pay=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff001122334455667,",
    "tenant@ship=ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100ffeeddccbbaa998877665544332211001",
);

/// As long, in as many members as there may be, 32.
const MANY_MEMBERS: &str = concat!(
    "t00@mesh=e1f2a3,t01@mesh=e1f2a3,t02@mesh=e1f2a3,t03@mesh=e1f2a3,t04@mesh=e1f2a3,t05@mesh=e1f2a3,t06@mesh=e1f2a3,t07@mesh=e1f2a3,",
    "t08@mesh=e1f2a3,t09@mesh=e1f2a3,t10@mesh=e1f2a3,t11@mesh=e1f2a3,t12@mesh=e1f2a3,t13@mesh=e1f2a3,t14@mesh=e1f2a3,t15@mesh=e1f2a3,",
    "t16@mesh=e1f2a3,t17@mesh=e1f2a3,t18@mesh=e1f2a3,t19@mesh=e1f2a3,t20@mesh=e1f2a3,t21@mesh=e1f2a3,t22@mesh=e1f2a3,t23@mesh=e1f2a3,",
    "t24@mesh=e1f2a3,t25@mesh=e1f2a3,t26@mesh=e1f2a3,t27@mesh=e1f2a3,t28@mesh=e1f2a3,t29@mesh=e1f2a3,t30@mesh=e1f2a3,t31@mesh=e1f2a3b",
);

/// How often a span's flags lack the sampled bit: it was recorded all the same, or its SDK is older than the field.
const UNSAMPLED: f64 = 0.01;

/// How many links a consumer has that takes messages by the batch: more than 32.
const BATCH: usize = 40;

/// How often a span other than the origin of a failure records an exception too.
const RETHROWN: f64 = 0.35;

/// What consumers of a message do with the context that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consumers {
    /// Half of them start a trace of their own, linked to the sender.
    MayDetach,
    /// All continue the sender's trace.
    StayAttached,
}

/// Walks `root` and returns its spans, of variant 0 unless a consumer detached.
pub(super) fn walk(dice: &mut Dice, root: &Operation, consumers: Consumers) -> Vec<Span> {
    let trace_state = if dice.chance(0.05) { dice.pick(&TRACE_STATES) } else { "" };
    let mut walk = Walk { dice, consumers, trace_state, variants: 0, spans: Vec::new() };
    let context = Context { parent: Parent::None, variant: TraceVariant::default(), links: Vec::new() };
    walk.run(root, context, 0);
    walk.spans
}

struct Walk<'a> {
    dice: &'a mut Dice,
    consumers: Consumers,
    trace_state: &'static str,
    /// The highest number of a trace id in use.
    variants: u8,
    spans: Vec<Span>,
}

/// What an operation learns from whoever caused it.
struct Context {
    parent: Parent,
    variant: TraceVariant,
    links: Vec<Link>,
}

/// How an operation ended.
struct Done {
    end_ns: u64,
    failure: Option<Failure>,
}

impl Walk<'_> {
    fn run(&mut self, operation: &Operation, context: Context, start_ns: u64) -> Done {
        let own = self.dice.chance(operation.failure).then(|| Failure::draw(self.dice, operation));
        if let Some(failure) = own.as_ref().filter(|failure| self.is_unreachable(operation, &context, failure)) {
            let failure = Failure { unreached: true, ..failure.clone() };
            return Done { end_ns: start_ns, failure: Some(failure) };
        }
        let variant = context.variant;
        let ordinal = self.open(operation, context, start_ns);
        let is_origin = own.is_some();
        let done = self.work(operation, Parent::Span { ordinal, variant }, start_ns, own);
        self.close(operation, ordinal, &done, is_origin);
        if done.failure.is_none() {
            self.deliver(operation, ordinal, variant, done.end_ns);
        }
        done
    }

    /// Half of the unavailable callees are not there at all: no span of theirs, only the caller's.
    fn is_unreachable(&mut self, operation: &Operation, context: &Context, failure: &Failure) -> bool {
        operation.kind == SpanKind::Server
            && context.parent != Parent::None
            && failure.cause == Cause::Unavailable
            && self.dice.chance(0.5)
    }

    /// The steps of `operation`, as far as its own failure or that of a callee lets it get.
    fn work(&mut self, operation: &Operation, this: Parent, start_ns: u64, own: Option<Failure>) -> Done {
        let total = timing::self_time_ns(self.dice, operation.self_time) + operation.stall_ns;
        let slice = total / (operation.steps.len() as u64 + 1);
        let reached = match own {
            Some(_) => self.dice.below(operation.steps.len() + 1),
            None => operation.steps.len(),
        };
        let mut now = start_ns + slice;
        for step in &operation.steps[..reached] {
            let done = self.step(step, this, now);
            now = done.end_ns + slice;
            if let Some(failure) = done.failure {
                return Done { end_ns: now, failure: Some(failure.rising_into(operation)) };
            }
        }
        if own.as_ref().is_some_and(|failure| failure.cause == Cause::Timeout) {
            now += timing::timeout_ns(self.dice);
        }
        Done { end_ns: now, failure: own }
    }

    fn step(&mut self, step: &Step, this: Parent, now: u64) -> Done {
        match step {
            Step::Call(operation) => self.call(operation, this, now),
            Step::Together(operations) => self.together(operations, this, now),
            Step::Event(name, attributes) => {
                self.note_event(this, name, attributes, now);
                Done { end_ns: now, failure: None }
            }
        }
    }

    /// Runs a callee and returns the failure only if it reaches the caller.
    fn call(&mut self, operation: &Operation, this: Parent, now: u64) -> Done {
        let there = self.gap(operation);
        let variant = match this {
            Parent::Span { variant, .. } => variant,
            Parent::None | Parent::Ghost { .. } => TraceVariant::default(),
        };
        let done = self.run(operation, Context { parent: this, variant, links: Vec::new() }, now + there);
        let end_ns = done.end_ns + self.gap(operation);
        Done { end_ns, failure: done.failure.filter(|_| self.dice.chance(operation.propagation)) }
    }

    fn gap(&mut self, operation: &Operation) -> u64 {
        if operation.kind == SpanKind::Server { timing::network_ns(self.dice) } else { 0 }
    }

    /// Starts everything within some microseconds and ends with the last; the first failure counts.
    fn together(&mut self, operations: &[Operation], this: Parent, now: u64) -> Done {
        let mut joined = Done { end_ns: now, failure: None };
        for (index, operation) in operations.iter().enumerate() {
            let done = self.call(operation, this, now + index as u64 * 20_000);
            joined.end_ns = joined.end_ns.max(done.end_ns);
            joined.failure = joined.failure.or(done.failure);
        }
        joined
    }

    fn note_event(&mut self, this: Parent, name: &str, attributes: &[Attribute], offset_ns: u64) {
        let dropped_attributes = u32::from(self.dice.chance(0.002));
        if let Parent::Span { ordinal, .. } = this {
            self.spans[ordinal as usize].events.push(Event {
                offset_ns,
                name: name.to_owned(),
                attributes: attributes.to_vec(),
                dropped_attributes,
            });
        }
    }

    /// Hands the message that `operation` sent to its consumers.
    fn deliver(&mut self, operation: &Operation, sender: Ordinal, variant: TraceVariant, sent_ns: u64) {
        for consumer in &operation.consumers {
            let links = self.links(sender, variant);
            let detached = self.dice.chance(0.5) && self.consumers == Consumers::MayDetach;
            let context = if detached {
                self.variants += 1;
                let variant = TraceVariant { number: self.variants, padded: false };
                Context { parent: Parent::None, variant, links }
            } else {
                Context { parent: Parent::Span { ordinal: sender, variant }, variant, links }
            };
            let lag = timing::consumer_lag_ns(self.dice);
            self.run(consumer, context, sent_ns + lag);
        }
    }

    /// A message carries the context of its sender, and some consumers note where the visit began as well, a few once for each message
    /// of a batch.
    fn links(&mut self, sender: Ordinal, variant: TraceVariant) -> Vec<Link> {
        let mut links = vec![self.link(sender, variant)];
        if self.dice.chance(0.5) {
            let mut begun = self.link(0, TraceVariant::default());
            begun.attributes = vec![Attribute::new("app.link.reason", "begun by")];
            begun.attributes.extend(self.dice.sometimes(0.5, edges::assortment).into_iter().flatten());
            links.push(begun);
        }
        if self.dice.chance(0.02) {
            links.resize_with(BATCH, || self.link(0, TraceVariant::default()));
        }
        links
    }

    fn link(&mut self, ordinal: Ordinal, variant: TraceVariant) -> Link {
        Link {
            ordinal,
            variant,
            trace_state: self.trace_state.to_owned(),
            attributes: vec![Attribute::new("messaging.kafka.offset", self.dice.between(10_000, 9_000_000) as i64)],
            dropped_attributes: u32::from(self.dice.chance(0.01)),
            flags: if self.dice.chance(0.05) { 0 } else { REMOTE_PARENT },
        }
    }

    fn open(&mut self, operation: &Operation, context: Context, start_ns: u64) -> Ordinal {
        let ordinal = self.spans.len() as Ordinal;
        let flags = flags(operation, context.parent) & !if self.dice.chance(UNSAMPLED) { SAMPLED } else { 0 };
        self.spans.push(Span {
            emitter: EmitterId(operation.service as u16),
            scope: ScopeId(operation.library() as u16),
            variant: context.variant,
            parent: context.parent,
            trace_state: self.trace_state.to_owned(),
            flags,
            name: operation.name.clone(),
            kind: operation.kind,
            start_ns,
            duration_ns: 0,
            attributes: operation.attributes.clone(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: context.links,
            dropped_links: 0,
            status: Status::Unset,
        });
        ordinal
    }

    fn close(&mut self, operation: &Operation, ordinal: Ordinal, done: &Done, is_origin: bool) {
        let (attributes, status) = attributes::outcome(operation, done.failure.as_ref());
        let thrown = done.failure.as_ref().filter(|failure| {
            let is_root = ordinal == 0;
            let certain = is_origin || is_root || failure.unreached;
            status != Status::Unset && (certain || self.dice.chance(RETHROWN))
        });
        let exception = thrown.map(|failure| stacktrace::exception(self.dice, operation, failure, done.end_ns));
        let span = &mut self.spans[ordinal as usize];
        span.duration_ns = done.end_ns - span.start_ns;
        span.attributes.extend(attributes);
        span.events.extend(exception);
        span.status = status;
        drop_some(self.dice, span);
    }
}

/// What an SDK at its limits reports: rare, and small numbers.
fn drop_some(dice: &mut Dice, span: &mut Span) {
    if dice.chance(0.004) {
        span.dropped_attributes = dice.between(1, 3) as u32;
    }
    if dice.chance(0.001) {
        span.dropped_events = dice.between(1, 12) as u32;
    }
    if dice.chance(0.000_5) {
        span.dropped_links = 1;
    }
}

fn flags(operation: &Operation, parent: Parent) -> u32 {
    let crosses = matches!(operation.kind, SpanKind::Server | SpanKind::Consumer);
    let knows_remote_bits =
        matches!(operation.service.facts().language, Language::Go | Language::Java | Language::Dotnet | Language::Rust);
    match parent {
        Parent::None => SAMPLED,
        _ if crosses => REMOTE_PARENT,
        _ if knows_remote_bits => LOCAL_PARENT,
        _ => SAMPLED,
    }
}
