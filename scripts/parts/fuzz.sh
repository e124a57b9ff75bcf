# shellcheck shell=bash
# cargo-fuzz, which builds and runs the fuzz targets. Only .ci/long needs it: it compiles for a minute.

fuzz_variable() { echo SPANPROOF_CARGO_FUZZ; }
fuzz_version() { echo "$CARGO_FUZZ_VERSION"; }
fuzz_needs() { echo cargo; }
fuzz_plan() { echo "build cargo-fuzz $CARGO_FUZZ_VERSION from crates (about a minute on two cores)"; }
fuzz_fingerprint() { echo "$CARGO_FUZZ_VERSION"; }

fuzz_find() {
    local path
    for path in "${SPANPROOF_CARGO_FUZZ:-}" "$(command -v cargo-fuzz)" "$CACHE/bin/cargo-fuzz"; do
        if [[ -n $path ]] && "$path" --version 2>/dev/null | grep -qwF "$CARGO_FUZZ_VERSION"; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

# A target folder of its own: what cargo-fuzz is made of is no use to spanproof's own builds.
fuzz_get() {
    quietly cargo install "cargo-fuzz@$CARGO_FUZZ_VERSION" --locked --root "$BUILD" --target-dir "$BUILD/target"
    install_binary "$BUILD/bin/cargo-fuzz" fuzz cargo-fuzz
}
