# shellcheck shell=bash
# cargo-deny, which checks licences and sources of every dependency. Only CI needs it: it compiles for two minutes.

deny_variable() { echo SPANPROOF_CARGO_DENY; }
deny_version() { echo "$CARGO_DENY_VERSION"; }
deny_needs() { echo cargo; }
deny_plan() { echo "build cargo-deny $CARGO_DENY_VERSION from crates (about 2 minutes on two cores)"; }
deny_fingerprint() { echo "$CARGO_DENY_VERSION"; }

deny_find() {
    local path
    for path in "${SPANPROOF_CARGO_DENY:-}" "$(command -v cargo-deny)" "$CACHE/bin/cargo-deny"; do
        if [[ -n $path ]] && "$path" --version 2>/dev/null | grep -qwF "$CARGO_DENY_VERSION"; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

# A target folder of its own: what cargo-deny is made of is no use to spanproof's own builds.
deny_get() {
    quietly cargo install "cargo-deny@$CARGO_DENY_VERSION" --locked --root "$BUILD" --target-dir "$BUILD/target"
    install_binary "$BUILD/bin/cargo-deny" deny cargo-deny
}
