// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

// placeholder stands for a situation's token in archives that are packed once and used by several situations.
const placeholder = "t0000"

// solution is a Solution of a situation.
type solution struct {
	name     string // the token, and a letter
	versions []*version
}

// version is one version of a Solution, and its archive on the node.
type version struct {
	solution *solution
	version  string
	archive  string
	crds     []string // names
	imported bool
}

func (v *version) String() string { return v.solution.name + " " + v.version }

// shape is what an archive holds.
type shape struct {
	letter, version string
	operator, ui    bool
	roles           []string // documents
	definitions     []definition
}

// definition is a CustomResourceDefinition. Of a Disk there are objects; of a Pool there are none, and its webhook is nowhere.
type definition struct {
	kind                 string
	versions             string // as "v1alpha1 v1*": the one with the star is stored
	schema               int
	webhook, clusterWide bool
}

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

// someOf returns up to n of a list, in its order.
func someOf[T any](rng *rand.Rand, from []T, n int) []T {
	indices := rng.Perm(len(from))[:min(n, len(from))]
	slices.Sort(indices)
	var some []T
	for _, i := range indices {
		some = append(some, from[i])
	}
	return some
}

// newSolution makes a Solution of one to three versions up, of which each differs a little from the one before.
func (s *situation) newSolution(letter string) *solution {
	sol := &solution{name: s.token + letter}
	next := shape{letter: letter, operator: chance(s.rng, 90), ui: chance(s.rng, 50)}
	next.roles = someOf(s.rng, roleDocuments(letter, 0), 1+s.rng.IntN(4))
	for _, kind := range someOf(s.rng, []string{"Disk", "Pool"}, s.rng.IntN(3)) {
		next.definitions = append(next.definitions, definition{kind: kind, versions: pick(s.rng, servedVersions[:2]), schema: s.rng.IntN(schemas), webhook: kind == "Pool" && chance(s.rng, 30), clusterWide: chance(s.rng, 15)})
	}
	for _, number := range []string{"1.0.0", "1.1.0", "1.10.0"}[:1+s.rng.IntN(3)] {
		next.version = number
		v := &version{solution: sol, version: number}
		for _, d := range next.definitions {
			v.crds = append(v.crds, d.name(sol.name))
		}
		image := inprocess.Image(s.t, next.archive(s))
		v.archive = s.node.Write(sol.name+"-"+number+".iso", bytes.ReplaceAll(image, []byte(placeholder), []byte(s.token)))
		sol.versions = append(sol.versions, v)
		next = s.changed(next)
	}
	return sol
}

// changed returns what the next version of a Solution holds.
func (s *situation) changed(before shape) shape {
	next := before
	if chance(s.rng, 20) {
		next.ui = !next.ui
	}
	if chance(s.rng, 40) {
		next.roles = someOf(s.rng, roleDocuments(before.letter, s.rng.IntN(2)), 1+s.rng.IntN(4))
	}
	next.definitions = nil
	for _, d := range before.definitions {
		if chance(s.rng, 15) {
			continue // it lacks it
		}
		if chance(s.rng, 40) {
			d.versions, d.schema, d.webhook = pick(s.rng, servedVersions), s.rng.IntN(schemas), d.kind == "Pool" && chance(s.rng, 30)
		}
		next.definitions = append(next.definitions, d)
	}
	return next
}

// archive returns the archive, in which the placeholder stands for the token.
func (a shape) archive(s *situation) *archivetest.Builder {
	name := placeholder + a.letter
	// Images are not named after the Solution: their digests are to be right when the token is replaced.
	b := archivetest.Empty(s.t).WithName(name).WithVersion(a.version).WithImage("tool", a.version)
	if a.operator {
		b = b.WithImage("op", a.version).With(map[string]any{"name": "op"}, "spec", "operator", "image")
	}
	if a.ui {
		b = b.WithImage("page", a.version).With(map[string]any{"name": "page"}, "spec", "ui", "image")
	}
	b = b.WithFile("operator/deploy/role.yaml", strings.Join(a.roles, "---\n"))
	for i, d := range a.definitions {
		b = b.WithFile(fmt.Sprintf("operator/deploy/crds/%d_crd.yaml", i), d.document(name))
	}
	return b
}

// roleDocuments are those from which a Solution has some. As in the field, Solutions have Roles and ClusterRoles of the same
// names.
func roleDocuments(letter string, variant int) []string {
	name := placeholder + letter
	rules := []string{`{apiGroups: [""], resources: [configmaps], verbs: [get, list]}`, `{apiGroups: [""], resources: [configmaps, secrets], verbs: [get, list, watch]}`}[variant]
	own := fmt.Sprintf(`{apiGroups: [%s.example.com], resources: ["*"], verbs: ["*"]}`, name)
	role := func(kind, name, labels, rules string) string {
		return fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {name: %s, labels: {%s}}\nrules: [%s]\n", kind, name, labels, rules)
	}
	return []string{
		role("Role", "manager-role", "", rules),
		role("Role", name+"-election", "", `{apiGroups: [coordination.k8s.io], resources: [leases], verbs: ["*"]}`),
		role("ClusterRole", placeholder+"-manager", "", rules+", "+own),
		role("ClusterRole", name+"-nodes", "", `{apiGroups: [""], resources: [nodes], verbs: [get]}`),
		role("ClusterRole", name+"-viewer", `rbac.authorization.k8s.io/aggregate-to-view: "true"`, own),
		fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %s-sum}\nrules: []\n"+
			"aggregationRule: {clusterRoleSelectors: [{matchLabels: {%s/sum: \"true\"}}]}\n", name, name),
		role("ClusterRole", name+"-part", name+`/sum: "true"`, rules),
	}
}

// servedVersions are what versions a definition may have. An archive begins with one of the first two.
var servedVersions = []string{"v1alpha1*", "v1alpha1* v1", "v1alpha1 v1*", "v1*"}

// schemas is how many there are.
const schemas = 3

func (d definition) plural() string { return strings.ToLower(d.kind) + "s" }

func (d definition) name(solution string) string { return d.plural() + "." + solution + ".example.com" }

func (d definition) document(solution string) string {
	schema := []string{
		"{type: object, x-kubernetes-preserve-unknown-fields: true}",
		"{type: object, properties: {spec: {type: object, properties: {size: {type: integer}, mode: {type: string, default: fast}}}}}",
		"{type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}",
	}[d.schema]
	scope := "Namespaced"
	if d.clusterWide {
		scope = "Cluster"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: %s\nspec:\n  group: %s.example.com\n  scope: %s\n  names: {kind: %s, plural: %s}\n",
		d.name(solution), solution, scope, d.kind, d.plural())
	if d.webhook {
		b.WriteString("  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: hook, namespace: default}}}}\n")
	}
	b.WriteString("  versions:\n")
	for _, name := range strings.Fields(d.versions) {
		name, isStored := strings.CutSuffix(name, "*")
		fmt.Fprintf(&b, "  - {name: %s, served: true, storage: %t, schema: {openAPIV3Schema: %s}}\n", name, isStored, schema)
	}
	return b.String()
}
