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

/// Scores as models leave them when they divide by nothing: of what is no number, each library has its own bits.
const SCORES: [f64; 13] = [
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
    f64::from_bits(0xffff_ffff_ffff_ffff),
];

/// How many headers of a request are noted where all of them are: more attributes than the default limit of small SDKs.
const HEADERS: usize = 40;

/// Bytes of a text that was noted whole: longer than what backends index, shorter than what receivers refuse.
const LONG_TEXT: (usize, usize) = (1_100, 20_000);

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
    let header = |number: usize| {
        let value = Value::Array(vec![Value::Str(dice.hex(8))]);
        Attribute { key: format!("http.request.header.X-Shop-{number:02}"), value }
    };
    (0..HEADERS).map(header).collect()
}

/// A text that was noted whole: a query with all of its values.
pub(super) fn long_text(dice: &mut Dice) -> String {
    let goal = dice.between(LONG_TEXT.0, LONG_TEXT.1);
    let mut text = "SELECT id, name FROM products WHERE id IN ('é'".to_owned();
    while text.len() < goal {
        text += &format!(", '{}'", dice.hex(12));
    }
    text + ")"
}

/// A value that is set and holds nothing, in one of the ways of doing that.
pub(super) fn nothing(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => Value::Empty,
        1 => Value::Str(String::new()),
        2 => Value::Bytes(Vec::new()),
        3 => Value::Array(Vec::new()),
        _ => Value::Map(Vec::new()),
    }
}

/// What an untyped language notes of whatever it was given: values of every kind, in lists and maps within one another.
pub(super) fn everything(dice: &mut Dice) -> Value {
    let kinds = |dice: &mut Dice| {
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
    };
    let named = kinds(dice).into_iter().enumerate();
    let map = Value::Map(named.map(|(at, value)| Attribute { key: format!("field.{at}"), value }).collect());
    let list = Value::Array(kinds(dice));
    Value::Map(vec![
        Attribute { key: "list".to_owned(), value: Value::Array(vec![list, map.clone()]) },
        Attribute { key: "map".to_owned(), value: map },
    ])
}
