//! Attributes: `KeyValue`, `AnyValue` and what nests in them.

use super::{element, number, salt, text};
use crate::mix::{fold, hash_bytes};
use crate::protobuf::{MalformedError, Reader, Tag, Wire};

/// How many more levels of messages may follow, and what was met that a hash cannot judge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth(u32);

impl Depth {
    /// At the attributes of a span: request, resource spans, scope spans and span are already open.
    pub(crate) const SPAN: Self = Self(97);
    /// At the attributes of a resource: request, resource spans and resource are already open.
    pub(crate) const RESOURCE: Self = Self(98);

    #[inline(always)]
    pub(crate) fn enter(self) -> Result<Self, MalformedError> {
        self.0.checked_sub(1).map(Self).ok_or(MalformedError::Depth)
    }

    #[inline(always)]
    pub(crate) fn left(self) -> u32 {
        self.0
    }
}

/// Hash of an attribute key.
#[inline(always)]
pub fn key_hash(key: &[u8]) -> u64 {
    hash_bytes(salt::KEY, key)
}

/// Hash of a string value; the empty string counts too, since the variant is set.
#[inline(always)]
pub fn string_value(value: &[u8]) -> u64 {
    hash_bytes(salt::VALUE_STRING, value) | 1
}

/// Hash of a double value, by its bits.
#[inline(always)]
pub fn double_value(bits: u64) -> u64 {
    fixed_value(salt::VALUE_DOUBLE, bits)
}

/// Hash of an attribute from the hashes of its key and its value; an absent or empty value is 0.
#[inline(always)]
pub fn key_value(key: u64, value: u64) -> u64 {
    fold(key ^ salt::VALUE_PAIR, value ^ salt::VALUE_PAIR.rotate_left(31))
}

/// A set variant of eight bytes or a varint: never 0, so that it differs from an empty value.
#[inline(always)]
fn fixed_value(salt: u64, word: u64) -> u64 {
    fold(word ^ salt, salt.rotate_left(32)) | 1
}

/// Hash of one `KeyValue` message, with the bytes of its key and of its value.
#[inline(always)]
pub(crate) fn key_value_sum<'a>(
    bytes: &'a [u8],
    depth: Depth,
    irregular: &mut bool,
) -> Result<(u64, &'a [u8], &'a [u8]), MalformedError> {
    match plain(bytes) {
        Some((key, value)) => {
            let hash = any_value(value, depth.enter()?, irregular)?;
            Ok((key_value(key_hash(key), hash), key, value))
        }
        None => any_key_value(bytes, depth, irregular),
    }
}

/// Key and value of a `KeyValue` as encoders write it: both once, in either order (the Go collector puts the value first),
/// each shorter than 128 bytes. Nearly every attribute is so, and this takes a third of the general way.
#[inline(always)]
fn plain(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first_tag, first_length, rest @ ..] = bytes else { return None };
    let (first, rest) = rest.split_at_checked(usize::from(*first_length))?;
    let [second_tag, second_length, second @ ..] = rest else { return None };
    if first.len() >= 0x80 || second.len() >= 0x80 || usize::from(*second_length) != second.len() {
        return None;
    }
    match (*first_tag, *second_tag) {
        (0x0a, 0x12) => Some((first, second)),
        (0x12, 0x0a) => Some((second, first)),
        _ => None,
    }
}

#[inline(never)]
fn any_key_value<'a>(
    bytes: &'a [u8],
    depth: Depth,
    irregular: &mut bool,
) -> Result<(u64, &'a [u8], &'a [u8]), MalformedError> {
    let inner = depth.enter()?;
    let mut reader = Reader::new(bytes);
    let (mut key, mut value, mut value_bytes): (&[u8], u64, &[u8]) = (&[], 0, &[]);
    let (mut extra, mut seen) = (0u64, 0u32);
    while let Some(tag) = reader.tag()? {
        *irregular |= note(&mut seen, tag.field);
        match tag.field {
            1 => {
                tag.must_be(Wire::Bytes)?;
                key = reader.bytes()?;
            }
            2 => {
                tag.must_be(Wire::Bytes)?;
                value_bytes = reader.bytes()?;
                value = any_value(value_bytes, inner, irregular)?;
            }
            3 => {
                tag.must_be(Wire::Varint)?;
                extra = number(salt::KEY_STRINDEX, reader.varint()? as u32 as u64);
            }
            _ => {
                *irregular = true;
                reader.skip(tag, inner.left())?;
            }
        }
    }
    // The index joins its key before the two are folded: it must not pass for the index of another attribute.
    Ok((key_value(key_hash(key).wrapping_add(extra), value), key, value_bytes))
}

/// True when a single field comes a second time. Field numbers above 31 are unknown and reported as such elsewhere.
#[inline(always)]
pub(crate) fn note(seen: &mut u32, field: u32) -> bool {
    let bit = 1u32.wrapping_shl(field);
    let again = *seen & bit != 0;
    *seen |= bit;
    again
}

/// Hash of one `AnyValue` message; 0 if no variant is set. A short string, which most are, and an integer are seen at a
/// glance.
#[inline(always)]
fn any_value(bytes: &[u8], depth: Depth, irregular: &mut bool) -> Result<u64, MalformedError> {
    let inner = depth.enter()?;
    match bytes {
        [0x0a, length @ ..0x80, text @ ..] if usize::from(*length) == text.len() => Ok(string_value(text)),
        [0x18, byte @ ..0x80] => Ok(fixed_value(salt::VALUE_INT, u64::from(*byte))),
        [0x18, low @ 0x80..=0xff, high @ ..0x80] => {
            Ok(fixed_value(salt::VALUE_INT, u64::from(*low & 0x7f) | u64::from(*high) << 7))
        }
        _ => any_variant(bytes, inner, irregular),
    }
}

#[inline(never)]
fn any_variant(bytes: &[u8], inner: Depth, irregular: &mut bool) -> Result<u64, MalformedError> {
    let mut reader = Reader::new(bytes);
    let (mut value, mut variants) = (0, 0);
    while let Some(tag) = reader.tag()? {
        variants += 1;
        value = match tag.field {
            1 => {
                tag.must_be(Wire::Bytes)?;
                string_value(reader.bytes()?)
            }
            2 => {
                tag.must_be(Wire::Varint)?;
                fixed_value(salt::VALUE_BOOL, u64::from(reader.varint()? != 0))
            }
            3 => {
                tag.must_be(Wire::Varint)?;
                fixed_value(salt::VALUE_INT, reader.varint()?)
            }
            4 => {
                tag.must_be(Wire::Fixed64)?;
                double_value(reader.fixed64()?)
            }
            5 => {
                tag.must_be(Wire::Bytes)?;
                array(reader.bytes()?, inner, irregular)?
            }
            6 => {
                tag.must_be(Wire::Bytes)?;
                map(reader.bytes()?, inner, irregular)?
            }
            7 => {
                tag.must_be(Wire::Bytes)?;
                hash_bytes(salt::VALUE_BYTES, reader.bytes()?) | 1
            }
            8 => {
                tag.must_be(Wire::Varint)?;
                fixed_value(salt::VALUE_STRINDEX, reader.varint()? as u32 as u64)
            }
            _ => {
                *irregular = true;
                reader.skip(tag, inner.left())?;
                value
            }
        };
    }
    *irregular |= variants > 1;
    Ok(value)
}

fn array(bytes: &[u8], depth: Depth, irregular: &mut bool) -> Result<u64, MalformedError> {
    let inner = depth.enter()?;
    let mut reader = Reader::new(bytes);
    let (mut sum, mut position) = (0u64, 0);
    while let Some(tag) = reader.tag()? {
        if tag.field != 1 {
            *irregular = true;
            reader.skip(tag, inner.left())?;
            continue;
        }
        tag.must_be(Wire::Bytes)?;
        let value = any_value(reader.bytes()?, inner, irregular)?;
        sum = sum.wrapping_add(element(salt::VALUE_EMPTY_ELEMENT, value, position));
        position += 1;
    }
    Ok(fixed_value(salt::VALUE_ARRAY, sum))
}

fn map(bytes: &[u8], depth: Depth, irregular: &mut bool) -> Result<u64, MalformedError> {
    let inner = depth.enter()?;
    let mut reader = Reader::new(bytes);
    let mut sum = 0u64;
    while let Some(tag) = reader.tag()? {
        if tag.field != 1 {
            *irregular = true;
            reader.skip(tag, inner.left())?;
            continue;
        }
        tag.must_be(Wire::Bytes)?;
        sum = sum.wrapping_add(key_value_sum(reader.bytes()?, inner, irregular)?.0);
    }
    Ok(fixed_value(salt::VALUE_MAP, sum))
}

/// Hash of a string field of an attribute-like message; see [`text`].
#[inline(always)]
pub(crate) fn text_field(salt: u64, tag: Tag, reader: &mut Reader<'_>) -> Result<u64, MalformedError> {
    tag.must_be(Wire::Bytes)?;
    Ok(text(salt, reader.bytes()?))
}

/// Hash of a `uint32` field.
#[inline(always)]
pub(crate) fn uint32_field(salt: u64, tag: Tag, reader: &mut Reader<'_>) -> Result<u64, MalformedError> {
    tag.must_be(Wire::Varint)?;
    Ok(number(salt, u64::from(reader.varint()? as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::put_bytes;
    use proptest::prelude::*;

    fn message(fields: &[(u32, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        fields.iter().for_each(|(field, bytes)| put_bytes(&mut out, *field, bytes));
        out
    }

    /// A value as encoders write it, or bytes near one.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..140).prop_map(|text| message(&[(1, text)])),
            proptest::collection::vec(any::<u8>(), 1..4).prop_map(|number| [&[0x18][..], &number].concat()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ]
    }

    /// Bytes that would be a plain attribute if the first byte of a length were all of it.
    #[test]
    fn a_length_of_two_bytes_is_not_taken_for_one_of_a_single_byte() {
        let value = message(&[(1, vec![b'v'; 15])]);
        let key = [vec![b'k'; 127], vec![0x12]].concat();
        let long_key = message(&[(1, key.clone()), (2, value)]);
        // A length of 127 in two bytes, and further bytes in a field that the protocol does not have.
        let value = message(&[(1, vec![b'v'; 125])]);
        let further = message(&[(4, vec![b'x'; 125])]);
        let long_value = [&[0x0a, 1, b'k', 0x12, 0xff, 0x00][..], &value, &further].concat();
        for (bytes, key) in [(long_key, &key[..]), (long_value, b"k")] {
            let (mut glance, mut general) = (false, false);
            let read = key_value_sum(&bytes, Depth::SPAN, &mut glance).unwrap();
            assert_eq!(read, any_key_value(&bytes, Depth::SPAN, &mut general).unwrap());
            assert_eq!((read.1, glance), (key, general));
        }
    }

    proptest! {
        #[test]
        fn the_glance_at_plain_attributes_sees_what_the_general_way_reads(
            key in proptest::collection::vec(any::<u8>(), 0..140), value in value(), key_first: bool, damage: prop::sample::Index, byte: Option<u8>,
        ) {
            let (key, value) = ((1, key), (2, value));
            let mut bytes = message(&if key_first { [key, value] } else { [value, key] });
            if let Some(byte) = byte {
                let at = damage.index(bytes.len());
                bytes[at] = byte;
            }
            let (mut glance, mut general) = (false, false);
            let left = key_value_sum(&bytes, Depth::SPAN, &mut glance);
            let right = any_key_value(&bytes, Depth::SPAN, &mut general);
            prop_assert_eq!((left, glance), (right, general));
        }

        #[test]
        fn the_glance_at_values_sees_what_the_general_way_reads(value in value()) {
            let (mut glance, mut general) = (false, false);
            let left = any_value(&value, Depth::SPAN, &mut glance);
            let right = Depth::SPAN.enter().and_then(|inner| any_variant(&value, inner, &mut general));
            prop_assert_eq!((left, glance), (right, general));
        }
    }
}
