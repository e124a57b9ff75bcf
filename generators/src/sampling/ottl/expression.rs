//! What a condition is once it is read.

use crate::sampling::pattern::Pattern;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A place in the data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Path {
    SpanName,
    Kind,
    KindText,
    KindName,
    StatusCode,
    StatusMessage,
    Flags,
    TraceState,
    ParentSpanId,
    SpanAttribute(String),
    ResourceAttribute(String),
    ScopeName,
    ScopeVersion,
    EventName,
    EventAttribute(String),
}

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A span id of zeros.
    NoSpanId,
    Path(Path),
    IsMatch(Box<Operand>, Pattern),
    IsRootSpan,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Const(bool),
    Compare(Operand, Operator, Operand),
    /// A function that gives a boolean.
    Truth(Operand),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

impl Expression {
    fn each_path<'a>(&'a self, each: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Const(_) => {}
            Self::Compare(left, _, right) => [left, right].into_iter().for_each(|side| side.each_path(each)),
            Self::Truth(operand) => operand.each_path(each),
            Self::Not(inner) => inner.each_path(each),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_path(each)),
        }
    }

    /// The keys of the attributes that are looked at.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        self.each_path(&mut |path| {
            if let Path::SpanAttribute(key) | Path::ResourceAttribute(key) | Path::EventAttribute(key) = path {
                keys.push(key.as_str());
            }
        });
        keys
    }

    /// Whether `tracestate` is looked at.
    pub fn reads_trace_state(&self) -> bool {
        let mut reads = false;
        self.each_path(&mut |path| reads |= *path == Path::TraceState);
        reads
    }
}

impl Operand {
    fn each_path<'a>(&'a self, each: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Path(path) => each(path),
            Self::IsMatch(target, _) => target.each_path(each),
            _ => {}
        }
    }
}
