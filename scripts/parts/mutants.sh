# shellcheck shell=bash
# cargo-mutants, which changes code in one place at a time. Only scripts/mutants needs it: it compiles for two minutes.

mutants_variable() { echo SPANPROOF_CARGO_MUTANTS; }
mutants_version() { echo "$CARGO_MUTANTS_VERSION"; }
mutants_needs() { echo cargo; }
mutants_plan() { echo "build cargo-mutants $CARGO_MUTANTS_VERSION from crates (about 2 minutes on two cores)"; }
mutants_fingerprint() { echo "$CARGO_MUTANTS_VERSION"; }

mutants_find() { find_cargo_command cargo-mutants "$CARGO_MUTANTS_VERSION" "${SPANPROOF_CARGO_MUTANTS:-}"; }
mutants_get() { get_cargo_command mutants cargo-mutants "$CARGO_MUTANTS_VERSION"; }
