//! What is written out means what was read, but for what was to be otherwise.

use super::*;
use crate::catalogue;
use crate::load::load;
use crate::overrides::Overrides;
use crate::scenario::Extent;
use crate::units::RateOf;

fn all_faults(scenario: &Scenario) -> BTreeSet<usize> {
    (0..scenario.faults.len()).collect()
}

#[track_caller]
fn read(text: &str) -> Scenario {
    let source = Source { name: "written.yaml".to_owned(), text: text.to_owned(), directory: "/elsewhere".into() };
    load(&source, &LoadOptions::default()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// Lines of an inline configuration are told by their place in the file, which is another one now.
fn without_place(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.collector.start = None;
    scenario
}

#[test]
fn every_scenario_of_the_catalogue_means_the_same_when_it_is_written_out() {
    for entry in catalogue::entries() {
        let mut options = LoadOptions::default();
        options.overrides.target("process:otelcol");
        let written = Written::load(&entry.source(), &options).unwrap_or_else(|problems| panic!("{problems}"));
        let scenario = written.scenario();
        let text = written.text(&Variation { faults: all_faults(scenario), ..Variation::default() });
        assert_eq!(without_place(&read(&text)), without_place(scenario), "{}\n{text}", entry.name);
    }
}

const FAULTY: &str = "scenario: 1\nname: faulty\ntraffic: {workload: uniform, rate: 500}\nrun: {spans: 1000}\nfaults:\n\
    - {name: a, at: 1s, for: 1s, fault: {slow: {by: 1s}}}\n- {name: b, at: 2s, for: 1s, fault: hang}\n\
    - {name: c, at: 3s, for: 1s, fault: reset}\nlimits: [spans.unknown == 0, recovery.drained < 5s after b, 'recovery.drained < 5s after c']\n\
    abort: [spans.refused > 9]\n";

fn faulty(options: &LoadOptions) -> Written {
    let source = Source { name: "faulty.yaml".to_owned(), text: FAULTY.to_owned(), directory: "".into() };
    Written::load(&source, options).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn faults_that_go_take_the_limits_along_that_name_them() {
    let written = faulty(&LoadOptions::default());
    let variation = Variation { faults: BTreeSet::from([0, 2]), ..Variation::default() };
    let scenario = read(&written.text(&variation));
    let names: Vec<_> = scenario.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    let limits: Vec<_> = scenario.limits.iter().map(ToString::to_string).collect();
    assert_eq!(limits, ["spans.unknown == 0", "recovery.drained < 5s after c"]);
    assert_eq!(scenario.abort, written.scenario().abort);
    assert_eq!(written.faults(&variation).lines().count(), 3);
    assert_eq!(written.faults(&Variation::default()), "");
    assert!(read(&written.text(&Variation::default())).faults.is_empty());
}

#[test]
fn rate_and_duration_take_the_place_of_what_was_there() {
    let written = faulty(&LoadOptions::default());
    let rate = Rate { per_second: 31.5, of: RateOf::Traces };
    let duration = Duration::from_millis(4_500);
    let faults = all_faults(written.scenario());
    let scenario = read(&written.text(&Variation { faults, rate: Some(rate), duration: Some(duration) }));
    assert_eq!((scenario.traffic.rate, scenario.run.extent), (rate, Extent::Duration(duration)));
    assert_eq!(scenario.run.seed, written.scenario().run.seed);
}

#[test]
fn what_flags_changed_is_in_the_text_and_paths_are_whole() {
    let mut overrides = Overrides::new();
    overrides
        .target("process:./some/otelcol")
        .rate("200 traces/s")
        .seed("99")
        .set("target.process.args=[-x, 'a b: c']");
    let written = faulty(&LoadOptions { overrides, ..LoadOptions::default() });
    let text = written.text(&Variation { faults: all_faults(written.scenario()), ..Variation::default() });
    let scenario = read(&text);
    let Target::Process(process) = &scenario.target else { panic!("{text}") };
    assert_eq!(process.command, std::path::absolute("./some/otelcol").unwrap());
    assert_eq!(process.args, ["-x", "a b: c"]);
    assert_eq!((scenario.run.seed, scenario.traffic.rate), (99, written.scenario().traffic.rate));
}
