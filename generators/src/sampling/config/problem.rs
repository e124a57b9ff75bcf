//! What makes the processor `tail_sampling` refuse its configuration, or panic over it.

use super::{Policy, Rule, Strategy, TailSampling};
use crate::sampling::pattern::Pattern;
use std::collections::BTreeSet;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy `{policy}`: {kind}")]
pub struct Problem {
    /// The policy, with those around it: `outer/inner`.
    pub policy: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// Give it a name.
    #[error("has no name")]
    Unnamed,
    /// Rename one of them.
    #[error("another policy has this name")]
    Repeated,
    /// Use another type; one that an extension of the collector brings cannot be foretold.
    #[error("type `{0}` is not known")]
    UnknownType(String),
    /// Move it out: `and`, `drop` and `not` take the simple types, `and` and `drop` also `not`; `composite` the simple types and `and`.
    #[error("type `{inner}` must not stand inside `{outer}`")]
    Nested {
        /// The type around it.
        outer: String,
        /// The type that must not stand there.
        inner: String,
    },
    /// Name at least one status code.
    #[error("names no status code")]
    NoStatusCode,
    /// Write at least one condition.
    #[error("has no condition")]
    NoCondition,
    /// Repair the expression, whose syntax is RE2's; what is right there and not read here makes the policy's votes unknown.
    #[error("regular expression `{0}` cannot be read")]
    Pattern(String),
    /// Use `sampling_strategy: trace-complete`, or another policy.
    #[error("needs the whole trace, which `sampling_strategy: span-ingest` does not wait for")]
    NeedsWholeTrace,
    /// Set `min_value` or `max_value` to anything but 0.
    #[error("both bounds are 0 or missing: the collector panics at its first decision")]
    Boundless,
}

impl ProblemKind {
    /// Whether the collector does not even start.
    pub fn refuses_start(&self) -> bool {
        !matches!(self, Self::Boundless | Self::Pattern(_))
    }
}

impl TailSampling {
    /// Everything for which the collector refuses to start with these policies, or panics later, in their order.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        for policy in &self.policies {
            let mut add = |kind| found.push(Problem { policy: policy.name.clone(), kind });
            if policy.name.is_empty() {
                add(ProblemKind::Unnamed);
            } else if !names.insert(&policy.name) {
                add(ProblemKind::Repeated);
            }
            if self.strategy == Strategy::SpanIngest && policy.rule.stateful() {
                add(ProblemKind::NeedsWholeTrace);
            }
            within(policy, &policy.name, &mut found);
        }
        found
    }
}

fn within(policy: &Policy, path: &str, found: &mut Vec<Problem>) {
    let mut add = |kind| found.push(Problem { policy: path.to_owned(), kind });
    match &policy.rule {
        Rule::Unknown { kind } => add(ProblemKind::UnknownType(kind.clone())),
        Rule::StatusCode(codes) if codes.is_empty() => add(ProblemKind::NoStatusCode),
        Rule::OttlCondition(ottl) if ottl.span.is_empty() && ottl.span_event.is_empty() => {
            add(ProblemKind::NoCondition)
        }
        Rule::NumericAttribute { min_value, max_value, .. } if unset(*min_value) && unset(*max_value) => {
            add(ProblemKind::Boundless);
        }
        Rule::StringAttribute(attribute) if attribute.regex => {
            let bad = attribute.values.iter().filter(|text| Pattern::new(text).is_err());
            bad.for_each(|text| add(ProblemKind::Pattern(text.clone())));
        }
        Rule::And(subs) | Rule::Drop(subs) => inside(policy, subs, path, found),
        Rule::Not(sub) => inside(policy, std::slice::from_ref(sub), path, found),
        Rule::Composite(composite) => inside(policy, &composite.policies, path, found),
        _ => {}
    }
}

fn inside(outer: &Policy, subs: &[Policy], path: &str, found: &mut Vec<Problem>) {
    for sub in subs {
        let path = format!("{path}/{}", sub.name);
        if !may_stand_in(&outer.rule, &sub.rule) {
            let (outer, inner) = (outer.rule.kind().to_owned(), sub.rule.kind().to_owned());
            found.push(Problem { policy: path, kind: ProblemKind::Nested { outer, inner } });
        } else {
            within(sub, &path, found);
        }
    }
}

fn may_stand_in(outer: &Rule, inner: &Rule) -> bool {
    match inner {
        Rule::Not(_) => matches!(outer, Rule::And(_) | Rule::Drop(_)),
        Rule::And(_) => matches!(outer, Rule::Composite(_)),
        Rule::Drop(_) | Rule::Composite(_) => false,
        _ => true,
    }
}

/// The collector cannot tell a bound of 0 from none.
fn unset(bound: Option<i64>) -> bool {
    bound.is_none_or(|bound| bound == 0)
}
