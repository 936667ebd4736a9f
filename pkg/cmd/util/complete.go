// SPDX-License-Identifier: Apache-2.0

package util

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cluster"
)

// completionTimeout bounds how long a shell waits for words.
const completionTimeout = 2 * time.Second

// SolutionNames returns the imported Solutions, for completion: none where
// the cluster does not answer.
func SolutionNames(ctx context.Context, conn *Connection) []string {
	return slices.Sorted(maps.Keys(catalog(ctx, conn).Records))
}

// SolutionVersions returns the imported versions of a Solution, for
// completion, highest first.
func SolutionVersions(ctx context.Context, conn *Connection, name string) []string {
	versions := catalog(ctx, conn).Versions(name)
	slices.Reverse(versions)
	return versions
}

func catalog(ctx context.Context, conn *Connection) *cluster.Catalog {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	cl, err := conn.Cluster()
	if err != nil {
		return &cluster.Catalog{}
	}
	c, err := cl.Catalog(ctx)
	if err != nil {
		return &cluster.Catalog{}
	}
	return c
}

// EnvironmentNames returns the Environments, for completion.
func EnvironmentNames(ctx context.Context, conn *Connection) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	cl, err := conn.Cluster()
	if err != nil {
		return nil
	}
	environments, err := cl.Environments(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range environments {
		names = append(names, e.Name)
	}
	return names
}

// MustCompleteFlag registers the completion of a flag that the command has.
func MustCompleteFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag is not there, or registered twice: a mistake in the code
	}
}
