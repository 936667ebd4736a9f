// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// Environments does what changes Environments, with the rights of its user: one
// namespace of theirs is enough for most of it.
type Environments struct {
	Cluster  *Cluster
	Observer Observer
}

// Target is an Environment, or one namespace of it.
type Target struct {
	Environment string
	// Namespace is "" for all of them, or for the one that the operation chooses.
	Namespace string
}

// WaitOptions say whether to wait until what was deployed is ready, or what was
// deleted is gone, and for how long.
type WaitOptions struct {
	Wait    bool
	Timeout time.Duration
}

// ErrNotFound marks a missing Environment or namespace. Delete operations treat
// it as success.
var ErrNotFound = errors.New("not found")

const listHint = "kubectl environment get lists the namespaces of Environments"

// Namespaces returns the namespaces of an Environment, or the one of them that
// is named: reading that one takes no rights beyond it.
func (e *Environments) Namespaces(ctx context.Context, t Target) ([]cluster.EnvironmentNamespace, error) {
	if t.Namespace == "" {
		found, err := e.Cluster.Environment(ctx, t.Environment)
		if err != nil {
			return nil, err
		}
		if len(found.Namespaces) == 0 {
			return nil, hint.With(fmt.Errorf("environment %q %w", t.Environment, ErrNotFound),
				"kubectl environment get lists those that exist; kubectl environment create %s makes it", t.Environment)
		}
		return found.Namespaces, nil
	}
	n, owner, err := e.Cluster.EnvironmentNamespace(ctx, t.Namespace)
	if err != nil {
		return nil, err
	}
	switch {
	case n == nil:
		return nil, hint.With(fmt.Errorf("namespace %q %w", t.Namespace, ErrNotFound), listHint)
	case owner == "":
		return nil, hint.With(fmt.Errorf("namespace %s does not belong to Environment %s, nor to any other", t.Namespace, t.Environment), listHint)
	case owner != t.Environment:
		return nil, hint.With(fmt.Errorf("namespace %s belongs to Environment %s, not to %s", t.Namespace, owner, t.Environment), listHint)
	}
	return []cluster.EnvironmentNamespace{*n}, nil
}

// one returns the namespace of an Environment that an operation is about: the
// only one that is not being deleted, or the one that bears its name.
func (e *Environments) one(ctx context.Context, t Target) (*cluster.EnvironmentNamespace, error) {
	list, err := e.Namespaces(ctx, t)
	if err != nil {
		return nil, err
	}
	alive := slices.DeleteFunc(slices.Clone(list), cluster.EnvironmentNamespace.Terminating)
	if len(alive) == 0 {
		return nil, hint.With(fmt.Errorf("namespace %s of Environment %s is being deleted", list[0].Name(), t.Environment),
			"wait until it is gone: kubectl wait --for=delete namespace/%s", list[0].Name())
	}
	if len(alive) == 1 {
		return &alive[0], nil
	}
	var names []string
	for i := range alive {
		if alive[i].Name() == t.Environment {
			return &alive[i], nil
		}
		names = append(names, alive[i].Name())
	}
	return nil, hint.With(fmt.Errorf("environment %s has %d namespaces, and none of them has its name", t.Environment, len(alive)),
		"say which: --namespace %s", strings.Join(names, " or --namespace "))
}

// namespaceOf checks the names of an Environment and of its namespace.
func namespaceOf(t Target) (string, error) {
	if problems := validation.IsValidLabelValue(t.Environment); t.Environment == "" || len(problems) > 0 {
		return "", hint.With(fmt.Errorf("invalid Environment name %q: it becomes the value of a label", t.Environment),
			"use letters, digits and any of - _ . between them, at most 63")
	}
	namespace := t.Namespace
	if namespace == "" {
		namespace = t.Environment
	}
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return "", hint.With(fmt.Errorf("invalid namespace name %q: %s", namespace, problems[0]), "give one: --namespace NAME")
	}
	return namespace, nil
}
