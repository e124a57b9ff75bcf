# shellcheck shell=bash
# The steps every part of scripts/provision is made of: places, talk, lock, download, atomic installation.

CACHE=${SPANPROOF_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/spanproof}
# A collector build takes about four minutes on two cores; a second run waits for the first, not for ever.
LOCK_WAIT_SECONDS=1800

say() { printf 'provision: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 2; }

contains() {
    local wanted=$1 item
    shift
    for item in "$@"; do [[ $item == "$wanted" ]] && return 0; done
    return 1
}

# Sets FOUND to where a part is, or fails. A part that was named by its variable and does not work is not
# quietly replaced by another: the command ends there.
locate() {
    local status=0
    # shellcheck disable=SC2034  # read by scripts/provision
    FOUND=$("${1}_find") || status=$?
    ((status != 2)) || exit 2
    return "$status"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Only one run at a time builds. The lock ends with the process, however that ends.
take_lock() {
    mkdir -p "$CACHE"
    have flock || return 0 # macOS has none; parts are renamed into place, so two builds only waste time
    exec 9>"$CACHE/provision.lock"
    flock -n 9 && return 0
    say "another run is at work; waiting for it, at most $LOCK_WAIT_SECONDS s"
    flock -w "$LOCK_WAIT_SECONDS" 9 || die "the other run still holds $CACHE/provision.lock"
}

# Makes the folder $BUILD for one part, on the cache's file system so that the last step is a rename.
# It goes away with the subshell that made it. Child processes must not inherit the lock: a Go or Python
# process that outlived us would hold it.
make_build_dir() {
    mkdir -p "$CACHE/bin" "$CACHE/stamps"
    BUILD=$(mktemp -d "$CACHE/build-$1.XXXXXX")
    trap 'chmod -R u+w "$BUILD" 2>/dev/null; rm -rf "$BUILD"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Runs a long command with its output in a log; shows the log's end only when it fails.
quietly() {
    local log="$BUILD/log"
    if "$@" >"$log" 2>&1 9>&-; then return 0; fi
    say "failed: $*"
    tail -n 20 "$log" >&2
    return 1
}

# Downloads URL to a file. Quick to give up where there is no network, slow enough for a slow one.
download() {
    local url=$1 to=$2
    [[ ${SPANPROOF_NO_DOWNLOAD:-} != 1 ]] || return 1
    have curl || return 1
    curl --fail --silent --location --connect-timeout 5 --max-time 300 --output "$to" "$url" 9>&-
}

# Puts a finished executable in place with its stamp. Renames, so a reader sees the old or the new one, whole.
install_binary() {
    local built=$1 part=$2 name=$3
    chmod 755 "$built"
    mv -f "$built" "$CACHE/bin/$name"
    write_stamp "$part"
}

# The stamp says what a cached part was made from; when that changes, the part is made again.
write_stamp() {
    "${1}_fingerprint" >"$CACHE/stamps/$1.$$"
    mv -f "$CACHE/stamps/$1.$$" "$CACHE/stamps/$1"
}

# Whether the cached part was made from what the repository says today.
stamp_is_current() {
    [[ -f $CACHE/stamps/$1 ]] && [[ $(<"$CACHE/stamps/$1") == "$("${1}_fingerprint")" ]]
}

digest() { if have sha256sum; then sha256sum "$@"; else shasum -a 256 "$@"; fi | cut -d' ' -f1; }

# One Go binary from its module path, with whatever proxy and checksum database the environment names.
go_install() {
    GOBIN="$BUILD/bin" CGO_ENABLED=0 GOFLAGS="-mod=mod -buildvcs=false" \
        quietly go install -trimpath -ldflags "-s -w" "$1"
}

# A cargo command of one version: the one that the variable names, that on PATH, or the cached one. Asked as cargo asks it, since
# some of them know no other way.
find_cargo_command() {
    local name=$1 version=$2 named=$3 path
    for path in "$named" "$(command -v "$name")" "$CACHE/bin/$name"; do
        if [[ -n $path ]] && "$path" "${name#cargo-}" --version 2>/dev/null | grep -qwF "$version"; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

# Builds one from crates, in a target folder of its own: what it is made of is no use to spanproof's own builds.
get_cargo_command() {
    local part=$1 name=$2 version=$3
    quietly cargo install "$name@$version" --locked --root "$BUILD" --target-dir "$BUILD/target"
    install_binary "$BUILD/bin/$name" "$part" "$name"
}

os_and_arch() {
    local arch
    case $(uname -m) in
        x86_64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) arch=$(uname -m) ;;
    esac
    printf '%s_%s' "$(uname -s | tr '[:upper:]' '[:lower:]')" "$arch"
}

may_install() { [[ ${CI:-} == true || ${SPANPROOF_INSTALL:-} == 1 ]]; }

# Whether what a part is made with is there. Debian's Go is too old to build the collector, so Go is never
# installed here, only named.
has_tools() {
    local tool status=0
    for tool in $("${1}_needs"); do
        have "$tool" && continue
        say "$1: not found: $tool; install it (Go 1.26 or newer: https://go.dev/doc/install) and run this again"
        status=1
    done
    return $status
}

# Installs Debian packages if that was allowed; else names them and fails.
system_packages() {
    if ! may_install || ! have apt-get || [[ $(id -u) != 0 ]]; then
        say "system packages missing: $*; install them, or run scripts/provision --install as root"
        return 1
    fi
    say "installing system packages: $*"
    quietly apt-get update && DEBIAN_FRONTEND=noninteractive quietly apt-get install --yes --no-install-recommends "$@"
}
