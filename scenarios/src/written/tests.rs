//! What is written out means what was read, but for what was to be otherwise.

use super::*;
use crate::catalogue;
use crate::load::load;
use crate::overrides::Overrides;
use crate::scenario::{Extent, Fault, FaultKind, LinkSite, SinkFault, TargetFault};
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
    - {name: c, at: 3s, for: 1s, fault: reset}\nlimits: [spans.unknown == 0, recovery.drained < 5s after b, 'recovery.drained < 5s after c',\n\
    faults.b.touched > 1, faults.c.touched > 2]\nabort: [spans.refused > 9]\n";

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
    assert_eq!(limits, ["spans.unknown == 0", "recovery.drained < 5s after c", "faults.c.touched > 2"]);
    assert_eq!(scenario.abort, written.scenario().abort);
    assert_eq!(written.faults(&variation).lines().count(), 3);
    assert_eq!(written.faults(&Variation::default()), "");
    assert!(read(&written.text(&Variation::default())).faults.is_empty());
}

/// Every kind of fault, with every field.
const KINDS: &str = "
- {name: grpc, at: 1s, for: 1s, fault: {grpc_status: {code: 42, retry_after: 5s}}}
- {name: http, at: 1s, for: 1s, every: 3s, times: 2, fault: {http_status: {status: 503, retry_after: 5s, retry_after_form: date}}}
- {name: odd, at: 1s, for: 1s, share: 10%, share_to: 60%, fault: {http_status: {status: 429, retry_after_form: negative}}}
- {name: slow, at: 1s, for: 1s, share: 50%, share_of: connections, fault: {slow: {by: 1s}}}
- {name: hang, at: 1s, for: 1s, on: sink, fault: hang}
- {name: reset, at: 1s, for: 1s, fault: {reset: {error: INTERNAL_ERROR}}}
- {name: lost, at: 1s, for: 1s, share: 0%, share_to: 100%, fault: {lost_answer: {error: NO_ERROR, after_headers: true}}}
- {name: partial, at: 1s, for: 1s, fault: {partial_success: {rejected: -1}}}
- {name: broken, at: 1s, for: 1s, fault: {broken_answer: {shape: no_status}}}
- {name: discard, at: 1s, for: 1s, fault: discard}
- {name: poison, at: 1s, for: 1s, fault: {poison: {one_in: 10_000, code: ABORTED}}}
- {name: freeze, at: 1s, for: 1s, on: target, fault: freeze}
- {name: kill, at: 3s, for: 1s, fault: kill}
- {name: terminate, at: 5s, for: 1s, fault: {terminate: {}}}
- {name: descriptors, at: 7s, for: 1s, fault: descriptors}
- {name: reload, at: 8s, for: 1s, fault: reload}
- {name: cpu, at: 9s, for: 1s, fault: {cpu: {share: 12.5%}}}
- {name: cut, at: 1s, for: 1s, fault: {link: black_hole}}
- {name: late, at: 1s, for: 1s, share: 30%, on: ingress, fault: {link: {latency: {by: 1s, direction: upstream}}}}
- {name: mine, at: 1s, for: 1s, fault: {exec: {start: [a, 'b c'], undo: ['true'], evidence: [c], within: 2s}}}
";

/// The place of a kind in a list of all.
fn number(kind: &FaultKind) -> usize {
    match kind {
        FaultKind::Sink { fault, .. } => match fault {
            SinkFault::GrpcStatus { .. } => 0,
            SinkFault::HttpStatus { .. } => 1,
            SinkFault::Poison { .. } => 2,
            SinkFault::Partial { .. } => 3,
            SinkFault::Slow { .. } => 4,
            SinkFault::Hang => 5,
            SinkFault::Reset { .. } => 6,
            SinkFault::LostAnswer { .. } => 7,
            SinkFault::BrokenAnswer(_) => 8,
            SinkFault::Discard => 9,
        },
        FaultKind::Target(fault) => match fault {
            TargetFault::Freeze => 10,
            TargetFault::Kill => 11,
            TargetFault::Terminate => 12,
            TargetFault::Descriptors => 13,
            TargetFault::Reload => 14,
            TargetFault::Cpu { .. } => 15,
        },
        FaultKind::Link { site: LinkSite::Egress, .. } => 16,
        FaultKind::Link { site: LinkSite::Ingress, .. } => 17,
        FaultKind::Commands(_) => 18,
    }
}

#[test]
fn a_fault_of_any_kind_is_written_as_it_was_alone_and_without_it() {
    let text = format!(
        "scenario: 1\nname: kinds\ntarget: {{process: {{command: otelcol}}}}\ncollector: {{config_inline: 'x: 1'}}\n\
         traffic: {{workload: uniform, rate: 500}}\nrun: {{duration: 10s}}\nfaults:{KINDS}"
    );
    let source = Source { name: "kinds.yaml".to_owned(), text, directory: "".into() };
    let written = Written::load(&source, &LoadOptions::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let faults = &written.scenario().faults;
    let kinds: BTreeSet<usize> = faults.iter().map(|fault| number(&fault.kind)).collect();
    assert_eq!(kinds, (0..19).collect());
    let kept = |places: BTreeSet<usize>| {
        let variation = Variation { faults: places, ..Variation::default() };
        read(&written.text(&variation)).faults
    };
    for (place, fault) in faults.iter().enumerate() {
        assert_eq!(kept(BTreeSet::from([place])), std::slice::from_ref(fault));
        let others: Vec<Fault> = faults.iter().filter(|other| *other != fault).cloned().collect();
        assert_eq!(kept((0..faults.len()).filter(|other| *other != place).collect()), others);
    }
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
