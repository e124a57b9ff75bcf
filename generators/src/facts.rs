//! Statements about traces and spans in a small language of our own, independent of any collector's.
//!
//! ```text
//! error                                       a trace with a failed span; of spans: a failed span
//! duration >= 2s and not error                from the earliest start to the latest end; of spans: its own
//! spans > 100                                 how many spans the trace has
//! name in ["GET /healthz", "GET /ready"]      of traces: any span of it
//! service == "checkout" or attributes["http.response.status_code"] >= 500
//! resource["deployment.environment.name"] == "production" and root
//! trace.error and kind == "server"            of spans: what their trace is
//! ```
//!
//! A statement about traces that names a fact of spans holds if it holds for any span: `name == "a" and kind == "client"` holds for
//! a trace with a span of that name and one, perhaps another, of that kind. `!=` is the opposite of `==` in every case: of a trace,
//! no span is so. An attribute that is not there equals nothing and is in no order with anything.

mod parser;

use crate::model::{Attribute, Value};
use crate::sampling::trace::{Span, Trace};
use std::fmt;
use std::str::FromStr;

/// The names of span kinds, by OTLP's numbers.
const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// The names of status codes, by OTLP's numbers.
const STATUSES: [&str; 3] = ["unset", "ok", "error"];

const FAILED: u32 = 2;

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// Whole traces.
    Traces,
    /// Spans.
    Spans,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    text: String,
    expression: Expression,
}

/// Where and why a text is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoStatement {
    /// The byte where it goes wrong.
    pub at: usize,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub hint: &'static str,
}

impl FromStr for Statement {
    type Err = NoStatement;

    fn from_str(text: &str) -> Result<Self, NoStatement> {
        Ok(Self { text: text.trim().to_owned(), expression: parser::parse(text)? })
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Statement {
    /// Whether it holds for a trace.
    pub fn holds_for_trace(&self, trace: &Trace<'_>) -> bool {
        self.expression.holds(&Scene { trace, span: None })
    }

    /// Whether it holds for the span at this position of a trace.
    pub fn holds_for_span(&self, trace: &Trace<'_>, at: usize) -> bool {
        trace.spans.get(at).is_some_and(|span| self.expression.holds(&Scene { trace, span: Some(span) }))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    /// A fact that is or is not.
    Is(Fact),
    Compare(Fact, Order, Literal),
    In(Fact, Vec<Literal>),
}

/// A fact of a span, or of its trace.
#[derive(Debug, Clone, PartialEq)]
enum Fact {
    Error,
    Root,
    Name,
    Service,
    Kind,
    Status,
    /// Nanoseconds.
    Duration,
    /// How many spans the trace has.
    Spans,
    Attribute(String),
    Resource(String),
    TraceError,
    TraceDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
    /// Nanoseconds.
    Duration(u64),
}

/// What a statement is held against: a trace, or a span of it.
struct Scene<'a> {
    trace: &'a Trace<'a>,
    span: Option<&'a Span<'a>>,
}

impl Expression {
    fn holds(&self, scene: &Scene<'_>) -> bool {
        match self {
            Self::Or(parts) => parts.iter().any(|part| part.holds(scene)),
            Self::And(parts) => parts.iter().all(|part| part.holds(scene)),
            Self::Not(inner) => !inner.holds(scene),
            Self::Is(fact) => scene.any(fact, |value| value == Some(Seen::Bool(true))),
            Self::Compare(fact, Order::NotEqual, literal) => {
                !scene.any(fact, |value| compares(value, Order::Equal, literal))
            }
            Self::Compare(fact, order, literal) => scene.any(fact, |value| compares(value, *order, literal)),
            Self::In(fact, literals) => {
                scene.any(fact, |value| literals.iter().any(|literal| compares(value, Order::Equal, literal)))
            }
        }
    }
}

/// A fact as it is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen<'a> {
    Text(&'a str),
    Number(f64),
    Bool(bool),
    Duration(u64),
}

impl Scene<'_> {
    /// Whether any span before the scene, or the trace itself, shows such a fact.
    fn any(&self, fact: &Fact, is_so: impl Fn(Option<Seen<'_>>) -> bool) -> bool {
        match (fact, self.span) {
            (Fact::Spans, _) => is_so(Some(Seen::Number(self.trace.spans.len() as f64))),
            (Fact::TraceError, _) | (Fact::Error, None) => {
                is_so(Some(Seen::Bool(self.trace.spans.iter().any(has_failed))))
            }
            (Fact::TraceDuration, _) | (Fact::Duration, None) => is_so(Some(Seen::Duration(lasts(&self.trace.spans)))),
            (fact, Some(span)) => is_so(seen(fact, span)),
            (fact, None) => self.trace.spans.iter().any(|span| is_so(seen(fact, span))),
        }
    }
}

fn has_failed(span: &Span<'_>) -> bool {
    span.status == FAILED
}

fn lasts(spans: &[Span<'_>]) -> u64 {
    let start = spans.iter().map(|span| span.start_unix_ns).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.end_unix_ns).max().unwrap_or(0);
    end.saturating_sub(start)
}

fn seen<'a>(fact: &Fact, span: &'a Span<'_>) -> Option<Seen<'a>> {
    Some(match fact {
        Fact::Error => Seen::Bool(has_failed(span)),
        Fact::Root => Seen::Bool(span.root),
        Fact::Name => Seen::Text(span.name),
        Fact::Service => return value(span.resource, "service.name"),
        Fact::Kind => Seen::Text(KINDS.get(span.kind as usize).copied().unwrap_or("")),
        Fact::Status => Seen::Text(STATUSES.get(span.status as usize).copied().unwrap_or("")),
        Fact::Duration => Seen::Duration(span.end_unix_ns.saturating_sub(span.start_unix_ns)),
        Fact::Attribute(key) => return value(&span.attributes, key),
        Fact::Resource(key) => return value(span.resource, key),
        Fact::Spans | Fact::TraceError | Fact::TraceDuration => return None,
    })
}

fn value<'a>(attributes: &'a [Attribute], key: &str) -> Option<Seen<'a>> {
    match &attributes.iter().find(|attribute| attribute.key == key)?.value {
        Value::Str(text) => Some(Seen::Text(text)),
        Value::Bool(truth) => Some(Seen::Bool(*truth)),
        Value::Int(number) => Some(Seen::Number(*number as f64)),
        Value::Double(number) => Some(Seen::Number(*number)),
        _ => None,
    }
}

fn compares(value: Option<Seen<'_>>, order: Order, literal: &Literal) -> bool {
    use std::cmp::Ordering;
    let ordering = match (value, literal) {
        (Some(Seen::Text(seen)), Literal::Text(text)) => Some(seen.cmp(text.as_str())),
        (Some(Seen::Number(seen)), Literal::Number(number)) => seen.partial_cmp(number),
        (Some(Seen::Bool(seen)), Literal::Bool(truth)) => Some(seen.cmp(truth)),
        (Some(Seen::Duration(seen)), Literal::Duration(duration)) => Some(seen.cmp(duration)),
        _ => None,
    };
    let Some(ordering) = ordering else { return false };
    match order {
        Order::Equal => ordering == Ordering::Equal,
        Order::NotEqual => ordering != Ordering::Equal,
        Order::Less => ordering == Ordering::Less,
        Order::AtMost => ordering != Ordering::Greater,
        Order::Greater => ordering == Ordering::Greater,
        Order::AtLeast => ordering != Ordering::Less,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    const MS: u64 = 1_000_000;

    fn span(name: &'static str, kind: u32, status: u32, (start, end): (u64, u64)) -> Span<'static> {
        let attribute = |key: &str, value| Attribute { key: key.to_owned(), value };
        let attributes = vec![
            attribute("code", Value::Int(500)),
            attribute("name", Value::Str(format!("of {name}"))),
            attribute("hit", Value::Bool(true)),
        ];
        let resource = Box::leak(Box::new([attribute("service.name", Value::Str("shop".to_owned()))]));
        Span {
            name,
            kind,
            status,
            start_unix_ns: start * MS,
            end_unix_ns: end * MS,
            root: name == "first",
            attributes: Cow::Owned(attributes),
            resource,
            ..Span::empty()
        }
    }

    fn trace() -> Trace<'static> {
        Trace { spans: vec![span("first", 2, 0, (0, 100)), span("second", 3, 2, (50, 300))], ..Trace::default() }
    }

    fn of_trace(text: &str) -> bool {
        text.parse::<Statement>().unwrap().holds_for_trace(&trace())
    }

    fn of_spans(text: &str) -> [bool; 2] {
        [0, 1].map(|at| text.parse::<Statement>().unwrap().holds_for_span(&trace(), at))
    }

    #[test]
    fn a_trace_is_what_it_is_and_what_any_of_its_spans_is() {
        for text in [
            "error",
            "duration >= 300ms and duration < 1s",
            "spans == 2",
            "name in [\"a\", \"second\"]",
            "name == 'first' and kind == \"client\"",
            "service == \"shop\" and not (name == \"third\" or spans > 2)",
            "attributes[\"code\"] >= 500 and attributes[\"hit\"]",
            "attributes['name'] == 'of first'",
            "resource[\"service.name\"] != \"cart\"",
            "root and status == 'error'",
        ] {
            assert!(of_trace(text), "{text}");
            assert!(!of_trace(&format!("not ({text})")), "{text}");
        }
        for text in ["name != \"first\"", "attributes[\"none\"] == 1", "attributes[\"code\"] == \"500\"", "spans > 2"] {
            assert!(!of_trace(text), "{text}");
        }
    }

    #[test]
    fn a_span_is_asked_about_itself_and_about_its_trace() {
        assert_eq!(of_spans("error"), [false, true]);
        assert_eq!(of_spans("duration > 200ms"), [false, true]);
        assert_eq!(of_spans("trace.error and trace.duration == 300ms and spans == 2"), [true, true]);
        assert_eq!(of_spans("root or name == 'second'"), [true, true]);
        assert_eq!(of_spans("kind == 'server'"), [true, false]);
        assert_eq!(of_spans("name != 'first'"), [false, true]);
    }

    #[test]
    fn what_is_no_statement_is_told_with_its_place() {
        let told = |text: &str| {
            let error = text.parse::<Statement>().unwrap_err();
            format!("{text} | {}: {}; {}", error.at, error.message, error.hint)
        };
        let texts = [
            "",
            "eror",
            "name",
            "name == ",
            "name == 5",
            "duration > 5",
            "duration > 'x'",
            "kind == 'servr'",
            "status in ['ok', 'bad']",
            "spans == 2 3",
            "(error",
            "attributes[code] == 1",
            "name == \"x",
            "error and",
            "spans ~ 2",
            "error == 1",
            "not",
            "name in []",
        ];
        insta::assert_snapshot!(texts.map(told).join("\n"));
    }
}
