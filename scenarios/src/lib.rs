//! What a spanproof run is to do.

pub mod limits;
mod suggest;
pub mod units;
