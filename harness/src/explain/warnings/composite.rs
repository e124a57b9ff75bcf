//! Composite policies: what their order and their shares come to.

use super::placed::top;
use super::{Found, below};
use crate::explain::Subject;
use spanproof_generators::sampling::config::{Composite, Rule};
use spanproof_generators::sampling::version::{Deviation, Model};

/// Every composite policy, with the keys of its block and its name.
fn composites(subject: &Subject) -> Vec<(Vec<String>, String, &Composite)> {
    let mut found = Vec::new();
    for placed in subject.tails().flat_map(|(step, tail)| top(step, tail)) {
        if let Rule::Composite(composite) = &placed.policy.rule {
            found.push((below(&placed.keys, &["composite"]), placed.name(), composite));
        }
    }
    found
}

pub(super) fn order(subject: &Subject) -> Vec<Found> {
    if !Model::actual(subject.version).has(Deviation::CompositeOrder) {
        return Vec::new();
    }
    let differs = |composite: &Composite| {
        let written = composite.policies.iter().map(|policy| &policy.name);
        !composite.policy_order.is_empty() && !composite.policy_order.iter().eq(written)
    };
    let ignored = composites(subject).into_iter().filter(|(.., composite)| differs(composite));
    let found = ignored.map(|(keys, name, _)| {
        let message = format!("{name} does not heed its policy_order");
        let why = "its sub-policies are asked in the order in which they are written";
        let remedy = "write composite_sub_policy in the order that is meant";
        Found::new(below(&keys, &["policy_order"]), message, why, remedy).issue(Deviation::CompositeOrder.row().issue)
    });
    found.collect()
}

pub(super) fn unallocated(subject: &Subject) -> Vec<Found> {
    if !Model::actual(subject.version).has(Deviation::CompositeUnallocated) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (keys, name, composite) in composites(subject) {
        let has_share = |sub: &str| composite.rate_allocation.iter().any(|allocation| allocation.policy == sub);
        let without = composite.policies.iter().enumerate().filter(|(_, sub)| !has_share(&sub.name));
        found.extend(without.map(|(index, sub)| {
            let message = format!("`{}` of {name} keeps nothing", sub.name.escape_debug());
            let why = format!("it has no rate_allocation, which is 0 spans a second in {}", subject.version);
            let keys = below(&keys, &["composite_sub_policy", &index.to_string()]);
            let remedy = "give it a percentage under rate_allocation";
            Found::new(keys, message, why, remedy).issue(Deviation::CompositeUnallocated.row().issue)
        }));
    }
    found
}

pub(super) fn overallocated(subject: &Subject) -> Vec<Found> {
    let sum = |composite: &Composite| composite.rate_allocation.iter().map(|it| it.percent.max(0)).sum::<i64>();
    let over = composites(subject).into_iter().filter(|(.., composite)| sum(composite) > 100);
    let found = over.map(|(keys, name, composite)| {
        let message = format!("the shares of {name} come to {} %", sum(composite));
        let why = "each sub-policy is held to its own share and to the total by itself: together they keep more than \
                   max_total_spans_per_second";
        Found::new(below(&keys, &["rate_allocation"]), message, why, "let the percentages come to 100 or less")
    });
    found.collect()
}
