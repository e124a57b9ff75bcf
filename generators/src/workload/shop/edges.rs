//! Content from the edges of what the protocol allows, as services in nine languages leave it: text beyond ASCII, values that hold
//! nothing, numbers at the ends of their range, lists of everything, keys in capitals, long texts, many attributes. Rare in life and
//! perfectly legal, so a pipeline that garbles it shows here.
//!
//! Two keys of one name are left out: the protocol asks for unique keys, and a pipeline that keeps only one of them breaks no rule.

use super::rng::Dice;
use crate::model::{Attribute, Value};

/// Two, three and four bytes a character, right to left, a combining mark, several characters that show as one.
const PRODUCT_NAMES: [&str; 8] = [
    "Télescope achromatique 80 mm",
    "Телескоп Ньютона 130",
    "双眼鏡 10×50",
    "منظار السفر",
    "Monture équatoriale EQ‑3",
    "Oculaire Plo\u{308}ssl 25 mm",
    "🔭 Starter-Set 👩\u{200d}🚀",
    "पॉकेट टेलीस्कोप",
];

/// Templates of mails, by the language of their readers.
const TEMPLATES: [&str; 4] = ["confirmation", "Bestätigung", "confirmación", "注文確認"];

/// Balances in minor units: refunds are negative, and test accounts hold what fits.
const BALANCES: [i64; 7] = [0, 1_250, -1, -4_250, (1 << 53) + 1, i64::MAX, i64::MIN];

/// Scores as models leave them when they divide by nothing. Of what is no number each library has its own bits: a payload, a sign, and
/// a signal.
const SCORES: [f64; 14] = [
    0.0,
    -0.0,
    0.1,
    -1.5,
    5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::from_bits(0x7ff8_0000_0000_002a),
    f64::from_bits(0xfff8_0000_0000_0000),
    f64::from_bits(0x7ff0_0000_0000_0001),
];

/// How many headers of a request are noted where all of them are: beyond 32, and beyond 128, the limit that SDKs have unless they are
/// told another one.
const HEADERS: [usize; 3] = [40, 40, 130];

/// Bytes of texts that were noted whole, and how often each comes: beyond what the limits of SDKs, indexes and columns are known to be,
/// and below the least that a request of a scenario may be told to hold.
const LONG_TEXTS: [(usize, f64); 5] = [(256, 0.3), (1_025, 0.3), (4_097, 0.25), (16_385, 0.1), (33_000, 0.05)];

pub(super) fn product_name(dice: &mut Dice) -> &'static str {
    dice.pick(&PRODUCT_NAMES)
}

pub(super) fn template(dice: &mut Dice) -> &'static str {
    dice.pick(&TEMPLATES)
}

pub(super) fn balance(dice: &mut Dice) -> i64 {
    dice.pick(&BALANCES)
}

pub(super) fn score(dice: &mut Dice) -> f64 {
    dice.pick(&SCORES)
}

/// All headers of a request, as a proxy notes them that is being debugged, in the case in which they came.
pub(super) fn headers(dice: &mut Dice) -> Vec<Attribute> {
    let count = dice.pick(&HEADERS);
    let header = |number: usize| {
        let value = Value::Array(vec![Value::Str(dice.hex(8))]);
        named(format!("http.request.header.X-Shop-{number:02}"), value)
    };
    (0..count).map(header).collect()
}

/// A text that was noted whole, of one of the lengths of [`LONG_TEXTS`]: a query with all of its values.
pub(super) fn long_text(dice: &mut Dice) -> String {
    let lengths = LONG_TEXTS.map(|(_, share)| share);
    let (bytes, _) = LONG_TEXTS[dice.weighted(&lengths)];
    query_of(dice, bytes)
}

/// A name of 1,025 bytes: the whole query, as the oldest libraries name its span.
pub(super) fn long_name(dice: &mut Dice) -> String {
    query_of(dice, 1_025)
}

fn query_of(dice: &mut Dice, bytes: usize) -> String {
    text_of(bytes, "SELECT id, name FROM products WHERE id IN (", || format!("'é{}', ", dice.hex(12)))
}

/// A text that stands once in a request: what the maintainers of a library want to be known of it.
pub(super) fn notice() -> String {
    text_of(1_025, "", || "Käufe & Bestellungen. ".to_owned())
}

/// A text of so many bytes that begins so and goes on piece by piece, the last cut between two characters.
fn text_of(bytes: usize, beginning: &str, mut piece: impl FnMut() -> String) -> String {
    let mut text = beginning.to_owned();
    while text.len() < bytes {
        text += &piece();
    }
    text.truncate(text.floor_char_boundary(bytes));
    text.extend(std::iter::repeat_n(')', bytes - text.len()));
    text
}

/// A value that is set and holds nothing, in one of the ways of doing that.
pub(super) fn nothing(dice: &mut Dice) -> Value {
    let mut ways = nothings();
    ways.swap_remove(dice.below(ways.len()))
}

/// All ways of holding nothing.
fn nothings() -> Vec<Value> {
    vec![
        Value::Empty,
        Value::Str(String::new()),
        Value::Bytes(Vec::new()),
        Value::Array(Vec::new()),
        Value::Map(Vec::new()),
    ]
}

/// One value of each type, those of lists and maps empty.
fn kinds(dice: &mut Dice) -> Vec<Value> {
    vec![
        Value::Empty,
        Value::from(product_name(dice)),
        Value::from(dice.chance(0.5)),
        Value::from(balance(dice)),
        Value::from(score(dice)),
        Value::Bytes(dice.bytes(3)),
        Value::Array(Vec::new()),
        Value::Map(Vec::new()),
    ]
}

/// What an untyped language notes of whatever it was given: values of every kind, in lists and maps within one another.
pub(super) fn everything(dice: &mut Dice) -> Value {
    let pairs = kinds(dice).into_iter().enumerate();
    let map = Value::Map(pairs.map(|(at, value)| named(format!("field.{at}"), value)).collect());
    let list = Value::Array(kinds(dice));
    Value::Map(vec![named("list", Value::Array(vec![list, map.clone()])), named("map", map)])
}

/// Attributes as several teams name and fill them: keys in capitals, with a blank and beyond ASCII, and a value of every type. Nine of ten
/// texts are short.
pub(super) fn assortment(dice: &mut Dice) -> Vec<Attribute> {
    let text = if dice.chance(0.1) { long_text(dice) } else { product_name(dice).to_owned() };
    vec![
        named("Ключ", Value::Str(text)),
        named("X-Request-ID", Value::Str(dice.uuid())),
        named("two words", Value::from(dice.chance(0.5))),
        named("app.Balance", Value::from(balance(dice))),
        named("app.Score", Value::from(score(dice))),
        named("app.Digest", Value::Bytes(dice.bytes(4))),
        named("app.Nothing", nothing(dice)),
        named("app.Unset", Value::Empty),
        named("app.List", Value::Array(kinds(dice))),
        named("app.Map", everything(dice)),
    ]
}

/// All of it at once, for what stands once in a request: resources and scopes.
pub(super) fn catalogue() -> Vec<Attribute> {
    let list = |values: &mut dyn Iterator<Item = Value>| Value::Array(values.collect());
    vec![
        named("Größe", Value::from(PRODUCT_NAMES[6])),
        named("two words", Value::from(true)),
        named("app.Count", Value::from(i64::MIN)),
        named("app.Share", Value::from(SCORES[11])),
        named("app.Digest", Value::Bytes(vec![0, 0xff, 0x80])),
        named("app.Unset", Value::Empty),
        named("app.Texts", list(&mut PRODUCT_NAMES.into_iter().map(Value::from))),
        named("app.Balances", list(&mut BALANCES.into_iter().map(Value::from))),
        named("app.Scores", list(&mut SCORES.into_iter().map(Value::from))),
        named("app.Nothing", list(&mut nothings().into_iter())),
        named("app.Map", Value::Map(vec![named("ключ", Value::Bytes(vec![1])), named("unset", Value::Empty)])),
    ]
}

fn named(key: impl Into<String>, value: Value) -> Attribute {
    Attribute { key: key.into(), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_length_that_was_asked_for_wherever_characters_end() {
        for bytes in 40..80 {
            assert_eq!(text_of(bytes, "é", || "日本".to_owned()).len(), bytes);
        }
        assert_eq!(notice().len(), 1_025);
        assert_eq!(long_name(&mut Dice::new(1, "name")).len(), 1_025);
    }

    #[test]
    fn every_length_of_a_text_comes() {
        let mut dice = Dice::new(1, "texts");
        let seen: std::collections::BTreeSet<_> = (0..300).map(|_| long_text(&mut dice).len()).collect();
        assert_eq!(seen, LONG_TEXTS.map(|(bytes, _)| bytes).into());
    }
}
