# shellcheck shell=bash
# telemetrygen, the generator of the collector project: the peer to measure against. It has no release
# binaries, only an image, so it is built.

telemetrygen_variable() { echo SPANPROOF_TELEMETRYGEN; }
telemetrygen_version() { echo "$TELEMETRYGEN_VERSION"; }
telemetrygen_needs() { echo go; }
telemetrygen_plan() { echo "build version $TELEMETRYGEN_VERSION from Go modules (under a minute)"; }
telemetrygen_fingerprint() { echo "$TELEMETRYGEN_VERSION"; }

telemetrygen_find() {
    if [[ -n ${SPANPROOF_TELEMETRYGEN:-} ]]; then
        [[ -x $SPANPROOF_TELEMETRYGEN ]] || die "SPANPROOF_TELEMETRYGEN=$SPANPROOF_TELEMETRYGEN cannot be run"
        echo "$SPANPROOF_TELEMETRYGEN"
        return 0
    fi
    # One on PATH does not say its version, and a comparison with an unknown version says nothing.
    stamp_is_current telemetrygen && [[ -x $CACHE/bin/telemetrygen ]] && echo "$CACHE/bin/telemetrygen"
}

telemetrygen_get() {
    go_install "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v$TELEMETRYGEN_VERSION"
    "$BUILD/bin/telemetrygen" traces --help >/dev/null
    install_binary "$BUILD/bin/telemetrygen" telemetrygen telemetrygen
}
