// SPDX-License-Identifier: Apache-2.0

package solution

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/metalk8s/kubectl-solution/pkg/action"
	"github.com/metalk8s/kubectl-solution/pkg/cmd/util"
	"github.com/metalk8s/kubectl-solution/pkg/remote"
)

// editOptions are what the commands have in common that change what is
// imported.
type editOptions struct {
	*util.ChangeFlags
	conn   *util.Connection
	status *util.Status
}

func newEditOptions(streams genericiooptions.IOStreams, conn *util.Connection) *editOptions {
	return &editOptions{ChangeFlags: util.NewChangeFlags(streams), conn: conn}
}

func (o *editOptions) addFlags(cmd *cobra.Command) {
	o.AddFlags(cmd)
	o.AddConfirmFlag(cmd)
	o.AddAdoptFlag(cmd)
	o.AddDefinitionFlags(cmd)
	o.AddWaitTimeoutFlag(cmd)
}

// connect reaches cluster and node.
func (o *editOptions) connect(ctx context.Context) (*action.Solutions, error) {
	if o.status == nil {
		o.status = util.NewStatus(o.ErrOut)
	}
	cl, err := o.conn.Cluster()
	if err != nil {
		return nil, err
	}
	node, err := o.conn.Bootstrap(ctx, cl, o.status)
	if err != nil {
		return nil, err
	}
	return &action.Solutions{Cluster: cl, Node: node, Observer: o.Observer(o.status)}, nil
}

// run does an operation, and prints what came of it.
func (o *editOptions) run(ctx context.Context, do func(*action.Solutions) (*action.Result, error)) error {
	s, err := o.connect(ctx)
	if err != nil {
		return err
	}
	defer o.status.Clear()
	result, err := do(s)
	return o.Finish(o.status, result, err)
}

// archivePaths makes paths absolute where the bootstrap node is this machine;
// elsewhere the user has to say where the file is.
func archivePaths(node *action.Node, paths []string) ([]string, error) {
	var absolute []string
	for _, path := range paths {
		if path == "" {
			return nil, errors.New("invalid archive path: empty")
		}
		if remote.IsLocal(node.Runner) {
			var err error
			if path, err = filepath.Abs(path); err != nil {
				return nil, fmt.Errorf("archive %s: %w", path, err)
			}
		}
		absolute = append(absolute, path)
	}
	return absolute, nil
}
