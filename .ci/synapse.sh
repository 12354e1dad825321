#!/usr/bin/env bash
# Installs the pinned Synapse into a virtual environment of the cache directory,
# unless it is there, and prints the path of that environment's python.
set -euo pipefail

version=1.163.2
cache=${BRIDGEHOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bridgehost}
venv=$cache/synapse-$version

if [ ! -e "$venv/installed" ] || [ ! -x "$venv/bin/python" ]; then # a python that was upgraded away leaves a dead link
	mkdir -p "$cache"
	rm -rf "$venv"
	if ! python3 -m venv "$venv" >&2; then # Debian ships venv apart from python3
		"${0%/*}/debian.sh" python3-venv
		rm -rf "$venv"
		python3 -m venv "$venv" >&2
	fi
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "matrix-synapse==$version" >&2
	"$venv/bin/python" -c 'import synapse.app.homeserver' >&2
	touch "$venv/installed" # last, so that an install cut off half-way is done again
fi
echo "$venv/bin/python"
