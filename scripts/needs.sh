# shellcheck shell=bash
# What scripts/test cannot do without: said before anything is done, since what goes wrong without it says something else.
# To be sourced from the repository's root.

NEEDS="Rust, a C compiler, Go and Python 3"

# Prints a line for each need that is not met, with what to do; nothing if all are.
missing_needs() {
    command -v cargo >/dev/null || echo "  cargo: install Rust (https://rustup.rs); the pinned toolchain then installs itself"
    command -v cc >/dev/null || echo "  cc: install a C compiler, such as the package gcc or clang"
    command -v python3 >/dev/null || echo "  python3: install Python 3"
    # Go only builds a collector: where there is one, it is not asked for.
    command -v go >/dev/null || has_collector ||
        echo "  go: install Go 1.26 or newer (https://go.dev/doc/install), or have a collector first: scripts/provision" \
            "downloads one where it can, and SPANPROOF_OTELCOL names yours"
}

has_collector() {
    [[ -n ${SPANPROOF_OTELCOL:-} || $(scripts/provision --print-env 2>/dev/null) == *SPANPROOF_OTELCOL=* ]]
}

# Whether the tests with a full disk can be run: each mounts a small one that only itself can see, which takes user namespaces.
may_mount() { unshare -rm sh -c 'mount -t tmpfs none /tmp' >/dev/null 2>&1; }

# What becomes of these tests where they cannot.
what_without_mounts() {
    if [[ ${CI:-} == true ]]; then
        echo "the tests with a full disk will fail; give the container CAP_SYS_ADMIN, or a seccomp profile that permits it"
    else
        echo "the tests with a full disk are skipped"
    fi
}
