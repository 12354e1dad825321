#!/usr/bin/env bash
# Installs the pinned emmylua_check, which checks Lua against annotations, into the cache
# directory, unless it is there, and prints its path. Needs cargo; takes some minutes once.
set -euo pipefail

version=0.25.1
cache=${BRIDGEHOST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bridgehost}
root=$cache/emmylua-$version

if [ ! -e "$root/installed" ]; then
	mkdir -p "$cache"
	nice cargo install --locked --quiet --root "$root" "emmylua_check@$version" >&2
	touch "$root/installed" # last, so that an install cut off half-way is done again
fi
echo "$root/bin/emmylua_check"
