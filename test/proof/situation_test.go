// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/test/apiserver"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

// agent and strangersAgent are the names of the client whose operations are proven, and of all others.
const (
	agent          = "proven"
	strangersAgent = "stranger"
)

// world is what all situations have in common.
type world struct {
	server             *apiserver.Server
	cluster, strangers *action.Cluster
	dynamic            dynamic.Interface // of strangers
}

// situation is a node and a cluster with something in it, made up from a seed.
type situation struct {
	*world
	t     *testing.T
	rng   *rand.Rand
	token string // is in all its names
	node  *inprocess.Node

	solutions    []*solution
	environments []*environment
	// foreign are objects of others, which nothing may change unless it is adopted.
	foreign []*unstructured.Unstructured
	// held are objects with a finalizer that keeps them from being deleted.
	held []*unstructured.Unstructured
	// accepted is what the operation is allowed besides.
	accepted plan.Options
	story    []string
}

// environment is one or two namespaces.
type environment struct {
	name       string
	namespaces []string
	// runs has the versions by namespace and name of the Solution.
	runs map[string]map[string]*version
}

// tell adds a sentence to the story of the situation.
func (s *situation) tell(format string, args ...any) {
	s.story = append(s.story, fmt.Sprintf(format, args...))
}

func (s *situation) operations() (*action.Solutions, *action.Environments) {
	observer := &inprocess.Observer{}
	return &action.Solutions{Cluster: s.cluster, Node: s.node.Action(), Observer: observer},
		&action.Environments{Cluster: s.cluster, Observer: observer}
}

// build makes the starting state, with the operations themselves.
func (s *situation) build() {
	s.t.Helper()
	for i := range 1 + s.rng.IntN(3) {
		s.solutions = append(s.solutions, s.newSolution(string(rune('a'+i))))
	}
	solutions, environments := s.operations()
	var archives, words []string
	for _, sol := range s.solutions {
		for i, v := range sol.versions {
			if v.imported = i == 0 && chance(s.rng, 90) || chance(s.rng, 65); v.imported {
				archives, words = append(archives, v.archive), append(words, v.String())
			}
		}
	}
	if len(archives) > 0 {
		_, err := solutions.Import(s.t.Context(), action.ImportOptions{Archives: archives})
		s.done("import "+strings.Join(words, ", "), err)
	}
	for _, sol := range s.solutions {
		if imported := sol.imported(); len(imported) > 0 && chance(s.rng, 85) {
			v := pick(s.rng, imported)
			_, err := solutions.Activate(s.t.Context(), action.ActivateOptions{Name: sol.name, Version: pick(s.rng, []string{v.version, v.version, v1alpha1.LatestVersion})})
			s.done("activate "+v.String(), err)
		}
	}
	for i := range 1 + s.rng.IntN(2) {
		s.buildEnvironment(environments, fmt.Sprintf("%s-env%d", s.token, i))
	}
}

func (s *situation) buildEnvironment(environments *action.Environments, name string) {
	s.t.Helper()
	e := &environment{name: name, namespaces: []string{name}, runs: map[string]map[string]*version{}}
	if chance(s.rng, 30) {
		e.namespaces = append(e.namespaces, name+"-more")
	}
	s.environments = append(s.environments, e)
	for _, namespace := range e.namespaces {
		e.runs[namespace] = map[string]*version{}
		_, err := environments.CreateEnvironment(s.t.Context(), action.CreateEnvironmentOptions{Target: e.target(namespace)})
		s.done("create namespace "+namespace, err)
		for _, sol := range s.solutions {
			if imported := sol.imported(); len(imported) > 0 && chance(s.rng, 60) {
				v := pick(s.rng, imported)
				_, err := environments.AddSolution(s.t.Context(), action.AddSolutionOptions{Target: e.target(namespace), Solution: sol.name, Version: v.version})
				if s.done(fmt.Sprintf("add %s to %s", v, namespace), err) {
					e.runs[namespace][sol.name] = v
				}
			}
		}
	}
}

// refresh finds out what is imported, and what runs, after an operation.
func (s *situation) refresh() {
	s.t.Helper()
	s.accepted = plan.Options{}
	s.release()
	configuration := s.node.Configuration()
	for _, sol := range s.solutions {
		for _, v := range sol.versions {
			v.imported = strings.Contains(configuration, v.archive)
		}
	}
	list := &corev1.NamespaceList{}
	s.must(s.strangers.Client.List(s.t.Context(), list, client.HasLabels{v1alpha1.EnvironmentLabel}))
	s.environments = nil
	for i := range list.Items {
		if ns := &list.Items[i]; strings.HasPrefix(ns.Name, s.token) && ns.DeletionTimestamp == nil {
			s.refreshNamespace(ns)
		}
	}
}

func (s *situation) refreshNamespace(ns *corev1.Namespace) {
	s.t.Helper()
	name := ns.Labels[v1alpha1.EnvironmentLabel]
	i := slices.IndexFunc(s.environments, func(e *environment) bool { return e.name == name })
	if i < 0 {
		i = len(s.environments)
		s.environments = append(s.environments, &environment{name: name, runs: map[string]map[string]*version{}})
	}
	e := s.environments[i]
	e.namespaces = append(e.namespaces, ns.Name)
	e.runs[ns.Name] = map[string]*version{}
	cm := &corev1.ConfigMap{}
	if err := s.strangers.Client.Get(s.t.Context(), client.ObjectKey{Namespace: ns.Name, Name: v1alpha1.EnvironmentConfigMap}, cm); err != nil {
		return
	}
	for _, sol := range s.solutions {
		for _, v := range sol.versions {
			if cm.Data[sol.name] == v.version {
				e.runs[ns.Name][sol.name] = v
			}
		}
	}
}

// release lets objects go that were held.
func (s *situation) release() {
	for _, u := range s.held {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		s.must(client.IgnoreNotFound(s.strangers.Client.Patch(context.WithoutCancel(s.t.Context()), plan.RefOf(u).Object(), patch)))
	}
	s.held = nil
}

// done tells of a step of building. It may be refused, and then is not done.
func (s *situation) done(what string, err error) bool {
	if err != nil {
		s.tell("%s (refused: %v)", what, err)
		return false
	}
	s.tell("%s", what)
	return true
}

func (e *environment) target(namespace string) action.Target {
	return action.Target{Environment: e.name, Namespace: namespace}
}

func (sol *solution) imported() []*version {
	var list []*version
	for _, v := range sol.versions {
		if v.imported {
			list = append(list, v)
		}
	}
	return list
}

// get returns an object as it is now, nil where there is none.
func (s *situation) get(r plan.Ref) *unstructured.Unstructured {
	s.t.Helper()
	u := r.Object()
	err := s.strangers.Client.Get(s.t.Context(), client.ObjectKeyFromObject(u), u)
	switch {
	case err == nil:
		return u
	case !apierrors.IsNotFound(err):
		s.t.Fatalf("reading %s: %v", r.Describe(), err)
	}
	return nil
}

// cleanUp takes out of the cluster what other situations would see.
func (s *situation) cleanUp() {
	s.release()
	inprocess.CleanUp(s.t, s.strangers.Client, s.token)
}
