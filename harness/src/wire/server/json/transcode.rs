//! Goes through a JSON request once and writes it as protobuf.

use std::fmt;

use prost::encoding::{WireType, encode_key, encode_varint};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scalar;
use super::schema::{Field, Kind, Label, Message};

/// Messages within messages; protobuf's libraries share this bound. Fields that are not known are passed over without going
/// deeper, whatever they hold.
const DEPTH_MAX: u32 = 100;

/// The protobuf bytes of the `message` that `json` is.
///
/// # Errors
/// What is not the JSON of such a message, and one whose messages are nested too deep.
pub(super) fn transcode(message: &'static Message, json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    // Ours counts messages, as protobuf does: serde's would take fewer of them than a protobuf request may have.
    reader.disable_recursion_limit();
    Body { message, depth: DEPTH_MAX, out: &mut out }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(out)
}

/// Reads an object and writes the fields of a message.
struct Body<'a> {
    message: &'static Message,
    /// How many messages may yet be within one another here.
    depth: u32,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut seen, mut chosen) = (0u64, false);
        while let Some(place) = map.next_key_seed(Key(self.message))? {
            let Some(place) = place else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = &self.message.fields[place];
            if seen & 1 << place != 0 {
                return Err(A::Error::custom(format_args!("`{}` is there twice", field.name)));
            }
            seen |= 1 << place;
            let set = map.next_value_seed(Content { field, depth: self.depth, out: &mut *self.out })?;
            if set && field.label == Label::OneOf {
                if chosen {
                    return Err(A::Error::custom(format_args!("`{}` excludes another field", field.name)));
                }
                chosen = true;
            }
        }
        Ok(())
    }
}

/// Reads a key and says which field it names; none for a field that a newer protocol may have.
struct Key(&'static Message);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.find(key))
    }
}

/// Reads a field's value and writes it with its tag. False if it is null, which stands for a field that is not there.
struct Content<'a> {
    field: &'static Field,
    depth: u32,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of `{}`", self.field.name)
    }

    fn visit_none<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let Self { field, depth, out } = self;
        if field.label != Label::Many {
            Element { field, depth, out }.deserialize(deserializer)?;
        } else if field.is_packed() {
            let start = out.len();
            encode_key(field.number, WireType::LengthDelimited, out);
            let length = out.len();
            delimited(out, |out| deserializer.deserialize_seq(Elements { field, depth, out }))?;
            let is_empty = out.len() == length + 1;
            if is_empty {
                out.truncate(start);
            }
        } else {
            deserializer.deserialize_seq(Elements { field, depth, out })?;
        }
        Ok(true)
    }
}

/// Reads an array and writes its elements: numbers packed, all others with their tags.
struct Elements<'a> {
    field: &'static Field,
    depth: u32,
    out: &'a mut Vec<u8>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array for `{}`", self.field.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { field, depth, out } = self;
        while elements.next_element_seed(Element { field, depth, out: &mut *out })?.is_some() {}
        Ok(())
    }
}

/// Reads one value of a field, which is not null.
struct Element<'a> {
    field: &'static Field,
    depth: u32,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { field, depth, out } = self;
        let start = out.len();
        if !field.is_packed() {
            encode_key(field.number, field.kind.wire_type(), out);
        }
        if let Kind::Message(message) = field.kind {
            let depth = depth.checked_sub(1).ok_or_else(|| D::Error::custom("messages are nested too deep"))?;
            return delimited(out, |out| Body { message, depth, out }.deserialize(deserializer));
        }
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let is_default = scalar::append(field.kind, json, out)
            .map_err(|error| D::Error::custom(format_args!("`{}`: {error}", field.name)))?;
        if is_default && field.label == Label::Plain {
            out.truncate(start);
        }
        Ok(())
    }
}

/// Puts the length of what `write` writes in front of it.
fn delimited<E>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let start = out.len();
    write(out)?;
    let end = out.len();
    encode_varint((end - start) as u64, out);
    let prefix = out.len() - end;
    out[start..].rotate_right(prefix);
    Ok(())
}
