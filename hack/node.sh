#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A real Kubernetes node with its own control plane, for tests and the demonstration: Debian's containerd, runc and CNI
# plugins, and bin/devcluster for the rest. It lives in namespaces of its own (PID, mounts, network), with its files in
# one folder. When its first process is killed, the kernel ends whatever ran in it, pods included, and takes away mounts,
# interfaces, routes and packet filters with them; `down` removes the rest. Several can run at once.
#
#   hack/node.sh check                      what is missing to run one, a line each
#   hack/node.sh up DIR                     starts one; DIR/cluster/admin.kubeconfig and DIR/address are for its users
#   hack/node.sh run DIR                    the same, says "ready" on stdout, and ends the node when stdin does
#   hack/node.sh exec DIR COMMAND...        runs a command in it
#   hack/node.sh start DIR NAME COMMAND...  runs one in the background; its output is added to DIR/log/NAME.log
#   hack/node.sh stop DIR NAME              sends that one SIGTERM, and waits for its end
#   hack/node.sh down DIR                   ends the node, and removes DIR
#
# Commands in the node find the machine's files where they are, except for /run, /var/log, and the folders of $hidden.
# containerd pulls from what DIR/certs.d/<registry>/hosts.toml says, and the kubelet runs the static pods of DIR/manifests.
# The machine reaches pods and Services; the cluster has no DNS, and no way out.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin
export NO_PROXY='*' no_proxy='*' # nothing here is behind a proxy

# Folders that a node has for itself: of CNI, and those of a helper that runs on the node.
hidden="/var/lib/cni /etc/metalk8s /var/lib/metalk8s"

fail() {
  echo "node: $*" >&2
  exit 1
}

# await SECONDS WHAT COMMAND...: waits until a command succeeds.
await() {
  local end=$((SECONDS + $1))
  until "${@:3}" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fail "waited $1 s for $2"
    sleep 0.05
  done
}

check() {
  local missing=0 entry
  lacks() {
    echo "node: missing: $*" >&2
    missing=1
  }
  [ "$(id -u)" = 0 ] || lacks "root, who may make namespaces and cgroups"
  for entry in containerd ctr:containerd runc ip:iproute2 iptables skopeo curl /usr/lib/cni/ptp:containernetworking-plugins; do
    command -v "${entry%:*}" >/dev/null || lacks "${entry%:*}, of Debian's package ${entry#*:} (hack/packages.sh node, as root)"
  done
  command -v go >/dev/null || lacks "go (https://go.dev/doc/install)"
  [ -x "$top/bin/devcluster" ] || lacks "bin/devcluster (make cluster)"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || lacks "overlay, a file system of Linux"
  [ -r /dev/kmsg ] || lacks "/dev/kmsg, which the kubelet reads"
  unshare --fork --pid --mount --net true 2>/dev/null || lacks "the right to make namespaces (unshare --pid --mount --net)"
  return "$missing"
}

# init_pid DIR: the PID of the node's first process; fails where it does not run. By itself, a PID in a file may be
# another process's by now.
init_pid() {
  local pid
  pid=$(cat "$1/init.pid" 2>/dev/null) && [ "$(readlink "/proc/$pid/exe")" = "$1/init" ] && echo "$pid"
}

# inside DIR COMMAND...: runs a command in the node.
inside() {
  local pid
  pid=$(init_pid "$1") || fail "there is no node running in $1"
  nsenter --target "$pid" --mount --net --pid --wdns="$PWD" -- "${@:2}"
}

# start DIR NAME COMMAND...
start() {
  inside "$1" bash -c 'TMPDIR=/run/tmp setsid "${@:2}" </dev/null >>"/run/node/log/$1.log" 2>&1 & echo $! >"/run/$1.pid"' start "${@:2}"
}

# stop DIR NAME
stop() {
  inside "$1" bash -c 'pid=$(cat "/run/$1.pid") && kill "$pid" && tail --pid "$pid" -f /dev/null' stop "$2"
}

# build makes the node's first process and, of the same program, the image of sandboxes.
build() {
  (
    cd "$top"
    CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w" -o "$1/init" ./hack/node/pause
    go run ./examples/imagebuild --dest "$1/pause" --entrypoint /pause "/pause=$1/init" >/dev/null
  )
  skopeo --insecure-policy copy --quiet "dir:$1/pause" "docker-archive:$1/pause.tar:node.invalid/pause:1"
}

# begin starts the node's first process, in new namespaces.
begin() {
  local dir=$1 parent
  setsid unshare --fork --kill-child --pid --mount --mount-proc --net "$dir/init" </dev/null >"$dir/log/init.log" 2>&1 &
  parent=$!
  began() {
    local pid
    pid=$(tr -d ' ' <"/proc/$parent/task/$parent/children") && echo "$pid" >"$dir/init.pid" && init_pid "$dir"
  }
  (await 10 "the node's first process" began) || {
    kill -KILL "$parent"
    exit 1
  }
}

# connect gives the node a network: 198.18.0.0/15 is for tests of networks and belongs to nobody (RFC 2544). A node has a
# /22 of it, for the link to the machine, its pods and its Services; which one, and the node's name, is what the first
# free name of an interface says.
connect() {
  local dir=$1 pid number net
  pid=$(init_pid "$dir")
  for number in {0..63}; do
    ip link add "solution$number" type veth peer name eth0 netns "$pid" 2>/dev/null && break
    [ "$number" -lt 63 ] || fail "64 nodes run already, or there is no way to make interfaces of type veth"
  done
  echo "solution$number" >"$dir/name"
  net=198.18.$((4 * number)) pods=198.18.$((4 * number + 1)).0/24 services=198.18.$((4 * number + 2)).0/24
  echo "$net.2" >"$dir/address"
  ip addr add "$net.1/24" dev "solution$number"
  ip link set "solution$number" up
  ip route add "$pods" via "$net.2"
  ip route add "$services" via "$net.2"
  # The node's route to the Services is for the kernel to have one: kube-proxy's rules come before it is taken. What a
  # killed program had said to a pod that is gone, the kernel would repeat for 107 s, and keep the node's network as long.
  inside "$dir" sh -euc "
    echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries
    ip link set lo up
    ip addr add $net.2/24 dev eth0
    ip link set eth0 up
    ip route add $services via $net.1"
}

# furnish gives the node folders of its own, of which the machine need not have those to mount at, and hides the machine's
# settings that the kubelet would change: it finds them as it wants them.
furnish() {
  inside "$1" bash -euc '
    mount -t tmpfs -o mode=0755 tmpfs /run
    mkdir /run/tmp /run/node /run/config /run/sysctl
    mount --bind "$1" /run/node
    mount --bind "$2" /run/config
    for folder in /etc /var/lib; do
      mkdir -p "/run/over$folder/upper" "/run/over$folder/work"
      mount -t overlay -o "lowerdir=$folder,upperdir=/run/over$folder/upper,workdir=/run/over$folder/work" overlay "$folder"
    done
    mkdir -p $3
    for folder in /var/log $3; do mount -t tmpfs -o mode=0755 tmpfs "$folder"; done
    while read -r name value; do
      echo "$value" >"/run/sysctl/${name##*/}"
      mount --bind "/run/sysctl/${name##*/}" "/proc/sys/$name"
    done' furnish "$1" "$top/hack/node" "$hidden" <<'SETTINGS'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
SETTINGS
}

# cgroups NAME: the cgroup below which those of the node's pods are, in every hierarchy of cgroup v1, or in that of v2.
cgroups() {
  local root=/sys/fs/cgroup
  [ -e "$root/cgroup.controllers" ] || root="$root/*"
  printf '%s\n' $root | sed "s,\$,/$1,"
}

make_cgroups() {
  local v2=/sys/fs/cgroup/cgroup.controllers
  remove_cgroups "$1" # of a node that was killed
  cgroups "$1" | xargs mkdir -p
  [ ! -e "$v2" ] || sed 's/[^ ]\+/+&/g' "$v2" >/sys/fs/cgroup/cgroup.subtree_control
}

remove_cgroups() {
  local group
  for group in $(cgroups "$1"); do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} +
  done
}

up() {
  local dir=$1 name address kubectl
  ! init_pid "$dir" >/dev/null || fail "a node runs in $dir already"
  down "$dir"
  mkdir -p "$dir/log" "$dir/certs.d" "$dir/manifests"
  trap 'tail -v -n 5 "$dir"/log/*.log >&2; down "$dir"' EXIT
  build "$dir"
  begin "$dir"
  connect "$dir"
  furnish "$dir"
  name=$(cat "$dir/name") address=$(cat "$dir/address")
  make_cgroups "$name"
  start "$dir" cluster "$top/bin/devcluster" up --dir /run/node/cluster --bind "$address" --port 6443 \
    --pod-cidr "$pods" --service-cidr "$services"
  start "$dir" containerd containerd --config /run/config/containerd.toml
  await 60 "containerd" inside "$dir" ctr version
  inside "$dir" ctr --namespace k8s.io images import /run/node/pause.tar >/dev/null
  await 120 "the control plane" test -e "$dir/cluster/admin.kubeconfig"
  start "$dir" kubelet "$top/bin/devcluster" kubelet --config /run/config/kubelet.yaml --hostname-override node1 \
    --node-ip "$address" --cgroup-root "/$name" --root-dir /run/node/kubelet --cert-dir /run/node/kubelet/pki \
    --kubeconfig /run/node/cluster/pki/kubelet.kubeconfig
  start "$dir" kube-proxy "$top/bin/devcluster" kube-proxy --config /run/config/kube-proxy.yaml
  kubectl="$top/bin/devcluster kubectl --kubeconfig $dir/cluster/admin.kubeconfig"
  await 60 "the node to register" $kubectl get node node1
  await 60 "the node to be ready" $kubectl wait --for=condition=Ready node/node1 --timeout=60s
  trap - EXIT
}

run() {
  up "$1"
  trap 'down "$dir"' EXIT
  echo ready
  cat >/dev/null
}

down() {
  local dir=$1 pid name
  if pid=$(init_pid "$dir"); then
    kill -KILL "$pid"
    await 30 "the node's processes to end" test ! -e "/proc/$pid"
  fi
  if name=$(cat "$dir/name" 2>/dev/null); then
    await 30 "interface $name to go" test ! -e "/sys/class/net/$name"
    remove_cgroups "$name"
  fi
  rm -rf "$dir"
}

if [ "${1:-}" = check ]; then
  check
  exit
fi
[ $# -ge 2 ] || fail "usage: hack/node.sh check | up DIR | run DIR | exec DIR COMMAND... | start DIR NAME COMMAND... | stop DIR NAME | down DIR"
dir=$(realpath -m -- "$2")
case $1 in
up | run | start | stop | down) "$1" "$dir" "${@:3}" ;;
exec) inside "$dir" "${@:3}" ;;
*) fail "no command $1" ;;
esac
