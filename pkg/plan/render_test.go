// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// render writes a plan as text that a person can read: a line for each change
// that is one, as in
//
//	update deployment.apps/a @storage/ns force: spec.replicas, spec.selector (why)
//
// and how many changes are none; then what else the plan says.
func render(p *plan.Plan) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	unchanged := 0
	for _, n := range p.Node {
		add("node: %s %s", n.Action, n.Subject)
	}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Action == plan.None && len(c.Kept) == 0 {
			unchanged++
		} else {
			lines = append(lines, renderChange(c))
		}
	}
	if unchanged > 0 {
		add("%d unchanged", unchanged)
	}
	for _, r := range p.Rights {
		add("rights of %s in %s: gains %q, loses %q, dangerous %q", r.Solution, r.Namespace, r.Gains, r.Loses, r.Dangerous)
	}
	for _, d := range p.Definitions {
		add("definition %s of %s: %s %q -> %q, %d objects", d.Name, d.Solution, d.Action, d.From, d.To, d.Objects)
	}
	for _, i := range p.Images {
		add("images of %s: %d, %d bytes", i.ID, i.Count, i.Bytes)
	}
	for _, text := range p.Destroys {
		add("destroys: %s", text)
	}
	for _, r := range p.Refusals {
		text := "refused" + at(r.Scope) + ": " + r.Message
		if r.Remedy != "" {
			text += " | " + r.Remedy
		}
		lines = append(lines, text)
	}
	for _, text := range p.Warnings {
		add("warning: %s", text)
	}
	return strings.Join(lines, "\n")
}

func renderChange(c *plan.Change) string {
	text := string(c.Action) + " " + c.Object.String() + at(c.Scope)
	switch c.Method {
	case plan.Apply, "":
	default:
		text += " by " + string(c.Method)
	}
	if c.Force {
		text += " force"
	}
	if c.Adopted != "" {
		text += " from " + c.Adopted
	}
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, f.Path)
		for _, labels := range []string{"metadata.labels", "spec.template.metadata.labels"} {
			if strings.HasPrefix(f.Path, labels) { // which of them says little
				fields[len(fields)-1] = labels
			}
		}
	}
	fields = slices.Compact(fields)
	for _, path := range c.Unset {
		fields = append(fields, "unset "+strings.Join(path, "."))
	}
	for _, k := range c.Kept {
		fields = append(fields, fmt.Sprintf("kept %s of %s", k.Path, k.Manager))
	}
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, ", ")
	}
	if c.Reason != "" {
		text += " (" + c.Reason + ")"
	}
	return text
}

// at writes a scope.
func at(s plan.Scope) string {
	switch {
	case s.Solution != "" && s.Namespace != "":
		return " @" + s.Solution + "/" + s.Namespace
	case s.Solution != "":
		return " @" + s.Solution
	case s.Namespace != "":
		return " @/" + s.Namespace
	}
	return ""
}

// expect compares a plan with its text, which may be indented.
func expect(t *testing.T, p *plan.Plan, want string) {
	t.Helper()
	if diff := cmp.Diff(unindent(want), strings.Split(render(p), "\n")); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	checkPlan(t, p)
}

func unindent(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if lines == nil {
		lines = []string{""}
	}
	return lines
}

// checkPlan checks what holds for every plan: that its changes are in order, and
// that each has what carrying it out needs.
func checkPlan(t *testing.T, p *plan.Plan) {
	t.Helper()
	if !slices.IsSortedFunc(p.Changes, func(a, b plan.Change) int { return int(a.Stage - b.Stage) }) {
		t.Error("the changes are not in the order of their stages")
	}
	seen := map[plan.Ref]bool{}
	for _, c := range p.Changes {
		key := c.Object
		key.Version = ""
		if seen[key] {
			t.Errorf("%s is changed twice", c.Object.Describe())
		}
		seen[key] = true
		switch c.Action {
		case plan.Create, plan.Update, plan.Replace:
			if c.Manifest == nil || plan.RefOf(c.Manifest) != c.Object || c.Method == "" {
				t.Errorf("%s has no manifest, or one of something else", c.Object.Describe())
			}
			if (c.Live == nil) != (c.Action == plan.Create) {
				t.Errorf("%s: %s, and live is %v", c.Object.Describe(), c.Action, c.Live)
			}
		case plan.Delete:
			if c.Live == nil {
				t.Errorf("%s is deleted, and not known", c.Object.Describe())
			}
		}
	}
}

// live returns the objects of testdata/live/<name>.yaml: as a real API server
// returned them.
func live(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	cached, found := recorded.Load(name)
	if !found {
		cached = readObjects(t, filepath.Join("testdata", "live", name+".yaml"))
		recorded.Store(name, cached)
	}
	var objects []*unstructured.Unstructured
	for _, u := range cached.([]*unstructured.Unstructured) {
		objects = append(objects, u.DeepCopy())
	}
	return objects
}

// recorded are the files that were read: reading them takes time.
var recorded sync.Map

func readObjects(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parseObjects(t, string(data))
}

// parseObjects reads YAML documents.
func parseObjects(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, document := range strings.Split(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(document, "\t", "  ")), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
	return objects
}

// with returns a copy of an object with another value of a field; nil removes it.
func with(u *unstructured.Unstructured, value any, path ...string) *unstructured.Unstructured {
	u = u.DeepCopy()
	if value == nil {
		unstructured.RemoveNestedField(u.Object, path...)
		return u
	}
	if err := unstructured.SetNestedField(u.Object, value, path...); err != nil {
		panic(err)
	}
	return u
}

// labelled returns a copy of an object with a label more; an empty value removes
// it.
func labelled(u *unstructured.Unstructured, key, value string) *unstructured.Unstructured {
	if value == "" {
		return with(u, nil, "metadata", "labels", key)
	}
	return with(u, value, "metadata", "labels", key)
}

// replaced returns the objects with one of the same kind and name exchanged.
func replaced(objects []*unstructured.Unstructured, by *unstructured.Unstructured) []*unstructured.Unstructured {
	objects = slices.Clone(objects)
	for i, u := range objects {
		if u.GetKind() == by.GetKind() && u.GetName() == by.GetName() {
			objects[i] = by
		}
	}
	return objects
}
