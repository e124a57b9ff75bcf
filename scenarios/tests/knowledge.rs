//! Whoever knows more than this crate is asked about everything at once, and each objection stands in its place.

use std::collections::BTreeMap;

use spanproof_scenarios::knowledge::{ConfigPlace, ConfigText, Knowledge, LimitUse, Objection};
use spanproof_scenarios::limits::Limit;
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::Problems;
use spanproof_scenarios::scenario::{Endpoint, Protocol, Ready, Target};

/// Has something against all that it is asked about.
#[derive(Debug)]
struct Contrary;

impl Knowledge for Contrary {
    fn limit(&self, _: &Limit, usage: LimitUse) -> Option<Objection> {
        Some(Objection::new(format!("no limit {usage:?}"), "leave it"))
    }

    fn defect(&self, text: &str) -> Option<Objection> {
        Some(Objection::new(format!("no {text}"), ""))
    }

    fn endpoint(&self, _: &Endpoint, protocol: Protocol) -> Option<Objection> {
        Some(Objection::new(format!("not over {protocol:?}"), ""))
    }

    fn configuration(
        &self,
        texts: &[ConfigText],
        variables: &BTreeMap<String, String>,
    ) -> Vec<(ConfigPlace, Objection)> {
        let last = texts.len() - 1;
        let words = format!("{} variables", variables.len());
        let keys = ["service", "pipelines", "traces"].map(str::to_owned).to_vec();
        vec![
            (ConfigPlace::At { text: last, line: 2, column: 3 }, Objection::new(words, "")),
            (ConfigPlace::Keys(keys), Objection::new("no traces", "")),
        ]
    }
}

fn contradicted(source: &Source) -> Problems {
    let options = LoadOptions { knowledge: Some(&Contrary), ..LoadOptions::default() };
    match load(source, &options) {
        Ok(scenario) => panic!("accepted: {scenario:?}"),
        Err(problems) => problems,
    }
}

/// `path:line:column field: message` of each problem.
fn lines(problems: &Problems) -> Vec<String> {
    problems.list().iter().map(|p| format!("{}:{}:{} {}: {}", p.path, p.line, p.column, p.field, p.message)).collect()
}

const TRAFFIC: &str = "scenario: 1\nname: x\ntraffic: {workload: shop, rate: 100}\nrun: {duration: 10s}\n";

fn source(more: &str) -> Source {
    Source { name: "my.yaml".to_owned(), text: format!("{TRAFFIC}{more}"), directory: "".into() }
}

#[test]
fn limits_defects_and_endpoints_are_objected_to_where_they_stand() {
    let text = "limits: [spans.late == 0]\nabort:\n  - spans.late > 5\ntarget: {embedded: {defects: [a, b]}}\n";
    assert_eq!(
        lines(&contradicted(&source(text))),
        [
            "my.yaml:5:10 limits[0]: no limit AtEnd",
            "my.yaml:7:5 abort[0]: no limit Abort",
            "my.yaml:8:31 target.embedded.defects[0]: no a",
            "my.yaml:8:34 target.embedded.defects[1]: no b",
        ]
    );
    let text = "target: {external: {endpoint: 'http://127.0.0.1:1', sink: {grpc: '127.0.0.1:2'}}}\n";
    assert_eq!(lines(&contradicted(&source(text))), ["my.yaml:5:31 target.external.endpoint: not over Grpc"]);
}

#[test]
fn lines_of_an_inline_configuration_are_those_of_the_scenario() {
    let text = "collector:\n  env: {A: b}\n  config_inline: | # as it is\n    a:\n      b: 1\n    service:\n      pipelines:\n        traces: {}\n";
    assert_eq!(
        lines(&contradicted(&source(text))),
        ["my.yaml:9:7 collector.config_inline: 1 variables", "my.yaml:12:9 collector.config_inline: no traces"]
    );
    // In a text that does not stand in the file line by line there is only the text as a whole to point at.
    let text = "collector:\n  config_inline: \"a:\\n  b: 1\\n\"\n";
    let problems = contradicted(&source(text));
    let messages = lines(&problems);
    assert_eq!(messages[0], "my.yaml:6:18 collector.config_inline: 0 variables (line 2 of the configuration)");
}

#[test]
fn what_is_wrong_with_a_file_of_configuration_is_told_in_that_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), "x: 1\nservice:\n  pipelines:\n    traces: {}\n").unwrap();
    std::fs::write(folder.path().join("b.yaml"), "y: 1\nservice: {}\n").unwrap();
    let more = source("collector: {config: [a.yaml, b.yaml]}\nlimits: [spans.late == 0]\n");
    let problems = contradicted(&Source { directory: folder.path().to_owned(), ..more });
    let told = lines(&problems).join("\n").replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(told, @r"
    my.yaml:6:10 limits[0]: no limit AtEnd
    DIR/a.yaml:4:5 collector.config[0]: no traces
    DIR/b.yaml:2:3 collector.config[1]: 0 variables
    ");
}

#[test]
fn a_process_is_ready_when_the_receiver_of_the_traffic_is_unless_it_says_otherwise() {
    let ready = |protocol: &str, ready: &str| {
        let text = TRAFFIC.replace("rate: 100", &format!("rate: 100, transport: {{protocol: {protocol}}}"));
        let target = format!("target: {{process: {{command: x, args: [y], ready: {ready}}}}}\n");
        let source = Source { text: text + &target, ..source("") };
        match load(&source, &LoadOptions::default()).map(|scenario| scenario.target) {
            Ok(Target::Process(process)) => {
                let Ready { receiver, health_path, .. } = process.ready;
                (receiver, health_path)
            }
            other => panic!("{other:?}"),
        }
    };
    let path = |path: &str| Some(path.to_owned());
    assert_eq!(ready("grpc", "{}"), (Some(Protocol::Grpc), None));
    assert_eq!(ready("http", "{}"), (Some(Protocol::Http), None));
    assert_eq!(ready("http", "{on: grpc, health_path: /ok}"), (Some(Protocol::Grpc), path("/ok")));
    assert_eq!(ready("grpc", "{on: health}"), (None, path("/")));
    assert_eq!(ready("grpc", "{on: health, health_path: /ok}"), (None, path("/ok")));
    let bad = source("target: {process: {command: x, args: [y], ready: {health_path: 'ok'}}}\n");
    let problems = load(&bad, &LoadOptions::default()).unwrap_err();
    assert_eq!(lines(&problems), ["my.yaml:5:64 target.process.ready.health_path: this is no path to ask for"]);
}
