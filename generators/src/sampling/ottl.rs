//! Conditions in the collector's transformation language (OTTL), as far as they are common.
//!
//! Read are comparisons of names, kinds, status, flags and attributes with literals and with each other, `IsMatch`, `IsRootSpan`,
//! `and`, `or`, `not` and parentheses. All else leaves a condition unread, with the place and what stands there: it then
//! neither holds nor fails, but is unknown. Comparing follows the collector's `pkg/ottl`.

mod evaluate;
mod expression;
mod lexer;
mod parser;

pub use evaluate::{Holds, Scene};
use expression::Expression;

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A resource.
    Resource,
    /// A span.
    Span,
    /// An event of a span.
    SpanEvent,
}

/// Where and why a condition cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct Unreadable {
    /// The column, counted in characters from 1.
    pub column: usize,
    /// What cannot be read there.
    pub what: String,
}

/// A condition: its text, and what of it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    context: Context,
    expression: Result<Expression, Unreadable>,
}

impl Condition {
    /// Reads `text` as a condition in `context`. What cannot be read makes every answer unknown and is told by
    /// [`Condition::unreadable`]; it is never guessed.
    pub fn parse(text: &str, context: Context) -> Self {
        Self { text: text.to_owned(), context, expression: parser::parse(text, context) }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is about.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Why it cannot be read; none where it can.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.expression.as_ref().err()
    }

    /// The keys of the attributes that it looks at, of spans, their events and resources alike.
    pub fn keys(&self) -> Vec<&str> {
        self.expression.as_ref().map(Expression::keys).unwrap_or_default()
    }

    /// Whether it looks at `tracestate`.
    pub fn reads_trace_state(&self) -> bool {
        self.expression.as_ref().is_ok_and(Expression::reads_trace_state)
    }

    /// Whether it holds for what is before it.
    pub fn holds(&self, scene: &Scene<'_>) -> Holds {
        match &self.expression {
            Ok(expression) => expression.holds(scene),
            Err(error) => Holds::Unknown(format!("`{}` cannot be read: {error}", self.text)),
        }
    }
}
