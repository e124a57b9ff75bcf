//! What a person sees when a scenario is wrong: every problem at once, each with its place and a way out.

use std::fs;
use std::path::PathBuf;

use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;
use spanproof_scenarios::catalogue;
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::problem::{ProblemKind, Problems};

/// A scenario without a problem, to which tests add theirs.
const GOOD: &str = "scenario: 1\nname: good\ntraffic: {workload: shop, rate: 100}\nrun: {duration: 10s}\n";

fn source(text: &str) -> Source {
    Source { name: "my.yaml".to_owned(), text: text.to_owned(), directory: PathBuf::new() }
}

fn problems(text: &str) -> Problems {
    match load(&source(text), &LoadOptions::default()) {
        Ok(scenario) => panic!("accepted: {scenario:?}"),
        Err(problems) => problems,
    }
}

/// `line:column field kind` of each problem.
fn places(text: &str) -> Vec<String> {
    let place = |problem: &spanproof_scenarios::problem::Problem| {
        format!("{}:{} {} {}", problem.line, problem.column, problem.field, problem.kind.code())
    };
    problems(text).list().iter().map(place).collect()
}

/// As on a terminal, without colours.
fn rendered(problems: Problems) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    match handler.render_report(&mut text, &problems.diagnostic()) {
        Ok(()) => text,
        Err(error) => panic!("{error}"),
    }
}

/// More than eight kinds of mistakes that people make.
const MANY: &str = r#"scenario: 1
name: My Scenario
target:
  external: { endpoint: "127.0.0.1:4317" }
traffic:
  workload: shopp
  rate: 0
  batch: { spans: 0, time_out: 5s }
  anomalies: { error_trace: 60%, slow_trace: 50% }
run:
  duratoin: 30s
limits:
  - spans.lost_acknowledged = 0
  - latency.intended_to_delivered.p99 < 500
  - target.memory.peak < 450MiB before backend-down
"#;

#[test]
fn all_problems_are_reported_at_once() {
    insta::assert_snapshot!(rendered(problems(MANY)));
}

#[test]
fn problems_are_data_too() {
    insta::assert_json_snapshot!(problems(MANY).list());
}

#[test]
fn problems_fit_into_lines_of_a_log() {
    insta::assert_snapshot!(problems(MANY).to_string());
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    insta::assert_snapshot!(rendered(problems("scenario: 1\nname: x\ntraffic:\n  rate: [5000\nrun: {duration: 1s}\n")));
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    let text = "scenario: one\nname: x\ntraffic:\n  workload: [shop]\n  rate: {spans: 5000}\n  batch: 512\n  \
                client: { retry: { enabled: \"yes\" } }\nrun: { duration: 30, seed: -1 }\nlimits: spans.late == 0\n";
    insta::assert_snapshot!(rendered(problems(text)));
}

#[test]
fn an_unknown_field_suggests_the_nearest() {
    insta::assert_snapshot!(rendered(problems(&GOOD.replace("rate:", "raet: 5, rate:"))));
}

#[test]
fn fields_of_later_versions_are_refused_as_such() {
    let text = format!("{GOOD}expect: {{sampling: from_config}}\ntarget: {{container: {{image: x}}}}\n");
    insta::assert_snapshot!(problems(&text).to_string());
}

#[test]
fn a_problem_inside_a_quoted_limit_points_at_its_column() {
    let text = format!("{GOOD}limits:\n  - \"spans.late = 0\"\n");
    assert_eq!(places(&text), ["6:17 limits[0] invalid_value"]);
}

#[test]
fn a_promise_that_is_none_is_told_with_its_place() {
    let promises = "promises:\n  - { traces: 'eror', kept: 100% }\n  - { traces: error, kept: 101% }\n";
    assert_eq!(
        places(&format!("{GOOD}{promises}")),
        ["6:16 promises[0].traces invalid_value", "7:28 promises[1].kept invalid_value"]
    );
    let promises = "promises:\n  - { kept: 100% }\n  - { traces: error, spans: error, kept: 0% }\n  - { spans: root }\n\
                    \x20 - { traces: error, kept: 1% }\n  - { traces: error, kept: 2% }\n";
    let found = places(&format!("{GOOD}{promises}"));
    let expected = ["promises[0] invalid", "promises[1] invalid", "promises[2] invalid", "promises[4] contradiction"];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    found.iter().zip(expected).for_each(|(found, expected)| assert!(found.contains(expected), "{found}"));
}

#[test]
fn a_failed_field_is_not_reported_as_missing_as_well() {
    assert_eq!(places(&GOOD.replace("rate: 100", "rate: fast")), ["3:33 traffic.rate invalid_value"]);
    assert_eq!(places(&GOOD.replace("duration: 10s", "duration: 10")), ["4:19 run.duration invalid_value"]);
    assert_eq!(
        places(&GOOD.replace("workload: shop", "workload: {shop: 3}")),
        ["3:28 traffic.workload.shop wrong_type"]
    );
}

#[test]
fn required_fields_are_named_where_they_would_stand() {
    assert_eq!(
        places("about: nothing else\n"),
        ["1:1 scenario missing_field", "1:1 name missing_field", "1:1 run missing_field", "1:1 traffic missing_field"]
    );
    assert_eq!(places("{}"), places("about: x\n"));
    assert_eq!(places(&GOOD.replace(", rate: 100", "")), ["3:1 traffic.rate missing_field"]);
    assert_eq!(places(&GOOD.replace("{duration: 10s}", "{seed: 1}")), ["4:1 run.duration missing_field"]);
    assert_eq!(places(&format!("{GOOD}target: process\n")), ["5:1 target.process.command missing_field"]);
    let process = format!("{GOOD}target: {{process: {{command: otelcol}}}}\n");
    assert_eq!(places(&process), ["1:1 collector missing_field"], "nothing to configure it with");
}

#[test]
fn an_empty_file_is_one_problem() {
    for text in ["", "\n", "# only a comment\n", "---\n"] {
        let problems = problems(text);
        assert_eq!(problems.list().len(), 1, "{text:?} {problems}");
        assert!(!rendered(problems).is_empty());
    }
}

#[test]
fn a_root_that_is_no_map_is_refused() {
    assert_eq!(places("- scenario: 1\n"), ["1:1  wrong_type"]);
    assert_eq!(places("hello\n"), ["1:1  wrong_type"]);
}

#[test]
fn duplicate_keys_do_not_hide_other_problems() {
    let text = GOOD.replace("name: good\n", "name: good\nname: bad\n").replace("rate: 100", "rate: 0");
    assert_eq!(places(&text), ["3:1  syntax", "4:33 traffic.rate invalid_value"]);
}

#[test]
fn volumes_that_cannot_be_are_refused() {
    let cases = [
        ("rate: 100", "rate: 200M spans/s", "traffic.rate"),
        ("rate: 100", "rate: 90M spans/s, profile: {burst: {every: 4s, for: 1s, factor: 5}}", "traffic.rate"),
        ("rate: 100", "rate: 0.05 traces/s", "traffic.rate"),
        ("workload: shop, rate: 100", "workload: {uniform: {spans_per_trace: 5000}}, rate: 100", "traffic.rate"),
        ("rate: 100", "rate: 100, profile: {step: {at: 30s, factor: 2}}", "traffic.profile.step.at"),
        ("rate: 100", "rate: 100, profile: {ramp: {over: 30s}}", "traffic.profile.ramp.over"),
        ("rate: 100", "rate: 100, profile: {burst: {every: 2s, for: 3s, factor: 2}}", "traffic.profile.burst.for"),
        ("rate: 100", "rate: 100, profile: {step: {at: 3s, factor: 0}}", "traffic.profile.step.factor"),
        ("rate: 100", "rate: 100, request_bytes_max: 1KiB", "traffic.request_bytes_max"),
        ("rate: 100", "rate: 100, client: {queue: 0}", "traffic.client.queue"),
        ("rate: 100", "rate: 100, client: {timeout: 0s}", "traffic.client.timeout"),
        ("duration: 10s", "duration: 0s", "run.duration"),
        ("duration: 10s", "duration: 9000000m", "run.duration"),
        ("duration: 10s", "duration: 10s, spans: 5", "run.spans"),
        ("duration: 10s", "spans: 0", "run.spans"),
        ("duration: 10s", "spans: 1_000_000_000_000", "run"),
    ];
    for (from, to, field) in cases {
        let problems = problems(&GOOD.replace(from, to));
        let fields: Vec<&str> = problems.list().iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, [field], "{to}: {problems}");
        assert!(problems.list()[0].hint.is_some(), "{problems}");
    }
}

#[test]
fn the_uniform_workload_has_no_anomalies() {
    let text =
        GOOD.replace("workload: shop", "workload: uniform, anomalies: {new_root: 1%, error_trace: 1%, slow_trace: 0%}");
    assert_eq!(
        places(&text),
        ["3:52 traffic.anomalies.new_root invalid_value", "3:69 traffic.anomalies.error_trace invalid_value"]
    );
}

#[test]
fn a_missing_configuration_file_is_named_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("there.yaml"), "receivers: {}\n").unwrap();
    let text = format!("{GOOD}collector:\n  config: [there.yaml, not-there.yaml]\n");
    let path = directory.path().join("my.yaml");
    fs::write(&path, text).unwrap();
    let problems = load(&Source::read(&path).unwrap(), &LoadOptions::default()).unwrap_err();
    let [problem] = problems.list() else { panic!("{problems}") };
    assert_eq!((problem.line, problem.column, problem.field.as_str()), (6, 24, "collector.config[1]"));
    assert_eq!(problem.kind, ProblemKind::MissingFile);
    assert!(problem.message.contains("not-there.yaml"));
}

#[test]
fn an_unknown_scenario_suggests_one_of_the_catalogue() {
    let problems = Source::find("quikstart").unwrap_err();
    assert_eq!(problems.list()[0].kind, ProblemKind::MissingFile);
    assert_eq!(problems.list()[0].hint.as_deref(), Some("did you mean `quickstart`?"));
    assert!(Source::find("bursts").is_ok());
}

#[test]
fn limits_about_the_same_figure_are_contradictions() {
    let text = format!(
        "{GOOD}limits:\n- spans.late == 0\n- ledger.spans.late == 0\n- spans.late < 5\n- nonsense\n- spans.late == 1\n"
    );
    assert_eq!(
        places(&text),
        ["7:3 limits[1] contradiction", "9:11 limits[3] invalid_value", "10:3 limits[4] contradiction"]
    );
}

#[test]
fn an_external_target_needs_an_endpoint_and_a_sink() {
    assert_eq!(
        places(&format!("{GOOD}target: {{external: {{}}}}\n")),
        ["5:10 target.external.endpoint missing_field", "5:10 target.external.sink missing_field"]
    );
    let with = |endpoint: &str, sink: &str| {
        places(&format!("{GOOD}target: {{external: {{endpoint: '{endpoint}', sink: {sink}}}}}\n"))
    };
    assert_eq!(with("grpc://127.0.0.1:4317", "{grpc: 127.0.0.1:5317}").len(), 1);
    assert_eq!(with("http://127.0.0.1:4317", "{grpc: somewhere}").len(), 1);
    assert_eq!(with("http://127.0.0.1:4317", "{grpc: 127.0.0.1:5317, http: 127.0.0.1:5317}").len(), 1);
}

#[test]
fn an_endpoint_beyond_loopback_needs_permission() {
    let text = format!(
        "{GOOD}target: {{external: {{endpoint: 'http://otel.example.com:4317', sink: {{grpc: 127.0.0.1:5317}}}}}}\n"
    );
    let problems = problems(&text);
    let [problem] = problems.list() else { panic!("{problems}") };
    assert_eq!(problem.kind, ProblemKind::RemoteEndpoint { host: "otel.example.com".to_owned() });
    assert_eq!(problem.hint.as_deref(), Some("if you mean it, pass `--allow-remote otel.example.com`"));
    let allowed = LoadOptions { allow_remote: vec!["otel.example.com".to_owned()], ..LoadOptions::default() };
    assert!(load(&source(&text), &allowed).is_ok());
}

#[test]
fn a_secret_put_where_a_variable_belongs_is_not_repeated() {
    let text = GOOD.replace("rate: 100", "rate: 100, transport: {headers_env: {authorization: Bearer s3cr3t!}}");
    let problems = problems(&text);
    let problem = &problems.list()[0];
    assert!(!format!("{}{:?}", problem.message, problem.hint).contains("s3cr3t"), "{problem}");
}

#[test]
fn text_of_a_file_cannot_move_the_cursor() {
    let problems = problems(&format!("{GOOD}\"a\\u001b[31mred\": 1\n"));
    assert!(!problems.to_string().contains('\u{1b}'), "{problems}");
}

proptest! {
    /// No edit of a good file panics the loader, and whatever it reports has a place inside the file.
    #[test]
    fn no_edit_of_a_scenario_panics(at in 0.0..1.0_f64, cut in 0..40_usize, insert in "[ -~\\n\\t\\PC]{0,6}") {
        let quickstart = catalogue::find("quickstart").map_or("", |entry| entry.yaml);
        let boundary = |at: usize| (at..=quickstart.len()).find(|at| quickstart.is_char_boundary(*at)).unwrap_or(0);
        let start = boundary((quickstart.len() as f64 * at) as usize);
        let end = boundary((start + cut).min(quickstart.len()));
        let text = format!("{}{insert}{}", &quickstart[..start], &quickstart[end..]);
        if let Err(problems) = load(&source(&text), &LoadOptions::default()) {
            for problem in problems.list() {
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count() + 1, "{problem:?}");
                prop_assert!(!problem.message.is_empty());
            }
            prop_assert!(!rendered(problems).is_empty());
        }
    }

    /// Arbitrary text neither panics the loader nor passes for a scenario.
    #[test]
    fn no_text_panics(text in "[-a-z:{}\\[\\]'\"|>&*!% \\n#]{0,80}") {
        prop_assert!(load(&source(&text), &LoadOptions::default()).is_err());
    }
}
