//! The whole program from outside: the binary is started as a person would, and its exit code, its results and what it
//! leaves behind are looked at.
//!
//! Loads are small, so that one run takes seconds; rates and volumes stand in [`rig`].

#![expect(clippy::unwrap_used, reason = "these are tests; clippy only knows functions marked so")]

mod bad_input;
mod catalogue;
mod collector;
mod commands;
mod common;
mod defects;
mod disk;
mod ending_early;
mod external;
mod faults;
mod foretold;
mod http_target;
mod links;
mod overload;
mod passing;
mod rig;
mod sampled;
mod settling;
mod shrink;
mod standing_still;
mod starting;
mod suites;
mod surroundings;
mod talking;
mod twins;
mod uninvited;
mod ways;
