//! Who is asked by a `composite` policy, in which order, and what each may keep.

use crate::sampling::config::{Composite, Policy};
use crate::sampling::version::{Deviation, Model};

/// The sub-policies in the order in which they are asked, each with the spans a second that it may keep.
pub(super) fn allocations(composite: &Composite, model: Model) -> Vec<(&Policy, i64)> {
    let mut subs: Vec<_> = composite.policies.iter().map(|policy| (policy, share(composite, policy, model))).collect();
    if !model.has(Deviation::CompositeOrder) {
        let place = |policy: &Policy| composite.policy_order.iter().position(|name| *name == policy.name);
        // Those that the order does not name are asked last, as they are written: the sort is stable.
        subs.sort_by_key(|(policy, _)| place(policy).unwrap_or(usize::MAX));
    }
    subs
}

/// A share in percent, cut to whole spans as Go cuts it; of several allocations to one sub-policy the last counts.
fn share(composite: &Composite, policy: &Policy, model: Model) -> i64 {
    let max = composite.max_total_spans_per_second as f64;
    let equal = max / composite.policies.len() as f64;
    let allocation = composite.rate_allocation.iter().rev().find(|allocation| allocation.policy == policy.name);
    match allocation {
        Some(allocation) if allocation.percent > 0 => (allocation.percent as f64 / 100.0 * max) as i64,
        Some(_) => equal as i64,
        None if model.has(Deviation::CompositeUnallocated) => 0,
        None => equal as i64,
    }
}
