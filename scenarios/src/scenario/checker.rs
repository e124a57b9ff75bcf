//! Reports problems by the path of their field, and knows which fields have been reported already.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::{Document, FieldPath, Origin, Step};
use crate::knowledge::{Knowledge, Objection};
use crate::problem::{Problem, ProblemKind};
use crate::units::{Count, HumanDuration};

/// What the checks of all sections share.
pub(crate) struct Checker<'a> {
    pub(crate) document: &'a Document,
    /// Where relative paths of the file start.
    pub(crate) directory: &'a Path,
    /// Hosts beyond loopback that traffic may go to.
    pub(crate) allow_remote: &'a [String],
    /// Who knows what this crate does not.
    pub(crate) knowledge: Option<&'static dyn Knowledge>,
    pub(crate) problems: Vec<Problem>,
}

impl Checker<'_> {
    /// Reports a problem at a field, or where it would stand.
    pub(crate) fn report(
        &mut self,
        field: &str,
        kind: ProblemKind,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report_at(&FieldPath::keys(field), kind, message, hint);
    }

    /// Reports a problem at element `index` of the list `field`, as the typed value counts them.
    pub(crate) fn report_element(
        &mut self,
        field: &str,
        index: usize,
        kind: ProblemKind,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let list = FieldPath::keys(field);
        let index = self.document.element_index(&list, index);
        self.report_at(&list.then(Step::Index(index)), kind, message, hint);
    }

    pub(crate) fn report_at(
        &mut self,
        path: &FieldPath,
        kind: ProblemKind,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let place = self.document.place_of(path);
        let problem = self.document.problem(place, kind).field(path).message(message).hint(hint);
        self.problems.push(problem);
    }

    /// Reports a value that is not possible.
    pub(crate) fn invalid(&mut self, field: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.report(field, ProblemKind::InvalidValue, message, hint);
    }

    /// Reports values that are not possible together: at the first that a flag or variable has set, since the file alone was
    /// well; else at the first.
    pub(crate) fn clash(&mut self, fields: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        if let Some(field) = self.to_blame(fields).or(fields.first().copied()) {
            self.invalid(field, message, hint);
        }
    }

    /// The first of these fields that a flag or variable has set.
    pub(crate) fn to_blame<'f>(&self, fields: &[&'f str]) -> Option<&'f str> {
        fields.iter().copied().find(|field| self.origin(field) != Origin::File)
    }

    /// Reports what those who know have against a value, if anything.
    pub(crate) fn object(&mut self, field: &str, objection: Option<Objection>) {
        if let Some(Objection { message, hint }) = objection {
            self.invalid(field, message, hint);
        }
    }

    /// The same of an element of a list.
    pub(crate) fn object_element(&mut self, field: &str, index: usize, objection: Option<Objection>) {
        if let Some(Objection { message, hint }) = objection {
            self.report_element(field, index, ProblemKind::InvalidValue, message, hint);
        }
    }

    /// Passes a value on; reports its absence, unless it was there and failed, or was misspelt and reported as such.
    pub(crate) fn required<T>(&mut self, field: &str, value: Option<T>, hint: &str) -> Option<T> {
        self.required_at(&FieldPath::keys(field), value, hint)
    }

    /// The same at any path.
    pub(crate) fn required_at<T>(&mut self, path: &FieldPath, value: Option<T>, hint: &str) -> Option<T> {
        if value.is_none() && !self.document.has_failed(path) && !self.document.has_misspelt(path) {
            let name = match path.steps().last() {
                Some(Step::Key(name)) => name.as_str(),
                Some(Step::Index(_)) | None => "an element",
            };
            self.report_at(path, ProblemKind::MissingField, format!("`{name}` is missing"), hint);
        }
        value
    }

    /// Whether a field of an element of a list was there and failed, or was misspelt, so that its absence means nothing.
    pub(crate) fn is_spoilt(&self, field: &str, index: usize, name: &str) -> bool {
        let list = FieldPath::keys(field);
        let index = self.document.element_index(&list, index);
        let path = list.then(Step::Index(index)).then(Step::Key(name.to_owned()));
        self.document.has_failed(&path) || self.document.has_misspelt(&path)
    }

    /// A count that must be at least 1.
    pub(crate) fn positive(&mut self, field: &str, value: Option<Count>, default: NonZeroU32) -> NonZeroU32 {
        let Some(Count(count)) = value else { return default };
        match u32::try_from(count).ok().and_then(NonZeroU32::new) {
            Some(count) => count,
            None => {
                let message = format!("`{count}` is not possible here");
                self.invalid(field, message, format!("give a whole number from 1 to {}", u32::MAX));
                default
            }
        }
    }

    /// A duration that must be above zero.
    pub(crate) fn lasting(&mut self, field: &str, value: Option<HumanDuration>, default: Duration) -> Duration {
        match value {
            Some(HumanDuration(Duration::ZERO)) => {
                self.invalid(field, "a duration of zero is not possible here", "give a duration above 0s");
                default
            }
            Some(HumanDuration(duration)) => duration,
            None => default,
        }
    }

    /// Who wrote the field.
    pub(crate) fn origin(&self, field: &str) -> Origin {
        self.document.origin_of(&FieldPath::keys(field))
    }

    /// A path as the user means it: relative to the file that names it, or to the working directory for a flag.
    pub(crate) fn resolve_path(&self, field: &str, path: &str) -> PathBuf {
        self.resolve_path_at(&FieldPath::keys(field), path)
    }

    /// The same of a field below a list.
    pub(crate) fn resolve_path_at(&self, field: &FieldPath, path: &str) -> PathBuf {
        match self.document.origin_of(field) {
            Origin::File => self.directory.join(path),
            Origin::Flag | Origin::Environment => PathBuf::from(path),
        }
    }
}

/// A default that is written as a literal.
pub(crate) const fn nonzero(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}
