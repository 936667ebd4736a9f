// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scale_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive/archivetest"
)

const firstSolution = "sol-00"

// solution makes an archive whose roles and definitions have names of their own.
func (w *world) solution(name, version string) string {
	w.b.Helper()
	names := strings.NewReplacer("example-solution.example.com", name+".example.com", "example-operator", name+"-operator")
	return archivetest.Empty(w.b).WithName(name).WithVersion(version).
		WithImage(name+"-operator", version).WithImage(name+"-ui", version).
		WithFile("operator/deploy/role.yaml", names.Replace(archivetest.Role)).
		WithFile("operator/deploy/crds/example_crd.yaml", names.Replace(archivetest.CRD)).
		ISO(w.b)
}

// BenchmarkEnvironments is about a cluster with 1,000 Environments and 20
// Solutions, of which one runs in all of them.
func BenchmarkEnvironments(b *testing.B) {
	w := newWorld(b)
	count := numberOf(envEnvironments, environments)
	var archives []string
	for i := range solutions {
		archives = append(archives, w.solution(fmt.Sprintf("sol-%02d", i), "1.0.0"))
	}
	w.run("kubectl-solution", append([]string{"import"}, archives...)...)
	w.run("kubectl-solution", "activate", firstSolution, "--version", "1.0.0")
	w.run("kubectl-environment", "create", "first")
	w.run("kubectl-environment", "add-solution", "first", "--solution", firstSolution, "--version", "1.0.0", "--wait=false")
	w.multiply(count)
	next := w.solution(firstSolution, "2.0.0")

	b.Run("import with nothing to do", func(b *testing.B) {
		var walls []time.Duration
		var last outcome
		mark := w.mark()
		for range rounds {
			last = w.run("kubectl-solution", "import", archives[0])
			walls = append(walls, last.wall)
		}
		report(b, median(walls).Seconds(), "s(≤2)")
		report(b, float64(w.requests(mark, "kubectl-solution"))/rounds, "requests(≤20)")
		report(b, float64(last.lines), "lines(≤10)")
		report(b, last.rssMiB, "MiB(≤128)")
	})
	b.Run("prepare with nothing to do", func(b *testing.B) { w.prepare(b) })
	b.Run("one first deployment", func(b *testing.B) { w.deploy(b) })
	// Last: the controllers are busy with what it changes for a while.
	b.Run("telling every Operator of a new version", func(b *testing.B) {
		mark := w.mark()
		o := w.run("kubectl-solution", "import", next)
		report(b, o.wall.Seconds(), "s(≤60)")
		report(b, float64(w.requests(mark, "kubectl-solution")), "requests")
		report(b, o.rssMiB, "MiB")
	})
}

// multiply makes more Environments like the first, without waiting for each.
func (w *world) multiply(count int) {
	w.b.Helper()
	c, err := client.New(w.server.Config, client.Options{Scheme: runtime.NewScheme()})
	if err != nil {
		w.b.Fatal(err)
	}
	objects := w.planned("prepare", "first")
	var group errgroup.Group
	group.SetLimit(16)
	for i := 1; i < count; i++ {
		group.Go(func() error { return w.copyTo(c, fmt.Sprintf("env-%04d", i), objects) })
	}
	if err := group.Wait(); err != nil {
		w.b.Fatal(err)
	}
}

func (w *world) copyTo(c client.Client, name string, objects []map[string]any) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": name, "labels": map[string]any{v1alpha1.EnvironmentLabel: name}},
	}}
	record := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{firstSolution: "1.0.0"},
		"metadata": map[string]any{"name": v1alpha1.EnvironmentConfigMap, "namespace": name},
	}}
	for _, o := range []*unstructured.Unstructured{namespace, record} {
		if err := c.Create(w.b.Context(), o); err != nil {
			return err
		}
	}
	for _, object := range objects {
		u := (&unstructured.Unstructured{Object: object}).DeepCopy()
		move(u, name)
		if err := c.Apply(w.b.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(v1alpha1.FieldManager)); err != nil {
			return err
		}
	}
	return nil
}

// move puts an object, and the subjects of a binding, into another namespace.
func move(u *unstructured.Unstructured, namespace string) {
	u.SetNamespace(namespace)
	if subjects, found, _ := unstructured.NestedSlice(u.Object, "subjects"); found {
		for _, s := range subjects {
			s.(map[string]any)["namespace"] = namespace
		}
		u.Object["subjects"] = subjects
	}
}

// prepare compares preparing an Environment that is as it should be with
// applying the same objects.
func (w *world) prepare(b *testing.B) {
	w.run("kubectl-environment", "prepare", "first", "--wait=false")
	file := w.list("prepared.json", w.planned("prepare", "first"))
	var ours, theirs []time.Duration
	for range rounds {
		ours = append(ours, w.run("kubectl-environment", "prepare", "first", "--wait=false").wall)
		theirs = append(theirs, w.run("kubectl", "apply", "--server-side", "--force-conflicts", "-f", file).wall)
	}
	b.ReportMetric(median(ours).Seconds(), "s")
	report(b, median(ours).Seconds()/median(theirs).Seconds(), "×kubectl(≤0.5)")
}

// deploy compares a first deployment with applying the same objects.
func (w *world) deploy(b *testing.B) {
	var ours, theirs []time.Duration
	for i := range rounds {
		name := fmt.Sprintf("new-%d", i)
		w.run("kubectl-environment", "create", name)
		add := []string{"add-solution", name, "--solution", firstSolution, "--version", "1.0.0"}
		objects := w.planned(add...)
		ours = append(ours, w.run("kubectl-environment", append(add, "--wait=false")...).wall)
		w.run("kubectl", "create", "namespace", "like-"+name)
		for _, o := range objects {
			move(&unstructured.Unstructured{Object: o}, "like-"+name)
		}
		theirs = append(theirs, w.run("kubectl", "apply", "--server-side", "-f", w.list(name+".json", objects)).wall)
	}
	b.ReportMetric(median(ours).Seconds(), "s")
	report(b, median(ours).Seconds()/median(theirs).Seconds(), "×kubectl(≤0.7)")
}
