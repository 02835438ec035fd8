#!/bin/sh
# Makes sure of uv and of this project's .venv, and prints uv's path. All else goes to stderr.
set -eu

oldest_uv=0.8
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${TRAINSHED_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/trainshed}

say() {
    echo "bootstrap: $*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Succeeds if the program at $1 is a uv that runs and is new enough.
recent() {
    version=$("$1" --version 2>/dev/null) || return 1
    echo "$version" | awk -v oldest="$oldest_uv" '{
        split($2, have, "."); split(oldest, want, ".")
        exit !(have[1] + 0 > want[1] + 0 || (have[1] + 0 == want[1] + 0 && have[2] + 0 >= want[2] + 0))
    }'
}

# Prints the path of a uv that is there already.
find_uv() {
    for candidate in "$(command -v uv || true)" "$cache/uv/bin/uv"; do
        if [ -n "$candidate" ] && recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# Succeeds if the system's Python can make a virtual environment with pip in it.
has_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null
}

# Runs apt-get quietly; what it says is shown only if it fails.
apt() {
    said=$(DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" 2>&1) || {
        echo "$said" >&2
        fail "apt-get $1 failed"
    }
}

install_python() {
    command -v apt-get >/dev/null || fail "Python 3 with its venv module must be installed first"
    [ "$(id -u)" = 0 ] || fail "run this first: sudo apt-get install python3 python3-venv"
    say "installing python3 and python3-venv"
    apt update
    apt install -y --no-install-recommends ca-certificates python3 python3-venv
}

install_uv() {
    has_venv || install_python
    say "installing uv into $cache/uv"
    mkdir -p "$cache"
    # Beside its place and then moved, so that a run that is cut off leaves nothing half done.
    new=$(mktemp -d "$cache/uv.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    python3 -m venv "$new" >&2
    "$new/bin/pip" install --quiet --disable-pip-version-check "uv>=$oldest_uv" >&2
    rm -rf "$cache/uv"
    mv "$new" "$cache/uv"
    trap - EXIT
}

# What .venv was made from.
inputs() {
    cat "$root/pyproject.toml" "$root/uv.lock" | cksum
}

uv=$(find_uv) || {
    install_uv
    uv=$(find_uv) || fail "the package index gave no uv of $oldest_uv or newer"
}
stamp=$root/.venv/.trainshed-inputs
if ! "$root/.venv/bin/python" -c '' 2>/dev/null || [ "$(inputs)" != "$(cat "$stamp" 2>/dev/null)" ]; then
    say "making .venv of uv.lock"
    (cd "$root" && "$uv" sync --frozen --quiet >&2) || fail "uv could not make .venv: see above"
    inputs >"$stamp"
fi
echo "$uv"
