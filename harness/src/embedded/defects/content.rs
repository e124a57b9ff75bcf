//! Attributes of spans that are not what was sent.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::fields::{AlterSpans, Alteration};
use super::spans::{spans_mut, string_attribute};
use super::{Defect, DefectKind, Passage, Tamper};

pub fn tamper(defect: &Defect, seed: u64) -> Option<Box<dyn Tamper>> {
    let alteration = match defect.kind() {
        DefectKind::SwapAttributes => SWAP_ATTRIBUTES,
        DefectKind::TruncateString => TRUNCATE_STRING,
        DefectKind::AsciiOnly => ASCII_ONLY,
        DefectKind::LoseAttribute => LOSE_ATTRIBUTE,
        DefectKind::LoseEmptyValues => LOSE_EMPTY_VALUES,
        DefectKind::PlainNumbers => PLAIN_NUMBERS,
        DefectKind::CanonicalNan => CANONICAL_NAN,
        DefectKind::LimitAttributes => LIMIT_ATTRIBUTES,
        DefectKind::LimitStrings => LIMIT_STRINGS,
        DefectKind::LowerCaseKeys => LOWER_CASE_KEYS,
        DefectKind::ChangeValueType => CHANGE_VALUE_TYPE,
        DefectKind::CorruptEverything => return Some(Box::new(CorruptEverything)),
        _ => return None,
    };
    Some(Box::new(AlterSpans::new(alteration, defect.every, seed)))
}

const SWAP_ATTRIBUTES: Alteration = Alteration {
    eligible: |span| swappable(&span.attributes).is_some(),
    alter: |span, _| {
        if let Some((first, second)) = swappable(&span.attributes) {
            let value = span.attributes[first].value.take();
            let other = std::mem::replace(&mut span.attributes[second].value, value);
            span.attributes[first].value = other;
        }
    },
};

const TRUNCATE_STRING: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(has_text),
    alter: |span, rng| {
        if let Some(Value::StringValue(text)) = pick_value(span, has_text, rng) {
            text.pop();
        }
    },
};

const ASCII_ONLY: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(|attribute| value_of(attribute).is_some_and(is_beyond_ascii)),
    alter: |span, _| {
        for value in values_mut(span) {
            if let Value::StringValue(text) = value {
                *text = text.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect();
            }
        }
    },
};

fn is_beyond_ascii(value: &Value) -> bool {
    matches!(value, Value::StringValue(text) if !text.is_ascii())
}

const LOSE_ATTRIBUTE: Alteration = Alteration {
    eligible: |span| !span.attributes.is_empty(),
    alter: |span, rng| {
        let lost = rng.random_range(0..span.attributes.len());
        span.attributes.remove(lost);
    },
};

const LOSE_EMPTY_VALUES: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(holds_nothing),
    alter: |span, _| span.attributes.retain(|attribute| !holds_nothing(attribute)),
};

fn holds_nothing(attribute: &KeyValue) -> bool {
    match value_of(attribute) {
        None => true,
        Some(Value::StringValue(text)) => text.is_empty(),
        Some(Value::BytesValue(bytes)) => bytes.is_empty(),
        Some(Value::ArrayValue(array)) => array.values.is_empty(),
        Some(Value::KvlistValue(list)) => list.values.is_empty(),
        Some(_) => false,
    }
}

const PLAIN_NUMBERS: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(|attribute| value_of(attribute).is_some_and(is_odd_number)),
    alter: |span, _| {
        values_mut(span).filter(|value| is_odd_number(value)).for_each(|value| *value = Value::DoubleValue(0.0))
    },
};

fn is_odd_number(value: &Value) -> bool {
    matches!(value, Value::DoubleValue(number) if !number.is_finite() || number.to_bits() == (-0.0_f64).to_bits())
}

const CANONICAL_NAN: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(|attribute| value_of(attribute).is_some_and(is_own_nan)),
    alter: |span, _| {
        values_mut(span).filter(|value| is_own_nan(value)).for_each(|value| *value = Value::DoubleValue(f64::NAN))
    },
};

/// Whether it is no number, in other bits than those that are usual.
fn is_own_nan(value: &Value) -> bool {
    matches!(value, Value::DoubleValue(number) if number.is_nan() && number.to_bits() != f64::NAN.to_bits())
}

/// The most attributes that are left.
const ATTRIBUTES_MAX: usize = 32;

const LIMIT_ATTRIBUTES: Alteration = Alteration {
    eligible: |span| span.attributes.len() > ATTRIBUTES_MAX,
    alter: |span, _| span.attributes.truncate(ATTRIBUTES_MAX),
};

/// The longest string that is left, in bytes.
const STRING_MAX: usize = 1_024;

const LIMIT_STRINGS: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(|attribute| value_of(attribute).is_some_and(is_long)),
    alter: |span, _| {
        for value in values_mut(span) {
            if let Value::StringValue(text) = value {
                text.truncate(text.floor_char_boundary(STRING_MAX));
            }
        }
    },
};

fn is_long(value: &Value) -> bool {
    matches!(value, Value::StringValue(text) if text.len() > STRING_MAX)
}

const LOWER_CASE_KEYS: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(|attribute| attribute.key.to_lowercase() != attribute.key),
    alter: |span, _| span.attributes.iter_mut().for_each(|attribute| attribute.key = attribute.key.to_lowercase()),
};

fn values_mut(span: &mut Span) -> impl Iterator<Item = &mut Value> {
    span.attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut()?.value.as_mut())
}

const CHANGE_VALUE_TYPE: Alteration = Alteration {
    eligible: |span| span.attributes.iter().any(has_other_type),
    alter: |span, rng| {
        if let Some(value) = pick_value(span, has_other_type, rng)
            && let Some(other) = as_other_type(value)
        {
            *value = other;
        }
    },
};

fn value_of(attribute: &KeyValue) -> Option<&Value> {
    attribute.value.as_ref()?.value.as_ref()
}

/// Whether it is a string, and not an empty one.
pub fn has_text(attribute: &KeyValue) -> bool {
    matches!(value_of(attribute), Some(Value::StringValue(text)) if !text.is_empty())
}

fn has_other_type(attribute: &KeyValue) -> bool {
    value_of(attribute).and_then(as_other_type).is_some()
}

fn as_other_type(value: &Value) -> Option<Value> {
    match value {
        Value::StringValue(text) => Some(Value::BytesValue(text.clone().into_bytes())),
        Value::BoolValue(truth) => Some(Value::IntValue(i64::from(*truth))),
        Value::IntValue(number) => Some(Value::StringValue(number.to_string())),
        Value::DoubleValue(number) => Some(Value::StringValue(number.to_string())),
        _ => None,
    }
}

/// One of the span's values that are wanted, if it has any.
pub fn pick_value<'a>(
    span: &'a mut Span,
    wanted: fn(&KeyValue) -> bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Option<&'a mut Value> {
    let count = span.attributes.iter().filter(|attribute| wanted(attribute)).count();
    let picked = rng.random_range(0..count.max(1));
    let attribute = span.attributes.iter_mut().filter(|attribute| wanted(attribute)).nth(picked)?;
    attribute.value.as_mut()?.value.as_mut()
}

/// The first two attributes whose exchange of values is a change. Values are compared as they are written, since a NaN is
/// not equal to itself and an absent value means the same as an empty one.
fn swappable(attributes: &[KeyValue]) -> Option<(usize, usize)> {
    let written = |attribute: &KeyValue| attribute.value.as_ref().map(AnyValue::encode_to_vec).unwrap_or_default();
    let pairs = (0..attributes.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    pairs.into_iter().find(|(first, second)| {
        let (first, second) = (&attributes[*first], &attributes[*second]);
        first.key != second.key && written(first) != written(second)
    })
}

struct CorruptEverything;

impl Tamper for CorruptEverything {
    fn tamper(&mut self, passage: &mut Passage) -> u64 {
        let mut bites = 0;
        for span in spans_mut(&mut passage.message) {
            span.attributes.push(string_attribute("planted.defect", "corrupt-everything"));
            bites += 1;
        }
        bites
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Diff, request, run};
    use super::*;
    use crate::embedded::arbitrary::attribute;

    /// Runs the defect and checks that only attributes of as many spans as it says have changed.
    fn changed_attributes(defect: &str) -> Vec<(Vec<KeyValue>, Vec<KeyValue>)> {
        let Diff { changed, lost, added, repeated, bites, .. } = run(defect, 100);
        assert!(bites > 0 && lost.is_empty() && added.is_empty() && repeated.is_empty());
        assert_eq!(changed.len() as u64, bites);
        let pairs = changed.into_iter().map(|(before, mut after)| {
            let attributes = std::mem::replace(&mut after.attributes, before.attributes.clone());
            assert_eq!(before, after, "something but attributes changed");
            (before.attributes, attributes)
        });
        pairs.collect()
    }

    fn differing(before: &[KeyValue], after: &[KeyValue]) -> Vec<usize> {
        assert_eq!(before.len(), after.len());
        (0..before.len()).filter(|at| before[*at] != after[*at]).collect()
    }

    #[test]
    fn two_attributes_exchange_their_values() {
        for (before, after) in changed_attributes("swap-attributes,every=5") {
            let [first, second] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            assert_eq!((&before[first].key, &before[second].key), (&after[first].key, &after[second].key));
            assert_eq!((&before[first].value, &before[second].value), (&after[second].value, &after[first].value));
        }
    }

    #[test]
    fn a_string_loses_its_last_character() {
        for (before, after) in changed_attributes("truncate-string,every=5") {
            let [at] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            let (Some(Value::StringValue(before)), Some(Value::StringValue(after))) =
                (value_of(&before[at]), value_of(&after[at]))
            else {
                panic!("{before:?} {after:?}");
            };
            assert_eq!(before.chars().count(), after.chars().count() + 1);
            assert!(before.starts_with(after));
        }
    }

    #[test]
    fn characters_beyond_ascii_become_question_marks() {
        for (before, after) in changed_attributes("ascii-only,every=5") {
            let text = |attribute: &KeyValue| match value_of(attribute) {
                Some(Value::StringValue(text)) => Some(text.clone()),
                _ => None,
            };
            for at in differing(&before, &after) {
                let (before, after) = (text(&before[at]).unwrap(), text(&after[at]).unwrap());
                assert_eq!((before.chars().count(), after.is_ascii()), (after.len(), true));
            }
        }
    }

    #[test]
    fn values_that_hold_nothing_are_lost_and_no_other() {
        for (mut before, after) in changed_attributes("lose-empty-values,every=5") {
            before.retain(|attribute| attribute.key != "nothing");
            assert_eq!(before, after);
        }
    }

    #[test]
    fn numbers_that_are_not_finite_become_zero_and_no_other() {
        for (before, after) in changed_attributes("plain-numbers,every=5") {
            let [at] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            assert_eq!(value_of(&before[at]), Some(&Value::DoubleValue(f64::INFINITY)));
            assert_eq!(value_of(&after[at]), Some(&Value::DoubleValue(0.0)));
        }
    }

    /// No double that is no number equals itself, so the sample has none.
    #[test]
    fn what_is_no_number_gets_the_usual_bits_and_other_doubles_stay() {
        let doubles = |of: &Span| {
            let bits = |attribute: &KeyValue| match value_of(attribute) {
                Some(Value::DoubleValue(number)) => number.to_bits(),
                other => panic!("{other:?}"),
            };
            of.attributes.iter().map(bits).collect::<Vec<_>>()
        };
        let number = |bits| attribute("number", Value::DoubleValue(f64::from_bits(bits)));
        let usual = f64::NAN.to_bits();
        let (own, signalling, infinite) = (0xfff8_0000_0000_002a, 0x7ff0_0000_0000_0001, f64::INFINITY.to_bits());
        let mut message = request(0);
        let attributes = [vec![number(usual), number(infinite)], vec![number(own), number(signalling), number(1)]];
        for (span, attributes) in spans_mut(&mut message).zip(attributes) {
            span.attributes = attributes;
        }
        let mut passage = Passage::new(message, 0);
        let mut tamper = tamper(&"canonical-nan,every=1".parse().unwrap(), 3).unwrap();
        assert_eq!(tamper.tamper(&mut passage), 1);
        let mut after = spans_mut(&mut passage.message);
        assert_eq!(doubles(after.next().unwrap()), [usual, infinite]);
        assert_eq!(doubles(after.next().unwrap()), [usual, usual, 1]);
    }

    #[test]
    fn of_many_attributes_the_first_32_are_left() {
        for (before, after) in changed_attributes("limit-attributes,every=5") {
            assert!(before.len() > 32);
            assert_eq!(before[..32], after);
        }
    }

    #[test]
    fn long_strings_are_cut_at_the_last_character_that_is_whole() {
        for (before, after) in changed_attributes("limit-strings,every=5") {
            let [at] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            let (Some(Value::StringValue(before)), Some(Value::StringValue(after))) =
                (value_of(&before[at]), value_of(&after[at]))
            else {
                panic!("{before:?} {after:?}");
            };
            assert!(before.len() > 1_024 && before.starts_with(after));
            assert_eq!(after.len(), before.floor_char_boundary(1_024));
        }
    }

    #[test]
    fn keys_lose_their_capitals_and_values_stay() {
        for (before, after) in changed_attributes("lower-case-keys,every=5") {
            let [at] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            assert_eq!((before[at].key.as_str(), after[at].key.as_str()), ("Ganze-Größe", "ganze-größe"));
            assert_eq!(before[at].value, after[at].value);
        }
    }

    #[test]
    fn one_attribute_is_lost() {
        for (before, after) in changed_attributes("lose-attribute,every=5") {
            assert_eq!(before.len(), after.len() + 1);
            assert!((0..before.len()).any(|lost| {
                let mut rest = before.clone();
                rest.remove(lost);
                rest == after
            }));
        }
    }

    #[test]
    fn one_value_has_another_type() {
        for (before, after) in changed_attributes("change-value-type,every=5") {
            let [at] = differing(&before, &after)[..] else { panic!("{before:?} {after:?}") };
            let (before, after) = (value_of(&before[at]).unwrap(), value_of(&after[at]).unwrap());
            assert_ne!(std::mem::discriminant(before), std::mem::discriminant(after));
        }
    }

    #[test]
    fn every_span_gets_one_attribute_more() {
        let sent = run("corrupt-everything", 100).sent;
        let changed = changed_attributes("corrupt-everything");
        assert_eq!(changed.len() as u64, sent);
        for (before, after) in changed {
            assert_eq!(after[..before.len()], before);
            assert_eq!(after[before.len()..], [string_attribute("planted.defect", "corrupt-everything")]);
        }
    }
}
