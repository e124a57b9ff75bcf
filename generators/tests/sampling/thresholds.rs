//! The arithmetic of thresholds and hashes.

use proptest::prelude::*;
use spanproof_generators::sampling::hash::{TailHash, buckets_kept, buckets_threshold, tail_threshold};
use spanproof_generators::sampling::threshold::{PROBABILITY_MIN, RANDOMNESS_VALUES, Randomness, Threshold};

proptest! {
    #[test]
    fn a_greater_probability_never_has_a_greater_threshold(a in PROBABILITY_MIN..1.0, b in PROBABILITY_MIN..1.0) {
        let of = |p| Threshold::of_probability(p, 14).unwrap();
        prop_assert!(of(f64::min(a, b)) >= of(f64::max(a, b)));
    }

    #[test]
    fn a_threshold_gives_back_its_probability_within_rounding(exponent in 0.0f64..50.0, precision in 1u8..=14) {
        let p = (-exponent).exp2();
        let threshold = Threshold::of_probability(p, precision).unwrap();
        // Whole digits are kept besides those that say nothing, and rounding is at most half of the last one. Of 2^56 values
        // one is the finest that can be told.
        let digit = 16f64.powi(-i32::from(precision)).max(PROBABILITY_MIN / p);
        prop_assert!((threshold.probability() / p - 1.0).abs() <= 8.0 * digit, "{p}: {threshold:?}");
    }

    #[test]
    fn text_and_threshold_are_the_same_thing(rejected in 0..RANDOMNESS_VALUES) {
        let threshold = Threshold::rejecting(rejected).unwrap();
        prop_assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
    }

    #[test]
    fn text_and_randomness_are_the_same_thing(word: u64) {
        let randomness = Randomness::new(word);
        prop_assert_eq!(Randomness::parse(&randomness.to_string()), Some(randomness));
        prop_assert!(Threshold::ALWAYS.keeps(randomness) && !Threshold::NEVER.keeps(randomness));
    }

    #[test]
    fn a_greater_percentage_keeps_whatever_a_smaller_one_does(a in 0.0f64..100.0, b in 0.0f64..100.0, id: [u8; 16]) {
        let (low, high) = (f64::min(a, b), f64::max(a, b));
        prop_assert!(tail_threshold(low) <= tail_threshold(high));
        prop_assert!(!TailHash::new(low, "s").keeps(&id) || TailHash::new(high, "s").keeps(&id));
        prop_assert!(buckets_kept(low as f32) <= buckets_kept(high as f32));
    }

    #[test]
    fn a_tail_threshold_is_the_product_within_the_big_floats_rounding(percent in 0.0f64..100.0) {
        // 2^64 - 1 times a ratio below 1: the double product is off by at most 2^11, the big float's by one.
        let double = (percent / 100.0) * 18_446_744_073_709_551_615.0;
        prop_assert!((tail_threshold(percent) as f64 - double).abs() <= 4_096.0);
    }
}

#[test]
fn what_lies_outside_has_no_threshold() {
    for probability in [0.0, -1.0, 1.000_000_1, f64::NAN, PROBABILITY_MIN / 2.0] {
        assert_eq!(Threshold::of_probability(probability, 4), None, "{probability}");
    }
    assert_eq!(Threshold::of_probability(1.0, 4), Some(Threshold::ALWAYS));
    assert_eq!(Threshold::of_probability(PROBABILITY_MIN, 4), Threshold::rejecting(RANDOMNESS_VALUES - 1));
    assert_eq!(Threshold::rejecting(RANDOMNESS_VALUES + 1), None);
}

#[test]
fn only_hex_digits_are_thresholds_and_randomness() {
    for text in ["", "g", "+8", "-8", "0x8", "123456789abcdef", " 8", "8_0"] {
        assert_eq!(Threshold::parse(text), None, "{text}");
    }
    for text in ["", "1234567890123", "123456789012345", "+2345678901234", "1234567890123g"] {
        assert_eq!(Randomness::parse(text), None, "{text}");
    }
    assert_eq!(Threshold::parse("C"), Threshold::parse("c"));
    assert_eq!(Threshold::parse("c0").map(Threshold::probability), Some(0.25));
}

#[test]
fn what_is_kept_stands_for_what_is_not() {
    assert_eq!(Threshold::parse("c").map(Threshold::adjusted_count), Some(4.0));
    assert_eq!(Threshold::ALWAYS.adjusted_count(), 1.0);
    assert_eq!(Threshold::NEVER.adjusted_count(), 0.0);
    assert_eq!(Threshold::NEVER.to_string(), "");
}

#[test]
fn percentages_at_and_beyond_the_ends() {
    for all in [100.0, 100.5, 1e300, f64::INFINITY] {
        assert_eq!(tail_threshold(all), u64::MAX, "{all}");
    }
    for none in [0.0, -0.0, -5.0, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(tail_threshold(none), 0, "{none}");
    }
    assert_eq!(tail_threshold(1e-300), 0);
    assert_eq!(buckets_kept(250.0), 16_384);
    // 0.0061 % is the least that keeps a bucket.
    assert_eq!(buckets_threshold(0.006), Threshold::NEVER);
    assert_eq!(buckets_kept(0.0062), 1);
    assert_eq!(TailHash::new(25.0, "").probability(), 0.25);
}
