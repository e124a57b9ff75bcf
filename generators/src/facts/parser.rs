//! Reading a statement: a recursive descent over its characters. Precedence: `not` binds before `and`, and that before `or`.

use super::{Expression, Fact, KINDS, Literal, NoStatement, Order, STATUSES};

const FACTS: &str = "there are error, root, name, service, kind, status, duration, spans, attributes[\"KEY\"], resource[\"KEY\"], \
                     trace.error and trace.duration";
const ORDERS: &str = "compare it by ==, !=, <, <=, >, >= or in [..]";
const LITERALS: &str = "write a text in quotes, a number, true, false, or a duration such as 2s or 500ms";

/// Deeper brackets and negations than this are nobody's statement.
const DEPTH_MAX: usize = 50;

pub(super) fn parse(text: &str) -> Result<Expression, NoStatement> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expression = parser.either()?;
    parser.skip();
    match parser.rest().is_empty() {
        true => Ok(expression),
        false => Err(parser.wrong("this is not understood here", "join statements by `and` or `or`")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn wrong(&self, message: impl Into<String>, hint: &'static str) -> NoStatement {
        NoStatement { at: self.at, message: message.into(), hint }
    }

    /// Takes a symbol if it comes next.
    fn takes(&mut self, symbol: &str) -> bool {
        self.skip();
        let comes = self.rest().starts_with(symbol);
        self.at += if comes { symbol.len() } else { 0 };
        comes
    }

    /// The word that comes next, not taken.
    fn word(&mut self) -> &'a str {
        self.skip();
        let rest = self.rest();
        &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len())]
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let comes = self.word() == word;
        self.at += if comes { word.len() } else { 0 };
        comes
    }

    fn either(&mut self) -> Result<Expression, NoStatement> {
        let mut parts = vec![self.both()?];
        while self.takes_word("or") {
            parts.push(self.both()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn both(&mut self) -> Result<Expression, NoStatement> {
        let mut parts = vec![self.one()?];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, NoStatement> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("it is nested too deeply", "take brackets away"));
        }
        let found = if self.takes_word("not") {
            self.one().map(|inner| Expression::Not(Box::new(inner)))
        } else if self.takes("(") {
            let inner = self.either()?;
            if self.takes(")") { Ok(inner) } else { Err(self.wrong("a bracket is not closed", "write `)`")) }
        } else {
            self.comparison()
        };
        self.depth -= 1;
        found
    }

    fn comparison(&mut self) -> Result<Expression, NoStatement> {
        let (start, fact) = (self.at, self.fact()?);
        if self.takes_word("in") {
            let literals = self.literals(&fact)?;
            return Ok(Expression::In(fact, literals));
        }
        let orders = [
            ("==", Order::Equal),
            ("!=", Order::NotEqual),
            ("<=", Order::AtMost),
            (">=", Order::AtLeast),
            ("<", Order::Less),
            (">", Order::Greater),
        ];
        for (symbol, order) in orders {
            if self.takes(symbol) {
                let literal = self.literal(&fact)?;
                return Ok(Expression::Compare(fact, order, literal));
            }
        }
        match fact {
            Fact::Error | Fact::Root | Fact::TraceError | Fact::Attribute(_) | Fact::Resource(_) => {
                Ok(Expression::Is(fact))
            }
            _ => {
                let at = if self.rest().is_empty() { start } else { self.at };
                Err(NoStatement { at, message: "this alone is neither true nor false".to_owned(), hint: ORDERS })
            }
        }
    }

    fn fact(&mut self) -> Result<Fact, NoStatement> {
        let word = self.word();
        let fact = match word {
            "error" => Fact::Error,
            "root" => Fact::Root,
            "name" => Fact::Name,
            "service" => Fact::Service,
            "kind" => Fact::Kind,
            "status" => Fact::Status,
            "duration" => Fact::Duration,
            "spans" => Fact::Spans,
            "trace.error" => Fact::TraceError,
            "trace.duration" => Fact::TraceDuration,
            "attributes" | "resource" => {
                self.at += word.len();
                let key = self.key()?;
                return Ok(if word == "resource" { Fact::Resource(key) } else { Fact::Attribute(key) });
            }
            "" => return Err(self.wrong("a statement is missing", FACTS)),
            _ => return Err(self.wrong(format!("there is no fact `{word}`"), FACTS)),
        };
        self.at += word.len();
        Ok(fact)
    }

    fn key(&mut self) -> Result<String, NoStatement> {
        const HINT: &str = "write the key in quotes and brackets, as in attributes[\"http.route\"]";
        if !self.takes("[") {
            return Err(self.wrong("a key is missing", HINT));
        }
        self.skip();
        let Some(key) = self.text_literal()? else { return Err(self.wrong("a key is missing", HINT)) };
        if self.takes("]") { Ok(key) } else { Err(self.wrong("a bracket is not closed", HINT)) }
    }

    fn literals(&mut self, fact: &Fact) -> Result<Vec<Literal>, NoStatement> {
        const HINT: &str = "write a list such as [\"a\", \"b\"]";
        if !self.takes("[") {
            return Err(self.wrong("a list is missing", HINT));
        }
        let mut literals = vec![self.literal(fact)?];
        while self.takes(",") {
            literals.push(self.literal(fact)?);
        }
        if self.takes("]") { Ok(literals) } else { Err(self.wrong("the list is not closed", HINT)) }
    }

    /// A value that the fact can be compared with.
    fn literal(&mut self, fact: &Fact) -> Result<Literal, NoStatement> {
        self.skip();
        let start = self.at;
        let literal = match self.text_literal()? {
            Some(text) => Literal::Text(text),
            None => self.bare_literal()?,
        };
        let fits = match (fact, &literal) {
            (Fact::Kind, Literal::Text(text)) => KINDS.contains(&text.as_str()),
            (Fact::Status, Literal::Text(text)) => STATUSES.contains(&text.as_str()),
            (Fact::Name | Fact::Service, Literal::Text(_)) => true,
            (Fact::Duration | Fact::TraceDuration, Literal::Duration(_)) => true,
            (Fact::Spans, Literal::Number(_)) => true,
            (Fact::Error | Fact::Root | Fact::TraceError, Literal::Bool(_)) => true,
            (Fact::Attribute(_) | Fact::Resource(_), Literal::Text(_) | Literal::Number(_) | Literal::Bool(_)) => true,
            _ => false,
        };
        let hint = match fact {
            Fact::Kind => "kinds are internal, server, client, producer, consumer and unspecified, in quotes",
            Fact::Status => "statuses are unset, ok and error, in quotes",
            Fact::Name | Fact::Service => "write a text in quotes",
            Fact::Duration | Fact::TraceDuration => "write a duration such as 2s or 500ms",
            Fact::Spans => "write a number",
            Fact::Error | Fact::Root | Fact::TraceError => "write it alone, or after `not`",
            Fact::Attribute(_) | Fact::Resource(_) => LITERALS,
        };
        if fits {
            Ok(literal)
        } else {
            Err(NoStatement { at: start, message: "this can be no such value".to_owned(), hint })
        }
    }

    /// A text in quotes, of which neither kind can stand in itself.
    fn text_literal(&mut self) -> Result<Option<String>, NoStatement> {
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        let inner = &self.rest()[1..];
        let Some(end) = inner.find(quote) else {
            return Err(self.wrong("a text is not closed", "write the closing quote"));
        };
        self.at += end + 2;
        Ok(Some(inner[..end].to_owned()))
    }

    fn bare_literal(&mut self) -> Result<Literal, NoStatement> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | 'µ')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let literal = match word {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            _ => word
                .parse()
                .ok()
                .filter(|number: &f64| number.is_finite())
                .map(Literal::Number)
                .or_else(|| duration(word)),
        };
        let Some(literal) = literal else { return Err(self.wrong("a value is missing", LITERALS)) };
        self.at += end;
        Ok(literal)
    }
}

/// A number and its unit.
fn duration(word: &str) -> Option<Literal> {
    let at = word.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = word.split_at(at);
    let unit_ns = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return None,
    };
    let nanoseconds = number.parse::<f64>().ok()? * unit_ns;
    (nanoseconds < 1e19).then_some(Literal::Duration(nanoseconds.round() as u64))
}
