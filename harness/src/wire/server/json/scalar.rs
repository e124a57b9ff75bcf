//! Values that hold no others: from the text that JSON has for them to the bytes that protobuf has.

use std::borrow::Cow;

use prost::encoding::encode_varint;
use serde_json::value::RawValue;
use thiserror::Error;

use super::schema::Kind;
use crate::wire::base64;

/// Why a JSON value is not what a field holds.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum ScalarError {
    #[error("expected text")]
    Text,
    #[error("expected hexadecimal digits, two for each byte")]
    Hex,
    #[error("expected base64")]
    Base64,
    #[error("expected true or false")]
    Bool,
    #[error("expected a number, or a number as text")]
    Number,
    #[error("expected a whole number within the bounds of the field")]
    Whole,
    #[error("expected the number of an enum's value, as OTLP has them, and not its name")]
    Enum,
}

/// Appends what the well-formed JSON value `json` stands for, without a tag. True if it is the default of its kind.
///
/// # Errors
/// A value that the kind does not have.
pub(super) fn append(kind: Kind, json: &str, out: &mut Vec<u8>) -> Result<bool, ScalarError> {
    match kind {
        Kind::Text => Ok(bytes(text(json)?.as_bytes(), out)),
        Kind::Hex => Ok(bytes(&hex(&text(json)?).ok_or(ScalarError::Hex)?, out)),
        Kind::Base64 => Ok(bytes(&base64_of_either_alphabet(&text(json)?)?, out)),
        Kind::Bool => match json {
            "true" => Ok(varint(1, out)),
            "false" => Ok(varint(0, out)),
            _ => Err(ScalarError::Bool),
        },
        Kind::Enum if json.starts_with('"') => Err(ScalarError::Enum),
        // Protobuf extends the sign of these to 64 bits.
        Kind::Enum | Kind::Int32 => Ok(varint(i64::from(whole::<i32>(json)?) as u64, out)),
        Kind::Sint32 => {
            let number = whole::<i32>(json)?;
            Ok(varint(u64::from((number << 1 ^ number >> 31) as u32), out))
        }
        Kind::Uint32 => Ok(varint(u64::from(whole::<u32>(json)?), out)),
        Kind::Int64 => Ok(varint(whole::<i64>(json)? as u64, out)),
        Kind::Uint64 => Ok(varint(whole::<u64>(json)?, out)),
        Kind::Fixed32 => Ok(fixed(whole::<u32>(json)?.to_le_bytes(), out)),
        Kind::Fixed64 => Ok(fixed(whole::<u64>(json)?.to_le_bytes(), out)),
        Kind::Sfixed64 => Ok(fixed(whole::<i64>(json)?.to_le_bytes(), out)),
        Kind::Double => Ok(fixed(double(json)?.to_bits().to_le_bytes(), out)),
        // Whoever reads messages does not come here.
        Kind::Message(_) => Err(ScalarError::Text),
    }
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
    bytes.is_empty()
}

fn varint(word: u64, out: &mut Vec<u8>) -> bool {
    encode_varint(word, out);
    word == 0
}

fn fixed<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(&bytes);
    bytes == [0; N]
}

fn text(json: &str) -> Result<Cow<'_, str>, ScalarError> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(ScalarError::Text)?;
    if inner.contains('\\') {
        // Half a surrogate pair is well-formed JSON and no text.
        serde_json::from_str(json).map(Cow::Owned).map_err(|_| ScalarError::Text)
    } else {
        Ok(Cow::Borrowed(inner))
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some((digit(high)? << 4 | digit(low)?) as u8),
        _ => None,
    });
    pairs.collect()
}

/// Proto3's JSON has both alphabets, with padding and without.
fn base64_of_either_alphabet(text: &str) -> Result<Vec<u8>, ScalarError> {
    let standard = match text.contains(['-', '_']) {
        true => Cow::Owned(text.replace('-', "+").replace('_', "/")),
        false => Cow::Borrowed(text),
    };
    base64::decode(standard.as_bytes()).ok_or(ScalarError::Base64)
}

/// The text of a number, which may stand as it is or between quotes.
fn number(json: &str) -> Result<Cow<'_, str>, ScalarError> {
    let starts_as_one = |text: &str| text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if starts_as_one(json) {
        return Ok(Cow::Borrowed(json));
    }
    let text = text(json).map_err(|_| ScalarError::Number)?;
    // Between quotes nothing has checked the grammar yet; the length tells of space around it.
    let is_one = starts_as_one(&text)
        && serde_json::from_str::<&RawValue>(&text).is_ok_and(|value| value.get().len() == text.len());
    if is_one { Ok(text) } else { Err(ScalarError::Number) }
}

fn double(json: &str) -> Result<f64, ScalarError> {
    match json {
        "\"NaN\"" => return Ok(f64::NAN),
        "\"Infinity\"" => return Ok(f64::INFINITY),
        "\"-Infinity\"" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    // The standard library gives the nearest double, and infinity for what no double is near.
    number(json)?.parse().ok().filter(|number: &f64| number.is_finite()).ok_or(ScalarError::Number)
}

fn whole<N: TryFrom<i128>>(json: &str) -> Result<N, ScalarError> {
    let number = number(json)?;
    exact(&number).and_then(|number| N::try_from(number).ok()).ok_or(ScalarError::Whole)
}

/// The exact value of a number of JSON if it is whole and not much longer than 64 bits. `1.5e3` and `20.0` are whole; by way of a
/// double, what is longer than 53 bits would be rounded.
fn exact(number: &str) -> Option<i128> {
    if let Ok(number) = number.parse::<i64>() {
        return Some(i128::from(number));
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, digits) = mantissa.strip_prefix('-').map_or((1, mantissa), |digits| (-1, digits));
    let (units, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [units, fraction].concat();
    let significant = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let scale = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(zeros)?;
    let power = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
    significant.parse::<i128>().ok()?.checked_mul(power)?.checked_mul(sign)
}
