#!/usr/bin/env bash
# Installs Debian's packages of these names, unless they are there.
#
#   .ci/debian.sh ngircd chromium
set -euo pipefail

missing=()
for package; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
