// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
)

// prepare makes two archives, imports and activates the first, creates the
// Environment, and returns the path of the second.
func (k *killer) prepare() string {
	k.t.Helper()
	const size = 8 << 20 // so that a check takes long enough to be killed in
	k.configure(size)
	k.complete(killCommand{name: "create", program: "kubectl-environment", args: []string{"create", "staging"}})
	return filepath.Join(k.dir, "two.iso")
}

// configure makes two archives, with layers of a size, and what the programs
// need, and imports and activates the first.
func (k *killer) configure(size int) {
	k.t.Helper()
	kubeconfig, err := os.ReadFile(k.cluster.server.Kubeconfig)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("kubeconfig", string(kubeconfig))
	k.write("solution-bootstrap.yaml", fmt.Sprintf("root: %s\nregistry: {endpoint: registry.test:5000}\n", k.node))
	for _, name := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(k.dir, name), 0o755); err != nil {
			k.t.Fatal(err)
		}
	}
	one := archiveOptions{name: "example-solution", version: "1.0.0", operator: true, ui: true, size: size}
	two := one
	two.version, two.role, two.crds = "2.0.0", roles2, definitions2
	k.archive("one.iso", one)
	k.archive("two.iso", two)
	k.solution("import", filepath.Join(k.dir, "one.iso"))
	k.solution("activate", "example-solution", "--version", "1.0.0")
}

// archive makes an archive; its options hold the files themselves.
func (k *killer) archive(name string, o archiveOptions) {
	k.t.Helper()
	b, err := o.build(k.t, func(text string) string { return text })
	if err != nil {
		k.t.Fatal(err)
	}
	if err := move(b.ISO(k.t), filepath.Join(k.dir, name)); err != nil {
		k.t.Fatal(err)
	}
}

// solution runs kubectl solution, which must succeed.
func (k *killer) solution(args ...string) {
	k.t.Helper()
	k.complete(killCommand{name: args[0], program: "kubectl-solution", args: args})
}

// What version 2 has that version 1 has not, and the other way about.
const (
	roles2 = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: example-operator-nodes}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: example-operator-pods}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`
	definitions2 = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: examples.example-solution.example.com}
spec:
  group: example-solution.example.com
  scope: Namespaced
  names: {kind: Example, listKind: ExampleList, plural: examples, singular: example, shortNames: [ex]}
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: others.example-solution.example.com}
spec:
  group: example-solution.example.com
  scope: Namespaced
  names: {kind: Other, listKind: OtherList, plural: others, singular: other}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
`
)
