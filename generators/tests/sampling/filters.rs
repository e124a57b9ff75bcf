//! The processor `filter`, in both of its syntaxes.

use crate::spans::{span, span_of_resource, span_with};
use spanproof_generators::model::Value;
use spanproof_generators::sampling::config::{
    AttributeMatch, ErrorMode, Filter, Library, MatchProperties, MatchType, SpanConditions, SpanMatch,
};
use spanproof_generators::sampling::filter::{Passage, ReadyFilter};
use spanproof_generators::sampling::ottl::{Condition, Context};
use spanproof_generators::sampling::trace::Span;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn named(name: &'static str) -> Span<'static> {
    Span { name, kind: 2, ..span() }
}

fn excluding(properties: MatchProperties) -> ReadyFilter {
    ReadyFilter::new(&Filter { spans: SpanMatch { include: None, exclude: Some(properties) }, ..Filter::default() })
}

fn attribute(key: &str, value: Option<Value>) -> Vec<AttributeMatch> {
    vec![AttributeMatch { key: key.to_owned(), value }]
}

fn drops(filter: &ReadyFilter, span: &Span<'_>) -> bool {
    match filter.passage(span) {
        Passage::Passes => false,
        Passage::Dropped => true,
        Passage::Unknown(what) => panic!("{what}"),
    }
}

#[test]
fn the_old_syntax_compares_strings_or_matches_them() {
    let strict =
        MatchProperties { span_names: strings(&["GET /healthz", "x"]), ..MatchProperties::of(MatchType::Strict) };
    assert!(drops(&excluding(strict.clone()), &named("GET /healthz")));
    assert!(!drops(&excluding(strict), &named("GET /healthz2")));
    let regexp = MatchProperties { span_names: strings(&["^GET /health"]), ..MatchProperties::of(MatchType::Regexp) };
    assert!(drops(&excluding(regexp), &named("GET /healthz")));
}

#[test]
fn include_drops_the_rest_and_exclude_what_matches() {
    let of =
        |name: &str| Some(MatchProperties { span_names: strings(&[name]), ..MatchProperties::of(MatchType::Regexp) });
    let filter = ReadyFilter::new(&Filter {
        spans: SpanMatch { include: of("^GET"), exclude: of("healthz") },
        ..Filter::default()
    });
    assert!(!drops(&filter, &named("GET /cart")));
    assert!(drops(&filter, &named("GET /healthz")));
    assert!(drops(&filter, &named("POST /cart")));
}

#[test]
fn all_properties_that_are_given_must_hold() {
    let both = MatchProperties {
        span_kinds: strings(&["SPAN_KIND_SERVER"]),
        span_names: strings(&["a"]),
        ..MatchProperties::of(MatchType::Strict)
    };
    assert!(drops(&excluding(both.clone()), &named("a")));
    assert!(!drops(&excluding(both.clone()), &named("b")));
    assert!(!drops(&excluding(both), &Span { kind: 3, ..named("a") }));
}

#[test]
fn services_are_those_of_the_resource_and_none_has_a_name_of_its_own() {
    let of =
        |service: &str| MatchProperties { services: strings(&[service]), ..MatchProperties::of(MatchType::Strict) };
    assert!(drops(&excluding(of("cart")), &span_of_resource("service.name", "cart")));
    assert!(!drops(&excluding(of("cart")), &span_with("service.name", "cart")));
    assert!(drops(&excluding(of("<nil-service-name>")), &span()));
    assert_eq!(excluding(of("cart")).keys(), ["service.name"]);
}

#[test]
fn attributes_are_equal_in_type_and_value_or_match_as_text() {
    let strict =
        |value| MatchProperties { attributes: attribute("k", value), ..MatchProperties::of(MatchType::Strict) };
    assert!(drops(&excluding(strict(Some(500.into()))), &span_with("k", 500)));
    assert!(!drops(&excluding(strict(Some(500.into()))), &span_with("k", "500")));
    assert!(!drops(&excluding(strict(Some(500.into()))), &span_with("k", 500.0)));
    assert!(drops(&excluding(strict(None)), &span_with("k", true)));
    assert!(!drops(&excluding(strict(None)), &span()));
    let regexp = |text: &str| MatchProperties {
        attributes: attribute("k", Some(text.into())),
        ..MatchProperties::of(MatchType::Regexp)
    };
    assert!(drops(&excluding(regexp("^5..$")), &span_with("k", 500)));
    assert!(drops(&excluding(regexp("^tr")), &span_with("k", true)));
    assert!(drops(&excluding(regexp("^2[.]5$")), &span_with("k", 2.5)));
    assert!(!drops(&excluding(regexp(".*")), &span_with("k", Value::Array(vec![]))));
}

#[test]
fn resources_and_libraries_must_match_too() {
    let resource =
        MatchProperties { resources: attribute("k", Some("v".into())), ..MatchProperties::of(MatchType::Strict) };
    assert!(drops(&excluding(resource.clone()), &span_of_resource("k", "v")));
    assert!(!drops(&excluding(resource), &span_with("k", "v")));
    let library = |version: Option<&str>| MatchProperties {
        libraries: vec![Library { name: "lib".to_owned(), version: version.map(str::to_owned) }],
        ..MatchProperties::of(MatchType::Strict)
    };
    let of_lib = Span { scope_name: "lib", scope_version: "1", ..span() };
    assert!(drops(&excluding(library(None)), &of_lib));
    assert!(drops(&excluding(library(Some("1"))), &of_lib));
    assert!(!drops(&excluding(library(Some("2"))), &of_lib));
    assert!(!drops(&excluding(library(None)), &span()));
}

#[test]
fn an_expression_that_cannot_be_read_leaves_everything_unknown() {
    let bad = MatchProperties { span_names: strings(&["("]), ..MatchProperties::of(MatchType::Regexp) };
    assert!(matches!(excluding(bad).passage(&span()), Passage::Unknown(what) if what.contains("`(`")));
}

fn conditions(resource: &[&str], span: &[&str], error_mode: ErrorMode) -> ReadyFilter {
    let read = |texts: &[&str], context| texts.iter().map(|text| Condition::parse(text, context)).collect();
    let group = SpanConditions {
        resource: read(resource, Context::Resource),
        span: read(span, Context::Span),
        span_event: read(&["true"], Context::SpanEvent),
        error_mode,
    };
    ReadyFilter::new(&Filter { conditions: vec![group], ..Filter::default() })
}

#[test]
fn one_condition_is_enough_and_conditions_on_events_drop_no_span() {
    let filter = conditions(
        &[r#"attributes["service.name"] == "noise""#],
        &[r#"name == "GET /healthz""#, "kind == SPAN_KIND_CLIENT"],
        ErrorMode::Ignore,
    );
    assert!(drops(&filter, &named("GET /healthz")));
    assert!(drops(&filter, &Span { kind: 3, ..named("x") }));
    assert!(drops(&filter, &span_of_resource("service.name", "noise")));
    assert!(!drops(&filter, &named("GET /cart")));
    assert_eq!(filter.keys(), ["service.name"]);
}

#[test]
fn what_fails_is_passed_over_or_refuses_the_request() {
    let odd = span_with("d", f64::NAN);
    let list = [r#"IsMatch(attributes["d"], "x")"#, "true"];
    assert!(drops(&conditions(&[], &list, ErrorMode::Ignore), &odd));
    let refused = conditions(&[], &list, ErrorMode::Propagate).passage(&odd);
    assert!(matches!(refused, Passage::Unknown(what) if what.contains("the whole request")));
    let unread = conditions(&[], &["Len(name) > 3"], ErrorMode::Ignore);
    assert!(matches!(unread.passage(&odd), Passage::Unknown(_)));
    assert!(drops(&conditions(&[], &["Len(name) > 3", "true"], ErrorMode::Ignore), &odd));
}

#[test]
fn a_filter_without_rules_passes_everything() {
    assert!(!drops(&ReadyFilter::new(&Filter::default()), &span()));
}
