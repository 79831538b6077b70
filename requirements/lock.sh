#!/usr/bin/env bash
# Writes runtime.txt, build.txt, dev.txt and bench.txt: every version and hash for Python 3.11 to 3.13 on x86-64 and arm64.
# Versions already there are kept where they still fit; `requirements/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

uv_version=0.13.9
uv=.cache/lock/bin/uv
if [[ "$("$uv" --version 2>/dev/null || true)" != "uv $uv_version"* ]]; then
    rm -rf .cache/lock
    "${PYTHON:-python3}" -m venv .cache/lock
    .cache/lock/bin/pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi

# compile SOURCE TARGET [OPTION…]: lock what SOURCE names into TARGET.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --only-binary :all: --output-file "$2" "$1" "${@:3}" >/dev/null
}

# Each file is held to the ones before it, so that all three can be installed together.
compile pyproject.toml requirements/runtime.txt "$@"
compile requirements/build.in requirements/build.txt --constraints requirements/runtime.txt "$@"
compile requirements/dev.in requirements/dev.txt --constraints requirements/runtime.txt \
    --constraints requirements/build.txt "$@"

# What benchmarks compare with lives in an environment of its own, so it is held to nothing here.
compile requirements/bench.in requirements/bench.txt "$@"
