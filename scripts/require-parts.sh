# shellcheck shell=bash
# For checks that use real parts: finds them, and where one is missing ends the check as skipped, in CI as failed.
# To be sourced from the repository's root.

# The status that test drivers take for "skipped".
SKIPPED=77

# Takes the parts' variables, as in `require_parts SPANPROOF_OTELCOL`.
require_parts() {
    local variable
    eval "$(scripts/provision --print-env)"
    for variable in "$@"; do
        [[ -z ${!variable:-} ]] || continue
        echo "$(basename "$0"): $variable is not set and the part is not provisioned; run scripts/provision" >&2
        if [[ ${CI:-} == true ]]; then exit 1; else exit $SKIPPED; fi
    done
}
