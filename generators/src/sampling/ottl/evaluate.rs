//! Whether a condition holds, by the collector's rules of comparison.

use super::expression::{Expression, Operand, Operator, Path};
use crate::model::{Attribute, Event, Value};
use crate::sampling::trace::{self, KIND_NAMES, Span};
use std::cmp::Ordering;

/// What a condition is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Scene<'a> {
    /// The resource of this span.
    Resource(&'a Span<'a>),
    /// A span.
    Span(&'a Span<'a>),
    /// An event of a span.
    Event(&'a Span<'a>, &'a Event),
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The collector cannot evaluate it.
    Fails,
    /// The text says what is not known.
    Unknown(String),
}

/// A value while a condition is evaluated.
enum Datum<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A span id; true for zeros.
    SpanId {
        zero: bool,
    },
    /// A list or a map.
    Nested,
    /// Evaluating it failed.
    Failed,
    /// It cannot be told.
    Unknown(String),
}

impl From<bool> for Holds {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

impl Expression {
    /// Whether it holds; parts are asked in their order, up to the first that settles it.
    pub fn holds(&self, scene: &Scene<'_>) -> Holds {
        match self {
            Self::Const(truth) => Holds::from(*truth),
            Self::Compare(left, operator, right) => compare(left.datum(scene), *operator, right.datum(scene)),
            Self::Truth(operand) => match operand.datum(scene) {
                Datum::Bool(truth) => Holds::from(truth),
                Datum::Unknown(what) => Holds::Unknown(what),
                _ => Holds::Fails,
            },
            Self::Not(inner) => match inner.holds(scene) {
                Holds::Yes => Holds::No,
                Holds::No => Holds::Yes,
                other => other,
            },
            Self::And(parts) => settled(parts, scene, Holds::No, Holds::Yes),
            Self::Or(parts) => settled(parts, scene, Holds::Yes, Holds::No),
        }
    }
}

/// `settles` at the first part that is so or fails; `otherwise` when none is.
fn settled(parts: &[Expression], scene: &Scene<'_>, settles: Holds, otherwise: Holds) -> Holds {
    let mut unknown = None;
    for part in parts {
        match part.holds(scene) {
            holds if holds == settles => return settles,
            Holds::Fails => return unknown.unwrap_or(Holds::Fails),
            open @ Holds::Unknown(_) => unknown = unknown.or(Some(open)),
            _ => {}
        }
    }
    unknown.unwrap_or(otherwise)
}

impl Operand {
    fn datum<'a>(&'a self, scene: &Scene<'a>) -> Datum<'a> {
        match self {
            Self::Nil => Datum::Nil,
            Self::Bool(truth) => Datum::Bool(*truth),
            Self::Int(number) => Datum::Int(*number),
            Self::Double(number) => Datum::Double(*number),
            Self::Text(text) => Datum::Text(text),
            Self::Bytes(bytes) => Datum::Bytes(bytes),
            Self::NoSpanId => Datum::SpanId { zero: true },
            Self::Path(path) => path.datum(scene),
            Self::IsRootSpan => Datum::Bool(scene.span().root),
            Self::IsMatch(target, pattern) => {
                let matches = |text: &str| Datum::Bool(pattern.matches(text));
                match target.datum(scene) {
                    Datum::Nil => Datum::Bool(false),
                    Datum::Bool(truth) => matches(if truth { "true" } else { "false" }),
                    Datum::Int(number) => matches(&number.to_string()),
                    Datum::Double(number) => json_number(number).map_or(Datum::Failed, |text| matches(&text)),
                    Datum::Text(text) => matches(text),
                    Datum::Bytes(bytes) => matches(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
                    Datum::Nested => Datum::Unknown("lists and maps are not matched".to_owned()),
                    Datum::SpanId { .. } => Datum::Unknown("ids are not matched".to_owned()),
                    other @ (Datum::Failed | Datum::Unknown(_)) => other,
                }
            }
        }
    }
}

impl<'a> Scene<'a> {
    fn span(&self) -> &'a Span<'a> {
        match self {
            Self::Resource(span) | Self::Span(span) | Self::Event(span, _) => span,
        }
    }
}

impl Path {
    fn datum<'a>(&self, scene: &Scene<'a>) -> Datum<'a> {
        const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
        let span = scene.span();
        let listed =
            |names: &[&'static str; 6]| names.get(span.kind as usize).map_or(Datum::Text(""), |n| Datum::Text(n));
        match self {
            Self::SpanName => Datum::Text(span.name),
            Self::Kind => Datum::Int(i64::from(span.kind)),
            Self::KindText => listed(&KINDS),
            Self::KindName => listed(&KIND_NAMES),
            Self::StatusCode => Datum::Int(i64::from(span.status)),
            Self::StatusMessage => Datum::Text(span.status_message),
            Self::Flags => Datum::Int(i64::from(span.flags)),
            Self::TraceState => Datum::Text(&span.trace_state),
            Self::ParentSpanId => Datum::SpanId { zero: span.root },
            Self::SpanAttribute(key) => attribute(&span.attributes, key),
            Self::ResourceAttribute(key) => attribute(span.resource, key),
            Self::ScopeName => Datum::Text(span.scope_name),
            Self::ScopeVersion => Datum::Text(span.scope_version),
            Self::EventName | Self::EventAttribute(_) => match scene {
                Scene::Event(_, event) => self.of_event(event),
                _ => Datum::Unknown("there is no event".to_owned()),
            },
        }
    }

    fn of_event<'a>(&self, event: &'a Event) -> Datum<'a> {
        match self {
            Self::EventAttribute(key) => attribute(&event.attributes, key),
            _ => Datum::Text(&event.name),
        }
    }
}

fn attribute<'a>(attributes: &'a [Attribute], key: &str) -> Datum<'a> {
    match trace::get(attributes, key) {
        None | Some(Value::Empty) => Datum::Nil,
        Some(Value::Str(text)) => Datum::Text(text),
        Some(Value::Bool(truth)) => Datum::Bool(*truth),
        Some(Value::Int(number)) => Datum::Int(*number),
        Some(Value::Double(number)) => Datum::Double(*number),
        Some(Value::Bytes(bytes)) => Datum::Bytes(bytes),
        Some(Value::Array(_) | Value::Map(_)) => Datum::Nested,
        Some(Value::Digits { .. } | Value::Uniform { .. }) => Datum::Unknown(format!("`{key}` varies")),
    }
}

/// Values of different types are different, and nothing else is true of them.
fn compare(left: Datum<'_>, operator: Operator, right: Datum<'_>) -> Holds {
    let different = || Holds::from(operator == Operator::NotEqual);
    let ordered = |order: Option<Ordering>| Holds::from(operator.accepts(order));
    // An attribute of no bytes is a nil slice in Go, which compares as nil does.
    let [left, right] = [left, right].map(|side| if matches!(side, Datum::Bytes([])) { Datum::Nil } else { side });
    match (left, right) {
        (Datum::Failed, _) | (_, Datum::Failed) => Holds::Fails,
        (Datum::Unknown(what), _) | (_, Datum::Unknown(what)) => Holds::Unknown(what),
        (Datum::Nil, Datum::Nil) => ordered(Some(Ordering::Equal)),
        (Datum::Bool(left), Datum::Bool(right)) => ordered(Some(left.cmp(&right))),
        (Datum::Int(left), Datum::Int(right)) => ordered(Some(left.cmp(&right))),
        (Datum::Int(left), Datum::Double(right)) => ordered((left as f64).partial_cmp(&right)),
        (Datum::Double(left), Datum::Int(right)) => ordered(left.partial_cmp(&(right as f64))),
        (Datum::Double(left), Datum::Double(right)) => ordered(left.partial_cmp(&right)),
        (Datum::Text(left), Datum::Text(right)) => ordered(Some(left.cmp(right))),
        (Datum::Bytes(left), Datum::Bytes(right)) => ordered(Some(left.cmp(right))),
        (Datum::Nested, Datum::Nested) => Holds::Unknown("lists and maps are not compared".to_owned()),
        (Datum::SpanId { zero: true }, Datum::SpanId { zero: true }) if operator.is_equality() => {
            ordered(Some(Ordering::Equal))
        }
        (Datum::SpanId { zero: false }, Datum::SpanId { zero: false }) => {
            Holds::Unknown("span ids are not compared".to_owned())
        }
        _ => different(),
    }
}

impl Operator {
    /// Whether it is true of values in this order; none of numbers of which one is no number, which are only different.
    fn accepts(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A double as Go's `encoding/json` writes it: the shortest digits, with an exponent below 1e-6 and from 1e21 on; no text for
/// what is no number.
fn json_number(number: f64) -> Option<String> {
    let size = number.abs();
    if !number.is_finite() {
        return None;
    }
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(number.to_string());
    }
    let text = format!("{number:e}");
    Some(if size >= 1e21 { text.replace('e', "e+") } else { text })
}
