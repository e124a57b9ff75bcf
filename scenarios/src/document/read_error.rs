//! Why a typed value could not be read from a node, and where.

use std::fmt::{self, Display, Formatter};

use serde::de::{Error, Expected, Unexpected};

use super::{FieldPath, Step};
use crate::units::ValueError;

/// The error of our deserialiser.
#[derive(Debug)]
pub(crate) struct ReadError {
    /// The way to the culprit, innermost step first, since it is gathered on the way out.
    steps: Vec<Step>,
    /// True when the key is wrong rather than its value.
    pub(crate) at_key: bool,
    pub(crate) fault: Fault,
}

/// What is wrong at a node.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A key that the map does not know.
    UnknownField { name: String, known: &'static [&'static str] },
    /// A choice that does not exist.
    UnknownName { name: String, known: &'static [&'static str] },
    /// A field that the map must have.
    Missing(&'static str),
    /// Another kind of thing than expected. The hint may be empty.
    WrongType { expected: String, hint: String },
    /// The right kind of thing with an impossible text.
    Value(ValueError),
    /// Something inside failed and has been reported, so that nothing is left to read here.
    Consequence,
}

impl ReadError {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { steps: Vec::new(), at_key: false, fault }
    }

    pub(crate) fn wrong_type(expected: impl Display, hint: impl Into<String>) -> Self {
        Self::new(Fault::WrongType { expected: expected.to_string(), hint: hint.into() })
    }

    /// The same error, seen from one level further out.
    pub(crate) fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same error, blamed on the key.
    pub(crate) fn at_key(self) -> Self {
        Self { at_key: true, ..self }
    }

    pub(crate) fn path(&self) -> FieldPath {
        FieldPath::new(self.steps.iter().rev().cloned().collect())
    }
}

impl std::error::Error for ReadError {}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.fault)
    }
}

impl Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        // The alternate form is how a `ValueError` gets through with its position and hint.
        Self::new(Fault::Value(ValueError::from_alternate(&format!("{message:#}"))))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(expected, format!("write {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(expected, format!("write {expected}"))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownName { name: name.to_owned(), known })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownField { name: name.to_owned(), known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Fault::Missing(name))
    }
}
