// SPDX-License-Identifier: Apache-2.0

package proof_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/test/inprocess"
)

// operation is one that is proven.
type operation struct {
	words string
	// partial is one that does what is not refused.
	partial bool
	// everything is one that is about all Solutions, also about those that nobody knows any more.
	everything bool
	// requests is how often the helper is asked at most, 0 for no bound.
	requests int
	// deletes are the namespaces that it deletes, with all that is in them.
	deletes []string
	run     func(context.Context, action.Options) (*action.Result, error)
}

// choose makes an operation up.
func (s *situation) choose() *operation {
	makers := []func() *operation{
		s.importing, s.importing, s.activating, s.activating, s.deactivating, s.unimporting, s.syncing, s.syncing,
		s.adding, s.adding, s.upgrading, s.upgrading, s.removing, s.preparing, s.preparing, s.preparing, s.deleting, s.creating,
	}
	for {
		if o := pick(s.rng, makers)(); o != nil {
			return o
		}
	}
}

func (s *situation) versions(imported bool) []*version {
	var list []*version
	for _, sol := range s.solutions {
		for _, v := range sol.versions {
			if v.imported == imported {
				list = append(list, v)
			}
		}
	}
	return list
}

func (s *situation) importing() *operation {
	some := someOf(s.rng, s.versions(false), 1+s.rng.IntN(2))
	if len(some) == 0 {
		return nil
	}
	o := action.ImportOptions{}
	for _, v := range some {
		o.Archives = append(o.Archives, v.archive)
	}
	return &operation{
		words: fmt.Sprintf("import %v", some), requests: 3,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			solutions, _ := s.operations()
			return solutions.Import(ctx, o)
		},
	}
}

func (s *situation) activating() *operation {
	imported := s.versions(true)
	if len(imported) == 0 {
		return nil
	}
	v := pick(s.rng, imported)
	o := action.ActivateOptions{Name: v.solution.name, Version: v.version}
	if chance(s.rng, 20) {
		o.Version = v1alpha1.LatestVersion
	}
	return &operation{
		words: fmt.Sprintf("activate %s %s", o.Name, o.Version),
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			solutions, _ := s.operations()
			return solutions.Activate(ctx, o)
		},
	}
}

func (s *situation) deactivating() *operation {
	sol := pick(s.rng, s.solutions)
	return &operation{
		words: "deactivate " + sol.name,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			solutions, _ := s.operations()
			return solutions.Deactivate(ctx, action.DeactivateOptions{Options: options, Name: sol.name})
		},
	}
}

func (s *situation) unimporting() *operation {
	imported := s.versions(true)
	if len(imported) == 0 {
		return nil
	}
	v := pick(s.rng, imported)
	o := action.UnimportOptions{Name: v.solution.name, Version: v.version}
	if chance(s.rng, 50) {
		o = action.UnimportOptions{Archives: []string{v.archive}}
	}
	return &operation{
		words: "unimport " + v.String(),
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			solutions, _ := s.operations()
			return solutions.Unimport(ctx, o)
		},
	}
}

// syncing follows an edit of solutions.yaml by hand.
func (s *situation) syncing() *operation {
	var archives, active []string
	words := "sync"
	for _, sol := range s.solutions {
		for _, v := range sol.versions {
			isListed := v.imported
			if chance(s.rng, 15) {
				isListed = !isListed
				words += fmt.Sprintf(", with %s listed by hand (%t)", v, isListed)
			}
			if isListed {
				archives = append(archives, v.archive)
			}
		}
		if imported := sol.imported(); len(imported) > 0 && chance(s.rng, 70) {
			active = append(active, sol.name, pick(s.rng, imported).version)
		}
	}
	if chance(s.rng, 70) {
		s.node.Configure(inprocess.Configuration(archives, active...))
		words += fmt.Sprintf(", active %v", active)
	} else {
		words = "sync"
	}
	return &operation{
		words: words, partial: true, everything: true,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			solutions, _ := s.operations()
			return solutions.Sync(ctx, options)
		},
	}
}

// place is a namespace of an Environment.
func (s *situation) place() (*environment, string) {
	e := pick(s.rng, s.environments)
	return e, pick(s.rng, e.namespaces)
}

func (s *situation) adding() *operation {
	imported := s.versions(true)
	if len(imported) == 0 || len(s.environments) == 0 {
		return nil
	}
	e, namespace := s.place()
	return s.add("add", e, namespace, pick(s.rng, imported))
}

func (s *situation) add(verb string, e *environment, namespace string, v *version) *operation {
	o := action.AddSolutionOptions{Target: e.target(namespace), Solution: v.solution.name, Version: v.version}
	words := fmt.Sprintf("%s %s in %s", verb, v, namespace)
	if chance(s.rng, 20) {
		webhook := chance(s.rng, 70)
		o.Webhook = &webhook
		words += fmt.Sprintf(", webhook %t", webhook)
	}
	return &operation{
		words: words,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			_, environments := s.operations()
			return environments.AddSolution(ctx, o)
		},
	}
}

// running returns a Solution that runs somewhere.
func (s *situation) running() (*environment, string, *version) {
	if len(s.environments) == 0 {
		return nil, "", nil
	}
	e, namespace := s.place()
	names := slices.Sorted(maps.Keys(e.runs[namespace]))
	if len(names) == 0 {
		return nil, "", nil
	}
	return e, namespace, e.runs[namespace][pick(s.rng, names)]
}

// upgrading runs another version, higher or lower.
func (s *situation) upgrading() *operation {
	e, namespace, v := s.running()
	if e == nil || len(v.solution.imported()) < 2 {
		return nil
	}
	others := slices.DeleteFunc(v.solution.imported(), func(other *version) bool { return other == v })
	return s.add("instead of "+v.version+" run", e, namespace, pick(s.rng, others))
}

func (s *situation) removing() *operation {
	e, namespace, v := s.running()
	if e == nil {
		return nil
	}
	o := action.DeleteSolutionOptions{Target: e.target(namespace), Solution: v.solution.name}
	return &operation{
		words: fmt.Sprintf("delete Solution %s from %s", v.solution.name, namespace),
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			_, environments := s.operations()
			return environments.DeleteSolution(ctx, o)
		},
	}
}

// preparing follows, sometimes, an edit of the Environment's ConfigMap by hand.
func (s *situation) preparing() *operation {
	if len(s.environments) == 0 {
		return nil
	}
	e, namespace := s.place()
	words := "prepare " + e.name
	if chance(s.rng, 40) {
		cm := &corev1.ConfigMap{}
		key := client.ObjectKey{Namespace: namespace, Name: v1alpha1.EnvironmentConfigMap}
		if err := s.strangers.Client.Get(s.t.Context(), key, cm); err == nil {
			sol := pick(s.rng, s.solutions)
			if cm.Data == nil {
				cm.Data = map[string]string{}
			}
			cm.Data[sol.name] = pick(s.rng, append(sol.versions, &version{version: "9.9.9"})).version
			if chance(s.rng, 30) {
				delete(cm.Data, sol.name)
			}
			s.must(s.strangers.Client.Update(s.t.Context(), cm, client.FieldOwner("kubectl-edit")))
			words += fmt.Sprintf(", where someone has written %v in %s", cm.Data, namespace)
		}
	}
	target := e.target("")
	if chance(s.rng, 40) {
		target = e.target(namespace)
		words += ", namespace " + namespace + " only"
	}
	return &operation{
		words: words, partial: true,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			_, environments := s.operations()
			return environments.Prepare(ctx, action.PrepareOptions{Options: options, Target: target})
		},
	}
}

func (s *situation) deleting() *operation {
	if len(s.environments) == 0 {
		return nil
	}
	e, namespace := s.place()
	o := action.DeleteEnvironmentOptions{Target: e.target(""), WaitOptions: action.WaitOptions{Wait: true, Timeout: time.Minute}}
	deletes := e.namespaces
	if chance(s.rng, 30) {
		o.Target, deletes = e.target(namespace), []string{namespace}
	}
	return &operation{
		words: fmt.Sprintf("delete Environment %s, namespaces %v", e.name, deletes), partial: true, deletes: deletes,
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			_, environments := s.operations()
			return environments.DeleteEnvironment(ctx, o)
		},
	}
}

func (s *situation) creating() *operation {
	if len(s.environments) == 0 {
		return nil
	}
	e, namespace := s.place()
	o := action.CreateEnvironmentOptions{Target: e.target(pick(s.rng, []string{namespace, e.name + "-third"}))}
	for _, field := range []**string{&o.Description, &o.IngressClass} {
		if chance(s.rng, 50) {
			text := pick(s.rng, []string{"one", "two"})
			*field = &text
		}
	}
	return &operation{
		words: fmt.Sprintf("create Environment %s in namespace %s", e.name, o.Target.Namespace),
		run: func(ctx context.Context, options action.Options) (*action.Result, error) {
			o.Options = options
			_, environments := s.operations()
			return environments.CreateEnvironment(ctx, o)
		},
	}
}

func (s *situation) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
