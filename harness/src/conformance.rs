//! Does it do what OTLP asks for? Requirements tried on a target, one at a time, and judged from what it answers and from what came
//! out behind it.
//!
//! A trial's way: [`registry`] (which cases there are) -> [`plan`] (which permutations the target's [`profile`] leaves) ->
//! [`run`] (side by side, each with its control first) -> a case in `cases`, which is a function of a [`probe`] -> [`raw`] (peers that
//! can say anything) -> [`judged`] (what was seen) -> [`grade`] (what that amounts to). What was sent is kept in a [`book`] and held
//! against what [`readback`] saw arrive. [`scripted`] is a server that answers as it is told, and [`mod@reference`] and [`deviations`]
//! show with it that the suite catches what it is to catch.
//!
//! The requirements themselves are `spanproof_scenarios::conformance`, the records of a run `spanproof_reports::conformance`.
//! What must never be here: the polite clients of [`crate::wire`], which would correct what is to be tried.

pub mod axes;
pub mod book;
mod cases;
pub mod deviations;
pub mod grade;
pub mod judged;
pub mod not_yet;
pub mod page;
pub mod payload;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod raw;
pub mod readback;
pub mod reference;
pub mod registry;
pub mod reply;
pub mod run;
pub mod scripted;
pub mod trace;
