// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/archive"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/cli"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/helper/client"
	"github.com/metalk8s/kubectl-solution/pkg/helper/protocol"
)

// importUploads brings archives of this machine to the node, and imports them
// from there. Before the first byte is sent, all are known to be archives, and
// the cluster and the node to answer.
func (o *editOptions) importUploads(ctx context.Context, files []string) error {
	for _, file := range files {
		if err := checkHere(file); err != nil {
			return err
		}
	}
	paths, err := o.upload(ctx, files)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		cli.Warn(o.ErrOut, "what the import would change can be told once the archives are on the bootstrap node")
		return nil
	}
	return o.importArchives(ctx, paths)
}

// checkHere refuses what could not be imported, as far as that can be told
// without reading its blobs.
func checkHere(path string) (err error) {
	a, err := archive.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	_, report := a.Inspect()
	return report.Err(archive.StageImport)
}

// upload returns the paths of the archives on the node; of a dry run, none if
// one is not there.
func (o *editOptions) upload(ctx context.Context, files []string) ([]string, error) {
	s, err := o.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer o.status.Clear()
	if _, err := s.Cluster.Catalog(ctx); err != nil {
		return nil, util.ClusterError(err)
	}
	isDryRun := o.DryRun != action.DryRunNone
	var paths []string
	isComplete := true
	for _, file := range files {
		result, err := uploadOne(ctx, s.Node.Client, file, isDryRun)
		if err != nil {
			return nil, err
		}
		o.status.Clear()
		fmt.Fprintln(o.out(), cli.Printable(fmt.Sprintf("archive %s %s%s", result.Path, result.Action, o.Suffix())))
		isComplete = isComplete && (!isDryRun || result.Action == protocol.Unchanged)
		paths = append(paths, result.Path)
	}
	if !isComplete {
		return nil, nil
	}
	return paths, nil
}

// out is where to tell of uploads: what goes to standard output as data is the
// plan.
func (o *editOptions) out() io.Writer {
	if o.IsData() {
		return o.ErrOut
	}
	return o.Out
}

func uploadOne(ctx context.Context, node *client.Client, path string, dryRun bool) (_ *protocol.UploadResult, err error) {
	a, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return node.Upload(ctx, a.File(), dryRun)
}
