//! What samplers do to traces, against vectors measured on the real ones and rule by rule.

#[path = "sampling/version.rs"]
mod version;
