#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole way of a Solution: import, activate, create an Environment, add the Solution, use it, upgrade it, take
# everything away. It runs on a real node, that of hack/node.sh, where that can be had, and else, without root, on a
# control plane alone, where pods are made and none of them runs. KEEP=1 leaves all up before it is taken away.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
dir=$top/.demo
node=$dir/node
endpoint=registry.demo.invalid:5000
export NO_PROXY='*' no_proxy='*' # nothing here is behind a proxy

# What a demonstration that was left up, or killed, has left.
[ ! -e "$node" ] || hack/node.sh down "$node"
[ ! -e "$dir/pid" ] || kill "$(cat "$dir/pid")" 2>/dev/null || true
rm -rf "$dir"
mkdir -p "$dir/bin"

ln -s "$top/bin/devcluster" "$dir/bin/kubectl"
cp -s "$top"/bin/kubectl-* "$top/bin/solution-bootstrap" "$top"/hack/completion/* "$dir/bin/"
export PATH=$dir/bin:$PATH
export KUBECACHEDIR=$dir/cache
export SOLUTION_BOOTSTRAP_CONFIG=$dir/solution-bootstrap.yaml

# say COMMAND...: shows a command as one would type it, and runs it.
say() {
  printf '\n$ %s\n' "${*@Q}" | sed "s/'\([A-Za-z0-9_.,:/=-]*\)'/\1/g"
  "$@"
}

# configure LISTEN: the helper's configuration.
configure() {
  cat >"$SOLUTION_BOOTSTRAP_CONFIG" <<YAML
root: $dir/bootstrap
registry:
  endpoint: $endpoint
  listen: ["$1"]
YAML
}

start_node() {
  echo "Starting a Kubernetes node in $node: control plane, kubelet, and containerd"
  trap 'end_node $?' EXIT
  hack/node.sh up "$node"
  export KUBECONFIG=$node/cluster/admin.kubeconfig
  local address
  address=$(cat "$node/address"):5000
  configure "$address"
  mkdir "$node/certs.d/$endpoint"
  cat >"$node/certs.d/$endpoint/hosts.toml" <<TOML
server = "http://$address"
[host."http://$address"]
  capabilities = ["pull", "resolve"]
TOML
  printf '\nIts containerd asks our registry, which runs beside it, for the images of %s:\n' "$endpoint"
  say cat "$node/certs.d/$endpoint/hosts.toml"
  printf '\n$ solution-bootstrap serve --access-log &\n'
  hack/node.sh start "$node" registry solution-bootstrap serve --access-log
}

end_node() {
  [ "$1" = 0 ] || [ ! -e "$node" ] || tail -n 20 "$node"/log/*.log >&2
  "$top/hack/node.sh" down "$node"
}

start_cluster() {
  echo "Starting a Kubernetes control plane in $dir/cluster"
  export KUBECONFIG=$dir/cluster/admin.kubeconfig
  configure "127.0.0.1:5000"
  setsid "$top/bin/devcluster" up --dir "$dir/cluster" --port 0 --etcd-port 0 >"$dir/cluster.log" 2>&1 &
  pid=$!
  echo "$pid" >"$dir/pid"
  trap end_cluster EXIT
  for _ in $(seq 600); do
    [ ! -e "$KUBECONFIG" ] || break
    kill -0 "$pid" 2>/dev/null || { cat "$dir/cluster.log" >&2; exit 1; }
    sleep 0.1
  done
  [ -e "$KUBECONFIG" ] || { echo "the control plane did not start in 60 s:" >&2; cat "$dir/cluster.log" >&2; exit 1; }
}

end_cluster() {
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

# ask SERVICE WORD: the lines of its answer that have the word.
ask() {
  local url
  url=http://$(kubectl get service "$1" --namespace staging --output 'jsonpath={.spec.clusterIP}')/
  printf '\n$ curl -sSf %s | grep %s\n' "$url" "$2"
  # kube-proxy may be a moment behind: a connection that is begun before it knows the Service never gets there, so each
  # try is a connection of its own.
  for _ in $(seq 30); do curl -sSf --connect-timeout 2 -o /dev/null "$url" 2>/dev/null && break; sleep 0.5; done
  curl -sSf --connect-timeout 10 "$url" | grep "$2"
}

# hello_is VERSION: waits until the Operator has brought the Example to a version.
hello_is() {
  say kubectl wait example/hello --namespace staging --for "jsonpath={.status.version}=$1" --timeout 2m
  say kubectl wait example/hello --namespace staging --for 'jsonpath={.status.phase}=Ready' --timeout 2m
}

if missing=$(hack/node.sh check 2>&1); then
  start_node
  wait=()
else
  printf 'There will be no node, and so no pod will run:\n%s\n' "$missing"
  start_cluster
  wait=(--wait=false)
fi

cd bin/examples
say kubectl solution inspect example-solution-1.0.0.iso
say kubectl solution check example-solution-1.0.0.iso
say kubectl solution import example-solution-1.0.0.iso
say kubectl solution activate example-solution
say kubectl environment create staging --description "before it goes live"
say kubectl environment add-solution staging --solution example-solution --version 1.0.0 "${wait[@]}"
say kubectl get deployments,services,ingresses,roles,rolebindings --namespace staging
if [ -z "$missing" ]; then
  say kubectl get pods --namespace staging --output 'custom-columns=POD:.metadata.name,PHASE:.status.phase,IMAGE:.status.containerStatuses[0].imageID'
  say kubectl apply --namespace staging --filename ../../examples/example-solution/example.yaml
  hello_is 1.0.0
  say kubectl get examples,pods,services --namespace staging
  ask hello example-app
  ask example-solution-ui Version
fi

say kubectl solution import example-solution-2.0.0.iso
say kubectl environment add-solution staging --solution example-solution --version 2.0.0 --dry-run=server
say kubectl environment add-solution staging --solution example-solution --version 2.0.0 "${wait[@]}"
say kubectl solution get
say kubectl environment get
if [ -z "$missing" ]; then
  hello_is 2.0.0
  ask hello example-app
  printf '\nThis is all that containerd has taken from the registry:\n'
  say grep -o 'method=GET path=/v2/.* status=[0-9]* bytes=[0-9]*' "$node/log/registry.log"
fi

if [ -n "${KEEP:-}" ]; then
  trap - EXIT
  if [ -z "$missing" ]; then end="$top/hack/node.sh down $node"; else end="kill $pid"; fi
  cat <<TEXT

Everything is up. To use it:

  export PATH=$dir/bin:\$PATH KUBECONFIG=$KUBECONFIG SOLUTION_BOOTSTRAP_CONFIG=$SOLUTION_BOOTSTRAP_CONFIG

and to end it: $end
TEXT
  exit 0
fi

say kubectl environment delete-solution staging --solution example-solution
say kubectl environment delete staging --yes
say kubectl solution deactivate example-solution
say kubectl solution unimport example-solution-1.0.0.iso example-solution-2.0.0.iso
say kubectl solution get

cd "$top"
trap - EXIT
if [ -z "$missing" ]; then end_node 0; else end_cluster; fi
rm -rf "$dir"
printf '\nEverything is removed.\n'
