//! Judging against what was sent.

use super::rig::{Ended, PATIENCE, Sink, generate, run, spanproof};
use spanproof_harness::embedded::{Compression, Destination, EmbeddedConfig, EmbeddedTarget, Protocol};
use std::path::Path;

const SHORT: [&str; 4] = ["--rate", "1000", "--duration", "500ms"];

/// One command that sends and is judged.
fn judged(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = spanproof();
    command.args(["sink", "--grpc", "127.0.0.1:0", "--expect", "g.json", "--"]).current_dir(folder);
    command.args([env!("CARGO_BIN_EXE_spanproof"), "gen", "traces", "--quiet", "--result", "g.json"]).args(arguments);
    run(&mut command)
}

#[test]
fn one_command_sends_and_judges_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    // The second time an earlier sender's file is there, which must not be taken for this one's.
    for _ in 0..2 {
        let ended = judged(folder.path(), &SHORT);
        assert_eq!((ended.code, ended.spans()), (Some(0), 500), "{ended:?}");
        assert!(ended.line("ledger").contains("planned 500, delivered 500, lost 0"), "{ended:?}");
        assert!(ended.line("judged pass").contains(" 50 traces"), "{ended:?}");
    }
}

#[test]
fn the_shop_workload_is_judged_too() {
    let folder = tempfile::tempdir().unwrap();
    let shop = ["--workload", "shop", "--seed", "3", "--set", "traffic.batch.timeout=200ms"];
    let ended = judged(folder.path(), &[&SHORT[..], &shop].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.line("services").contains("frontend "), "{ended:?}");
}

/// What a sink with these arguments says of the spans that a collector passes on to it.
pub fn through_a_collector(config: EmbeddedConfig, sink: &[&str], sent: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    // The command ends when all has been sent; what is absent after a quiet time is lost.
    let until_done = "while [ ! -e done ]; do sleep 0.05; done";
    let expecting = ["--expect", "g.json", "--settle", "3s"];
    let sink = Sink::start_in(folder.path(), &[&expecting[..], sink, &["--", "sh", "-c", until_done]].concat());
    let export = vec![Destination {
        endpoint: format!("http://{}", sink.grpc),
        protocol: Protocol::Grpc,
        compression: Compression::None,
    }];
    let collector = EmbeddedTarget::start(EmbeddedConfig { export, ..config }).unwrap();
    let result = folder.path().join("g.json");
    let sent = generate(collector.grpc_addr(), &[sent, &["--result", result.to_str().unwrap()]].concat());
    assert_eq!(sent.code, Some(0), "{sent:?}");
    std::fs::write(folder.path().join("done"), "").unwrap();
    let ended = sink.wait();
    collector.shutdown(PATIENCE);
    ended
}

#[test]
fn spans_lost_on_the_way_are_named() {
    let dropping = EmbeddedConfig { defects: vec!["drop-one-in=100".parse().unwrap()], ..EmbeddedConfig::default() };
    let ended = through_a_collector(dropping, &[], &SHORT);
    assert_eq!((ended.code, ended.spans()), (Some(1), 495), "{ended:?}");
    assert!(ended.line("failure").contains("lost-acknowledged 5: "), "{ended:?}");
    assert!(ended.out.contains("span "), "an example says which span: {ended:?}");
}

#[test]
fn what_no_one_acknowledged_is_not_called_loss() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("g.json");
    let nobody: std::net::SocketAddr = "127.0.0.1:1".parse().unwrap();
    let sent = generate(nobody, &[&SHORT[..], &["--result", result.to_str().unwrap()]].concat());
    assert_eq!(sent.code, Some(1), "{sent:?}");
    let ended = Sink::start_in(folder.path(), &["--expect", "g.json", "--within", "200ms"]).wait();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.line("inconclusive").starts_with("inconclusive unknown 500: "), "{ended:?}");
}

#[test]
fn a_goal_may_be_a_figure_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("g.json");
    let sink = Sink::start_in(folder.path(), &["--expect", "g.json", "--until", "spans.delivered >= 500"]);
    generate(sink.grpc, &[&SHORT[..], &["--result", result.to_str().unwrap()]].concat());
    let ended = sink.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.line("ledger").contains("delivered 500"), "{ended:?}");
}

#[test]
fn records_of_others_fail_unless_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let result = folder.path().join("g.json");
    for (foreign, code) in [("fail", 1), ("ignore", 0)] {
        // Others come first and are kept until it is known what is ours.
        std::fs::remove_file(&result).ok();
        let sink = Sink::start_in(folder.path(), &["--expect", "g.json", "--foreign", foreign]);
        generate(sink.grpc, &["--rate", "100", "--duration", "200ms"]);
        generate(sink.grpc, &[&SHORT[..], &["--result", result.to_str().unwrap()]].concat());
        let ended = sink.wait();
        assert_eq!((ended.code, ended.spans()), (Some(code), 520), "{ended:?}");
        assert!(
            ended.line("ledger").contains("delivered 500") && ended.line("ledger").ends_with("foreign 20"),
            "{ended:?}"
        );
    }
}

#[test]
fn a_plan_is_made_again_from_scenario_seed_tag_and_epoch_or_from_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "quickstart", "--rate", "500", "--duration", "1s", "--out", "here", "--quiet"];
    let ran = run(spanproof().args(arguments).current_dir(folder.path()));
    let text = std::fs::read_to_string(folder.path().join("here/result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    let planned = result["ledger"]["spans"]["planned"].as_u64().unwrap();
    assert!(planned > 0, "{ran:?}");
    let (seed, epoch) = (result["seed"].to_string(), result["epoch"]["unix_ns"].to_string());
    let tag = result["run_tag"].as_str().unwrap();
    let given = ["--expect-scenario", "quickstart", "--set", "traffic.rate=500", "--set", "run.duration=1s"];
    let given = [&given[..], &["--seed", &seed, "--run-tag", tag, "--epoch", &epoch]].concat();
    for expected in [&["--expect", "here"][..], &given] {
        let arguments = [expected, &["--within", "100ms", "--format", "json"]].concat();
        let ended = Sink::start_in(folder.path(), &arguments).wait();
        assert_eq!(ended.code, Some(1), "nothing came: {ended:?}");
        assert_eq!(ended.json()["ledger"]["spans"]["lost_acknowledged"], planned);
    }
}

/// A run of which hardly anything was sent, judged from elsewhere: what was never sent cannot be lost. Of a copy of its result alone
/// nobody knows what was.
#[test]
fn what_a_run_has_not_sent_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "quickstart", "--rate", "5000", "--duration", "2s", "--out", "here", "--quiet"];
    let cut = ["--set", "abort=[spans.delivered >= 500]"];
    let ran = run(spanproof().args(arguments).args(cut).current_dir(folder.path()));
    let text = std::fs::read_to_string(folder.path().join("here/result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    let spans = |word: &str| result["ledger"]["spans"][word].as_u64().unwrap();
    assert!(spans("not_sent") > 0 && spans("acknowledged") > 0, "{ran:?}");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let expecting = |result: &str, place: &Path| {
        Sink::start_in(place, &["--expect", result, "--within", "100ms", "--format", "json"]).wait()
    };
    let ended = expecting("../here/result.json", &elsewhere);
    assert_eq!(ended.code, Some(1), "what was acknowledged did not come to this sink: {ended:?}");
    assert_eq!(ended.json()["ledger"]["spans"]["lost_acknowledged"], spans("acknowledged"), "{ended:?}");
    std::fs::write(folder.path().join("copy.json"), &text).unwrap();
    let ended = expecting("copy.json", folder.path());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let finding = &ended.json()["checks"][0]["findings"][0];
    assert_eq!(finding["level"], "inconclusive", "{ended:?}");
    assert!(finding["message"].as_str().unwrap().contains("nobody says which spans were acknowledged"), "{finding}");
}

#[test]
fn a_result_that_tells_of_another_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(judged(folder.path(), &SHORT).code, Some(0));
    let path = folder.path().join("g.json");
    let text = std::fs::read_to_string(&path).unwrap();
    for (changed, complaint) in [
        (text.replace("\"rate\": \"1000\"", "\"rate\": \"1001\""), "fingerprints differ"),
        (text.replace("spanproof.gen/1", "spanproof.gen/9"), "its schema is `spanproof.gen/9`"),
        (text[..text.len() / 2].to_owned(), "not a result"),
    ] {
        std::fs::write(&path, changed).unwrap();
        let arguments = ["sink", "--http", "127.0.0.1:0", "--expect", "g.json", "--within", "1s"];
        let ended = run(spanproof().args(arguments).current_dir(folder.path()));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(complaint), "{ended:?}");
    }
}

#[test]
fn an_expectation_that_never_comes_leaves_it_undecided() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Sink::start_in(folder.path(), &["--expect", "g.json", "--within", "200ms"]).wait();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.line("undecided").contains("nobody said what to expect"), "{ended:?}");
}
