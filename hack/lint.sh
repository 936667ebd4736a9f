#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs the linters of .golangci.yml on the repository, with a golangci-lint of one pinned version.
#
#   hack/lint.sh                 check everything
#   hack/lint.sh run --fix ./... any golangci-lint command line, in the repository's root
#   hack/lint.sh fmt             format
#
# golangci-lint is built once from the Go module proxy and kept in ${TOOLS_CACHE}, by version and by the Go it was built
# with (one built with an older Go refuses newer code), so a second clone on the same machine has it at once.
set -eu

version=v2.15.0

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cache=${TOOLS_CACHE:-$(go env GOCACHE)/../devtools}
folder=$cache/golangci-lint-$version-$(go env GOVERSION)
lint=$folder/golangci-lint

if [ ! -x "$lint" ]; then
	echo "lint: building golangci-lint $version into $folder (once; 2 to 8 minutes on a cold machine with two cores)" >&2
	mkdir -p "$cache"
	tmp=$(mktemp -d "$cache/tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	# For this machine, whatever is being cross-compiled around it: GOBIN refuses other platforms.
	GOOS='' GOARCH='' GOBIN="$tmp" CGO_ENABLED=0 \
		go install -trimpath "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
	mkdir -p "$folder"
	mv "$tmp/golangci-lint" "$lint"
	rm -rf "$tmp"
	trap - EXIT
fi

# As the programs and their tests are compiled (Makefile): what the linters read of compiled packages is there then.
export CGO_ENABLED=0 GOFLAGS=-trimpath

if [ $# -gt 0 ]; then
	exec "$lint" "$@"
fi

status=0
"$lint" run ./... || status=$?
# test/cluster is a module of its own, with linters of its own.
(cd test/cluster && "$lint" run ./...) || status=$?
exit "$status"
