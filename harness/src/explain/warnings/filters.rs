//! Filters and samplers of spans that leave nothing.

use super::{Found, below};
use crate::collector_config::{Does, Step};
use crate::explain::Subject;
use crate::explain::quantity::short;
use crate::explain::sentence::kept_by_hash;
use spanproof_generators::sampling::config::{Filter, MatchProperties, MatchType, Mode};

/// A filter that takes more than this of real traffic is told.
const MUCH_PERCENT: f64 = 10.0;

const REMEDY: &str = "name what is to be dropped: anchor the expression (`^GET /healthz$`), or compare with `==`";

pub(super) fn broad(subject: &Subject) -> Vec<Found> {
    let mut found = Vec::new();
    for step in subject.steps() {
        if let Does::Filters(filter) = &step.does {
            let always = of_filter(step, filter);
            if always.is_empty() {
                found.extend(of_traffic(subject, step));
            }
            found.extend(always);
        }
    }
    found
}

/// What a filter takes of the traffic that it is held against, health checks aside, if that is much.
fn of_traffic(subject: &Subject, step: &Step) -> Option<Found> {
    let (shares, traffic) = (subject.shares.as_ref()?, subject.traffic.as_ref()?);
    let id = step.component.to_string();
    let mut stages = shares.ways.iter().flat_map(|way| &way.stages);
    let stage = stages.find(|stage| stage.component == id && stage.reached > 0)?;
    let percent = 100.0 * stage.dropped_of_users as f64 / stage.reached as f64;
    let message =
        format!("`{id}` drops {} % of the spans of `{}`, health checks aside", short(percent), traffic.workload);
    let why = "that is more than noise: what is dropped is in no trace, and its children are orphans";
    (percent > MUCH_PERCENT).then(|| Found::new(step.keys(), message, why, REMEDY))
}

fn of_filter(step: &Step, filter: &Filter) -> Vec<Found> {
    let message = || format!("`{}` drops every span", step.component);
    let conditions = filter.conditions.iter().flat_map(|it| it.resource.iter().chain(&it.span));
    let broad = conditions.map(|condition| condition.text()).filter(|text| holds_always(text));
    let of_condition = |text: &str| Found::new(step.keys(), message(), always(text), REMEDY);
    let mut found: Vec<Found> = broad.map(of_condition).collect();
    if let Some(exclude) = filter.spans.exclude.as_ref().filter(|exclude| matches_all(exclude)) {
        let keys = below(&step.keys(), &["spans", "exclude"]);
        let any = exclude.span_names.iter().chain(&exclude.services).find(|value| is_any(value));
        found.push(Found::new(keys, message(), matching(any.map_or("", String::as_str)), REMEDY));
    }
    found
}

fn matching(expression: &str) -> String {
    format!("`{}` matches every text: expressions match anywhere in it", expression.escape_debug())
}

fn always(text: &str) -> String {
    expression(text).map_or_else(|| format!("`{}` always holds", text.trim().escape_debug()), matching)
}

/// Whether a condition holds for every span that has what it looks at.
fn holds_always(text: &str) -> bool {
    text.trim() == "true" || expression(text).is_some_and(is_any)
}

/// The expression of a condition that is nothing but `IsMatch(PATH, "EXPRESSION")`.
fn expression(text: &str) -> Option<&str> {
    let arguments = text.trim().strip_prefix("IsMatch(")?.strip_suffix(')')?;
    let (path, expression) = arguments.split_once(',')?;
    let expression = expression.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!path.contains('(') && !expression.contains('"')).then_some(expression)
}

/// Whether a regular expression matches any text.
fn is_any(expression: &str) -> bool {
    let inner = expression.trim_start_matches('^').trim_end_matches('$');
    // Between two anchors nothing matches the empty text only.
    let is_empty_only = expression.starts_with('^') && expression.ends_with('$') && inner.is_empty();
    matches!(inner, "" | ".*" | ".+" | ".*?" | ".+?" | "(.*)" | "(.+)") && !is_empty_only
}

fn matches_all(properties: &MatchProperties) -> bool {
    let asks_more = !properties.attributes.is_empty()
        || !properties.resources.is_empty()
        || !properties.libraries.is_empty()
        || !properties.span_kinds.is_empty();
    let lists = [&properties.span_names, &properties.services];
    let mut given = lists.into_iter().filter(|values| !values.is_empty()).peekable();
    properties.match_type == MatchType::Regexp
        && !asks_more
        && given.peek().is_some()
        && given.all(|values| values.iter().any(|value| is_any(value)))
}

pub(super) fn sampler_keeps_nothing(subject: &Subject) -> Vec<Found> {
    let mut found = Vec::new();
    for step in subject.steps() {
        let Does::SamplesSpans(sampler) = &step.does else { continue };
        let keeps = match sampler.mode {
            Mode::HashSeed => kept_by_hash(sampler.percentage) > 0.0,
            Mode::Proportional | Mode::Equalizing => sampler.percentage > 0.0,
        };
        if keeps {
            continue;
        }
        let why = if sampler.percentage > 0.0 {
            format!("{} % of 16,384 buckets is less than one", sampler.percentage)
        } else {
            "sampling_percentage is 0, as it is when it is left out".to_owned()
        };
        let keys = below(&step.keys(), &["sampling_percentage"]);
        let message = format!("`{}` keeps nothing", step.component);
        let remedy = "raise it to 0.0062 or more, or use `mode: proportional`, which has finer steps";
        found.push(Found::new(keys, message, why, remedy));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conditions_that_always_hold_are_broad() {
        let broad =
            ["true", " true ", r#"IsMatch(name, ".*")"#, r#"IsMatch(span.name, "^.*$")"#, r#"IsMatch(name, "")"#];
        broad.iter().for_each(|text| assert!(holds_always(text), "{text}"));
        let narrow = [
            r#"name == "GET /healthz""#,
            r#"IsMatch(name, "^$")"#,
            r#"IsMatch(name, "health.*")"#,
            r#"IsMatch(name, ".*") and kind == 1"#,
            "kind == SPAN_KIND_CLIENT",
        ];
        narrow.iter().for_each(|text| assert!(!holds_always(text), "{text}"));
    }
}
