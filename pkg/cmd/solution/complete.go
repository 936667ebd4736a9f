// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
)

// completeSolutions offers the names of imported Solutions, and files.
func completeSolutions(conn *util.Connection) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return util.SolutionNames(cmd.Context(), conn), cobra.ShellCompDirectiveDefault
	}
}

// completeVersions offers the imported versions of the Solution that is named.
func completeVersions(conn *util.Connection) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return util.SolutionVersions(cmd.Context(), conn, args[0]), cobra.ShellCompDirectiveNoFileComp
	}
}

// sortedNames returns the keys of a map in order.
func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
