//! Statuses of gRPC, by name or number: `UNAVAILABLE`, `14`, `42`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use schemars::{Schema, json_schema};

use super::{TextForm, ValueError, text_form};
use crate::spec::GrpcStatus;
use crate::suggest;

/// A status of gRPC other than OK. Numbers that gRPC does not define are ones that a client may meet all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrpcCode(u32);

impl GrpcCode {
    /// The number on the wire; above zero.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Which of those that gRPC defines.
    pub fn known(self) -> Option<GrpcStatus> {
        GrpcStatus::ALL.iter().copied().find(|status| status.number() == self.0)
    }
}

impl From<GrpcStatus> for GrpcCode {
    fn from(status: GrpcStatus) -> Self {
        Self(status.number())
    }
}

impl FromStr for GrpcCode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some(status) = GrpcStatus::ALL.iter().find(|status| status.name() == text) {
            return Ok(Self::from(*status));
        }
        match text.parse() {
            Ok(0) => Err(ValueError::new(0, "status 0 is OK, which refuses nothing", "give a number above 0")),
            Ok(number) => Ok(Self(number)),
            Err(_) => {
                let names: Vec<&str> = GrpcStatus::ALL.iter().map(|status| status.name()).collect();
                let hint = suggest::hint_for(text, &names);
                Err(ValueError::new(0, format!("`{text}` is no status of gRPC"), format!("{hint}; any number will do")))
            }
        }
    }
}

/// By name, if it has one.
impl Display for GrpcCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(status) => f.write_str(status.name()),
            None => write!(f, "{}", self.0),
        }
    }
}

impl TextForm for GrpcCode {
    const NAME: &'static str = "GrpcCode";
    const EXPECTED: &'static str = "a status of gRPC such as `UNAVAILABLE`, or its number";

    fn schema() -> Schema {
        let names: Vec<&str> = GrpcStatus::ALL.iter().map(|status| status.name()).collect();
        json_schema!({ "oneOf": [{ "enum": names }, { "type": "integer", "minimum": 1, "maximum": u32::MAX }] })
    }
}

text_form!(GrpcCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_read_and_names_are_shown() {
        for status in GrpcStatus::ALL {
            let code = GrpcCode::from(*status);
            assert_eq!((code.to_string().parse(), status.number().to_string().parse()), (Ok(code), Ok(code)));
        }
        assert_eq!("42".parse::<GrpcCode>().unwrap().to_string(), "42");
    }

    #[test]
    fn what_is_none_is_refused_with_the_nearest_name() {
        let refused = ["0", "UNAVAILABEL", "-1", "gone"].map(|text| text.parse::<GrpcCode>().unwrap_err());
        assert_eq!(refused[0].message, "status 0 is OK, which refuses nothing");
        assert_eq!(refused[1].hint, "did you mean `UNAVAILABLE`?; any number will do");
        assert!(refused[2..].iter().all(|error| error.message.ends_with("is no status of gRPC")));
    }
}
