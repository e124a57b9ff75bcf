//! A value, or `auto` for the one that the program works out.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Count, HumanDuration, TextForm, ValueError, deserialize_text, serialize_text};

/// `auto`, or a value of the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Auto<T> {
    /// Whatever the program works out.
    #[default]
    Auto,
    /// Exactly this.
    Value(T),
}

impl<T> Auto<T> {
    /// Changes the value, if there is one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Auto<U> {
        match self {
            Self::Auto => Auto::Auto,
            Self::Value(value) => Auto::Value(change(value)),
        }
    }
}

impl<T: TextForm> FromStr for Auto<T> {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse()
            .map(Self::Value)
            .map_err(|error: ValueError| ValueError { hint: format!("{}, or `auto`", error.hint), ..error })
    }
}

impl<T: Display> Display for Auto<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Value(value) => value.fmt(f),
        }
    }
}

fn auto_or(value: Schema) -> Schema {
    json_schema!({ "oneOf": [{ "const": "auto" }, value] })
}

impl TextForm for Auto<HumanDuration> {
    const NAME: &'static str = "AutoOrDuration";
    const EXPECTED: &'static str = "`auto` or a duration such as `20s`";

    fn schema() -> Schema {
        auto_or(HumanDuration::schema())
    }
}

impl TextForm for Auto<Count> {
    const NAME: &'static str = "AutoOrCount";
    const EXPECTED: &'static str = "`auto` or a whole number such as `4`";

    fn schema() -> Schema {
        auto_or(Count::schema())
    }
}

impl<T> Serialize for Auto<T>
where
    Self: TextForm,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_text(self, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Auto<T>
where
    Self: TextForm,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

impl<T> JsonSchema for Auto<T>
where
    Self: TextForm,
{
    fn schema_name() -> Cow<'static, str> {
        <Self as TextForm>::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        <Self as TextForm>::schema()
    }
}
