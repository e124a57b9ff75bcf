//! Headers that are read, refused and written.

use spanproof_generators::sampling::threshold::{Randomness, Threshold};
use spanproof_generators::sampling::tracestate::{TraceState, TraceStateError, member};

fn written(text: &str) -> Result<String, TraceStateError> {
    TraceState::parse(text).map(|state| state.write())
}

#[test]
fn a_header_is_written_as_it_came_but_for_the_order() {
    assert_eq!(written("").as_deref(), Ok(""));
    assert_eq!(
        written("vendor=x,ot=zz:1;th:C0;rv:ABCDEF01234567").as_deref(),
        Ok("ot=rv:ABCDEF01234567;th:C0;zz:1,vendor=x")
    );
    assert_eq!(written(" a=1 ,, b@c=2\t,").as_deref(), Ok("a=1,b@c=2"));
}

#[test]
fn a_threshold_is_raised_and_never_lowered() {
    let mut state = TraceState::parse("ot=th:8").unwrap();
    state.raise_threshold(Threshold::parse("4").unwrap());
    assert_eq!(state.write(), "ot=th:8");
    state.raise_threshold(Threshold::parse("c").unwrap());
    assert_eq!(state.write(), "ot=th:c");
    state.set_randomness(Randomness::HIGHEST);
    state.clear_threshold();
    assert_eq!(state.write(), "ot=rv:ffffffffffffff");
}

#[test]
fn malformed_headers_are_refused() {
    let long = format!("a={}", "x".repeat(1_030));
    let members = |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    let ot = format!("ot=a:{}", "x".repeat(254));
    let tenant = format!("{}@s=1", "t".repeat(242));
    for (text, error) in [
        (long.as_str(), TraceStateError::Size),
        (&members(32), TraceStateError::Size),
        (&tenant, TraceStateError::Size),
        ("bad bad", TraceStateError::Syntax),
        ("A=1", TraceStateError::Syntax),
        ("a=", TraceStateError::Syntax),
        ("a=\u{e9}", TraceStateError::Syntax),
        ("a=1=2", TraceStateError::Syntax),
        ("ot=th:8;", TraceStateError::Syntax),
        ("ot=th:8;;rv:1", TraceStateError::Syntax),
        ("ot=TH:8", TraceStateError::Syntax),
        ("ot=th", TraceStateError::Syntax),
        ("ot=th:8!", TraceStateError::Syntax),
        ("ot=th:", TraceStateError::Threshold),
        ("ot=th:0123456789abcde", TraceStateError::Threshold),
        ("ot=rv:xyz", TraceStateError::Randomness),
    ] {
        assert_eq!(written(text), Err(error), "{text}");
    }
    assert!(written(&members(31)).is_ok());
    // A value may have 256 characters, that of `ot` included.
    assert!(written(&ot).is_ok());
    assert!(written(&format!("{ot}x")).is_err());
}

#[test]
fn the_sdk_reads_members_and_refuses_repeated_ones() {
    assert_eq!(member("a=1, b=2 ,c@d=3", "b"), Some("2"));
    assert_eq!(member("a=1,c@d=3", "c@d"), Some("3"));
    assert_eq!(member("a=1,,b=2", "b"), Some("2"));
    assert_eq!(member("", "a"), None);
    for refused in ["a=1,a=2", "a=1,B=2", "a=1,b", "a=1, ", "a =1", "a=1,b=\u{7f}"] {
        assert_eq!(member(refused, "a"), None, "{refused}");
    }
    let members = |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    assert_eq!(member(&members(32), "k0"), Some("1"));
    assert_eq!(member(&members(33), "k0"), None);
}
