//! Planted deviations: servers that do one thing wrong, a few lines each, and the requirement under whose id each must be caught.
//!
//! They stand before a server that does everything right and twist what goes by. `twists` has what they are made of. A requirement
//! with a case and without a deviation is on [`WITHOUT`], with the reason.

mod grpc;
mod http;
mod json;
mod telemetry;
mod twists;

use super::scripted::{Answer, Asked, Deed};

/// A server that does one thing wrong.
#[derive(Clone, Copy)]
pub struct Deviation {
    /// Whose breaking it is.
    pub requirement: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// How.
    pub twist: Twist,
}

/// How something is made wrong.
#[derive(Clone, Copy)]
pub enum Twist {
    /// What comes is changed before it is passed on.
    Asked(fn(&mut Asked)),
    /// What was answered is changed.
    Answer(fn(&Asked, &mut Answer)),
    /// Something else is done, if it says so, and nothing is passed on.
    Instead(fn(&Asked) -> Option<Deed>),
}

const fn asked(requirement: &'static str, what: &'static str, twist: fn(&mut Asked)) -> Deviation {
    Deviation { requirement, what, twist: Twist::Asked(twist) }
}

const fn answer(requirement: &'static str, what: &'static str, twist: fn(&Asked, &mut Answer)) -> Deviation {
    Deviation { requirement, what, twist: Twist::Answer(twist) }
}

const fn instead(requirement: &'static str, what: &'static str, twist: fn(&Asked) -> Option<Deed>) -> Deviation {
    Deviation { requirement, what, twist: Twist::Instead(twist) }
}

/// Every deviation.
pub fn all() -> Vec<Deviation> {
    [grpc::DEVIATIONS, http::DEVIATIONS, json::DEVIATIONS, telemetry::DEVIATIONS].concat()
}

/// Requirements that have a case and no deviation, and why.
pub const WITHOUT: &[(&str, &str)] = &[
    ("GRPC-14", "breaking it takes a server that answers strictly in order, which is told and not judged"),
    ("GRPC-21", "breaking it takes a server that loses something with each stream that is given up"),
    ("HTTP-20", "nothing can break it"),
    ("HTTP-27", "the reference asks for no credentials"),
    ("HTTP-33", "breaking it takes a server that serves one connection at a time"),
    ("HTTP-41", "the reference answers no browsers"),
    ("COMP-12", "nothing can break it: what is taken is told"),
    ("RETRY-34", "nothing can break it but a loss, which its control would find first"),
    ("DATA-03", "what is done is told; a loss is caught under DATA-01"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::registry::{self, Case};
    use std::collections::BTreeSet;

    #[test]
    fn every_requirement_with_a_case_has_a_deviation_or_a_reason() {
        let planted: BTreeSet<&str> = all().iter().map(|deviation| deviation.requirement).collect();
        let excused: BTreeSet<&str> = WITHOUT.iter().map(|(id, _)| *id).collect();
        let tried: BTreeSet<&str> = registry::all().iter().map(Case::requirement).collect();
        assert!(excused.len() <= 40);
        assert_eq!(planted.intersection(&excused).collect::<Vec<_>>(), Vec::<&&str>::new());
        let covered: BTreeSet<&str> = planted.union(&excused).copied().collect();
        assert_eq!(tried.difference(&covered).collect::<Vec<_>>(), Vec::<&&str>::new(), "neither planted nor excused");
        assert_eq!(covered.difference(&tried).collect::<Vec<_>>(), Vec::<&&str>::new(), "of no case");
    }
}
