# shellcheck shell=bash
# The OpenTelemetry Collector, with the components of scripts/collector/manifest.yaml.

# shellcheck disable=SC2154  # $here is where scripts/provision stands
collector_manifest() { echo "$here/collector/manifest.yaml"; }
OTELCOL_VERSION=$(sed -n 's/^  version: //p' "$(collector_manifest)")

collector_variable() { echo SPANPROOF_OTELCOL; }
collector_version() { echo "$OTELCOL_VERSION"; }
collector_needs() { echo go; }
collector_plan() {
    echo "download release $OTELCOL_VERSION if the network has it, else build it from Go modules (about 4 minutes on two cores)"
}
collector_fingerprint() { grep -v '^#' "$(collector_manifest)" | digest; }

# The first usable one of: the one that was named, the one on PATH, the one in the cache.
collector_find() {
    if [[ -n ${SPANPROOF_OTELCOL:-} ]]; then
        collector_runs "$SPANPROOF_OTELCOL" || die "SPANPROOF_OTELCOL=$SPANPROOF_OTELCOL is not a collector that runs"
        echo "$SPANPROOF_OTELCOL"
        return 0
    fi
    local name path
    for name in otelcol-contrib otelcol; do
        if path=$(command -v "$name") && collector_is_usable "$path"; then
            echo "$path"
            return 0
        fi
    done
    stamp_is_current collector && collector_runs "$CACHE/bin/otelcol" && echo "$CACHE/bin/otelcol"
}

collector_runs() { [[ -x $1 ]] && "$1" --version >/dev/null 2>&1; }

# Tests depend on behaviour measured with one version, so another version on PATH is left alone. One
# without the sampling processors (the small public distribution) is too little.
collector_is_usable() {
    collector_has_version "$1" && "$1" components 2>/dev/null | grep -q 'name: tail_sampling'
}

collector_has_version() { "$1" --version 2>/dev/null | grep -qwF "$OTELCOL_VERSION"; }

collector_get() {
    if collector_download; then return 0; fi
    say "collector: no release download here; building it from Go modules"
    collector_build
}

collector_download() {
    local base=https://github.com/open-telemetry/opentelemetry-collector-releases/releases/download
    local file
    file="otelcol-contrib_${OTELCOL_VERSION}_$(os_and_arch).tar.gz"
    download "$base/v$OTELCOL_VERSION/$file" "$BUILD/$file" || return 1
    say "collector: downloaded $file, sha256 $(digest "$BUILD/$file")"
    tar -xzf "$BUILD/$file" -C "$BUILD" otelcol-contrib || return 1
    collector_is_usable "$BUILD/otelcol-contrib" || return 1
    install_binary "$BUILD/otelcol-contrib" collector otelcol
}

# The builder writes the program's source. Its own last step, `go mod tidy`, wants the test dependencies of
# every component too, and a module proxy may not serve all of those; by then the source stands, so that
# one failure is let pass and the Go compiler is the judge.
collector_build() {
    go_install "go.opentelemetry.io/collector/cmd/builder@v$OTELCOL_VERSION"
    cp "$(collector_manifest)" "$BUILD/manifest.yaml"
    (cd "$BUILD" && ./bin/builder --skip-compilation --config manifest.yaml) >"$BUILD/builder.log" 2>&1 9>&- || true
    local file
    for file in main.go components.go go.mod; do
        [[ -s $BUILD/src/$file ]] || {
            tail -n 20 "$BUILD/builder.log" >&2
            say "collector: the builder wrote no $file"
            return 1
        }
    done
    say "collector: source written, compiling"
    CGO_ENABLED=0 GOFLAGS="-mod=mod -buildvcs=false" \
        quietly go build -C "$BUILD/src" -trimpath -ldflags "-s -w" -o "$BUILD/otelcol" .
    collector_has_version "$BUILD/otelcol" || {
        say "collector: built, but it does not call itself $OTELCOL_VERSION"
        return 1
    }
    install_binary "$BUILD/otelcol" collector otelcol
}
