#!/usr/bin/env bash
# setup.sh run|test: sets up what is missing to run Outpost, or to test it too; says nothing when nothing is missing.
#
# Each step has a key made of everything its result depends on. A step forgets its old key before it begins and writes
# the new one when it has succeeded, so an interrupted step is done again and a finished one costs one comparison.
# Progress goes to standard error, the output of the commands to .cache/set-up.log.
set -euo pipefail
export LC_ALL=C.UTF-8
cd -P "$(dirname "$0")/.."

readonly purpose=${1:-run}
readonly log=.cache/set-up.log
readonly packages_key_file=.venv/.outpost-packages
readonly project_key_file=.venv/.outpost-project
readonly web_folders=(agent/web provisioning/web)
# What apt-get, pip and npm say when they reach nobody.
readonly offline='temporary failure|could not resolve|name resolution|network is unreachable|connection timed out'
readonly offline_npm='connection refused|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET'

main() {
    local lists=(requirements/debian.txt)
    local locks=(requirements/build.txt requirements/runtime.txt)
    if [[ $purpose == test ]]; then
        lists+=(requirements/debian-test.txt)
        locks+=(requirements/dev.txt)
    fi
    take_turn
    debian_packages "${lists[@]}"
    python_packages "${locks[@]}"
    outpost_itself
    web_pages
}

# stop SENTENCE: the one way out when something is missing.
stop() {
    printf '%s\n' "$1" >&2
    exit 1
}

# step NUMBER TITLE COMMAND…: runs the command with its output in the log; stops with one sentence when it fails.
step() {
    local started=${EPOCHREALTIME/./} status=0
    printf '[%s/5] %s … ' "$1" "$2" >&2
    # In a subshell of its own and not in a condition, where bash would ignore `set -e`. Descriptor 9 is the lock,
    # which nothing that a package starts may inherit.
    set +e
    (
        set -e
        "${@:3}"
    ) >"$log" 2>&1 9>&-
    status=$?
    set -e
    local tenths=$(((${EPOCHREALTIME/./} - started) / 100000))
    if ((status == 0)); then
        printf '%d.%d s\n' $((tenths / 10)) $((tenths % 10)) >&2
        return
    fi
    printf 'failed\n' >&2
    if grep -qiE 'no space left' "$log"; then
        stop "The disk is full: make room, then run the same command again."
    fi
    if grep -qiE "$offline|$offline_npm" "$log"; then
        stop "No network: this step downloads what is missing. Connect the machine, then run the same command again."
    fi
    tail -n 20 "$log" | sed 's/\x1b\[[0-9;]*m//g' >&2
    stop "$2: this step failed; its last lines are above, all of them in $log."
}

# take_turn: waits until no other set-up works in this folder; the lock is held until this process ends.
take_turn() {
    if ! { mkdir -p .cache && : >>.cache/set-up.lock; } 2>/dev/null; then
        stop "Nothing can be written to $PWD/.cache: run this as the user to whom the folder belongs."
    fi
    exec 9>>.cache/set-up.lock
    if ! flock --nonblock 9; then
        printf 'Waiting for another set-up in this folder …\n' >&2
        flock 9
    fi
}

# digest FILE…: prints one hash of the files' contents and names.
digest() {
    sha256sum "$@" | sha256sum | cut -c 1-64
}

# debian_packages LIST…: installs what the lists name and the machine lacks.
debian_packages() {
    local wanted missing
    if ! command -v dpkg-query >/dev/null; then
        command -v mosquitto >/dev/null || stop "This is not Debian: install what $* name by hand."
        return
    fi
    mapfile -t wanted < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$@")
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if ((${#missing[@]} == 0)); then
        return
    fi
    if ((EUID != 0)) && ! { command -v sudo >/dev/null && { [[ -t 2 ]] || sudo -n true 2>/dev/null; }; }; then
        stop "Only root can install the missing Debian packages: apt-get install --no-install-recommends ${missing[*]}"
    fi
    step 1 "Debian packages: ${missing[*]}" install_packages "${missing[@]}"
}

# missing_packages NAME…: prints those that are not installed.
missing_packages() {
    local installed name
    installed=$'\n'$(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true)$'\n'
    for name in "$@"; do
        if [[ $installed != *$'\n'?i?"$name"$'\n'* ]]; then
            printf '%s\n' "$name"
        fi
    done
}

# install_packages NAME…: fetches the package lists only when the ones that are here do not do.
install_packages() {
    local install=(install --yes --no-install-recommends "$@")
    apt_get "${install[@]}" || { apt_get update || true; apt_get "${install[@]}"; }
    # The demo starts a broker of its own; the distribution's would run beside it, unasked. One that was there before is
    # not among the names, and is left alone.
    if [[ " $* " == *" mosquitto "* && -d /run/systemd/system ]]; then
        as_root systemctl disable --now mosquitto.service
    fi
}

# apt_get ARGUMENT…: asks nothing and waits for a package manager that is at work. RUNLEVEL keeps a machine without
# systemd from starting the services of new packages.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 "$@"
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

# python_packages LOCK…: makes .venv hold exactly what the lock files say. An environment is only ever added to: where
# the folder was moved, the machine or the Python is another one or a lock file has changed, it is made anew.
python_packages() {
    local base tests=none key interpreter
    base="$HOSTTYPE $PWD $(digest requirements/build.txt requirements/runtime.txt)"
    if [[ $purpose == test ]]; then
        tests=$(digest requirements/dev.txt)
    fi
    interpreter=$(identity .venv/bin/python)
    if [[ -n ${PYTHON:-} ]]; then
        local asked
        asked=$(identity "$PYTHON")
        if [[ $asked != "$interpreter" ]]; then
            interpreter=
        fi
    fi
    key="$base $interpreter"
    local had=
    if [[ -n $interpreter && -f $packages_key_file ]]; then
        had=$(<"$packages_key_file")
    fi
    if [[ $had == "$key $tests" || ($tests == none && $had == "$key "*) ]]; then
        return
    fi
    if [[ $had != "$key none" ]]; then
        local python
        python=$(find_python)
        key="$base $(identity "$python")"
        step 2 "Python environment from $python" new_environment "$python"
    fi
    step 3 "Python packages" install_locked "$key $tests" "$@"
}

# identity PYTHON: prints version and home of an interpreter in the supported range; prints nothing for any other.
identity() {
    "$1" -I -c 'import sys
if (3, 11) <= sys.version_info[:2] <= (3, 13):
    print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null || true
}

# find_python: prints the interpreter to make .venv with.
find_python() {
    local candidate candidates=(/usr/bin/python3 python3.13 python3.12 python3.11)
    if [[ -n ${PYTHON:-} ]]; then
        candidates=("$PYTHON")
    fi
    for candidate in "${candidates[@]}"; do
        if [[ -n $(identity "$candidate") ]] && "$candidate" -I -c 'import ensurepip' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    stop "No Python 3.11 to 3.13 with a venv module in: ${candidates[*]}. Name one: make run PYTHON=/path/to/python3"
}

new_environment() {
    rm -rf .venv
    "$1" -m venv .venv
}

# install_locked KEY LOCK…
install_locked() {
    local lock requirements=()
    for lock in "${@:2}"; do
        requirements+=(--requirement "$lock")
    done
    rm -f "$packages_key_file"
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --only-binary :all: --require-hashes \
        "${requirements[@]}"
    printf '%s\n' "$1" >"$packages_key_file"
}

# outpost_itself: installs this folder into .venv, so that a change of its sources needs no other step.
outpost_itself() {
    local key
    key=$(digest pyproject.toml)
    if [[ ! -f $project_key_file || $(<"$project_key_file") != "$key" ]]; then
        step 4 "Outpost itself" install_outpost "$key"
    fi
}

install_outpost() {
    rm -f "$project_key_file"
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-build-isolation --no-deps --editable .
    # Says which one is missing when pyproject.toml asks for a package that `make lock` has not locked yet.
    .venv/bin/python -m pip check --disable-pip-version-check
    printf '%s\n' "$1" >"$project_key_file"
}

# web_pages: builds both folders when a source of either has changed, because the console takes modules from the chat.
web_pages() {
    local key key_file=.cache/built-web-pages
    key=$(find "${web_folders[@]}" -name node_modules -prune -o -type f -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum)
    if [[ -f agent/outpost_agent/web/static/index.html && -f provisioning/outpost_manager/web/static/index.html &&
        -f $key_file && $(<"$key_file") == "$key" ]]; then
        return
    fi
    step 5 "Web pages of the chat and the console" build_pages "$key" "$key_file"
}

# build_pages KEY KEY_FILE
build_pages() {
    local folder lock_key lock_key_file
    rm -f "$2"
    for folder in "${web_folders[@]}"; do
        lock_key_file=$folder/node_modules/.outpost-lock
        lock_key="$HOSTTYPE $(digest "$folder/package.json" "$folder/package-lock.json" requirements/build.txt)"
        if [[ ! -f $lock_key_file || $(<"$lock_key_file") != "$lock_key" ]]; then
            # npm deletes node_modules first, and the key with it. No package may run a script of its own.
            requirements/npm.sh "$folder" ci --ignore-scripts --prefer-offline --fetch-retries 1 --no-audit --no-fund
            printf '%s\n' "$lock_key" >"$lock_key_file"
        fi
        requirements/npm.sh "$folder" run build
    done
    printf '%s\n' "$1" >"$2"
}

main
