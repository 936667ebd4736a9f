#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds bin/devcluster, the Kubernetes control plane of the tests, from test/cluster.
#
# The binary is kept in ${DEVCLUSTER_CACHE} under a hash of all that goes into it and linked from there, so a fresh
# clone on the same machine has it in less than a second; a build happens only when test/cluster, the Go version or
# this file changes.
set -eu

kubernetes=v1.34.4 # what `kubectl version` shows; the same as in test/cluster/go.mod

root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/test/cluster
target=$root/bin/devcluster
cache=${DEVCLUSTER_CACHE:-$(go env GOCACHE)/../devcluster}

if ! grep -q "k8s.io/kubernetes $kubernetes\$" "$source/go.mod"; then
	echo "cluster: hack/cluster.sh says Kubernetes $kubernetes, test/cluster/go.mod does not" >&2
	exit 1
fi

# Tests do not go into the binary.
hash=$(cd "$source" && {
	go env GOVERSION GOOS GOARCH
	cat "$root/hack/cluster.sh" go.mod go.sum
	for f in *.go; do
		case $f in *_test.go) ;; *) echo "== $f" && cat "$f" ;; esac
	done
} | sha256sum | cut -c1-16)
kept=$cache/$hash/devcluster

build() {
	minor=${kubernetes#v1.}
	ldflags="-s -w"
	for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		ldflags="$ldflags -X $p.gitVersion=$kubernetes -X $p.gitMajor=1 -X $p.gitMinor=${minor%%.*}"
		ldflags="$ldflags -X $p.gitTreeState=clean -X $p.gitCommit=unknown -X $p.buildDate=1970-01-01T00:00:00Z"
	done
	echo "cluster: building bin/devcluster, Kubernetes $kubernetes: 5 to 10 minutes and some 600 MB of sources on a" \
		"cold machine with two cores, 20 s once the packages are compiled" >&2
	mkdir -p "$cache/$hash"
	tmp=$cache/$hash/tmp.$$
	trap 'rm -f "$tmp"' EXIT
	(cd "$source" && CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$tmp" .)
	# Read-only: it is linked into several clones, and a go build -o over one of the links must not write into all.
	chmod 555 "$tmp"
	mv "$tmp" "$kept"
	# 140 MB each: the five used last are enough. A clone keeps its own by its link.
	ls -t "$cache" | tail -n +6 | while read -r old; do rm -rf "${cache:?}/$old"; done
}

if [ -x "$kept" ]; then
	touch "$cache/$hash"
else
	build
fi
mkdir -p "$root/bin"
if [ ! "$target" -ef "$kept" ]; then
	ln -f "$kept" "$target" 2>/dev/null || { # another file system
		cmp -s "$kept" "$target" || { cp "$kept" "$target.tmp.$$" && mv "$target.tmp.$$" "$target"; }
	}
fi
echo "cluster: bin/devcluster is $kept" >&2
