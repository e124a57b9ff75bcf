//! Flags and variables change a scenario before it is checked, and what is wrong with them names them.

use std::path::PathBuf;
use std::time::Duration;

use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::problem::{ProblemKind, Problems};
use spanproof_scenarios::scenario::{Compression, Extent, Profile, Protocol, Scenario, Target, Workload};
use spanproof_scenarios::units::{Rate, RateOf};

const FILE: &str = "\
scenario: 1
name: base
target: { process: { command: ./otelcol, args: [--config, a.yaml], stop_grace: 9s } }
traffic: { workload: shop, rate: 100 spans/s }
run: { duration: 10s, seed: 3 }
limits: [spans.late == 0]
";

fn with(change: impl FnOnce(&mut Overrides)) -> Result<Scenario, Problems> {
    let mut overrides = Overrides::new();
    change(&mut overrides);
    let source = Source { name: "base.yaml".to_owned(), text: FILE.to_owned(), directory: PathBuf::from("dir") };
    load(&source, &LoadOptions { overrides, ..LoadOptions::default() })
}

fn good(change: impl FnOnce(&mut Overrides)) -> Scenario {
    with(change).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn a_flag_of_its_own_is_named_when_its_value_is_wrong() {
    let foreign = with(|flags| {
        flags.foreign("maybe");
    });
    let absence = with(|flags| {
        flags.absence("maybe");
    });
    for (flag, problems) in [("--foreign", foreign), ("--absence", absence)] {
        let said = problems.unwrap_err().to_string();
        assert!(said.contains(flag) && !said.contains("--set"), "{said}");
    }
}

#[test]
fn short_flags_set_their_fields() {
    let scenario = good(|flags| {
        flags.rate("5 traces/s").duration("1m").seed("42");
    });
    assert_eq!(scenario.traffic.rate, Rate { per_second: 5.0, of: RateOf::Traces });
    assert_eq!(scenario.run.extent, Extent::Duration(Duration::from_secs(60)));
    assert_eq!(scenario.run.seed, 42);
}

#[test]
fn set_reaches_any_field_and_makes_the_maps_on_its_way() {
    let scenario = good(|flags| {
        flags.set("traffic.batch.spans=64").set("limits[0]=spans.late < 5").set("foreign=ignore");
        flags.set("traffic.transport={protocol: http, compression: gzip}");
    });
    assert_eq!(scenario.traffic.batch.spans.get(), 64);
    assert_eq!(scenario.limits[0].to_string(), "spans.late < 5");
    assert_eq!(scenario.traffic.transport.protocol, Protocol::Http);
}

#[test]
fn setting_below_another_choice_replaces_the_choice() {
    let scenario = good(|flags| {
        flags.set("traffic.workload.uniform.spans_per_trace=3").set("traffic.profile.step={at: 2s, factor: 2}");
    });
    assert!(matches!(scenario.traffic.workload, Workload::Uniform(uniform) if uniform.spans_per_trace == 3));
    assert_eq!(scenario.traffic.profile, Profile::Step { at: Duration::from_secs(2), factor: 2.0 });
    let scenario = good(|flags| {
        flags.set("traffic.workload.shop.pool_size=8");
    });
    assert!(matches!(scenario.traffic.workload, Workload::Shop(shop) if shop.pool_size == 8));
}

#[test]
fn duration_and_spans_replace_each_other_unless_flags_contradict() {
    let scenario = good(|flags| {
        flags.set("run.spans=1000000");
    });
    assert_eq!(scenario.run.extent, Extent::Spans(1_000_000));
    let problems = with(|flags| {
        flags.set("run.spans=1000000").duration("5s");
    });
    assert_eq!(problems.unwrap_err().list()[0].kind, ProblemKind::Contradiction);
}

#[test]
fn a_target_of_the_same_kind_keeps_its_settings() {
    let scenario = good(|flags| {
        flags.target("process:/opt/otelcol");
    });
    let Target::Process(process) = scenario.target else { panic!("not a process") };
    assert_eq!(process.command, PathBuf::from("/opt/otelcol"));
    assert_eq!(process.stop_grace, Duration::from_secs(9));
}

#[test]
fn paths_from_the_file_start_at_the_file_and_paths_from_flags_do_not() {
    let command = |scenario: Scenario| match scenario.target {
        Target::Process(process) => process.command,
        other => panic!("{other:?}"),
    };
    assert_eq!(command(good(|_| {})), PathBuf::from("dir/./otelcol"));
    let flagged = good(|flags| {
        flags.target("process:./mine");
    });
    assert_eq!(command(flagged), PathBuf::from("./mine"));
    let bare = good(|flags| {
        flags.target("process:otelcol");
    });
    assert_eq!(command(bare), PathBuf::from("otelcol"));
}

#[test]
fn other_targets_replace_what_the_file_has() {
    let embedded = good(|flags| {
        flags.target("embedded");
    });
    assert_eq!(embedded.target.kind(), "embedded");
    let external = good(|flags| {
        flags.target("external").endpoint("http://collector.example.com:4317").sink_http("127.0.0.1:5318");
    });
    let Target::External(external) = external.target else { panic!("not external") };
    assert_eq!(external.endpoint.host(), "collector.example.com", "typing an endpoint is consent");
    assert_eq!((external.sink_grpc, external.sink_http), (None, "127.0.0.1:5318".parse().ok()));
}

#[test]
fn variables_count_for_an_external_target_and_flags_win() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:2"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", ""),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
    ];
    let environment = || variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let scenario = good(|flags| {
        flags
            .environment(environment())
            .target("external")
            .sink_grpc("127.0.0.1:5317")
            .set("traffic.transport.protocol=grpc");
    });
    let Target::External(external) = &scenario.target else { panic!("not external") };
    assert_eq!(external.endpoint.port(), 2);
    assert_eq!(scenario.traffic.transport.protocol, Protocol::Grpc);
    assert_eq!(scenario.traffic.transport.compression, Compression::Gzip);
    assert_eq!(scenario.traffic.client.timeout, Duration::from_millis(1500));

    let untouched = good(|flags| {
        flags.environment(environment());
    });
    assert_eq!(untouched, good(|_| {}));
}

/// Over HTTP the endpoint of all signals is a base, wherever it is said that HTTP it is.
#[test]
fn the_protocol_that_stands_in_the_end_decides_the_path_of_an_endpoint_from_the_environment() {
    let endpoint = |variables: &[(&str, &str)], protocol: Option<&str>| {
        let scenario = good(|flags| {
            flags.target("external").sink_grpc("127.0.0.1:5317");
            if let Some(protocol) = protocol {
                flags.set(&format!("traffic.transport.protocol={protocol}"));
            }
            flags.environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        });
        let Target::External(external) = scenario.target else { panic!("not external") };
        external.endpoint.as_str().to_owned()
    };
    let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/otlp");
    let http = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    let below = "http://127.0.0.1:1/otlp/v1/traces";
    assert_eq!(endpoint(&[base, http], None), below);
    assert_eq!(endpoint(&[base], Some("http")), below);
    assert_eq!(endpoint(&[base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], Some("http")), below);
    let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:2");
    assert_eq!(endpoint(&[base, of_traces], Some("http")), "http://127.0.0.1:2/");
    assert_eq!(endpoint(&[base, of_traces], None), of_traces.1);
}

#[test]
fn an_endpoint_from_the_environment_is_no_consent() {
    let problems = with(|flags| {
        flags.target("external").sink_grpc("127.0.0.1:5317");
        flags.environment([("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://example.com:4317".to_owned())]);
    });
    let problems = problems.unwrap_err();
    assert_eq!(problems.list()[0].kind, ProblemKind::RemoteEndpoint { host: "example.com".to_owned() });
    assert_eq!(problems.list()[0].path, "OTEL_EXPORTER_OTLP_ENDPOINT");
}

/// The problems of an external target with these variables.
fn external_with(variables: &[(&str, &str)]) -> Result<Scenario, Problems> {
    with(|flags| {
        flags.target("external").sink_grpc("127.0.0.1:5317");
        let named = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        flags.environment(
            [("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), "http://127.0.0.1:1".to_owned())].into_iter().chain(named),
        );
    })
}

#[test]
fn variables_that_cannot_be_heeded_are_quoted_as_written_with_what_is_possible() {
    let wrong = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "abc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/etc/client.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:hidden@127.0.0.1:1"),
    ];
    let lines: Vec<String> =
        wrong.into_iter().map(|variable| external_with(&[variable]).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_a_variable_holds_is_not_repeated_where_it_may_be_secret() {
    let variables = [
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "hidden-key"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://me:hidden@h:1"),
    ];
    let problems = external_with(&variables).unwrap_err();
    assert_eq!(problems.list().len(), 2, "{problems}");
    let shown = format!("{problems}{:?}", miette::Report::new(problems.clone().diagnostic()));
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn a_variable_that_a_flag_has_overruled_is_not_looked_at() {
    let scenario = with(|flags| {
        flags.target("external").endpoint("http://127.0.0.1:1").sink_grpc("127.0.0.1:5317");
        flags.set("traffic.client.timeout=3s");
        flags.environment([("OTEL_EXPORTER_OTLP_TIMEOUT".to_owned(), "abc".to_owned())]);
    });
    assert_eq!(scenario.unwrap().traffic.client.timeout, Duration::from_secs(3));
}

#[test]
fn planted_defects_are_added_to_those_of_the_file() {
    let defects = |scenario: Scenario| match scenario.target {
        Target::Embedded(embedded) => embedded.defects,
        other => panic!("{other:?}"),
    };
    let planted = good(|flags| {
        flags.target("embedded").set("target.embedded.defects=[first]").plant("second=1").plant("3");
    });
    assert_eq!(defects(planted), ["first", "second=1", "3"]);
    let alone = good(|flags| {
        flags.target("embedded").plant("drop-nth=5,every=2");
    });
    assert_eq!(defects(alone), ["drop-nth=5,every=2"]);
    let problems = with(|flags| _ = flags.plant("drop-nth=5")).unwrap_err();
    assert_eq!(problems.list()[0].path, "--plant");
    assert!(problems.to_string().contains("--plant-behind"), "{problems}");
}

#[test]
fn a_flag_is_named_for_what_it_makes_impossible_with_the_rest_of_the_file() {
    const OTHER: &str = "\
scenario: 1
name: base
target: embedded
traffic:
  workload: shop
  rate: 100 spans/s
  anomalies: {error_trace: 60%, slow_trace: 30%}
  profile: {burst: {every: 10s, for: 2s, factor: 5}}
  client: {retry: {enabled: true, initial_interval: 1s, max_interval: 5s}}
run: {duration: 60s}
";
    let wrong: [fn(&mut Overrides); 10] = [
        |flags| _ = flags.duration("2s"),
        |flags| _ = flags.set("traffic.profile.burst.every=90s"),
        |flags| _ = flags.set("traffic.profile={step: {at: 2m, factor: 2}}"),
        |flags| _ = flags.set("traffic.profile.burst.every=1s"),
        |flags| _ = flags.set("traffic.profile.burst.factor=10000000"),
        |flags| _ = flags.set("traffic.workload=uniform"),
        |flags| _ = flags.set("traffic.anomalies.slow_trace=50%"),
        |flags| _ = flags.set("traffic.client.retry.initial_interval=7s"),
        |flags| _ = flags.rate("0.001 traces/s"),
        |flags| _ = flags.target("external"),
    ];
    let complaints = wrong.into_iter().map(|change| {
        let mut overrides = Overrides::new();
        change(&mut overrides);
        let source = Source { name: "base.yaml".to_owned(), text: OTHER.to_owned(), directory: PathBuf::from("dir") };
        load(&source, &LoadOptions { overrides, ..LoadOptions::default() }).unwrap_err().to_string()
    });
    insta::assert_snapshot!(complaints.collect::<Vec<_>>().join("\n"));
}

#[test]
fn problems_with_flags_name_the_flag_and_point_into_it() {
    let wrong: [fn(&mut Overrides); 16] = [
        |flags| _ = flags.rate("5 bananas/s"),
        |flags| _ = flags.rate(""),
        |flags| _ = flags.duration("10"),
        |flags| _ = flags.seed("lucky"),
        |flags| _ = flags.set("traffic.rate"),
        |flags| _ = flags.set("=5"),
        |flags| _ = flags.set("traffic..rate=5"),
        |flags| _ = flags.set("traffic.raet=5"),
        |flags| _ = flags.set("traffic.rate=[5"),
        |flags| _ = flags.set("limits[7]=spans.late == 0"),
        |flags| _ = flags.set("name.first=x"),
        |flags| _ = flags.target("docker:x"),
        |flags| _ = flags.target("embeded"),
        |flags| _ = flags.target("embedded:x"),
        |flags| _ = flags.target("process:a").endpoint("http://127.0.0.1:1"),
        |flags| _ = flags.rate("5").set("traffic.rate=6"),
    ];
    let lines: Vec<String> = wrong.into_iter().map(|change| with(change).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
