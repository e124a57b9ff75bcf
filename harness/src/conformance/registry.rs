//! Which cases there are. Each stands for one requirement, whose id its own begins with, and never changes its name.

use super::axes::Over;
use super::cases;
use super::judged::Judged;
use super::probe::Probe;
use super::raw::Unanswered;
use std::pin::Pin;

/// A case under way. An answer that does not come is an answer, too; what is our own doing makes it an error.
pub type Trying<'p> = Pin<Box<dyn Future<Output = Result<Judged, Unanswered>> + Send + 'p>>;

/// A case.
#[derive(Clone, Copy)]
pub struct Case {
    /// `HTTP-10/status`.
    pub id: &'static str,
    /// The ways in which it is tried.
    pub over: Over,
    /// What it takes.
    pub needs: &'static [Needs],
    /// What must hold before.
    pub control: Control,
    /// What it does.
    pub tries: for<'p> fn(&'p Probe) -> Trying<'p>,
}

/// What a case takes besides a target that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// That what comes out can be read back.
    ReadBack,
    /// Time: it waits, or moves much.
    Time,
    /// That the target's limit for requests is known.
    Limit,
}

/// What must hold for a case to mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Nothing: it is itself about whether good requests are taken.
    None,
    /// That a good request without anything odd is taken the same way, and comes out where that is needed.
    Twin,
}

impl Case {
    /// A case with a control.
    pub const fn new(id: &'static str, over: Over, tries: for<'p> fn(&'p Probe) -> Trying<'p>) -> Self {
        Self { id, over, needs: &[], control: Control::Twin, tries }
    }

    /// One that takes more.
    #[must_use]
    pub const fn needing(self, needs: &'static [Needs]) -> Self {
        Self { needs, ..self }
    }

    /// One that is itself about whether good requests are taken.
    #[must_use]
    pub const fn without_control(self) -> Self {
        Self { control: Control::None, ..self }
    }

    /// The requirement's id.
    pub fn requirement(&self) -> &'static str {
        self.id.split('/').next().unwrap_or(self.id)
    }

    /// Whether it takes something.
    pub fn needs(&self, what: Needs) -> bool {
        self.needs.contains(&what)
    }
}

/// Every case, in the order of the table as far as that matters.
pub fn all() -> Vec<Case> {
    [
        cases::grpc::CASES,
        cases::grpc_conduct::CASES,
        cases::http::CASES,
        cases::http_errors::CASES,
        cases::http_conduct::CASES,
        cases::compression::CASES,
        cases::size::CASES,
        cases::partial::CASES,
        cases::json::CASES,
        cases::json_values::CASES,
        cases::proto::CASES,
        cases::spans::CASES,
        cases::records::CASES,
        cases::points::CASES,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::not_yet::NOT_YET;
    use spanproof_scenarios::conformance::Table;
    use std::collections::BTreeSet;

    #[test]
    fn every_requirement_has_a_case_or_is_on_the_list_and_every_case_a_requirement() {
        let table = Table::embedded().unwrap();
        let known: BTreeSet<&str> = table.requirements().iter().map(|requirement| requirement.id.as_str()).collect();
        let tried: BTreeSet<&str> = all().iter().map(Case::requirement).collect();
        let waiting: BTreeSet<&str> = NOT_YET.iter().map(|waiting| waiting.id).collect();
        assert_eq!(tried.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "cases without a requirement");
        assert_eq!(waiting.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "listed, and no requirement");
        let both: Vec<_> = tried.intersection(&waiting).collect();
        assert!(both.is_empty(), "these have a case now; take them off the list: {both:?}");
        let neither: Vec<_> = known.iter().filter(|id| !tried.contains(*id) && !waiting.contains(*id)).collect();
        assert!(neither.is_empty(), "these have neither a case nor a place on the list: {neither:?}");
        assert_eq!(waiting.len(), NOT_YET.len(), "listed twice");
    }

    #[test]
    fn cases_are_named_below_their_requirement_and_only_once() {
        let cases = all();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.id).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            let (_, name) = case.id.split_once('/').unwrap();
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{name}"
            );
        }
    }
}
