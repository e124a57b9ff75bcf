//! What a spanproof run is to do: scenario files, their loading and checking, the embedded catalogue.
//!
//! Text becomes what was typed ([`spec`]) becomes what it means ([`scenario`]), and past that point there is no raw input.
//! Nothing here starts anything: the only effects are reading a scenario file and the configuration files that it names.
//!
//! Where to start: [`load::load`] is the way from text to meaning; [`limits`] is the grammar of what must hold; [`units`]
//! are the values with units that people write; [`conformance`] is what OTLP asks for; [`knowledge`] is what loading asks whoever runs scenarios;
//! [`written`] is the way back to a text.

pub mod catalogue;
pub mod conformance;
mod document;
pub mod knowledge;
pub mod limits;
pub mod load;
pub mod locate;
pub mod overrides;
pub mod problem;
pub mod promises;
pub mod scenario;
pub mod spec;
pub mod suggest;
pub mod units;
pub mod written;
