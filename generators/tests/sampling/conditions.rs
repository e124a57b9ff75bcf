//! Conditions: what is read, what is not, and what holds.

use crate::spans::{span, span_with};
use proptest::prelude::*;
use spanproof_generators::model::{Attribute, Event, Value};
use spanproof_generators::sampling::ottl::{Condition, Context, Holds, Scene};
use spanproof_generators::sampling::trace::Span;
use spanproof_generators::sampling::tracestate::TraceState;

fn rich() -> Span<'static> {
    Span {
        name: "GET /healthz",
        kind: 2,
        status: 2,
        status_message: "timed out",
        flags: 257,
        root: true,
        trace_state: "a=1".into(),
        attributes: vec![
            Attribute::new("s", "text"),
            Attribute::new("i", 500),
            Attribute::new("d", 2.5),
            Attribute::new("b", true),
            Attribute::new("y", Value::Bytes(vec![0xab, 1])),
            Attribute::new("e", Value::Empty),
            Attribute::new("z", Value::Bytes(vec![])),
            Attribute::new("l", Value::Array(vec![])),
        ]
        .into(),
        resource: Box::leak(Box::new([Attribute::new("service.name", "cart")])),
        scope_name: "lib",
        scope_version: "1.2",
        ..span()
    }
}

fn holds(text: &str) -> Holds {
    let condition = Condition::parse(text, Context::Span);
    assert_eq!(condition.unreadable(), None, "{text}");
    condition.holds(&Scene::Span(&rich()))
}

#[test]
fn comparisons_hold_as_the_collector_has_them() {
    for text in [
        r#"name == "GET /healthz""#,
        r#"span.name != "x""#,
        r#"attributes["s"] == "text" and resource.attributes["service.name"] == "cart""#,
        r#"span.attributes["s"] < "texu""#,
        r#"attributes["i"] >= 500"#,
        r#"attributes["i"] == 500.0"#,
        r#"500 <= attributes["i"]"#,
        r#"attributes["d"] > 2"#,
        r#"attributes["d"] == 2.5"#,
        r#"attributes["i"] > -1"#,
        r#"attributes["b"] == true"#,
        r#"attributes["b"] > false"#,
        r#"attributes["y"] == 0xab01"#,
        r#"attributes["none"] == nil"#,
        r#"attributes["e"] == nil"#,
        r#"attributes["z"] == nil"#,
        r#"IsMatch(attributes["z"], "^$")"#,
        r#"nil <= nil"#,
        r#"attributes["s"] != nil"#,
        r#"attributes["s"] != 5"#,
        r#"attributes["none"] != 5"#,
        r#"attributes["l"] != nil"#,
        "kind == SPAN_KIND_SERVER",
        "kind == 2",
        r#"kind.string == "Server""#,
        r#"kind.deprecated_string == "SPAN_KIND_SERVER""#,
        "status.code == STATUS_CODE_ERROR",
        r#"status.message == "timed out""#,
        "flags == 257",
        r#"trace_state == "a=1""#,
        r#"scope.name == "lib" and instrumentation_scope.version == "1.2""#,
        "IsRootSpan()",
        "parent_span_id == SpanID(0x0000000000000000)",
        r#"IsMatch(name, "^GET /health")"#,
        r#"IsMatch(attributes["i"], "^5\\d\\d$")"#,
        r#"IsMatch(attributes["d"], "^2[.]5$")"#,
        r#"IsMatch(attributes["b"], "true")"#,
        r#"IsMatch(attributes["y"], "^ab01$")"#,
        r#"IsMatch(attributes["none"], ".*") == false"#,
        "true",
        "not false",
        r#"not name == "x""#,
        "false or true and true",
        "true or false and false",
        "not (false or false)",
        r#"name == "GET \u002fhealthz""#,
    ] {
        assert_eq!(holds(text), Holds::Yes, "{text}");
        assert_eq!(holds(&format!("not ({text})")), Holds::No, "{text}");
    }
}

#[test]
fn values_of_different_types_are_different_and_nothing_else() {
    for text in [
        r#"attributes["s"] == 5"#,
        r#"attributes["s"] < 5"#,
        r#"attributes["i"] == "500""#,
        r#"attributes["none"] < 5"#,
        r#"attributes["none"] >= 5"#,
        r#"attributes["b"] == "true""#,
        r#"attributes["l"] == nil"#,
        r#"attributes["y"] == nil"#,
        r#"name == "get /healthz""#,
        "parent_span_id == nil",
    ] {
        assert_eq!(holds(text), Holds::No, "{text}");
    }
}

#[test]
fn what_is_not_known_stays_unknown_unless_the_rest_settles_it() {
    let list = r#"attributes["l"] == attributes["l"]"#;
    assert!(matches!(holds(list), Holds::Unknown(_)));
    assert!(matches!(holds(&format!("not {list}")), Holds::Unknown(_)));
    assert_eq!(holds(&format!("{list} or true")), Holds::Yes);
    assert_eq!(holds(&format!("{list} and false")), Holds::No);
    assert!(matches!(holds(&format!("{list} and true")), Holds::Unknown(_)));
    assert!(matches!(holds(r#"IsMatch(attributes["l"], "x")"#), Holds::Unknown(_)));
}

#[test]
fn doubles_are_matched_as_json_writes_them() {
    let matches = |number: f64, pattern: &str| {
        let condition = Condition::parse(&format!(r#"IsMatch(attributes["d"], "^{pattern}$")"#), Context::Span);
        condition.holds(&Scene::Span(&span_with("d", number)))
    };
    for (number, pattern) in
        [(7.0, "7"), (0.1, "0[.]1"), (1e-7, "1e-7"), (1e21, "1e[+]21"), (123_456_789.5, "123456789[.]5"), (-2.0, "-2")]
    {
        assert_eq!(matches(number, pattern), Holds::Yes, "{number}");
    }
    assert_eq!(matches(f64::NAN, ".*"), Holds::Fails);
}

#[test]
fn events_and_resources_have_conditions_of_their_own() {
    let event = Event {
        offset_ns: 0,
        name: "exception".to_owned(),
        attributes: vec![Attribute::new("exception.type", "E")],
        dropped_attributes: 0,
    };
    let span = rich();
    let of_event = |text| Condition::parse(text, Context::SpanEvent).holds(&Scene::Event(&span, &event));
    assert_eq!(of_event(r#"name == "exception" and attributes["exception.type"] == "E""#), Holds::Yes);
    assert_eq!(of_event(r#"spanevent.name == "exception" and span.name == "GET /healthz""#), Holds::Yes);
    assert_eq!(of_event(r#"resource.attributes["service.name"] == "other""#), Holds::No);
    let of_resource = |text| Condition::parse(text, Context::Resource).holds(&Scene::Resource(&span));
    assert_eq!(of_resource(r#"attributes["service.name"] == "cart""#), Holds::Yes);
    assert_eq!(of_resource(r#"resource.attributes["service.name"] == "cart""#), Holds::Yes);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (text, column, what) in [
        ("", 1, "a value is missing"),
        ("name", 1, "compared with nothing"),
        ("name ==", 8, "a value is missing"),
        (r#"name == "x" "#, 0, ""),
        (r#"name == "x" name"#, 13, "goes on"),
        (r#"(name == "x""#, 13, "`)` is missing"),
        (r#"name = "x""#, 1, "compared with nothing"),
        (r#"name == 'x'"#, 9, "no word"),
        (r#"name == "x"#, 9, "no word"),
        ("end_time_unix_nano - start_time_unix_nano > 5", 1, "`end_time_unix_nano` is not read"),
        ("kind + 1 == 2", 6, "arithmetic"),
        (r#"Len(name) > 3"#, 1, "function `Len`"),
        (r#"attributes["a"]["b"] == 1"#, 16, "keys inside"),
        (r#"attributes["a"][0] == 1"#, 16, "keys inside"),
        (r#"attributes[name] == 1"#, 12, "only strings"),
        ("attributes == 1", 1, "`attributes` is not read"),
        (r#"IsMatch(name, "(")"#, 15, "regular expression"),
        ("kind == SPAN_KIND_NONE", 9, "`SPAN_KIND_NONE` is not known"),
        (r#"spanevent.name == "x""#, 1, "`spanevent.name`"),
        ("status.code == 99999999999999999999", 16, "too large"),
        (r#"attributes["y"] == 0xabc"#, 20, "even number"),
        (r#"caf\u{e9} == 1"#, 4, "no word"),
        (r#"name == "\q""#, 9, "no word"),
    ] {
        let condition = Condition::parse(text, Context::Span);
        match condition.unreadable() {
            None => assert_eq!(column, 0, "{text} is read"),
            Some(error) => {
                assert_eq!(error.column, column, "{text}: {error}");
                assert!(error.what.contains(what), "{text}: {error}");
                assert!(matches!(condition.holds(&Scene::Span(&span())), Holds::Unknown(told) if told.contains(text)));
            }
        }
    }
    let deep = format!("{}true{}", "(".repeat(100), ")".repeat(100));
    assert!(Condition::parse(&deep, Context::Span).unreadable().is_some());
    let minus = format!("{}1 == 1", "-".repeat(100_000));
    assert!(Condition::parse(&minus, Context::Span).unreadable().is_some());
}

#[test]
fn the_keys_that_a_condition_looks_at_are_known() {
    let text = r#"attributes["a"] == 1 or not (IsMatch(resource.attributes["b"], "x") and trace_state == "")"#;
    let condition = Condition::parse(text, Context::Span);
    assert_eq!(condition.keys(), ["a", "b"]);
    assert!(condition.reads_trace_state());
    assert!(!Condition::parse("true", Context::Span).reads_trace_state());
    assert_eq!((condition.text(), condition.context()), (text, Context::Span));
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_refused(text in r#"([a-z.]{1,6}|[ ()\[\]"\\=<>!-]|IsMatch\(|and |or |not |0x|[0-9é]){0,24}"#) {
        for context in [Context::Resource, Context::Span] {
            let condition = Condition::parse(&text, context);
            let unread = condition.unreadable().is_some();
            prop_assert_eq!(unread, matches!(condition.holds(&Scene::Span(&span())), Holds::Unknown(_)));
        }
    }

    #[test]
    fn no_header_and_no_expression_is_too_odd_to_be_refused(text in r"([a-z]{1,3}|ot=|th:|rv:|[,;=:@ \[\](){}^\\?*+|\-é]|[0-9a-f]{1,15}){0,24}") {
        let _ = spanproof_generators::sampling::pattern::Pattern::new(&text);
        if let Ok(state) = TraceState::parse(&text) {
            // What was read once reads again, and says the same.
            let written = state.write();
            let again = TraceState::parse(&written).unwrap();
            prop_assert_eq!((again.randomness(), again.threshold()), (state.randomness(), state.threshold()));
            prop_assert_eq!(again.write(), written);
        }
    }
}
