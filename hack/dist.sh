#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes in dist/, for $VERSION: one archive for each program and platform, and krew's manifests of both plugins with
# the digests of those archives. The same sources and the same Go give the same archives.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${VERSION:?}
rm -rf dist && mkdir dist

helpers=$(mktemp -d)
trap 'rm -rf "$helpers"' EXIT

build() { # build PROGRAM OS ARCH FILE
  CGO_ENABLED=0 GOOS=$2 GOARCH=$3 go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$version" -o "$4" "./cmd/$1"
}

pack() { # pack PROGRAM OS ARCH [FILE...]
  local work name=$1-$2-$3.tar.gz
  work=$(mktemp -d)
  build "$1" "$2" "$3" "$work/$1"
  cp LICENSE "${@:4}" "$work/"
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work" -cf - . | gzip -n >"dist/$name"
  rm -rf "$work"
  echo "$name"
}
# What `kubectl solution bootstrap install` brings to nodes is beside it.
for arch in amd64 arm64; do
  build solution-bootstrap linux "$arch" "$helpers/solution-bootstrap-linux-$arch"
done
for os in linux darwin; do
  for arch in amd64 arm64; do
    pack kubectl-solution "$os" "$arch" "$helpers"/*
    pack kubectl-environment "$os" "$arch"
  done
done
pack solution-bootstrap linux amd64
pack solution-bootstrap linux arm64

# krew asks for versions of the form v1.2.3.
case $version in v*) tag=$version ;; *) tag=v$version ;; esac
for plugin in solution environment; do
  awk -v RS='---\n' -v name="  name: $plugin\n" 'index($0, name)' plugins.yaml | grep -v '^#' |
    while IFS= read -r line; do
      case $line in
      *"  version: "*) line="  version: $tag" ;;
      *"uri: "*)
        line=${line/VERSION/$tag}
        file=dist/${line##*/}
        ;;
      *"sha256: "*) line="${line%%sha256*}sha256: $(sha256sum "$file" | cut -d' ' -f1)" ;;
      esac
      printf '%s\n' "$line"
    done >"dist/$plugin.yaml"
done
(cd dist && sha256sum ./*.tar.gz >sha256sums)
