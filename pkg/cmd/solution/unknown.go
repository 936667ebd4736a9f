// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"slices"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cluster"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// checkUnknown checks, blob by blob, the archives that the node lists, the
// cluster does not know, and the command does not name: they were listed by
// hand, and any command would have the cluster take them. One that is damaged
// is refused before anything is changed.
func (r *reconciler) checkUnknown(ctx context.Context, catalog *cluster.Catalog, tried *protocol.ChangeResult) error {
	paths := unknownArchives(catalog, tried)
	if len(paths) == 0 {
		return nil
	}
	result, err := r.node.Check(ctx, protocol.CheckRequest{Archives: paths})
	if err != nil {
		return err
	}
	var failed []error
	for _, a := range result.Archives {
		failed = append(failed, a.Report.Err(archive.StageImport))
	}
	return hint.With(errors.Join(failed...), "it was listed by hand: replace the file, or take its line out of %s", tried.State.ConfigurationPath)
}

func unknownArchives(catalog *cluster.Catalog, tried *protocol.ChangeResult) []string {
	var paths []string
	for _, a := range tried.State.Archives {
		if a.Content == nil {
			continue
		}
		_, recorded := catalog.Record(a.Content.Name, a.Content.Version)
		named := slices.ContainsFunc(tried.Items, func(i protocol.ChangeItem) bool {
			return i.Subject == a.Path || i.Action == protocol.Imported && i.ID == v1alpha1.ID(a.Content.Name, a.Content.Version)
		})
		if !recorded && !named {
			paths = append(paths, a.Path)
		}
	}
	return paths
}
