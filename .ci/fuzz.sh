#!/usr/bin/env bash
# Runs the fuzz targets one after the other and prints how often each was executed.
#
#   .ci/fuzz.sh              all, five minutes each
#   .ci/fuzz.sh 30s          all, half a minute each
#   .ci/fuzz.sh 5m FuzzPath  only those whose name holds FuzzPath
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

time=${1:-5m} only=${2:-Fuzz} failed=0
for file in $(git grep -l '^func Fuzz' -- '*_test.go'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' "$file"); do
		[[ $target == *"$only"* ]] || continue
		log=$(go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" 2>&1) || {
			# Go ends a run so when the time is up in the middle of an execution; nothing has failed then.
			grep -q 'context deadline exceeded' <<<"$log" && ! grep -qE 'Failing input|panic:' <<<"$log" || { failed=1; echo "$log"; }
		}
		echo "$target $(dirname "$file"): $(sed -n 's/.*execs: \([0-9]*\).*/\1/p' <<<"$log" | tail -1) executions, $(grep -c 'Failing input' <<<"$log" || true) crashes"
	done
done
exit "$failed"
