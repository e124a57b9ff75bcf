//! Reading a limit from its text; every error knows the byte where it stands.

use std::str::FromStr;

use super::{Limit, LimitValue, Op, Relation, Window, quantity};
use crate::units::{ByteSize, Decimal, HumanDuration, Ppb, Rate, ValueError};

const FORM: &str = "a limit reads PATH OP VALUE, such as `spans.lost_acknowledged == 0`";
const OPS: &str = "use one of `<`, `<=`, `==`, `>=`, `>`";
const VALUES: &str = "write a number with its unit: `0`, `500ms`, `450MiB`, `2%` or `5000 spans/s`";

impl FromStr for Limit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let mut cursor = Cursor { text, at: 0 };
        let (path_at, path) = cursor.take_while(|c| !c.is_whitespace() && !is_op_char(c));
        check_path_form(&path).map_err(|error| error.shifted(path_at))?;
        let (op_at, op) = cursor.take_while(is_op_char);
        let op = parse_op(op_at, op, path)?;
        let (value_at, value) = cursor.take_value();
        let value = parse_value(value).map_err(|error| error.shifted(value_at))?;
        let window = cursor.take_window()?;
        let sustained = cursor.take_sustained()?;
        cursor.expect_end()?;
        let limit = Self { path: path.to_owned(), op, value, window, sustained };
        quantity::check_path(path).map_err(|error| error.shifted(path_at))?;
        quantity::check_unit(&limit, value_at)?;
        Ok(limit)
    }
}

fn start_of(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn is_op_char(c: char) -> bool {
    matches!(c, '<' | '=' | '>' | '!' | '≤' | '≥')
}

/// A position in the text of a limit.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Skips white space; returns the position and the run of characters that satisfy `wanted`.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> (usize, &'a str) {
        let rest = &self.text[self.at..];
        let start = self.at + start_of(rest);
        let rest = &self.text[start..];
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at = start + end;
        (start, &rest[..end])
    }

    fn take_word(&mut self) -> (usize, &'a str) {
        self.take_while(|c| !c.is_whitespace())
    }

    fn peek_word(&self) -> &'a str {
        Cursor { text: self.text, at: self.at }.take_word().1
    }

    /// A value is one word, or a number and the word of its unit.
    fn take_value(&mut self) -> (usize, &'a str) {
        let (start, first) = self.take_word();
        let only_number = Decimal::take(first).is_ok_and(|(_, rest)| rest.is_empty() || matches!(rest, "k" | "M"));
        let next = self.peek_word();
        if only_number && !next.is_empty() && !is_keyword(next) {
            self.take_word();
        }
        (start, &self.text[start..self.at])
    }

    fn take_window(&mut self) -> Result<Option<Window>, ValueError> {
        let relation = match self.peek_word() {
            "before" => Relation::Before,
            "during" => Relation::During,
            "after" => Relation::After,
            _ => return Ok(None),
        };
        self.take_word();
        let (at, fault) = self.take_word();
        let named = fault.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fault.is_empty() || !named || is_keyword(fault) {
            let message = format!("`{}` names no fault", relation.name());
            return Err(ValueError::new(at, message, format!("write `{} backend-down`", relation.name())));
        }
        Ok(Some(Window { relation, fault: fault.to_owned() }))
    }

    fn take_sustained(&mut self) -> Result<Option<std::time::Duration>, ValueError> {
        if self.peek_word() != "for" {
            return Ok(None);
        }
        self.take_word();
        let (at, duration) = self.take_word();
        let duration: HumanDuration = duration.parse().map_err(|error: ValueError| error.shifted(at))?;
        Ok(Some(duration.0))
    }

    fn expect_end(&mut self) -> Result<(), ValueError> {
        let (at, word) = self.take_word();
        if word.is_empty() {
            return Ok(());
        }
        let hint =
            "after the value only `before FAULT`, `during FAULT`, `after FAULT` and then `for DURATION` may follow";
        Err(ValueError::new(at, format!("`{word}` is not understood here"), hint))
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "before" | "during" | "after" | "for")
}

/// Lowercase words with dots between.
fn check_path_form(path: &&str) -> Result<(), ValueError> {
    if path.is_empty() {
        return Err(ValueError::new(0, "the limit names no figure", FORM));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    if let Some((at, c)) = path.char_indices().find(|(_, c)| !allowed(*c)) {
        let hint = "paths are lowercase words with dots between, as in `result.json`";
        return Err(ValueError::new(at, format!("`{}` cannot stand in a path", c.escape_debug()), hint));
    }
    match path.split('.').any(str::is_empty) {
        true => Err(ValueError::new(0, format!("`{path}` has an empty word between its dots"), FORM)),
        false => Ok(()),
    }
}

fn parse_op(at: usize, op: &str, path: &str) -> Result<Op, ValueError> {
    if let Some(known) = Op::ALL.into_iter().find(|known| known.symbol() == op) {
        return Ok(known);
    }
    let hint = match op {
        "" => return Err(ValueError::new(at, format!("no comparison follows `{path}`"), FORM)),
        "=" | "===" => "write `==`".to_owned(),
        "=<" | "≤" => "write `<=`".to_owned(),
        "=>" | "≥" => "write `>=`".to_owned(),
        "!=" | "<>" => format!("say what must hold: {OPS}"),
        _ => OPS.to_owned(),
    };
    Err(ValueError::new(at, format!("`{op}` is no comparison"), hint))
}

fn parse_value(text: &str) -> Result<LimitValue, ValueError> {
    if text.is_empty() || is_keyword(text) {
        return Err(ValueError::new(0, "no value to compare with", VALUES));
    }
    let (number, rest) =
        Decimal::take(text).map_err(|_| ValueError::new(0, format!("`{text}` is no value to compare with"), VALUES))?;
    let suffix = rest.trim_start();
    let unit = &suffix[..suffix.find(|c: char| !c.is_alphabetic()).unwrap_or(suffix.len())];
    if suffix.is_empty() {
        Ok(LimitValue::Number(number.to_f64()))
    } else if suffix == "%" {
        text.parse::<Ppb>().map(LimitValue::Percent)
    } else if suffix.ends_with("/s") {
        text.parse::<Rate>().map(LimitValue::Rate)
    } else if HumanDuration::is_unit(unit) {
        text.parse::<HumanDuration>().map(|duration| LimitValue::Duration(duration.0))
    } else if ByteSize::is_unit(unit) {
        text.parse::<ByteSize>().map(LimitValue::Bytes)
    } else {
        Err(ValueError::new(text.len() - suffix.len(), format!("`{suffix}` is no unit"), VALUES))
    }
}
