#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The whole way of a Solution, on a Kubernetes control plane of its own: import, activate, create an Environment, add
# the Solution, upgrade it, take everything away. Needs no root. KEEP=1 leaves everything up before it is taken away.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
dir=$top/.demo
[ ! -e "$dir/pid" ] || kill "$(cat "$dir/pid")" 2>/dev/null || true
rm -rf "$dir"
mkdir -p "$dir/bin"

ln -s "$top/bin/devcluster" "$dir/bin/kubectl"
cp -s "$top"/bin/kubectl-* "$top/bin/solution-bootstrap" "$top"/hack/completion/* "$dir/bin/"
export PATH=$dir/bin:$PATH
export KUBECONFIG=$dir/cluster/admin.kubeconfig
export KUBECACHEDIR=$dir/cache
export SOLUTION_BOOTSTRAP_CONFIG=$dir/solution-bootstrap.yaml
cat >"$SOLUTION_BOOTSTRAP_CONFIG" <<YAML
root: $dir/node
registry:
  endpoint: registry.demo.invalid:5000
YAML

# say COMMAND...: shows a command as one would type it, and runs it.
say() {
  printf '\n$ %s\n' "$*"
  "$@"
}

stop() {
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

echo "Starting a Kubernetes control plane in $dir/cluster"
setsid "$top/bin/devcluster" up --dir "$dir/cluster" --port 0 --etcd-port 0 >"$dir/cluster.log" 2>&1 &
pid=$!
echo "$pid" >"$dir/pid"
trap stop EXIT
for _ in $(seq 600); do
  [ ! -e "$KUBECONFIG" ] || break
  kill -0 "$pid" 2>/dev/null || { cat "$dir/cluster.log" >&2; exit 1; }
  sleep 0.1
done
[ -e "$KUBECONFIG" ] || { echo "the control plane did not start in 60 s:" >&2; cat "$dir/cluster.log" >&2; exit 1; }
echo "This is a control plane without nodes: pods are made, and none of them runs."

cd bin/examples
say kubectl solution inspect example-solution-1.0.0.iso
say kubectl solution check example-solution-1.0.0.iso
say kubectl solution import example-solution-1.0.0.iso
say kubectl solution activate example-solution
say kubectl environment create staging --description "before it goes live"
say kubectl environment add-solution staging --solution example-solution --version 1.0.0 --wait=false
say kubectl get deployments,services,ingresses,roles,rolebindings --namespace staging
say kubectl solution import example-solution-2.0.0.iso
say kubectl environment add-solution staging --solution example-solution --version 2.0.0 --dry-run=server
say kubectl environment add-solution staging --solution example-solution --version 2.0.0 --wait=false
say kubectl solution get
say kubectl environment get

if [ -n "${KEEP:-}" ]; then
  trap - EXIT
  cat <<TEXT

Everything is up. To use it:

  export PATH=$dir/bin:\$PATH KUBECONFIG=$KUBECONFIG SOLUTION_BOOTSTRAP_CONFIG=$SOLUTION_BOOTSTRAP_CONFIG

and to end it: kill $pid
TEXT
  exit 0
fi

say kubectl environment delete-solution staging --solution example-solution
say kubectl environment delete staging --yes
say kubectl solution deactivate example-solution
say kubectl solution unimport example-solution-1.0.0.iso example-solution-2.0.0.iso
say kubectl solution get
