//! Serde over nodes: typed values out of the tree, with errors that know their path.
//!
//! Where a choice with settings is expected (`{shop: {pool_size: 64}}`), its bare name (`shop`) means the choice with no
//! settings. Texts accept any scalar as written, so `0.155` stays `0.155`; numbers and truth values accept plain ones only.

use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::read_error::{Fault, ReadError};
use super::{Content, Entry, Node, Step};
use crate::suggest::alternatives;
use crate::units::Decimal;

/// Reads one value; without a node, the settings of a choice named without any.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) Option<&'a Node>);

impl<'a> Reader<'a> {
    fn plain(self) -> Option<&'a str> {
        match self.0.map(|node| &node.content) {
            Some(Content::Scalar { text, plain: true }) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that is not null.
    fn text(self) -> Option<&'a str> {
        match self.0 {
            Some(node) if node.is_null() => None,
            Some(Node { content: Content::Scalar { text, .. }, .. }) => Some(text),
            _ => None,
        }
    }

    /// What to write instead, or to take away, where a plain scalar belongs.
    fn plain_hint(self, instead: &'static str) -> &'static str {
        match self.0.map(|node| &node.content) {
            Some(Content::Scalar { plain: false, .. }) => "remove the quotes",
            _ => instead,
        }
    }

    fn whole_number(self, max: u64) -> Result<u64, ReadError> {
        let number = self.plain().and_then(|text| Decimal::take(text).ok());
        let number = number.filter(|(_, rest)| rest.is_empty()).and_then(|(number, _)| number.times(1));
        let expected =
            if max == u64::MAX { "a whole number".to_owned() } else { format!("a whole number up to {max}") };
        number
            .filter(|number| *number <= max)
            .ok_or_else(|| ReadError::wrong_type(expected, self.plain_hint("write it in digits, such as `42`")))
    }

    fn entries(self, expected: &dyn Fn() -> (String, String)) -> Result<&'a [Entry], ReadError> {
        match self.0 {
            None => Ok(&[]),
            Some(node) if node.is_null() => Ok(&[]),
            Some(Node { content: Content::Map(entries), .. }) => Ok(entries),
            Some(_) => {
                let (expected, hint) = expected();
                Err(ReadError::wrong_type(expected, hint))
            }
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0.map(|node| &node.content) {
            None => visitor.visit_map(Entries::new(&[])),
            Some(Content::Map(entries)) => visitor.visit_map(Entries::new(entries)),
            Some(Content::List(elements)) => visitor.visit_seq(Elements::new(elements)),
            Some(Content::Scalar { text, plain }) => match text.as_str() {
                "" | "~" | "null" if *plain => visitor.visit_unit(),
                "true" | "false" if *plain => visitor.visit_bool(text == "true"),
                _ => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.plain() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            _ => Err(ReadError::wrong_type("`true` or `false`", self.plain_hint("write one of the two"))),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_u64(self.whole_number(u32::MAX.into())?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_u64(self.whole_number(u64::MAX)?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let number = self.plain().and_then(|text| Decimal::take(text).ok());
        match number {
            Some((number, "")) => visitor.visit_f64(number.to_f64()),
            _ => Err(ReadError::wrong_type("a number such as `3` or `0.5`", self.plain_hint("write it in digits"))),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Unit, &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(ReadError::wrong_type(
                "a text",
                "write it on one line, in quotes where it is empty or begins with a sign",
            )),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Some(node) if node.is_null() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Some(Node { content: Content::List(elements), .. }) => visitor.visit_seq(Elements::new(elements)),
            _ => {
                let hint = self.text().map(|text| format!("write it in brackets: `[{text}]`"));
                let hint = hint.filter(|hint| hint.len() < 120);
                Err(ReadError::wrong_type("a list", hint.unwrap_or_else(|| "begin each element with `- `".to_owned())))
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_map(Entries::new(self.entries(&|| {
            ("a map of names and values".to_owned(), "write `name: value` on lines below, indented".to_owned())
        })?))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let hint = || match fields.first() {
            None => "leave it out".to_owned(),
            Some(first) => format!("write `{first}: ...` and the like on lines below, indented, or in braces"),
        };
        let expected = || match fields.len() {
            0 => ("no settings".to_owned(), hint()),
            1..=6 => (format!("a map with {}", alternatives(fields.iter().copied())), hint()),
            _ => (format!("a map with {} and others", alternatives(fields[..4].iter().copied())), hint()),
        };
        visitor.visit_map(Entries::new(self.entries(&expected)?))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if let Some(name) = self.text() {
            return visitor.visit_enum(Choice { name, settings: Reader(None), in_map: false });
        }
        let expected = || format!("one of {}", alternatives(variants.iter().copied()));
        let all = match self.0 {
            Some(Node { content: Content::Map(entries), .. }) => entries.as_slice(),
            _ => {
                let hint = format!("write one of them, such as `{}`", variants.first().unwrap_or(&"none"));
                return Err(ReadError::wrong_type(expected(), hint));
            }
        };
        let mut live = all.iter().filter(|entry| !entry.value.failed);
        match (live.next(), live.next()) {
            (Some(entry), None) => {
                visitor.visit_enum(Choice { name: &entry.key, settings: Reader(Some(&entry.value)), in_map: true })
            }
            (None, _) if !all.is_empty() => Err(ReadError::new(Fault::Consequence)),
            _ => Err(ReadError::wrong_type(expected(), "keep exactly one of them")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// The live elements of a list.
struct Elements<'a> {
    rest: std::iter::Enumerate<slice::Iter<'a, Node>>,
}

impl<'a> Elements<'a> {
    fn new(elements: &'a [Node]) -> Self {
        Self { rest: elements.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        match self.rest.find(|(_, node)| !node.failed) {
            Some((index, node)) => {
                seed.deserialize(Reader(Some(node))).map(Some).map_err(|error| error.inside(Step::Index(index)))
            }
            None => Ok(None),
        }
    }
}

/// The live entries of a map.
struct Entries<'a> {
    rest: slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        Self { rest: entries.iter(), current: None }
    }
}

fn name_reader(name: &str) -> StrDeserializer<'_, ReadError> {
    name.into_deserializer()
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.current = self.rest.find(|entry| !entry.value.failed);
        let Some(entry) = self.current else { return Ok(None) };
        let inside = |error: ReadError| error.inside(Step::Key(entry.key.clone())).at_key();
        seed.deserialize(name_reader(&entry.key)).map(Some).map_err(inside)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some(entry) = self.current else { return Err(ReadError::new(Fault::Consequence)) };
        seed.deserialize(Reader(Some(&entry.value))).map_err(|error| error.inside(Step::Key(entry.key.clone())))
    }
}

/// A choice by name, with the settings that stand under it.
struct Choice<'a> {
    name: &'a str,
    settings: Reader<'a>,
    /// True for `{name: settings}`, whose errors are one level down.
    in_map: bool,
}

impl Choice<'_> {
    fn inside(name: &str, in_map: bool, error: ReadError) -> ReadError {
        if in_map { error.inside(Step::Key(name.to_owned())) } else { error }
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let at_key = |error| if self.in_map { Self::inside(self.name, true, error).at_key() } else { error };
        let variant = seed.deserialize(name_reader(self.name)).map_err(at_key)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        let settings = self.settings.entries(&|| ("no settings".to_owned(), format!("write just `{}`", self.name)));
        let unwanted = match settings {
            Ok([]) => return Ok(()),
            Ok(_) => ReadError::wrong_type("no settings", format!("write just `{}`", self.name)),
            Err(error) => error,
        };
        Err(Self::inside(self.name, self.in_map, unwanted))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        // `name:` with nothing behind it is a choice without settings, not an absent one.
        let settings = Reader(self.settings.0.filter(|node| !node.is_null()));
        seed.deserialize(settings).map_err(|error| Self::inside(self.name, self.in_map, error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.settings.deserialize_seq(visitor).map_err(|error| Self::inside(self.name, self.in_map, error))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let read = self.settings.deserialize_struct("", fields, visitor);
        read.map_err(|error| Self::inside(self.name, self.in_map, error))
    }
}
