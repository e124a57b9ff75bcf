//! Every scenario that ships is loaded on every change, and is what its comments promise.

use std::collections::BTreeSet;
use std::time::Duration;

use spanproof_scenarios::catalogue;
use spanproof_scenarios::load::{LoadOptions, Source, load};
use spanproof_scenarios::overrides::Overrides;
use spanproof_scenarios::scenario::{Arrivals, CollectorConfig, Extent, FaultKind, Packing, Scenario, Stratum, Target};
use spanproof_scenarios::units::Ppb;

fn load_entry(name: &str, overrides: Overrides) -> Scenario {
    let entry = catalogue::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
    let options = LoadOptions { overrides, ..LoadOptions::default() };
    load(&entry.source(), &options).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_scenario_loads_under_its_own_name_and_says_what_it_is_for() {
    for entry in catalogue::entries() {
        let scenario = load_entry(entry.name, Overrides::new());
        assert_eq!(Some(&*scenario.name), entry.name.rsplit('/').next());
        assert_eq!(scenario.about, entry.about());
        assert!(!scenario.about.is_empty() && !scenario.limits.is_empty());
        assert!(entry.yaml.contains("spanproof run "), "{} shows no command", entry.name);
    }
}

#[test]
fn every_scenario_runs_on_a_process_and_on_an_external_target_too() {
    for entry in catalogue::entries() {
        let mut process = Overrides::new();
        process.target("process:/opt/otelcol");
        let scenario = load_entry(entry.name, process);
        assert_eq!(scenario.target.kind(), "process");
        let CollectorConfig::Inline(config) = scenario.collector.config else { panic!("no configuration") };
        assert!(config.contains("${env:SPANPROOF_RECEIVER_GRPC}"));

        let mut external = Overrides::new();
        external.target("external").endpoint("http://127.0.0.1:4317").sink_grpc("127.0.0.1:5317");
        if scenario.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Target(_))) {
            let options = LoadOptions { overrides: external, ..LoadOptions::default() };
            let refused = load(&entry.source(), &options).unwrap_err().to_string();
            assert!(refused.contains("an external target is somebody else's process"), "{refused}");
            continue;
        }
        assert_eq!(load_entry(entry.name, external).target.kind(), "external");
    }
}

#[test]
fn quickstart_needs_nothing_installed_and_has_every_anomaly() {
    let scenario = load_entry("quickstart", Overrides::new());
    assert!(matches!(scenario.target, Target::Embedded(_)));
    assert_eq!(scenario.traffic.packing, Packing::PerService);
    assert_eq!(scenario.traffic.arrivals, Arrivals::Poisson);
    assert_eq!(scenario.run.extent, Extent::Duration(Duration::from_secs(15)));
    let anomalies: BTreeSet<Stratum> = scenario.traffic.anomalies.iter().map(|(stratum, _)| *stratum).collect();
    assert_eq!(anomalies, BTreeSet::from(Stratum::ANOMALIES));
    assert!(scenario.traffic.anomalies.iter().all(|(_, share)| *share <= Ppb::from_percent(5)));
}

#[test]
fn quickstart_sends_a_million_spans_when_asked() {
    let mut overrides = Overrides::new();
    overrides.set("run.spans=1000000").rate("50000");
    let scenario = load_entry("quickstart", overrides);
    assert_eq!(scenario.run.extent, Extent::Spans(1_000_000));
    assert_eq!(scenario.traffic.rate.per_second, 50_000.0);
}

/// The setting that begins at this line of comment, without its `# `; its deeper lines belong to it.
fn commented_setting(lines: &[&str]) -> Option<Vec<String>> {
    let uncommented = |line: &str| {
        let (indent, rest) = line.split_once("# ")?;
        indent.trim().is_empty().then(|| format!("{indent}{rest}"))
    };
    let depth = |line: &str| line.len() - line.trim_start().len();
    let first = uncommented(lines.first()?)?;
    let (word, _) = first
        .trim_start()
        .strip_prefix("- ")
        .map_or_else(|| first.trim_start().split_once(':'), |_| Some(("-", "")))?;
    if word != "-" && !word.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let deeper = lines[1..].iter().map_while(|line| uncommented(line)).take_while(|line| depth(line) > depth(&first));
    Some(std::iter::once(first.clone()).chain(deeper).collect())
}

#[test]
fn every_setting_that_is_commented_out_may_be_used() {
    let mut used = BTreeSet::new();
    for entry in catalogue::entries() {
        let lines: Vec<&str> = entry.yaml.lines().collect();
        let mut next = 0;
        for at in 0..lines.len() {
            let Some(setting) = commented_setting(&lines[at..]).filter(|_| at >= next) else { continue };
            next = at + setting.len();
            let key = setting[0].split(':').next().unwrap().to_owned();
            // What is written already must give way.
            let other = |line: &&&str| !line.starts_with(&format!("{key}: "));
            let before = lines[..at].iter().filter(other).map(ToString::to_string);
            let after = lines[at + setting.len()..].iter().filter(other).map(ToString::to_string);
            let text: Vec<String> = before.chain(setting).chain(after).collect();
            let source = Source { text: text.join("\n"), ..entry.source() };
            load(&source, &LoadOptions::default())
                .unwrap_or_else(|problems| panic!("{}: {key}: {problems}", entry.name));
            used.insert(key.trim().to_owned());
        }
    }
    for wanted in ["target", "profile", "request_bytes_max", "client", "warmup", "abort"] {
        assert!(used.contains(wanted), "no {wanted} in {used:?}");
    }
}
