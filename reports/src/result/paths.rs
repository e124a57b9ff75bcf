//! Reading any number of a result by its path, as limits name it.
//!
//! Which paths there are follows from the JSON Schema, so a field added to the types can be limited without a line here. A
//! path is the literal one in `result.json`, except that `ledger.` may be left out and so may a unit at the end (`_ms`,
//! `_seconds`, `_bytes`), since a limit's value carries its own: `latency.intended_to_delivered.p99` reads `p99_ms`. Lists are
//! not addressable.

use crate::figures;
use crate::result::RunResult;
use crate::result::latency::Series;
use crate::result::schema::json_schema;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

/// A number with its dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// A number of things.
    Count(u64),
    /// A length of time.
    Duration(Duration),
    /// An amount of memory or data.
    Bytes(u64),
    /// A share of a whole; 1 is all of it.
    Ratio(f64),
    /// Any other number, e.g. a rate in spans per second.
    Number(f64),
}

/// The dimension of a [`Quantity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Compares with counts and plain numbers.
    Count,
    /// Compares with durations.
    Duration,
    /// Compares with sizes in bytes.
    Bytes,
    /// Compares with percentages and plain numbers.
    Ratio,
    /// Compares with plain numbers.
    Number,
}

/// A path that a result of this version may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPath {
    /// How limits write it, e.g. `latency.intended_to_delivered.p99`. A segment `<name>` stands for any name.
    pub path: String,
    /// The dimension of its value.
    pub kind: Kind,
    literal: Vec<String>,
}

/// Why a path gives no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No result of this version has such a path. Repair the limit; [`known_paths`] lists what there is.
    #[error("no such value `{path}` in a result; the nearest is `{nearest}`")]
    Unknown {
        /// The path asked for.
        path: String,
        /// The known path that is written most alike.
        nearest: String,
    },
    /// The value was measured and is not given, because it would mislead.
    #[error("`{path}` is withheld: {reason}")]
    Withheld {
        /// The path asked for.
        path: String,
        /// Why it is withheld.
        reason: String,
    },
    /// The path exists and this run has no value for it.
    #[error("`{path}` was not measured in this run")]
    Absent {
        /// The path asked for.
        path: String,
    },
}

/// Stands for any name in a path.
const NAME: &str = "<name>";

static KNOWN: LazyLock<Vec<KnownPath>> = LazyLock::new(paths_of_schema);

/// Every path that a result of this version may have.
pub fn known_paths() -> &'static [KnownPath] {
    &KNOWN
}

/// The dimension of the value at a path, whether or not a run has one: what a scenario's limits are checked with.
///
/// # Errors
/// [`LookupError::Unknown`], with the nearest path that exists.
pub fn kind_of(path: &str) -> Result<Kind, LookupError> {
    find(path).map(|(known, _)| known.kind)
}

impl RunResult {
    /// The value at a path.
    ///
    /// # Errors
    /// Tells apart a path that no result has, a value that is withheld, and one that this run did not measure.
    pub fn lookup(&self, path: &str) -> Result<Quantity, LookupError> {
        let (_, literal) = find(path)?;
        let name = literal.last().map_or("", String::as_str);
        let document = serde_json::to_value(self).unwrap_or_default();
        let value = literal.iter().try_fold(&document, |value, segment| value.get(segment));
        match value.and_then(|value| quantity_of_field(name, value)) {
            Some(quantity) => Ok(quantity),
            None => Err(self.why_no_value(path, &literal)),
        }
    }

    /// Every path that has a value in this result.
    pub fn paths(&self) -> Vec<String> {
        let named = |path: &str| -> Vec<String> {
            let names: Vec<&String> = match path.starts_with("faults.") {
                true => self.faults.keys().collect(),
                false => self.ledger.strata.keys().collect(),
            };
            names.into_iter().map(|name| path.replace(NAME, name)).collect()
        };
        let all = KNOWN.iter().flat_map(|k| if k.path.contains(NAME) { named(&k.path) } else { vec![k.path.clone()] });
        all.filter(|path| self.lookup(path).is_ok()).collect()
    }

    fn why_no_value(&self, path: &str, literal: &[String]) -> LookupError {
        let path = path.to_owned();
        let reason = match literal {
            [top, series, figure] if top == "latency" => Series::ALL
                .into_iter()
                .find(|s| s.name() == series)
                .and_then(|s| self.latency.get(s)?.reason_withheld(figure.trim_end_matches("_ms"))),
            [top, name, part, latency, series, figure] if top == "faults" && latency == "latency" => {
                Series::ALL.into_iter().find(|s| s.name() == series).and_then(|s| {
                    self.faults.get(name)?.part(part)?.latency.get(s)?.reason_withheld(figure.trim_end_matches("_ms"))
                })
            }
            [top, figure] if top == "driver" => self.driver.as_ref().and_then(|d| d.reason_withheld(figure)),
            _ => None,
        };
        match reason {
            Some(reason) => LookupError::Withheld { path, reason },
            None => LookupError::Absent { path },
        }
    }
}

impl Quantity {
    /// The quantity's dimension.
    pub fn kind(self) -> Kind {
        match self {
            Self::Count(_) => Kind::Count,
            Self::Duration(_) => Kind::Duration,
            Self::Bytes(_) => Kind::Bytes,
            Self::Ratio(_) => Kind::Ratio,
            Self::Number(_) => Kind::Number,
        }
    }

    /// Orders two quantities of one dimension; counts, ratios and plain numbers compare with each other. `None` where
    /// dimensions differ or a number is not one.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(&b)),
            (Self::Bytes(a), Self::Bytes(b)) | (Self::Count(a), Self::Count(b)) => Some(a.cmp(&b)),
            (a, b) => a.plain()?.partial_cmp(&b.plain()?),
        }
    }

    fn plain(self) -> Option<f64> {
        match self {
            Self::Count(n) => Some(n as f64),
            Self::Ratio(n) | Self::Number(n) => Some(n),
            Self::Duration(_) | Self::Bytes(_) => None,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match *self {
            Self::Count(n) => figures::count(n),
            Self::Duration(d) => figures::duration(d),
            Self::Bytes(n) => figures::bytes(n),
            Self::Ratio(r) => figures::ratio(r),
            Self::Number(n) => figures::number(n),
        })
    }
}

/// The dimension that a field's name and JSON type give it.
pub(crate) fn kind_of_field(name: &str, integer: bool) -> Kind {
    let ends = |unit: &str| name.ends_with(unit);
    match () {
        () if ends("_ms") || ends("_seconds") || name == "seconds" => Kind::Duration,
        () if ends("_bytes") || name == "bytes" => Kind::Bytes,
        () if ends("_ratio") => Kind::Ratio,
        () if integer => Kind::Count,
        () => Kind::Number,
    }
}

/// Reads a JSON number as a quantity. Milliseconds and seconds both become durations; `None` for what is no number, or a
/// time that is negative or beyond all measure.
pub(crate) fn quantity_of_field(name: &str, value: &Value) -> Option<Quantity> {
    let seconds = |per_second: f64| Duration::try_from_secs_f64(value.as_f64()? / per_second).ok();
    match kind_of_field(name, value.is_u64()) {
        Kind::Count => value.as_u64().map(Quantity::Count),
        Kind::Bytes => value.as_u64().map(Quantity::Bytes),
        Kind::Ratio => value.as_f64().map(Quantity::Ratio),
        Kind::Number => value.as_f64().map(Quantity::Number),
        Kind::Duration => seconds(if name.ends_with("_ms") { 1e3 } else { 1.0 }).map(Quantity::Duration),
    }
}

/// The known path that a limit's path means, and the literal segments with names filled in.
fn find(path: &str) -> Result<(&'static KnownPath, Vec<String>), LookupError> {
    let asked = path.strip_prefix("ledger.").unwrap_or(path);
    let segments = asked.split('.').collect::<Vec<_>>();
    KNOWN
        .iter()
        .find_map(|known| Some((known, known.matches(&segments)?)))
        .ok_or_else(|| LookupError::Unknown { path: path.to_owned(), nearest: nearest(asked) })
}

impl KnownPath {
    fn new(literal: Vec<String>, kind: Kind) -> Self {
        let path = literal.join(".");
        let path = path.strip_prefix("ledger.").unwrap_or(&path);
        let short = ["_ms", "_bytes"].iter().find_map(|unit| path.strip_suffix(unit)).unwrap_or(path);
        Self { path: short.to_owned(), kind, literal }
    }

    fn matches(&self, asked: &[&str]) -> Option<Vec<String>> {
        let ledger = usize::from(self.literal.first().is_some_and(|top| top == "ledger"));
        let own = self.literal.get(ledger..)?;
        let (last, last_asked) = (own.last()?, asked.last()?);
        let same = own.len() == asked.len()
            && own.iter().zip(asked).rev().skip(1).all(|(own, asked)| own == asked || own == NAME)
            && (last == last_asked || last == NAME || without_unit(last) == *last_asked);
        same.then(|| {
            let named = |(own, asked): (&String, &&str)| if own == NAME { (*asked).to_owned() } else { own.clone() };
            self.literal.iter().take(ledger).cloned().chain(own.iter().zip(asked).map(named)).collect()
        })
    }
}

fn without_unit(name: &str) -> &str {
    ["_ms", "_seconds", "_bytes"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

fn nearest(asked: &str) -> String {
    let best = KNOWN.iter().min_by_key(|known| distance(&known.path, asked));
    best.map(|known| known.path.clone()).unwrap_or_default()
}

/// How many characters must be added, dropped or replaced to make one text the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    // A hostile path must not make this quadratic in its own length.
    let b = b.chars().take(100).collect::<Vec<_>>();
    let mut row = (0..=b.len()).collect::<Vec<_>>();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

fn paths_of_schema() -> Vec<KnownPath> {
    let root = serde_json::to_value(json_schema()).unwrap_or_default();
    let mut found = Vec::new();
    collect(&root, &root, &mut Vec::new(), &mut found);
    // A limit holds a target to what it did, and a forecast is nothing that it did.
    found.retain(|known| known.literal.first().is_none_or(|top| top != "prediction"));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Value, schema: &Value, at: &mut Vec<String>, found: &mut Vec<KnownPath>) {
    let schema = resolve(root, schema);
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties.map(|(n, p)| (n.as_str(), p)).chain(named_entries(schema)) {
        at.push(name.to_owned());
        collect(root, property, at, found);
        at.pop();
    }
    if let (Some(integer), Some(name)) = (numeric(schema), at.last()) {
        found.push(KnownPath::new(at.clone(), kind_of_field(name, integer)));
    }
}

fn named_entries(schema: &Value) -> Option<(&str, &Value)> {
    schema.get("additionalProperties").filter(|entries| entries.is_object()).map(|entries| (NAME, entries))
}

/// Follows a reference, and through the `anyOf` that an optional struct is.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").or_else(|| schema.pointer("/anyOf/0/$ref")).and_then(Value::as_str);
    reference.and_then(|r| root.pointer(r.trim_start_matches('#'))).unwrap_or(schema)
}

/// Whether a schema is an integer (true) or another number (false).
fn numeric(schema: &Value) -> Option<bool> {
    let is = |wanted: &str| match &schema["type"] {
        Value::String(name) => name == wanted,
        Value::Array(names) => names.iter().any(|name| name == wanted),
        _ => false,
    };
    if is("integer") { Some(true) } else { is("number").then_some(false) }
}

#[cfg(test)]
#[path = "paths/tests.rs"]
mod tests;
