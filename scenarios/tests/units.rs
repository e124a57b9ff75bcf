//! What people may write for values with units, and what they are told when they may not.

use std::fmt::Debug;
use std::time::Duration;

use proptest::prelude::*;
use spanproof_scenarios::units::{Auto, ByteSize, Count, HumanDuration, Ppb, Rate, RateOf, SignedCount, TextForm};

fn refused<T: TextForm + Debug>(texts: &[&str]) -> String {
    let line = |text: &&str| {
        let Err(error) = text.parse::<T>() else { panic!("{text} is accepted") };
        format!("{text:?} at {}: {} ({})", error.at, error.message, error.hint)
    };
    texts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn durations_are_read_exactly() {
    let read = |text: &str| text.parse::<HumanDuration>().unwrap().0;
    assert_eq!(read("15s"), Duration::from_secs(15));
    assert_eq!(read("500ms"), Duration::from_millis(500));
    assert_eq!(read("1m30s"), Duration::from_secs(90));
    assert_eq!(read("1.5 s"), Duration::from_millis(1500));
    assert_eq!(read("0"), Duration::ZERO);
    assert_eq!(read("2h"), Duration::from_secs(7200));
}

#[test]
fn sizes_rates_shares_and_counts_are_read_exactly() {
    assert_eq!("3.5MiB".parse(), Ok(ByteSize(3_670_016)));
    assert_eq!("4096".parse(), Ok(ByteSize(4096)));
    assert_eq!("1.5 kB".parse(), Ok(ByteSize(1500)));
    assert_eq!("0.01%".parse(), Ok(Ppb(100_000)));
    assert_eq!("0.0000001%".parse(), Ok(Ppb(1)));
    assert_eq!("1,000,000".parse(), Ok(Count(1_000_000)));
    assert_eq!(["3", "-1", "-1_000"].map(str::parse), [3, -1, -1000].map(|number| Ok(SignedCount(number))));
    for refused in ["--1", "- 1", "-", "1.5", "-99999999999999999999"] {
        assert!(refused.parse::<SignedCount>().is_err(), "{refused}");
    }
    assert_eq!("5000".parse(), Ok(Rate { per_second: 5000.0, of: RateOf::Spans }));
    assert_eq!("0.5 traces/s".parse(), Ok(Rate { per_second: 0.5, of: RateOf::Traces }));
    assert_eq!("100k spans/s".parse(), Ok(Rate { per_second: 100_000.0, of: RateOf::Spans }));
    assert_eq!("auto".parse(), Ok(Auto::<Count>::Auto));
}

#[test]
fn printing_prefers_the_form_that_people_would_write() {
    assert_eq!(ByteSize(3_670_016).to_string(), "3.5MiB");
    assert_eq!(ByteSize(4097).to_string(), "4097B");
    assert_eq!(HumanDuration::from_secs(120).to_string(), "2m");
    assert_eq!(HumanDuration(Duration::from_millis(1500)).to_string(), "1500ms");
    assert_eq!(Ppb(100_000).to_string(), "0.01%");
    assert_eq!("5_000".parse::<Rate>().unwrap().to_string(), "5000 spans/s");
}

#[test]
fn what_is_refused_is_told_where_and_what_to_write() {
    insta::assert_snapshot!(
        [
            refused::<HumanDuration>(&["", "15", "15 parsecs", "1m30", "s", "-1s", "1e3s", "0.1ns", "99999999h"]),
            refused::<ByteSize>(&["big", "512M", "512mib", "3 bananas", "0.1B", "99999999TiB"]),
            refused::<Ppb>(&["2", "0.02", "two", "2 percent", "0.00000001%"]),
            refused::<Rate>(&["fast", "5000 spans", "5000 spans/min", "-5"]),
            refused::<Count>(&["1.5", "512 spans", "1,00", "12345678901234567890123"]),
            refused::<Auto<HumanDuration>>(&["automatic"]),
        ]
        .join("\n")
    );
}

fn reads_back<T: TextForm + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let text = value.to_string();
    prop_assert_eq!(&text.parse::<T>().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?, value);
    Ok(())
}

proptest! {
    /// Whatever is printed parses to the same value.
    #[test]
    fn every_value_reads_back_from_its_text(number in any::<u64>(), per_second in 0.0..1e9_f64, traces in any::<bool>()) {
        reads_back(&HumanDuration(Duration::from_nanos(number)))?;
        reads_back(&ByteSize(number))?;
        reads_back(&Ppb(number))?;
        reads_back(&Count(number))?;
        let per_second = (per_second * 1000.0).round() / 1000.0;
        reads_back(&Rate { per_second, of: if traces { RateOf::Traces } else { RateOf::Spans } })?;
    }

    /// Hostile text is refused with a position inside it (or at its end), never with a panic.
    #[test]
    fn no_text_panics(text in "\\PC{0,24}") {
        let errors = [
            text.parse::<HumanDuration>().err(), text.parse::<ByteSize>().err(), text.parse::<Ppb>().err(),
            text.parse::<Rate>().err(), text.parse::<Count>().err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(text.is_char_boundary(error.at), "{text:?} {error:?}");
        }
    }
}
