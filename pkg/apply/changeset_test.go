// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/metalk8s/kubectl-solution/pkg/apply"
)

func TestAfter(t *testing.T) {
	earlier := apply.ChangeSet{
		{Object: "configmap/replaced", Namespace: "a", Action: apply.Deleted},
		{Object: "configmap/replaced", Namespace: "a", Action: apply.Created},
		{Object: "configmap/same", Namespace: "a", Action: apply.Unchanged},
		{Object: "configmap/gone", Namespace: "a", Action: apply.Deleted},
		{Object: "configmap/left", Namespace: "a", Action: apply.Unchanged},
	}
	later := apply.ChangeSet{
		{Object: "configmap/replaced", Namespace: "a", Action: apply.Unchanged},
		{Object: "configmap/replaced", Namespace: "b", Action: apply.Unchanged},
		{Object: "configmap/same", Namespace: "a", Action: apply.Configured},
	}
	want := apply.ChangeSet{
		{Object: "configmap/gone", Namespace: "a", Action: apply.Deleted},
		{Object: "configmap/replaced", Namespace: "a", Action: apply.Created},
		{Object: "configmap/replaced", Namespace: "b", Action: apply.Unchanged},
		{Object: "configmap/same", Namespace: "a", Action: apply.Configured},
	}
	if diff := cmp.Diff(want, later.After(earlier)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(later, later.After(nil)); diff != "" {
		t.Errorf("after nothing, -want +got:\n%s", diff)
	}
}
