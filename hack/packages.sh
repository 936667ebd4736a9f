#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sees to the Debian packages that tests and examples need: installs them for root, and else says how.
#
#   hack/packages.sh        those of tests and examples
#   hack/packages.sh node   those of hack/node.sh, a Kubernetes node for `make e2e` and `make demo`. Where systemd runs,
#                           Debian starts a containerd service with its package; no part of this needs that service
#                           (systemctl disable --now containerd).
set -eu

case ${1:-} in
"") packages="xorriso genisoimage libarchive-tools skopeo apache2-utils curl openssl systemd iproute2 nginx-light docker-registry wrk e2fsprogs openssh-client openssh-server sudo gcc libc6-dev" ;;
node) packages="containerd runc containernetworking-plugins iptables iproute2 skopeo curl" ;;
*) echo "usage: hack/packages.sh [node]" >&2 && exit 2 ;;
esac
missing=""
for p in $packages; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

install="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "packages: missing:$missing; on Debian, run as root: $install" >&2
	exit 1
fi
echo "packages: installing$missing" >&2
log=$(mktemp)
if ! sh -c "DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; $install" >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
rm -f "$log"
