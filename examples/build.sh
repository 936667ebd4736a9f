#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds both versions of the example Solution as ISO archives:
#
#   examples/build.sh OUTDIR
#
# makes OUTDIR/example-solution-1.0.0.iso and OUTDIR/example-solution-2.0.0.iso.
# Needs Go and xorriso, no container engine. In the environment:
#
#   ARCH               architecture of the images (default: Go's own). The application
#                      of 2.0.0 is an index of that, amd64 and arm64.
#   SOURCE_DATE_EPOCH  date of everything in the archives (default 0): the same
#                      sources and the same Go give the same archives.
set -euo pipefail

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] && [ -n "$1" ] || fail "usage: examples/build.sh OUTDIR"
command -v go >/dev/null || fail "go is missing; see https://go.dev/doc/install"
command -v xorriso >/dev/null || fail "xorriso is missing; try: apt-get install xorriso"

mkdir -p -- "$1"
out=$(cd -- "$1" && pwd)
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
arch=${ARCH:-$(go env GOARCH)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}
umask 022

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

go build -buildvcs=false -o "$work/imagebuild" ./examples/imagebuild

# program VERSION ARCH SOURCE NAME: builds one program to $work/bin/VERSION/NAME-ARCH.
program() {
  CGO_ENABLED=0 GOOS=linux GOARCH=$2 go build -buildvcs=false -trimpath \
    -ldflags "-s -w -X main.version=$1" -o "$work/bin/$1/$4-$2" "./examples/example-solution/$3"
}

# image ROOT VERSION NAME FLAG...: makes the image NAME:VERSION of the program NAME in
# the archive's folder ROOT, and notes its manifests for the registry's configuration.
image() {
  local root=$1 version=$2 name=$3
  shift 3
  "$work/imagebuild" --dest "$root/images/$name/$version" --entrypoint "/usr/local/bin/$name" "$@" \
    "/usr/local/bin/$name=$work/bin/$version/$name-{arch}" >>"$root.manifests"
}

# share FOLDER: hard-links equal blobs, so that the archive holds each once.
# A blob's name is its digest: equal names are equal contents.
share() {
  local -A first=()
  local blob digest
  while IFS= read -r blob; do
    digest=${blob##*/}
    if [ -n "${first[$digest]:-}" ]; then
      ln -f -- "${first[$digest]}" "$blob"
    else
      first[$digest]=$blob
    fi
  done < <(find "$1" -type f | grep -E '/[0-9a-f]{64}$' | LC_ALL=C sort)
}

# location URL FILE TYPE [HEADER]: one nginx location that serves one file.
location() {
  printf 'location = "/v2/{{ repository }}/%s" {\n' "$1"
  printf '    alias "{{ registry_root }}/%s";\n' "$2"
  printf '    types { }\n    default_type "%s";\n' "$3"
  printf '    add_header Docker-Content-Digest "%s" always;\n}\n' "$4"
}

# nginx_config ROOT: the archive as nginx locations, for clusters that serve it
# from a mount. Each manifest has one by tag, unless it is an index's child, and
# one by digest.
nginx_config() {
  local file digest type blob rel
  while read -r file digest type; do
    rel=${file#"$1/images/"}
    if [ "${rel##*/}" = manifest.json ]; then
      local tag=${rel%/manifest.json}
      location "${tag%/*}/manifests/${tag##*/}" "$rel" "$type" "$digest"
    fi
    location "${rel%%/*}/manifests/$digest" "$rel" "$type" "$digest"
  done <"$1.manifests"
  while IFS= read -r blob; do
    rel=${blob#"$1/images/"}
    location "${rel%%/*}/blobs/sha256:${rel##*/}" "$rel" application/octet-stream "sha256:${rel##*/}"
  done < <(find "$1/images" -type f | grep -E '/[0-9a-f]{64}$' | LC_ALL=C sort)
}

# iso ROOT VERSION: packs the folder. The dates are set because the archive keeps them.
iso() {
  local target="$out/example-solution-$2.iso"
  find "$1" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
  xorriso -as mkisofs -quiet -R -J -joliet-long -l -V "Example Solution $2" -iso-level 3 \
    -uid 0 -gid 0 -o "$work/$2.iso" "$1" 2>"$work/xorriso.log" || {
    cat "$work/xorriso.log" >&2
    fail "xorriso could not make $target"
  }
  mv -f -- "$work/$2.iso" "$target"
  echo "$target"
}

# version VERSION FORMAT: everything of one version but the application's image.
version() {
  local root="$work/$1"
  cp -R "examples/example-solution/versions/$1" "$root"
  program "$1" "$arch" operator example-solution-operator
  program "$1" "$arch" ui example-solution-ui
  image "$root" "$1" example-solution-operator --format "$2" --platform "linux/$arch" --user 65532:65532
  image "$root" "$1" example-solution-ui --format "$2" --platform "linux/$arch" # port 80 may need root
}

# finish VERSION
finish() {
  local root="$work/$1"
  share "$root/images"
  nginx_config "$root" >"$root/registry-config.inc.j2"
  iso "$root" "$1"
}

version 1.0.0 docker
program 1.0.0 "$arch" app example-app
image "$work/1.0.0" 1.0.0 example-app --format docker --platform "linux/$arch" --user 65532:65532
finish 1.0.0

version 2.0.0 oci
platforms=()
for a in $(printf '%s\n' "$arch" amd64 arm64 | LC_ALL=C sort -u); do
  program 2.0.0 "$a" app example-app
  platforms+=(--platform "linux/$a")
done
image "$work/2.0.0" 2.0.0 example-app --format oci "${platforms[@]}" --user 65532:65532
finish 2.0.0
