//! Fates by the million: for each shape the stages become a small program that looks at the trace id, if at all.
//!
//! Nearly all that rules read is the same for every trace of a shape. So the stages are followed once for each shape, with the
//! id left open; what comes of it is a constant, or an expression of hashes and thresholds. Only where a rule reads what
//! varies from trace to trace is a trace followed by itself: [`Chain::course`], which also says why.

mod compile;
mod expression;

use super::chain::{Chain, Fate};
use super::tail::Open;
use super::trace::{Source, Trace};
use expression::{Expression, Truth};
use std::borrow::Cow;

/// What becomes of the traces of one shape, sent under one of its trace ids.
#[derive(Debug, Clone)]
pub struct Program {
    rule: Rule,
    /// Whether each span comes out, if the trace does; none where that differs from trace to trace.
    survivors: Option<Vec<bool>>,
}

#[derive(Debug, Clone)]
enum Rule {
    Keep,
    Drop,
    ById(Expression),
    ByTrace,
}

impl Program {
    /// Whether every trace has the same fate.
    pub fn constant(&self) -> bool {
        matches!(self.rule, Rule::Keep | Rule::Drop)
    }

    /// Whether each trace has to be followed by itself, which is slow.
    pub fn by_trace(&self) -> bool {
        matches!(self.rule, Rule::ByTrace)
    }

    /// Whether each span comes out of the stages if its trace does, in the order of the source; none where that differs from
    /// trace to trace.
    pub fn survivors(&self) -> Option<&[bool]> {
        self.survivors.as_deref()
    }
}

impl Chain {
    /// The program for the traces of a source. Where they are stored in no known order, the chain must be
    /// [`Chain::in_any_order`].
    pub fn compile(&self, source: &Source<'_>) -> Program {
        match compile::compile(self, source) {
            Some((Expression::Const(true), survivors)) => Program { rule: Rule::Keep, survivors: Some(survivors) },
            Some((Expression::Const(false), survivors)) => Program { rule: Rule::Drop, survivors: Some(survivors) },
            Some((expression, survivors)) => Program { rule: Rule::ById(expression), survivors: Some(survivors) },
            None => Program { rule: Rule::ByTrace, survivors: None },
        }
    }

    /// What becomes of the trace `id`. `trace` is asked for only where the program cannot tell by the id.
    #[inline]
    pub fn fate<'a, 'b>(&self, program: &'a Program, id: &[u8; 16], trace: impl FnOnce() -> Trace<'b>) -> Fate<'a> {
        match &program.rule {
            Rule::Keep => Fate::Keep,
            Rule::Drop => Fate::Drop,
            Rule::ById(expression) => match expression.truth(id) {
                Truth::Yes => Fate::Keep,
                Truth::No => Fate::Drop,
                Truth::Open(Open::Limited) => Fate::Bounded,
                Truth::Open(Open::Unknown(what)) => Fate::Unknown(Cow::Borrowed(what)),
            },
            Rule::ByTrace => self.course(trace()).fate,
        }
    }
}
