//! Traffic that is not ours: telemetrygen, whose path `SPANPROOF_TELEMETRYGEN` names. Without it the test is skipped with a
//! message, except with `CI=true`, where that is a failure.

use super::rig::{Sink, run};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

fn telemetrygen() -> Option<PathBuf> {
    let named = std::env::var_os("SPANPROOF_TELEMETRYGEN").map(PathBuf::from);
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(named.is_some() || !required, "CI=true needs telemetrygen: set SPANPROOF_TELEMETRYGEN to its path");
    if named.is_none() {
        // Not through `eprintln!`, whose text is shown for failed tests only.
        let message = b"SKIPPED: set SPANPROOF_TELEMETRYGEN to the path of telemetrygen to run this test\n";
        std::io::stderr().write_all(message).unwrap();
    }
    named
}

#[test]
fn what_telemetrygen_sends_is_counted_over_both_protocols() {
    let Some(telemetrygen) = telemetrygen() else { return };
    let sink = Sink::start(&["--until", "traces >= 10", "--within", "60s"]);
    for (address, more) in [(sink.grpc, None), (sink.http, Some("--otlp-http"))] {
        let mut command = Command::new(&telemetrygen);
        command.args(["traces", "--otlp-insecure", "--otlp-endpoint", &address.to_string(), "--traces", "5"]);
        command.args(["--child-spans", "1", "--rate", "0", "--service", "legacy"]).args(more);
        let sent = run(&mut command);
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    let ended = sink.wait();
    assert_eq!((ended.code, ended.spans()), (Some(0), 20), "{ended:?}");
    assert_eq!(ended.line("services"), "services  legacy 20");
}

#[test]
fn its_metrics_and_logs_are_counted_as_what_they_are() {
    let Some(telemetrygen) = telemetrygen() else { return };
    let sink = Sink::start(&["--until", "log_records >= 5"]);
    for signal in ["metrics", "logs"] {
        let mut command = Command::new(&telemetrygen);
        command.args([
            signal,
            "--otlp-insecure",
            "--otlp-endpoint",
            &sink.grpc.to_string(),
            &format!("--{signal}"),
            "5",
        ]);
        let sent = run(&mut command);
        assert_eq!(sent.code, Some(0), "{sent:?}");
    }
    let ended = sink.wait();
    assert_eq!((ended.code, ended.spans()), (Some(0), 0), "{ended:?}");
    assert!(ended.line("logs").contains("5 in "), "{ended:?}");
    assert!(ended.line("metrics").contains(" requests"), "{ended:?}");
}
