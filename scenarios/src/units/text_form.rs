//! How a value that is written as text meets serde and JSON Schema, once for all units.

use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::Schema;
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

use super::ValueError;

/// A value with one text form: `Display` prints it and `FromStr` reads it back.
pub trait TextForm: FromStr<Err = ValueError> + Display {
    /// Its name among the definitions of a JSON Schema.
    const NAME: &'static str;

    /// What it is, with an example, as it reads after "expected": "a duration such as `15s`".
    const EXPECTED: &'static str;

    /// The JSON Schema of the text form.
    fn schema() -> Schema;
}

pub(crate) fn serialize_text<T: TextForm, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn deserialize_text<'de, T: TextForm, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(PhantomData))
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: TextForm> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// Implements `Serialize`, `Deserialize` and `JsonSchema` for types that implement [`TextForm`].
macro_rules! text_form {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::units::serialize_text(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::units::deserialize_text(deserializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$name as $crate::units::TextForm>::NAME.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$name as $crate::units::TextForm>::schema()
            }
        }
    )+};
}

pub(crate) use text_form;
