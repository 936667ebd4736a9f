// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
	"github.com/metalk8s/kubectl-solution/pkg/plan"
	"github.com/metalk8s/kubectl-solution/pkg/printers"
)

var getHelp = templates.LongDesc(`
	List imported Solutions: their versions, which one is active, and the
	Environments that use them.

	This asks the cluster only, not the bootstrap node.`)

var getExamples = templates.Examples(`
	kubectl solution get

	# One Solution, with the path of its archives
	kubectl solution get storage -o wide

	# The ids of all versions, for a script
	kubectl solution get -o jsonpath='{.items[*].metadata.name}'`)

func newGetCommand(streams genericiooptions.IOStreams, conn *util.Connection) *cobra.Command {
	flags := util.NewPrintFlags()
	cmd := &cobra.Command{
		Use:               "get [NAME]",
		Aliases:           []string{"list"},
		Short:             "List imported Solutions and where they are used",
		Long:              getHelp,
		Example:           getExamples,
		Args:              cli.Args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: completeSolutions(conn),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.Validate(); err != nil {
				return err
			}
			versions, err := gatherVersions(cmd.Context(), streams, conn, args)
			if err != nil {
				return err
			}
			return flags.Print(streams.Out, streams.ErrOut, versionTable(versions), versionObjects(versions), false)
		},
	}
	flags.AddFlags(cmd)
	return cmd
}

// importedVersion is a row of get.
type importedVersion struct {
	solution string
	record   v1alpha1.SolutionRecord
	users    []string
	endpoint string
}

func gatherVersions(ctx context.Context, streams genericiooptions.IOStreams, conn *util.Connection, names []string) ([]importedVersion, error) {
	cl, err := conn.Cluster()
	if err != nil {
		return nil, err
	}
	catalog, err := cl.Catalog(ctx)
	if err != nil {
		return nil, util.ClusterError(err)
	}
	if len(names) == 0 {
		names = sortedNames(catalog.Records)
	} else if _, found := catalog.Records[names[0]]; !found {
		return nil, hint.With(fmt.Errorf("solution %q is not imported", names[0]), "kubectl solution get lists what is")
	}
	environments, err := cl.Environments(ctx)
	if err != nil {
		// Who may not see all namespaces may still see what is imported.
		cli.Warn(streams.ErrOut, "where the Solutions are used is not known: %v", err)
	}
	return versionsOf(catalog, environments, names), nil
}

// versionsOf is what get prints: the highest version of each Solution first.
func versionsOf(catalog *cluster.Catalog, environments []cluster.Environment, names []string) []importedVersion {
	users := cluster.Users(environments)
	var versions []importedVersion
	for _, name := range names {
		for _, record := range slices.Backward(catalog.Records[name]) {
			versions = append(versions, importedVersion{
				solution: name, record: record,
				users: users[plan.VersionKey{Name: name, Version: record.Version}], endpoint: catalog.Endpoint,
			})
		}
	}
	return versions
}

func versionTable(versions []importedVersion) printers.Table {
	table := printers.Table{
		Columns: []string{"NAME", "VERSION", "ACTIVE", "ENVIRONMENTS"},
		Wide:    []string{"IMAGES", "DISPLAY NAME", "ARCHIVE"},
		Empty:   "No Solution is imported.",
	}
	for _, v := range versions {
		images := plan.Versions(v.solution, []v1alpha1.SolutionRecord{v.record})[0].Images
		table.Rows = append(table.Rows, []string{
			v.solution, v.record.Version, strconv.FormatBool(v.record.Active), strings.Join(v.users, ","),
			strconv.Itoa(len(images)), v.record.Name, v.record.Archive,
		})
	}
	return table
}

// versionObjects are the rows as data. They are no objects of the API server.
func versionObjects(versions []importedVersion) []*unstructured.Unstructured {
	var objects []*unstructured.Unstructured
	for _, v := range versions {
		users := make([]any, 0, len(v.users))
		for _, user := range v.users {
			users = append(users, user)
		}
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.APIVersion,
			"kind":       "SolutionVersion",
			"metadata":   map[string]any{"name": v1alpha1.ID(v.solution, v.record.Version)},
			"solution":   v.solution,
			"version":    v.record.Version,
			"manifest":   v.record.Manifest,
			"status": map[string]any{
				"displayName":  v.record.Name,
				"active":       v.record.Active,
				"archive":      v.record.Archive,
				"mountpoint":   v.record.Mountpoint,
				"repository":   v1alpha1.Repository(v.endpoint, v1alpha1.ID(v.solution, v.record.Version)),
				"environments": users,
			},
		}})
	}
	return objects
}
