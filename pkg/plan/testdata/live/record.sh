#!/bin/bash
# SPDX-License-Identifier: Apache-2.0

# Records the *.yaml files of this folder: objects as a real API server returns
# them after people, older tooling and this project have written them. The
# tests compare what is wanted with them.
#
# Usage: record.sh, with bin/devcluster built (make cluster).

set -euo pipefail
cd "$(dirname "$0")"
devcluster=$(cd ../../../../bin && pwd)/devcluster
dir=$(mktemp -d)
ln -s "$devcluster" "$dir/kubectl"
"$devcluster" up --dir "$dir/cluster" --port=0 --etcd-port=0 2>"$dir/log" &
pid=$!
trap 'kill $pid; wait $pid || true; rm -rf "$dir"' EXIT
export KUBECONFIG=$dir/cluster/admin.kubeconfig
until [ -e "$KUBECONFIG" ]; do sleep .1; done

k() { "$dir/kubectl" "$@"; }
ours() { k apply --server-side --field-manager=kubectl-solution -f "$1" >&2; }
# edit OBJECT SED: as somebody does with kubectl edit.
edit() { EDITOR="sed -i $2" k edit -n staging-ns "$1" >&2; }

kinds=deployments,services,configmaps,serviceaccounts,roles,rolebindings,ingresses
fresh() {
	k delete -n staging-ns $kinds --all --wait --ignore-not-found >&2
	k delete crd --all --wait >&2
}
# saved NAME: what is there now, without what Kubernetes puts into every namespace.
saved() {
	sleep 1 # for the controllers
	{
		for o in $(k get -n staging-ns $kinds -o name | grep -v -e kube-root-ca.crt -e serviceaccount/default); do
			k get -n staging-ns "$o" -o yaml --show-managed-fields
			echo ---
		done
		for o in $(k get crd -o name); do
			k get "$o" -o yaml --show-managed-fields
			echo ---
		done
	} | sed '$d' >"$1.yaml"
}

k create namespace staging-ns >&2

fresh
ours ../full.yaml
ours definition.in
saved ours

# Somebody scales, edits and adds.
k scale -n staging-ns deployment/example-solution-operator --replicas=3 >&2
k scale -n staging-ns deployment/example-solution-ui --replicas=0 >&2
saved scaled

fresh
ours ../full.yaml
ours definition.in
edit deployment/example-solution-operator 's,image:.*,image:\ other:1,'
edit configmap/example-solution-ui 's,/api/kubernetes,/api/other,'
edit service/example-solution-ui 's,port:\ 80$,port:\ 8080,'
edit role/example-role "s,-\\ pods,-\\ secrets,"
k set env -n staging-ns deployment/example-solution-operator EXTRA=1 >&2
k label -n staging-ns service/example-solution-ui team=a >&2
k annotate -n staging-ns ingress/example-solution-ui note=a >&2
k patch -n staging-ns configmap example-solution-ui --type=merge -p '{"data":{"extra":"1"}}' >&2
# As cert-manager's injector of certificates does.
k patch crd examples.example.com --type=merge --field-manager=cainjector \
	-p "{\"spec\":{\"conversion\":{\"webhook\":{\"clientConfig\":{\"caBundle\":\"$(base64 -w0 <"$(ls "$dir"/cluster/*.crt "$dir"/cluster/*/*.crt 2>/dev/null | head -1)")\"}}}}}" >&2
saved edited

# This project has told an Operator of another version, which is a patch.
fresh
ours ../full.yaml
k patch -n staging-ns configmap example-solution-operator-config --type=merge --field-manager=kubectl-solution \
	-p '{"metadata":{"annotations":{"solutions.metalk8s.scality.com/config-digest":"0000000000000000"}},"data":{"operator.yaml":"told"}}' >&2
k patch -n staging-ns deployment example-solution-operator --type=merge --field-manager=kubectl-solution \
	-p '{"spec":{"template":{"metadata":{"annotations":{"solutions.metalk8s.scality.com/config-digest":"0000000000000000"}}}}}' >&2
saved told

# Another version: with a webhook, and without a UI.
fresh
ours ../webhook.yaml
saved webhook

# The older tooling is a Python program.
fresh
k create -n staging-ns --field-manager=OpenAPI-Generator -f older.in >&2
saved older

# Whose names collide.
fresh
k create -n staging-ns deployment example-solution-operator --image=theirs:1 >&2
k create -n staging-ns configmap example-solution-ui --from-literal=config.json=theirs >&2
k create -n staging-ns role example-role --verb=get --resource=nodes >&2
k create -n staging-ns rolebinding example-solution-operator-role-example-role --role=example-role --user=me >&2
k apply -n staging-ns -f - >&2 <<-END
	{apiVersion: v1, kind: ServiceAccount, metadata: {name: example-solution-operator}}
END
k apply -n staging-ns --server-side --field-manager=helm -f - >&2 <<-END
	apiVersion: v1
	kind: Service
	metadata:
	  name: example-solution-ui
	  labels: {app.kubernetes.io/managed-by: Helm}
	  annotations: {meta.helm.sh/release-name: web, meta.helm.sh/release-namespace: staging-ns}
	spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
END
saved strangers

# Lists of all sorts.
fresh
k apply -n staging-ns --server-side --field-manager=kubectl-solution -f - >&2 <<-END
	apiVersion: v1
	kind: ConfigMap
	metadata: {name: finalizers, finalizers: [example.com/a, example.com/b]}
END
k patch -n staging-ns configmap finalizers --type=json -p '[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/theirs"}]' >&2
k apply -n staging-ns --server-side --field-manager=kubectl-solution -f - >&2 <<-END
	apiVersion: v1
	kind: Service
	metadata: {name: ports}
	spec:
	  selector: {app: a}
	  externalIPs: [192.0.2.1, 192.0.2.2]
	  ports:
	  - {name: dns, port: 53, protocol: UDP}
	  - {name: dns-tcp, port: 53, protocol: TCP}
	  - {name: web, port: 80, protocol: TCP, targetPort: 8080}
END
saved lists
k patch -n staging-ns configmap finalizers --type=merge -p '{"metadata":{"finalizers":null}}' >&2
