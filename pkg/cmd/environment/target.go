// SPDX-License-Identifier: Apache-2.0

package environment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// errNotThere is in the error about an Environment or namespace that there is
// not: for who wants to delete it, it is none.
var errNotThere = errors.New("does not exist")

// namespaces returns the namespaces of an Environment, or the one of them that
// is named: reading that one takes no rights beyond it.
func namespaces(ctx context.Context, cl *util.Cluster, environment, namespace string) ([]cluster.EnvironmentNamespace, error) {
	if namespace == "" {
		e, err := cl.Environment(ctx, environment)
		if err != nil {
			return nil, util.ClusterError(err)
		}
		if len(e.Namespaces) == 0 {
			return nil, unknown(environment)
		}
		return e.Namespaces, nil
	}
	n, owner, err := cl.EnvironmentNamespace(ctx, namespace)
	if err != nil {
		return nil, util.ClusterError(err)
	}
	switch {
	case n == nil:
		return nil, hint.With(fmt.Errorf("namespace %s %w", namespace, errNotThere), "kubectl environment get lists the namespaces of Environments")
	case owner == "":
		return nil, hint.With(fmt.Errorf("namespace %s is no namespace of Environment %s, nor of any other", namespace, environment),
			"kubectl environment get lists the namespaces of Environments")
	case owner != environment:
		return nil, hint.With(fmt.Errorf("namespace %s is one of Environment %s, not of %s", namespace, owner, environment),
			"kubectl environment get lists the namespaces of Environments")
	}
	return []cluster.EnvironmentNamespace{*n}, nil
}

func unknown(environment string) error {
	return hint.With(fmt.Errorf("environment %q %w", environment, errNotThere),
		"kubectl environment get lists those that do; kubectl environment create %s makes it", environment)
}

// open connects to the cluster, and finds the namespaces of an Environment that
// a command is about.
func open(ctx context.Context, conn *util.Connection, status *util.Status, environment string) (*deployer, []cluster.EnvironmentNamespace, error) {
	cl, err := conn.Cluster()
	if err != nil {
		return nil, nil, err
	}
	list, err := namespaces(ctx, cl, environment, conn.Namespace())
	if err != nil {
		return nil, nil, err
	}
	d, err := newDeployer(ctx, cl, status, environment)
	return d, list, err
}

// choose returns the namespace of an Environment that a command is about: the
// only one, or the one that bears its name.
func choose(environment string, list []cluster.EnvironmentNamespace) (*cluster.EnvironmentNamespace, error) {
	chosen := &list[0]
	if len(list) > 1 {
		e := cluster.Environment{Name: environment, Namespaces: list}
		n, found := e.Find(environment)
		if !found {
			var names []string
			for _, n := range list {
				names = append(names, n.Name())
			}
			return nil, hint.With(fmt.Errorf("environment %s has %d namespaces, and none of them has its name", environment, len(list)),
				"say which: --namespace %s", strings.Join(names, " or --namespace "))
		}
		chosen = &n
	}
	if chosen.Terminating() {
		return nil, hint.With(fmt.Errorf("namespace %s of Environment %s is being deleted", chosen.Name(), environment),
			"wait until it is gone: kubectl wait --for=delete namespace/%s", chosen.Name())
	}
	return chosen, nil
}
