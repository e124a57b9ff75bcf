//! Policies with the keys that lead to them, those inside of others too.

use super::{Found, below};
use crate::collector_config::Step;
use crate::explain::Subject;
use spanproof_generators::sampling::config::{Policy, Rule, TailSampling};

/// A policy with the keys that lead to it.
pub(super) struct Placed<'a> {
    pub(super) keys: Vec<String>,
    pub(super) policy: &'a Policy,
}

impl Placed<'_> {
    /// What messages call it.
    pub(super) fn name(&self) -> String {
        format!("policy `{}`", self.policy.name.escape_debug())
    }

    /// Keys inside of its block.
    pub(super) fn setting(&self, name: &str) -> Vec<String> {
        below(&self.keys, &[self.policy.rule.kind(), name])
    }
}

/// The policies of a sampler, without those inside of others.
pub(super) fn top<'a>(step: &Step, tail: &'a TailSampling) -> Vec<Placed<'a>> {
    listed(&below(&step.keys(), &["policies"]), &tail.policies)
}

/// All policies of a sampler, those inside of others behind these.
pub(super) fn every<'a>(step: &Step, tail: &'a TailSampling) -> Vec<Placed<'a>> {
    let mut found = Vec::new();
    top(step, tail).into_iter().for_each(|placed| with_subs(placed, &mut found));
    found
}

/// What a check finds in each policy of each sampler, those inside of others too.
pub(super) fn in_each(subject: &Subject, find: impl Fn(&Placed<'_>) -> Option<Found>) -> Vec<Found> {
    subject.tails().flat_map(|(step, tail)| every(step, tail)).filter_map(|placed| find(&placed)).collect()
}

fn listed<'a>(keys: &[String], policies: &'a [Policy]) -> Vec<Placed<'a>> {
    let placed = |(index, policy): (usize, &'a Policy)| Placed { keys: below(keys, &[&index.to_string()]), policy };
    policies.iter().enumerate().map(placed).collect()
}

fn with_subs<'a>(placed: Placed<'a>, found: &mut Vec<Placed<'a>>) {
    let inside = match &placed.policy.rule {
        Rule::And(subs) => listed(&placed.setting("and_sub_policy"), subs),
        Rule::Drop(subs) => listed(&placed.setting("drop_sub_policy"), subs),
        Rule::Composite(composite) => listed(&placed.setting("composite_sub_policy"), &composite.policies),
        Rule::Not(sub) => vec![Placed { keys: placed.setting("not_sub_policy"), policy: sub }],
        _ => Vec::new(),
    };
    found.push(placed);
    inside.into_iter().for_each(|sub| with_subs(sub, found));
}
