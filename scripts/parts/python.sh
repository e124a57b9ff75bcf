# shellcheck shell=bash
# A Python environment with hdrhistogram, the other implementation that reads our latency log, and a YAML reader.

python_variable() { echo SPANPROOF_PYTHON; }
python_version() { echo "hdrhistogram $HDRHISTOGRAM_PY_VERSION"; }
python_needs() { echo python3; }
python_plan() { echo "make a virtual environment with hdrhistogram $HDRHISTOGRAM_PY_VERSION and PyYAML $PYYAML_VERSION from PyPI"; }
python_fingerprint() { echo "hdrhistogram==$HDRHISTOGRAM_PY_VERSION pyyaml==$PYYAML_VERSION $(python3 --version 2>&1)"; }

python_find() {
    if [[ -n ${SPANPROOF_PYTHON:-} ]]; then
        python_is_usable "$SPANPROOF_PYTHON" || die "SPANPROOF_PYTHON=$SPANPROOF_PYTHON cannot import hdrh and yaml"
        echo "$SPANPROOF_PYTHON"
        return 0
    fi
    stamp_is_current python && python_is_usable "$CACHE/venv/bin/python" && echo "$CACHE/venv/bin/python"
}

python_is_usable() { "$1" -c 'import hdrh.histogram, hdrh.log, yaml' >/dev/null 2>&1; }

# A virtual environment knows its own path, so it is made in place: the old one is moved away first, and the
# stamp, which makes it count, comes last.
python_get() {
    rm -f "$CACHE/stamps/python"
    [[ ! -e $CACHE/venv ]] || mv "$CACHE/venv" "$BUILD/old-venv"
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        system_packages python3-venv
    fi
    quietly python3 -m venv "$CACHE/venv"
    quietly "$CACHE/venv/bin/python" -m pip install --disable-pip-version-check --only-binary :all: \
        "hdrhistogram==$HDRHISTOGRAM_PY_VERSION" "pyyaml==$PYYAML_VERSION"
    write_stamp python
}
