//! Does it do what OTLP asks for? Requirements tried on a target, one at a time.
//!
//! What must never be here: the polite clients of [`crate::wire`], which would correct what is to be tried.

pub mod raw;
pub mod scripted;
pub mod trace;
