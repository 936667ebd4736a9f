// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/verified"
)

// maxText is how much of a file is looked at as text, in bytes.
const maxText = 64 << 10

// nodeFiles lists the files of a bootstrap node with what is in them, sorted.
// The file that a lock is on stays, and says nothing. Where note is not nil, it
// tells what is in notes of archives.
func nodeFiles(root string, note func([]byte) string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "/solutions.yaml.lock") {
			return err
		}
		text, err := os.ReadFile(path)
		switch {
		case note != nil && filepath.Base(filepath.Dir(path)) == "verified":
			text = []byte(note(text))
		case len(text) > maxText:
			text = fmt.Appendf(nil, "%d bytes, sha256 %x", len(text), sha256.Sum256(text))
		}
		files = append(files, fmt.Sprintf("file %s %q", strings.TrimPrefix(path, root), text))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, err
}

// objects returns everything in the cluster that is a Solution's, an
// Environment's or a script's, in a fixed order.
func (c *testCluster) objects() ([]*unstructured.Unstructured, error) {
	ours := map[string]bool{}
	var all []*unstructured.Unstructured
	for _, resource := range slices.Concat([]schema.GroupVersionResource{namespacesResource, clusterRolesResource, definitionsResource}, namespacedResources) {
		list, err := c.client.Resource(resource).List(c.ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			o := &list.Items[i]
			switch {
			case resource == namespacesResource && isOurs(o):
				ours[o.GetName()] = true
			case resource == namespacesResource, isOfEveryNamespace(o), !ours[o.GetNamespace()] && o.GetNamespace() != "",
				resource == clusterRolesResource && o.GetLabels()[v1alpha1.ManagedByLabel] == "":
				continue
			}
			all = append(all, o)
		}
	}
	custom, err := c.customResources(all)
	all = append(all, custom...)
	slices.SortStableFunc(all, func(a, b *unstructured.Unstructured) int { return strings.Compare(title(a), title(b)) })
	return all, err
}

// isOfEveryNamespace says that a controller makes o in each namespace.
func isOfEveryNamespace(o *unstructured.Unstructured) bool {
	return o.GetKind() == "ConfigMap" && o.GetName() == "kube-root-ca.crt" || o.GetKind() == "ServiceAccount" && o.GetName() == "default"
}

// customResources returns the objects of the kinds that objects define.
func (c *testCluster) customResources(objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetKind() != "CustomResourceDefinition" {
			continue
		}
		resource := schema.GroupVersionResource{}
		resource.Group, _, _ = unstructured.NestedString(o.Object, "spec", "group")
		resource.Resource, _, _ = unstructured.NestedString(o.Object, "spec", "names", "plural")
		stored, _, _ := unstructured.NestedStringSlice(o.Object, "status", "storedVersions")
		if len(stored) == 0 {
			continue
		}
		resource.Version = stored[0]
		list, err := c.client.Resource(resource).List(c.ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
	}
	return all, nil
}

func title(o *unstructured.Unstructured) string {
	return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
}

// fingerprint tells an object in one line that differs once somebody has
// written to it. Of objects to which controllers write it tells all but that.
func fingerprint(o *unstructured.Unstructured) string {
	line := fmt.Sprintf("%s uid %s", title(o), o.GetUID())
	o = o.DeepCopy()
	if o.GetKind() == "Deployment" || o.GetKind() == "CustomResourceDefinition" {
		o.SetResourceVersion("")
		o.SetManagedFields(slices.DeleteFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
			return f.Manager != v1alpha1.FieldManager
		}))
		delete(o.Object, "status")
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
		if len(o.GetAnnotations()) == 0 {
			o.SetAnnotations(nil)
		}
	}
	data, err := json.Marshal(o.Object)
	if err != nil {
		return line + err.Error()
	}
	return fmt.Sprintf("%s version %s generation %d hash %.16x", line, o.GetResourceVersion(), o.GetGeneration(), sha256.Sum256(data))
}

// noteText tells of which archive a note is (package verified), and whether that
// is in the state that was noted: the times of a file differ each time.
func noteText(note []byte) string {
	var n struct {
		Archive string         `json:"archive"`
		State   verified.State `json:"state"`
	}
	if err := json.Unmarshal(note, &n); err != nil {
		return err.Error()
	}
	file, err := os.Open(n.Archive)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	now, err := verified.StateOf(file)
	return fmt.Sprintf("%s was checked as it is now: %t, %v", n.Archive, now == n.State, err)
}

// state tells what is on a node and in the cluster, without what differs between
// two ways to the same.
func (c *testCluster) state(node string) (string, error) {
	files, err := nodeFiles(node, noteText)
	if err != nil {
		return "", err
	}
	objects, err := c.meanings()
	return strings.Join(append(files, objects...), "\n"), err
}

// meanings tells what is in the cluster, an object a line.
func (c *testCluster) meanings() ([]string, error) {
	objects, err := c.objects()
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, o := range objects {
		data, err := json.Marshal(meaning(o))
		if err != nil {
			return nil, err
		}
		lines = append(lines, title(o)+" "+string(data))
	}
	return lines, nil
}

func difference(want, got string) string {
	return gocmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n"))
}

// meaning returns an object without what differs from one run to the next that
// come to the same.
func meaning(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	if len(o.GetAnnotations()) == 0 {
		o.SetAnnotations(nil)
	}
	delete(o.Object, "status")
	if o.GetKind() == "Service" {
		unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
	}
	return o.Object
}
