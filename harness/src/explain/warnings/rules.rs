//! Policies that do not do what they look like.

use super::placed::{Placed, every, in_each, top};
use super::{Found, below};
use crate::collector_config::Step;
use crate::explain::Subject;
use crate::explain::quantity::{millis, time};
use crate::explain::reach::{Reach, covers, reach};
use spanproof_generators::sampling::config::{Policy, Rule, TailSampling};
use spanproof_generators::sampling::pattern::Pattern;
use spanproof_generators::sampling::version::{Deviation, Model};

pub(super) fn never(subject: &Subject) -> Vec<Found> {
    let tops = subject.tails().flat_map(|(step, tail)| top(step, tail));
    let found = tops.filter_map(|placed| {
        let reach = reach(&placed.policy.rule, subject.version, subject.traffic.as_ref());
        let Reach::None(why) = reach else { return None };
        let (does, remedy) = if placed.policy.drops() {
            ("drops", "correct it, or take it out")
        } else {
            ("keeps", "correct it, or take it out: what it was to keep is dropped")
        };
        Some(Found::new(placed.keys.clone(), format!("{} never {does} a trace", placed.name()), why, remedy))
    });
    found.collect()
}

pub(super) fn policies_missing(subject: &Subject) -> Vec<Found> {
    let empty = subject.tails().filter(|(_, tail)| tail.policies.is_empty());
    let found = empty.map(|(step, _)| {
        let why = "without a policy nobody wants a trace, and the collector starts all the same";
        let message = format!("`{}` keeps nothing", step.component);
        Found::new(
            below(&step.keys(), &["policies"]),
            message,
            why,
            "write at least one policy, such as `always_sample`",
        )
    });
    found.collect()
}

pub(super) fn shadowed(subject: &Subject) -> Vec<Found> {
    subject.tails().flat_map(|(step, tail)| shadowed_in(subject, step, tail)).collect()
}

fn shadowed_in(subject: &Subject, step: &Step, tail: &TailSampling) -> Vec<Found> {
    let keeping: Vec<Placed<'_>> = top(step, tail).into_iter().filter(|placed| !placed.policy.drops()).collect();
    let mut found = Vec::new();
    for (at, placed) in keeping.iter().enumerate() {
        let rule = &placed.policy.rule;
        if matches!(reach(rule, subject.version, None), Reach::None(_)) {
            continue;
        }
        // Of two that want the same the later one is the needless one.
        let by = keeping.iter().enumerate().find(|(other, wide)| {
            let wide = &wide.policy.rule;
            *other != at && covers(wide, rule, subject.version) && (*other < at || !covers(rule, wide, subject.version))
        });
        let Some((other, wide)) = by else { continue };
        let wide = format!("`{}`", wide.policy.name.escape_debug());
        let why = if tail.sample_on_first_match && other < at {
            format!(
                "{wide} stands before it and wants all that it wants, and sample_on_first_match ends the vote there"
            )
        } else {
            format!("{wide} keeps all that it could keep; one vote is enough")
        };
        let message = format!("{} makes no difference", placed.name());
        found.push(Found::new(placed.keys.clone(), message, why, format!("take it out, or narrow {wide}")));
    }
    found
}

pub(super) fn panics(subject: &Subject) -> Vec<Found> {
    in_each(subject, |placed| {
        let Rule::NumericAttribute { min_value, max_value, .. } = &placed.policy.rule else { return None };
        if min_value.unwrap_or(0) != 0 || max_value.unwrap_or(0) != 0 {
            return None;
        }
        let message = format!("{} makes the collector panic at its first decision", placed.name());
        let why = "both bounds are 0 or missing, and 0 means none to the collector: it is left without a rule";
        Some(Found::new(placed.keys.clone(), message, why, "set min_value or max_value to anything but 0"))
    })
}

pub(super) fn bound_of_zero(subject: &Subject) -> Vec<Found> {
    in_each(subject, |placed| {
        let Rule::NumericAttribute { min_value, max_value, .. } = &placed.policy.rule else { return None };
        let (bound, passes) = match (min_value, max_value) {
            (Some(0), Some(max)) if *max != 0 => ("min_value", "every value below 0"),
            (Some(min), Some(0)) if *min != 0 => ("max_value", "every value above 0"),
            _ => return None,
        };
        let message = format!("{} has no {bound}: {passes} passes, too", placed.name());
        let why = "0 means none to the collector, and a value that is no whole number counts as 0";
        let remedy = "bound it by 1 or -1, or add a second policy for the other sign";
        Some(Found::new(placed.setting(bound), message, why, remedy))
    })
}

pub(super) fn regex_unread(subject: &Subject) -> Vec<Found> {
    in_each(subject, |placed| {
        let Rule::StringAttribute(string) = &placed.policy.rule else { return None };
        let at = string.values.iter().position(|value| Pattern::new(value).is_err()).filter(|_| string.regex)?;
        let message = format!("`{}` of {} cannot be read", string.values[at].escape_debug(), placed.name());
        let why =
            "the collector refuses it, or reads it in a way that is not modelled: how the policy votes is unknown";
        let remedy = "repair it; the syntax is RE2's";
        Some(Found::new(below(&placed.setting("values"), &[&at.to_string()]), message, why, remedy))
    })
}

pub(super) fn drops_everything(subject: &Subject) -> Vec<Found> {
    let tops = subject.tails().flat_map(|(step, tail)| top(step, tail)).filter(|placed| placed.policy.drops());
    let all = tops.filter(|placed| reach(&placed.policy.rule, subject.version, None) == Reach::All);
    let found = all.map(|placed| {
        let why = "its sub-policies want every trace, as an empty list does, and drop goes before every other policy";
        Found::new(placed.keys.clone(), format!("{} drops every trace", placed.name()), why, "name what it is to drop")
    });
    found.collect()
}

pub(super) fn invert_no_veto(subject: &Subject) -> Vec<Found> {
    if !Model::actual(subject.version).has(Deviation::InvertIsNoVeto) {
        return Vec::new();
    }
    let has_others = |tail: &TailSampling| tail.policies.iter().filter(|policy| !policy.drops()).count() > 1;
    let tops = subject.tails().filter(|(_, tail)| has_others(tail)).flat_map(|(step, tail)| top(step, tail));
    let inverted = tops.filter(|placed| match &placed.policy.rule {
        Rule::NumericAttribute { invert, .. } | Rule::BooleanAttribute { invert, .. } => *invert,
        Rule::StringAttribute(string) => string.invert,
        _ => false,
    });
    let found = inverted.map(|placed| {
        let message = format!("{} keeps all traces without that value, and forbids none", placed.name());
        let why = "invert_match makes a vote like any other: traces that lack the attribute are kept by it, and those that have \
                   the value are kept if another policy wants them";
        let remedy = "to forbid, use a `drop` policy; to narrow, put it into an `and` policy";
        Found::new(placed.setting("invert_match"), message, why, remedy)
    });
    found.collect()
}

pub(super) fn latency_upper_bound(subject: &Subject) -> Vec<Found> {
    let issue = Deviation::LatencyUpperByPrefix.row().issue;
    in_each(subject, |placed| {
        let Rule::Latency { threshold_ms, upper_threshold_ms } = &placed.policy.rule else { return None };
        if *upper_threshold_ms == 0 || upper_threshold_ms <= threshold_ms {
            return None;
        }
        let message = format!("{} keeps traces far longer than its upper bound", placed.name());
        let why =
            "it looks at the spans so far, in the order in which they came, and stops when these lie within the bounds";
        let remedy = "leave the upper bound out, and beside it in an `and` policy put a `not` policy with a latency of that bound";
        Some(Found::new(placed.setting("upper_threshold_ms"), message, why, remedy).issue(issue))
    })
}

pub(super) fn latency_beyond_wait(subject: &Subject) -> Vec<Found> {
    let mut found = Vec::new();
    for (step, tail) in subject.tails() {
        for placed in every(step, tail) {
            let Rule::Latency { threshold_ms, .. } = &placed.policy.rule else { continue };
            if !u128::try_from(*threshold_ms).is_ok_and(|threshold| threshold > tail.decision_wait.as_millis()) {
                continue;
            }
            let message = format!("{} looks for traces longer than they are waited for", placed.name());
            let (wait, lasts) = (time(tail.decision_wait), millis(*threshold_ms));
            let why = format!(
                "a trace is decided {wait} after its first span came, and the span that makes it last {lasts} may come later"
            );
            let remedy = "raise decision_wait above the threshold, and num_traces with it";
            found.push(Found::new(placed.setting("threshold_ms"), message, why, remedy));
        }
    }
    found
}

pub(super) fn limit_before_rules(subject: &Subject) -> Vec<Found> {
    in_each(subject, |placed| {
        let Rule::And(subs) = &placed.policy.rule else { return None };
        let is_limit = |sub: &Policy| matches!(sub.rule, Rule::RateLimiting(_) | Rule::BytesLimiting(_));
        let at = subs.iter().position(is_limit).filter(|at| subs[at + 1..].iter().any(|sub| !is_limit(sub)))?;
        let message = format!("the limit of {} is spent on traces that it does not keep", placed.name());
        let why = "sub-policies are asked in their order: what passes the limit is counted, whether or not those behind want it";
        let keys = below(&placed.setting("and_sub_policy"), &[&at.to_string()]);
        Some(Found::new(keys, message, why, "put the limit last"))
    })
}

pub(super) fn setting_ignored(subject: &Subject) -> Vec<Found> {
    let found = subject.stages.ignored.iter().map(|ignored| {
        let name = ignored.keys.last().map_or("", String::as_str);
        let message = format!("`{}` counts for nothing", name.escape_debug());
        Found::new(ignored.keys.clone(), message, ignored.why.clone(), "take it out, or correct it")
    });
    found.collect()
}
