//! What the command line prints, word by word: help, lists, plans, and complaints. The cases are in `cmd/`.
//!
//! `TRYCMD=overwrite cargo test -p spanproof-harness --test cli_snapshots` writes them anew; the difference is to be read.

#[test]
fn the_command_line_prints_what_the_cases_say() {
    trycmd::TestCases::new()
        .register_bin("spanproof", std::path::PathBuf::from(env!("CARGO_BIN_EXE_spanproof")))
        // Help is wrapped to the terminal; tests have none, but a developer's shell may export its width.
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        .env("GITHUB_ACTIONS", "")
        .env("GITHUB_STEP_SUMMARY", "")
        .timeout(std::time::Duration::from_secs(60))
        .case("tests/cmd/*.trycmd");
}
