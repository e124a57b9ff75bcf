# shellcheck shell=bash
# Rotel, a collector written in Rust: a second, independent target. Optional. PyPI's wheel carries its binary.

rotel_variable() { echo SPANPROOF_ROTEL; }
rotel_version() { echo "$ROTEL_VERSION"; }
rotel_needs() { echo python3; }
rotel_plan() { echo "take its binary from the wheel rotel $ROTEL_VERSION on PyPI (optional)"; }
rotel_fingerprint() { echo "$ROTEL_VERSION"; }

rotel_find() {
    if [[ -n ${SPANPROOF_ROTEL:-} ]]; then
        [[ -x $SPANPROOF_ROTEL ]] || die "SPANPROOF_ROTEL=$SPANPROOF_ROTEL cannot be run"
        echo "$SPANPROOF_ROTEL"
        return 0
    fi
    stamp_is_current rotel && [[ -x $CACHE/bin/rotel ]] && echo "$CACHE/bin/rotel"
}

rotel_get() {
    local pip=python3
    [[ ! -x $CACHE/venv/bin/python ]] || pip=$CACHE/venv/bin/python # a bare Debian python3 has no pip of its own
    quietly "$pip" -m pip download --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$BUILD" "rotel==$ROTEL_VERSION"
    (cd "$BUILD" && python3 -m zipfile -e rotel-*.whl wheel)
    chmod 755 "$BUILD/wheel/rotel/rotel-agent"
    "$BUILD/wheel/rotel/rotel-agent" --help >/dev/null
    install_binary "$BUILD/wheel/rotel/rotel-agent" rotel rotel
}
