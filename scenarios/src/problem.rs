//! What is wrong with a scenario: every problem with its place, as data first and as a diagnostic with a source snippet.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

/// One thing to repair.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// The file, or the flag or environment variable, that holds the culprit.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The field, such as `traffic.rate` or `limits[2]`; empty when it is the file as a whole.
    pub field: String,
    /// What sort of problem it is.
    pub kind: ProblemKind,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// How to repair it.
    pub hint: Option<String>,
    #[serde(skip)]
    excerpt: Excerpt,
}

/// The text around a problem.
#[derive(Debug, Clone)]
struct Excerpt {
    source: Arc<NamedSource<Arc<str>>>,
    span: Range<usize>,
}

/// Sorts of problems. Serialised as [`ProblemKind::code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// The file cannot be read.
    MissingFile,
    /// The file is not YAML.
    Syntax,
    /// A field that scenarios do not have.
    UnknownField,
    /// A choice, workload or scenario that does not exist.
    UnknownName,
    /// A field that must be given is not.
    MissingField,
    /// A list where a number belongs, and the like.
    WrongType,
    /// The right type, and yet not possible.
    InvalidValue,
    /// Two fields that cannot both hold.
    Contradiction,
    /// A flag that does not say what to change.
    Usage,
    /// An endpoint that is not loopback and that nobody allowed. Waived by naming `host` in
    /// [`LoadOptions::allow_remote`](crate::load::LoadOptions::allow_remote), the flag `--allow-remote HOST`.
    RemoteEndpoint {
        /// The host that would receive traffic.
        host: String,
    },
}

impl ProblemKind {
    /// A stable name for programs: `unknown_field`, `remote_endpoint`, ...
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingFile => "missing_file",
            Self::Syntax => "syntax",
            Self::UnknownField => "unknown_field",
            Self::UnknownName => "unknown_name",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::Contradiction => "contradiction",
            Self::Usage => "usage",
            Self::RemoteEndpoint { .. } => "remote_endpoint",
        }
    }
}

impl Serialize for ProblemKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl Problem {
    /// A problem at the bytes `span` of `text`, which people know as `name`.
    pub(crate) fn new(name: &str, text: &Arc<str>, span: Range<usize>, kind: ProblemKind) -> Self {
        let start = floor_boundary(text, span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            path: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            field: String::new(),
            kind,
            message: String::new(),
            hint: None,
            excerpt: Excerpt {
                source: Arc::new(NamedSource::new(name, Arc::clone(text))),
                span: start..floor_boundary(text, span.end).max(start),
            },
        }
    }

    /// A problem with the value of a flag that no field of a scenario stands for; shown where it was typed.
    pub fn of_flag(flag: &str, value: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let text = format!("{flag} {value}");
        let span = flag.len() + 1..text.len();
        Self::new(flag, &text.into(), span, ProblemKind::InvalidValue).message(message).hint(hint)
    }

    /// Whether it says the same of the same place.
    pub fn is_as(&self, other: &Self) -> bool {
        let place = |problem: &Self| (problem.path.clone(), problem.line, problem.column);
        place(self) == place(other) && self.to_string() == other.to_string()
    }

    /// Two faults that are switched on have the same name.
    pub fn of_twin(flag: &str, value: &str, name: &str) -> Self {
        let hint = "give each a name of its own, as in '{name: first, fault: reset}'";
        Self::of_flag(flag, value, format!("another fault is called `{name}`"), hint)
    }

    /// A problem with an environment variable, whose value is not shown: it may be a secret.
    pub fn of_variable(name: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(name, &"".into(), 0..0, ProblemKind::InvalidValue).message(message).hint(hint)
    }

    pub(crate) fn field(self, field: impl Display) -> Self {
        Self { field: field.to_string(), ..self }
    }

    pub(crate) fn message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Sets the hint; an empty one is none.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()).filter(|hint| !hint.is_empty()), ..self }
    }
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl std::error::Error for Problem {}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { field, message, .. } = self;
        if field.is_empty() { f.write_str(message) } else { write!(f, "{field}: {message}") }
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(format!("scenario::{}", self.kind.code())))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let empty = self.excerpt.source.inner().trim().is_empty();
        (!empty).then(|| &*self.excerpt.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.excerpt.span.clone()))))
    }
}

/// Every problem of one scenario; never empty.
#[derive(Debug, Clone)]
pub struct Problems {
    problems: Vec<Problem>,
}

impl Problems {
    /// Sorted by place: the scenario, called `main`, first, then other files, then flags. None when there is nothing to report.
    pub(crate) fn from_list(mut problems: Vec<Problem>, main: &str) -> Option<Self> {
        problems.sort_by_cached_key(|problem| {
            let is_flag = problem.path.starts_with('-');
            let other = !is_flag && problem.path != main;
            let file = if other { problem.path.clone() } else { String::new() };
            (is_flag, file, problem.line, problem.column)
        });
        (!problems.is_empty()).then_some(Self { problems })
    }

    /// What was loaded, unless something beside it is wrong too: then all problems together, the others last.
    ///
    /// # Errors
    /// Those of `loaded`, and `others`.
    pub fn with<T>(loaded: Result<T, Self>, others: Vec<Problem>) -> Result<T, Self> {
        match loaded {
            Ok(value) if others.is_empty() => Ok(value),
            Ok(_) => Err(Self { problems: others }),
            Err(Self { mut problems }) => {
                problems.extend(others);
                Err(Self { problems })
            }
        }
    }

    /// The problems, in the order of their places.
    pub fn list(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl std::error::Error for Problems {}

/// One line a problem, `path:line:column: field: message; hint`, for logs; the diagnostic is for people.
impl Display for Problems {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{}:{}: {problem}", problem.path, problem.line, problem.column)?;
            if let Some(hint) = &problem.hint {
                write!(f, "; {hint}")?;
            }
        }
        Ok(())
    }
}

impl Problems {
    /// A diagnostic for people: a headline and then each problem with its snippet.
    pub fn diagnostic(self) -> impl Diagnostic + Send + Sync + 'static {
        let paths: std::collections::BTreeSet<&str> = self.problems.iter().map(|problem| &*problem.path).collect();
        let count = match self.problems.len() {
            1 => "1 problem".to_owned(),
            more => format!("{more} problems"),
        };
        let headline = format!("{count} in {}", paths.into_iter().collect::<Vec<_>>().join(", "));
        Report { headline, problems: self.problems }
    }
}

/// The headline counts; the problems are the related diagnostics.
#[derive(Debug)]
struct Report {
    headline: String,
    problems: Vec<Problem>,
}

impl std::error::Error for Report {}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)
    }
}

impl Diagnostic for Report {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
