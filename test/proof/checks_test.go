// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// checkNothing checks that an attempt has written nothing.
func (s *situation) checkNothing(what string, a attempt) {
	s.t.Helper()
	if len(a.writes) > 0 {
		s.t.Errorf("%s: it wrote:\n%s", what, strings.Join(a.writes, "\n"))
	}
	if a.before != a.after {
		s.t.Errorf("%s: it changed solutions.yaml: %s", what, cmp.Diff(a.before, a.after))
	}
}

// checkSame checks that dry runs have said what was done. The one on the client knows not what the API server refuses, or
// finds to be no change.
func (s *situation) checkSame(onClient, onServer, done attempt) {
	s.t.Helper()
	if diff := cmp.Diff(s.text(onServer.result.Plan), s.text(done.result.Plan)); diff != "" {
		s.t.Errorf("the plan of the dry run on the server, and that of the operation: -want +got:\n%s", diff)
	}
	if text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}; onServer.err != nil && text(onServer.err) != text(done.err) {
		s.t.Errorf("the dry run failed otherwise than the operation: %v, %v", onServer.err, done.err)
	}
	s.checkClient(onClient.result.Plan, onServer.result.Plan)
}

// checkClient compares the plans of both dry runs.
func (s *situation) checkClient(onClient, onServer *plan.Plan) {
	s.t.Helper()
	if onClient == nil || onServer == nil {
		if (onClient == nil) != (onServer == nil) {
			s.t.Errorf("one dry run had no plan: %v, %v", onClient, onServer)
		}
		return
	}
	if len(onClient.Changes) != len(onServer.Changes) {
		s.t.Errorf("dry run on the client with %d changes, and on the server %d", len(onClient.Changes), len(onServer.Changes))
		return
	}
	for i, c := range onClient.Changes {
		other := onServer.Changes[i]
		if c.Object != other.Object || c.Action != other.Action {
			s.t.Errorf("dry run on the client: %s %s; on the server: %s %s; fields %+v", c.Action, c.Object.Describe(), other.Action, other.Object.Describe(), c.Fields)
		}
	}
	for _, r := range onServer.Refusals {
		if !slices.ContainsFunc(onClient.Refusals, func(other plan.Refusal) bool { return cmp.Equal(other, r) }) {
			s.t.Errorf("only the dry run on the server has refused: %+v", r)
		}
	}
}

// text is a plan as users see it.
func (s *situation) text(p *plan.Plan) string {
	s.t.Helper()
	data, err := json.MarshalIndent(p, "", " ")
	s.must(err)
	return string(data)
}

// checkWrites compares what was written with what the plan says.
func (s *situation) checkWrites(o *operation, a attempt) {
	s.t.Helper()
	p := a.result.Plan
	if p == nil || len(p.Refusals) > 0 && !o.partial {
		s.checkNothing("refused", a)
		return
	}
	if a.err != nil && len(p.Refusals) == 0 && !strings.Contains(a.err.Error(), "on the bootstrap node (see above)") {
		s.t.Errorf("what was planned has failed: %v", a.err)
	}
	want := []string{}
	for _, c := range p.WithoutRefused().Changes {
		for _, verb := range verbs(c) {
			want = append(want, strings.TrimSpace(verb+" "+s.resource(c.Object)))
		}
	}
	got := slices.Clone(a.writes)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
		s.t.Errorf("what the plan said, and what was written: -want +got:\n%s", diff)
	}
}

// verbs are those of the requests that a change takes.
func verbs(c plan.Change) []string {
	if !c.Writes() {
		return nil
	}
	var list []string
	if c.Action == plan.Delete || c.Action == plan.Replace {
		list = append(list, "delete")
	}
	if c.Action == plan.Delete {
		return list
	}
	if len(c.Unset) > 0 {
		list = append(list, "patch")
	}
	switch {
	case c.Method != plan.Put:
		return append(list, "patch")
	case c.Live == nil:
		return append(list, "create")
	}
	return append(list, "update")
}

// resource names an object as the audit log does.
func (s *situation) resource(r plan.Ref) string {
	s.t.Helper()
	name := strings.ToLower(r.Kind) + "s"
	mapping, err := s.strangers.Client.RESTMapper().RESTMapping(schema.GroupKind{Group: r.Group, Kind: r.Kind})
	if err == nil {
		name = mapping.Resource.Resource
	} else if r.Kind == "Ingress" {
		name = "ingresses"
	}
	if r.Group != "" {
		name += "." + r.Group
	}
	if r.Namespace != "" {
		return name + " " + r.Namespace + "/" + r.Name
	}
	return name + " " + r.Name
}

// checkAgain checks that the same once more changes nothing.
func (s *situation) checkAgain(o *operation, done attempt) {
	s.t.Helper()
	again := s.try(o, action.DryRunNone)
	again.writes = slices.DeleteFunc(again.writes, func(write string) bool { return isFreed(write, done.result) })
	s.checkNothing("once more", again)
	if again.err != nil && done.err == nil {
		s.t.Errorf("once more: %v", again.err)
	}
}

// isFreed reports whether a write is that of a ClusterRole of a name that two Solutions want: when the one that had it does not
// want it any more, the next operation about the other gives it the name.
func isFreed(write string, before *action.Result) bool {
	_, name, _ := strings.Cut(write, "patch clusterroles.rbac.authorization.k8s.io ")
	return name != "" && slices.ContainsFunc(before.Warnings, func(text string) bool {
		return strings.HasPrefix(text, "ClusterRole "+name+" belongs to Solution ")
	})
}

// snapshot returns the objects of a plan as they are.
func (s *situation) snapshot(p *plan.Plan) map[plan.Ref]*unstructured.Unstructured {
	s.t.Helper()
	objects := map[plan.Ref]*unstructured.Unstructured{}
	if p != nil {
		for _, c := range p.Changes {
			objects[c.Object] = s.get(c.Object)
		}
	}
	return objects
}

// adopt takes objects that are adopted out of those of others.
func (s *situation) adopt(target string) {
	s.foreign = slices.DeleteFunc(s.foreign, func(u *unstructured.Unstructured) bool {
		return strings.ToLower(u.GetKind())+"/"+u.GetName() == target
	})
}

// foreignNow returns the objects of others as they are, but for those that go with their namespace.
func (s *situation) foreignNow(o *operation) []*unstructured.Unstructured {
	s.t.Helper()
	var list []*unstructured.Unstructured
	for _, u := range s.foreign {
		if !slices.Contains(o.deletes, u.GetNamespace()) {
			list = append(list, s.get(plan.RefOf(u)))
		}
	}
	return list
}

// checkForeign checks that objects of others are as they were.
func (s *situation) checkForeign(before []*unstructured.Unstructured) {
	s.t.Helper()
	for _, was := range before {
		if was == nil {
			continue
		}
		is := s.get(plan.RefOf(was))
		if is == nil {
			s.t.Errorf("%s of someone else is gone", plan.RefOf(was).Describe())
			continue
		}
		if diff := cmp.Diff(lasting(was), lasting(is)); diff != "" {
			s.t.Errorf("%s of someone else was changed: -before +after:\n%s", plan.RefOf(was).Describe(), diff)
		}
	}
}

// customResources returns the custom resources that there are, by what the plan calls them.
func (s *situation) customResources() []string {
	s.t.Helper()
	var list []string
	for _, d := range s.definitions() {
		group, _, _ := unstructured.NestedString(d.Object, "spec", "group")
		stored, _, _ := unstructured.NestedStringSlice(d.Object, "status", "storedVersions")
		if !strings.HasPrefix(d.GetName(), "disks.") || len(stored) == 0 {
			continue
		}
		resource := schema.GroupVersionResource{Group: group, Version: stored[len(stored)-1], Resource: "disks"}
		objects, err := s.dynamic.Resource(resource).List(s.t.Context(), metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		s.must(err)
		for i := range objects.Items {
			list = append(list, d.GetName()+" "+objects.Items[i].GetNamespace()+"/"+objects.Items[i].GetName())
		}
	}
	return list
}

// checkDestroyed checks that custom resources are gone only where that was said, and so confirmed.
func (s *situation) checkDestroyed(done attempt, before []string) {
	s.t.Helper()
	after := s.customResources()
	for _, object := range before {
		if slices.Contains(after, object) {
			continue
		}
		_, name, _ := strings.Cut(object, " ")
		namespace, name, _ := strings.Cut(name, "/")
		if !slices.ContainsFunc(done.result.Plan.Destroys, func(line string) bool {
			return strings.Contains(line, strings.TrimPrefix(namespace+"/"+name, "/")) || strings.Contains(line, "namespace "+namespace+" ") && strings.Contains(line, "disk/"+name)
		}) {
			s.t.Errorf("%s is gone, and the plan destroys only %q", object, done.result.Plan.Destroys)
		}
	}
}

// lasting is an object, but for what Kubernetes' own controllers change: what is of a kind that none of them writes is whole.
func lasting(u *unstructured.Unstructured) map[string]any {
	_, aggregates := u.Object["aggregationRule"]
	if kind := u.GetKind(); kind != "Deployment" && kind != "CustomResourceDefinition" && kind != "Service" && !aggregates {
		return u.Object
	}
	u = u.DeepCopy()
	if aggregates {
		delete(u.Object, "rules")
	}
	delete(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(u.Object, "metadata", "resourceVersion")
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	return u.Object
}
