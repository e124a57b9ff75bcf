//! Reads a condition. `and` binds closer than `or`, and `not` closer than both.

use super::expression::{Expression, Operand, Operator, Path};
use super::lexer::{Token, Word, words};
use super::{Context, Unreadable};
use crate::sampling::pattern::Pattern;

/// Conditions nest no deeper than this; deeper ones are not read.
const DEPTH_MAX: u32 = 64;

/// Reads a whole text.
pub(super) fn parse(text: &str, context: Context) -> Result<Expression, Unreadable> {
    let tokens = words(text).map_err(|at| unreadable(text, at, "this is no word of a condition".to_owned()))?;
    let mut parser = Parser { text, context, tokens, next: 0, depth: 0 };
    let expression = parser.any()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.error("the condition goes on behind its end")),
    }
}

fn unreadable(text: &str, at: usize, what: String) -> Unreadable {
    Unreadable { column: text[..at].chars().count() + 1, what }
}

struct Parser<'a> {
    text: &'a str,
    context: Context,
    tokens: Vec<Token<'a>>,
    next: usize,
    depth: u32,
}

type Read<T> = Result<T, Unreadable>;

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Word<'a>> {
        self.tokens.get(self.next).map(|token| &token.word)
    }

    fn take(&mut self) -> Option<Word<'a>> {
        let word = self.peek().cloned();
        self.next += 1;
        word
    }

    /// An error at the next word.
    fn error(&self, what: impl Into<String>) -> Unreadable {
        self.error_at(self.next, what)
    }

    fn error_at(&self, token: usize, what: impl Into<String>) -> Unreadable {
        let at = self.tokens.get(token).map_or(self.text.len(), |token| token.at);
        unreadable(self.text, at, what.into())
    }

    fn accept(&mut self, word: &Word<'_>) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &'static str) -> Read<()> {
        if self.accept(&Word::Mark(mark)) { Ok(()) } else { Err(self.error(format!("`{mark}` is missing"))) }
    }

    fn any(&mut self) -> Read<Expression> {
        let mut parts = vec![self.all()?];
        while self.accept(&Word::Name("or")) {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all(&mut self) -> Read<Expression> {
        let mut parts = vec![self.negated()?];
        while self.accept(&Word::Name("and")) {
            parts.push(self.negated()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn negated(&mut self) -> Read<Expression> {
        if self.accept(&Word::Name("not")) {
            return Ok(Expression::Not(Box::new(self.single()?)));
        }
        self.single()
    }

    fn single(&mut self) -> Read<Expression> {
        if self.accept(&Word::Mark("(")) {
            self.deeper()?;
            let inner = self.any()?;
            self.expect(")")?;
            self.depth -= 1;
            return Ok(inner);
        }
        let start = self.next;
        let left = self.operand()?;
        match self.operator() {
            Some(operator) => Ok(Expression::Compare(left, operator, self.operand()?)),
            None => match left {
                Operand::Bool(truth) => Ok(Expression::Const(truth)),
                call @ (Operand::IsMatch(..) | Operand::IsRootSpan) => Ok(Expression::Truth(call)),
                _ => Err(self.error_at(start, "this is compared with nothing")),
            },
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        let operator = match self.peek() {
            Some(Word::Mark("==")) => Operator::Equal,
            Some(Word::Mark("!=")) => Operator::NotEqual,
            Some(Word::Mark("<")) => Operator::Less,
            Some(Word::Mark("<=")) => Operator::LessOrEqual,
            Some(Word::Mark(">")) => Operator::Greater,
            Some(Word::Mark(">=")) => Operator::GreaterOrEqual,
            _ => return None,
        };
        self.next += 1;
        Some(operator)
    }

    fn deeper(&mut self) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.error("this is nested too deeply")) } else { Ok(()) }
    }

    fn operand(&mut self) -> Read<Operand> {
        self.deeper()?;
        let operand = self.operand_here()?;
        self.depth -= 1;
        Ok(operand)
    }

    fn operand_here(&mut self) -> Read<Operand> {
        let start = self.next;
        let operand = match self.take() {
            Some(Word::Text(text)) => Operand::Text(text),
            Some(Word::Int(digits)) => self.int(digits, start)?,
            Some(Word::Double(digits)) => self.double(digits, start)?,
            Some(Word::Bytes(digits)) => Operand::Bytes(self.bytes(digits, start)?),
            Some(Word::Mark("-")) => match self.operand()? {
                Operand::Int(number) => Operand::Int(-number),
                Operand::Double(number) => Operand::Double(-number),
                _ => return Err(self.error_at(start, "arithmetic is not read")),
            },
            Some(Word::Name("nil")) => Operand::Nil,
            Some(Word::Name("true")) => Operand::Bool(true),
            Some(Word::Name("false")) => Operand::Bool(false),
            Some(Word::Name(name)) => self.named(name, start)?,
            _ => return Err(self.error_at(start, "a value is missing")),
        };
        match self.peek() {
            Some(Word::Mark("+" | "-" | "*" | "/")) => Err(self.error("arithmetic is not read")),
            _ => Ok(operand),
        }
    }

    fn int(&self, digits: &str, start: usize) -> Read<Operand> {
        digits.parse().map(Operand::Int).map_err(|_| self.error_at(start, "this number is too large"))
    }

    fn double(&self, digits: &str, start: usize) -> Read<Operand> {
        digits.parse().map(Operand::Double).map_err(|_| self.error_at(start, "this is no number"))
    }

    fn bytes(&self, digits: &str, start: usize) -> Read<Vec<u8>> {
        let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<_> = (0..digits.len()).step_by(2).map(pair).collect();
        bytes.ok_or_else(|| self.error_at(start, "bytes have an even number of digits"))
    }

    /// A function, an enumerator or a path.
    fn named(&mut self, name: &str, start: usize) -> Read<Operand> {
        if name.starts_with(|first: char| first.is_ascii_uppercase()) {
            if self.accept(&Word::Mark("(")) {
                return self.function(name, start);
            }
            return enumerator(name)
                .map(Operand::Int)
                .ok_or_else(|| self.error_at(start, format!("`{name}` is not known")));
        }
        let mut segments = vec![name];
        while self.accept(&Word::Mark(".")) {
            match self.take() {
                Some(Word::Name(segment)) => segments.push(segment),
                _ => return Err(self.error_at(self.next - 1, "a name is missing")),
            }
        }
        let key = self.key()?;
        path(self.context, &segments, key)
            .map(Operand::Path)
            .ok_or_else(|| self.error_at(start, format!("`{}` is not read here", segments.join("."))))
    }

    /// A key in brackets, if there is one.
    fn key(&mut self) -> Read<Option<String>> {
        if !self.accept(&Word::Mark("[")) {
            return Ok(None);
        }
        let Some(Word::Text(key)) = self.take() else {
            return Err(self.error_at(self.next - 1, "only strings are read as keys"));
        };
        self.expect("]")?;
        if self.peek() == Some(&Word::Mark("[")) {
            return Err(self.error("keys inside of values are not read"));
        }
        Ok(Some(key))
    }

    fn function(&mut self, name: &str, start: usize) -> Read<Operand> {
        let call = match name {
            "IsRootSpan" if self.context == Context::Span => Operand::IsRootSpan,
            "IsMatch" => {
                let target = self.operand()?;
                self.expect(",")?;
                let at = self.next;
                let Some(Word::Text(text)) = self.take() else {
                    return Err(self.error_at(at, "only strings are read as expressions"));
                };
                let pattern = Pattern::new(&text).map_err(|error| self.error_at(at, error.to_string()))?;
                Operand::IsMatch(Box::new(target), pattern)
            }
            "SpanID" => {
                let at = self.next;
                match self.take() {
                    Some(Word::Bytes("0000000000000000")) => Operand::NoSpanId,
                    _ => return Err(self.error_at(at, "only a span id of zeros is read")),
                }
            }
            _ => return Err(self.error_at(start, format!("the function `{name}` is not read"))),
        };
        self.expect(")")?;
        if self.peek() == Some(&Word::Mark("[")) {
            return Err(self.error("keys behind a function are not read"));
        }
        Ok(call)
    }
}

fn enumerator(name: &str) -> Option<i64> {
    const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    const CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];
    let at = |list: &[&str], name: &str| list.iter().position(|known| *known == name).map(|at| at as i64);
    name.strip_prefix("SPAN_KIND_")
        .and_then(|kind| at(&KINDS, kind))
        .or_else(|| name.strip_prefix("STATUS_CODE_").and_then(|code| at(&CODES, code)))
}

/// What a path names; one without a prefix is about what the condition is about.
fn path(context: Context, segments: &[&str], key: Option<String>) -> Option<Path> {
    let (about, rest) = match (segments, context) {
        (["resource", rest @ ..], _) => ("resource", rest),
        (["scope" | "instrumentation_scope", rest @ ..], Context::Span | Context::SpanEvent) => ("scope", rest),
        (["span", rest @ ..], Context::Span | Context::SpanEvent) => ("span", rest),
        (["spanevent", rest @ ..], Context::SpanEvent) => ("spanevent", rest),
        (rest, Context::Resource) => ("resource", rest),
        (rest, Context::Span) => ("span", rest),
        (rest, Context::SpanEvent) => ("spanevent", rest),
    };
    match (about, rest, key) {
        ("resource", ["attributes"], Some(key)) => Some(Path::ResourceAttribute(key)),
        ("scope", ["name"], None) => Some(Path::ScopeName),
        ("scope", ["version"], None) => Some(Path::ScopeVersion),
        ("spanevent", ["name"], None) => Some(Path::EventName),
        ("spanevent", ["attributes"], Some(key)) => Some(Path::EventAttribute(key)),
        ("span", ["attributes"], Some(key)) => Some(Path::SpanAttribute(key)),
        ("span", ["name"], None) => Some(Path::SpanName),
        ("span", ["kind"], None) => Some(Path::Kind),
        ("span", ["kind", "string"], None) => Some(Path::KindText),
        ("span", ["kind", "deprecated_string"], None) => Some(Path::KindName),
        ("span", ["status", "code"], None) => Some(Path::StatusCode),
        ("span", ["status", "message"], None) => Some(Path::StatusMessage),
        ("span", ["flags"], None) => Some(Path::Flags),
        ("span", ["trace_state"], None) => Some(Path::TraceState),
        ("span", ["parent_span_id"], None) => Some(Path::ParentSpanId),
        _ => None,
    }
}
