//! Values with units, as people write them: durations, sizes, rates, percentages, counts.
//!
//! Each type here parses from and prints to one text form, exactly: what is printed parses to the same value. Reading is
//! exact too (decimal arithmetic, no binary fractions), and a text that is refused gets a [`ValueError`] that says where
//! and what to write instead. All of them serialise as that text and carry a JSON Schema for it.

mod auto;
mod bytes;
mod count;
mod decimal;
mod duration;
mod grpc_code;
mod percent;
mod rate;
mod text_form;
mod value_error;

pub use auto::Auto;
pub use bytes::ByteSize;
pub use count::{Count, SignedCount};
pub(crate) use decimal::Decimal;
pub use duration::HumanDuration;
pub use grpc_code::GrpcCode;
pub use percent::Ppb;
pub use rate::{Rate, RateOf};
pub use text_form::TextForm;
pub(crate) use text_form::{deserialize_text, serialize_text, text_form};
pub use value_error::ValueError;
