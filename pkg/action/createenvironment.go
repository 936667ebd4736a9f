// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
)

// CreateEnvironmentOptions are those of CreateEnvironment.
type CreateEnvironmentOptions struct {
	Options
	Target
	// Description and IngressClass are nil where they stay as they are.
	Description, IngressClass *string
}

// CreateEnvironment creates an Environment, or another namespace of one. A
// namespace that is not this Environment's is refused.
func (e *Environments) CreateEnvironment(ctx context.Context, o CreateEnvironmentOptions) (*Result, error) {
	result := &Result{}
	name, err := namespaceOf(o.Target)
	if err != nil {
		return result, err
	}
	err = retry(e.Observer, func() error {
		n, owner, err := e.Cluster.EnvironmentNamespace(ctx, name)
		if err != nil {
			return err
		}
		if n == nil {
			n = &cluster.EnvironmentNamespace{Solutions: map[string]string{}}
			n.Namespace.Name = name
		} else if err := mayUse(n, owner, o.Environment); err != nil {
			return err
		}
		p, err := o.plan(n)
		if err != nil {
			return err
		}
		return e.carryOut(ctx, p, o.Options, false, result)
	})
	if len(result.Changes) > 0 {
		err = hint.With(err, "run the command again: it goes on where this one ended")
	}
	return result, err
}

func (o *CreateEnvironmentOptions) plan(n *cluster.EnvironmentNamespace) (*plan.Plan, error) {
	if o.Description != nil {
		n.Description = *o.Description
	}
	if o.IngressClass != nil {
		n.IngressClass = *o.IngressClass
	}
	var live *unstructured.Unstructured
	if n.Namespace.UID != "" {
		var err error
		if live, err = cluster.NamespaceObject(&n.Namespace); err != nil {
			return nil, err
		}
	}
	record, err := n.Edited(plan.Scope{})
	if err != nil {
		return nil, err
	}
	return &plan.Plan{Changes: []plan.Change{
		plan.PutNamespace(plan.EnvironmentNamespace(o.Environment, n.Name(), n.Description), live), record,
	}}, nil
}

// mayUse refuses a namespace that is not the Environment's own.
func mayUse(n *cluster.EnvironmentNamespace, owner, environment string) error {
	switch {
	case n.Terminating():
		return hint.With(fmt.Errorf("namespace %s is being deleted", n.Name()), "wait until it is gone: kubectl wait --for=delete namespace/%s", n.Name())
	case owner == environment:
		return nil
	case owner == "":
		return hint.With(fmt.Errorf("namespace %s exists already, and is not taken over", n.Name()), "choose another one: --namespace NAME")
	}
	return hint.With(fmt.Errorf("namespace %s belongs to Environment %s", n.Name(), owner), "choose another one: --namespace NAME")
}
