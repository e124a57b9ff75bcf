//! How far a rule reaches, as far as its settings alone tell: every trace, none, or some; and whether one rule covers another.

use super::sentence::allocated;
use super::traffic::Traffic;
use spanproof_generators::sampling::config::{Composite, Limit, Policy, Rule, StringAttribute};
use spanproof_generators::sampling::version::{Deviation, Model, Version};

/// From this length of key and value on a member of the tracestate is passed over.
const TRACE_STATE_MAX: usize = 256;

/// Which traces a rule wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// Every one.
    All,
    /// None, since what follows.
    None(String),
    /// Some.
    Some,
}

/// Which traces a rule wants; of this traffic, where it is known.
pub(super) fn reach(rule: &Rule, version: Version, traffic: Option<&Traffic>) -> Reach {
    let none = |why: &str| Reach::None(why.to_owned());
    match rule {
        Rule::AlwaysSample => Reach::All,
        Rule::Latency { threshold_ms, upper_threshold_ms } => {
            latency(*threshold_ms, *upper_threshold_ms, version, traffic)
        }
        Rule::NumericAttribute { key, invert: false, .. } | Rule::BooleanAttribute { key, invert: false, .. }
            if key.is_empty() =>
        {
            none("no attribute is named")
        }
        Rule::StringAttribute(string) => of_string(string),
        Rule::SpanCount { min_spans, max_spans } => spans(*min_spans, *max_spans, traffic),
        Rule::Probabilistic { percentage, .. } if *percentage >= 100.0 => Reach::All,
        Rule::Probabilistic { percentage, .. } if *percentage <= 0.0 => none("its percentage is 0"),
        Rule::RateLimiting(limit) | Rule::BytesLimiting(limit) => of_limit(limit),
        Rule::TraceState { key, values } => trace_state(key, values),
        Rule::And(subs) | Rule::Drop(subs) => of_all(subs, version, traffic),
        Rule::Not(sub) => match reach(&sub.rule, version, traffic) {
            Reach::All => Reach::None(format!("`{}` wants every trace", sub.name.escape_debug())),
            Reach::None(_) => Reach::All,
            Reach::Some => Reach::Some,
        },
        Rule::Composite(composite) => of_composite(composite, version, traffic),
        _ => Reach::Some,
    }
}

fn latency(threshold: i64, upper: i64, version: Version, traffic: Option<&Traffic>) -> Reach {
    let is_inclusive = Model::actual(version).has(Deviation::LatencyInclusive);
    match traffic.map(|traffic| traffic.longest_ms) {
        _ if upper > 0 && upper <= threshold => {
            Reach::None(format!("no time is above {threshold} ms and {upper} ms at most"))
        }
        Some(longest) if threshold > longest => {
            Reach::None(format!("no trace of the workload lasts longer than {longest} ms"))
        }
        _ if upper == 0 && (threshold < 0 || threshold == 0 && is_inclusive) => Reach::All,
        _ => Reach::Some,
    }
}

fn of_string(string: &StringAttribute) -> Reach {
    let has_values =
        if string.regex { !string.values.is_empty() } else { string.values.iter().any(|it| !it.is_empty()) };
    let why = if string.key.is_empty() {
        "no attribute is named"
    } else if !has_values {
        "no value is in an empty list"
    } else {
        return Reach::Some;
    };
    if string.invert { Reach::All } else { Reach::None(why.to_owned()) }
}

fn spans(min: i32, max: i32, traffic: Option<&Traffic>) -> Reach {
    match traffic.map(|traffic| traffic.spans_most) {
        Some(most) if i64::from(min) > most => {
            Reach::None(format!("no trace of the workload has more than {most} spans"))
        }
        _ if max < 0 => Reach::None(format!("no trace has {max} spans at most")),
        _ if min <= 1 && max == 0 => Reach::All,
        _ => Reach::Some,
    }
}

fn of_limit(limit: &Limit) -> Reach {
    if limit.per_second <= 0 && limit.capacity() <= 0 {
        Reach::None("its bucket is always empty".to_owned())
    } else {
        Reach::Some
    }
}

fn trace_state(key: &str, values: &[String]) -> Reach {
    if values.iter().any(|value| key.len() + value.len() < TRACE_STATE_MAX) {
        Reach::Some
    } else {
        Reach::None(
            "no value is in an empty list, and ones of 256 characters with their key are passed over".to_owned(),
        )
    }
}

fn of_all(subs: &[Policy], version: Version, traffic: Option<&Traffic>) -> Reach {
    let mut found = Reach::All;
    for sub in subs {
        match reach(&sub.rule, version, traffic) {
            Reach::All => {}
            Reach::None(why) => {
                return Reach::None(format!("`{}` inside of it never holds: {why}", sub.name.escape_debug()));
            }
            Reach::Some => found = Reach::Some,
        }
    }
    found
}

fn of_composite(composite: &Composite, version: Version, traffic: Option<&Traffic>) -> Reach {
    let keeps = |sub: &Policy| {
        allocated(sub, composite, version) > 0 && !matches!(reach(&sub.rule, version, traffic), Reach::None(_))
    };
    if composite.policies.iter().any(keeps) {
        Reach::Some
    } else {
        Reach::None("none of its sub-policies has a share and can want a trace".to_owned())
    }
}

/// Whether `wide` surely wants each trace that `narrow` wants.
pub(super) fn covers(wide: &Rule, narrow: &Rule, version: Version) -> bool {
    if has_memory(wide) {
        return false;
    }
    if wide == narrow || reach(wide, version, None) == Reach::All {
        return true;
    }
    match (wide, narrow) {
        (_, Rule::And(subs)) => subs.iter().any(|sub| covers(wide, &sub.rule, version)),
        (
            Rule::Latency { threshold_ms: low, upper_threshold_ms: 0 },
            Rule::Latency { threshold_ms: high, upper_threshold_ms: 0 },
        ) => low <= high,
        (Rule::StatusCode(wide), Rule::StatusCode(narrow)) => narrow.iter().all(|code| wide.contains(code)),
        (Rule::StringAttribute(wide), Rule::StringAttribute(narrow)) => {
            let alike = wide.key == narrow.key && wide.regex == narrow.regex && !wide.invert && !narrow.invert;
            alike && narrow.values.iter().all(|value| wide.values.contains(value))
        }
        (
            Rule::Probabilistic { percentage: wide, hash_salt: a },
            Rule::Probabilistic { percentage: narrow, hash_salt: b },
        ) => a == b && wide >= narrow,
        _ => false,
    }
}

/// Whether the answer depends on what was kept before.
fn has_memory(rule: &Rule) -> bool {
    match rule {
        Rule::RateLimiting(_) | Rule::BytesLimiting(_) | Rule::Composite(_) | Rule::Unknown { .. } => true,
        Rule::And(subs) | Rule::Drop(subs) => subs.iter().any(|sub| has_memory(&sub.rule)),
        Rule::Not(sub) => has_memory(&sub.rule),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanproof_generators::sampling::config::StatusCode;

    const V155: Version = Version::MEASURED;

    fn string(values: &[&str]) -> Rule {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Rule::StringAttribute(StringAttribute { key: "k".to_owned(), values, ..StringAttribute::default() })
    }

    fn latency_of(threshold_ms: i64, upper_threshold_ms: i64) -> Rule {
        Rule::Latency { threshold_ms, upper_threshold_ms }
    }

    fn probabilistic(percentage: f64) -> Rule {
        Rule::Probabilistic { percentage, hash_salt: String::new() }
    }

    #[test]
    fn rules_that_want_nothing_or_everything_are_told_from_the_others() {
        let of = |rule: &Rule| reach(rule, V155, None);
        let is_none = |rule: &Rule| matches!(of(rule), Reach::None(_));
        let limit = |per_second| Rule::RateLimiting(Limit { per_second, burst: 0 });
        for none in [string(&[]), string(&[""]), latency_of(5, 5), probabilistic(0.0), limit(0)] {
            assert!(is_none(&none), "{none:?}");
            assert!(is_none(&Rule::And(vec![Policy::new("a", none.clone())])), "{none:?}");
            assert_eq!(of(&Rule::Not(Box::new(Policy::new("a", none)))), Reach::All);
        }
        let all = [Rule::AlwaysSample, Rule::And(Vec::new()), probabilistic(100.0), latency_of(0, 0)];
        all.iter().for_each(|rule| assert_eq!(of(rule), Reach::All, "{rule:?}"));
        let some = [string(&["a"]), latency_of(5, 6), probabilistic(1.0), limit(1), Rule::TraceFlags];
        some.iter().for_each(|rule| assert_eq!(of(rule), Reach::Some, "{rule:?}"));
        assert_eq!(reach(&latency_of(0, 0), Version { minor: 157 }, None), Reach::Some);
    }

    #[test]
    fn a_rule_covers_what_is_narrower_and_nothing_else() {
        let covered = |wide: &Rule, narrow: &Rule| covers(wide, narrow, V155);
        let both = Rule::And(vec![Policy::new("a", string(&["x"])), Policy::new("b", probabilistic(10.0))]);
        assert!(covered(&string(&["x", "y"]), &both) && !covered(&both, &string(&["x"])));
        assert!(
            covered(&latency_of(100, 0), &latency_of(500, 0)) && !covered(&latency_of(500, 0), &latency_of(100, 0))
        );
        assert!(!covered(&latency_of(100, 200), &latency_of(150, 0)));
        assert!(covered(&probabilistic(20.0), &probabilistic(10.0)));
        let error = Rule::StatusCode(vec![StatusCode::Error]);
        assert!(covered(&Rule::StatusCode(vec![StatusCode::Ok, StatusCode::Error]), &error));
        let limit = Rule::RateLimiting(Limit { per_second: 5, burst: 0 });
        assert!(!covered(&limit, &limit), "each has a bucket of its own");
    }
}
