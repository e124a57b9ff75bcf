# shellcheck shell=bash
# cargo-deny, which checks licences and sources of every dependency. Only CI needs it: it compiles for two minutes.

deny_variable() { echo SPANPROOF_CARGO_DENY; }
deny_version() { echo "$CARGO_DENY_VERSION"; }
deny_needs() { echo cargo; }
deny_plan() { echo "build cargo-deny $CARGO_DENY_VERSION from crates (about 2 minutes on two cores)"; }
deny_fingerprint() { echo "$CARGO_DENY_VERSION"; }

deny_find() { find_cargo_command cargo-deny "$CARGO_DENY_VERSION" "${SPANPROOF_CARGO_DENY:-}"; }
deny_get() { get_cargo_command deny cargo-deny "$CARGO_DENY_VERSION"; }
