//! What is going to be tried on a target: every case in every permutation, and why those that are not tried are not.
//!
//! Pure. Only the profile makes something not applicable; what could be tried with other means is skipped, which is another thing.

use super::axes::Axes;
use super::not_yet::NOT_YET;
use super::profile::Profile;
use super::registry::{Case, Needs};
use spanproof_scenarios::conformance::{Requirement, Table, select};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Patterns of names; none means everything.
    pub select: Vec<String>,
    /// Without what takes time.
    pub is_quick: bool,
    /// Whether what comes out can be read back.
    pub reads_back: bool,
}

/// A case in one permutation.
#[derive(Clone)]
pub struct Planned {
    /// The case.
    pub case: Case,
    /// What it stands for.
    pub requirement: Requirement,
    /// The permutation.
    pub axes: Axes,
    /// Whether it is tried.
    pub state: State,
}

/// Whether something is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is.
    Tried,
    /// It is not, and would be with other means.
    Skipped(String),
    /// The target has nothing of the kind.
    NotApplicable(String),
}

impl Planned {
    /// `HTTP-10/status[http-protobuf,traces]`.
    pub fn name(&self) -> String {
        format!("{}[{}]", self.case.id, self.axes)
    }
}

/// Everything that is asked for, in the order of the registry.
pub fn plan(table: &Table, cases: &[Case], profile: &Profile, wanted: &Wanted) -> Vec<Planned> {
    let signals = profile.signals();
    let mut all = Vec::new();
    for case in cases {
        let Some(requirement) = table.find(case.requirement()) else { continue };
        for axes in case.over.permutations(&signals) {
            let state = state(case, requirement, axes, profile, wanted);
            let planned = Planned { case: *case, requirement: requirement.clone(), axes, state };
            if select::any_means(&wanted.select, &planned.name()) {
                all.push(planned);
            }
        }
    }
    all
}

fn state(case: &Case, requirement: &Requirement, axes: Axes, profile: &Profile, wanted: &Wanted) -> State {
    if requirement.since > profile.specification {
        return State::NotApplicable(format!("it is asked for since {}", requirement.since));
    }
    if let Some(lacking) = profile.lacks(axes) {
        return State::NotApplicable(lacking);
    }
    if let Some(feature) = requirement.profile.iter().find(|feature| !profile.has(**feature)) {
        return State::NotApplicable(format!("the target has no {feature}"));
    }
    if case.needs(Needs::ReadBack) && !wanted.reads_back {
        return State::Skipped("nothing is read back (--sink)".to_owned());
    }
    if case.needs(Needs::Limit) && profile.bytes_max(axes.protocol).is_none() {
        return State::Skipped("the target's limit for requests is not known (--limit)".to_owned());
    }
    if case.needs(Needs::Time) && wanted.is_quick {
        return State::Skipped("it takes time (--quick)".to_owned());
    }
    State::Tried
}

/// Requirements among those asked for that nothing tries yet and that bind receivers.
pub fn without_case(table: &Table, wanted: &Wanted) -> Vec<String> {
    let waits = |id: &str| NOT_YET.iter().any(|waiting| waiting.id == id);
    let requirements = table.requirements().iter().filter(|requirement| requirement.binds_receivers());
    let asked = requirements.filter(|requirement| select::any_means(&wanted.select, &requirement.id));
    asked.filter(|requirement| waits(&requirement.id)).map(|requirement| requirement.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::registry;
    use spanproof_scenarios::conformance::{Feature, Version};

    fn planned(profile: &Profile, wanted: &Wanted) -> Vec<Planned> {
        plan(&Table::embedded().unwrap(), &registry::all(), profile, wanted)
    }

    fn whole() -> Profile {
        let address = "127.0.0.1:1".parse().ok();
        Profile::usual(address, address)
    }

    fn all() -> Wanted {
        Wanted { reads_back: true, ..Wanted::default() }
    }

    fn find(planned: &[Planned], name: &str) -> State {
        planned.iter().find(|one| one.name() == name).unwrap_or_else(|| panic!("no {name}")).state.clone()
    }

    #[test]
    fn not_applicable_skipped_and_tried_are_three_things() {
        let planned_all = planned(&whole(), &all());
        assert_eq!(find(&planned_all, "HTTP-10/status[http-json,logs]"), State::Tried);
        assert!(matches!(find(&planned_all, "HTTP-05/profiles[http-protobuf,profiles]"), State::NotApplicable(_)));
        assert!(matches!(find(&planned_all, "HTTP-27/credentials[http-json,traces]"), State::NotApplicable(_)));
        assert!(matches!(find(&planned_all, "SIZE-03/over[http-protobuf,traces]"), State::Skipped(_)));
        let quick = planned(&whole(), &Wanted { is_quick: true, ..Wanted::default() });
        assert!(matches!(find(&quick, "GRPC-21/resets[grpc,traces]"), State::Skipped(_)));
        assert!(matches!(find(&quick, "JSON-01/hex-case[http-json,traces]"), State::Skipped(_)));
        let traces = planned(&whole().without(&[Feature::Metrics, Feature::Logs]), &all());
        assert!(matches!(find(&traces, "HTTP-10/status[http-json,logs]"), State::NotApplicable(_)));
        let old = Profile { specification: Version { major: 1, minor: 10, patch: 0 }, ..whole() };
        assert!(matches!(find(&planned(&old, &all()), "SIZE-03/over[http-protobuf,traces]"), State::NotApplicable(_)));
    }

    #[test]
    fn patterns_select_requirements_cases_and_permutations() {
        let select = |patterns: &[&str]| {
            let select = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            planned(&whole(), &Wanted { select, ..all() }).iter().map(Planned::name).collect::<Vec<_>>()
        };
        assert_eq!(select(&["HTTP-10"]).len(), 6);
        assert_eq!(select(&["HTTP-10/status[http-json,logs]"]), ["HTTP-10/status[http-json,logs]"]);
        assert_eq!(select(&["HTTP-99"]).len(), 0);
    }
}
