# shellcheck shell=bash
# cargo-fuzz, which builds and runs the fuzz targets. Only .ci/long needs it: it compiles for a minute.

fuzz_variable() { echo SPANPROOF_CARGO_FUZZ; }
fuzz_version() { echo "$CARGO_FUZZ_VERSION"; }
fuzz_needs() { echo cargo; }
fuzz_plan() { echo "build cargo-fuzz $CARGO_FUZZ_VERSION from crates (about a minute on two cores)"; }
fuzz_fingerprint() { echo "$CARGO_FUZZ_VERSION"; }

fuzz_find() { find_cargo_command cargo-fuzz "$CARGO_FUZZ_VERSION" "${SPANPROOF_CARGO_FUZZ:-}"; }
fuzz_get() { get_cargo_command fuzz cargo-fuzz "$CARGO_FUZZ_VERSION"; }
