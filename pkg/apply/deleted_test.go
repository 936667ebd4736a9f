// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Whoever applies a definition while someone else deletes it is told at once:
// it would be gone before it is served.
func TestDefinitionThatIsDeleted(t *testing.T) {
	f := newFixture(t)
	definition := f.objects(stagedObjects)[3:4]
	f.cleanUp(definition[0])
	if _, err := f.applier.Apply(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	hold := func(finalizers string) {
		t.Helper()
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`))
		if err := f.client.Patch(t.Context(), definition[0].DeepCopy(), patch); err != nil {
			t.Fatal(err)
		}
	}
	hold(`["example.com/held"]`)
	if err := f.client.Delete(t.Context(), definition[0].DeepCopy()); err != nil {
		t.Fatal(err)
	}
	_, err := f.applier.Apply(t.Context(), definition)
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "someone else deletes it at the same time") {
		t.Errorf("%v", err)
	}
	hold("[]")
}
