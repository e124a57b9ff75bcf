//! Expressions of what a trace id says.

use crate::sampling::config::HeadSampler;
use crate::sampling::hash::{SeededHash, TailHash};
use crate::sampling::head::{Parent, Question};
use crate::sampling::probabilistic::AnyId;
use crate::sampling::tail::Open;
use crate::sampling::threshold::{Randomness, Threshold};

/// A question to a trace id.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// The policy `probabilistic`.
    Tail(TailHash),
    /// Its random bits reach a threshold.
    Random(Threshold),
    /// A hash of it, taken for random bits, reaches a threshold.
    Hashed(SeededHash, Threshold),
    /// A sampler of an SDK keeps it.
    Head(Box<HeadSampler>),
}

impl Test {
    #[inline]
    fn holds(&self, id: &[u8; 16]) -> bool {
        match self {
            Self::Tail(hash) => hash.keeps(id),
            Self::Random(threshold) => threshold.keeps(Randomness::of_trace_id(id)),
            Self::Hashed(hash, threshold) => threshold.keeps(hash.randomness(id)),
            Self::Head(sampler) => sampler.keeps(Question { id, parent: Parent::None, randomness: None }),
        }
    }
}

/// An expression. Made by [`all`], [`any`] and [`not`], it holds no constant but by itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Const(bool),
    Test(Test),
    Open(Open),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
}

/// Whether an expression holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth<'a> {
    No,
    Yes,
    Open(&'a Open),
}

impl Expression {
    /// Whether it holds for a trace id.
    #[inline]
    pub fn truth(&self, id: &[u8; 16]) -> Truth<'_> {
        match self {
            Self::Const(truth) => Truth::from(*truth),
            Self::Test(test) => Truth::from(test.holds(id)),
            Self::Open(open) => Truth::Open(open),
            Self::All(parts) => settled(parts, id, Truth::No, Truth::Yes),
            Self::Any(parts) => settled(parts, id, Truth::Yes, Truth::No),
            Self::Not(part) => match part.truth(id) {
                Truth::No => Truth::Yes,
                Truth::Yes => Truth::No,
                open => open,
            },
        }
    }
}

impl From<AnyId> for Expression {
    fn from(answer: AnyId) -> Self {
        match answer {
            AnyId::Always(truth) => Self::Const(truth),
            AnyId::Hashed(hash, threshold) => Self::Test(Test::Hashed(hash, threshold)),
            AnyId::Random(threshold) => Self::Test(Test::Random(threshold)),
        }
    }
}

impl From<bool> for Truth<'_> {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

/// `settles` if any part is so; else what is open, the unknown before the limited; else `otherwise`.
fn settled<'a>(parts: &'a [Expression], id: &[u8; 16], settles: Truth<'a>, otherwise: Truth<'a>) -> Truth<'a> {
    let mut result = otherwise;
    for part in parts {
        match (part.truth(id), result) {
            (truth, _) if truth == settles => return settles,
            (Truth::Open(open), Truth::Open(known)) if open <= known => {}
            (open @ Truth::Open(_), _) => result = open,
            _ => {}
        }
    }
    result
}

/// All of these.
pub(super) fn all(parts: impl IntoIterator<Item = Expression>) -> Expression {
    joined(parts, false, Expression::All)
}

/// Any of these.
pub(super) fn any(parts: impl IntoIterator<Item = Expression>) -> Expression {
    joined(parts, true, Expression::Any)
}

fn joined(
    parts: impl IntoIterator<Item = Expression>,
    settles: bool,
    join: fn(Vec<Expression>) -> Expression,
) -> Expression {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Expression::Const(truth) if truth == settles => return Expression::Const(settles),
            Expression::Const(_) => {}
            part => kept.push(part),
        }
    }
    match kept.len() {
        0 => Expression::Const(!settles),
        1 => kept.remove(0),
        _ => join(kept),
    }
}

/// Not this.
pub(super) fn not(part: Expression) -> Expression {
    match part {
        Expression::Const(truth) => Expression::Const(!truth),
        Expression::Not(inner) => *inner,
        part => Expression::Not(Box::new(part)),
    }
}
