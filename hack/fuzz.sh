#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# hack/fuzz.sh TIME: runs every fuzz target for that long, one after the other.
set -eu
cd "$(dirname "$0")/.."
time=${1:?usage: hack/fuzz.sh TIME}
grep -rl --include='*_test.go' '^func Fuzz' pkg examples | xargs -n1 dirname | sort -u | while read -r dir; do
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$dir"/*_test.go | while read -r target; do
		echo "== ./$dir $target for $time"
		go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
	done
done
