// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// randomTargets returns some versions of three Solutions, with roles of names that
// collide.
func randomTargets(r *rand.Rand) []plan.Target {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var list []plan.Target
	for _, name := range []string{"example-solution", "storage", "web"} {
		if r.IntN(3) == 0 {
			continue
		}
		c := solution(name, pick("0.9.0", "1.0.0", "2.0.0"))
		for _, role := range []map[string]any{role("example-role"), role("manager"), clusterRole("example-nodes"), clusterRole("manager"), grant("gone-role", "get "+pick("pods", "nodes"))} {
			if r.IntN(2) == 0 {
				c.Roles = append(c.Roles, role)
			}
		}
		if r.IntN(2) == 0 {
			ui := v1alpha1.ImageName{Name: name + "-ui", Tag: pick("1", "2")}
			c.UI, c.UIDeploy = &ui, true
		}
		if r.IntN(4) == 0 {
			c.Operator = nil
		}
		t := targetOf(c)
		t.Webhook = r.IntN(2) == 0
		t.IngressClass = pick("", "nginx")
		list = append(list, t)
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// meddle has somebody else write to one of the objects: a label of theirs, or a
// field that is this project's.
func meddle(t *testing.T, r *rand.Rand, objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	if len(objects) == 0 {
		return objects
	}
	u := objects[r.IntN(len(objects))]
	path := [][]string{{"metadata", "labels", "theirs"}, {"metadata", "labels", "app"}, {"spec", "replicas"}, {"data", "more"}, {"rules"}}[r.IntN(5)]
	if path[0] == "spec" && u.GetKind() != "Deployment" || path[0] == "data" && u.GetKind() != "ConfigMap" || path[0] == "rules" && u.GetKind() != "Role" {
		return objects
	}
	var value any = "theirs"
	switch path[0] {
	case "spec":
		value = int64(r.IntN(4))
	case "rules":
		value = []any{}
	}
	edited := with(u, value, path...)
	entries := managers(t, u)
	set := fields{}
	for _, part := range slices.Backward(path) {
		set = fields{"f:" + part: set}
	}
	for id := range entries {
		entries[id] = subtract(entries[id], set)
	}
	entries["kubectl-edit Update"] = unionOf(entries["kubectl-edit Update"], set)
	setManagers(edited, entries)
	return replaced(objects, edited)
}

// Whatever there is and whatever is wanted: once a plan is carried out, a second
// one has nothing to do but what was refused. Nothing of what is not this
// project's is lost on the way.
func TestASecondPlanIsEmpty(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var objects []*unstructured.Unstructured
		if start := r.IntN(7); start < 5 {
			objects = live(t, []string{"ours", "older", "told", "webhook", "strangers"}[start])
			objects = slices.DeleteFunc(objects, func(u *unstructured.Unstructured) bool { return u.GetNamespace() == "" })
		}
		for range 3 {
			in := plan.NamespaceInput{Namespace: "staging-ns", Targets: randomTargets(r), Everything: r.IntN(2) == 0, Live: plan.NewLive(objects...)}
			first := plan.Namespace(in)
			checkPlan(t, first)
			after := carriedOut(t, objects, first.WithoutRefused())
			in.Live = plan.NewLive(after...)
			second := plan.Namespace(in)
			if rest := second.WithoutRefused(); !rest.IsEmpty() && !renames(first, second) {
				t.Errorf("seed %d: the first plan:\n%s\nthe second:\n%s", seed, render(first.WithoutRefused()), render(rest))
			}
			checkForeign(t, objects, after)
			objects = meddle(t, r, after)
			if t.Failed() {
				return
			}
		}
	}
}

// renames reports whether the first plan has freed the name of a Role, which the
// second gives to who has waited for it.
func renames(first, second *plan.Plan) bool {
	return slices.ContainsFunc(first.Changes, func(deleted plan.Change) bool {
		return deleted.Action == plan.Delete && slices.ContainsFunc(second.Changes, func(created plan.Change) bool {
			return created.Action == plan.Create && (created.Object.Kind == "Role" || created.Object.Kind == "RoleBinding") && created.Object == deleted.Object
		})
	})
}

// checkForeign fails where an object that is no Solution's has changed.
func checkForeign(t *testing.T, before, after []*unstructured.Unstructured) {
	t.Helper()
	for _, u := range before {
		isForeign := true
		for _, name := range []string{"example-solution", "storage", "web"} {
			isForeign = isForeign && plan.ClaimOf(u, name) == plan.Foreign
		}
		if isForeign && !slices.Contains(after, u) {
			t.Errorf("%s %s, which belongs to %s, has changed or is gone", u.GetKind(), u.GetName(), plan.OwnerName(u))
		}
	}
}
