//! The processor `filter`, as far as it concerns traces.

use super::ErrorMode;
use crate::model::Value;
use crate::sampling::ottl::Condition;

/// How the strings of a [`MatchProperties`] are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchType {
    /// They must be equal.
    Strict,
    /// They are regular expressions in RE2's syntax that match anywhere.
    Regexp,
}

/// An attribute that must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeMatch {
    /// The attribute.
    pub key: String,
    /// Its value; none where any will do.
    pub value: Option<Value>,
}

/// An instrumentation scope, by its old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Its name.
    pub name: String,
    /// Its version; none where any will do.
    pub version: Option<String>,
}

/// What a span must be like in the old syntax. All properties that are given must hold; of a list of strings, one.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchProperties {
    /// How strings are compared.
    pub match_type: MatchType,
    /// Values of the resource's `service.name`.
    pub services: Vec<String>,
    /// Span names.
    pub span_names: Vec<String>,
    /// Span kinds as `SPAN_KIND_SERVER`.
    pub span_kinds: Vec<String>,
    /// Attributes of the span, each of which must be there.
    pub attributes: Vec<AttributeMatch>,
    /// Attributes of the resource, each of which must be there.
    pub resources: Vec<AttributeMatch>,
    /// Instrumentation scopes, each of which must match.
    pub libraries: Vec<Library>,
}

impl MatchProperties {
    /// One that asks for nothing.
    pub fn of(match_type: MatchType) -> Self {
        Self {
            match_type,
            services: Vec::new(),
            span_names: Vec::new(),
            span_kinds: Vec::new(),
            attributes: Vec::new(),
            resources: Vec::new(),
            libraries: Vec::new(),
        }
    }
}

/// The old syntax (`spans`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanMatch {
    /// Spans that do not match are dropped.
    pub include: Option<MatchProperties>,
    /// Spans that match are dropped.
    pub exclude: Option<MatchProperties>,
}

/// Conditions of one level, any one of which drops. A resource takes its spans with it, a span its events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanConditions {
    /// On resources.
    pub resource: Vec<Condition>,
    /// On spans.
    pub span: Vec<Condition>,
    /// On events of spans; they drop events, never spans.
    pub span_event: Vec<Condition>,
    /// What becomes of a condition that cannot be evaluated.
    pub error_mode: ErrorMode,
}

/// Configuration of the processor `filter` for traces. What it leaves keeps its parent id, so children of what it drops
/// are orphans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// The old syntax; not beside any of the others.
    pub spans: SpanMatch,
    /// Conditions in the transformation language (`traces`), or groups of such that apply one after another
    /// (`trace_conditions`).
    pub conditions: Vec<SpanConditions>,
}
