#!/usr/bin/env bash
# Fetches the pinned axe-core (rules of accessibility, run in the browser by tests) into
# the cache directory, unless it is there, and prints the path of its axe.min.js.
set -euo pipefail

version=4.14.1
cache=${BRIDGEHOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bridgehost}
file=$cache/axe-core-$version/axe.min.js

if [ ! -e "$file" ]; then
	command -v npm >/dev/null || "${0%/*}/debian.sh" npm
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/axe.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && npm pack --silent "axe-core@$version" >&2 && tar -xzf "axe-core-$version.tgz" package/axe.min.js)
	mkdir -p "${file%/*}"
	mv "$work/package/axe.min.js" "$file" # last, so that a fetch cut off half-way is done again
fi
echo "$file"
